//! The part of a graph that a question is about.

use crate::engines::exhaustive::explorer::graph::{Edge, EdgeId, Graph, StateId};
use crate::engines::exhaustive::world::{Threads, only};

/// States in which some threads wait, and the steps between them that serve nobody of some others.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// All of it.
    pub graph: &'a Graph,
    /// Only states in which all of these wait.
    pub waiting: Threads,
    /// Only steps in which none of these is served.
    pub unserved: Threads,
    /// No steps with which a thread wakes by itself.
    pub caused: bool,
}

impl<'a> Part<'a> {
    /// All states and all steps.
    #[must_use]
    pub fn whole(graph: &'a Graph) -> Self {
        Self {
            graph,
            waiting: 0,
            unserved: 0,
            caused: false,
        }
    }

    /// All states, and all steps but wake-ups that nobody causes.
    #[must_use]
    pub fn of_what_is_caused(graph: &'a Graph) -> Self {
        Self {
            caused: true,
            ..Self::whole(graph)
        }
    }

    /// Whether a state belongs to it.
    #[inline]
    #[must_use]
    pub fn has(&self, state: StateId) -> bool {
        self.graph.waiting(state) & self.waiting == self.waiting
    }

    /// Whether a step from one of its states belongs to it.
    #[inline]
    #[must_use]
    pub fn has_edge(&self, from: StateId, edge: &Edge) -> bool {
        let uncaused = self.graph.by_itself(from) & only(edge.choice.thread) != 0;
        edge.served & self.unserved == 0 && !(self.caused && uncaused) && self.has(edge.target)
    }

    /// Its steps from one of its states.
    pub fn edges(&self, state: StateId) -> impl Iterator<Item = (EdgeId, &'a Edge)> + '_ {
        self.graph
            .steps(state)
            .zip(self.graph.edges(state))
            .filter(move |(_, edge)| self.has_edge(state, edge))
    }
}
