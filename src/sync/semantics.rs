//! The choices that a checking backend makes explicit: what a notification wakes, whether a wait
//! may end by itself, whom a semaphore serves.
//!
//! loom wakes the longest waiter, shuttle any, neither wakes spuriously. A verdict that silently
//! inherited one of these would speak about the checker and not about the program, so each is a
//! switch here and a word in the verdict.

/// Which waiter a notification of one wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotifyOrder {
    /// Any thread that waits at that moment: what POSIX and the standard library promise.
    Any,
    /// The thread that has waited longest.
    Fifo,
}

/// Whom a counting semaphore serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SemaphoreOrder {
    /// Waiters are served in the order of their requests.
    Strong,
    /// Whoever comes when a unit is free takes it.
    Weak,
}

/// Whom a semaphore set serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwaitOrder {
    /// Anyone whose request can be met.
    Weak,
    /// The first in the queue whose request can be met.
    Scan,
    /// The head of the queue only: nobody starves, but a head that waits for one member holds back
    /// those who would return it when they share another member.
    Strict,
}

/// One choice for each switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Semantics {
    /// Which waiter `notify_one` wakes.
    pub notify: NotifyOrder,
    /// Whether a condition variable's wait may return without a notification, and a park without a
    /// token: at most [`Semantics::SPURIOUS_PER_THREAD`] times a thread and execution, both counted
    /// together, which makes the search bounded. Nobody may count on it: where nothing else is left,
    /// that is a deadlock.
    pub spurious: bool,
    /// Whom a counting semaphore serves.
    pub semaphore: SemaphoreOrder,
    /// Whom a semaphore set serves.
    pub swait: SwaitOrder,
}

impl Semantics {
    /// How many spurious wake-ups, of waits and parks together, a thread may suffer in one execution when they are on.
    pub const SPURIOUS_PER_THREAD: usize = 1;

    /// What the primitives ship with and the catalogue assumes: any waiter, no spurious wake-ups,
    /// strong semaphores, sets that serve the first who can be served.
    pub const DEFAULT: Self = Self {
        notify: NotifyOrder::Any,
        spurious: false,
        semaphore: SemaphoreOrder::Strong,
        swait: SwaitOrder::Scan,
    };
}

impl Default for Semantics {
    fn default() -> Self {
        Self::DEFAULT
    }
}
