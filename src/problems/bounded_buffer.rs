//! Producer and consumer: items go from some threads to others through a buffer of n slots.
//!
//! Each producer puts its items into the next slot of a ring and waits while no slot is empty. The
//! consumers share all items among them, take each from the slot that is next for them, and wait
//! while none is full. The semaphores `empty` and `full` count the slots of either kind, and a
//! mutex on a side keeps its threads apart where there are several.
//!
//! The invariant: every item comes out once and nothing else does, in order per producer, there
//! are never fewer than 0 or more than n items, and empty + full = n when all is at rest. In the
//! wrong variants a thread takes the mutex that the other side needs before it waits, so that all
//! wait for ever, or two producers write the same slot.

use std::sync::Arc;

use super::slots::{FULL, Ring, pass};
use super::{Problem, Variant, team};
use crate::primitives::{Semaphore, SemaphoreSet};
use crate::scenario::specifications::{Answer, Bounded, Transfer};
use crate::scenario::{
    History, Instance, Ledger, Memory, Parallelism, Parameter, Property, Scenario, Truth, require,
};
use crate::sync::{Backend, SwaitOrder, run_threads};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "bounded-buffer",
        summary: "producers hand items to consumers through a buffer of n slots",
        variants: vec![
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/single",
                    rule: Rule::Single,
                }),
                summary: "one producer, one consumer, one slot, no mutex",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/ring",
                    rule: Rule::Ring,
                }),
                summary: "one producer, one consumer, a ring of slots, no mutex",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/two-mutex",
                    rule: Rule::TwoMutex,
                }),
                summary: "many on each side, a mutex a side",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/one-mutex",
                    rule: Rule::OneMutex,
                }),
                summary: "many on each side, one mutex for both",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/and-set",
                    rule: Rule::AndSet,
                }),
                summary: "Swait takes the slot and the mutex at once",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // A consumer that comes first waits for an item at the head of the only
                        // queue, and the producers, who could go on, behind it.
                        |_, semantics| semantics.swait == SwaitOrder::Strict,
                    )],
                },
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/two-mutex-swapped",
                    rule: Rule::TwoMutexSwapped,
                }),
                summary: "a mutex a side, taken before the slot: harmless",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/mutex-first",
                    rule: Rule::MutexFirst,
                }),
                summary: "one mutex for both sides, taken before the slot",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // A consumer that comes first takes the mutex and waits for an item.
                        |_, _| true,
                    )],
                },
            },
            Variant {
                program: Arc::new(Buffer {
                    name: "bounded-buffer/no-mutex",
                    rule: Rule::NoMutex,
                }),
                summary: "many producers without a mutex",
                truth: Truth {
                    failures: &[
                        (
                            Property::DataRaceFreedom,
                            Memory::SequentiallyConsistent,
                            |instance, _| producers_meet(instance),
                        ),
                        (
                            Property::Conservation,
                            Memory::SequentiallyConsistent,
                            |instance, _| producers_meet(instance),
                        ),
                        (
                            Property::FifoOrder,
                            Memory::SequentiallyConsistent,
                            |instance, _| producer_overtakes_itself(instance),
                        ),
                    ],
                },
            },
        ],
    }
}

/// Two producers without a mutex are between their P(empty) and V(full) at once.
fn producers_meet(instance: &Instance) -> bool {
    instance.number("producers") >= 2 && instance.number("capacity") >= 2
}

/// A producer that has read `in` late puts an item into the slot that was just emptied, which the
/// consumers reach after a whole lap, and sets `in` back, so that its next item comes out first.
///
/// The item out of order is number `capacity` or later of all, or else one was lost; and one
/// consumer takes both.
fn producer_overtakes_itself(instance: &Instance) -> bool {
    let (items, producers) = (instance.number("items"), instance.number("producers"));
    let all = items * producers;
    producers_meet(instance)
        && items >= 2
        && all > instance.number("capacity")
        && all > instance.number("consumers")
}

/// Producers and consumers around a ring of slots.
struct Buffer {
    name: &'static str,
    rule: Rule,
}

/// Who takes which semaphores, in which order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// One producer and one consumer on a ring of one slot.
    Single,
    /// One producer and one consumer.
    Ring,
    /// The producers have a mutex, the consumers have another.
    TwoMutex,
    /// One mutex for both sides.
    OneMutex,
    /// One mutex for both sides, taken together with the slot.
    AndSet,
    /// A mutex a side, taken before the slot.
    TwoMutexSwapped,
    /// One mutex for both sides, taken before the slot.
    MutexFirst,
    /// The consumers have a mutex, the producers have none.
    NoMutex,
}

