//! The infinite executions of the catalogue: who starves, and where, against the predicates.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crosscheck::engines::check::{Job, Row, check, set_switch};
use crosscheck::engines::verdict::{GaveUp, Verdict};
use crosscheck::engines::{Counterexample, EngineId, Limits, Word};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Memory};
use crosscheck::sync::{Property, Semantics};

use Property::{
    BoundedBypass, DeadlockFreedom, LivelockFreedom, PartialDeadlockFreedom, StarvationFreedom,
};

/// Asks these properties of `problem/variant name=value ...`, and compares with its predicates.
pub(crate) fn ask(text: &str, engine: EngineId, asked: &[Property]) -> Vec<Row> {
    let mut words = text.split(' ');
    let name = words.next().expect("a name");
    let problems = catalogue();
    let mut variants = problems.iter().flat_map(|problem| &problem.variants);
    let variant = variants
        .find(|variant| variant.program.name() == name)
        .expect("it is in the catalogue");
    let parameters = variant.program.parameters();
    let mut instance = Instance::defaults(&parameters);
    let mut semantics = Semantics::DEFAULT;
    for pair in words {
        let (key, value) = pair.split_once('=').expect("name=value");
        match parameters.iter().find(|parameter| parameter.name == key) {
            Some(parameter) => {
                let value = parameter.parse(value).expect("a value of it");
                instance = instance.with(parameter.name, value);
            }
            None => assert!(set_switch(&mut semantics, key, value), "{pair}"),
        }
    }
    let began = Instant::now();
    let rows = check(&Job {
        program: &variant.program,
        instance: &instance,
        semantics,
        targets: asked.iter().copied().collect(),
        engine,
        limits: &Limits::PROOF,
    });
    println!(
        "{text} | {} | {:.2} s",
        rows[0].verdict.reason(),
        began.elapsed().as_secs_f64()
    );
    for row in &rows {
        let memory = Memory::SequentiallyConsistent;
        let fails = variant
            .truth
            .fails(row.property, memory, &instance, &semantics);
        match row.verdict.word() {
            Word::Refuted => assert!(fails, "{text}: {} is refuted", row.property),
            Word::Proved => assert!(!fails, "{text}: {} is proved", row.property),
            Word::Bounded | Word::Sampled | Word::GaveUp => {}
        }
    }
    rows
}

fn infinite(text: &str) -> Vec<Row> {
    let asked = [
        LivelockFreedom,
        StarvationFreedom,
        BoundedBypass,
        PartialDeadlockFreedom,
    ];
    let rows = ask(text, EngineId::Exhaustive, &asked);
    assert_eq!(rows.len(), 4);
    for row in &rows {
        if let Some(counterexample) = row.counterexample() {
            verify(counterexample);
        }
    }
    rows
}

/// It is a lasso, and its token holds it.
fn verify(counterexample: &Counterexample) {
    let from = counterexample.loop_from.expect("it goes on for ever");
    assert!(from < counterexample.steps.len());
    let token = counterexample.token();
    assert_eq!(
        Counterexample::from_token(&token).as_ref(),
        Ok(counterexample)
    );
}

/// Which of the four are refuted; the others are proved.
fn refuted(text: &str) -> BTreeSet<Property> {
    let rows = infinite(text);
    let decided = |row: &Row| matches!(row.verdict.word(), Word::Proved | Word::Refuted);
    assert!(rows.iter().all(decided), "{text}");
    let refuted = rows.iter().filter(|row| row.counterexample().is_some());
    refuted.map(|row| row.property).collect()
}

fn starves(text: &str) -> bool {
    let refuted = refuted(text);
    assert!(!refuted.contains(&LivelockFreedom), "{text}");
    assert!(!refuted.contains(&PartialDeadlockFreedom), "{text}");
    refuted.contains(&StarvationFreedom)
}

/// The most that others are served while one waits; none: there is no bound.
fn bypass(text: &str) -> Option<u64> {
    let rows = infinite(text);
    let row = rows.iter().find(|row| row.property == BoundedBypass);
    match &row.expect("it was asked").verdict {
        Verdict::Proved(proof) => proof.surveyed().expect("a graph").bypass(),
        _ => None,
    }
}

