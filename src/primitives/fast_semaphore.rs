//! The counting semaphore whose value is one atomic word: no lock where nobody waits.
//!
//! The word is the textbook's value (Dijkstra, EWD 123, 1965): free units, or minus the number of
//! those who wait. P subtracts, V adds, and only who finds the value too small, or somebody waiting,
//! comes to the queue behind a lock: a benaphore (Schillings, Be Newsletter 26, 1996) with a queue
//! of parked threads instead of a second semaphore.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crossbeam_utils::{Backoff, CachePadded};

use crate::sync::{
    AtomicIsize, Backend, Composite, Kind, Label, Mutex, Name, Thread, current, park,
};

/// A strong counting semaphore for much use and little waiting.
///
/// P and V are one read-modify-write each as long as units are free, without a lock and without a
/// call of the system. Waiters are served in the order in which they joined the queue, by handing
/// the unit over: nobody overtakes them. A P may look several times for a unit before it joins the
/// queue, which takes none from those who are in it: while the value is positive nobody is.
///
/// As every handing over does, it costs a change of threads a unit where more threads want one
/// than there are processors.
///
/// Everything before a V happens before everything after the P that takes its unit.
///
/// ```
/// use crosscheck::primitives::FastSemaphore;
/// use crosscheck::sync::Os;
///
/// let seats = FastSemaphore::<Os>::new("seats", 2);
/// seats.p();
/// assert_eq!(seats.value(), 1);
/// seats.v();
/// assert_eq!(seats.value(), 2);
/// ```
pub struct FastSemaphore<B: Backend> {
    label: Label<B>,
    /// How often a P looks for a unit before it joins the queue.
    looks: u32,
    /// Free units, or minus the number of P's that have subtracted and not been served.
    value: CachePadded<AtomicIsize<B>>,
    queue: Mutex<B, Queue<B>>,
}

struct Queue<B: Backend> {
    /// Who waits, oldest first; a V removes whom it serves.
    waiters: VecDeque<Waiter<B>>,
    /// V's that came before the waiter that they serve had joined. Not both this and waiters.
    early: usize,
    next_ticket: u64,
}

struct Waiter<B: Backend> {
    ticket: u64,
    thread: Thread<B>,
}

impl<B: Backend> FastSemaphore<B> {
    /// Looks of a P before it joins the queue: those after which a [`Backoff`] says to park.
    pub const LOOKS: u32 = 10;

    /// A semaphore with `units` free units.
    ///
    /// # Panics
    /// When `units` is more than `isize::MAX`.
    #[track_caller]
    pub fn new(name: impl Into<Name>, units: usize) -> Self {
        Self::with_looks(name, units, Self::LOOKS)
    }

    /// A semaphore whose P looks so often for a unit before it joins the queue; with 0 it joins at
    /// once, which is best where units stay away for long.
    ///
    /// # Panics
    /// When `units` is more than `isize::MAX`.
    #[track_caller]
    pub fn with_looks(name: impl Into<Name>, units: usize, looks: u32) -> Self {
        let name = name.into();
        let units = isize::try_from(units).expect("a semaphore holds at most isize::MAX units");
        Self {
            label: Label::new(Kind::Semaphore, name),
            looks,
            value: CachePadded::new(AtomicIsize::<B>::new(name, units)),
            queue: Mutex::new(
                name,
                Queue {
                    waiters: VecDeque::new(),
                    early: 0,
                    next_ticket: 0,
                },
            ),
        }
    }

    /// P: takes one unit, or waits for it. Blocks.
    #[inline]
    #[track_caller]
    pub fn p(&self) {
        let step = Composite::Acquire(1);
        self.label.begin(step);
        if !self.take_free() && !self.look_for_one() {
            // Acquire: as in `take_free`, where a unit has come meanwhile.
            if self.value.fetch_sub(1, Acquire) <= 0 {
                self.wait_in_queue();
            }
        }
        self.label.end(step, true);
    }

    /// P without waiting: takes one unit if it is free. Never blocks.
    #[must_use = "the unit has to be returned if it was taken"]
    #[inline]
    #[track_caller]
    pub fn try_p(&self) -> bool {
        let step = Composite::TryAcquire(1);
        self.label.begin(step);
        let taken = self.take_free();
        self.label.end(step, taken);
        taken
    }

    /// V: returns one unit, or hands it to the longest waiter. Never blocks for long.
    ///
    /// # Panics
    /// When there are `isize::MAX` free units.
    #[inline]
    #[track_caller]
    pub fn v(&self) {
        let step = Composite::Release(1);
        self.label.begin(step);
        // Release: pairs with the Acquire of the P that takes the unit; the read-modify-writes
        // between continue this one's release sequence, so Relaxed in them would do no harm, and
        // here it would cut the taker off.
        let before = self.value.fetch_add(1, Release);
        assert!(
            before < isize::MAX,
            "a semaphore holds at most isize::MAX units; one V is not matched by a P"
        );
        if before < 0 {
            self.serve_head();
        }
        self.label.end(step, true);
    }

    /// The textbook's value: the free units, or minus the number of waiters.
    #[inline]
    #[track_caller]
    pub fn value(&self) -> isize {
        // Relaxed: nothing is read through the number.
        self.value.load(Relaxed)
    }

    /// Takes a unit if one is free, and joins nothing.
    #[inline]
    #[track_caller]
    fn take_free(&self) -> bool {
        // Relaxed: a guess that the exchange below verifies.
        let mut value = self.value.load(Relaxed);
        while value > 0 {
            // Acquire: pairs with the Release of V, see there. Relaxed on failure: nothing is taken.
            match self
                .value
                .compare_exchange(value, value - 1, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(found) => value = found,
            }
        }
        false
    }

    #[cold]
    #[track_caller]
    fn look_for_one(&self) -> bool {
        let backoff = Backoff::new();
        for _ in 0..self.looks {
            backoff.snooze();
            if self.take_free() {
                return true;
            }
        }
        false
    }

    /// After a P that has subtracted from a value that was too small.
    #[cold]
    #[track_caller]
    fn wait_in_queue(&self) {
        let mut queue = self.queue.lock();
        if queue.early > 0 {
            queue.early -= 1;
            return;
        }
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        let thread = current::<B>();
        queue.waiters.push_back(Waiter { ticket, thread });
        loop {
            drop(queue);
            // A token that somebody else left wakes us without a unit.
            park::<B>();
            queue = self.queue.lock();
            if !queue.waiters.iter().any(|waiter| waiter.ticket == ticket) {
                return;
            }
        }
    }

    /// After a V that has added to a value below 0: one waiter is its own, in the queue or on its
    /// way there.
    #[cold]
    #[track_caller]
    fn serve_head(&self) {
        let mut queue = self.queue.lock();
        let Some(head) = queue.waiters.pop_front() else {
            queue.early += 1;
            return;
        };
        drop(queue);
        head.thread.unpark();
    }
}

impl<B: Backend> fmt::Debug for FastSemaphore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastSemaphore")
            .field("looks", &self.looks)
            .finish_non_exhaustive()
    }
}
