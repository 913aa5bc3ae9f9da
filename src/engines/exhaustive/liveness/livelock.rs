//! All run and nobody gets anywhere.

use super::Lasso;
use super::components::Components;
use super::fairness::nearest_fair;
use super::part::Part;
use crate::engines::exhaustive::explorer::graph::Graph;
use crate::engines::exhaustive::world::Threads;

/// A fair cycle in which nobody is served. Of a program that serves nobody ever, every fair cycle
/// is one: ask only where [`World::served`](crate::engines::exhaustive::world::World::served) is
/// said somewhere.
#[must_use]
pub fn livelock(graph: &Graph) -> Option<Lasso> {
    let part = Part {
        graph,
        waiting: 0,
        unserved: Threads::MAX,
        caused: false,
    };
    nearest_fair(&part, &Components::new(&part), |_| true)
}
