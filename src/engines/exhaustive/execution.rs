//! The machine under the stepping backend: the model, what is observed beside it, and who decides.
//!
//! How code runs is a [`Host`]'s: coroutines of our own, or shuttle's tasks. Everything else of an
//! execution is here.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::thread::panicking;

use smallvec::SmallVec;

use super::audit::Sample;
use super::driver::Driver;
use super::explorer::{Decision, Divergence, Ended};
use super::learned::{Deed, Learned, Then};
use super::locksets::Locksets;
use super::observer::Observer;
use super::segments::Segments;
use super::tale::Tale;
use super::world::World;
use super::world::event::{Event, Index};
use crate::engines::check::Job;
use crate::engines::progress::Estimate;
use crate::engines::verdict::Apart;
use crate::sync::announcing::{
    Abandoned, Atomically, ObjectKind, Operation, Recorder, Stopped, Totals, last_panic,
};
use crate::sync::last_step;
use crate::sync::stepping::{
    Change, Machine, NewObject, Note, ObjectId, Op, Place, Shown, Substance, ThreadId,
};
use crate::sync::{Composite, Kind, Moment, Name, Need, Property, Semantics, foreign};

/// How the threads of an execution are run: one at a time, on one OS thread.
///
/// # Safety
/// `give_up` returns only when the machine's runner resumes the thread, and `start` runs `body`
/// only as the machine's thread `thread`. The stack of a thread that has not ended is unwound
/// before those of threads that started earlier.
pub(super) unsafe trait Host {
    /// Gives up control of thread `me` until it is resumed.
    fn give_up(&self, me: ThreadId);

    /// Makes a thread; it runs when it is resumed for the first time.
    ///
    /// # Safety
    /// What `body` borrows lives until the thread has ended or has been unwound.
    unsafe fn start(&self, thread: ThreadId, name: Name, body: Box<dyn FnOnce() + '_>);
}

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The execution, observed.
    Running,
    /// The rest of an execution that was cut: run on, unobserved, so that its stacks end.
    Draining,
    /// Nobody goes on but to unwind.
    Unwinding,
}

/// How the machine behaves where the program leaves it open.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) semantics: Semantics,
    pub(super) targets: BTreeSet<Property>,
    /// What ends the run as well where it fails, though nothing is done to find it.
    pub(super) heard: BTreeSet<Property>,
    pub(super) spin_cap: u32,
    /// Most steps in an execution.
    pub(super) steps: usize,
    /// Semaphores are steps of the model.
    pub(super) native: bool,
    /// Races and zones are decided on the state.
    pub(super) by_state: bool,
    /// To enter or leave a zone is no step, also where it admits several: as in a search that decides
    /// on the state.
    pub(super) silent_zones: bool,
    /// What threads have seen is kept, so that states have keys; always where races and zones are
    /// decided on the state.
    pub(super) keyed: bool,
    /// What code does is kept, and played on the model where it is known.
    pub(super) learns: bool,
    /// How many bytes what is kept of that may take.
    pub(super) learned: usize,
    /// How many searches with these settings go on at the same time.
    pub(super) workers: usize,
    /// Races and zones are not looked for as long as locks show that there is nothing to be found.
    pub(super) protects: bool,
    /// Loops of rounds go on for ever, and zones are not looked at: the state graph is wanted.
    pub(super) endless: bool,
    /// A sample of the executions is to be run again.
    pub(super) audits: bool,
    /// Nobody looks for races and zones: another execution of the same trace has been looked at.
    pub(super) unwatched: bool,
}

/// What is said of a deadlock where its threads are not named.
const NOBODY_MOVES: &str = "nobody can move";

/// A property that failed.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) property: Property,
    pub(super) message: String,
    /// Where, if at one place.
    pub(super) location: Option<String>,
    /// Who was in a region that admits several was counted on the state: some of them may have come one
    /// after the other.
    pub(super) counted: bool,
}

/// Why a search cannot go on with this program.
#[derive(Clone, Debug)]
pub(super) enum Stuck {
    /// It behaves differently on the same schedule.
    Diverged(Box<Divergence>),
    /// It depends on something that the model does not have.
    Outside(String),
    /// It takes more steps than are allowed.
    Steps,
    /// A panic was caught in a thread that held something.
    CaughtPanic,
    /// An operation was called from a thread that is not the program's.
    Foreign(String),
    /// What runs the threads has failed.
    Internal(String),
}

/// What may keep states apart that are alike, as far as it has been seen.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptApart {
    /// Each object by its number.
    names: Vec<Option<(Shown, Name)>>,
    /// Whether what it holds is compared by the history of those who wrote it.
    by_history: Vec<bool>,
    /// Checkpoints while a mutex was held.
    without_effect: Option<(u64, Place)>,
}

impl KeptApart {
    fn made(&mut self, object: ObjectId, kind: Shown, name: Name) {
        if self.names.len() <= object {
            self.names.resize(object + 1, None);
            self.by_history.resize(object + 1, false);
        }
        self.names[object] = Some((kind, name));
    }

    fn written(&mut self, object: ObjectId, digest: Option<u64>) {
        if let Some(by_history) = self.by_history.get_mut(object) {
            *by_history |= digest.is_none();
        }
    }

    fn without_effect(&mut self, place: Place) {
        let (count, _) = self.without_effect.get_or_insert((0, place));
        *count += 1;
    }

    /// Takes in what another part of the same search has seen.
    pub(super) fn add(&mut self, other: Self) {
        for (object, named) in other.names.into_iter().enumerate() {
            if let Some((kind, name)) = named {
                self.made(object, kind, name);
                self.by_history[object] |= other.by_history[object];
            }
        }
        if let Some((more, place)) = other.without_effect {
            let (count, _) = self.without_effect.get_or_insert((0, place));
            *count += more;
        }
    }

    /// In the words of a verdict.
    pub(super) fn told(&self, job: &Job<'_>) -> Apart {
        let kept = self.names.iter().zip(&self.by_history);
        let kept = kept.filter_map(|(named, by_history)| named.filter(|_| *by_history));
        let words = kept.map(|(kind, name)| match kind {
            Shown::Mutex => format!("mutex `{name}`"),
            _ => format!("memory `{name}`"),
        });
        let mut by_history: Vec<String> = words.collect();
        by_history.sort();
        by_history.dedup();
        let place = |(count, place): (u64, Place)| (count, place.to_string());
        Apart {
            by_history,
            without_effect: self.without_effect.map(place),
            has_instances: !job.program.parameters().is_empty(),
        }
    }
}

