//! One applied operation, with all that orders and undoes it.

use smallvec::SmallVec;

use super::footprint::{Footprint, Location};
use crate::sync::stepping::{Op, Place, ThreadId};

/// Position of an event in its execution.
pub type Index = u32;

/// One applied operation.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who.
    pub thread: ThreadId,
    /// Which of the alternatives of its operation; 0 where there is one.
    pub alternative: u32,
    /// How many alternatives there were; at least 1.
    pub alternatives: u32,
    /// What.
    pub op: Op,
    /// Where in the checked program.
    pub place: Place,
    /// What it touches.
    pub footprint: Footprint,
    /// By how much it changes the free units at each location that it touches. A request of a
    /// queue takes its units here, though they may be handed over later.
    pub effects: SmallVec<[(Location, i64); 2]>,
    /// What each touched location needs to have for it to be enabled, where that is a number.
    pub wants: SmallVec<[(Location, i64); 2]>,
    /// The value of its first location before it: a word, or a token.
    pub before: u64,
    /// The events after which the thread came to it: its own last one, those that led to its start,
    /// what it joined, who notified it.
    pub comes_after: SmallVec<[Index; 2]>,
    /// For the second half of a wait: the notification, if there was one.
    pub notified_by: Option<Index>,
    /// Whether it can happen without the notification, or the token.
    pub spurious: bool,
}

impl Event {
    /// Whether it was a wait that ended by itself.
    #[must_use]
    pub fn is_by_itself(&self) -> bool {
        match self.op {
            Op::Reacquire { .. } => self.notified_by.is_none(),
            Op::Park => self.before == 0,
            _ => false,
        }
    }

    /// A step of a thread that touches nothing.
    #[must_use]
    pub fn new(thread: ThreadId, place: Place) -> Self {
        Self {
            thread,
            alternative: 0,
            alternatives: 1,
            op: Op::Yield,
            place,
            footprint: Footprint::new(),
            effects: SmallVec::new(),
            wants: SmallVec::new(),
            before: 0,
            comes_after: SmallVec::new(),
            notified_by: None,
            spurious: false,
        }
    }
}
