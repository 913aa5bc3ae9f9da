//! What a server can do: the lines of CAPA (RFC 2449).

use std::fmt;

use super::argument::Text;
use super::command::{Mechanism, parse_number};

/// One line of CAPA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// USER and PASS are taken.
    User,
    /// These mechanisms of AUTH are taken.
    Sasl(Vec<Mechanism>),
    /// TOP is there.
    Top,
    /// UIDL is there.
    Uidl,
    /// Text after `-ERR` may begin with a code in brackets.
    RespCodes,
    /// The codes `AUTH` and `SYS` are given where they apply.
    AuthRespCode,
    /// Commands may be sent before the replies to earlier ones have come.
    Pipelining,
    /// STLS is there.
    Stls,
    /// How long messages are kept.
    Expire(Expire),
    /// What server it is.
    Implementation(Text),
    /// Any other line.
    Other(Text),
}

/// How long messages are kept on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    /// For ever.
    Never,
    /// So many days; 0: not beyond the session.
    Days(u64),
}

impl Capability {
    /// The capability on a line; nothing when the line holds NUL or CR.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let other = Text::new(line).ok()?;
        let mut words = line
            .split(|octet| *octet == b' ')
            .filter(|word| !word.is_empty());
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        Some(match keyword.as_slice() {
            b"USER" => Self::User,
            b"SASL" => Self::Sasl(words.filter_map(Mechanism::parse).collect()),
            b"TOP" => Self::Top,
            b"UIDL" => Self::Uidl,
            b"RESP-CODES" => Self::RespCodes,
            b"AUTH-RESP-CODE" => Self::AuthRespCode,
            b"PIPELINING" => Self::Pipelining,
            b"STLS" => Self::Stls,
            b"EXPIRE" => match words.next() {
                Some(word) if word.eq_ignore_ascii_case(b"NEVER") => Self::Expire(Expire::Never),
                Some(word) => {
                    parse_number(word).map_or(Self::Other(other), |n| Self::Expire(Expire::Days(n)))
                }
                None => Self::Other(other),
            },
            b"IMPLEMENTATION" => {
                let rest = line.get(b"IMPLEMENTATION ".len()..).unwrap_or_default();
                Self::Implementation(Text::new(rest).ok()?)
            }
            _ => Self::Other(other),
        })
    }

    /// Appends the line, without CRLF.
    pub fn encode(&self, line: &mut Vec<u8>) {
        let words: &[u8] = match self {
            Self::User => b"USER",
            Self::Sasl(_) => b"SASL",
            Self::Top => b"TOP",
            Self::Uidl => b"UIDL",
            Self::RespCodes => b"RESP-CODES",
            Self::AuthRespCode => b"AUTH-RESP-CODE",
            Self::Pipelining => b"PIPELINING",
            Self::Stls => b"STLS",
            Self::Expire(Expire::Never) => b"EXPIRE NEVER",
            Self::Expire(Expire::Days(_)) => b"EXPIRE",
            Self::Implementation(_) => b"IMPLEMENTATION ",
            Self::Other(text) => text.as_bytes(),
        };
        line.extend_from_slice(words);
        match self {
            Self::Sasl(mechanisms) => {
                for mechanism in mechanisms {
                    line.push(b' ');
                    line.extend_from_slice(mechanism.as_str().as_bytes());
                }
            }
            Self::Expire(Expire::Days(days)) => {
                line.push(b' ');
                line.extend_from_slice(days.to_string().as_bytes());
            }
            Self::Implementation(text) => line.extend_from_slice(text.as_bytes()),
            _ => {}
        }
    }
}

/// The line, escaped.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Vec::new();
        self.encode(&mut line);
        crate::escape::Escaped(&line).fmt(f)
    }
}
