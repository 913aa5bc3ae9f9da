//! Commands to a server, one after the other over one connection.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::driver::{Driver, Leaving, Threads, World};
use super::serve::{closed, leave};
use super::source::Source;
use super::target::{Leave, Target};
use crate::programs::net::exit::{EndsProgram, Exit};
use crate::programs::net::{Address, ClientTls, ConnectError, Shutdown, StreamError, TlsError};
use crate::protocols::transfer::{
    Answer, Client, Digest, End, Entry, Limits, Mode, Outcome, Reason, Refusal, RelativePath,
    Request, Session, State,
};

/// How to connect.
#[derive(Clone, Debug)]
pub struct Connecting {
    /// The connection is TLS from its first byte.
    pub tls: bool,
    /// The authority to trust, instead of those of this machine.
    pub authority: Option<PathBuf>,
    /// The algorithm that controls congestion, of those that the system has.
    pub congestion: Option<String>,
    /// How long all addresses of the server together may take.
    pub timeout: Duration,
    /// How many threads a file leaves by.
    pub threads: Threads,
    /// Sizes and times.
    pub limits: Limits,
}

/// A file that is through, verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Its length in bytes.
    pub length: u64,
    /// How many of them were there already.
    pub resumed: u64,
    /// BLAKE3 of all of it.
    pub digest: Digest,
}

/// What a list has told besides its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How many entries there were.
    pub count: u64,
    /// How many more there are whose names no peer may use.
    pub hidden: u64,
}

/// Called as content moves: bytes that are through, and how many there are.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// A connection to a server.
#[derive(Debug)]
pub struct Connection<'a> {
    driver: Driver<'a>,
    session: Session<Client>,
    server: String,
}

/// How long a server may take to close when we have said that we are done.
const LINGER: Duration = Duration::from_millis(200);

impl<'a> Connection<'a> {
    /// Connects, and agrees on a version. Blocks.
    ///
    /// # Errors
    /// When the server cannot be reached, is not whom it should be, or speaks another protocol.
    pub fn open(
        address: &Address,
        how: &Connecting,
        shutdown: &'a Shutdown,
    ) -> Result<Self, TransferError> {
        let server = address.to_string();
        let mut stream = address.connect(how.timeout)?;
        if let Some(congestion) = &how.congestion {
            rustix::net::sockopt::set_tcp_congestion(stream.socket(), congestion).map_err(
                |error| TransferError::Congestion {
                    name: congestion.clone(),
                    source: error.into(),
                },
            )?;
        }
        if how.tls {
            let tls = ClientTls::new(how.authority.as_deref())?;
            let deadline = Instant::now() + how.limits.handshake;
            stream
                .connect_tls(&tls, address.host(), deadline)
                .map_err(|source| TransferError::Stream {
                    server: server.clone(),
                    source,
                })?;
        }
        let mut connection = Self {
            driver: Driver::new(stream, how.threads, Some(shutdown)),
            session: Session::client(Instant::now(), how.limits),
            server,
        };
        connection.run(&mut Hands::default())?;
        Ok(connection)
    }

    /// Gets a file, into a target that knows what of it is there already. Blocks.
    ///
    /// # Errors
    /// When the server refuses, the connection fails, or the target does. What has come stays if it
    /// can be resumed.
    pub fn get(
        &mut self,
        path: &RelativePath,
        target: Target,
        resume: bool,
        progress: Progress<'_>,
    ) -> Result<Transferred, TransferError> {
        let prefix = resume.then(|| target.prefix());
        let resumed = prefix.map_or(0, |prefix| prefix.length);
        let mut hands = Hands {
            target: Some(target),
            progress: Some(progress),
            ..Hands::default()
        };
        let asked = self.session.get(Instant::now(), path.clone(), prefix);
        let outcome = match asked {
            Ok(()) => self.run(&mut hands),
            Err(_) => Err(self.over()),
        };
        if let Some(target) = hands.target {
            let kept = match &outcome {
                // Nothing has come of it now; what was there before stays for another server.
                Ok(Some(Outcome::Refused(refusal))) if refusal.reason() == Reason::NotFound => {
                    Leave::Kept
                }
                Ok(_) => Leave::Removed,
                Err(_) => leave(self.session.end()),
            };
            target.abandon(kept);
        }
        match (outcome?, hands.digest) {
            (Some(Outcome::Got { length }), Some(digest)) => Ok(Transferred {
                length,
                resumed,
                digest,
            }),
            (outcome, _) => Err(self.refused(path, outcome)),
        }
    }