#[test]
fn who_gives_left_back_lives_on_and_eats_never() {
    for n in 2..=4 {
        for lock in ["facade", "semaphore"] {
            let refuted = refuted(&format!("philosophers/retry n={n} lock={lock}"));
            let all = [LivelockFreedom, StarvationFreedom, BoundedBypass];
            assert_eq!(refuted, all.into(), "{n} {lock}");
        }
    }
    // However often a busy-wait goes round, there are only so many states.
    let rows = ask(
        "philosophers/retry n=2",
        EngineId::Exhaustive,
        &[DeadlockFreedom],
    );
    assert_eq!(rows[0].verdict.word(), Word::Proved);
}

#[test]
fn left_first_is_stuck_and_so_are_all() {
    let text = "philosophers/naive n=2 lock=semaphore";
    let rows = ask(text, EngineId::Exhaustive, &[DeadlockFreedom]);
    assert_eq!(rows[0].verdict.word(), Word::Refuted);
    // Nobody runs for ever in a deadlock.
    assert_eq!(refuted(text), BTreeSet::new());
    assert!(starves("philosophers/naive n=3 lock=facade"));
}

#[test]
fn two_forks_one_after_the_other_starve_whoever_weak_semaphores_pass_over() {
    for rule in ["room", "guarded", "odd-even", "ordered"] {
        let most = if rule == "room" { 4 } else { 5 };
        for n in 2..=most {
            let text = format!("philosophers/{rule} n={n} lock=semaphore");
            assert!(!starves(&text), "{text}");
            assert!(starves(&format!("{text} semaphore=weak")), "{text}");
        }
        let facade = format!("philosophers/{rule} n=3 lock=facade");
        assert!(starves(&facade), "{facade}");
    }
    // In a room for one nobody ever finds a chopstick taken.
    assert!(!starves("philosophers/room n=2 lock=facade"));
}

#[test]
fn a_guard_lets_each_neighbour_pass_once_and_a_room_has_no_bound() {
    for n in 2..=5 {
        let text = format!("philosophers/guarded n={n} lock=semaphore");
        assert_eq!(bypass(&text), Some(n - 1));
    }
    assert_eq!(bypass("philosophers/room n=2 lock=semaphore"), Some(1));
    assert_eq!(bypass("philosophers/room n=4 lock=semaphore"), None);
    // With three it is the one who waits who is slow, and the message says so.
    let rows = infinite("philosophers/room n=3 lock=semaphore");
    let slow = rows.iter().find(|row| row.property == BoundedBypass);
    let reason = slow.expect("it was asked").verdict.reason();
    assert!(reason.contains("could move all the time"), "{reason}");
}

#[test]
fn a_set_starves_as_its_queue_is_kept() {
    for n in 2..=5 {
        let text = format!("philosophers/and-set n={n}");
        assert!(starves(&format!("{text} swait=weak")));
        assert_eq!(starves(&format!("{text} swait=scan")), n >= 4);
        assert!(!starves(&format!("{text} swait=strict")));
    }
}

#[test]
fn two_neighbours_starve_the_one_between_from_four_on() {
    for lock in ["facade", "semaphore"] {
        for n in 2..=4 {
            let text = format!("philosophers/monitor n={n} lock={lock}");
            assert_eq!(starves(&text), n >= 4, "{text}");
        }
    }
    assert!(!starves(
        "philosophers/monitor n=3 lock=semaphore semaphore=weak"
    ));
}

