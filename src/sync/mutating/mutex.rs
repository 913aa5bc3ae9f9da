//! Mutexes, of which one may be left open at one place.
//!
//! What a mutex protects may be reached by two threads at once when one of them does not lock. So the
//! value of a mutex that is left open somewhere lies beside it, and who is inside has it: a thread that
//! comes while another is inside finds nothing, which is the data race that the change brought in. A
//! race that would only have been possible is found by the target, which is told of an access to plain
//! memory at each end of every stay.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use super::decorator::{Target, arrive, session};
use super::mutation::Change;
use super::site::Operation;
use crate::sync::backend::CellApi;
use crate::sync::{Name, Property};

/// A mutex of the target, or one that is left open at one place.
pub struct MutatedMutex<B: Target, T: Send> {
    name: Name,
    build: Build<B, T>,
}

enum Build<B: Target, T: Send> {
    Whole(B::Mutex<T>),
    Open(Open<B, T>),
}

struct Open<B: Target, T: Send> {
    /// Not of a type without bits: a search over states takes the value of one for always the same.
    lock: B::Mutex<bool>,
    value: std::sync::Mutex<Option<T>>,
    stays: B::Cell<()>,
}

impl<B: Target, T: Send> MutatedMutex<B, T> {
    #[track_caller]
    pub(super) fn new(name: Name, value: T) -> Self {
        let is_open = session().changes(Operation::Lock, name.base()).is_some();
        let build = if is_open {
            Build::Open(Open {
                lock: B::mutex(name, false),
                value: std::sync::Mutex::new(Some(value)),
                stays: <B::Cell<()> as CellApi<()>>::new(name, ()),
            })
        } else {
            Build::Whole(B::mutex(name, value))
        };
        Self { name, build }
    }

    #[track_caller]
    pub(super) fn lock(&self) -> MutatedGuard<'_, B, T> {
        let change = arrive::<B>(Operation::Lock, self.name);
        let stay = match &self.build {
            Build::Whole(mutex) => Stay::Whole(B::lock(mutex)),
            Build::Open(open) => {
                let locks = change != Some(Change::Drop);
                let lock = locks.then(|| B::lock(&open.lock));
                Stay::Open(OpenStay::enter(self.name, open, lock))
            }
        };
        MutatedGuard { stay }
    }

    #[track_caller]
    pub(super) fn try_lock(&self) -> Option<MutatedGuard<'_, B, T>> {
        let stay = match &self.build {
            Build::Whole(mutex) => Stay::Whole(B::try_lock(mutex)?),
            Build::Open(open) => {
                let lock = B::try_lock(&open.lock)?;
                Stay::Open(OpenStay::enter(self.name, open, Some(lock)))
            }
        };
        Some(MutatedGuard { stay })
    }
}

/// Proof that a mutex is held, or passes for held.
pub struct MutatedGuard<'a, B: Target, T: Send + 'a> {
    stay: Stay<'a, B, T>,
}

enum Stay<'a, B: Target, T: Send + 'a> {
    Whole(B::MutexGuard<'a, T>),
    Open(OpenStay<'a, B, T>),
}

/// A thread inside a mutex that is left open somewhere.
struct OpenStay<'a, B: Target, T: Send + 'a> {
    name: Name,
    open: &'a Open<B, T>,
    /// None where the mutex is left open.
    lock: Option<B::MutexGuard<'a, bool>>,
    /// None during a wait only.
    value: Option<T>,
}

impl<'a, B: Target, T: Send> OpenStay<'a, B, T> {
    #[track_caller]
    fn enter(name: Name, open: &'a Open<B, T>, lock: Option<B::MutexGuard<'a, bool>>) -> Self {
        let mut stay = Self {
            name,
            open,
            lock,
            value: None,
        };
        stay.takes();
        stay
    }

    #[track_caller]
    fn takes(&mut self) {
        self.open.stays.with_mut(|_| ());
        let value = self
            .open
            .value
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if value.is_none() {
            B::fail(
                Property::DataRaceFreedom,
                format!("a thread is inside {} while another comes", self.name),
            );
        }
        self.value = value;
    }

    /// Puts the value back, unless there is none to be put.
    fn puts(&mut self) {
        if let Some(value) = self.value.take() {
            self.open.stays.with_mut(|_| ());
            *self
                .open
                .value
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }
}

impl<B: Target, T: Send> Drop for OpenStay<'_, B, T> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.puts();
        }
    }
}

impl<'a, B: Target, T: Send> MutatedGuard<'a, B, T> {
    /// A wait where the mutex is left open locks it for the wait alone: what was tested before may
    /// have changed by then.
    #[track_caller]
    pub(super) fn wait(self, condvar: &B::Condvar) -> Self {
        let stay = match self.stay {
            Stay::Whole(guard) => Stay::Whole(B::wait(condvar, guard)),
            Stay::Open(mut stay) => {
                stay.puts();
                match stay.lock.take() {
                    Some(lock) => stay.lock = Some(B::wait(condvar, lock)),
                    None => drop(B::wait(condvar, B::lock(&stay.open.lock))),
                }
                stay.takes();
                Stay::Open(stay)
            }
        };
        Self { stay }
    }
}

impl<B: Target, T: Send> Deref for MutatedGuard<'_, B, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.stay {
            Stay::Whole(guard) => guard,
            Stay::Open(stay) => stay.value.as_ref().expect(INSIDE),
        }
    }
}

impl<B: Target, T: Send> DerefMut for MutatedGuard<'_, B, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.stay {
            Stay::Whole(guard) => guard,
            Stay::Open(stay) => stay.value.as_mut().expect(INSIDE),
        }
    }
}

const INSIDE: &str = "a thread that is inside has the value";
