//! Failures at the borders of the model: what only wake-ups that nobody causes would end, and what is
//! found in steps that the shipped parts do not have.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::replay::{Replayed, replay};
use crosscheck::engines::verdict::Apart;
use crosscheck::engines::{Counterexample, EngineId, Job, Limits, Row, Word, check};
use crosscheck::primitives::{Barrier, Semaphore, SemaphoreSet};
use crosscheck::scenario::{Instance, Program, Property, Scenario};
use crosscheck::sync::{
    AtomicBool, AtomicUsize, Backend, Condvar, Mutex, Semantics, Shared, Until, checkpoint, choose,
    current, park, rounds, scope,
};

const SPURIOUS: Semantics = Semantics {
    spurious: true,
    ..Semantics::DEFAULT
};

/// Everything but `proved` and `refuted`, which decide.
fn is_undecided(word: Word) -> bool {
    !matches!(word, Word::Proved | Word::Refuted)
}

const MODES: [SearchMode; 4] = [
    SearchMode::Auto,
    SearchMode::Traces,
    SearchMode::Source,
    SearchMode::States,
];

fn rows(program: &Program, engine: EngineId, mode: SearchMode, semantics: Semantics) -> Vec<Row> {
    let limits = Limits {
        mode,
        ..Limits::PROOF
    };
    check(&Job {
        program,
        instance: &Instance::defaults(&program.parameters()),
        semantics,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    })
}

/// The only row, which is refuted, and its counterexample.
fn refuted(
    program: &Program,
    engine: EngineId,
    mode: SearchMode,
    semantics: Semantics,
) -> (Property, Counterexample) {
    let row = rows(program, engine, mode, semantics).remove(0);
    let what = format!(
        "{} on {engine}, {mode}: {}",
        row.scenario,
        row.verdict.reason()
    );
    assert_eq!(row.verdict.word(), Word::Refuted, "{what}");
    (
        row.property,
        row.counterexample().expect("it has one").clone(),
    )
}

/// A scenario in one function.
macro_rules! scenario {
    ($type:ident, $body:item) => {
        struct $type;

        impl Scenario for $type {
            fn name(&self) -> &'static str {
                concat!("borders/", stringify!($type))
            }

            fn run<B: Backend>(&self, _: &Instance) {
                $body
                run::<B>();
            }
        }
    };
}

scenario!(
    AwaitsAlone,
    fn run<B: Backend>() {
        let a = AtomicUsize::<B>::new("a", 0);
        let _ = a.await_until(Until::Is(2), SeqCst);
    }
);

scenario!(
    AwaitsAFlag,
    fn run<B: Backend>() {
        let ready = AtomicBool::<B>::new("ready", false);
        scope::<B, _>(|scope| {
            scope.spawn("waits", || {
                let _ = ready.await_until(Until::Is(true), Acquire);
            });
        });
    }
);

scenario!(
    TriesBeforeARace,
    fn run<B: Backend>() {
        let units = Semaphore::<B>::new("units", 0);
        let memory = Shared::<B, u32>::new("memory", 0);
        scope::<B, _>(|scope| {
            scope.spawn("tries", || {
                if !units.try_p() {
                    memory.set(1);
                }
            });
            memory.set(2);
        });
    }
);

scenario!(
    MeetsAndWaits,
    fn run<B: Backend>() {
        let barrier = Barrier::<B>::new("barrier", 2);
        let never = Semaphore::<B>::new("never", 0);
        scope::<B, _>(|scope| {
            scope.spawn("one", || {
                barrier.arrive();
            });
            scope.spawn("two", || {
                barrier.arrive();
            });
            never.p();
        });
    }
);

scenario!(
    TooFewArrive,
    fn run<B: Backend>() {
        let barrier = Barrier::<B>::new("b", 3);
        scope::<B, _>(|scope| {
            scope.spawn("t", || {
                barrier.arrive();
            });
            barrier.arrive();
        });
    }
);

scenario!(
    NotifiesBeforeARace,
    fn run<B: Backend>() {
        let lock = Mutex::<B, _>::new("lock", ());
        let condvar = Condvar::<B>::new("condvar");
        let memory = Shared::<B, u32>::new("memory", 0);
        scope::<B, _>(|scope| {
            scope.spawn("waits", || {
                memory.set(1);
                let guard = lock.lock();
                drop(condvar.wait(guard));
            });
            condvar.notify_one();
            memory.set(2);
        });
    }
);

