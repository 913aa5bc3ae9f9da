//! Commands in TRANSACTION: the maildrop is locked and listed (RFC 1939, section 5).

use std::time::Instant;

use super::maildrop::Maildrop;
use super::message::{Flow, Outgoing};
use super::output::Output;
use super::request::{Failure, Request};
use super::{Awaiting, End, Phase, Server};
use crate::protocols::pop3::command::{Command, Number};
use crate::protocols::pop3::reply::ResponseCode;

/// What a session in TRANSACTION has.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) maildrop: Maildrop,
    pub(super) stream: Stream,
    /// The block of the message on its way out; kept from message to message.
    pub(super) block: Vec<u8>,
}

/// An answer of many lines that is not written at once.
#[derive(Debug)]
pub(super) enum Stream {
    Nothing,
    Listing {
        what: Listing,
        /// Index of the message to be listed next.
        from: usize,
    },
    Message(Outgoing),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Listing {
    Sizes,
    UniqueIds,
}

impl Transaction {
    pub(super) fn new(maildrop: Maildrop) -> Self {
        Self {
            maildrop,
            stream: Stream::Nothing,
            block: Vec::new(),
        }
    }

    /// Lines of a listing, up to the limit of what may wait; true when something was added.
    pub(super) fn refill(&mut self, output: &mut Output, limit: usize) -> bool {
        let Stream::Listing { what, from } = &mut self.stream else {
            return false;
        };
        while output.queue.len() < limit.max(1) {
            let Some((after, number, entry)) = self.maildrop.next(*from) else {
                output.end();
                self.stream = Stream::Nothing;
                break;
            };
            *from = after;
            match what {
                Listing::Sizes => output.text(format_args!("{number} {}", entry.octets)),
                Listing::UniqueIds => {
                    output.text(format_args!("{number} {}", entry.unique_id));
                }
            }
        }
        true
    }
}

impl Server {
    pub(super) fn in_transaction(&mut self, command: Command) {
        let Phase::Transaction(transaction) = &mut self.phase else {
            return;
        };
        let maildrop = &mut transaction.maildrop;
        match command {
            Command::Stat => {
                let (count, octets) = (maildrop.count(), maildrop.octets());
                self.ok(format_args!("{count} {octets}"));
            }
            Command::List(None) => self.list(Listing::Sizes),
            Command::Uidl(None) => self.list(Listing::UniqueIds),
            Command::List(Some(number)) => match maildrop.get(number) {
                Some(entry) => {
                    let octets = entry.octets;
                    self.ok(format_args!("{number} {octets}"));
                }
                None => self.no_such_message(),
            },
            Command::Uidl(Some(number)) => match maildrop.get(number) {
                Some(entry) => {
                    let unique_id = entry.unique_id.clone();
                    self.ok(format_args!("{number} {unique_id}"));
                }
                None => self.no_such_message(),
            },
            Command::Retr(number) => match maildrop.get(number) {
                Some(entry) => {
                    let octets = entry.octets;
                    self.send(Outgoing::whole(number, octets));
                }
                None => self.no_such_message(),
            },
            Command::Top { message, lines } => match maildrop.get(message) {
                Some(_) => self.send(Outgoing::top(message, lines)),
                None => self.no_such_message(),
            },
            Command::Dele(number) => {
                if maildrop.delete(number) {
                    self.ok(format_args!("message {number} will be deleted at QUIT"));
                } else {
                    self.no_such_message();
                }
            }
            Command::Noop => self.ok("nothing done"),
            Command::Rset => {
                maildrop.reset();
                let (count, octets) = (maildrop.count(), maildrop.octets());
                self.ok(format_args!("{count} messages ({octets} octets)"));
            }
            Command::Capa => self.capabilities(),
            Command::Quit => {
                let deleted = maildrop.deleted();
                self.phase = Phase::Update;
                self.ask(Request::Commit { deleted }, Awaiting::Commit);
            }
            Command::User(_)
            | Command::Pass(_)
            | Command::Apop { .. }
            | Command::Auth { .. }
            | Command::Stls => self.bad("not after the login"),
        }
    }

