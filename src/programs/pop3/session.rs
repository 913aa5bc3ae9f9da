//! The client's side of a connection: from an account to an open mail drop, event by event.

use std::fmt;
use std::time::{Duration, Instant};

use super::url::Pop3Url;
use crate::programs::net::exit::{EndsProgram, Exit};
use crate::programs::net::{ClientTls, ConnectError, Core, Link, Shutdown, StreamError, Turn};
use crate::protocols::pop3::client::{
    Client, ClientError, Credential, Event, Login, LoginError, SendError, State, TlsPolicy, Way,
};
use crate::protocols::pop3::{ClientLimits, Command, Reply, ResponseCode, Secret};

/// How long a connection and its handshake of TLS may take, each.
const CONNECT: Duration = Duration::from_secs(30);

/// The buffers of a session, in bytes, each way.
const BUFFERS: usize = 64 * 1024;

/// Who fetches, and how they get in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who and where.
    pub url: Pop3Url,
    /// The password.
    pub password: Secret,
    /// Whether a connection that begins without TLS becomes TLS by STLS.
    pub stls: TlsPolicy,
    /// How to log in; `None`: whichever way the server takes.
    pub way: Option<Way>,
    /// Whom to trust, where TLS is possible.
    pub tls: Option<ClientTls>,
    /// What bounds a session.
    pub limits: ClientLimits,
}

/// Who said something, see [`Session::listen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The server.
    Server,
    /// We.
    Client,
}

type Listener<'a> = Box<dyn FnMut(Speaker, &[u8]) + 'a>;

/// A connection to a POP3 server.
pub struct Session<'a> {
    core: Spoken<'a>,
    link: Link<'a>,
    account: &'a Account,
    /// It was said that the password goes in clear text.
    warned: bool,
}

/// The protocol, and who listens to it.
struct Spoken<'a> {
    client: Client,
    listener: Option<Listener<'a>>,
}

impl Core for Spoken<'_> {
    // It asks, and its questions do not wait for what it makes of earlier answers.
    const ANSWERS: bool = false;

    fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        let taken = self.client.handle_input(now, input);
        if let Some(listener) = &mut self.listener {
            listener(Speaker::Server, &input[..taken]);
        }
        taken
    }

    fn handle_eof(&mut self, _: Instant) {
        self.client.handle_eof();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn poll_output(&mut self, _: Instant, output: &mut [u8]) -> usize {
        let written = self.client.poll_output(output);
        if let Some(listener) = &mut self.listener {
            listener(Speaker::Client, &output[..written]);
        }
        written
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client", &self.core.client)
            .finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// Connects, with TLS where the URL says so. Blocks.
    ///
    /// # Errors
    /// When there is no connection, or TLS does not come about.
    pub fn connect(account: &'a Account, shutdown: &'a Shutdown) -> Result<Self, SessionError> {
        let mut stream = account.url.address.connect(CONNECT)?;
        if account.url.tls {
            let deadline = Instant::now() + CONNECT;
            let tls = account
                .tls
                .as_ref()
                .ok_or_else(|| fault(account, Fault::NoTls))?;
            stream
                .connect_tls(tls, account.url.address.host(), deadline)
                .map_err(|error| fault(account, error.into()))?;
        }
        let client = Client::new(Instant::now(), account.limits, account.url.tls);
        Ok(Self {
            core: Spoken {
                client,
                listener: None,
            },
            link: Link::new(stream, BUFFERS, account.limits.reply, Some(shutdown)),
            account,
            warned: false,
        })
    }

    /// From now on `listener` gets every byte of the conversation, in clear text: passwords too.
    pub fn listen(&mut self, listener: impl FnMut(Speaker, &[u8]) + 'a) {
        self.core.listener = Some(Box::new(listener));
    }

    /// The protocol.
    pub fn client(&mut self) -> &mut Client {
        &mut self.core.client
    }

    /// The next thing that comes from the server; TLS begins by itself where it was asked for. After
    /// [`Event::Body`] the body has to be consumed. Blocks.
    ///
    /// # Errors
    /// When the session has failed, or the program is to end.
    pub fn event(&mut self) -> Result<Event, SessionError> {
        loop {
            match self.core.client.poll_event() {
                // Something came in clear text behind the consent: the failure is the next event.
                Some(Event::StartTls) if self.core.client.state() == State::Ended => {}
                Some(Event::StartTls) => self.start_tls()?,
                Some(Event::Failed(error)) => return Err(self.fault(error.into())),
                Some(event) => return Ok(event),
                None if self.core.client.state() == State::Ended => {
                    return Err(self.fault(Fault::Ended));
                }
                None => {
                    self.warn_of_clear_text();
                    match self.link.turn(&mut self.core) {
                        Ok(Turn::Moved) => {}
                        Ok(Turn::Shutdown) => return Err(self.fault(Fault::Interrupted)),
                        Err(error) => return Err(self.fault(error.into())),
                    }
                }
            }
        }
    }

    /// Before a password leaves this machine without TLS, once.
    fn warn_of_clear_text(&mut self) {
        let leaves = !self.link.stream().peer().ip().to_canonical().is_loopback();
        if leaves && !self.warned && self.core.client.gives_secret_away() {
            self.warned = true;
            tracing::warn!(
                "the password goes to {} in clear text, for everybody on the way to read; use \
                 pop3s:// or --stls",
                self.account.url.address
            );
        }
    }

    fn start_tls(&mut self) -> Result<(), SessionError> {
        let account = self.account;
        let begin = |session: &mut Self| {
            let tls = account.tls.as_ref().ok_or(Fault::NoTls)?;
            session.link.flush(&mut session.core)?;
            let deadline = Instant::now() + CONNECT;
            session
                .link
                .connect_tls(tls, account.url.address.host(), deadline)?;
            Ok(())
        };
        begin(self).map_err(|error: Fault| self.fault(error))?;
        self.core.client.tls_started(Instant::now());
        Ok(())
    }

    /// Sends a command, whose answer comes by [`Session::event`].
    ///
    /// # Errors
    /// When it cannot be sent now, or not on one line.
    pub fn send(&mut self, command: &Command) -> Result<(), SessionError> {
        // A server that has agreed to STLS waits for TLS and for nothing else.
        while self.core.client.state() == State::StartingTls {
            match self.core.client.poll_event() {
                Some(Event::StartTls) => self.start_tls()?,
                Some(Event::Failed(error)) => return Err(self.fault(error.into())),
                Some(_) => {}
                None => break,
            }
        }
        self.core
            .client
            .send(Instant::now(), command)
            .map_err(|error| self.fault(error.into()))
    }

    /// Reads the greeting. Blocks.
    ///
    /// # Errors
    /// When there is none.
    pub fn greeting(&mut self) -> Result<(), SessionError> {
        loop {
            if let Event::Greeting(_) = self.event()? {
                return Ok(());
            }
        }
    }

    /// Reads the greeting and logs in. Blocks.
    ///
    /// # Errors
    /// When the server does not let us in, or not safely.
    pub fn log_in(&mut self) -> Result<(), SessionError> {
        self.greeting()?;
        let login = Login {
            name: self.account.url.user.clone(),
            credential: Credential::Password(self.account.password.clone()),
            tls: self.account.stls,
            way: self.account.way,
        };
        self.core
            .client
            .login(Instant::now(), login)
            .map_err(|error| self.fault(error.into()))?;
        loop {
            match self.event()? {
                Event::LoggedIn => return Ok(()),
                Event::LoginFailed(error) => {
                    // So that the server need not wait for us; how it answers changes nothing.
                    let _ = self.quit();
                    return Err(self.fault(error.into()));
                }
                _ => {}
            }
        }
    }

    /// Says good-bye, upon which the server deletes what is marked; its answer. Blocks.
    ///
    /// # Errors
    /// When no answer comes: then nobody knows whether it has deleted.
    pub fn quit(&mut self) -> Result<Reply, SessionError> {
        self.send(&Command::Quit)?;
        loop {
            if let Event::Reply {
                to: crate::protocols::pop3::client::Asked::Quit,
                reply,
            } = self.event()?
            {
                return Ok(reply);
            }
        }
    }

    /// An error of this session.
    #[must_use]
    pub fn fault(&self, fault: Fault) -> SessionError {
        self::fault(self.account, fault)
    }
}

fn fault(account: &Account, fault: Fault) -> SessionError {
    SessionError::Session {
        server: account.url.address.to_string(),
        fault,
    }
}

/// Why a session ends.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It has failed.
    #[error("{server}: {fault}")]
    Session {
        /// With whom.
        server: String,
        /// Why.
        fault: Fault,
    },
}

