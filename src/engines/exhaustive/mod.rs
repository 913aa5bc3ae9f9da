//! The exhaustive engine: one execution a Mazurkiewicz trace, over real code, no thread limit.
//!
//! 1. [`world`]: the model that applies announced operations.
//! 2. [`explorer`]: what to run next.
//! 3. [`runner`]: what runs code to its next announcement.
//! 4. `execution`: the machine under the stepping backend; `observer` and `locksets`: races and
//!    zones beside the model; `driver`: who decides the next step.
//! 5. [`engine`]: all of it together, as an engine.
//! 6. [`liveness`]: what infinite executions do; `endless`: the verdicts on them; `tale`: an
//!    execution as it is shown.

mod driver;
mod endless;
pub mod engine;
mod execution;
pub mod explorer;
pub mod liveness;
mod locksets;
mod observer;
pub mod runner;
mod tale;
pub mod world;

pub(in crate::engines) use endless::verdicts;
