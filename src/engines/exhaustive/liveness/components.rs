//! Strongly connected components, without recursion.
//!
//! Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1(2), 1972.

use super::part::Part;
use crate::engines::exhaustive::explorer::graph::{Edge, EdgeId, StateId};

/// Number of a component. Every step between two components leads to the lower number.
pub type ComponentId = u32;

const NONE: u32 = u32::MAX;

/// The strongly connected components of a part of a graph.
#[derive(Clone, Debug)]
pub struct Components {
    of: Vec<ComponentId>,
    /// The states, those of one component together.
    states: Vec<StateId>,
    /// Where each component begins among them, and the end.
    begins: Vec<u32>,
}

/// A state that is being visited, and its next step.
struct Frame {
    state: StateId,
    next: EdgeId,
}

impl Components {
    /// Those of a part.
    #[must_use]
    pub fn new(part: &Part<'_>) -> Self {
        let graph = part.graph;
        let mut found = Self {
            of: vec![NONE; graph.len()],
            states: Vec::new(),
            begins: vec![0],
        };
        let mut visited = 0;
        let mut index = vec![NONE; graph.len()];
        let mut low = vec![NONE; graph.len()];
        let mut open: Vec<StateId> = Vec::new();
        let mut frames: Vec<Frame> = Vec::new();
        for root in graph.states() {
            if !part.has(root) || index[root as usize] != NONE {
                continue;
            }
            let mut enter = Some(root);
            loop {
                if let Some(state) = enter.take() {
                    index[state as usize] = visited;
                    low[state as usize] = visited;
                    visited += 1;
                    open.push(state);
                    frames.push(Frame {
                        state,
                        next: graph.steps(state).start,
                    });
                }
                let Some(frame) = frames.last_mut() else {
                    break;
                };
                let state = frame.state as usize;
                if frame.next < graph.steps(frame.state).end {
                    let edge = graph.edge(frame.next);
                    frame.next += 1;
                    let target = edge.target as usize;
                    if !part.has_edge(state as StateId, edge) {
                        continue;
                    }
                    if index[target] == NONE {
                        enter = Some(edge.target);
                    } else if found.of[target] == NONE {
                        low[state] = low[state].min(index[target]);
                    }
                    continue;
                }
                frames.pop();
                if let Some(parent) = frames.last() {
                    let parent = parent.state as usize;
                    low[parent] = low[parent].min(low[state]);
                }
                if low[state] == index[state] {
                    found.close(&mut open, state as StateId);
                }
            }
        }
        found
    }

    /// What has been opened from a state on is a component.
    fn close(&mut self, open: &mut Vec<StateId>, root: StateId) {
        let number = self.len() as ComponentId;
        loop {
            let state = open.pop().expect("the root is open");
            self.of[state as usize] = number;
            self.states.push(state);
            if state == root {
                break;
            }
        }
        self.begins.push(self.states.len() as u32);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.begins.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them; every step between two leads to one that comes earlier.
    pub fn ids(&self) -> impl Iterator<Item = ComponentId> + use<> {
        0..self.len() as ComponentId
    }

    /// The component of a state of the part.
    #[must_use]
    pub fn of(&self, state: StateId) -> Option<ComponentId> {
        let number = self.of[state as usize];
        (number != NONE).then_some(number)
    }

    /// The states of a component.
    #[must_use]
    pub fn states(&self, component: ComponentId) -> &[StateId] {
        let component = component as usize;
        &self.states[self.begins[component] as usize..self.begins[component + 1] as usize]
    }

    /// The state of a component that is nearest to the first one.
    #[must_use]
    pub fn nearest(&self, component: ComponentId) -> StateId {
        // States are numbered by their distance.
        let states = self.states(component).iter().copied();
        states.min().expect("a component has states")
    }

    /// The steps of a part that stay in a component.
    pub fn inner<'a>(
        &'a self,
        part: &'a Part<'a>,
        component: ComponentId,
    ) -> impl Iterator<Item = (StateId, &'a Edge)> + 'a {
        self.states(component)
            .iter()
            .flat_map(move |&state| part.edges(state).map(move |(_, edge)| (state, edge)))
            .filter(move |(_, edge)| self.of[edge.target as usize] == component)
    }
}
