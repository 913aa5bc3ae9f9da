//! The decorator that changes one synchronisation operation of a correct program, without
//! recompiling it.
//!
//! 1. [`Site`]: an operation on an object at a place of the program; [`Mutation`]: what can be
//!    changed there, and the table of what is.
//! 2. [`Session`]: what is changed in this run, the sites that a run passes, and its outcomes.
//! 3. `outcome`: what an execution did, as far as its observers can tell.
//! 4. [`Mutating`]: the backend itself, over [`Target`]s; `units` has its semaphores and barriers,
//!    `memory` its cells and atomics, `mutex` its mutexes.

mod decorator;
mod memory;
mod mutation;
mod mutex;
mod outcome;
mod session;
mod site;
mod units;

pub use decorator::{Mutating, Target};
pub use mutation::{Change, Mutation, mutations};
pub use outcome::Outcomes;
pub use session::Session;
pub use site::{Detail, Operation, Site, Sites};