impl Scenario for Buffer {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        // The smallest instance that shows what the variant is about.
        let (items, capacity, producers) = match self.rule {
            Rule::Single | Rule::Ring => (2, 2, 1),
            Rule::MutexFirst => (1, 1, 1),
            _ => (1, 2, 2),
        };
        let mut parameters = vec![Parameter::number(
            "items",
            "items of each producer",
            items,
            (1, 1000),
        )];
        if self.rule != Rule::Single {
            parameters.push(Parameter::number("capacity", "slots, n", capacity, (1, 64)));
        }
        if self.rule.admits_many() {
            parameters.extend([
                Parameter::number("producers", "producers", producers, (1, 32)),
                Parameter::number("consumers", "consumers, who share all items", 1, (1, 32)),
            ]);
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        let mut properties = vec![
            Property::DeadlockFreedom,
            Property::DataRaceFreedom,
            Property::Conservation,
            Property::FifoOrder,
            Property::Invariant,
        ];
        if self.rule.is_watched() {
            properties.push(Property::Reachability);
        }
        properties
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability, Property::MaximalParallelism]
    }

    fn marks(&self) -> Vec<&'static str> {
        if self.rule.is_watched() {
            vec![FULL]
        } else {
            Vec::new()
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let size = self.rule.size(instance);
        let ring = Ring::<B>::new("slot", size.capacity, size.all_items());
        let slots = Slots::<B>::new(self.rule, size.capacity);
        let ledger = Ledger::new();
        let history = History::<B, _>::new("buffer", Bounded::new(size.capacity));
        let at_work = Parallelism::<B>::new("puts and takes");
        let producer = |me| {
            for number in 0..size.items {
                let item = (me, number);
                ledger.produced(item);
                let called = history.called(Transfer::Put(item));
                slots.for_producer(|| at_work.during(|| ring.put(item)));
                called.returned(Answer::Done);
            }
        };
        let consumer = |me| {
            for _ in 0..size.share(me) {
                let called = history.called(Transfer::Take);
                let mut taken = None;
                slots.for_consumer(|| taken = Some(at_work.during(|| ring.take())));
                let item = taken.expect("the step is carried out before this returns");
                ledger.consumed(me, item);
                called.returned(Answer::Item(item));
            }
        };
        let mut threads = team("producer", size.producers, &producer);
        threads.extend(team("consumer", size.consumers, &consumer));
        run_threads::<B>(threads);
        let (empty, full) = slots.at_rest();
        require::<B>(
            Property::Invariant,
            (empty, full) == (size.capacity.cast_signed(), 0),
            || {
                let capacity = size.capacity;
                format!("at the end empty is {empty} and full is {full}, of {capacity} slots")
            },
        );
        ledger.settle::<B>();
    }
}

impl Rule {
    fn admits_many(self) -> bool {
        !matches!(self, Self::Single | Self::Ring)
    }

    /// Whether the run is to show that the buffer fills up.
    fn is_watched(self) -> bool {
        matches!(
            self,
            Self::Single | Self::Ring | Self::TwoMutex | Self::OneMutex
        )
    }

    fn takes_mutex_first(self) -> bool {
        matches!(self, Self::TwoMutexSwapped | Self::MutexFirst)
    }

    fn size(self, instance: &Instance) -> Size {
        let number = |name, is_parameter| {
            if is_parameter {
                instance.number(name)
            } else {
                1
            }
        };
        Size {
            items: instance.number("items"),
            capacity: number("capacity", self != Self::Single),
            producers: number("producers", self.admits_many()),
            consumers: number("consumers", self.admits_many()),
        }
    }
}

/// An instance in numbers.
struct Size {
    /// Of each producer.
    items: usize,
    capacity: usize,
    producers: usize,
    consumers: usize,
}

impl Size {
    fn all_items(&self) -> usize {
        self.items * self.producers
    }

    /// How many items a consumer takes; fixed, so that every run ends.
    fn share(&self, consumer: usize) -> usize {
        let rest = self.all_items() % self.consumers;
        self.all_items() / self.consumers + usize::from(consumer < rest)
    }
}

/// The semaphores around the ring.
enum Slots<B: Backend> {
    Apart {
        empty: Semaphore<B>,
        full: Semaphore<B>,
        /// One, or one for the producers and one for the consumers, or one for the consumers.
        mutexes: Vec<Semaphore<B>>,
        rule: Rule,
    },
    Together(SemaphoreSet<B>),
}

/// Members of the set.
const EMPTY: usize = 0;
const FILLED: usize = 1;
const MUTEX: usize = 2;

impl<B: Backend> Slots<B> {
    fn new(rule: Rule, capacity: usize) -> Self {
        let names: &[&str] = match rule {
            Rule::Single | Rule::Ring => &[],
            Rule::OneMutex | Rule::MutexFirst => &["mutex"],
            Rule::TwoMutex | Rule::TwoMutexSwapped => &["mutex1", "mutex2"],
            Rule::NoMutex => &["mutex2"],
            Rule::AndSet => return Self::Together(SemaphoreSet::new("buffer", &[capacity, 0, 1])),
        };
        Self::Apart {
            empty: Semaphore::new("empty", capacity),
            full: Semaphore::new("full", 0),
            mutexes: names.iter().map(|name| Semaphore::new(*name, 1)).collect(),
            rule,
        }
    }

    /// `P(empty); P(mutex); put; V(mutex); V(full)`, as far as the rule has them.
    fn for_producer(&self, put: impl FnOnce()) {
        match self {
            Self::Apart {
                empty,
                full,
                mutexes,
                rule,
            } => {
                let mutex = if *rule == Rule::NoMutex {
                    None
                } else {
                    mutexes.first()
                };
                pass(mutex, rule.takes_mutex_first(), empty, full, put);
            }
            Self::Together(set) => {
                set.swait(&[EMPTY, MUTEX]);
                put();
                set.ssignal(&[MUTEX, FILLED]);
            }
        }
    }

    /// The mirror image.
    fn for_consumer(&self, take: impl FnOnce()) {
        match self {
            Self::Apart {
                empty,
                full,
                mutexes,
                rule,
            } => {
                pass(mutexes.last(), rule.takes_mutex_first(), full, empty, take);
            }
            Self::Together(set) => {
                set.swait(&[FILLED, MUTEX]);
                take();
                set.ssignal(&[MUTEX, EMPTY]);
            }
        }
    }

    /// The values of `empty` and `full`.
    fn at_rest(&self) -> (isize, isize) {
        match self {
            Self::Apart { empty, full, .. } => (empty.value(), full.value()),
            Self::Together(set) => {
                let free = set.free();
                (free[EMPTY].cast_signed(), free[FILLED].cast_signed())
            }
        }
    }
}
