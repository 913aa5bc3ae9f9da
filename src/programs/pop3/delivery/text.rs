//! The ends of lines: CRLF on the wire, and on disk what this system has, unless they are to stay.

use std::io;

/// Turns CRLF into LF, in text that comes in any pieces; a CR that ends no line stays.
#[derive(Debug)]
pub(super) struct LineEnds {
    /// CRLF stays.
    keep: bool,
    /// A CR came, and what comes next decides whether it stays.
    owes_cr: bool,
}

impl LineEnds {
    pub(super) const fn new(keep: bool) -> Self {
        Self {
            keep,
            owes_cr: false,
        }
    }

    /// Takes a piece and writes what is known of it.
    pub(super) fn write(
        &mut self,
        octets: &[u8],
        mut output: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.keep {
            return output(octets);
        }
        let mut rest = octets;
        if self.owes_cr && !rest.is_empty() {
            self.owes_cr = false;
            if rest[0] != b'\n' {
                output(b"\r")?;
            }
        }
        while let Some(at) = memchr::memchr(b'\r', rest) {
            output(&rest[..at])?;
            match rest.get(at + 1) {
                Some(b'\n') => {}
                Some(_) => output(b"\r")?,
                None => self.owes_cr = true,
            }
            rest = &rest[at + 1..];
        }
        output(rest)
    }

    /// The text has ended.
    pub(super) fn finish(
        &mut self,
        mut output: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match std::mem::take(&mut self.owes_cr) {
            true => output(b"\r"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LineEnds;

    proptest! {
        #[test]
        fn pieces_change_nothing(
            text in prop::collection::vec(prop::sample::select(b"a\r\n".to_vec()), 0..20),
            cut in 0..20_usize,
        ) {
            let cut = cut.min(text.len());
            let mut written = Vec::new();
            let mut ends = LineEnds::new(false);
            let mut output = |piece: &[u8]| {
                written.extend_from_slice(piece);
                Ok(())
            };
            ends.write(&text[..cut], &mut output).expect("memory");
            ends.write(&text[cut..], &mut output).expect("memory");
            ends.finish(&mut output).expect("memory");
            let expected = String::from_utf8(text).expect("ASCII").replace("\r\n", "\n");
            prop_assert_eq!(String::from_utf8(written).expect("ASCII"), expected);
        }
    }
}
