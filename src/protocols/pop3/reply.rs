//! The first line of an answer: status, response code, text (RFC 1939, 2449, 3206).

use std::fmt;

use super::argument::Text;
use crate::escape::Escaped;

/// Octets of a reply line, CRLF included (RFC 2449, section 4).
pub const REPLY_LINE: usize = 512;

/// What a server says, once, to a connection that it has no place for.
pub const TOO_BUSY: &[u8] = b"-ERR [SYS/TEMP] too many connections, try again later\r\n";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// `+OK`.
    Ok,
    /// `-ERR`.
    Err,
}

impl Status {
    /// As it stands on the line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "+OK",
            Self::Err => "-ERR",
        }
    }
}

/// Why a command failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseCode {
    /// Another session has the mail drop.
    InUse,
    /// Too soon after the last login.
    LoginDelay,
    /// Name or password are wrong (RFC 3206).
    Auth,
    /// A fault that will pass (RFC 3206).
    SysTemp,
    /// A fault that will not pass by itself (RFC 3206).
    SysPerm,
}

impl ResponseCode {
    /// Every code that we know.
    pub const ALL: [Self; 5] = [
        Self::InUse,
        Self::LoginDelay,
        Self::Auth,
        Self::SysTemp,
        Self::SysPerm,
    ];

    /// As it stands between the brackets.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
            Self::Auth => "AUTH",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
        }
    }
}

/// A status line, read. Shown with everything escaped that a terminal would obey.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// `+OK` or `-ERR`.
    pub status: Status,
    /// The code in brackets at the beginning of the text, if we know it.
    pub code: Option<ResponseCode>,
    /// What follows the status, the code included.
    text: Text,
}

impl Reply {
    /// The reply on a line that comes without its CRLF; nothing if it is none.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (status, rest) = [Status::Ok, Status::Err]
            .into_iter()
            .find_map(|status| Some((status, line.strip_prefix(status.as_str().as_bytes())?)))?;
        let text = match rest {
            [] => rest,
            [b' ', text @ ..] => text,
            _ => return None,
        };
        let text = Text::new(text).ok()?;
        let code = ResponseCode::ALL.into_iter().find(|code| {
            let code = code.as_str().as_bytes();
            match text.as_bytes() {
                [b'[', rest @ ..] if rest.len() > code.len() => {
                    rest[..code.len()].eq_ignore_ascii_case(code) && rest[code.len()] == b']'
                }
                _ => false,
            }
        });
        Some(Self { status, code, text })
    }

    /// `+OK`.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// What follows the status, the code included: as the server sent it, so show it escaped.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if !self.text.as_bytes().is_empty() {
            write!(f, " {}", Escaped(self.text.as_bytes()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}
