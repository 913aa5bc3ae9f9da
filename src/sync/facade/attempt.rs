//! What an algorithm tells of infinite executions: who waits, who is served, which loops go on.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::panic::Location;

use super::observe::digest;
use crate::sync::Backend;
use crate::sync::backend::Progress;

/// An attempt to get something: from its doorway until it is served.
///
/// The *doorway* is the part of an attempt that a thread finishes by its own steps, whatever others
/// do. From its last step on the thread *waits*, until it is *served*. Only engine `exhaustive`
/// listens, when it looks at infinite executions; elsewhere an attempt is nothing.
///
/// ```
/// use crosscheck::primitives::Semaphore;
/// use crosscheck::sync::{Attempt, Backend, rounds};
///
/// fn visit<B: Backend>(seats: &Semaphore<B>, visits: usize) {
///     for _ in rounds::<B>(visits, &()) {
///         let attempt = Attempt::<B>::begin();
///         let seat = seats.acquire();
///         attempt.served();
///         drop(seat);
///     }
/// }
/// ```
#[must_use = "an attempt that is never served waits for ever"]
pub struct Attempt<B: Backend> {
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend> Attempt<B> {
    /// The calling thread's next operation ends its doorway: it waits from then on.
    ///
    /// For a P of a strong semaphore that is the moment at which it joins the queue. Where the
    /// operation may itself have to wait, as a lock or a P of a weak semaphore, there is no doorway:
    /// the thread waits from before it.
    #[inline]
    pub fn begin() -> Self {
        B::attempt(Progress::Doorway);
        Self {
            backend: PhantomData,
        }
    }

    /// The calling thread waits from now on: what it did last was the end of its doorway.
    #[inline]
    pub fn waiting() -> Self {
        B::attempt(Progress::Waiting);
        Self {
            backend: PhantomData,
        }
    }

    /// The calling thread has got what it waited for.
    #[inline]
    pub fn served(self) {
        B::attempt(Progress::Served);
    }
}

impl<B: Backend> fmt::Debug for Attempt<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

/// The numbers below `count`, for the main loop of a thread. Where infinite executions are looked at
/// the first round repeats for ever.
///
/// Each round begins with a [`checkpoint`](super::checkpoint) of its number and `locals`: all local
/// variables from before the loop that the thread reads in it or after it and that are not the same
/// in every execution. Objects must not be made inside the loop, since each is a new one.
#[track_caller]
pub fn rounds<B: Backend>(count: usize, locals: &impl Hash) -> Rounds<B> {
    let place = Location::caller();
    Rounds {
        next: 0,
        count,
        locals: (digest(locals), place.line(), place.column()),
        backend: PhantomData,
    }
}

/// Iterator of [`rounds`].
pub struct Rounds<B: Backend> {
    next: usize,
    count: usize,
    /// What its thread remembers, and which loop it is.
    locals: (u64, u32, u32),
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend> Iterator for Rounds<B> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if !B::another_round(self.next < self.count) {
            return None;
        }
        let round = if B::another_round(false) {
            // For ever: were the rounds told apart, no state would come again.
            0
        } else {
            self.next
        };
        B::checkpoint(|| digest(&(self.locals, round)));
        self.next += 1;
        Some(round)
    }
}

impl<B: Backend> fmt::Debug for Rounds<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rounds").finish_non_exhaustive()
    }
}