    /// Puts a file; with `resume` behind what the server has of it. Blocks.
    ///
    /// # Errors
    /// When the server refuses, the connection fails, or the source does.
    pub fn put(
        &mut self,
        path: &RelativePath,
        source: Source,
        resume: bool,
        overwrite: bool,
        progress: Progress<'_>,
    ) -> Result<Transferred, TransferError> {
        let metadata = source.metadata();
        let mut hands = Hands {
            source: Some(source),
            progress: Some(progress),
            ..Hands::default()
        };
        let asked = self
            .session
            .put(Instant::now(), path.clone(), metadata, resume, overwrite);
        asked.map_err(|_| self.over())?;
        match (self.run(&mut hands)?, hands.digest) {
            (Some(Outcome::Stored { length }), Some(digest)) => Ok(Transferred {
                length,
                resumed: hands.resumed,
                digest,
            }),
            (outcome, _) => Err(self.refused(path, outcome)),
        }
    }

    /// Makes a directory; one that is there is as good. Blocks.
    ///
    /// # Errors
    /// When the server refuses or the connection fails.
    pub fn make_directory(&mut self, path: &RelativePath, mode: Mode) -> Result<(), TransferError> {
        let asked = self
            .session
            .make_directory(Instant::now(), path.clone(), mode);
        asked.map_err(|_| self.over())?;
        match self.run(&mut Hands::default())? {
            Some(Outcome::Made) => Ok(()),
            outcome => Err(self.refused(path, outcome)),
        }
    }

    /// Lists a directory, `None` being the root; entries are given away as they come, in the order of
    /// their names. Blocks.
    ///
    /// # Errors
    /// When the server refuses or the connection fails.
    pub fn list(
        &mut self,
        path: Option<&RelativePath>,
        take: &mut dyn FnMut(Entry),
    ) -> Result<Listed, TransferError> {
        let asked = self.session.list(Instant::now(), path.cloned());
        asked.map_err(|_| self.over())?;
        let mut hands = Hands {
            take: Some(take),
            ..Hands::default()
        };
        match self.run(&mut hands)? {
            Some(Outcome::Listed { count, hidden }) => Ok(Listed { count, hidden }),
            outcome => {
                let root = RelativePath::new("the directory").expect("an allowed path");
                Err(self.refused(path.unwrap_or(&root), outcome))
            }
        }
    }

    /// Ends the session and the connection. Blocks for a moment at most.
    pub fn finish(mut self) {
        // Where it is over already there is nothing to say.
        let _ = self.session.finish(Instant::now());
        self.driver.into_stream().close(LINGER);
    }

    /// Runs until the session is between commands.
    fn run(&mut self, hands: &mut Hands<'_>) -> Result<Option<Outcome>, TransferError> {
        self.driver.run(
            &mut self.session,
            hands,
            |session| session.state() == State::Idle,
            &|session| session.fail(Instant::now(), Refusal::new(Reason::Cancelled, "")),
        );
        if self.session.end().is_some() {
            return Err(self.over());
        }
        Ok(self.session.take_outcome())
    }

    /// Why there is no session any more.
    fn over(&self) -> TransferError {
        let server = self.server.clone();
        match (self.session.end(), self.driver.failure()) {
            (Some(End::Failed(refusal)), _) if refusal.reason() == Reason::Cancelled => {
                TransferError::Interrupted
            }
            (Some(End::Failed(refusal)), _) => TransferError::GaveUp {
                server,
                refusal: refusal.clone(),
            },
            (Some(End::PeerFailed(refusal)), _) => TransferError::PeerGaveUp {
                server,
                refusal: refusal.clone(),
            },
            (_, Some(error)) => TransferError::Broken {
                server,
                why: error.to_string(),
            },
            (_, None) => TransferError::Broken {
                server,
                why: "it ended in the middle".to_owned(),
            },
        }
    }

    fn refused(&self, path: &RelativePath, outcome: Option<Outcome>) -> TransferError {
        let server = self.server.clone();
        match outcome {
            Some(Outcome::Refused(refusal)) => TransferError::Refused {
                server,
                path: path.clone(),
                refusal,
            },
            _ => TransferError::Broken {
                server,
                why: "it answered something else".to_owned(),
            },
        }
    }
}

/// What a command works with.
#[derive(Default)]
struct Hands<'a> {
    source: Option<Source>,
    target: Option<Target>,
    take: Option<&'a mut dyn FnMut(Entry)>,
    progress: Option<Progress<'a>>,
    /// Of the whole file, once it is known.
    digest: Option<Digest>,
    resumed: u64,
}

impl Hands<'_> {
    fn try_handle(&mut self, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Expect { metadata, .. } => {
                self.target.as_mut().ok_or_else(closed)?.expect(metadata);
                Ok(Answer::Done)
            }
            Request::DigestPrefix { length } => {
                self.resumed = length;
                let source = self.source.as_mut().ok_or_else(closed)?;
                Ok(Answer::Digest(source.digest_prefix(length)?))
            }
            Request::FinishSource => {
                let digest = self.source.as_mut().ok_or_else(closed)?.finish()?;
                self.digest = Some(digest);
                Ok(Answer::Digest(digest))
            }
            Request::FinishTarget => {
                let digest = self.target.as_ref().ok_or_else(closed)?.digest();
                self.digest = Some(digest);
                Ok(Answer::Digest(digest))
            }
            Request::Commit => {
                let mut target = self.target.take().ok_or_else(closed)?;
                let committed = target.commit();
                if committed.is_err() {
                    target.abandon(Leave::Removed);
                }
                committed.map(|()| Answer::Done)
            }
            Request::Take(entry) => {
                if let Some(take) = &mut self.take {
                    take(entry);
                }
                Ok(Answer::Done)
            }
            // The server's, and the driver's.
            Request::OpenSource { .. }
            | Request::OpenTarget { .. }
            | Request::MakeDirectory { .. }
            | Request::OpenDirectory { .. }
            | Request::NextEntry
            | Request::Read { .. }
            | Request::Send { .. }
            | Request::Write { .. } => Err(closed()),
        }
    }
}

