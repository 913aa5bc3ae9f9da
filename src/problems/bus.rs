//! The bus: the driver drives and stops, the conductor sells tickets and opens and closes the door.
//!
//! The driver drives to the next stop, stops there, signals `s2` (the bus stands) and waits for `s1`
//! (the door is closed) before it drives on. The conductor sells tickets meanwhile, waits for `s2`,
//! opens the door, closes it, and signals `s1`. Neither semaphore has a unit at first.
//!
//! The invariant: the bus never moves with the door open, and at every stop the door is opened once.
//! In the wrong variant the driver signals before it stops, so that the door opens on a bus that
//! still moves.

use std::sync::Arc;

use super::{INFINITE, Problem, Variant};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Memory, Parameter, Property, Scenario, Stages, Truth, require};
use crate::sync::{Attempt, Backend, Shared, rounds, run_threads};

/// The stages of a round: the bus moves, then the door is open.
const MOVING: usize = 0;
const OPEN: usize = 1;

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    Problem {
        id: "bus",
        summary: "the driver stops before the conductor opens the door, and drives when it is closed",
        variants: vec![
            Variant {
                program: Arc::new(Bus {
                    name: "bus/driver-conductor",
                    stops_first: true,
                }),
                summary: "each signals when it is done and waits for the other",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Bus {
                    name: "bus/swapped",
                    stops_first: false,
                }),
                summary: "the driver signals before it stops",
                truth: Truth {
                    failures: &[
                        (Property::StageOrder, SequentiallyConsistent, |_, _| true),
                        // Nothing orders the stop before the conductor's look at it.
                        (Property::DataRaceFreedom, SequentiallyConsistent, |_, _| {
                            true
                        }),
                        (Property::Invariant, SequentiallyConsistent, |_, _| true),
                    ],
                },
            },
        ],
    }
}

/// Driver `*(drive; stop; V(s2); P(s1))`, conductor `*(sell; P(s2); open; close; V(s1))`.
struct Bus {
    name: &'static str,
    /// Whether the driver stops before V(s2).
    stops_first: bool,
}

impl Scenario for Bus {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number("rounds", "stops", 2, (1, 1000))]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::StageOrder,
            Property::DataRaceFreedom,
            Property::Invariant,
        ]
    }

    fn liveness(&self) -> Vec<Property> {
        if self.stops_first {
            INFINITE.to_vec()
        } else {
            Vec::new()
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let stops = instance.number("rounds");
        let (closed, stands) = (Semaphore::<B>::new("s1", 0), Semaphore::<B>::new("s2", 0));
        let (moves, open) = (
            Shared::<B, bool>::new("moves", false),
            Shared::<B, bool>::new("open", false),
        );
        let line = Stages::<B>::new("line", 2);
        let driver = || {
            for _ in rounds::<B>(stops, &()) {
                let drive = line.begin(MOVING);
                moves.set(true);
                require::<B>(Property::Invariant, !open.get(), || {
                    "the bus drives on while the door is open".to_owned()
                });
                if !self.stops_first {
                    stands.v();
                }
                moves.set(false);
                drop(drive);
                if self.stops_first {
                    stands.v();
                }
                let attempt = Attempt::<B>::begin();
                closed.p();
                attempt.served();
            }
        };
        let conductor = || {
            for _ in rounds::<B>(stops, &()) {
                // Sells tickets here: that touches nothing of the driver's.
                let attempt = Attempt::<B>::begin();
                stands.p();
                attempt.served();
                let stop = line.begin(OPEN);
                open.set(true);
                require::<B>(Property::Invariant, !moves.get(), || {
                    "the door opens while the bus moves".to_owned()
                });
                open.set(false);
                drop(stop);
                closed.v();
            }
        };
        run_threads::<B>(vec![
            ("driver".into(), Box::new(driver)),
            ("conductor".into(), Box::new(conductor)),
        ]);
        line.settle(stops);
    }
}
