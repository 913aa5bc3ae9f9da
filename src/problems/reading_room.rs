//! The reading room: a room with so many seats, and a register of who sits where.
//!
//! Each reader comes `rounds` times. It waits for a seat, signs in with the number of a seat that
//! the register has free, reads, and signs out; one at a time writes in the register. The semaphore
//! `seats` counts the free seats and `mutex` protects the register, whose length is the number of
//! seats.
//!
//! The invariant: there are never more readers inside than seats, whoever reads is in the register,
//! no seat is given twice, and the register never overflows. In the wrong variant a reader returns
//! its seat before it signs out, so that the next one finds no free line in the register.

use std::sync::Arc;

use super::{INFINITE, Problem, Variant, team, weak};
use crate::primitives::Semaphore;
use crate::scenario::{
    Instance, Memory, Parameter, Property, Scenario, Truth, Zone, reached, require,
};
use crate::sync::{Attempt, Backend, Semantics, Shared, rounds, run_threads};

/// Every line of the register has a name.
const FULL: &str = "every seat is taken";

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    use Property::{BoundedBypass, Invariant, Reachability, StarvationFreedom};
    Problem {
        id: "reading-room",
        summary: "readers share N seats and sign a register",
        variants: vec![
            Variant {
                program: Arc::new(ReadingRoom {
                    name: "reading-room/seats",
                    early_leave: false,
                }),
                summary: "a seat is returned after the sign-out",
                truth: Truth {
                    failures: &[
                        (Reachability, SequentiallyConsistent, |i, _| {
                            i.number("readers") < i.number("seats")
                        }),
                        (StarvationFreedom, SequentiallyConsistent, |i, s| {
                            weak(i, s) && i.number("readers") >= 2
                        }),
                        (BoundedBypass, SequentiallyConsistent, passed_over),
                    ],
                },
            },
            Variant {
                program: Arc::new(ReadingRoom {
                    name: "reading-room/early-leave",
                    early_leave: true,
                }),
                summary: "a seat is returned before the sign-out",
                truth: Truth {
                    failures: &[
                        (Invariant, SequentiallyConsistent, |i, _| {
                            i.number("readers") > i.number("seats")
                        }),
                        (Reachability, SequentiallyConsistent, |i, _| {
                            i.number("readers") < i.number("seats")
                        }),
                    ],
                },
            },
        ],
    }
}

/// Who has been given a seat, and is slow to sign in, is passed over by those on other seats; with
/// one seat only they wait behind it.
fn passed_over(instance: &Instance, semantics: &Semantics) -> bool {
    let (readers, seats) = (instance.number("readers"), instance.number("seats"));
    readers >= 2 && (weak(instance, semantics) || seats >= 2)
}

/// `*(P(seats); P(mutex); sign in; V(mutex); read; P(mutex); sign out; V(mutex); V(seats))`.
struct ReadingRoom {
    name: &'static str,
    /// V(seats) comes before the second P(mutex).
    early_leave: bool,
}

impl Scenario for ReadingRoom {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("readers", "readers", 2, (1, 64)),
            Parameter::number("seats", "seats, N", 1, (1, 64)),
            Parameter::number("rounds", "visits of each reader", 1, (1, 1000)),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::DataRaceFreedom,
            Property::Invariant,
            Property::Reachability,
        ]
    }

    fn liveness(&self) -> Vec<Property> {
        if self.early_leave {
            Vec::new()
        } else {
            INFINITE.to_vec()
        }
    }

    fn marks(&self) -> Vec<&'static str> {
        vec![FULL]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let count = instance.number("rounds");
        let room = Room::<B>::new(instance.number("seats"));
        let reader = |me| {
            for _ in rounds::<B>(count, &()) {
                let attempt = Attempt::<B>::begin();
                room.seats.p();
                let seat = room.with_register(|register| register.sign_in(me));
                attempt.served();
                room.read(seat, me);
                if self.early_leave {
                    room.seats.v();
                }
                room.with_register(|register| register.sign_out(seat));
                if !self.early_leave {
                    room.seats.v();
                }
            }
        };
        run_threads::<B>(team("reader", instance.number("readers"), &reader));
        let left = room.register.taken();
        require::<B>(Property::Invariant, left == 0, || {
            format!("the register has {left} readers when all have left")
        });
    }
}

struct Room<B: Backend> {
    /// The free seats.
    seats: Semaphore<B>,
    /// Who has it writes in the register.
    mutex: Semaphore<B>,
    register: Register<B>,
    /// Those who read, no more than there are seats.
    reading: Zone<B>,
}

impl<B: Backend> Room<B> {
    fn new(seats: usize) -> Self {
        Self {
            seats: Semaphore::new("seats", seats),
            mutex: Semaphore::new("mutex", 1),
            register: Register::new(seats),
            reading: Zone::admitting("reading room", seats),
        }
    }

    fn with_register<R>(&self, write: impl FnOnce(&Register<B>) -> R) -> R {
        let _permit = self.mutex.acquire();
        write(&self.register)
    }

    fn read(&self, seat: usize, me: usize) {
        let _stay = self.reading.enter();
        // Without the mutex: nobody writes in the line of another.
        let name = self.register.lines[seat].get();
        require::<B>(Property::Invariant, name == Some(me), || {
            format!("reader {me} reads on seat {seat}, the register has {name:?} there")
        });
    }
}

/// One line a seat: who has it.
struct Register<B: Backend> {
    lines: Vec<Shared<B, Option<usize>>>,
}

impl<B: Backend> Register<B> {
    fn new(seats: usize) -> Self {
        Self {
            lines: (0..seats)
                .map(|seat| Shared::new(("line", seat), None))
                .collect(),
        }
    }

    /// Takes the first free seat.
    fn sign_in(&self, reader: usize) -> usize {
        let Some(seat) = self.lines.iter().position(|line| line.get().is_none()) else {
            let lines = self.lines.len();
            B::fail(
                Property::Invariant,
                format!("the register overflows: reader {reader} finds its {lines} lines taken"),
            );
        };
        self.lines[seat].set(Some(reader));
        if self.taken() == self.lines.len() {
            reached::<B>(FULL);
        }
        seat
    }

    fn sign_out(&self, seat: usize) {
        self.lines[seat].set(None);
    }

    /// How many seats are taken.
    fn taken(&self) -> usize {
        let taken = |line: &&Shared<B, Option<usize>>| line.get().is_some();
        self.lines.iter().filter(taken).count()
    }
}
