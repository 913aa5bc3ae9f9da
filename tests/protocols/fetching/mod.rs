//! A fetch against servers that lie, break off and die, on disks that fail, in processes that are
//! killed: what may be deleted, and what has to be delivered.
//!
//! 1. [`liar`]: a server in memory whose mail drop and faults are data.
//! 2. [`talk`]: a session of the client with it, without a connection.
//! 3. [`story`]: what happens to a mail drop and its mailbox, from session to session.
//! 4. [`law`]: what holds of every story.
//! 5. [`cases`]: single stories.

mod cases;
mod law;
mod liar;
mod story;
mod talk;
