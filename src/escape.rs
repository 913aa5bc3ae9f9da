//! Text that does no harm where it is shown: it comes from peers, from file names and from panics
//! of checked programs, and can hold anything.

use std::fmt::{self, Write as _};

/// Replaces what a terminal would obey: control characters but for the newline, and the format
/// characters that change the direction of what follows.
#[must_use]
pub fn text(untrusted: &str) -> String {
    let mut safe = String::with_capacity(untrusted.len());
    for character in untrusted.chars() {
        if character != '\n' && is_obeyed(character) {
            write!(safe, "{}", character.escape_unicode()).expect("writing to a string");
        } else {
            safe.push(character);
        }
    }
    safe
}

/// As [`text`], on one line: a newline becomes `\n`.
#[must_use]
pub fn line(untrusted: &str) -> String {
    text(untrusted.trim_end_matches('\n')).replace('\n', "\\n")
}

/// As [`line()`], for bytes that need not be UTF-8: others become `\xNN`.
#[must_use]
pub fn bytes(untrusted: &[u8]) -> String {
    Escaped(untrusted).to_string()
}

/// Displays bytes as text on one line, see [`bytes`].
///
/// ```
/// use crosscheck::escape::Escaped;
///
/// assert_eq!(Escaped(b"\x1b[2J caf\xc3\xa9 \xff").to_string(), r"\u{1b}[2J café \xff");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\n' => f.write_str("\\n")?,
                    obeyed if is_obeyed(obeyed) => write!(f, "{}", obeyed.escape_unicode())?,
                    other => f.write_char(other)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Text that comes in pieces, which end anywhere, as [`text`] shows it. A line that ends in CRLF ends
/// in a newline.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The beginning of a character or of a CRLF, whose end has not come.
    rest: Vec<u8>,
}

impl Stream {
    /// The next piece, as far as its characters are whole.
    #[must_use]
    pub fn push(&mut self, piece: &[u8]) -> String {
        self.rest.extend_from_slice(piece);
        let whole = self.rest.len() - open_end(&self.rest);
        let shown = shown(&self.rest[..whole]);
        self.rest.drain(..whole);
        shown
    }

    /// What is left at the end.
    #[must_use]
    pub fn finish(&mut self) -> String {
        shown(&std::mem::take(&mut self.rest))
    }
}

/// How many bytes at the end may be the beginning of something.
fn open_end(bytes: &[u8]) -> usize {
    if bytes.last() == Some(&b'\r') {
        return 1;
    }
    let last = bytes.utf8_chunks().last();
    let invalid = last.map_or(&[] as &[u8], |chunk| chunk.invalid());
    match str::from_utf8(invalid) {
        Err(error) if error.error_len().is_none() => invalid.len(),
        _ => 0,
    }
}

fn shown(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        safe.push_str(&text(&chunk.valid().replace("\r\n", "\n")));
        write!(safe, "{}", Escaped(chunk.invalid())).expect("writing to a string");
    }
    safe
}

/// Whether a terminal does something other than show the character.
#[must_use]
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_spelt_out() {
        assert_eq!(
            text("a\u{1b}[31m\r\nb\u{9b}\u{202e}"),
            "a\\u{1b}[31m\\u{d}\nb\\u{9b}\\u{202e}"
        );
        assert_eq!(line("one\ntwo\n"), "one\\ntwo");
        assert_eq!(
            bytes(b"caf\xc3\xa9 \xff\x1b[2J\n"),
            "café \\xff\\u{1b}[2J\\n"
        );
    }

    #[test]
    fn pieces_end_anywhere() {
        let whole = "Grüße\r\n\u{1b}[2J\u{202e}𝄞\r\n".as_bytes();
        for at in 0..=whole.len() {
            let mut stream = Stream::default();
            let mut seen = stream.push(&whole[..at]);
            seen += &stream.push(&whole[at..]);
            seen += &stream.finish();
            assert_eq!(seen, "Grüße\n\\u{1b}[2J\\u{202e}𝄞\n", "split at {at}");
        }
        let mut stream = Stream::default();
        assert_eq!(stream.push(b"\xf0\x9d"), "");
        assert_eq!(stream.finish(), "\\xf0\\x9d");
    }
}