pub(super) struct Inner {
    pub(super) world: World,
    pub(super) driver: Driver,
    pub(super) observer: Observer,
    /// Races and zones where they are decided on the state, instead of by the observer.
    pub(super) segments: Option<Segments>,
    pub(super) recorder: Option<Recorder>,
    pub(super) failed: Option<Failed>,
    /// The steps that lead to the failure, where it is none of the execution's end.
    pub(super) led: Option<Vec<Event>>,
    pub(super) stuck: Option<Stuck>,
    pub(super) totals: Totals,
    /// Names and steps of the execution, where it is to be shown.
    pub(super) tale: Option<Tale>,
    shown: Vec<Shown>,
    limits: Vec<usize>,
    orders: Vec<(Ordering, Ordering)>,
    choice: Vec<Option<Name>>,
    /// A failure of a property that is no target cut this execution.
    pub(super) cut_by: Option<Property>,
    pub(super) capped: bool,
    /// The execution is to be repeated, and looked at: with clocks, or for zones.
    again: bool,
    /// Nobody looks at the steps of this execution, nor writes them down: it is only decided who goes
    /// on. What looks may end within an execution, and begins between two.
    unseen: bool,
    /// What protects what; absent when that does not suffice, so that races and zones are looked for.
    pub(super) locksets: Option<Locksets>,
    /// How many mutexes each thread holds in this execution; not kept where no checkpoint is.
    mutexes: Vec<usize>,
    /// An atomic was accessed in an order weaker than `SeqCst`.
    pub(super) weak_orders: bool,
    /// How many steps there had been when each thread was last at the head of a busy-wait.
    spun: Vec<Option<Index>>,
    /// What code has done, where it need not run again.
    pub(super) learned: Option<Learned>,
    /// What may keep states apart that are alike.
    pub(super) apart: KeptApart,
    /// The accesses of each thread that are going on: whether it has announced anything meanwhile.
    accessing: Vec<SmallVec<[bool; 2]>>,
    /// The executions that are run again.
    pub(super) sample: Option<Sample>,
}

/// One execution after another of one program.
pub(super) struct Execution<'h> {
    host: &'h dyn Host,
    pub(super) settings: Settings,
    pub(super) inner: RefCell<Inner>,
    pub(super) phase: Cell<Phase>,
    pub(super) current: Cell<ThreadId>,
    /// Threads in the order in which they started.
    pub(super) started: RefCell<Vec<ThreadId>>,
    /// Threads that have not given back what they held, because they were unwinding.
    keeps: RefCell<Vec<ThreadId>>,
    /// How the execution ends, as a thread has found that is not the one to end it.
    decided: Cell<Option<Decision>>,
    /// Whether a thread decides just now.
    decides: Cell<bool>,
    /// How many more steps an execution that was cut is run on.
    drained: Cell<u32>,
}

impl<'h> Execution<'h> {
    pub(super) fn new(
        host: &'h dyn Host,
        settings: Settings,
        driver: Driver,
        recorder: Option<Recorder>,
    ) -> Self {
        let mut world = World::new(&settings.semantics);
        let searches = matches!(driver, Driver::Search(_) | Driver::Survey(_));
        let learns = settings.learns && searches && recorder.is_none();
        if !settings.by_state && !settings.keyed && !learns {
            world.without_keys();
        }
        let inner = Inner {
            world,
            driver,
            observer: Observer::default(),
            segments: (settings.by_state && !settings.unwatched).then(Segments::default),
            recorder,
            failed: None,
            led: None,
            stuck: None,
            totals: Totals::default(),
            tale: None,
            shown: Vec::new(),
            limits: Vec::new(),
            orders: Vec::new(),
            choice: Vec::new(),
            cut_by: None,
            capped: false,
            again: false,
            unseen: false,
            locksets: (settings.protects && searches).then(Locksets::default),
            mutexes: Vec::new(),
            weak_orders: false,
            spun: Vec::new(),
            learned: learns.then(|| Learned::within(settings.learned)),
            apart: KeptApart::default(),
            accessing: Vec::new(),
            sample: settings.audits.then(Sample::default),
        };
        Self {
            host,
            settings,
            inner: RefCell::new(inner),
            phase: Cell::new(Phase::Running),
            current: Cell::new(0),
            started: RefCell::new(Vec::new()),
            keeps: RefCell::new(Vec::new()),
            decided: Cell::new(None),
            decides: Cell::new(false),
            drained: Cell::new(0),
        }
    }

