//! A protocol core driven over a stream: bytes and instants in, bytes and deadlines out, in buffers
//! of fixed size.

use std::time::{Duration, Instant};

use super::ready::{Interest, earlier};
use super::shutdown::Shutdown;
use super::stream::{Stream, StreamError, Waited};
use super::tls::{ClientTls, ServerTls};

/// A protocol as a state machine without I/O, as a [`Link`] sees it.
pub trait Core {
    /// Whether it only ever answers: then answers to what has come together may go together.
    const ANSWERS: bool;

    /// Takes bytes from the peer; says how many it has taken. Fewer than given is back-pressure:
    /// the rest comes again.
    fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize;
    /// The peer sends nothing more.
    fn handle_eof(&mut self, now: Instant);
    /// The instant of [`Core::poll_timeout`] has come.
    fn handle_timeout(&mut self, now: Instant);
    /// When the core wants to be woken.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Puts bytes for the peer into `output`; says how many. 0: there is nothing to send until more
    /// has come in or a request has been answered.
    fn poll_output(&mut self, now: Instant, output: &mut [u8]) -> usize;
}

/// A stream and the two buffers between it and a [`Core`].
///
/// While output waits for the peer to read it, no input is read: a peer that sends and never reads
/// fills its own buffers. A core that [only answers](Core::ANSWERS) answers what has come already
/// before output leaves, where there is room, so that the answers to commands that came together go
/// together.
///
/// A core that asks gets everything that had come when the connection fails, and the failure after
/// that: the answers to its earlier questions may be among it.
#[derive(Debug)]
pub struct Link<'a> {
    stream: Stream,
    input: Buffer,
    output: Buffer,
    /// The peer has sent everything.
    ended: bool,
    /// The last turn has moved nothing.
    idle: bool,
    /// How long the peer may leave output unread.
    stall: Duration,
    /// Since when it does.
    stalled: Option<Instant>,
    /// Taken when it was seen: a wish that is raised stays so, and would end every further wait.
    shutdown: Option<&'a Shutdown>,
    /// The connection has failed; what had come before is still being read.
    failed: Option<StreamError>,
}

/// What a turn of a [`Link`] was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something has moved, or a deadline has come: look at the core.
    Moved,
    /// The program is to end, and the peer has nothing to read from us and sends nothing now. Said
    /// once: who goes on, goes on until the session ends or is cut.
    Shutdown,
}

impl<'a> Link<'a> {
    /// A link with buffers of so many bytes for either direction. `stall` is how long the peer may
    /// leave output unread; `shutdown` ends a wait once.
    #[must_use]
    pub fn new(
        stream: Stream,
        buffers: usize,
        stall: Duration,
        shutdown: Option<&'a Shutdown>,
    ) -> Self {
        Self {
            stream,
            input: Buffer::new(buffers),
            output: Buffer::new(buffers),
            ended: false,
            idle: false,
            stall,
            stalled: None,
            shutdown,
            failed: None,
        }
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The stream without the link; what is in the buffers is lost.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Moves bytes between the core and the peer, whatever can be moved; where nothing can, waits
    /// until it can or the core wants to be woken. Blocks.
    ///
    /// Look at the core after every turn: it may ask for something because there was nothing to
    /// move. A turn waits only when the one before it has moved nothing either.
    ///
    /// # Errors
    /// When the connection has failed, or output was unread for too long.
    pub fn turn<C: Core>(&mut self, core: &mut C) -> Result<Turn, StreamError> {
        if self.failed.is_some() {
            return self.read_rest(core);
        }
        match self.move_on(core) {
            Err(error) if !C::ANSWERS => {
                self.failed = Some(error);
                Ok(Turn::Moved)
            }
            turn => turn,
        }
    }

    /// Reads what had come before the connection failed; when there is no more of it, that is said.
    fn read_rest(&mut self, core: &mut impl Core) -> Result<Turn, StreamError> {
        match (self.receive(core), self.failed.take()) {
            (Ok(true), failed) => {
                self.failed = failed;
                Ok(Turn::Moved)
            }
            (_, Some(error)) | (Err(error), None) => Err(error),
            (Ok(false), None) => Err(StreamError::Truncated),
        }
    }

    fn move_on(&mut self, core: &mut impl Core) -> Result<Turn, StreamError> {
        if self.gather(core) || self.send(core)? {
            self.idle = false;
            return Ok(Turn::Moved);
        }
        if !self.idle {
            // While output waits no input is read; an error that comes behind it can wait too.
            self.idle = !(self.output.is_empty() && self.receive(core)?);
            return Ok(Turn::Moved);
        }
        self.idle = false;
        self.wait(core)
    }

    /// Sends everything that the core has to say. Blocks.
    ///
    /// # Errors
    /// When the connection has failed, or output was unread for too long.
    pub fn flush(&mut self, core: &mut impl Core) -> Result<(), StreamError> {
        loop {
            self.fill(core);
            if self.output.is_empty() {
                return self.stream.flush(Instant::now() + self.stall);
            }
            let held = self.output.held();
            self.stream.write_all(held, self.stall)?;
            self.output.clear();
        }
    }

    /// Bytes from the peer that the core has not taken.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.input.held()
    }

