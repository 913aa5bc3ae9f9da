//! The accept gate: at most so many sessions of a server at once, and a shutdown that always ends.
//!
//! The limit is the counting semaphore of the reading room (Dijkstra, EWD 123, 1965). A shutdown
//! gives it one unit more, which goes from waiter to waiter and is returned by each, as a baton is
//! passed (Andrews, "A method for solving synchronization problems", 1989).

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::Semaphore;
use crate::sync::{Backend, Mutex, Name};

/// What an acceptor passes before it takes a client: at most [`limit`](Self::limit) sessions run
/// at once, a session's end lets the next one in, and a shutdown loses none.
///
/// A server asks for a [`Session`] first and accepts a client then, so that clients beyond the
/// limit wait in the listen queue. The session is dropped when its client is done with, on
/// whatever path: its permit comes back by itself. Several acceptors may share a gate; they are
/// served in the order in which they ask.
///
/// Everything that a session did before its end happens before the return of a [`drain`] that
/// succeeds, and before what the session does that gets its permit.
///
/// There is no time in here. A deadline is somebody who calls [`abandon`] when it has passed.
///
/// [`drain`]: Self::drain
/// [`abandon`]: Self::abandon
///
/// ```
/// use crosscheck::primitives::AcceptGate;
/// use crosscheck::sync::Os;
///
/// let gate = AcceptGate::<Os>::new("clients", 2);
/// std::thread::scope(|scope| {
///     for client in 0..10 {
///         let Ok(session) = gate.admit() else { break };
///         scope.spawn(move || {
///             // Serve the client; a panic returns the permit, too.
///             let _session = session;
///             assert!(client < 10);
///         });
///     }
///     gate.shutdown();
///     assert_eq!(gate.drain(), Ok(()));
/// });
/// ```
pub struct AcceptGate<B: Backend> {
    limit: usize,
    /// A unit for every session that may begin; after the shutdown one more, for the waiters.
    permits: Semaphore<B>,
    book: Mutex<B, Book>,
    /// Where drains wait: each is given one unit when its wait is over.
    over: Semaphore<B>,
}

/// Who is inside, and what is to become of the others.
#[derive(Default)]
struct Book {
    /// Sessions that have been admitted and have not ended.
    sessions: usize,
    shut: bool,
    abandoned: bool,
    /// Drains that wait.
    drains: usize,
}

impl Book {
    /// Whether there is nothing left to wait for.
    fn is_over(&self) -> bool {
        self.abandoned || (self.shut && self.sessions == 0)
    }

    /// The drains whose wait is over; they do not count as waiting any more.
    fn drains_over(&mut self) -> usize {
        if self.is_over() {
            std::mem::take(&mut self.drains)
        } else {
            0
        }
    }
}

impl<B: Backend> AcceptGate<B> {
    /// A gate for `limit` sessions at once.
    ///
    /// # Panics
    /// When `limit` is 0: nobody would ever get in.
    #[track_caller]
    pub fn new(name: impl Into<Name>, limit: usize) -> Self {
        assert!(limit > 0, "a gate that admits nobody");
        let name = name.into();
        Self {
            limit,
            permits: Semaphore::new(name, limit),
            book: Mutex::new(name, Book::default()),
            over: Semaphore::new("over", 0),
        }
    }

    /// Waits for a permit. Blocks while all are in use, until a session ends or the gate is shut.
    ///
    /// # Errors
    /// [`Shut`] when the gate is shut, before the call or while it waits: accept nobody any more.
    #[track_caller]
    pub fn admit(&self) -> Result<Session<B, &Self>, Shut> {
        self.permits.p();
        self.enter().map(|()| Session::of(self))
    }

    /// [`AcceptGate::admit`], for a session that may outlive the caller's borrow of the gate.
    ///
    /// # Errors
    /// As of [`AcceptGate::admit`].
    #[track_caller]
    pub fn admit_owned(self: &Arc<Self>) -> Result<Session<B, Arc<Self>>, Shut> {
        self.permits.p();
        self.enter().map(|()| Session::of(Arc::clone(self)))
    }

    /// Takes a permit if there is one and nobody waits for it; never blocks for long. For servers
    /// that turn a client away rather than keep it waiting.
    ///
    /// # Errors
    /// [`Refused`], which says whether it is worth trying again.
    #[track_caller]
    pub fn try_admit(&self) -> Result<Session<B, &Self>, Refused> {
        if !self.permits.try_p() {
            return Err(self.refused());
        }
        self.enter()
            .map(|()| Session::of(self))
            .map_err(Refused::from)
    }