    /// Begins an execution, in which `body` is the main thread.
    ///
    /// # Safety
    /// As for [`Host::start`], and `self` outlives every thread.
    pub(super) unsafe fn begin<'b>(&self, body: impl FnOnce() + 'b) {
        {
            let mut inner = self.inner.borrow_mut();
            let common = inner.driver.common();
            if let Some(learned) = &mut inner.learned {
                learned.turns_back(common);
            }
            if let Some(sample) = &mut inner.sample {
                sample.begins();
            }
            inner.world.begin();
            // The first execution shows whether there is plain memory to keep clocks for.
            let first = inner.totals.executions == 0;
            let cells = inner.totals.used.cells;
            // By the order of the trace, unless locks have shown that there is nothing to be found.
            let by_order = inner.segments.is_none() && inner.locksets.is_none();
            if by_order && cells {
                // What is played has no clocks.
                inner.unlearn();
            }
            let watched = !self.settings.unwatched;
            inner
                .observer
                .keep_clocks(watched && by_order && (first || cells));
            inner.observer.begin();
            if let Some(segments) = &mut inner.segments {
                segments.begin();
            }
            inner.mutexes.clear();
            inner.spun.clear();
            inner.accessing.clear();
            if let Some(locksets) = &mut inner.locksets {
                locksets.begin();
            }
            inner.cut_by = None;
            inner.capped = false;
            inner.unseen = !inner.observer.keeps_clocks()
                && inner.segments.is_none()
                && inner.locksets.is_none()
                && inner.learned.is_none()
                && inner.recorder.is_none()
                && inner.tale.is_none();
        }
        self.begins_running();
        self.started.borrow_mut().push(0);
        let this: *const Self = self;
        // SAFETY: by our caller's promise, `self` outlives the thread.
        let body = Box::new(move || unsafe { (*this).run_thread(0, body) });
        // SAFETY: handed on to our caller.
        unsafe { self.host.start(0, "main".into(), body) };
    }

    pub(super) fn begins_running(&self) {
        self.phase.set(Phase::Running);
        self.decided.set(None);
        self.started.borrow_mut().clear();
        self.keeps.borrow_mut().clear();
    }

    /// Runs a thread's body: its panic is the program's failure.
    fn run_thread(&self, me: ThreadId, body: impl FnOnce()) {
        if self.phase.get() == Phase::Unwinding {
            // It has never run: its body is dropped.
            return;
        }
        if self.observing() {
            self.inner.borrow_mut().begins_silently(me);
        }
        last_step::passed(me, None);
        let result = catch_unwind(AssertUnwindSafe(body));
        if let Err(payload) = result
            && !payload.is::<Abandoned>()
        {
            self.panicked(me, payload.as_ref());
        }
        if self.phase.get() == Phase::Unwinding {
            return;
        }
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if inner.follows(me, Then::Ends).is_err() {
            self.phase.set(Phase::Unwinding);
            return;
        }
        inner.world.finish(me);
        if let Some(recorder) = &inner.recorder
            && recorder.finished(me).is_err()
        {
            self.phase.set(Phase::Unwinding);
        }
    }

    fn panicked(&self, me: ThreadId, payload: &(dyn Any + Send)) {
        let (message, place) = last_panic::take(payload);
        let mut inner = self.inner.borrow_mut();
        if self.decides.replace(false) {
            // It is no failure of the program's.
            inner.stuck = Some(Stuck::Internal(message));
            self.phase.set(Phase::Unwinding);
            return;
        }
        if self.phase.get() == Phase::Running {
            if let Some(refused) = foreign::take_for(&message) {
                inner.stuck = Some(Stuck::Foreign(refused));
                self.phase.set(Phase::Unwinding);
                return;
            }
            if let Some(recorder) = &inner.recorder {
                recorder.panicked(me, &message, place.clone());
            }
            let message = format!("panicked: {message}");
            inner.fails(&self.settings, Property::Invariant, message, place);
        }
        self.phase.set(Phase::Unwinding);
    }

    /// What to do next, when every thread has announced or ended.
    pub(super) fn decide(&self) -> Decision {
        match self.decided.take() {
            Some(decision) => decision,
            None => self.decide_in(&mut self.inner.borrow_mut()),
        }
    }

    // Else the decision would be copied through memory, in other pieces than it is written in.
    #[inline(always)]
    fn decide_in(&self, inner: &mut Inner) -> Decision {
        if inner.world.applied() as usize >= self.settings.steps {
            inner.stuck = Some(Stuck::Steps);
            return Decision::Cut;
        }
        if let Some(segments) = &mut inner.segments
            && !self.settings.endless
        {
            let world = &mut inner.world;
            segments.tell(|thread, digest, ends| world.accesses(thread, digest, ends));
        }
        if self.settings.semantics.spurious && self.observing() && inner.is_dead(&self.settings) {
            // It ends here: that somebody may wake by itself is nothing to count on.
            return Decision::Over;
        }
        match inner.driver.decide(&inner.world, inner.recorder.as_ref()) {
            Ok(Decision::Step {
                thread,
                alternative,
            }) => {
                inner.stands();
                Decision::Step {
                    thread,
                    alternative,
                }
            }
            Ok(ends) => ends,
            Err(divergence) => {
                inner.stuck = Some(Stuck::Diverged(divergence));
                Decision::Cut
            }
        }
    }

    /// Whether a thread that has announced is the one that goes on, in all that has to be done
    /// before anybody else does: then it need not give up control. Else the next step of another has
    /// been applied, or it is known how the execution ends.
    fn goes_on_at_once(&self, inner: &mut Inner, me: ThreadId) -> bool {
        self.decides.set(true);
        let goes_on = self.steps_at_once(inner, me);
        self.decides.set(false);
        goes_on
    }

    fn steps_at_once(&self, inner: &mut Inner, me: ThreadId) -> bool {
        loop {
            let phase = self.phase.get();
            if phase == Phase::Unwinding {
                // Threads that started later unwind first.
                return false;
            }
            if inner.world.goes_on(me) {
                return true;
            }
            if inner.world.has_runnable() {
                return false;
            }
            let (thread, alternative) = if phase == Phase::Running {
                match self.decide_in(inner) {
                    Decision::Step {
                        thread,
                        alternative,
                    } => (thread, alternative),
                    ends => {
                        self.decided.set(Some(ends));
                        return false;
                    }
                }
            } else if inner.world.enabled(me) && self.may_drain() {
                // In which order the rest is run on does not matter.
                (me, 0)
            } else {
                return false;
            };
            self.apply_in(inner, thread, alternative);
        }
    }

    /// Whether an execution that was cut is run on for another step.
    pub(super) fn may_drain(&self) -> bool {
        let left = self.drained.get();
        self.drained.set(left.saturating_sub(1));
        left > 0
    }

    /// From here on the execution is run on, unobserved, for so many steps.
    pub(super) fn drain(&self, steps: u32) {
        self.decided.set(None);
        self.drained.set(steps);
        self.phase.set(Phase::Draining);
    }

    /// Applies a step.
    pub(super) fn apply(&self, thread: ThreadId, alternative: u32) {
        self.apply_in(&mut self.inner.borrow_mut(), thread, alternative);
    }

    fn apply_in(&self, inner: &mut Inner, thread: ThreadId, alternative: u32) {
        let mut stopped = inner.apply(thread, alternative, self.observing()).is_err();
        if inner.world.overflows() && !stopped {
            stopped = true;
            if self.observing() {
                inner.overflowed(&self.settings, thread);
            }
        }
        if stopped {
            self.phase.set(Phase::Unwinding);
        }
    }

    /// Nobody can move any more.
    pub(super) fn over(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.world.unfinished() == 0 || self.phase.get() != Phase::Running {
            return;
        }
        if self.settings.endless {
            // The graph has the state.
            return;
        }
        inner.fails(
            &self.settings,
            Property::DeadlockFreedom,
            NOBODY_MOVES.to_owned(),
            None,
        );
    }

    /// The execution has ended; sums it up and tells the driver.
    pub(super) fn end(&self, ended: Ended) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let totals = &mut inner.totals;
        totals.executions += 1;
        totals.max_steps = totals.max_steps.max(inner.world.applied() as usize);
        totals.max_threads = totals.max_threads.max(inner.world.born());
        totals.spins_capped += u64::from(inner.capped);
        if let Some(property) = inner.cut_by {
            *totals.cut.entry(property).or_insert(0) += 1;
        }
        if inner.failed.is_none()
            && inner.stuck.is_none()
            && let Some(refused) = foreign::take_if_alone()
        {
            // Its panic has reached nobody.
            inner.stuck = Some(Stuck::Foreign(refused));
        }
        if ended == Ended::Complete && self.settings.semantics.spurious {
            inner.hangs(&self.settings);
        }
        if inner.failed.is_none() && inner.stuck.is_none() {
            // Else the search stops here, and its schedule is asked for.
            let passed = inner.cut_by.is_none();
            let ended = if ended == Ended::Complete && !passed {
                Ended::Failed
            } else {
                ended
            };
            if let Some(sample) = &mut inner.sample {
                sample.ended(&inner.driver, &inner.world, ended);
            }
            inner.driver.end(&inner.world, ended);
        }
    }

    /// Whether the execution that has just been given up is to be repeated.
    pub(super) fn is_again(&self) -> bool {
        std::mem::take(&mut self.inner.borrow_mut().again)
    }

    /// Bytes that the search holds, roughly; what other workers have learned is taken to be as much as
    /// this one.
    pub(super) fn memory(&self) -> usize {
        let inner = self.inner.borrow();
        let learned = inner.learned.as_ref().map_or(0, Learned::memory);
        inner.driver.memory() + learned * self.settings.workers
    }

    /// How far the search is.
    pub(super) fn estimate(&self) -> Estimate {
        let inner = self.inner.borrow();
        let (states, at_least) = inner.driver.progress();
        Estimate {
            executions: inner.totals.executions,
            states,
            at_least,
        }
    }

    /// Whether a target has failed, or nothing more can be said.
    pub(super) fn is_done(&self) -> bool {
        let inner = self.inner.borrow();
        let is_unable = inner.world.used().resized && !self.settings.endless;
        inner.failed.is_some() || inner.stuck.is_some() || is_unable
    }

    /// Ends the calling thread; to be called while nothing of `self` is borrowed.
    fn abandon(&self) -> ! {
        if self.phase.replace(Phase::Unwinding) != Phase::Unwinding && !std::thread::panicking() {
            // Threads that started later may borrow from this one's stack: they unwind first.
            self.host.give_up(self.current.get());
        }
        resume_unwind(Box::new(Abandoned));
    }

    /// The calling thread gives up control within its silent step; to be called while nothing of
    /// `self` is borrowed, and only where somebody takes it up again.
    pub(super) fn pauses(&self) {
        let me = self.current.get();
        self.inner.borrow_mut().world.pauses(me);
        self.host.give_up(me);
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
    }

    fn go_on(&self, result: Result<(), Stopped>) {
        if result.is_err() {
            self.abandon();
        }
    }

    pub(super) fn observing(&self) -> bool {
        self.phase.get() == Phase::Running
    }
}

