//! A bounded or cut run is never shown as proved: every limit that the engines have, one by one.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use crosscheck::engines::verdict::Cut;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program};
use crosscheck::sync::{Property, Semantics};

fn program(name: &str) -> Program {
    catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .find(|variant| variant.program.name() == name)
        .map(|variant| variant.program)
        .expect("the catalogue has it")
}

/// The first row of a program that holds, under these limits.
fn row(name: &str, engine: EngineId, limits: &Limits) -> Row {
    let program = program(name);
    let instance = Instance::defaults(&program.parameters());
    let job = Job {
        program: &program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine,
        limits,
    };
    check(&job).into_iter().next().expect("a job gives a row")
}

fn cuts(row: &Row) -> Vec<Cut> {
    match &row.verdict {
        Verdict::Bounded(bounds) => bounds.cuts.clone(),
        other => panic!("expected bounded, got {other:?}"),
    }
}

const SMALL: &str = "critical-section/mutex";

/// How many executions the whole search of `SMALL` has.
fn whole(engine: EngineId) -> u64 {
    let row = row(SMALL, engine, &Limits::PROOF);
    assert_eq!(row.verdict.word(), Word::Proved);
    row.executions
}

#[test]
fn a_limit_on_executions_bounds_unless_it_is_enough() {
    for engine in [EngineId::Exhaustive, EngineId::Loom, EngineId::ShuttleDfs] {
        let whole = whole(engine);
        for limit in [1, whole - 1] {
            let limits = Limits {
                executions: Some(limit),
                exhaustive_executions: Some(limit),
                ..Limits::PROOF
            };
            let cut = row(SMALL, engine, &limits);
            assert_eq!(cuts(&cut), [Cut::Executions(limit)]);
            assert_eq!(cut.executions, limit);
        }
        for limit in [whole, whole + 1] {
            let limits = Limits {
                executions: Some(limit),
                exhaustive_executions: Some(limit),
                ..Limits::PROOF
            };
            assert_eq!(
                row(SMALL, engine, &limits).verdict.word(),
                Word::Proved,
                "{engine}"
            );
        }
    }
}

#[test]
fn a_limit_on_time_bounds() {
    for engine in [EngineId::Loom, EngineId::ShuttleDfs] {
        let limits = Limits {
            time: Some(Duration::from_nanos(1)),
            ..Limits::PROOF
        };
        assert_eq!(
            cuts(&row("philosophers/room", engine, &limits)),
            [Cut::Time(0)]
        );
    }
}

#[test]
fn a_bound_on_preemptions_bounds_however_large() {
    for bound in [0, 2, 255] {
        let limits = Limits {
            preemptions: Some(bound),
            ..Limits::PROOF
        };
        assert_eq!(
            cuts(&row(SMALL, EngineId::Loom, &limits)),
            [Cut::Preemptions(bound)]
        );
    }
}

