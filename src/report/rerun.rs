//! How a reader runs a counterexample again: who prints it decides.

use crate::engines::Counterexample;

/// The environment variable in which a test looks for a counterexample that it shall run again.
pub const REPLAY: &str = "CROSSCHECK_REPLAY";

/// What runs a counterexample again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// A program with the commands `explain` and `replay`, by the name with which it is called.
    Program(String),
    /// The test in which it was found, by the name that `cargo test` takes.
    Test(String),
}

impl Rerun {
    /// The command that runs a counterexample again, step by step.
    #[must_use]
    pub fn command(&self, counterexample: &Counterexample) -> String {
        let token = counterexample.token();
        match self {
            Self::Program(program) => format!("{program} replay {token}"),
            Self::Test(test) => format!("{REPLAY}={token} cargo test {test}"),
        }
    }

    /// The command that shows the counterexample of a scenario; `settings` are further arguments.
    #[must_use]
    pub(super) fn explain(&self, scenario: &str, settings: &str) -> String {
        match self {
            Self::Program(program) => format!("{program} explain {scenario}{settings}"),
            // A test prints it by itself.
            Self::Test(test) => format!("cargo test {test}"),
        }
    }
}
