//! The tiny programs, each written once over the backend.
//!
//! Where nothing else is said an atomic access is `Relaxed` or `SeqCst` on purpose and pairs with
//! nothing: what such accesses may show is the question.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::observed::{forbid, observe};
use crate::scenario::{Instance, Scenario};
use crate::sync::{
    AtomicUsize, Backend, Condvar, Mutex, Shared, current, park, run_threads, scope,
};

/// What a thread has read, for the end of the execution; no step of any search.
#[derive(Debug, Default)]
struct Register(std::sync::atomic::AtomicUsize);

impl Register {
    fn set(&self, value: usize) {
        // Relaxed: a thread's end orders it before the read, and checkers run all threads of a
        // program on one OS thread.
        self.0.store(value, Relaxed);
    }

    fn get(&self) -> usize {
        // Relaxed: see `set`.
        self.0.load(Relaxed)
    }
}

/// A load and a store against two loads.
#[derive(Clone, Debug)]
pub(super) struct LoadStore;

impl Scenario for LoadStore {
    fn name(&self) -> &'static str {
        "calibration/load-store"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["first 0, then 1"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let x = AtomicUsize::<B>::new("x", 0);
        scope::<B, _>(|scope| {
            scope.spawn("writer", || {
                x.load(SeqCst);
                x.store(1, SeqCst);
            });
            if (x.load(SeqCst), x.load(SeqCst)) == (0, 1) {
                observe::<B>("first 0, then 1");
            }
        });
    }
}

/// A critical section against one try at its lock.
#[derive(Clone, Debug)]
pub(super) struct TryLock;

impl Scenario for TryLock {
    fn name(&self) -> &'static str {
        "calibration/try-lock"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["the try fails"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let mutex = Mutex::<B, ()>::new("mutex", ());
        scope::<B, _>(|scope| {
            scope.spawn("holder", || drop(mutex.lock()));
            if mutex.try_lock().is_none() {
                observe::<B>("the try fails");
            }
        });
    }
}

/// A ticket lock over one condition variable that wakes one waiter at a time: whoever is woken out
/// of turn waits again, and the notification is lost.
#[derive(Clone, Debug)]
pub(super) struct Tickets;

impl Scenario for Tickets {
    fn name(&self) -> &'static str {
        "calibration/tickets"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        /// The next ticket to give out, and the one that is served.
        type Counters = (usize, usize);
        let counters = Mutex::<B, Counters>::new("counters", (0, 0));
        let turn = Condvar::<B>::new("turn");
        let client = || {
            {
                let mut guard = counters.lock();
                let ticket = guard.0;
                guard.0 += 1;
                while guard.1 != ticket {
                    guard = turn.wait(guard);
                }
            }
            counters.lock().1 += 1;
            turn.notify_one();
        };
        run_threads::<B>(vec![
            (("client", 0).into(), Box::new(client)),
            (("client", 1).into(), Box::new(client)),
            (("client", 2).into(), Box::new(client)),
        ]);
    }
}

/// Store buffering: each thread stores to its own variable and loads the other's.
#[derive(Clone, Debug)]
pub(super) struct StoreBuffering {
    /// Whether the outcome is forbidden; otherwise it is looked for.
    pub(super) forbidden: bool,
}

impl Scenario for StoreBuffering {
    fn name(&self) -> &'static str {
        "calibration/store-buffering"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["both read 0"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (x, y) = (AtomicUsize::<B>::new("x", 0), AtomicUsize::<B>::new("y", 0));
        let (left, right) = (Register::default(), Register::default());
        run_threads::<B>(vec![
            (
                "left".into(),
                Box::new(|| {
                    x.store(1, SeqCst);
                    left.set(y.load(SeqCst));
                }),
            ),
            (
                "right".into(),
                Box::new(|| {
                    y.store(1, SeqCst);
                    right.set(x.load(SeqCst));
                }),
            ),
        ]);
        if (left.get(), right.get()) == (0, 0) {
            if self.forbidden {
                forbid::<B>("both read 0");
            } else {
                observe::<B>("both read 0");
            }
        }
    }
}

