//! Mutants: without a change nothing changes, known changes are noticed by what should notice them,
//! and what makes no difference is told from what does.

use std::process::{Command, Output};
use std::sync::Arc;

use crosscheck::engines::check::{Job, check};
use crosscheck::engines::mutants::{Fate, Killer, Matrix, Settings, Table, matrix};
use crosscheck::engines::{EngineId, Limits, Word};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Checkable, Instance, Machine, Parameter, Program};
use crosscheck::sync::mutating::Session;
use crosscheck::sync::{Property, Semantics};
use serde_json::Value;

fn program(name: &str) -> Program {
    catalogue()
        .iter()
        .flat_map(|problem| &problem.variants)
        .find(|variant| variant.program.name() == name)
        .map(|variant| Arc::clone(&variant.program))
        .expect("the catalogue has it")
}

fn judged(name: &str, set: &[(&str, &str)]) -> Matrix {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let settings: Settings = set.iter().map(pair).collect();
    matrix(&program(name), &[settings], &Limits::QUICK, 2).expect("it is correct")
}

fn fate<'a>(matrix: &'a Matrix, id: &str) -> &'a Fate {
    let found = matrix.mutants.iter().find(|one| one.mutation.id == id);
    let known: Vec<&str> = matrix
        .mutants
        .iter()
        .map(|m| m.mutation.id.as_str())
        .collect();
    &found
        .unwrap_or_else(|| panic!("{id} is none of {known:?}"))
        .fate
}

fn killer(matrix: &Matrix, id: &str) -> Property {
    match fate(matrix, id) {
        Fate::Killed {
            killer: Killer::Property(property),
            ..
        } => *property,
        other => panic!("{id}: {other:?}"),
    }
}

/// A program on the decorator that changes nothing.
struct Decorated(Program, Arc<Session>);

impl Checkable for Decorated {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }
    fn properties(&self) -> Vec<Property> {
        self.0.properties()
    }
    fn observed(&self) -> Vec<Property> {
        self.0.observed()
    }

    fn liveness(&self) -> Vec<Property> {
        self.0.liveness()
    }
    fn marks(&self) -> Vec<&'static str> {
        self.0.marks()
    }
    fn run_on(&self, machine: Machine, instance: &Instance) {
        self.1.begin();
        self.0.run_mutated(machine, instance);
        self.1.end();
    }
    fn weakens_orders(&self) -> bool {
        self.0.weakens_orders()
    }

    fn run_mutated(&self, machine: Machine, instance: &Instance) {
        self.run_on(machine, instance);
    }
}

