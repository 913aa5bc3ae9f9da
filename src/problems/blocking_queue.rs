//! The blocking queue: producers hand items to consumers on one lock and condition variables.
//!
//! Each producer puts its items into a queue of `capacity` places and waits while it is full; the
//! consumers share all items among them, and each waits while it is empty. Who waits opens the lock
//! and sleeps on a condition variable until somebody else notifies it, then tests again. After
//! every put and take somebody is notified: everybody, or one who waits for just that, or one of
//! all who wait.
//!
//! The invariant: every item comes out once and nothing else does, in order per producer, and the
//! queue never holds more than `capacity` items. In the wrong variant producers and consumers wait
//! on the same condition variable and one of them is woken, who may be of the wrong kind: it sleeps
//! again, and who could go on is never told.
//!
//! How many threads it takes: with endless producers and consumers more than two for each place
//! (Kuppe, "BlockingQueue", a tutorial of TLA+). Engine `exhaustive` finds the same in finite runs,
//! with one or two places, three items or more of each producer and 2 `capacity` or more of all,
//! and it finds it whichever waiter is woken: that the longest waiter is first is no help. With three
//! places four producers and two consumers are enough in a finite run: who has ended passes no
//! wake-up on. So this variant has two places at most, where the rule is exact.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{INFINITE, Problem, Variant, share, team};
use crate::scenario::{Instance, Ledger, Memory, Parameter, Property, Scenario, Truth, require};
use crate::sync::{
    Attempt, Backend, Condvar, Mutex, MutexGuard, Semantics, Shared, rounds, run_threads,
};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    use Property::{BoundedBypass, DeadlockFreedom, StarvationFreedom};
    Problem {
        id: "blocking-queue",
        summary: "producers and consumers wait on condition variables",
        variants: vec![
            Variant {
                program: Arc::new(Users {
                    name: "blocking-queue/two-condvars",
                    rule: Rule::TwoCondvars,
                }),
                summary: "one for each side, one waiter of the other side is notified",
                truth: Truth {
                    failures: &[
                        (StarvationFreedom, SequentiallyConsistent, lock_is_passed),
                        (BoundedBypass, SequentiallyConsistent, lock_is_passed),
                    ],
                },
            },
            Variant {
                program: Arc::new(Users {
                    name: "blocking-queue/notify-all",
                    rule: Rule::NotifyAll,
                }),
                summary: "one for both sides, all waiters are notified",
                truth: Truth {
                    failures: &[
                        (StarvationFreedom, SequentiallyConsistent, lock_is_passed),
                        (BoundedBypass, SequentiallyConsistent, lock_is_passed),
                    ],
                },
            },
            Variant {
                program: Arc::new(Users {
                    name: "blocking-queue/single-condvar",
                    rule: Rule::SingleCondvar,
                }),
                summary: "one for both sides, one waiter of either side is notified",
                truth: Truth {
                    failures: &[
                        (
                            DeadlockFreedom,
                            SequentiallyConsistent,
                            the_wrong_kind_is_woken,
                        ),
                        (StarvationFreedom, SequentiallyConsistent, lock_is_passed),
                        (BoundedBypass, SequentiallyConsistent, lock_is_passed),
                    ],
                },
            },
        ],
    }
}

/// The facade's lock serves anyone: with a third thread two can pass it to each other for ever.
fn lock_is_passed(instance: &Instance, _: &Semantics) -> bool {
    instance.number("producers") + instance.number("consumers") >= 3
}

/// Both kinds sleep at once, the queue having been full and empty meanwhile.
fn the_wrong_kind_is_woken(instance: &Instance, _: &Semantics) -> bool {
    let (producers, capacity) = (instance.number("producers"), instance.number("capacity"));
    let items = producers * instance.number("items");
    producers + instance.number("consumers") > 2 * capacity && items >= 2 * capacity
}

const ITEMS: &str = "items of each producer";

/// Producers `*(put)`, consumers `*(take)`.
struct Users {
    name: &'static str,
    rule: Rule,
}

/// Who waits on what, and who is notified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// One condition variable a side; one waiter of the other side.
    TwoCondvars,
    /// One condition variable; all waiters.
    NotifyAll,
    /// One condition variable; one waiter.
    SingleCondvar,
}

