//! What the commands of all programs share.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::time;
use crate::programs::net::{Failure, ServerTls, Service, Shutdown};

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

/// The certificate of a server.
#[derive(Args, Debug)]
pub(super) struct ServerTlsFiles {
    /// The server's certificate and its chain, PEM; with it TLS is offered
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl ServerTlsFiles {
    /// Reads them, where they are named.
    pub(super) fn read(&self) -> Result<Option<ServerTls>, Failure> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(ServerTls::from_files(certificate, key)?)),
            _ => Ok(None),
        }
    }
}

/// Prints to standard output. A reader that has gone away is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::usage(
            format_args!("cannot write standard output: {error}"),
        )),
        _ => Ok(()),
    }
}
