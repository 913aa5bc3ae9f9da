//! Memory over a backend: plain cells, cells that are safe to misuse, atomics, fences.

use std::cell::UnsafeCell;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

use super::observe::digest;
use super::thread::{Spin, SpinCapped};
use crate::sync::backend::{Atomic as AtomicApi, AtomicInt};
use crate::sync::{Backend, CellApi, Name, Until};

/// Plain memory, for primitives that prove their own exclusion: no cost on the os backend.
///
/// Checking backends report accesses that happens-before leaves unordered.
pub struct Cell<B: Backend, T: Send> {
    inner: B::Cell<T>,
}

impl<B: Backend, T: Send> Cell<B, T> {
    /// A new cell.
    #[inline]
    #[track_caller]
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        Self {
            inner: B::Cell::new(name.into(), value),
        }
    }

    /// Reads.
    ///
    /// # Safety
    /// No write runs at the same time, and no read of another thread unless `T` is `Sync`. Checking backends verify that and never run a race, so
    /// code that only they run meets the condition by being checked.
    #[inline]
    #[track_caller]
    pub unsafe fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        // SAFETY: the pointer is valid while the closure runs; no write is concurrent, by the
        // caller's promise or because the checking backend would have ended the execution.
        self.inner.with(|value| read(unsafe { &*value }))
    }

    /// Writes.
    ///
    /// # Safety
    /// No other access runs at the same time; otherwise as for [`Cell::with`].
    #[inline]
    #[track_caller]
    pub unsafe fn with_mut<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: as above, and no read is concurrent either.
        self.inner.with_mut(|value| write(unsafe { &mut *value }))
    }
}

impl<B: Backend, T: Send> fmt::Debug for Cell<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").finish_non_exhaustive()
    }
}

/// A variable that the algorithm around it must protect; safe even when it does not.
///
/// On checking backends an unordered access is a data race and ends the execution before memory is
/// touched. On the os backend two accesses that really overlap panic: an access costs one atomic
/// read-modify-write and one store more than a [`Cell`].
///
/// The value can be hashed, so that a search that compares states knows what is in it: two values of
/// which the program makes something else must not be hashed alike. Nothing is hashed on other
/// backends.
pub struct Shared<B: Backend, T: Send> {
    cell: B::Cell<()>,
    /// 0: free; [`WRITING`]: a write runs; otherwise the number of reads that run.
    busy: std::sync::atomic::AtomicUsize,
    value: UnsafeCell<T>,
}

const WRITING: usize = usize::MAX;

// SAFETY: `busy` admits either one write or any number of reads at a time, on every backend, so a
// shared reference to `T` is only handed to several threads when `T: Sync`, and `T` only moves
// between threads when it is `Send`.
unsafe impl<B: Backend, T: Send + Sync> Sync for Shared<B, T> {}
// SAFETY: owning a `Shared` is owning its `T`; the backend's cell is `Send` by its own bound.
unsafe impl<B: Backend, T: Send> Send for Shared<B, T> {}

impl<B: Backend, T: Send + Hash> Shared<B, T> {
    /// A new variable.
    #[inline]
    #[track_caller]
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let cell = <B::Cell<()> as CellApi<()>>::new(name.into(), ());
        cell.written(|| digest(&value));
        Self {
            cell,
            busy: std::sync::atomic::AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Writes.
    ///
    /// # Panics
    /// On the os backend, when another access runs at the same time.
    #[inline]
    #[track_caller]
    pub fn with_mut<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        self.cell.with_mut(|_| {
            // Acquire: pairs with the Release stores below.
            let before = self.busy.compare_exchange(0, WRITING, Acquire, Relaxed);
            assert!(
                before.is_ok(),
                "data race: a write runs while another thread accesses"
            );
            let _writing = Writing(&self.busy);
            // SAFETY: `busy` is WRITING, so no other access begins before `_writing` is dropped.
            let value = unsafe { &mut *self.value.get() };
            let result = write(value);
            self.cell.written(|| digest(value));
            result
        })
    }

    /// Replaces the value; panics as [`Shared::with_mut`] does.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) {
        self.with_mut(|slot| *slot = value);
    }
}

impl<B: Backend, T: Send> Shared<B, T> {
    /// Reads.
    ///
    /// # Panics
    /// On the os backend, when a write runs at the same time.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        self.cell.with(|_| {
            // Acquire: pairs with the Release stores below, so that a later access sees an
            // earlier one where nothing else orders them.
            let before = self.busy.fetch_update(Acquire, Relaxed, |busy| {
                if busy == WRITING {
                    None
                } else {
                    Some(busy + 1)
                }
            });
            assert!(
                before.is_ok(),
                "data race: a read runs while another thread writes"
            );
            let _reading = Reading(&self.busy);
            // SAFETY: `busy` counts this read, so no write begins before `_reading` is dropped.
            read(unsafe { &*self.value.get() })
        })
    }

    /// A copy of the value; panics as [`Shared::with`] does.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        self.with(|value| *value)
    }
}

