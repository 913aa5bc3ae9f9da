//! How often others are served while somebody waits: whether overtaking is bounded, and by what.

use super::Lasso;
use super::components::{ComponentId, Components};
use super::fairness::{Demands, choices, lasso, walk};
use super::part::Part;
use crate::engines::exhaustive::explorer::graph::{Edge, EdgeId, Graph, StateId};
use crate::engines::exhaustive::world::only;
use crate::sync::stepping::ThreadId;

/// How often others are served while a thread waits once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// At most so often, and in some execution so often.
    Max(u64),
    /// So often in what was visited of the graph.
    AtLeast(u64),
    /// There is no bound, but only for a thread that is slow itself: wherever others are served
    /// again and again, it could move all the time.
    IfSlow,
    /// There is no bound, however fast the thread is: others are served again and again while it
    /// moves, or finds that it cannot.
    Unbounded,
}

/// How often, and an execution that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overtaking {
    /// How often.
    pub bypass: Bypass,
    /// The execution; its cycle is empty where the number is bounded.
    pub shown_by: Lasso,
}

/// How often others are served while a thread waits, over all executions, fair or not: every finite
/// execution is the beginning of a fair one. The step with which it begins to wait does not count,
/// nor does one that serves it. `None` when the thread never waits.
#[must_use]
pub fn bypass(graph: &Graph, thread: ThreadId) -> Option<Overtaking> {
    let part = Part {
        graph,
        waiting: only(thread),
        unserved: only(thread),
        caused: false,
    };
    let components = Components::new(&part);
    if components.is_empty() {
        return None;
    }
    let serves = |edge: &Edge| edge.served != 0;
    let endless = |&component: &ComponentId| {
        let mut inner = components.inner(&part, component);
        inner.any(|(_, edge)| serves(edge))
    };
    let slow = |component: ComponentId| {
        let states = components.states(component);
        let mut inner = components.inner(&part, component);
        let can_move = |&state: &StateId| graph.enabled(state) & only(thread) != 0;
        states.iter().all(can_move) && inner.all(|(_, edge)| edge.choice.thread != thread)
    };
    let worst = components
        .ids()
        .filter(endless)
        .map(|component| (slow(component), components.nearest(component), component))
        .min();
    if let Some((slow, _, component)) = worst {
        let demands = Demands {
            threads: if slow { 0 } else { only(thread) },
            step: Some(&serves),
        };
        return Some(Overtaking {
            bypass: if slow {
                Bypass::IfSlow
            } else {
                Bypass::Unbounded
            },
            shown_by: lasso(&part, &components, component, demands),
        });
    }
    let (max, shown_by) = longest(&part, &components);
    Some(Overtaking {
        bypass: if graph.gap().is_some() {
            Bypass::AtLeast(max)
        } else {
            Bypass::Max(max)
        },
        shown_by,
    })
}

/// The most services on a walk, and the walk. No step within a component has any.
fn longest(part: &Part<'_>, components: &Components) -> (u64, Lasso) {
    // The most from each component on, and the step by which to leave it for that.
    let mut most: Vec<(u64, Option<EdgeId>)> = Vec::with_capacity(components.len());
    for component in components.ids() {
        let mut best = (0, None);
        for &state in components.states(component) {
            for (number, edge) in part.edges(state) {
                let next = components.of(edge.target).expect("it is in the part");
                if next == component {
                    continue;
                }
                let sum = u64::from(edge.served.count_ones()) + most[next as usize].0;
                if sum > best.0 {
                    best = (sum, Some(number));
                }
            }
        }
        most.push(best);
    }
    let first = components
        .ids()
        .max_by_key(|&component| {
            let nearest = components.nearest(component);
            (most[component as usize].0, std::cmp::Reverse(nearest))
        })
        .expect("there are components");
    let start = components.nearest(first);
    let mut stem = part.graph.way_to(start);
    let mut at = start;
    while let Some(exit) = components.of(at).and_then(|of| most[of as usize].1) {
        if !leaves_from(part, exit, at) {
            let before = |edge: &Edge| leaves_from(part, exit, edge.target);
            stem.extend(choices(part, &walk(part, components, at, before)));
        }
        let edge = part.graph.edge(exit);
        stem.push(edge.choice);
        at = edge.target;
    }
    let cycle = Vec::new();
    (most[first as usize].0, Lasso { stem, cycle })
}

fn leaves_from(part: &Part<'_>, edge: EdgeId, state: StateId) -> bool {
    part.graph.steps(state).contains(&edge)
}
