//! The counting semaphore: processes share some units, and whoever finds none free waits.
//!
//! Each of n processes takes one of k units with P, uses it and returns it with V, `rounds` times.
//! P waits while no unit is free: in a queue, in the order of arrival, or busily. V never waits.
//!
//! The invariant is the textbook's (Dijkstra, EWD 123, 1965): never more than k processes use a
//! unit, a unit is either free or someone's, and the value is the number of free units or minus
//! the number of waiters. In the wrong variants the test in P is a printed slip, so that too many
//! pass or those sleep who must not, or the test and what follows it are two steps, so that two
//! pass on one unit or a wake-up finds nobody asleep yet and is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{INFINITE, Problem, Variant, team};
use crate::primitives::{FastSemaphore, QueuedSemaphore};
use crate::scenario::specifications::{Answer, Counting, Unit};
use crate::scenario::{
    History, Instance, Memory, Parallelism, Parameter, Property, Scenario, Truth, Zone, require,
};
use crate::sync::{
    AtomicIsize, Attempt, Backend, Condvar, Mutex, Semantics, SemaphoreOrder, Spin, SpinCapped,
    rounds, run_threads,
};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "semaphore",
        summary: "n processes share k units by P and V",
        variants: vec![
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/queued",
                    algorithm: Algorithm::Queued,
                    n: 2,
                }),
                summary: "a value and a queue, on a mutex and condition variables",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/fast",
                    algorithm: Algorithm::Fast,
                    n: 2,
                }),
                summary: "a value in one atomic word, and a queue of parked threads",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/busy-wait-atomic",
                    algorithm: Algorithm::BusyWait { atomic: true },
                    n: 2,
                }),
                summary: "test and decrement are one compare-and-exchange",
                truth: Truth {
                    failures: &[
                        // Others take units and return them between its test and its exchange.
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            |i, _| i.number("n") >= 2,
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            |i, _| i.number("n") >= 2,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/busy-wait",
                    algorithm: Algorithm::BusyWait { atomic: false },
                    n: 2,
                }),
                summary: "test and decrement are two steps, so two pass on one unit",
                truth: Truth {
                    failures: &[
                        (
                            Property::MutualExclusion,
                            Memory::SequentiallyConsistent,
                            all_pass,
                        ),
                        (
                            Property::Linearizability,
                            Memory::SequentiallyConsistent,
                            all_pass,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/off-by-one",
                    algorithm: Algorithm::Slipped(Slip::OffByOne),
                    n: 2,
                }),
                summary: "P goes on when value <= 0 after the decrement",
                truth: Truth {
                    failures: &[
                        (
                            Property::MutualExclusion,
                            Memory::SequentiallyConsistent,
                            too_many_pass,
                        ),
                        (
                            Property::Linearizability,
                            Memory::SequentiallyConsistent,
                            too_many_pass,
                        ),
                        (
                            Property::DeadlockFreedom,
                            Memory::SequentiallyConsistent,
                            // With k = 1 nobody ever sleeps. Otherwise the others go in and out
                            // one after the other, and no V leaves a value that wakes anyone.
                            |instance, _| instance.number("capacity") >= 2,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/strict",
                    algorithm: Algorithm::Slipped(Slip::Strict),
                    n: 1,
                }),
                summary: "P goes on only when value > 0 after the decrement",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // The k-th to come sleeps on the last unit, and V wakes only when another
                        // one has come after it.
                        |instance, _| instance.number("n") >= instance.number("capacity"),
                    )],
                },
            },
            Variant {
                program: Arc::new(Processes {
                    name: "semaphore/lost-wakeup",
                    algorithm: Algorithm::Slipped(Slip::LostWakeup),
                    n: 2,
                }),
                summary: "the test and the sleep are not one step",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        |instance, _| instance.number("n") > instance.number("capacity"),
                    )],
                },
            },
        ],
    }
}

/// All that come test before the first of them decrements.
fn all_pass(instance: &Instance, _: &Semantics) -> bool {
    instance.number("n") > instance.number("capacity")
}

/// The first k - 1 to come sleep and all others go in. Those who come back wake the sleepers one by
/// one, until everybody is inside.
fn too_many_pass(instance: &Instance, _: &Semantics) -> bool {
    let (n, k) = (instance.number("n"), instance.number("capacity"));
    n >= 2 * k || (n > k && instance.number("rounds") >= 2)
}

/// `*(P; use a unit; V)`.
struct Processes {
    name: &'static str,
    algorithm: Algorithm,
    /// The default number of processes: the fewest that show what the variant is about.
    n: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Queued,
    Fast,
    BusyWait { atomic: bool },
    Slipped(Slip),
}

