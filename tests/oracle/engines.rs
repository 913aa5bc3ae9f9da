//! The searches of the exhaustive engine against brute force.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use crosscheck::engines::exhaustive::explorer::optimal::Optimal;
use crosscheck::engines::exhaustive::explorer::order::Order;
use crosscheck::engines::exhaustive::explorer::source::Source;
use crosscheck::engines::exhaustive::explorer::states::States;
use crosscheck::engines::exhaustive::explorer::{
    Counts, Decision, Divergence, Ended, Explorer, Memo,
};
use crosscheck::engines::exhaustive::runner::script::{Position, Script, explore};
use crosscheck::engines::exhaustive::world::World;
use crosscheck::engines::exhaustive::world::event::Event;
use crosscheck::sync::stepping::{Op, Substance};
use crosscheck::sync::{NotifyOrder, Semantics};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::brute::{replay, truth};
use super::drive::{Engine, Outcome, Promise, agree, switches};
use super::generate;
use super::program::{Item, Program, Switches, digest};
use super::world::Step;

/// A program of the oracle as a script of the engine.
struct AsScript<'p> {
    program: &'p Program,
    /// The item of each thread's last operation.
    last: RefCell<Vec<usize>>,
    /// The model's number of each needs.
    needs: RefCell<Vec<usize>>,
}

impl Script for AsScript<'_> {
    fn objects(&self) -> Vec<Substance> {
        self.program.objects.clone()
    }

    fn threads(&self) -> usize {
        self.program.threads.len()
    }

    fn prepare(&self, world: &mut World) {
        for (object, substance) in self.program.objects.iter().enumerate() {
            if *substance == Substance::Memory {
                world.written(0, object, Some(0));
            }
        }
        // The model numbers needs by their content.
        let number = |needs: &Vec<_>| world.needs(needs);
        *self.needs.borrow_mut() = self.program.needs.iter().map(number).collect();
    }

    fn digest(&self, thread: usize, _: &Position) -> u64 {
        digest(thread, self.last.borrow()[thread])
    }

    fn next(&self, thread: usize, position: &mut Position, last: u64) -> Option<Op> {
        let last = if position.at == 0 { 0 } else { last };
        loop {
            let at = position.at;
            let item = self.program.threads[thread].get(at)?;
            position.at += 1;
            match *item {
                Item::Do(op) => {
                    self.last.borrow_mut()[thread] = at;
                    // Threads of the model are one more than those of the oracle.
                    return Some(match op {
                        Op::Unpark(other) => Op::Unpark(other + 1),
                        Op::TakeAll { object, needs } => Op::TakeAll {
                            object,
                            needs: self.needs.borrow()[needs],
                        },
                        Op::GiveAll { object, needs } => Op::GiveAll {
                            object,
                            needs: self.needs.borrow()[needs],
                        },
                        op => op,
                    });
                }
                Item::Skip {
                    when_last_result_is,
                    count,
                } => {
                    if last == when_last_result_is {
                        position.at += count;
                    }
                }
            }
        }
    }
}

/// A search of the engine.
struct Searched<E>(fn() -> E);

impl<E: Explorer> Engine for Searched<E> {
    fn explore(&self, program: &Program, switches: &Switches) -> Option<Outcome> {
        Some(searched((self.0)(), program, switches))
    }
}

/// A search that is asked for states which only wake-ups that nobody causes lead on from, as the engine
/// asks: where it stands, and of each execution at its end.
struct Watched<E> {
    explorer: E,
    hangs: bool,
}

impl<E: Explorer> Explorer for Watched<E> {
    fn begin(&mut self) -> bool {
        self.explorer.begin()
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        let mut threads = 0..world.thread_count();
        self.hangs |= world.is_dead() && threads.any(|thread| world.enabled(thread));
        self.explorer.decide(world)
    }

    fn end(&mut self, world: &World, ended: Ended) {
        if ended == Ended::Complete {
            self.hangs |= self.explorer.hang(world).is_some();
        }
        self.explorer.end(world, ended);
    }

    fn counts(&self) -> Counts {
        self.explorer.counts()
    }

    fn events(&self) -> Vec<Event> {
        self.explorer.events()
    }

    fn order(&self) -> Option<&Order> {
        self.explorer.order()
    }

    fn progress(&self) -> f64 {
        self.explorer.progress()
    }

    fn memory(&self) -> usize {
        self.explorer.memory()
    }
}

