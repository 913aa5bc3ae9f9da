//! A program of your own that checks your own problems: every command of `crosscheck`, for them.
//!
//! `cargo run --example own_problems`, and with arguments `-- explain ticket/forgotten`,
//! `-- compare ticket`, `-- sweep ticket/locked --over buyers=1..4`, `-- mutants ticket/locked`,
//! `-- verify --format html`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use crosscheck::scenario::{
    Failing, Instance, Memory, Parameter, Problem, Property, Scenario, Truth, Variant, require,
};
use crosscheck::sync::{AtomicUsize, Backend, Body, Mutex, run_threads};

/// Buyers draw numbered tickets at once; no number may be drawn twice.
struct Ticket {
    name: &'static str,
    /// Draw under a lock; else read the number and write the next one in two steps.
    locked: bool,
}

impl Scenario for Ticket {
    // Command `mutants` weakens memory orders too.
    const WEAKENS_ORDERS: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("buyers", "buyers at once", 2, (1, 6)),
            Parameter::number("tickets", "tickets that each draws", 1, (1, 6)),
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (buyers, tickets) = (instance.number("buyers"), instance.number("tickets"));
        let lock = Mutex::<B, _>::new("lock", ());
        let next = AtomicUsize::<B>::new("next", 0);
        let draw = || {
            let _guard = self.locked.then(|| lock.lock());
            let number = next.load(Acquire);
            next.store(number + 1, Release);
        };
        let bodies: Vec<Body<'_>> = (0..buyers)
            .map(|i| -> Body<'_> {
                let buy = || (0..tickets).for_each(|_| draw());
                (("buyer", i).into(), Box::new(buy))
            })
            .collect();
        run_threads::<B>(bodies);
        let drawn = next.load(Acquire);
        require::<B>(Property::Invariant, drawn == buyers * tickets, || {
            format!("{} were drawn, and the next is {drawn}", buyers * tickets)
        });
    }
}

/// Two clerks, two stamps, each clerk takes the stamp that lies nearest first.
struct Stamps;

impl Scenario for Stamps {
    fn name(&self) -> &'static str {
        "stamps/nearest-first"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let stamps = [0, 1].map(|i| Mutex::<B, _>::new(("stamp", i), ()));
        let clerk = |first: usize| {
            let _near = stamps[first].lock();
            let _far = stamps[1 - first].lock();
        };
        run_threads::<B>(vec![
            ("left clerk".into(), Box::new(|| clerk(0))),
            ("right clerk".into(), Box::new(|| clerk(1))),
        ]);
    }
}

/// Tickets are drawn twice as soon as there are two buyers.
const FORGOTTEN: Failing = (
    Property::Invariant,
    Memory::SequentiallyConsistent,
    |instance, _| instance.number("buyers") > 1,
);

/// Each clerk may have one stamp.
const NEAREST_FIRST: Failing = (
    Property::DeadlockFreedom,
    Memory::SequentiallyConsistent,
    |_, _| true,
);

fn problems() -> Vec<Problem> {
    let ticket = |name, locked, summary, truth| Variant {
        program: Arc::new(Ticket { name, locked }),
        summary,
        truth,
    };
    vec![
        Problem {
            id: "ticket",
            summary: "numbered tickets, each drawn once",
            variants: vec![
                ticket("ticket/locked", true, "drawn under a lock", Truth::HOLDS),
                ticket(
                    "ticket/forgotten",
                    false,
                    "the lock was forgotten",
                    Truth {
                        failures: &[FORGOTTEN],
                    },
                ),
            ],
        },
        Problem {
            id: "stamps",
            summary: "two stamps for every letter, and two clerks",
            variants: vec![Variant {
                program: Arc::new(Stamps),
                summary: "the nearest stamp first",
                truth: Truth {
                    failures: &[NEAREST_FIRST],
                },
            }],
        },
    ]
}

pub(crate) fn main() -> ExitCode {
    crosscheck::cli::main_with(&problems())
}
