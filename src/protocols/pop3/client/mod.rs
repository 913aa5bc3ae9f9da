//! One session of a client, without I/O.
//!
//! 1. [`Client`]: the session.
//! 2. [`Event`], [`Asked`]: what has come from the server.
//! 3. [`Login`], [`TlsPolicy`], [`Credential`], [`Way`]: from the greeting to the mail drop, without giving
//!    anything away.
//! 4. [`ClientError`], [`LoginError`], [`SendError`]: what can go wrong.
//! 5. `numbers`: what a listing may say.

mod error;
mod event;
mod login;
mod numbers;
mod replies;
mod session;

pub use error::{ClientError, LoginError, SendError, Waiting};
pub use event::{Asked, Event};
pub use login::{BadToken, Credential, Login, TlsPolicy, Token, Way};
pub use session::{Client, State};
