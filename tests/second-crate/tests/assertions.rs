//! What a test can demand: each assertion passes where it should and fails where it should, with
//! words that say why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use crosscheck::engines::{EngineId, Limits, Row, Word};
use crosscheck::scenario::{Instance, Property, Scenario, require};
use crosscheck::sync::{AtomicBool, Backend, Mutex, Until, scope};
use crosscheck::testing::{Checks, Verdicts, check_with};

/// Runs `body` of a scenario named so.
macro_rules! scenario {
    ($type:ident, $name:literal, $backend:ident, $body:block) => {
        struct $type;

        impl Scenario for $type {
            fn name(&self) -> &'static str {
                $name
            }
            fn run<$backend: Backend>(&self, _: &Instance) $body
        }
    };
}

scenario!(Counter, "counter/locked", B, {
    let count = Mutex::<B, _>::new("count", 0);
    scope::<B, _>(|scope| {
        scope.spawn("other", || *count.lock() += 1);
        *count.lock() += 1;
    });
    assert_eq!(*count.lock(), 2);
});

// Requires what it does not list among its properties.
scenario!(Unlisted, "require/unlisted", B, {
    let count = Mutex::<B, u32>::new("count", 0);
    scope::<B, _>(|scope| {
        scope.spawn("other", || *count.lock() += 1);
    });
    require::<B>(Property::Conservation, false, || "never".into());
});

scenario!(Nobody, "await/nobody-stores", B, {
    let ready = AtomicBool::<B>::new("ready", false);
    scope::<B, _>(|scope| {
        scope.spawn("waiting", || {
            let _ = ready.await_until(Until::Is(true), Ordering::Acquire);
        });
    });
});

// Which lock is taken first depends on how often it has run, as it would on the seed of a hash map.
scenario!(EveryOther, "locks/every-other-time", B, {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    let odd = TIMES.fetch_add(1, Ordering::Relaxed) % 2 == 1;
    let locks = [0, 1].map(|at| Mutex::<B, u32>::new(("lock", at), 0));
    let order = if odd { [0, 1] } else { [1, 0] };
    scope::<B, _>(|scope| {
        scope.spawn("other", || *locks[0].lock() += 1);
        for at in order {
            *locks[at].lock() += 1;
        }
    });
});

// Fails where shuttle runs it: stands for whatever one engine sees and another does not.
scenario!(OneSided, "outside/one-sided", B, {
    let inside = !std::any::type_name::<B>().contains("Shuttle");
    let count = Mutex::<B, _>::new("count", 0);
    scope::<B, _>(|scope| {
        scope.spawn("other", || *count.lock() += 1);
    });
    require::<B>(Property::Invariant, inside, || "seen from outside".into());
});

fn panics(body: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("the assertion fails");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("a message")).to_string(),
    }
}

fn holds(verdicts: &Verdicts) -> String {
    panics(|| verdicts.assert_holds())
}

/// One line, in the test itself and in a function that it calls.
#[test]
fn a_check_in_one_line_proves() {
    crosscheck::check(Counter).assert_holds();
    counter_is_proved();
}

fn counter_is_proved() {
    let verdicts = crosscheck::check(Counter);
    verdicts.assert_proved();
    verdicts.assert_proved_by(EngineId::Loom);
    let message = panics(|| verdicts.assert_proved_by(EngineId::Threads));
    assert!(
        message.contains("deadlock-freedom is not proved by threads"),
        "{message}"
    );
    let message = panics(|| verdicts.assert_refuted(Property::Invariant));
    assert!(message.contains("refuted by no engine"), "{message}");
}

scenario!(Alone, "counter/alone", B, {
    *Mutex::<B, _>::new("count", 0).lock() += 1;
});

/// A program in which nothing is to be scheduled is sampled like any other.
#[test]
fn a_program_of_one_thread_holds() {
    let verdicts = crosscheck::check(Alone);
    verdicts.assert_proved();
    let sampled = verdicts
        .rows()
        .iter()
        .filter(|row| row.verdict.word() == Word::Sampled);
    assert_eq!(sampled.count(), 4 * 3);
}

