//! The size of a message as the other side counts it.

use super::{CR, LF};

/// Counts the octets of a message in which every line ends in CRLF, without stuffing: what RETR
/// and LIST have to say, and what a client has after un-stuffing.
///
/// ```
/// use crosscheck::protocols::pop3::stuffing::Meter;
///
/// let mut meter = Meter::default();
/// meter.update(b"a\nb");
/// assert_eq!(meter.octets(), 6);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// With the CR that bare LFs get, without an end of the last line that has none.
    octets: u64,
    last: Option<u8>,
}

impl Meter {
    /// Takes the next block of the message, however cut.
    pub fn update(&mut self, block: &[u8]) {
        let Some((&first, &last)) = block.first().zip(block.last()) else {
            return;
        };
        let mut bare = u64::from(first == LF && self.last != Some(CR));
        // 255 of them cannot overflow an octet, which keeps the vectors narrow.
        for (before, here) in block.chunks(255).zip(block[1..].chunks(255)) {
            bare += u64::from(before.iter().zip(here).fold(0u8, |bare, (before, here)| {
                bare + (u8::from(*here == LF) & u8::from(*before != CR))
            }));
        }
        self.octets = self.octets.saturating_add(block.len() as u64 + bare);
        self.last = Some(last);
    }

    /// The octets of what was given, if the message ends here.
    #[must_use]
    pub fn octets(&self) -> u64 {
        match self.last {
            None | Some(LF) => self.octets,
            Some(_) => self.octets.saturating_add(2),
        }
    }
}
