//! The commands: from a line to a command and back (RFC 1939, 2449, 2595, 5034).

use std::fmt;
use std::num::NonZeroU32;

use memchr::{memchr, memchr2};
use thiserror::Error;

use super::apop::ApopDigest;
use super::argument::{Secret, Text};

/// Octets of a command, CRLF included (RFC 2449, section 4).
pub const COMMAND_LINE: usize = 255;

/// The number of a message in a session, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(NonZeroU32);

impl Number {
    /// The first message.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The number, unless it is 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number of the message at this index of a list, unless it is too large.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index)
            .ok()?
            .checked_add(1)
            .and_then(Self::new)
    }

    /// The number, from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The index in a list, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// Digits and nothing else, without overflow, not 0.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        Self::new(u32::try_from(parse_number(digits)?).ok()?)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// ASCII digits without sign; nothing on overflow.
pub(super) fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// A mechanism of SASL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Name and password (RFC 4616).
    Plain,
    /// A bearer token as Google and Microsoft took it before there was a standard.
    XOauth2,
    /// A bearer token (RFC 7628).
    OauthBearer,
    /// Any other, in upper case.
    Other(Box<str>),
}

impl Mechanism {
    /// The mechanism of this name: 1 to 20 letters, digits, `-` and `_` (RFC 4422), in any case.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        let fits = (1..=20).contains(&name.len())
            && name
                .iter()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        if !fits {
            return None;
        }
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        Some(match name.as_str() {
            "PLAIN" => Self::Plain,
            "XOAUTH2" => Self::XOauth2,
            "OAUTHBEARER" => Self::OauthBearer,
            _ => Self::Other(name.into()),
        })
    }

    /// The name in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain => "PLAIN",
            Self::XOauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Other(name) => name,
        }
    }
}

/// A command with its arguments. Shown without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `USER name`: who logs in. The name is everything after the space.
    User(Text),
    /// `PASS password`: everything after the space, spaces included.
    Pass(Secret),
    /// `APOP name digest`: logs in with a digest of the greeting's timestamp and the password.
    Apop {
        /// Who; without spaces.
        name: Text,
        /// Of timestamp and password.
        digest: ApopDigest,
    },
    /// `AUTH mechanism [initial-response]`: begins an exchange of SASL (RFC 5034).
    Auth {
        /// The mechanism.
        mechanism: Mechanism,
        /// In base64 as on the line; `=` stands for an empty one.
        initial: Option<Secret>,
    },
    /// `STLS`: begins TLS (RFC 2595).
    Stls,
    /// `CAPA`: what the server can do (RFC 2449).
    Capa,
    /// `STAT`: how many messages and octets.
    Stat,
    /// `LIST [number]`: sizes.
    List(Option<Number>),
    /// `RETR number`: a message.
    Retr(Number),
    /// `DELE number`: marks a message as deleted.
    Dele(Number),
    /// `NOOP`: nothing.
    Noop,
    /// `RSET`: takes the marks back.
    Rset,
    /// `TOP number lines`: the header, the blank line and so many lines of the body.
    Top {
        /// Which message.
        message: Number,
        /// Lines of the body.
        lines: u64,
    },
    /// `UIDL [number]`: unique identifiers.
    Uidl(Option<Number>),
    /// `QUIT`: deletes what is marked, and ends.
    Quit,
}

/// Why a line is no command. Its text is fit for a `-ERR` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// The first word is no command of ours.
    #[error("unknown command")]
    UnknownCommand,
    /// NUL or CR in the line.
    #[error("NUL or CR in the command")]
    ForbiddenOctet,
    /// An argument is missing.
    #[error("missing argument")]
    MissingArgument,
    /// There are more arguments than the command takes.
    #[error("too many arguments")]
    TooManyArguments,
    /// A number is no decimal number from 1 to 2^32 - 1, or a line count none below 2^64.
    #[error("no such number")]
    BadNumber,
    /// No name of a mechanism.
    #[error("no name of a mechanism")]
    BadMechanism,
    /// No 32 hexadecimal digits.
    #[error("the digest has to be 32 hexadecimal digits")]
    BadDigest,
}

