//! The trait that a machine implements: associated types and static functions, nothing more.
//!
//! Everything that is convenient lives once, in the facade over it. A backend is a zero-sized
//! type; adding one is one file in `backends` and one line in the engine that drives it.

use std::fmt::Debug;
use std::ops::DerefMut;
use std::sync::atomic::Ordering;

use super::name::Name;
use super::property::Property;
use super::semantics::{Semantics, SwaitOrder};

/// A thread's code, for [`run_threads`](super::run_threads).
pub type Body<'a> = (Name, Box<dyn FnOnce() + Send + 'a>);

/// What a composite object is; reports speak of it instead of the locks inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A counting semaphore; its operations are P and V.
    Semaphore,
    /// A semaphore set; its operations are Swait and Ssignal.
    SemaphoreSet,
    /// A readers-writers lock; its operations are P of a reader or the writer, and V.
    RwLock,
    /// A barrier; its operation is P.
    Barrier,
    /// A region that admits at most `limit` threads at a time; an observer, not a lock.
    Zone {
        /// How many threads may be inside at once; at least 1.
        limit: usize,
        /// What fails when there are more.
        property: Property,
    },
    /// Something whose moments are told, with [`Backend::moment`]; an observer.
    Observer,
}

/// A step of a composite object, told with [`Backend::begin`] and [`Backend::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Composite {
    /// P: take `n` units or wait.
    Acquire(usize),
    /// P that never waits.
    TryAcquire(usize),
    /// V: return `n` units.
    Release(usize),
    /// Step into a zone.
    Enter,
    /// Step out of a zone.
    Leave,
    /// A moment: an operation is called.
    Call,
    /// A moment: an operation returns.
    Return,
}

/// A moment between two steps of a thread, as an observer is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its number among the observer's moments of this execution, from 0.
    pub number: usize,
    /// The earlier ones that come before it in every equivalent execution: in every execution that
    /// has the same steps and the same order of dependent ones.
    pub after: Vec<usize>,
}

/// What a step needs of one member of a set: it goes on when `test` units are free and takes
/// `take` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "engines", derive(serde::Serialize, serde::Deserialize))]
pub struct Need {
    /// Index of the member.
    pub member: u32,
    /// Units that have to be free.
    pub test: u32,
    /// Units that are taken; at most `test`.
    pub take: u32,
}

/// How far a thread has come with an attempt, told with [`Backend::attempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Its next operation ends its doorway: it waits from then on.
    Doorway,
    /// It waits from now on.
    Waiting,
    /// It has got what it waited for.
    Served,
}

/// What an atomic is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until<V> {
    /// It is this.
    Is(V),
    /// It is anything else.
    IsNot(V),
    /// It is less than this.
    Below(V),
    /// It is this or more.
    AtLeast(V),
}

impl<V: PartialOrd> Until<V> {
    /// Whether a value meets it.
    #[inline]
    #[must_use]
    pub fn holds(&self, value: &V) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::IsNot(unwanted) => value != unwanted,
            Self::Below(limit) => value < limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

/// A machine on which an algorithm runs.
///
/// # Safety
/// [`scope`](super::scope) lends what it borrows to threads and trusts the backend to join them:
/// `join` must return only when the thread has ended, and a panic may leave it only where
/// [`Backend::PANIC_ENDS_PROGRAM`] holds and then no other thread may run again.
///
/// All functions may be called from any thread of the running program and from no other. Functions
/// that block say so. Guards and labels do nothing on drop once [`Backend::tearing_down`] holds.
pub unsafe trait Backend: Copy + Debug + Send + Sync + 'static {
    /// The backend's name: `os`, `loom`, `shuttle`.
    const NAME: &'static str;
    /// Whether no other thread runs again once a panic has left [`Backend::join`]: so it is where
    /// threads are coroutines of a checker that gives the whole program up.
    const PANIC_ENDS_PROGRAM: bool;

