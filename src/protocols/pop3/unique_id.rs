//! The name of a message that stays from session to session.

use std::fmt;

use thiserror::Error;

/// What UIDL gives: 1 to 70 printable ASCII characters without spaces (RFC 1939, section 7).
///
/// It comes from the peer and may hold `/` and `..`: it is no name of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<str>);

/// Why octets are no unique identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a unique identifier has 1 to 70 characters from 0x21 to 0x7e: take a hash of what you have"
)]
pub struct BadUniqueId;

impl UniqueId {
    /// Most characters.
    pub const LONGEST: usize = 70;

    /// The octets as a unique identifier.
    ///
    /// # Errors
    /// When there are none or more than 70, or one is not printable ASCII.
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, BadUniqueId> {
        let octets = octets.as_ref();
        let fits =
            (1..=Self::LONGEST).contains(&octets.len()) && octets.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(octets) {
            Ok(text) if fits => Ok(Self(text.into())),
            _ => Err(BadUniqueId),
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