    /// Becomes TLS, as the server; what the peer has sent before is forgotten. Blocks until the
    /// handshake is done. Call [`Link::flush`] before.
    ///
    /// # Errors
    /// When the handshake fails or is not done by the deadline.
    pub fn accept_tls(&mut self, tls: &ServerTls, deadline: Instant) -> Result<(), StreamError> {
        self.input.clear();
        self.stream.accept_tls(tls, deadline)
    }

    /// Becomes TLS, as the client. Blocks until the handshake is done. Call [`Link::flush`] before.
    ///
    /// # Errors
    /// When the handshake fails or is not done by the deadline; and when the server has sent
    /// something beforehand, which nobody could tell from what is sent under TLS.
    pub fn connect_tls(
        &mut self,
        tls: &ClientTls,
        host: &str,
        deadline: Instant,
    ) -> Result<(), StreamError> {
        if !self.input.is_empty() {
            return Err(StreamError::Injected);
        }
        self.stream.connect_tls(tls, host, deadline)
    }

    /// Adds to output of which nothing has left yet what the core answers to input that has come
    /// already; whether anything has moved.
    fn gather<C: Core>(&mut self, core: &mut C) -> bool {
        let waits = C::ANSWERS && self.stalled.is_none() && !self.input.is_empty();
        if !waits || !self.output.has_room_behind() {
            return false;
        }
        let written = core.poll_output(Instant::now(), self.output.room());
        self.output.add(written);
        written > 0 || !self.output.is_empty() && self.feed(core)
    }

    /// Hands the core what has come; whether it has taken any of it.
    fn feed(&mut self, core: &mut impl Core) -> bool {
        let taken = core.handle_input(Instant::now(), self.input.held());
        self.input.take(taken);
        taken > 0
    }

    fn fill(&mut self, core: &mut impl Core) -> bool {
        if !self.output.is_empty() {
            return false;
        }
        let written = core.poll_output(Instant::now(), self.output.room());
        self.output.add(written);
        written > 0
    }

    fn send(&mut self, core: &mut impl Core) -> Result<bool, StreamError> {
        let mut moved = self.fill(core);
        if !self.output.is_empty() {
            let written = self.stream.try_write(self.output.held())?;
            self.output.take(written);
            if written > 0 {
                moved = true;
                self.stalled = None;
            }
        } else if self.stream.wants_flush() && self.stream.try_flush()? {
            self.stalled = None;
        }
        Ok(moved)
    }

    fn receive(&mut self, core: &mut impl Core) -> Result<bool, StreamError> {
        let mut moved = false;
        if self.input.is_empty() && !self.ended {
            match self.stream.try_read(self.input.room()) {
                Ok(None) => return Ok(false),
                Ok(Some(0)) | Err(StreamError::Truncated) => {
                    self.ended = true;
                    core.handle_eof(Instant::now());
                    return Ok(true);
                }
                Ok(Some(read)) => self.input.add(read),
                Err(error) => return Err(error),
            }
            moved = true;
        }
        if !self.input.is_empty() {
            moved |= self.feed(core);
        }
        Ok(moved)
    }

    fn wait(&mut self, core: &mut impl Core) -> Result<Turn, StreamError> {
        let interest = Interest {
            read: !self.ended && self.input.is_empty() && self.output.is_empty(),
            write: !self.output.is_empty() || self.stream.wants_flush(),
        };
        let stalled = interest
            .write
            .then(|| *self.stalled.get_or_insert_with(Instant::now) + self.stall);
        let deadline = earlier(core.poll_timeout(), stalled);
        if interest == Interest::NONE && deadline.is_none() {
            // The peer has ended, and the core neither says anything nor waits for anything.
            return Err(StreamError::Truncated);
        }
        // Who reads what is sent to it is not asked to end in the middle.
        let shutdown = self.shutdown.filter(|_| interest.read);
        match self.stream.wait(interest, shutdown, deadline)? {
            Waited::Ready => Ok(Turn::Moved),
            Waited::Shutdown => {
                self.shutdown = None;
                Ok(Turn::Shutdown)
            }
            Waited::TimedOut => {
                let now = Instant::now();
                if stalled.is_some_and(|stalled| stalled <= now) {
                    return Err(StreamError::Stalled);
                }
                core.handle_timeout(now);
                Ok(Turn::Moved)
            }
        }
    }
}

/// Bytes on their way, in memory that never grows.
#[derive(Debug)]
struct Buffer {
    bytes: Box<[u8]>,
    /// The bytes on their way are `bytes[start..end]`; empty is `0..0`.
    start: usize,
    end: usize,
}

impl Buffer {
    fn new(size: usize) -> Self {
        Self {
            bytes: vec![0; size].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn held(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing has been taken yet, and half of the memory is free.
    fn has_room_behind(&self) -> bool {
        self.start == 0 && self.end <= self.bytes.len() / 2
    }

    /// The free memory behind the bytes.
    fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    fn add(&mut self, written: usize) {
        self.end += written;
    }

    fn take(&mut self, taken: usize) {
        self.start += taken;
        if self.is_empty() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}