/// What a search finds.
fn searched(explorer: impl Explorer, program: &Program, switches: &Switches) -> Outcome {
    let mut explorer = Watched {
        explorer,
        hangs: false,
    };
    let mut world = World::new(&Semantics {
        notify: switches.notify,
        spurious: switches.spurious,
        ..Semantics::DEFAULT
    });
    let script = AsScript {
        program,
        last: RefCell::new(vec![0; program.threads.len()]),
        needs: RefCell::default(),
    };
    let mut outcome = Outcome {
        traces: Some(Default::default()),
        ..Outcome::default()
    };
    // Where the trace fixes who is served when, the engine's threads go on without a step.
    let silent = |op| match op {
        Op::Granted { object } => program.is_one_location(object),
        Op::Depart(_) => true,
        _ => false,
    };
    // A wait that ends by itself is an alternative of its own in the oracle: it is one when
    // nobody has notified the thread since it began to wait.
    explore(
        &script,
        &mut world,
        &mut explorer,
        |world, explorer, ended| {
            if ended != Ended::Complete {
                return true;
            }
            let steps: Vec<Step> = explorer
                .schedule()
                .iter()
                .map(|taken| Step {
                    thread: taken.choice.thread - 1,
                    alternative: taken.choice.alternative + u32::from(taken.by_itself),
                })
                .collect();
            outcome.deadlocks += u64::from(world.unfinished() > 0);
            let (key, terminal) = replay(program, switches, &steps, silent)
                .unwrap_or_else(|why| panic!("the oracle refuses {steps:?}: {why}\n{program}"));
            outcome.traces.get_or_insert_default().insert(key);
            outcome.terminal.insert(terminal);
            true
        },
    )
    .unwrap_or_else(|divergence| panic!("{divergence:?}\n{program}"));
    let counts = explorer.counts();
    outcome.hangs = Some(explorer.hangs);
    outcome.executions = counts.complete;
    outcome.blocked = counts.cut;
    if counts.states > 0 {
        outcome.traces = None;
    }
    outcome
}

/// Searches over states that share what is known and what is to be done.
struct Workers {
    count: usize,
    /// Everything is handed on, and taken in a random order.
    scattered: Option<u64>,
}

impl Engine for Workers {
    fn explore(&self, program: &Program, switches: &Switches) -> Option<Outcome> {
        // The second search runs no thread at once: the first may learn too late that it must not.
        let found = [States::new(), States::of_every_state()]
            .into_iter()
            .find_map(|begun| {
                let Some(Memo::States(memo)) = begun.memo() else {
                    panic!("it has not begun, so it is not over");
                };
                let shared = States::share(memo, self.count);
                if let Some(seed) = self.scattered {
                    shared.scatter(seed);
                }
                let work = || searched(States::worker(Arc::clone(&shared)), program, switches);
                let parts: Vec<Outcome> = thread::scope(|scope| {
                    let workers: Vec<_> = (0..self.count).map(|_| scope.spawn(work)).collect();
                    let parts = workers.into_iter().map(ScopedJoinHandle::join);
                    parts.map(|part| part.expect("it ends")).collect()
                });
                (!shared.is_surprised()).then(|| whole(parts))
            });
        assert!(found.is_some(), "nothing can surprise the second search");
        found
    }
}

fn whole(parts: Vec<Outcome>) -> Outcome {
    let mut whole = Outcome {
        hangs: Some(parts.iter().any(|part| part.hangs == Some(true))),
        ..Outcome::default()
    };
    for part in parts {
        whole.executions += part.executions;
        whole.blocked += part.blocked;
        whole.deadlocks += part.deadlocks;
        whole.terminal.extend(part.terminal);
    }
    whole
}

/// How many random programs: 1 000, or as many as `CROSSCHECK_ORACLE_PROGRAMS` says.
fn programs() -> u32 {
    let text = std::env::var("CROSSCHECK_ORACLE_PROGRAMS");
    text.ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(programs()))]

    #[test]
    fn optimal_runs_each_trace_once_and_cuts_nothing(
        program in generate::programs(9), switches in switches()
    ) {
        agree(&Searched(Optimal::default), Promise::Optimal, &program, &switches)?;
    }

    /// What may happen more often may fail more often: spurious wake-ups, and notifications of any
    /// waiter, remove no deadlock.
    #[test]
    fn a_wider_switch_removes_no_deadlock(program in generate::programs(8)) {
        let blocks = |notify, spurious| {
            let switches = Switches {
                notify,
                spurious,
                ..Switches::DEFAULT
            };
            let truth = truth(&program, &switches, 20_000)?;
            let found = searched(Optimal::default(), &program, &switches);
            let blocks = truth.deadlocks > 0 || truth.hangs;
            assert_eq!(found.deadlocks > 0 || found.hangs == Some(true), blocks, "{program}");
            Some(blocks)
        };
        let narrow = blocks(NotifyOrder::Fifo, false);
        for (notify, spurious) in [(NotifyOrder::Any, false), (NotifyOrder::Fifo, true)] {
            if let (Some(narrow), Some(wider)) = (narrow, blocks(notify, spurious)) {
                prop_assert!(wider || !narrow, "{notify:?}, spurious {spurious}\n{program}");
            }
        }
    }

    #[test]
    fn states_find_every_end(program in generate::programs(9), switches in switches()) {
        agree(&Searched(States::new), Promise::Histories, &program, &switches)?;
    }

    #[test]
    fn states_without_gives_at_once_find_every_end(
        program in generate::programs(9), switches in switches()
    ) {
        agree(&Searched(States::of_every_state), Promise::Histories, &program, &switches)?;
    }

    #[test]
    fn states_find_every_end_together(
        program in generate::programs(9),
        switches in switches(),
        count in 1..4_usize,
        scattered in proptest::option::weighted(0.8, any::<u64>())
    ) {
        let workers = Workers { count, scattered };
        agree(&workers, Promise::Histories, &program, &switches)?;
    }

    #[test]
    fn source_completes_each_trace_once(program in generate::programs(9), switches in switches()) {
        agree(&Searched(Source::new), Promise::Once, &program, &switches)?;
    }
}