    /// Shuts the gate: whoever waits in [`AcceptGate::admit`] and whoever comes from now on is
    /// turned away. Sessions that run go on. Never blocks for long; again is nothing.
    #[track_caller]
    pub fn shutdown(&self) {
        self.shut(false);
    }

    /// Shuts the gate and ends every [`AcceptGate::drain`], now or later, though sessions may still
    /// run: what is called when a deadline has passed. Never blocks for long.
    #[track_caller]
    pub fn abandon(&self) {
        self.shut(true);
    }

    /// Waits until the gate is shut and the last session has ended. Blocks; shuts nothing itself.
    ///
    /// # Errors
    /// [`Unfinished`] when the gate was [abandoned](Self::abandon) while sessions were running.
    #[track_caller]
    pub fn drain(&self) -> Result<(), Unfinished> {
        let mut book = self.book.lock();
        if !book.is_over() {
            book.drains += 1;
            drop(book);
            self.over.p();
            book = self.book.lock();
        }
        match book.sessions {
            0 => Ok(()),
            sessions => Err(Unfinished { sessions }),
        }
    }

    /// How many sessions may run at once.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Sessions that have been admitted and have not ended, at this moment.
    #[track_caller]
    pub fn sessions(&self) -> usize {
        self.book.lock().sessions
    }

    /// Whether the gate is shut: a session that waits for its client's next command may end.
    #[track_caller]
    pub fn is_shut(&self) -> bool {
        self.book.lock().shut
    }

    /// With a unit of `permits`: one more session, or the unit goes back.
    #[track_caller]
    fn enter(&self) -> Result<(), Shut> {
        let mut book = self.book.lock();
        if book.shut {
            drop(book);
            // To the next who waits, until nobody does.
            self.permits.v();
            return Err(Shut);
        }
        book.sessions += 1;
        Ok(())
    }

    #[track_caller]
    fn leave(&self) {
        let mut book = self.book.lock();
        // First, or the next session would be one too many.
        book.sessions -= 1;
        let over = book.drains_over();
        drop(book);
        self.permits.v();
        self.end_drains(over);
    }

    #[track_caller]
    fn shut(&self, abandon: bool) {
        let mut book = self.book.lock();
        let first = !book.shut;
        book.shut = true;
        book.abandoned |= abandon;
        let over = book.drains_over();
        drop(book);
        if first {
            self.permits.v();
        }
        self.end_drains(over);
    }

    #[track_caller]
    fn end_drains(&self, over: usize) {
        if over > 0 {
            self.over.v_many(over);
        }
    }

    #[track_caller]
    fn refused(&self) -> Refused {
        if self.is_shut() {
            Refused::Shut
        } else {
            Refused::Full { limit: self.limit }
        }
    }
}

impl<B: Backend> fmt::Debug for AcceptGate<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptGate")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A permit of an [`AcceptGate`], which holds on to the gate by `G`; it comes back on drop.
#[must_use = "the session ends at once if its permit is not kept"]
pub struct Session<B: Backend, G: Deref<Target = AcceptGate<B>>> {
    gate: G,
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend, G: Deref<Target = AcceptGate<B>>> Session<B, G> {
    fn of(gate: G) -> Self {
        Self {
            gate,
            backend: PhantomData,
        }
    }

    /// The gate that admitted it.
    #[must_use]
    pub fn gate(&self) -> &AcceptGate<B> {
        &self.gate
    }
}

impl<B: Backend, G: Deref<Target = AcceptGate<B>>> Drop for Session<B, G> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.gate.leave();
        }
    }
}

impl<B: Backend, G: Deref<Target = AcceptGate<B>>> fmt::Debug for Session<B, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The gate is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut;

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server is shutting down and admits nobody any more")
    }
}

impl std::error::Error for Shut {}

/// Why nobody was admitted without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All permits are in use, or others wait for them.
    Full {
        /// How many there are.
        limit: usize,
    },
    /// The gate is shut.
    Shut,
}

impl From<Shut> for Refused {
    fn from(_: Shut) -> Self {
        Self::Shut
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { limit } => {
                write!(f, "all {limit} sessions are in use, try again later")
            }
            Self::Shut => Shut.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

/// Sessions still ran when their gate was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// How many there were when the wait ended; at least 1.
    pub sessions: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sessions had not ended at the deadline, close their connections",
            self.sessions
        )
    }
}

impl std::error::Error for Unfinished {}