/// A store and a load against an addition. The addition stores 1 only where it is next to the
/// initial 0, so before the other store, and the load, which comes after that store, never sees 1.
#[derive(Clone, Debug)]
pub(super) struct AddBesideStore;

impl Scenario for AddBesideStore {
    fn name(&self) -> &'static str {
        "calibration/add-beside-store"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let x = AtomicUsize::<B>::new("x", 0);
        scope::<B, _>(|scope| {
            scope.spawn("adder", || {
                x.fetch_add(1, Relaxed);
            });
            x.store(3, Relaxed);
            if x.load(Relaxed) == 1 {
                forbid::<B>("reads 1 after 3");
            }
        });
    }
}

/// Load buffering: each thread loads one variable and stores to the other.
#[derive(Clone, Debug)]
pub(super) struct LoadBuffering;

impl Scenario for LoadBuffering {
    fn name(&self) -> &'static str {
        "calibration/load-buffering"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["both read 1"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (x, y) = (AtomicUsize::<B>::new("x", 0), AtomicUsize::<B>::new("y", 0));
        let (left, right) = (Register::default(), Register::default());
        run_threads::<B>(vec![
            (
                "left".into(),
                Box::new(|| {
                    left.set(x.load(Relaxed));
                    y.store(1, Relaxed);
                }),
            ),
            (
                "right".into(),
                Box::new(|| {
                    right.set(y.load(Relaxed));
                    x.store(1, Relaxed);
                }),
            ),
        ]);
        if (left.get(), right.get()) == (1, 1) {
            observe::<B>("both read 1");
        }
    }
}

/// Message passing without release and acquire.
#[derive(Clone, Debug)]
pub(super) struct MessagePassing {
    /// How many stores bring the data to their last value; at least 1.
    pub(super) stores: usize,
    /// Whether reading the value from before all of them is forbidden; otherwise it is looked for.
    pub(super) forbidden: bool,
}

impl Scenario for MessagePassing {
    fn name(&self) -> &'static str {
        "calibration/message-passing"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec!["stale data"]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (data, ready) = (
            AtomicUsize::<B>::new("data", 0),
            AtomicUsize::<B>::new("ready", 0),
        );
        scope::<B, _>(|scope| {
            scope.spawn("sender", || {
                for value in 1..=self.stores {
                    data.store(value, Relaxed);
                }
                ready.store(1, Relaxed);
            });
            if ready.load(Relaxed) == 1 && data.load(Relaxed) == 0 {
                if self.forbidden {
                    forbid::<B>("stale data");
                } else {
                    observe::<B>("stale data");
                }
            }
        });
    }
}

/// A wait whose condition is tested once, before it.
#[derive(Clone, Debug)]
pub(super) struct IfForWhile;

impl Scenario for IfForWhile {
    fn name(&self) -> &'static str {
        "calibration/if-for-while"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let ready = Mutex::<B, bool>::new("ready", false);
        let told = Condvar::<B>::new("told");
        scope::<B, _>(|scope| {
            scope.spawn("teller", || {
                *ready.lock() = true;
                told.notify_one();
            });
            let mut guard = ready.lock();
            if !*guard {
                guard = told.wait(guard);
            }
            if !*guard {
                forbid::<B>("goes on too early");
            }
        });
    }
}

/// A park that is not inside a loop.
#[derive(Clone, Debug)]
pub(super) struct ParkOnce;

impl Scenario for ParkOnce {
    fn name(&self) -> &'static str {
        "calibration/park-once"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let done = Mutex::<B, bool>::new("done", false);
        let parked = current::<B>();
        scope::<B, _>(|scope| {
            scope.spawn("worker", || {
                *done.lock() = true;
                parked.unpark();
            });
            park::<B>();
            if !*done.lock() {
                forbid::<B>("woken by nobody");
            }
        });
    }
}

/// A counter that two threads read in one critical section and write in another.
#[derive(Clone, Debug)]
pub(super) struct LostUpdate;

impl Scenario for LostUpdate {
    fn name(&self) -> &'static str {
        "calibration/lost-update"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let counter = Mutex::<B, usize>::new("counter", 0);
        let add = || {
            let before = *counter.lock();
            *counter.lock() = before + 1;
        };
        run_threads::<B>(vec![
            (("adder", 0).into(), Box::new(add)),
            (("adder", 1).into(), Box::new(add)),
        ]);
        if *counter.lock() == 1 {
            forbid::<B>("an update is lost");
        }
    }
}

