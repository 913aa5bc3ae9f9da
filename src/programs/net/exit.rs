//! How a program ends: its exit code, and one line that names the peer and the next step.
//!
//! | code | means |
//! |---|---|
//! | 0 | done; for a server, ended as it was asked to |
//! | 1 | the peer refused, broke the protocol, or could not be reached |
//! | 2 | usage or environment: arguments, files, an address in use |
//! | 3 | a part was done; what was left was told |
//! | 69 | mail: no server was reached |
//! | 75 | mail: the mail drop is in use, or the server wants to be asked later |
//! | 77 | mail: the name or the password is wrong |
//! | 130 | interrupted |

use std::fmt;
use std::io::{self, Write as _};

use crate::escape;

/// An exit code of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// The peer refused, broke the protocol, or could not be reached.
    Peer,
    /// Wrong use, or something of this machine: a file, an address in use.
    Usage,
    /// A part was done; what was left was told.
    Partial,
    /// No server was reached (`EX_UNAVAILABLE`).
    Unavailable,
    /// What is wanted is in use, or the server wants to be asked later (`EX_TEMPFAIL`).
    Later,
    /// The name or the password is wrong (`EX_NOPERM`).
    Denied,
    /// Ended by a signal.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Peer => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Unavailable => 69,
            Self::Later => 75,
            Self::Denied => 77,
            Self::Interrupted => 130,
        }
    }
}

/// Why a program ends without having done its work.
///
/// Not an [`Error`](std::error::Error) of its own, so that every error that names its exit code
/// turns into one.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// The peer refused, broke the protocol, or could not be reached.
    #[must_use]
    pub fn peer(message: impl fmt::Display) -> Self {
        Self::new(Exit::Peer, message)
    }

    /// A part was done; what was left was told.
    #[must_use]
    pub fn partial(message: impl fmt::Display) -> Self {
        Self::new(Exit::Partial, message)
    }

    /// Wrong use, or something of this machine.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Ended by a signal.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    /// On one line, safe to show on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::line(&self.message))
    }
}

/// An error that knows with which exit code it ends a program.
pub trait EndsProgram: std::error::Error {
    /// The exit code.
    fn exit(&self) -> Exit;
}

impl<E: EndsProgram> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.exit(), error)
    }
}

/// Says on standard error why a program has failed, if it has, and returns its exit code.
pub fn report(result: Result<(), Failure>) -> u8 {
    match result {
        Ok(()) => Exit::Done.code(),
        Err(failure) => {
            // Nobody may be there to read it; the exit code is.
            let _ = writeln!(io::stderr(), "crosscheck: {failure}");
            failure.exit().code()
        }
    }
}
