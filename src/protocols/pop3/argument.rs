//! Arguments that cannot break a line: no CR, no LF and no NUL gets into them.

use std::fmt;

use memchr::memchr3;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::escape::Escaped;

/// A user name or other words of a command: any octets but CR, LF and NUL.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<[u8]>);

/// A password, token or response: as [`Text`], wiped when dropped, never shown, compared in a time
/// that depends on the lengths only.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why octets are no argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("octet {at} is {name}, which would end or cut a line of POP3: remove it")]
pub struct ForbiddenOctet {
    /// Where it stands, from 0.
    pub at: usize,
    /// CR, LF or NUL.
    pub name: &'static str,
}

fn check(octets: &[u8]) -> Result<(), ForbiddenOctet> {
    match memchr3(b'\r', b'\n', 0, octets) {
        None => Ok(()),
        Some(at) => Err(ForbiddenOctet {
            at,
            name: match octets[at] {
                b'\r' => "CR",
                b'\n' => "LF",
                _ => "NUL",
            },
        }),
    }
}

impl Text {
    /// The octets as an argument.
    ///
    /// # Errors
    /// When one of them is CR, LF or NUL.
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, ForbiddenOctet> {
        let octets = octets.as_ref();
        check(octets)?;
        Ok(Self(octets.into()))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Escaped(&self.0).to_string())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl Secret {
    /// The octets as a secret argument.
    ///
    /// # Errors
    /// When one of them is CR, LF or NUL.
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, ForbiddenOctet> {
        let octets = octets.as_ref();
        check(octets)?;
        Ok(Self(Zeroizing::new(octets.to_vec())))
    }

    /// Octets of which we know that they are fit for a line, such as base64.
    pub(super) fn from_safe(octets: Vec<u8>) -> Self {
        debug_assert!(check(&octets).is_ok());
        Self(Zeroizing::new(octets))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether these are the octets, in a time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        same(&self.0, octets)
    }
}

/// Equality without an early end.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    let difference = one
        .iter()
        .zip(other)
        .fold(0, |difference, (a, b)| difference | (a ^ b));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