impl Scenario for Users {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        // The rule of the wrong variant is known in these bounds.
        let (items, capacity) = match self.rule {
            Rule::SingleCondvar => (Parameter::number("items", ITEMS, 3, (3, 1000)), 2),
            _ => (Parameter::number("items", ITEMS, 2, (1, 1000)), 64),
        };
        vec![
            items,
            Parameter::number("capacity", "places", 1, (1, capacity)),
            Parameter::number("producers", "producers", 1, (1, 32)),
            Parameter::number("consumers", "consumers, who share all items", 2, (1, 32)),
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

    fn liveness(&self) -> Vec<Property> {
        // From three threads on somebody can be woken in vain again and again, which engine
        // `exhaustive` takes for other states each time: it gives up, short of memory.
        INFINITE.to_vec()
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (producers, consumers) = (instance.number("producers"), instance.number("consumers"));
        let items = instance.number("items");
        let queue = BlockingQueue::<B>::new(self.rule, instance.number("capacity"));
        let ledger = Ledger::new();
        let producer = |me| {
            for number in rounds::<B>(items, &()) {
                ledger.produced((me, number));
                queue.put((me, number));
            }
        };
        let consumer = |me| {
            for _ in rounds::<B>(share(items * producers, consumers, me), &()) {
                ledger.consumed(me, queue.take());
            }
        };
        let mut threads = team("producer", producers, &producer);
        threads.extend(team("consumer", consumers, &consumer));
        run_threads::<B>(threads);
        ledger.settle::<B>();
    }
}

/// An item: the producer and its number there.
type Item = (usize, usize);

/// A monitor (Hoare 1974) with the signals of Mesa (Lampson, Redell 1980): who is notified tests
/// again.
struct BlockingQueue<B: Backend> {
    rule: Rule,
    capacity: usize,
    lock: Mutex<B, ()>,
    /// What the lock protects.
    items: Shared<B, VecDeque<Item>>,
    /// For those who wait for a place; where there is but one, for all.
    not_full: Condvar<B>,
    /// For those who wait for an item, where they have their own.
    not_empty: Option<Condvar<B>>,
}

impl<B: Backend> BlockingQueue<B> {
    fn new(rule: Rule, capacity: usize) -> Self {
        let (name, own) = match rule {
            Rule::TwoCondvars => ("not full", Some(Condvar::new("not empty"))),
            Rule::NotifyAll | Rule::SingleCondvar => ("changed", None),
        };
        Self {
            rule,
            capacity,
            lock: Mutex::new("queue", ()),
            items: Shared::new("items", VecDeque::new()),
            not_full: Condvar::new(name),
            not_empty: own,
        }
    }

    fn not_empty(&self) -> &Condvar<B> {
        self.not_empty.as_ref().unwrap_or(&self.not_full)
    }

    fn put(&self, item: Item) {
        let attempt = Attempt::<B>::begin();
        let inside = self.when(&self.not_full, |items| items.len() < self.capacity);
        let level = self.items.with_mut(|items| {
            items.push_back(item);
            items.len()
        });
        require::<B>(Property::Invariant, level <= self.capacity, || {
            format!("{level} items are in {} places", self.capacity)
        });
        self.notify(self.not_empty());
        attempt.served();
        drop(inside);
    }

    fn take(&self) -> Item {
        let attempt = Attempt::<B>::begin();
        let inside = self.when(self.not_empty(), |items| !items.is_empty());
        let Some(item) = self.items.with_mut(VecDeque::pop_front) else {
            B::fail(
                Property::Conservation,
                "an item is taken while nothing is in the queue".to_owned(),
            );
        };
        self.notify(&self.not_full);
        attempt.served();
        drop(inside);
        item
    }

    /// Takes the lock as soon as `go` says so.
    fn when(
        &self,
        condition: &Condvar<B>,
        go: impl Fn(&VecDeque<Item>) -> bool,
    ) -> MutexGuard<'_, B, ()> {
        let blocked = |(): &mut ()| {
            let goes = self.items.with(&go);
            !goes
        };
        condition.wait_while(self.lock.lock(), blocked)
    }

    /// One waiter, or all, as the rule says.
    fn notify(&self, condition: &Condvar<B>) {
        if self.rule == Rule::NotifyAll {
            condition.notify_all();
        } else {
            condition.notify_one();
        }
    }
}
