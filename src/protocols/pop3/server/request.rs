//! What a session asks of the outside, and the answers.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::escape::Escaped;
use crate::protocols::pop3::{ApopDigest, ApopTimestamp, Number, Secret, UniqueId};

/// Something that the outside has to do. Given once; until it is [answered](super::Server::answer)
/// no further command is read.
#[derive(Debug)]
pub enum Request {
    /// Find out whether these are who they say. [`Answer::Authenticated`], [`Answer::Rejected`] or
    /// [`Answer::Failed`].
    ///
    /// Take the same time for a name that does not exist as for a wrong password.
    Authenticate(Credentials),
    /// Lock and list the mail drop of who was authenticated. [`Answer::Opened`],
    /// [`Answer::InUse`] or [`Answer::Failed`].
    ///
    /// The outside keeps the lock until the answer to [`Commit`](Self::Commit), or until the
    /// session is closed.
    OpenMaildrop,
    /// Read the message at this offset into [`Server::block`](super::Server::block).
    /// [`Answer::Block`] or [`Answer::Failed`].
    ///
    /// Offset 0 begins a message, maybe again; then the offsets follow each other without gaps,
    /// and end when the client has what it asked for. Keep the file open until another offset 0.
    Read {
        /// The message.
        message: Number,
        /// Octets into what is stored.
        offset: u64,
    },
    /// Delete these messages and give the lock back. [`Answer::Committed`] or [`Answer::Failed`].
    ///
    /// Asked after QUIT only, in every session that reached the mail drop, even if there is nothing
    /// to delete.
    Commit {
        /// In ascending order.
        deleted: Vec<Number>,
    },
    /// Begin TLS as its server. [`Answer::TlsStarted`] or [`Answer::Failed`], which closes.
    ///
    /// Asked when all output has been taken. What was read from the connection before and not yet
    /// given to the session must not be given to it after, nor to TLS: drop it.
    StartTls,
}

/// What the outside has found.
#[derive(Debug)]
pub enum Answer {
    /// They are who they say.
    Authenticated,
    /// They are not, whatever the reason.
    Rejected,
    /// The mail drop is locked; these are its messages, first to last.
    Opened(Vec<Entry>),
    /// Another session has it.
    InUse,
    /// So many octets were read into the block. `last`: there are no more; 0 octets say so too.
    Block {
        /// Octets read.
        length: usize,
        /// No more follow.
        last: bool,
    },
    /// The messages are deleted, the lock is given back.
    Committed,
    /// What comes and goes from now on is encrypted.
    TlsStarted,
    /// It could not be done.
    Failed(Failure),
}

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may go well another time: `[SYS/TEMP]`.
    Temporary,
    /// Somebody has to repair something first: `[SYS/PERM]`.
    Permanent,
}

/// The answer fits no request that is open: it was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the answer fits no open request: poll the request first, and answer it once, in its own kind"
)]
pub struct Unexpected;

/// A message of the mail drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Octets as the client counts them: what [`Meter`](crate::protocols::pop3::stuffing::Meter)
    /// says. RETR of a message that turns out to have another size is not ended with the final dot.
    pub octets: u64,
    /// Its unique identifier.
    pub unique_id: UniqueId,
}

/// Who somebody claims to be, and how they show it.
#[derive(Debug)]
pub struct Credentials {
    /// The name.
    pub name: Claim,
    /// The password, or that it is known.
    pub proof: Proof,
}

/// How somebody shows that they know the password.
#[derive(Debug)]
pub enum Proof {
    /// The password itself: any octets.
    Password(Zeroizing<Vec<u8>>),
    /// A digest of the timestamp and the password; needs the password in clear text here.
    Apop {
        /// As sent in the greeting.
        timestamp: ApopTimestamp,
        /// As the client made it.
        digest: ApopDigest,
    },
}

impl Proof {
    /// Whether it was made with this password, in a time that depends on lengths only.
    #[must_use]
    pub fn shows(&self, password: &Secret) -> bool {
        match self {
            Self::Password(given) => password.matches(given),
            Self::Apop { timestamp, digest } => digest.matches(timestamp, password),
        }
    }
}

/// What a peer calls itself: any octets of any sense. Look it up; never make it part of a path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Claim(Vec<u8>);

impl Claim {
    pub(super) const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The octets as text, if they are.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// Escaped, so fit for a log.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({self})")
    }
}
