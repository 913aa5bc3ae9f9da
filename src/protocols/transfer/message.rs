//! What travels in frames, other than content.
//!
//! Each kind has a fixed layout, numbers in network byte order, text last. A payload that is cut, or
//! goes on behind its end, or carries flags that its kind does not have, is an error.

use std::fmt;

use super::limits::MAX_CONTROL;
use super::path::{MAX_COMPONENT, PathError, RelativePath};
use super::refusal::{Reason, Refusal};
use crate::protocols::framing::frame::{HEADER, Header};

/// The version that this library speaks.
pub const VERSION: u16 = 1;

/// The first bytes of a session's first payload.
const MAGIC: [u8; 4] = *b"CCFT";

/// The largest length of a file: what an `off_t` can hold.
pub const MAX_LENGTH: u64 = i64::MAX as u64;

const RESUME: u8 = 1;
const OVERWRITE: u8 = 2;
const LENGTH_KNOWN: u8 = 4;
const TIME_KNOWN: u8 = 8;

macro_rules! kinds {
    ($($number:literal $name:ident),* $(,)?) => {
        /// The kind of a frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($name = $number,)*
        }

        impl Kind {
            pub(super) fn of(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

kinds! {
    1 Hello,
    2 Welcome,
    3 Get,
    4 Put,
    5 MakeDirectory,
    6 List,
    7 Ready,
    8 File,
    9 Content,
    10 End,
    11 Stored,
    12 Entry,
    13 EndOfList,
    14 Refused,
    15 Failed,
}

/// A frame that is not content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Client: the versions that I speak, and the largest payload that I take.
    Hello {
        /// The oldest version.
        oldest: u16,
        /// The newest version.
        newest: u16,
        /// Bytes.
        most: u32,
    },
    /// Server: the version of this session, the largest payload that I take, and what I allow.
    Welcome {
        /// The version.
        version: u16,
        /// Bytes.
        most: u32,
        /// Files may be put.
        writable: bool,
    },
    /// Client: send me a file.
    Get {
        /// Which.
        path: RelativePath,
        /// What I have of it.
        resume: Option<Prefix>,
    },
    /// Client: take a file.
    Put {
        /// Its name.
        path: RelativePath,
        /// Length, mode, time of modification.
        metadata: Metadata,
        /// Go on with what you have.
        resume: bool,
        /// Replace a file of that name.
        overwrite: bool,
    },
    /// Client: make a directory.
    MakeDirectory {
        /// Its name.
        path: RelativePath,
        /// Its mode.
        mode: Mode,
    },
    /// Client: list a directory.
    List {
        /// Which; `None` is the root.
        path: Option<RelativePath>,
    },
    /// Server: send the file, from here on.
    Ready(Prefix),
    /// Server: the file comes.
    File {
        /// Length, mode, time of modification.
        metadata: Metadata,
        /// Content comes from here on.
        offset: u64,
    },
    /// Sender: that was all of the file.
    End(Prefix),
    /// Receiver: verified and stored; or server: the directory is there.
    Stored {
        /// The length of the file in bytes.
        length: u64,
    },
    /// Server: an entry of the directory.
    Entry(Entry),
    /// Server: there are no more entries.
    EndOfList {
        /// How many there were.
        count: u64,
        /// How many more there are whose names no peer may use.
        hidden: u64,
    },
    /// Server: not that, and the session goes on.
    Refused(Refusal),
    /// Either: the session ends here.
    Failed(Refusal),
}

/// The first bytes of a file, or all of them: how many, and their digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// In bytes, at most [`MAX_LENGTH`].
    pub length: u64,
    /// BLAKE3 of them.
    pub digest: Digest,
}

impl Prefix {
    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            length: 0,
            digest: Digest::of(b""),
        }
    }
}

/// A BLAKE3 digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What is known of a file besides its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// In bytes, at most [`MAX_LENGTH`]; unknown when it comes from a pipe.
    pub length: Option<u64>,
    /// Its mode.
    pub mode: Mode,
    /// When it was modified.
    pub modified: Option<Modified>,
}

/// Permission bits: who may read, write and execute. Never setuid, setgid or sticky.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(u16);

