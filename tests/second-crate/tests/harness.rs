//! A test binary without a harness that names tests: rows are made in its own process.

use crosscheck::engines::EngineId;
use crosscheck::scenario::{Instance, Scenario};
use crosscheck::sync::{Backend, Mutex, scope};

struct Counter;

impl Scenario for Counter {
    fn name(&self) -> &'static str {
        "counter/locked"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let count = Mutex::<B, _>::new("count", 0);
        scope::<B, _>(|scope| {
            scope.spawn("other", || *count.lock() += 1);
            *count.lock() += 1;
        });
        assert_eq!(*count.lock(), 2);
    }
}

fn main() {
    let verdicts = crosscheck::check(Counter);
    verdicts.assert_proved();
    assert_eq!(verdicts.rows().len(), 3 * EngineId::DEFAULT.len());
    println!("checked without a harness");
}
