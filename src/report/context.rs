//! What a report says beside its rows.

use std::collections::BTreeMap;

use super::Rerun;
use crate::engines::claims::Mode;
use crate::scenario::Instance;

/// The program of the catalogue.
pub const PROGRAM: &str = "crosscheck";

/// What a report says beside its rows.
#[derive(Clone, Debug)]
pub struct Context {
    /// What was asked for: `verify`, `verify philosophers`.
    pub command: String,
    /// How the rows were run.
    pub mode: Mode,
    /// How long the run took that a row comes from, in the order of the rows; rows of one run bear
    /// the same time. Empty: reports say nothing of time.
    pub milliseconds: Vec<Option<u64>>,
    /// The instance that `explain` takes by itself, by scenario; a command that a report suggests
    /// names only the parameters that differ.
    pub defaults: BTreeMap<String, Instance>,
    /// What runs a counterexample again.
    pub rerun: Rerun,
    /// Whether somebody interrupted the run: rows are missing, or were cut before their time.
    pub interrupted: bool,
}

impl Context {
    /// A context without times and defaults, of a run of [`PROGRAM`].
    #[must_use]
    pub fn new(command: impl Into<String>, mode: Mode) -> Self {
        Self {
            command: command.into(),
            mode,
            milliseconds: Vec::new(),
            defaults: BTreeMap::new(),
            rerun: Rerun::Program(PROGRAM.to_owned()),
            interrupted: false,
        }
    }

    /// The time of a row.
    #[must_use]
    pub(super) fn milliseconds(&self, row: usize) -> Option<u64> {
        self.milliseconds.get(row).copied().flatten()
    }
}
