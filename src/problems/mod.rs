//! The catalogue: one file a problem, right and wrong variants together.
//!
//! 1. [`semaphore`]: the counting semaphore itself, queued, busy-waiting, and with slips in P.
//! 2. [`semaphore_set`]: several semaphores at once, all or nothing, and part by part.
//! 3. [`critical_section`]: mutual exclusion, from a mutex to Peterson's algorithm.
//! 4. [`bounded_buffer`]: producers and consumers, from one slot to a ring with many on each side.
//! 5. [`blocking_queue`]: the same on a lock and condition variables, and whom a notification wakes.
//! 6. [`sampling`]: a buffer of one slot between a task that collects and one that computes.
//! 7. [`pipeline`]: three threads in a row, two buffers between them.
//! 8. [`readers_writers`]: readers together, a writer alone, and who may be kept waiting for ever.
//! 9. [`shared_file`]: four readers of whom each excludes one other.
//! 10. [`reading_room`]: so many seats, and a register of who has which.
//! 11. [`philosophers`]: the dining philosophers, from the naive rule to the monitor.
//! 12. [`fruit_plate`] and [`animal_cage`]: one place for one item, and for each kind one who takes
//!     it.
//! 13. [`relay`] and [`bus`]: what has to happen one after the other.
//! 14. [`connection_limit`], [`transfer_pipeline`], [`maildrop_lock`]: the skeletons of the network
//!     programs, over the very parts that those use.
//!
//! `slots` and `place` are what several of them share.

pub mod animal_cage;
pub mod blocking_queue;
pub mod bounded_buffer;
pub mod bus;
pub mod connection_limit;
pub mod critical_section;
pub mod fruit_plate;
pub mod maildrop_lock;
pub mod philosophers;
pub mod pipeline;
mod place;
pub mod readers_writers;
pub mod reading_room;
pub mod relay;
pub mod sampling;
pub mod semaphore;
pub mod semaphore_set;
pub mod shared_file;
mod slots;
pub mod transfer_pipeline;

pub use crate::scenario::{Problem, Variant};

use crate::scenario::{Instance, Property};
use crate::sync::{Body, Semantics, SemaphoreOrder};

/// Every problem, in the order in which reports list them.
#[must_use]
pub fn catalogue() -> Vec<Problem> {
    vec![
        semaphore::problem(),
        semaphore_set::problem(),
        critical_section::problem(),
        bounded_buffer::problem(),
        blocking_queue::problem(),
        sampling::problem(),
        pipeline::problem(),
        readers_writers::problem(),
        shared_file::problem(),
        reading_room::problem(),
        philosophers::problem(),
        fruit_plate::problem(),
        animal_cage::problem(),
        relay::problem(),
        bus::problem(),
        connection_limit::problem(),
        transfer_pipeline::problem(),
        maildrop_lock::problem(),
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

/// Whoever comes when a unit of a semaphore is free takes it.
fn weak(_: &Instance, semantics: &Semantics) -> bool {
    semantics.semaphore == SemaphoreOrder::Weak
}

/// How many of `all` items go to number `who` of those `among` whom they are divided; fixed, so
/// that every run ends.
fn share(all: usize, among: usize, who: usize) -> usize {
    all / among + usize::from(who < all % among)
}
