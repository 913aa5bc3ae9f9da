//! A message on its way out: from the blocks that the outside reads to the wire.

use std::ops::Range;

use crate::protocols::pop3::Number;
use crate::protocols::pop3::stuffing::{Meter, Stuffer, Top};

/// RETR or TOP in progress. Holds one block, whatever the size of the message.
#[derive(Debug)]
pub(super) struct Outgoing {
    message: Number,
    /// RETR: the size that was announced, which has to come true.
    announced: Option<u64>,
    /// TOP: what is shown.
    top: Option<Top>,
    stuffer: Stuffer,
    /// Octets read of what is stored.
    offset: u64,
    /// What of the block is still to go out.
    ready: Range<usize>,
    /// No block follows this one.
    last: bool,
    /// The reply line is out: there is no way back to -ERR.
    pub(super) begun: bool,
}

/// Where a message on its way out stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The buffer is full.
    Full,
    /// The next block has to be read.
    Drained,
    /// The final line is out.
    Ended,
    /// The message is not what was announced.
    Broken,
}

impl Outgoing {
    /// The whole message.
    pub(super) fn whole(message: Number, announced: u64) -> Self {
        Self::new(message, Some(announced), None)
    }

    /// The header, the blank line and so many lines.
    pub(super) fn top(message: Number, lines: u64) -> Self {
        Self::new(message, None, Some(Top::new(lines)))
    }

    fn new(message: Number, announced: Option<u64>, top: Option<Top>) -> Self {
        Self {
            message,
            announced,
            top,
            stuffer: Stuffer::default(),
            offset: 0,
            ready: 0..0,
            last: false,
            begun: false,
        }
    }

    pub(super) const fn message(&self) -> Number {
        self.message
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The size to be named in the reply, if it is the whole.
    pub(super) const fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Takes the block that was read. False when it is the first and shows already that the
    /// message is not what was announced.
    pub(super) fn supply(&mut self, block: &[u8], last: bool) -> bool {
        self.offset = self.offset.saturating_add(block.len() as u64);
        let used = match &mut self.top {
            Some(top) => top.take(block),
            None => block.len(),
        };
        self.ready = 0..used;
        self.last = last || block.is_empty() || self.top.is_some_and(|top| top.is_done());
        match self.announced {
            Some(announced) if !self.begun && self.last => {
                let mut meter = Meter::default();
                meter.update(block);
                meter.octets() == announced
            }
            _ => true,
        }
    }

    /// Writes what it can of the block.
    pub(super) fn write(&mut self, block: &[u8], buffer: &mut [u8]) -> (usize, Flow) {
        let ready = block.get(self.ready.clone()).unwrap_or_default();
        let moved = self.stuffer.encode(ready, buffer);
        self.ready.start += moved.read;
        let mut written = moved.written;
        if self
            .announced
            .is_some_and(|announced| self.stuffer.octets_so_far() > announced)
        {
            return (written, Flow::Broken);
        }
        if !self.ready.is_empty() {
            return (written, Flow::Full);
        }
        if !self.last {
            return (written, Flow::Drained);
        }
        // Nothing of the end may go out before it is known to be the end.
        if self
            .announced
            .is_some_and(|announced| self.stuffer.octets() != announced)
        {
            return (written, Flow::Broken);
        }
        written += self.stuffer.finish(&mut buffer[written..]);
        let flow = if self.stuffer.is_ended() {
            Flow::Ended
        } else {
            Flow::Full
        };
        (written, flow)
    }
}
