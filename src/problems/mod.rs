//! The catalogue: one file a problem, right and wrong variants together.
//!
//! 1. [`semaphore`]: the counting semaphore itself, queued, busy-waiting, and with slips in P.
//! 2. [`critical_section`]: mutual exclusion, from a mutex to Peterson's algorithm.
//! 3. [`bounded_buffer`]: producers and consumers, from one slot to a ring with many on each side.
//! 4. [`readers_writers`]: readers together, a writer alone, and who may be kept waiting for ever.
//! 5. [`philosophers`]: the dining philosophers, from the naive rule to the monitor.

pub mod bounded_buffer;
pub mod critical_section;
pub mod philosophers;
pub mod readers_writers;
pub mod semaphore;

use crate::scenario::{Program, Property, Truth};
use crate::sync::Body;

/// A problem of the catalogue.
pub struct Problem {
    /// Its permanent id.
    pub id: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Its variants, right ones first.
    pub variants: Vec<Variant>,
}

/// An algorithm for a problem.
pub struct Variant {
    /// The algorithm; its name is `problem/variant`.
    pub program: Program,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What is claimed of it.
    pub truth: Truth,
}

impl Variant {
    /// Its permanent id, without the problem's.
    #[must_use]
    pub fn id(&self) -> &'static str {
        let name = self.program.name();
        name.split_once('/').map_or(name, |(_, variant)| variant)
    }
}

/// Every problem, in the order in which reports list them.
#[must_use]
pub fn catalogue() -> Vec<Problem> {
    vec![
        semaphore::problem(),
        critical_section::problem(),
        bounded_buffer::problem(),
        readers_writers::problem(),
        philosophers::problem(),
    ]
}

/// What can be asked of the infinite executions of a scenario that tells who waits.
const INFINITE: [Property; 4] = [
    Property::LivelockFreedom,
    Property::StarvationFreedom,
    Property::BoundedBypass,
    Property::PartialDeadlockFreedom,
];

/// `count` threads of one name, numbered from 0, that run `body` with their number.
fn team<'a>(name: &'static str, count: usize, body: &'a (dyn Fn(usize) + Sync)) -> Vec<Body<'a>> {
    (0..count)
        .map(|i| -> Body<'a> { ((name, i).into(), Box::new(move || body(i))) })
        .collect()
}
