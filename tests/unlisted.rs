//! A property that fails is refuted by every engine that looks, whatever the scenario lists; only
//! who asks for less than it lists is told of a cut instead, and then it is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::scenario::{Instance, Ledger, Program, Property, Scenario, Stages, Zone, require};
use crosscheck::sync::{Backend, Mutex, Semantics, scope};

/// What goes wrong in every schedule, or in some.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A requirement of this property.
    Require(Property),
    /// The same where one thread comes last.
    Sometimes(Property),
    /// A panic of a thread.
    Panic,
    /// Locks in opposite orders.
    Deadlock,
    /// Two threads in a region for one.
    Zone,
    /// An item that never comes out.
    Ledger,
    /// The second stage before the first.
    Stages,
}

impl Fault {
    fn property(self) -> Property {
        match self {
            Self::Require(property) | Self::Sometimes(property) => property,
            Self::Panic => Property::Invariant,
            Self::Deadlock => Property::DeadlockFreedom,
            Self::Zone => Property::MutualExclusion,
            Self::Ledger => Property::Conservation,
            Self::Stages => Property::StageOrder,
        }
    }

    /// Otherwise a sample may miss it.
    fn is_in_every_execution(self) -> bool {
        !matches!(self, Self::Sometimes(_) | Self::Deadlock | Self::Zone)
    }

    fn all() -> Vec<Self> {
        let required = [
            Property::MutualExclusion,
            Property::Invariant,
            Property::Conservation,
            Property::FifoOrder,
            Property::StageOrder,
        ];
        let required = required
            .into_iter()
            .flat_map(|property| [Self::Require(property), Self::Sometimes(property)]);
        required
            .chain([
                Self::Panic,
                Self::Deadlock,
                Self::Zone,
                Self::Ledger,
                Self::Stages,
            ])
            .collect()
    }
}

/// A program with a fault, and what it says of itself.
struct Faulty {
    fault: Fault,
    listed: Vec<Property>,
}

impl Scenario for Faulty {
    fn name(&self) -> &'static str {
        "unlisted/faulty"
    }

    fn properties(&self) -> Vec<Property> {
        self.listed.clone()
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["never"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (one, two) = (Mutex::<B, _>::new("one", 0), Mutex::<B, _>::new("two", 0));
        let (zone, ledger) = (Zone::<B>::exclusive("zone"), Ledger::new());
        let stages = Stages::<B>::new("stages", 2);
        let fault = self.fault;
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                let _stay = matches!(fault, Fault::Zone).then(|| zone.enter());
                if let Fault::Deadlock = fault {
                    let _two = two.lock();
                    *one.lock() = 1;
                } else {
                    *one.lock() = 1;
                }
                assert!(!matches!(fault, Fault::Panic), "as it was asked to");
            });
            let _stay = matches!(fault, Fault::Zone).then(|| zone.enter());
            let mut first = one.lock();
            if let Fault::Deadlock = fault {
                *two.lock() = 2;
            }
            *first = 2;
        });
        let last = *one.lock();
        match fault {
            Fault::Require(property) => require::<B>(property, false, || "never".into()),
            Fault::Sometimes(property) => require::<B>(property, last == 1, || "at times".into()),
            Fault::Ledger => {
                ledger.produced((0, 0));
                ledger.settle::<B>();
            }
            Fault::Stages => drop(stages.begin(1)),
            Fault::Panic | Fault::Deadlock | Fault::Zone => {}
        }
    }
}

fn runs() -> Vec<(EngineId, SearchMode)> {
    let modes = [SearchMode::Traces, SearchMode::Source, SearchMode::States];
    let ours = modes.map(|mode| (EngineId::Exhaustive, mode));
    let others = EngineId::ALL
        .into_iter()
        .filter(|engine| *engine != EngineId::Exhaustive);
    let others = others.map(|engine| (engine, SearchMode::Auto));
    ours.into_iter().chain(others).collect()
}

fn rows(
    fault: Fault,
    listed: &[Property],
    asked: BTreeSet<Property>,
    (engine, mode): (EngineId, SearchMode),
) -> Vec<Row> {
    let program: Program = Arc::new(Faulty {
        fault,
        listed: listed.to_vec(),
    });
    let limits = Limits {
        mode,
        ..Limits::QUICK
    };
    check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: asked,
        engine,
        limits: &limits,
    })
}

/// Lists that do not have the property of a fault.
fn lists(fault: Fault) -> Vec<Vec<Property>> {
    let usual = vec![
        Property::DeadlockFreedom,
        Property::Invariant,
        Property::DataRaceFreedom,
    ];
    let mut lists = vec![
        usual,
        vec![Property::DataRaceFreedom],
        vec![Property::Reachability],
        vec![Property::FifoOrder, Property::MutualExclusion],
        Vec::new(),
    ];
    for list in &mut lists {
        list.retain(|property| *property != fault.property());
    }
    lists
}

#[test]
fn what_fails_is_refuted_whatever_is_listed() {
    for fault in Fault::all() {
        for listed in lists(fault) {
            for run in runs() {
                let rows = rows(fault, &listed, listed.iter().copied().collect(), run);
                let said: Vec<(Property, Word)> = rows
                    .iter()
                    .map(|row| (row.property, row.verdict.word()))
                    .collect();
                let refuted = vec![(fault.property(), Word::Refuted)];
                let seen = run.0.is_exhaustive() || fault.is_in_every_execution();
                if seen || said.iter().any(|(_, word)| *word == Word::Refuted) {
                    assert_eq!(said, refuted, "{fault:?}, {listed:?}, {run:?}");
                }
            }
        }
    }
}

/// Less is asked than is listed: the row decides nothing, and says what has cut it.
#[test]
fn who_asks_for_less_is_told_what_has_failed() {
    for fault in Fault::all() {
        let listed = [
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Invariant,
            Property::DataRaceFreedom,
        ];
        let asked = listed
            .into_iter()
            .find(|property| *property != fault.property())
            .expect("one of four");
        for run in runs() {
            if !run.0.is_exhaustive() && !fault.is_in_every_execution() {
                continue;
            }
            let rows = rows(fault, &listed, [asked].into(), run);
            assert_eq!(rows.len(), 1, "{fault:?}, {run:?}");
            let row = &rows[0];
            let why = row.verdict.reason();
            assert!(!row.decides(), "{fault:?}, {asked}, {run:?}: {why}");
            let failure = row.hidden_failure().unwrap_or_default();
            assert!(
                failure.contains(fault.property().id()),
                "{fault:?}, {asked}, {run:?}: {why}"
            );
        }
    }
}
