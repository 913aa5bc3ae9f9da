//! The dining philosophers (Dijkstra, EWD 310, 1971): neighbours at a round table share chopsticks.
//!
//! Each of n philosophers eats `meals` times and thinks in between. Chopstick i lies between the
//! philosophers i - 1 and i, and who eats uses the one on the left and the one on the right. The
//! rules differ in how a philosopher comes by both.
//!
//! The invariant: a chopstick is in one hand at a time, so neighbours never eat together, and
//! whoever is hungry can eat. In the wrong variants all take their left chopstick and wait for the
//! right one for ever, or a philosopher changes the states of the table without locking it, so
//! that two of them decide for the same neighbour at once.

use std::sync::Arc;

use super::{INFINITE, Problem, Variant, team};
use crate::primitives::{Lock, LockBuild, Semaphore, SemaphoreSet};
use crate::scenario::{Instance, Memory, Parallelism, Parameter, Property, Scenario, Truth, Zone};
use crate::sync::{
    Attempt, Backend, Semantics, SemaphoreOrder, Shared, Spin, SwaitOrder, checkpoint, rounds,
    run_threads, yield_now,
};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "philosophers",
        summary: "n philosophers at a round table, a chopstick between each two",
        variants: vec![
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/room",
                    rule: Rule::Room,
                }),
                summary: "left, then right, at most n - 1 at the table",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, s| weak(s) || (!strong(i, s) && i.number("n") >= 3),
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, s| weak(s) || i.number("n") >= 3,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/odd-even",
                    rule: Rule::OddEven,
                }),
                summary: "the odd take left first, the even right first",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s),
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s) || i.number("n") >= 3,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/ordered",
                    rule: Rule::Ordered,
                }),
                summary: "the chopstick with the lower number first",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s),
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s) || i.number("n") >= 3,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/guarded",
                    rule: Rule::Guarded,
                }),
                summary: "a mutex around the taking of both",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s),
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s),
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/and-set",
                    rule: Rule::AndSet,
                }),
                summary: "Swait takes both at once",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            passed_over,
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            passed_over,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/monitor",
                    rule: Rule::Monitor,
                }),
                summary: "who puts the chopsticks down decides for the neighbours",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            between_two,
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            between_two,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/retry",
                    rule: Rule::Retry,
                }),
                summary: "left, and right if it is free; else left goes back",
                truth: Truth {
                    failures: &[
                        (
                            Property::LivelockFreedom,
                            Memory::SequentiallyConsistent,
                            |_, _| true,
                        ),
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |_, _| true,
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |_, _| true,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/naive",
                    rule: Rule::Naive,
                }),
                summary: "left, then right",
                truth: Truth {
                    failures: &[
                        (
                            Property::DeadlockFreedom,
                            Memory::SequentiallyConsistent,
                            |_, _| true,
                        ),
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s),
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, s| !strong(i, s) || i.number("n") >= 3,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Philosophers {
                    name: "philosophers/monitor-unlocked-put",
                    rule: Rule::MonitorUnlockedPut,
                }),
                summary: "the monitor, put without its P(m) but with its V(m)",
                truth: Truth {
                    failures: &[
                        (
                            Property::DataRaceFreedom,
                            Memory::SequentiallyConsistent,
                            |_, _| true,
                        ),
                        (
                            Property::MutualExclusion,
                            Memory::SequentiallyConsistent,
                            |instance, _| someone_eats_after_a_put(instance),
                        ),
                        (
                            Property::DeadlockFreedom,
                            Memory::SequentiallyConsistent,
                            |instance, _| someone_eats_after_a_put(instance),
                        ),
                    ],
                },
            },
        ],
    }
}

/// Somebody else than the neighbour for whom a put decides wants to eat while it does: another
/// neighbour of that one, or, where there are only two, the putter in its next meal.
///
/// The decision comes late, when the neighbour has already eaten by its own: either it still eats
/// and gets a second permission, or it has gone and its state says that it eats for ever.
fn someone_eats_after_a_put(instance: &Instance) -> bool {
    instance.number("n") >= 3 || instance.number("meals") >= 2
}

/// What is waited for is a semaphore that serves in the order of arrival; the facade's mutex is not.
fn strong(instance: &Instance, semantics: &Semantics) -> bool {
    instance.word("lock") == "semaphore" && !weak(semantics)
}

fn weak(semantics: &Semantics) -> bool {
    semantics.semaphore == SemaphoreOrder::Weak
}

/// Others can be served again and again before who came first.
///
/// In a scan that needs two neighbours who eat in turn, never both at rest, and they must not be
/// neighbours themselves.
fn passed_over(instance: &Instance, semantics: &Semantics) -> bool {
    match semantics.swait {
        SwaitOrder::Weak => true,
        SwaitOrder::Scan => instance.number("n") >= 4,
        SwaitOrder::Strict => false,
    }
}

