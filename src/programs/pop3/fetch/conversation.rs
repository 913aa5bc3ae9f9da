//! The client's side of a session, as a fetch needs it: over a connection, or without one in a test.

use crate::programs::pop3::delivery::Break;
use crate::programs::pop3::session::{Fault, Session, SessionError};
use crate::protocols::pop3::client::{Client, Event};
use crate::protocols::pop3::{Command, Reply};

/// A session that is logged in.
pub trait Conversation {
    /// Why it ends too early.
    type Error;

    /// The protocol.
    fn client(&mut self) -> &mut Client;

    /// Sends a command, whose answer comes by [`Conversation::event`].
    ///
    /// # Errors
    /// When it cannot be sent.
    fn send(&mut self, command: &Command) -> Result<(), Self::Error>;

    /// The next thing that comes from the server. After [`Event::Body`] the body has to be consumed.
    /// Blocks.
    ///
    /// # Errors
    /// When the session has failed.
    fn event(&mut self) -> Result<Event, Self::Error>;

    /// What an error says about the answers before it.
    fn breaks(error: &Self::Error) -> Break;

    /// The server refuses a command without which there is no fetch.
    fn refused(&self, command: &'static str, reply: Reply) -> Self::Error;

    /// The server answers something else than what was asked.
    fn out_of_step(&self) -> Self::Error;
}

impl Conversation for Session<'_> {
    type Error = SessionError;

    fn client(&mut self) -> &mut Client {
        Session::client(self)
    }

    fn send(&mut self, command: &Command) -> Result<(), SessionError> {
        Session::send(self, command)
    }

    fn event(&mut self) -> Result<Event, SessionError> {
        Session::event(self)
    }

    fn breaks(error: &SessionError) -> Break {
        match error {
            SessionError::Session { fault, .. } => match fault {
                Fault::Client(error) if !error.is_cut() => Break::OutOfStep,
                Fault::OutOfStep => Break::OutOfStep,
                _ => Break::Cut,
            },
            SessionError::Connect(_) => Break::Cut,
        }
    }

    fn refused(&self, command: &'static str, reply: Reply) -> SessionError {
        let command = command.to_owned();
        self.fault(Fault::Refused { command, reply })
    }

    fn out_of_step(&self) -> SessionError {
        self.fault(Fault::OutOfStep)
    }
}
