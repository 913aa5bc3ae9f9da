//! A session of the client with a server in memory, without a connection.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use crosscheck::programs::pop3::delivery::Break;
use crosscheck::programs::pop3::fetch::conversation::Conversation;
use crosscheck::protocols::pop3::client::{
    Client, ClientError, Credential, Event, Login, State, TlsPolicy,
};
use crosscheck::protocols::pop3::{ClientLimits, Command, Reply, Secret, Text};

use super::liar::Liar;

/// Why a session ends too early.
#[derive(Debug)]
pub(super) enum Ended {
    /// The protocol was broken, or the server went away.
    Client(ClientError),
    /// A command was refused.
    Refused,
    /// The answers are out of step.
    OutOfStep,
    /// The session is over.
    Over,
    /// The process is killed.
    Killed,
}

/// Whether the process lives, and after how many events of the server it does not.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) alive: Rc<Cell<bool>>,
    pub(super) events: Option<usize>,
}

/// A client that is logged in, and its server.
pub(super) struct Talk<'a, 'b> {
    client: Client,
    pub(super) liar: &'b mut Liar<'a>,
    now: Instant,
    /// From the server, not taken yet.
    input: Vec<u8>,
    /// The octets of a read.
    chunk: usize,
    life: Life,
    heard: usize,
}

impl<'a, 'b> Talk<'a, 'b> {
    pub(super) fn log_in(liar: &'b mut Liar<'a>, chunk: usize, life: Life) -> Result<Self, Ended> {
        let now = Instant::now();
        let mut talk = Self {
            client: Client::new(now, ClientLimits::default(), true),
            liar,
            now,
            input: Vec::new(),
            chunk,
            life,
            heard: 0,
        };
        loop {
            match talk.event()? {
                Event::Greeting(_) => {
                    let login = Login {
                        name: Text::new("alice").unwrap(),
                        credential: Credential::Password(Secret::new("sesame").unwrap()),
                        tls: TlsPolicy::Never,
                        way: None,
                    };
                    talk.client.login(now, login).unwrap();
                }
                Event::LoggedIn => return Ok(talk),
                Event::LoginFailed(_) => return Err(Ended::Refused),
                _ => {}
            }
        }
    }

    /// Moves octets; the time passes where there are none.
    fn turn(&mut self) {
        let mut buffer = [0; 64];
        loop {
            match self.client.poll_output(&mut buffer) {
                0 => break,
                length => self.liar.hear(&buffer[..length]),
            }
        }
        if self.input.is_empty() {
            let (said, ended) = self.liar.say(self.chunk);
            if ended {
                return self.client.handle_eof();
            }
            self.input = said;
        }
        let consumed = self.client.handle_input(self.now, &self.input);
        self.input.drain(..consumed);
        if consumed == 0 && self.client.poll_output(&mut []) == 0 {
            self.now = self.client.poll_timeout().unwrap_or(self.now);
            self.client.handle_timeout(self.now);
        }
    }
}

impl Conversation for Talk<'_, '_> {
    type Error = Ended;

    fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn send(&mut self, command: &Command) -> Result<(), Ended> {
        let sent = self.client.send(self.now, command);
        sent.map_err(|_| Ended::Over)
    }

    fn event(&mut self) -> Result<Event, Ended> {
        if self.life.events == Some(self.heard) {
            self.life.alive.set(false);
        }
        self.heard += 1;
        loop {
            if !self.life.alive.get() {
                return Err(Ended::Killed);
            }
            match self.client.poll_event() {
                Some(Event::Failed(error)) => return Err(Ended::Client(error)),
                Some(event) => return Ok(event),
                None if self.client.state() == State::Ended => return Err(Ended::Over),
                None => self.turn(),
            }
        }
    }

    fn breaks(error: &Ended) -> Break {
        match error {
            Ended::Client(error) if !error.is_cut() => Break::OutOfStep,
            Ended::OutOfStep => Break::OutOfStep,
            Ended::Client(_) | Ended::Refused | Ended::Over | Ended::Killed => Break::Cut,
        }
    }

    fn refused(&self, _: &'static str, _: Reply) -> Ended {
        Ended::Refused
    }

    fn out_of_step(&self) -> Ended {
        Ended::OutOfStep
    }
}
