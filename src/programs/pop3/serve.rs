//! The POP3 server: sessions of the protocol over connections, users and mail drops.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::maildrop::{Maildrop, OpenError, Store};
use super::users::{UserName, Users};
use crate::programs::net::{
    Core, Failure, Link, Listener, ServerTls, Service, StreamError, Turn, Visit,
};
use crate::protocols::pop3::server::{
    Answer, Failure as Trouble, Request, Server, Settings, State, Tls,
};
use crate::protocols::pop3::{ApopTimestamp, Number, ServerLimits};

/// The buffers of a session, in bytes, each way.
const BUFFERS: usize = 64 * 1024;

/// How long a client may take for a handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// How long a client may take to close its side, when we have said good-bye.
const LINGER: Duration = Duration::from_secs(2);

/// What a server serves.
#[derive(Debug)]
pub struct Mail {
    /// The mail drops.
    pub store: Store,
    /// Who may log in.
    pub users: Users,
    /// With it STLS is offered, and doors can begin with TLS.
    pub tls: Option<ServerTls>,
    /// Of the listener's addresses, from this one on connections begin with TLS.
    pub implicit_from: usize,
    /// Whether passwords are taken on connections without TLS.
    pub plaintext: bool,
    /// What bounds a session.
    pub limits: ServerLimits,
}

/// Serves mail until the program is to end. Blocks.
///
/// # Errors
/// When the sockets do not listen any more.
pub fn serve(listener: &Listener, service: &Service<'_>, mail: &Mail) -> Result<(), Failure> {
    let served = listener
        .serve(service, |visit| mail.receive(visit))
        .map_err(|error| Failure::usage(format_args!("cannot accept clients: {error}")))?;
    tracing::info!("served {} clients", served.clients);
    Ok(())
}

impl Mail {
    fn receive(&self, visit: Visit<'_>) {
        let peer = visit.stream.peer();
        tracing::info!("received a connection from {}", peer.ip());
        match self.session(visit) {
            Ok(()) => {}
            Err(error) if error.is_gone() => tracing::debug!("{peer}: {error}"),
            Err(error) => tracing::info!("{peer}: {error}"),
        }
    }

    fn session(&self, visit: Visit<'_>) -> Result<(), StreamError> {
        let Visit {
            mut stream,
            door,
            number,
            shutdown,
        } = visit;
        let peer = stream.peer();
        let implicit = door >= self.implicit_from;
        let tls = match (&self.tls, implicit) {
            (Some(tls), true) => {
                stream.accept_tls(tls, Instant::now() + HANDSHAKE)?;
                Tls::Implicit
            }
            (Some(_), false) => Tls::Offered,
            (None, _) => Tls::Unavailable,
        };
        let settings = Settings {
            limits: self.limits,
            tls,
            plaintext: self.plaintext,
            apop: self.timestamp(number),
            ..Settings::default()
        };
        let mut session = Session {
            mail: self,
            server: Server::new(Instant::now(), settings),
            user: None,
            maildrop: None,
        };
        let mut link = Link::new(stream, BUFFERS, self.limits.write_stall, Some(shutdown));
        while session.server.state() != State::Closed {
            if session.serve_requests(&mut link)? {
                continue;
            }
            if link.turn(&mut session.server)? == Turn::Shutdown {
                // Between two commands: nothing is cut, and nothing deleted without QUIT.
                tracing::info!("{peer}: ended, the server is shutting down");
                return Ok(());
            }
        }
        // Before the good-bye, so that whoever has heard it can open the mail drop again.
        session.maildrop = None;
        link.flush(&mut session.server)?;
        if let Some(end) = session.server.end() {
            tracing::info!("{peer}: ended, {end:?}");
        }
        link.into_stream().close(LINGER);
        Ok(())
    }

    /// APOP needs passwords in clear text here, and a timestamp that was never there before.
    fn timestamp(&self, number: u64) -> Option<ApopTimestamp> {
        if !self.users.know_all_passwords() {
            return None;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let unique = format!("{}.{number}.{}", std::process::id(), since.as_nanos());
        ApopTimestamp::new(&unique, "crosscheck")
    }
}

/// One session and what it has open.
struct Session<'a> {
    mail: &'a Mail,
    server: Server,
    user: Option<UserName>,
    maildrop: Option<Maildrop<'a>>,
}

impl Session<'_> {
    /// Does what the protocol asks for; whether it asked.
    fn serve_requests(&mut self, link: &mut Link<'_>) -> Result<bool, StreamError> {
        let Some(request) = self.server.poll_request() else {
            return Ok(false);
        };
        let answer = match request {
            Request::Authenticate(credentials) => {
                self.user = self.mail.users.authenticate(&credentials);
                match &self.user {
                    Some(_) => Answer::Authenticated,
                    None => {
                        let peer = link.stream().peer();
                        tracing::warn!("{peer}: refused the login of {}", credentials.name);
                        Answer::Rejected
                    }
                }
            }
            Request::OpenMaildrop => self.open(),
            Request::Read { message, offset } => self.read(message, offset),
            Request::Commit { deleted } => self.commit(&deleted),
            Request::StartTls => {
                link.flush(&mut self.server)?;
                match &self.mail.tls {
                    Some(tls) => {
                        link.accept_tls(tls, Instant::now() + HANDSHAKE)?;
                        Answer::TlsStarted
                    }
                    None => Answer::Failed(Trouble::Permanent),
                }
            }
        };
        let answered = self.server.answer(Instant::now(), answer);
        debug_assert!(answered.is_ok(), "every request is answered in its kind");
        Ok(true)
    }

    fn open(&mut self) -> Answer {
        let Some(user) = &self.user else {
            return Answer::Failed(Trouble::Permanent);
        };
        match self.mail.store.lock(user) {
            Ok(maildrop) => {
                let entries = maildrop.entries();
                tracing::info!("{user} has {} messages", entries.len());
                self.maildrop = Some(maildrop);
                Answer::Opened(entries)
            }
            Err(OpenError::InUse) => Answer::InUse,
            Err(error) => {
                tracing::error!("{error}");
                Answer::Failed(Trouble::Temporary)
            }
        }
    }

    fn read(&mut self, message: Number, offset: u64) -> Answer {
        let Some(maildrop) = &mut self.maildrop else {
            return Answer::Failed(Trouble::Permanent);
        };
        match maildrop.read(message.index(), offset, self.server.block()) {
            Ok((length, last)) => Answer::Block { length, last },
            Err(error) => {
                tracing::warn!("{error}");
                Answer::Failed(Trouble::Temporary)
            }
        }
    }

    fn commit(&mut self, deleted: &[Number]) -> Answer {
        let Some(maildrop) = self.maildrop.take() else {
            return Answer::Failed(Trouble::Permanent);
        };
        match maildrop.commit(deleted.iter().map(|number| number.index())) {
            Ok(()) => Answer::Committed,
            Err(error) => {
                tracing::error!("not everything was deleted: {error}");
                Answer::Failed(Trouble::Temporary)
            }
        }
    }
}

impl Core for Server {
    const ANSWERS: bool = true;

    fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        Self::handle_input(self, now, input)
    }

    fn handle_eof(&mut self, _: Instant) {
        Self::handle_eof(self);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn poll_output(&mut self, now: Instant, output: &mut [u8]) -> usize {
        Self::poll_output(self, now, output)
    }
}
