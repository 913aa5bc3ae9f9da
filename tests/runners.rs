//! The two runners of the exhaustive engine: they agree on every program, and nothing that goes
//! wrong inside one is lost, repeated or leaked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{Backend, Mutex, Semantics, scope};

const RUNNERS: [EngineId; 2] = [EngineId::Exhaustive, EngineId::ExhaustiveShuttle];
const MODES: [SearchMode; 3] = [SearchMode::Traces, SearchMode::Source, SearchMode::States];

fn rows(program: &Program, instance: &Instance, engine: EngineId, limits: &Limits) -> Vec<Row> {
    check(&Job {
        program,
        instance,
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits,
    })
}

fn limits(mode: SearchMode) -> Limits {
    Limits {
        executions: Some(3_000),
        mode,
        ..Limits::QUICK
    }
}

/// All that two runners must say alike.
fn said(rows: &[Row]) -> Vec<String> {
    let said = |row: &Row| {
        let found = row.counterexample().map(|found| {
            format!(
                "{} {:?} {:?} {:?} {:?}",
                found.message, found.threads, found.steps, found.blocked, found.execution
            )
        });
        let word = row.verdict.word();
        format!("{} {word} {} {found:?}", row.property, row.executions)
    };
    rows.iter().map(said).collect()
}

fn agree(program: &Program, instance: &Instance) {
    for mode in MODES {
        let [ours, shuttle] = RUNNERS.map(|engine| rows(program, instance, engine, &limits(mode)));
        let name = program.name();
        assert_eq!(said(&ours), said(&shuttle), "{name} {instance} in {mode:?}");
        let internal = |row: &Row| matches!(&row.verdict, Verdict::GaveUp(GaveUp::Internal { .. }));
        assert!(!ours.iter().any(internal), "{name} {instance} in {mode:?}");
    }
}

#[test]
fn the_runners_agree_on_the_catalogue() {
    for variant in catalogue().iter().flat_map(|problem| &problem.variants) {
        let program = &variant.program;
        agree(program, &Instance::defaults(&program.parameters()));
    }
}

#[test]
fn the_runners_agree_on_larger_instances() {
    for (name, settings) in [
        (
            "philosophers/odd-even",
            &[("n", "5"), ("meals", "1"), ("lock", "facade")][..],
        ),
        ("philosophers/room", &[("n", "3")]),
        ("philosophers/monitor", &[("n", "3")]),
        ("bounded-buffer/ring", &[("items", "3")]),
        ("bounded-buffer/two-mutex", &[("consumers", "2")]),
        ("bounded-buffer/one-mutex", &[("consumers", "2")]),
        ("bounded-buffer/and-set", &[("consumers", "2")]),
    ] {
        let catalogue = catalogue();
        let mut variants = catalogue.iter().flat_map(|problem| &problem.variants);
        let variant = variants.find(|variant| variant.program.name() == name);
        let program = &variant.unwrap_or_else(|| panic!("no {name}")).program;
        let parameters = program.parameters();
        let mut instance = Instance::defaults(&parameters);
        for &(key, value) in settings {
            let parameter = parameters.iter().find(|parameter| parameter.name == key);
            let parameter = parameter.unwrap_or_else(|| panic!("{name} has no {key}"));
            let value = parameter.parse(value).expect("a value of the parameter");
            instance = instance.with(parameter.name, value);
        }
        agree(program, &instance);
    }
}

/// A program of the tests.
struct Odd(Way);

#[derive(Clone, Copy)]
enum Way {
    Counter,
    Address,
    HashOrder,
    PanicInThread,
    AssertAfterJoin,
    PanicInScope,
    PanicWithLock,
    Require,
    Deadlock,
    Apart,
    ThreeShare,
}

static OUTSIDE: AtomicUsize = AtomicUsize::new(0);