impl Inner {
    /// A property fails: that ends the run if it is a target or heard, and else cuts this execution.
    fn fails(
        &mut self,
        settings: &Settings,
        property: Property,
        message: String,
        location: Option<String>,
    ) {
        if settings.targets.contains(&property) || settings.heard.contains(&property) {
            if self.failed.is_none() {
                self.failed = Some(Failed {
                    property,
                    message,
                    location,
                    counted: false,
                });
            }
        } else {
            self.cut_by = Some(property);
        }
    }

    /// Whether the execution stands where only wake-ups that nobody causes are left, and that is asked.
    fn is_dead(&self, settings: &Settings) -> bool {
        !settings.endless
            && settings.targets.contains(&Property::DeadlockFreedom)
            && self.world.is_dead()
    }

    /// An execution has ended in which waits have ended by themselves: without some of them it may have
    /// been a deadlock.
    fn hangs(&mut self, settings: &Settings) {
        let asked = !settings.endless && settings.targets.contains(&Property::DeadlockFreedom);
        if !asked || self.failed.is_some() || self.stuck.is_some() || self.cut_by.is_some() {
            return;
        }
        if let Some(led) = self.driver.hang(&self.world) {
            let message = NOBODY_MOVES.to_owned();
            self.fails(settings, Property::DeadlockFreedom, message, None);
            self.led = Some(led);
        }
    }

    /// Why the execution that has been given up was.
    pub(super) fn failure(&mut self) -> Failed {
        if let Some(failed) = self.failed.take() {
            return failed;
        }
        let property = self.cut_by.unwrap_or(Property::Invariant);
        let message = match &self.stuck {
            Some(Stuck::Internal(message)) => message.clone(),
            _ => "it does not go on".to_owned(),
        };
        Failed {
            property,
            message,
            location: None,
            counted: false,
        }
    }

    /// A thread has given more units than are counted: that is a panic of the program's.
    fn overflowed(&mut self, settings: &Settings, thread: ThreadId) {
        let message = format!("more than {} units are free", u32::MAX);
        if let Some(recorder) = &self.recorder {
            recorder.panicked(thread, &message, None);
        }
        let message = format!("panicked: {message}");
        self.fails(settings, Property::Invariant, message, None);
    }

    /// All code is run from here on.
    fn unlearn(&mut self) {
        if self.learned.take().is_some() && self.segments.is_none() {
            // Nobody asks for them.
            self.world.without_keys();
        }
    }

    /// A thread begins an access, which is over when [`Self::ends_access`] is told.
    fn begins_access(&mut self, thread: ThreadId) {
        if self.accessing.len() <= thread {
            self.accessing.resize_with(thread + 1, SmallVec::new);
        }
        self.accessing[thread].push(false);
    }

    /// An access of a thread is over; whether the thread has announced anything meanwhile.
    fn ends_access(&mut self, thread: ThreadId) -> bool {
        let open = self.accessing.get_mut(thread);
        open.and_then(SmallVec::pop).unwrap_or(false)
    }

    /// A step of a thread may have given a mutex back.
    fn gave(&mut self, thread: ThreadId, op: Op) {
        if self.world.keeps_keys()
            && let Op::Give { object, .. } | Op::Wait { mutex: object, .. } = op
            && self.shown.get(object) == Some(&Shown::Mutex)
        {
            let held = self.held(thread);
            *held = held.saturating_sub(1);
        }
    }

    /// A step of a thread may have taken a mutex.
    fn took(&mut self, thread: ThreadId, op: Op, result: u64) {
        if !self.world.keeps_keys() {
            return;
        }
        let object = match op {
            Op::Take { object, .. } | Op::Wait { mutex: object, .. } => object,
            Op::TryTake { object, .. } if result == 1 => object,
            _ => return,
        };
        if self.shown.get(object) == Some(&Shown::Mutex) {
            *self.held(thread) += 1;
        }
    }

    fn held(&mut self, thread: ThreadId) -> &mut usize {
        if self.mutexes.len() <= thread {
            self.mutexes.resize(thread + 1, 0);
        }
        &mut self.mutexes[thread]
    }

    /// Whether a thread has taken a step since it was last at the head of a busy-wait: else nobody
    /// has, since it has not given up control.
    fn has_moved(&mut self, thread: ThreadId) -> bool {
        if self.spun.len() <= thread {
            self.spun.resize(thread + 1, None);
        }
        let now = Some(self.world.applied());
        std::mem::replace(&mut self.spun[thread], now) != now
    }

    fn set_orders(&mut self, thread: ThreadId, success: Ordering, failure: Ordering) {
        if self.orders.len() <= thread {
            self.orders
                .resize(thread + 1, (Ordering::SeqCst, Ordering::SeqCst));
        }
        self.orders[thread] = (success, failure);
    }

    fn orders(&self, thread: ThreadId) -> (Ordering, Ordering) {
        let known = self.orders.get(thread).copied();
        known.unwrap_or((Ordering::SeqCst, Ordering::SeqCst))
    }

    fn moment(
        &mut self,
        me: ThreadId,
        observer: ObjectId,
        step: Composite,
        place: Place,
    ) -> Result<Moment, Stopped> {
        if let Some(recorder) = &self.recorder {
            return recorder.moment(me, observer, step, place);
        }
        let (causes, now) = (self.world.comes_after(me), self.world.applied());
        let order = self.driver.order();
        Ok(self.observer.moment(me, observer, causes, order, now))
    }

