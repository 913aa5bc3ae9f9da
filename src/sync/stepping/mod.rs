//! The backend whose operations are applied by a model: threads announce, an engine decides.
//!
//! 1. [`operation`](Op): the visible operations, and what an object is made of.
//! 2. [`Machine`]: what takes the announcements; the engine `exhaustive` is one.
//! 3. [`Stepping`]: the backend itself, with `memory` for its cells and atomics.
//!
//! Blocking is data here: a thread that waits is a thread whose announced operation is not enabled.
//! Everything between two visible operations of a thread is one silent step.

mod backend;
mod machine;
mod memory;
mod operation;

pub use crate::sync::backend::Need;
pub use backend::Stepping;
pub use machine::{Machine, NewObject, Note, Place, Shown, is_running, me, run_on};
pub use operation::{Change, Condition, ObjectId, Op, Substance, ThreadId};
