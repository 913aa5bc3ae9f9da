//! A session of the protocol over a stream, in one thread or in three, in buffers of fixed size.
//!
//! Content goes from the disk to the socket and back without a copy in between: the block that was
//! read is the block that is written, with its header in front of it. Between two blocks a sender
//! looks whether its peer has given up.
//!
//! A file leaves by one thread, which reads, digests and writes in turn, or by the three stages of a
//! [`Pipeline`], as [`Threads`] says.

use std::time::Instant;

use super::serve::closed;
use super::source::Source;
use crate::primitives::{PipeError, Pipeline};
use crate::programs::net::ready::{Interest, earlier};
use crate::programs::net::stream::Waited;
use crate::programs::net::{Shutdown, Stream, StreamError};
use crate::protocols::framing::frame::HEADER;
use crate::protocols::transfer::limits::MAX_CONTROL;
use crate::protocols::transfer::{Answer, Refusal, Request, Role, Session, State};
use crate::sync::Os;

/// What a session does to files.
pub trait World {
    /// Does what the session asks, but for moving content. Blocks.
    fn handle(&mut self, request: Request) -> Answer;

    /// Reads a block of content; 0 at its end. Blocks.
    ///
    /// # Errors
    /// When there is no more although there should be.
    fn read(&mut self, block: &mut [u8]) -> Result<usize, Refusal>;

    /// Writes content. Blocks.
    ///
    /// # Errors
    /// When there is no space.
    fn write(&mut self, content: &[u8]) -> Result<(), Refusal>;

    /// The file that leaves, for a pipeline that reads it in a thread of its own.
    fn leaving(&mut self) -> Option<Leaving<'_>>;

    /// Content has moved: so many bytes of the file are through, of so many.
    fn moved(&mut self, done: u64, total: Option<u64>);
}

/// A file that leaves by a pipeline.
pub struct Leaving<'a> {
    /// The file.
    pub source: &'a mut Source,
    /// As [`World::moved`].
    pub moved: &'a mut dyn FnMut(u64, Option<u64>),
}

/// How many threads a file leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Reads, digests and writes in turn.
    One,
    /// One reads, one digests, one writes.
    Three,
}

/// A stream and what is on its way over it.
#[derive(Debug)]
pub struct Driver<'a> {
    stream: Stream,
    threads: Threads,
    /// Taken when it was seen.
    shutdown: Option<&'a Shutdown>,
    /// Input that has not been taken: `input[start..end]`.
    input: Box<[u8]>,
    start: usize,
    end: usize,
    /// No more input comes.
    ended: bool,
    /// Output that has not left: `output[from..to]`. A block is read behind [`LEAD`], and its header
    /// put right in front of it; other messages start at 0.
    output: Box<[u8]>,
    from: usize,
    to: usize,
    /// Why the stream does not go on.
    failed: Option<StreamError>,
}

/// Blocks between two threads of a pipeline.
const SLOTS: (usize, usize) = (2, 2);

/// Room for every message.
const LEAD: usize = MAX_CONTROL as usize + HEADER;

/// Content is written to disks, and digested, in pieces of so many bytes or more while more comes.
const PIECE: usize = 64 * 1024;

impl<'a> Driver<'a> {
    /// A driver over a stream; the wish to end is heard once.
    #[must_use]
    pub fn new(stream: Stream, threads: Threads, shutdown: Option<&'a Shutdown>) -> Self {
        Self {
            stream,
            threads,
            shutdown,
            input: buffer(),
            start: 0,
            end: 0,
            ended: false,
            output: buffer(),
            from: 0,
            to: 0,
            failed: None,
        }
    }

    /// Why the stream has failed, if it has.
    #[must_use]
    pub const fn failure(&self) -> Option<&StreamError> {
        self.failed.as_ref()
    }

    /// The stream, to close it.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Runs until `rest` is true of the session, or the session is closed; what it says has left
    /// then. Blocks, but waits for the peer no longer than the session's limits.
    ///
    /// `stop` is called when the program is to end, once.
    pub fn run<R: Role>(
        &mut self,
        session: &mut Session<R>,
        world: &mut impl World,
        rest: impl Fn(&Session<R>) -> bool,
        stop: &dyn Fn(&mut Session<R>),
    ) {
        loop {
            self.heed(session, stop);
            let mut moved = self.push(session, &mut |done, total| world.moved(done, total));
            let clear = self.from == self.to && !self.stream.wants_flush();
            if session.state() == State::Closed || (rest(session) && clear) {
                return self.farewell(session);
            }
            if self.from == self.to {
                moved |= self.serve(session, world, stop);
            }
            if !moved && !self.receive(session) {
                self.wait(session);
            }
        }
    }