    /// A mutual exclusion lock around a value.
    type Mutex<T: Send>: Send + Sync;
    /// Proof that a mutex is held; unlocks on drop.
    type MutexGuard<'a, T: Send + 'a>: DerefMut<Target = T>;
    /// A condition variable.
    type Condvar: Send + Sync;
    /// Plain memory; checking backends report unordered accesses.
    type Cell<T: Send>: CellApi<T>;
    /// An atomic word.
    type AtomicUsize: AtomicInt<usize>;
    /// A signed atomic word.
    type AtomicIsize: AtomicInt<isize>;
    /// An atomic flag.
    type AtomicBool: Atomic<bool>;
    /// A thread's handle, for [`Backend::unpark`].
    type Thread: Clone + Send + Sync + 'static;
    /// A started thread that has to be joined.
    type JoinHandle: Send;
    /// The identity of a composite object in traces; nothing on the os backend.
    type Label: Send + Sync;
    /// The state of one busy-wait.
    type Spin: Default;
    /// Units that threads take and give in one step of the machine; [`NoUnits`] where semaphores
    /// are built of mutexes.
    type Units: UnitsApi;
    /// A barrier at which an arrival is one step of the machine; likewise.
    type Barrier: BarrierApi;

    /// A new unlocked mutex.
    #[track_caller]
    fn mutex<T: Send>(name: Name, value: T) -> Self::Mutex<T>;
    /// Locks; blocks while another thread holds the mutex. Acquire: pairs with the unlock before.
    #[track_caller]
    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T>;
    /// Locks if nobody holds the mutex; never blocks.
    #[track_caller]
    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>>;

    /// A new condition variable.
    #[track_caller]
    fn condvar(name: Name) -> Self::Condvar;
    /// Unlocks and waits in one step, locks again before it returns. May return without a
    /// notification where [`Semantics::spurious`] says so, and always may on the os backend.
    #[track_caller]
    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T>;
    /// Whether a loop of waits tests its condition again after a wait, as it has to. A machine that
    /// changes programs may say no.
    #[inline]
    #[track_caller]
    fn tests_again(condvar: &Self::Condvar) -> bool {
        let _ = condvar;
        true
    }
    /// Wakes one waiter, which one by [`Semantics::notify`]; nothing when nobody waits.
    #[track_caller]
    fn notify_one(condvar: &Self::Condvar);
    /// Wakes every waiter.
    #[track_caller]
    fn notify_all(condvar: &Self::Condvar);

    /// A memory fence.
    #[track_caller]
    fn fence(order: Ordering);

    /// Starts a thread.
    ///
    /// # Safety
    /// The caller joins the handle before anything that `body` borrows ends, or unwinds out of
    /// [`Backend::join`] on a backend where [`Backend::PANIC_ENDS_PROGRAM`] holds.
    #[track_caller]
    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle;
    /// Waits for a thread's end. Acquire: pairs with everything that the thread did. Blocks.
    ///
    /// # Errors
    /// The payload with which the thread panicked.
    #[track_caller]
    fn join(handle: Self::JoinHandle) -> std::thread::Result<()>;
    /// Runs `body` on the calling thread under another name, for reports.
    fn named<R>(name: Name, body: impl FnOnce() -> R) -> R;

    /// The calling thread's handle.
    fn current() -> Self::Thread;
    /// Blocks until the calling thread's token is there, and takes it. Acquire: pairs with
    /// [`Backend::unpark`]. May return without a token on the os backend.
    #[track_caller]
    fn park();
    /// Leaves a token for a thread; at most one is kept. Release.
    #[track_caller]
    fn unpark(thread: &Self::Thread);
    /// Lets others run.
    #[track_caller]
    fn yield_now();
    /// Waits one round of a busy-wait; `false` when a checking backend caps it here.
    #[track_caller]
    fn spin(state: &mut Self::Spin) -> bool;
    /// All that the calling thread will ever use of the rounds of this busy-wait so far is in this
    /// digest: a search that compares states forgets the rest, and caps only rounds that it cannot
    /// forget, which have no step or begin with a mutex held. Elsewhere nothing, and `digest` is not
    /// called.
    #[inline]
    #[track_caller]
    fn checkpoint_spin(state: &Self::Spin, digest: impl FnOnce() -> u64) {
        let _ = (state, digest);
    }