    fn no_such_message(&mut self) {
        self.err(None, "no such message");
    }

    fn list(&mut self, what: Listing) {
        let Phase::Transaction(transaction) = &mut self.phase else {
            return;
        };
        transaction.stream = Stream::Listing { what, from: 0 };
        let (count, octets) = (transaction.maildrop.count(), transaction.maildrop.octets());
        self.ok(format_args!("{count} messages ({octets} octets)"));
    }

    fn send(&mut self, outgoing: Outgoing) {
        let block = self.settings.limits.block.max(1);
        let Phase::Transaction(transaction) = &mut self.phase else {
            return;
        };
        if transaction.block.len() != block {
            transaction.block = vec![0; block];
        }
        self.bad = 0;
        self.read(outgoing.message(), outgoing.offset());
        if let Phase::Transaction(transaction) = &mut self.phase {
            transaction.stream = Stream::Message(outgoing);
        }
    }

    fn read(&mut self, message: Number, offset: u64) {
        self.ask(Request::Read { message, offset }, Awaiting::Block);
    }

    /// The outside has read so many octets into the block.
    pub(super) fn block_read(&mut self, length: usize, last: bool) {
        let Phase::Transaction(transaction) = &mut self.phase else {
            return;
        };
        let Stream::Message(outgoing) = &mut transaction.stream else {
            return;
        };
        let block = transaction.block.get(..length).unwrap_or_default();
        let as_announced = outgoing.supply(block, last);
        if outgoing.begun {
            return;
        }
        if !as_announced {
            transaction.stream = Stream::Nothing;
            self.err(
                Some(ResponseCode::SysTemp),
                "the message has changed since the login",
            );
            return;
        }
        outgoing.begun = true;
        match outgoing.announced() {
            Some(octets) => self.ok(format_args!("{octets} octets")),
            None => self.ok("top of the message follows"),
        }
    }

    /// The outside could not read.
    pub(super) fn block_failed(&mut self, failure: Failure) {
        let Phase::Transaction(transaction) = &mut self.phase else {
            return;
        };
        let begun = matches!(&transaction.stream, Stream::Message(outgoing) if outgoing.begun);
        transaction.stream = Stream::Nothing;
        if begun {
            self.close(End::MessageUnreadable);
        } else {
            self.fail(failure, "the message cannot be read");
        }
    }

    /// The messages are deleted, or what could be.
    pub(super) fn committed(&mut self, outcome: Result<(), Failure>) {
        match outcome {
            Ok(()) => {
                self.ok("bye");
                self.conclude(End::Quit);
            }
            Err(failure) => {
                self.fail(failure, "some deleted messages were not removed");
                self.conclude(End::CommitFailed);
            }
        }
    }

    /// Writes what streams into the buffer.
    pub(super) fn write_stream(&mut self, now: Instant, buffer: &mut [u8]) -> usize {
        let limit = self.settings.limits.output;
        let mut written = 0;
        loop {
            written += self.output.queue.take(&mut buffer[written..]);
            let Phase::Transaction(transaction) = &mut self.phase else {
                break;
            };
            if written == buffer.len() || self.awaiting != Awaiting::Nothing {
                break;
            }
            if transaction.refill(&mut self.output, limit) {
                continue;
            }
            let Stream::Message(outgoing) = &mut transaction.stream else {
                break;
            };
            let (more, flow) = outgoing.write(&transaction.block, &mut buffer[written..]);
            written += more;
            match flow {
                Flow::Full => {}
                Flow::Drained => {
                    let (message, offset) = (outgoing.message(), outgoing.offset());
                    self.read(message, offset);
                }
                Flow::Ended => transaction.stream = Stream::Nothing,
                Flow::Broken => self.close(End::MessageChanged),
            }
            break;
        }
        if written > 0 {
            self.clock.progress(now);
        }
        written
    }
}
