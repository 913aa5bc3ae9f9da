//! File transfer: serve a directory, get, put and list.
//!
//! 1. [`beneath`]: a directory that names cannot lead out of.
//! 2. [`source`] and [`target`]: a file that leaves, and one that is not whole yet.
//! 3. [`driver`]: a session of the protocol over a stream.
//! 4. [`serve`] and [`raw`]: the servers.
//! 5. [`client`]: commands to a server; [`tree`] gives them for whole directories.

pub mod beneath;
pub mod client;
pub mod driver;
pub mod raw;
pub mod serve;
pub mod source;
pub mod target;
pub mod tree;

/// The port of the server.
pub const PORT: u16 = 5000;

/// Bytes of a block of content: what a disk, a digest and a socket are each given at a time.
pub const BLOCK: u32 = 256 * 1024;
