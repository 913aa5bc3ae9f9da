//! The counterexample of a failure in the steps in which it was found, and those steps again.
//!
//! A failure is shown on semaphores and their like as they ship, built of mutexes, where the same steps
//! fail alike there. Where they do not, it is told as the search has found it: a semaphore, a barrier or
//! a wait for an atomic is one step then. It has been found in any case.

use super::driver::{Driver, is_possible};
use super::engine::settings;
use super::execution::{Execution, Failed, Inner, Settings};
use super::explorer::{Choice, Decision};
use super::rounds::alternative;
use super::runner::coroutines::{Coroutines, run};
use super::tale::Tale;
use super::world::{Status, World};
use crate::engines::check::Job;
use crate::engines::counterexample::{BlockedThread, CounterStep, Counterexample};
use crate::engines::panics;
use crate::scenario::Machine;
use crate::sync::Property;
use crate::sync::stepping::{Op, ThreadId};

/// The counterexample of a failure that these steps lead to, of a run that has numbered the threads so.
/// None where they do not lead to it in this run.
pub(super) fn counterexample(
    job: &Job<'_>,
    settings: Settings,
    failed: &Failed,
    children: Vec<Vec<ThreadId>>,
    mut steps: Vec<Choice>,
    execution: u64,
) -> Option<Counterexample> {
    steps.reverse();
    let again = once(job, settings, Driver::Steps(steps), children);
    let same = again.inner.failed.as_ref().is_some_and(|now| {
        let fixed = failed.property == Property::Invariant;
        now.property == failed.property && (!fixed || now.message == failed.message)
    });
    same.then(|| again.told(job, execution)).flatten()
}

/// What came of taking the steps of a counterexample again.
pub(in crate::engines) enum Again {
    /// The same steps were taken, and this failed.
    Failed(Box<Counterexample>),
    /// The same steps were taken, and nothing failed.
    Passed,
    /// The program did something else; what.
    Elsewhere(String),
}

/// Takes the steps of a counterexample that is told as it was found again.
pub(in crate::engines) fn again(job: &Job<'_>, recorded: &Counterexample) -> Again {
    panics::own_output();
    // A search decides races and stays on the trace or on the state; each finds what it has found.
    let tried = [false, true].map(|by_state| again_by(job, recorded, by_state));
    let rank = |again: &Again| match again {
        Again::Failed(now) if now.property == recorded.property => 0,
        Again::Failed(_) => 1,
        Again::Passed => 2,
        Again::Elsewhere(_) => 3,
    };
    let best = tried.into_iter().min_by_key(rank);
    best.expect("two have been tried")
}

fn again_by(job: &Job<'_>, recorded: &Counterexample, by_state: bool) -> Again {
    let taken = recorded.steps.iter().filter(|step| step.gated);
    let taken: Vec<CounterStep> = taken.cloned().collect();
    let steps = Steps {
        steps: taken,
        next: 0,
    };
    let settings = as_searched(job, by_state, true);
    let again = once(job, settings, Driver::Again(steps), Vec::new());
    let now = again.tale.steps.iter().filter(|step| step.gated);
    let before = recorded.steps.iter().filter(|step| step.gated);
    let what = |step: &CounterStep| {
        let CounterStep {
            thread,
            operation,
            object,
            value,
            ..
        } = step;
        (*thread, operation.clone(), object.clone(), *value)
    };
    let mut pairs = now.clone().zip(before.clone());
    if let Some(at) = pairs.position(|(now, before)| what(now) != what(before)) {
        let (was, is) = (before.clone().nth(at), now.clone().nth(at));
        let text = |step: Option<&CounterStep>| step.map_or_else(String::new, ToString::to_string);
        return Again::Elsewhere(format!(
            "step {} was `{}` and is `{}` now",
            at + 1,
            text(was),
            text(is)
        ));
    }
    let done = now.count();
    if again.inner.failed.is_some() {
        return match again.told(job, recorded.execution) {
            Some(counterexample) => Again::Failed(Box::new(counterexample)),
            None => Again::Passed,
        };
    }
    if done < before.count() {
        return Again::Elsewhere(format!("after {done} steps the next one cannot be taken"));
    }
    Again::Passed
}

