//! What a counterexample of engine `exhaustive` looks like, and what ends its searches.

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{GaveUp, Limits, Verdict, Word};
use crosscheck::sync::Property;

use super::rows::{rows, rows_of};

#[test]
fn naive_philosophers_deadlock_with_one_preemption_at_every_n() {
    for n in 2..=10 {
        let found = rows(
            "philosophers/naive",
            &[("n", &n.to_string()), ("lock", "facade")],
            &Limits::PROOF,
        );
        let counterexample = found[0].counterexample().expect("it deadlocks");
        let takers: Vec<usize> = counterexample
            .steps
            .iter()
            .filter(|step| step.operation == "lock")
            .map(|step| {
                let name = &counterexample.threads[step.thread];
                let number = name.rsplit(' ').next().expect("a name has words");
                number.parse().expect("philosophers are numbered")
            })
            .collect();
        assert_eq!(takers.len(), n, "each has one chopstick");
        // Switching away from philosopher i is no preemption when the chopstick on the right, which
        // i wants next, has been taken.
        let preemptions = (0..n - 1)
            .filter(|&at| !takers[..at].contains(&((takers[at] + 1) % n)))
            .count();
        assert!(preemptions <= 1, "n = {n}: {takers:?}");
    }
}

#[test]
fn a_search_that_holds_more_than_it_may_gives_up() {
    let limits = Limits {
        mode: SearchMode::States,
        memory: 1,
        ..Limits::PROOF
    };
    let found = rows("philosophers/room", &[("n", "5"), ("meals", "2")], &limits);
    for row in found {
        assert_eq!(row.verdict.word(), Word::GaveUp, "{}", row.verdict.reason());
        assert!(row.verdict.reason().contains("more than 1 MB"));
    }
}

/// The nearest execution that passes has the same beginning, goes another way behind it, and is
/// the nearest: the naive philosophers are lost once each has one chopstick, so it parts from the
/// deadlock where the last of them takes it.
#[test]
fn the_nearest_passing_execution_parts_where_the_last_chance_is() {
    for n in 2..=5 {
        let settings = [("n", &*n.to_string()), ("lock", "semaphore")];
        let found = rows("philosophers/naive", &settings, &Limits::PROOF);
        let counterexample = found[0].counterexample().expect("it deadlocks");
        let passing = counterexample.passing.as_ref().expect("some pass");
        let instead = passing.instead_of.as_ref().expect("they part at a step");
        assert_eq!(instead.operation, "request", "n = {n}: {}", passing.told());
        let other = &passing.steps[passing.common];
        assert_ne!(
            (instead.thread, &instead.object),
            (other.thread, &other.object)
        );
        let given = |object: &str| {
            let of = |word: &str| {
                let steps = passing.steps.iter();
                steps
                    .filter(|s| s.operation == word && s.object == object)
                    .count()
            };
            (of("release"), of("granted"))
        };
        for step in &passing.steps {
            let (gives, takes) = given(&step.object);
            assert_eq!(gives, takes, "all is given back in the end");
        }
    }
}

#[test]
fn a_graph_that_takes_more_memory_than_it_may_gives_up() {
    let limits = Limits {
        memory: 1,
        ..Limits::PROOF
    };
    let asked = [Property::StarvationFreedom].into();
    let settings = [("n", "4"), ("lock", "semaphore")];
    let found = rows_of("philosophers/monitor", &settings, &limits, asked);
    let verdict = &found[0].verdict;
    assert!(
        matches!(verdict, Verdict::GaveUp(GaveUp::States { .. })),
        "{verdict:?}"
    );
}

#[test]
fn where_every_execution_fails_none_passes() {
    let found = rows("semaphore/strict", &[], &Limits::PROOF);
    let counterexample = found[0].counterexample().expect("it deadlocks");
    assert_eq!(counterexample.passing, None);
}

/// The search over traces has too many, the one over states has not.
#[test]
fn what_traces_do_not_decide_states_do() {
    let limits = Limits {
        exhaustive_executions: Some(20_000),
        ..Limits::QUICK
    };
    let settings = [("n", "5"), ("meals", "1"), ("lock", "facade")];
    let of = |mode| {
        let limits = Limits {
            mode,
            ..limits.clone()
        };
        rows("philosophers/room", &settings, &limits).remove(0)
    };
    let [auto, traces, states] = [SearchMode::Auto, SearchMode::Traces, SearchMode::States].map(of);
    assert_eq!(traces.verdict.word(), Word::Bounded);
    assert_eq!(states.verdict.word(), Word::Proved);
    assert_eq!(auto.verdict.word(), Word::Proved);
    assert_eq!(auto.executions, states.executions);
    assert!(
        auto.semantics.contains(&"states".to_owned()),
        "{:?}",
        auto.semantics
    );
    assert!(
        auto.verdict.reason().contains("all states"),
        "{}",
        auto.verdict.reason()
    );
}