scenario!(
    SetAndBarrier,
    fn run<B: Backend>() {
        let set = SemaphoreSet::<B>::new("set", &[1, 1]);
        let barrier = Barrier::<B>::new("barrier", 2);
        scope::<B, _>(|scope| {
            scope.spawn("t", || {
                set.swait(&[1, 0]);
                barrier.arrive();
                set.swait(&[0, 1]);
            });
            set.swait(&[0, 1]);
            barrier.arrive();
            set.swait(&[1, 0]);
        });
    }
);

scenario!(
    Overflows,
    fn run<B: Backend>() {
        let units = Semaphore::<B>::new("units", u32::MAX as usize);
        units.v();
    }
);

/// What a search has found in its own steps is a refutation, whether or not the parts that are built of
/// mutexes fail on the same schedule; and what it shows replays.
#[test]
fn what_was_found_is_believed() {
    let programs: [(Program, Property, &[SearchMode]); 8] = [
        (Arc::new(AwaitsAlone), Property::DeadlockFreedom, &MODES),
        (Arc::new(AwaitsAFlag), Property::DeadlockFreedom, &MODES),
        (
            Arc::new(TriesBeforeARace),
            Property::DataRaceFreedom,
            &[SearchMode::Traces, SearchMode::Source],
        ),
        (Arc::new(MeetsAndWaits), Property::DeadlockFreedom, &MODES),
        (Arc::new(TooFewArrive), Property::DeadlockFreedom, &MODES),
        (
            Arc::new(NotifiesBeforeARace),
            Property::DataRaceFreedom,
            &[SearchMode::States],
        ),
        (Arc::new(SetAndBarrier), Property::DeadlockFreedom, &MODES),
        (Arc::new(Overflows), Property::Invariant, &MODES),
    ];
    for (program, property, modes) in programs {
        for engine in [EngineId::Exhaustive, EngineId::ExhaustiveShuttle] {
            for &mode in modes {
                let (failed, shown) = refuted(&program, engine, mode, Semantics::DEFAULT);
                assert_eq!(failed, property, "{} on {engine}, {mode}", program.name());
                let token = Counterexample::from_token(&shown.token()).expect("a token reads");
                let again = replay(&program, &token).expect("it has its parameters");
                assert!(
                    matches!(again, Replayed::Same(_)),
                    "{} on {engine}, {mode}: {again:?}",
                    program.name()
                );
            }
        }
    }
}

/// The words are those of the steps that were found: who waits, and for what.
#[test]
fn a_wait_for_an_atomic_is_told_by_its_condition() {
    let program: Program = Arc::new(AwaitsAlone);
    let (_, shown) = refuted(
        &program,
        EngineId::Exhaustive,
        SearchMode::Traces,
        Semantics::DEFAULT,
    );
    assert_eq!(shown.message, "nobody can move: main waits for ever");
    let waits: Vec<_> = shown
        .blocked
        .iter()
        .map(|one| one.waits_for.as_str())
        .collect();
    assert_eq!(waits, ["atomic `a` to be 2"]);

    let program: Program = Arc::new(TooFewArrive);
    let (_, shown) = refuted(
        &program,
        EngineId::Exhaustive,
        SearchMode::Traces,
        Semantics::DEFAULT,
    );
    assert_eq!(shown.message, "nobody can move: main, t wait for ever");
}

scenario!(
    WaitsOnce,
    fn run<B: Backend>() {
        let lock = Mutex::<B, _>::new("lock", ());
        let condvar = Condvar::<B>::new("condvar");
        scope::<B, _>(|scope| {
            scope.spawn("waits", || {
                let guard = lock.lock();
                drop(condvar.wait(guard));
            });
            condvar.notify_one();
        });
    }
);

scenario!(
    TwoWaitIfOneComes,
    fn run<B: Backend>() {
        let lock = Mutex::<B, _>::new("lock", false);
        let condvar = Condvar::<B>::new("condvar");
        let waits = || {
            let guard = lock.lock();
            if !*guard {
                drop(condvar.wait(guard));
            }
        };
        scope::<B, _>(|scope| {
            scope.spawn(("waits", 0), waits);
            scope.spawn(("waits", 1), waits);
            *lock.lock() = true;
            condvar.notify_one();
        });
    }
);

