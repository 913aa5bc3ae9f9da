//! The fetching client: every message into a mailbox once, and deleted on the server only when it is
//! safely there.
//!
//! 1. [`run`]: one session, from the login to QUIT.
//! 2. [`conversation`]: what a session has to do for that.
//! 3. [`note`]: what there is to say of single messages.

pub mod conversation;
pub mod note;
pub mod run;

use std::path::Path;

use indicatif::ProgressBar;

use self::run::{Failed, converse};
use super::delivery::{Deliveries, Format};
use super::session::{Account, Session};
use crate::programs::net::{Failure, Shutdown};

/// What to do with a mail drop.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The Maildir or mbox.
    pub mailbox: &'a Path,
    /// Which of them it is.
    pub format: Format,
    /// Whether line ends stay CRLF in the files.
    pub crlf: bool,
    /// Which messages are fetched, and what becomes of them.
    pub terms: Terms,
}

/// Which messages are fetched, and what becomes of them on the server.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether messages are deleted on the server when they are delivered.
    pub delete: bool,
    /// Whether that goes for messages that are longer or shorter than announced, too.
    pub ignore_sizes: bool,
    /// The most octets of a message; larger ones stay.
    pub largest: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Messages that were delivered now.
    pub delivered: usize,
    /// Of these, messages that may have been delivered before.
    pub again: usize,
    /// Messages that were delivered before, and were passed over.
    pub known: usize,
    /// Messages that the server has deleted.
    pub deleted: usize,
    /// What was not done that should have been: a [`note::Note`] has told of each.
    pub left: usize,
}

/// Fetches a mail drop. Blocks until it is through, or the program is to end.
///
/// Whatever happens, a message that was complete is delivered, a message that is delivered is not
/// delivered again without a word, and a message is deleted only when exactly its octets were
/// delivered under its identity.
///
/// # Errors
/// When the session or the file system fails. What was delivered by then stays.
pub fn fetch(
    account: &Account,
    wish: &Wish<'_>,
    shutdown: &Shutdown,
    progress: &ProgressBar,
) -> Result<Fetched, Failure> {
    let name = account.url.account();
    let mut deliveries = Deliveries::open(wish.mailbox, wish.format, &name, wish.crlf)?;
    let mut session = Session::connect(account, shutdown)?;
    session.log_in()?;
    let mut tell = |note: &note::Note| progress.suspend(|| tracing::warn!("{note}"));
    let fetched = converse(
        &mut session,
        &mut deliveries,
        wish.terms,
        &mut tell,
        progress,
    );
    fetched.map_err(|failed| match failed {
        Failed::Session(error) => error.into(),
        Failed::Delivery(error) => error.into(),
    })
}
