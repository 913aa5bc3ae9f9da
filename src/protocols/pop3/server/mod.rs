//! One session of a server, without I/O.
//!
//! 1. [`Settings`], [`Tls`]: what is offered.
//! 2. [`Request`], [`Answer`]: what the outside has to do.
//! 3. [`Server`]: the session; `authorization` and `transaction` hold its commands.
//! 4. `maildrop`: the messages and their marks.
//! 5. `message`: a message on its way out.
//! 6. `output`: replies that wait to be taken.
//! 7. `clock`: deadlines.

mod authorization;
mod clock;
mod maildrop;
mod message;
mod output;
mod request;
mod session;
mod settings;
mod transaction;

pub use request::{Answer, Claim, Credentials, Entry, Failure, Proof, Request, Unexpected};
pub use session::{End, Server, State};
pub use settings::{Settings, Tls};

use session::{Awaiting, Phase};
