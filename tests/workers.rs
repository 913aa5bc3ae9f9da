//! A search over states by several threads says what a search by one says.

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Verdict, Word, check};
use crosscheck::problems::{Variant, catalogue};
use crosscheck::scenario::Instance;
use crosscheck::sync::Semantics;

fn limits(workers: usize) -> Limits {
    Limits {
        mode: SearchMode::States,
        workers,
        exhaustive_executions: Some(20_000),
        ..Limits::QUICK
    }
}

fn rows(variant: &Variant, instance: &Instance, workers: usize) -> Vec<Row> {
    check(&Job {
        program: &variant.program,
        instance,
        semantics: Semantics::DEFAULT,
        targets: variant.program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits(workers),
    })
}

#[test]
fn workers_say_of_the_catalogue_what_one_says() {
    let mut shared = 0;
    let problems = catalogue();
    for variant in problems.iter().flat_map(|problem| &problem.variants) {
        let instance = Instance::defaults(&variant.program.parameters());
        let alone = rows(variant, &instance, 1);
        let name = variant.program.name();
        for workers in [2, 3] {
            let together = rows(variant, &instance, workers);
            let words =
                |rows: &[Row]| -> Vec<Word> { rows.iter().map(|row| row.verdict.word()).collect() };
            let bounded = |row: &Row| matches!(row.verdict, Verdict::Bounded(_));
            if alone.iter().chain(&together).any(bounded) {
                // What the limit leaves out is not the same.
                continue;
            }
            assert_eq!(words(&alone), words(&together), "{name} by {workers}");
            for (one, many) in alone.iter().zip(&together) {
                assert_eq!(one.states, many.states, "{name} by {workers}");
                if many.workers > 1 {
                    shared += 1;
                    let reason = many.verdict.reason();
                    let ending = format!("of {workers} workers, not comparable");
                    if matches!(&many.verdict, Verdict::Proved(proof) if proof.exhausted().is_some())
                    {
                        assert!(reason.ends_with(&ending), "{name}: {reason}");
                    }
                } else {
                    assert_eq!(one.executions, many.executions, "{name} by {workers}");
                }
            }
        }
    }
    assert!(shared >= 20, "only {shared} rows were of shared searches");
}
