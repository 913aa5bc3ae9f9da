//! An oracle for exhaustive engines: brute force over small programs, with a meaning of the
//! operations of its own. It shares the enums of the operations with the engines and nothing else.
//!
//! 1. [`program`]: what is run.
//! 2. [`world`]: what the operations mean, and which of them conflict.
//! 3. [`brute`]: all traces, ends and states of a program.
//! 4. [`generate`]: random programs.
//! 5. [`drive`]: the seam for engines, and the comparison with the truth.
//! 6. [`engines`]: the searches of the exhaustive engine.
//! 7. [`closed_forms`]: the oracle against known numbers.

pub(crate) mod brute;
mod closed_forms;
pub(crate) mod drive;
mod engines;
pub(crate) mod generate;
pub(crate) use crosscheck::sync::stepping as operation;
pub(crate) mod program;
pub(crate) mod world;
