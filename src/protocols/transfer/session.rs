//! A session: bytes and instants in, bytes, requests and deadlines out, whichever side it is.

use std::time::Instant;

use super::limits::Limits;
use super::refusal::{Reason, Refusal};
use super::request::{Answer, End, Misuse, Request, State};
use super::wire::{Broken, Event, Wire};

/// One side of a session, the [`Server`](super::Server) or the [`Client`](super::Client).
///
/// Methods are of four kinds: `handle_…` tell it what happened, `poll_…` ask what it wants,
/// [`answer`](Self::answer) does both, and the others look at it. Nothing blocks, nothing panics on any
/// input, and memory is bounded by a few frames that are not content.
///
/// Time is what the caller says it is. It does not go back: an instant before the latest one counts as
/// the latest one.
#[derive(Debug)]
pub struct Session<R> {
    pub(super) wire: Wire,
    pub(super) role: R,
}

/// What makes a session a server or a client; sealed, for its methods speak of private types.
pub trait Role {
    /// What has to be done now.
    #[doc(hidden)]
    fn request(&self) -> Option<Request>;
    /// Input is taken although something has to be done: the peer may give up while we send.
    #[doc(hidden)]
    fn is_sending(&self) -> bool;
    /// A block was announced and has not left.
    #[doc(hidden)]
    fn is_within_block(&self) -> bool;
    /// What it is doing.
    #[doc(hidden)]
    fn state(&self) -> State;
    /// Bytes of the current file that have moved, and how many there are.
    #[doc(hidden)]
    fn progress(&self) -> Option<(u64, Option<u64>)>;
    /// The peer said something.
    #[doc(hidden)]
    fn event(&mut self, wire: &mut Wire, event: Event) -> Result<(), Broken>;
    /// What was asked for is answered; with anything but a failure.
    #[doc(hidden)]
    fn answered(&mut self, wire: &mut Wire, answer: Answer) -> Result<(), Misuse>;
    /// What was asked for cannot be done.
    #[doc(hidden)]
    fn failed(&mut self, wire: &mut Wire, refusal: Refusal);
    /// The session is to end when it is between commands.
    #[doc(hidden)]
    fn is_finishing(&self) -> bool;
}

impl<R: Role> Session<R> {
    /// Takes input, as much of it as the session can use at this point; says how many bytes were taken.
    ///
    /// Fewer than given means back-pressure: there is output to drain, or a request to answer. After
    /// the end everything is taken and dropped.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        self.wire.at(now);
        let mut rest = input;
        while !rest.is_empty() {
            if self.wire.end().is_some() {
                return input.len();
            }
            let busy = self.role.request().is_some() && !self.role.is_sending();
            if busy || !self.wire.is_drained() {
                break;
            }
            match self.wire.read(&mut rest) {
                Ok(Some(event)) => {
                    if let Err(Broken(refusal)) = self.role.event(&mut self.wire, event) {
                        self.wire.fail(refusal, self.role.is_within_block());
                    }
                }
                Ok(None) => break,
                Err(Broken(refusal)) => self.wire.fail(refusal, self.role.is_within_block()),
            }
        }
        self.settle();
        input.len() - rest.len()
    }

    /// The peer sends no more, and all input has been taken.
    pub fn handle_eof(&mut self, now: Instant) {
        self.wire.at(now);
        self.wire.handle_eof();
        self.settle();
    }

    /// The stream has failed: nothing can be sent any more. Closes at once.
    pub fn handle_failure(&mut self, now: Instant) {
        self.wire.at(now);
        self.wire.abandon();
        self.wire.close(End::Cut);
    }

    /// It is that late. Does nothing before [`poll_timeout`](Self::poll_timeout); at it, the session
    /// gives up, or, if it is closing, closes.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wire.at(now);
        if self.poll_timeout().is_none() || !self.wire.is_late() {
            return;
        }
        if self.wire.end().is_some() {
            self.wire.abandon();
        } else {
            let refusal = Refusal::new(Reason::TooSlow, "the peer took too long");
            self.wire.fail(refusal, self.role.is_within_block());
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called; `None` while the session does
    /// not wait for its peer.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ours = match self.poll_request() {
            // These two are up to the peer.
            Some(Request::Write { .. } | Request::Send { .. }) | None => false,
            Some(_) => true,
        };
        self.wire.deadline().filter(|_| !ours)
    }

    /// Moves output into the buffer; says how many bytes. Zero when there is none.
    pub fn poll_output(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.wire.drain(buffer);
        self.settle();
        count
    }

    /// What the outside has to do now, and then [`answer`](Self::answer); `None` while there is
    /// output to drain.
    #[must_use]
    pub fn poll_request(&self) -> Option<Request> {
        let open = self.wire.end().is_none() && self.wire.is_drained();
        self.role.request().filter(|_| open)
    }

    /// Says what came of the request.
    ///
    /// # Errors
    /// When the answer is not one to that request; nothing has changed then.
    pub fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Misuse> {
        self.wire.at(now);
        if self.poll_request().is_none() {
            return Err(Misuse);
        }
        match answer {
            Answer::Failed(refusal) => self.role.failed(&mut self.wire, refusal),
            answer => self.role.answered(&mut self.wire, answer)?,
        }
        self.settle();
        Ok(())
    }

    /// Gives up with that reason, which the peer is told if a frame can be sent now.
    pub fn fail(&mut self, now: Instant, refusal: Refusal) {
        self.wire.at(now);
        self.wire.fail(refusal, self.role.is_within_block());
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        if self.wire.is_closed() {
            State::Closed
        } else if self.wire.end().is_some() {
            State::Closing
        } else {
            self.role.state()
        }
    }

    /// How it ends, once that is decided; there may be output to drain still.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.wire.end()
    }

    /// Bytes of the current file that are through, a resumed part included, and its announced
    /// length.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, Option<u64>)> {
        self.role.progress()
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.wire.limits
    }

    /// Bytes that the session holds in buffers.
    #[must_use]
    pub fn held(&self) -> usize {
        self.wire.held()
    }

    /// Draws the consequences of an end of input and of a wish to end.
    pub(super) fn settle(&mut self) {
        if self.wire.end().is_some() {
            return;
        }
        let idle = self.role.state() == State::Idle;
        let waits = match self.role.request() {
            Some(Request::Write { .. }) | None => true,
            Some(_) => false,
        };
        if self.wire.is_at_eof() && waits {
            if idle && self.wire.is_between_frames() {
                self.wire.close(End::Finished);
            } else {
                self.wire.close(End::Cut);
            }
        } else if self.role.is_finishing() && matches!(self.role.state(), State::Idle) {
            let refusal = Refusal::new(Reason::Shutdown, "");
            self.wire.fail(refusal, false);
        }
    }
}
