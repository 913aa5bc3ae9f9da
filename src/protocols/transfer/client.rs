//! The client's side: gives one command after the other and says what came of each.

use std::time::Instant;

use super::limits::Limits;
use super::message::{Entry, Message, Metadata, Mode, Prefix, VERSION};
use super::path::RelativePath;
use super::receiving::Receiving;
use super::refusal::{Reason, Refusal};
use super::request::{Answer, End, Misuse, Request, State};
use super::sending::{Fault, Progress, Sending};
use super::session::{Role, Session};
use super::wire::{Broken, Event, Wire, unexpected};

/// The side that gives commands.
#[derive(Debug)]
pub struct Client {
    /// The largest block that both sides take.
    block: u32,
    /// The server takes files, as it says.
    writable: bool,
    phase: Phase,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum Phase {
    Handshake,
    Idle,
    /// A file was asked for, and this is what we have of it.
    Get(Option<Prefix>),
    /// It comes, from the offset on.
    Expect(Metadata, u64),
    Receiving(Receiving),
    /// A file was offered.
    Put {
        metadata: Metadata,
        resume: bool,
    },
    /// The server has this much of it.
    Compare(Metadata, Prefix),
    Sending(Sending),
    /// All of it has left.
    Sent(u64),
    MakeDirectory,
    /// So many entries have come.
    List(u64),
    Take(u64, Entry),
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is verified and stored here.
    Got {
        /// Its length in bytes.
        length: u64,
    },
    /// The file is verified and stored there.
    Stored {
        /// Its length in bytes.
        length: u64,
    },
    /// The directory is there.
    Made,
    /// All entries have come.
    Listed {
        /// How many.
        count: u64,
        /// How many more there are whose names no peer may use.
        hidden: u64,
    },
    /// The server did not do it; the session goes on.
    Refused(Refusal),
}

/// A command was given while another one runs, or after the end: a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session is not between commands; wait for the outcome of the last one")]
pub struct NotIdle;

impl Session<Client> {
    /// A session that greets its server; commands are possible once it is [`State::Idle`].
    #[must_use]
    pub fn client(now: Instant, limits: Limits) -> Self {
        let mut wire = Wire::new(now, limits);
        wire.send(&Message::Hello {
            oldest: VERSION,
            newest: VERSION,
            most: limits.block(),
        });
        Self {
            wire,
            role: Client {
                block: limits.block(),
                writable: false,
                phase: Phase::Handshake,
                outcome: None,
            },
        }
    }

    /// Asks for a file, or for the rest of it behind what is there already.
    ///
    /// # Errors
    /// When the session is not between commands.
    pub fn get(
        &mut self,
        now: Instant,
        path: RelativePath,
        resume: Option<Prefix>,
    ) -> Result<(), NotIdle> {
        self.command(now, &Message::Get { path, resume }, Phase::Get(resume))
    }

    /// Offers a file, with `resume` the rest of it behind what the server has already.
    ///
    /// # Errors
    /// When the session is not between commands.
    pub fn put(
        &mut self,
        now: Instant,
        path: RelativePath,
        metadata: Metadata,
        resume: bool,
        overwrite: bool,
    ) -> Result<(), NotIdle> {
        let message = Message::Put {
            path,
            metadata,
            resume,
            overwrite,
        };
        self.command(now, &message, Phase::Put { metadata, resume })
    }

    /// Asks for a directory; one that is there is as good.
    ///
    /// # Errors
    /// When the session is not between commands.
    pub fn make_directory(
        &mut self,
        now: Instant,
        path: RelativePath,
        mode: Mode,
    ) -> Result<(), NotIdle> {
        let message = Message::MakeDirectory { path, mode };
        self.command(now, &message, Phase::MakeDirectory)
    }

