//! Where one message ends and the next begins in a stream of bytes.
//!
//! 1. [`frame`]: a header with kind, flags and length, then that many bytes.
//! 2. [`line`](mod@line): lines of bounded length that end in CRLF.
//!
//! Input comes in any pieces; memory is bounded, and how the input is cut changes nothing.

pub mod frame;
pub mod line;

pub use frame::{FrameDecoder, FrameError, Header, Piece};
pub use line::{LineReader, Step};