impl<B: Backend, T: Send> fmt::Debug for Shared<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct Reading<'a>(&'a std::sync::atomic::AtomicUsize);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire of the next access.
        self.0.fetch_sub(1, Release);
    }
}

struct Writing<'a>(&'a std::sync::atomic::AtomicUsize);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire of the next access.
        self.0.store(0, Release);
    }
}

/// An atomic value; `A` is one of the backend's atomic types.
pub struct Atomic<A, V> {
    inner: A,
    value: PhantomData<fn() -> V>,
}

/// An atomic word.
pub type AtomicUsize<B> = Atomic<<B as Backend>::AtomicUsize, usize>;
/// A signed atomic word.
pub type AtomicIsize<B> = Atomic<<B as Backend>::AtomicIsize, isize>;
/// An atomic flag.
pub type AtomicBool<B> = Atomic<<B as Backend>::AtomicBool, bool>;

impl<A: AtomicApi<V>, V: Copy> Atomic<A, V> {
    /// A new atomic.
    #[inline]
    #[track_caller]
    pub fn new(name: impl Into<Name>, value: V) -> Self {
        Self {
            inner: A::new(name.into(), value),
            value: PhantomData,
        }
    }

    /// Loads.
    ///
    /// # Panics
    /// When `order` is `Release` or `AcqRel`.
    #[inline]
    #[track_caller]
    pub fn load(&self, order: Ordering) -> V {
        self.inner.load(order)
    }

    /// Stores.
    ///
    /// # Panics
    /// When `order` is `Acquire` or `AcqRel`.
    #[inline]
    #[track_caller]
    pub fn store(&self, value: V, order: Ordering) {
        self.inner.store(value, order);
    }

    /// Stores and returns the value before.
    #[inline]
    #[track_caller]
    pub fn swap(&self, value: V, order: Ordering) -> V {
        self.inner.swap(value, order)
    }

    /// Stores `new` if the value is `current`, and returns the value before.
    ///
    /// # Errors
    /// Returns the value found when it is another; nothing is stored then.
    #[inline]
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        self.inner.compare_exchange(current, new, success, failure)
    }

    /// Waits until the value meets `until`, and returns it. Blocks.
    ///
    /// On engine `exhaustive` the thread is asleep until then: no rounds, no cap. Elsewhere it is a
    /// busy-wait: a [`Spin`] around [`Atomic::load`].
    ///
    /// ```
    /// use crosscheck::sync::{AtomicBool, Backend, SpinCapped, Until};
    /// use std::sync::atomic::Ordering::Acquire;
    ///
    /// fn wait_for<B: Backend>(flag: &AtomicBool<B>) -> Result<(), SpinCapped> {
    ///     // Acquire: pairs with the Release store that raises the flag.
    ///     flag.await_until(Until::Is(true), Acquire)?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SpinCapped`] when a checking backend ends the busy-wait: give the attempt up.
    ///
    /// # Panics
    /// When `order` is `Release` or `AcqRel`.
    #[inline]
    #[track_caller]
    pub fn await_until(&self, until: Until<V>, order: Ordering) -> Result<V, SpinCapped>
    where
        V: PartialOrd,
    {
        if let Some(value) = self.inner.await_until(until, order) {
            return Ok(value);
        }
        let mut spin = Spin::<A::Backend>::new();
        loop {
            let value = self.inner.load(order);
            if until.holds(&value) {
                return Ok(value);
            }
            spin.again()?;
        }
    }
}

impl<A: AtomicInt<V>, V: Copy> Atomic<A, V> {
    /// Adds, wrapping around, and returns the value before.
    #[inline]
    #[track_caller]
    pub fn fetch_add(&self, value: V, order: Ordering) -> V {
        self.inner.fetch_add(value, order)
    }

    /// Subtracts, wrapping around, and returns the value before.
    #[inline]
    #[track_caller]
    pub fn fetch_sub(&self, value: V, order: Ordering) -> V {
        self.inner.fetch_sub(value, order)
    }

    /// Adds for an observer, see [`AtomicInt::observing_add`].
    #[track_caller]
    pub(crate) fn observing_add(&self, value: V) -> V {
        self.inner.observing_add(value)
    }

    /// Subtracts for an observer.
    #[track_caller]
    pub(crate) fn observing_sub(&self, value: V) -> V {
        self.inner.observing_sub(value)
    }
}

impl<A, V> fmt::Debug for Atomic<A, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic").finish_non_exhaustive()
    }
}

/// A memory fence.
///
/// # Panics
/// When `order` is `Relaxed`.
#[inline]
#[track_caller]
pub fn fence<B: Backend>(order: Ordering) {
    B::fence(order);
}
