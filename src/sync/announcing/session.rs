//! The observer of one run: what every thread does, holds and waits for.
//!
//! A session lives through many executions of one program. Within an execution it is told every
//! operation; it decides deadlock (nobody can move and someone has not finished), checks accesses
//! and zones with vector clocks, assigns notifications to waiters, makes choices, and records the
//! trace. Its state is invisible to the search of the backend: nothing in it is a step.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::trace::{
    Blocked, Failure, FailureKind, ObjectInfo, ObjectKind, Operation, Step, ThreadInfo, Trouble,
    WaitsFor,
};
use crate::sync::{Composite, Kind, Name, NotifyOrder, Property, Semantics};

type Place = &'static Location<'static>;
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The execution is being given up: the thread must not go on.
#[derive(Clone, Copy, Debug)]
pub struct Halt;

/// How a run behaves where the program leaves it open.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The switches.
    pub semantics: Semantics,
    /// After how many rounds a busy-wait is ended.
    pub spin_cap: u32,
    /// The properties whose failure ends the run; the failure of another only ends its execution.
    pub targets: BTreeSet<Property>,
    /// Where choices come from.
    pub choices: Choices,
    /// Seed of the random yields before operations; none when absent.
    pub perturb: Option<u64>,
    /// The recording to repeat.
    pub script: Option<Script>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            semantics: Semantics::DEFAULT,
            spin_cap: 2,
            targets: Property::ALL.into_iter().collect(),
            choices: Choices::Table(ChoiceTable::new()),
            perturb: None,
            script: None,
        }
    }
}

/// A choice by (path of the thread, position among the thread's choices).
pub type ChoiceTable = BTreeMap<(Vec<u32>, usize), usize>;

/// Where choices come from.
#[derive(Clone, Debug)]
pub enum Choices {
    /// From a table, 0 where it is silent. The same table gives the same choices in every
    /// interleaving.
    Table(ChoiceTable),
    /// Pseudo-random by seed, execution and position.
    Sampled(u64),
}

/// A recording to repeat.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The steps, in order.
    pub steps: Vec<ScriptStep>,
}

/// A step of a recording: names, not numbers, so that it survives small edits of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptStep {
    /// The thread, as [`Session::thread_label`] writes it.
    pub thread: String,
    /// The operation's word.
    pub operation: String,
    /// The object, as [`Session::object_label`] writes it; empty if there is none.
    pub object: String,
    /// The value of a choice.
    pub value: Option<u64>,
}

/// What the executions of a run used; some of it limits what may be concluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Atomic loads, stores or read-modify-writes.
    pub atomics: bool,
    /// Loads or stores with `SeqCst`.
    pub seq_cst_accesses: bool,
    /// Fences.
    pub fences: bool,
    /// `try_lock`.
    pub try_lock: bool,
    /// Condition variables.
    pub condvars: bool,
    /// Semaphores.
    pub semaphores: bool,
    /// Semaphore sets.
    pub sets: bool,
    /// Choices, spurious wake-ups included.
    pub choices: bool,
    /// Busy-waits.
    pub spins: bool,
    /// Plain memory.
    pub cells: bool,
}

/// Sums and maxima over the executions of a run.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Executions that ran to their end, cut ones included.
    pub executions: u64,
    /// The most steps in one execution.
    pub max_steps: usize,
    /// The most threads in one execution, the main one included.
    pub max_threads: usize,
    /// What was used.
    pub used: Used,
    /// Executions in which a busy-wait was ended.
    pub spins_capped: u64,
    /// Executions that were cut by the failure of a property that is no target.
    pub cut: BTreeMap<Property, u64>,
    /// Situations that occurred.
    pub marks: BTreeSet<&'static str>,
    /// Every choice that was asked for, with its number of alternatives.
    pub choices: BTreeMap<(Vec<u32>, usize), usize>,
}

impl Totals {
    /// Adds the totals of another run of the same program.
    pub fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.max_steps = self.max_steps.max(other.max_steps);
        self.max_threads = self.max_threads.max(other.max_threads);
        self.spins_capped += other.spins_capped;
        self.used.add(other.used);
        for (property, times) in other.cut {
            *self.cut.entry(property).or_insert(0) += times;
        }
        self.marks.extend(other.marks);
        self.choices.extend(other.choices);
    }
}

impl Used {
    fn add(&mut self, other: Self) {
        self.atomics |= other.atomics;
        self.seq_cst_accesses |= other.seq_cst_accesses;
        self.fences |= other.fences;
        self.try_lock |= other.try_lock;
        self.condvars |= other.condvars;
        self.semaphores |= other.semaphores;
        self.sets |= other.sets;
        self.choices |= other.choices;
        self.spins |= other.spins;
        self.cells |= other.cells;
    }
}

