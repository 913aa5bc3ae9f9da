//! What a session asks of the world, and the answers.

use super::message::{Digest, Entry, Metadata, Mode, Prefix};
use super::path::RelativePath;
use super::refusal::Refusal;

/// Something that the outside has to do. It stays until it is [answered](Answer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Open a file to send. With a resume length, also digest that many bytes at its start, and go
    /// on from there; when the file has fewer, digest what there is. Answer [`Answer::Source`].
    OpenSource {
        /// The file.
        path: RelativePath,
        /// How many bytes the receiver has.
        resume: Option<u64>,
    },
    /// Prepare to store a file, under another name until [`Request::Commit`]. Answer [`Answer::Target`].
    OpenTarget {
        /// The file.
        path: RelativePath,
        /// Its length, mode and time of modification, as far as they are known.
        metadata: Metadata,
        /// Keep what an earlier transfer left, and say what it is.
        resume: bool,
        /// A file of that name may be replaced.
        overwrite: bool,
    },
    /// The source said what is coming: prepare to store it. Answer [`Answer::Done`].
    Expect {
        /// Length, mode and time of modification.
        metadata: Metadata,
        /// Content comes from here on; what is before is there already.
        offset: u64,
    },
    /// The receiver has that many bytes already: digest the same part of the source, and read on from
    /// there. Answer [`Answer::Digest`].
    DigestPrefix {
        /// In bytes; never more than the source was announced to have.
        length: u64,
    },
    /// Read a block of the source, up to that many bytes. Answer [`Answer::Read`].
    Read {
        /// At least 1.
        most: u32,
    },
    /// The next bytes of the output must be the content that was read last. Answer [`Answer::Sent`]
    /// as it leaves, in as many parts as it takes.
    Send {
        /// Bytes that have not left.
        length: u32,
    },
    /// The source was read to its announced end: make sure that it has not changed, and digest all
    /// of it. Answer [`Answer::Digest`].
    FinishSource,
    /// The next bytes of the input are content: store them. Answer [`Answer::Written`], in as many
    /// parts as it takes.
    Write {
        /// Bytes that have not been taken.
        length: u32,
    },
    /// All content has come: digest the whole file, the resumed part included. Answer [`Answer::Digest`].
    FinishTarget,
    /// The content is right: flush it and give it its name. Answer [`Answer::Done`].
    Commit,
    /// Make a directory, or find it there. Answer [`Answer::Done`].
    MakeDirectory {
        /// The directory.
        path: RelativePath,
        /// Its mode.
        mode: Mode,
    },
    /// Open a directory, `None` being the root. Answer [`Answer::Done`].
    OpenDirectory {
        /// The directory.
        path: Option<RelativePath>,
    },
    /// The next entry of the directory. Answer [`Answer::Entry`].
    NextEntry,
    /// An entry has come. Answer [`Answer::Done`] once it is kept.
    Take(
        /// The entry.
        Entry,
    ),
}

impl Request {
    /// The file or directory, where the request names one.
    #[must_use]
    pub fn path(&self) -> Option<&RelativePath> {
        match self {
            Self::OpenSource { path, .. }
            | Self::OpenTarget { path, .. }
            | Self::MakeDirectory { path, .. } => Some(path),
            Self::OpenDirectory { path } => path.as_ref(),
            _ => None,
        }
    }
}

/// What came of a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// The source is open.
    Source {
        /// Its length, mode and time of modification.
        metadata: Metadata,
        /// The digest that was asked for.
        prefix: Option<Digest>,
    },
    /// The target is prepared, and that much of it is there already.
    Target(
        /// Zero bytes when nothing is kept.
        Prefix,
    ),
    /// So many bytes were read; zero at the end of the source.
    Read(u32),
    /// So many bytes of content have left.
    Sent(u32),
    /// So many bytes of content were taken from the input.
    Written(u32),
    /// A digest.
    Digest(Digest),
    /// The next entry.
    Entry(Entry),
    /// There are no more entries.
    NoEntry {
        /// Entries that were left out since no peer may use their names.
        hidden: u64,
    },
    /// It could not be done.
    Failed(Refusal),
}

/// An answer that does not fit what was asked: a mistake of the caller. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer does not fit the request; look at poll_request again")]
pub struct Misuse;

/// What a session is doing; for logs and for models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The versions are not agreed.
    Handshake,
    /// Between commands.
    Idle,
    /// A command was taken or given, and no content flows.
    Command,
    /// Content leaves.
    Sending,
    /// Content comes.
    Receiving,
    /// The last frame leaves.
    Closing,
    /// It is over; see its [`End`].
    Closed,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As the client wished, between commands.
    Finished,
    /// This side gave up, and said so.
    Failed(Refusal),
    /// The peer gave up, and said so.
    PeerFailed(Refusal),
    /// The stream ended where it must not.
    Cut,
}
