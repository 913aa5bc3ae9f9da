//! How many can be together: the catalogue against formulas.

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::Instance;
use crosscheck::sync::{Property, Semantics};

use crate::starvation::ask;

fn row(text: &str, engine: EngineId) -> Row {
    let mut rows = ask(text, engine, &[Property::MaximalParallelism]);
    assert_eq!(rows.len(), 1, "{text}");
    rows.remove(0)
}

fn together(text: &str) -> u64 {
    let row = row(text, EngineId::Exhaustive);
    let reason = row.verdict.reason();
    assert_eq!(row.verdict.word(), Word::Proved, "{text}: {reason}");
    let together = row.together.expect("it is a number");
    let begins = format!("{together} together at most, and so many can be; all traces");
    assert!(reason.starts_with(&begins), "{reason}");
    together
}

/// Every second philosopher can eat, whatever the rule; a deadlock hides none of them.
#[test]
fn half_of_the_philosophers_eat_together() {
    for rule in [
        "naive", "room", "odd-even", "ordered", "guarded", "and-set", "monitor",
    ] {
        // Traces of five in a room are too many for a debug build.
        for n in 2..=if rule == "room" { 4 } else { 5 } {
            let text = format!("philosophers/{rule} n={n}");
            assert_eq!(together(&text), n / 2, "{text}");
        }
    }
}

#[test]
fn readers_share_and_writers_do_not() {
    for (text, together_at_most) in [
        ("readers-writers/reader-preference readers=2 writers=1", 2),
        ("readers-writers/fair readers=2 writers=1", 2),
        (
            "readers-writers/bounded-readers readers=2 writers=1 limit=1",
            1,
        ),
        (
            "readers-writers/bounded-readers readers=2 writers=1 limit=2",
            2,
        ),
        ("semaphore/queued n=3 capacity=1", 1),
        ("semaphore/queued n=2 capacity=2", 2),
    ] {
        assert_eq!(together(text), together_at_most, "{text}");
    }
}

#[test]
fn a_mutex_a_side_lets_a_put_and_a_take_happen_together() {
    let size = "capacity=2 producers=2 consumers=2 items=1";
    for (rule, together_at_most) in [
        ("two-mutex", 2),
        ("one-mutex", 1),
        ("and-set", 1),
        ("two-mutex-swapped", 2),
    ] {
        let text = format!("bounded-buffer/{rule} {size}");
        assert_eq!(together(&text), together_at_most, "{text}");
    }
    assert_eq!(together("bounded-buffer/single items=3"), 1);
    assert_eq!(together("bounded-buffer/ring capacity=2 items=3"), 2);
}

#[test]
fn other_engines_count_as_many() {
    for engine in [EngineId::Loom, EngineId::ExhaustiveShuttle] {
        let row = row("philosophers/odd-even n=4", engine);
        assert_eq!(row.verdict.word(), Word::Proved, "{engine}");
        assert_eq!(row.together, Some(2), "{engine}");
    }
}

/// Where traces do not end, states must not answer for them: nothing was counted there.
#[test]
fn traces_that_were_cut_are_not_made_up_for_by_states() {
    let problems = catalogue();
    let mut variants = problems.iter().flat_map(|problem| &problem.variants);
    let and_set = variants.find(|variant| variant.program.name() == "philosophers/and-set");
    let program = &and_set.expect("it is in the catalogue").program;
    let limits = Limits {
        mode: SearchMode::Auto,
        exhaustive_executions: Some(2),
        ..Limits::QUICK
    };
    let rows = check(&Job {
        program,
        instance: &Instance::defaults(&program.parameters()),
        semantics: Semantics::DEFAULT,
        targets: [Property::MaximalParallelism].into(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    assert_eq!(rows[0].verdict.word(), Word::Bounded);
    assert_eq!(rows[0].together, Some(1));
}

#[test]
fn a_search_over_states_keeps_no_trace_to_count_on() {
    let problems = catalogue();
    let mut variants = problems.iter().flat_map(|problem| &problem.variants);
    let ordered = variants.find(|variant| variant.program.name() == "philosophers/ordered");
    let program = &ordered.expect("it is in the catalogue").program;
    let limits = Limits {
        mode: SearchMode::States,
        ..Limits::QUICK
    };
    let rows = check(&Job {
        program,
        instance: &Instance::defaults(&program.parameters()),
        semantics: Semantics::DEFAULT,
        targets: [Property::DeadlockFreedom, Property::MaximalParallelism].into(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    let words: Vec<Word> = rows.iter().map(|row| row.verdict.word()).collect();
    assert_eq!(words, [Word::Proved, Word::GaveUp]);
    assert!(rows[0].states.is_some_and(|states| states > 0));
    assert_eq!(rows[1].together, Some(0));
}
