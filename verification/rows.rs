//! One row: its verdict against its claim, its counterexample again, its report against the
//! snapshot.

use std::process::Command;
use std::sync::atomic::AtomicBool;

use crosscheck::engines::claims::Table;
use crosscheck::engines::plan::Planned;
use crosscheck::engines::replay::{Replayed, machine, replay_on};
use crosscheck::engines::worker::{Event, run_all};
use crosscheck::engines::{Claimed, Counterexample, EngineId, Row};
use crosscheck::report;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trial(planned: Planned, table: &Table) -> Trial {
    let table = table.clone();
    Trial::test(planned.name(), move || check(&planned, &table)).with_kind(planned_kind())
}

fn planned_kind() -> &'static str {
    super::MODE.as_str()
}

fn check(planned: &Planned, table: &Table) -> Result<(), Failed> {
    let rows = run(planned)?;
    let claimed: Vec<Claimed> = rows
        .into_iter()
        .map(|row| Claimed {
            claim: planned.claim(table, &row),
            row,
        })
        .collect();
    for row in &claimed {
        if row.claim.is_none() {
            return Err(format!(
                "verification/claims.txt says nothing of {} {} {}; it came out {}",
                row.row.scenario,
                row.row.engine,
                row.row.instance_text(),
                row.row.verdict.word()
            )
            .into());
        }
        if let Some(contradiction) = row.contradiction() {
            return Err(format!(
                "{} {} {} {}: {contradiction} ({})",
                row.row.scenario,
                row.row.engine,
                row.row.instance_text(),
                row.row.property,
                row.row.verdict.reason()
            )
            .into());
        }
        super::truth::row_agrees(planned, &row.row)?;
        replays(planned, &row.row)?;
    }
    pin(planned, &report::snapshot::row_report(&claimed));
    Ok(())
}

/// The rows, from a worker process: a row that takes its process down fails alone.
pub(crate) fn run(planned: &Planned) -> Result<Vec<Row>, Failed> {
    let worker = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosscheck"));
        command.arg("worker");
        command
    };
    let mut rows = Vec::new();
    let keep = |event: Event| {
        if let Event::Finished(_, of_job, _) = event {
            rows = of_job;
        }
    };
    run_all(
        std::slice::from_ref(planned),
        1,
        &worker,
        &AtomicBool::new(false),
        keep,
    )
    .map_err(|error| format!("cannot start {}: {error}", env!("CARGO_BIN_EXE_crosscheck")))?;
    Ok(rows)
}

/// A counterexample has to fail again in the same final state, from its token; one that never ends
/// has to be found again.
fn replays(planned: &Planned, row: &Row) -> Result<(), Failed> {
    let Some(counterexample) = row.counterexample() else {
        return Ok(());
    };
    let read = Counterexample::from_token(&counterexample.token())
        .map_err(|error| format!("the token cannot be read back: {error}"))?;
    let told = Counterexample {
        // A token runs the failing execution; the passing one is for readers.
        passing: None,
        ..counterexample.clone()
    };
    if read != told {
        return Err("the token holds another counterexample than was put in".into());
    }
    if read.loop_from.is_some() {
        // It never ends, so that it cannot end in the same state: it is found again, the same stem
        // and the same loop, and the loop comes round.
        let again = planned.check();
        let found = again.iter().find_map(|row| row.counterexample());
        if found != Some(&read) {
            return Err(format!("the search finds another one now: {found:?}").into());
        }
        return match replay_on(&planned.program, &read, EngineId::Exhaustive) {
            Ok(Replayed::Round { .. }) => Ok(()),
            other => Err(format!("the loop does not come round: {other:?}").into()),
        };
    }
    for engine in replayers(&read) {
        match replay_on(&planned.program, &read, engine) {
            Ok(Replayed::Same(_)) => {}
            other => {
                return Err(
                    format!("the counterexample does not replay on {engine}: {other:?}").into(),
                );
            }
        }
    }
    Ok(())
}

/// What a sequentially consistent machine can do has to come out on OS threads and on engine
/// `exhaustive`, whoever found it; the rest where it was found.
fn replayers(counterexample: &Counterexample) -> Vec<EngineId> {
    if counterexample.sequentially_consistent {
        vec![EngineId::Threads, EngineId::Exhaustive]
    } else {
        vec![machine(counterexample)]
    }
}

/// Compares with the pinned report; insta panics with the difference.
fn pin(planned: &Planned, report: &str) {
    let name = format!(
        "{}__{}",
        super::MODE.as_str(),
        planned.name().replace("::", "__")
    );
    let mut settings = insta::Settings::clone_current();
    let folder = planned.program.name().split('/').next().unwrap_or_default();
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
}
