//! What the commands of all programs share.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::args::time;
use crate::programs::net::{Failure, Service, Shutdown};

/// The options of every server.
#[derive(Args, Debug)]
pub(super) struct Serving {
    /// The most clients at once; others wait
    #[arg(long, value_name = "N", default_value = "256")]
    max_clients: NonZeroUsize,
    /// How long sessions may go on after SIGINT or SIGTERM
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    grace: Duration,
}

impl Serving {
    /// How to serve.
    pub(super) fn service<'a>(&self, shutdown: &'a Shutdown) -> Service<'a> {
        Service {
            limit: self.max_clients,
            grace: self.grace,
            shutdown,
        }
    }

    /// The wish to end, raised by signals.
    pub(super) fn shutdown() -> Result<Shutdown, Failure> {
        Shutdown::on_signals()
            .map_err(|error| Failure::usage(format_args!("cannot listen for signals: {error}")))
    }
}