/// Why a session with a server ends.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The server breaks the protocol, or is silent.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The connection has failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The server does not let us in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// A command cannot be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The server refuses a command.
    #[error("{command} was refused: {reply}")]
    Refused {
        /// Which.
        command: String,
        /// With which words.
        reply: Reply,
    },
    /// The server answers something else than what was asked.
    #[error(
        "the answers of the server are out of step with what it is asked; a message whose first line \
         is a dot does that to some servers. Nothing was deleted: run it again"
    )]
    OutOfStep,
    /// TLS is wanted and was not set up.
    #[error("TLS is wanted, but there is nobody to trust")]
    NoTls,
    /// The session is over.
    #[error("the session is over")]
    Ended,
    /// The program is to end.
    #[error("interrupted; what is complete was delivered, run it again for the rest")]
    Interrupted,
}

impl EndsProgram for SessionError {
    fn exit(&self) -> Exit {
        match self {
            Self::Connect(_) => Exit::Unavailable,
            Self::Session { fault, .. } => fault.exit(),
        }
    }
}

impl Fault {
    fn exit(&self) -> Exit {
        match self {
            Self::Interrupted => Exit::Interrupted,
            Self::Client(ClientError::Refused(reply)) => match code_exit(reply) {
                Some(Exit::Later) => Exit::Later,
                _ => Exit::Peer,
            },
            Self::Login(LoginError::Refused(reply)) => code_exit(reply).unwrap_or(Exit::Denied),
            Self::Refused { command, reply } => match command.as_str() {
                "USER" | "PASS" => code_exit(reply).unwrap_or(Exit::Denied),
                _ => code_exit(reply).unwrap_or(Exit::Peer),
            },
            _ => Exit::Peer,
        }
    }
}

/// What the code of a refusal says about trying again.
fn code_exit(reply: &Reply) -> Option<Exit> {
    Some(match reply.code? {
        ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp => Exit::Later,
        ResponseCode::Auth => Exit::Denied,
        ResponseCode::SysPerm => Exit::Peer,
    })
}
