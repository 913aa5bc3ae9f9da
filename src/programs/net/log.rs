//! The log of a running program: events of `tracing` as lines on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, as in `debug` or `crosscheck=trace`.
pub const VARIABLE: &str = "CROSSCHECK_LOG";

/// Sends events to standard error: those of level info and above, unless [`VARIABLE`] says
/// otherwise. The first call in a process wins.
pub fn start() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    // It fails when there is a log already: then that one is used.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}