impl Mode {
    /// Keeps the nine permission bits of `bits`, drops the others.
    #[must_use]
    pub fn new(bits: u32) -> Self {
        Self((bits & 0o777) as u16)
    }

    /// At most 0o777.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0.into()
    }
}

impl Default for Mode {
    /// 0o644.
    fn default() -> Self {
        Self(0o644)
    }
}

/// A moment in time, relative to 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified {
    seconds: i64,
    nanoseconds: u32,
}

impl Modified {
    /// A moment; `None` when there are a thousand million nanoseconds or more.
    #[must_use]
    pub fn new(seconds: i64, nanoseconds: u32) -> Option<Self> {
        (nanoseconds < 1_000_000_000).then_some(Self {
            seconds,
            nanoseconds,
        })
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after that, below a thousand million.
    #[must_use]
    pub fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// A single component.
    pub name: RelativePath,
    /// Of the file; of a directory mode and time only.
    pub metadata: Metadata,
}

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; never followed.
    Link,
    /// A device, a socket, a FIFO.
    Other,
}

/// Why a frame is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// There is no such kind.
    #[error("frames of kind {0} are unknown")]
    Kind(u8),
    /// The kind has no such flags.
    #[error("a frame of kind {kind} has unknown flags {flags:#04x}")]
    Flags {
        /// The kind.
        kind: u8,
        /// The flags.
        flags: u8,
    },
    /// The payload is too large for anything but content.
    #[error("a frame of kind {kind} announces {length} bytes, {MAX_CONTROL} are possible")]
    TooLong {
        /// The kind.
        kind: u8,
        /// As announced.
        length: u32,
    },
    /// The payload ends too early.
    #[error("a frame of kind {0} is cut short")]
    Short(u8),
    /// The payload goes on behind its end.
    #[error("a frame of kind {0} has bytes behind its end")]
    Trailing(u8),
    /// A number has no meaning.
    #[error("a frame of kind {0} has a number out of range")]
    Range(u8),
    /// A name is not allowed. The frame as such is right.
    #[error(transparent)]
    Name(PathError),
}

impl Message {
    fn kind(&self) -> Kind {
        match self {
            Self::Hello { .. } => Kind::Hello,
            Self::Welcome { .. } => Kind::Welcome,
            Self::Get { .. } => Kind::Get,
            Self::Put { .. } => Kind::Put,
            Self::MakeDirectory { .. } => Kind::MakeDirectory,
            Self::List { .. } => Kind::List,
            Self::Ready(_) => Kind::Ready,
            Self::File { .. } => Kind::File,
            Self::End(_) => Kind::End,
            Self::Stored { .. } => Kind::Stored,
            Self::Entry(_) => Kind::Entry,
            Self::EndOfList { .. } => Kind::EndOfList,
            Self::Refused(_) => Kind::Refused,
            Self::Failed(_) => Kind::Failed,
        }
    }

    /// Its name in the protocol.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Appends the message as a frame; its payload has at most [`MAX_CONTROL`] bytes.
    pub fn encode(&self, output: &mut Vec<u8>) {
        let start = output.len();
        output.extend_from_slice(&[0; HEADER]);
        let flags = self.payload(output);
        let header = Header {
            kind: self.kind() as u8,
            flags,
            length: (output.len() - start - HEADER) as u32,
        };
        output[start..start + HEADER].copy_from_slice(&header.encode());
    }

