//! Sampling: one task collects samples, another computes with them, and one slot lies between.
//!
//! The collecting task puts each sample into the slot and raises `Sfull`; the computing task takes
//! it out and raises `Sempty`. The collector waits for `Sempty` before it puts the next one, so that
//! a slow computation holds it back. It is the bounded buffer of one slot, without a mutex.
//!
//! The invariant: every sample is computed with once, in the order in which they were collected. In
//! the wrong variant the collector does not wait for `Sempty`, as a device does that samples at its
//! own pace: it overwrites a sample that nobody has seen, or one that is being read.

use std::sync::Arc;

use super::slots::{Ring, pass};
use super::{Problem, Variant};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Ledger, Memory, Parameter, Property, Scenario, Truth};
use crate::sync::{Backend, run_threads};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    Problem {
        id: "sampling",
        summary: "one task collects samples, another computes with them",
        variants: vec![
            Variant {
                program: Arc::new(Sampling {
                    name: "sampling/single-buffer",
                    waits: true,
                }),
                summary: "the collector waits until the slot is empty",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Sampling {
                    name: "sampling/no-backpressure",
                    waits: false,
                }),
                summary: "the collector does not wait",
                truth: Truth {
                    failures: &[
                        (Property::Conservation, SequentiallyConsistent, |i, _| {
                            several(i)
                        }),
                        (Property::DataRaceFreedom, SequentiallyConsistent, |i, _| {
                            several(i)
                        }),
                    ],
                },
            },
        ],
    }
}

/// There is a sample to overwrite and one to overwrite it with.
fn several(instance: &Instance) -> bool {
    instance.number("items") >= 2
}

/// A collecting and a computing task around one slot.
struct Sampling {
    name: &'static str,
    /// Whether the collector waits for `Sempty`.
    waits: bool,
}

impl Scenario for Sampling {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number("items", "samples", 2, (1, 1000))]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::DataRaceFreedom,
            Property::Conservation,
            Property::FifoOrder,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let samples = instance.number("items");
        let (empty, full) = (Semaphore::<B>::new("Sempty", 1), Semaphore::new("Sfull", 0));
        let slot = Ring::<B>::new("sample", 1, samples);
        let ledger = Ledger::new();
        let collector = || {
            for number in 0..samples {
                let sample = (0, number);
                ledger.produced(sample);
                if self.waits {
                    pass(None, false, &empty, &full, || slot.put(sample));
                } else {
                    slot.put(sample);
                    full.v();
                }
            }
        };
        let computer = || {
            for _ in 0..samples {
                pass(None, false, &full, &empty, || {
                    ledger.consumed(0, slot.take());
                });
            }
        };
        run_threads::<B>(vec![
            ("collector".into(), Box::new(collector)),
            ("computer".into(), Box::new(computer)),
        ]);
        ledger.settle::<B>();
    }
}
