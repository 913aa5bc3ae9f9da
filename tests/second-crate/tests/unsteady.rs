//! Programs that are not deterministic and in which nothing fails: an engine may notice or not, but
//! none may take its own confusion for a failure of the program.

use std::sync::atomic::{AtomicU32, Ordering};

use crosscheck::engines::{EngineId, Limits, Word};
use crosscheck::scenario::{Instance, Parameter, Scenario};
use crosscheck::sync::{AtomicUsize, Backend, Condvar, Mutex, choose, scope, yield_now};
use crosscheck::testing::{Checks, check_with};

const WAYS: [&str; 9] = [
    "order",
    "threads",
    "steps",
    "objects",
    "choices",
    "choice-width",
    "kind",
    "fewer-steps",
    "waits",
];

/// What it does depends on how often it has run.
struct Unsteady;

impl Scenario for Unsteady {
    fn name(&self) -> &'static str {
        "unsteady/any"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::words("way", "what differs", &WAYS),
            Parameter::number(
                "period",
                "after how many runs it is the same again",
                2,
                (2, 7),
            ),
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        static TIMES: AtomicU32 = AtomicU32::new(0);
        let times = TIMES.fetch_add(1, Ordering::Relaxed) as usize % instance.number("period");
        let odd = times % 2 == 1;
        let way = instance.word("way");
        let locks = [0, 1].map(|at| Mutex::<B, usize>::new(("lock", at), 0));
        let (locks, changed) = (&locks, &Condvar::<B>::new("changed"));
        let number = &AtomicUsize::<B>::new("number", 0);
        let add = |at: usize| *locks[at].lock() += 1;
        scope::<B, _>(|scope| {
            let threads = if way == "threads" { 1 + times % 3 } else { 2 };
            for thread in 0..threads {
                scope.spawn(("other", thread), move || {
                    add(thread % 2);
                    number.fetch_add(1, Ordering::SeqCst);
                    add(1);
                });
            }
            match way {
                "order" if odd => [1, 0].into_iter().for_each(add),
                "steps" => (0..times).for_each(add_to_first(&add)),
                "fewer-steps" if odd => {}
                "objects" if odd => *Mutex::<B, usize>::new("another", 0).lock() += 1,
                "choices" if odd => add(choose::<B>("which", 2)),
                "choice-width" => add(choose::<B>("which", 2 + times) % 2),
                "kind" if odd => yield_now::<B>(),
                "waits" if odd => {
                    let mut first = locks[0].lock();
                    while *first == 0 {
                        drop(first);
                        changed.notify_all();
                        first = locks[0].lock();
                        if *first == 0 {
                            *first = 1;
                        }
                    }
                }
                _ => [0, 1].into_iter().for_each(add),
            }
        });
    }
}

fn add_to_first(add: &impl Fn(usize)) -> impl Fn(usize) {
    move |_| add(0)
}

/// What confuses an engine does so soon.
fn few() -> Limits {
    Limits {
        executions: Some(500),
        exhaustive_executions: Some(500),
        schedules: 200,
        thread_schedules: 20,
        ..Limits::QUICK
    }
}

#[test]
fn no_engine_takes_its_own_confusion_for_a_failure() {
    let mut confused = Vec::new();
    for way in WAYS {
        for period in ["2", "3"] {
            let checks = Checks::default().engines(&EngineId::ALL).limits(few());
            let checks = checks.set("way", way).set("period", period);
            for row in check_with(Unsteady, &checks).rows() {
                let reason = row.verdict.reason();
                if row.verdict.word() == Word::Refuted || reason.contains("took its process down") {
                    confused.push(format!("{way}, {period}, {}: {reason}", row.engine));
                }
            }
        }
    }
    assert!(confused.is_empty(), "{}", confused.join("\n"));
}
