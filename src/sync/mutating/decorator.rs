//! The backend that mutates: every operation of a target, changed where the session says so.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, SeqCst};

use super::memory::{Mutated, MutatedCell};
use super::mutation::Change;
use super::mutex::{MutatedGuard, MutatedMutex};
use super::outcome::{Object, Observation};
use super::session::{Session, installed};
use super::site::{Detail, Operation, Site};
use super::units::{MutatedBarrier, MutatedUnits};
use crate::sync::announcing::{Announcing, Host};
use crate::sync::backend::{Backend, Composite, Kind, Progress};
use crate::sync::stepping::{self, Place, Stepping};
use crate::sync::{Name, Property, Semantics};

/// A backend on which [`Mutating`] can run: all threads of the program run on one OS thread.
pub trait Target: Backend<Units: 'static> {
    /// Whether atomics follow a memory model weaker than sequential consistency, in which sequentially
    /// consistent accesses count for less than they are and fences for what they are.
    const WEAK_MEMORY: bool;
    /// The calling thread's number: 0 for the main thread, the same in every interleaving.
    fn me() -> usize;
}

impl Target for Stepping {
    const WEAK_MEMORY: bool = false;

    fn me() -> usize {
        stepping::me()
    }
}

impl<H: Host<Units: 'static>> Target for Announcing<H> {
    const WEAK_MEMORY: bool = H::WEAK_MEMORY;

    fn me() -> usize {
        H::index()
    }
}

/// `B` with one operation changed, as the [`Session`] of the calling OS thread says.
///
/// Without a change it is `B`: the same executions, step by step.
pub struct Mutating<B>(PhantomData<B>);

impl<B> Clone for Mutating<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Mutating<B> {}

impl<B: Target> fmt::Debug for Mutating<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutating<{}>", B::NAME)
    }
}

/// The session; a backend of this kind runs inside one only.
pub(super) fn session() -> Arc<Session> {
    installed().expect("Mutating backends run inside the matrix of mutants only")
}

/// The calling thread comes to an operation that can be changed: how it is.
#[track_caller]
pub(super) fn arrive<B: Target>(operation: Operation, object: Name) -> Option<Change> {
    arrive_with::<B>(operation, object.base(), Location::caller(), || {
        Detail::None
    })
}

/// As [`arrive`], at a given place and with something else to know.
pub(super) fn arrive_with<B: Target>(
    operation: Operation,
    object: &'static str,
    place: Place,
    detail: impl FnOnce() -> Detail,
) -> Option<Change> {
    let site = Site::new(operation, object, place);
    let (change, late) = session().arrived(B::me(), site, detail);
    if let Some(late) = late {
        late();
    }
    change
}

/// The calling thread does something that is not changed.
pub(super) fn pass<B: Target>() {
    if let Some(late) = session().passed(B::me()) {
        late();
    }
}

/// The calling thread observes something.
pub(super) fn observe<B: Target>(object: Option<Object>, what: Observation) {
    session().observe(B::me(), object, what);
}

/// Lets others run during a stay in a zone, where that is measured. Both at its beginning and at its
/// end: a search that runs V's at once would else go from one to the other in one step.
fn stay<B: Target>() {
    if session().measures() {
        B::yield_now();
    }
}

/// A new object of the calling thread.
pub(super) fn object<B: Target>() -> Object {
    session().object(B::me())
}

// SAFETY: threads and `join` are the target's, with what it promises.
unsafe impl<B: Target> Backend for Mutating<B> {
    const NAME: &'static str = B::NAME;
    const PANIC_ENDS_PROGRAM: bool = B::PANIC_ENDS_PROGRAM;

    type Mutex<T: Send> = MutatedMutex<B, T>;
    type MutexGuard<'a, T: Send + 'a> = MutatedGuard<'a, B, T>;
    type Condvar = MutatedCondvar<B>;
    type Cell<T: Send> = MutatedCell<B, T>;
    type AtomicUsize = Mutated<B, B::AtomicUsize>;
    type AtomicIsize = Mutated<B, B::AtomicIsize>;
    type AtomicBool = Mutated<B, B::AtomicBool>;
    type Thread = B::Thread;
    type JoinHandle = B::JoinHandle;
    type Label = MutatedLabel<B>;
    type Spin = B::Spin;
    type Units = MutatedUnits<B>;
    type Barrier = MutatedBarrier<B>;

