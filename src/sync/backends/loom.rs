//! loom: coroutines under a model of the C11 memory model.
//!
//! This is loom as it is, blind spots included (`crosscheck calibrate` shows them). Engines run
//! programs on `Announcing<Loom>`, which gives condition variables and parking the semantics that
//! a verdict names.

use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::thread::Result;

use loom::sync::atomic;

use crate::sync::announcing::{Abandoned, Host, Trouble};
use crate::sync::backends::os::std_like_atomic;
use crate::sync::{Backend, CellApi, Composite, Kind, Name, NoUnits, Property, Semantics};

/// How many threads loom admits, the main one included.
pub(crate) const MAX_THREADS: usize = loom::MAX_THREADS;

/// The loom backend; to be used inside `loom::model` only.
#[derive(Clone, Copy, Debug)]
pub struct Loom;

/// Stack of a loom thread in machine words: 512 KiB, loom's own 32 KiB are soon full.
const STACK_WORDS: usize = 512 * 1024 / size_of::<usize>();

// SAFETY: loom's `join` returns when the coroutine has ended; a panic that leaves it ends the model,
// and loom resumes no coroutine of a model that has ended.
unsafe impl Backend for Loom {
    const NAME: &'static str = "loom";
    const PANIC_ENDS_PROGRAM: bool = true;

    type Mutex<T: Send> = loom::sync::Mutex<T>;
    type MutexGuard<'a, T: Send + 'a> = loom::sync::MutexGuard<'a, T>;
    type Condvar = loom::sync::Condvar;
    type Cell<T: Send> = LoomCell<T>;
    type AtomicUsize = atomic::AtomicUsize;
    type AtomicIsize = atomic::AtomicIsize;
    type AtomicBool = atomic::AtomicBool;
    type Thread = loom::thread::Thread;
    type JoinHandle = loom::thread::JoinHandle<()>;
    type Label = ();
    type Spin = ();
    type Units = NoUnits;
    type Barrier = NoUnits;

    fn mutex<T: Send>(_: Name, value: T) -> Self::Mutex<T> {
        loom::sync::Mutex::new(value)
    }

    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        mutex
            .lock()
            .expect("loom's mutex is never poisoned: a panic ends the model")
    }

    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        mutex.try_lock().ok()
    }

    fn condvar(_: Name) -> Self::Condvar {
        loom::sync::Condvar::new()
    }

    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        condvar
            .wait(guard)
            .expect("loom's mutex is never poisoned: a panic ends the model")
    }

    fn notify_one(condvar: &Self::Condvar) {
        condvar.notify_one();
    }

    fn notify_all(condvar: &Self::Condvar) {
        condvar.notify_all();
    }

    fn fence(order: Ordering) {
        atomic::fence(order);
    }

    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle {
        // SAFETY: only the lifetime changes. The caller joins before what `body` borrows ends, or
        // a panic leaves `join`: then the model is over and loom never resumes this coroutine.
        let body: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(body) };
        loom::thread::Builder::new()
            .name(name.to_string())
            .stack_size(STACK_WORDS)
            .spawn(body)
            .expect("loom's spawn never fails")
    }

    fn join(handle: Self::JoinHandle) -> Result<()> {
        handle.join()
    }

    fn named<R>(_: Name, body: impl FnOnce() -> R) -> R {
        body()
    }

    fn current() -> Self::Thread {
        loom::thread::current()
    }

    fn park() {
        loom::thread::park();
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        loom::thread::yield_now();
    }

    fn spin((): &mut Self::Spin) -> bool {
        loom::thread::yield_now();
        true
    }

    fn choose(_: Name, _: usize) -> usize {
        panic!("loom has no choices; run the program on Announcing<Loom>")
    }

    fn semantics() -> Semantics {
        Semantics {
            notify: crate::sync::NotifyOrder::Fifo,
            ..Semantics::DEFAULT
        }
    }

    fn tearing_down() -> bool {
        std::thread::panicking()
    }

    fn label(_: Kind, _: Name) -> Self::Label {}
    fn begin((): &Self::Label, _: Composite) {}
    fn end((): &Self::Label, _: Composite, _: bool) {}

    fn fail(property: Property, message: String) -> ! {
        panic!("{}: {message}", property.failure())
    }

    fn reached(_: &'static str) {}
}

/// Plain memory under loom, which reports accesses that happens-before leaves unordered.
#[derive(Debug)]
pub struct LoomCell<T>(loom::cell::UnsafeCell<T>);

// SAFETY: loom runs one coroutine at a time on one OS thread, and its cell hands out raw pointers
// only, after it has checked that the access is ordered.
unsafe impl<T: Send> Sync for LoomCell<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for LoomCell<T> {}

impl<T: Send> CellApi<T> for LoomCell<T> {
    fn new(_: Name, value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        self.0.with(read)
    }

    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(write)
    }
}

std_like_atomic!(Loom, atomic::AtomicUsize, usize, int);
std_like_atomic!(Loom, atomic::AtomicIsize, isize, int);
std_like_atomic!(Loom, atomic::AtomicBool, bool);

loom::thread_local! {
    static INDEX: std::cell::Cell<usize> = std::cell::Cell::new(0);
}

impl Host for Loom {
    const PREEMPTIVE: bool = false;
    const MAX_THREADS: Option<usize> = Some(MAX_THREADS);
    const WEAK_MEMORY: bool = true;

    type Waker = loom::thread::Thread;
    /// A condition variable on which nobody waits: notifying it is a branch point on an object.
    type Point = loom::sync::Condvar;
    /// A mutex that nobody holds while another runs. To lock it is one branch point, and whoever
    /// comes later acquires what was released before.
    type Token = loom::sync::Mutex<()>;

    fn waker() -> Self::Waker {
        loom::thread::current()
    }

    fn sleep() {
        loom::thread::park();
    }

    fn wake(waker: &Self::Waker) {
        waker.unpark();
    }

    fn point() -> Self::Point {
        loom::sync::Condvar::new()
    }

    fn visit(point: &Self::Point) {
        point.notify_all();
    }

    fn token() -> Self::Token {
        loom::sync::Mutex::new(())
    }

    fn pass(token: &Self::Token) {
        // Nobody runs between the two: loom branches before a lock, not before its release.
        drop(Self::lock(token));
    }

    fn before_access() {}

    fn index() -> usize {
        INDEX.with(std::cell::Cell::get)
    }

    fn set_index(index: usize) {
        INDEX.with(|cell| cell.set(index));
    }

    fn classify_panic(message: &str) -> Option<Trouble> {
        if message.starts_with("Model exceeded maximum number of branches") {
            Some(Trouble::Branches)
        } else if message.starts_with("deadlock; threads") {
            // One that there is has been told by the session already.
            Some(Trouble::Stuck)
        } else if message.contains("unexpected exploration state")
            || message.starts_with("[loom internal bug]")
        {
            Some(Trouble::Nondeterministic)
        } else {
            None
        }
    }

    fn abandon() -> ! {
        // The first panic that leaves a coroutine ends the model; this one passes no panic hook.
        resume_unwind(Box::new(Abandoned))
    }
}
