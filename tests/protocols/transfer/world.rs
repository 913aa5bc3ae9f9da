//! A directory in memory, and a session that is driven with it: the outside of a protocol, without
//! files, sockets and clocks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crosscheck::protocols::transfer::limits::MAX_CONTROL;
use crosscheck::protocols::transfer::message::Message;
use crosscheck::protocols::transfer::{
    Answer, Client, Digest, End, Entry, EntryKind, Limits, Metadata, Mode, Modified, Outcome,
    Prefix, Reason, Refusal, RelativePath, Request, Role, Server, Session,
};

/// More than this a session must never hold: a message that comes, one that leaves and the last one,
/// in vectors that grow by doubling.
pub(super) const MOST_HELD: usize = 5 * MAX_CONTROL as usize;

/// A file at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: Mode,
    pub(super) modified: Option<Modified>,
}

impl File {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            mode: Mode::default(),
            modified: Modified::new(1_700_000_000, 5),
        }
    }

    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            length: Some(self.bytes.len() as u64),
            mode: self.mode,
            modified: self.modified,
        }
    }

    pub(super) fn prefix(&self, length: u64) -> Prefix {
        let length = length.min(self.bytes.len() as u64);
        Prefix {
            length,
            digest: Digest::of(&self.bytes[..length as usize]),
        }
    }
}

/// A tree of files, and what interrupted transfers have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<String, File>,
    pub(super) directories: BTreeSet<String>,
    pub(super) partial: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    fn has_parent(&self, path: &RelativePath) -> bool {
        path.parent()
            .is_none_or(|parent| self.directories.contains(parent.as_str()))
    }

    fn entries(&self, directory: &str) -> VecDeque<Entry> {
        let within = |path: &str| -> Option<String> {
            let rest = match directory {
                "" => path,
                _ => path.strip_prefix(directory)?.strip_prefix('/')?,
            };
            (!rest.contains('/')).then(|| rest.to_owned())
        };
        let files = self
            .files
            .iter()
            .filter_map(|(path, file)| Some((within(path)?, EntryKind::File, file.metadata())));
        let directories = self
            .directories
            .iter()
            .filter_map(|path| Some((within(path)?, EntryKind::Directory, Metadata::default())));
        let mut entries: Vec<_> = files.chain(directories).collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        entries
            .into_iter()
            .map(|(name, kind, metadata)| Entry {
                kind,
                name: RelativePath::new(name).expect("a component"),
                metadata,
            })
            .collect()
    }
}

fn failed(reason: Reason) -> Answer {
    Answer::Failed(Refusal::new(reason, ""))
}

/// What a session has open.
#[derive(Debug, Default)]
struct Open {
    source: Vec<u8>,
    position: usize,
    block: Vec<u8>,
    target: Option<Target>,
    listing: VecDeque<Entry>,
}

#[derive(Debug)]
struct Target {
    path: String,
    bytes: Vec<u8>,
    metadata: Metadata,
    overwrite: bool,
}

/// One side with its world: a session, its disk, what is open.
#[derive(Debug)]
pub(super) struct Side<R> {
    pub(super) session: Session<R>,
    pub(super) disk: Disk,
    /// Entries that have come.
    pub(super) entries: Vec<Entry>,
    open: Open,
}

impl<R: Role> Side<R> {
    fn new(session: Session<R>, disk: Disk) -> Self {
        Self {
            session,
            disk,
            entries: Vec::new(),
            open: Open::default(),
        }
    }

    /// Moves what can be moved, in pieces of the sizes that `cut` chooses between 1 and what is
    /// possible. Says whether anything has moved.
    pub(super) fn step(
        &mut self,
        now: Instant,
        input: &mut Vec<u8>,
        output: &mut Vec<u8>,
        cut: &mut dyn FnMut(usize) -> usize,
    ) -> bool {
        assert!(self.session.held() <= MOST_HELD, "{}", self.session.held());
        let mut buffer = [0; 4096];
        let size = cut(buffer.len());
        let count = self.session.poll_output(&mut buffer[..size]);
        output.extend_from_slice(&buffer[..count]);
        if count > 0 {
            return true;
        }
        let mut moved = false;
        if let Some(request) = self.session.poll_request() {
            let answer = match request {
                Request::Send { length } => {
                    let count = cut(length as usize);
                    output.extend(self.open.block.drain(..count));
                    Some(Answer::Sent(count as u32))
                }
                Request::Write { length } => match input.len().min(length as usize) {
                    0 => None,
                    most => {
                        let count = cut(most);
                        let bytes = input.drain(..count);
                        let target = self.open.target.as_mut().expect("there is a target");
                        target.bytes.extend(bytes);
                        Some(Answer::Written(count as u32))
                    }
                },
                request => Some(self.world(request)),
            };
            if let Some(answer) = answer {
                self.session.answer(now, answer).expect("it fits");
                moved = true;
            }
        }
        if !input.is_empty() {
            let count = cut(input.len());
            let taken = self.session.handle_input(now, &input[..count]);
            input.drain(..taken);
            moved |= taken > 0;
        }
        moved
    }

