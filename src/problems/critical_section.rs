//! The critical section: threads take turns in a region that admits one at a time.
//!
//! Each of n threads enters the region `rounds` times, doing its own work in between. The
//! invariant is Dijkstra's: never two inside, and who wants to enter is not kept out by those who
//! do not. In the wrong variants a fence or an ordering is missing, so that both see the other
//! outside, or a thread forgets to return what it took, so that all others wait for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};

use super::{INFINITE, Problem, Variant, team, weak};
use crate::primitives::Semaphore;
use crate::scenario::specifications::{Answer, Counting, Unit};
use crate::scenario::{History, Instance, Memory, Parameter, Property, Scenario, Truth, Zone};
use crate::sync::{
    AtomicBool, AtomicUsize, Attempt, Backend, SemaphoreOrder, Spin, SpinCapped, fence, rounds,
    run_threads, scope,
};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    const FAILS_UNDER_C11: Truth = Truth {
        failures: &[(Property::MutualExclusion, Memory::C11, |_, _| true)],
    };
    Problem {
        id: "critical-section",
        summary: "n threads share a region that admits one at a time",
        variants: vec![
            Variant {
                program: Arc::new(WithSemaphore {
                    name: "critical-section/mutex",
                    unpaired: false,
                }),
                summary: "a semaphore of one around the region",
                truth: Truth {
                    failures: &[
                        (
                            Property::StarvationFreedom,
                            Memory::SequentiallyConsistent,
                            weak,
                        ),
                        (
                            Property::BoundedBypass,
                            Memory::SequentiallyConsistent,
                            weak,
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(WithFlags {
                    name: "critical-section/peterson",
                    doorway: Doorway::SeqCst,
                }),
                summary: "Peterson's algorithm, every access sequentially consistent",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(WithFlags {
                    name: "critical-section/peterson-fenced",
                    doorway: Doorway::TwoFences,
                }),
                summary: "Peterson's algorithm, a fence before and after the write of turn",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(WithFlags {
                    name: "critical-section/peterson-one-fence",
                    doorway: Doorway::OneFence,
                }),
                summary: "Peterson's algorithm, a fence only after the write of turn",
                truth: FAILS_UNDER_C11,
            },
            Variant {
                program: Arc::new(WithFlags {
                    name: "critical-section/peterson-relaxed",
                    doorway: Doorway::NoFence,
                }),
                summary: "Peterson's algorithm, relaxed accesses and no fence",
                truth: FAILS_UNDER_C11,
            },
            Variant {
                program: Arc::new(WithSemaphore {
                    name: "critical-section/unpaired",
                    unpaired: true,
                }),
                summary: "one branch leaves without V",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

/// Calls on what lets one in at a time, a semaphore of one, and what it shall do.
fn history<B: Backend>(order: SemaphoreOrder) -> History<B, Counting> {
    History::new("mutex", Counting { units: 1, order })
}

/// `*(P(mutex); enter; leave; V(mutex))`.
struct WithSemaphore {
    name: &'static str,
    /// Thread 0 takes the branch that returns early in its last round.
    unpaired: bool,
}

impl Scenario for WithSemaphore {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("n", "threads", 2, (2, 64)),
            Parameter::number("rounds", "entries of each thread", 1, (1, 1000)),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::MutualExclusion]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn liveness(&self) -> Vec<Property> {
        // A branch that is taken in the last round is never taken where there is none.
        if self.unpaired {
            Vec::new()
        } else {
            INFINITE.to_vec()
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let count = instance.number("rounds");
        let mutex = Semaphore::<B>::new("mutex", 1);
        let history = history::<B>(B::semantics().semaphore);
        let region = Zone::<B>::exclusive("critical section");
        let enter = || {
            let attempt = Attempt::<B>::begin();
            history.record(Unit::P(1), || mutex.p());
            attempt.served();
            drop(region.enter());
        };
        let leave = || history.record(Unit::V(1), || mutex.v());
        scope::<B, _>(|scope| {
            for i in 1..instance.number("n") {
                scope.spawn(("process", i), || {
                    for _ in rounds::<B>(count, &()) {
                        enter();
                        leave();
                    }
                });
            }
            B::named(("process", 0).into(), || {
                for round in rounds::<B>(count, &()) {
                    enter();
                    if self.unpaired && round + 1 == count {
                        return;
                    }
                    leave();
                }
            });
        });
    }
}

/// Two processes, two flags and a turn (Peterson, "Myths about the mutual exclusion problem",
/// 1981).
struct WithFlags {
    name: &'static str,
    doorway: Doorway,
}

/// How a process orders its writes of flag and turn before it reads the other's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doorway {
    /// Every access is sequentially consistent.
    SeqCst,
    /// Relaxed writes, a fence after each.
    TwoFences,
    /// Relaxed writes, a fence after the second.
    OneFence,
    /// Relaxed writes.
    NoFence,
}

impl Scenario for WithFlags {
    const WEAKENS_ORDERS: bool = true;
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number(
            "rounds",
            "entries of each of the two processes",
            1,
            (1, 1000),
        )]
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DeadlockFreedom, Property::MutualExclusion]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn liveness(&self) -> Vec<Property> {
        // Under sequential consistency, where infinite executions are looked at, all orderings are
        // the same program.
        if self.doorway == Doorway::SeqCst {
            INFINITE.to_vec()
        } else {
            Vec::new()
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let count = instance.number("rounds");
        let peterson = Peterson::<B>::new(self.doorway);
        let history = history::<B>(SemaphoreOrder::Weak);
        let region = Zone::<B>::exclusive("critical section");
        let process = |me| {
            for _ in rounds::<B>(count, &()) {
                let entering = history.called(Unit::P(1));
                // A checker may end the busy-wait: the region is skipped then.
                if peterson.enter(me).is_err() {
                    peterson.leave(me);
                    continue;
                }
                entering.returned(Answer::Done);
                drop(region.enter());
                history.record(Unit::V(1), || peterson.leave(me));
            }
        };
        run_threads::<B>(team("process", 2, &process));
    }
}

struct Peterson<B: Backend> {
    doorway: Doorway,
    /// Who wants to enter or is inside.
    flags: [AtomicBool<B>; 2],
    /// Who goes first when both want to.
    turn: AtomicUsize<B>,
}

impl<B: Backend> Peterson<B> {
    fn new(doorway: Doorway) -> Self {
        Self {
            doorway,
            flags: [0, 1].map(|i| AtomicBool::<B>::new(("flag", i), false)),
            turn: AtomicUsize::<B>::new("turn", 0),
        }
    }

    fn enter(&self, me: usize) -> Result<(), SpinCapped> {
        let other = 1 - me;
        self.flags[me].store(true, self.doorway.write());
        if self.doorway == Doorway::TwoFences {
            // Pairs with the other's two fences: whoever sees our turn sees our flag. Release is
            // too weak where the other looks at our flag without having seen our turn.
            fence::<B>(SeqCst);
        }
        let attempt = Attempt::<B>::begin();
        self.turn.store(other, self.doorway.write());
        if matches!(self.doorway, Doorway::TwoFences | Doorway::OneFence) {
            // Pairs with the same fence of the other: one of the two sees what the other wrote
            // before it. AcqRel is too weak: it lets both read the old values.
            fence::<B>(SeqCst);
        }
        let mut spin = Spin::<B>::new();
        loop {
            spin.checkpoint(&());
            if !self.flags[other].load(self.doorway.read())
                || self.turn.load(self.doorway.read()) != other
            {
                attempt.served();
                return Ok(());
            }
            spin.again()?;
        }
    }

    fn leave(&self, me: usize) {
        self.flags[me].store(false, self.doorway.unlock());
    }
}

impl Doorway {
    /// Of the writes of flag and turn. `SeqCst` pairs with the other's reads of them, in one order
    /// of all these accesses. Relaxed leaves that to the fences, which pair with each other.
    fn write(self) -> Ordering {
        match self {
            Self::SeqCst => SeqCst,
            Self::TwoFences | Self::OneFence | Self::NoFence => Relaxed,
        }
    }

    /// Of the reads in the busy-wait. `SeqCst` pairs with the other's writes, in one order of all
    /// these accesses. Acquire pairs with the other's store that leaves the region, and with its
    /// fence before its write of turn, so that its stay has happened; Relaxed would order nothing.
    fn read(self) -> Ordering {
        match self {
            Self::SeqCst => SeqCst,
            Self::TwoFences | Self::OneFence | Self::NoFence => Acquire,
        }
    }

    /// Of the write that leaves the region: pairs with the other's reads in the busy-wait. Relaxed
    /// would let the other enter before our stay has happened.
    fn unlock(self) -> Ordering {
        match self {
            Self::SeqCst => SeqCst,
            Self::TwoFences | Self::OneFence | Self::NoFence => Release,
        }
    }
}
