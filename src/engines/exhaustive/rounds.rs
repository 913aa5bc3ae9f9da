//! An infinite execution, run again: its stem, and then its loop a number of times.
//!
//! Whether it comes back to the same state is asked of the very digests that the search compared, so
//! that a loop that comes round here can be gone round for ever.

use super::driver::{Driver, is_possible};
use super::endless::endless;
use super::execution::Execution;
use super::explorer::{Choice, Decision};
use super::runner::coroutines::{Coroutines, run};
use super::tale::Tale;
use super::world::{Threads, World, only};
use crate::engines::check::Job;
use crate::engines::counterexample::{CounterStep, Counterexample};
use crate::engines::panics;
use crate::scenario::Machine;
use crate::sync::Property;
use crate::sync::stepping::{Op, ThreadId};

/// Who takes the steps of an infinite execution.
#[derive(Debug)]
pub(super) struct Rounds {
    steps: Vec<CounterStep>,
    loop_from: usize,
    /// The step that comes next.
    next: usize,
    /// How many rounds are to be gone.
    wanted: u32,
    /// The state at the beginning of the loop, and at the end of each round.
    states: Vec<u128>,
    /// Who has waited in every state of the loop so far.
    waiting: Threads,
    /// Who has been unable to move in some state of the loop, or has moved.
    excused: Threads,
    served: Threads,
    /// The next step could not be taken.
    is_stuck: bool,
}

impl Rounds {
    fn new(steps: &[CounterStep], loop_from: usize, wanted: u32) -> Self {
        Self {
            steps: steps.to_vec(),
            loop_from,
            next: 0,
            wanted,
            states: Vec::new(),
            waiting: Threads::MAX,
            excused: 0,
            served: 0,
            is_stuck: false,
        }
    }

    pub(super) fn decide(&mut self, world: &World) -> Decision {
        if self.next > self.loop_from {
            self.served |= world.served_last();
        }
        if self.next == self.loop_from && self.states.is_empty() {
            self.states.push(world.key());
        }
        if self.next >= self.loop_from {
            self.look(world);
        }
        if self.next == self.steps.len() {
            self.states.push(world.key());
            if self.states.len() > self.wanted as usize {
                return Decision::Cut;
            }
            self.next = self.loop_from;
        }
        let thread = self.steps[self.next].thread;
        let choice = Choice {
            thread,
            alternative: self.alternative(world),
        };
        if !is_possible(world, choice) {
            self.is_stuck = true;
            return Decision::Cut;
        }
        if self.next >= self.loop_from {
            self.excused |= only(thread);
        }
        self.next += 1;
        choice.into()
    }

    /// A state of the loop.
    fn look(&mut self, world: &World) {
        for thread in 0..world.thread_count() {
            if !world.is_waiting(thread) {
                self.waiting &= !only(thread);
            }
            if !world.enabled(thread) {
                self.excused |= only(thread);
            }
        }
        self.waiting &= all(world.thread_count());
    }

    fn alternative(&self, world: &World) -> u32 {
        let later = self.steps[self.next + 1..].iter();
        let again = self.steps[self.loop_from..].iter();
        let rest: Vec<&CounterStep> = later.chain(again).collect();
        alternative(world, &self.steps[self.next], &rest)
    }
}

/// What was chosen in a step: that is the value of a choice, and of a notification the waiter that
/// wakes first in the rest, or one that does not.
pub(super) fn alternative(world: &World, step: &CounterStep, rest: &[&CounterStep]) -> u32 {
    let known = step.thread < world.thread_count();
    match known.then(|| world.announced(step.thread)).flatten() {
        Some((Op::Choose(_), _)) => u32::try_from(step.value.unwrap_or(0)).unwrap_or(u32::MAX),
        Some((Op::Notify { condvar, .. }, _)) => {
            let wakes = |waiter: &ThreadId| {
                let at = rest.iter().position(|step| step.thread == *waiter);
                at.unwrap_or(usize::MAX)
            };
            let waiters = world.waiters(condvar);
            let first = (0..waiters.len()).min_by_key(|&at| wakes(&waiters[at]));
            first.and_then(|at| u32::try_from(at).ok()).unwrap_or(0)
        }
        _ => 0,
    }
}

/// The first threads.
fn all(count: usize) -> Threads {
    (0..count).fold(0, |set, thread| set | only(thread))
}

/// What came of going round.
#[derive(Debug)]
pub(in crate::engines) enum Gone {
    /// It came back to the same state every time, and fails the property every time.
    Round {
        /// Who waited all the time.
        waiting: Vec<String>,
    },
    /// It did not; why.
    Elsewhere(String),
}

/// Runs the stem and then the loop so many times, at least once.
pub(in crate::engines) fn go_round(
    job: &Job<'_>,
    recorded: &Counterexample,
    property: Property,
    wanted: u32,
) -> Gone {
    panics::own_output();
    let loop_from = recorded.loop_from.unwrap_or(0);
    let (stem, cycle) = recorded.steps.split_at(loop_from.min(recorded.steps.len()));
    let coroutines = Coroutines::default();
    let rounds = Rounds::new(&recorded.steps, loop_from, wanted.max(1));
    let execution = Execution::new(&coroutines, endless(job), Driver::Rounds(rounds), None);
    execution.inner.borrow_mut().tale = Some(Tale::default());
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut once = true;
    let mut first = |_: &Execution<'_>| std::mem::take(&mut once);
    run(&execution, &coroutines, &main, &mut first);
    let inner = execution.inner.into_inner();
    let (Driver::Rounds(rounds), Some(tale)) = (inner.driver, inner.tale) else {
        unreachable!("they have been put there")
    };
    let expected = stem.iter().chain(cycle.iter().cycle());
    let differs = tale.steps.iter().zip(expected).position(|(now, before)| {
        (now.thread, &now.operation, &now.object, now.value)
            != (
                before.thread,
                &before.operation,
                &before.object,
                before.value,
            )
    });
    if let Some(at) = differs {
        let before = stem.iter().chain(cycle.iter().cycle()).nth(at);
        let before = before.map_or_else(String::new, ToString::to_string);
        return Gone::Elsewhere(format!(
            "step {} was `{before}` and is `{}` now",
            at + 1,
            tale.steps[at],
        ));
    }
    if rounds.is_stuck || rounds.states.len() <= wanted.max(1) as usize {
        let done = tale.steps.len();
        return Gone::Elsewhere(format!("after {done} steps the next one cannot be taken"));
    }
    if let Some(round) = rounds
        .states
        .iter()
        .position(|key| *key != rounds.states[0])
    {
        return Gone::Elsewhere(format!(
            "round {round} ends in another state than it began in"
        ));
    }
    let everybody = all(inner.world.thread_count());
    let is_fair = property == Property::BoundedBypass || everybody & !rounds.excused == 0;
    let fails = match property {
        Property::LivelockFreedom => rounds.served == 0,
        Property::StarvationFreedom | Property::BoundedBypass => rounds.waiting != 0,
        _ => true,
    };
    if !is_fair || !fails {
        return Gone::Elsewhere("it comes round, but nobody is wronged by it any more".to_owned());
    }
    let waiting = (0..inner.world.thread_count())
        .filter(|&thread| rounds.waiting & only(thread) != 0)
        .map(|thread| tale.thread(thread));
    Gone::Round {
        waiting: waiting.collect(),
    }
}
