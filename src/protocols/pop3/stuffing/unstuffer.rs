//! From the wire to the message.

use memchr::memchr_iter;

use super::{BLOCK, CR, DOT, LF, Moved};

/// Reads a message as POP3 sends it, to the line that ends it and no further.
///
/// Lines end in CRLF and nothing else: a dot after a bare LF or CR is part of the message, so
/// that nobody can end it early for one reader and not for another. The first dot of a line is
/// taken away, whatever follows; `.` and CRLF end the message.
///
/// ```
/// use crosscheck::protocols::pop3::stuffing::Unstuffer;
///
/// let (mut unstuffer, mut message) = (Unstuffer::default(), [0; 64]);
/// let moved = unstuffer.decode(b"..\r\nlast\r\n.\r\n+OK", &mut message);
/// assert_eq!(&message[..moved.written], b".\r\nlast\r\n");
/// assert!(unstuffer.is_ended());
/// assert_eq!(moved.read, 13);
/// ```
#[derive(Clone, Debug)]
pub struct Unstuffer {
    place: Place,
    octets: u64,
}

/// Where the next octet of the wire stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    Inside,
    AfterCr,
    /// After the first dot of a line.
    AfterDot,
    /// After `.` and CR at the beginning of a line.
    AfterDotCr,
    /// That CR was part of the message and has not been written yet.
    OwesCr,
    Ended,
}

impl Default for Unstuffer {
    fn default() -> Self {
        Self {
            place: Place::LineStart,
            octets: 0,
        }
    }
}

impl Unstuffer {
    /// Takes what it can of the input and writes what it can.
    ///
    /// Stops at the end of the message, at the end of the input, or when the output is full; even
    /// then it takes what needs no room.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Moved {
        let mut moved = Moved::default();
        loop {
            let (rest, room) = (&input[moved.read..], output.len() - moved.written);
            if self.place == Place::OwesCr {
                if room == 0 {
                    break;
                }
                output[moved.written] = CR;
                moved.written += 1;
                self.place = Place::AfterCr;
                continue;
            }
            let Some(&next) = rest.first() else { break };
            match self.place {
                Place::Ended | Place::OwesCr => break,
                Place::LineStart if next == DOT => {
                    moved.read += 1;
                    self.place = Place::AfterDot;
                }
                Place::AfterDot if next == CR => {
                    moved.read += 1;
                    self.place = Place::AfterDotCr;
                }
                Place::AfterDot => self.place = Place::Inside,
                Place::AfterDotCr if next == LF => {
                    moved.read += 1;
                    self.place = Place::Ended;
                }
                Place::AfterDotCr => self.place = Place::OwesCr,
                Place::LineStart | Place::Inside | Place::AfterCr if room == 0 => break,
                Place::AfterCr if next == LF => {
                    output[moved.written] = LF;
                    moved.read += 1;
                    moved.written += 1;
                    self.place = Place::LineStart;
                }
                Place::LineStart | Place::Inside | Place::AfterCr => {
                    let window = &rest[..rest.len().min(room)];
                    let run = run_to_copy(window);
                    output[moved.written..][..run].copy_from_slice(&window[..run]);
                    moved.read += run;
                    moved.written += run;
                    self.place = match window[..run] {
                        [.., CR, LF] => Place::LineStart,
                        [.., CR] => Place::AfterCr,
                        _ => Place::Inside,
                    };
                }
            }
        }
        self.octets = self.octets.saturating_add(moved.written as u64);
        moved
    }

    /// The line that ends the message was read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.place == Place::Ended
    }

    /// The octets of the message so far.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }
}

/// How much goes out as it is: up to the first dot after a CRLF, or all.
fn run_to_copy(window: &[u8]) -> usize {
    let mut from = 0;
    loop {
        // Overlapping by two octets, so that no CRLF with its dot is cut.
        let block = &window[from..window.len().min(from + BLOCK)];
        if has_dot_after_lf(block) {
            let after_crlf = |at: &usize| block[..*at].ends_with(b"\r\n");
            if let Some(at) = memchr_iter(DOT, block).find(after_crlf) {
                return from + at;
            }
        }
        if from + block.len() == window.len() {
            return window.len();
        }
        from += BLOCK - 2;
    }
}

fn has_dot_after_lf(block: &[u8]) -> bool {
    let found = block
        .iter()
        .zip(block.get(1..).unwrap_or_default())
        .fold(0u8, |found, (before, here)| {
            found | (u8::from(*before == LF) & u8::from(*here == DOT))
        });
    found != 0
}
