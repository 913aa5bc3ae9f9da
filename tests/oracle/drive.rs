//! The seam for engines, what an engine promises, and the comparison with the truth.

use std::collections::{BTreeSet, HashSet};

use crosscheck::sync::{NotifyOrder, SwaitOrder};
use proptest::prelude::*;

use super::brute::{Event, Key, Truth, replay, tell, truth, unsound};
use super::generate;
use super::operation::{Op, Substance};
use super::program::{Item, Program, Switches};
use super::world::{Access, State, Step, Terminal, World, conflict};

/// Something that explores all there is of a program.
pub(crate) trait Engine {
    /// What it found; None if it gave up.
    fn explore(&self, program: &Program, switches: &Switches) -> Option<Outcome>;
}

/// What an engine found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Executions that were run to an end: all done, or a deadlock.
    pub(crate) executions: u64,
    /// Executions that were given up since they would have led nowhere new.
    pub(crate) blocked: u64,
    /// The traces of the complete executions, if it can tell; [`replay`] makes one of the steps of
    /// an execution.
    pub(crate) traces: Option<BTreeSet<Key>>,
    /// How they ended.
    pub(crate) terminal: BTreeSet<Terminal>,
    /// How many of the complete executions ended with threads that could not go on.
    pub(crate) deadlocks: u64,
    /// Whether it came upon a state that only wake-ups which nobody causes lead on from, if it looks.
    pub(crate) hangs: Option<bool>,
    /// States that it saw, if it counts them.
    pub(crate) states: Option<u64>,
}

/// What an engine promises about its numbers. It finds all ends in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// One execution for each trace, and no other.
    Optimal,
    /// One complete execution for each trace.
    Once,
    /// At least one execution for each trace.
    Complete,
    /// Each state once, as [`Truth::states`] counts them.
    States,
    /// Each state once, as [`Truth::histories`] counts them.
    Histories,
}

/// Where an outcome is not what the promise says. Empty if all is well.
pub(crate) fn differences(
    program: &Program,
    switches: &Switches,
    truth: &Truth,
    outcome: &Outcome,
    promise: Promise,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut numbers = |what: &str, got: u64, least: u64, most: u64| {
        if got < least || got > most {
            let wanted = if least == most {
                format!("{least}")
            } else {
                format!("{least} or more")
            };
            found.push(format!("{what}: {got} instead of {wanted}"));
        }
    };
    let traces = truth.traces.len() as u64;
    match promise {
        Promise::Optimal | Promise::Once => {
            numbers("complete executions", outcome.executions, traces, traces);
            numbers(
                "deadlocks",
                outcome.deadlocks,
                truth.deadlocks,
                truth.deadlocks,
            );
        }
        Promise::Complete => {
            numbers("complete executions", outcome.executions, traces, u64::MAX);
            numbers("deadlocks", outcome.deadlocks, truth.deadlocks, u64::MAX);
        }
        Promise::States | Promise::Histories => {
            let least = u64::from(truth.deadlocks > 0);
            numbers("deadlocks", outcome.deadlocks, least, u64::MAX);
        }
    }
    if promise == Promise::Optimal {
        numbers("blocked executions", outcome.blocked, 0, 0);
    }
    if truth.deadlocks == 0 {
        numbers("deadlocks", outcome.deadlocks, 0, 0);
    }
    if outcome.hangs.is_some_and(|hangs| hangs != truth.hangs) {
        let least = u64::from(truth.hangs);
        numbers("deadlocks but for wake-ups", 1 - least, least, least);
    }
    if let Some(states) = outcome.states {
        match promise {
            Promise::States => numbers("states", states, truth.states, truth.states),
            Promise::Histories => numbers("states", states, truth.histories, truth.histories),
            Promise::Optimal | Promise::Once | Promise::Complete => {}
        }
    }
    let end = |end: &Terminal| format!("  {end:?}\n");
    sets("end", &truth.terminal, &outcome.terminal, end, &mut found);
    if let Some(traces) = &outcome.traces {
        let trace = |key: &Key| tell(program, switches, key);
        sets("trace", &truth.traces, traces, trace, &mut found);
    }
    found
}

/// Says what is in one set only; the first of each in full.
fn sets<T: Ord>(
    what: &str,
    truth: &BTreeSet<T>,
    got: &BTreeSet<T>,
    show: impl Fn(&T) -> String,
    found: &mut Vec<String>,
) {
    let mut only = |word: &str, left: &BTreeSet<T>, right: &BTreeSet<T>| {
        let mut difference = left.difference(right);
        if let Some(first) = difference.next() {
            let more = difference.count();
            found.push(format!("{word} {what}, and {more} more:\n{}", show(first)));
        }
    };
    only("missing", truth, got);
    only("impossible", got, truth);
}

/// Runs an engine on a program. An error says all that a reader needs; true if there was anything
/// to compare: neither the truth nor the engine gave up.
pub(crate) fn compare(
    engine: &impl Engine,
    promise: Promise,
    program: &Program,
    switches: &Switches,
    cap: usize,
) -> Result<bool, String> {
    let Some(truth) = truth(program, switches, cap) else {
        return Ok(false);
    };
    let Some(outcome) = engine.explore(program, switches) else {
        return Ok(false);
    };
    let found = differences(program, switches, &truth, &outcome, promise);
    if found.is_empty() {
        return Ok(true);
    }
    Err(format!(
        "{switches:?}, {promise:?}\n{program}{}",
        found.join("\n")
    ))
}

