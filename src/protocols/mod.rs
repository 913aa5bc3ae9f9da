//! Protocols as state machines: bytes and instants go in, bytes, requests and deadlines come out.
//!
//! No sockets, no clock, no threads, no files, so that every state can be driven by a test. Memory is
//! bounded by configured limits and no bytes, in any state, cause a panic.
//!
//! 1. [`escape`]: octets of a peer, shown without harm.
//! 2. [`framing`]: frames with a length, and lines that end in CRLF.
//! 3. [`transfer`]: file transfer, server and client.
//! 4. [`pop3`]: the Post Office Protocol (RFC 1939), server and client.
#![forbid(unsafe_code)]

pub mod escape;
pub mod framing;
pub mod pop3;
pub mod transfer;
