//! The server's side: agrees on a version, then serves one command after the other.

use std::time::Instant;

use super::limits::Limits;
use super::message::{Digest, Message, Metadata, Prefix, VERSION};
use super::receiving::Receiving;
use super::refusal::{Reason, Refusal};
use super::request::{Answer, End, Misuse, Request, State};
use super::sending::{Fault, Progress, Sending};
use super::session::{Role, Session};
use super::wire::{Broken, Event, Wire, unexpected};

/// The side that has the files.
#[derive(Debug)]
pub struct Server {
    writable: bool,
    finishing: bool,
    /// The largest block that both sides take.
    block: u32,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Handshake,
    Idle,
    /// A command waits for the outside.
    Asked(Request, Option<Prefix>),
    Sending(Sending),
    /// A file of that length has left; the client says that it is stored.
    Delivered(u64),
    Receiving(Receiving),
    /// So many entries have left.
    Listing(u64),
}

impl Session<Server> {
    /// A session that waits for a client's first frame; files can be put if it is `writable`.
    #[must_use]
    pub fn server(now: Instant, limits: Limits, writable: bool) -> Self {
        Self {
            wire: Wire::new(now, limits),
            role: Server {
                writable,
                finishing: false,
                block: limits.block(),
                phase: Phase::Handshake,
            },
        }
    }

    /// The server is going to stop: the session ends after the command that it is at.
    pub fn finish(&mut self, now: Instant) {
        self.wire.at(now);
        self.role.finishing = true;
        if matches!(self.role.phase, Phase::Handshake) {
            self.wire.fail(Refusal::new(Reason::Shutdown, ""), false);
        }
        self.settle();
    }
}

impl Server {
    fn command(&mut self, wire: &mut Wire, message: Message) -> Result<(), Broken> {
        let (request, resume) = match message {
            Message::Get { path, resume } => {
                let length = resume.map(|prefix| prefix.length);
                let request = Request::OpenSource {
                    path,
                    resume: length,
                };
                (request, resume)
            }
            Message::List { path } => (Request::OpenDirectory { path }, None),
            Message::Put { .. } | Message::MakeDirectory { .. } if !self.writable => {
                self.refuse(
                    wire,
                    Refusal::new(Reason::Denied, "this server is read-only"),
                );
                return Ok(());
            }
            Message::Put {
                path,
                metadata,
                resume,
                overwrite,
            } => {
                let request = Request::OpenTarget {
                    path,
                    metadata,
                    resume,
                    overwrite,
                };
                (request, None)
            }
            Message::MakeDirectory { path, mode } => (Request::MakeDirectory { path, mode }, None),
            other => return Err(unexpected(&Event::Message(other), "between commands")),
        };
        self.phase = Phase::Asked(request, resume);
        Ok(())
    }

    fn refuse(&mut self, wire: &mut Wire, refusal: Refusal) {
        self.reply(wire, &Message::Refused(refusal));
    }

    /// The last frame of a command.
    fn reply(&mut self, wire: &mut Wire, message: &Message) {
        wire.send(message);
        self.idle(wire);
    }

    fn idle(&mut self, wire: &mut Wire) {
        self.phase = Phase::Idle;
        wire.wait(wire.limits.idle);
    }

    /// A file is open: it leaves if what the client has is a part of it.
    fn source(
        &mut self,
        wire: &mut Wire,
        metadata: Metadata,
        here: Option<Digest>,
        there: Option<Prefix>,
    ) -> Result<(), Misuse> {
        let offset = match (there, here) {
            (None, None) => 0,
            (Some(there), Some(here)) => {
                if metadata.length.is_some_and(|length| there.length > length) {
                    self.refuse(wire, Refusal::new(Reason::OffsetBeyondEnd, ""));
                    return Ok(());
                }
                if there.digest != here {
                    self.refuse(wire, Refusal::new(Reason::PrefixDiffers, ""));
                    return Ok(());
                }
                there.length
            }
            _ => return Err(Misuse),
        };
        wire.send(&Message::File { metadata, offset });
        wire.wait(wire.limits.stall);
        self.phase = Phase::Sending(Sending::new(metadata.length, offset, self.block));
        Ok(())
    }