/// A number that differs between executions, by a means that a program must not use.
fn leaked(way: Way) -> usize {
    match way {
        Way::Address => {
            // Kept, so that the next execution gets another address.
            let kept: &'static mut u64 = Box::leak(Box::new(0));
            (std::ptr::from_mut(kept).addr() >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63
        }
        Way::HashOrder => {
            let map: std::collections::HashMap<usize, ()> = (0..64).map(|key| (key, ())).collect();
            map.into_keys().next().expect("64 keys")
        }
        _ => OUTSIDE.fetch_add(1, Ordering::Relaxed),
    }
}

impl Scenario for Odd {
    fn name(&self) -> &'static str {
        "runners/odd"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let way = self.0;
        let lock = |name: &'static str| Mutex::<B, _>::new(name, 0u32);
        match way {
            Way::Counter | Way::Address | Way::HashOrder => {
                let locks = [lock("even"), lock("odd")];
                let one = || {
                    if leaked(way).is_multiple_of(2) {
                        *locks[0].lock() += 1;
                    } else {
                        *locks[1].lock() += 1;
                    }
                };
                scope::<B, _>(|scope| {
                    for i in 0..7 {
                        scope.spawn(("thread", i), one);
                    }
                });
            }
            Way::PanicInThread => {
                let mutex = lock("mutex");
                scope::<B, _>(|scope| {
                    scope.spawn("a", || *mutex.lock() += 1);
                    scope.spawn("b", || assert_eq!(*mutex.lock(), 0, "b is first"));
                });
            }
            Way::AssertAfterJoin => {
                let mutex = lock("mutex");
                scope::<B, _>(|scope| {
                    scope.spawn("a", || *mutex.lock() = 1);
                    scope.spawn("b", || *mutex.lock() = 2);
                });
                assert_eq!(*mutex.lock(), 2, "b is last");
            }
            Way::PanicInScope => {
                let mutex = lock("mutex");
                scope::<B, _>(|scope| {
                    scope.spawn("a", || *mutex.lock() += 1);
                    let seen = *mutex.lock();
                    assert_eq!(seen, 1, "main is second");
                });
            }
            Way::PanicWithLock => {
                let mutex = lock("mutex");
                scope::<B, _>(|scope| {
                    scope.spawn("a", || *mutex.lock() += 1);
                    // The panic drops the guard that the other thread waits for.
                    assert_eq!(*mutex.lock(), 1, "main is second");
                });
            }
            Way::Require => {
                let mutex = lock("mutex");
                scope::<B, _>(|scope| {
                    scope.spawn("a", || *mutex.lock() += 1);
                    let seen = *mutex.lock();
                    require::<B>(Property::Invariant, seen == 0, || format!("{seen}"));
                });
            }
            Way::Deadlock => {
                let (one, two) = (lock("one"), lock("two"));
                scope::<B, _>(|scope| {
                    scope.spawn("a", || {
                        let _first = one.lock();
                        let _second = two.lock();
                    });
                    let _first = two.lock();
                    let _second = one.lock();
                });
            }
            Way::Apart | Way::ThreeShare => {
                let locks: Vec<_> = (0..64).map(|_| lock("lock")).collect();
                let locks = &locks;
                scope::<B, _>(|scope| {
                    for i in 0..64 {
                        let shared = matches!(way, Way::ThreeShare) && i < 3;
                        let which = if shared { 0 } else { i };
                        scope.spawn(("thread", i), move || *locks[which].lock() += 1);
                    }
                });
            }
        }
    }
}

fn first(way: Way, engine: EngineId, mode: SearchMode) -> Row {
    let program: Program = Arc::new(Odd(way));
    rows(&program, &Instance::default(), engine, &limits(mode)).remove(0)
}

#[test]
fn what_differs_between_executions_is_named() {
    let ways = [
        ("counter", Way::Counter),
        ("address", Way::Address),
        ("hash order", Way::HashOrder),
    ];
    for engine in RUNNERS {
        for (name, way) in ways {
            for mode in MODES {
                let row = first(way, engine, mode);
                let detail = match &row.verdict {
                    Verdict::GaveUp(
                        GaveUp::Nondeterministic { detail } | GaveUp::Outside { detail },
                    ) => detail,
                    other => panic!("{name} on {engine} in {mode:?}: {other:?}"),
                };
                let lines = detail.matches(concat!(file!(), ":")).count();
                assert_eq!(lines, 2, "{name} on {engine} in {mode:?}: {detail}");
            }
        }
    }
}

#[test]
fn failures_are_refutations_of_what_failed() {
    let ways = [
        ("thread", Way::PanicInThread, Property::Invariant),
        ("after join", Way::AssertAfterJoin, Property::Invariant),
        ("scope", Way::PanicInScope, Property::Invariant),
        ("require", Way::Require, Property::Invariant),
        ("deadlock", Way::Deadlock, Property::DeadlockFreedom),
    ];
    for (name, way, property) in ways {
        for mode in MODES {
            let [ours, shuttle] = RUNNERS.map(|engine| {
                let row = first(way, engine, mode);
                let word = row.verdict.word();
                let text = format!("{name} on {engine} in {mode:?}: {:?}", row.verdict);
                assert_eq!((word, row.property), (Word::Refuted, property), "{text}");
                said(&[row])
            });
            assert_eq!(ours, shuttle, "{name} in {mode:?}");
        }
    }
}

