//! Tiny scenarios, really checked: rows for the tests of the renderers.

use std::sync::Arc;

use super::Context;
use crate::engines::claims::Mode;
use crate::engines::{Claim, Claimed, EngineId, Job, Limits, Word, check};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Parameter, Program, Property, Scenario};
use crate::sync::{
    AtomicUsize, Backend, Mutex, Semantics, Shared, reached, require, run_threads, scope,
};

/// Two threads, two mutexes.
pub(super) struct Locks {
    name: &'static str,
    /// Thread 1 locks them in the other order.
    opposite: bool,
}

/// Two mutexes in opposite orders: deadlocks.
pub(super) const OPPOSITE: Locks = Locks {
    name: "locks/opposite",
    opposite: true,
};
/// Two mutexes in the same order.
pub(super) const ORDERED: Locks = Locks {
    name: "locks/ordered",
    opposite: false,
};

impl Scenario for Locks {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("rounds", "meals of each thread", 1, (1, 9)),
            Parameter::words("lock", "what the locks are made of", &["facade", "other"]),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::DataRaceFreedom]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (left, right) = (
            Mutex::<B, _>::new("left", ()),
            Mutex::<B, _>::new("right", ()),
        );
        let both = |first: &Mutex<B, ()>, second: &Mutex<B, ()>| {
            for _ in 0..instance.number("rounds") {
                let first = first.lock();
                let second = second.lock();
                drop(second);
                drop(first);
            }
        };
        run_threads::<B>(vec![
            (("diner", 0).into(), Box::new(|| both(&left, &right))),
            (
                ("diner", 1).into(),
                Box::new(|| {
                    if self.opposite {
                        both(&right, &left)
                    } else {
                        both(&left, &right)
                    }
                }),
            ),
        ]);
    }
}

/// Two semaphores in opposite orders: deadlocks in two P.
pub(super) struct Hungry;

impl Scenario for Hungry {
    fn name(&self) -> &'static str {
        "semaphores/hungry"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (left, right) = (
            Semaphore::<B>::new("left", 1),
            Semaphore::<B>::new("right", 1),
        );
        let eat = |first: &Semaphore<B>, second: &Semaphore<B>| {
            first.p();
            second.p();
            second.v();
            first.v();
        };
        run_threads::<B>(vec![
            (("diner", 0).into(), Box::new(|| eat(&left, &right))),
            (("diner", 1).into(), Box::new(|| eat(&right, &left))),
        ]);
    }
}

/// Two threads that write to the same memory; and so many more that do nothing.
pub(super) struct Race {
    name: &'static str,
    idle: usize,
}

/// Two threads.
pub(super) const RACE: Race = Race {
    name: "memory/race",
    idle: 0,
};
/// More than loom admits.
pub(super) const CROWD: Race = Race {
    name: "memory/crowd",
    idle: 5,
};

impl Scenario for Race {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let counter = Shared::<B, _>::new("counter", 0);
        scope::<B, _>(|scope| {
            for i in 0..2 {
                let counter = &counter;
                scope.spawn(("writer", i), move || counter.set(i));
            }
            for i in 0..self.idle {
                scope.spawn(("idler", i), || ());
            }
        });
    }
}

/// A thread that fails with a message that is not nice to show.
pub(super) struct Shouting;

/// What [`Shouting`] says.
pub(super) const SHOUT: &str = "<b>|\"a\" & 'b'`c`\u{1b}[31m\u{7}\u{9b}\u{202e}]]>\nsecond line";

impl Scenario for Shouting {
    fn name(&self) -> &'static str {
        "messages/shouting"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::Invariant, Property::DeadlockFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        require::<B>(Property::Invariant, false, || SHOUT.to_owned());
    }
}

/// Two threads that may meet, and that can never be three.
pub(super) struct Meeting {
    name: &'static str,
    marks: &'static [&'static str],
}