impl Algorithm {
    /// What it shall do. Only the queued semaphore says who is served first.
    fn specification<B: Backend>(self, units: usize) -> Counting {
        let order = match self {
            Self::Queued => B::semantics().semaphore,
            // The looks before it joins the queue are no part of the order.
            Self::Fast | Self::BusyWait { .. } | Self::Slipped(_) => SemaphoreOrder::Weak,
        };
        Counting { units, order }
    }
}

impl Scenario for Processes {
    const WEAKENS_ORDERS: bool = true;
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![
            Parameter::number("n", "processes", self.n, (1, 64)),
            Parameter::number("capacity", "units, k", 1, (1, 64)),
            Parameter::number("rounds", "uses of each process", 1, (1, 1000)),
        ];
        if self.algorithm == Algorithm::Fast {
            let help = "looks for a unit before a P joins the queue";
            parameters.push(Parameter::number("looks", help, 0, (0, 10)));
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        let mut properties = vec![Property::DeadlockFreedom, Property::MutualExclusion];
        if matches!(self.algorithm, Algorithm::Queued | Algorithm::Fast) {
            properties.push(Property::Invariant);
        }
        properties
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability, Property::MaximalParallelism]
    }

    fn liveness(&self) -> Vec<Property> {
        // The queues of the others grow names without end.
        if self.algorithm == (Algorithm::BusyWait { atomic: true }) {
            INFINITE.to_vec()
        } else {
            Vec::new()
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (n, capacity) = (instance.number("n"), instance.number("capacity"));
        let count = instance.number("rounds");
        let looks = match self.algorithm {
            Algorithm::Fast => instance.number("looks"),
            _ => 0,
        };
        let looks = u32::try_from(looks).expect("the domain ends long before");
        let units = Units::<B>::new(self.algorithm, capacity, looks);
        let in_use = Zone::<B>::admitting("units in use", capacity);
        let at_work = Parallelism::<B>::new("at work");
        let history =
            History::<B, _>::new("semaphore", self.algorithm.specification::<B>(capacity));
        let process = |_| {
            for _ in rounds::<B>(count, &()) {
                let attempt = Attempt::<B>::begin();
                let called = history.called(Unit::P(1));
                // A checker has ended the busy-wait: this round is skipped.
                let Ok(()) = units.p() else { continue };
                called.returned(Answer::Done);
                attempt.served();
                at_work.during(|| {
                    let stay = in_use.enter();
                    units.check_in_use(n, capacity, &history);
                    drop(stay);
                });
                history.record(Unit::V(1), || units.v());
            }
        };
        run_threads::<B>(team("process", n, &process));
        units.check_at_rest(capacity);
    }
}

/// A semaphore in one of its algorithms.
enum Units<B: Backend> {
    Queued(QueuedSemaphore<B>),
    Fast(FastSemaphore<B>),
    BusyWait(BusyWait<B>),
    Slipped(Slipped<B>),
}

impl<B: Backend> Units<B> {
    fn new(algorithm: Algorithm, units: usize, looks: u32) -> Self {
        match algorithm {
            Algorithm::Fast => Self::Fast(FastSemaphore::with_looks("semaphore", units, looks)),
            Algorithm::Queued => Self::Queued(QueuedSemaphore::new("semaphore", units)),
            Algorithm::BusyWait { atomic } => Self::BusyWait(BusyWait::new(atomic, units)),
            Algorithm::Slipped(slip) => Self::Slipped(Slipped::new(slip, units)),
        }
    }

    fn p(&self) -> Result<(), SpinCapped> {
        match self {
            Self::Queued(semaphore) => semaphore.p(),
            Self::Fast(semaphore) => semaphore.p(),
            Self::BusyWait(semaphore) => semaphore.p()?,
            Self::Slipped(semaphore) => semaphore.p(),
        }
        Ok(())
    }

    fn v(&self) {
        match self {
            Self::Queued(semaphore) => semaphore.v(),
            Self::Fast(semaphore) => semaphore.v(),
            Self::BusyWait(semaphore) => semaphore.v(),
            Self::Slipped(semaphore) => semaphore.v(),
        }
    }

    /// The law of the value, as a process sees it that uses a unit.
    fn check_in_use(&self, n: usize, capacity: usize, history: &History<B, Counting>) {
        let strong = B::semantics().semaphore == SemaphoreOrder::Strong;
        let (free, waiting) = match self {
            Self::Queued(semaphore) => {
                let called = strong.then(|| history.called(Unit::Look));
                let seen = semaphore.free_and_waiting();
                if let Some(called) = called {
                    called.returned(Answer::Free(seen.0, seen.1));
                }
                seen
            }
            Self::Fast(semaphore) => {
                let value = semaphore.value();
                (value.max(0).cast_unsigned(), value.min(0).unsigned_abs())
            }
            Self::BusyWait(_) | Self::Slipped(_) => return,
        };
        // A weak semaphore's waiter is still a waiter when its unit is free but it has not run.
        let one_of_both = !strong || free == 0 || waiting == 0;
        // A unit that is not free is a process's that does not wait, and the observer has one.
        let owned = free < capacity && capacity + waiting <= free + n;
        require::<B>(Property::Invariant, one_of_both && owned, || {
            format!("{free} of {capacity} units are free while {waiting} of {n} processes wait")
        });
    }

