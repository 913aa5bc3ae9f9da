//! The switches mean what they say, on every engine: what differs between loom and shuttle must not
//! differ between their rows.

use std::sync::Arc;

use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::primitives::{Semaphore, SemaphoreSet};
use crosscheck::scenario::{Instance, Program, Property, Scenario, reached, require};
use crosscheck::sync::{
    Backend, Condvar, Mutex, NotifyOrder, Semantics, SemaphoreOrder, choose, current, park, scope,
};

fn rows(scenario: impl Scenario, engine: EngineId, semantics: Semantics) -> Vec<Row> {
    let program: Program = Arc::new(scenario);
    let limits = Limits {
        executions: Some(200_000),
        schedules: 3_000,
        ..Limits::PROOF
    };
    check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics,
        targets: program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    })
}

fn word(scenario: impl Scenario, engine: EngineId, semantics: Semantics) -> Word {
    rows(scenario, engine, semantics)[0].verdict.word()
}

const EXHAUSTIVE: [EngineId; 2] = [EngineId::Loom, EngineId::ShuttleDfs];

/// Two waiters, of which only the first to wait passes the notification on: a lost wake-up unless
/// notifications go to the longest waiter.
struct PassItOn;

impl Scenario for PassItOn {
    fn name(&self) -> &'static str {
        "semantics/pass-it-on"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (turns, changed) = (
            Mutex::<B, _>::new("turns", (0, 0)),
            Condvar::<B>::new("changed"),
        );
        let wait = |may_pass: bool| {
            let mut turns_now = turns.lock();
            let first = turns_now.0 == 0;
            turns_now.0 += 1;
            while turns_now.1 == 0 {
                turns_now = changed.wait(turns_now);
            }
            if first && may_pass {
                changed.notify_one();
            }
        };
        scope::<B, _>(|scope| {
            scope.spawn("one", || wait(true));
            scope.spawn("two", || wait(true));
            // Only notifies when both wait; otherwise nobody has to be woken twice.
            let mut turns = turns.lock();
            turns.1 = 1;
            drop(turns);
            changed.notify_one();
        });
    }
}

#[test]
fn a_notification_wakes_any_waiter_or_the_first_as_it_is_set() {
    let fifo = Semantics {
        notify: NotifyOrder::Fifo,
        ..Semantics::DEFAULT
    };
    for engine in EXHAUSTIVE {
        assert_eq!(word(PassItOn, engine, fifo), Word::Proved, "{engine}");
        assert_eq!(
            word(PassItOn, engine, Semantics::DEFAULT),
            Word::Refuted,
            "{engine}"
        );
    }
}

/// `if` for `while` around a wait.
struct WaitsOnce;

impl Scenario for WaitsOnce {
    fn name(&self) -> &'static str {
        "semantics/waits-once"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (ready, changed) = (
            Mutex::<B, _>::new("ready", false),
            Condvar::<B>::new("changed"),
        );
        scope::<B, _>(|scope| {
            scope.spawn("sets", || {
                *ready.lock() = true;
                changed.notify_one();
            });
            let mut seen = ready.lock();
            if !*seen {
                seen = changed.wait(seen);
            }
            require::<B>(Property::Invariant, *seen, || "woke too early".to_owned());
        });
    }
}

#[test]
fn spurious_wake_ups_are_found_when_they_are_on_and_bound_the_search() {
    let on = Semantics {
        spurious: true,
        ..Semantics::DEFAULT
    };
    for engine in EXHAUSTIVE {
        assert_eq!(
            word(WaitsOnce, engine, Semantics::DEFAULT),
            Word::Proved,
            "{engine}"
        );
        let row = rows(WaitsOnce, engine, on).remove(0);
        assert_eq!(
            (row.verdict.word(), row.property),
            (Word::Refuted, Property::Invariant)
        );
        let text: Vec<String> = row
            .counterexample()
            .expect("it has steps")
            .steps
            .iter()
            .map(|s| s.to_string())
            .collect();
        assert!(
            text.iter().any(|step| step.starts_with("spurious-wake")),
            "{text:?}"
        );
        assert_eq!(word(WaitsInALoop, engine, on), Word::Bounded, "{engine}");
    }
    assert_eq!(word(WaitsOnce, EngineId::ShuttleRandom, on), Word::Refuted);
}

/// The same with `while`.
struct WaitsInALoop;

impl Scenario for WaitsInALoop {
    fn name(&self) -> &'static str {
        "semantics/waits-in-a-loop"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (ready, changed) = (
            Mutex::<B, _>::new("ready", false),
            Condvar::<B>::new("changed"),
        );
        scope::<B, _>(|scope| {
            scope.spawn("sets", || {
                *ready.lock() = true;
                changed.notify_one();
            });
            let mut seen = ready.lock();
            while !*seen {
                seen = changed.wait(seen);
            }
        });
    }
}

/// A thread that is not in the queue takes a unit that was returned for one that is.
struct Overtakes;