scenario!(
    ParksAlone,
    fn run<B: Backend>() {
        park::<B>();
    }
);

scenario!(
    WaitsApart,
    fn run<B: Backend>() {
        let locks = [0, 1].map(|i| Mutex::<B, _>::new(("lock", i), ()));
        let condvars = [0, 1].map(|i| Condvar::<B>::new(("condvar", i)));
        let word = AtomicUsize::<B>::new("word", 0);
        scope::<B, _>(|scope| {
            let (condvars, locks) = (&condvars, &locks);
            for i in [0, 1] {
                scope.spawn(("waits", i), move || {
                    let guard = locks[i].lock();
                    drop(condvars[i].wait(guard));
                });
            }
            word.store(1, Relaxed);
            condvars[0].notify_all();
            condvars[1].notify_one();
        });
    }
);

/// Nobody may count on a wake-up that nobody causes: a state in which only such are left is a deadlock.
#[test]
fn only_wake_ups_by_themselves_are_no_way_on() {
    let programs: [Program; 4] = [
        Arc::new(WaitsOnce),
        Arc::new(TwoWaitIfOneComes),
        Arc::new(ParksAlone),
        Arc::new(WaitsApart),
    ];
    for program in programs {
        for semantics in [Semantics::DEFAULT, SPURIOUS] {
            for engine in [EngineId::Exhaustive, EngineId::ExhaustiveShuttle] {
                for mode in MODES {
                    let (property, shown) = refuted(&program, engine, mode, semantics);
                    assert_eq!(property, Property::DeadlockFreedom);
                    assert!(!shown.blocked.is_empty());
                    let again = replay(&program, &shown).expect("it has its parameters");
                    assert!(
                        matches!(again, Replayed::Same(_)),
                        "{} on {engine}, {mode}: {again:?}",
                        program.name()
                    );
                }
            }
            for engine in [EngineId::ShuttleDfs, EngineId::Loom] {
                let (property, _) = refuted(&program, engine, SearchMode::Auto, semantics);
                assert_eq!(property, Property::DeadlockFreedom);
            }
        }
    }
}

scenario!(
    ParksWithoutALoop,
    fn run<B: Backend>() {
        let flag = AtomicBool::<B>::new("flag", false);
        let me = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("wakes", || {
                // Release: pairs with the Acquire load.
                flag.store(true, Release);
                me.unpark();
            });
            park::<B>();
            assert!(flag.load(Acquire), "woken without a cause");
        });
    }
);

scenario!(
    ParksInALoop,
    fn run<B: Backend>() {
        let flag = AtomicBool::<B>::new("flag", false);
        let me = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("wakes", || {
                // Release: pairs with the Acquire load.
                flag.store(true, Release);
                me.unpark();
            });
            while !flag.load(Acquire) {
                park::<B>();
            }
        });
    }
);

/// A park may return by itself wherever waits may, and a row says which of the two it rests on.
#[test]
fn parks_return_by_themselves_where_that_is_switched_on() {
    let (bare, looped): (Program, Program) = (Arc::new(ParksWithoutALoop), Arc::new(ParksInALoop));
    let native = MODES.map(|mode| (EngineId::Exhaustive, mode));
    let engines = native.into_iter().chain([
        (EngineId::ExhaustiveShuttle, SearchMode::Auto),
        (EngineId::ShuttleDfs, SearchMode::Auto),
    ]);
    for (engine, mode) in engines {
        let off = rows(&bare, engine, mode, Semantics::DEFAULT);
        for row in &off {
            assert_eq!(row.verdict.word(), Word::Proved, "{}", row.verdict.reason());
            assert!(row.semantics.contains(&"no-spurious-wakeups".to_owned()));
        }
        let (property, _) = refuted(&bare, engine, mode, SPURIOUS);
        assert_eq!(property, Property::Invariant, "{engine}, {mode}");
        for row in rows(&looped, engine, mode, SPURIOUS) {
            // At most one a thread: that is a bound.
            assert_eq!(
                row.verdict.word(),
                Word::Bounded,
                "{}",
                row.verdict.reason()
            );
            assert!(row.semantics.contains(&"spurious-wakeups".to_owned()));
        }
    }
    let (property, _) = refuted(&bare, EngineId::Loom, SearchMode::Auto, SPURIOUS);
    assert_eq!(property, Property::Invariant);
}