/// The observer of one run.
pub struct Session {
    settings: Settings,
    state: Mutex<State>,
    /// Told whenever a replay's turn may have changed.
    turn: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    failure: Option<Failure>,
    threads: Vec<Thread>,
    objects: Vec<Object>,
    twins: HashMap<(usize, &'static str, Name), usize>,
    steps: Vec<Step>,
    /// Position in the script.
    position: usize,
    fences: Clock,
    sequentially_consistent: bool,
    spin_capped: bool,
    perturbation: u64,
    choices_made: u64,
    totals: Totals,
}

struct Thread {
    info: ThreadInfo,
    /// Creator's path and the creator's counter: the same in every interleaving.
    path: Vec<u32>,
    children: u32,
    status: Status,
    place: Place,
    wake: Option<Wake>,
    point: Option<Arc<dyn Any + Send + Sync>>,
    token: bool,
    at_gate: bool,
    choices: usize,
    spurious: usize,
    composites: Vec<(usize, Composite)>,
    /// Order of the trace: every earlier step that this thread's steps depend on.
    order: Clock,
    /// Happens-before of the memory model.
    sync: Clock,
    /// What relaxed loads have read, for a later acquire fence.
    read: Clock,
    /// The clock at the last release fence.
    released: Clock,
    /// The clocks of the last unpark.
    unparked: (Clock, Clock),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    WantsLock(usize),
    Waiting { condvar: usize, mutex: usize },
    Parked,
    Joining(usize),
    Finished,
}

struct Object {
    info: ObjectInfo,
    /// Mutex: who holds it.
    holder: Option<usize>,
    /// Composite: who took how many units and has not returned them.
    holders: Vec<(usize, usize)>,
    /// Semaphore: a thread returned units that it had not taken.
    signals: bool,
    /// Condition variable.
    waiters: Vec<Waiter>,
    tokens: Vec<Token>,
    arrivals: u64,
    /// Zone: who is inside, and where each thread last left.
    inside: Vec<(usize, Clock)>,
    left: Vec<(usize, u32, Clock)>,
    /// Order of the trace: the last writes and all reads since.
    order_writes: Clock,
    order_reads: Clock,
    /// Happens-before that an acquire takes from here.
    sync: Clock,
    /// Atomic: the value after the last write in trace order.
    value: Option<u64>,
    /// Memory: the last write and the reads since.
    write: Option<Access>,
    reads: Vec<Access>,
}

struct Waiter {
    thread: usize,
    arrival: u64,
    signalled: bool,
    spurious: bool,
    clocks: (Clock, Clock),
}

/// A notification that any thread which waited at its time may take.
struct Token {
    issued: u64,
    clocks: (Clock, Clock),
}

struct Access {
    thread: usize,
    tick: u32,
    place: Place,
    order: Clock,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// The session under which this OS thread runs a checked program, if it does.
#[must_use]
pub fn installed() -> Option<Arc<Session>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// What to do next in a wait.
pub(super) enum Waiting {
    /// Sleep, then ask again.
    Sleep,
    /// Lock the mutex, then ask whether the wait is over.
    Try,
}

impl Session {
    /// A session with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self { settings, state: Mutex::default(), turn: Condvar::new() })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes this the session of the calling OS thread while `body` runs.
    pub fn install<R>(self: &Arc<Self>, body: impl FnOnce() -> R) -> R {
        struct Restore(Option<Arc<Session>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        body()
    }

    /// Begins an execution; the calling thread is its main thread.
    #[track_caller]
    pub fn begin(&self) {
        let mut state = self.state();
        let State { threads, objects, twins, steps, .. } = &mut *state;
        threads.clear();
        objects.clear();
        twins.clear();
        steps.clear();
        state.stopped = false;
        state.failure = None;
        state.position = 0;
        state.fences.clear();
        state.sequentially_consistent = true;
        state.spin_capped = false;
        state.choices_made = 0;
        let executions = state.totals.executions;
        state.perturbation = mix(self.settings.perturb.unwrap_or(0) ^ mix(executions + 1));
        state.add_thread("main".into(), None);
    }

    /// Ends an execution that nobody gave up, and adds it to the totals.
    pub fn end(&self) {
        let mut state = self.state();
        if !state.stopped {
            state.count();
        }
    }

    /// Whether the execution has been given up.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.state().stopped
    }

    /// Whether a failure has ended the run.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Takes the failure that ended the run, if one did.
    #[must_use]
    pub fn take_failure(&self) -> Option<Failure> {
        self.state().failure.take()
    }

    /// The totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state().totals.clone()
    }

    /// Gives an execution up without a failure, because its engine has seen enough.
    pub fn cut(&self) {
        self.stop(&mut self.state());
    }

    /// How a token writes this thread.
    #[must_use]
    pub fn thread_label(info: &ThreadInfo) -> String {
        if info.twin == 0 { info.name.to_string() } else { format!("{}#{}", info.name, info.twin) }
    }

    /// How a token writes this object.
    #[must_use]
    pub fn object_label(info: &ObjectInfo) -> String {
        if info.twin == 0 { info.name.to_string() } else { format!("{}#{}", info.name, info.twin) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Threads.

    pub(super) fn spawn(
        &self,
        parent: usize,
        name: Name,
        limit: Option<usize>,
    ) -> Result<usize, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        if let Some(limit) = limit
            && state.threads.len() >= limit
        {
            let message = format!("more than {limit} threads, the main one included");
            return Err(self.trouble(&mut state, parent, Trouble::Threads { limit }, message));
        }
        Ok(state.add_thread(name, Some(parent)))
    }

    pub(super) fn started(&self, me: usize, wake: Wake) {
        self.state().threads[me].wake = Some(wake);
    }

    pub(super) fn rename(&self, me: usize, name: Name) -> Name {
        let mut state = self.state();
        let twin = state.thread_twin(name, me);
        let info = &mut state.threads[me].info;
        let before = info.name;
        *info = ThreadInfo { name, twin };
        before
    }

    pub(super) fn finished(&self, me: usize) -> Result<(), Halt> {
        let mut state = self.state();
        state.threads[me].status = Status::Finished;
        if state.stopped {
            return Err(Halt);
        }
        self.turn.notify_all();
        self.check_deadlock(&mut state, me)
    }

    pub(super) fn joining(&self, me: usize, child: usize) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.threads[me].status = Status::Joining(child);
        self.check_deadlock(&mut state, me)
    }

