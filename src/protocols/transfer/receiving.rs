//! The receiving half: counts blocks, checks the end frame, and has the file stored.

use super::message::{Digest, MAX_LENGTH, Message};
use super::refusal::{Reason, Refusal};
use super::request::{Answer, Request};
use super::sending::{Fault, Progress};
use super::wire::{Broken, Event, Wire, unexpected};

/// A file that comes.
#[derive(Debug)]
pub(super) struct Receiving {
    /// The announced length.
    total: Option<u64>,
    /// Bytes that are stored, the resumed part included.
    position: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next frame is awaited.
    Input,
    /// So many bytes of a block have not been taken.
    Write(u32),
    /// All of it is there; is its digest this one?
    Finish(Digest),
    /// It is.
    Commit,
}

impl Receiving {
    /// From `offset` on.
    pub(super) fn new(total: Option<u64>, offset: u64) -> Self {
        Self {
            total,
            position: offset,
            phase: Phase::Input,
        }
    }

    pub(super) fn request(&self) -> Option<Request> {
        match self.phase {
            Phase::Input => None,
            Phase::Write(length) => Some(Request::Write { length }),
            Phase::Finish(_) => Some(Request::FinishTarget),
            Phase::Commit => Some(Request::Commit),
        }
    }

    /// All content is through: after a failure both sides still agree on what comes next.
    pub(super) fn is_through(&self) -> bool {
        matches!(self.phase, Phase::Finish(_) | Phase::Commit)
    }

    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        (self.position, self.total)
    }

    pub(super) fn event(&mut self, wire: &mut Wire, event: Event) -> Result<(), Broken> {
        let corrupt = |text: String| Err(Broken(Refusal::new(Reason::Corrupt, text)));
        match event {
            Event::Content(length) => {
                let end = self.position.saturating_add(length.into());
                let most = self.total.unwrap_or(MAX_LENGTH);
                if end > most {
                    return corrupt(format!("byte {end} comes, {most} were announced"));
                }
                self.phase = Phase::Write(length);
                wire.wait(wire.limits.stall);
            }
            Event::Message(Message::End(end)) => {
                let announced = self.total.unwrap_or(end.length);
                if end.length != self.position || announced != self.position {
                    return corrupt(format!(
                        "{announced} bytes were announced, {} came, and the end says {}",
                        self.position, end.length
                    ));
                }
                self.phase = Phase::Finish(end.digest);
            }
            other => return Err(unexpected(&other, "while a file comes")),
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, wire: &mut Wire, answer: &Answer) -> Result<Progress, Fault> {
        match (&self.phase, answer) {
            (&Phase::Write(left), &Answer::Written(count)) if (1..=left).contains(&count) => {
                self.position += u64::from(count);
                self.phase = match left - count {
                    0 => Phase::Input,
                    left => Phase::Write(left),
                };
                wire.content_taken(count);
            }
            (Phase::Finish(expected), Answer::Digest(digest)) => {
                if digest != expected {
                    return Err(Fault::Broken(Refusal::new(
                        Reason::Corrupt,
                        "its digest is not the one that was sent",
                    )));
                }
                self.phase = Phase::Commit;
            }
            (Phase::Commit, Answer::Done) => return Ok(Progress::Complete(self.position)),
            _ => return Err(Fault::Misuse),
        }
        Ok(Progress::More)
    }
}
