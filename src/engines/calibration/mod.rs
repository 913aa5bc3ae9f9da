//! What loom and shuttle do not see, and what crosscheck's engines say about it.
//!
//! 1. `probe`: the data: a probe, the answers to it, how an answer is judged.
//! 2. `programs`: the tiny programs, each written once over the backend.
//! 3. `observed`: what the executions of a program show, also where no engine of ours watches.
//! 4. `raw`: a program on loom and shuttle as they are.
//! 5. `question`: one program, one question, everybody's answer.
//! 6. `generated`: random programs, and the interpreter that knows their outcomes; `statistic`: how
//!    often everybody's answers fit them.
//! 7. `blind_spots`: the list of probes.
//! 8. `table`: the probes as text; the mistakes and the changes among the answers.
//! 9. `versions`: which loom and which shuttle were built, and which have been asked.
//!
//! Left out, because a probe of it would tell nothing or could not run here:
//! - A deadlock in a model that holds loom's own `Arc` aborts the process (SIGABRT, "panic in a
//!   destructor during cleanup"): the panic unwinds into the `Arc`'s drop, which asks for an
//!   execution that is over. Scenarios share by borrowing.
//! - `wait_timeout` never times out in either of them. The facade has no time: a timeout is an
//!   event that may or may not happen, so it is a [`choose`](crate::sync::choose).
//! - loom's `RwLock`: the facade has none.
//! - shuttle prints a failing schedule in its panic text and installs a panic hook for good; the
//!   engines' module `panics` owns the process's panic output.

mod blind_spots;
mod generated;
mod observed;
mod probe;
mod programs;
mod question;
mod raw;
mod statistic;
mod table;
mod versions;

pub use blind_spots::calibrate;
pub use probe::{Answer, Judgement, Probe, Who};
pub use table::{changes, mistakes, render};
pub(in crate::engines) use versions::uncalibrated;
pub use versions::{Peer, peer, peers};
