//! From a message to the wire.

use memchr::{memchr, memchr_iter};

use super::{BLOCK, CR, DOT, LF, Moved};

/// Octets of lines that are looked at one by one before whole blocks are tried again: lines that
/// end in LF come seldom alone.
const LINES: usize = 8 * BLOCK;

/// Writes a message as POP3 sends it, block by block.
///
/// Every line that begins with `.` gets one more, the first line included; a bare LF becomes
/// CRLF; a last line without an end gets one; `.` and CRLF end the whole. A CR elsewhere stays. An
/// empty message is the final line alone.
///
/// [`encode`](Self::encode) the blocks, then [`finish`](Self::finish) until
/// [`is_ended`](Self::is_ended). The cuts of input and output change nothing.
///
/// ```
/// use crosscheck::protocols::pop3::stuffing::Stuffer;
///
/// let (mut stuffer, mut wire) = (Stuffer::default(), [0; 64]);
/// let moved = stuffer.encode(b".\nlast", &mut wire);
/// let end = moved.written + stuffer.finish(&mut wire[moved.written..]);
/// assert_eq!(&wire[..end], b"..\r\nlast\r\n.\r\n");
/// assert_eq!(stuffer.octets(), b".\r\nlast\r\n".len() as u64);
/// ```
#[derive(Clone, Debug)]
pub struct Stuffer {
    place: Place,
    /// To be written before anything else.
    owed: &'static [u8],
    octets: u64,
    finishing: bool,
}

/// Where the next octet of the message stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    Inside,
    AfterCr,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self {
            place: Place::LineStart,
            owed: &[],
            octets: 0,
            finishing: false,
        }
    }
}

impl Stuffer {
    /// Takes what it can of the next block and writes what it can.
    ///
    /// Stops when the block is taken or the output full.
    pub fn encode(&mut self, input: &[u8], output: &mut [u8]) -> Moved {
        let mut moved = Moved::default();
        // Where it is worth again to look for a whole block without anything to change.
        let mut by_blocks_from = 0;
        loop {
            moved.written += self.pay(&mut output[moved.written..]);
            let (rest, room) = (&input[moved.read..], output.len() - moved.written);
            let Some(&next) = rest.first() else { break };
            if room == 0 {
                break;
            }
            if self.place == Place::LineStart && next == DOT {
                self.owed = b".";
                self.place = Place::Inside;
                continue;
            }
            let window = &rest[..rest.len().min(room)];
            let mut run = 0;
            if moved.read >= by_blocks_from {
                run = blocks_to_copy(window);
                by_blocks_from = moved.read + run + LINES;
            }
            if run == 0 && self.place == Place::LineStart {
                let more = self.whole_lines(rest, &mut output[moved.written..]);
                moved.read += more.read;
                moved.written += more.written;
                if more.read > 0 {
                    continue;
                }
            }
            if run == 0 {
                run = self.line_to_copy(window);
            }
            if run == 0 {
                // A bare LF.
                moved.read += 1;
                self.octets += 2;
                self.owed = b"\r\n";
                self.place = Place::LineStart;
                continue;
            }
            output[moved.written..][..run].copy_from_slice(&window[..run]);
            moved.read += run;
            moved.written += run;
            self.octets += run as u64;
            self.place = match window[run - 1] {
                // No run ends in a bare LF.
                LF => Place::LineStart,
                CR => Place::AfterCr,
                _ => Place::Inside,
            };
        }
        moved
    }

    /// Takes the whole lines of some of the input, from the beginning of one.
    fn whole_lines(&mut self, input: &[u8], output: &mut [u8]) -> Moved {
        // No line more than doubles, so that there is room for all of them.
        let window = &input[..input.len().min(output.len() / 2).min(LINES)];
        let mut moved = Moved::default();
        let mut dots = 0;
        for end in memchr_iter(LF, window) {
            let line = &window[moved.read..end];
            let line = line.strip_suffix(&[CR]).unwrap_or(line);
            let mut rest = &mut output[moved.written..];
            moved.read = end + 1;
            moved.written += line.len() + 2;
            if line.first() == Some(&DOT) {
                rest[0] = DOT;
                rest = &mut rest[1..];
                moved.written += 1;
                dots += 1;
            }
            rest[..line.len()].copy_from_slice(line);
            rest[line.len()..line.len() + 2].copy_from_slice(b"\r\n");
        }
        self.octets += (moved.written - dots) as u64;
        moved
    }

    /// How much of the window up to the end of its first line goes out as it is.
    fn line_to_copy(&self, window: &[u8]) -> usize {
        match memchr(LF, window) {
            None => window.len(),
            Some(0) => usize::from(self.place == Place::AfterCr),
            Some(end) => end + usize::from(window[end - 1] == CR),
        }
    }

    /// Writes the end of the message; again with more room until [`is_ended`](Self::is_ended).
    ///
    /// To be called when all blocks were taken.
    pub fn finish(&mut self, output: &mut [u8]) -> usize {
        let mut written = self.pay(output);
        if self.owed.is_empty() && !self.finishing {
            self.octets = self.octets();
            self.finishing = true;
            self.owed = match self.place {
                Place::LineStart => b".\r\n",
                Place::Inside | Place::AfterCr => b"\r\n.\r\n",
            };
            self.place = Place::LineStart;
            written += self.pay(&mut output[written..]);
        }
        written
    }

    /// The final line is written.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.finishing && self.owed.is_empty()
    }

    /// The octets of the message so far as the other side counts them, if it ends here.
    #[must_use]
    pub fn octets(&self) -> u64 {
        match self.place {
            Place::LineStart => self.octets,
            Place::Inside | Place::AfterCr => self.octets.saturating_add(2),
        }
    }

    /// The octets so far, an end that the last line lacks not included.
    #[must_use]
    pub const fn octets_so_far(&self) -> u64 {
        self.octets
    }

    fn pay(&mut self, output: &mut [u8]) -> usize {
        let (now, later) = self.owed.split_at(self.owed.len().min(output.len()));
        output[..now.len()].copy_from_slice(now);
        self.owed = later;
        now.len()
    }
}

/// How much goes out as it is, in whole blocks: every LF in them comes after a CR and not before
/// a dot.
fn blocks_to_copy(window: &[u8]) -> usize {
    // Whether a CR came before is not known here.
    if window.first() == Some(&LF) {
        return 0;
    }
    let mut run = 0;
    // One octet more than the block: what comes after its last.
    while let Some(block) = window.get(run.max(1) - 1..=run + BLOCK) {
        if !is_quiet(block) {
            break;
        }
        run += BLOCK;
    }
    run
}

/// Nothing to change between the first octet and the last.
fn is_quiet(block: &[u8]) -> bool {
    let odd =
        block
            .iter()
            .zip(&block[1..])
            .zip(&block[2..])
            .fold(0u8, |odd, ((before, here), after)| {
                odd | (u8::from(*here == LF) & (u8::from(*before != CR) | u8::from(*after == DOT)))
            });
    odd == 0
}
