//! Replies that wait to be taken.

use std::fmt;
use std::io::Write as _;

use crate::protocols::pop3::reply::{REPLY_LINE, ResponseCode, Status};

/// Lines in the order of their commands. Bounded because commands are read only while it is short.
#[derive(Debug, Default)]
pub(super) struct Output {
    octets: Vec<u8>,
    /// So many of them were taken.
    taken: usize,
}

impl Output {
    /// Appends a status line of at most 512 octets: text that is too long for it is cut.
    pub(super) fn status(
        &mut self,
        status: Status,
        code: Option<ResponseCode>,
        text: impl fmt::Display,
    ) {
        let from = self.octets.len();
        self.octets.extend_from_slice(status.as_str().as_bytes());
        if let Some(code) = code {
            self.append(format_args!(" [{}]", code.as_str()));
        }
        self.append(format_args!(" {text}"));
        self.end_line(from);
    }

    /// Appends a line of an answer with several: written by `write`, stuffed and cut here.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.octets.len();
        write(&mut self.octets);
        if self.octets.get(from) == Some(&b'.') {
            self.octets.insert(from, b'.');
        }
        self.end_line(from);
    }

    fn end_line(&mut self, from: usize) {
        self.octets.truncate(from + REPLY_LINE - 2);
        self.octets.extend_from_slice(b"\r\n");
    }

    /// Appends octets as they are: lines with their ends.
    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Appends numbers and the like.
    pub(super) fn append(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a vector cannot fail; a Display that does has nothing to add.
        let _ = self.octets.write_fmt(text);
    }

    /// Moves what fits into the buffer.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = &self.octets[self.taken..];
        let length = waiting.len().min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        self.taken += length;
        if self.taken == self.octets.len() {
            self.clear();
        }
        length
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.taken = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.octets.len() - self.taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn memory(&self) -> usize {
        self.octets.capacity()
    }
}
