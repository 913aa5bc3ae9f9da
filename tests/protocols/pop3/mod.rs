//! POP3: laws of both sides, and what they answer to bad input.
//!
//! 1. [`drive`]: the outside of a server's session, in memory.
//! 2. [`model`]: what a mail drop is, in sixty lines.
//! 3. [`codec`]: stuffing, lines, commands, replies.
//! 4. [`server_laws`]: any bytes in any pieces, and random scripts against the model.
//! 5. [`server_login`], [`server`]: single cases of the server.
//! 6. [`pair`]: a client against a server over an in-memory pipe.
//! 7. [`case`]: a client whose server is a script.
//! 8. [`client_laws`]: any bytes from a server.
//! 9. [`client_login`], [`client`]: single cases of the client.

mod case;
mod client;
mod client_laws;
mod client_login;
mod codec;
mod drive;
mod model;
mod pair;
mod server;
mod server_laws;
mod server_login;