    /// The law of the value when nobody uses a unit.
    fn check_at_rest(&self, capacity: usize) {
        let value = match self {
            Self::Queued(semaphore) => semaphore.value(),
            Self::Fast(semaphore) => semaphore.value(),
            Self::BusyWait(_) | Self::Slipped(_) => return,
        };
        require::<B>(Property::Invariant, value == capacity.cast_signed(), || {
            format!("the value at the end is {value}, not {capacity}")
        });
    }
}

/// `P: while s <= 0 {} ; s -= 1`, `V: s += 1`.
struct BusyWait<B: Backend> {
    /// Whether the test and the decrement in P are one step.
    atomic: bool,
    /// The free units.
    units: AtomicIsize<B>,
}

impl<B: Backend> BusyWait<B> {
    fn new(atomic: bool, units: usize) -> Self {
        Self {
            atomic,
            units: AtomicIsize::<B>::new("s", units.cast_signed()),
        }
    }

    fn p(&self) -> Result<(), SpinCapped> {
        if self.atomic {
            self.p_in_one_step()
        } else {
            self.p_in_two_steps()
        }
    }

    fn p_in_two_steps(&self) -> Result<(), SpinCapped> {
        let mut spin = Spin::<B>::new();
        loop {
            // Acquire: pairs with the Release of V and of the store below, so that everything
            // that the units' last users did has happened; Relaxed would order nothing.
            let units = self.units.load(Acquire);
            if units > 0 {
                // Release: pairs with the Acquire above. A Relaxed store would cut the next
                // process off from the V's before this P.
                self.units.store(units - 1, Release);
                return Ok(());
            }
            spin.again()?;
        }
    }

    fn p_in_one_step(&self) -> Result<(), SpinCapped> {
        let mut spin = Spin::<B>::new();
        // Relaxed: a guess that the exchange below verifies.
        let mut units = self.units.load(Relaxed);
        loop {
            spin.checkpoint(&units);
            if units <= 0 {
                spin.again()?;
                // Relaxed: as above.
                units = self.units.load(Relaxed);
                continue;
            }
            // Acquire: pairs with the Release of V, through the exchanges between, which continue
            // its release sequence; Relaxed on failure: nothing is taken.
            match self
                .units
                .compare_exchange(units, units - 1, Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(found) => units = found,
            }
        }
    }

    fn v(&self) {
        // Release: pairs with the Acquire in P. Nothing is read here that would need an Acquire.
        self.units.fetch_add(1, Release);
    }
}

/// What is wrong with P.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    /// It goes on when `value <= 0`, as some books print it.
    OffByOne,
    /// It goes on when `value > 0`.
    Strict,
    /// It goes on when `value >= 0`, which is right, but opens the lock between test and sleep.
    LostWakeup,
}

impl Slip {
    fn goes_on(self, value: isize) -> bool {
        match self {
            Self::OffByOne => value <= 0,
            Self::Strict => value > 0,
            Self::LostWakeup => value >= 0,
        }
    }
}

/// An integer and a queue of sleepers, with a slip in P.
struct Slipped<B: Backend> {
    slip: Slip,
    state: Mutex<B, State<B>>,
}

struct State<B: Backend> {
    /// Units, minus the P's begun, plus the V's.
    value: isize,
    /// Who sleeps, by what wakes them, oldest first; V removes whom it wakes.
    queue: VecDeque<Arc<Condvar<B>>>,
}

impl<B: Backend> Slipped<B> {
    fn new(slip: Slip, units: usize) -> Self {
        let state = State {
            value: units.cast_signed(),
            queue: VecDeque::new(),
        };
        Self {
            slip,
            state: Mutex::new("semaphore", state),
        }
    }

    fn p(&self) {
        let mut state = self.state.lock();
        state.value -= 1;
        if self.slip.goes_on(state.value) {
            return;
        }
        if self.slip == Slip::LostWakeup {
            // A V that comes here finds the queue empty and wakes nobody.
            drop(state);
            state = self.state.lock();
        }
        let bed = Arc::new(Condvar::new("sleeper"));
        state.queue.push_back(Arc::clone(&bed));
        // Until V has taken us out of the queue: a wait may end by itself.
        while state.queue.iter().any(|other| Arc::ptr_eq(other, &bed)) {
            state = bed.wait(state);
        }
    }

    fn v(&self) {
        let mut state = self.state.lock();
        state.value += 1;
        if state.value <= 0
            && let Some(head) = state.queue.pop_front()
        {
            head.notify_one();
        }
    }
}
