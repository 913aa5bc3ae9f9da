//! The shared file: A, B, C and D read one file, A and C never together, B and D never together.
//!
//! Each of the four reads the file `rounds` times. A semaphore of one stands for each pair that
//! must not meet: s1 for A and C, s2 for B and D. Any other two may read at the same time.
//!
//! The invariant: at most one of A and C reads, at most one of B and D, and it can happen that A
//! and B read together. In the wrong variant B takes s1, the semaphore of the other pair, so that
//! it reads together with D, and never with A.

use std::sync::Arc;

use super::{INFINITE, Problem, Variant, weak};
use crate::primitives::Semaphore;
use crate::scenario::{Gathering, Instance, Memory, Parameter, Property, Scenario, Truth, Zone};
use crate::sync::{Attempt, Backend, Body, rounds, run_threads};

/// A and B read at once.
const TOGETHER: &str = "A and B together";

/// Who reads: the first and the third exclude each other, the second and the fourth do.
const READERS: [&str; 4] = ["A", "B", "C", "D"];

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    use Property::{BoundedBypass, MutualExclusion, Reachability, StarvationFreedom};
    Problem {
        id: "shared-file",
        summary: "four readers of one file, each of whom excludes one other",
        variants: vec![
            Variant {
                program: Arc::new(SharedFile {
                    name: "shared-file/pairs",
                    crossed: false,
                }),
                summary: "a semaphore for A and C, another for B and D",
                truth: Truth {
                    failures: &[
                        (StarvationFreedom, SequentiallyConsistent, weak),
                        // The other pair reads as often as it likes meanwhile.
                        (BoundedBypass, SequentiallyConsistent, |_, _| true),
                    ],
                },
            },
            Variant {
                program: Arc::new(SharedFile {
                    name: "shared-file/crossed",
                    crossed: true,
                }),
                summary: "B takes the semaphore of A and C",
                truth: Truth {
                    failures: &[
                        (MutualExclusion, SequentiallyConsistent, |_, _| true),
                        (Reachability, SequentiallyConsistent, |_, _| true),
                    ],
                },
            },
        ],
    }
}

/// `*(P(s of the pair); read; V(s of the pair))`.
struct SharedFile {
    name: &'static str,
    /// B takes the semaphore of the other pair.
    crossed: bool,
}

impl SharedFile {
    /// The semaphore that a reader takes, as an index.
    fn taken_by(&self, reader: usize) -> usize {
        if self.crossed && READERS[reader] == "B" {
            0
        } else {
            pair(reader)
        }
    }
}

/// The pair that a reader is of.
fn pair(reader: usize) -> usize {
    reader % 2
}

impl Scenario for SharedFile {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let help = "reads of each of the four";
        vec![Parameter::number("rounds", help, 1, (1, 1000))]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Reachability,
        ]
    }

    fn liveness(&self) -> Vec<Property> {
        if self.crossed {
            Vec::new()
        } else {
            INFINITE.to_vec()
        }
    }

    fn marks(&self) -> Vec<&'static str> {
        vec![TOGETHER]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let count = instance.number("rounds");
        let semaphores = ["s1", "s2"].map(|name| Semaphore::<B>::new(name, 1));
        let pairs = ["A or C", "B or D"].map(Zone::<B>::exclusive);
        let a_and_b = Gathering::<B>::new("A and B", 2, TOGETHER);
        let reader = |me: usize| {
            for _ in rounds::<B>(count, &()) {
                let attempt = Attempt::<B>::begin();
                let permit = semaphores[self.taken_by(me)].acquire();
                attempt.served();
                let reading = pairs[pair(me)].enter();
                if matches!(READERS[me], "A" | "B") {
                    a_and_b.attend(|| ());
                }
                drop(reading);
                drop(permit);
            }
        };
        let reader = &reader;
        let body = |(me, name): (usize, &'static str)| -> Body<'_> {
            (name.into(), Box::new(move || reader(me)))
        };
        run_threads::<B>(READERS.into_iter().enumerate().map(body).collect());
    }
}
