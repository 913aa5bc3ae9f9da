//! Snapshots are named by test, scenario and instance: no two checks meet in one file, wherever the
//! macro stands.

use crosscheck::engines::EngineId;
use crosscheck::scenario::{Instance, Parameter, Scenario};
use crosscheck::sync::{Backend, Mutex, scope};
use crosscheck::testing::{Checks, Verdicts, check_with};

struct Counter;

impl Scenario for Counter {
    fn name(&self) -> &'static str {
        "counter/locked"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number(
            "n",
            "threads beside the first",
            1,
            (1, 3),
        )]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let n = instance.number("n");
        let count = Mutex::<B, _>::new("count", 0);
        scope::<B, _>(|scope| {
            for at in 0..n {
                let count = &count;
                scope.spawn(("other", at), move || *count.lock() += 1);
            }
            *count.lock() += 1;
        });
        assert_eq!(*count.lock(), n + 1);
    }
}

fn exhaustive() -> Checks {
    Checks::default().engines(&[EngineId::Exhaustive])
}

#[test]
fn one_test_of_a_scenario() {
    crosscheck::assert_verdicts!(Counter, exhaustive()).assert_proved();
}

#[test]
fn another_test_of_the_same_scenario() {
    let checks = Checks::default().engines(&[EngineId::Loom]);
    crosscheck::assert_verdicts!(Counter, checks).assert_proved_by(EngineId::Loom);
}

/// Calls the macro for whoever calls it.
fn pinned(n: &str) -> Verdicts {
    crosscheck::assert_verdicts!(Counter, exhaustive().set("n", n))
}

#[test]
fn several_instances_in_one_test_and_a_helper() {
    for n in ["1", "2", "3"] {
        pinned(n).assert_proved();
    }
}

#[test]
fn a_helper_in_another_test() {
    pinned("2").assert_proved();
}

/// A check that comes after others has the rows of its own scenario, and the others keep theirs.
#[test]
fn checks_follow_each_other_in_one_test() {
    let executions = |verdicts: &Verdicts| verdicts.rows()[0].executions;
    let one = check_with(Counter, &exhaustive());
    let two = check_with(Counter, &exhaustive().set("n", "2"));
    let again = check_with(Counter, &exhaustive());
    assert!(executions(&one) < executions(&two));
    assert_eq!(executions(&one), executions(&again));
}

/// A worker finds an ignored test as well, when somebody asks for it.
#[test]
#[ignore = "ignored_tests_and_one_thread_work asks for it"]
fn an_ignored_test() {
    check_with(Counter, &exhaustive()).assert_proved();
}

#[test]
fn ignored_tests_and_one_thread_work() {
    let binary = std::env::current_exe().expect("the test binary knows where it is");
    let output = std::process::Command::new(binary)
        .args([
            "an_ignored_test",
            "--exact",
            "--ignored",
            "--test-threads=1",
        ])
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// Two programs that differ in nothing but their places.
macro_rules! opposite {
    ($type:ident) => {
        struct $type;

        impl Scenario for $type {
            fn name(&self) -> &'static str {
                "locks/opposite"
            }
            fn run<B: Backend>(&self, _: &Instance) {
                let (one, two) = (Mutex::<B, _>::new("one", ()), Mutex::<B, _>::new("two", ()));
                scope::<B, _>(|scope| {
                    scope.spawn("other", || drop((two.lock(), one.lock())));
                    drop((one.lock(), two.lock()));
                });
            }
        }
    };
}

opposite!(Here);
opposite!(There);

/// Code that moves up or down changes no snapshot.
#[test]
fn a_report_does_not_depend_on_lines() {
    let [here, there] = [
        crosscheck::check(Here).report(),
        crosscheck::check(There).report(),
    ];
    assert!(here.contains("tests/names.rs"), "{here}");
    assert_eq!(here, there);
}
