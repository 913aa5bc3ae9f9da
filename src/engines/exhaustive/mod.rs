//! The exhaustive engine: one execution a Mazurkiewicz trace, over real code, no thread limit.
//!
//! 1. [`world`]: the model that applies announced operations.
//! 2. [`explorer`]: what to run next.
//! 3. [`runner`]: what runs code to its next announcement.
//! 4. [`liveness`]: what infinite executions do.

pub mod explorer;
pub mod liveness;
pub mod runner;
pub mod world;