    /// Where locks do not show that all is protected, a search over states begins anew and looks at
    /// them. One over traces goes on with this one, since there was nothing to be found in those that
    /// it has visited; what is not protected, zones or memory too, is looked at from here on.
    fn protected_or_watch(&mut self, protected: bool) -> Result<(), Stopped> {
        if protected {
            return Ok(());
        }
        let by_state = self.segments.is_some();
        if let Some(locksets) = &mut self.locksets
            && (by_state || !locksets.keeps_zones() || !locksets.keeps_only_memory())
        {
            self.locksets = None;
        }
        self.again = true;
        if let Some(learned) = &mut self.learned {
            // They do not say what the silent steps have accessed.
            learned.forgets_points();
        }
        self.driver.restart();
        Err(Stopped)
    }

    /// Whether locks have shown so far that no zone need be looked at.
    pub(super) fn zones_are_protected(&self) -> bool {
        self.locksets.as_ref().is_some_and(Locksets::keeps_zones)
    }

    fn apply(&mut self, thread: ThreadId, alternative: u32, observed: bool) -> Result<(), Stopped> {
        let (op, place) = self
            .world
            .announced(thread)
            .expect("only announced operations are applied");
        if self.unseen {
            self.world.apply(thread, alternative);
            self.gave(thread, op);
            return Ok(());
        }
        let caused = self.world.notified(thread) || self.world.has_token(thread);
        let before = match op {
            Op::Load(word) | Op::Store(word, _) | Op::Modify(word, _) | Op::Await(word, _) => {
                self.world.word(word)
            }
            _ => 0,
        };
        let locks = if self.locksets.is_some() {
            self.world.locks_of(op)
        } else {
            SmallVec::new()
        };
        self.world.apply(thread, alternative);
        self.gave(thread, op);
        if !observed {
            return Ok(());
        }
        if let Some(tale) = &mut self.tale {
            tale.step(thread, op, place, self.world.result(thread));
        }
        if let Some(learned) = &mut self.learned
            && self.world.announced(thread).is_some()
        {
            learned.waits(self.world.past(thread));
        }
        self.observer.applied(thread);
        if let Some(segments) = &mut self.segments {
            segments.applied(thread);
        }
        if let Some(locksets) = &mut self.locksets
            && matches!(op, Op::Give { .. } | Op::GiveAll { .. } | Op::Wait { .. })
        {
            let many = self.world.gives_many(op);
            let mut protected = true;
            for lock in locks {
                protected &= locksets.given(thread, lock);
                if many {
                    protected &= locksets.is_signal(lock);
                }
            }
            self.protected_or_watch(protected)?;
        }
        match op {
            Op::Give { object, .. } | Op::GiveAll { object, .. } => {
                self.observer.release(thread, object, is_shared(op));
            }
            Op::Wait { mutex, .. } => self.observer.release(thread, mutex, false),
            Op::Arrive(barrier) => self.observer.release(thread, barrier, false),
            Op::Unpark(other) => self.observer.unpark(thread, other),
            Op::Load(word) | Op::Await(word, _) => {
                let (order, _) = self.orders(thread);
                self.observer.atomic(thread, word, order, true, false);
            }
            Op::Store(word, _) => {
                let (order, _) = self.orders(thread);
                self.observer.atomic(thread, word, order, false, true);
            }
            Op::Modify(word, change) => {
                let (success, failure) = self.orders(thread);
                let writes = !matches!(change, Change::Exchange(current, _) if current != before);
                let order = if writes { success } else { failure };
                self.observer.atomic(thread, word, order, true, writes);
            }
            _ => {}
        }
        if self.recorder.is_some() {
            self.record(thread, alternative, op, place, before, caused)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        thread: ThreadId,
        alternative: u32,
        op: Op,
        place: Place,
        before: u64,
        caused: bool,
    ) -> Result<(), Stopped> {
        let orders = self.orders(thread);
        let result = self.world.result(thread);
        let Some(recorder) = &mut self.recorder else {
            return Ok(());
        };
        let atomically = |operation, order, read, written| Atomically {
            operation,
            order,
            read,
            written,
        };
        match op {
            Op::Take { object, .. } => recorder.locked(thread, object, place),
            Op::TryTake { object, .. } => recorder.tried(thread, object, result == 1, place),
            Op::Give { object, .. } => recorder.unlocked(thread, object, place),
            Op::Wait { condvar, mutex } => recorder.wait(thread, condvar, mutex, place),
            Op::Reacquire { condvar, mutex } => {
                recorder.woken(thread, condvar, mutex, !caused, place)
            }
            Op::Notify { condvar, all } => recorder.notify(thread, condvar, all, place),
            Op::Load(word) | Op::Await(word, _) => {
                let step = atomically(Operation::Load, orders.0, Some(before), None);
                recorder.atomic(thread, word, step, place)
            }
            Op::Store(word, value) => {
                let step = atomically(Operation::Store, orders.0, None, Some(value));
                recorder.atomic(thread, word, step, place)
            }
            Op::Modify(word, Change::Exchange(current, _)) if current != before => {
                let operation = Operation::FailedExchange;
                let step = atomically(operation, orders.1, Some(before), None);
                recorder.atomic(thread, word, step, place)
            }
            Op::Modify(word, _) => {
                let after = self.world.word(word);
                let operation = Operation::ReadModifyWrite;
                let step = atomically(operation, orders.0, Some(before), Some(after));
                recorder.atomic(thread, word, step, place)
            }
            Op::Park => recorder.parked(thread, !caused, place),
            Op::Unpark(other) => recorder.unpark(thread, other, place),
            Op::Choose(n) => {
                let name = self.choice.get(thread).copied().flatten();
                let name = name.unwrap_or_else(|| "choice".into());
                recorder.chosen(thread, name, n as usize, alternative as usize, place)
            }
            _ => Ok(()),
        }
    }

    /// A thread has been resumed after its operation.
    fn resumed(&mut self, thread: ThreadId, op: Op, observed: bool) -> u64 {
        let result = self.world.result(thread);
        self.took(thread, op, result);
        if !observed || (self.unseen && !matches!(op, Op::Join(_))) {
            return result;
        }
        self.begins_silently(thread);
        if let Some(locksets) = &mut self.locksets {
            let taken = match op {
                Op::Take { .. } | Op::TakeAll { .. } | Op::Wait { .. } => true,
                Op::TryTake { .. } => result == 1,
                _ => false,
            };
            if taken {
                for lock in self.world.locks_of(op) {
                    locksets.taken(thread, lock);
                }
            }
        }
        match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => {
                self.observer.acquire(thread, object, is_shared(op));
            }
            Op::TryTake { object, .. } if result == 1 => {
                self.observer.acquire(thread, object, false);
            }
            Op::Look(object) => self.observer.acquire(thread, object, false),
            Op::Wait { mutex, .. } => self.observer.acquire(thread, mutex, false),
            Op::Arrive(barrier) => self.observer.acquire(thread, barrier, false),
            Op::Park => self.observer.park(thread),
            Op::Join(child) => {
                let now = self.world.applied();
                self.observer.joined(thread, child, now);
                if let Some(segments) = &mut self.segments {
                    segments.joined(thread, child);
                }
                if let Some(locksets) = &mut self.locksets {
                    locksets.joined(thread, child);
                }
                if let Some(recorder) = &self.recorder {
                    recorder.joined(thread, child);
                }
            }
            _ => {}
        }
        result
    }

