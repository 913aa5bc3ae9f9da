//! What a session tells of an execution: steps, who waits for what, and the failure.

use std::panic::Location;

use crate::sync::{Composite, Kind, Name, Property};

/// What a thread does in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// A mutex was locked.
    Lock,
    /// A try at a mutex; the step's value is 1 when it succeeded.
    TryLock,
    /// A mutex was unlocked.
    Unlock,
    /// A wait on a condition variable began; its mutex is free from here on.
    Wait,
    /// A wait ended by a notification; its mutex is held again.
    Wake,
    /// A wait ended by itself, and its mutex is held again; or a park did.
    SpuriousWake,
    /// One waiter was notified, if there was one.
    NotifyOne,
    /// All waiters were notified.
    NotifyAll,
    /// An atomic load; the value was read.
    Load,
    /// An atomic store; the value was written.
    Store,
    /// A read-modify-write; the value is the one before.
    ReadModifyWrite,
    /// A compare-and-exchange that failed; the value was found.
    FailedExchange,
    /// A memory fence.
    Fence,
    /// A park ended.
    Park,
    /// A token was left for a thread.
    Unpark,
    /// Plain memory was read.
    Read,
    /// Plain memory was written.
    Write,
    /// A choice was made; the step's value.
    Choose,
    /// A composite step began.
    Begin(Composite),
    /// A composite step was done; the value is 0 when it was refused.
    End(Composite),
}

impl Operation {
    /// The word in reports and tokens.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::TryLock => "try-lock",
            Self::Unlock => "unlock",
            Self::Wait => "wait",
            Self::Wake => "wake",
            Self::SpuriousWake => "spurious-wake",
            Self::NotifyOne => "notify-one",
            Self::NotifyAll => "notify-all",
            Self::Load => "load",
            Self::Store => "store",
            Self::ReadModifyWrite => "rmw",
            Self::FailedExchange => "failed-exchange",
            Self::Fence => "fence",
            Self::Park => "park",
            Self::Unpark => "unpark",
            Self::Read => "read",
            Self::Write => "write",
            Self::Choose => "choose",
            Self::Begin(Composite::Acquire(_)) => "request",
            Self::Begin(Composite::TryAcquire(_)) => "try-request",
            Self::Begin(Composite::Release(_)) => "release",
            Self::Begin(Composite::Enter) | Self::End(Composite::Enter) => "enter",
            Self::Begin(Composite::Leave) | Self::End(Composite::Leave) => "leave",
            Self::Begin(Composite::Call) | Self::End(Composite::Call) => "call",
            Self::Begin(Composite::Return) | Self::End(Composite::Return) => "return",
            Self::End(Composite::Acquire(_) | Composite::TryAcquire(_)) => "granted",
            Self::End(Composite::Release(_)) => "released",
        }
    }

    /// Whether a replay waits for its turn before it; the rest only tells what belongs together.
    #[must_use]
    pub fn is_gated(self) -> bool {
        !matches!(
            self,
            Self::Begin(Composite::Acquire(_) | Composite::TryAcquire(_) | Composite::Release(_))
                | Self::End(_)
        )
    }
}

/// One step of an execution.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Who: index into the failure's threads.
    pub thread: usize,
    /// What.
    pub operation: Operation,
    /// To what: index into the failure's objects.
    pub object: Option<usize>,
    /// Where in the checked program.
    pub location: &'static Location<'static>,
    /// The value that was read, written or chosen.
    pub value: Option<u64>,
    /// How many composite steps this one is inside of.
    pub depth: usize,
    /// The thread's clock at this step: its position in the thread.
    pub(super) tick: u32,
}

/// A thread of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// Its name.
    pub name: Name,
    /// How many earlier threads of the same parent bear the same name.
    pub twin: usize,
    /// Who started it, unless that was the main thread.
    pub parent: Option<usize>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A mutex.
    Mutex,
    /// A condition variable.
    Condvar,
    /// An atomic.
    Atomic,
    /// Plain memory.
    Cell,
    /// A thread, as the object of unpark.
    Thread,
    /// A choice.
    Choice,
    /// A composite.
    Composite(Kind),
}

impl ObjectKind {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::Condvar => "condition variable",
            Self::Atomic => "atomic",
            Self::Cell => "memory",
            Self::Thread => "thread",
            Self::Choice => "choice",
            Self::Composite(Kind::Semaphore) => "semaphore",
            Self::Composite(Kind::SemaphoreSet) => "semaphore set",
            Self::Composite(Kind::RwLock) => "readers-writers lock",
            Self::Composite(Kind::Barrier) => "barrier",
            Self::Composite(Kind::Zone { .. }) => "zone",
            Self::Composite(Kind::Observer) => "observer",
        }
    }
}

/// An object of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: ObjectKind,
    /// How many earlier objects bear the same kind and name.
    pub twin: usize,
}

/// What a blocked thread waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A mutex; held by a thread.
    Mutex {
        /// Index of the object.
        object: usize,
        /// Index of the holder.
        holder: Option<usize>,
    },
    /// A notification of a condition variable.
    Condvar {
        /// Index of the object.
        object: usize,
    },
    /// Units of a semaphore.
    Composite {
        /// Index of the object.
        object: usize,
        /// Units that it asks for.
        units: usize,
        /// Who took units and has not returned them; empty where units go from thread to thread.
        holders: Vec<usize>,
    },
    /// A token of its own.
    Token,
    /// The end of a thread.
    Join {
        /// Index of the thread.
        thread: usize,
    },
}

/// A thread that cannot move at the end of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Index of the thread.
    pub thread: usize,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Where it waits.
    pub location: &'static Location<'static>,
    /// The objects that it holds.
    pub holds: Vec<usize>,
}

/// How an execution failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A property of the program fails.
    Property(Property),
    /// The checker cannot go on with this program.
    Trouble(Trouble),
}

/// What [`Trouble::CaughtPanic`] says.
pub const CAUGHT_PANIC: &str = "a panic was caught in a thread that held a lock or units; \
                                their release cannot be followed while a thread unwinds";

/// Why the checker cannot go on with this program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// More threads than the backend admits.
    Threads {
        /// How many it admits, the main one included.
        limit: usize,
    },
    /// The execution is longer than the backend admits.
    Branches,
    /// A replay does what the recording did not.
    Diverged {
        /// The position in the recording, from 0.
        at: usize,
        /// What the recording has there.
        expected: String,
        /// What the program did instead.
        found: String,
    },
    /// The backend finds that nobody can move where somebody can.
    Stuck,
    /// The program went on after a panic that passed guards.
    CaughtPanic,
    /// An operation was called from a thread that is not the program's.
    Foreign,
    /// The program is not deterministic: it behaves differently on the same schedule.
    Nondeterministic,
    /// The backend has panicked on the stack of the program.
    Backend,
}

/// An execution that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// In words, with the objects by their names.
    pub message: String,
    /// Where in the checked program, if at one place.
    pub location: Option<String>,
    /// The thread in which it showed.
    pub thread: usize,
    /// The steps that lead to it.
    pub steps: Vec<Step>,
    /// The threads.
    pub threads: Vec<ThreadInfo>,
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// Who is blocked at the end.
    pub blocked: Vec<Blocked>,
    /// Whether the recorded order explains every value that was read: only then can a sequentially
    /// consistent machine repeat it.
    pub sequentially_consistent: bool,
}