    /// Appends the payload and says the flags.
    fn payload(&self, output: &mut Vec<u8>) -> u8 {
        match self {
            Self::Hello {
                oldest,
                newest,
                most,
            } => {
                output.extend(MAGIC);
                output.extend(oldest.to_be_bytes());
                output.extend(newest.to_be_bytes());
                output.extend(most.to_be_bytes());
                0
            }
            Self::Welcome {
                version,
                most,
                writable,
            } => {
                output.extend(version.to_be_bytes());
                output.extend(most.to_be_bytes());
                output.push((*writable).into());
                0
            }
            Self::Get { path, resume } => {
                let flags = match resume {
                    Some(prefix) => {
                        prefix.encode(output);
                        RESUME
                    }
                    None => 0,
                };
                output.extend(path.as_str().bytes());
                flags
            }
            Self::Put {
                path,
                metadata,
                resume,
                overwrite,
            } => {
                let mut flags = metadata.encode(output);
                if *resume {
                    flags |= RESUME;
                }
                if *overwrite {
                    flags |= OVERWRITE;
                }
                output.extend(path.as_str().bytes());
                flags
            }
            Self::MakeDirectory { path, mode } => {
                output.extend(mode.0.to_be_bytes());
                output.extend(path.as_str().bytes());
                0
            }
            Self::List { path } => {
                // No frame is empty, but the name of the root is.
                output.push(0);
                output.extend(path.iter().flat_map(|path| path.as_str().bytes()));
                0
            }
            Self::Ready(prefix) | Self::End(prefix) => {
                prefix.encode(output);
                0
            }
            Self::File { metadata, offset } => {
                output.extend(offset.to_be_bytes());
                metadata.encode(output)
            }
            Self::Stored { length } => {
                output.extend(length.to_be_bytes());
                0
            }
            Self::Entry(entry) => {
                output.push(match entry.kind {
                    EntryKind::File => 0,
                    EntryKind::Directory => 1,
                    EntryKind::Link => 2,
                    EntryKind::Other => 3,
                });
                let flags = entry.metadata.encode(output);
                output.extend(entry.name.as_str().bytes());
                flags
            }
            Self::EndOfList { count, hidden } => {
                output.extend(count.to_be_bytes());
                output.extend(hidden.to_be_bytes());
                0
            }
            Self::Refused(refusal) | Self::Failed(refusal) => {
                output.extend(refusal.reason().number().to_be_bytes());
                output.extend(refusal.text().bytes());
                0
            }
        }
    }

    /// Reads a message from its header and its whole payload.
    ///
    /// # Errors
    /// When it is not one; see [`MessageError`].
    pub fn decode(header: Header, payload: &[u8]) -> Result<Self, MessageError> {
        let mut fields = Fields {
            kind: header.kind,
            flags: header.flags,
            rest: payload,
        };
        let kind = Kind::of(header.kind).ok_or(MessageError::Kind(header.kind))?;
        let message = match kind {
            Kind::Hello => {
                if fields.array()? != MAGIC {
                    return Err(MessageError::Range(header.kind));
                }
                Self::Hello {
                    oldest: u16::from_be_bytes(fields.array()?),
                    newest: u16::from_be_bytes(fields.array()?),
                    most: fields.most()?,
                }
            }
            Kind::Welcome => Self::Welcome {
                version: u16::from_be_bytes(fields.array()?),
                most: fields.most()?,
                writable: match fields.array()? {
                    [0] => false,
                    [1] => true,
                    _ => return Err(fields.range()),
                },
            },
            Kind::Get => {
                let resume = fields.flag(RESUME).then(|| fields.prefix()).transpose()?;
                Self::Get {
                    resume,
                    path: fields.path()?,
                }
            }
            Kind::Put => {
                let (resume, overwrite) = (fields.flag(RESUME), fields.flag(OVERWRITE));
                Self::Put {
                    metadata: fields.metadata()?,
                    resume,
                    overwrite,
                    path: fields.path()?,
                }
            }
            Kind::MakeDirectory => Self::MakeDirectory {
                mode: Mode::new(u16::from_be_bytes(fields.array()?).into()),
                path: fields.path()?,
            },
            Kind::List => {
                if fields.array()? != [0] {
                    return Err(fields.range());
                }
                let path = match fields.rest {
                    [] => None,
                    _ => Some(fields.path()?),
                };
                Self::List { path }
            }
            Kind::Ready => Self::Ready(fields.prefix()?),
            Kind::File => Self::File {
                offset: fields.length()?,
                metadata: fields.metadata()?,
            },
            Kind::End => Self::End(fields.prefix()?),
            Kind::Stored => Self::Stored {
                length: fields.length()?,
            },
            Kind::Entry => Self::Entry(Entry {
                kind: match fields.array()? {
                    [0] => EntryKind::File,
                    [1] => EntryKind::Directory,
                    [2] => EntryKind::Link,
                    [3] => EntryKind::Other,
                    _ => return Err(fields.range()),
                },
                metadata: fields.metadata()?,
                name: fields.component()?,
            }),
            Kind::EndOfList => Self::EndOfList {
                count: u64::from_be_bytes(fields.array()?),
                hidden: u64::from_be_bytes(fields.array()?),
            },
            Kind::Refused => Self::Refused(fields.refusal()?),
            Kind::Failed => Self::Failed(fields.refusal()?),
            Kind::Content => return Err(MessageError::Kind(header.kind)),
        };
        fields.end()?;
        Ok(message)
    }
}

