//! Threads over a backend: scopes, parking, busy-waiting.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::observe::digest;
use crate::sync::{Backend, Body, Name};

/// A scope in which threads are started; see [`scope`].
pub struct Scope<'scope, 'env: 'scope, B: Backend> {
    /// Threads that nobody has joined yet.
    handles: std::sync::Mutex<Vec<B::JoinHandle>>,
    /// Who has opened it.
    owner: usize,
    /// Another thread has started one: in which order, is not the owner's to know. Relaxed: the lock
    /// of `handles`, which is taken after the store and before the load, orders them.
    shared: std::sync::atomic::AtomicBool,
    /// Invariant in both lifetimes, as in std: neither may be lengthened or shortened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, B: Backend> Scope<'scope, '_, B> {
    /// Starts a thread, at any moment of the scope; it may borrow from the caller of [`scope`].
    #[track_caller]
    pub fn spawn(&'scope self, name: impl Into<Name>, body: impl FnOnce() + Send + 'scope) {
        // SAFETY: `scope` joins every handle before it returns or unwinds, except where a panic
        // leaves `join` on a backend on which no thread runs again then; so nothing that `body`
        // borrows for 'scope ends while the thread can still touch it.
        let handle = unsafe { B::spawn_unchecked(name.into(), Box::new(body)) };
        if B::number() != self.owner {
            self.shared.store(true, Relaxed);
        }
        self.handles().push(handle);
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, Vec<B::JoinHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins every thread; keeps the first panic.
    #[track_caller]
    fn join_all(&self) -> std::thread::Result<()> {
        let mut result = Ok(());
        loop {
            let handle = self.handles().pop();
            if self.shared.load(Relaxed) {
                B::looks_outside();
            }
            let Some(handle) = handle else {
                return result;
            };
            let joined = B::join(handle);
            if result.is_ok() {
                result = joined;
            }
        }
    }
}

impl<B: Backend> fmt::Debug for Scope<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Runs `body`, which may start threads that borrow from the caller; returns when all have ended.
/// Blocks.
///
/// # Panics
/// With the panic of `body`, else with the first panic of a thread, when all have ended.
#[track_caller]
pub fn scope<'env, B: Backend, R>(
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env, B>) -> R,
) -> R {
    let scope = Scope {
        handles: std::sync::Mutex::new(Vec::new()),
        owner: B::number(),
        shared: std::sync::atomic::AtomicBool::new(false),
        scope: PhantomData,
        env: PhantomData,
    };
    let result = match catch_unwind(AssertUnwindSafe(|| body(&scope))) {
        // The program is being given up and no other thread runs again: nothing to wait for.
        Err(payload) if B::PANIC_ENDS_PROGRAM && B::tearing_down() => resume_unwind(payload),
        result => result,
    };
    let joined = {
        // A panic out of `join` must not skip the other threads where they go on running.
        let _rest = JoinOnUnwind(&scope);
        scope.join_all()
    };
    match (result, joined) {
        (Err(payload), _) | (Ok(_), Err(payload)) => resume_unwind(payload),
        (Ok(result), Ok(())) => result,
    }
}

struct JoinOnUnwind<'a, 'scope, 'env, B: Backend>(&'a Scope<'scope, 'env, B>);

impl<B: Backend> Drop for JoinOnUnwind<'_, '_, '_, B> {
    fn drop(&mut self) {
        if !B::PANIC_ENDS_PROGRAM && std::thread::panicking() {
            // The first panic is already on its way.
            let _ = self.0.join_all();
        }
    }
}

/// Runs the bodies in parallel, the first on the calling thread; returns when all have ended.
/// Blocks.
///
/// The calling thread takes part because some checkers admit few threads.
#[track_caller]
pub fn run_threads<B: Backend>(bodies: Vec<Body<'_>>) {
    scope::<B, _>(|scope| {
        let mut bodies = bodies.into_iter();
        let first = bodies.next();
        for (name, body) in bodies {
            scope.spawn(name, body);
        }
        if let Some((name, body)) = first {
            B::named(name, body);
        }
    });
}

/// A thread's handle.
pub struct Thread<B: Backend> {
    inner: B::Thread,
}

impl<B: Backend> Clone for Thread<B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<B: Backend> Thread<B> {
    /// Leaves a token for the thread's next [`park`]; at most one is kept. Release.
    #[track_caller]
    pub fn unpark(&self) {
        B::unpark(&self.inner);
    }
}

impl<B: Backend> fmt::Debug for Thread<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").finish_non_exhaustive()
    }
}

/// The calling thread's handle.
#[must_use]
pub fn current<B: Backend>() -> Thread<B> {
    Thread {
        inner: B::current(),
    }
}

/// Blocks until the calling thread's token is there, and takes it; may return without one on the
/// os backend, so test the condition in a loop. Acquire: pairs with [`Thread::unpark`].
#[track_caller]
pub fn park<B: Backend>() {
    B::park();
}

/// Lets others run.
#[track_caller]
pub fn yield_now<B: Backend>() {
    B::yield_now();
}

/// A busy-wait, round by round.
///
/// On the os backend it backs off and never ends by itself. A checking backend ends it after some
/// rounds, so that a search over spinning threads is finite; the verdict is then at most bounded.
///
/// ```
/// use crosscheck::sync::{AtomicBool, Backend, Spin, SpinCapped};
/// use std::sync::atomic::Ordering::Acquire;
///
/// fn wait_for<B: Backend>(flag: &AtomicBool<B>) -> Result<(), SpinCapped> {
///     let mut spin = Spin::<B>::new();
///     // Acquire: pairs with the Release store that raises the flag.
///     while !flag.load(Acquire) {
///         spin.again()?;
///     }
///     Ok(())
/// }
/// ```
pub struct Spin<B: Backend> {
    state: B::Spin,
}

impl<B: Backend> Spin<B> {
    /// A new busy-wait.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: B::Spin::default(),
        }
    }

    /// Waits one round.
    ///
    /// # Errors
    /// [`SpinCapped`] when a checking backend ends the busy-wait here: give the attempt up.
    #[inline]
    #[track_caller]
    pub fn again(&mut self) -> Result<(), SpinCapped> {
        if B::spin(&mut self.state) {
            Ok(())
        } else {
            Err(SpinCapped)
        }
    }
}

impl<B: Backend> Spin<B> {
    /// Promises at the head of the busy-wait's loop that of its rounds so far the thread remembers no
    /// more than `locals`; where infinite executions are looked at, of all its past, as
    /// [`checkpoint`](super::checkpoint) does. A search that compares states then needs no cap on the
    /// rounds, where each has a step and begins without a mutex held, and `locals` repeat.
    #[inline]
    #[track_caller]
    pub fn checkpoint(&self, locals: &impl Hash) {
        let place = Location::caller();
        B::checkpoint_spin(&self.state, || {
            digest(&(locals, place.line(), place.column()))
        });
    }
}

impl<B: Backend> Default for Spin<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> fmt::Debug for Spin<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spin").finish_non_exhaustive()
    }
}

/// A checking backend has ended a busy-wait; the thread must give its attempt up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpinCapped;

impl fmt::Display for SpinCapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("busy-wait ended by the checker, give the attempt up")
    }
}

impl std::error::Error for SpinCapped {}
