//! The decorator that tells every operation before it happens.
//!
//! 1. [`Host`]: what the decorator needs of a backend beyond the trait.
//! 2. [`Session`]: the observer of one run. It knows who holds and who waits for what, so it sees
//!    a deadlock when the last thread blocks; it records the trace, checks races and zones by
//!    vector clocks, makes choices, and gates a replay.
//! 3. [`Announcing`]: the backend itself: every operation of `H`, announced.
//! 4. [`Failure`], [`Step`]: what a session tells of an execution that failed.

mod clock;
mod decorator;
mod host;
mod session;
mod trace;

pub use decorator::{Announcing, last_panic};
pub use host::{Abandoned, Host};
pub use session::{
    ChoiceTable, Choices, Halt, Script, ScriptStep, Session, Settings, Totals, Used, installed,
};
pub use trace::{
    Blocked, Failure, FailureKind, ObjectInfo, ObjectKind, Operation, Step, ThreadInfo, Trouble,
    WaitsFor,
};
