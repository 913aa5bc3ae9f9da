//! What a mailbox has to do so that no message is lost or comes twice.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Which kind of mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A directory with a file for each message (<https://cr.yp.to/proto/maildir.html>).
    Maildir,
    /// One file with all messages, those of a line that begins with `From ` marked by `>`: mboxrd.
    Mbox,
}

impl Format {
    /// What a path is: an mbox where it is a file, or where there is nothing and its name ends in
    /// `.mbox`; else a Maildir.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Self::Maildir,
            Ok(_) => Self::Mbox,
            Err(_) if path.extension().is_some_and(|end| end == "mbox") => Self::Mbox,
            Err(_) => Self::Maildir,
        }
    }
}

/// A mailbox, as [`Deliveries`](super::Deliveries) uses it. For each batch: every message is begun,
/// written and ended, then the batch is prepared, promised in the ledger, and placed.
pub(super) trait Mailbox: fmt::Debug {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Begins a message, when the one before has ended or was taken back.
    fn begin(&mut self) -> io::Result<()>;

    /// Goes on with it.
    fn write(&mut self, octets: &[u8]) -> io::Result<()>;

    /// It is complete, and in the batch.
    fn end(&mut self) -> io::Result<()>;

    /// Forgets the message that was begun.
    fn take_back(&mut self) -> io::Result<()>;

    /// Forgets the messages of the batch but the first so many, while none is growing.
    fn keep_first(&mut self, messages: usize) -> io::Result<()>;

    /// Flushes the batch, but not yet to its place; what the ledger has to remember of the place of
    /// each message, in the order in which they ended, without spaces.
    fn prepare(&mut self) -> io::Result<Vec<String>>;

    /// The ledger has the promise: puts the batch in its place, flushed.
    fn place(&mut self) -> io::Result<()>;

    /// Keeps the promise of a process that has died, as far as that is possible; which of its
    /// messages are in their place.
    fn recover(&mut self, places: &[String]) -> io::Result<Vec<bool>>;

    /// Removes what the dead process left besides.
    fn sweep(&mut self) -> io::Result<()>;
}

/// The first bytes of a file, at most so many.
pub(super) fn head(file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
