//! Who schedules, and what may be concluded.
//!
//! 1. [`verdict`]: the five words, as types that cannot be mistaken for one another.
//! 2. [`search`]: the one place that decides whether a search was complete.
//! 3. [`counterexample`]: what a refutation shows, and its token; [`saved`]: the same in a file.
//! 4. [`engine`]: the trait, the ids and the table of engines; [`limits`]: what bounds a run.
//! 5. [`threads`], [`loom`], [`shuttle`]: the engines.
//! 6. [`mod@check`]: one program, one instance, one engine: rows.
//!    [`agreement`]: the rows of several engines against each other; `decided`: which of them say
//!    something.
//! 7. [`replay`]: a counterexample, run again step by step.
//! 8. [`calibration`]: tiny programs with known answers, and what each engine says.
//! 9. [`claims`]: the table of claims; [`plan`]: the rows of the catalogue; [`comparison`]: those
//!    that set the variants of a problem side by side.
//! 10. [`worker`]: rows in processes of their own, many at a time; [`progress`]: how far they are;
//!     `blocked`: a watch over what they run; `requests`: what such a process is sent; `stop`: the wish that its search stops.
//! 11. [`sweep`]: one variant over many instances, and the rule behind the verdicts.
//! 12. [`mutants`]: every synchronisation operation of a correct variant, changed one at a time.
//! 13. `panics`, `environment`, `confined`: the process's panic output, variables and memory, owned
//!     in one place.

pub mod agreement;
pub(crate) mod blocked;
pub mod calibration;
pub mod check;
pub mod claims;
pub mod comparison;
mod confined;
pub mod counterexample;
mod decided;
pub mod engine;
mod environment;
pub mod exhaustive;
pub mod limits;
pub mod loom;
pub mod mutants;
mod panics;
pub mod plan;
pub mod progress;
pub mod replay;
mod requests;
pub mod saved;
pub mod search;
pub mod shuttle;
mod stop;
pub mod sweep;
pub mod threads;
pub mod verdict;
pub mod worker;

pub use check::{Job, Row, check};
pub use claims::{Claim, Claimed, ExitStatus};
pub use counterexample::Counterexample;
pub use engine::{Engine, EngineId};
pub use limits::Limits;
pub use verdict::{GaveUp, Refutation, Verdict, Word};
