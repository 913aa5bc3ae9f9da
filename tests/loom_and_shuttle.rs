//! What loom and shuttle do not model as std has it costs neither a correct program its row nor a
//! wrong one its counterexample: what they miss is a gap that is named, what they would invent is
//! told to them.

use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

use crosscheck::engines::verdict::{Cut, Verdict};
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{
    AtomicBool, AtomicUsize, Backend, Mutex, Semantics, Shared, Spin, choose, current, park, scope,
    yield_now,
};

fn rows(scenario: impl Scenario, engine: EngineId) -> Vec<Row> {
    let program: Program = Arc::new(scenario);
    check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &Limits::QUICK,
    })
}

fn row(scenario: impl Scenario, engine: EngineId) -> Row {
    rows(scenario, engine).swap_remove(0)
}

/// The gaps that a row names.
fn gaps(row: &Row) -> Vec<&str> {
    let Verdict::Bounded(bounds) = &row.verdict else {
        panic!("expected bounded, got {:?}", row.verdict);
    };
    let cuts = bounds.cuts.iter();
    cuts.filter_map(|cut| match cut {
        Cut::KnownGap(gap) => Some(gap.as_str()),
        _ => None,
    })
    .collect()
}

/// The idiom of `std::thread::park`: a flag and a token.
struct ParkUntil {
    load: Ordering,
    store: Ordering,
}

impl Scenario for ParkUntil {
    fn name(&self) -> &'static str {
        "loom/park-until"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let flag = AtomicBool::<B>::new("flag", false);
        let main = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("waker", || {
                flag.store(true, self.store);
                main.unpark();
            });
            while !flag.load(self.load) {
                park::<B>();
            }
        });
    }
}

/// One park and no atomic: nothing but the token orders the accesses.
struct TokenAlone {
    /// Whether the data are written before the token is left, as they have to be.
    before: bool,
}

impl Scenario for TokenAlone {
    fn name(&self) -> &'static str {
        "loom/token-alone"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let data = Shared::<B, usize>::new("data", 0);
        let main = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("waker", || {
                if self.before {
                    data.set(1);
                }
                main.unpark();
                if !self.before {
                    data.set(1);
                }
            });
            park::<B>();
            data.get();
        });
    }
}

/// Two tokens of which one is kept: who takes it has both behind it.
struct TokenOverToken;

impl Scenario for TokenOverToken {
    fn name(&self) -> &'static str {
        "loom/token-over-token"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let data = Shared::<B, usize>::new("data", 0);
        let left = Mutex::<B, bool>::new("left", false);
        let main = current::<B>();
        let (data, left, main) = (&data, &left, &main);
        scope::<B, _>(|scope| {
            scope.spawn("first", || {
                data.set(1);
                main.unpark();
                *left.lock() = true;
            });
            scope.spawn("second", || {
                if *left.lock() {
                    main.unpark();
                }
            });
            park::<B>();
            data.get();
        });
    }
}

/// An edge of happens-before that only our session knew: a token that was there first ordered nothing
/// in loom, which then found a race or a stale flag in correct programs.
#[test]
fn a_token_orders_whoever_comes_first() {
    let engines = [EngineId::Exhaustive, EngineId::Loom, EngineId::ShuttleDfs];
    for engine in engines {
        for (load, store) in [(Acquire, Release), (Relaxed, Relaxed)] {
            for row in rows(ParkUntil { load, store }, engine) {
                let expected = if engine == EngineId::Loom {
                    Word::Bounded
                } else {
                    Word::Proved
                };
                assert_eq!(row.verdict.word(), expected, "{row:?}");
            }
        }
        for row in rows(TokenAlone { before: true }, engine) {
            assert_eq!(row.verdict.word(), Word::Proved, "{row:?}");
        }
        for row in rows(TokenOverToken, engine) {
            assert_eq!(row.verdict.word(), Word::Proved, "{row:?}");
        }
        let row = row(TokenAlone { before: false }, engine);
        assert_eq!(row.verdict.word(), Word::Refuted, "{engine}");
        assert_eq!(row.property, Property::DataRaceFreedom, "{engine}");
    }
}

/// A thread that yields, and need not let the other go first.
struct YieldFirst;

impl Scenario for YieldFirst {
    fn name(&self) -> &'static str {
        "loom/yield-first"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let value = Mutex::<B, usize>::new("value", 0);
        scope::<B, _>(|scope| {
            scope.spawn("yielding", || {
                yield_now::<B>();
                *value.lock() = 1;
            });
            let value = *value.lock();
            require::<B>(Property::Invariant, value == 0, || {
                "the yield has come first".to_owned()
            });
        });
    }
}