#[test]
fn a_panic_that_is_caught_with_a_lock_held_is_no_deadlock() {
    for engine in RUNNERS {
        let row = first(Way::PanicWithLock, engine, SearchMode::Traces);
        let caught = matches!(&row.verdict, Verdict::GaveUp(GaveUp::Unsupported { .. }));
        assert!(caught, "{engine}: {:?}", row.verdict);
    }
}

#[test]
fn sixty_four_threads() {
    let ways = [(Way::Apart, 1), (Way::ThreeShare, 6)];
    for engine in RUNNERS {
        for (way, executions) in ways {
            for mode in [SearchMode::Traces, SearchMode::Source] {
                let row = first(way, engine, mode);
                assert_eq!(
                    row.verdict.word(),
                    Word::Proved,
                    "{engine}: {:?}",
                    row.verdict
                );
                assert_eq!(row.executions, executions, "{engine} in {mode:?}");
            }
        }
    }
}

/// Counts what is made and what is dropped, and owns memory.
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

struct Counted<'a> {
    counts: &'a Counts,
    /// What only a stack in good order still has.
    seen: &'a [u8],
}

impl<'a> Counted<'a> {
    fn new(counts: &'a Counts, seen: &'a [u8]) -> Self {
        counts.made.fetch_add(1, Ordering::Relaxed);
        Self { counts, seen }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        assert_eq!(self.seen, b"alive", "dropped after what it borrows");
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Empties what it lends when it ends.
struct Lender(Vec<u8>);

impl Drop for Lender {
    fn drop(&mut self) {
        self.0.fill(b'x');
    }
}

struct Holders {
    counts: &'static Counts,
    fate: &'static str,
}

impl Scenario for Holders {
    fn name(&self) -> &'static str {
        "runners/holders"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let lender = Lender(b"alive".to_vec());
        let locks = [0, 1, 2].map(|i| Mutex::<B, _>::new(("lock", i), 0u32));
        let (counts, fate, locks, lent) = (self.counts, self.fate, &locks, &lender.0[..]);
        let _of_main = Counted::new(counts, lent);
        scope::<B, _>(|scope| {
            for i in 0..3 {
                // What a thread that has never run owns is dropped too.
                let brought = Counted::new(counts, lent);
                scope.spawn(("holder", i), move || {
                    let _brought = brought;
                    let _early = Counted::new(counts, lent);
                    let second = if fate == "deadlock" { i + 1 } else { 2 } % 3;
                    let mut first = locks[i].lock();
                    let _held = Counted::new(counts, lent);
                    if second != i {
                        *locks[second].lock() += 1;
                    }
                    *first += 1;
                    if fate == "panic" {
                        assert!(*first < 3, "the third");
                    }
                });
            }
            if fate == "main fails" {
                let seen = *locks[2].lock();
                require::<B>(Property::Invariant, seen == 0, || format!("{seen}"));
            }
        });
        if fate == "fails early" {
            let seen = *locks[2].lock();
            require::<B>(Property::Invariant, seen == 0, || format!("{seen}"));
        }
    }
}

#[test]
fn nothing_leaks() {
    for fate in ["ends", "deadlock", "panic", "main fails", "fails early"] {
        for engine in RUNNERS {
            for (mode, audit) in MODES.map(|mode| [(mode, false), (mode, true)]).concat() {
                let counts: &'static Counts = Box::leak(Box::new(Counts {
                    made: AtomicUsize::new(0),
                    dropped: AtomicUsize::new(0),
                }));
                let program: Program = Arc::new(Holders { counts, fate });
                let limits = Limits {
                    audit,
                    ..limits(mode)
                };
                let rows = rows(&program, &Instance::default(), engine, &limits);
                let expected = if fate == "ends" {
                    Word::Proved
                } else {
                    Word::Refuted
                };
                let said = format!("{fate} on {engine} in {mode:?}: {:?}", rows[0].verdict);
                assert_eq!(rows[0].verdict.word(), expected, "{said}");
                let [made, dropped] =
                    [&counts.made, &counts.dropped].map(|count| count.load(Ordering::Relaxed));
                let whole = 10 * usize::try_from(rows[0].executions).expect("few executions");
                if (fate, engine, mode, audit) == ("ends", RUNNERS[1], SearchMode::States, false) {
                    // What is cut is not run on there, so that some threads never came to their middle.
                    assert!(made < whole, "{said}: nothing was cut");
                }
                assert!(
                    made > 0 && made == dropped,
                    "{said}: {made} made, {dropped} dropped"
                );
            }
        }
    }
}
