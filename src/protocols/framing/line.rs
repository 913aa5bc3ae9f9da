//! Lines of bounded length from input in any pieces: how the input is cut changes nothing.
//!
//! A line ends at LF; a CR before it belongs to the end. A CR elsewhere, and any other octet, is
//! part of the line: what it means there is for the protocol to say.

use memchr::memchr;
use zeroize::{Zeroize, Zeroizing};

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// Collects one line at a time; holds at most its limit of octets, whatever comes in.
///
/// [`feed`](Self::feed) takes input up to the end of a line and no further. After
/// [`Step::Line`] read the line, then feed again: the old line is wiped then, or at
/// [`clear`](Self::clear).
///
/// ```
/// use crosscheck::protocols::framing::{LineReader, Step};
///
/// let mut reader = LineReader::new(255);
/// assert_eq!(reader.feed(b"STA"), (3, Step::Partial));
/// assert_eq!(reader.feed(b"T\r\nQUIT\r\n"), (3, Step::Line));
/// assert_eq!(reader.line(), b"STAT");
/// assert_eq!(reader.feed(b"QUIT\r\n"), (6, Step::Line));
/// ```
#[derive(Debug)]
pub struct LineReader {
    /// What has come of the line, its end included once it is there. Wiped, because a line may
    /// hold a password.
    buffer: Zeroizing<Vec<u8>>,
    /// Octets of a line, its end included.
    limit: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The buffer holds the beginning of a line.
    Collecting,
    /// The buffer holds a line.
    Complete,
    /// In a line that was too long; so many octets of it were dropped after it was found to be so.
    Dropping(u64),
}

/// What [`LineReader::feed`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The line goes on; all input was taken.
    Partial,
    /// A line is there.
    Line,
    /// The line has reached the limit without an end; said once, at the octet that shows it. The
    /// rest of it is dropped by the next calls.
    TooLong,
    /// The line that was too long has ended, after so many octets more than it should have had.
    Dropped(u64),
}

impl LineReader {
    /// A reader of lines of at most `limit` octets, their end included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Zeroizing::new(Vec::new()),
            limit: limit.max(1),
            place: Place::Collecting,
        }
    }

    /// From the next octet on, lines have at most `limit` octets.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Takes input up to the end of the line; gives the octets taken and what they came to.
    ///
    /// Takes at least one octet of input that is not empty.
    pub fn feed(&mut self, input: &[u8]) -> (usize, Step) {
        match self.place {
            Place::Dropping(dropped) => return self.drop_rest(input, dropped),
            Place::Complete => self.clear(),
            Place::Collecting => {}
        }
        let room = self.limit.saturating_sub(self.buffer.len());
        let window = &input[..input.len().min(room)];
        if let Some(end) = memchr(LF, window) {
            self.push(&window[..=end]);
            self.place = Place::Complete;
            return (end + 1, Step::Line);
        }
        if window.len() == room {
            self.clear();
            self.place = Place::Dropping(0);
            return (window.len(), Step::TooLong);
        }
        self.push(window);
        (window.len(), Step::Partial)
    }

    fn drop_rest(&mut self, input: &[u8], dropped: u64) -> (usize, Step) {
        if let Some(end) = memchr(LF, input) {
            self.clear();
            return (end + 1, Step::Dropped(dropped.saturating_add(end as u64)));
        }
        self.place = Place::Dropping(dropped.saturating_add(input.len() as u64));
        (input.len(), Step::Partial)
    }

    /// Without the copies that a growing vector leaves behind.
    fn push(&mut self, octets: &[u8]) {
        let wanted = self.buffer.len() + octets.len();
        if wanted > self.buffer.capacity() {
            let capacity = wanted.max(self.buffer.capacity() * 2).max(256);
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity.min(self.limit)));
            larger.extend_from_slice(&self.buffer);
            self.buffer = larger;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// The line after [`Step::Line`], without its end; else nothing.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        if self.place != Place::Complete {
            return &[];
        }
        let line = self.buffer.strip_suffix(&[LF]).unwrap_or(&self.buffer);
        line.strip_suffix(&[CR]).unwrap_or(line)
    }

    /// Whether the line after [`Step::Line`] ended in CRLF, and not in LF alone.
    #[must_use]
    pub fn ended_in_crlf(&self) -> bool {
        self.place == Place::Complete && self.buffer.ends_with(&[CR, LF])
    }

    /// How many octets were dropped so far of a line after it was found too long.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        match self.place {
            Place::Dropping(dropped) => dropped,
            Place::Collecting | Place::Complete => 0,
        }
    }

    /// Forgets what has come of the line, and wipes it.
    pub fn clear(&mut self) {
        // What is beyond has been wiped before.
        self.buffer.as_mut_slice().zeroize();
        self.buffer.clear();
        self.place = Place::Collecting;
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.buffer.capacity()
    }
}
