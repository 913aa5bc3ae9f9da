//! An oracle for exhaustive engines: brute force over small programs, with a meaning of the
//! operations of its own. It shares the enums of the operations with the engines and nothing else.
//!
//! 1. [`program`]: what is run.
//! 2. [`world`]: what the operations mean, and which of them conflict.
//! 3. [`brute`]: all traces, ends and states of a program.
//! 4. [`generate`]: random programs.
//! 5. [`drive`]: the seam for engines, and the comparison with the truth.
//! 6. [`closed_forms`]: the oracle against known numbers.

pub(crate) mod brute;
mod closed_forms;
pub(crate) mod drive;
pub(crate) mod generate;
#[path = "../../src/sync/stepping/operation.rs"]
#[expect(unreachable_pub, dead_code, reason = "the library uses the rest")]
pub(crate) mod operation;
pub(crate) mod program;
pub(crate) mod world;