/// Two neighbours who are not neighbours themselves can eat in turn, whoever is served first.
fn between_two(instance: &Instance, _: &Semantics) -> bool {
    instance.number("n") >= 4
}

/// `*(think; get; eat; put)`.
struct Philosophers {
    name: &'static str,
    rule: Rule,
}

/// How a philosopher comes by both chopsticks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `P(left); P(right); eat; V(left); V(right)`.
    Naive,
    /// The naive rule, but left goes back where right is not free.
    Retry,
    /// The naive rule inside a room for n - 1.
    Room,
    /// Odd: left then right; even: right then left.
    OddEven,
    /// The lower-numbered chopstick first.
    Ordered,
    /// One mutex around the two P's only.
    Guarded,
    /// `Swait(left, right); eat; Ssignal(left, right)`.
    AndSet,
    /// The states of all, and a private semaphore each.
    Monitor,
    /// The monitor, but put does not lock what it unlocks.
    MonitorUnlockedPut,
}

impl Scenario for Philosophers {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let n = match self.rule {
            Rule::Monitor | Rule::MonitorUnlockedPut => 2,
            _ => 3,
        };
        let mut parameters = vec![
            Parameter::number("n", "philosophers", n, (2, 64)),
            Parameter::number("meals", "meals of each philosopher", 1, (1, 1000)),
        ];
        match self.rule {
            Rule::AndSet => {}
            Rule::MonitorUnlockedPut => parameters.push(Parameter::words(
                "lock",
                "what the monitor's mutex is made of: V without P needs a semaphore",
                &["semaphore"],
            )),
            Rule::Monitor => parameters.push(Parameter::words(
                "lock",
                "what the monitor's mutex is made of",
                &["facade", "semaphore"],
            )),
            _ => parameters.push(Parameter::words(
                "lock",
                "what the chopsticks are made of",
                &["facade", "semaphore"],
            )),
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::DataRaceFreedom,
        ]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::MaximalParallelism]
    }

    fn liveness(&self) -> Vec<Property> {
        if self.rule == Rule::MonitorUnlockedPut {
            return Vec::new();
        }
        INFINITE.to_vec()
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let table = Table::<B>::new(instance);
        match self.rule {
            Rule::AndSet => all_at_once(&table),
            Rule::Retry => by_retry(&table, build(instance)),
            Rule::Monitor => by_monitor(&table, build(instance)),
            Rule::MonitorUnlockedPut => by_monitor_with_unlocked_put(&table),
            rule => one_by_one(&table, rule, build(instance)),
        }
    }
}

fn build(instance: &Instance) -> LockBuild {
    match instance.word("lock") {
        "semaphore" => LockBuild::Semaphore,
        _ => LockBuild::Facade,
    }
}

/// Philosopher i's left chopstick.
fn left(i: usize) -> usize {
    i
}

/// The table, without its chopsticks.
struct Table<B: Backend> {
    n: usize,
    meals: usize,
    /// Who uses a chopstick.
    uses: Vec<Zone<B>>,
    /// Who eats.
    eating: Parallelism<B>,
}

impl<B: Backend> Table<B> {
    fn new(instance: &Instance) -> Self {
        let n = instance.number("n");
        Self {
            n,
            meals: instance.number("meals"),
            uses: (0..n)
                .map(|i| Zone::exclusive(("chopstick use", i)))
                .collect(),
            eating: Parallelism::new("eating"),
        }
    }

    /// Philosopher i's right chopstick, and the neighbour on that side.
    fn right(&self, i: usize) -> usize {
        (i + 1) % self.n
    }

    /// The neighbour on the left; at n = 2 the one on the right.
    fn left_neighbour(&self, i: usize) -> usize {
        (i + self.n - 1) % self.n
    }

    /// Every philosopher has `meal` as often as it eats: who, and its how manieth.
    fn dine(&self, meal: impl Fn(usize, usize) + Sync) {
        let philosopher = |i| {
            for round in rounds::<B>(self.meals, &()) {
                meal(i, round);
            }
        };
        run_threads::<B>(team("philosopher", self.n, &philosopher));
    }

    /// Philosopher i eats.
    fn eat(&self, i: usize) {
        self.eating.during(|| {
            let _left = self.uses[left(i)].enter();
            let _right = self.uses[self.right(i)].enter();
        });
    }
}