    /// One of `0..n`. On checking backends a branch of the search or a recorded sample, on the os
    /// backend an arbitrary value. `n` is at least 1.
    #[track_caller]
    fn choose(name: Name, n: usize) -> usize;
    /// The switches under which this program runs.
    fn semantics() -> Semantics;
    /// Whether the execution is being abandoned, so that guards must not synchronise any more.
    fn tearing_down() -> bool;

    /// The identity of a composite object.
    #[track_caller]
    fn label(kind: Kind, name: Name) -> Self::Label;
    /// The calling thread begins a step of a composite object.
    #[track_caller]
    fn begin(label: &Self::Label, step: Composite);
    /// The step begun last is done; `false` when it was refused (a failed try).
    #[track_caller]
    fn end(label: &Self::Label, step: Composite, done: bool);
    /// A property fails here and now: ends the execution on a checking backend, panics on os.
    #[track_caller]
    fn fail(property: Property, message: String) -> !;
    /// The situation `mark` occurs, for [`Property::Reachability`].
    fn reached(mark: &'static str);
    /// All that the calling thread will ever use of its past is in this digest: a search that
    /// compares states forgets the rest. Elsewhere nothing, and `digest` is not called.
    #[inline]
    #[track_caller]
    fn checkpoint(digest: impl FnOnce() -> u64) {
        let _ = digest;
    }
    /// The calling thread has come so far with an attempt, for questions about infinite
    /// executions. Elsewhere nothing.
    #[inline]
    fn attempt(progress: Progress) {
        let _ = progress;
    }
    /// Whether this run asks for `property`, which observers decide on moments. Elsewhere not, and
    /// observers record nothing.
    #[inline]
    fn asks(property: Property) -> bool {
        let _ = property;
        false
    }
    /// The calling thread passes a moment of an observer: no step of the search. What comes before
    /// it is told exactly, by the order of the steps around it. Elsewhere nothing.
    #[inline]
    #[track_caller]
    fn moment(observer: &Self::Label, step: Composite) -> Option<Moment> {
        let _ = (observer, step);
        None
    }
    /// So many threads were found together in a region, for [`Property::MaximalParallelism`].
    #[inline]
    fn together(count: usize) {
        let _ = count;
    }
    /// What the calling thread does from here to its next step depends on memory that no backend
    /// knows of: a search over states runs it in every execution.
    #[inline]
    fn looks_outside() {}
    /// A number for the calling thread, where threads are numbered alike in every execution; else 0.
    #[inline]
    fn number() -> usize {
        0
    }
    /// Whether a loop of rounds goes round once more, when `counted` says that rounds are left. A
    /// machine that looks at infinite executions lets it go round for ever.
    #[inline]
    fn another_round(counted: bool) -> bool {
        counted
    }
}

/// Plain memory that threads reach without synchronisation of its own.
pub trait CellApi<T>: Send + Sync {
    /// A new cell.
    #[track_caller]
    fn new(name: Name, value: T) -> Self;
    /// A read. The pointer is valid while `read` runs.
    ///
    /// Reading through it is sound as long as no write runs at the same time; checking backends
    /// end the execution with a data race before they call `read` otherwise.
    #[track_caller]
    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R;
    /// A write, likewise.
    #[track_caller]
    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R;
    /// What the memory that the cell stands for holds now, when it is new and after each write, so
    /// that a search can compare states. Elsewhere nothing, and `digest` is not called.
    #[inline]
    fn written(&self, digest: impl FnOnce() -> u64) {
        let _ = digest;
    }
}

/// Units that threads take and give, each in one step of the machine.
///
/// [`NoUnits`] is the implementation of machines without such steps.
pub trait UnitsApi: Send + Sync + Sized {
    /// A new object with `free[i]` free units in its i-th member, which serves in this order;
    /// `None` where it has to be built of mutexes.
    #[track_caller]
    fn new(kind: Kind, name: Name, free: &[u32], order: SwaitOrder) -> Option<Self>;
    /// Takes `units`, at least 1, of the first member, or waits. Blocks. Takes that are `shared`
    /// commute: so do those of readers. Acquire: pairs with the gives before.
    #[track_caller]
    fn take(&self, units: u32, shared: bool);
    /// Takes `units`, at least 1, of the first member if it can at once; never blocks.
    #[track_caller]
    fn try_take(&self, units: u32) -> bool;
    /// Gives `units`, at least 1, back to the first member. Release.
    #[track_caller]
    fn give(&self, units: u32, shared: bool);
    /// Takes what `needs` says of several members at once, or waits. Blocks. Acquire: pairs with
    /// the gives before.
    #[track_caller]
    fn take_all(&self, needs: &[Need]);
    /// Gives what `needs` takes back to several members at once. Release.
    #[track_caller]
    fn give_all(&self, needs: &[Need]);
    /// Free units of every member, and how many threads wait, at one moment.
    #[track_caller]
    fn look(&self) -> (Vec<u32>, usize);
}

/// A barrier at which an arrival is one step of the machine.
///
/// [`NoUnits`] is the implementation of machines without such steps.
pub trait BarrierApi: Send + Sync + Sized {
    /// A new barrier for so many threads, at least 1; `None` where it has to be built of mutexes.
    #[track_caller]
    fn new(name: Name, parties: u32) -> Option<Self>;
    /// Waits until all have arrived; `true` for the one that came last. Blocks. What any of them
    /// did before happens before what any does afterwards.
    #[track_caller]
    fn arrive(&self) -> bool;
}

/// Units on a machine that has none: there is no such object, so code for it costs nothing.
#[derive(Clone, Copy, Debug)]
pub enum NoUnits {}

impl UnitsApi for NoUnits {
    #[inline]
    fn new(_: Kind, _: Name, _: &[u32], _: SwaitOrder) -> Option<Self> {
        None
    }
    #[inline]
    fn take(&self, _: u32, _: bool) {
        match *self {}
    }
    #[inline]
    fn try_take(&self, _: u32) -> bool {
        match *self {}
    }
    #[inline]
    fn give(&self, _: u32, _: bool) {
        match *self {}
    }
    #[inline]
    fn take_all(&self, _: &[Need]) {
        match *self {}
    }
    #[inline]
    fn give_all(&self, _: &[Need]) {
        match *self {}
    }
    #[inline]
    fn look(&self) -> (Vec<u32>, usize) {
        match *self {}
    }
}

impl BarrierApi for NoUnits {
    #[inline]
    fn new(_: Name, _: u32) -> Option<Self> {
        None
    }
    #[inline]
    fn arrive(&self) -> bool {
        match *self {}
    }
}

/// Operations of every atomic.
pub trait Atomic<V>: Send + Sync {
    /// The backend whose atomic it is.
    type Backend: Backend;

