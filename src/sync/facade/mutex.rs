//! Mutex and condition variable over a backend.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::sync::{Backend, Name};

/// A mutual exclusion lock around a value; never poisoned.
pub struct Mutex<B: Backend, T: Send> {
    inner: B::Mutex<T>,
}

impl<B: Backend, T: Send> Mutex<B, T> {
    /// A new unlocked mutex.
    #[inline]
    #[track_caller]
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        Self {
            inner: B::mutex(name.into(), value),
        }
    }

    /// Locks; blocks while another thread holds it. Locking twice in one thread is a deadlock.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, B, T> {
        MutexGuard {
            inner: B::lock(&self.inner),
        }
    }

    /// Locks if nobody holds it; never blocks.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, B, T>> {
        B::try_lock(&self.inner).map(|inner| MutexGuard { inner })
    }
}

impl<B: Backend, T: Send> fmt::Debug for Mutex<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// Proof that a [`Mutex`] is held; unlocks on drop.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct MutexGuard<'a, B: Backend, T: Send + 'a> {
    inner: B::MutexGuard<'a, T>,
}

impl<B: Backend, T: Send> Deref for MutexGuard<'_, B, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<B: Backend, T: Send> DerefMut for MutexGuard<'_, B, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<B: Backend, T: Send + fmt::Debug> fmt::Debug for MutexGuard<'_, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A condition variable.
///
/// A wait may end without a notification (see [`Backend::wait`]), so test the condition in a loop,
/// as [`Condvar::wait_while`] does.
pub struct Condvar<B: Backend> {
    inner: B::Condvar,
}

impl<B: Backend> Condvar<B> {
    /// A new condition variable.
    #[inline]
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            inner: B::condvar(name.into()),
        }
    }

    /// Unlocks and waits in one step; holds the lock again when it returns. Blocks.
    #[inline]
    #[track_caller]
    pub fn wait<'a, T: Send>(&self, guard: MutexGuard<'a, B, T>) -> MutexGuard<'a, B, T> {
        MutexGuard {
            inner: B::wait(&self.inner, guard.inner),
        }
    }

    /// Waits until `condition` no longer holds, testing it before the first wait and after each;
    /// holds the lock when it returns. Blocks.
    #[inline]
    #[track_caller]
    pub fn wait_while<'a, T: Send>(
        &self,
        mut guard: MutexGuard<'a, B, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, B, T> {
        while condition(&mut guard) {
            guard = self.wait(guard);
            if !B::tests_again(&self.inner) {
                break;
            }
        }
        guard
    }

    /// Wakes one waiter; nothing when nobody waits.
    #[inline]
    #[track_caller]
    pub fn notify_one(&self) {
        B::notify_one(&self.inner);
    }

    /// Wakes every waiter.
    #[inline]
    #[track_caller]
    pub fn notify_all(&self) {
        B::notify_all(&self.inner);
    }
}

impl<B: Backend> fmt::Debug for Condvar<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