    /// The connection is gone: what has come of a file stays for another try.
    pub(super) fn disconnect(&mut self) {
        if let Some(target) = self.open.target.take() {
            self.disk.partial.insert(target.path, target.bytes);
        }
    }

    /// The client stores what it gets under that name.
    fn expect_at(&mut self, path: &str, resume: bool, overwrite: bool) {
        let kept = self.disk.partial.remove(path);
        self.open.target = Some(Target {
            path: path.to_owned(),
            bytes: kept.filter(|_| resume).unwrap_or_default(),
            metadata: Metadata::default(),
            overwrite,
        });
    }

    fn read_from(&mut self, bytes: &[u8]) {
        self.open.source = bytes.to_vec();
        self.open.position = 0;
    }

    fn world(&mut self, request: Request) -> Answer {
        let open = &mut self.open;
        match request {
            Request::OpenSource { path, resume } => {
                let Some(file) = self.disk.files.get(path.as_str()) else {
                    let directory = self.disk.directories.contains(path.as_str());
                    return failed(if directory {
                        Reason::Kind
                    } else {
                        Reason::NotFound
                    });
                };
                open.source = file.bytes.clone();
                open.position = (resume.unwrap_or(0) as usize).min(open.source.len());
                Answer::Source {
                    metadata: file.metadata(),
                    prefix: resume.map(|length| file.prefix(length).digest),
                }
            }
            Request::OpenTarget {
                path,
                metadata,
                resume,
                overwrite,
            } => {
                let name = path.as_str().to_owned();
                if self.disk.directories.contains(&name) {
                    return failed(Reason::Kind);
                }
                if !self.disk.has_parent(&path) {
                    return failed(Reason::NotFound);
                }
                if self.disk.files.contains_key(&name) && !overwrite {
                    return failed(Reason::Exists);
                }
                let kept = self.disk.partial.remove(&name);
                let bytes = kept.filter(|_| resume).unwrap_or_default();
                let prefix = File::new(bytes.clone()).prefix(u64::MAX);
                open.target = Some(Target {
                    path: name,
                    bytes,
                    metadata,
                    overwrite,
                });
                Answer::Target(prefix)
            }
            Request::Expect { metadata, offset } => {
                let target = open.target.as_mut().expect("there is a target");
                assert_eq!(target.bytes.len() as u64, offset);
                target.metadata = metadata;
                Answer::Done
            }
            Request::DigestPrefix { length } => {
                open.position = length as usize;
                Answer::Digest(Digest::of(&open.source[..open.position]))
            }
            Request::Read { most } => {
                let rest = &open.source[open.position..];
                open.block = rest[..rest.len().min(most as usize)].to_vec();
                open.position += open.block.len();
                Answer::Read(open.block.len() as u32)
            }
            Request::FinishSource => Answer::Digest(Digest::of(&open.source)),
            Request::FinishTarget => {
                let target = open.target.as_ref().expect("there is a target");
                Answer::Digest(Digest::of(&target.bytes))
            }
            Request::Commit => {
                let target = open.target.take().expect("there is a target");
                if self.disk.files.contains_key(&target.path) && !target.overwrite {
                    return failed(Reason::Exists);
                }
                let file = File {
                    bytes: target.bytes,
                    mode: target.metadata.mode,
                    modified: target.metadata.modified,
                };
                self.disk.files.insert(target.path, file);
                Answer::Done
            }
            Request::MakeDirectory { path, .. } => {
                let name = path.as_str().to_owned();
                if self.disk.files.contains_key(&name) {
                    return failed(Reason::Exists);
                }
                if !self.disk.has_parent(&path) {
                    return failed(Reason::NotFound);
                }
                self.disk.directories.insert(name);
                Answer::Done
            }
            Request::OpenDirectory { path } => {
                let name = path.as_ref().map_or("", RelativePath::as_str);
                if !name.is_empty() && !self.disk.directories.contains(name) {
                    return failed(if self.disk.files.contains_key(name) {
                        Reason::Kind
                    } else {
                        Reason::NotFound
                    });
                }
                open.listing = self.disk.entries(name);
                Answer::Done
            }
            Request::NextEntry => match open.listing.pop_front() {
                Some(entry) => Answer::Entry(entry),
                None => Answer::NoEntry { hidden: 0 },
            },
            Request::Take(entry) => {
                self.entries.push(entry);
                Answer::Done
            }
            Request::Send { .. } | Request::Write { .. } => unreachable!("these are the stream's"),
        }
    }
}

pub(super) fn server(now: Instant, limits: Limits, disk: Disk) -> Side<Server> {
    Side::new(Session::server(now, limits, true), disk)
}

pub(super) fn client(now: Instant, limits: Limits, disk: Disk) -> Side<Client> {
    Side::new(Session::client(now, limits), disk)
}