    /// A thread announces.
    fn announce(
        &mut self,
        me: ThreadId,
        op: Op,
        place: Place,
        observed: bool,
    ) -> Result<(), Stopped> {
        if let Some(open) = self.accessing.get_mut(me)
            && !open.is_empty()
        {
            open.fill(true);
            // What others do to this memory meanwhile does not follow from what they have seen.
            self.unlearn();
        }
        let used = &mut self.totals.used;
        match op {
            // As most are.
            Op::Take { .. } | Op::Give { .. } => {}
            Op::TryTake { object, .. } => {
                used.try_lock |= self.shown.get(object) == Some(&Shown::Mutex);
            }
            Op::Wait { .. } | Op::Notify { .. } => used.condvars = true,
            Op::Load(_) | Op::Store(..) | Op::Modify(..) | Op::Await(..) => {
                used.atomics = true;
                let seq_cst = self.orders(me).0 == Ordering::SeqCst;
                self.totals.used.seq_cst_accesses |= seq_cst && !matches!(op, Op::Modify(..));
            }
            Op::Choose(_) => used.choices = true,
            Op::Park => used.parks = true,
            Op::Yield => used.yields = true,
            _ => {}
        }
        if observed && self.learned.is_some() {
            let follows = self.follows(me, Then::Announces(op, place));
            follows.map_err(|_| Stopped)?;
        }
        self.world.announce(me, op, place);
        if let Some(recorder) = &mut self.recorder {
            match op {
                Op::Take { object, .. } => recorder.wants(me, object, place)?,
                Op::Join(child) => recorder.joining(me, child)?,
                Op::Park if !self.world.has_token(me) => recorder.parks(me, place)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_shared(op: Op) -> bool {
    matches!(
        op,
        Op::Take { shared: true, .. } | Op::Give { shared: true, .. }
    )
}

// SAFETY: the model hands a unit to one thread at a time, lets a join go on when the thread has
// finished, and the observer or the model's own steps order accesses to plain memory; only one
// thread runs at a time. Once the phase is `Unwinding`, no thread resumes but to unwind, in the
// reverse order of their starts (`Host`).
unsafe impl Machine for Execution<'_> {
    fn me(&self) -> ThreadId {
        self.current.get()
    }

    fn object(&self, new: NewObject) -> ObjectId {
        let (id, again) = self.made(new);
        if again {
            self.abandon();
        }
        id
    }

    fn needs(&self, _: ObjectId, needs: &[Need]) -> usize {
        self.inner.borrow_mut().world.needs(needs)
    }

    fn free(&self, object: ObjectId) -> Vec<u32> {
        self.inner.borrow().world.units(object).0
    }

    fn visible(&self, op: Op, place: Place) -> u64 {
        let me = self.current.get();
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        if self.keeps.borrow().contains(&me) && !panicking() {
            // Nobody would ever get it, which is not what the program does.
            self.inner.borrow_mut().stuck = Some(Stuck::CaughtPanic);
            self.abandon();
        }
        let goes_on = {
            let mut inner = self.inner.borrow_mut();
            let announced = inner.announce(me, op, place, self.observing());
            announced.map(|()| self.goes_on_at_once(&mut inner, me))
        };
        match goes_on {
            Ok(true) => {}
            Ok(false) => self.host.give_up(me),
            Err(Stopped) => self.abandon(),
        }
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        last_step::passed(me, Some(place));
        let observed = self.observing();
        self.inner.borrow_mut().resumed(me, op, observed)
    }

    fn access(&self, memory: ObjectId, write: bool, place: Place) {
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        self.stop(place);
        let wanted =
            self.settings.endless || self.settings.targets.contains(&Property::DataRaceFreedom);
        let me = self.current.get();
        if !wanted {
            // A race that is let pass is a step of its own, and one access at a time.
            let op = if write {
                Op::Write(memory)
            } else {
                Op::Read(memory)
            };
            self.visible(op, place);
        }
        let result = self.looked_at(me, memory, write, place, wanted);
        self.go_on(result);
        self.inner.borrow_mut().begins_access(me);
    }

    fn accessed(&self, memory: ObjectId, write: bool, place: Place) {
        let me = self.current.get();
        if self.inner.borrow_mut().ends_access(me) {
            self.access(memory, write, place);
            self.inner.borrow_mut().ends_access(me);
        }
    }

    fn written(&self, memory: ObjectId, digest: Option<u64>) {
        let me = self.current.get();
        {
            let mut inner = self.inner.borrow_mut();
            inner.world.written(me, memory, digest);
            inner.apart.written(memory, digest);
        }
        self.does(|| Deed::Writes(memory, digest));
    }

    fn note(&self, note: Note, place: Place) {
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        let me = self.current.get();
        match note {
            Note::Order(order) => self.set_orders(me, order, order),
            Note::Orders(success, failure) => self.set_orders(me, success, failure),
            // It orders nothing, and nothing has to wait for it: two accesses that it lies between
            // can go on at the same time as if it were not there.
            Note::Observes => {
                let mut inner = self.inner.borrow_mut();
                inner.set_orders(me, Ordering::Relaxed, Ordering::Relaxed);
            }
            Note::Choice(name) => {
                let choices = &mut self.inner.borrow_mut().choice;
                if choices.len() <= me {
                    choices.resize(me + 1, None);
                }
                choices[me] = Some(name);
            }
            Note::Fence(order) => {
                self.stop(place);
                let result = {
                    let mut inner = self.inner.borrow_mut();
                    inner.totals.used.fences = true;
                    if !self.observing() {
                        return;
                    }
                    inner.observer.fence(me, order);
                    if let Some(tale) = &mut inner.tale {
                        tale.between(me, "fence", None, place);
                    }
                    let recorder = inner.recorder.as_ref();
                    recorder.map_or(Ok(()), |recorder| recorder.fence(me, order, place))
                };
                self.go_on(result);
            }
            Note::Reached(mark) => {
                if self.observing() {
                    let mut inner = self.inner.borrow_mut();
                    inner.totals.marks.insert(mark);
                    if let Some(recorder) = &inner.recorder {
                        recorder.reached(mark);
                    }
                }
            }
            Note::Attempt(progress) => {
                self.inner.borrow_mut().world.comes(me, progress);
                self.does(|| Deed::Comes(progress));
            }
            Note::Begin(_, Composite::Enter | Composite::Leave) if self.settings.endless => {}
            Note::Begin(zone, Composite::Enter) => self.enter(me, zone, place),
            Note::Begin(zone, Composite::Leave) => self.leave(me, zone, place),
            Note::Begin(label, step) => {
                if self.observing() {
                    let result = {
                        let inner = self.inner.borrow();
                        let recorder = inner.recorder.as_ref();
                        recorder.map_or(Ok(()), |recorder| recorder.begin(me, label, step, place))
                    };
                    self.go_on(result);
                }
            }
            Note::End(label, step, done) => {
                if self.observing()
                    && let Some(recorder) = &self.inner.borrow().recorder
                {
                    recorder.end(me, label, step, done, place);
                }
            }
        }
    }

    fn remembers(&self) -> bool {
        let keyed = self.settings.by_state || self.settings.keyed;
        keyed && self.phase.get() != Phase::Draining
    }

    fn checkpoint(&self, digest: u64, place: Place) {
        let me = self.current.get();
        {
            let mut inner = self.inner.borrow_mut();
            // What a held mutex protects is told by the holder's history, when it is given back.
            if inner.mutexes.get(me).is_some_and(|held| *held > 0) {
                inner.apart.without_effect(place);
                return;
            }
            inner.world.checkpoint(me, None, digest, place);
        }
        self.does(|| Deed::Keeps(None, digest, place));
    }

    fn checkpoint_spin(&self, before: Option<u128>, digest: u64, place: Place) -> Option<u128> {
        if self.settings.endless {
            self.checkpoint(digest, place);
            return None;
        }
        if !self.settings.by_state {
            return None;
        }
        let me = self.current.get();
        let before = {
            let mut inner = self.inner.borrow_mut();
            if !inner.has_moved(me) || inner.mutexes.get(me).is_some_and(|held| *held > 0) {
                return None;
            }
            let before = before.unwrap_or_else(|| inner.world.seen_so_far(me));
            inner.world.checkpoint(me, Some(before), digest, place);
            before
        };
        self.does(|| Deed::Keeps(Some(before), digest, place));
        Some(before)
    }

    unsafe fn spawn(&self, name: Name, body: Box<dyn FnOnce() + Send + '_>) -> ThreadId {
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        let me = self.current.get();
        let (child, result) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let child = inner.world.spawn(me);
            let now = inner.world.applied();
            inner.observer.spawned(me, child, now);
            if let Some(segments) = &mut inner.segments {
                segments.spawned(me, child);
            }
            if let Some(locksets) = &mut inner.locksets {
                locksets.spawned(me, child);
            }
            if let Some(tale) = &mut inner.tale {
                tale.named(child, name);
            }
            let recorder = inner.recorder.as_mut();
            let result = recorder.map_or(Ok(()), |recorder| recorder.spawn(me, child, name));
            (child, result)
        };
        self.go_on(result);
        self.does(|| Deed::Starts);
        self.started.borrow_mut().push(child);
        let this: *const Self = self;
        // SAFETY: the machine outlives its threads.
        let body = Box::new(move || unsafe { (*this).run_thread(child, body) });
        // SAFETY: our caller joins the thread before anything that `body` borrows ends, or unwinds,
        // and then the host unwinds this thread first.
        unsafe { self.host.start(child, name, body) };
        child
    }

    fn rename(&self, name: Name) {
        if let Some(recorder) = &self.inner.borrow().recorder {
            recorder.rename(self.current.get(), name);
        }
        if let Some(tale) = &mut self.inner.borrow_mut().tale {
            tale.named(self.current.get(), name);
        }
    }

    fn spin(&self, rounds: u32, _: Place) -> bool {
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        let again = {
            let mut inner = self.inner.borrow_mut();
            // Who goes round without a step would do so for ever, and nobody else go on.
            let for_ever = self.settings.endless && inner.has_moved(self.current.get());
            let again = for_ever || rounds < self.settings.spin_cap;
            inner.totals.used.spins = true;
            inner.capped |= !again && self.observing();
            again
        };
        if !again {
            self.does(|| Deed::IsCapped);
        }
        again && self.phase.get() != Phase::Draining
    }

    fn another_round(&self, counted: bool) -> bool {
        if self.settings.endless {
            self.phase.get() != Phase::Draining
        } else {
            counted
        }
    }

    fn asks(&self, property: Property) -> bool {
        let by_trace = !self.settings.by_state && !self.settings.endless;
        by_trace && self.settings.targets.contains(&property)
    }

    fn moment(&self, observer: ObjectId, step: Composite, place: Place) -> Option<Moment> {
        if self.phase.get() == Phase::Unwinding {
            self.abandon();
        }
        self.stop(place);
        if !self.observing() {
            return None;
        }
        let me = self.current.get();
        let moment = {
            let mut inner = self.inner.borrow_mut();
            if let Some(learned) = &mut inner.learned {
                // Which moments came before is not of the thread alone.
                learned.is_no_rule();
            }
            inner.moment(me, observer, step, place)
        };
        self.go_on(moment.as_ref().map(|_| ()).map_err(|stopped| *stopped));
        moment.ok()
    }

    fn looks_outside(&self) {
        if let Some(learned) = &mut self.inner.borrow_mut().learned {
            learned.is_no_rule();
        }
    }

    fn together(&self, count: usize) {
        let together = &mut self.inner.borrow_mut().totals.together;
        *together = (*together).max(count as u64);
    }

    fn fail(&self, property: Property, message: String, place: Place) -> ! {
        if self.observing() {
            let mut inner = self.inner.borrow_mut();
            if let Some(recorder) = &inner.recorder {
                recorder.fail(self.current.get(), property, message.clone(), place);
            }
            inner.fails(&self.settings, property, message, Some(place.to_string()));
        }
        self.abandon()
    }

    fn semantics(&self) -> Semantics {
        self.settings.semantics
    }

    fn native(&self) -> bool {
        self.settings.native
    }

    fn tearing_down(&self) -> bool {
        if self.phase.get() == Phase::Unwinding {
            return true;
        }
        // Whether the thread panics is the OS thread's.
        let panicking = std::thread::panicking();
        if panicking {
            let mut keeps = self.keeps.borrow_mut();
            let me = self.current.get();
            if !keeps.contains(&me) {
                keeps.push(me);
            }
        }
        panicking
    }
}

impl Execution<'_> {
    fn set_orders(&self, me: ThreadId, success: Ordering, failure: Ordering) {
        let mut inner = self.inner.borrow_mut();
        inner.weak_orders |= (success, failure) != (Ordering::SeqCst, Ordering::SeqCst);
        inner.set_orders(me, success, failure);
    }

    /// A new object, and whether the execution is to be repeated with clocks because of it.
    fn made(&self, new: NewObject) -> (ObjectId, bool) {
        let me = self.current.get();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let id = inner.world.object(me, &new.substance);
        if self.observing() {
            inner.does(|| Deed::Makes(new.substance.clone()));
        }
        if inner.shown.len() <= id {
            inner.shown.resize(id + 1, Shown::Condvar);
            inner.limits.resize(id + 1, 1);
        }
        inner.shown[id] = new.kind;
        if self.settings.by_state {
            inner.apart.made(id, new.kind, new.name);
        }
        if let Some(tale) = &mut inner.tale {
            tale.made(id, new.kind, new.name);
        }
        if let Substance::Zone(limit) = new.substance {
            inner.limits[id] = limit;
        }
        let used = &mut inner.totals.used;
        match new.kind {
            Shown::Cell => {
                used.cells = true;
                let by_order = inner.segments.is_none() && inner.locksets.is_none();
                inner.again |= by_order
                    && !self.settings.unwatched
                    && !inner.observer.keeps_clocks()
                    && self.observing();
            }
            Shown::Composite(Kind::Semaphore) => used.semaphores = true,
            Shown::Composite(Kind::SemaphoreSet) => used.sets = true,
            _ => {}
        }
        if let Some(recorder) = &mut inner.recorder {
            let kind = match new.kind {
                Shown::Mutex => ObjectKind::Mutex,
                Shown::Condvar => ObjectKind::Condvar,
                Shown::Atomic => ObjectKind::Atomic,
                Shown::Cell => ObjectKind::Cell,
                Shown::Barrier => ObjectKind::Composite(Kind::Barrier),
                Shown::RwLock => ObjectKind::Composite(Kind::RwLock),
                Shown::Composite(kind) => ObjectKind::Composite(kind),
            };
            recorder.made(me, id, kind, new.name);
            if let Substance::Word(value) = new.substance {
                recorder.initial(id, value);
            }
        }
        (id, inner.again)
    }

    /// Where a script is followed, what is no step of a search has its turn in the script as well.
    fn stop(&self, place: Place) {
        let scripted = matches!(self.inner.borrow().driver, Driver::Script);
        if scripted && self.observing() && !panicking() {
            self.visible(Op::Yield, place);
        }
    }

    fn enter(&self, me: ThreadId, zone: ObjectId, place: Place) {
        self.stop(place);
        let limit = self.inner.borrow().limits[zone];
        if limit > 1 && !self.settings.silent_zones {
            // Who is counted, not only ordered, must be seen by the search.
            self.visible(Op::Enter(zone), place);
        }
        if !self.observing() {
            return;
        }
        if self.settings.unwatched {
            return;
        }
        let result = self.entered(me, zone, limit, place);
        self.go_on(result);
    }

    fn entered(
        &self,
        me: ThreadId,
        zone: ObjectId,
        limit: usize,
        place: Place,
    ) -> Result<(), Stopped> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let Some(recorder) = &inner.recorder {
            return recorder.begin(me, zone, Composite::Enter, place);
        }
        inner.does(|| Deed::Enters(zone, limit, place));
        let kept = inner.locksets.as_mut();
        if let Some(locksets) = kept.filter(|locksets| locksets.keeps_zones()) {
            let protected = locksets.entered(me, zone);
            return inner.protected_or_watch(protected);
        }
        let others = if let Some(segments) = &mut inner.segments {
            segments.enter(me, zone, limit, place)
        } else {
            let (causes, order) = (inner.world.comes_after(me), inner.driver.order());
            inner.observer.enter(me, zone, limit, causes, order)
        };
        if let Some(tale) = &mut inner.tale
            && (limit == 1 || self.settings.silent_zones)
        {
            tale.between(me, "enter", Some(zone), place);
        }
        if let Some(others) = others {
            let Shown::Composite(Kind::Zone { property, .. }) = inner.shown[zone] else {
                unreachable!("only a zone is entered")
            };
            let message = match &inner.tale {
                Some(tale) => tale.enters(me, zone, property, &others),
                None => format!("thread {me} enters while {others:?} are inside"),
            };
            inner.fails(&self.settings, property, message, Some(place.to_string()));
            if let Some(failed) = &mut inner.failed {
                failed.counted = limit > 1 && inner.segments.is_some();
            }
            return Err(Stopped);
        }
        Ok(())
    }