/// A counter that two threads change in one critical section.
#[derive(Clone, Debug)]
pub(super) struct Counter;

impl Scenario for Counter {
    fn name(&self) -> &'static str {
        "calibration/counter"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let counter = Mutex::<B, usize>::new("counter", 0);
        let add = || *counter.lock() += 1;
        run_threads::<B>(vec![
            (("adder", 0).into(), Box::new(add)),
            (("adder", 1).into(), Box::new(add)),
        ]);
        if *counter.lock() != 2 {
            forbid::<B>("an update is lost");
        }
    }
}

/// Two locks, taken in opposite orders.
#[derive(Clone, Debug)]
pub(super) struct OppositeOrders;

impl Scenario for OppositeOrders {
    fn name(&self) -> &'static str {
        "calibration/opposite-orders"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (a, b) = (Mutex::<B, ()>::new("a", ()), Mutex::<B, ()>::new("b", ()));
        run_threads::<B>(vec![
            (
                "left".into(),
                Box::new(|| {
                    let _a = a.lock();
                    drop(b.lock());
                }),
            ),
            (
                "right".into(),
                Box::new(|| {
                    let _b = b.lock();
                    drop(a.lock());
                }),
            ),
        ]);
    }
}

/// Two writes to plain memory that nothing orders.
#[derive(Clone, Debug)]
pub(super) struct Unprotected;

impl Scenario for Unprotected {
    fn name(&self) -> &'static str {
        "calibration/unprotected"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let memory = Shared::<B, usize>::new("memory", 0);
        let memory = &memory;
        run_threads::<B>(vec![
            (("writer", 0).into(), Box::new(|| memory.set(1))),
            (("writer", 1).into(), Box::new(|| memory.set(2))),
        ]);
    }
}

/// Two threads that share nothing.
#[derive(Clone, Debug)]
pub(super) struct Independent;

impl Scenario for Independent {
    fn name(&self) -> &'static str {
        "calibration/independent"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let (a, b) = (
            Mutex::<B, usize>::new("a", 0),
            Mutex::<B, usize>::new("b", 0),
        );
        let (add_a, add_b) = (|| *a.lock() += 1, || *b.lock() += 1);
        run_threads::<B>(vec![
            ("left".into(), Box::new(|| (0..3).for_each(|_| add_a()))),
            ("right".into(), Box::new(|| (0..3).for_each(|_| add_b()))),
        ]);
        if (*a.lock(), *b.lock()) != (3, 3) {
            forbid::<B>("an update is lost");
        }
    }
}

/// Five threads beside the main one, one after the other.
#[derive(Clone, Debug)]
pub(super) struct SixThreads;

impl Scenario for SixThreads {
    fn name(&self) -> &'static str {
        "calibration/six-threads"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let counter = Mutex::<B, usize>::new("counter", 0);
        for i in 1..=5 {
            scope::<B, _>(|scope| {
                scope.spawn(("adder", i), || *counter.lock() += 1);
                *counter.lock() += 1;
            });
        }
        if *counter.lock() != 10 {
            forbid::<B>("an update is lost");
        }
    }
}

/// One thread that loads very often.
#[derive(Clone, Debug)]
pub(super) struct ManySteps;

impl Scenario for ManySteps {
    fn name(&self) -> &'static str {
        "calibration/many-steps"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let x = AtomicUsize::<B>::new("x", 1);
        let sum: usize = (0..600).map(|_| x.load(Relaxed)).sum();
        if sum != 600 {
            forbid::<B>("an update is lost");
        }
    }
}

/// Two threads of which one only waits for the other.
#[derive(Clone, Debug)]
pub(super) struct OneAtATime;

impl Scenario for OneAtATime {
    fn name(&self) -> &'static str {
        "calibration/one-at-a-time"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let counter = Mutex::<B, usize>::new("counter", 0);
        scope::<B, _>(|scope| scope.spawn("adder", || *counter.lock() += 1));
        if *counter.lock() != 1 {
            forbid::<B>("an update is lost");
        }
    }
}
