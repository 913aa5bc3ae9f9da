//! The pipeline P, Q, R: one thread reads, one transforms, one prints, with a pool of slots between
//! each two.
//!
//! P reads items and puts them into a pool of m slots; Q takes them out, works on them, and puts
//! what comes of it into a pool of n slots; R takes that out and prints it. Each pool is a bounded
//! buffer with a mutex of its own, and semaphores that count its slots: `Sip` and `Siq` in front of
//! Q, `Soq` and `Sor` behind it. So Q is the consumer of one buffer and the producer of another.
//!
//! The invariant: every item is transformed and printed once, in the order in which it was read,
//! and no pool holds more than its slots. In the wrong variant Q takes the mutex of the first pool
//! before it waits for an item there, so that P cannot put one, and all three wait for ever.

use std::sync::Arc;

use super::slots::{Item, Ring, pass};
use super::{Problem, Variant};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Ledger, Memory, Parameter, Property, Scenario, Truth, require};
use crate::sync::{Backend, run_threads};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "pipeline",
        summary: "P reads, Q transforms, R prints, with a pool of slots between each two",
        variants: vec![
            Variant {
                program: Arc::new(Pipeline {
                    name: "pipeline/p-q-r",
                    mutex_first: false,
                }),
                summary: "each waits for a slot before it takes the pool's mutex",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Pipeline {
                    name: "pipeline/mutex-first",
                    mutex_first: true,
                }),
                summary: "Q takes the first pool's mutex before it waits for an item",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // A Q that comes first takes the mutex and waits for an item.
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

/// Three threads in a row.
struct Pipeline {
    name: &'static str,
    /// Whether Q takes `mutex1` before P(Siq).
    mutex_first: bool,
}

impl Scenario for Pipeline {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("items", "items that P reads", 1, (1, 1000)),
            Parameter::number("m", "slots between P and Q", 1, (1, 64)),
            Parameter::number("n", "slots between Q and R", 1, (1, 64)),
        ]
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
        let items = instance.number("items");
        let (m, n) = (instance.number("m"), instance.number("n"));
        let first = Pool::<B>::new(["in slot", "mutex1", "Sip", "Siq"], m, items);
        let second = Pool::<B>::new(["out slot", "mutex2", "Soq", "Sor"], n, items);
        let ledger = Ledger::new();
        let p = || {
            for number in 0..items {
                let item = (0, number);
                ledger.produced(transformed(item));
                first.put(item);
            }
        };
        let q = || {
            for _ in 0..items {
                let item = first.take(self.mutex_first);
                second.put(transformed(item));
            }
        };
        let r = || {
            for _ in 0..items {
                ledger.consumed(0, second.take(false));
            }
        };
        // The end of the line first: each is there when the one before it hands it an item.
        run_threads::<B>(vec![
            ("R".into(), Box::new(r)),
            ("Q".into(), Box::new(q)),
            ("P".into(), Box::new(p)),
        ]);
        ledger.settle::<B>();
        first.settle(m);
        second.settle(n);
    }
}

/// What Q makes of an item: one that R can tell from any that P has read.
fn transformed((stage, number): Item) -> Item {
    (stage + 1, number)
}

/// Slots between two threads, and the semaphores around them.
struct Pool<B: Backend> {
    ring: Ring<B>,
    mutex: Semaphore<B>,
    /// How many slots the thread in front of the pool may fill.
    empty: Semaphore<B>,
    /// How many items the thread behind it may take.
    full: Semaphore<B>,
}

impl<B: Backend> Pool<B> {
    fn new([slot, mutex, empty, full]: [&'static str; 4], slots: usize, items: usize) -> Self {
        Self {
            ring: Ring::new(slot, slots, items),
            mutex: Semaphore::new(mutex, 1),
            empty: Semaphore::new(empty, slots),
            full: Semaphore::new(full, 0),
        }
    }

    fn put(&self, item: Item) {
        let put = || self.ring.put(item);
        pass(Some(&self.mutex), false, &self.empty, &self.full, put);
    }

    fn take(&self, mutex_first: bool) -> Item {
        let mut item = None;
        let take = || item = Some(self.ring.take());
        pass(
            Some(&self.mutex),
            mutex_first,
            &self.full,
            &self.empty,
            take,
        );
        item.expect("the way to the slot leads to an item")
    }

    /// Checks, when all is over, that every slot is empty.
    fn settle(&self, slots: usize) {
        let at_rest = (self.empty.value(), self.full.value());
        require::<B>(
            Property::Invariant,
            at_rest == (slots.cast_signed(), 0),
            || {
                let (empty, full) = at_rest;
                format!("at the end {empty} of {slots} slots are empty and {full} are full")
            },
        );
    }
}