/// A property that nobody listed fails: that is a refutation in every engine, and never a bound.
#[test]
fn a_failure_of_a_property_that_is_not_listed_is_refuted() {
    let verdicts = crosscheck::check(Unlisted);
    assert_eq!(verdicts.rows().len(), EngineId::DEFAULT.len());
    for row in verdicts.rows() {
        let said = (row.property, row.verdict.word());
        assert_eq!(said, (Property::Conservation, Word::Refuted), "{row:?}");
    }
    let message = holds(&verdicts);
    assert!(
        message.contains("conservation: refuted: never"),
        "{message}"
    );
    verdicts.assert_refuted(Property::Conservation);
}

/// Executions without an end prove nothing about deadlock, whoever ended them and how.
#[test]
fn a_wait_that_nobody_ends_does_not_hold() {
    holds(&crosscheck::check(Nobody));
    for engine in EngineId::DEFAULT {
        holds(&check_with(Nobody, &Checks::default().engines(&[engine])));
    }
}

/// One engine that finds a program not deterministic takes the word from all others.
#[test]
fn what_is_not_deterministic_is_decided_by_nobody() {
    let verdicts = crosscheck::check(EveryOther);
    let told = |row: &&Row| row.verdict.reason().contains("engine exhaustive has found");
    for row in verdicts.rows() {
        assert!(row.is_nondeterministic(), "{row:?}");
    }
    // Samplers notice nothing themselves.
    assert!(verdicts.rows().iter().filter(told).count() >= 9);
    assert!(verdicts.report().contains("engine exhaustive has found"));
    let message = holds(&verdicts);
    // As the search finds it, or another order of the same trace.
    let told = ["not deterministic", "outside of the model"];
    assert!(told.iter().any(|told| message.contains(told)), "{message}");
}

/// A proof that another engine's execution contradicts fails whatever is asserted.
#[test]
fn a_contradiction_fails_every_assertion() {
    let verdicts = crosscheck::check(OneSided);
    for message in [
        panics(|| verdicts.assert_agreement()),
        panics(|| verdicts.assert_holds()),
        panics(|| verdicts.assert_proved()),
        panics(|| verdicts.assert_refuted(Property::Invariant)),
    ] {
        assert!(message.contains("contradict each other"), "{message}");
        assert!(message.contains("seen from outside"), "{message}");
    }
    let message = panics(|| {
        let _ = crosscheck::assert_verdicts!(OneSided);
    });
    assert!(message.contains("contradict each other"), "{message}");
}

/// No rows at all hold nothing.
#[test]
fn nothing_that_was_checked_does_not_hold() {
    let verdicts = check_with(Counter, &Checks::default().engines(&[]));
    let message = holds(&verdicts);
    assert!(message.contains("nothing was checked"), "{message}");
}

/// A search that was cut before it began has decided nothing.
#[test]
fn no_schedule_at_all_decides_nothing() {
    let limits = Limits {
        thread_schedules: 0,
        ..Limits::QUICK
    };
    let checks = Checks::default()
        .engines(&[EngineId::Threads])
        .limits(limits);
    let message = holds(&check_with(Counter, &checks));
    assert!(
        message.contains("invariant is decided by no engine"),
        "{message}"
    );
}

/// On a thread that is no test's there is nothing to be started again: the rows are made here.
#[test]
fn a_thread_without_a_name_checks_in_its_own_process() {
    let words = std::thread::spawn(|| {
        let verdicts = crosscheck::check(Counter);
        verdicts.assert_proved();
        verdicts.rows().len()
    });
    assert_eq!(
        words.join().expect("it holds there"),
        3 * EngineId::DEFAULT.len()
    );
}

/// A thread that bears a name of which there is no test says what is wrong.
#[test]
fn a_thread_with_another_name_says_what_to_do() {
    let thread = std::thread::Builder::new().name("no-test".to_owned());
    let checked = thread.spawn(|| panics(|| drop(crosscheck::check(Counter))));
    let message = checked.expect("it starts").join().expect("it is caught");
    assert!(
        message.contains("ended before it came to this check"),
        "{message}"
    );
    assert!(message.contains("`no-test --exact"), "{message}");
}
