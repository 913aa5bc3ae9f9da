//! Searches run code only where it is not known what it does, and notice when that was no rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::{Instance, Program, Property, Scenario, Stages, require};
use crosscheck::sync::{
    AtomicUsize, Backend, Mutex, Semantics, Shared, Spin, checkpoint, choose, scope, yield_now,
};

fn row(scenario: impl Scenario, mode: SearchMode) -> Row {
    row_within(scenario, mode, &Limits::PROOF)
}

/// The same without the audit, which runs code as well.
fn unaudited(scenario: impl Scenario, mode: SearchMode) -> Row {
    let limits = Limits {
        audit: false,
        ..Limits::PROOF
    };
    row_within(scenario, mode, &limits)
}

fn row_within(scenario: impl Scenario, mode: SearchMode, limits: &Limits) -> Row {
    let program: Program = Arc::new(scenario);
    let limits = Limits {
        mode,
        exhaustive_executions: None,
        ..limits.clone()
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
    const CLOSED: bool = true;

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

/// The same, of which nobody has said that it is closed.
struct Open(Table);

impl Scenario for Open {
    fn name(&self) -> &'static str {
        "learned/open"
    }

    fn properties(&self) -> Vec<Property> {
        self.0.properties()
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        self.0.run::<B>(instance);
    }
}

/// How often the table's code runs in a search of so many executions.
fn runs_of(mode: SearchMode, is_closed: bool) -> (u64, u64) {
    let runs: &'static AtomicU64 = Box::leak(Box::default());
    let table = Table {
        runs,
        changes_after: u64::MAX,
    };
    let row = if is_closed {
        unaudited(table, mode)
    } else {
        unaudited(Open(table), mode)
    };
    assert_eq!(row.verdict.word(), Word::Proved);
    assert!(row.executions > 1_000, "{}", row.executions);
    (runs.load(Ordering::Relaxed), row.executions)
}

#[test]
fn most_executions_of_a_search_run_no_code() {
    for mode in [SearchMode::States, SearchMode::Traces] {
        let (runs, executions) = runs_of(mode, true);
        // The first 64, one in 64, and those that come to something new.
        let (least, most) = (executions / 64, executions / 32);
        assert!(
            (least..most).contains(&runs),
            "{mode}: {runs} of {executions}"
        );
    }
}

#[test]
fn every_execution_runs_all_code_where_that_is_wanted() {
    let (runs, executions) = runs_of(SearchMode::Source, true);
    assert!(runs >= executions, "{runs} of {executions}");
    for mode in [SearchMode::States, SearchMode::Traces] {
        let (runs, executions) = runs_of(mode, false);
        assert_eq!(runs, executions, "{mode}");
    }
}

#[test]
fn code_that_changes_its_mind_late_is_noticed() {
    for mode in [SearchMode::States, SearchMode::Traces] {
        is_noticed(mode);
    }
}

fn is_noticed(mode: SearchMode) {
    let table = Table {
        runs: Box::leak(Box::default()),
        changes_after: 75,
    };
    match row(table, mode).verdict {
        Verdict::GaveUp(GaveUp::Nondeterministic { detail }) => {
            assert!(detail.contains("tests/learned.rs"), "{detail}");
        }
        other => panic!("{mode}: {other:?}"),
    }
}

/// Two threads that have seen the same write different things, and forget.
struct Writers;

impl Scenario for Writers {
    const CLOSED: bool = true;

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

/// Programs in which what a thread does does not follow from its past alone, or hardly.
#[derive(Clone, Copy, Debug)]
enum Hard {
    /// Stages that are counted outside; the wrong order is come upon last.
    Stages,
    /// A busy-wait without a step, on plain memory that another thread writes.
    SilentSpin,
    /// Threads that start threads of their owner's scope.
    Scopes,
    /// Objects whose numbers depend on a choice that is forgotten.
    Numbers,
    /// A busy-wait that holds a lock in some of its rounds.
    HeldSpin,
    /// A busy-wait that is capped, and a thread that is stuck.
    StuckSpin,
}

impl Scenario for Hard {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        "learned/hard"
    }

    fn properties(&self) -> Vec<Property> {
        match self {
            Self::Stages => vec![Property::StageOrder],
            Self::SilentSpin => vec![Property::DataRaceFreedom],
            Self::StuckSpin => vec![Property::Invariant],
            Self::Scopes | Self::Numbers | Self::HeldSpin => vec![Property::DeadlockFreedom],
        }
    }

    fn run<B: Backend>(&self, _: &Instance) {
        match self {
            Self::Stages => {
                let s = Semaphore::<B>::new("s", 1);
                let stages = Stages::<B>::new("stages", 2);
                let done = AtomicUsize::<B>::new("done", 0);
                scope::<B, _>(|scope| {
                    scope.spawn("first", || {
                        s.p();
                        drop(stages.begin(0));
                        s.v();
                        done.store(1, Ordering::SeqCst);
                    });
                    scope.spawn("second", || {
                        s.p();
                        drop(stages.begin(1));
                        s.v();
                    });
                    scope.spawn("third", || {
                        if done.load(Ordering::SeqCst) == 1 {
                            let _ = choose::<B>("many", 200);
                        }
                    });
                });
            }
            Self::SilentSpin => {
                let flag = Shared::<B, bool>::new("flag", false);
                scope::<B, _>(|scope| {
                    scope.spawn("waits", || {
                        let mut spin = Spin::<B>::new();
                        loop {
                            spin.checkpoint(&());
                            if flag.get() || spin.again().is_err() {
                                return;
                            }
                        }
                    });
                    scope.spawn("writes", || {
                        if choose::<B>("whether", 2) == 1 {
                            flag.set(true);
                        }
                    });
                });
            }
            Self::Scopes => scope::<B, _>(|scope| {
                for (one, other) in [("a", "c"), ("b", "d")] {
                    scope.spawn(one, move || {
                        yield_now::<B>();
                        scope.spawn(other, || {});
                    });
                }
            }),
            Self::Numbers => {
                let _extra =
                    (choose::<B>("extra", 2) == 1).then(|| Mutex::<B, _>::new("extra", ()));
                let done = Mutex::<B, _>::new("done", 0);
                scope::<B, _>(|scope| {
                    scope.spawn("worker", || {
                        checkpoint::<B>(&());
                        yield_now::<B>();
                        *done.lock() += 1;
                    });
                });
            }
            Self::HeldSpin => {
                let lock = Mutex::<B, _>::new("lock", 0);
                scope::<B, _>(|scope| {
                    for i in 0..2 {
                        let lock = &lock;
                        scope.spawn(("thread", i), move || {
                            let mut spin = Spin::<B>::new();
                            let mut guard = None;
                            for round in 0_u32.. {
                                spin.checkpoint(&(round, guard.is_some()));
                                guard = if round % 2 == 0 {
                                    lock.try_lock()
                                } else {
                                    None
                                };
                                yield_now::<B>();
                                if spin.again().is_err() || round == 5 {
                                    return;
                                }
                            }
                        });
                    }
                });
            }
            Self::StuckSpin => {
                let flag = AtomicUsize::<B>::new("flag", 0);
                let never = Semaphore::<B>::new("never", 0);
                scope::<B, _>(|scope| {
                    scope.spawn("waits", || {
                        let mut spin = Spin::<B>::new();
                        while flag.load(Ordering::SeqCst) == 0 {
                            if spin.again().is_err() {
                                never.p();
                            }
                        }
                        require::<B>(Property::Invariant, false, || "it was raised".to_owned());
                    });
                    scope.spawn("raises", || flag.store(1, Ordering::SeqCst));
                });
            }
        }
    }
}

#[test]
fn what_does_not_follow_from_the_past_is_run() {
    for mode in [SearchMode::Traces, SearchMode::States, SearchMode::Auto] {
        let wrong = |hard: Hard, words: &[Word]| {
            let verdict = row(hard, mode).verdict;
            let is_wrong = !words.contains(&verdict.word());
            is_wrong.then(|| format!("{hard:?} {mode}: {}", verdict.reason()))
        };
        let fails = [Hard::Stages, Hard::SilentSpin, Hard::StuckSpin];
        let holds = [Hard::Scopes, Hard::Numbers, Hard::HeldSpin];
        let fails = fails.map(|hard| wrong(hard, &[Word::Refuted]));
        let holds = holds.map(|hard| wrong(hard, &[Word::Proved, Word::Bounded]));
        let wrong: Vec<String> = fails.into_iter().chain(holds).flatten().collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
