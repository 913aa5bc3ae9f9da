//! The greeting server with a thread for each client.

use std::time::Duration;

use super::GREETING;
use crate::programs::net::{Failure, Listener, Service, Visit};

/// How long a client may take to read 26 bytes, or to close when it has read them. A client that
/// never reads has them in its socket's buffer at once, so this is for hosts that have vanished.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Greets every client until the program is to end. Blocks.
///
/// # Errors
/// When the sockets do not listen any more.
pub fn serve(listener: &Listener, service: &Service<'_>) -> Result<(), Failure> {
    let served = listener
        .serve(service, greet)
        .map_err(|error| Failure::usage(format_args!("cannot accept clients: {error}")))?;
    tracing::info!("greeted {} clients", served.clients);
    Ok(())
}

fn greet(visit: Visit<'_>) {
    let mut stream = visit.stream;
    let peer = stream.peer();
    tracing::info!("received a connection from {}", peer.ip());
    match stream.write_all(GREETING, PATIENCE) {
        Ok(()) => stream.close(PATIENCE),
        Err(error) => tracing::debug!("{peer} was not greeted: {error}"),
    }
}
