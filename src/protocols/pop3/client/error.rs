//! What can go wrong on the side of a client.

use thiserror::Error;

use super::event::Asked;
use crate::protocols::pop3::Reply;

/// Why a session failed. Nothing more comes from it: close the connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The first line is no greeting.
    #[error(
        "the greeting is not that of a POP3 server: check host, port, and whether the port wants TLS at once"
    )]
    NoGreeting,
    /// The server does not want us.
    #[error("the server refuses the session: {0}")]
    Refused(Reply),
    /// A line that should begin with `+OK` or `-ERR` does not, or lacks what belongs there.
    #[error(
        "the answer to {0} is not one of POP3: the server is broken, or the connection out of step"
    )]
    BadReply(Asked),
    /// A line of a listing has not its form, or names a message twice or one that cannot be.
    #[error(
        "a line of the answer to {0} has not its form, or names a message twice or one that does not exist"
    )]
    BadListing(Asked),
    /// A line ends in LF alone. Where messages end would be a guess.
    #[error(
        "the server ends lines in LF alone, where POP3 has CRLF: where its messages end cannot be told"
    )]
    BareLineFeed,
    /// A line is too long.
    #[error("the server sends a line of more than {0} octets")]
    LineTooLong(usize),
    /// A message is too long.
    #[error("a message has more than {0} octets: raise the limit if that is wanted")]
    MessageTooLong(u64),
    /// There are too many messages.
    #[error("the mail drop has more than {0} messages: raise the limit if that is wanted")]
    TooManyMessages(u32),
    /// There are too many capabilities.
    #[error("the server names more than {0} capabilities")]
    TooManyCapabilities(usize),
    /// AUTH does not come to an end.
    #[error("the server asks more than {0} times within one AUTH")]
    TooManyChallenges(u32),
    /// Octets came when none were due.
    #[error("the server sends what nobody asked for")]
    Unsolicited,
    /// Octets came in clear text after the server had agreed to begin TLS.
    #[error(
        "something was sent in clear text after the server had agreed to begin TLS: somebody may be in between"
    )]
    InjectedPlaintext,
    /// The server did not answer in time.
    #[error("the server does not answer: it was waited for {0}")]
    Timeout(Waiting),
    /// The server closed the connection.
    #[error("the server closed the connection: it was waited for {0}")]
    Closed(Waiting),
}

impl ClientError {
    /// Returns whether the server was merely silent or gone. After every other error nobody knows to
    /// which question its last answers belonged.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Closed(_))
    }
}

/// What was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Waiting {
    /// The greeting.
    #[error("its greeting")]
    Greeting,
    /// The beginning of an answer.
    #[error("its answer to {0}")]
    Reply(Asked),
    /// The rest of an answer: of a message, for instance.
    #[error("the rest of its answer to {0}")]
    Rest(Asked),
    /// TLS.
    #[error("TLS to begin")]
    Tls,
    /// Nothing: no command was open.
    #[error("the next command")]
    Command,
}

/// Why nobody is logged in. The session goes on: another login, or QUIT.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoginError {
    /// TLS is required and the server does not offer it. No name and no password was sent.
    #[error("the server offers no TLS, so nothing was sent to it: use pop3s, or allow clear text")]
    TlsNotOffered,
    /// The server offers TLS and then refuses it. No name and no password was sent.
    #[error("the server refuses to begin TLS, so nothing was sent to it: {0}")]
    TlsRefused(Reply),
    /// There is no way to log in that both sides know. No name and no password was sent.
    #[error("the server offers no way to log in that fits: it may want TLS first, or a token")]
    NoMechanism,
    /// The name does not fit the commands that the server knows.
    #[error("the user name or password does not fit the line that it has to be sent on: {0}")]
    DoesNotFit(SendError),
    /// The server refuses.
    #[error("the server refuses the login: {0}")]
    Refused(Reply),
}

/// Why a command was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// Earlier commands have to be answered first, or no command is possible any more.
    #[error("not now: poll events until can_send says yes")]
    NotNow,
    /// The line would have more than 255 octets.
    #[error("the command has more than 255 octets: shorten its arguments")]
    TooLong,
    /// An APOP name with a space in it.
    #[error("the name for APOP cannot hold a space: log in with USER or AUTH")]
    SpaceInName,
}
