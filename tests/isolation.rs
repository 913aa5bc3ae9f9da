//! A checked program that takes its process down becomes a row with its reason, and the other rows
//! go on; nothing is printed but the report.

use std::process::Command;

use crosscheck::engines::{EngineId, GaveUp, Limits, Row, Verdict, Word};
use crosscheck::scenario::{Instance, Parameter, Property, Scenario};
use crosscheck::sync::{Backend, Mutex, scope};
use crosscheck::testing::{Checks, check_with};

/// A program that ends in the way its instance names.
struct Fatal;

impl Scenario for Fatal {
    fn name(&self) -> &'static str {
        "fatal/any"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::words(
            "how",
            "what it does",
            &[
                "nothing",
                "panic",
                "panic-in-thread",
                "abort",
                "overflow",
                "deadlock",
                "double-panic",
                "print",
                "allocate",
            ],
        )]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (one, two) = (Mutex::<B, _>::new("one", ()), Mutex::<B, _>::new("two", ()));
        match instance.word("how") {
            "panic" => panic!("as it was asked to"),
            "panic-in-thread" => scope::<B, _>(|scope| {
                scope.spawn("other", || {
                    let _guard = one.lock();
                    panic!("as it was asked to");
                });
            }),
            "abort" => std::process::abort(),
            "overflow" => assert_eq!(depth(u64::MAX), 0),
            "deadlock" => scope::<B, _>(|scope| {
                scope.spawn("other", || {
                    let _first = two.lock();
                    let _second = one.lock();
                });
                let _first = one.lock();
                let _second = two.lock();
            }),
            "double-panic" => {
                let _again = PanicsAgain;
                panic!("the first");
            }
            "allocate" => {
                // A list that grows for ever, without a step of the model.
                let mut list: Vec<Vec<u64>> = Vec::new();
                loop {
                    list.push(Vec::with_capacity(std::hint::black_box(1 << 22)));
                }
            }
            "print" => {
                println!("a line of the checked program");
                print!("and half a line");
            }
            _ => {}
        }
    }
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("the second");
    }
}

#[expect(unconditional_recursion, reason = "to overflow the stack")]
#[inline(never)]
fn depth(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 64]);
    depth(frame[7].wrapping_sub(1)).wrapping_add(std::hint::black_box(frame[0]))
}

const ENGINES: [EngineId; 4] = [
    EngineId::Loom,
    EngineId::ShuttleDfs,
    EngineId::ShuttleRandom,
    EngineId::Threads,
];

fn rows(how: &str) -> Vec<Row> {
    let limits = Limits {
        thread_schedules: 200,
        ..Limits::QUICK
    };
    rows_within(how, limits, &ENGINES)
}

fn rows_within(how: &str, limits: Limits, engines: &[EngineId]) -> Vec<Row> {
    let checks = Checks::default()
        .engines(engines)
        .limits(limits)
        .set("how", how);
    check_with(Fatal, &checks).rows().to_vec()
}

#[test]
fn a_panic_refutes_the_invariant_with_its_message() {
    for how in ["panic", "panic-in-thread"] {
        let rows = rows(how);
        assert_eq!(rows.len(), ENGINES.len());
        for row in rows {
            assert_eq!(
                (row.verdict.word(), row.property),
                (Word::Refuted, Property::Invariant)
            );
            assert!(
                row.verdict.reason().contains("as it was asked to"),
                "{}",
                row.verdict.reason()
            );
            let counterexample = row.counterexample().expect("a panic has a counterexample");
            let place = counterexample
                .location
                .as_deref()
                .expect("a panic has a place");
            assert!(place.contains("isolation.rs"), "{place}");
        }
    }
}

/// Memory that a checked program takes without a step is nobody's to count but the system's.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_allocates_without_end_is_stopped_before_the_machine_is_full() {
    let [mut limits, mut found] = [Vec::new(), Vec::new()];
    for memory in [100, 1_000] {
        let bounds = Limits {
            memory,
            ..Limits::QUICK
        };
        let rows = rows_within("allocate", bounds, &EngineId::ALL);
        assert_eq!(rows.len(), 3 * EngineId::ALL.len());
        for row in rows {
            match &row.verdict {
                Verdict::GaveUp(GaveUp::Allocation { bytes, limit }) => {
                    assert_eq!(*bytes, 8 << 22);
                    found.push(*limit);
                }
                other => panic!("{}: {other:?}", row.engine),
            }
            let why = row.verdict.reason();
            assert!(why.contains("raise --bound memory"), "{why}");
        }
        found.dedup();
        limits.append(&mut found);
    }
    assert!(
        limits.len() == 2 && limits[0] + 1_800 == limits[1],
        "{limits:?}"
    );
}

#[test]
fn an_abort_and_an_overflow_are_rows_that_say_so() {
    // loom's coroutines notice an overflow themselves, elsewhere the process dies of it.
    for (how, words) in [
        ("abort", ["SIGABRT"; 2]),
        ("overflow", ["stack overflow", "SIGSEGV"]),
        ("double-panic", ["SIGABRT"; 2]),
    ] {
        let rows = rows(how);
        // Three properties each, since nothing is known of any.
        assert_eq!(rows.len(), 3 * ENGINES.len());
        for row in rows {
            match &row.verdict {
                Verdict::GaveUp(GaveUp::Crashed { how: said }) => {
                    assert!(
                        words.iter().any(|word| said.contains(word)),
                        "{how}: {said}"
                    );
                }
                other => panic!("{how} on {}: {other:?}", row.engine),
            }
        }
    }
}

#[test]
fn a_deadlock_is_a_counterexample_and_nobody_hangs() {
    for row in rows("deadlock") {
        if row.engine == EngineId::Threads && row.verdict.word() == Word::Sampled {
            continue;
        }
        assert_eq!(
            (row.verdict.word(), row.property),
            (Word::Refuted, Property::DeadlockFreedom)
        );
        let counterexample = row
            .counterexample()
            .expect("a deadlock has a counterexample");
        assert_eq!(counterexample.blocked.len(), 2);
        for blocked in &counterexample.blocked {
            assert_eq!(
                (blocked.held_by.len(), blocked.holds.len()),
                (1, 1),
                "{blocked:?}"
            );
        }
    }
}

#[test]
fn what_a_program_prints_does_not_disturb() {
    for row in rows("print") {
        assert!(
            matches!(row.verdict.word(), Word::Proved | Word::Sampled),
            "{:?}",
            row.verdict
        );
    }
}

#[test]
fn refutations_print_nothing_but_the_report() {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(["verify", "philosophers/naive", "--format", "json"])
        .output()
        .expect("the binary runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let _: serde_json::Value = serde_json::from_slice(&output.stdout).expect("only JSON");
}
