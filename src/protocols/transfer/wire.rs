//! What server and client share: frames in, frames out, deadlines, and the way to the end.

use std::time::{Duration, Instant};

use super::limits::{Limits, MAX_CONTROL};
use super::message::{Kind, Message, MessageError};
use super::refusal::{Reason, Refusal};
use super::request::End;
use crate::protocols::framing::frame::{FrameDecoder, FrameError, HEADER, Header, Piece};

/// The state of a stream of frames in both directions.
#[derive(Debug)]
pub struct Wire {
    pub(super) limits: Limits,
    decoder: FrameDecoder,
    /// The frame that comes, when it is not content.
    incoming: Option<Header>,
    /// Its payload so far, at most `MAX_CONTROL` bytes.
    payload: Vec<u8>,
    /// A message, or the header of a block; the first `drained` bytes have left. Nothing is added
    /// before all of it has left, except for the last message of a session.
    output: Vec<u8>,
    drained: usize,
    /// The latest moment that was named.
    now: Instant,
    deadline: Option<Instant>,
    /// Bytes of content since the deadline was moved.
    progress: u64,
    /// The peer sends no more.
    eof: bool,
    end: Option<End>,
}

/// What the input brings.
#[derive(Debug)]
pub enum Event {
    /// A message, complete.
    Message(Message),
    /// A command whose name is not allowed; all else about it is right.
    WrongName(Refusal),
    /// The next bytes of the input are content.
    Content(u32),
}

/// A failure that ends the session.
pub struct Broken(pub(super) Refusal);

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self(Refusal::new(Reason::Protocol, error.to_string()))
    }
}

impl From<MessageError> for Broken {
    fn from(error: MessageError) -> Self {
        Self(Refusal::new(Reason::Protocol, error.to_string()))
    }
}

/// What comes does not belong here.
pub(super) fn unexpected(event: &Event, place: &str) -> Broken {
    let what = match event {
        Event::Message(message) => message.name(),
        Event::WrongName(_) => "a command",
        Event::Content(_) => "content",
    };
    Broken(Refusal::new(
        Reason::Protocol,
        format!("{what} comes {place}"),
    ))
}

impl Wire {
    pub(super) fn new(now: Instant, limits: Limits) -> Self {
        Self {
            decoder: FrameDecoder::new(limits.block()),
            limits,
            incoming: None,
            payload: Vec::new(),
            output: Vec::new(),
            drained: 0,
            now,
            deadline: now.checked_add(limits.handshake),
            progress: 0,
            eof: false,
            end: None,
        }
    }

    /// Takes the next message from the input.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Broken> {
        while let Some(piece) = self.decoder.decode(input)? {
            match piece {
                Piece::Header(header) => match Kind::of(header.kind) {
                    None => return Err(MessageError::Kind(header.kind).into()),
                    Some(Kind::Content) if header.flags != 0 => {
                        return Err(MessageError::Flags {
                            kind: header.kind,
                            flags: header.flags,
                        }
                        .into());
                    }
                    Some(Kind::Content) => return Ok(Some(Event::Content(header.length))),
                    Some(_) if header.length > MAX_CONTROL => {
                        return Err(MessageError::TooLong {
                            kind: header.kind,
                            length: header.length,
                        }
                        .into());
                    }
                    Some(_) => {
                        self.payload.clear();
                        self.incoming = Some(header);
                    }
                },
                Piece::Payload { bytes, last } => {
                    self.payload.extend_from_slice(bytes);
                    if last && let Some(header) = self.incoming.take() {
                        return match Message::decode(header, &self.payload) {
                            Ok(message) => Ok(Some(Event::Message(message))),
                            Err(MessageError::Name(error)) => Ok(Some(Event::WrongName(
                                Refusal::new(Reason::Name, error.to_string()),
                            ))),
                            Err(error) => Err(error.into()),
                        };
                    }
                }
            }
        }
        Ok(None)
    }

    /// Content of the current frame was taken from the input by somebody else.
    pub(super) fn content_taken(&mut self, bytes: u32) {
        self.decoder.skip(bytes as usize);
        self.content_moved(bytes);
    }

    /// Content came or left: enough of it moves the deadline.
    pub(super) fn content_moved(&mut self, bytes: u32) {
        self.progress += u64::from(bytes);
        if self.progress >= Limits::LEAST {
            self.wait(self.limits.stall);
        }
    }

    /// The peer has so much time from now on.
    pub(super) fn wait(&mut self, time: Duration) {
        self.deadline = self.now.checked_add(time);
        self.progress = 0;
    }

    /// Names the present moment; a moment before the latest one counts as that.
    pub(super) fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.is_closed())
    }

    /// Whether the deadline has passed.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.now >= deadline)
    }

    pub(super) fn send(&mut self, message: &Message) {
        self.compact();
        message.encode(&mut self.output);
    }

    /// Announces a block of content, whose bytes the caller puts behind the header.
    pub(super) fn send_header(&mut self, length: u32) {
        self.compact();
        let header = Header {
            kind: Kind::Content as u8,
            flags: 0,
            length,
        };
        self.output.extend_from_slice(&header.encode());
    }

    fn compact(&mut self) {
        self.output.drain(..self.drained);
        self.drained = 0;
    }

    /// Moves output to the caller. Says whether it was the last of it.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) -> usize {
        let rest = &self.output[self.drained..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.drained += count;
        if self.drained == self.output.len() {
            self.output.clear();
            self.drained = 0;
        }
        count
    }

    pub(super) fn is_drained(&self) -> bool {
        self.output.is_empty()
    }

    /// Gives up: tells the peer and closes once that has left.
    ///
    /// Within a block that was announced no frame can follow, so nothing is said then.
    pub(super) fn fail(&mut self, refusal: Refusal, within_block: bool) {
        if self.end.is_some() {
            return;
        }
        if !within_block {
            self.send(&Message::Failed(refusal.clone()));
        }
        self.close(End::Failed(refusal));
    }

    /// Closes once the output has left.
    pub(super) fn close(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.payload = Vec::new();
            self.wait(self.limits.linger);
        }
    }

    /// Drops what has not left.
    pub(super) fn abandon(&mut self) {
        self.output = Vec::new();
        self.drained = 0;
    }

    pub(super) fn handle_eof(&mut self) {
        self.eof = true;
    }

    pub(super) fn is_at_eof(&self) -> bool {
        self.eof
    }

    /// Whether the stream may end here, as far as frames go.
    pub(super) fn is_between_frames(&self) -> bool {
        self.decoder.finish().is_ok()
    }

    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The end is decided and everything has left.
    pub(super) fn is_closed(&self) -> bool {
        self.end.is_some() && self.is_drained()
    }

    /// Bytes that are held, for the law of bounded memory.
    pub(super) fn held(&self) -> usize {
        self.payload.capacity() + self.output.capacity() + HEADER
    }
}
