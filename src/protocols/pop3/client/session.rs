//! The session: input, output, events and time.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use super::error::{ClientError, LoginError, SendError, Waiting};
use super::event::{Asked, Event};
use super::login::{Login, Next, Plan, View};
use super::numbers::Numbers;
use crate::protocols::framing::{LineReader, Step};
use crate::protocols::pop3::command::COMMAND_LINE;
use crate::protocols::pop3::queue::Queue;
use crate::protocols::pop3::stuffing::Unstuffer;
use crate::protocols::pop3::{
    ApopTimestamp, Capability, ClientLimits, Command, Mechanism, Reply, Secret,
};

/// Events of a listing that may wait.
const EVENTS: usize = 64;

/// One session of a POP3 client.
///
/// No method blocks, reads a clock or panics, whatever the server sends; memory is bounded by the
/// [limits](ClientLimits).
///
/// # The order of calls
/// After [`new`](Self::new), turn in a loop:
///
/// 1. [`poll_event`](Self::poll_event) until it gives nothing. After [`Event::Body`] take what
///    [`body`](Self::body) holds and say so with [`consume_body`](Self::consume_body). After
///    [`Event::Greeting`] begin with [`login`](Self::login) or [`send`](Self::send); send more
///    whenever [`can_send`](Self::can_send). After [`Event::Failed`] stop.
/// 2. [`poll_output`](Self::poll_output): write what it gives, until it gives nothing.
/// 3. [`handle_input`](Self::handle_input) with what has been read and not yet been consumed. If
///    it consumes anything, go on with 1.
/// 4. Now the session waits: until [`poll_timeout`](Self::poll_timeout) at most, for octets of
///    the server. Octets go to 3, the end of its stream to [`handle_eof`](Self::handle_eof) as
///    soon as all before it is consumed, the time to [`handle_timeout`](Self::handle_timeout).
///
/// Before the handshake that [`Event::StartTls`] asks for, offer what has been read already once
/// more to [`handle_input`](Self::handle_input): octets in clear text after the server's consent
/// make the session fail, and must not be given to TLS.
///
/// A message is complete at [`Event::End`] and not before: deliver it then, and send DELE after
/// that. What is marked is deleted when the answer to QUIT is `+OK`.
#[derive(Debug)]
pub struct Client {
    pub(super) limits: ClientLimits,
    pub(super) expecting: Expecting,
    /// Without a complete answer, in order.
    pub(super) open: VecDeque<Asked>,
    pub(super) exchange: Option<Exchange>,
    reader: LineReader,
    unstuffer: Unstuffer,
    /// What of `body` waits for the outside.
    filled: Range<usize>,
    body: Vec<u8>,
    pub(super) output: Queue,
    pub(super) events: VecDeque<Event>,
    /// Last sign of life, or when the wait for one began.
    pub(super) active: Instant,
    pub(super) encrypted: bool,
    pub(super) timestamp: Option<ApopTimestamp>,
    pub(super) capabilities: Option<Vec<Capability>>,
    pub(super) plan: Option<Plan>,
    pub(super) numbers: Numbers,
    /// A password or a token has gone, or waits to go, without TLS.
    gives_away: bool,
}

/// What comes next from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expecting {
    Greeting,
    /// The first line of the answer to the first open command, if there is one.
    Reply,
    /// Further lines of a listing.
    Listing,
    /// A message.
    Message,
    /// Nothing, until TLS has begun.
    Tls,
    /// Nothing any more.
    End,
}

/// AUTH in progress.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    /// Not sent yet.
    pub(super) response: Option<Secret>,
    pub(super) challenges: u32,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The greeting has not come.
    Greeting,
    /// Nothing is open: a command may be sent.
    Idle,
    /// Answers are due.
    Waiting,
    /// TLS has to begin.
    StartingTls,
    /// After QUIT or a failure: close the connection once there are no more events.
    Ended,
}

