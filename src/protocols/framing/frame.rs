//! Frames: a fixed header with kind, flags and length, then that many bytes of payload.
//!
//! ```text
//! 0      1       2          4         8
//! | kind | flags | reserved | length  | payload …
//! ```
//!
//! Numbers are in network byte order. The reserved bytes are zero. A length is from 1 to the
//! receiver's limit, which is at most [`MAX_PAYLOAD`]; it is checked as soon as the header is
//! complete, and nothing is allocated for a payload here: the decoder lends the caller's own input
//! back, piece by piece, so that it holds 8 bytes whatever the peer sends.

/// Length of a header in bytes.
pub const HEADER: usize = 8;

/// The largest payload that any peer may send, in bytes: 1 MiB.
pub const MAX_PAYLOAD: u32 = 1 << 20;

/// The start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the payload is; the protocol above gives it a meaning.
    pub kind: u8,
    /// Bits with a meaning of their own in each kind.
    pub flags: u8,
    /// Bytes of payload.
    pub length: u32,
}

impl Header {
    /// The header as it travels.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER] {
        let [a, b, c, d] = self.length.to_be_bytes();
        [self.kind, self.flags, 0, 0, a, b, c, d]
    }

    /// Reads a header of a frame whose payload may have up to `most` bytes.
    ///
    /// # Errors
    /// When the length is zero or above `most`, or the reserved bytes are not zero.
    pub fn decode(bytes: [u8; HEADER], most: u32) -> Result<Self, FrameError> {
        let [kind, flags, r0, r1, a, b, c, d] = bytes;
        let reserved = u16::from_be_bytes([r0, r1]);
        let length = u32::from_be_bytes([a, b, c, d]);
        if reserved != 0 {
            return Err(FrameError::Reserved { reserved });
        }
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > most {
            return Err(FrameError::TooLong { length, most });
        }
        Ok(Self {
            kind,
            flags,
            length,
        })
    }
}

/// Appends a frame to `output`.
///
/// # Errors
/// When the payload is empty or has more than [`MAX_PAYLOAD`] bytes; nothing is appended then.
pub fn encode(kind: u8, flags: u8, payload: &[u8], output: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let header = Header {
        kind,
        flags,
        length,
    };
    let header = Header::decode(header.encode(), MAX_PAYLOAD)?;
    output.reserve(HEADER + payload.len());
    output.extend_from_slice(&header.encode());
    output.extend_from_slice(payload);
    Ok(())
}

/// Why a stream of frames cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is above the receiver's limit.
    #[error(
        "a frame announces {length} bytes, the limit is {most}; the peer speaks another protocol"
    )]
    TooLong {
        /// As announced.
        length: u32,
        /// The limit.
        most: u32,
    },
    /// The length is zero.
    #[error("a frame is empty; the peer speaks another protocol")]
    Empty,
    /// The reserved bytes are not zero.
    #[error("reserved bytes of a frame are {reserved:#06x}; the peer speaks another protocol")]
    Reserved {
        /// What they are.
        reserved: u16,
    },
    /// The stream ended within a frame.
    #[error("the connection ended within a frame; try again")]
    Cut,
}

/// A piece of the input, as [`FrameDecoder::decode`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins.
    Header(Header),
    /// Bytes of its payload, at least one; how many there are depends on how the input was cut.
    Payload {
        /// The bytes, in the caller's own input.
        bytes: &'a [u8],
        /// They are the last ones of the frame.
        last: bool,
    },
}

/// Finds frames in a stream that comes in any pieces.
///
/// Holds a partial header and a count, no payload. After an error it stays with that error.
///
/// ```
/// use crosscheck::protocols::framing::frame::{self, FrameDecoder, Piece};
///
/// let mut stream = Vec::new();
/// frame::encode(7, 0, b"hello", &mut stream)?;
/// let mut decoder = FrameDecoder::new(1024);
/// let mut input = &stream[..];
/// assert!(matches!(decoder.decode(&mut input)?, Some(Piece::Header(h)) if h.length == 5));
/// assert_eq!(
///     decoder.decode(&mut input)?,
///     Some(Piece::Payload { bytes: b"hello", last: true })
/// );
/// # Ok::<(), frame::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameDecoder {
    most: u32,
    /// The bytes of a header that is not complete, the first `have` of them.
    header: [u8; HEADER],
    have: usize,
    /// Bytes of payload that have not been seen.
    remaining: u32,
    failed: Option<FrameError>,
}

impl FrameDecoder {
    /// A decoder that admits payloads of up to `most` bytes, and no more than [`MAX_PAYLOAD`].
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self {
            most: most.min(MAX_PAYLOAD),
            header: [0; HEADER],
            have: 0,
            remaining: 0,
            failed: None,
        }
    }

    /// Takes the next piece from the front of `input`; `None` when the input is used up.
    ///
    /// # Errors
    /// When a header is wrong; and again on every later call.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if input.is_empty() {
            return Ok(None);
        }
        if self.remaining > 0 {
            let (bytes, rest) = input.split_at(input.len().min(self.remaining as usize));
            *input = rest;
            self.skip(bytes.len());
            return Ok(Some(Piece::Payload {
                bytes,
                last: self.remaining == 0,
            }));
        }
        let (bytes, rest) = input.split_at(input.len().min(HEADER - self.have));
        self.header[self.have..self.have + bytes.len()].copy_from_slice(bytes);
        self.have += bytes.len();
        *input = rest;
        if self.have < HEADER {
            return Ok(None);
        }
        self.have = 0;
        let header = Header::decode(self.header, self.most).inspect_err(|&error| {
            self.failed = Some(error);
        })?;
        self.remaining = header.length;
        Ok(Some(Piece::Header(header)))
    }

    /// Bytes of the current payload that have not been seen.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Counts bytes of the payload as seen: somebody else took them from the input.
    ///
    /// More than there are left count as all of them.
    pub fn skip(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.remaining = self.remaining.saturating_sub(bytes);
    }

    /// Says that the stream has ended.
    ///
    /// # Errors
    /// [`FrameError::Cut`] within a frame, or the error that the stream already had.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.have > 0 || self.remaining > 0 => Err(FrameError::Cut),
            None => Ok(()),
        }
    }
}
