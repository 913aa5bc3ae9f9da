//! Everybody stuck, or somebody stuck for ever while others run.

use super::Lasso;
use super::components::Components;
use super::fairness::nearest_fair;
use super::part::Part;
use crate::engines::exhaustive::explorer::Choice;
use crate::engines::exhaustive::explorer::graph::{Graph, StateId, members};
use crate::engines::exhaustive::world::{Threads, only};
use crate::sync::stepping::ThreadId;

/// A state in which nobody can move, unless by waking by itself, and not all have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// A shortest way there.
    pub stem: Vec<Choice>,
    /// Who has announced an operation that will never happen.
    pub blocked: Threads,
}

/// The nearest deadlock.
#[must_use]
pub fn deadlock(graph: &Graph) -> Option<Stuck> {
    let stuck = |&state: &StateId| graph.enabled(state) == 0 && graph.blocked(state) != 0;
    let state = graph.states().find(stuck)?;
    Some(Stuck {
        stem: graph.way_to(state),
        blocked: graph.blocked(state),
    })
}

/// Threads that can be stuck for ever while others run, each with a fair cycle from which no way
/// leads to a state in which it can move, but by a wake-up that nobody causes. None where the graph is not all of it: the way out may be
/// in the rest.
#[must_use]
pub fn partial(graph: &Graph) -> Vec<(ThreadId, Lasso)> {
    if graph.gap().is_some() {
        return Vec::new();
    }
    // Whom only a wake-up that nobody causes would free is stuck for good.
    let part = Part::of_what_is_caused(graph);
    let components = Components::new(&part);
    // For each component who is stuck in all that can be reached from it. What can be reached
    // comes earlier.
    let mut stuck: Vec<Threads> = Vec::with_capacity(components.len());
    for component in components.ids() {
        let mut set = Threads::MAX;
        for &state in components.states(component) {
            set &= graph.blocked(state);
            for (_, edge) in part.edges(state) {
                let next = components.of(edge.target).expect("the part is the whole");
                if next != component {
                    set &= stuck[next as usize];
                }
            }
        }
        stuck.push(set);
    }
    let ever = stuck.iter().fold(0, |ever, set| ever | set);
    members(ever)
        .filter_map(|thread| {
            let stuck_in = |component: u32| stuck[component as usize] & only(thread) != 0;
            Some((thread, nearest_fair(&part, &components, stuck_in)?))
        })
        .collect()
}
