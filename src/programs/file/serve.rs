//! The server of a directory.

use std::time::{Duration, Instant};

use super::beneath::Root;
use super::driver::{Driver, Leaving, Threads, World};
use super::source::Source;
use super::target::{Leave, Target};
use crate::programs::net::{Failure, Listener, ServerTls, Service, Visit};
use crate::protocols::transfer::{
    Answer, End, Entry, Limits, Reason, Refusal, RelativePath, Request, Session,
};

/// What is served, and how.
#[derive(Debug)]
pub struct Share {
    /// The directory.
    pub root: Root,
    /// Files can be put.
    pub writable: bool,
    /// Connections are TLS from their first byte.
    pub tls: Option<ServerTls>,
    /// The algorithm that controls congestion, of those that the system has.
    pub congestion: Option<String>,
    /// How many threads a file leaves by.
    pub threads: Threads,
    /// Sizes and times.
    pub limits: Limits,
}

/// How long a client may take to close when it has been told the end.
const LINGER: Duration = Duration::from_secs(2);

/// Serves a directory until the program is to end; commands that run then are ended first, within
/// the service's grace. Blocks.
///
/// # Errors
/// When the sockets do not listen any more.
pub fn serve(listener: &Listener, service: &Service<'_>, share: &Share) -> Result<(), Failure> {
    let served = listener
        .serve(service, |visit| receive(visit, share))
        .map_err(|error| Failure::usage(format_args!("cannot accept clients: {error}")))?;
    tracing::info!("served {} clients, cut {}", served.clients, served.cut);
    Ok(())
}

fn receive(visit: Visit<'_>, share: &Share) {
    let mut stream = visit.stream;
    let peer = stream.peer();
    tracing::info!("received a connection from {}", peer.ip());
    if let Some(congestion) = &share.congestion
        && let Err(error) = rustix::net::sockopt::set_tcp_congestion(stream.socket(), congestion)
    {
        tracing::warn!("{peer}: congestion control is not {congestion}: {error}");
    }
    if let Some(tls) = &share.tls {
        let deadline = Instant::now() + share.limits.handshake;
        if let Err(error) = stream.accept_tls(tls, deadline) {
            tracing::info!("{peer}: {error}");
            return;
        }
    }
    let mut session = Session::server(Instant::now(), share.limits, share.writable);
    let mut files = Files::new(share);
    let mut driver = Driver::new(stream, share.threads, Some(visit.shutdown));
    driver.run(&mut session, &mut files, |_| false, &|session| {
        session.finish(Instant::now())
    });
    files.close(session.end());
    match (session.end(), driver.failure()) {
        (Some(End::Finished), _) => tracing::info!("{peer}: done"),
        (Some(End::Failed(refusal)), _) => tracing::warn!("{peer}: gave up: {refusal}"),
        (Some(End::PeerFailed(refusal)), _) => tracing::warn!("{peer}: it gave up: {refusal}"),
        (_, Some(error)) => tracing::warn!("{peer}: {error}"),
        (_, None) => tracing::warn!("{peer}: it went away in the middle"),
    }
    driver.into_stream().close(match session.end() {
        // It had its time.
        Some(End::Failed(refusal)) if refusal.reason() == Reason::TooSlow => Duration::ZERO,
        _ => LINGER,
    });
}

/// The files of a session.
struct Files<'a> {
    share: &'a Share,
    source: Option<Source>,
    target: Option<Target>,
    listing: std::vec::IntoIter<Entry>,
    hidden: u64,
    /// Nobody looks how far a file is.
    unseen: fn(u64, Option<u64>),
}

impl<'a> Files<'a> {
    fn new(share: &'a Share) -> Self {
        Self {
            share,
            source: None,
            target: None,
            listing: Vec::new().into_iter(),
            hidden: 0,
            unseen: |_, _| {},
        }
    }

