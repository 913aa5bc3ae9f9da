//! What engines may say of a program.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::verdict::{Cut, GaveUp, Verdict};
use crosscheck::engines::{EngineId, Job, Limits, check};
use crosscheck::scenario::{Instance, Program, Property, Scenario};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use super::program::{Facade, facades};
use super::run::{End, Runs};
use crate::oracle::drive::{Engine, Walk};

/// What one engine concluded.
struct Said {
    who: String,
    engine: EngineId,
    proved: BTreeSet<Property>,
    refuted: BTreeSet<Property>,
    /// Every execution was visited, but for more spurious wake-ups than one a thread.
    complete: bool,
    ends: BTreeSet<End>,
}

/// Why rows were not decided, and how often.
type Undecided = BTreeMap<(String, String), u64>;

/// Who is asked.
fn engines() -> Vec<(EngineId, SearchMode)> {
    let mut engines = vec![
        (EngineId::Exhaustive, SearchMode::Traces),
        (EngineId::Exhaustive, SearchMode::Source),
        (EngineId::Exhaustive, SearchMode::States),
        (EngineId::ExhaustiveShuttle, SearchMode::Traces),
    ];
    let others = [
        EngineId::Loom,
        EngineId::ShuttleDfs,
        EngineId::ShuttleRandom,
        EngineId::ShuttlePct,
        EngineId::ShuttleUrw,
        EngineId::Threads,
    ];
    engines.extend(others.map(|engine| (engine, SearchMode::Auto)));
    engines
}

fn limits(mode: SearchMode) -> Limits {
    Limits {
        executions: Some(400),
        exhaustive_executions: Some(2_000),
        schedules: 5,
        thread_schedules: 2,
        mode,
        ..Limits::QUICK
    }
}

/// Asks an engine; an error where it has failed.
fn ask(
    runs: &Runs,
    engine: EngineId,
    mode: SearchMode,
    undecided: &mut Undecided,
) -> Result<Said, String> {
    let program: Program = Arc::new(runs.clone());
    let limits = limits(mode);
    let rows = check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: runs.facade.semantics,
        targets: Scenario::properties(runs).into_iter().collect(),
        engine,
        limits: &limits,
    });
    let who = if mode == SearchMode::Auto {
        engine.to_string()
    } else {
        format!("{engine} {mode}")
    };
    let mut said = Said {
        who: who.clone(),
        engine,
        proved: BTreeSet::new(),
        refuted: BTreeSet::new(),
        complete: true,
        ends: runs.take_ends(),
    };
    for row in rows {
        let why = match &row.verdict {
            Verdict::Proved(_) => {
                said.proved.insert(row.property);
                continue;
            }
            Verdict::Refuted(_) if row.property == Property::Invariant => {
                return Err(format!("{who}: {}", row.verdict.reason()));
            }
            Verdict::Refuted(_) => {
                said.refuted.insert(row.property);
                said.complete = false;
                continue;
            }
            Verdict::Bounded(bounds) => {
                said.complete &= bounds
                    .cuts
                    .iter()
                    .all(|cut| matches!(cut, Cut::SpuriousWakeups(_)));
                let cuts: Vec<String> = bounds.cuts.iter().map(Cut::to_string).collect();
                cuts.join("; ")
            }
            Verdict::Sampled(_) => {
                said.complete = false;
                "sampled".to_owned()
            }
            Verdict::GaveUp(
                why @ (GaveUp::Internal { .. }
                | GaveUp::Nondeterministic { .. }
                | GaveUp::Crashed { .. }),
            ) => return Err(format!("{who}: {why}")),
            Verdict::GaveUp(why) => {
                said.complete = false;
                let why = why.to_string();
                why.split(';').next().unwrap_or_default().to_owned()
            }
        };
        *undecided.entry((who.clone(), why)).or_default() += 1;
    }
    Ok(said)
}

