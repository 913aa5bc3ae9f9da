//! OS threads: the standard library's locks and atomics, nothing around them.

use std::cell::{Cell as StdCell, UnsafeCell};
use std::sync::PoisonError;
use std::sync::atomic::{self, Ordering};
use std::thread;

use crossbeam_utils::Backoff;
use crossbeam_utils::sync::{Parker, Unparker};

use crate::sync::{Backend, CellApi, Composite, Kind, Name, NoUnits, Property, Semantics};

/// The backend that ships: OS threads.
///
/// Poison is ignored: a panic in a critical section leaves the value as it was at the panic.
#[derive(Clone, Copy, Debug)]
pub struct Os;

// SAFETY: `join` is that of std, which returns when the thread has ended and never unwinds.
unsafe impl Backend for Os {
    const NAME: &'static str = "os";
    const PANIC_ENDS_PROGRAM: bool = false;

    type Mutex<T: Send> = std::sync::Mutex<T>;
    type MutexGuard<'a, T: Send + 'a> = std::sync::MutexGuard<'a, T>;
    type Condvar = std::sync::Condvar;
    type Cell<T: Send> = OsCell<T>;
    type AtomicUsize = atomic::AtomicUsize;
    type AtomicIsize = atomic::AtomicIsize;
    type AtomicBool = atomic::AtomicBool;
    type Thread = Unparker;
    type JoinHandle = thread::JoinHandle<()>;
    type Label = ();
    type Spin = Backoff;
    type Units = NoUnits;
    type Barrier = NoUnits;

    #[inline]
    fn mutex<T: Send>(_: Name, value: T) -> Self::Mutex<T> {
        std::sync::Mutex::new(value)
    }

    #[inline]
    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        match mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    #[inline]
    fn condvar(_: Name) -> Self::Condvar {
        std::sync::Condvar::new()
    }

    #[inline]
    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn notify_one(condvar: &Self::Condvar) {
        condvar.notify_one();
    }

    #[inline]
    fn notify_all(condvar: &Self::Condvar) {
        condvar.notify_all();
    }

    #[inline]
    fn fence(order: Ordering) {
        atomic::fence(order);
    }

    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle {
        // SAFETY: the caller joins the thread before anything that `body` borrows ends, since a
        // panic never leaves `join` here.
        unsafe {
            thread::Builder::new()
                .name(name.to_string())
                .spawn_unchecked(body)
        }
        .expect("the operating system starts a thread; raise its limit on threads")
    }

    fn join(handle: Self::JoinHandle) -> thread::Result<()> {
        handle.join()
    }

    #[inline]
    fn named<R>(_: Name, body: impl FnOnce() -> R) -> R {
        body()
    }

    fn current() -> Self::Thread {
        PARKER.with(|parker| parker.unparker().clone())
    }

    fn park() {
        PARKER.with(Parker::park);
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        thread::yield_now();
    }

    #[inline]
    fn spin(state: &mut Self::Spin) -> bool {
        state.snooze();
        true
    }

    fn choose(_: Name, n: usize) -> usize {
        CHOICE.with(|state| {
            // xorshift64 (Marsaglia 2003); any value will do.
            let mut x = state.get();
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            state.set(x);
            usize::try_from(x % n as u64).expect("a remainder of n fits where n does")
        })
    }

    #[inline]
    fn semantics() -> Semantics {
        Semantics::DEFAULT
    }

    #[inline]
    fn tearing_down() -> bool {
        false
    }

    #[inline]
    fn label(_: Kind, _: Name) -> Self::Label {}

    #[inline]
    fn begin((): &Self::Label, _: Composite) {}

    #[inline]
    fn end((): &Self::Label, _: Composite, _: bool) {}

    #[cold]
    fn fail(property: Property, message: String) -> ! {
        panic!("{}: {message}", property.failure())
    }