    /// The session is over: what has come of a file is kept if it can be resumed.
    fn close(&mut self, end: Option<&End>) {
        if let Some(target) = self.target.take() {
            target.abandon(leave(end));
        }
    }

    fn try_handle(&mut self, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::OpenSource { path, resume } => self.open_source(&path, resume),
            Request::OpenTarget {
                path,
                metadata,
                resume,
                overwrite,
            } => {
                let directory = self.share.root.parent_of(&path)?;
                let target = Target::file(directory, path.name(), metadata, resume, overwrite)?;
                tracing::info!("put {path}");
                let prefix = target.prefix();
                self.target = Some(target);
                Ok(Answer::Target(prefix))
            }
            Request::FinishSource => {
                let mut source = self.source.take().ok_or_else(closed)?;
                Ok(Answer::Digest(source.finish()?))
            }
            Request::FinishTarget => {
                let target = self.target.as_ref().ok_or_else(closed)?;
                Ok(Answer::Digest(target.digest()))
            }
            Request::Commit => {
                let mut target = self.target.take().ok_or_else(closed)?;
                let committed = target.commit();
                if committed.is_err() {
                    target.abandon(Leave::Removed);
                }
                committed.map(|()| Answer::Done)
            }
            Request::MakeDirectory { path, mode } => {
                self.share.root.make_directory(&path, mode)?;
                tracing::info!("made {path}");
                Ok(Answer::Done)
            }
            Request::OpenDirectory { path } => {
                let (entries, hidden) = self.share.root.entries(path.as_ref())?;
                self.listing = entries.into_iter();
                self.hidden = hidden;
                Ok(Answer::Done)
            }
            Request::NextEntry => Ok(match self.listing.next() {
                Some(entry) => Answer::Entry(entry),
                None => Answer::NoEntry {
                    hidden: self.hidden,
                },
            }),
            // The client's, and the driver's.
            Request::Expect { .. }
            | Request::DigestPrefix { .. }
            | Request::Take(_)
            | Request::Read { .. }
            | Request::Send { .. }
            | Request::Write { .. } => Err(closed()),
        }
    }

    fn open_source(&mut self, path: &RelativePath, resume: Option<u64>) -> Result<Answer, Refusal> {
        let (file, stat) = self.share.root.open_file(path)?;
        let mut source = Source::file(file, stat);
        let metadata = source.metadata();
        let prefix = resume
            .map(|length| source.digest_prefix(length))
            .transpose()?;
        tracing::info!("get {path}");
        self.source = Some(source);
        Ok(Answer::Source { metadata, prefix })
    }
}

impl World for Files<'_> {
    fn handle(&mut self, request: Request) -> Answer {
        // A file that was refused after all of it came is not resumed: it is another one.
        if !matches!(request, Request::FinishTarget | Request::Commit)
            && let Some(target) = self.target.take()
        {
            target.abandon(Leave::Removed);
        }
        self.try_handle(request).unwrap_or_else(|refusal| {
            tracing::info!("refused: {refusal}");
            Answer::Failed(refusal)
        })
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
            moved: &mut self.unseen,
        })
    }

    fn moved(&mut self, _: u64, _: Option<u64>) {}
}

/// There is no file of that kind: a mistake in here, which must not end the server.
pub(super) fn closed() -> Refusal {
    Refusal::new(Reason::Failed, "no such file is open")
}

/// What becomes of a partial file when its session has ended like that.
pub(super) fn leave(end: Option<&End>) -> Leave {
    match end {
        Some(End::Failed(refusal) | End::PeerFailed(refusal)) => match refusal.reason() {
            // The same content would come again, or there is no room for it.
            Reason::Corrupt
            | Reason::PrefixDiffers
            | Reason::OffsetBeyondEnd
            | Reason::SourceChanged
            | Reason::NoSpace => Leave::Removed,
            _ => Leave::Kept,
        },
        _ => Leave::Kept,
    }
}
