//! Frames with a length, and lines that end in CRLF.
