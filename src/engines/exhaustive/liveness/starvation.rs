//! Somebody waits for ever.

use super::Lasso;
use super::components::Components;
use super::fairness::nearest_fair;
use super::part::Part;
use crate::engines::exhaustive::explorer::graph::Graph;
use crate::engines::exhaustive::world::only;
use crate::sync::stepping::ThreadId;

/// A fair cycle all through which a thread waits and is not served.
#[must_use]
pub fn starvation(graph: &Graph, victim: ThreadId) -> Option<Lasso> {
    let part = Part {
        graph,
        waiting: only(victim),
        unserved: only(victim),
        caused: false,
    };
    nearest_fair(&part, &Components::new(&part), |_| true)
}
