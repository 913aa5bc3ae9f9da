//! The decorator that tells every operation before it happens.
//!
//! 1. [`Host`]: what the decorator needs of a backend beyond the trait.
//! 2. [`Session`]: the observer of one run. It knows who holds and who waits for what, so it sees
//!    a deadlock when the last thread blocks; it records the trace, checks races and zones by
//!    vector clocks, makes choices, and gates a replay.
//!    `settings` is how it may be set, `state` its bookkeeping, `operations` and `composites`
//!    what it is told, `gate` how it replays.
//! 3. [`Announcing`]: the backend itself: every operation of `H`, announced; `memory` has its
//!    cells and atomics.
//! 4. [`Recorder`]: a session that a machine tells which applies operations itself.
//! 5. [`Failure`], [`Step`]: what a session tells of an execution that failed.

mod clock;
mod composites;
mod decorator;
mod gate;
mod host;
pub mod last_panic;
mod memory;
mod operations;
mod recorder;
mod session;
mod settings;
mod state;
mod trace;

pub use decorator::Announcing;
pub use host::{Abandoned, Host};
pub use recorder::{Atomically, Recorder, Stopped};
pub use session::{Halt, Session, installed};
pub use settings::{ChoiceKey, ChoiceTable, Choices, Script, ScriptStep, Settings, Totals, Used};
pub use trace::{
    Blocked, CAUGHT_PANIC, Failure, FailureKind, ObjectInfo, ObjectKind, Operation, Step,
    ThreadInfo, Trouble, WaitsFor,
};
