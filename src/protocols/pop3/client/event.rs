//! What has come from the server.

use std::fmt;

use super::error::{ClientError, LoginError};
use crate::protocols::pop3::{Capability, Command, Number, Reply, Text};

/// A command that was sent, without its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "named like the commands, which say what they are"
)]
pub enum Asked {
    User,
    Pass,
    Apop,
    Auth,
    Stls,
    Capa,
    Stat,
    List(Option<Number>),
    Retr(Number),
    Dele(Number),
    Noop,
    Rset,
    Top(Number),
    Uidl(Option<Number>),
    Quit,
}

impl From<&Command> for Asked {
    fn from(command: &Command) -> Self {
        match command {
            Command::User(_) => Self::User,
            Command::Pass(_) => Self::Pass,
            Command::Apop { .. } => Self::Apop,
            Command::Auth { .. } => Self::Auth,
            Command::Stls => Self::Stls,
            Command::Capa => Self::Capa,
            Command::Stat => Self::Stat,
            Command::List(number) => Self::List(*number),
            Command::Retr(number) => Self::Retr(*number),
            Command::Dele(number) => Self::Dele(*number),
            Command::Noop => Self::Noop,
            Command::Rset => Self::Rset,
            Command::Top { message, .. } => Self::Top(*message),
            Command::Uidl(number) => Self::Uidl(*number),
            Command::Quit => Self::Quit,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keyword, number) = match self {
            Self::User => ("USER", None),
            Self::Pass => ("PASS", None),
            Self::Apop => ("APOP", None),
            Self::Auth => ("AUTH", None),
            Self::Stls => ("STLS", None),
            Self::Capa => ("CAPA", None),
            Self::Stat => ("STAT", None),
            Self::List(number) => ("LIST", *number),
            Self::Retr(number) => ("RETR", Some(*number)),
            Self::Dele(number) => ("DELE", Some(*number)),
            Self::Noop => ("NOOP", None),
            Self::Rset => ("RSET", None),
            Self::Top(number) => ("TOP", Some(*number)),
            Self::Uidl(number) => ("UIDL", *number),
            Self::Quit => ("QUIT", None),
        };
        f.write_str(keyword)?;
        match number {
            Some(number) => write!(f, " {number}"),
            None => Ok(()),
        }
    }
}

/// What has come from the server, in its order.
///
/// A command gives [`Reply`](Self::Reply), then what the reply holds, and, when it is an answer of
/// several lines, [`End`](Self::End).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server greets: commands may be sent.
    Greeting(Reply),
    /// The first line of an answer; for most commands the only one.
    Reply {
        /// To which command.
        to: Asked,
        /// The line.
        reply: Reply,
    },
    /// STAT.
    Totals {
        /// Messages that are not marked.
        messages: u32,
        /// Their octets.
        octets: u64,
    },
    /// LIST: one message.
    Size {
        /// Which.
        message: Number,
        /// Its octets. Servers err: what counts is what comes.
        octets: u64,
    },
    /// UIDL: one message.
    UniqueId {
        /// Which.
        message: Number,
        /// Its identifier: the whole rest of the line, though an identifier of RFC 1939 has 1 to 70
        /// printable characters and no space. Any octets, or none; no name of a file.
        unique_id: Text,
    },
    /// CAPA: one line.
    Capability(Capability),
    /// RETR, TOP: octets of the message wait in [`Client::body`](super::Client::body). Lines end in
    /// CRLF, the stuffing is gone.
    Body,
    /// The answer of several lines is complete.
    End {
        /// To which command.
        of: Asked,
        /// RETR, TOP: the octets of the message; else 0.
        octets: u64,
    },
    /// Begin TLS as its client, then [`Client::tls_started`](super::Client::tls_started).
    StartTls,
    /// The login that was asked for is done.
    LoggedIn,
    /// The login that was asked for was not possible. The session goes on.
    LoginFailed(LoginError),
    /// The session failed; the last event.
    Failed(ClientError),
}