    /// Moves output into the stream; says whether any has moved.
    fn push<R: Role>(
        &mut self,
        session: &mut Session<R>,
        moved: &mut dyn FnMut(u64, Option<u64>),
    ) -> bool {
        if session.end().is_some() && self.to > LEAD {
            // Nobody waits for the rest of the block.
            (self.from, self.to) = (0, 0);
        }
        if self.from == self.to {
            let count = session.poll_output(&mut self.output[..LEAD]);
            (self.from, self.to) = (0, count);
            if count == HEADER
                && let Some(Request::Send { length }) = session.poll_request()
            {
                self.output.copy_within(..HEADER, LEAD - HEADER);
                (self.from, self.to) = (LEAD - HEADER, LEAD + length as usize);
            }
        }
        if self.from == self.to {
            return match self.stream.wants_flush().then(|| self.stream.try_flush()) {
                Some(Err(error)) => self.fail(session, error),
                _ => false,
            };
        }
        let written = match self.stream.try_write(&self.output[self.from..self.to]) {
            Ok(written) => written,
            Err(error) => return self.fail(session, error),
        };
        let before = self.from.max(LEAD);
        self.from += written;
        let content = self.from.saturating_sub(before);
        if content > 0 && self.to > LEAD {
            answer(session, Answer::Sent(content as u32));
            report(session, moved);
        }
        written > 0
    }

    /// Does what the session asks; says whether it could.
    fn serve<R: Role>(
        &mut self,
        session: &mut Session<R>,
        world: &mut impl World,
        stop: &dyn Fn(&mut Session<R>),
    ) -> bool {
        match session.poll_request() {
            Some(Request::Read { most }) if self.threads == Threads::Three => {
                self.send_by_three(session, world, most, stop);
                true
            }
            Some(Request::Read { most }) => {
                let most = most.min(super::BLOCK) as usize;
                let read = match world.read(&mut self.output[LEAD..LEAD + most]) {
                    Ok(count) => Answer::Read(count as u32),
                    Err(refusal) => Answer::Failed(refusal),
                };
                answer(session, read);
                // The receiver may have given up: then its last words are there.
                self.receive(session);
                true
            }
            Some(Request::Write { length }) => self.write_block(session, world, length as usize),
            Some(Request::Send { .. }) | None => false,
            Some(request) => {
                let done = world.handle(request);
                answer(session, done);
                true
            }
        }
    }

    /// Sends the rest of a file by a pipeline, in blocks of the size of the current request.
    fn send_by_three<R: Role>(
        &mut self,
        session: &mut Session<R>,
        world: &mut impl World,
        most: u32,
        stop: &dyn Fn(&mut Session<R>),
    ) {
        let most = most.min(super::BLOCK) as usize;
        let (done, total) = session.progress().unwrap_or_default();
        let mut left = total.map(|total| total.saturating_sub(done));
        let Some(leaving) = world.leaving() else {
            return answer(session, Answer::Failed(closed()));
        };
        let (mut reader, digest) = leaving.source.parts();
        let moved = leaving.moved;
        let block = || Block {
            bytes: buffer(),
            length: 0,
        };
        let mut pipeline = Pipeline::<Os, Block, Refusal>::new("transfer", SLOTS, block);
        let sent = pipeline.run(
            |block| {
                // Not beyond the announced end: that the file grows is noticed when all is read.
                let most = left.map_or(most, |left| {
                    usize::try_from(left).map_or(most, |left| left.min(most))
                });
                block.length = reader.read(&mut block.bytes[LEAD..LEAD + most])?;
                left = left.map(|left| left - block.length as u64);
                Ok(block.length > 0)
            },
            |block| {
                digest.update(&block.bytes[LEAD..LEAD + block.length]);
                Ok(())
            },
            |block| self.send_block(session, block, moved, stop),
        );
        let end = match sent {
            Ok(()) => Answer::Read(0),
            Err(PipeError::Failed(refusal)) => Answer::Failed(refusal),
            Err(PipeError::Gone) => Answer::Failed(closed()),
        };
        // Where all that was announced has left, or the session has ended, nobody asks.
        if matches!(session.poll_request(), Some(Request::Read { .. })) {
            answer(session, end);
        }
    }

    /// Sends a block that another thread has read.
    fn send_block<R: Role>(
        &mut self,
        session: &mut Session<R>,
        block: &mut Block,
        moved: &mut dyn FnMut(u64, Option<u64>),
        stop: &dyn Fn(&mut Session<R>),
    ) -> Result<(), Refusal> {
        // Nothing is in the buffer that it gets back.
        std::mem::swap(&mut self.output, &mut block.bytes);
        if !matches!(session.poll_request(), Some(Request::Read { .. })) {
            return Err(closed());
        }
        answer(session, Answer::Read(block.length as u32));
        loop {
            self.heed(session, stop);
            let pushed = self.push(session, moved);
            if session.end().is_some() {
                // The pipeline stops, and the session says what there is to say.
                return Err(closed());
            }
            if self.from == self.to {
                self.receive(session);
                return Ok(());
            }
            if !pushed && !self.receive(session) {
                self.wait(session);
            }
        }
    }

