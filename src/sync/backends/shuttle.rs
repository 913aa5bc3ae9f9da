//! shuttle: coroutines under a sequentially consistent scheduler.
//!
//! This is shuttle as it is, blind spots included (`crosscheck calibrate` shows them). Engines run
//! programs on `Announcing<Shuttle>`, which gives condition variables and parking the semantics
//! that a verdict names.

use std::sync::PoisonError;
use std::sync::TryLockError;
use std::sync::atomic::Ordering;
use std::thread::Result;

use shuttle::current;
use shuttle::sync::atomic;
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::thread::switch;
use shuttle_engine::scheduler::TaskId;

use crate::sync::announcing::Host;
use crate::sync::backends::os::{OsCell, std_like_atomic};
use crate::sync::{Backend, Composite, Kind, Name, NoUnits, Property, Semantics};

/// The shuttle backend; to be used inside a shuttle check only.
#[derive(Clone, Copy, Debug)]
pub struct Shuttle;

// SAFETY: shuttle's `join` returns when the task has ended; a panic that leaves it ends the execution,
// and shuttle resumes no task of an execution that has ended.
unsafe impl Backend for Shuttle {
    const NAME: &'static str = "shuttle";
    const PANIC_ENDS_PROGRAM: bool = true;

    type Mutex<T: Send> = shuttle::sync::Mutex<T>;
    type MutexGuard<'a, T: Send + 'a> = shuttle::sync::MutexGuard<'a, T>;
    type Condvar = shuttle::sync::Condvar;
    /// shuttle has no model of plain memory: races are found by [`Announcing`] or not at all.
    ///
    /// [`Announcing`]: crate::sync::announcing::Announcing
    type Cell<T: Send> = OsCell<T>;
    type AtomicUsize = atomic::AtomicUsize;
    type AtomicIsize = atomic::AtomicIsize;
    type AtomicBool = atomic::AtomicBool;
    type Thread = shuttle::thread::Thread;
    type JoinHandle = shuttle::thread::JoinHandle<()>;
    type Label = ();
    type Spin = ();
    type Units = NoUnits;
    type Barrier = NoUnits;

    fn mutex<T: Send>(_: Name, value: T) -> Self::Mutex<T> {
        shuttle::sync::Mutex::new(value)
    }

    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        match mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn condvar(_: Name) -> Self::Condvar {
        shuttle::sync::Condvar::new()
    }

    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
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
        // a panic leaves `join`: then the execution is over and shuttle resumes no task of it.
        let body: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(body) };
        shuttle::thread::Builder::new()
            .name(name.to_string())
            .spawn(body)
            .expect("shuttle's spawn never fails")
    }

    fn join(handle: Self::JoinHandle) -> Result<()> {
        handle.join()
    }

    fn named<R>(_: Name, body: impl FnOnce() -> R) -> R {
        body()
    }

    fn current() -> Self::Thread {
        shuttle::thread::current()
    }

    fn park() {
        shuttle::thread::park();
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        shuttle::thread::yield_now();
    }

    fn spin((): &mut Self::Spin) -> bool {
        shuttle::thread::yield_now();
        true
    }

    fn choose(_: Name, _: usize) -> usize {
        panic!("choices are recorded by Announcing<Shuttle>; run the program on it")
    }

    fn semantics() -> Semantics {
        Semantics::DEFAULT
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

std_like_atomic!(Shuttle, atomic::AtomicUsize, usize, int);
std_like_atomic!(Shuttle, atomic::AtomicIsize, isize, int);
std_like_atomic!(Shuttle, atomic::AtomicBool, bool);

shuttle::thread_local! {
    /// Not the task's own number: tasks may be switched between our numbering and shuttle's.
    static INDEX: std::cell::Cell<usize> = std::cell::Cell::new(0);
}

impl Host for Shuttle {
    const PREEMPTIVE: bool = false;
    const MAX_THREADS: Option<usize> = None;
    const WEAK_MEMORY: bool = false;

    type Waker = TaskId;
    type Point = ();
    type Token = ();

    fn waker() -> Self::Waker {
        current::me()
    }

    fn sleep() {
        // Not `shuttle::thread::park`, which may wake by itself at any step.
        ExecutionState::with(|state| state.current_mut().block(false));
        switch();
    }

    fn wake(waker: &Self::Waker) {
        ExecutionState::with(|state| state.get_mut(*waker).unblock());
    }

    fn point() -> Self::Point {}

    fn visit((): &Self::Point) {
        switch();
    }

    fn token() -> Self::Token {}

    fn pass((): &Self::Token) {
        switch();
    }

    fn before_access() {
        switch();
    }

    fn index() -> usize {
        INDEX.with(std::cell::Cell::get)
    }

    fn set_index(index: usize) {
        INDEX.with(|cell| cell.set(index));
    }

    fn abandon() -> ! {
        loop {
            // The scheduler has been told to stop and never resumes this task.
            switch();
        }
    }
}
