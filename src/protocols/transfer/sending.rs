//! The sending half: blocks with headers, then the end frame.

use super::message::{Message, Prefix};
use super::refusal::{Reason, Refusal};
use super::request::{Answer, Request};
use super::wire::Wire;

/// A file that leaves.
#[derive(Debug)]
pub(super) struct Sending {
    /// The announced length.
    total: Option<u64>,
    /// Bytes that have been read, the resumed part included.
    position: u64,
    /// The largest block.
    block: u32,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next block is read.
    Read,
    /// So many bytes of the block have not left.
    Send(u32),
    /// There are no more blocks.
    Finish,
}

/// What became of a half after an answer.
pub(super) enum Progress {
    /// It goes on.
    More,
    /// The file is through; its length.
    Complete(u64),
}

/// Why an answer leads nowhere.
pub(super) enum Fault {
    /// It does not fit.
    Misuse,
    /// It shows that the transfer has failed.
    Broken(Refusal),
}

impl Sending {
    /// From `offset` on, in blocks of at most `block` bytes.
    pub(super) fn new(total: Option<u64>, offset: u64, block: u32) -> Self {
        Self {
            total,
            position: offset,
            block,
            phase: Phase::Read,
        }
    }

    pub(super) fn request(&self) -> Request {
        match self.phase {
            Phase::Read => match self.total.map(|total| total.saturating_sub(self.position)) {
                Some(0) => Request::FinishSource,
                Some(left) => Request::Read {
                    most: u32::try_from(left).unwrap_or(u32::MAX).min(self.block),
                },
                None => Request::Read { most: self.block },
            },
            Phase::Send(length) => Request::Send { length },
            Phase::Finish => Request::FinishSource,
        }
    }

    /// A block was announced and has not left: no other frame can follow.
    pub(super) fn is_within_block(&self) -> bool {
        matches!(self.phase, Phase::Send(_))
    }

    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        let waiting = match self.phase {
            Phase::Send(length) => length.into(),
            _ => 0,
        };
        (self.position - waiting, self.total)
    }

    pub(super) fn answer(&mut self, wire: &mut Wire, answer: &Answer) -> Result<Progress, Fault> {
        match (self.request(), answer) {
            (Request::Read { .. }, Answer::Read(0)) => match self.total {
                Some(total) => {
                    return Err(Fault::Broken(Refusal::new(
                        Reason::SourceChanged,
                        format!("it ends at byte {} of {total}", self.position),
                    )));
                }
                None => self.phase = Phase::Finish,
            },
            (Request::Read { most }, &Answer::Read(count)) if count <= most => {
                self.position += u64::from(count);
                self.phase = Phase::Send(count);
                wire.send_header(count);
                wire.wait(wire.limits.stall);
            }
            (Request::Send { length }, &Answer::Sent(count)) if (1..=length).contains(&count) => {
                self.phase = match length - count {
                    0 => Phase::Read,
                    left => Phase::Send(left),
                };
                wire.content_moved(count);
            }
            (Request::FinishSource, &Answer::Digest(digest)) => {
                wire.send(&Message::End(Prefix {
                    length: self.position,
                    digest,
                }));
                wire.wait(wire.limits.patience);
                return Ok(Progress::Complete(self.position));
            }
            _ => return Err(Fault::Misuse),
        }
        Ok(Progress::More)
    }
}
