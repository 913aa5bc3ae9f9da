//! The critical section: threads take turns in a region that admits one at a time.
//!
//! Each of n threads enters the region `rounds` times, doing its own work in between. The
//! invariant is Dijkstra's: never two inside, and who wants to enter is not kept out by those who
//! do not. In the wrong variants a fence or an ordering is missing, so that both see the other
//! outside, or a thread forgets to return what it took, so that all others wait for ever.

use std::sync::Arc;

use super::{Problem, Variant};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Memory, Parameter, Property, Scenario, Truth, Zone};
use crate::sync::{Backend, scope};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "critical-section",
        summary: "n threads share a region that admits one at a time",
        variants: vec![
            Variant {
                program: Arc::new(WithSemaphore { name: "critical-section/mutex", unpaired: false }),
                summary: "a semaphore of one around the region",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(WithSemaphore {
                    name: "critical-section/unpaired",
                    unpaired: true,
                }),
                summary: "one branch leaves without V",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

/// `*(P(mutex); enter; leave; V(mutex))`.
struct WithSemaphore {
    name: &'static str,
    /// Thread 0 takes the branch that returns early in its last round.
    unpaired: bool,
}

impl Scenario for WithSemaphore {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("n", "threads", 2, (2, 64)),
            Parameter::number("rounds", "entries of each thread", 1, (1, 1000)),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::MutualExclusion]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let rounds = instance.number("rounds");
        let mutex = Semaphore::<B>::new("mutex", 1);
        let region = Zone::<B>::exclusive("critical section");
        scope::<B, _>(|scope| {
            for i in 1..instance.number("n") {
                let (mutex, region) = (&mutex, &region);
                scope.spawn(("process", i), move || {
                    for _ in 0..rounds {
                        mutex.p();
                        drop(region.enter());
                        mutex.v();
                    }
                });
            }
            B::named(("process", 0).into(), || {
                for round in 1..=rounds {
                    mutex.p();
                    drop(region.enter());
                    if self.unpaired && round == rounds {
                        return;
                    }
                    mutex.v();
                }
            });
        });
    }
}
