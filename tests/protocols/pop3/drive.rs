//! The outside of a server's session, in memory: users, messages, time.

use std::time::{Duration, Instant};

use crosscheck::protocols::pop3::server::{
    Answer, Credentials, Entry, Failure, Request, Server, Settings, State,
};
use crosscheck::protocols::pop3::stuffing::Meter;
use crosscheck::protocols::pop3::{Secret, UniqueId};

pub(super) const NAME: &str = "alice";
pub(super) const PASSWORD: &str = "open sesame";

/// Turns of the loop of one input: far more than any test needs.
const TURNS: usize = 1_000_000;

/// What a session asks for is done here.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    /// As stored.
    pub(super) messages: Vec<Vec<u8>>,
    /// Octets that one read gives at most.
    pub(super) read: usize,
    /// Say at the last octet that it is the last, or with a read of nothing.
    pub(super) tells_last: bool,
    /// Fail the next request of this kind.
    pub(super) fails: Fails,
    /// What QUIT has deleted, once it has.
    pub(super) committed: Option<Vec<u32>>,
    /// Names that somebody tried to log in with, password right or wrong.
    pub(super) tried: Vec<Vec<u8>>,
    pub(super) tls_started: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    Nothing,
    Authentication,
    Open,
    InUse,
    /// Reading at this offset and after.
    ReadFrom(u64),
    Commit,
    Tls,
}

impl Outside {
    pub(super) fn new(messages: &[&[u8]]) -> Self {
        Self {
            messages: messages.iter().map(|message| message.to_vec()).collect(),
            read: usize::MAX,
            tells_last: true,
            fails: Fails::Nothing,
            committed: None,
            tried: Vec::new(),
            tls_started: false,
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |(index, message): (usize, &Vec<u8>)| {
            let mut meter = Meter::default();
            meter.update(message);
            Entry {
                octets: meter.octets(),
                unique_id: UniqueId::new(unique_id(index)).unwrap(),
            }
        };
        self.messages.iter().enumerate().map(entry).collect()
    }

    fn knows(credentials: &Credentials) -> bool {
        credentials.name.as_bytes() == NAME.as_bytes()
            && credentials.proof.shows(&Secret::new(PASSWORD).unwrap())
    }

    pub(super) fn answer(&mut self, server: &mut Server, request: Request) -> Answer {
        match request {
            Request::Authenticate(credentials) => {
                self.tried.push(credentials.name.as_bytes().to_vec());
                if self.fails == Fails::Authentication {
                    Answer::Failed(Failure::Temporary)
                } else if Self::knows(&credentials) {
                    Answer::Authenticated
                } else {
                    Answer::Rejected
                }
            }
            Request::OpenMaildrop => match self.fails {
                Fails::Open => Answer::Failed(Failure::Permanent),
                Fails::InUse => Answer::InUse,
                _ => Answer::Opened(self.entries()),
            },
            Request::Read { message, offset } => {
                if matches!(self.fails, Fails::ReadFrom(from) if offset >= from) {
                    return Answer::Failed(Failure::Temporary);
                }
                let stored = &self.messages[message.index()];
                let rest = &stored[usize::try_from(offset).unwrap()..];
                let block = server.block();
                let length = rest.len().min(block.len()).min(self.read);
                block[..length].copy_from_slice(&rest[..length]);
                Answer::Block {
                    length,
                    last: self.tells_last && length == rest.len(),
                }
            }
            Request::Commit { deleted } => {
                if self.fails == Fails::Commit {
                    return Answer::Failed(Failure::Temporary);
                }
                assert_eq!(self.committed, None, "committed twice");
                self.committed = Some(deleted.iter().map(|number| number.get()).collect());
                Answer::Committed
            }
            Request::StartTls => {
                self.tls_started = true;
                match self.fails {
                    Fails::Tls => Answer::Failed(Failure::Temporary),
                    _ => Answer::TlsStarted,
                }
            }
        }
    }
}

pub(super) fn unique_id(index: usize) -> String {
    format!("uid/../{index}")
}

/// A session with its outside; all that comes out is kept.
pub(super) struct Session {
    pub(super) server: Server,
    pub(super) outside: Outside,
    pub(super) output: Vec<u8>,
    pub(super) now: Instant,
    /// Size of the buffer that output is taken with.
    pub(super) buffer: usize,
    /// Most memory that was held.
    pub(super) memory: usize,
}

impl Session {
    pub(super) fn new(settings: Settings, outside: Outside) -> Self {
        let now = Instant::now();
        Self {
            server: Server::new(now, settings),
            outside,
            output: Vec::new(),
            now,
            buffer: 4096,
            memory: 0,
        }
    }

    /// Passwords without TLS, and this mail drop.
    pub(super) fn plain(messages: &[&[u8]]) -> Self {
        Self::new(plaintext(), Outside::new(messages))
    }

    /// Logged in, without what was said until then.
    pub(super) fn logged_in(messages: &[&[u8]]) -> Self {
        let mut session = Self::plain(messages);
        session.log_in();
        session.output.clear();
        session
    }

    pub(super) fn log_in(&mut self) {
        self.feed(format!("USER {NAME}\r\nPASS {PASSWORD}\r\n").as_bytes());
        assert_eq!(self.server.state(), State::Transaction);
    }

    /// Answers requests and takes output until there is neither.
    pub(super) fn turn(&mut self) {
        let mut buffer = vec![0; self.buffer];
        for _ in 0..TURNS {
            let request = self.server.poll_request();
            let asked = request.is_some();
            if let Some(request) = request {
                let answer = self.outside.answer(&mut self.server, request);
                self.server.answer(self.now, answer).unwrap();
            }
            let written = self.server.poll_output(self.now, &mut buffer);
            self.output.extend_from_slice(&buffer[..written]);
            self.memory = self.memory.max(self.server.memory());
            if !asked && written == 0 {
                return;
            }
        }
        panic!("the session never comes to rest");
    }

    /// Gives it all the octets, in one piece as far as it takes them so.
    pub(super) fn feed(&mut self, mut input: &[u8]) {
        self.turn();
        while !input.is_empty() {
            let consumed = self.server.handle_input(self.now, input);
            assert!(consumed <= input.len());
            assert!(consumed > 0, "nothing waits, yet input is not consumed");
            input = &input[consumed..];
            self.turn();
        }
    }

    /// What comes out for these octets.
    pub(super) fn ask(&mut self, input: impl AsRef<[u8]>) -> String {
        let from = self.output.len();
        self.feed(input.as_ref());
        String::from_utf8_lossy(&self.output[from..]).into_owned()
    }

    pub(super) fn eof(&mut self) {
        self.server.handle_eof();
        self.turn();
    }

    pub(super) fn after(&mut self, time: Duration) {
        self.now += time;
        self.server.handle_timeout(self.now);
    }
}

pub(super) fn plaintext() -> Settings {
    Settings {
        plaintext: true,
        ..Settings::default()
    }
}
