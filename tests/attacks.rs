//! Programs that once got a wrong answer; each must get the right one from every engine.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crosscheck::engines::replay::{Replayed, replay};
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::primitives::SemaphoreSet;
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{Backend, Mutex, Os, Semantics, choose, current, scope};

const EXHAUSTIVE: [EngineId; 2] = [EngineId::Loom, EngineId::ShuttleDfs];

fn program(scenario: impl Scenario) -> Program {
    Arc::new(scenario)
}

fn row(program: &Program, engine: EngineId) -> Row {
    let limits = Limits {
        executions: Some(20_000),
        ..Limits::QUICK
    };
    check(&Job {
        program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    })
    .remove(0)
}

/// More combinations of choices than a machine word can count.
struct ManyChoices;

impl Scenario for ManyChoices {
    fn name(&self) -> &'static str {
        "attack/many-choices"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let ones: usize = (0..64).map(|_| choose::<B>("bit", 2)).sum();
        require::<B>(Property::Invariant, ones == 0, || format!("{ones} ones"));
    }
}

/// The same, with nothing that fails.
struct ManyHarmlessChoices;

impl Scenario for ManyHarmlessChoices {
    fn name(&self) -> &'static str {
        "attack/many-harmless-choices"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        for _ in 0..64 {
            let _ = choose::<B>("bit", 1 << 40);
        }
    }
}

#[test]
fn combinations_of_choices_are_counted_through_and_cut_like_executions() {
    for engine in EXHAUSTIVE {
        assert_eq!(
            row(&program(ManyChoices), engine).verdict.word(),
            Word::Refuted,
            "{engine}"
        );
        let harmless = row(&program(ManyHarmlessChoices), engine);
        assert_eq!(
            (harmless.verdict.word(), harmless.executions),
            (Word::Bounded, 20_000)
        );
    }
}

/// How many alternatives there are depends on the schedule.
struct ScheduledChoice {
    if_late: usize,
    if_early: usize,
}

impl Scenario for ScheduledChoice {
    fn name(&self) -> &'static str {
        "attack/scheduled-choice"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let flag = Mutex::<B, _>::new("flag", false);
        scope::<B, _>(|scope| {
            scope.spawn("sets", || *flag.lock() = true);
            let n = if *flag.lock() {
                self.if_late
            } else {
                self.if_early
            };
            let chosen = choose::<B>("which", n);
            require::<B>(Property::Invariant, chosen != 2, || {
                "chose the last".to_owned()
            });
        });
    }
}

#[test]
fn a_choice_may_have_more_alternatives_in_some_schedules() {
    for (if_late, if_early) in [(3, 2), (2, 3)] {
        for engine in EXHAUSTIVE {
            let row = row(&program(ScheduledChoice { if_late, if_early }), engine);
            assert_eq!(
                row.verdict.word(),
                Word::Refuted,
                "{engine} {if_late} {if_early}"
            );
        }
    }
}

/// A token for a thread that waits for the end of another.
struct UnparksAJoiner;

impl Scenario for UnparksAJoiner {
    fn name(&self) -> &'static str {
        "attack/unparks-a-joiner"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (me, count) = (current::<B>(), Mutex::<B, _>::new("count", 0));
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                me.unpark();
                *count.lock() += 1;
                *count.lock() += 1;
            });
        });
        let count = *count.lock();
        require::<B>(Property::Invariant, count == 2, || format!("{count} of 2"));
    }
}

#[test]
fn a_token_ends_no_join() {
    for engine in EXHAUSTIVE {
        let row = row(&program(UnparksAJoiner), engine);
        assert_eq!(
            row.verdict.word(),
            Word::Proved,
            "{engine}: {}",
            row.verdict.reason()
        );
    }
}

/// A panic that is caught after it has passed a guard.
struct CatchesAPanic;

impl Scenario for CatchesAPanic {
    fn name(&self) -> &'static str {
        "attack/catches-a-panic"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let count = Mutex::<B, _>::new("count", 0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _guard = count.lock();
            resume_unwind(Box::new(()));
        }));
        assert!(caught.is_err());
        *count.lock() += 1;
    }
}

#[test]
fn a_caught_panic_that_passed_a_guard_is_not_decided() {
    for engine in [EngineId::Loom, EngineId::ShuttleDfs, EngineId::Threads] {
        let row = row(&program(CatchesAPanic), engine);
        let gave_up = matches!(row.verdict, Verdict::GaveUp(GaveUp::Unsupported { .. }));
        assert!(gave_up, "{engine}: {}", row.verdict.reason());
    }
}

/// Threads of one name, started in different scopes, that deadlock.
struct Twins;

impl Scenario for Twins {
    fn name(&self) -> &'static str {
        "attack/twins"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (one, two) = (Mutex::<B, _>::new("one", ()), Mutex::<B, _>::new("two", ()));
        let nested = |first: &Mutex<B, ()>, second: &Mutex<B, ()>| {
            scope::<B, _>(|scope| {
                scope.spawn("worker", || {
                    let _first = first.lock();
                    let _second = second.lock();
                });
            });
        };
        scope::<B, _>(|scope| {
            scope.spawn("a", || nested(&one, &two));
            scope.spawn("b", || nested(&two, &one));
        });
    }
}

/// A try that fails because the lock is held.
struct Tries;

impl Scenario for Tries {
    fn name(&self) -> &'static str {
        "attack/tries"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let value = Mutex::<B, _>::new("value", 0);
        scope::<B, _>(|scope| {
            scope.spawn("holds", || *value.lock() = 1);
            let free = value.try_lock().is_some();
            require::<B>(Property::Invariant, free, || "it is held".to_owned());
        });
    }
}

#[test]
fn counterexamples_replay_however_threads_are_named_and_locks_are_tried() {
    for program in [program(Twins), program(Tries)] {
        for engine in [
            EngineId::ShuttleDfs,
            EngineId::ShuttlePct,
            EngineId::ShuttleRandom,
        ] {
            let row = row(&program, engine);
            let Some(found) = row.counterexample() else {
                let sampled = row.verdict.word() == Word::Sampled;
                assert!(sampled, "{engine}: {}", row.verdict.reason());
                continue;
            };
            for _ in 0..20 {
                let again = replay(&program, found);
                assert!(
                    matches!(again, Ok(Replayed::Same(_))),
                    "{engine}: {again:?}"
                );
            }
        }
    }
}

#[test]
fn a_refused_request_leaves_a_semaphore_set_as_it_was() {
    let set = SemaphoreSet::<Os>::new("set", &[1]);
    assert!(catch_unwind(AssertUnwindSafe(|| set.swait(&[5]))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| set.ssignal(&[0, 5]))).is_err());
    assert_eq!(set.free(), [1]);
    set.swait(&[0]);
    set.ssignal(&[0]);
    assert_eq!(set.free(), [1]);
}