    /// Asks for the entries of a directory, `None` being the root.
    ///
    /// # Errors
    /// When the session is not between commands.
    pub fn list(&mut self, now: Instant, path: Option<RelativePath>) -> Result<(), NotIdle> {
        self.command(now, &Message::List { path }, Phase::List(0))
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the session is not between commands.
    pub fn finish(&mut self, now: Instant) -> Result<(), NotIdle> {
        self.wire.at(now);
        if self.state() != State::Idle {
            return Err(NotIdle);
        }
        self.wire.close(End::Finished);
        Ok(())
    }

    /// What came of the last command; once.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        self.role.outcome.take()
    }

    /// Whether the server takes files, once the session is idle.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.role.writable
    }

    fn command(&mut self, now: Instant, message: &Message, phase: Phase) -> Result<(), NotIdle> {
        self.wire.at(now);
        if self.state() != State::Idle || !self.wire.is_drained() {
            return Err(NotIdle);
        }
        self.wire.send(message);
        // A prefix may have to be digested before there is an answer.
        self.wire.wait(self.wire.limits.patience);
        self.role.phase = phase;
        self.role.outcome = None;
        Ok(())
    }
}

impl Client {
    fn done(&mut self, wire: &mut Wire, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.phase = Phase::Idle;
        wire.wait(wire.limits.idle);
    }

    /// The server is ready to take a file of which it has a part.
    fn ready(
        &mut self,
        wire: &mut Wire,
        metadata: Metadata,
        resume: bool,
        prefix: Prefix,
    ) -> Result<(), Broken> {
        if prefix.length == 0 {
            wire.wait(wire.limits.stall);
            self.phase = Phase::Sending(Sending::new(metadata.length, 0, self.block));
            return Ok(());
        }
        if !resume {
            return Err(unexpected(
                &Event::Message(Message::Ready(prefix)),
                "with a part that was not asked for",
            ));
        }
        if metadata.length.is_some_and(|total| prefix.length > total) {
            return Err(Broken(Refusal::new(Reason::OffsetBeyondEnd, "")));
        }
        self.phase = Phase::Compare(metadata, prefix);
        Ok(())
    }
}

impl Role for Client {
    fn request(&self) -> Option<Request> {
        match &self.phase {
            &Phase::Expect(metadata, offset) => Some(Request::Expect { metadata, offset }),
            Phase::Receiving(receiving) => receiving.request(),
            Phase::Compare(_, prefix) => Some(Request::DigestPrefix {
                length: prefix.length,
            }),
            Phase::Sending(sending) => Some(sending.request()),
            Phase::Take(_, entry) => Some(Request::Take(entry.clone())),
            _ => None,
        }
    }

    fn is_sending(&self) -> bool {
        matches!(self.phase, Phase::Sending(_))
    }

    fn is_within_block(&self) -> bool {
        matches!(&self.phase, Phase::Sending(sending) if sending.is_within_block())
    }

    fn state(&self) -> State {
        match self.phase {
            Phase::Handshake => State::Handshake,
            Phase::Idle => State::Idle,
            Phase::Sending(_) => State::Sending,
            Phase::Receiving(_) => State::Receiving,
            _ => State::Command,
        }
    }

    fn progress(&self) -> Option<(u64, Option<u64>)> {
        match &self.phase {
            Phase::Sending(sending) => Some(sending.progress()),
            Phase::Receiving(receiving) => Some(receiving.progress()),
            _ => None,
        }
    }