impl Scenario for Overtakes {
    fn name(&self) -> &'static str {
        "semantics/overtakes"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::Invariant]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let semaphore = Semaphore::<B>::new("s", 0);
        let served = Mutex::<B, _>::new("served", Vec::new());
        scope::<B, _>(|scope| {
            scope.spawn("early", || {
                semaphore.p();
                served.lock().push("early");
                semaphore.v();
            });
            // When the early one waits, the unit is for it.
            let queued = semaphore.free_and_waiting().1 == 1;
            semaphore.v();
            semaphore.p();
            let overtaken = queued && !served.lock().contains(&"early");
            require::<B>(Property::Invariant, !overtaken, || "overtaken".to_owned());
            semaphore.v();
        });
    }
}

#[test]
fn a_strong_semaphore_serves_in_order_and_a_weak_one_need_not() {
    let weak = Semantics {
        semaphore: SemaphoreOrder::Weak,
        ..Semantics::DEFAULT
    };
    for engine in EXHAUSTIVE {
        // Strong: the unit is handed over, so the late one waits behind the early one.
        assert_eq!(
            word(Overtakes, engine, Semantics::DEFAULT),
            Word::Proved,
            "{engine}"
        );
        assert_eq!(word(Overtakes, engine, weak), Word::Refuted, "{engine}");
    }
}

/// Choices: every combination is reached, whatever the engine can branch on.
struct Chooses;

impl Scenario for Chooses {
    fn name(&self) -> &'static str {
        "semantics/chooses"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::Reachability]
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["00", "01", "02", "10", "11", "12", "later"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let mine = choose::<B>("coin", 2);
        let other = Mutex::<B, _>::new("other", 0);
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                let chosen = choose::<B>("three", 3);
                *other.lock() = chosen;
                // A choice that exists on one branch only.
                if chosen == 2 && choose::<B>("again", 2) == 1 {
                    reached::<B>("later");
                }
            });
        });
        reached::<B>(self.marks()[mine * 3 + *other.lock()]);
    }
}

#[test]
fn exhaustive_engines_visit_every_combination_of_choices() {
    for engine in EXHAUSTIVE {
        let rows = rows(Chooses, engine, Semantics::DEFAULT);
        assert!(
            rows.iter().all(|row| row.verdict.word() == Word::Proved),
            "{engine}: {rows:?}"
        );
        assert_eq!(rows.len(), 2);
    }
}

/// A mark that nothing reaches is a refutation only when the search was complete.
struct NeverReached;

impl Scenario for NeverReached {
    fn name(&self) -> &'static str {
        "semantics/never-reached"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::Reachability]
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["never"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let shared = Mutex::<B, _>::new("shared", 0);
        scope::<B, _>(|scope| {
            scope.spawn("other", || *shared.lock() += 1);
            *shared.lock() += 1;
        });
    }
}

#[test]
fn what_is_never_reached_is_refuted_by_a_complete_search_only() {
    for engine in EXHAUSTIVE {
        assert_eq!(
            word(NeverReached, engine, Semantics::DEFAULT),
            Word::Refuted,
            "{engine}"
        );
    }
    assert_eq!(
        word(NeverReached, EngineId::ShuttlePct, Semantics::DEFAULT),
        Word::Sampled
    );
}

/// Tokens of park are capped at one, and never wake by themselves.
struct Parks;

impl Scenario for Parks {
    fn name(&self) -> &'static str {
        "semantics/parks"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let flag = Mutex::<B, _>::new("flag", false);
        let me = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("wakes", || {
                *flag.lock() = true;
                me.unpark();
            });
            park::<B>();
            require::<B>(Property::Invariant, *flag.lock(), || {
                "woke by itself".to_owned()
            });
        });
    }
}

#[test]
fn park_waits_for_its_token() {
    for engine in EXHAUSTIVE {
        assert_eq!(
            word(Parks, engine, Semantics::DEFAULT),
            Word::Proved,
            "{engine}"
        );
    }
}

/// Two requests for both members, in opposite order: all or nothing, so no deadlock.
struct AllOrNothing;

impl Scenario for AllOrNothing {
    fn name(&self) -> &'static str {
        "semantics/all-or-nothing"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let set = SemaphoreSet::<B>::new("set", &[1, 1]);
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                set.swait(&[1, 0]);
                set.ssignal(&[0, 1]);
            });
            set.swait(&[0, 1]);
            let free = set.free();
            require::<B>(Property::Invariant, free == [0, 0], || {
                format!("{free:?} are free")
            });
            set.ssignal(&[1, 0]);
        });
    }
}

#[test]
fn a_semaphore_set_takes_all_or_nothing() {
    for engine in EXHAUSTIVE {
        assert_eq!(
            word(AllOrNothing, engine, Semantics::DEFAULT),
            Word::Proved,
            "{engine}"
        );
    }
}

/// Threads that start threads while others run.
struct Nested;

impl Scenario for Nested {
    fn name(&self) -> &'static str {
        "semantics/nested"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let count = Mutex::<B, _>::new("count", 0);
        scope::<B, _>(|scope| {
            scope.spawn("parent", || {
                scope.spawn("child", || *count.lock() += 1);
                *count.lock() += 1;
            });
        });
        let count = *count.lock();
        require::<B>(Property::Invariant, count == 2, || {
            format!("{count} of 2 have run")
        });
    }
}

#[test]
fn threads_started_by_threads_are_joined_by_the_scope() {
    for engine in EngineId::ALL {
        let word = word(Nested, engine, Semantics::DEFAULT);
        assert!(
            matches!(word, Word::Proved | Word::Sampled),
            "{engine}: {word}"
        );
    }
}