/// The rules that take one chopstick and then the other.
fn one_by_one<B: Backend>(table: &Table<B>, rule: Rule, build: LockBuild) {
    let chopsticks: Vec<Lock<B>> = (0..table.n)
        .map(|i| Lock::new(("chopstick", i), build))
        .collect();
    let room = (rule == Rule::Room).then(|| Semaphore::<B>::new("room", table.n - 1));
    let mutex = (rule == Rule::Guarded).then(|| Lock::<B>::new("guard", build));
    table.dine(|i, _| {
        let (left, right) = (left(i), table.right(i));
        let (first, second) = match rule {
            Rule::OddEven if i % 2 == 0 => (right, left),
            Rule::Ordered => (left.min(right), left.max(right)),
            _ => (left, right),
        };
        let attempt = Attempt::<B>::begin();
        let seat = room.as_ref().map(Semaphore::acquire);
        let guard = mutex.as_ref().map(Lock::lock);
        let first = chopsticks[first].lock();
        let second = chopsticks[second].lock();
        attempt.served();
        drop(guard);
        table.eat(i);
        drop(first);
        drop(second);
        drop(seat);
    });
}

/// Left, and right if it is free; else the left one goes back.
fn by_retry<B: Backend>(table: &Table<B>, build: LockBuild) {
    let chopsticks: Vec<Lock<B>> = (0..table.n)
        .map(|i| Lock::new(("chopstick", i), build))
        .collect();
    table.dine(|i, round| {
        let attempt = Attempt::<B>::begin();
        let mut spin = Spin::<B>::new();
        let (left, right) = loop {
            spin.checkpoint(&round);
            let left = chopsticks[left(i)].lock();
            if let Some(right) = chopsticks[table.right(i)].try_lock() {
                break (left, right);
            }
            drop(left);
            yield_now::<B>();
            if spin.again().is_err() {
                // A checker has ended the busy-wait: this meal is skipped.
                return;
            }
        };
        attempt.served();
        table.eat(i);
        drop(left);
        drop(right);
    });
}

fn all_at_once<B: Backend>(table: &Table<B>) {
    let chopsticks = SemaphoreSet::<B>::new("chopsticks", &vec![1; table.n]);
    table.dine(|i, _| {
        let both = [left(i), table.right(i)];
        let attempt = Attempt::<B>::begin();
        chopsticks.swait(&both);
        attempt.served();
        table.eat(i);
        chopsticks.ssignal(&both);
    });
}

fn by_monitor<B: Backend>(table: &Table<B>, build: LockBuild) {
    let m = Lock::<B>::new("m", build);
    let monitor = Monitor::new(table);
    table.dine(|i, round| {
        let inside = m.lock();
        let attempt = monitor.hungry(i);
        drop(inside);
        // What it saw of its neighbours it does not remember.
        checkpoint::<B>(&(round, "asked"));
        monitor.permissions[i].p();
        attempt.served();
        table.eat(i);
        let inside = m.lock();
        monitor.thinking(i);
        drop(inside);
    });
}

fn by_monitor_with_unlocked_put<B: Backend>(table: &Table<B>) {
    let m = Semaphore::<B>::new("m", 1);
    let monitor = Monitor::new(table);
    table.dine(|i, _| {
        m.p();
        let attempt = monitor.hungry(i);
        m.v();
        monitor.permissions[i].p();
        attempt.served();
        table.eat(i);
        // m.p() is missing.
        monitor.thinking(i);
        m.v();
    });
}

/// What the monitor's mutex protects.
struct Monitor<'a, B: Backend> {
    table: &'a Table<B>,
    stages: Vec<Shared<B, Stage>>,
    /// The `s[i]` of the rule: one unit when philosopher i may eat and has not begun to.
    permissions: Vec<Semaphore<B>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Thinking,
    Hungry,
    Eating,
}

impl<'a, B: Backend> Monitor<'a, B> {
    fn new(table: &'a Table<B>) -> Self {
        Self {
            table,
            stages: (0..table.n)
                .map(|i| Shared::new(("state", i), Stage::Thinking))
                .collect(),
            permissions: (0..table.n).map(|i| Semaphore::new(("s", i), 0)).collect(),
        }
    }

    /// The part of get that needs the mutex.
    fn hungry(&self, i: usize) -> Attempt<B> {
        self.stages[i].set(Stage::Hungry);
        let attempt = Attempt::waiting();
        self.test(i);
        attempt
    }

    /// The part of put that needs the mutex.
    fn thinking(&self, i: usize) {
        self.stages[i].set(Stage::Thinking);
        self.test(self.table.left_neighbour(i));
        self.test(self.table.right(i));
    }

    /// Philosopher i may eat if it wants to and no neighbour does.
    fn test(&self, i: usize) {
        if self.stages[i].get() == Stage::Hungry
            && self.stages[self.table.left_neighbour(i)].get() != Stage::Eating
            && self.stages[self.table.right(i)].get() != Stage::Eating
        {
            self.stages[i].set(Stage::Eating);
            self.permissions[i].v();
        }
    }
}