/// A busy-wait that polls a mutex: the others need not go on before its second round.
struct PollsMutex;

impl Scenario for PollsMutex {
    fn name(&self) -> &'static str {
        "loom/polls-mutex"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let ready = Mutex::<B, bool>::new("ready", false);
        let rounds = Mutex::<B, usize>::new("rounds", 0);
        scope::<B, _>(|scope| {
            scope.spawn("polling", || {
                let mut spin = Spin::<B>::new();
                while !*ready.lock() && spin.again().is_ok() {
                    *rounds.lock() += 1;
                }
            });
            let rounds = *rounds.lock();
            require::<B>(Property::Invariant, rounds == 0, || {
                "a round has come first".to_owned()
            });
            *ready.lock() = true;
        });
    }
}

/// An engine that lets all others go on where a thread only may let them: what it does not visit is
/// no proof.
#[test]
fn what_loom_leaves_out_around_a_yield_is_a_gap() {
    for engine in [EngineId::Exhaustive, EngineId::ShuttleDfs] {
        for row in [row(YieldFirst, engine), row(PollsMutex, engine)] {
            assert_eq!(row.verdict.word(), Word::Refuted, "{row:?}");
            assert_eq!(row.property, Property::Invariant, "{row:?}");
        }
    }
    for (row, word) in [
        (row(YieldFirst, EngineId::Loom), "yields"),
        (row(PollsMutex, EngineId::Loom), "busy-waits"),
    ] {
        let [gap] = gaps(&row)[..] else {
            panic!("one gap: {row:?}");
        };
        assert!(gap.contains(word), "{gap}");
    }
}

const SAMPLERS: [EngineId; 4] = [
    EngineId::ShuttleRandom,
    EngineId::ShuttlePct,
    EngineId::ShuttleUrw,
    EngineId::Threads,
];

/// A program with one thread.
struct Alone;

impl Scenario for Alone {
    fn name(&self) -> &'static str {
        "samplers/alone"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        *Mutex::<B, usize>::new("value", 0).lock() += 1;
    }
}

/// A program that has a second thread only where it chooses to.
struct AloneByChoice {
    /// Whether the second thread does what must not be done.
    fails: bool,
}

impl Scenario for AloneByChoice {
    fn name(&self) -> &'static str {
        "samplers/alone-by-choice"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let value = AtomicUsize::<B>::new("value", 0);
        let value = &value;
        if choose::<B>("how many", 3) < 2 {
            return;
        }
        scope::<B, _>(|scope| {
            scope.spawn("second", || {
                value.fetch_add(1, AcqRel);
            });
            if self.fails {
                // Relaxed: whether the other has added is the question.
                let before = value.load(Relaxed);
                require::<B>(Property::Invariant, before == 0, || "too late".to_owned());
            }
        });
    }
}

/// A scheduler that has nothing to choose has not failed; and where only the program chooses, each
/// schedule is another.
#[test]
fn a_sample_of_a_program_without_concurrency_has_nothing_to_choose() {
    for engine in SAMPLERS {
        for row in rows(Alone, engine) {
            let Verdict::Sampled(sample) = &row.verdict else {
                panic!("{engine}: {row:?}");
            };
            assert!(sample.nothing_to_choose, "{row:?}");
            assert_eq!((sample.schedules, row.executions), (1, 1), "{row:?}");
            let reason = row.verdict.reason();
            assert!(
                reason.starts_with("1 schedule, nothing to choose"),
                "{reason}"
            );
        }
        for row in rows(AloneByChoice { fails: false }, engine) {
            let Verdict::Sampled(sample) = &row.verdict else {
                panic!("{engine}: {row:?}");
            };
            assert!(!sample.nothing_to_choose, "{row:?}");
            let expected = match engine {
                EngineId::Threads => Limits::QUICK.thread_schedules,
                _ => Limits::QUICK.schedules,
            };
            assert_eq!(sample.schedules, expected, "{row:?}");
        }
    }
    for engine in [
        EngineId::ShuttleRandom,
        EngineId::ShuttlePct,
        EngineId::ShuttleUrw,
    ] {
        let row = row(AloneByChoice { fails: true }, engine);
        assert_eq!(row.verdict.word(), Word::Refuted, "{engine}: {row:?}");
    }
}