/// What an exhaustive walk over the states of the oracle finds.
struct Truth {
    deadlocks: bool,
    ends: BTreeSet<End>,
}

const MOST_STATES: usize = 5_000;

fn truth(facade: &Facade) -> Option<Truth> {
    if !facade.is_covered() {
        return None;
    }
    let walk = Walk {
        results: true,
        cap: MOST_STATES,
    };
    let found = walk.explore(&facade.core, &facade.switches())?;
    let complete = |end: &&crate::oracle::world::Terminal| !end.is_deadlock();
    Some(Truth {
        deadlocks: found.deadlocks > 0 || found.hangs == Some(true),
        ends: found
            .terminal
            .iter()
            .filter(complete)
            .map(|end| end.results.clone())
            .collect(),
    })
}

/// The law; an error says where a program breaks it.
fn holds(facade: &Facade, undecided: &mut Undecided) -> Result<(), String> {
    let runs = Runs::new(facade);
    let said = engines()
        .into_iter()
        .map(|(engine, mode)| ask(&runs, engine, mode, undecided))
        .collect::<Result<Vec<Said>, String>>()?;
    let weak = facade.is_weak();
    // Whose executions are among those of sequential consistency, and the other way round.
    let is_plain = |said: &Said| said.engine != EngineId::Loom || !weak;
    for one in &said {
        for other in &said {
            // loom's have more executions than the others' where memory models differ.
            let contains = one.engine == EngineId::Loom || is_plain(other);
            if let Some(property) = one.proved.intersection(&other.refuted).next()
                && contains
            {
                let (one, other) = (&one.who, &other.who);
                return Err(format!("{property}: {one} proves it, {other} refutes it"));
            }
        }
    }
    let Some(truth) = truth(facade) else {
        return Ok(());
    };
    for one in said.iter().filter(|said| is_plain(said)) {
        let who = &one.who;
        let deadlock = one.refuted.contains(&Property::DeadlockFreedom);
        if deadlock && !truth.deadlocks {
            return Err(format!("{who} finds a deadlock; there is none"));
        }
        if one.complete && truth.deadlocks {
            return Err(format!("{who} finds no deadlock; there is one"));
        }
        if one.complete && one.ends != truth.ends {
            let missing = truth.ends.difference(&one.ends).next();
            let invented = one.ends.difference(&truth.ends).next();
            return Err(format!(
                "{who} visits other ends: it misses {missing:?} and invents {invented:?}"
            ));
        }
    }
    Ok(())
}

/// How many random programs: 300, or as many as `CROSSCHECK_ORACLE_PROGRAMS` says.
fn programs() -> u32 {
    let text = std::env::var("CROSSCHECK_ORACLE_PROGRAMS");
    text.ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// Runs the law over so many programs, and says what was not decided.
fn run(name: &'static str, cases: u32, operations: usize, covered: bool) {
    let undecided = RefCell::new(Undecided::new());
    let mut runner = TestRunner::new(Config {
        cases,
        source_file: Some(file!()),
        test_name: Some(name),
        ..Config::default()
    });
    let result = runner.run(&facades(operations, covered), |facade| {
        holds(&facade, &mut undecided.borrow_mut())
            .map_err(|why| TestCaseError::fail(format!("{why}\n{facade}")))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, _) | TestError::Abort(why)) => panic!("{why}"),
    }
    println!("{name}: {cases} programs; rows that were not decided:");
    for ((who, why), rows) in undecided.into_inner() {
        println!("  {rows:6} {who}: {why}");
    }
}

#[test]
fn every_end_is_one_of_the_brute_force() {
    run(
        "every_end_is_one_of_the_brute_force",
        programs() * 2 / 3,
        8,
        true,
    );
}

#[test]
fn no_engine_proves_what_another_refutes() {
    run(
        "no_engine_proves_what_another_refutes",
        programs() / 3,
        8,
        false,
    );
}
