//! The counting semaphore (Dijkstra, EWD 35, 1962; the queue as in EWD 123, 1965).
//!
//! P takes units or waits, V returns them. A strong semaphore serves waiters in the order of their
//! requests and hands units over: a thread that comes later cannot overtake. A weak one lets
//! whoever comes when enough units are free take them.

use std::fmt;

use super::QueuedSemaphore;
use super::queued_semaphore::textbook_value;
use crate::sync::{Backend, Composite, Kind, Label, Name, SemaphoreOrder, SwaitOrder, UnitsApi};

/// A counting semaphore: of the machine where it has such a thing, else a [`QueuedSemaphore`].
///
/// The reported [value](Self::value) is the textbook's: the free units, or minus the number of
/// waiters.
///
/// Waiting in P blocks the thread. Everything before a V happens before everything after the P
/// that takes its unit.
///
/// ```
/// use crosscheck::primitives::Semaphore;
/// use crosscheck::sync::Os;
///
/// let seats = Semaphore::<Os>::new("seats", 2);
/// let seat = seats.acquire();
/// assert_eq!(seats.value(), 1);
/// drop(seat);
/// assert_eq!(seats.value(), 2);
/// ```
pub struct Semaphore<B: Backend> {
    build: Build<B>,
}

enum Build<B: Backend> {
    /// No more than these two: on the os backend nothing of this variant may take space.
    Native {
        label: Label<B>,
        units: B::Units,
    },
    Queued(QueuedSemaphore<B>),
}

impl<B: Backend> Semaphore<B> {
    /// A semaphore with `units` free units, in the order of service that the backend's semantics
    /// name; strong on the os backend.
    #[track_caller]
    pub fn new(name: impl Into<Name>, units: usize) -> Self {
        Self::with_order(name, units, B::semantics().semaphore)
    }

    /// A semaphore with `units` free units in a given order of service.
    #[track_caller]
    pub fn with_order(name: impl Into<Name>, units: usize, order: SemaphoreOrder) -> Self {
        let name = name.into();
        let service = match order {
            SemaphoreOrder::Strong => SwaitOrder::Strict,
            SemaphoreOrder::Weak => SwaitOrder::Weak,
        };
        let native = match u32::try_from(units) {
            Ok(units) => B::Units::new(Kind::Semaphore, name, &[units], service),
            // More than a machine counts.
            Err(_) => None,
        };
        let build = match native {
            Some(units) => Build::Native {
                label: Label::new(Kind::Semaphore, name),
                units,
            },
            None => Build::Queued(QueuedSemaphore::with_order(name, units, order)),
        };
        Self { build }
    }

    /// P: takes one unit, or waits for it. Blocks.
    #[track_caller]
    pub fn p(&self) {
        self.p_many(1);
    }

    /// P(n): takes `units` units at once, or waits until it gets them all. Blocks.
    ///
    /// In a strong semaphore a large request at the head holds back smaller ones behind it, though
    /// units may be free. Waits for ever when more units are asked for than ever exist.
    #[track_caller]
    pub fn p_many(&self, units: usize) {
        match &self.build {
            Build::Native { label, units: free } => {
                let step = Composite::Acquire(units);
                label.begin(step);
                // Of nothing there is always enough: no step.
                if units > 0 {
                    free.take(asked(units), false);
                }
                label.end(step, true);
            }
            Build::Queued(semaphore) => semaphore.p_many(units),
        }
    }

    /// P without waiting: takes one unit if it is free and nobody is before us.
    #[must_use = "the unit has to be returned if it was taken"]
    #[track_caller]
    pub fn try_p(&self) -> bool {
        self.try_p_many(1)
    }

    /// P(n) without waiting.
    #[must_use = "the units have to be returned if they were taken"]
    #[track_caller]
    pub fn try_p_many(&self, units: usize) -> bool {
        match &self.build {
            Build::Native { label, units: free } => {
                let step = Composite::TryAcquire(units);
                label.begin(step);
                let taken = units == 0 || free.try_take(asked(units));
                label.end(step, taken);
                taken
            }
            Build::Queued(semaphore) => semaphore.try_p_many(units),
        }
    }

    /// V: returns one unit, or hands it to the longest waiter. Never blocks for long.
    ///
    /// # Panics
    /// When the number of free units would exceed `usize::MAX`, or what the machine counts.
    #[track_caller]
    pub fn v(&self) {
        self.v_many(1);
    }

    /// V(n): returns `units` units at once.
    ///
    /// # Panics
    /// When the number of free units would exceed `usize::MAX`, or what the machine counts.
    #[track_caller]
    pub fn v_many(&self, units: usize) {
        match &self.build {
            Build::Native { label, units: free } => {
                let step = Composite::Release(units);
                label.begin(step);
                if units > 0 {
                    let units = u32::try_from(units)
                        .expect("a semaphore of the machine holds at most u32::MAX units");
                    free.give(units, false);
                }
                label.end(step, true);
            }
            Build::Queued(semaphore) => semaphore.v_many(units),
        }
    }

    /// P as a guard: the unit is returned when the permit is dropped. Blocks.
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_, B> {
        self.acquire_many(1)
    }

    /// P(n) as a guard. Blocks.
    #[track_caller]
    pub fn acquire_many(&self, units: usize) -> Permit<'_, B> {
        self.p_many(units);
        Permit {
            semaphore: self,
            units,
        }
    }

    /// P without waiting, as a guard.
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_, B>> {
        // Not `then_some`: a permit that is made and dropped would return a unit nobody took.
        self.try_p().then(|| Permit {
            semaphore: self,
            units: 1,
        })
    }

    /// The textbook's value: the free units if nobody waits, else minus the number of waiters.
    #[track_caller]
    pub fn value(&self) -> isize {
        textbook_value(self.free_and_waiting())
    }

    /// Free units and waiting requests at one moment; both can be positive when the head of the
    /// queue wants more than is free.
    #[track_caller]
    pub fn free_and_waiting(&self) -> (usize, usize) {
        match &self.build {
            Build::Native { units, .. } => {
                let (free, waiting) = units.look();
                (free[0] as usize, waiting)
            }
            Build::Queued(semaphore) => semaphore.free_and_waiting(),
        }
    }
}

/// A number of units to take; one that is larger than all that there can ever be stays so.
fn asked(units: usize) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}

impl<B: Backend> fmt::Debug for Semaphore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.build {
            Build::Native { .. } => f.debug_struct("Semaphore").finish_non_exhaustive(),
            Build::Queued(semaphore) => semaphore.fmt(f),
        }
    }
}

/// Units of a [`Semaphore`], returned on drop.
#[must_use = "the units are returned at once if the permit is not kept"]
pub struct Permit<'a, B: Backend> {
    semaphore: &'a Semaphore<B>,
    units: usize,
}

impl<B: Backend> Permit<'_, B> {
    /// How many units it stands for.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Keeps the units for ever, as a V elsewhere is going to return them.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl<B: Backend> Drop for Permit<'_, B> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.semaphore.v_many(self.units);
        }
    }
}

impl<B: Backend> fmt::Debug for Permit<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("units", &self.units)
            .finish_non_exhaustive()
    }
}
