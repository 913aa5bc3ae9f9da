//! The counting semaphore built of a mutex and condition variables (the queue as in EWD 123, 1965).
//!
//! A strong one serves waiters in the order of their requests and hands units over: a thread that
//! comes later cannot overtake. A weak one lets whoever comes when enough units are free take them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::sync::{
    Backend, Composite, Condvar, Kind, Label, Mutex, MutexGuard, Name, SemaphoreOrder,
};

/// A counting semaphore on a mutex and condition variables, on every backend.
///
/// What a [`Semaphore`](super::Semaphore) is where the machine has none of its own, without the
/// guards. To be used itself where the algorithm is what is to be checked.
///
/// A waiter has a condition variable of its own, so a V wakes exactly whom it serves.
///
/// ```
/// use crosscheck::primitives::QueuedSemaphore;
/// use crosscheck::sync::Os;
///
/// let seats = QueuedSemaphore::<Os>::new("seats", 2);
/// seats.p();
/// assert_eq!(seats.value(), 1);
/// seats.v();
/// assert_eq!(seats.value(), 2);
/// ```
pub struct QueuedSemaphore<B: Backend> {
    name: Name,
    order: SemaphoreOrder,
    label: Label<B>,
    state: Mutex<B, State<B>>,
    /// Where waiters of a weak semaphore wait.
    changed: Condvar<B>,
}

struct State<B: Backend> {
    free: usize,
    /// Threads inside a weak P that found too few units.
    weak_waiters: usize,
    /// Requests of a strong semaphore that have not been granted, oldest first. A V removes the
    /// requests that it grants.
    queue: VecDeque<Request<B>>,
    next_ticket: u64,
}

struct Request<B: Backend> {
    ticket: u64,
    units: usize,
    granted: Arc<Condvar<B>>,
}

impl<B: Backend> QueuedSemaphore<B> {
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
        Self {
            name,
            order,
            label: Label::new(Kind::Semaphore, name),
            state: Mutex::new(
                name,
                State {
                    free: units,
                    weak_waiters: 0,
                    queue: VecDeque::new(),
                    next_ticket: 0,
                },
            ),
            changed: Condvar::new(name),
        }
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
        let step = Composite::Acquire(units);
        self.label.begin(step);
        let state = self.state.lock();
        match self.order {
            SemaphoreOrder::Strong => self.wait_in_queue(state, units),
            SemaphoreOrder::Weak => self.wait_for_chance(state, units),
        }
        self.label.end(step, true);
    }

    fn wait_in_queue(&self, mut state: MutexGuard<'_, B, State<B>>, units: usize) {
        if state.queue.is_empty() && state.free >= units {
            state.free -= units;
            return;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let granted = Arc::new(Condvar::new(self.name));
        state.queue.push_back(Request {
            ticket,
            units,
            granted: Arc::clone(&granted),
        });
        // A wake-up without a grant leaves the request in the queue.
        let ungranted = |state: &mut State<B>| state.queue.iter().any(|r| r.ticket == ticket);
        let state = granted.wait_while(state, ungranted);
        drop(state);
    }

    fn wait_for_chance(&self, mut state: MutexGuard<'_, B, State<B>>, units: usize) {
        while state.free < units {
            state.weak_waiters += 1;
            state = self.changed.wait(state);
            state.weak_waiters -= 1;
        }
        state.free -= units;
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
        let step = Composite::TryAcquire(units);
        self.label.begin(step);
        let mut state = self.state.lock();
        let taken = state.queue.is_empty() && state.free >= units;
        if taken {
            state.free -= units;
        }
        drop(state);
        self.label.end(step, taken);
        taken
    }

    /// V: returns one unit, or hands it to the longest waiter. Never blocks for long.
    ///
    /// # Panics
    /// When the number of free units would exceed `usize::MAX`.
    #[track_caller]
    pub fn v(&self) {
        self.v_many(1);
    }

    /// V(n): returns `units` units at once.
    ///
    /// # Panics
    /// When the number of free units would exceed `usize::MAX`.
    #[track_caller]
    pub fn v_many(&self, units: usize) {
        let step = Composite::Release(units);
        self.label.begin(step);
        let mut state = self.state.lock();
        state.free = state
            .free
            .checked_add(units)
            .expect("a semaphore holds at most usize::MAX units; one V is not matched by a P");
        match self.order {
            SemaphoreOrder::Strong => {
                while let Some(head) = state.queue.front()
                    && head.units <= state.free
                {
                    let head = state.queue.pop_front().expect("the head was just seen");
                    state.free -= head.units;
                    head.granted.notify_one();
                }
            }
            // All of them: a waiter for one unit and a waiter for two cannot be told apart here.
            SemaphoreOrder::Weak => {
                if state.weak_waiters > 0 {
                    self.changed.notify_all();
                }
            }
        }
        drop(state);
        self.label.end(step, true);
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
        let state = self.state.lock();
        (state.free, state.queue.len() + state.weak_waiters)
    }
}

impl<B: Backend> fmt::Debug for QueuedSemaphore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedSemaphore")
            .field("name", &self.name)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// The free units if nobody waits, else minus the number of waiters.
pub(super) fn textbook_value((free, waiting): (usize, usize)) -> isize {
    let magnitude = if waiting == 0 { free } else { waiting };
    let magnitude = isize::try_from(magnitude).unwrap_or(isize::MAX);
    if waiting == 0 { magnitude } else { -magnitude }
}
