//! Messages on the wire: lines end in CRLF, a line that begins with `.` gets one more, a line of a
//! single `.` ends the whole (RFC 1939, section 3).
//!
//! 1. [`Stuffer`]: from a message to the wire.
//! 2. [`Unstuffer`]: from the wire to the message.
//! 3. [`Meter`]: the octets that the other side will count.
//! 4. [`Top`]: the part of a message that `TOP` shows.

mod meter;
mod stuffer;
mod top;
mod unstuffer;

pub use meter::Meter;
pub use stuffer::Stuffer;
pub use top::Top;
pub use unstuffer::Unstuffer;

/// What a step moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Octets of the input that are done with.
    pub read: usize,
    /// Octets written to the output.
    pub written: usize,
}

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const DOT: u8 = b'.';

/// Octets looked at in one go: enough that the compiler's vectors pay, little enough that a
/// neighbour of what has to be changed is soon copied again.
const BLOCK: usize = 512;
