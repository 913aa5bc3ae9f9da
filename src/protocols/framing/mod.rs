//! Frames with a length, and lines that end in CRLF.
//!
//! 1. [`line`](mod@line): lines of bounded length, from input in any pieces.

pub mod line;

pub use line::{LineReader, Step};
