//! File transfer over one byte stream, server and client.
//!
//! A session agrees on a version and on limits, then carries any number of commands: get a file,
//! put one, list a directory, make one. Content streams in blocks, an end frame carries the length
//! and the BLAKE3 digest of the whole file, and the receiver answers only when the file is stored.
//!
//! 1. [`path`]: names that a peer may use.
//! 2. [`message`]: what travels in frames.
//! 3. [`refusal`]: why a command or a session fails, as the peers tell each other.
//! 4. [`limits`]: sizes and times.
//! 5. [`request`]: what a session asks of the world, and the answers.
//! 6. `wire`, `sending`, `receiving`: the halves that server and client share.
//! 7. [`session`]: what can be done with a session; [`server`] and [`client`]: its two sides.
//!
//! # Content does not pass through a session
//!
//! A session sees the frames around the content and counts its bytes. The bytes themselves stay in
//! the caller's buffers: after [`Request::Write`] the next bytes of the *input* are content, after
//! [`Request::Send`] the next bytes of the *output* must be. So a session holds a few kilobytes
//! whatever is transferred, nothing is copied on its account, and who reads, hashes and writes, in one
//! thread or in three, is the caller's choice.
//!
//! # Order of calls
//!
//! 1. Drain [`poll_output`](Session::poll_output) into the stream.
//! 2. Do what [`poll_request`](Session::poll_request) asks and [`answer`](Session::answer) it.
//! 3. When there is neither, give input to [`handle_input`](Session::handle_input), or say
//!    [`handle_eof`](Session::handle_eof); at [`poll_timeout`](Session::poll_timeout) call
//!    [`handle_timeout`](Session::handle_timeout).
//! 4. Until [`end`](Session::end) is there and the output is drained: close the stream.

pub mod client;
pub mod limits;
pub mod message;
pub mod path;
mod receiving;
pub mod refusal;
pub mod request;
mod sending;
pub mod server;
pub mod session;
mod wire;

pub use client::{Client, NotIdle, Outcome};
pub use limits::Limits;
pub use message::{Digest, Entry, EntryKind, Metadata, Mode, Modified, Prefix};
pub use path::{PathError, RelativePath};
pub use refusal::{Reason, Refusal};
pub use request::{Answer, End, Misuse, Request, State};
pub use server::Server;
pub use session::{Role, Session};
