//! The session: input, output, requests and time.

use std::fmt;
use std::time::Instant;

use super::authorization::Authorization;
use super::clock::{Clock, Waits};
use super::output::Output;
use super::request::{Answer, Failure, Request, Unexpected};
use super::settings::{Settings, Tls};
use super::transaction::{Stream, Transaction};
use crate::protocols::framing::{LineReader, Step};
use crate::protocols::pop3::command::Command;
use crate::protocols::pop3::reply::{ResponseCode, Status};

/// One session of a POP3 server.
///
/// No method blocks, reads a clock or panics, whatever the peer sends; memory is bounded by the
/// [limits](crate::protocols::pop3::ServerLimits), but for the list of messages that
/// [`Answer::Opened`] hands over.
///
/// # The order of calls
/// After [`new`](Self::new), turn in a loop until [`state`](Self::state) is [`State::Closed`], and
/// then close the connection, give the lock of the mail drop back, and drop the session:
///
/// 1. [`poll_request`](Self::poll_request): do what is asked, then [`answer`](Self::answer).
/// 2. [`poll_output`](Self::poll_output): write what it gives. Both again until neither gives
///    anything. It pays to fill a large buffer before it is written.
/// 3. [`handle_input`](Self::handle_input) with what has been read and not yet been consumed.
///    If it consumes anything, go on with 1.
/// 4. Now the session waits: until [`poll_timeout`](Self::poll_timeout) at most, for more octets
///    from the peer, or for room to write. Octets go to 3, the end of the peer's stream to
///    [`handle_eof`](Self::handle_eof) as soon as all before it is consumed, the time to
///    [`handle_timeout`](Self::handle_timeout). Do not read while octets wait to be consumed:
///    that is the back-pressure.
///
/// `now` never goes back; where it does, it stands still.
///
/// ```
/// use std::time::Instant;
/// use crosscheck::protocols::pop3::server::{Server, Settings};
///
/// let now = Instant::now();
/// let mut server = Server::new(now, Settings::default());
/// let mut buffer = [0; 1024];
/// let length = server.poll_output(now, &mut buffer);
/// assert!(buffer[..length].starts_with(b"+OK "));
/// assert_eq!(server.handle_input(now, b"QUIT\r\n"), 6);
/// let length = server.poll_output(now, &mut buffer);
/// assert_eq!(&buffer[..length], b"+OK bye\r\n");
/// ```
#[derive(Debug)]
pub struct Server {
    pub(super) settings: Settings,
    pub(super) phase: Phase,
    /// Asked and not yet polled.
    request: Option<Request>,
    pub(super) awaiting: Awaiting,
    pub(super) reader: LineReader,
    pub(super) output: Output,
    pub(super) clock: Clock,
    pub(super) encrypted: bool,
    /// Bad commands one after the other.
    pub(super) bad: u32,
    /// Refused logins.
    pub(super) refused: u32,
    /// The peer will send nothing more.
    peer_done: bool,
}

#[derive(Debug)]
pub(super) enum Phase {
    Authorization(Authorization),
    Transaction(Transaction),
    /// After QUIT; the outside deletes.
    Update,
    /// No command is read any more; what waits is still given out.
    Over(End),
}

/// What the outside has been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaiting {
    Nothing,
    Authentication {
        /// Not: the password of one to act as another.
        oneself: bool,
    },
    Maildrop,
    Block,
    Commit,
    Tls,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Before the login.
    Authorization,
    /// After the login.
    Transaction,
    /// After QUIT: the outside deletes what was marked.
    Update,
    /// The last reply waits to be taken.
    Closing,
    /// Close the connection.
    Closed,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// By QUIT; what was marked is deleted.
    Quit,
    /// By QUIT, but not everything that was marked could be deleted.
    CommitFailed,
    /// The peer stopped sending without QUIT: nothing is deleted.
    PeerDone,
    /// No login in time.
    LoginTimeout,
    /// No command in time.
    Idle,
    /// The peer did not take what was sent to it.
    WriteStall,
    /// Too many bad commands one after the other.
    BadCommands,
    /// Too many refused logins.
    RefusedLogins,
    /// A line without an end.
    EndlessLine,
    /// A message was not what was announced, and part of it was out already.
    MessageChanged,
    /// A message could not be read any more, and part of it was out already.
    MessageUnreadable,
    /// TLS did not come about.
    TlsFailed,
}

impl Server {
    /// A session for a connection that came now. The greeting waits.
    #[must_use]
    pub fn new(now: Instant, settings: Settings) -> Self {
        let mut output = Output::default();
        match &settings.apop {
            Some(timestamp) => {
                let text = format_args!("POP3 server ready {}", timestamp.as_str());
                output.status(Status::Ok, None, text);
            }
            None => output.status(Status::Ok, None, "POP3 server ready"),
        }
        Self {
            phase: Phase::Authorization(Authorization::default()),
            request: None,
            awaiting: Awaiting::Nothing,
            reader: LineReader::new(settings.limits.command_line),
            output,
            clock: Clock::new(now),
            encrypted: settings.tls == Tls::Implicit,
            bad: 0,
            refused: 0,
            peer_done: false,
            settings,
        }
    }

