//! Laws: engines against each other on random programs, primitives against a reference, tokens
//! against damage.

use std::sync::Arc;

use crosscheck::engines::{Counterexample, EngineId, Job, Limits, Word, check};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::{Instance, Program, Property, Scenario};
use crosscheck::sync::{Backend, Mutex, Os, Semantics, scope};
use proptest::prelude::*;

/// Two threads that each lock and unlock mutexes in the given nesting: `Lock(i)` locks unless it
/// is held already, `Unlock` releases the lock taken last.
#[derive(Clone, Debug)]
struct Nest(Vec<Vec<Step>>);

#[derive(Clone, Copy, Debug)]
enum Step {
    Lock(usize),
    Unlock,
}

const MUTEXES: usize = 3;

impl Scenario for Nest {
    fn name(&self) -> &'static str {
        "random/nest"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let mutexes: Vec<_> = (0..MUTEXES)
            .map(|i| Mutex::<B, _>::new(("mutex", i), ()))
            .collect();
        let run = |steps: &[Step]| {
            let mut held: Vec<(usize, _)> = Vec::new();
            for step in steps {
                match *step {
                    Step::Lock(i) if held.iter().all(|(other, _)| *other != i) => {
                        held.push((i, mutexes[i].lock()));
                    }
                    Step::Lock(_) => {}
                    Step::Unlock => drop(held.pop()),
                }
            }
            while held.pop().is_some() {}
        };
        scope::<B, _>(|scope| {
            for (i, steps) in self.0.iter().enumerate().skip(1) {
                scope.spawn(("thread", i), move || run(steps));
            }
            run(&self.0[0]);
        });
    }
}

impl Nest {
    /// Whether some interleaving deadlocks: a walk over every state of (positions, held locks).
    fn can_deadlock(&self) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        let start = vec![(0usize, Vec::<usize>::new()); self.0.len()];
        let mut todo = vec![start];
        while let Some(state) = todo.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            let mut unfinished = false;
            let mut moved = false;
            for thread in 0..state.len() {
                let (at, held) = &state[thread];
                let step = match self.0[thread].get(*at) {
                    Some(step) => *step,
                    None if held.is_empty() => continue,
                    None => Step::Unlock,
                };
                unfinished = true;
                let mut next = state.clone();
                next[thread].0 = at + 1;
                match step {
                    Step::Lock(i) if held.contains(&i) => {}
                    Step::Lock(i) if state.iter().any(|(_, held)| held.contains(&i)) => continue,
                    Step::Lock(i) => next[thread].1.push(i),
                    Step::Unlock => drop(next[thread].1.pop()),
                }
                moved = true;
                todo.push(next);
            }
            if unfinished && !moved {
                return true;
            }
        }
        false
    }
}

fn nests() -> impl Strategy<Value = Nest> {
    let step = prop_oneof![3 => (0..MUTEXES).prop_map(Step::Lock), 2 => Just(Step::Unlock)];
    prop::collection::vec(prop::collection::vec(step, 1..5), 2..=2).prop_map(Nest)
}

fn word(program: &Program, engine: EngineId) -> (Word, Option<Counterexample>) {
    let limits = Limits {
        executions: Some(100_000),
        ..Limits::PROOF
    };
    let row = check(&Job {
        program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    })
    .remove(0);
    (row.verdict.word(), row.counterexample().cloned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// loom, shuttle's depth-first search and a plain walk over the states agree on every program
    /// of locks, and every counterexample replays.
    #[test]
    fn engines_agree_with_a_walk_over_the_states(nest in nests()) {
        let truth = if nest.can_deadlock() { Word::Refuted } else { Word::Proved };
        let program: Program = Arc::new(nest);
        for engine in [EngineId::Loom, EngineId::ShuttleDfs] {
            let (word, counterexample) = word(&program, engine);
            prop_assert_eq!(word, truth, "{}", engine);
            if let Some(counterexample) = counterexample {
                let replayed = crosscheck::engines::replay::replay(&program, &counterexample);
                let same = matches!(replayed, Ok(crosscheck::engines::replay::Replayed::Same(_)));
                prop_assert!(same, "{:?}", replayed);
            }
        }
    }

    /// Arbitrary text is no token, and never a panic.
    #[test]
    fn arbitrary_text_is_refused_as_a_token(text in "\\PC*", prefix in any::<bool>()) {
        let text = if prefix { format!("cc2.{text}") } else { text };
        prop_assert!(Counterexample::from_token(&text).is_err());
    }

    /// A semaphore that nobody waits for is a counter: it agrees with one on every sequence of
    /// tries and returns.
    #[test]
    fn an_uncontended_semaphore_is_a_counter(
        units in 0usize..5,
        steps in prop::collection::vec((any::<bool>(), 0usize..4), 0..64),
    ) {
        let semaphore = Semaphore::<Os>::new("s", units);
        let mut model = units;
        for (take, n) in steps {
            if take {
                let possible = model >= n;
                prop_assert_eq!(semaphore.try_p_many(n), possible);
                if possible {
                    model -= n;
                }
            } else {
                semaphore.v_many(n);
                model += n;
            }
            prop_assert_eq!(semaphore.free_and_waiting(), (model, 0));
            prop_assert_eq!(semaphore.value(), isize::try_from(model).unwrap());
        }
    }

    /// Permits return what they took, whatever the order of their ends.
    #[test]
    fn permits_return_their_units(takes in prop::collection::vec(1usize..4, 0..16), seed in any::<u64>()) {
        let all: usize = takes.iter().sum();
        let semaphore = Semaphore::<Os>::new("s", all);
        let mut permits: Vec<_> = takes.iter().map(|&n| semaphore.acquire_many(n)).collect();
        prop_assert!(semaphore.try_acquire().is_none());
        let mut state = seed;
        while !permits.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(state >> 33).unwrap() % permits.len();
            drop(permits.swap_remove(at));
        }
        prop_assert_eq!(semaphore.value(), isize::try_from(all).unwrap());
    }
}
