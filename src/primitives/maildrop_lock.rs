//! The maildrop lock: one session at a time on each maildrop, and no change before its QUIT
//! (RFC 1939, sections 4 and 6).

use std::collections::BTreeSet;
use std::fmt;

use crate::sync::{Backend, Mutex, Name};

/// Which maildrops are in use, by their names `K`.
///
/// A second session on the same maildrop is refused at once and not queued: POP3 answers it with
/// `-ERR [IN-USE]`. Sessions on other maildrops do not meet. Everything that a session did before
/// it let go of a maildrop happens before everything that the next one does on it.
///
/// The lock is between the threads of one process; against other processes a server locks the
/// maildrop's files as well, while it has this.
///
/// ```
/// use crosscheck::primitives::MaildropLocks;
/// use crosscheck::sync::Os;
///
/// let locks = MaildropLocks::<Os, String>::new("maildrops");
/// let mut maildrop = locks.try_open("alice".to_owned())?;
/// assert!(locks.try_open("alice".to_owned()).is_err());
/// maildrop.mark(0);
/// let deleted = maildrop.commit(|marks| marks.len());
/// assert_eq!(deleted, 1);
/// locks.try_open("alice".to_owned())?;
/// # Ok::<(), crosscheck::primitives::InUse>(())
/// ```
pub struct MaildropLocks<B: Backend, K: Ord + Send> {
    open: Mutex<B, BTreeSet<K>>,
}

impl<B: Backend, K: Ord + Clone + Send> MaildropLocks<B, K> {
    /// No maildrop is in use.
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            open: Mutex::new(name, BTreeSet::new()),
        }
    }

    /// Opens a maildrop for one session; never blocks for long.
    ///
    /// # Errors
    /// [`InUse`] when another session has it open.
    #[track_caller]
    pub fn try_open(&self, maildrop: K) -> Result<Maildrop<'_, B, K>, InUse> {
        if !self.open.lock().insert(maildrop.clone()) {
            return Err(InUse);
        }
        Ok(Maildrop {
            locks: self,
            name: maildrop,
            marks: BTreeSet::new(),
        })
    }

    /// How many maildrops are open, at this moment.
    #[track_caller]
    pub fn open(&self) -> usize {
        self.open.lock().len()
    }
}

impl<B: Backend, K: Ord + Send> fmt::Debug for MaildropLocks<B, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaildropLocks").finish_non_exhaustive()
    }
}

/// A maildrop that one session has open, and which messages it wants deleted.
///
/// Dropped, at whatever moment, it lets go of the maildrop and its marks are forgotten. Only
/// [`Maildrop::commit`] hands them out.
#[must_use = "the maildrop is let go of at once if it is not kept"]
pub struct Maildrop<'a, B: Backend, K: Ord + Send> {
    locks: &'a MaildropLocks<B, K>,
    name: K,
    marks: BTreeSet<usize>,
}

impl<B: Backend, K: Ord + Send> Maildrop<'_, B, K> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &K {
        &self.name
    }

    /// DELE: `message` is to be deleted; whether it was not marked before.
    pub fn mark(&mut self, message: usize) -> bool {
        self.marks.insert(message)
    }

    /// Whether a message is to be deleted.
    #[must_use]
    pub fn is_marked(&self, message: usize) -> bool {
        self.marks.contains(&message)
    }

    /// How many messages are to be deleted.
    #[must_use]
    pub fn marked(&self) -> usize {
        self.marks.len()
    }

    /// RSET: nothing is to be deleted.
    pub fn unmark_all(&mut self) {
        self.marks.clear();
    }

    /// QUIT: `apply` deletes the marked messages while nobody else has the maildrop, which is let
    /// go of when it returns or panics.
    pub fn commit<R>(mut self, apply: impl FnOnce(&BTreeSet<usize>) -> R) -> R {
        let marks = std::mem::take(&mut self.marks);
        apply(&marks)
    }
}

impl<B: Backend, K: Ord + Send> Drop for Maildrop<'_, B, K> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.locks.open.lock().remove(&self.name);
        }
    }
}

impl<B: Backend, K: Ord + Send + fmt::Debug> fmt::Debug for Maildrop<'_, B, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maildrop")
            .field("name", &self.name)
            .field("marks", &self.marks)
            .finish_non_exhaustive()
    }
}

/// Another session has the maildrop open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse;

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another session has the maildrop open, try again when it has ended")
    }
}

impl std::error::Error for InUse {}
