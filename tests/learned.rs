//! Searches over states run code only where it is not known what it does, and notice when that was
//! no rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{Backend, Mutex, Semantics, checkpoint, scope, yield_now};

fn row(scenario: impl Scenario, mode: SearchMode) -> Row {
    let program: Program = Arc::new(scenario);
    let limits = Limits {
        mode,
        exhaustive_executions: None,
        ..Limits::PROOF
    };
    let rows = check(&Job {
        program: &program,
        instance: &Instance::defaults(&program.parameters()),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    rows.into_iter().next().expect("a property is asked for")
}

/// Threads around a table take the fork on each side, twice.
struct Table {
    /// How often its code has begun to run.
    runs: &'static AtomicU64,
    /// After how many runs it does something else.
    changes_after: u64,
}

impl Scenario for Table {
    fn name(&self) -> &'static str {
        "learned/table"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        const N: usize = 5;
        // Relaxed: it only counts, on one OS thread.
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let forks: Vec<Semaphore<B>> = (0..N).map(|i| Semaphore::new(("fork", i), 1)).collect();
        let forks = &forks;
        scope::<B, _>(|scope| {
            for i in 0..N {
                scope.spawn(("philosopher", i), move || {
                    for _ in 0..2 {
                        let (left, right) = (i, (i + 1) % N);
                        forks[left.min(right)].p();
                        forks[left.max(right)].p();
                        forks[left].v();
                        forks[right].v();
                    }
                    if i == 3 && run >= self.changes_after {
                        yield_now::<B>();
                    }
                });
            }
        });
    }
}

#[test]
fn most_executions_of_a_search_over_states_run_no_code() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let table = Table {
        runs: &RUNS,
        changes_after: u64::MAX,
    };
    let row = row(table, SearchMode::States);
    assert_eq!(row.verdict.word(), Word::Proved);
    assert!(row.executions > 1_000, "{}", row.executions);
    // The first 64, one in 64, and those that come to something new.
    let runs = RUNS.load(Ordering::Relaxed);
    let (least, most) = (row.executions / 64, row.executions / 32);
    assert!(
        (least..most).contains(&runs),
        "{runs} of {}",
        row.executions
    );
}

#[test]
fn every_execution_of_a_search_over_traces_runs_all_code() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let table = Table {
        runs: &RUNS,
        changes_after: u64::MAX,
    };
    let row = row(table, SearchMode::Traces);
    assert_eq!(row.verdict.word(), Word::Proved);
    assert_eq!(RUNS.load(Ordering::Relaxed), row.executions);
}

#[test]
fn code_that_changes_its_mind_late_is_noticed() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let table = Table {
        runs: &RUNS,
        changes_after: 75,
    };
    match row(table, SearchMode::States).verdict {
        Verdict::GaveUp(GaveUp::Nondeterministic { detail }) => {
            assert!(detail.contains("tests/learned.rs"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
}

/// Two threads that have seen the same write different things, and forget.
struct Writers;

impl Scenario for Writers {
    fn name(&self) -> &'static str {
        "learned/writers"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::Invariant]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let last = Mutex::<B, _>::new("last", 0);
        let last = &last;
        scope::<B, _>(|scope| {
            for me in [1, 2] {
                scope.spawn(("writer", me), move || {
                    checkpoint::<B>(&0);
                    *last.lock() = me;
                    checkpoint::<B>(&1);
                    yield_now::<B>();
                });
            }
        });
        let last = *last.lock();
        require::<B>(Property::Invariant, last == 2, || format!("{last} is last"));
    }
}

#[test]
fn what_was_written_tells_its_writer() {
    for mode in [SearchMode::Traces, SearchMode::States] {
        let row = row(Writers, mode);
        assert_eq!(row.verdict.word(), Word::Refuted, "{mode}");
    }
}