scenario!(
    UnlockedBesideWeakOrders,
    fn run<B: Backend>() {
        let ready = AtomicBool::<B>::new("ready", false);
        let memory = Shared::<B, u32>::new("memory", 0);
        scope::<B, _>(|scope| {
            scope.spawn("writes", || {
                memory.set(1);
                // Release: pairs with the Acquire wait.
                ready.store(true, Release);
            });
            if ready.await_until(Until::Is(true), Acquire).is_ok() {
                assert_eq!(memory.get(), 1);
            }
        });
    }
);

/// What a search cannot see of one property says nothing of the others: each has its own word.
#[test]
fn a_gap_of_one_property_is_none_of_another() {
    let program: Program = Arc::new(UnlockedBesideWeakOrders);
    let found = rows(
        &program,
        EngineId::Exhaustive,
        SearchMode::States,
        Semantics::DEFAULT,
    );
    let word = |property| {
        let mut row = found.iter().filter(|row| row.property == property);
        row.next().expect("it was asked for").verdict.word()
    };
    assert_eq!(word(Property::DeadlockFreedom), Word::Proved);
    assert_eq!(word(Property::Invariant), Word::Proved);
    assert_eq!(word(Property::DataRaceFreedom), Word::Bounded);
}

scenario!(
    StartsAThreadOfStd,
    fn run<B: Backend>() {
        let word = AtomicUsize::<B>::new("word", 0);
        std::thread::scope(|scope| {
            scope.spawn(|| word.store(1, SeqCst));
        });
    }
);

/// Who is no thread of the program is told so, by every engine that it stumbles into.
#[test]
fn a_thread_of_somebody_else_is_named() {
    let program: Program = Arc::new(StartsAThreadOfStd);
    for engine in [EngineId::Exhaustive, EngineId::ExhaustiveShuttle] {
        for row in rows(&program, engine, SearchMode::Auto, Semantics::DEFAULT) {
            let reason = row.verdict.reason();
            assert!(is_undecided(row.verdict.word()), "{engine}: {reason}");
            assert!(
                reason.contains("called from a thread that is not the program's"),
                "{engine}: {reason}"
            );
            assert!(reason.contains("borders.rs"), "{engine}: {reason}");
        }
    }
}

scenario!(
    ChoosesAmongMany,
    fn run<B: Backend>() {
        let word = AtomicUsize::<B>::new("word", 0);
        scope::<B, _>(|scope| {
            scope.spawn("other", || word.store(1, SeqCst));
            let chosen = choose::<B>("one", 4_000_000_000);
            word.store(chosen, SeqCst);
        });
    }
);

scenario!(
    FindsOneOfMany,
    fn run<B: Backend>() {
        let chosen = choose::<B>("one", 4_000_000_000);
        assert_ne!(chosen, 700, "chosen");
    }
);

struct CountsMany;

impl Scenario for CountsMany {
    fn name(&self) -> &'static str {
        "borders/counts-many"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let word = AtomicUsize::<B>::new("word", 0);
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                let _ = word.load(SeqCst);
            });
            let chosen = choose::<B>("one", 300);
            word.store(chosen, SeqCst);
        });
    }
}

/// The alternatives of a choice are counted, not put down: their number may be any.
#[test]
fn choices_are_counted_one_after_the_other() {
    let (many, one): (Program, Program) = (Arc::new(ChoosesAmongMany), Arc::new(FindsOneOfMany));
    for mode in MODES {
        let limits = Limits {
            exhaustive_executions: Some(2_000),
            memory: 64,
            mode,
            ..Limits::PROOF
        };
        let instance = Instance::default();
        let job = |program| Job {
            program,
            instance: &instance,
            semantics: Semantics::DEFAULT,
            targets: [Property::DeadlockFreedom, Property::Invariant].into(),
            engine: EngineId::Exhaustive,
            limits: &limits,
        };
        for row in check(&job(&many)) {
            let reason = row.verdict.reason();
            assert_eq!(row.verdict.word(), Word::Bounded, "{mode}: {reason}");
            assert!(
                reason.contains("cut after 2000 executions"),
                "{mode}: {reason}"
            );
        }
        let row = check(&job(&one)).remove(0);
        let reason = row.verdict.reason();
        assert_eq!(row.verdict.word(), Word::Refuted, "{mode}: {reason}");
    }
}