impl Command {
    /// The command of a line that comes without its CRLF.
    ///
    /// Commands are case-insensitive. Words are separated by one or more spaces, but what follows
    /// the first space after USER and PASS is taken as it is.
    ///
    /// # Errors
    /// When the line is no command.
    pub fn parse(line: &[u8]) -> Result<Self, SyntaxError> {
        if memchr2(0, b'\r', line).is_some() {
            return Err(SyntaxError::ForbiddenOctet);
        }
        let (word, rest) = match memchr(b' ', line) {
            Some(space) => (&line[..space], Some(&line[space + 1..])),
            None => (line, None),
        };
        let mut keyword = [0; 4];
        let keyword = keyword
            .get_mut(..word.len())
            .ok_or(SyntaxError::UnknownCommand)?;
        keyword.copy_from_slice(word);
        keyword.make_ascii_uppercase();
        let arguments = Arguments(rest.unwrap_or_default());
        match &*keyword {
            b"USER" => {
                let name = rest.ok_or(SyntaxError::MissingArgument)?;
                let name = Text::new(name).map_err(|_| SyntaxError::ForbiddenOctet)?;
                Ok(Self::User(name))
            }
            b"PASS" => {
                let password = rest.ok_or(SyntaxError::MissingArgument)?;
                let password = Secret::new(password).map_err(|_| SyntaxError::ForbiddenOctet)?;
                Ok(Self::Pass(password))
            }
            b"APOP" => {
                let [name, digest] = arguments.exactly()?;
                Ok(Self::Apop {
                    name: Text::new(name).map_err(|_| SyntaxError::ForbiddenOctet)?,
                    digest: ApopDigest::parse(digest).ok_or(SyntaxError::BadDigest)?,
                })
            }
            b"AUTH" => {
                let (mechanism, initial) = arguments.one_or_two()?;
                let initial = initial.map(Secret::new).transpose();
                Ok(Self::Auth {
                    mechanism: Mechanism::parse(mechanism).ok_or(SyntaxError::BadMechanism)?,
                    initial: initial.map_err(|_| SyntaxError::ForbiddenOctet)?,
                })
            }
            b"STLS" => arguments.none(Self::Stls),
            b"CAPA" => arguments.none(Self::Capa),
            b"STAT" => arguments.none(Self::Stat),
            b"NOOP" => arguments.none(Self::Noop),
            b"RSET" => arguments.none(Self::Rset),
            b"QUIT" => arguments.none(Self::Quit),
            b"LIST" => Ok(Self::List(arguments.number_or_nothing()?)),
            b"UIDL" => Ok(Self::Uidl(arguments.number_or_nothing()?)),
            b"RETR" => Ok(Self::Retr(arguments.number()?)),
            b"DELE" => Ok(Self::Dele(arguments.number()?)),
            b"TOP" => {
                let [message, lines] = arguments.exactly()?;
                Ok(Self::Top {
                    message: Number::parse(message).ok_or(SyntaxError::BadNumber)?,
                    lines: parse_number(lines).ok_or(SyntaxError::BadNumber)?,
                })
            }
            _ => Err(SyntaxError::UnknownCommand),
        }
    }

    /// The first word.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Apop { .. } => "APOP",
            Self::Auth { .. } => "AUTH",
            Self::Stls => "STLS",
            Self::Capa => "CAPA",
            Self::Stat => "STAT",
            Self::List(_) => "LIST",
            Self::Retr(_) => "RETR",
            Self::Dele(_) => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Top { .. } => "TOP",
            Self::Uidl(_) => "UIDL",
            Self::Quit => "QUIT",
        }
    }

    /// Appends the line of the command, CRLF included.
    pub fn encode(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.keyword().as_bytes());
        let mut word = |octets: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(octets);
        };
        match self {
            Self::User(name) => word(name.as_bytes()),
            Self::Pass(password) => word(password.as_bytes()),
            Self::Apop { name, digest } => {
                word(name.as_bytes());
                word(digest.as_str().as_bytes());
            }
            Self::Auth { mechanism, initial } => {
                word(mechanism.as_str().as_bytes());
                if let Some(initial) = initial {
                    word(initial.as_bytes());
                }
            }
            Self::List(Some(number))
            | Self::Uidl(Some(number))
            | Self::Retr(number)
            | Self::Dele(number) => word(number.to_string().as_bytes()),
            Self::Top { message, lines } => {
                word(message.to_string().as_bytes());
                word(lines.to_string().as_bytes());
            }
            Self::Stls
            | Self::Capa
            | Self::Stat
            | Self::Noop
            | Self::Rset
            | Self::Quit
            | Self::List(None)
            | Self::Uidl(None) => {}
        }
        line.extend_from_slice(b"\r\n");
    }
}

/// As a person reads it: escaped, and without secrets.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())?;
        match self {
            Self::User(name) => write!(f, " {name}"),
            Self::Pass(_) => f.write_str(" ****"),
            Self::Apop { name, .. } => write!(f, " {name} ****"),
            Self::Auth { mechanism, initial } => {
                let initial = if initial.is_some() { " ****" } else { "" };
                write!(f, " {}{initial}", mechanism.as_str())
            }
            Self::List(Some(number))
            | Self::Uidl(Some(number))
            | Self::Retr(number)
            | Self::Dele(number) => write!(f, " {number}"),
            Self::Top { message, lines } => write!(f, " {message} {lines}"),
            Self::Stls
            | Self::Capa
            | Self::Stat
            | Self::Noop
            | Self::Rset
            | Self::Quit
            | Self::List(None)
            | Self::Uidl(None) => Ok(()),
        }
    }
}

/// The words after the first.
struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    fn words(&self) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .split(|octet| *octet == b' ')
            .filter(|word| !word.is_empty())
    }

    fn none(&self, command: Command) -> Result<Command, SyntaxError> {
        let [] = self.exactly()?;
        Ok(command)
    }

    fn exactly<const N: usize>(&self) -> Result<[&'a [u8]; N], SyntaxError> {
        let mut words = self.words();
        let mut found: [&[u8]; N] = [&[]; N];
        for place in &mut found {
            *place = words.next().ok_or(SyntaxError::MissingArgument)?;
        }
        match words.next() {
            None => Ok(found),
            Some(_) => Err(SyntaxError::TooManyArguments),
        }
    }

    fn one_or_two(&self) -> Result<(&'a [u8], Option<&'a [u8]>), SyntaxError> {
        match self.exactly() {
            Ok([one, two]) => Ok((one, Some(two))),
            Err(SyntaxError::MissingArgument) => self.exactly().map(|[one]| (one, None)),
            Err(error) => Err(error),
        }
    }

    fn number(&self) -> Result<Number, SyntaxError> {
        let [number] = self.exactly()?;
        Number::parse(number).ok_or(SyntaxError::BadNumber)
    }

    fn number_or_nothing(&self) -> Result<Option<Number>, SyntaxError> {
        if self.words().next().is_none() {
            return Ok(None);
        }
        self.number().map(Some)
    }
}
