//! APOP: a digest of the greeting's timestamp and the password instead of the password (RFC 1939,
//! section 7).
//!
//! MD5 is broken: APOP keeps a password from who only listens, and no more. TLS is the better answer.

use std::fmt;

use md5::{Digest as _, Md5};

use super::argument::{Secret, same};

/// What a greeting ends with when APOP is offered: `<unique@host>`, printable ASCII without spaces.
///
/// A client that takes anything else as a timestamp can be made to give passwords away
/// (CVE-2007-1558), so the form is checked on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApopTimestamp(Box<str>);

impl ApopTimestamp {
    /// Longest timestamp: a greeting has 512 octets.
    pub const LONGEST: usize = 400;

    /// `unique` and `host` as `<unique@host>`; has to differ for each connection.
    ///
    /// Nothing when the result would be no timestamp: spaces, `<`, `>`, a second `@`, what is not
    /// printable ASCII, or too long.
    #[must_use]
    pub fn new(unique: &str, host: &str) -> Option<Self> {
        Self::parse(format!("<{unique}@{host}>").as_bytes())
    }

    /// The whole text has to be a timestamp.
    fn parse(text: &[u8]) -> Option<Self> {
        let inside = text.strip_prefix(b"<")?.strip_suffix(b">")?;
        let at = inside.iter().position(|octet| *octet == b'@')?;
        let (unique, host) = (&inside[..at], &inside[at + 1..]);
        let fits = |part: &[u8]| {
            !part.is_empty()
                && part
                    .iter()
                    .all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'<' | b'>' | b'@'))
        };
        if text.len() > Self::LONGEST || !fits(unique) || !fits(host) {
            return None;
        }
        let text = String::from_utf8(text.to_vec()).ok()?;
        Some(Self(text.into()))
    }

    /// The timestamp in the text of a greeting.
    #[must_use]
    pub fn find(greeting: &[u8]) -> Option<Self> {
        let from = greeting.iter().position(|octet| *octet == b'<')?;
        let length = greeting[from..].iter().position(|octet| *octet == b'>')?;
        Self::parse(&greeting[from..=from + length])
    }

    /// With its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Thirty-two hexadecimal digits in lower case.
#[derive(Clone)]
pub struct ApopDigest([u8; 32]);

impl ApopDigest {
    /// MD5 of the timestamp, brackets included, and the password.
    #[must_use]
    pub fn new(timestamp: &ApopTimestamp, password: &Secret) -> Self {
        let mut md5 = Md5::new();
        md5.update(timestamp.as_str());
        md5.update(password.as_bytes());
        let mut digits = [0; 32];
        for (pair, octet) in digits.chunks_exact_mut(2).zip(md5.finalize()) {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            pair[0] = DIGITS[usize::from(octet >> 4)];
            pair[1] = DIGITS[usize::from(octet & 15)];
        }
        Self(digits)
    }

    /// Upper case is taken too.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let mut digits: [u8; 32] = digits.try_into().ok()?;
        digits.make_ascii_lowercase();
        digits
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then_some(Self(digits))
    }

    /// Whether it was made of this timestamp and password.
    #[must_use]
    pub fn matches(&self, timestamp: &ApopTimestamp, password: &Secret) -> bool {
        *self == Self::new(timestamp, password)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// In a time that does not depend on the digits.
impl PartialEq for ApopDigest {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for ApopDigest {}

impl fmt::Debug for ApopDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApopDigest")
    }
}
