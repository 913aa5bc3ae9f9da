//! Properties beside those that a scenario lists: what observers decide, and infinite executions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;

use crosscheck::engines::{EngineId, Word};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::linearize::{Effect, Specification};
use crosscheck::scenario::{History, Instance, Parallelism, Parameter, Property, Scenario};
use crosscheck::sync::{AtomicUsize, Attempt, Backend, rounds, scope};
use crosscheck::testing::{Checks, check_with};

/// A number that each call returns and then increments.
struct Tickets;

impl Specification for Tickets {
    type Operation = ();
    type Output = usize;
    type State = usize;

    fn initial(&self) -> usize {
        0
    }

    fn request(&self, state: &usize, _: usize, (): &()) -> Effect<usize, usize> {
        Effect::Done(state + 1, *state)
    }
}

/// Two threads that take a ticket each.
struct Taking;

impl Scenario for Taking {
    fn name(&self) -> &'static str {
        "tickets/taking"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::words(
            "how",
            "in one step or two",
            &["at-once", "carelessly"],
        )]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let history = History::<B, _>::new("tickets", Tickets);
        let next = AtomicUsize::<B>::new("next", 0);
        let careless = instance.word("how") == "carelessly";
        let take = || {
            let called = history.called(());
            let ticket = if careless {
                let seen = next.load(SeqCst);
                next.store(seen + 1, SeqCst);
                seen
            } else {
                next.fetch_add(1, SeqCst)
            };
            called.returned(ticket);
        };
        scope::<B, _>(|scope| {
            scope.spawn("other", take);
            take();
        });
    }
}

/// Two threads that visit a room for one again and again.
struct Visits;

impl Scenario for Visits {
    fn name(&self) -> &'static str {
        "room/visits"
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::MaximalParallelism]
    }

    fn liveness(&self) -> Vec<Property> {
        vec![Property::StarvationFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let seats = Semaphore::<B>::new("seats", 1);
        let together = Parallelism::<B>::new("room");
        let visit = || {
            for _ in rounds::<B>(1, &()) {
                let attempt = Attempt::<B>::begin();
                let seat = seats.acquire();
                attempt.served();
                together.during(|| {});
                drop(seat);
            }
        };
        scope::<B, _>(|scope| {
            scope.spawn("other", visit);
            visit();
        });
    }
}

#[test]
fn calls_that_are_no_one_moment_are_refuted() {
    let checks = Checks::default().ask(Property::Linearizability);
    check_with(Taking, &checks).assert_holds();
    let careless = check_with(Taking, &checks.set("how", "carelessly"));
    careless.assert_refuted(Property::Linearizability);
    // It is asked by itself, so the other properties have their answers all the same.
    let proved = |property| {
        careless.rows().iter().any(|row| {
            let said = (row.engine, row.property, row.verdict.word());
            said == (EngineId::Exhaustive, property, Word::Proved)
        })
    };
    assert!(proved(Property::DeadlockFreedom) && proved(Property::Invariant));
}

#[test]
fn infinite_executions_are_asked_of_the_engine_that_answers() {
    let checks = Checks::default()
        .engines(&[EngineId::Exhaustive, EngineId::Loom])
        .ask(Property::StarvationFreedom)
        .ask(Property::MaximalParallelism);
    let verdicts = check_with(Visits, &checks);
    verdicts.assert_proved();
    let of = |property| {
        verdicts
            .rows()
            .iter()
            .filter(move |row| row.property == property)
    };
    assert!(of(Property::MaximalParallelism).all(|row| row.together == Some(1)));
    let engines: Vec<EngineId> = of(Property::StarvationFreedom)
        .map(|row| row.engine)
        .collect();
    assert_eq!(engines, [EngineId::Exhaustive]);
    let weak = check_with(Visits, &checks.set("semaphore", "weak"));
    weak.assert_refuted(Property::StarvationFreedom);
}

/// A question that nobody can answer is not decided, and says why.
#[test]
fn what_the_scenario_does_not_observe_does_not_hold() {
    for (property, why) in [
        (Property::Linearizability, "has no observer of it"),
        (
            Property::LivelockFreedom,
            "does not say who waits and is served",
        ),
    ] {
        let verdicts = check_with(Visits, &Checks::default().ask(property));
        let payload = catch_unwind(AssertUnwindSafe(|| verdicts.assert_holds()));
        let payload = payload.expect_err("it is not decided");
        let message = payload.downcast_ref::<String>().expect("a message");
        assert!(
            message.contains(&format!("{property} is decided by no engine")),
            "{message}"
        );
        assert!(message.contains(why), "{message}");
    }
}
