//! Which cycles a scheduler may go round for ever, and a walk that shows that it may.

use std::collections::VecDeque;

use super::Lasso;
use super::components::{ComponentId, Components};
use super::part::Part;
use crate::engines::exhaustive::explorer::Choice;
use crate::engines::exhaustive::explorer::graph::{Edge, EdgeId, StateId};
use crate::engines::exhaustive::world::{Threads, only};

/// What is assumed of the scheduler, as reports say it.
pub const ASSUMPTION: &str = "Weak fairness: a thread that from some point on can always move moves \
     again. Nothing more: who is served when units come free is up to the object that has them.";

/// Whether a cycle through all of a component is fair: every thread moves in it or is in some state
/// of it unable to, because it waits or has ended. No cycle within the component is fair if this
/// one is not.
#[must_use]
pub fn is_fair(part: &Part<'_>, components: &Components, component: ComponentId) -> bool {
    let mut excused: Threads = 0;
    let mut cycle = false;
    for &state in components.states(component) {
        excused |= !part.graph.enabled(state);
    }
    for (_, edge) in components.inner(part, component) {
        excused |= only(edge.choice.thread);
        cycle = true;
    }
    cycle && part.graph.everybody() & !excused == 0
}

/// What a closed walk has to pass: for each of these threads a step of it or a state in which it
/// cannot move, and a step like this one, if there is such a demand.
#[derive(Clone, Copy)]
pub(super) struct Demands<'a> {
    pub(super) threads: Threads,
    pub(super) step: Option<&'a dyn Fn(&Edge) -> bool>,
}

impl Demands<'_> {
    /// A fair cycle.
    pub(super) fn fair(part: &Part<'_>) -> Self {
        Self {
            threads: part.graph.everybody(),
            step: None,
        }
    }

    fn at(self, part: &Part<'_>, state: StateId) -> Self {
        Self {
            threads: self.threads & part.graph.enabled(state),
            ..self
        }
    }

    fn after(self, part: &Part<'_>, edge: &Edge) -> Self {
        let left = Self {
            threads: self.threads & !only(edge.choice.thread),
            step: self.step.filter(|is_it| !is_it(edge)),
        };
        left.at(part, edge.target)
    }

    fn is_met(self) -> bool {
        self.threads == 0 && self.step.is_none()
    }
}

/// The first of the components that can be gone round fairly, by distance, with such a walk.
pub(super) fn nearest_fair(
    part: &Part<'_>,
    components: &Components,
    wanted: impl Fn(ComponentId) -> bool,
) -> Option<Lasso> {
    let component = components
        .ids()
        .filter(|&component| wanted(component) && is_fair(part, components, component))
        .min_by_key(|&component| components.nearest(component))?;
    Some(lasso(part, components, component, Demands::fair(part)))
}

/// A way to a component, and a closed walk in it that meets demands which it can meet: each time
/// to the nearest state or step that meets one more, and back.
pub(super) fn lasso(
    part: &Part<'_>,
    components: &Components,
    component: ComponentId,
    demands: Demands<'_>,
) -> Lasso {
    let start = components.nearest(component);
    let mut cycle = Vec::new();
    let mut at = start;
    let mut left = demands.at(part, start);
    while !left.is_met() {
        let gains = |edge: &Edge| {
            let after = left.after(part, edge);
            after.threads != left.threads || after.step.is_some() != left.step.is_some()
        };
        for edge in walk(part, components, at, gains) {
            let edge = part.graph.edge(edge);
            left = left.after(part, edge);
            cycle.push(edge.choice);
            at = edge.target;
        }
    }
    if at != start || cycle.is_empty() {
        let back = walk(part, components, at, |edge| edge.target == start);
        cycle.extend(choices(part, &back));
    }
    Lasso {
        stem: part.graph.way_to(start),
        cycle,
    }
}

/// A shortest walk within a component from a state to the end of a step with a property, which the
/// component has.
pub(super) fn walk(
    part: &Part<'_>,
    components: &Components,
    from: StateId,
    is_last: impl Fn(&Edge) -> bool,
) -> Vec<EdgeId> {
    let component = components.of(from);
    let mut came_by: Vec<Option<(StateId, EdgeId)>> = vec![None; part.graph.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(state) = queue.pop_front() {
        for (number, edge) in part.edges(state) {
            if components.of(edge.target) != component {
                continue;
            }
            if is_last(edge) {
                let mut way = vec![number];
                let mut at = state;
                while at != from {
                    let (parent, edge) = came_by[at as usize].expect("it was reached");
                    way.push(edge);
                    at = parent;
                }
                way.reverse();
                return way;
            }
            let came = &mut came_by[edge.target as usize];
            if edge.target != from && came.is_none() {
                *came = Some((state, number));
                queue.push_back(edge.target);
            }
        }
    }
    unreachable!("a component has what was seen in it")
}

/// The choices of steps.
pub(super) fn choices(part: &Part<'_>, way: &[EdgeId]) -> Vec<Choice> {
    way.iter()
        .map(|&edge| part.graph.edge(edge).choice)
        .collect()
}