/// All interleavings, one after the other, up to so many. The order of events is worked out from
/// its definition, at the end of each.
struct Naive {
    cap: u64,
}

/// An event of one interleaving.
struct Happened {
    step: Step,
    accesses: Vec<Access>,
    /// Which earlier event made this second half possible.
    cause: Option<usize>,
}

impl Engine for Naive {
    fn explore(&self, program: &Program, switches: &Switches) -> Option<Outcome> {
        let world = World::new(program, *switches);
        let mut outcome = Outcome {
            traces: Some(BTreeSet::new()),
            ..Outcome::default()
        };
        let causes = vec![None; program.threads.len()];
        self.go(
            &world,
            &world.start(),
            &mut Vec::new(),
            &causes,
            &mut outcome,
        )?;
        Some(outcome)
    }
}

impl Naive {
    fn go(
        &self,
        world: &World<'_>,
        state: &State,
        happened: &mut Vec<Happened>,
        causes: &[Option<usize>],
        outcome: &mut Outcome,
    ) -> Option<()> {
        let steps = world.steps(state);
        if steps.is_empty() {
            let end = world.terminal(state);
            outcome.executions += 1;
            outcome.deadlocks += u64::from(end.is_deadlock());
            outcome.terminal.insert(end);
            let traces = outcome.traces.get_or_insert_default();
            traces.insert(trace(happened, causes.len()));
        }
        if outcome.executions > self.cap {
            return None;
        }
        for step in steps {
            let mut state = state.clone();
            let mut causes = causes.to_vec();
            let done = world.apply(&mut state, step);
            let cause = causes[step.thread].take();
            for released in done.released {
                causes[released] = Some(happened.len());
            }
            happened.push(Happened {
                step,
                accesses: done.accesses,
                cause,
            });
            self.go(world, &state, happened, &causes, outcome)?;
            happened.pop();
        }
        Some(())
    }
}

/// The transitive closure of what orders two events directly.
fn trace(happened: &[Happened], threads: usize) -> Key {
    let n = happened.len();
    let mut before = vec![vec![false; n]; n];
    for (late, event) in happened.iter().enumerate() {
        for (early, other) in happened[..late].iter().enumerate() {
            before[early][late] = other.step.thread == event.step.thread
                || conflict(&other.accesses, &event.accesses)
                || event.cause == Some(early);
        }
    }
    for via in 0..n {
        for early in 0..n {
            for late in 0..n {
                before[early][late] |= before[early][via] && before[via][late];
            }
        }
    }
    let mut key = Key {
        threads: vec![Vec::new(); threads],
    };
    for (late, event) in happened.iter().enumerate() {
        let count = |thread: usize| {
            let of = |early: &usize| before[*early][late] && happened[*early].step.thread == thread;
            u32::try_from((0..n).filter(of).count()).unwrap()
        };
        key.threads[event.step.thread].push(Event {
            alternative: event.step.alternative,
            before: (0..threads).map(count).collect(),
        });
    }
    key
}

/// A walk over the plain states, or over those with all results.
pub(crate) struct Walk {
    pub(crate) results: bool,
    /// With more states it gives up.
    pub(crate) cap: usize,
}

impl Engine for Walk {
    fn explore(&self, program: &Program, switches: &Switches) -> Option<Outcome> {
        let world = World::new(program, *switches);
        let mut outcome = Outcome::default();
        let mut seen = HashSet::new();
        let mut todo = vec![world.start()];
        let mut hangs = false;
        while let Some(state) = todo.pop() {
            let node = if self.results {
                world.history(&state)
            } else {
                world.plain(&state)
            };
            if !seen.insert(node) {
                continue;
            }
            if seen.len() > self.cap {
                return None;
            }
            let steps = world.steps(&state);
            let by_itself = |&step: &Step| world.is_by_itself(&state, step);
            hangs |= !steps.is_empty() && steps.iter().all(by_itself);
            if steps.is_empty() {
                let end = world.terminal(&state);
                outcome.executions += 1;
                outcome.deadlocks += u64::from(end.is_deadlock());
                outcome.terminal.insert(end);
            }
            for step in steps {
                let mut next = state.clone();
                world.apply(&mut next, step);
                todo.push(next);
            }
        }
        outcome.states = Some(seen.len() as u64);
        outcome.hangs = Some(hangs);
        Some(outcome)
    }
}

/// Any switches.
pub(crate) fn switches() -> impl Strategy<Value = Switches> {
    let notify = prop_oneof![Just(NotifyOrder::Any), Just(NotifyOrder::Fifo)];
    (notify, any::<bool>()).prop_map(|(notify, spurious)| Switches {
        notify,
        spurious,
        ..Switches::DEFAULT
    })
}

/// More prefixes than this are not worth the time in a test.
pub(crate) const CAP: usize = 20_000;