impl Client {
    /// A session on a connection that was made now; `encrypted` when TLS came first (pop3s).
    #[must_use]
    pub fn new(now: Instant, limits: ClientLimits, encrypted: bool) -> Self {
        Self {
            expecting: Expecting::Greeting,
            open: VecDeque::new(),
            exchange: None,
            reader: LineReader::new(limits.line),
            unstuffer: Unstuffer::default(),
            filled: 0..0,
            body: Vec::new(),
            output: Queue::default(),
            events: VecDeque::new(),
            active: now,
            encrypted,
            timestamp: None,
            capabilities: None,
            plan: None,
            numbers: Numbers::default(),
            gives_away: false,
            limits,
        }
    }

    /// Takes octets from the server; gives how many it has consumed.
    ///
    /// Less than there were: poll events and take the body first, then offer the rest again.
    /// After the end all is consumed and nothing heeded.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        let mut consumed = 0;
        while consumed < input.len() {
            let rest = &input[consumed..];
            let taken = match self.expecting {
                Expecting::End => return input.len(),
                Expecting::Tls => {
                    self.fail(ClientError::InjectedPlaintext);
                    return input.len();
                }
                Expecting::Listing if self.events.len() < EVENTS => self.take_line(now, rest),
                Expecting::Listing => 0,
                // What came before has to be seen first.
                _ if !self.events.is_empty() => 0,
                Expecting::Reply if self.open.is_empty() => {
                    self.fail(ClientError::Unsolicited);
                    return input.len();
                }
                Expecting::Greeting | Expecting::Reply => self.take_line(now, rest),
                Expecting::Message => self.take_message(now, rest),
            };
            if taken == 0 {
                break;
            }
            consumed += taken;
        }
        consumed
    }

    fn take_line(&mut self, now: Instant, input: &[u8]) -> usize {
        let (taken, step) = self.reader.feed(input);
        match step {
            Step::Line => {
                self.active = self.active.max(now);
                self.line();
            }
            Step::TooLong => self.fail(ClientError::LineTooLong(self.limits.line)),
            Step::Partial | Step::Dropped(_) => {}
        }
        taken
    }

    fn take_message(&mut self, now: Instant, input: &[u8]) -> usize {
        if self.body.is_empty() {
            self.body = vec![0; self.limits.body.max(1)];
        }
        let moved = self
            .unstuffer
            .decode(input, &mut self.body[self.filled.end..]);
        self.filled.end += moved.written;
        if moved.read > 0 {
            self.active = self.active.max(now);
        }
        if self.unstuffer.octets() > self.limits.message {
            self.fail(ClientError::MessageTooLong(self.limits.message));
        } else if self.unstuffer.is_ended() {
            let octets = self.unstuffer.octets();
            self.unstuffer = Unstuffer::default();
            self.complete(octets);
        }
        moved.read
    }

    /// The server will send nothing more. To be called when all its octets are consumed.
    pub fn handle_eof(&mut self) {
        if self.expecting != Expecting::End {
            self.fail(ClientError::Closed(self.waiting()));
        }
    }

    /// It is `now`: the session fails if its deadline has passed. Offer octets that have come to
    /// [`handle_input`](Self::handle_input) first.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.fail(ClientError::Timeout(self.waiting()));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called at the latest; nothing while
    /// nothing is due from the server.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state() {
            State::Greeting | State::Waiting => self.active.checked_add(self.limits.reply),
            State::Idle | State::StartingTls | State::Ended => None,
        }
    }

    /// Writes commands that wait into the buffer; gives the octets written. 0: nothing waits.
    pub fn poll_output(&mut self, buffer: &mut [u8]) -> usize {
        self.output.take(buffer)
    }

    /// What has come from the server, in its order.
    pub fn poll_event(&mut self) -> Option<Event> {
        if !self.filled.is_empty() {
            return Some(Event::Body);
        }
        self.events.pop_front()
    }

    /// Octets of the message that is being read.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body[self.filled.clone()]
    }

    /// So many octets of [`body`](Self::body) are done with.
    pub fn consume_body(&mut self, octets: usize) {
        self.filled.start += octets.min(self.filled.len());
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
    }

    /// Sends a command, which waits as output.
    ///
    /// # Errors
    /// When it is not the time for it, or its line would be too long. Nothing was sent then.
    pub fn send(&mut self, now: Instant, command: &Command) -> Result<(), SendError> {
        if !self.can_send(command) {
            return Err(SendError::NotNow);
        }
        self.push(now, command)
    }

    /// Whether this command may be sent now.
    ///
    /// Nothing may be sent before the greeting, during a login, and after STLS, AUTH or QUIT until
    /// the answer is there. More than one command may be open only where the server says PIPELINING,
    /// and STLS and AUTH have to be alone.
    #[must_use]
    pub fn can_send(&self, command: &Command) -> bool {
        let begins = matches!(command, Command::Stls | Command::Auth { .. });
        let barred = matches!(
            self.open.back(),
            Some(Asked::Stls | Asked::Auth | Asked::Quit)
        );
        let pipelining = self.has(&Capability::Pipelining);
        let most = match pipelining && !begins {
            true => self.limits.pipeline.max(1),
            false => 1,
        };
        let ready = !matches!(
            self.expecting,
            Expecting::Greeting | Expecting::Tls | Expecting::End
        );
        ready && self.plan.is_none() && !barred && self.open.len() < most
    }

    /// Logs in: CAPA, then STLS as the policy has it, then the best way that the server offers. Ends
    /// with [`Event::LoggedIn`] or [`Event::LoginFailed`]; the replies on the way are events too.
    ///
    /// # Errors
    /// When it is not the time for it: after the greeting, with nothing open.
    pub fn login(&mut self, now: Instant, login: Login) -> Result<(), SendError> {
        if self.state() != State::Idle || self.plan.is_some() {
            return Err(SendError::NotNow);
        }
        let mut plan = Plan::new(login);
        let next = plan.begin();
        self.plan = Some(plan);
        self.proceed(now, next);
        Ok(())
    }

    /// TLS, which [`Event::StartTls`] asked for, has begun.
    pub fn tls_started(&mut self, now: Instant) {
        if self.expecting != Expecting::Tls {
            return;
        }
        self.encrypted = true;
        self.expecting = Expecting::Reply;
        self.reader.clear();
        self.active = self.active.max(now);
        if let Some(plan) = &mut self.plan {
            let next = plan.begin();
            self.proceed(now, next);
        }
    }

    /// Where the session stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.expecting {
            Expecting::Greeting => State::Greeting,
            Expecting::Tls => State::StartingTls,
            Expecting::End => State::Ended,
            _ if self.open.is_empty() => State::Idle,
            _ => State::Waiting,
        }
    }

    /// Whether the line is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether a password or a token was sent, or waits as output, on a line that is not encrypted:
    /// whoever listens there can log in with it. What APOP sends does not count.
    #[must_use]
    pub const fn gives_secret_away(&self) -> bool {
        self.gives_away
    }

    /// What the server can do, as its last answer to CAPA on this line said; nothing if it was not
    /// asked or does not know.
    #[must_use]
    pub fn capabilities(&self) -> Option<&[Capability]> {
        self.capabilities.as_deref()
    }

    /// Whether the server said that it can do this.
    #[must_use]
    pub fn has(&self, capability: &Capability) -> bool {
        self.capabilities()
            .is_some_and(|all| all.contains(capability))
    }

    /// Bytes of memory held in buffers.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.reader.memory()
            + self.output.memory()
            + self.body.capacity()
            + self.numbers.memory()
            + self.events.capacity() * size_of::<Event>()
    }

    /// Does what the login wants next.
    pub(super) fn proceed(&mut self, now: Instant, next: Next) {
        let sent = match next {
            Next::AwaitTls => return,
            Next::Send(command) => self.push(now, &command),
            Next::Authenticate(mechanism, response) => self.authenticate(now, mechanism, response),
            Next::Done => {
                self.plan = None;
                self.events.push_back(Event::LoggedIn);
                return;
            }
            Next::Fail(error) => {
                self.plan = None;
                self.events.push_back(Event::LoginFailed(error));
                return;
            }
        };
        if let Err(error) = sent {
            self.plan = None;
            let error = LoginError::DoesNotFit(error);
            self.events.push_back(Event::LoginFailed(error));
        }
    }

    /// AUTH with its response on the same line if it fits there, else on the next.
    fn authenticate(
        &mut self,
        now: Instant,
        mechanism: Mechanism,
        response: Secret,
    ) -> Result<(), SendError> {
        let mut command = Command::Auth {
            mechanism: mechanism.clone(),
            initial: Some(response.clone()),
        };
        let room = COMMAND_LINE - "AUTH  \r\n".len() - mechanism.as_str().len();
        let mut later = None;
        if response.as_bytes().len() > room
            && let Command::Auth { initial, .. } = &mut command
        {
            *initial = None;
            later = Some(response);
        }
        self.push(now, &command)?;
        self.exchange = Some(Exchange {
            mechanism,
            response: later,
            challenges: 0,
        });
        Ok(())
    }

    fn push(&mut self, now: Instant, command: &Command) -> Result<(), SendError> {
        if let Command::Apop { name, .. } = command
            && name.as_bytes().contains(&b' ')
        {
            return Err(SendError::SpaceInName);
        }
        // One allocation, so that no copies of a password stay behind.
        let mut line = zeroize::Zeroizing::new(Vec::with_capacity(2 * COMMAND_LINE));
        command.encode(&mut line);
        if line.len() > COMMAND_LINE {
            return Err(SendError::TooLong);
        }
        if self.open.is_empty() {
            self.active = self.active.max(now);
        }
        if let Command::Auth { mechanism, .. } = command {
            self.exchange = Some(Exchange {
                mechanism: mechanism.clone(),
                response: None,
                challenges: 0,
            });
        }
        let secret = matches!(command, Command::Pass(_) | Command::Auth { .. });
        self.gives_away |= secret && !self.encrypted;
        self.output.push(&line);
        self.open.push_back(Asked::from(command));
        Ok(())
    }

    /// The line in the reader is there to be heeded.
    fn line(&mut self) {
        let mut reader = std::mem::replace(&mut self.reader, LineReader::new(self.limits.line));
        match self.expecting {
            Expecting::Greeting => {
                self.greeting(reader.line());
                // What is no greeting is that before it is anything else.
                if self.expecting != Expecting::End && !reader.ended_in_crlf() {
                    self.events.clear();
                    self.fail(ClientError::BareLineFeed);
                }
            }
            _ if !reader.ended_in_crlf() => self.fail(ClientError::BareLineFeed),
            Expecting::Reply => self.reply(reader.line()),
            Expecting::Listing => self.listed(reader.line()),
            // No line is read there.
            Expecting::Message | Expecting::Tls | Expecting::End => {}
        }
        reader.clear();
        self.reader = reader;
    }

    /// The plan goes on after an answer.
    pub(super) fn answered(&mut self, outcome: Result<(), &Reply>) {
        if let Some(mut plan) = self.plan.take() {
            let view = View {
                encrypted: self.encrypted,
                capabilities: self.capabilities.as_deref(),
                timestamp: self.timestamp.as_ref(),
            };
            let next = plan.answered(outcome, &view);
            self.plan = Some(plan);
            self.proceed(self.active, next);
        }
    }

    pub(super) fn fail(&mut self, error: ClientError) {
        self.expecting = Expecting::End;
        self.open.clear();
        self.plan = None;
        self.exchange = None;
        self.filled = 0..0;
        self.output.clear();
        self.events.push_back(Event::Failed(error));
    }

    fn waiting(&self) -> Waiting {
        match (self.expecting, self.open.front()) {
            (Expecting::Greeting, _) => Waiting::Greeting,
            (Expecting::Tls, _) => Waiting::Tls,
            (Expecting::Listing | Expecting::Message, Some(asked)) => Waiting::Rest(*asked),
            (_, Some(asked)) => Waiting::Reply(*asked),
            (_, None) => Waiting::Command,
        }
    }
}
