//! Where something can be changed: an operation on an object at a place of the program.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// An operation that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A semaphore or a set is made.
    New,
    /// P.
    P,
    /// P that does not wait.
    TryP,
    /// V.
    V,
    /// Swait.
    Swait,
    /// Ssignal.
    Ssignal,
    /// Arrival at a barrier.
    Arrive,
    /// A mutex is locked, up to the unlock of its guard.
    Lock,
    /// A loop of waits goes round once more when its condition still holds.
    TestAgain,
    /// One waiter is notified.
    NotifyOne,
    /// Every waiter is notified.
    NotifyAll,
    /// A token is left for a thread.
    Unpark,
    /// An atomic is read.
    Load,
    /// An atomic is written.
    Store,
    /// An atomic is read and written in one step.
    Modify,
    /// A memory fence.
    Fence,
}

impl Operation {
    /// As reports write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::P => "P",
            Self::TryP => "try P",
            Self::V => "V",
            Self::Swait => "Swait",
            Self::Ssignal => "Ssignal",
            Self::Arrive => "arrive",
            Self::Lock => "lock",
            Self::TestAgain => "wait loop",
            Self::NotifyOne => "notify one",
            Self::NotifyAll => "notify all",
            Self::Unpark => "unpark",
            Self::Load => "load",
            Self::Store => "store",
            Self::Modify => "modify",
            Self::Fence => "fence",
        }
    }
}

/// An operation on the objects of one name at one place of the program: what an edit of that place
/// would change, whichever thread comes by and whatever number the object has.
///
/// A V that a guard makes when it is dropped has no place of its own in the program: it stands at the
/// place of its P.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The file.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is done.
    pub operation: Operation,
    /// The object's name, without its number; `token` for a thread's.
    pub object: &'static str,
}

impl Site {
    /// An operation at a place.
    #[must_use]
    pub fn new(operation: Operation, object: &'static str, place: &'static Location<'_>) -> Self {
        Self {
            file: place.file(),
            line: place.line(),
            column: place.column(),
            operation,
            object,
        }
    }

    /// `file:line`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Site {
    /// `V(mutex)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation == Operation::Fence {
            return f.write_str("fence");
        }
        write!(f, "{}({})", self.operation.word(), self.object)
    }
}

/// What else is known of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// The free units with which each member begins.
    Free(Vec<u32>),
    /// How many members a step is about.
    Members(usize),
    /// The memory order, and that of an exchange that only reads.
    Orders(Ordering, Option<Ordering>),
}

/// What a recording saw of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What else is known of it, as the first execution had it.
    pub detail: Detail,
    /// What its thread did next.
    pub next: Next,
}

/// What a thread does directly after a P.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// That was not seen.
    #[default]
    Unknown,
    /// Always the P at this site.
    Always(Site),
    /// Something else, at least once.
    Another,
}

impl Next {
    /// As before, and now this: a P at a site, or something else.
    #[must_use]
    pub fn and(self, next: Option<Site>) -> Self {
        match (self, next) {
            (Self::Unknown, Some(site)) => Self::Always(site),
            (Self::Always(known), Some(site)) if known == site => self,
            _ => Self::Another,
        }
    }
}

/// The sites that a recording passed, in the order of the program's text.
pub type Sites = BTreeMap<Site, Seen>;
