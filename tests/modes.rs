//! Programs on which a search over states could forget what a search over traces sees.

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::primitives::{Semaphore, SemaphoreSet};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program, Property, Scenario, Zone, require};
use crosscheck::sync::{Backend, Mutex, Semantics, Shared, SwaitOrder, checkpoint, scope};
use std::sync::Arc;

/// What engine `exhaustive` says of the properties of a program in this mode.
fn rows_of(program: &Program, mode: SearchMode, swait: SwaitOrder) -> Vec<Row> {
    let limits = Limits {
        mode,
        ..Limits::PROOF
    };
    let rows = check(&Job {
        program,
        instance: &Instance::default(),
        semantics: Semantics {
            swait,
            ..Semantics::DEFAULT
        },
        targets: program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    assert!(!rows.is_empty(), "{} has no properties", program.name());
    rows
}

/// The order of two writes shows only in what a third one replaces.
struct ReplacedValue;

impl Scenario for ReplacedValue {
    fn name(&self) -> &'static str {
        "modes/replaced-value"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let m = Mutex::<B, ()>::new("m", ());
        let x = Shared::<B, usize>::new("x", 1);
        scope::<B, _>(|scope| {
            scope.spawn("double", || {
                let _held = m.lock();
                x.with_mut(|x| *x *= 2);
            });
            scope.spawn("add", || {
                let _held = m.lock();
                x.with_mut(|x| *x += 3);
            });
            scope.spawn("take", || {
                let held = m.lock();
                let value = x.with_mut(std::mem::take);
                drop(held);
                require::<B>(Property::Invariant, value != 8, || "8 was taken".into());
            });
        });
    }
}

/// A semaphore of one unit to which somebody gives two.
struct GivenMore;

impl Scenario for GivenMore {
    fn name(&self) -> &'static str {
        "modes/given-more"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::MutualExclusion]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let s = Semaphore::<B>::new("s", 1);
        let zone = Zone::<B>::exclusive("inside");
        let visit = || {
            s.p();
            drop(zone.enter());
            s.v();
        };
        scope::<B, _>(|scope| {
            scope.spawn("giver", || s.v_many(2));
            scope.spawn("one", visit);
            scope.spawn("other", visit);
        });
    }
}

/// The signal is given before the zone is left.
struct EarlySignal;

impl Scenario for EarlySignal {
    fn name(&self) -> &'static str {
        "modes/early-signal"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::MutualExclusion]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let m = Semaphore::<B>::new("m", 1);
        let s = Semaphore::<B>::new("s", 0);
        let zone = Zone::<B>::exclusive("inside");
        scope::<B, _>(|scope| {
            scope.spawn("first", || {
                m.p();
                let stay = zone.enter();
                s.v();
                drop(stay);
                m.v();
            });
            scope.spawn("second", || {
                s.p();
                drop(zone.enter());
            });
        });
    }
}

/// Somebody gives for ever, and gives nothing.
struct GivesNothing;

impl Scenario for GivesNothing {
    fn name(&self) -> &'static str {
        "modes/gives-nothing"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let set = SemaphoreSet::<B>::new("set", &[1]);
        scope::<B, _>(|scope| {
            scope.spawn("idler", || {
                loop {
                    checkpoint::<B>(&());
                    set.ssignal_general(&[(0, 0)]);
                }
            });
            scope.spawn("user", || {
                set.swait(&[0]);
                set.ssignal(&[0]);
            });
        });
    }
}

#[test]
fn a_search_over_states_ends_where_giving_nothing_does_not() {
    let program: Program = Arc::new(GivesNothing);
    for row in rows_of(&program, SearchMode::States, SwaitOrder::Weak) {
        assert_eq!(row.verdict.word(), Word::Proved, "{row:?}");
    }
}

/// More units are given than a machine counts.
struct GivesTooMany;

impl Scenario for GivesTooMany {
    fn name(&self) -> &'static str {
        "modes/gives-too-many"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let s = Semaphore::<B>::new("s", 0);
        for _ in 0..2 {
            s.v_many(1 << 31);
        }
    }
}

#[test]
fn units_are_not_counted_anew_from_zero() {
    let program: Program = Arc::new(GivesTooMany);
    for mode in [SearchMode::Traces, SearchMode::Source, SearchMode::States] {
        for row in rows_of(&program, mode, Semantics::DEFAULT.swait) {
            assert_eq!(row.verdict.word(), Word::Refuted, "{mode}: {row:?}");
            let reason = row.verdict.reason();
            assert!(reason.contains("more than 4294967295 units"), "{reason}");
        }
    }
}

#[test]
fn both_modes_refute_them() {
    let programs: [Program; 3] = [
        Arc::new(ReplacedValue),
        Arc::new(GivenMore),
        Arc::new(EarlySignal),
    ];
    for program in &programs {
        for mode in [SearchMode::Traces, SearchMode::Source, SearchMode::States] {
            let rows = rows_of(program, mode, Semantics::DEFAULT.swait);
            let (row, name) = (&rows[0], program.name());
            let why = row.verdict.reason();
            assert_eq!(row.verdict.word(), Word::Refuted, "{name} {mode:?}: {why}");
        }
    }
}

#[test]
fn both_searches_over_traces_complete_as_many_executions() {
    for variant in catalogue().iter().flat_map(|problem| &problem.variants) {
        let program = &variant.program;
        let by = |mode| {
            let limits = Limits {
                executions: Some(3_000),
                mode,
                ..Limits::QUICK
            };
            let rows = check(&Job {
                program,
                instance: &Instance::defaults(&program.parameters()),
                semantics: Semantics::DEFAULT,
                targets: program.properties().into_iter().collect(),
                engine: EngineId::Exhaustive,
                limits: &limits,
            });
            let counts = rows.iter().filter(|row| row.verdict.word() == Word::Proved);
            let counts: Vec<_> = counts.map(|row| (row.property, row.executions)).collect();
            (rows.len(), counts)
        };
        let (traces, source) = (by(SearchMode::Traces), by(SearchMode::Source));
        assert_eq!(traces, source, "{}", program.name());
    }
}