/// Without a change, the decorated program has the same executions, one by one, and no more outcomes
/// than executions.
#[test]
fn without_a_change_there_are_as_many_executions() {
    let mut compared = 0;
    for variant in catalogue().into_iter().flat_map(|problem| problem.variants) {
        let under_loom = variant.program.weakens_orders().then_some(EngineId::Loom);
        for engine in [EngineId::Exhaustive].into_iter().chain(under_loom) {
            let instance = Instance::defaults(&variant.program.parameters());
            let limits = Limits {
                executions: Some(300),
                exhaustive_executions: Some(2_000),
                ..Limits::QUICK
            };
            let words = |program: &Program| -> Vec<(Property, Word, u64)> {
                let rows = check(&Job {
                    program,
                    instance: &instance,
                    semantics: Semantics::DEFAULT,
                    targets: program.properties().into_iter().collect(),
                    engine,
                    limits: &limits,
                });
                rows.iter()
                    .map(|row| (row.property, row.verdict.word(), row.executions))
                    .collect()
            };
            let plain = words(&variant.program);
            if plain.iter().any(|(_, word, _)| *word == Word::Refuted) {
                // It is found on native semaphores and recorded on built ones.
                continue;
            }
            let session = Session::new(None);
            let decorated: Program = Arc::new(Decorated(
                Arc::clone(&variant.program),
                Arc::clone(&session),
            ));
            let name = variant.program.name();
            assert_eq!(session.install(|| words(&decorated)), plain, "{name}");
            let outcomes = session.outcomes().count();
            if plain.iter().all(|(_, word, _)| *word == Word::Proved) {
                assert!((1..=plain[0].2).contains(&(outcomes as u64)), "{name}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 30, "only {compared} searches were compared");
}

#[test]
fn a_critical_section_without_its_p_or_v_is_noticed() {
    let found = judged("critical-section/mutex", &[("rounds", "2")]);
    assert_eq!(killer(&found, "drop P(mutex)"), Property::MutualExclusion);
    assert_eq!(
        killer(&found, "one unit more in mutex"),
        Property::MutualExclusion
    );
    assert_eq!(
        killer(&found, "one unit less in mutex"),
        Property::DeadlockFreedom
    );
    assert_eq!(killer(&found, "drop V(mutex)"), Property::DeadlockFreedom);
}

#[test]
fn a_mutex_after_the_slot_may_come_before_it_where_each_side_has_its_own() {
    let both = [("producers", "2"), ("consumers", "2"), ("capacity", "1")];
    let two = judged("bounded-buffer/two-mutex", &both);
    assert!(
        matches!(fate(&two, "swap P(empty) and P(mutex1)"), Fate::Same { .. }),
        "{two:?}"
    );
    let one = judged("bounded-buffer/one-mutex", &both);
    assert_eq!(
        killer(&one, "swap P(empty) and P(mutex)"),
        Property::DeadlockFreedom
    );
}

#[test]
fn if_for_while_is_noticed_where_waits_end_by_themselves() {
    let id = "if for while in wait loop(semaphore)";
    let quiet = judged("semaphore/queued", &[("n", "2")]);
    assert!(matches!(fate(&quiet, id), Fate::Same { within: None, .. }));
    let spurious = judged("semaphore/queued", &[("n", "2"), ("spurious", "on")]);
    assert_eq!(killer(&spurious, id), Property::MutualExclusion);
}

#[test]
fn a_lock_that_is_left_out_is_a_data_race() {
    let found = judged("semaphore/queued", &[("n", "2")]);
    let id = "drop lock(semaphore) #1 and its unlock";
    assert_eq!(killer(&found, id), Property::DataRaceFreedom);
}

#[test]
fn a_weakened_order_is_noticed_under_the_c11_memory_model() {
    let found = judged("critical-section/peterson-fenced", &[]);
    let killed_by_loom = found
        .mutants
        .iter()
        .filter(|one| {
            matches!(
                one.fate,
                Fate::Killed {
                    engine: EngineId::Loom,
                    ..
                }
            )
        })
        .count();
    assert!(killed_by_loom >= 3, "{found:?}");
}

#[test]
fn the_matrix_does_not_depend_on_how_many_are_judged_at_once() {
    let program = program("bounded-buffer/ring");
    let instances = Table::built_in()
        .expect("it can be read")
        .instances(program.name());
    let with = |jobs| {
        let matrix = matrix(&program, &instances, &Limits::QUICK, jobs).expect("it is correct");
        let fates = matrix.mutants.into_iter();
        fates
            .map(|one| (one.mutation.id, one.fate))
            .collect::<Vec<_>>()
    };
    assert_eq!(with(1), with(3));
}

fn crosscheck(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .arg("mutants")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

#[test]
fn the_program_prints_the_matrix() {
    let output = crosscheck(&["critical-section/mutex", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let value: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let variant = &value["variants"][0];
    assert_eq!(variant["variant"], "critical-section/mutex");
    let mutants = variant["mutants"].as_array().expect("there are mutants");
    assert!(mutants.len() >= 5);
    assert_eq!(
        variant["killed"].as_u64(),
        u64::try_from(mutants.len()).ok()
    );
    assert_eq!(mutants[0]["fate"], "killed");
}

#[test]
fn what_has_no_matrix_is_a_usage_error() {
    for (arguments, says) in [
        (&["philosophers/naive"][..], "deadlock-freedom"),
        (&["philosophers/odd-even", "--set", "n=1"], "2..=64"),
        (&["philosophers/od-even"], "did you mean"),
        (&["philosophers/odd-even", "--set", "meal=1"], "meals"),
    ] {
        let output = crosscheck(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}