#[test]
fn readers_and_writers_starve_each_other() {
    for (text, expected) in [
        ("reader-preference readers=1 writers=1", false),
        ("reader-preference readers=1 writers=2", false),
        ("reader-preference readers=2 writers=1", true),
        ("reader-preference readers=1 writers=1 semaphore=weak", true),
        ("writer-preference readers=1 writers=1", false),
        ("writer-preference readers=2 writers=1", false),
        ("writer-preference readers=1 writers=2", true),
        ("fair readers=2 writers=1", false),
        ("fair readers=1 writers=2", false),
        ("fair readers=2 writers=2", false),
        ("fair readers=1 writers=1 semaphore=weak", true),
        ("bounded-readers readers=1 swait=weak", true),
        ("bounded-readers readers=1", false),
        ("bounded-readers readers=2", true),
        ("bounded-readers readers=3", true),
        ("bounded-readers readers=2 limit=1", false),
        ("bounded-readers readers=2 swait=strict", false),
        ("bounded-readers readers=2 writers=2 swait=strict", false),
    ] {
        assert_eq!(
            starves(&format!("readers-writers/{text}")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_busy_wait_is_overtaken_even_where_units_are_free() {
    assert!(!starves("semaphore/busy-wait-atomic n=1"));
    assert!(starves("semaphore/busy-wait-atomic n=2"));
    assert!(starves("semaphore/busy-wait-atomic n=2 capacity=2"));
}

#[test]
fn a_critical_section_is_entered_after_so_many_others() {
    assert_eq!(bypass("critical-section/peterson"), Some(1));
    assert!(!starves("critical-section/peterson"));
    for n in 2..=4 {
        let text = format!("critical-section/mutex n={n}");
        assert_eq!(bypass(&text), Some(n - 1));
        assert!(!starves(&text));
        assert!(starves(&format!("{text} semaphore=weak")));
    }
}

#[test]
fn the_starving_writer_is_shown_by_readers_in_turn() {
    let rows = infinite("readers-writers/reader-preference readers=2 writers=1");
    let row = rows.iter().find(|row| row.property == StarvationFreedom);
    let counterexample = row.and_then(Row::counterexample).expect("it starves");
    assert!(
        counterexample
            .message
            .starts_with("writer 0 waits for ever")
    );
    assert!(counterexample.message.contains("Weak fairness"));
    let from = counterexample.loop_from.expect("it goes on for ever");
    let cycle = &counterexample.steps[from..];
    let moves = |name: &str| {
        let thread = counterexample.threads.iter().position(|t| t == name);
        cycle.iter().any(|step| Some(step.thread) == thread)
    };
    assert!(moves("reader 0") && moves("reader 1") && !moves("writer 0"));
}

#[test]
fn what_nobody_can_answer_is_given_up() {
    for (text, engine) in [
        ("philosophers/room n=2", EngineId::Loom),
        ("philosophers/room n=2", EngineId::ShuttleRandom),
        // It does not say who waits.
        ("critical-section/unpaired n=2", EngineId::Exhaustive),
    ] {
        let rows = ask(text, engine, &[StarvationFreedom]);
        let verdict = &rows[0].verdict;
        assert!(
            matches!(verdict, Verdict::GaveUp(GaveUp::Unsupported { .. })),
            "{text} on {engine}: {verdict:?}"
        );
    }
}

#[test]
fn a_part_of_a_graph_proves_nothing() {
    let problems = catalogue();
    let mut variants = problems.iter().flat_map(|problem| &problem.variants);
    let room = variants.find(|variant| variant.program.name() == "philosophers/room");
    let program = &room.expect("it is in the catalogue").program;
    let limits = Limits {
        time: Some(Duration::ZERO),
        ..Limits::PROOF
    };
    let rows = check(&Job {
        program,
        instance: &Instance::defaults(&program.parameters()),
        semantics: Semantics::DEFAULT,
        targets: program.liveness().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.verdict.word() == Word::Bounded));
}

#[test]
fn finite_and_infinite_executions_can_be_asked_of_at_once() {
    let asked = [DeadlockFreedom, StarvationFreedom];
    let rows = ask("philosophers/monitor n=2", EngineId::Exhaustive, &asked);
    let properties: Vec<Property> = rows.iter().map(|row| row.property).collect();
    assert_eq!(properties, asked);
    assert!(rows.iter().all(|row| row.verdict.word() == Word::Proved));
}