    #[inline]
    fn reached(_: &'static str) {}
}

thread_local! {
    static PARKER: Parker = Parker::new();
    static CHOICE: StdCell<u64> = const { StdCell::new(0x9E37_79B9_7F4A_7C15) };
}

/// Plain memory on OS threads.
#[derive(Debug)]
pub struct OsCell<T>(UnsafeCell<T>);

// SAFETY: `OsCell` hands out raw pointers only; whoever dereferences them promises exclusion, and
// `T: Send` is what it takes to touch a `T` from one thread after another.
unsafe impl<T: Send> Sync for OsCell<T> {}

impl<T: Send> CellApi<T> for OsCell<T> {
    #[inline]
    fn new(_: Name, value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[inline]
    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[inline]
    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// Implements the atomic traits for a type whose inherent methods have std's signatures.
macro_rules! std_like_atomic {
    ($backend:ty, $atomic:ty, $value:ty $(, $int:ident)?) => {
        impl $crate::sync::AtomicApi<$value> for $atomic {
            type Backend = $backend;

            #[inline]
            #[track_caller]
            fn new(_: $crate::sync::Name, value: $value) -> Self {
                <$atomic>::new(value)
            }
            #[inline]
            #[track_caller]
            fn load(&self, order: std::sync::atomic::Ordering) -> $value {
                <$atomic>::load(self, order)
            }
            #[inline]
            #[track_caller]
            fn store(&self, value: $value, order: std::sync::atomic::Ordering) {
                <$atomic>::store(self, value, order);
            }
            #[inline]
            #[track_caller]
            fn swap(&self, value: $value, order: std::sync::atomic::Ordering) -> $value {
                <$atomic>::swap(self, value, order)
            }
            #[inline]
            #[track_caller]
            fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: std::sync::atomic::Ordering,
                failure: std::sync::atomic::Ordering,
            ) -> ::core::result::Result<$value, $value> {
                <$atomic>::compare_exchange(self, current, new, success, failure)
            }
        }
        $($crate::sync::backends::os::std_like_atomic!(@$int $atomic, $value);)?
    };
    (@int $atomic:ty, $value:ty) => {
        impl $crate::sync::AtomicInt<$value> for $atomic {
            #[inline]
            #[track_caller]
            fn fetch_add(&self, value: $value, order: std::sync::atomic::Ordering) -> $value {
                <$atomic>::fetch_add(self, value, order)
            }
            #[inline]
            #[track_caller]
            fn fetch_sub(&self, value: $value, order: std::sync::atomic::Ordering) -> $value {
                <$atomic>::fetch_sub(self, value, order)
            }
        }
    };
}
pub(crate) use std_like_atomic;

std_like_atomic!(Os, atomic::AtomicUsize, usize, int);
std_like_atomic!(Os, atomic::AtomicIsize, isize, int);
std_like_atomic!(Os, atomic::AtomicBool, bool);

#[cfg(feature = "engines")]
mod host {
    use std::cell::Cell;
    use std::panic::resume_unwind;
    use std::thread;

    use super::{Os, PARKER};
    use crate::sync::announcing::{Abandoned, Host};

    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(0) };
    }

    impl Host for Os {
        const PREEMPTIVE: bool = true;
        const MAX_THREADS: Option<usize> = None;
        const WEAK_MEMORY: bool = false;

        type Waker = crossbeam_utils::sync::Unparker;
        type Point = ();
        type Token = ();

        fn waker() -> Self::Waker {
            PARKER.with(|parker| parker.unparker().clone())
        }

        fn sleep() {
            PARKER.with(crossbeam_utils::sync::Parker::park);
        }

        fn wake(waker: &Self::Waker) {
            waker.unpark();
        }

        fn point() -> Self::Point {}

        fn visit((): &Self::Point) {}

        fn token() -> Self::Token {}

        fn pass((): &Self::Token) {}

        fn before_access() {
            thread::yield_now();
        }

        fn index() -> usize {
            INDEX.get()
        }

        fn set_index(index: usize) {
            INDEX.set(index);
        }

        fn abandon() -> ! {
            // Unwinds to the start of the thread, past the panic hook.
            resume_unwind(Box::new(Abandoned))
        }
    }
}