    pub(super) fn joined(&self, me: usize, child: usize) {
        let mut state = self.state();
        let (order, sync) =
            (state.threads[child].order.clone(), state.threads[child].sync.clone());
        let thread = &mut state.threads[me];
        thread.status = Status::Running;
        thread.order.join(&order);
        thread.sync.join(&sync);
    }

    pub(super) fn point<P: Send + Sync + 'static>(
        &self,
        thread: usize,
        make: impl FnOnce() -> P,
    ) -> Arc<P> {
        if let Some(point) = self.state().threads[thread].point.clone() {
            return point.downcast().expect("one run has one backend, so one type of points");
        }
        let point = Arc::new(make());
        self.state().threads[thread].point = Some(point.clone());
        point
    }

    /// The body of thread `me` panicked, and not because the execution was given up.
    pub(super) fn panicked(&self, me: usize, trouble: Option<Trouble>, message: &str, place: Option<String>) {
        let mut state = self.state();
        if state.stopped {
            return;
        }
        match trouble {
            Some(trouble) => {
                let Halt = self.trouble(&mut state, me, trouble, message.to_owned());
            }
            None => {
                let message = format!("panicked: {message}");
                let Halt = self.failed(&mut state, me, Property::Invariant, message, place, None);
            }
        }
    }

    // Objects.

    #[track_caller]
    pub(super) fn object(&self, me: usize, kind: ObjectKind, name: Name) -> usize {
        let mut state = self.state();
        let key = (me, kind.word(), name);
        let twin = *state.twins.entry(key).and_modify(|n| *n += 1).or_insert(0);
        state.objects.push(Object::new(ObjectInfo { name, kind, twin }));
        state.objects.len() - 1
    }

    // Operations: announced before, told after.

