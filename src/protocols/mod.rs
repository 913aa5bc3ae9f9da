//! Protocols as state machines: bytes and instants go in, bytes, requests and deadlines come out.
//!
//! No sockets, no clock, no threads, no files, so that every state can be driven by a test. Memory is
//! bounded by configured limits and no bytes, in any state, cause a panic.
//!
//! 1. [`framing`]: frames with a length, and lines that end in CRLF.
//! 2. [`transfer`]: file transfer, server and client.
//! 3. [`pop3`]: the Post Office Protocol (RFC 1939), server and client.
#![forbid(unsafe_code)]

pub mod framing;
pub mod pop3;
pub mod transfer;
