//! Tables, JSON, Markdown, HTML and JUnit from the rows of a run. Data in, text out: nothing here
//! runs anything, asks for the time or prints.
//!
//! 1. [`event`]: what a runner tells while it runs.
//! 2. [`context`]: what a report says beside its rows; [`format`]: the table of the renderers.
//! 3. [`table`]: the text for a terminal.
//! 4. [`json`], [`markdown`], [`html`], [`junit`]: the same rows for programs, pull requests,
//!    browsers and CI servers.
//! 5. [`explain`]: one counterexample, in lanes.
//! 6. [`snapshot`]: one row of the matrix, as tests pin it.
//! 7. `overview`: what table, Markdown and HTML have in common; `layout`: text in columns;
//!    `escape`: text that does no harm, of which [`printable`] is for everybody.

pub mod context;
mod escape;
pub mod event;
pub mod explain;
pub mod format;
pub mod html;
pub mod json;
pub mod junit;
mod layout;
pub mod markdown;
mod overview;
#[cfg(test)]
mod samples;
pub mod snapshot;
pub mod table;

pub use context::Context;
pub use escape::text as printable;
pub use event::Event;
pub use format::Format;