/// Those that are counted are all visited, each once: a store before or after the other's load.
#[test]
fn counted_choices_are_all_visited() {
    let program: Program = Arc::new(CountsMany);
    for mode in [SearchMode::Traces, SearchMode::Source, SearchMode::States] {
        for row in rows(&program, EngineId::Exhaustive, mode, Semantics::DEFAULT) {
            assert_eq!(row.verdict.word(), Word::Proved, "{mode}");
            if mode != SearchMode::States {
                assert_eq!(row.executions, 600, "{mode}");
            }
        }
    }
}

scenario!(
    DeepFrames,
    fn run<B: Backend>() {
        fn sum(depth: usize, seed: u8) -> usize {
            let frame = [seed; 4096];
            let sum: usize = std::hint::black_box(&frame)
                .iter()
                .map(|&byte| usize::from(byte))
                .sum();
            if depth == 0 {
                sum
            } else {
                sum + sum_of(depth - 1, seed)
            }
        }
        fn sum_of(depth: usize, seed: u8) -> usize {
            std::hint::black_box(sum(depth, seed))
        }
        scope::<B, _>(|scope| {
            scope.spawn("deep", || {
                assert!(sum(200, 1) > 0);
            });
        });
    }
);

/// A thread has the stack that std would give it.
#[test]
fn stacks_are_as_large_as_those_of_std() {
    let program: Program = Arc::new(DeepFrames);
    for engine in [EngineId::Exhaustive, EngineId::ExhaustiveShuttle] {
        for row in rows(&program, engine, SearchMode::Auto, Semantics::DEFAULT) {
            assert_eq!(row.verdict.word(), Word::Proved, "{engine}");
        }
    }
}

/// A loop whose data is in the mutex, or beside it with a checkpoint while it is held.
struct Loops {
    inside: bool,
}

impl Scenario for Loops {
    fn name(&self) -> &'static str {
        "borders/loops"
    }

    fn liveness(&self) -> Vec<Property> {
        vec![Property::StarvationFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let lock = Mutex::<B, usize>::new("lock", 0);
        let bare = Mutex::<B, ()>::new("bare", ());
        let changed = Condvar::<B>::new("changed");
        let state = Shared::<B, usize>::new("state", 0);
        let turns = || {
            for _ in rounds::<B>(1, &()) {
                if self.inside {
                    let mut guard = lock.lock();
                    *guard = 1 - *guard;
                } else {
                    let mut guard = bare.lock();
                    while state.get() == 1 {
                        checkpoint::<B>(&());
                        guard = changed.wait(guard);
                    }
                    state.set(1);
                    drop(guard);
                    let guard = bare.lock();
                    state.set(0);
                    changed.notify_all();
                    drop(guard);
                }
            }
        };
        scope::<B, _>(|scope| {
            scope.spawn("other", turns);
            turns();
        });
    }
}

/// Where states are kept apart that are alike, the reason names what does it, and advises nothing that
/// there is not.
#[test]
fn a_search_that_finds_no_end_names_what_keeps_states_apart() {
    let reason = |inside| {
        let program: Program = Arc::new(Loops { inside });
        let limits = Limits {
            memory: 1,
            ..Limits::PROOF
        };
        let row = check(&Job {
            program: &program,
            instance: &Instance::default(),
            semantics: Semantics::DEFAULT,
            targets: [Property::StarvationFreedom].into(),
            engine: EngineId::Exhaustive,
            limits: &limits,
        })
        .remove(0);
        assert_eq!(row.verdict.word(), Word::GaveUp, "{}", row.verdict.reason());
        row.verdict.reason()
    };
    let inside = reason(true);
    assert!(inside.contains("what mutex `lock` holds"), "{inside}");
    assert!(!inside.contains("smaller instance"), "{inside}");
    assert!(!inside.contains("no effect"), "{inside}");
    let under = reason(false);
    assert!(
        under.contains("had no effect because the thread held a mutex"),
        "{under}"
    );
    assert!(under.contains("borders.rs"), "{under}");
    let apart = Apart {
        by_history: Vec::new(),
        without_effect: Some((2, "src/lib.rs:1:2".to_owned())),
        has_instances: true,
    };
    assert_eq!(
        apart.to_string(),
        "raise --bound memory, or check a smaller instance; 2 checkpoints had no effect because the \
         thread held a mutex, the first at src/lib.rs:1:2: say it before the mutex is locked"
    );
}
