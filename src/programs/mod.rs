//! Programs for people: blocking, threaded servers and clients over TCP and UDP.
//!
//! They stand on the protocols, which see no socket, and on the same semaphore, buffers, locks and
//! gates that the engines check.
//!
//! 1. [`net`]: addresses, doors, streams with deadlines, TLS, an orderly end.
//! 2. [`hello`]: a greeting server and its clients.
//! 3. [`file`](mod@file): file transfer.
//! 4. [`pop3`]: a mail drop server over Maildir and a client that fetches from one.

pub mod file;
pub mod hello;
pub mod net;
pub mod pop3;
