//! One lock in two builds: the facade's mutex, or a semaphore of one.
//!
//! The algorithm is the same, the cost of checking is not: a search over a queued semaphore visits
//! every interleaving of its inside.

use std::fmt;

use super::{Permit, Semaphore};
use crate::sync::{Backend, Mutex, MutexGuard, Name};

/// What a [`Lock`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockBuild {
    /// The facade's mutex.
    Facade,
    /// A [`Semaphore`] of one unit.
    Semaphore,
}

/// A mutual exclusion lock that protects no value of its own.
pub enum Lock<B: Backend> {
    /// Made of the facade's mutex.
    Facade(Mutex<B, ()>),
    /// Made of a semaphore of one unit.
    Semaphore(Semaphore<B>),
}

impl<B: Backend> Lock<B> {
    /// A free lock.
    #[track_caller]
    pub fn new(name: impl Into<Name>, build: LockBuild) -> Self {
        match build {
            LockBuild::Facade => Self::Facade(Mutex::new(name, ())),
            LockBuild::Semaphore => Self::Semaphore(Semaphore::new(name, 1)),
        }
    }

    /// Locks. Blocks while another thread holds it.
    #[track_caller]
    pub fn lock(&self) -> LockGuard<'_, B> {
        match self {
            Self::Facade(mutex) => LockGuard::Facade(mutex.lock()),
            Self::Semaphore(semaphore) => LockGuard::Semaphore(semaphore.acquire()),
        }
    }

    /// Locks if nobody holds it; never blocks.
    #[track_caller]
    pub fn try_lock(&self) -> Option<LockGuard<'_, B>> {
        match self {
            Self::Facade(mutex) => mutex.try_lock().map(LockGuard::Facade),
            Self::Semaphore(semaphore) => semaphore.try_acquire().map(LockGuard::Semaphore),
        }
    }
}

impl<B: Backend> fmt::Debug for Lock<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Facade(mutex) => mutex.fmt(f),
            Self::Semaphore(semaphore) => semaphore.fmt(f),
        }
    }
}

/// Proof that a [`Lock`] is held; unlocks on drop.
#[must_use = "the lock is released at once if the guard is not kept"]
pub enum LockGuard<'a, B: Backend> {
    /// The facade's guard.
    Facade(MutexGuard<'a, B, ()>),
    /// The semaphore's permit.
    Semaphore(Permit<'a, B>),
}

impl<B: Backend> fmt::Debug for LockGuard<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}
