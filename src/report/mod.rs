//! Tables, JSON, Markdown, HTML and JUnit from the rows of a run. Data in, text out: nothing here
//! runs anything, asks for the time or prints.
//!
//! 1. [`context`]: what a report says beside its rows; [`format`](mod@format): the table of the
//!    renderers.
//! 2. [`table`]: the text for a terminal.
//! 3. [`json`], [`markdown`], [`html`], [`junit`]: the same rows for programs, pull requests,
//!    browsers and CI servers.
//! 4. [`explain`]: one counterexample, in lanes; [`rerun`]: how it is run again, and [`replay`]: what
//!    came of that; [`comparison`]: the variants of a problem side by
//!    side.
//! 5. [`snapshot`]: one row of the matrix, as tests pin it.
//! 6. [`catalogue`]: all problems and variants with what is claimed of them, for the README.
//! 7. [`sweep`]: many instances of one variant, and the rule behind their verdicts; [`mutants`]: what
//!    noticed which change of a program.
//! 8. `overview`: what table, Markdown and HTML have in common; `glossary`: what the words mean;
//!    `layout`: text in columns; `escape`: text that does no harm, of which [`printable`] is for
//!    everybody.

pub mod catalogue;
pub mod comparison;
pub mod context;
mod escape;
pub mod explain;
pub mod format;
mod glossary;
pub mod html;
pub mod json;
pub mod junit;
mod layout;
pub mod markdown;
pub mod mutants;
mod overview;
pub mod replay;
pub mod rerun;
#[cfg(test)]
mod samples;
pub mod snapshot;
pub mod sweep;
pub mod table;

pub use context::Context;
pub use escape::text as printable;
pub use format::Format;
pub use rerun::Rerun;
