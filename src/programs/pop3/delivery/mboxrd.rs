//! What a message looks like in an mbox, after RFC 4155 and the "rd" of Rahul Dhesi: a line `From
//! SENDER DATE` before it, an empty line behind it, and a `>` more before each line that begins with
//! `From `, with any number of `>` in front, so that it can be taken off again.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// What such a line begins with.
const FROM: &[u8] = b"From ";

/// Where the sender is, in the first line of a message.
const RETURN_PATH: &[u8] = b"return-path:";

/// Who sent what does not say it.
const NOBODY: &[u8] = b"MAILER-DAEMON";

/// A first line that is longer names no sender.
const LONGEST: usize = 1000;

/// Writes messages one after the other, each in any pieces.
#[derive(Debug)]
pub(super) struct Encoder<W> {
    output: W,
    /// How lines end.
    newline: &'static [u8],
    place: Place,
    /// Bytes written since the start of the file.
    length: u64,
    /// The last of them ended a line.
    ended: bool,
}

#[derive(Debug)]
enum Place {
    /// In the first line of a message, which is held back: the sender may be in it.
    First(Vec<u8>),
    /// At the beginning of a line, behind any `>` and this much of `From `.
    Beginning(usize),
    /// In a line that needs no further look.
    Inside,
}

impl<W: Write> Encoder<W> {
    /// Writes from the start of an empty output. `crlf`: the lines of messages end in CRLF, so others
    /// do too.
    pub(super) fn new(output: W, crlf: bool) -> Self {
        Self {
            output,
            newline: if crlf { b"\r\n" } else { b"\n" },
            place: Place::First(Vec::new()),
            length: 0,
            ended: true,
        }
    }

    /// Bytes written.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// What it writes to.
    pub(super) const fn output(&mut self) -> &mut W {
        &mut self.output
    }