    fn event(&mut self, wire: &mut Wire, event: Event) -> Result<(), Broken> {
        let message = match event {
            Event::Message(Message::Failed(refusal)) => {
                wire.close(End::PeerFailed(refusal));
                return Ok(());
            }
            Event::Message(message) => message,
            Event::Content(_) if matches!(self.phase, Phase::Receiving(_)) => {
                let Phase::Receiving(receiving) = &mut self.phase else {
                    return Ok(());
                };
                return receiving.event(wire, event);
            }
            other => return Err(unexpected(&other, "where it has no meaning")),
        };
        match (&mut self.phase, message) {
            (
                Phase::Handshake,
                Message::Welcome {
                    version,
                    most,
                    writable,
                },
            ) => {
                if version != VERSION {
                    return Err(Broken(Refusal::new(
                        Reason::Version,
                        format!("this client speaks version {VERSION}"),
                    )));
                }
                self.block = self.block.min(most);
                self.writable = writable;
                self.phase = Phase::Idle;
                wire.wait(wire.limits.idle);
            }
            (
                Phase::Get(_)
                | Phase::Put { .. }
                | Phase::Sent(_)
                | Phase::MakeDirectory
                | Phase::List(_),
                Message::Refused(refusal),
            ) => self.done(wire, Outcome::Refused(refusal)),
            (Phase::Get(resume), Message::File { metadata, offset })
                if offset == resume.map_or(0, |prefix| prefix.length)
                    && metadata.length.is_none_or(|total| offset <= total) =>
            {
                self.phase = Phase::Expect(metadata, offset);
            }
            (Phase::Receiving(receiving), message) => {
                receiving.event(wire, Event::Message(message))?;
            }
            (&mut Phase::Put { metadata, resume }, Message::Ready(prefix)) => {
                self.ready(wire, metadata, resume, prefix)?;
            }
            (&mut Phase::Sent(length), Message::Stored { length: stored }) if length == stored => {
                self.done(wire, Outcome::Stored { length });
            }
            (Phase::MakeDirectory, Message::Stored { length: 0 }) => {
                self.done(wire, Outcome::Made);
            }
            (&mut Phase::List(count), Message::Entry(entry)) => {
                self.phase = Phase::Take(count + 1, entry);
            }
            (&mut Phase::List(seen), Message::EndOfList { count, hidden }) if seen == count => {
                self.done(wire, Outcome::Listed { count, hidden });
            }
            (_, message) => {
                return Err(unexpected(
                    &Event::Message(message),
                    "where it has no meaning",
                ));
            }
        }
        Ok(())
    }

    fn answered(&mut self, wire: &mut Wire, answer: Answer) -> Result<(), Misuse> {
        let progress = match (&mut self.phase, &answer) {
            (&mut Phase::Expect(metadata, offset), Answer::Done) => {
                self.phase = Phase::Receiving(Receiving::new(metadata.length, offset));
                wire.wait(wire.limits.stall);
                return Ok(());
            }
            (&mut Phase::Compare(metadata, prefix), &Answer::Digest(digest)) => {
                if digest == prefix.digest {
                    wire.wait(wire.limits.stall);
                    let sending = Sending::new(metadata.length, prefix.length, self.block);
                    self.phase = Phase::Sending(sending);
                } else {
                    wire.fail(Refusal::new(Reason::PrefixDiffers, ""), false);
                }
                return Ok(());
            }
            (&mut Phase::Take(count, _), Answer::Done) => {
                self.phase = Phase::List(count);
                wire.wait(wire.limits.stall);
                return Ok(());
            }
            (Phase::Sending(sending), answer) => sending.answer(wire, answer),
            (Phase::Receiving(receiving), answer) => receiving.answer(wire, answer),
            _ => return Err(Misuse),
        };
        match progress {
            Ok(Progress::More) => {}
            Ok(Progress::Complete(length)) if self.is_sending() => {
                self.phase = Phase::Sent(length);
            }
            Ok(Progress::Complete(length)) => {
                wire.send(&Message::Stored { length });
                self.done(wire, Outcome::Got { length });
            }
            Err(Fault::Misuse) => return Err(Misuse),
            Err(Fault::Broken(refusal)) => self.failed(wire, refusal),
        }
        Ok(())
    }

    fn failed(&mut self, wire: &mut Wire, refusal: Refusal) {
        wire.fail(refusal, self.is_within_block());
    }

    fn is_finishing(&self) -> bool {
        false
    }
}