/// Is reached.
pub(super) const MEETING: Meeting = Meeting {
    name: "marks/meeting",
    marks: &["second comes"],
};
/// Is never reached.
pub(super) const MISSED: Meeting = Meeting {
    name: "marks/missed",
    marks: &["third comes"],
};

impl Scenario for Meeting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::Reachability]
    }

    fn marks(&self) -> Vec<&'static str> {
        self.marks.to_vec()
    }

    fn run<B: Backend>(&self, _: &Instance) {
        use std::sync::atomic::Ordering::Relaxed;
        let here = AtomicUsize::<B>::new("here", 0);
        // Relaxed: counts only.
        let come = || match here.fetch_add(1, Relaxed) {
            1 => reached::<B>("second comes"),
            2 => reached::<B>("third comes"),
            _ => {}
        };
        run_threads::<B>(vec![
            (("guest", 0).into(), Box::new(come)),
            (("guest", 1).into(), Box::new(come)),
        ]);
    }
}

/// The rows of one run at the quick limits, unclaimed.
pub(super) fn unclaimed<S: Scenario>(scenario: S, engine: EngineId) -> Vec<Claimed> {
    unclaimed_with(
        scenario,
        engine,
        &Limits {
            schedules: 100,
            ..Limits::QUICK
        },
    )
}

/// The rows of one run, unclaimed.
pub(super) fn unclaimed_with<S: Scenario>(
    scenario: S,
    engine: EngineId,
    limits: &Limits,
) -> Vec<Claimed> {
    let program: Program = Arc::new(scenario);
    let instance = Instance::defaults(&program.parameters());
    let job = Job {
        program: &program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits,
    };
    check(&job)
        .into_iter()
        .map(|row| Claimed { row, claim: None })
        .collect()
}

/// The same rows, with claims that they meet.
pub(super) fn claimed(mut rows: Vec<Claimed>) -> Vec<Claimed> {
    for row in &mut rows {
        let words = if row.row.engine.is_deterministic() {
            vec![row.row.verdict.word()]
        } else {
            vec![Word::Sampled, Word::Refuted]
        };
        let executions = row.row.complete().then_some(row.row.executions);
        row.claim = Some(Claim {
            line: Some(1),
            words,
            executions,
        });
    }
    rows
}

/// The same rows, with a claim that none of them meets.
pub(super) fn contradicted(mut rows: Vec<Claimed>) -> Vec<Claimed> {
    for row in &mut rows {
        let words = match row.row.verdict.word() {
            Word::Proved => vec![Word::Refuted],
            _ => vec![Word::Proved],
        };
        row.claim = Some(Claim {
            line: Some(1),
            words,
            executions: None,
        });
    }
    rows
}

/// Every word, every default engine, several problems; every claim holds.
pub(super) fn rows() -> Vec<Claimed> {
    let mut rows = Vec::new();
    for engine in EngineId::DEFAULT {
        rows.extend(unclaimed(ORDERED, engine));
    }
    rows.extend(unclaimed(OPPOSITE, EngineId::Loom));
    rows.extend(unclaimed(OPPOSITE, EngineId::ShuttleDfs));
    rows.extend(unclaimed(HUNGRY, EngineId::ShuttleDfs));
    rows.extend(unclaimed(RACE, EngineId::Loom));
    rows.extend(unclaimed(CROWD, EngineId::Loom));
    rows.extend(unclaimed(MEETING, EngineId::Loom));
    rows.extend(unclaimed(MISSED, EngineId::ShuttleDfs));
    claimed(rows)
}

/// [`Hungry`], as a value like the others.
pub(super) const HUNGRY: Hungry = Hungry;

/// A row whose message is not nice to show; unclaimed.
pub(super) fn shouting() -> Vec<Claimed> {
    unclaimed(Shouting, EngineId::ShuttleDfs)
}

/// What the rows were asked with.
pub(super) fn context() -> Context {
    Context::new("verify", Mode::Quick)
}
