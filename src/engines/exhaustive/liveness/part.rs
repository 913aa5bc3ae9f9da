//! The part of a graph that a question is about.

use crate::engines::exhaustive::explorer::graph::{Edge, EdgeId, Graph, StateId};
use crate::engines::exhaustive::world::Threads;

/// States in which some threads wait, and the steps between them that serve nobody of some others.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// All of it.
    pub graph: &'a Graph,
    /// Only states in which all of these wait.
    pub waiting: Threads,
    /// Only steps in which none of these is served.
    pub unserved: Threads,
}

impl<'a> Part<'a> {
    /// All states and all steps.
    #[must_use]
    pub fn whole(graph: &'a Graph) -> Self {
        Self {
            graph,
            waiting: 0,
            unserved: 0,
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
    pub fn has_edge(&self, edge: &Edge) -> bool {
        edge.served & self.unserved == 0 && self.has(edge.target)
    }

    /// Its steps from one of its states.
    pub fn edges(&self, state: StateId) -> impl Iterator<Item = (EdgeId, &'a Edge)> + '_ {
        self.graph
            .steps(state)
            .zip(self.graph.edges(state))
            .filter(|(_, edge)| self.has_edge(edge))
    }
}
