//! POP3 for people: a server over Maildir, and a client that fetches into one or into an mbox.
//!
//! 1. [`users`]: who may log in.
//! 2. [`maildrop`]: a Maildir as a mail drop, locked, listed, read and deleted from.
//! 3. [`serve`]: the server.
//! 4. [`url`]: the URLs of mail drops, `pop3://USER@HOST`.
//! 5. [`session`]: the client's side of a connection, up to the login.
//! 6. [`delivery`]: messages into a mailbox, none lost and none twice, whenever the process dies.
//! 7. [`fetch`]: the client.
//! 8. [`dialogue`]: a session shown line by line.

pub mod delivery;
pub mod dialogue;
pub mod fetch;
pub mod maildrop;
pub mod serve;
pub mod session;
pub mod url;
pub mod users;