    fn asked(
        &mut self,
        wire: &mut Wire,
        request: Request,
        resume: Option<Prefix>,
        answer: Answer,
    ) -> Result<(), Misuse> {
        match (request, answer) {
            (Request::OpenSource { .. }, Answer::Source { metadata, prefix }) => {
                self.source(wire, metadata, prefix, resume)
            }
            (
                Request::OpenTarget {
                    metadata, resume, ..
                },
                Answer::Target(prefix),
            ) if resume || prefix.length == 0 => {
                if metadata.length.is_some_and(|total| prefix.length > total) {
                    self.refuse(wire, Refusal::new(Reason::OffsetBeyondEnd, ""));
                    return Ok(());
                }
                wire.send(&Message::Ready(prefix));
                // The client digests the same part of its own file first.
                wire.wait(wire.limits.patience);
                self.phase = Phase::Receiving(Receiving::new(metadata.length, prefix.length));
                Ok(())
            }
            (Request::MakeDirectory { .. }, Answer::Done) => {
                self.reply(wire, &Message::Stored { length: 0 });
                Ok(())
            }
            (Request::OpenDirectory { .. }, Answer::Done) => {
                self.phase = Phase::Listing(0);
                Ok(())
            }
            _ => Err(Misuse),
        }
    }
}

impl Role for Server {
    fn request(&self) -> Option<Request> {
        match &self.phase {
            Phase::Handshake | Phase::Idle | Phase::Delivered(_) => None,
            Phase::Asked(request, _) => Some(request.clone()),
            Phase::Sending(sending) => Some(sending.request()),
            Phase::Receiving(receiving) => receiving.request(),
            Phase::Listing(_) => Some(Request::NextEntry),
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
            Phase::Asked(..) | Phase::Delivered(_) | Phase::Listing(_) => State::Command,
            Phase::Sending(_) => State::Sending,
            Phase::Receiving(_) => State::Receiving,
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
        if let Event::Message(Message::Failed(refusal)) = event {
            wire.close(End::PeerFailed(refusal));
            return Ok(());
        }
        match (&mut self.phase, event) {
            (
                Phase::Handshake,
                Event::Message(Message::Hello {
                    oldest,
                    newest,
                    most,
                }),
            ) => {
                if !(oldest..=newest).contains(&VERSION) {
                    return Err(Broken(Refusal::new(
                        Reason::Version,
                        format!("this server speaks version {VERSION}"),
                    )));
                }
                self.block = self.block.min(most);
                wire.send(&Message::Welcome {
                    version: VERSION,
                    most: wire.limits.block(),
                    writable: self.writable,
                });
                self.idle(wire);
                Ok(())
            }
            (Phase::Handshake, other) => Err(unexpected(&other, "before Hello")),
            (Phase::Idle, Event::Message(message)) => self.command(wire, message),
            (Phase::Idle, Event::WrongName(refusal)) => {
                self.refuse(wire, refusal);
                Ok(())
            }
            (Phase::Receiving(receiving), event) => receiving.event(wire, event),
            (Phase::Delivered(length), Event::Message(Message::Stored { length: stored }))
                if *length == stored =>
            {
                self.idle(wire);
                Ok(())
            }
            (Phase::Sending(_), other) => Err(unexpected(&other, "while a file leaves")),
            (_, other) => Err(unexpected(&other, "where it has no meaning")),
        }
    }

    fn answered(&mut self, wire: &mut Wire, answer: Answer) -> Result<(), Misuse> {
        let progress = match (&mut self.phase, &answer) {
            (Phase::Asked(request, resume), _) => {
                let (request, resume) = (request.clone(), *resume);
                return self.asked(wire, request, resume, answer);
            }
            (Phase::Listing(count), Answer::Entry(entry)) => {
                *count += 1;
                wire.send(&Message::Entry(entry.clone()));
                wire.wait(wire.limits.stall);
                return Ok(());
            }
            (Phase::Listing(count), &Answer::NoEntry { hidden }) => {
                let end = Message::EndOfList {
                    count: *count,
                    hidden,
                };
                self.reply(wire, &end);
                return Ok(());
            }
            (Phase::Sending(sending), answer) => sending.answer(wire, answer),
            (Phase::Receiving(receiving), answer) => receiving.answer(wire, answer),
            _ => return Err(Misuse),
        };
        match progress {
            Ok(Progress::More) => {}
            Ok(Progress::Complete(length)) if self.is_sending() => {
                self.phase = Phase::Delivered(length);
            }
            Ok(Progress::Complete(length)) => self.reply(wire, &Message::Stored { length }),
            Err(Fault::Misuse) => return Err(Misuse),
            Err(Fault::Broken(refusal)) => self.failed(wire, refusal),
        }
        Ok(())
    }

    fn failed(&mut self, wire: &mut Wire, refusal: Refusal) {
        match &self.phase {
            Phase::Sending(sending) => wire.fail(refusal, sending.is_within_block()),
            // The client's blocks would be taken for commands.
            Phase::Receiving(receiving) if !receiving.is_through() => wire.fail(refusal, false),
            _ => self.refuse(wire, refusal),
        }
    }

    fn is_finishing(&self) -> bool {
        self.finishing
    }
}
