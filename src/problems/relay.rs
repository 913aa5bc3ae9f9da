//! The relay race: each runner waits for the baton of the one before.
//!
//! Runner 0 runs at once and signals `s 1`; each other runner k waits for `s k`, takes the baton,
//! runs its leg, and signals the next one; the last signals nobody. All semaphores begin with no
//! unit, so that each is a signal and not a lock.
//!
//! The invariant: the legs are run strictly in their order, none begins before the one before it has
//! ended, and the baton, which is plain memory, is in one hand at a time. In the wrong variant
//! runner 2 does not wait: its leg overlaps with an earlier one, or comes before it.

use std::sync::Arc;

use super::{Problem, Variant, team};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Memory, Parameter, Property, Scenario, Stages, Truth, require};
use crate::sync::{Backend, Shared, run_threads};

/// The runner that does not wait, in the variant that lacks a wait.
const HASTY: usize = 2;

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    Problem {
        id: "relay",
        summary: "runners run one after the other, each waits for the baton",
        variants: vec![
            Variant {
                program: Arc::new(Relay {
                    name: "relay/four-runners",
                    all_wait: true,
                }),
                summary: "a semaphore between each two runners",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Relay {
                    name: "relay/missing-wait",
                    all_wait: false,
                }),
                summary: "runner 2 does not wait",
                truth: Truth {
                    failures: &[
                        (Property::StageOrder, SequentiallyConsistent, |_, _| true),
                        // The baton is still in another hand, or was never in one.
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

/// Runners in a row.
struct Relay {
    name: &'static str,
    /// Whether runner 2 waits as the others do.
    all_wait: bool,
}

impl Scenario for Relay {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number("n", "runners", 4, (HASTY + 1, 64))]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::StageOrder,
            Property::DataRaceFreedom,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let runners = instance.number("n");
        // Of runner k and the one before it; nobody is before runner 0.
        let signals: Vec<Semaphore<B>> =
            (1..runners).map(|k| Semaphore::new(("s", k), 0)).collect();
        // How many have run with it.
        let baton = Shared::<B, usize>::new("baton", 0);
        let track = Stages::<B>::new("track", runners);
        let runner = |me: usize| {
            if me > 0 && (self.all_wait || me != HASTY) {
                signals[me - 1].p();
            }
            let leg = track.begin(me);
            let before = baton.get();
            require::<B>(Property::Invariant, before == me, || {
                format!("runner {me} takes the baton after {before} legs")
            });
            baton.set(before + 1);
            drop(leg);
            if let Some(next) = signals.get(me) {
                next.v();
            }
        };
        run_threads::<B>(team("runner", runners, &runner));
        track.settle(1);
    }
}
