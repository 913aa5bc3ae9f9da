//! Accesses that last over steps, and stays within stays: found in every mode, also where most
//! executions are played.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::{Instance, Program, Property, Scenario, Stages, Zone, require};
use crosscheck::sync::{
    Backend, Mutex, Semantics, Shared, choose, looks_outside, scope, yield_now,
};

/// Programs of which each can fail.
#[derive(Clone, Copy, Debug)]
enum Fails {
    /// A write while a read is going on, which comes before its end by a signal.
    WriteWithinRead,
    /// A read that goes on behind the lock under which it began.
    ReadBehindLock,
    /// The same of a write.
    WriteBehindLock,
    /// A scope within a read, of threads that write.
    ScopeWithinRead,
    /// A zone is entered by the thread that is inside.
    ZoneWithinZone,
    /// The same under a lock.
    ZoneWithinZoneUnderLock,
    /// A stage begins within the one before it.
    StageWithinStage,
    /// A third stay of one thread where two are admitted.
    ThreeOfTwo,
    /// Three threads where two are admitted.
    ThreeThreadsOfTwo,
    /// An object that is a zone in some executions and memory in others.
    ZoneThenMemory,
    /// What a thread reads outside decides after an access what it does.
    LooksOutside,
}

const ALL: [Fails; 11] = [
    Fails::WriteWithinRead,
    Fails::ReadBehindLock,
    Fails::WriteBehindLock,
    Fails::ScopeWithinRead,
    Fails::ZoneWithinZone,
    Fails::ZoneWithinZoneUnderLock,
    Fails::StageWithinStage,
    Fails::ThreeOfTwo,
    Fails::ThreeThreadsOfTwo,
    Fails::ZoneThenMemory,
    Fails::LooksOutside,
];

/// What fails, after so many other executions that the rest may be played.
struct Late {
    fails: Fails,
    outside: &'static AtomicUsize,
}

impl Scenario for Late {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        "overlaps/late"
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DataRaceFreedom,
            Property::MutualExclusion,
            Property::Invariant,
            Property::StageOrder,
        ]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        if choose::<B>("whether", 2) == 0 {
            let _ = choose::<B>("others", 70);
        } else {
            self.fails::<B>();
        }
    }
}

/// Two threads.
fn both<B: Backend>(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    scope::<B, _>(|scope| {
        scope.spawn("one", one);
        scope.spawn("other", other);
    });
}

impl Late {
    fn fails<B: Backend>(&self) {
        let value = Shared::<B, usize>::new("value", 0);
        let lock = Mutex::<B, ()>::new("lock", ());
        let signal = Semaphore::<B>::new("signal", 0);
        let zone = Zone::<B>::exclusive("zone");
        let writes = || {
            let held = lock.lock();
            value.set(0);
            drop(held);
            signal.v();
        };
        match self.fails {
            Fails::WriteWithinRead => both::<B>(writes, || {
                let held = lock.lock();
                value.with(|_| {
                    drop(held);
                    signal.p();
                });
            }),
            Fails::ReadBehindLock => both::<B>(writes, || {
                let held = lock.lock();
                value.with(|_| {
                    drop(held);
                    yield_now::<B>();
                });
            }),
            Fails::WriteBehindLock => both::<B>(writes, || {
                let held = lock.lock();
                value.with_mut(|_| {
                    drop(held);
                    yield_now::<B>();
                });
            }),
            Fails::ScopeWithinRead => value.with(|_| both::<B>(writes, || {})),
            Fails::ZoneWithinZone => {
                let _one = zone.enter();
                let _two = zone.enter();
            }
            Fails::ZoneWithinZoneUnderLock => {
                let twice = || {
                    let _held = lock.lock();
                    let _one = zone.enter();
                    let _two = zone.enter();
                };
                both::<B>(twice, twice);
            }
            Fails::StageWithinStage => {
                let stages = Stages::<B>::new("stages", 2);
                let _one = stages.begin(0);
                let _two = stages.begin(1);
            }
            Fails::ThreeOfTwo => {
                let zone = Zone::<B>::admitting("two", 2);
                let _stays = [zone.enter(), zone.enter(), zone.enter()];
            }
            Fails::ThreeThreadsOfTwo => {
                let zone = Zone::<B>::admitting("two", 2);
                let zone = &zone;
                scope::<B, _>(|scope| {
                    for i in 0..3 {
                        scope.spawn(("thread", i), move || {
                            let _stay = zone.enter();
                            yield_now::<B>();
                        });
                    }
                });
            }
            Fails::ZoneThenMemory => zone_then_memory::<B>(),
            Fails::LooksOutside => {
                // Relaxed: it only counts, on one OS thread.
                self.outside.store(0, Ordering::Relaxed);
                // A semaphore does not tell who was there before, as a mutex does.
                let gate = Semaphore::<B>::new("gate", 1);
                both::<B>(
                    || {
                        gate.p();
                        self.outside.fetch_add(1, Ordering::Relaxed);
                        gate.v();
                    },
                    || {
                        gate.p();
                        looks_outside::<B>();
                        let seen = self.outside.load(Ordering::Relaxed);
                        value.get();
                        let chosen = choose::<B>("chosen", if seen == 0 { 2 } else { 1 });
                        gate.v();
                        require::<B>(Property::Invariant, chosen == 0, || "chosen".to_owned());
                    },
                );
            }
        }
    }
}

fn zone_then_memory<B: Backend>() {
    let which = choose::<B>("which", 3);
    if which == 0 {
        let _ = choose::<B>("many", 70);
    }
    let never = Semaphore::<B>::new("never", 0);
    let zone = Zone::<B>::exclusive("zone");
    if which <= 1 {
        let object = Zone::<B>::exclusive("object");
        both::<B>(|| {}, || drop(object.enter()));
    } else {
        let object = Shared::<B, usize>::new("object", 0);
        drop(zone.enter());
        both::<B>(
            || {
                if choose::<B>("one", 2) == 1 {
                    object.set(0);
                }
                never.p();
            },
            || {
                match choose::<B>("other", 3) {
                    1 => object.set(0),
                    2 => drop(zone.enter()),
                    _ => {}
                }
                never.p();
            },
        );
    }
}

fn row(fails: Fails, engine: EngineId, mode: SearchMode) -> Row {
    let late = Late {
        fails,
        outside: Box::leak(Box::default()),
    };
    let program: Program = Arc::new(late);
    let limits = Limits {
        mode,
        exhaustive_executions: None,
        ..Limits::PROOF
    };
    let mut rows = check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    });
    rows.remove(0)
}

#[test]
fn all_of_them_are_refuted() {
    let mut wrong = Vec::new();
    for fails in ALL {
        for (engine, mode) in [
            (EngineId::Exhaustive, SearchMode::Traces),
            (EngineId::Exhaustive, SearchMode::Source),
            (EngineId::Exhaustive, SearchMode::States),
            (EngineId::ExhaustiveShuttle, SearchMode::Traces),
            (EngineId::ShuttleDfs, SearchMode::Traces),
            (EngineId::Loom, SearchMode::Traces),
        ] {
            // Loom ends at the deadlock that others pass by.
            if engine == EngineId::Loom && matches!(fails, Fails::ZoneThenMemory) {
                continue;
            }
            let row = row(fails, engine, mode);
            if row.verdict.word() != Word::Refuted {
                wrong.push(format!(
                    "{fails:?} {engine} {mode}: {:?} {}",
                    row.verdict.word(),
                    row.verdict.reason()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
