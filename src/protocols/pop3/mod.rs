//! The Post Office Protocol, version 3 (RFC 1939), server and client.
//!
//! Both sides are state machines without I/O. [`Server`] and [`Client`] name the order in which
//! their methods are called.
//!
//! 1. [`argument`]: arguments that cannot break a line.
//! 2. [`command`]: the commands.
//! 3. [`reply`]: the first line of an answer.
//! 4. [`capability`]: the lines of CAPA.
//! 5. [`unique_id`]: the name of a message that stays from session to session.
//! 6. [`apop`]: the digest of APOP.
//! 7. [`sasl`]: what goes into AUTH and comes out of it.
//! 8. [`stuffing`]: messages on the wire.
//! 9. [`limits`]: what bounds a session.
//! 10. `queue`: octets that wait to be taken.
//! 11. [`server`]: one session of a server.
//! 12. [`client`]: one session of a client.

pub mod apop;
pub mod argument;
pub mod capability;
pub mod client;
pub mod command;
pub mod limits;
mod queue;
pub mod reply;
pub mod sasl;
pub mod server;
pub mod stuffing;
pub mod unique_id;

pub use apop::{ApopDigest, ApopTimestamp};
pub use argument::{ForbiddenOctet, Secret, Text};
pub use capability::{Capability, Expire};
pub use client::Client;
pub use command::{Command, Mechanism, Number};
pub use limits::{ClientLimits, ServerLimits};
pub use reply::{Reply, ResponseCode, Status};
pub use server::Server;
pub use unique_id::{BadUniqueId, UniqueId};
