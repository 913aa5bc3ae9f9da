//! The visible operations: what a thread announces before it happens.

use crate::sync::SwaitOrder;

/// A thread: 0 is the main one. The same in every interleaving, since it stands for (creator, its
/// counter).
pub type ThreadId = usize;

/// An object; the same in every interleaving, as a [`ThreadId`] is.
pub type ObjectId = usize;

/// What an object is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Substance {
    /// Units that threads take and give: a mutex, a semaphore, a set of semaphores.
    Units {
        /// Free units of each member at the beginning; a mutex has one member with one unit.
        free: Vec<u32>,
        /// Whom it serves; [`SwaitOrder::Strict`] makes a strong semaphore.
        order: SwaitOrder,
    },
    /// A condition variable.
    Condvar,
    /// A word of memory with atomic access.
    Word(u64),
    /// Plain memory.
    Memory,
    /// A barrier for so many threads; at least 1.
    Barrier(u32),
    /// A region that admits at most so many threads; at least 1.
    Zone(usize),
    /// Nothing that any thread could wait for or change: a name in reports.
    Label,
}

/// How an atomic word is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Replaced.
    Swap(u64),
    /// Added to, wrapping around.
    Add(u64),
    /// Replaced if it is the first value; else only read.
    Exchange(u64, u64),
}

/// What a word is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// It is this.
    Is(u64),
    /// It is anything else.
    IsNot(u64),
    /// It is less than this, as a number without sign.
    Below(u64),
    /// It is this or more, as a number without sign.
    AtLeast(u64),
    /// It is less than this, as a number with a sign.
    SignedBelow(i64),
    /// It is this or more, as a number with a sign.
    SignedAtLeast(i64),
}

impl Condition {
    /// Whether a value meets it.
    #[must_use]
    pub fn holds(self, value: u64) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::IsNot(unwanted) => value != unwanted,
            Self::Below(limit) => value < limit,
            Self::AtLeast(limit) => value >= limit,
            Self::SignedBelow(limit) => value.cast_signed() < limit,
            Self::SignedAtLeast(limit) => value.cast_signed() >= limit,
        }
    }
}

/// A visible operation. The model applies it; what it returns is a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Takes `units` of a one-member object, or waits.
    Take {
        /// Which object.
        object: ObjectId,
        /// How many; at least 1.
        units: u32,
        /// Whether takes of this kind commute (readers of a readers-writer lock).
        shared: bool,
    },
    /// Takes as [`Op::Take`], or returns 0 at once; 1 when it took.
    TryTake {
        /// Which object.
        object: ObjectId,
        /// How many; at least 1.
        units: u32,
    },
    /// Gives `units` back.
    Give {
        /// Which object.
        object: ObjectId,
        /// How many; at least 1.
        units: u32,
        /// As in [`Op::Take`].
        shared: bool,
    },
    /// Takes what `needs` says of several members at once, or waits.
    TakeAll {
        /// Which set.
        object: ObjectId,
        /// Which needs: a number that [`Machine::needs`](super::Machine::needs) gave for them.
        needs: usize,
    },
    /// Gives the taken units of `needs` back.
    GiveAll {
        /// Which set.
        object: ObjectId,
        /// Which needs.
        needs: usize,
    },
    /// Reads what is free: returns the free units of the first member, shifted left by 32, or'ed
    /// with the number of threads that wait. [`Machine::free`](super::Machine::free) tells of the
    /// other members what this step saw.
    Look(ObjectId),
    /// Second half of a take in order of arrival: the units have been handed over.
    Granted {
        /// Which object.
        object: ObjectId,
    },
    /// Gives the mutex back and waits for a notification.
    Wait {
        /// The condition variable.
        condvar: ObjectId,
        /// The mutex.
        mutex: ObjectId,
    },
    /// Second half of [`Op::Wait`]: the notification is there, and the mutex is taken again.
    Reacquire {
        /// The condition variable.
        condvar: ObjectId,
        /// The mutex.
        mutex: ObjectId,
    },
    /// Notifies one waiter, or all. Returns how many.
    Notify {
        /// The condition variable.
        condvar: ObjectId,
        /// Whether all.
        all: bool,
    },
    /// Reads a word.
    Load(ObjectId),
    /// Writes a word.
    Store(ObjectId, u64),
    /// Changes a word and returns the value before.
    Modify(ObjectId, Change),
    /// Waits until a word meets a condition, and returns it.
    Await(ObjectId, Condition),
    /// Reads plain memory, where that is a step of the search.
    Read(ObjectId),
    /// Writes plain memory, where that is a step of the search.
    Write(ObjectId),
    /// Enters a zone, where that is a step of the search.
    Enter(ObjectId),
    /// Leaves a zone, where that is a step of the search.
    Leave(ObjectId),
    /// Takes the calling thread's token, or waits for it.
    Park,
    /// Leaves a token for a thread.
    Unpark(ThreadId),
    /// Arrives at a barrier, which opens when all have.
    Arrive(ObjectId),
    /// Second half of [`Op::Arrive`]; returns 1 for the thread that opened it.
    Depart(ObjectId),
    /// One of so many; at least 1.
    Choose(u32),
    /// Nothing, but others may run.
    Yield,
    /// Waits for a thread's end. No step of the search: it happens as soon as it can.
    Join(ThreadId),
}