/// The machine as in a search of the program's steps; `silent_zones`: to enter and leave is none.
pub(super) fn as_searched(job: &Job<'_>, by_state: bool, silent_zones: bool) -> Settings {
    Settings {
        silent_zones,
        learns: false,
        protects: false,
        ..settings(job, true, by_state)
    }
}

/// One execution, told.
struct Once {
    inner: Inner,
    tale: Tale,
}

fn once(job: &Job<'_>, settings: Settings, driver: Driver, children: Vec<Vec<ThreadId>>) -> Once {
    let coroutines = Coroutines::default();
    let execution = Execution::new(&coroutines, settings, driver, None);
    {
        let mut inner = execution.inner.borrow_mut();
        inner.tale = Some(Tale::whole());
        inner.world.know_children(children);
    }
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut first = true;
    let mut go_on = |_: &Execution<'_>| std::mem::take(&mut first);
    run(&execution, &coroutines, &main, &mut go_on);
    let started = execution.started.into_inner();
    let mut inner = execution.inner.into_inner();
    let mut tale = inner.tale.take().unwrap_or_default();
    tale.started = started;
    Once { inner, tale }
}

impl Once {
    /// The counterexample, if something has failed.
    fn told(self, job: &Job<'_>, execution: u64) -> Option<Counterexample> {
        let Self { mut inner, tale } = self;
        let Failed {
            property,
            message,
            location,
            ..
        } = inner.failed.take()?;
        let blocked = blocked(&inner.world, &tale);
        let message = if property == Property::DeadlockFreedom && location.is_none() {
            nobody_moves(&inner.world, &tale)
        } else {
            message
        };
        let tale = tale.renumbered();
        let threads = tale.threads();
        let told = (message, location, threads, tale.steps, blocked);
        Some(Counterexample::as_found(job, property, told, execution))
    }
}

/// Who cannot move.
fn blocked(world: &World, tale: &Tale) -> Vec<BlockedThread> {
    let told = |thread: ThreadId| {
        let (op, place) = world.announced(thread)?;
        if world.enabled(thread) && !world.only_by_itself(thread) {
            return None;
        }
        let (waits_for, mutex) = tale.waits_for(op, world.notified(thread));
        let holder = mutex.and_then(|mutex| tale.holder(mutex));
        Some(BlockedThread {
            thread: tale.thread(thread),
            waits_for,
            held_by: holder
                .map(|holder| tale.thread(holder))
                .into_iter()
                .collect(),
            holds: tale.held_by(thread),
            location: place.to_string(),
        })
    };
    (0..world.thread_count()).filter_map(told).collect()
}

fn nobody_moves(world: &World, tale: &Tale) -> String {
    let waits = |&thread: &ThreadId| {
        let joins = matches!(world.announced(thread), Some((Op::Join(_), _)));
        world.status(thread) == Status::Announced && !joins
    };
    let waiting = (0..world.thread_count()).filter(waits);
    let names: Vec<String> = waiting.map(|thread| tale.thread(thread)).collect();
    let wait = if names.len() == 1 { "waits" } else { "wait" };
    format!("nobody can move: {} {wait} for ever", names.join(", "))
}

/// Who takes the steps of a counterexample again.
#[derive(Debug)]
pub(super) struct Steps {
    steps: Vec<CounterStep>,
    next: usize,
}

impl Steps {
    pub(super) fn decide(&mut self, world: &World) -> Decision {
        let Some(step) = self.steps.get(self.next) else {
            return if world.is_dead() {
                Decision::Over
            } else {
                Decision::Cut
            };
        };
        self.next += 1;
        let rest: Vec<&CounterStep> = self.steps[self.next..].iter().collect();
        let choice = Choice {
            thread: step.thread,
            alternative: alternative(world, step, &rest),
        };
        if is_possible(world, choice) {
            choice.into()
        } else {
            Decision::Cut
        }
    }
}
