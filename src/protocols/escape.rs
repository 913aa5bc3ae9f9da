//! Octets of a peer, shown without harm: nothing that a terminal would obey gets through.

use std::fmt::{self, Write as _};

/// Displays octets as text on one line: control characters, characters that change the direction
/// of the text, and what is no UTF-8 are escaped.
///
/// ```
/// use crosscheck::protocols::escape::Escaped;
///
/// assert_eq!(Escaped(b"\x1b[2J caf\xc3\xa9 \xff").to_string(), r"\u{1b}[2J café \xff");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_obeyed(character) {
                    write!(f, "{}", character.escape_unicode())?;
                } else {
                    f.write_char(character)?;
                }
            }
            for octet in chunk.invalid() {
                write!(f, "\\x{octet:02x}")?;
            }
        }
        Ok(())
    }
}

/// Control characters, line and paragraph separators, and the format characters of direction.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
