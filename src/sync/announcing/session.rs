//! The observer of one run: what every thread does, holds and waits for.
//!
//! A session lives through many executions of one program. Within an execution it is told every
//! operation; it decides deadlock (nobody can move and someone has not finished), checks accesses
//! and zones with vector clocks, assigns notifications to waiters, makes choices, and records the
//! trace. Its state is invisible to the search of the backend: nothing in it is a step.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::gate::Turn;
use super::last_panic::in_backend;
use super::settings::{Choices, Settings, Totals};
use super::state::{Object, Place, State, Status, Wake};
use super::trace::{
    Failure, FailureKind, ObjectInfo, ObjectKind, Operation, Step, ThreadInfo, Trouble,
};
use crate::sync::foreign::Checking;
use crate::sync::{Name, Property};

/// The execution is being given up: the thread must not go on.
#[derive(Clone, Copy, Debug)]
pub struct Halt;

/// The observer of one run.
pub struct Session {
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Told whenever a replay's turn may have changed.
    pub(super) turn: Turn,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// The session under which this OS thread runs a checked program, if it does.
#[must_use]
pub fn installed() -> Option<Arc<Session>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
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
        Arc::new(Self {
            settings,
            state: Mutex::default(),
            turn: Turn::default(),
        })
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
        let _checking = Checking::begin();
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        body()
    }

    /// Begins an execution; the calling thread is its main thread.
    #[track_caller]
    pub fn begin(&self) {
        let mut state = self.state();
        let State {
            threads,
            objects,
            twins,
            steps,
            ..
        } = &mut *state;
        threads.clear();
        objects.clear();
        twins.clear();
        steps.clear();
        state.stopped = false;
        state.failure = None;
        state.position = 0;
        state.over = false;
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
        let mut state = self.state();
        if !state.stopped {
            // Nobody is woken: the scheduler that cuts never resumes a task, and shuttle's state is
            // borrowed while it schedules.
            state.stopped = true;
            state.count();
        }
    }

    /// How a token writes a thread: its name and who started it, the same in every interleaving.
    #[must_use]
    pub fn thread_label(threads: &[ThreadInfo], index: usize) -> String {
        let ThreadInfo { name, twin, parent } = threads[index];
        let mut label = name.to_string();
        if twin > 0 {
            label = format!("{label}#{twin}");
        }
        match parent {
            Some(parent) => format!("{label} of {}", Self::thread_label(threads, parent)),
            None => label,
        }
    }

    /// How a token writes this object.
    #[must_use]
    pub fn object_label(info: &ObjectInfo) -> String {
        if info.twin == 0 {
            info.name.to_string()
        } else {
            format!("{}#{}", info.name, info.twin)
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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

    /// `always`: whether a wake-up may come before the sleep that it ends.
    pub(super) fn started(&self, me: usize, wake: Wake, always: bool) {
        let thread = &mut self.state().threads[me];
        thread.wake = Some(wake);
        thread.asleep = always;
    }

    /// The thread goes to sleep, or has woken, on a host where wake-ups reach sleepers only.
    pub(super) fn sleeps(&self, me: usize, asleep: bool) {
        self.state().threads[me].asleep = asleep;
    }

    /// A guard is not released because the thread is panicking.
    pub(super) fn skips_release(&self, me: usize) {
        if let Some(thread) = self.state().threads.get_mut(me) {
            thread.skipped = true;
        }
    }

    pub(super) fn rename(&self, me: usize, name: Name) -> Name {
        let mut state = self.state();
        let parent = state.threads[me].info.parent;
        let twin = state.thread_twin(name, parent, me);
        let info = &mut state.threads[me].info;
        let before = info.name;
        *info = ThreadInfo { name, twin, parent };
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
        let (order, sync) = (
            state.threads[child].order.clone(),
            state.threads[child].sync.clone(),
        );
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
            return point
                .downcast()
                .expect("one run has one backend, so one type of points");
        }
        let point = Arc::new(make());
        self.state().threads[thread].point = Some(point.clone());
        point
    }

    /// The body of thread `me` panicked, and not because the execution was given up.
    pub(super) fn panicked(
        &self,
        me: usize,
        trouble: Option<Trouble>,
        message: &str,
        place: Option<String>,
    ) {
        let mut state = self.state();
        if state.stopped {
            return;
        }
        let of_backend = || {
            let place = place.as_deref().and_then(in_backend)?;
            let message = format!(
                "{message} ({place}); a program that is not deterministic can be the cause"
            );
            Some((Trouble::Backend, message))
        };
        let trouble = trouble.map(|trouble| (trouble, message.to_owned()));
        match trouble.or_else(of_backend) {
            Some((trouble, message)) => {
                let Halt = self.trouble(&mut state, me, trouble, message);
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
        state
            .objects
            .push(Object::new(ObjectInfo { name, kind, twin }));
        state.objects.len() - 1
    }

    // Choices, spins, marks, failures.

    pub(super) fn choose(
        &self,
        me: usize,
        name: Name,
        n: usize,
        place: Place,
    ) -> Result<usize, Halt> {
        self.chosen(me, name, n, None, place)
    }

    /// `given`: what has been chosen already, by whoever tells it.
    pub(super) fn chosen(
        &self,
        me: usize,
        name: Name,
        n: usize,
        given: Option<usize>,
        place: Place,
    ) -> Result<usize, Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        state.totals.used.choices = true;
        let thread = &mut state.threads[me];
        let key = (thread.path.clone(), thread.choices, n);
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
        let value = given.unwrap_or(value).min(n - 1);
        state.totals.choices.insert(key);
        let info = ObjectInfo {
            name,
            kind: ObjectKind::Choice,
            twin: 0,
        };
        let object = match state.objects.iter().position(|object| object.info == info) {
            Some(object) => object,
            None => {
                state.objects.push(Object::new(info));
                state.objects.len() - 1
            }
        };
        state.record(
            me,
            Operation::Choose,
            Some(object),
            place,
            Some(value as u64),
        );
        self.turn.notify_all();
        Ok(value)
    }

    /// A thread lets others run.
    pub(super) fn yields(&self) {
        self.state().totals.used.yields = true;
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
        let mut state = self.state();
        if state.sequentially_consistent {
            state.totals.marks.insert(mark);
        } else {
            state.totals.weak_marks.insert(mark);
        }
    }

    /// Whether a property that observers decide on moments is asked for.
    pub(super) fn asks(&self, property: Property) -> bool {
        self.settings.targets.contains(&property)
    }

    pub(super) fn together(&self, count: usize) {
        let together = &mut self.state().totals.together;
        *together = (*together).max(count as u64);
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
    pub(super) fn failed(
        &self,
        state: &mut State,
        me: usize,
        property: Property,
        message: String,
        location: Option<String>,
        past: Option<Clock>,
    ) -> Halt {
        let Settings { targets, heard, .. } = &self.settings;
        if targets.contains(&property) || heard.contains(&property) {
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

    pub(super) fn trouble(
        &self,
        state: &mut State,
        me: usize,
        trouble: Trouble,
        message: String,
    ) -> Halt {
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
            if let Some(wake) = thread.wake()
                && thread.status != Status::Finished
            {
                wake();
            }
        }
        self.turn.notify_all();
    }

    pub(super) fn check_deadlock(&self, state: &mut State, me: usize) -> Result<(), Halt> {
        let mut alive = state
            .threads
            .iter()
            .enumerate()
            .filter(|(_, t)| t.status != Status::Finished);
        let mut any = false;
        let dead = alive.all(|(index, _)| {
            any = true;
            state.is_blocked(index)
        });
        if !any || !dead {
            // Who waits for a turn that the blocked thread had looks again.
            self.turn.notify_all();
            return Ok(());
        }
        let blocked: Vec<usize> = (0..state.threads.len())
            .filter(|&t| {
                !matches!(
                    state.threads[t].status,
                    Status::Finished | Status::Joining(_)
                )
            })
            .collect();
        let names: Vec<String> = blocked
            .iter()
            .map(|&t| state.threads[t].info.name.to_string())
            .collect();
        let message = format!(
            "nobody can move: {} {} for ever",
            names.join(", "),
            if names.len() == 1 { "waits" } else { "wait" },
        );
        Err(self.failed(state, me, Property::DeadlockFreedom, message, None, None))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
pub(super) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
