//! The part of a message that `TOP` shows.

use memchr::memchr_iter;

use super::{CR, LF};

/// Cuts a message after its header, the blank line and so many lines of its body.
///
/// A header without a blank line after it is all there is, and stays as it is.
///
/// ```
/// use crosscheck::protocols::pop3::stuffing::Top;
///
/// let message = b"Subject: x\n\nfirst\nsecond\n";
/// let mut top = Top::new(1);
/// assert_eq!(top.take(message), b"Subject: x\n\nfirst\n".len());
/// assert!(top.is_done());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Top {
    /// Lines of the body still to show.
    lines: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line of the header.
    HeaderLine,
    /// After a CR that begins a line of the header.
    HeaderCr,
    /// Within a line of the header.
    Header,
    Body,
}

impl Top {
    /// The header, the blank line and `lines` lines of the body.
    #[must_use]
    pub const fn new(lines: u64) -> Self {
        Self {
            lines,
            place: Place::HeaderLine,
        }
    }

    /// How many octets of the next block belong to the part.
    pub fn take(&mut self, block: &[u8]) -> usize {
        let mut at = 0;
        while self.place != Place::Body {
            let Some(&octet) = block.get(at) else {
                return at;
            };
            at += 1;
            self.place = match (self.place, octet) {
                (Place::HeaderLine | Place::HeaderCr, LF) => Place::Body,
                (Place::HeaderLine, CR) => Place::HeaderCr,
                (_, LF) => Place::HeaderLine,
                (_, _) => Place::Header,
            };
        }
        for end in memchr_iter(LF, &block[at..]) {
            if self.lines == 0 {
                break;
            }
            self.lines -= 1;
            if self.lines == 0 {
                return at + end + 1;
            }
        }
        if self.lines == 0 { at } else { block.len() }
    }

    /// Nothing that follows belongs to the part.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.place == Place::Body && self.lines == 0
    }
}