impl Prefix {
    fn encode(&self, output: &mut Vec<u8>) {
        output.extend(self.length.to_be_bytes());
        output.extend(self.digest.0);
    }
}

impl Metadata {
    /// Appends it and says the flags.
    fn encode(&self, output: &mut Vec<u8>) -> u8 {
        let mut flags = 0;
        output.extend(self.mode.0.to_be_bytes());
        if let Some(length) = self.length {
            output.extend(length.to_be_bytes());
            flags |= LENGTH_KNOWN;
        }
        if let Some(time) = self.modified {
            output.extend(time.seconds.to_be_bytes());
            output.extend(time.nanoseconds.to_be_bytes());
            flags |= TIME_KNOWN;
        }
        flags
    }
}

/// What of a payload has not been read, and the flags that have not.
struct Fields<'a> {
    kind: u8,
    flags: u8,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (first, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(MessageError::Short(self.kind))?;
        self.rest = rest;
        Ok(*first)
    }

    fn flag(&mut self, flag: u8) -> bool {
        let set = self.flags & flag != 0;
        self.flags &= !flag;
        set
    }

    fn range(&self) -> MessageError {
        MessageError::Range(self.kind)
    }

    /// The largest payload that a peer takes.
    fn most(&mut self) -> Result<u32, MessageError> {
        let most = u32::from_be_bytes(self.array()?);
        if most < MAX_CONTROL {
            return Err(self.range());
        }
        Ok(most)
    }

    /// The length of a file.
    fn length(&mut self) -> Result<u64, MessageError> {
        let length = u64::from_be_bytes(self.array()?);
        if length > MAX_LENGTH {
            return Err(self.range());
        }
        Ok(length)
    }

    fn prefix(&mut self) -> Result<Prefix, MessageError> {
        Ok(Prefix {
            length: self.length()?,
            digest: Digest(self.array()?),
        })
    }

    fn metadata(&mut self) -> Result<Metadata, MessageError> {
        let mode = Mode::new(u16::from_be_bytes(self.array()?).into());
        let length = self.flag(LENGTH_KNOWN).then(|| self.length()).transpose()?;
        let modified = match self.flag(TIME_KNOWN) {
            true => {
                let seconds = i64::from_be_bytes(self.array()?);
                let nanoseconds = u32::from_be_bytes(self.array()?);
                Some(Modified::new(seconds, nanoseconds).ok_or_else(|| self.range())?)
            }
            false => None,
        };
        Ok(Metadata {
            length,
            mode,
            modified,
        })
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The path that the rest is. A wrong name is reported only when all else is right, since the
    /// session survives it.
    fn path(&mut self) -> Result<RelativePath, MessageError> {
        let path = RelativePath::from_bytes(self.all());
        self.end()?;
        path.map_err(MessageError::Name)
    }

    fn component(&mut self) -> Result<RelativePath, MessageError> {
        if self.rest.len() > MAX_COMPONENT || self.rest.contains(&b'/') {
            return Err(self.range());
        }
        // The name of an entry is the server's: a wrong one is a mistake of the protocol.
        RelativePath::from_bytes(self.all()).map_err(|_| self.range())
    }

    fn refusal(&mut self) -> Result<Refusal, MessageError> {
        let reason = Reason::of(u16::from_be_bytes(self.array()?));
        Ok(Refusal::new(reason, String::from_utf8_lossy(self.all())))
    }

    fn end(&self) -> Result<(), MessageError> {
        if !self.rest.is_empty() {
            return Err(MessageError::Trailing(self.kind));
        }
        if self.flags != 0 {
            return Err(MessageError::Flags {
                kind: self.kind,
                flags: self.flags,
            });
        }
        Ok(())
    }
}
