//! What a fetch has to say of single messages.

use std::fmt;

use crate::protocols::pop3::client::Asked;
use crate::protocols::pop3::{Number, Reply};

/// Something about a mail drop or a message that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// UIDL was refused.
    NoUniqueIds(Reply),
    /// LIST was refused.
    NoSizes(Reply),
    /// STAT counts a message that UIDL, or LIST, leaves out.
    LeftOut(Number, Asked),
    /// A message is larger than it may be.
    TooLarge {
        /// Which.
        message: Number,
        /// The octets that it has.
        octets: u64,
        /// The octets that it may have.
        most: u64,
    },
    /// The server does not hand out, or does not delete, a message.
    Refused(Asked, Reply),
    /// A message is delivered, though its octets were delivered before, or may have been.
    Again(Number),
    /// A message has the name of one with other octets.
    NamedAnew(Number),
    /// A message has another size than announced.
    Odd {
        /// Which.
        message: Number,
        /// The octets that came.
        came: u64,
        /// The octets that were announced.
        announced: u64,
    },
    /// A message stays on the server, since nothing shows that what came was its octets.
    Unproved(Number),
    /// The answer to the fetch of this message, or to one behind it, was out of step.
    Suspect(Number),
    /// A message whose answer was out of step is not asked for yet.
    Postponed(Number),
}

impl Note {
    /// Whether something was not done that should have been.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::LeftOut(..)
            | Self::TooLarge { .. }
            | Self::Refused(..)
            | Self::Odd { .. }
            | Self::Unproved(_)
            | Self::Suspect(_)
            | Self::Postponed(_) => true,
            Self::NoUniqueIds(_) | Self::NoSizes(_) | Self::Again(_) | Self::NamedAnew(_) => false,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUniqueIds(reply) => write!(
                f,
                "the server has no unique identifiers: contents tell messages apart ({reply})"
            ),
            Self::NoSizes(reply) => write!(
                f,
                "the server does not say how long messages are: each is fetched twice before it is \
                 deleted ({reply})"
            ),
            Self::LeftOut(message, by) => {
                write!(
                    f,
                    "the server counts message {message}, but {by} leaves it out"
                )
            }
            Self::TooLarge {
                message,
                octets,
                most,
            } => write!(
                f,
                "message {message} has {octets} octets, more than {most}: it is left on the server; \
                 --max-size sets the limit"
            ),
            Self::Refused(Asked::Dele(message), reply) => {
                write!(f, "message {message} was not deleted: {reply}")
            }
            Self::Refused(Asked::Retr(message), reply) => {
                write!(f, "message {message} was not handed out: {reply}")
            }
            Self::Refused(command, reply) => write!(f, "{command} was refused: {reply}"),
            Self::Again(message) => write!(
                f,
                "message {message} is delivered, though the same octets were delivered before: it \
                 may be there twice"
            ),
            Self::NamedAnew(message) => write!(
                f,
                "message {message} is delivered: another message had its identifier before"
            ),
            Self::Odd {
                message,
                came,
                announced,
            } => write!(
                f,
                "message {message} came with {came} octets, and {announced} were announced: it stays \
                 on the server until a second fetch gives the same, or with --ignore-sizes"
            ),
            Self::Unproved(message) => write!(
                f,
                "message {message} stays on the server: nothing shows that what came was its octets"
            ),
            Self::Suspect(message) => write!(
                f,
                "message {message} has brought the answers of the server out of step: it is neither \
                 delivered nor deleted, and asked for last from now on"
            ),
            Self::Postponed(message) => write!(
                f,
                "message {message} was out of step before and is left for when there is nothing else \
                 to do; run it again for it"
            ),
        }
    }
}