    /// Hears of the wish to end, once.
    fn heed<R: Role>(&mut self, session: &mut Session<R>, stop: &dyn Fn(&mut Session<R>)) {
        if self.shutdown.is_some_and(Shutdown::is_raised) {
            self.shutdown = None;
            stop(session);
        }
    }

    fn write_block<R: Role>(
        &mut self,
        session: &mut Session<R>,
        world: &mut impl World,
        length: usize,
    ) -> bool {
        if self.end - self.start < length.min(PIECE) {
            self.read();
        }
        let count = length.min(self.end - self.start);
        if count == 0 {
            return false;
        }
        let content = &self.input[self.start..self.start + count];
        let written = match world.write(content) {
            Ok(()) => Answer::Written(count as u32),
            Err(refusal) => Answer::Failed(refusal),
        };
        answer(session, written);
        self.take(count);
        report(session, &mut |done, total| world.moved(done, total));
        true
    }

    /// Gives the session what has come; says whether anything has.
    fn receive<R: Role>(&mut self, session: &mut Session<R>) -> bool {
        let came = self.read();
        let taken = session.handle_input(Instant::now(), &self.input[self.start..self.end]);
        self.take(taken);
        let open = session.end().is_none();
        if self.ended && self.start == self.end && open {
            session.handle_eof(Instant::now());
        }
        came || taken > 0 || (open && session.end().is_some())
    }

    /// Reads what is there and fits; says whether anything has come, the end included.
    fn read(&mut self) -> bool {
        if self.start > 0 && self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.ended || self.end == self.input.len() {
            return false;
        }
        match self.stream.try_read(&mut self.input[self.end..]) {
            Ok(None) => return false,
            Ok(Some(0)) => self.ended = true,
            Ok(Some(count)) => self.end += count,
            Err(error) => {
                self.ended = true;
                self.failed.get_or_insert(error);
            }
        }
        true
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Nothing can be sent any more; the peer's last words may be there still.
    fn fail<R: Role>(&mut self, session: &mut Session<R>, error: StreamError) -> bool {
        self.failed.get_or_insert(error);
        (self.from, self.to) = (0, 0);
        while session.end().is_none() && self.receive(session) {}
        session.handle_failure(Instant::now());
        true
    }

    /// Waits until something can move, the program is to end, or the session's time is over.
    fn wait<R: Role>(&mut self, session: &mut Session<R>) {
        let writes = self.from < self.to || self.stream.wants_flush();
        let interest = Interest {
            read: !self.ended && self.end < self.input.len(),
            write: writes,
        };
        let now = Instant::now();
        let stalled = writes.then(|| now + session.limits().stall);
        let deadline = earlier(session.poll_timeout(), stalled);
        match self.stream.wait(interest, self.shutdown, deadline) {
            // The wish is looked at in each turn.
            Ok(Waited::Ready | Waited::Shutdown) => {}
            Ok(Waited::TimedOut) => {
                let now = Instant::now();
                session.handle_timeout(now);
                if session.end().is_none() && stalled.is_some_and(|stalled| stalled <= now) {
                    self.fail(session, StreamError::Stalled);
                }
            }
            Err(error) => {
                self.fail(session, error);
            }
        }
    }

    /// The session is closed: what it has said last leaves, if the peer takes it soon.
    fn farewell<R: Role>(&mut self, session: &Session<R>) {
        let linger = session.limits().linger;
        if self.failed.is_none()
            && let Err(error) = self
                .stream
                .write_all(&self.output[self.from..self.to], linger)
        {
            self.failed = Some(error);
        }
        (self.from, self.to) = (0, 0);
    }
}

fn answer<R: Role>(session: &mut Session<R>, answer: Answer) {
    session
        .answer(Instant::now(), answer)
        .expect("the answer is made for the request that the session has");
}

fn report<R: Role>(session: &Session<R>, moved: &mut dyn FnMut(u64, Option<u64>)) {
    if let Some((done, total)) = session.progress() {
        moved(done, total);
    }
}

/// A block on its way through a pipeline.
#[derive(Hash)]
struct Block {
    /// Content from [`LEAD`] on.
    bytes: Box<[u8]>,
    /// Bytes of content.
    length: usize,
}

/// A buffer as a block needs it.
fn buffer() -> Box<[u8]> {
    vec![0; LEAD + super::BLOCK as usize].into_boxed_slice()
}
