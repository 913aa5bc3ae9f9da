//! Replies that wait to be taken.

use std::fmt;
use std::io::Write as _;

use crate::protocols::pop3::queue::Queue;
use crate::protocols::pop3::reply::{REPLY_LINE, ResponseCode, Status};

/// Lines in the order of their commands. Bounded because commands are read only while it is short.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) queue: Queue,
    /// The line that is being written.
    line: Vec<u8>,
}

impl Output {
    /// Appends a status line of at most 512 octets: text that is too long for it is cut.
    pub(super) fn status(
        &mut self,
        status: Status,
        code: Option<ResponseCode>,
        text: impl fmt::Display,
    ) {
        let status = status.as_str();
        match code {
            Some(code) => self.text(format_args!("{status} [{}] {text}", code.as_str())),
            None => self.text(format_args!("{status} {text}")),
        }
    }

    /// Appends a line of numbers and the like.
    pub(super) fn text(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a vector cannot fail; a Display that does has nothing to add.
        self.line(|line| line.write_fmt(text).unwrap_or_default());
    }

    /// Appends the line that `write` makes.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.line.clear();
        // At once, so that memory does not depend on what lines there were.
        self.line.reserve(REPLY_LINE);
        write(&mut self.line);
        self.line.truncate(REPLY_LINE - 2);
        self.line.extend_from_slice(b"\r\n");
        self.queue.push(&self.line);
    }

    /// Appends the line that ends an answer of several.
    pub(super) fn end(&mut self) {
        self.queue.push(b".\r\n");
    }

    pub(super) fn memory(&self) -> usize {
        self.queue.memory() + self.line.capacity()
    }
}
