//! File transfer: a client and a server over streams in memory, with a directory in memory.
//!
//! 1. `world`: the directory, the streams, the outside of a session.
//! 2. `strategies`: messages, names and pieces at random.
//! 3. `messages`: what is written is read, and nothing else.
//! 4. `laws`: pieces, progress, memory, deadlines, and peers that break the protocol.
//! 5. `model`: any commands, with connections that break, against a directory of ten lines.

mod laws;
mod messages;
mod model;
mod strategies;
mod world;
