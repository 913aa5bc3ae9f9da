//! What infinite executions do: questions to the state graph of a program that loops.
//!
//! 1. [`part`]: the part of a graph that a question is about; [`components`]: its strongly
//!    connected components.
//! 2. [`fairness`]: which cycles a scheduler may go round for ever.
//! 3. [`deadlock`]: everybody stuck, or somebody stuck for ever while others run.
//! 4. [`livelock`]: all run and nobody gets anywhere.
//! 5. [`starvation`]: somebody waits for ever while others are served, or not.
//! 6. [`bypass`]: how often others are served while somebody waits.
//! 7. [`check`]: all of it.
//!
//! A program says from when on a thread waits and when it is served
//! ([`World::waits_from_next`](super::world::World::waits_from_next),
//! [`World::served`](super::world::World::served)). On a part of a graph the cycles that are found
//! are cycles of the program; that nothing is found says nothing then.

pub mod bypass;
pub mod components;
pub mod deadlock;
pub mod fairness;
pub mod livelock;
pub mod part;
pub mod starvation;

use self::bypass::Overtaking;
use self::deadlock::Stuck;
use super::explorer::Choice;
use super::explorer::graph::{Gap, Graph, members};
use crate::sync::stepping::ThreadId;

/// An infinite execution: a way from the first state, and a cycle that is gone round for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasso {
    /// From the first state to the cycle.
    pub stem: Vec<Choice>,
    /// Round the cycle, back to where the stem ends.
    pub cycle: Vec<Choice>,
}

/// Everything that was found out about a graph.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Why what was not found may still be there; `None` when it is not.
    pub gap: Option<Gap>,
    /// A way to a state in which nobody can move and not all have ended.
    pub deadlock: Option<Stuck>,
    /// Who can be stuck for ever while others run.
    pub stuck: Vec<(ThreadId, Lasso)>,
    /// All run, and nobody is served.
    pub livelock: Option<Lasso>,
    /// Who can wait for ever.
    pub starved: Vec<(ThreadId, Lasso)>,
    /// How often others are served while a thread waits, for every thread that ever does.
    pub overtaken: Vec<(ThreadId, Overtaking)>,
}

/// Asks everything.
#[must_use]
pub fn check(graph: &Graph) -> Findings {
    let threads = || members(graph.everybody());
    Findings {
        gap: graph.gap(),
        deadlock: deadlock::deadlock(graph),
        stuck: deadlock::partial(graph),
        livelock: livelock::livelock(graph),
        starved: threads()
            .filter_map(|thread| Some((thread, starvation::starvation(graph, thread)?)))
            .collect(),
        overtaken: threads()
            .filter_map(|thread| Some((thread, bypass::bypass(graph, thread)?)))
            .collect(),
    }
}
