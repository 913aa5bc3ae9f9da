//! `pop3://USER@HOST[:PORT]/`, after RFC 2384 and RFC 3986.

use std::fmt;

use crate::escape;
use crate::programs::net::exit::{EndsProgram, Exit};
use crate::programs::net::{Address, AddressError};
use crate::protocols::pop3::Text;

/// A user at a POP3 server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pop3Url {
    /// Who.
    pub user: Text,
    /// Where.
    pub address: Address,
    /// Whether the connection begins with TLS: `pop3s`.
    pub tls: bool,
}

/// The port of POP3, where TLS can begin with STLS.
pub const PORT: u16 = 110;

/// The port of POP3 over TLS.
pub const TLS_PORT: u16 = 995;

impl Pop3Url {
    /// Reads `pop3://USER@HOST[:PORT]/` or `pop3s://…`; `pop` stands for `pop3`. What no URL can hold
    /// is written `%NN` in the user's name, and a `@` there too.
    ///
    /// # Errors
    /// When it is no such URL, has a password in it, or a name with CR, LF or NUL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoUrl)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "pop3" | "pop" => false,
            "pop3s" | "pops" => true,
            _ => return Err(UrlError::Scheme(escape::line(scheme))),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (user, host) = authority.rsplit_once('@').ok_or(UrlError::NoUser)?;
        if user.contains(':') {
            return Err(UrlError::Password);
        }
        // `;AUTH=*` leaves the choice to us, as nothing does.
        let user = match user.split_once(';') {
            None => user,
            Some((user, choice)) if choice.eq_ignore_ascii_case("auth=*") => user,
            Some(_) => return Err(UrlError::Mechanism),
        };
        let user = decode(user)
            .filter(|user| !user.is_empty())
            .ok_or(UrlError::NoUser)?;
        let port = if tls { TLS_PORT } else { PORT };
        Ok(Self {
            user: Text::new(user).map_err(|error| UrlError::User(error.to_string()))?,
            address: Address::parse(host, port)?,
            tls,
        })
    }
}

impl Pop3Url {
    /// What the mail drop is called, with TLS and without it: `USER@HOST`, the port only where it is
    /// not a usual one.
    #[must_use]
    pub fn account(&self) -> String {
        let (user, host) = (&self.user, self.address.host().to_ascii_lowercase());
        match self.address.port() {
            PORT | TLS_PORT => format!("{user}@{host}"),
            port => format!("{user}@{host}:{port}"),
        }
    }
}

impl fmt::Display for Pop3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "pop3s" } else { "pop3" };
        write!(f, "{scheme}://{}@{}/", self.user, self.address)
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = 16 * digit(bytes.next()?)? + digit(bytes.next()?)?;
        decoded.push(u8::try_from(value).ok()?);
    }
    Some(decoded)
}

/// A text that is no URL of a mail drop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It has no `://`.
    #[error("no URL of a mail drop; write pop3://USER@HOST or pop3s://USER@HOST")]
    NoUrl,
    /// It is that of something else.
    #[error("`{0}` is no scheme of a mail drop; write pop3 or pop3s")]
    Scheme(String),
    /// It names nobody.
    #[error("the URL names no user; write pop3://USER@HOST")]
    NoUser,
    /// It has a password in it.
    #[error("a password in a URL is seen by everybody on this machine; use --password-file")]
    Password,
    /// It chooses a mechanism.
    #[error("the mechanism of the login is chosen by what the server offers; leave `;AUTH=` out")]
    Mechanism,
    /// The name cannot be sent.
    #[error("the user's name cannot be sent: {0}")]
    User(String),
    /// The host is none.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl EndsProgram for UrlError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_user_host_port_and_tls() {
        for (text, user, host, port, tls) in [
            ("pop3://alice@localhost/", "alice", "localhost", 110, false),
            ("pop3s://alice@localhost", "alice", "localhost", 995, true),
            ("POP3://a%40b%3a@[::1]:1110/", "a@b:", "::1", 1110, false),
            ("pop3://a@b@h:1/", "a@b", "h", 1, false),
            ("pop3://a;AUTH=*@h/", "a", "h", 110, false),
        ] {
            let url = Pop3Url::parse(text).expect(text);
            assert_eq!(url.user.as_bytes(), user.as_bytes(), "{text}");
            assert_eq!(
                (url.address.host(), url.address.port()),
                (host, port),
                "{text}"
            );
            assert_eq!(url.tls, tls, "{text}");
        }
    }

    #[test]
    fn an_account_is_the_same_with_and_without_tls() {
        let account = |text: &str| Pop3Url::parse(text).expect(text).account();
        assert_eq!(account("pop3://a@Host/"), account("pop3s://a@host/"));
        assert_ne!(account("pop3://a@host/"), account("pop3://a@host:1110/"));
        assert_ne!(account("pop3://a@host/"), account("pop3://b@host/"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "alice@host",
            "http://a@h/",
            "pop3://h/",
            "pop3://@h/",
            "pop3://a:b@h/",
            "pop3://a%0d%0aDELE%201@h/",
            "pop3://a%00@h/",
            "pop3://a%4@h/",
            "pop3://a@h:x/",
            "pop3://a@h/INBOX",
            "pop3://a;AUTH=+APOP@h/",
            "pop3://a@h\r\nx/",
        ] {
            assert!(Pop3Url::parse(text).is_err(), "{text:?}");
        }
    }
}
