//! Plain memory and atomics, announced.

use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::decorator::{Announcing, guarded, here, or_abandon};
use super::host::Host;
use super::state::AtomicStep;
use super::trace::{ObjectKind, Operation};
use crate::sync::backend::{Atomic, AtomicInt, CellApi};
use crate::sync::{Name, Property};

/// Announced plain memory.
pub struct AnnouncedCell<H: Host, T: Send> {
    object: usize,
    name: Name,
    inner: H::Cell<T>,
    /// Held during an access where threads really run at once and races are not looked for: a
    /// race that is let pass must still not be one of the machine.
    alone: Mutex<()>,
}

impl<H: Host, T: Send> AnnouncedCell<H, T> {
    #[track_caller]
    fn access<R>(&self, write: bool, access: impl FnOnce(&std::cell::Cell<bool>) -> R) -> R {
        let (session, me) = here::<H>();
        let operation = if write {
            Operation::Write
        } else {
            Operation::Read
        };
        let place = Announcing::<H>::announce(&session, me, operation, Some(self.object));
        let wanted = session
            .settings()
            .targets
            .contains(&Property::DataRaceFreedom);
        if !wanted {
            H::before_access();
        }
        let alone = H::PREEMPTIVE && !wanted;
        let _alone = alone.then(|| self.alone.lock().unwrap_or_else(PoisonError::into_inner));
        or_abandon::<H, _>(session.access(me, self.object, write, wanted, place));
        let before = session.steps_of(me);
        let failed = || {
            let message = format!(
                "an access to {} at {place} is not ordered after another thread's",
                self.name
            );
            session.fail_by_host(
                me,
                Property::DataRaceFreedom,
                message,
                Some(place.to_string()),
            );
        };
        let result = guarded(failed, access);
        if session.steps_of(me) != before {
            // Others came to their steps meanwhile: it ends with an access as it began.
            let place = Announcing::<H>::announce(&session, me, operation, Some(self.object));
            or_abandon::<H, _>(session.access(me, self.object, write, wanted, place));
        }
        result
    }
}

impl<H: Host, T: Send> CellApi<T> for AnnouncedCell<H, T> {
    fn new(name: Name, value: T) -> Self {
        let (session, me) = here::<H>();
        let object = session.object(me, ObjectKind::Cell, name);
        Self {
            object,
            name,
            inner: H::Cell::new(name, value),
            alone: Mutex::new(()),
        }
    }

    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        self.access(false, |entered| {
            self.inner.with(|value| {
                entered.set(true);
                read(value)
            })
        })
    }

    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        self.access(true, |entered| {
            self.inner.with_mut(|value| {
                entered.set(true);
                write(value)
            })
        })
    }
}

/// An announced atomic.
pub struct Announced<H, A> {
    object: usize,
    inner: A,
    host: PhantomData<fn() -> H>,
}

/// A value that fits the session's 64-bit record.
trait Recorded: Copy {
    fn record(self) -> u64;
}

impl Recorded for usize {
    fn record(self) -> u64 {
        self as u64
    }
}

impl Recorded for isize {
    fn record(self) -> u64 {
        (self as i64).cast_unsigned()
    }
}

impl Recorded for bool {
    fn record(self) -> u64 {
        u64::from(self)
    }
}

impl<H: Host, A> Announced<H, A> {
    #[track_caller]
    fn step<R>(&self, operation: Operation, access: impl FnOnce() -> (R, AtomicStep)) -> R {
        let (session, me) = here::<H>();
        let place = Announcing::<H>::announce(&session, me, operation, Some(self.object));
        or_abandon::<H, _>(session.atomic(me, self.object, place, H::PREEMPTIVE, access))
    }
}

impl<H: Host, V: Recorded, A: Atomic<V>> Atomic<V> for Announced<H, A> {
    type Backend = Announcing<H>;

    fn new(name: Name, value: V) -> Self {
        let (session, me) = here::<H>();
        let object = session.object(me, ObjectKind::Atomic, name);
        session.initial(object, value.record());
        Self {
            object,
            inner: A::new(name, value),
            host: PhantomData,
        }
    }

    fn load(&self, order: Ordering) -> V {
        self.step(Operation::Load, || {
            let value = self.inner.load(order);
            let read = Some(value.record());
            (
                value,
                AtomicStep {
                    operation: Operation::Load,
                    order,
                    read,
                    written: None,
                },
            )
        })
    }

    fn store(&self, value: V, order: Ordering) {
        self.step(Operation::Store, || {
            self.inner.store(value, order);
            let written = Some(value.record());
            (
                (),
                AtomicStep {
                    operation: Operation::Store,
                    order,
                    read: None,
                    written,
                },
            )
        });
    }

    fn swap(&self, value: V, order: Ordering) -> V {
        let operation = Operation::ReadModifyWrite;
        self.step(operation, || {
            let before = self.inner.swap(value, order);
            let (read, written) = (Some(before.record()), Some(value.record()));
            (
                before,
                AtomicStep {
                    operation,
                    order,
                    read,
                    written,
                },
            )
        })
    }

    fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        let operation = Operation::ReadModifyWrite;
        self.step(operation, || {
            let result = self.inner.compare_exchange(current, new, success, failure);
            let step = match result {
                Ok(before) => {
                    let (read, written) = (Some(before.record()), Some(new.record()));
                    AtomicStep {
                        operation,
                        order: success,
                        read,
                        written,
                    }
                }
                Err(found) => AtomicStep {
                    operation: Operation::FailedExchange,
                    order: failure,
                    read: Some(found.record()),
                    written: None,
                },
            };
            (result, step)
        })
    }
}

macro_rules! announced_int {
    ($($value:ty),*) => {$(
        impl<H: Host, A: AtomicInt<$value>> AtomicInt<$value> for Announced<H, A> {
            fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let operation = Operation::ReadModifyWrite;
                self.step(operation, || {
                    let before = self.inner.fetch_add(value, order);
                    let written = Some(before.wrapping_add(value).record());
                    (before, AtomicStep { operation, order, read: Some(before.record()), written })
                })
            }

            fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                let operation = Operation::ReadModifyWrite;
                self.step(operation, || {
                    let before = self.inner.fetch_sub(value, order);
                    let written = Some(before.wrapping_sub(value).record());
                    (before, AtomicStep { operation, order, read: Some(before.record()), written })
                })
            }
        }
    )*};
}

announced_int!(usize, isize);