    fn looked_at(
        &self,
        me: ThreadId,
        memory: ObjectId,
        write: bool,
        place: Place,
        wanted: bool,
    ) -> Result<(), Stopped> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let observed = self.observing();
        if wanted && observed {
            let follows = inner.follows(me, Then::Accesses(memory, write, place));
            follows.map_err(|_| Stopped)?;
        }
        if wanted {
            // A write may read what it replaces.
            inner.world.seen(me, memory);
        }
        if !observed || self.settings.unwatched {
            return Ok(());
        }
        if wanted && let Some(tale) = &mut inner.tale {
            tale.between(
                me,
                if write { "write" } else { "read" },
                Some(memory),
                place,
            );
        }
        if wanted {
            if let Some(learned) = &mut inner.learned {
                learned.goes_on(inner.world.past(me));
            }
            if let Some(locksets) = &mut inner.locksets {
                let protected = locksets.accessed(me, memory, write);
                return inner.protected_or_watch(protected);
            }
            let race = match &mut inner.segments {
                Some(segments) => segments.access(me, memory, write, place),
                None => inner.observer.access(me, memory, write, place),
            };
            if let Some(race) = race
                && inner.recorder.is_none()
            {
                let message = match &inner.tale {
                    Some(tale) => tale.races(me, memory, write, place, race),
                    None => format!(
                        "an access at {place} races with thread {}'s at {}",
                        race.other, race.place
                    ),
                };
                let (property, location) = (Property::DataRaceFreedom, place.to_string());
                inner.fails(&self.settings, property, message, Some(location));
                return Err(Stopped);
            }
        }
        let recorder = inner.recorder.as_ref();
        recorder.map_or(Ok(()), |recorder| recorder.access(me, memory, write, place))
    }

    fn leave(&self, me: ThreadId, zone: ObjectId, place: Place) {
        self.stop(place);
        let limit = self.inner.borrow().limits[zone];
        if limit > 1 && !self.settings.silent_zones {
            self.visible(Op::Leave(zone), place);
        }
        if !self.observing() || self.settings.unwatched {
            return;
        }
        let result = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            if let Some(recorder) = &inner.recorder {
                recorder.begin(me, zone, Composite::Leave, place)
            } else {
                inner.does(|| Deed::Leaves(zone, place));
                if let Some(tale) = &mut inner.tale
                    && (limit == 1 || self.settings.silent_zones)
                {
                    tale.between(me, "leave", Some(zone), place);
                }
                let kept = inner.locksets.as_mut();
                if let Some(locksets) = kept.filter(|locksets| locksets.keeps_zones()) {
                    locksets.left(me, zone);
                } else if let Some(segments) = &mut inner.segments {
                    segments.leave(me, zone, place);
                } else {
                    let now = inner.world.applied();
                    inner.observer.leave(me, zone, now);
                }
                Ok(())
            }
        };
        self.go_on(result);
    }
}
