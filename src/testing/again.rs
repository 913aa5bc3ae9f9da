//! A counterexample that a test runs again, where the environment asks for it.

use std::env;

use crate::engines::Counterexample;
use crate::engines::replay::{machine, replay};
use crate::report::{Rerun, replay::render, rerun::REPLAY};
use crate::scenario::Program;

/// Runs the counterexample that `CROSSCHECK_REPLAY` names again, if it is one of this program, and
/// fails with its story.
///
/// # Panics
/// When there is one; and when the token cannot be read, or the program has other parameters now.
pub(super) fn run_again(program: &Program, test: Option<&str>) {
    let Ok(token) = env::var(REPLAY) else {
        return;
    };
    let recorded =
        Counterexample::from_token(&token).unwrap_or_else(|error| panic!("{REPLAY}: {error}"));
    if recorded.scenario != program.name() {
        // Another check of this test may be meant.
        return;
    }
    let replayed = replay(program, &recorded).unwrap_or_else(|error| panic!("{REPLAY}: {error}"));
    let rerun = Rerun::Test(test.unwrap_or("NAME").to_owned());
    panic!(
        "{}",
        render(&replayed, &recorded, machine(&recorded), &rerun)
    );
}