    /// A new atomic.
    #[track_caller]
    fn new(name: Name, value: V) -> Self;
    /// A load.
    #[track_caller]
    fn load(&self, order: Ordering) -> V;
    /// A store.
    #[track_caller]
    fn store(&self, value: V, order: Ordering);
    /// Stores and returns the value before.
    #[track_caller]
    fn swap(&self, value: V, order: Ordering) -> V;
    /// Stores `new` if the value is `current`.
    ///
    /// # Errors
    /// Returns the value found when it is another.
    #[track_caller]
    fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V>;
    /// Waits until the value meets `until` and returns it, in one step of the machine; `None`, at
    /// once, on machines without such a step. Blocks.
    #[inline]
    #[track_caller]
    fn await_until(&self, until: Until<V>, order: Ordering) -> Option<V> {
        let _ = (until, order);
        None
    }
}

/// Operations of the atomic integers; they wrap around on overflow.
pub trait AtomicInt<V>: Atomic<V> {
    /// Adds and returns the value before.
    #[track_caller]
    fn fetch_add(&self, value: V, order: Ordering) -> V;
    /// Subtracts and returns the value before.
    #[track_caller]
    fn fetch_sub(&self, value: V, order: Ordering) -> V;
    /// Adds for an observer and returns the value before: relaxed, and nothing that the program does
    /// depends on the value.
    #[track_caller]
    fn observing_add(&self, value: V) -> V {
        self.fetch_add(value, Ordering::Relaxed)
    }
    /// Subtracts, likewise.
    #[track_caller]
    fn observing_sub(&self, value: V) -> V {
        self.fetch_sub(value, Ordering::Relaxed)
    }
}