    fn mutex<T: Send>(name: Name, value: T) -> Self::Mutex<T> {
        MutatedMutex::new(name, value)
    }

    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        mutex.lock()
    }

    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        pass::<B>();
        mutex.try_lock()
    }

    fn condvar(name: Name) -> Self::Condvar {
        MutatedCondvar {
            name,
            inner: B::condvar(name),
        }
    }

    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        pass::<B>();
        guard.wait(&condvar.inner)
    }

    fn tests_again(condvar: &Self::Condvar) -> bool {
        let change = arrive::<B>(Operation::TestAgain, condvar.name);
        change != Some(Change::TestOnce) && B::tests_again(&condvar.inner)
    }

    fn notify_one(condvar: &Self::Condvar) {
        let change = arrive::<B>(Operation::NotifyOne, condvar.name);
        if change != Some(Change::Drop) {
            B::notify_one(&condvar.inner);
        }
    }

    fn notify_all(condvar: &Self::Condvar) {
        match arrive::<B>(Operation::NotifyAll, condvar.name) {
            Some(Change::Drop) => {}
            Some(Change::One) => B::notify_one(&condvar.inner),
            _ => B::notify_all(&condvar.inner),
        }
    }

    fn fence(order: Ordering) {
        let orders = || Detail::Orders(order, None);
        match arrive_with::<B>(Operation::Fence, "fence", Location::caller(), orders) {
            Some(Change::Drop) => {}
            Some(Change::Weaken(weaker)) => B::fence(weaker),
            _ => B::fence(order),
        }
    }

    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle {
        pass::<B>();
        // SAFETY: handed on to our caller.
        unsafe { B::spawn_unchecked(name, body) }
    }

    fn join(handle: Self::JoinHandle) -> std::thread::Result<()> {
        pass::<B>();
        B::join(handle)
    }

    fn named<R>(name: Name, body: impl FnOnce() -> R) -> R {
        B::named(name, body)
    }

    fn current() -> Self::Thread {
        B::current()
    }

    fn park() {
        pass::<B>();
        B::park();
    }

    fn unpark(thread: &Self::Thread) {
        let change = arrive::<B>(Operation::Unpark, "token".into());
        if change != Some(Change::Drop) {
            B::unpark(thread);
        }
    }

    fn yield_now() {
        pass::<B>();
        B::yield_now();
    }

    fn spin(state: &mut Self::Spin) -> bool {
        pass::<B>();
        B::spin(state)
    }

    fn checkpoint_spin(state: &Self::Spin, digest: impl FnOnce() -> u64) {
        B::checkpoint_spin(state, digest);
    }

    fn choose(name: Name, n: usize) -> usize {
        pass::<B>();
        let chosen = B::choose(name, n);
        observe::<B>(None, Observation::Chosen(chosen));
        chosen
    }

    fn semantics() -> Semantics {
        B::semantics()
    }

    fn tearing_down() -> bool {
        B::tearing_down()
    }

    fn label(kind: Kind, name: Name) -> Self::Label {
        MutatedLabel {
            object: object::<B>(),
            inner: B::label(kind, name),
        }
    }

    fn begin(label: &Self::Label, step: Composite) {
        match step {
            Composite::Enter => {
                pass::<B>();
                B::begin(&label.inner, step);
                observe::<B>(Some(label.object), Observation::Enter);
                session().entered(B::me());
                stay::<B>();
            }
            Composite::Leave => {
                pass::<B>();
                stay::<B>();
                B::begin(&label.inner, step);
                observe::<B>(Some(label.object), Observation::Leave);
                session().left(B::me());
            }
            Composite::Acquire(_)
            | Composite::TryAcquire(_)
            | Composite::Release(_)
            | Composite::Call
            | Composite::Return => {
                B::begin(&label.inner, step);
            }
        }
    }

    fn end(label: &Self::Label, step: Composite, done: bool) {
        B::end(&label.inner, step, done);
    }

    fn fail(property: Property, message: String) -> ! {
        B::fail(property, message)
    }

    fn reached(mark: &'static str) {
        observe::<B>(None, Observation::Mark(mark));
        B::reached(mark);
    }

    fn checkpoint(digest: impl FnOnce() -> u64) {
        B::checkpoint(digest);
    }

    fn attempt(progress: Progress) {
        B::attempt(progress);
    }

    fn looks_outside() {
        B::looks_outside();
    }

    fn number() -> usize {
        B::number()
    }

    fn another_round(counted: bool) -> bool {
        B::another_round(counted)
    }
}

/// Whether sequentially consistent accesses are to be told by fences: where the memory model counts
/// them for less, and one is what is changed.
pub(super) fn fences_seq_cst<B: Target>(order: Ordering) -> bool {
    B::WEAK_MEMORY
        && order == SeqCst
        && session()
            .mutation()
            .is_some_and(|mutation| mutation.is_of_memory_order())
}

/// A condition variable with its name.
pub struct MutatedCondvar<B: Target> {
    name: Name,
    inner: B::Condvar,
}

/// A label with its identity in outcomes.
pub struct MutatedLabel<B: Target> {
    object: Object,
    inner: B::Label,
}
