//! What a counterexample of engine `exhaustive` looks like, and what ends its searches.

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::Instance;
use crosscheck::sync::Semantics;

fn rows(name: &str, settings: &[(&str, &str)], limits: &Limits) -> Vec<Row> {
    let problems = catalogue();
    let variant = problems
        .iter()
        .flat_map(|problem| &problem.variants)
        .find(|variant| variant.program.name() == name)
        .expect("it is in the catalogue");
    let parameters = variant.program.parameters();
    let mut instance = Instance::defaults(&parameters);
    for (name, value) in settings {
        let parameter = parameters.iter().find(|parameter| parameter.name == *name);
        let parameter = parameter.expect("the program has the parameter");
        let value = parameter.parse(value).expect("the parameter has the value");
        instance = instance.with(parameter.name, value);
    }
    check(&Job {
        program: &variant.program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: variant.program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits,
    })
}

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