/// [`compare`] for property tests.
pub(crate) fn agree(
    engine: &impl Engine,
    promise: Promise,
    program: &Program,
    switches: &Switches,
) -> Result<(), TestCaseError> {
    match compare(engine, promise, program, switches, CAP) {
        Ok(true) => Ok(()),
        Ok(false) => Err(TestCaseError::reject("too large")),
        Err(text) => Err(TestCaseError::fail(text)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Prefixes that are joined lose nothing and invent nothing.
    #[test]
    fn all_interleavings_give_the_same_traces(
        program in generate::programs(7),
        switches in switches(),
    ) {
        agree(&Naive { cap: 50_000 }, Promise::Complete, &program, &switches)?;
    }

    /// A walk over the states finds the same states and, with all results in them, the same ends.
    #[test]
    fn a_walk_over_the_states_finds_the_same(
        program in generate::programs(10),
        switches in switches(),
    ) {
        agree(&Walk { results: true, cap: usize::MAX }, Promise::Histories, &program, &switches)?;
        let Some(truth) = truth(&program, &switches, CAP) else { unreachable!("just counted") };
        let plain = Walk { results: false, cap: usize::MAX }.explore(&program, &switches).expect("never gives up");
        prop_assert_eq!(plain.states, Some(truth.states));
        prop_assert_eq!(plain.deadlocks > 0, truth.deadlocks > 0);
    }

    /// Events without order commute, and do not decide whether the other is possible.
    #[test]
    fn the_conflicts_are_enough(program in generate::programs(10), switches in switches()) {
        if let Some(wrong) = unsound(&program, &switches, CAP / 4) {
            prop_assert!(wrong.is_empty(), "{}{}", program, wrong[0]);
        }
    }

    /// The order that a key gives its events is an execution of the same trace.
    #[test]
    fn traces_replay(program in generate::programs(9), switches in switches()) {
        let truth = truth(&program, &switches, CAP);
        for key in truth.iter().flat_map(|truth| truth.traces.iter().take(50)) {
            let replayed = replay(&program, &switches, &key.steps().expect("an order"), |_| false);
            let (again, end) = replayed.map_err(TestCaseError::fail)?;
            prop_assert_eq!(&again, key);
            prop_assert!(truth.iter().all(|truth| truth.terminal.contains(&end)));
        }
    }
}

/// A lie about any number or set is found, under every promise that speaks about it.
#[test]
fn lies_are_found() {
    let lock = || Substance::Units {
        free: vec![1],
        order: SwaitOrder::Weak,
    };
    let take = |object| Op::Take {
        object,
        units: 1,
        shared: false,
    };
    let give = |object| Op::Give {
        object,
        units: 1,
        shared: false,
    };
    let nest = |a, b| [take(a), take(b), give(b), give(a)].map(Item::Do).to_vec();
    let program = Program {
        objects: vec![lock(), lock()],
        needs: Vec::new(),
        threads: vec![nest(0, 1), nest(1, 0)],
    };
    let truth = truth(&program, &Switches::DEFAULT, CAP).unwrap();
    let honest = Outcome {
        executions: truth.traces.len() as u64,
        blocked: 0,
        traces: Some(truth.traces.clone()),
        terminal: truth.terminal.clone(),
        deadlocks: truth.deadlocks,
        hangs: Some(truth.hangs),
        states: Some(truth.states),
    };
    let found = |outcome: &Outcome, promise| {
        differences(&program, &Switches::DEFAULT, &truth, outcome, promise)
    };
    for promise in [
        Promise::Optimal,
        Promise::Once,
        Promise::Complete,
        Promise::States,
    ] {
        assert_eq!(found(&honest, promise), Vec::<String>::new(), "{promise:?}");
    }
    let mut lie = honest.clone();
    lie.executions += 1;
    assert_eq!(found(&lie, Promise::Optimal).len(), 1);
    assert_eq!(found(&lie, Promise::Once).len(), 1);
    assert_eq!(found(&lie, Promise::Complete).len(), 0);
    let mut lie = honest.clone();
    lie.blocked = 1;
    assert_eq!(found(&lie, Promise::Optimal).len(), 1);
    assert_eq!(found(&lie, Promise::Once).len(), 0);
    let mut lie = honest.clone();
    lie.hangs = Some(!truth.hangs);
    assert_eq!(found(&lie, Promise::States).len(), 1);
    let mut lie = honest.clone();
    lie.deadlocks = 0;
    assert_eq!(found(&lie, Promise::States).len(), 1);
    let mut lie = honest.clone();
    lie.states = Some(truth.states - 1);
    assert_eq!(found(&lie, Promise::States).len(), 1);
    let mut lie = honest.clone();
    lie.terminal.pop_first();
    assert_eq!(found(&lie, Promise::States).len(), 1);
    let mut lie = honest;
    let key = lie.traces.as_mut().unwrap().pop_first().unwrap();
    let text = found(&lie, Promise::Complete).join("");
    assert!(text.starts_with("missing trace, and 0 more"), "{text}");
    assert!(
        text.contains(&tell(&program, &Switches::DEFAULT, &key)),
        "{text}"
    );
}
