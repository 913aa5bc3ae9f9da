//! The properties that a verdict can be about, by their permanent ids.

use std::fmt;

/// What a verdict says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Property {
    /// Nobody can move and someone has not finished: never.
    DeadlockFreedom,
    /// No more threads inside a critical section than it admits.
    MutualExclusion,
    /// A predicate of the scenario over its state; also: no checked thread panics.
    Invariant,
    /// No two accesses to one cell, one of them a write, that happens-before leaves unordered.
    DataRaceFreedom,
    /// Every item comes out once, and nothing else does.
    Conservation,
    /// Items of one producer come out in the order in which they went in.
    FifoOrder,
    /// Stages follow each other in their order, and none begins before the one before it has ended.
    StageOrder,
    /// A marked situation occurs in at least one execution.
    Reachability,
    /// No weakly fair infinite execution in which nobody is served from some moment on.
    LivelockFreedom,
    /// No weakly fair infinite execution in which a thread waits for ever.
    StarvationFreedom,
    /// While a thread waits, others are served at most so often, whatever the scheduler does.
    BoundedBypass,
    /// Nobody can be stuck for good while others run for ever.
    PartialDeadlockFreedom,
    /// Calls and returns are as if each operation happened at one moment between its own.
    Linearizability,
    /// How many threads can be in a region at once: a number, exact when proved.
    MaximalParallelism,
}

impl Property {
    /// Every property, in the order in which reports list them.
    pub const ALL: [Self; 14] = [
        Self::DeadlockFreedom,
        Self::MutualExclusion,
        Self::Invariant,
        Self::DataRaceFreedom,
        Self::Conservation,
        Self::FifoOrder,
        Self::StageOrder,
        Self::Reachability,
        Self::LivelockFreedom,
        Self::StarvationFreedom,
        Self::BoundedBypass,
        Self::PartialDeadlockFreedom,
        Self::Linearizability,
        Self::MaximalParallelism,
    ];

    /// The permanent id, as in the command line and in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::DeadlockFreedom => "deadlock-freedom",
            Self::MutualExclusion => "mutual-exclusion",
            Self::Invariant => "invariant",
            Self::DataRaceFreedom => "data-race-freedom",
            Self::Conservation => "conservation",
            Self::FifoOrder => "fifo-order",
            Self::StageOrder => "stage-order",
            Self::Reachability => "reachability",
            Self::LivelockFreedom => "livelock-freedom",
            Self::StarvationFreedom => "starvation-freedom",
            Self::BoundedBypass => "bounded-bypass",
            Self::PartialDeadlockFreedom => "partial-deadlock-freedom",
            Self::Linearizability => "linearizability",
            Self::MaximalParallelism => "maximal-parallelism",
        }
    }

    /// The property with this id, if there is one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.id() == id)
    }

    /// Whether it is about infinite executions.
    #[must_use]
    pub const fn is_of_infinite_executions(self) -> bool {
        matches!(
            self,
            Self::LivelockFreedom
                | Self::StarvationFreedom
                | Self::BoundedBypass
                | Self::PartialDeadlockFreedom
        )
    }

    /// Whether it is decided on the moments that observers record between steps, and so on the
    /// order of a trace: see [`Backend::moment`](super::Backend::moment).
    #[must_use]
    pub const fn is_of_moments(self) -> bool {
        matches!(self, Self::Linearizability | Self::MaximalParallelism)
    }

    /// Whether one execution that ends, or cannot go on, is enough to show that it fails, and no
    /// observer of moments is needed to see that: what every run looks at, asked for or not, but for
    /// data races, which are met where the backend tells of them.
    #[must_use]
    pub const fn is_of_finite_executions(self) -> bool {
        !self.is_of_infinite_executions()
            && !self.is_of_moments()
            && !matches!(self, Self::Reachability)
    }

    /// What a failure of it is called in a report: "deadlock", "data race".
    #[must_use]
    pub const fn failure(self) -> &'static str {
        match self {
            Self::DeadlockFreedom => "deadlock",
            Self::MutualExclusion => "mutual exclusion violated",
            Self::Invariant => "invariant violated",
            Self::DataRaceFreedom => "data race",
            Self::Conservation => "an item lost or duplicated",
            Self::FifoOrder => "items out of order",
            Self::StageOrder => "stages out of order",
            Self::Reachability => "not reachable",
            Self::LivelockFreedom => "livelock",
            Self::StarvationFreedom => "starvation",
            Self::BoundedBypass => "unbounded bypass",
            Self::PartialDeadlockFreedom => "partial deadlock",
            Self::Linearizability => "not linearizable",
            Self::MaximalParallelism => "more together than claimed",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
