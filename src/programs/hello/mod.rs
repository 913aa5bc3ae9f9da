//! The greeting: a server that says [`GREETING`] and closes, and its clients, over TCP and UDP.
//!
//! 1. [`serve`]: one handler thread a client.
//! 2. [`multiplex`]: all clients in one thread, by waiting for readiness.
//! 3. [`datagram`]: without connections, server and client.
//! 4. [`get`]: the client, which closes its own direction and reads to the end.
//! 5. [`chat`]: standard input and a connection, waited for at once.

pub mod chat;
pub mod datagram;
pub mod get;
pub mod multiplex;
pub mod serve;

/// What the server says: 26 bytes.
pub const GREETING: &[u8; 26] = b"Hello, you are connected!\n";

/// The port of the server.
pub const PORT: u16 = 3333;
