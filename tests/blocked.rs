//! A program that blocks in something that is no operation of the model.

use std::sync::Mutex as StdMutex;
use std::sync::mpsc::channel;

use crosscheck::engines::{EngineId, GaveUp, Verdict};
use crosscheck::scenario::{Instance, Parameter, Scenario};
use crosscheck::sync::{Backend, Mutex, scope};
use crosscheck::testing::{Checks, check_with};

struct Blocks;

impl Scenario for Blocks {
    fn name(&self) -> &'static str {
        "outside/blocks"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::words("how", "in what", &["lock", "channel"])]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let steps = Mutex::<B, usize>::new("steps", 0);
        if instance.word("how") == "lock" {
            let held = StdMutex::new(0);
            let both = || {
                *steps.lock() += 1;
                let mut held = held.lock().unwrap();
                *steps.lock() += 1;
                *held += 1;
                *steps.lock() += 1;
            };
            scope::<B, _>(|scope| {
                scope.spawn("other", both);
                both();
            });
        } else {
            let (sender, receiver) = channel();
            scope::<B, _>(|scope| {
                scope.spawn("sender", || {
                    *steps.lock() += 1;
                    sender.send(1).expect("the receiver is there");
                });
                *steps.lock() += 1;
                receiver.recv().expect("something comes");
            });
        }
    }
}

/// Kind: a row that says nothing for as long as the parent has patience, because the engine has lost
/// control to a call that waits outside of the model.
#[cfg(target_os = "linux")]
#[test]
fn what_blocks_outside_of_the_model_is_named_with_the_thread_and_the_place() {
    for how in ["lock", "channel"] {
        let engines = [EngineId::Exhaustive, EngineId::Loom, EngineId::ShuttleDfs];
        let checks = Checks::default().engines(&engines).set("how", how);
        let verdicts = check_with(Blocks, &checks);
        for engine in engines {
            let mut rows = verdicts.rows().iter().filter(|row| row.engine == engine);
            let blocked = rows.all(|row| match &row.verdict {
                Verdict::GaveUp(GaveUp::Blocked { near }) => near.contains("tests/blocked.rs:"),
                _ => false,
            });
            assert!(blocked, "{how}: {verdicts:?}");
        }
    }
}
