//! What a runner tells while it runs: enough for a display of progress.

use crate::engines::{Claimed, EngineId};

/// Something that happened in a run.
///
/// A *run* is one program, one instance and one engine. It ends with one row for each property
/// that was asked for, or with the one that is refuted, so runs can be counted beforehand and
/// rows cannot.
#[derive(Clone, Debug)]
pub enum Event {
    /// The plan is made.
    Planned {
        /// How many runs there will be.
        runs: usize,
    },
    /// A run began.
    Started {
        /// `problem/variant`.
        scenario: String,
        /// Its parameters and switches.
        instance: String,
        /// Who schedules.
        engine: EngineId,
    },
    /// A run ended.
    Finished {
        /// Its rows, beside their claims.
        rows: Vec<Claimed>,
        /// How long it took.
        milliseconds: u64,
    },
    /// The user wants no more; what has not finished never will.
    Interrupted {
        /// How many runs had finished.
        finished: usize,
    },
}
