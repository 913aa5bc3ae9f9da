//! From `HOST[:PORT]` to sockets: every address of a name is tried, v4 and v6 alike.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::exit::{EndsProgram, Exit};
use super::stream::Stream;
use crate::escape;

/// The longest name that DNS can hold, in octets.
const MAX_HOST: usize = 253;

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Reads `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT`, or a v6 number without a port.
    ///
    /// # Errors
    /// When it is none of them. A host has no spaces, control characters, `/` or `@`.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let fault = |fault| AddressError {
            text: text.to_owned(),
            fault,
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest
                    .split_once(']')
                    .ok_or_else(|| fault("has no `]` after its `[`"))?;
                if host.parse::<Ipv6Addr>().is_err() {
                    return Err(fault("has no IPv6 address between its brackets"));
                }
                match port {
                    "" => (host, None),
                    port => {
                        let port = port
                            .strip_prefix(':')
                            .ok_or_else(|| fault("has something other than :PORT after its `]`"))?;
                        (host, Some(port))
                    }
                }
            }
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port
                .parse()
                .map_err(|_| fault("has no port from 0 to 65535"))?,
            Some(_) => return Err(fault("has no number as its port")),
            None => default_port,
        };
        let strange = |c: char| c.is_control() || c.is_whitespace() || "/@?#[]".contains(c);
        if host.is_empty() {
            return Err(fault("has no host"));
        }
        if host.len() > MAX_HOST {
            return Err(fault("has a host longer than DNS allows"));
        }
        if host.contains(strange) {
            return Err(fault("has a character that no host has"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// The name or number, v6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// All socket addresses of the name, in the order in which the system wants them tried. Blocks
    /// as long as the system's resolver does.
    ///
    /// # Errors
    /// When the name has none.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let unresolved = |source| ConnectError::Resolve {
            host: escape::line(&self.host),
            source,
        };
        let mut addresses = Vec::new();
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        for address in found.map_err(unresolved)? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(unresolved(io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }

    /// Connects to the first address that answers; all of them together get `time`. Blocks.
    ///
    /// # Errors
    /// When the name has no address or none of its addresses answers.
    pub fn connect(&self, time: Duration) -> Result<Stream, ConnectError> {
        let addresses = self.resolve()?;
        let deadline = Instant::now() + time;
        let mut tried = Tried::default();
        for (at, address) in addresses.iter().enumerate() {
            // What is left is shared, so that one address that swallows packets leaves time for the
            // next.
            let left = deadline.saturating_duration_since(Instant::now());
            let others = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
            // Zero is refused as a timeout.
            let share = (left / others).max(Duration::from_millis(1));
            let connected = TcpStream::connect_timeout(address, share)
                .and_then(|socket| Stream::new(socket, *address));
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => tried.0.push((*address, error)),
            }
        }
        Err(ConnectError::Connect {
            address: self.clone(),
            tried,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` {fault}; write HOST, HOST:PORT or [IPV6]:PORT",
    escape::line(text)
)]
pub struct AddressError {
    text: String,
    fault: &'static str,
}

impl EndsProgram for AddressError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("cannot find the address of host `{host}`: {source}; check the name and the network")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// No address of the name answers.
    #[error("cannot connect to {address}: {tried}; is a server running there?")]
    Connect {
        /// Where to.
        address: Address,
        /// Every address and its error.
        tried: Tried,
    },
}

impl EndsProgram for ConnectError {
    fn exit(&self) -> Exit {
        Exit::Peer
    }
}

/// Addresses that were tried, each with its error.
#[derive(Debug, Default)]
pub struct Tried(Vec<(SocketAddr, io::Error)>);

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (address, error)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{address}: {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, u16)> {
        let address = Address::parse(text, 3333).ok()?;
        Some((address.host, address.port))
    }

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port() {
        let is = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parsed("localhost"), is("localhost", 3333));
        assert_eq!(parsed("127.0.0.1:0"), is("127.0.0.1", 0));
        assert_eq!(parsed("::1"), is("::1", 3333));
        assert_eq!(parsed("[::1]"), is("::1", 3333));
        assert_eq!(parsed("[::1]:65535"), is("::1", 65535));
        let wrong = [
            "",
            ":1",
            "a:",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "[::1",
            "[a]:1",
            "[::1]x",
            "a b",
            "a/b",
            "u@h",
            "a\u{1b}[2J",
            "a\n",
            "1:2:3",
        ];
        for text in wrong {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert_eq!(parsed(&"a".repeat(254)), None);
    }

    #[test]
    fn an_address_is_shown_as_it_is_written() {
        for text in ["localhost:1", "[::1]:25", "192.0.2.1:110"] {
            let address = Address::parse(text, 9).expect("an address");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn an_error_is_safe_to_show() {
        let error = Address::parse("\u{1b}[2J", 1).expect_err("no address");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}
