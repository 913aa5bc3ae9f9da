//! The server of one file without any framing: its bytes, then the end of the stream.
//!
//! For clients that know nothing: `nc HOST PORT > copy`. Nobody can tell whether the copy is whole.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use super::{BLOCK, beneath};
use crate::programs::net::{Failure, Listener, Service, Stream, StreamError, Visit};
use crate::protocols::transfer::Refusal;

/// How long a client may leave bytes unread.
const STALL: Duration = Duration::from_secs(60);

/// How long a client may take to close when it has everything.
const LINGER: Duration = Duration::from_secs(2);

/// Makes sure that the file can be served.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn check(file: &Path) -> Result<(), Failure> {
    match open(file) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(Failure::usage(format_args!(
            "cannot serve {}: {refusal}",
            file.display()
        ))),
    }
}

/// Sends the file to every client until the program is to end. Blocks.
///
/// The file is opened for every client anew, by its path, symbolic links included.
///
/// # Errors
/// When the sockets do not listen any more.
pub fn serve(listener: &Listener, service: &Service<'_>, file: &Path) -> Result<(), Failure> {
    let served = listener
        .serve(service, |visit| send(visit, file))
        .map_err(|error| Failure::usage(format_args!("cannot accept clients: {error}")))?;
    tracing::info!("sent {} times", served.clients);
    Ok(())
}

fn open(file: &Path) -> Result<File, Refusal> {
    // A link is followed here: whoever starts the server has named the file.
    let (file, _) = beneath::open_named(file)?;
    Ok(file.into())
}

fn send(visit: Visit<'_>, file: &Path) {
    let mut stream = visit.stream;
    let peer = stream.peer();
    tracing::info!("received a connection from {}", peer.ip());
    match open(file) {
        Ok(file) => match copy(file, &mut stream) {
            Ok(bytes) => {
                tracing::info!("{peer}: {bytes} bytes");
                stream.close(LINGER);
            }
            Err(error) => tracing::warn!("{peer}: {error}"),
        },
        Err(refusal) => tracing::warn!("{peer}: {refusal}"),
    }
}

/// Sends all of a file; how many bytes.
fn copy(mut file: File, stream: &mut Stream) -> Result<u64, StreamError> {
    let mut block = vec![0; BLOCK as usize];
    let mut sent = 0;
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(sent),
            Ok(count) => {
                // Only what was read now: a block that is not full ends where it ends.
                stream.write_all(&block[..count], STALL)?;
                sent += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