/// Small blocks, so that small files have several.
pub(super) fn limits() -> Limits {
    Limits {
        block: MAX_CONTROL,
        ..Limits::default()
    }
}

/// A command of a client, on paths of its own disk and the server's.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Get {
        path: String,
        resume: bool,
    },
    Put {
        path: String,
        resume: bool,
        overwrite: bool,
        pipe: bool,
    },
    MakeDirectory {
        path: String,
    },
    List {
        path: Option<String>,
    },
}

/// A client, a server and the two streams between them.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) client: Side<Client>,
    pub(super) server: Side<Server>,
    pub(super) now: Instant,
    up: Vec<u8>,
    down: Vec<u8>,
    /// All bytes that have gone up and down.
    pub(super) sent: (Vec<u8>, Vec<u8>),
}

impl Pair {
    pub(super) fn new(client_disk: Disk, server_disk: Disk) -> Self {
        let now = Instant::now();
        Self {
            client: client(now, limits(), client_disk),
            server: server(now, limits(), server_disk),
            now,
            up: Vec::new(),
            down: Vec::new(),
            sent: Default::default(),
        }
    }

    /// One step of each side; says whether anything has moved.
    pub(super) fn step(&mut self, cut: &mut dyn FnMut(usize) -> usize) -> bool {
        self.now += Duration::from_millis(1);
        let mut sent = Vec::new();
        let client = self.client.step(self.now, &mut self.down, &mut sent, cut);
        self.sent.0.extend_from_slice(&sent);
        self.up.append(&mut sent);
        let server = self.server.step(self.now, &mut self.up, &mut sent, cut);
        self.sent.1.extend_from_slice(&sent);
        self.down.append(&mut sent);
        client || server
    }

    /// Runs until nothing moves any more.
    pub(super) fn drive(&mut self, cut: &mut dyn FnMut(usize) -> usize) {
        for _ in 0..2_000_000 {
            if !self.step(cut) {
                return;
            }
        }
        panic!("the sessions do not come to rest");
    }

    /// Gives a command; says whether the client took it.
    pub(super) fn command(&mut self, command: &Command) -> bool {
        let now = self.now;
        let path = |path: &str| RelativePath::new(path).expect("a path");
        let client = &mut self.client;
        match command {
            Command::Get { path: name, resume } => {
                client.expect_at(name, *resume, true);
                let kept = client.open.target.as_ref().expect("just made");
                let prefix = File::new(kept.bytes.clone()).prefix(u64::MAX);
                let resume = resume.then_some(prefix);
                client.session.get(now, path(name), resume).is_ok()
            }
            Command::Put {
                path: name,
                resume,
                overwrite,
                pipe,
            } => {
                let Some(file) = client.disk.files.get(name).cloned() else {
                    return false;
                };
                client.read_from(&file.bytes);
                let mut metadata = file.metadata();
                if *pipe {
                    metadata.length = None;
                }
                let (resume, overwrite) = (*resume, *overwrite);
                let session = &mut client.session;
                session
                    .put(now, path(name), metadata, resume, overwrite)
                    .is_ok()
            }
            Command::MakeDirectory { path: name } => {
                let mode = Mode::new(0o755);
                client.session.make_directory(now, path(name), mode).is_ok()
            }
            Command::List { path: name } => {
                client.entries.clear();
                let name = name.as_deref().map(path);
                client.session.list(now, name).is_ok()
            }
        }
    }

    /// Runs one command to its outcome; `None` when the session has ended.
    pub(super) fn run(
        &mut self,
        command: &Command,
        cut: &mut dyn FnMut(usize) -> usize,
    ) -> Option<Outcome> {
        self.drive(cut);
        if !self.command(command) {
            return None;
        }
        self.drive(cut);
        self.client.session.take_outcome()
    }

    /// The stream breaks: both sides see its end.
    pub(super) fn disconnect(&mut self) {
        self.now += Duration::from_millis(1);
        self.client.session.handle_eof(self.now);
        self.server.session.handle_eof(self.now);
        self.client.disconnect();
        self.server.disconnect();
    }

    /// A new connection between the same disks.
    pub(super) fn reconnect(&mut self) {
        let disks = (
            std::mem::take(&mut self.client.disk),
            std::mem::take(&mut self.server.disk),
        );
        *self = Self::new(disks.0, disks.1);
    }

    pub(super) fn ends(&self) -> (Option<&End>, Option<&End>) {
        (self.client.session.end(), self.server.session.end())
    }
}

/// Frames of those messages, one after the other.
pub(super) fn stream_of(messages: &[Message]) -> Vec<u8> {
    let mut stream = Vec::new();
    for message in messages {
        message.encode(&mut stream);
    }
    stream
}

/// A hello as every client says it.
pub(super) fn hello() -> Message {
    Message::Hello {
        oldest: 1,
        newest: 1,
        most: MAX_CONTROL,
    }
}