#[test]
fn too_few_steps_make_loom_give_up_and_shuttle_cut() {
    let limits = Limits {
        steps: 5,
        ..Limits::PROOF
    };
    let loom = row(SMALL, EngineId::Loom, &limits);
    assert!(
        matches!(loom.verdict, Verdict::GaveUp(GaveUp::Steps { limit: 5 })),
        "{:?}",
        loom.verdict
    );
    let dfs = row(SMALL, EngineId::ShuttleDfs, &limits);
    assert!(cuts(&dfs).contains(&Cut::Steps(5)));
    let random = row(SMALL, EngineId::ShuttleRandom, &limits);
    match &random.verdict {
        Verdict::Sampled(sample) => assert_eq!(sample.cuts, [Cut::Steps(5)]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sample_is_never_more_than_a_sample() {
    for engine in [
        EngineId::ShuttleRandom,
        EngineId::ShuttlePct,
        EngineId::ShuttleUrw,
        EngineId::Threads,
    ] {
        let limits = Limits {
            schedules: 1,
            thread_schedules: 1,
            ..Limits::QUICK
        };
        let row = row(SMALL, engine, &limits);
        match &row.verdict {
            Verdict::Sampled(sample) => assert_eq!(sample.schedules, 1),
            other => panic!("{engine}: {other:?}"),
        }
    }
}

#[test]
fn more_threads_than_loom_has_make_it_give_up() {
    let program = program("philosophers/naive");
    let parameters = program.parameters();
    let n = parameters
        .iter()
        .find(|p| p.name == "n")
        .expect("philosophers have n");
    let six = n.parse("6").expect("six philosophers are allowed");
    let instance = Instance::defaults(&parameters).with("n", six);
    let job = Job {
        program: &program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine: EngineId::Loom,
        limits: &Limits::QUICK,
    };
    for row in check(&job) {
        assert!(matches!(
            row.verdict,
            Verdict::GaveUp(GaveUp::Threads { limit: 5 })
        ));
    }
}

#[test]
fn atomics_under_loom_are_never_proved() {
    let row = row(
        "critical-section/peterson-fenced",
        EngineId::Loom,
        &Limits::PROOF,
    );
    assert!(cuts(&row).iter().any(|cut| matches!(cut, Cut::KnownGap(_))));
}

#[test]
fn a_false_alarm_of_loom_is_no_refutation() {
    let row = row("critical-section/peterson", EngineId::Loom, &Limits::QUICK);
    assert!(
        matches!(row.verdict, Verdict::GaveUp(GaveUp::FalseAlarm { .. })),
        "{:?}",
        row.verdict
    );
}

#[test]
fn the_failure_of_another_property_ends_loom_and_bounds_shuttle() {
    let program = program("philosophers/naive");
    let instance = Instance::defaults(&program.parameters());
    let targets: BTreeSet<Property> = [Property::MutualExclusion].into();
    let job = |engine| Job {
        program: &program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: targets.clone(),
        engine,
        limits: &Limits::QUICK,
    };
    let loom = check(&job(EngineId::Loom)).remove(0);
    assert!(matches!(
        loom.verdict,
        Verdict::GaveUp(GaveUp::OtherFailure { .. })
    ));
    let dfs = check(&job(EngineId::ShuttleDfs)).remove(0);
    assert!(
        cuts(&dfs)
            .iter()
            .any(|cut| matches!(cut, Cut::OtherFailures(_))),
        "{:?}",
        dfs.verdict
    );
}

/// The variables that loom's builder reads, each with a value that would cut the search.
#[test]
fn limits_from_the_environment_are_overridden_and_named() {
    let whole = whole(EngineId::Loom);
    for (variable, value) in [
        ("LOOM_MAX_PERMUTATIONS", "1"),
        ("LOOM_MAX_DURATION", "0"),
        ("LOOM_MAX_PREEMPTIONS", "0"),
        ("LOOM_MAX_BRANCHES", "3"),
        ("LOOM_CHECKPOINT_INTERVAL", "1"),
        ("LOOM_MAX_PREEMPTIONS", "not a number"),
    ] {
        let rows = json(
            &[(variable, value), ("LOOM_CHECKPOINT_INTERVAL", "1")],
            "loom",
        );
        for row in rows {
            assert_eq!(row["verdict"], "proved", "{variable}={value}");
            assert_eq!(row["executions"], whole, "{variable}={value}");
            let named = row["overridden"]
                .as_array()
                .expect("a list")
                .iter()
                .any(|entry| entry.as_str() == Some(&format!("{variable}={value}")));
            assert!(named, "{variable}={value} is not named in {row}");
        }
    }
    for row in json(&[("SHUTTLE_RANDOM_SEED", "7")], "shuttle-random") {
        assert_eq!(row["verdict"], "sampled");
        assert_eq!(row["overridden"][0], "SHUTTLE_RANDOM_SEED=7");
        assert!(row["reason"].as_str().expect("a reason").contains("seed 1"));
    }
}

fn json(environment: &[(&str, &str)], engine: &str) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(["verify", SMALL, "--engine", engine, "--format", "json"])
        .envs(environment.iter().copied())
        .output()
        .expect("the binary runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    report["rows"].as_array().expect("rows").clone()
}