    /// Writes a piece of the message.
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let Place::First(first) = &mut self.place else {
            return self.body(octets);
        };
        first.extend_from_slice(octets);
        match first.contains(&b'\n') || first.len() > LONGEST {
            true => self.begin(),
            false => Ok(()),
        }
    }

    /// Ends the message; the next one begins.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Place::First(_) = self.place {
            self.begin()?;
        }
        if let Place::Beginning(seen) = self.place {
            self.put(&FROM[..seen])?;
        }
        if !self.ended {
            // The last line has no end.
            self.put(self.newline)?;
        }
        self.put(self.newline)?;
        self.place = Place::First(Vec::new());
        Ok(())
    }

    /// Goes back to a length that was there after a message; the output has to be there too.
    pub(super) fn back_to(&mut self, length: u64) {
        self.length = length;
        self.place = Place::First(Vec::new());
    }

    fn begin(&mut self) -> io::Result<()> {
        let Place::First(first) = std::mem::replace(&mut self.place, Place::Beginning(0)) else {
            return Ok(());
        };
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let sender = sender(&first).unwrap_or(NOBODY);
        let date = date(seconds);
        let line = [FROM, sender, b" ", date.as_bytes(), self.newline].concat();
        self.put(&line)?;
        self.body(&first)
    }

    fn body(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while let Some(&first) = rest.first() {
            match self.place {
                Place::Beginning(0) if first == b'>' => {
                    let marks = rest.iter().take_while(|octet| **octet == b'>').count();
                    self.put(&rest[..marks])?;
                    rest = &rest[marks..];
                }
                Place::Beginning(seen) if first == FROM[seen] => {
                    rest = &rest[1..];
                    self.place = Place::Beginning(seen + 1);
                    if seen + 1 == FROM.len() {
                        self.put(b">")?;
                        self.put(FROM)?;
                        self.place = Place::Inside;
                    }
                }
                Place::Beginning(seen) => {
                    self.put(&FROM[..seen])?;
                    self.place = Place::Inside;
                }
                Place::Inside | Place::First(_) => {
                    let line = match memchr::memchr(b'\n', rest) {
                        Some(end) => {
                            self.place = Place::Beginning(0);
                            end + 1
                        }
                        None => rest.len(),
                    };
                    self.put(&rest[..line])?;
                    rest = &rest[line..];
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        self.output.write_all(octets)?;
        self.length += octets.len() as u64;
        if let Some(last) = octets.last() {
            self.ended = *last == b'\n';
        }
        Ok(())
    }
}

/// The address in a first line `Return-Path: <…>`, if it can stand in a line of an mbox.
fn sender(first: &[u8]) -> Option<&[u8]> {
    let line = first.split(|octet| *octet == b'\n').next()?;
    let (name, value) = line.split_at_checked(RETURN_PATH.len())?;
    if !name.eq_ignore_ascii_case(RETURN_PATH) {
        return None;
    }
    let value = value.trim_ascii();
    let address = value.strip_prefix(b"<")?.strip_suffix(b">")?;
    let printable = !address.is_empty() && address.iter().all(u8::is_ascii_graphic);
    printable.then_some(address)
}

/// A moment after 1970, as asctime(3) writes it, in UTC: `Thu Jan  1 00:00:00 1970`.
fn date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = 365 + u64::from(leap(year));
        if day < length {
            break;
        }
        (year, day) = (year + 1, day - length);
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!(
        "{} {} {:2} {:02}:{:02}:{:02} {year}",
        DAYS[(days % 7) as usize],
        MONTHS[month],
        day + 1,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes a message out of an mbox that holds it alone, the simple way.
    fn decode(mbox: &str) -> Option<String> {
        let (first, rest) = mbox.split_once('\n')?;
        assert!(first.starts_with("From "), "{first}");
        let body = rest.strip_suffix('\n')?;
        let mut message = String::new();
        for line in body.split_inclusive('\n') {
            let marked = line.trim_start_matches('>').starts_with("From ");
            let marks = line.len() - line.trim_start_matches('>').len();
            assert!(!marked || marks > 0, "a line that begins a message: {line}");
            message.push_str(if marked { &line[1..] } else { line });
        }
        Some(message)
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "[>From a]{0,12}",
            ">{0,3}From .{0,3}".prop_map(|line| line.replace('\n', "")),
            Just("From".to_owned()),
            Just(String::new()),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            lines in prop::collection::vec(line(), 0..8),
            ends in any::<bool>(),
            cuts in prop::collection::vec(1..6_usize, 1..6),
        ) {
            let mut message = lines.join("\n");
            if ends && !message.is_empty() {
                message.push('\n');
            }
            let mut encoder = Encoder::new(Vec::new(), false);
            let mut rest = message.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                encoder.write(piece).expect("memory");
                rest = more;
            }
            encoder.end().expect("memory");
            prop_assert_eq!(encoder.length(), encoder.output.len() as u64);
            let mbox = String::from_utf8(encoder.output).expect("text");
            if !message.is_empty() && !message.ends_with('\n') {
                message.push('\n');
            }
            prop_assert_eq!(decode(&mbox), Some(message), "{}", mbox);
        }
    }

    #[test]
    fn the_sender_is_that_of_the_return_path() {
        for (first, expected) in [
            ("Return-Path: <a@b>\nFrom: x", Some("a@b")),
            ("return-path:<a@b>\r\n", Some("a@b")),
            ("Return-Path: <>\n", None),
            ("Return-Path: <a b>\n", None),
            ("Return-Path: <a\u{1b}>\n", None),
            ("Return-Path: a@b\n", None),
            ("Subject: x\nReturn-Path: <a@b>\n", None),
            ("Ret", None),
            ("", None),
        ] {
            assert_eq!(
                sender(first.as_bytes()),
                expected.map(str::as_bytes),
                "{first:?}"
            );
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "Thu Jan  1 00:00:00 1970"),
            (951_782_399, "Mon Feb 28 23:59:59 2000"),
            (951_782_400, "Tue Feb 29 00:00:00 2000"),
            (1_735_689_599, "Tue Dec 31 23:59:59 2024"),
            (4_107_542_400, "Mon Mar  1 00:00:00 2100"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
