//! `explain`: the shortest counterexample of a variant, in lanes.

use std::cmp::Reverse;
use std::fs;
use std::thread::available_parallelism;

use super::args::Explain;
use super::suite::Suite;
use super::verify::{check_all, chosen};
use super::{Failure, INTERRUPTED, print, select};
use crate::engines::claims::Mode;
use crate::engines::{Counterexample, Row, saved};
use crate::report::{self, Rerun};

pub(super) fn run(suite: &Suite<'_>, arguments: &Explain) -> Result<u8, Failure> {
    let variants = [suite.variant(&arguments.scenario)?];
    let engines = select::engines(&arguments.how)?;
    let settings = select::settings(&arguments.how.set, &variants)?;
    let plan = chosen(&variants, &arguments.how, &engines, &settings, Mode::Quick)?;
    let jobs = available_parallelism().map_or(1, usize::from);
    let done = check_all(&plan, jobs)?;
    if done.iter().any(Option::is_none) {
        eprintln!(
            "{}: interrupted; what had not finished may have the clearest counterexample",
            suite.program
        );
        return Ok(INTERRUPTED);
    }
    let rows: Vec<Row> = done
        .into_iter()
        .flatten()
        .flat_map(|(rows, _)| rows)
        .collect();
    // The clearest first: few steps, few changes between threads, reproducible.
    let best = rows
        .iter()
        .filter_map(Row::counterexample)
        .min_by_key(|counterexample| {
            (
                counterexample.shown().count(),
                counterexample.switches_between_threads(),
                Reverse(counterexample.engine.is_deterministic()),
                counterexample.engine,
            )
        });
    let Some(counterexample) = best else {
        print(&nothing(&arguments.scenario, &rows))?;
        return Ok(0);
    };
    if let Some(path) = &arguments.save {
        save(counterexample, path)?;
    }
    let rerun = Rerun::Program(suite.program.clone());
    print(&report::explain::render_with(counterexample, &rerun))?;
    Ok(0)
}

/// What to say where nothing was refuted.
fn nothing(scenario: &str, rows: &[Row]) -> String {
    use std::fmt::Write;
    let mut text = format!("{scenario}: no counterexample\n");
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:14} {:20} {:8} {}",
            row.engine,
            row.property.id(),
            row.verdict.word(),
            report::printable(&row.verdict.reason()),
        );
    }
    text
}

fn save(counterexample: &Counterexample, path: &std::path::Path) -> Result<(), Failure> {
    fs::write(path, saved::text(counterexample))
        .map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))
}