impl World for Hands<'_> {
    fn handle(&mut self, request: Request) -> Answer {
        self.try_handle(request).unwrap_or_else(Answer::Failed)
    }

    fn read(&mut self, block: &mut [u8]) -> Result<usize, Refusal> {
        self.source.as_mut().ok_or_else(closed)?.read(block)
    }

    fn write(&mut self, content: &[u8]) -> Result<(), Refusal> {
        self.target.as_mut().ok_or_else(closed)?.write(content)
    }

    fn leaving(&mut self) -> Option<Leaving<'_>> {
        Some(Leaving {
            source: self.source.as_mut()?,
            moved: self.progress.as_mut()?,
        })
    }

    fn moved(&mut self, done: u64, total: Option<u64>) {
        if let Some(progress) = &mut self.progress {
            progress(done, total);
        }
    }
}

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is nobody to trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system has no such algorithm.
    #[error(
        "congestion control cannot be {name}: {source}; \
         /proc/sys/net/ipv4/tcp_available_congestion_control names those that there are"
    )]
    Congestion {
        /// Its name.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// TLS was not agreed on.
    #[error("{server}: {source}")]
    Stream {
        /// The server.
        server: String,
        /// Why not.
        source: StreamError,
    },
    /// The server refused the command; the connection is as good as before.
    #[error("{server} refuses {path}: {refusal}{}", Advice(refusal))]
    Refused {
        /// The server.
        server: String,
        /// What the command was about.
        path: RelativePath,
        /// Why.
        refusal: Refusal,
    },
    /// This side gave up.
    #[error("the transfer with {server} failed: {refusal}{}", Advice(refusal))]
    GaveUp {
        /// The server.
        server: String,
        /// Why.
        refusal: Refusal,
    },
    /// The server gave up.
    #[error("{server} gave up: {refusal}{}", Advice(refusal))]
    PeerGaveUp {
        /// The server.
        server: String,
        /// Why.
        refusal: Refusal,
    },
    /// The connection broke.
    #[error("the connection to {server} broke: {why}; try again with --resume")]
    Broken {
        /// The server.
        server: String,
        /// How.
        why: String,
    },
    /// Something of this machine fails.
    #[error("{what}: {refusal}{}", Advice(refusal))]
    Local {
        /// What.
        what: String,
        /// Why.
        refusal: Refusal,
    },
    /// The program is to end.
    #[error("interrupted; --resume goes on from here")]
    Interrupted,
}

impl TransferError {
    /// Something of this machine fails.
    #[must_use]
    pub fn local(what: impl fmt::Display, refusal: Refusal) -> Self {
        Self::Local {
            what: what.to_string(),
            refusal,
        }
    }

    /// The server refused with that reason, and the connection can be used further.
    #[must_use]
    pub fn refused_for(&self) -> Option<Reason> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.reason()),
            _ => None,
        }
    }
}

impl EndsProgram for TransferError {
    fn exit(&self) -> Exit {
        match self {
            Self::Connect(error) => error.exit(),
            Self::Tls(error) => error.exit(),
            Self::Congestion { .. } | Self::Local { .. } => Exit::Usage,
            Self::GaveUp { refusal, .. } => match refusal.reason() {
                Reason::Exists
                | Reason::Denied
                | Reason::NoSpace
                | Reason::Failed
                | Reason::Kind
                | Reason::SourceChanged
                | Reason::Busy => Exit::Usage,
                _ => Exit::Peer,
            },
            Self::Stream { .. }
            | Self::Refused { .. }
            | Self::PeerGaveUp { .. }
            | Self::Broken { .. } => Exit::Peer,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// What to do about a refusal.
struct Advice<'a>(&'a Refusal);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.reason() {
            Reason::NotFound => "; `crosscheck file list` shows what there is",
            Reason::PrefixDiffers | Reason::OffsetBeyondEnd => {
                "; the file has changed, get all of it without --resume"
            }
            Reason::Corrupt => "; try again",
            Reason::SourceChanged => "; try again when nobody writes it",
            Reason::Busy => "; wait for the other one",
            Reason::Shutdown => "; try again later, with --resume",
            Reason::NoSpace => "; make room and try again",
            Reason::Protocol => "; is this a crosscheck file server?",
            Reason::TooSlow => "; try again with --resume",
            _ => "",
        })
    }
}