    /// Tells an operation before it happens; waits for its turn in a replay.
    pub(super) fn announce(
        &self,
        me: usize,
        operation: Operation,
        object: Option<usize>,
        place: Place,
    ) -> Result<usize, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.threads[me].place = place;
        if self.settings.script.is_some() && operation.is_gated() {
            state = self.gate(state, me, operation, object)?;
        }
        let yields = if self.settings.perturb.is_some() {
            state.perturbation = mix(state.perturbation);
            // One operation in four lets others run, up to three times.
            let roll = state.perturbation % 16;
            if roll < 4 { usize::try_from(roll).unwrap_or(0) } else { 0 }
        } else {
            0
        };
        drop(state);
        Ok(yields)
    }

    /// Announces and says that the thread will block while `object` is held.
    pub(super) fn wants(&self, me: usize, object: usize) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.threads[me].status = Status::WantsLock(object);
        if state.objects[object].holder == Some(me) {
            let info = state.threads[me].info.name;
            let message = format!("{info} locks {} and holds it already", state.objects[object].info.name);
            return Err(self.failed(&mut state, me, Property::DeadlockFreedom, message, None, None));
        }
        self.check_deadlock(&mut state, me)
    }

    pub(super) fn locked(&self, me: usize, object: usize, operation: Operation, place: Place) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let state = &mut *state;
        state.totals.used.try_lock |= operation == Operation::TryLock;
        state.threads[me].status = Status::Running;
        state.objects[object].holder = Some(me);
        state.dependent(me, object);
        let sync = &state.objects[object].sync;
        state.threads[me].sync.join(sync);
        state.record(me, operation, Some(object), place, Some(1));
        self.turn.notify_all();
        Ok(())
    }

    pub(super) fn try_lock_failed(&self, me: usize, object: usize, place: Place) {
        let mut state = self.state();
        state.totals.used.try_lock = true;
        state.dependent(me, object);
        state.record(me, Operation::TryLock, Some(object), place, Some(0));
        self.turn.notify_all();
    }

    /// The mutex is free from here on.
    pub(super) fn unlocked(&self, me: usize, object: usize, place: Place) {
        let mut state = self.state();
        state.release(me, object);
        state.record(me, Operation::Unlock, Some(object), place, None);
        self.turn.notify_all();
    }

    /// Threads that sleep until the mutex is free.
    pub(super) fn lock_waiters(&self, object: usize) -> Vec<Wake> {
        self.state().lock_waiters(object)
    }

    pub(super) fn wait(
        &self,
        me: usize,
        condvar: usize,
        mutex: usize,
        spurious: bool,
        place: Place,
    ) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.totals.used.condvars = true;
        state.dependent(me, condvar);
        state.release(me, mutex);
        state.record(me, Operation::Wait, Some(condvar), place, None);
        let object = &mut state.objects[condvar];
        object.arrivals += 1;
        let arrival = object.arrivals;
        object.waiters.push(Waiter {
            thread: me,
            arrival,
            signalled: spurious,
            spurious,
            clocks: Default::default(),
        });
        let thread = &mut state.threads[me];
        thread.spurious += usize::from(spurious);
        thread.status = Status::Waiting { condvar, mutex };
        self.turn.notify_all();
        self.check_deadlock(&mut state, me)
    }

    /// Whether the wait that is about to begin may end by itself.
    pub(super) fn may_wake_spuriously(&self, me: usize) -> bool {
        self.settings.semantics.spurious
            && self.state().threads[me].spurious < Semantics::SPURIOUS_PER_THREAD
    }

    pub(super) fn waiting(&self, me: usize, condvar: usize) -> Result<Waiting, Halt> {
        let state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        Ok(if state.objects[condvar].may_wake(me) { Waiting::Try } else { Waiting::Sleep })
    }

    /// Whether the wait is over, now that the mutex is locked.
    pub(super) fn woken(&self, me: usize, condvar: usize, mutex: usize, place: Place) -> Result<bool, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let state = &mut *state;
        let object = &mut state.objects[condvar];
        let Some(at) = object.waiters.iter().position(|waiter| waiter.thread == me) else {
            return Ok(true);
        };
        let waiter = &object.waiters[at];
        let (clocks, spurious) = if waiter.signalled {
            let waiter = object.waiters.remove(at);
            (waiter.clocks, waiter.spurious)
        } else {
            // The oldest token that this waiter may take: it has the fewest takers.
            let arrival = waiter.arrival;
            let Some(token) = object.tokens.iter().position(|token| token.issued > arrival) else {
                return Ok(false);
            };
            object.waiters.remove(at);
            (object.tokens.remove(token).clocks, false)
        };
        state.objects[mutex].holder = Some(me);
        let thread = &mut state.threads[me];
        thread.status = Status::Running;
        thread.order.join(&clocks.0);
        thread.sync.join(&clocks.1);
        state.dependent(me, mutex);
        let sync = &state.objects[mutex].sync;
        state.threads[me].sync.join(sync);
        let operation = if spurious { Operation::SpuriousWake } else { Operation::Wake };
        state.record(me, operation, Some(condvar), place, None);
        self.turn.notify_all();
        Ok(true)
    }

    pub(super) fn notify(
        &self,
        me: usize,
        condvar: usize,
        all: bool,
        place: Place,
    ) -> Result<Vec<Wake>, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let state = &mut *state;
        state.totals.used.condvars = true;
        state.dependent(me, condvar);
        let clocks = (state.threads[me].order.clone(), state.threads[me].sync.clone());
        let object = &mut state.objects[condvar];
        object.arrivals += 1;
        let issued = object.arrivals;
        let mut asleep: Vec<&mut Waiter> =
            object.waiters.iter_mut().filter(|waiter| !waiter.signalled).collect();
        let free = asleep.len() - object.tokens.len();
        let woken: Vec<usize> = if all {
            object.tokens.clear();
            for waiter in &mut asleep {
                waiter.signalled = true;
                waiter.clocks = clocks.clone();
            }
            asleep.iter().map(|waiter| waiter.thread).collect()
        } else if free == 0 {
            Vec::new()
        } else if self.settings.semantics.notify == NotifyOrder::Fifo
            || (free == 1 && object.tokens.is_empty())
        {
            let first = &mut asleep[0];
            first.signalled = true;
            first.clocks = clocks;
            vec![first.thread]
        } else {
            object.tokens.push(Token { issued, clocks });
            asleep.iter().map(|waiter| waiter.thread).collect()
        };
        let count = if all { woken.len() } else { usize::from(!woken.is_empty()) };
        let wakes = woken.iter().filter_map(|&thread| state.threads[thread].wake.clone()).collect();
        let operation = if all { Operation::NotifyAll } else { Operation::NotifyOne };
        state.record(me, operation, Some(condvar), place, Some(count as u64));
        self.turn.notify_all();
        Ok(wakes)
    }

    /// Whether the token was there; otherwise the thread is to sleep and ask again.
    pub(super) fn park(&self, me: usize, object: usize, place: Place) -> Result<bool, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        if !state.threads[me].token {
            state.threads[me].status = Status::Parked;
            self.check_deadlock(&mut state, me)?;
            return Ok(false);
        }
        state.dependent(me, object);
        let thread = &mut state.threads[me];
        thread.token = false;
        thread.status = Status::Running;
        let (order, sync) = std::mem::take(&mut thread.unparked);
        thread.order.join(&order);
        thread.sync.join(&sync);
        state.record(me, Operation::Park, None, place, None);
        self.turn.notify_all();
        Ok(true)
    }

    pub(super) fn unpark(&self, me: usize, thread: usize, object: usize, place: Place) -> Option<Wake> {
        let mut state = self.state();
        state.dependent(me, object);
        let (order, sync) = (state.threads[me].order.clone(), state.threads[me].sync.clone());
        let target = &mut state.threads[thread];
        target.token = true;
        target.unparked.0.join(&order);
        target.unparked.1.join(&sync);
        let wake = target.wake.clone();
        state.record(me, Operation::Unpark, Some(object), place, None);
        self.turn.notify_all();
        wake
    }

    /// Does an atomic operation and tells it, in one step of the session where `hold` says so.
    pub(super) fn atomic<R>(
        &self,
        me: usize,
        object: usize,
        place: Place,
        hold: bool,
        access: impl FnOnce() -> (R, AtomicStep),
    ) -> Result<R, Halt> {
        let (result, step, mut state) = if hold {
            let state = self.state();
            let (result, step) = access();
            (result, step, state)
        } else {
            let (result, step) = access();
            (result, step, self.state())
        };
        if state.stopped {
            return Err(Halt);
        }
        state.atomic_step(me, object, place, step);
        self.turn.notify_all();
        Ok(result)
    }

    /// Tells the value with which an atomic begins.
    pub(super) fn initial(&self, object: usize, value: u64) {
        self.state().objects[object].value = Some(value);
    }

    pub(super) fn fence(&self, me: usize, order: Ordering, place: Place) {
        let mut state = self.state();
        let state = &mut *state;
        state.totals.used.fences = true;
        let thread = &mut state.threads[me];
        if matches!(order, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst) {
            let read = thread.read.clone();
            thread.sync.join(&read);
        }
        if order == Ordering::SeqCst {
            thread.sync.join(&state.fences);
            state.fences.join(&thread.sync);
        }
        if matches!(order, Ordering::Release | Ordering::AcqRel | Ordering::SeqCst) {
            thread.released = thread.sync.clone();
        }
        state.record(me, Operation::Fence, None, place, None);
        self.turn.notify_all();
    }

    /// Checks an access to plain memory, and ends the execution when it races.
    pub(super) fn access(
        &self,
        me: usize,
        object: usize,
        write: bool,
        check: bool,
        place: Place,
    ) -> Result<(), Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        state.totals.used.cells = true;
        let operation = if write { Operation::Write } else { Operation::Read };
        let before = state.threads[me].order.clone();
        state.record(me, operation, Some(object), place, None);
        let sync = &state.threads[me].sync;
        let cell = &state.objects[object];
        let racing = cell
            .write
            .iter()
            .chain(if write { cell.reads.iter() } else { [].iter() })
            .find(|access| access.thread != me && access.tick > sync.get(access.thread));
        if check && let Some(other) = racing {
            let verb = |write: bool| if write { "writes" } else { "reads" };
            let message = format!(
                "{} {} {} at {} while {}'s access at {} is not ordered before it",
                state.threads[me].info.name,
                verb(write),
                cell.info.name,
                place,
                state.threads[other.thread].info.name,
                other.place,
            );
            let mut past = other.order.clone();
            past.join(&before);
            let past = Some(past);
            return Err(self.failed(
                state,
                me,
                Property::DataRaceFreedom,
                message,
                Some(place.to_string()),
                past,
            ));
        }
        let tick = state.threads[me].sync.get(me);
        let order = state.threads[me].order.clone();
        let access = Access { thread: me, tick, place, order };
        if write {
            state.dependent_write(me, object);
            state.objects[object].reads.clear();
            state.objects[object].write = Some(access);
        } else {
            state.dependent_read(me, object);
            let reads = &mut state.objects[object].reads;
            reads.retain(|read| read.thread != me);
            reads.push(access);
        }
        self.turn.notify_all();
        Ok(())
    }

    // Composite steps.

    pub(super) fn begin_step(&self, me: usize, object: usize, step: Composite, place: Place) -> Result<(), Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        let kind = state.objects[object].info.kind;
        state.totals.used.semaphores |= kind == ObjectKind::Composite(Kind::Semaphore);
        state.totals.used.sets |= kind == ObjectKind::Composite(Kind::SemaphoreSet);
        state.record(me, Operation::Begin(step), Some(object), place, None);
        match step {
            Composite::Enter => self.enter(state, me, object, place)?,
            Composite::Leave => {
                let tick = state.threads[me].order.get(me);
                let zone = &mut state.objects[object];
                if let Some(at) = zone.inside.iter().position(|(inside, _)| *inside == me) {
                    let (_, entry) = zone.inside.remove(at);
                    zone.left.retain(|(left, ..)| *left != me);
                    zone.left.push((me, tick, entry));
                }
            }
            Composite::Acquire(_) | Composite::TryAcquire(_) | Composite::Release(_) => {
                state.threads[me].composites.push((object, step));
            }
        }
        self.turn.notify_all();
        Ok(())
    }

    pub(super) fn end_step(&self, me: usize, object: usize, step: Composite, done: bool, place: Place) {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.stopped {
            return;
        }
        state.threads[me].composites.pop();
        match step {
            Composite::Acquire(units) | Composite::TryAcquire(units) if done => {
                state.objects[object].holders.push((me, units));
            }
            Composite::Release(units) if done => {
                let composite = &mut state.objects[object];
                match composite.holders.iter().rposition(|&(thread, held)| thread == me && held == units) {
                    Some(at) => drop(composite.holders.remove(at)),
                    None => composite.signals = true,
                }
            }
            _ => {}
        }
        state.record(me, Operation::End(step), Some(object), place, Some(u64::from(done)));
    }

    /// A thread enters a zone: fails when more are inside than it admits, or could have been in a
    /// trace that differs only in the order of independent steps.
    fn enter(&self, state: &mut State, me: usize, object: usize, place: Place) -> Result<(), Halt> {
        let ObjectKind::Composite(Kind::Zone { limit }) = state.objects[object].info.kind else {
            return Ok(());
        };
        let name = state.objects[object].info.name;
        let mine = state.threads[me].order.clone();
        let zone = &state.objects[object];
        let (others, past) = if zone.inside.len() >= limit {
            (zone.inside.iter().map(|(thread, _)| *thread).collect(), None)
        } else if limit == 1
            && let Some((other, _, entry)) = zone
                .left
                .iter()
                .find(|(thread, tick, _)| *thread != me && *tick > mine.get(*thread))
        {
            // It left, but nothing that led here depends on that: the same steps in another order
            // have both inside. Keep what led to the two entries.
            let mut past = entry.clone();
            past.join(&mine);
            (vec![*other], Some(past))
        } else {
            state.objects[object].inside.push((me, mine));
            return Ok(());
        };
        let names: Vec<String> =
            others.iter().map(|&other: &usize| state.threads[other].info.name.to_string()).collect();
        let message = format!(
            "{} enters {name} while {} {} inside",
            state.threads[me].info.name,
            names.join(" and "),
            if names.len() == 1 { "is" } else { "are" },
        );
        let property = Property::MutualExclusion;
        Err(self.failed(state, me, property, message, Some(place.to_string()), past))
    }

    // Choices, spins, marks, failures.

    pub(super) fn choose(&self, me: usize, name: Name, n: usize, place: Place) -> Result<usize, Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        state.totals.used.choices = true;
        let thread = &mut state.threads[me];
        let key = (thread.path.clone(), thread.choices);
        thread.choices += 1;
        state.choices_made += 1;
        let scripted = self.settings.script.as_ref().and_then(|script| {
            let step = script.steps.get(state.position)?;
            (step.operation == Operation::Choose.word()).then_some(step.value?)
        });
        let value = match (&self.settings.choices, scripted) {
            (_, Some(value)) => usize::try_from(value).unwrap_or(0),
            (Choices::Table(table), None) => table.get(&key).copied().unwrap_or(0),
            (Choices::Sampled(seed), None) => {
                let roll = mix(seed ^ mix(state.totals.executions + 1) ^ mix(!state.choices_made));
                usize::try_from(roll % n as u64).unwrap_or(0)
            }
        };
        let value = value.min(n - 1);
        state.totals.choices.insert(key, n);
        let info = ObjectInfo { name, kind: ObjectKind::Choice, twin: 0 };
        let object = match state.objects.iter().position(|object| object.info == info) {
            Some(object) => object,
            None => {
                state.objects.push(Object::new(info));
                state.objects.len() - 1
            }
        };
        state.record(me, Operation::Choose, Some(object), place, Some(value as u64));
        self.turn.notify_all();
        Ok(value)
    }

    /// Whether a busy-wait may go on after `rounds` rounds.
    pub(super) fn spin(&self, me: usize, rounds: u32) -> Result<bool, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let _ = me;
        state.totals.used.spins = true;
        let again = rounds < self.settings.spin_cap;
        state.spin_capped |= !again;
        Ok(again)
    }

    pub(super) fn reached(&self, mark: &'static str) {
        self.state().totals.marks.insert(mark);
    }

    pub(super) fn fail(
        &self,
        me: usize,
        property: Property,
        message: String,
        place: Option<String>,
    ) -> Halt {
        let mut state = self.state();
        if state.stopped {
            return Halt;
        }
        self.failed(&mut state, me, property, message, place, None)
    }

    /// The host's memory model has found what the order of the steps does not show.
    pub(super) fn fail_by_host(
        &self,
        me: usize,
        property: Property,
        message: String,
        place: Option<String>,
    ) -> Halt {
        self.state().sequentially_consistent = false;
        self.fail(me, property, message, place)
    }

    /// `past`: the steps to keep, with the last one; all when absent.
    fn failed(
        &self,
        state: &mut State,
        me: usize,
        property: Property,
        message: String,
        location: Option<String>,
        past: Option<Clock>,
    ) -> Halt {
        if self.settings.targets.contains(&property) {
            let steps = match past {
                Some(past) => {
                    let last = state.steps.len().saturating_sub(1);
                    let keep = |(at, step): (usize, &Step)| {
                        (at == last || step.tick <= past.get(step.thread)).then_some(*step)
                    };
                    state.steps.iter().enumerate().filter_map(keep).collect()
                }
                None => state.steps.clone(),
            };
            state.failure = Some(state.failure(
                FailureKind::Property(property),
                message,
                location,
                me,
                steps,
            ));
        } else {
            *state.totals.cut.entry(property).or_insert(0) += 1;
        }
        self.stop(state);
        Halt
    }

    fn trouble(&self, state: &mut State, me: usize, trouble: Trouble, message: String) -> Halt {
        let steps = state.steps.clone();
        state.failure =
            Some(state.failure(FailureKind::Trouble(trouble), message, None, me, steps));
        self.stop(state);
        Halt
    }

    fn stop(&self, state: &mut State) {
        if state.stopped {
            return;
        }
        state.stopped = true;
        state.count();
        for thread in &state.threads {
            if let Some(wake) = &thread.wake
                && thread.status != Status::Finished
            {
                wake();
            }
        }
        self.turn.notify_all();
    }

    fn check_deadlock(&self, state: &mut State, me: usize) -> Result<(), Halt> {
        let mut alive = state.threads.iter().enumerate().filter(|(_, t)| t.status != Status::Finished);
        let mut any = false;
        let dead = alive.all(|(index, _)| {
            any = true;
            state.is_blocked(index)
        });
        if !any || !dead {
            return Ok(());
        }
        let blocked: Vec<usize> = (0..state.threads.len())
            .filter(|&t| {
                !matches!(state.threads[t].status, Status::Finished | Status::Joining(_))
            })
            .collect();
        let names: Vec<String> =
            blocked.iter().map(|&t| state.threads[t].info.name.to_string()).collect();
        let message = format!(
            "nobody can move: {} {} for ever",
            names.join(", "),
            if names.len() == 1 { "waits" } else { "wait" },
        );
        Err(self.failed(state, me, Property::DeadlockFreedom, message, None, None))
    }

    // Replay.

    fn gate<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        me: usize,
        operation: Operation,
        object: Option<usize>,
    ) -> Result<MutexGuard<'a, State>, Halt> {
        let script = self.settings.script.as_ref().expect("the caller has looked");
        loop {
            if state.stopped {
                return Err(Halt);
            }
            let Some(next) = script.steps.get(state.position) else {
                return Ok(state);
            };
            let mine = Self::thread_label(&state.threads[me].info);
            if next.thread == mine {
                let found = object.map_or(String::new(), |object| {
                    Self::object_label(&state.objects[object].info)
                });
                let same_word = next.operation == operation.word()
                    // What a wait or an exchange will turn out to be is known afterwards only.
                    || matches!(
                        (next.operation.as_str(), operation),
                        ("spurious-wake", Operation::Wake)
                            | ("failed-exchange", Operation::ReadModifyWrite)
                    );
                if same_word && (next.object == found || operation == Operation::Choose) {
                    return Ok(state);
                }
                let at = state.position;
                let expected = format!("{} {} {}", next.thread, next.operation, next.object);
                let found = format!("{mine} {} {found}", operation.word());
                let message = format!("the program has changed: step {} was `{expected}`, now it is `{found}`", at + 1);
                return Err(self.trouble(
                    &mut state,
                    me,
                    Trouble::Diverged { at, expected, found },
                    message,
                ));
            }
            state.threads[me].at_gate = true;
            let stuck = (0..state.threads.len()).all(|t| {
                let thread = &state.threads[t];
                thread.status == Status::Finished
                    || (thread.at_gate && Self::thread_label(&thread.info) != next.thread)
                    || state.is_blocked(t)
            });
            if stuck {
                let at = state.position;
                let expected = format!("{} {} {}", next.thread, next.operation, next.object);
                let message = format!("the program has changed: step {} was `{expected}`, now {} cannot take it", at + 1, next.thread);
                return Err(self.trouble(
                    &mut state,
                    me,
                    Trouble::Diverged { at, expected, found: "nothing".to_owned() },
                    message,
                ));
            }
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.threads[me].at_gate = false;
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What an atomic operation turned out to be.
pub(super) struct AtomicStep {
    pub(super) operation: Operation,
    pub(super) order: Ordering,
    /// The value that was read, if one was.
    pub(super) read: Option<u64>,
    /// The value that was written, if one was.
    pub(super) written: Option<u64>,
}

impl State {
    fn add_thread(&mut self, name: Name, parent: Option<usize>) -> usize {
        let index = self.threads.len();
        let twin = self.thread_twin(name, index);
        let (path, mut order, mut sync) = match parent {
            Some(parent) => {
                let parent = &mut self.threads[parent];
                let mut path = parent.path.clone();
                path.push(parent.children);
                parent.children += 1;
                (path, parent.order.clone(), parent.sync.clone())
            }
            None => (Vec::new(), Clock::default(), Clock::default()),
        };
        order.tick(index);
        sync.tick(index);
        self.threads.push(Thread {
            info: ThreadInfo { name, twin },
            path,
            children: 0,
            status: Status::Running,
            place: Location::caller(),
            wake: None,
            point: None,
            token: false,
            at_gate: false,
            choices: 0,
            spurious: 0,
            composites: Vec::new(),
            order,
            sync,
            read: Clock::default(),
            released: Clock::default(),
            unparked: Default::default(),
        });
        if let Some(parent) = parent {
            self.threads[parent].order.tick(parent);
            self.threads[parent].sync.tick(parent);
        }
        index
    }

    fn thread_twin(&self, name: Name, me: usize) -> usize {
        self.threads.iter().take(me).filter(|thread| thread.info.name == name).count()
    }

    fn count(&mut self) {
        self.totals.executions += 1;
        self.totals.max_steps = self.totals.max_steps.max(self.steps.len());
        self.totals.max_threads = self.totals.max_threads.max(self.threads.len());
        self.totals.spins_capped += u64::from(self.spin_capped);
    }

    fn record(
        &mut self,
        me: usize,
        operation: Operation,
        object: Option<usize>,
        place: Place,
        value: Option<u64>,
    ) {
        let thread = &mut self.threads[me];
        thread.place = place;
        let tick = thread.order.tick(me);
        thread.sync.tick(me);
        let depth = thread.composites.len();
        self.steps.push(Step { thread: me, operation, object, location: place, value, depth, tick });
        if operation.is_gated() {
            self.position += 1;
        }
    }

    /// A step that depends on every other step on the object.
    fn dependent(&mut self, me: usize, object: usize) {
        self.dependent_write(me, object);
    }

    fn dependent_write(&mut self, me: usize, object: usize) {
        let object = &mut self.objects[object];
        let order = &mut self.threads[me].order;
        order.join(&object.order_writes);
        order.join(&object.order_reads);
        object.order_writes.join(order);
    }

    fn dependent_read(&mut self, me: usize, object: usize) {
        let object = &mut self.objects[object];
        let order = &mut self.threads[me].order;
        order.join(&object.order_writes);
        object.order_reads.join(order);
    }

    fn release(&mut self, me: usize, mutex: usize) {
        self.dependent(me, mutex);
        self.objects[mutex].holder = None;
        let thread = &mut self.threads[me];
        self.objects[mutex].sync.join(&thread.sync);
        thread.sync.tick(me);
    }

    /// Threads that sleep until the mutex is free.
    fn lock_waiters(&self, mutex: usize) -> Vec<Wake> {
        let waits = |thread: &&Thread| match thread.status {
            Status::WantsLock(object) => object == mutex,
            Status::Waiting { mutex: object, .. } => object == mutex,
            _ => false,
        };
        self.threads.iter().filter(waits).filter_map(|thread| thread.wake.clone()).collect()
    }

    fn atomic_step(&mut self, me: usize, object: usize, place: Place, step: AtomicStep) {
        use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        let AtomicStep { operation, order, read, written } = step;
        let used = &mut self.totals.used;
        used.atomics = true;
        used.seq_cst_accesses |=
            order == SeqCst && matches!(operation, Operation::Load | Operation::Store);
        if written.is_some() {
            self.dependent_write(me, object);
        } else {
            self.dependent_read(me, object);
        }
        let atomic = &mut self.objects[object];
        let thread = &mut self.threads[me];
        if let (Some(read), Some(value)) = (read, atomic.value)
            && read != value
        {
            self.sequentially_consistent = false;
        }
        if read.is_some() {
            if matches!(order, Acquire | AcqRel | SeqCst) {
                thread.sync.join(&atomic.sync);
            } else {
                thread.read.join(&atomic.sync);
            }
        }
        if let Some(written) = written {
            atomic.value = Some(written);
            // A plain store begins a new release sequence; a read-modify-write continues it.
            if read.is_none() {
                atomic.sync.clear();
            }
            match order {
                Release | AcqRel | SeqCst => atomic.sync.join(&thread.sync),
                Relaxed | Acquire => atomic.sync.join(&thread.released),
                _ => {}
            }
        }
        self.record(me, operation, Some(object), place, read.or(written));
    }

    fn is_blocked(&self, thread: usize) -> bool {
        match self.threads[thread].status {
            Status::Running | Status::Finished => false,
            Status::WantsLock(object) => self.objects[object].holder.is_some(),
            Status::Waiting { condvar, mutex } => {
                !self.objects[condvar].may_wake(thread) || self.objects[mutex].holder.is_some()
            }
            Status::Parked => !self.threads[thread].token,
            Status::Joining(child) => self.threads[child].status != Status::Finished,
        }
    }

    fn failure(
        &self,
        kind: FailureKind,
        message: String,
        location: Option<String>,
        thread: usize,
        steps: Vec<Step>,
    ) -> Failure {
        let blocked = (0..self.threads.len())
            .filter(|&t| self.is_blocked(t))
            .map(|t| Blocked {
                thread: t,
                waits_for: self.waits_for(t),
                location: self.threads[t].place,
                holds: self.holds(t),
            })
            .collect();
        Failure {
            kind,
            message,
            location,
            thread,
            steps,
            threads: self.threads.iter().map(|thread| thread.info).collect(),
            objects: self.objects.iter().map(|object| object.info).collect(),
            blocked,
            sequentially_consistent: self.sequentially_consistent,
        }
    }

    fn waits_for(&self, thread: usize) -> WaitsFor {
        let status = self.threads[thread].status;
        if let Some(&(object, step)) = self.threads[thread].composites.first()
            && let Composite::Acquire(units) | Composite::TryAcquire(units) = step
        {
            let composite = &self.objects[object];
            let holders = if composite.signals {
                Vec::new()
            } else {
                let mut holders: Vec<usize> = composite.holders.iter().map(|(t, _)| *t).collect();
                holders.sort_unstable();
                holders.dedup();
                holders
            };
            return WaitsFor::Composite { object, units, holders };
        }
        match status {
            Status::WantsLock(object) => {
                WaitsFor::Mutex { object, holder: self.objects[object].holder }
            }
            Status::Waiting { condvar, mutex } if self.objects[condvar].may_wake(thread) => {
                WaitsFor::Mutex { object: mutex, holder: self.objects[mutex].holder }
            }
            Status::Waiting { condvar, .. } => WaitsFor::Condvar { object: condvar },
            Status::Joining(thread) => WaitsFor::Join { thread },
            Status::Parked | Status::Running | Status::Finished => WaitsFor::Token,
        }
    }

    fn holds(&self, thread: usize) -> Vec<usize> {
        let held = |object: &Object| {
            object.holder == Some(thread)
                || (!object.signals && object.holders.iter().any(|(t, _)| *t == thread))
        };
        (0..self.objects.len()).filter(|&object| held(&self.objects[object])).collect()
    }
}

impl Object {
    fn new(info: ObjectInfo) -> Self {
        Self {
            info,
            holder: None,
            holders: Vec::new(),
            signals: false,
            waiters: Vec::new(),
            tokens: Vec::new(),
            arrivals: 0,
            inside: Vec::new(),
            left: Vec::new(),
            order_writes: Clock::default(),
            order_reads: Clock::default(),
            sync: Clock::default(),
            value: None,
            write: None,
            reads: Vec::new(),
        }
    }

    /// Whether a waiter's wait may be over.
    fn may_wake(&self, thread: usize) -> bool {
        self.waiters.iter().find(|waiter| waiter.thread == thread).is_some_and(|waiter| {
            waiter.signalled || self.tokens.iter().any(|token| token.issued > waiter.arrival)
        })
    }
}

/// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