    /// Takes octets from the peer; gives how many it has consumed.
    ///
    /// Less than there were: back-pressure. Offer the rest again after output was taken or a
    /// request answered. After the end, and between STLS and TLS, all is consumed and nothing
    /// heeded.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        let mut consumed = 0;
        while consumed < input.len() {
            if matches!(self.phase, Phase::Over(_)) || self.awaiting == Awaiting::Tls {
                return input.len();
            }
            if !self.reads() {
                break;
            }
            let quiet = !self.waits().for_reader;
            let (taken, step) = self.reader.feed(&input[consumed..]);
            consumed += taken;
            match step {
                Step::Line => {
                    self.clock.active(now);
                    self.line();
                }
                Step::TooLong => {
                    self.end_exchange();
                    self.bad("the line is too long");
                }
                Step::Dropped(octets) => self.dropped(octets),
                Step::Partial => self.dropped(self.reader.dropped()),
            }
            if quiet {
                self.clock.begins_to_wait(now);
            }
        }
        consumed
    }

    /// The peer will send nothing more. To be called when all its octets are consumed.
    ///
    /// What is in progress is finished; without QUIT nothing is deleted.
    pub fn handle_eof(&mut self) {
        self.peer_done = true;
        self.leave_if_alone();
    }

    /// It is `now`: closes the session if its deadline has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, end)) = self.deadline().filter(|(at, _)| *at <= now) {
            self.close(end);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline().map(|(at, _)| at)
    }

    /// Writes what waits for the peer into the buffer; gives the octets written.
    ///
    /// 0: nothing waits, or it waits for a request to be answered.
    pub fn poll_output(&mut self, now: Instant, buffer: &mut [u8]) -> usize {
        let written = self.write_stream(now, buffer);
        self.leave_if_alone();
        written
    }

    /// What the outside has to do now, if anything. Gives every request once.
    pub fn poll_request(&mut self) -> Option<Request> {
        if self.awaiting == Awaiting::Tls && !self.output.queue.is_empty() {
            return None;
        }
        self.request.take()
    }

    /// Where to read the block of a message into, while [`Request::Read`] is open; else empty.
    pub fn block(&mut self) -> &mut [u8] {
        match (&mut self.phase, self.awaiting) {
            (Phase::Transaction(transaction), Awaiting::Block) => &mut transaction.block,
            _ => &mut [],
        }
    }

    /// The answer to the request that is open.
    ///
    /// # Errors
    /// When none is open, or it is of another kind: after the session was closed by a deadline, for
    /// instance. Nothing changes then.
    pub fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Unexpected> {
        if self.request.is_some() {
            return Err(Unexpected);
        }
        let quiet = !self.waits().for_reader;
        match (self.awaiting, answer) {
            (Awaiting::Authentication { oneself }, Answer::Authenticated) => {
                self.awaiting = Awaiting::Nothing;
                self.authenticated(oneself);
            }
            (Awaiting::Authentication { .. }, Answer::Rejected) => {
                self.awaiting = Awaiting::Nothing;
                self.rejected();
            }
            (Awaiting::Authentication { .. }, Answer::Failed(failure)) => {
                self.awaiting = Awaiting::Nothing;
                self.fail(failure, "the login cannot be checked");
            }
            (Awaiting::Maildrop, Answer::Opened(entries)) => {
                self.awaiting = Awaiting::Nothing;
                self.opened(entries);
            }
            (Awaiting::Maildrop, Answer::InUse) => {
                self.awaiting = Awaiting::Nothing;
                self.not_opened(None);
            }
            (Awaiting::Maildrop, Answer::Failed(failure)) => {
                self.awaiting = Awaiting::Nothing;
                self.not_opened(Some(failure));
            }
            (Awaiting::Block, Answer::Block { length, last }) if length <= self.block().len() => {
                self.awaiting = Awaiting::Nothing;
                self.block_read(length, last);
            }
            (Awaiting::Block, Answer::Failed(failure)) => {
                self.awaiting = Awaiting::Nothing;
                self.block_failed(failure);
            }
            (Awaiting::Commit, Answer::Committed) => {
                self.awaiting = Awaiting::Nothing;
                self.committed(Ok(()));
            }
            (Awaiting::Commit, Answer::Failed(failure)) => {
                self.awaiting = Awaiting::Nothing;
                self.committed(Err(failure));
            }
            (Awaiting::Tls, Answer::TlsStarted) => {
                self.awaiting = Awaiting::Nothing;
                self.tls_started();
            }
            (Awaiting::Tls, Answer::Failed(_)) => self.close(End::TlsFailed),
            _ => return Err(Unexpected),
        }
        self.clock.active(now);
        if quiet {
            self.clock.begins_to_wait(now);
        }
        self.leave_if_alone();
        Ok(())
    }

    /// Where the session stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Authorization(_) => State::Authorization,
            Phase::Transaction(_) => State::Transaction,
            Phase::Update => State::Update,
            Phase::Over(_) if self.output.queue.is_empty() => State::Closed,
            Phase::Over(_) => State::Closing,
        }
    }

    /// Why the session ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match &self.phase {
            Phase::Over(end) => Some(*end),
            Phase::Authorization(_) | Phase::Transaction(_) | Phase::Update => None,
        }
    }

    /// Whether the line is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Bytes of memory held in buffers: all but the list of messages.
    #[must_use]
    pub fn memory(&self) -> usize {
        let block = match &self.phase {
            Phase::Transaction(transaction) => transaction.block.capacity(),
            _ => 0,
        };
        self.reader.memory() + self.output.memory() + block
    }

    /// So many octets of a line that is too long were dropped.
    fn dropped(&mut self, octets: u64) {
        if octets > self.settings.limits.dropped {
            self.conclude(End::EndlessLine);
        }
    }

    /// The line in the reader is there to be heeded.
    fn line(&mut self) {
        let exchange = self.end_exchange();
        if exchange {
            let line = zeroize::Zeroizing::new(self.reader.line().to_vec());
            self.reader.clear();
            return self.plain_response(&line);
        }
        let command = Command::parse(self.reader.line());
        self.reader.clear();
        match (command, &self.phase) {
            (Err(error), _) => self.bad(error),
            (Ok(command), Phase::Authorization(_)) => self.in_authorization(command),
            (Ok(command), Phase::Transaction(_)) => self.in_transaction(command),
            // No line is read there.
            (Ok(_), Phase::Update | Phase::Over(_)) => {}
        }
    }

    /// Whether the next line may be read: nothing that came before it is still in progress.
    fn reads(&self) -> bool {
        let streams = matches!(
            &self.phase,
            Phase::Transaction(Transaction {
                stream: Stream::Listing { .. } | Stream::Message(_),
                ..
            })
        );
        self.awaiting == Awaiting::Nothing
            && !streams
            && self.output.queue.len() < self.settings.limits.output.max(1)
    }

    fn waits(&self) -> Waits {
        let streams = match &self.phase {
            Phase::Transaction(transaction) => !matches!(transaction.stream, Stream::Nothing),
            _ => false,
        };
        let for_reader =
            !self.output.queue.is_empty() || (streams && self.awaiting == Awaiting::Nothing);
        Waits {
            for_login: matches!(self.phase, Phase::Authorization(_)),
            for_reader,
            for_command: matches!(self.phase, Phase::Transaction(_))
                && !for_reader
                && self.awaiting == Awaiting::Nothing,
        }
    }

    fn deadline(&self) -> Option<(Instant, End)> {
        self.clock.next(self.waits(), &self.settings.limits)
    }

    /// The peer is done and so are we.
    fn leave_if_alone(&mut self) {
        let waits = self.waits();
        let idle = !waits.for_reader && self.awaiting == Awaiting::Nothing;
        if self.peer_done && idle && !matches!(self.phase, Phase::Over(_)) {
            self.close(End::PeerDone);
        }
    }

    pub(super) fn ask(&mut self, request: Request, awaiting: Awaiting) {
        self.request = Some(request);
        self.awaiting = awaiting;
    }

    pub(super) fn ok(&mut self, text: impl fmt::Display) {
        self.bad = 0;
        self.output.status(Status::Ok, None, text);
    }

    pub(super) fn err(&mut self, code: Option<ResponseCode>, text: impl fmt::Display) {
        self.output.status(Status::Err, code, text);
    }

    pub(super) fn fail(&mut self, failure: Failure, text: &str) {
        let code = match failure {
            Failure::Temporary => ResponseCode::SysTemp,
            Failure::Permanent => ResponseCode::SysPerm,
        };
        self.err(Some(code), text);
    }

    /// `-ERR` to what is no command here; the last of too many closes.
    pub(super) fn bad(&mut self, text: impl fmt::Display) {
        self.bad += 1;
        if self.bad < self.settings.limits.bad_commands {
            return self.err(None, text);
        }
        self.err(None, format_args!("{text}; too many bad commands"));
        self.conclude(End::BadCommands);
    }

    /// No command is read any more; what waits still goes out.
    pub(super) fn conclude(&mut self, end: End) {
        if self.end().is_none() {
            self.phase = Phase::Over(end);
        }
        self.request = None;
        self.awaiting = Awaiting::Nothing;
        self.reader.clear();
    }

    /// At once; what waits is dropped.
    pub(super) fn close(&mut self, end: End) {
        self.conclude(end);
        self.output.queue.clear();
    }
}
