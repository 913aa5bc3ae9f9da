//! POP3: laws of both sides, and what they answer to bad input.
//!
//! 1. [`drive`]: the outside of a session, in memory.
//! 2. [`model`]: what a mail drop is, in sixty lines.
//! 3. [`codec`]: stuffing, lines, commands, replies.
//! 4. [`server_laws`]: any bytes in any pieces.
//! 5. [`server`]: single cases of the server.
//! 6. [`pair`]: a client against a server over an in-memory pipe.
//! 7. [`client`]: single cases of the client, and any bytes from its server.

mod client;
mod codec;
mod drive;
mod model;
mod pair;
mod server;
mod server_laws;
