//! Your own algorithm, not from the catalogue, checked by every engine: once right, once wrong.
//!
//! A transfer between two accounts, each behind its own lock. `cargo run --example your_own`

use std::sync::Arc;

use crosscheck::engines::{EngineId, Job, Limits, check};
use crosscheck::report::explain;
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{Backend, Mutex, Semantics, scope};

/// Two transfers in opposite directions at once.
struct Transfer {
    name: &'static str,
    /// Lock the lower-numbered account first, whatever the direction.
    ordered: bool,
}

impl Scenario for Transfer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let accounts = [0, 1].map(|i| Mutex::<B, _>::new(("account", i), 10));
        let transfer = |from: usize, to: usize| {
            let swap = self.ordered && from > to;
            let (first, second) = if swap { (to, from) } else { (from, to) };
            let (mut one, mut two) = (accounts[first].lock(), accounts[second].lock());
            let (from, to) = if swap {
                (&mut two, &mut one)
            } else {
                (&mut one, &mut two)
            };
            (**from, **to) = (**from - 1, **to + 1);
        };
        scope::<B, _>(|scope| {
            scope.spawn("there", || transfer(0, 1));
            scope.spawn("back", || transfer(1, 0));
        });
        let sum = *accounts[0].lock() + *accounts[1].lock();
        require::<B>(Property::Invariant, sum == 20, || {
            format!("the sum is {sum}")
        });
    }
}

fn main() {
    for (name, ordered) in [("transfer/ordered", true), ("transfer/unordered", false)] {
        let program: Program = Arc::new(Transfer { name, ordered });
        for engine in EngineId::DEFAULT {
            let job = Job {
                program: &program,
                instance: &Instance::default(),
                semantics: Semantics::DEFAULT,
                targets: program.properties().into_iter().collect(),
                engine,
                limits: &Limits::QUICK,
            };
            let row = check(&job).remove(0);
            println!(
                "{name:20} {engine:14} {:8} {}",
                row.verdict.word(),
                row.verdict.reason()
            );
            if let (EngineId::Loom, Some(found)) = (engine, row.counterexample()) {
                println!("{}", explain::render(found));
            }
        }
    }
}
