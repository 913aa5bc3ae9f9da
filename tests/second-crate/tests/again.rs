//! A counterexample that a test prints is run again by the command below it.

use std::env;
use std::process::{Command, Output};

use crosscheck::scenario::{Instance, Scenario};
use crosscheck::sync::{Backend, Mutex, scope};

struct Crossed;

impl Scenario for Crossed {
    fn name(&self) -> &'static str {
        "locks/crossed"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let locks = [0, 1].map(|i| Mutex::<B, _>::new(("lock", i), 0));
        scope::<B, _>(|scope| {
            scope.spawn("other", || {
                let _first = locks[1].lock();
                *locks[0].lock() += 1;
            });
            let _first = locks[0].lock();
            *locks[1].lock() += 1;
        });
    }
}

#[test]
#[ignore = "a_counterexample_is_run_again_in_its_test asks for it"]
fn crossed_locks() {
    crosscheck::check(Crossed).assert_holds();
}

/// The ignored test, run by this very binary.
fn crossed(replay: Option<&str>) -> Output {
    let binary = env::current_exe().expect("this binary knows where it is");
    let mut command = Command::new(binary);
    command.args(["crossed_locks", "--exact", "--ignored", "--nocapture"]);
    match replay {
        Some(token) => command.env("CROSSCHECK_REPLAY", token),
        None => command.env_remove("CROSSCHECK_REPLAY"),
    };
    command.output().expect("it runs")
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_counterexample_is_run_again_in_its_test() {
    let found = crossed(None);
    assert!(!found.status.success());
    let found = text(&found);
    let command = found
        .lines()
        .find_map(|line| line.strip_prefix("replay: CROSSCHECK_REPLAY="))
        .unwrap_or_else(|| panic!("{found}"));
    let (token, rest) = command
        .split_once(' ')
        .expect("the token, and then the command");
    assert_eq!(rest, "cargo test crossed_locks");
    assert!(!found.contains("crosscheck replay"), "{found}");

    let again = crossed(Some(token));
    assert!(!again.status.success(), "it fails again");
    let again = text(&again);
    for part in [
        "locks/crossed",
        "lock 0",
        "the same failure, in the same final state",
    ] {
        assert!(again.contains(part), "{again}");
    }
    // One character less is no token of anything.
    let damaged = text(&crossed(Some(&token[..token.len() - 1])));
    assert!(damaged.contains("damaged"), "{damaged}");
}
