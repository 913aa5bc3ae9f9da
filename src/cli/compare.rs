//! `compare`: the variants of a problem side by side.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::args::{Compare, ComparisonFormat};
use super::suite::Suite;
use super::verify::check_all;
use super::{Failure, INTERRUPTED, print, select};
use crate::engines::agreement::contradictions;
use crate::engines::check::switches;
use crate::engines::claims::Mode;
use crate::engines::comparison::{contenders, questions};
use crate::report::comparison::{self, Comparison};
use crate::report::printable;
use crate::scenario::Program;

pub(super) fn run(suite: &Suite<'_>, arguments: &Compare) -> Result<u8, Failure> {
    let variants = suite.variants(Some(&arguments.problem))?;
    let set = select::settings(&arguments.set, &variants)?;
    let programs: Vec<Program> = variants
        .iter()
        .map(|variant| Arc::clone(&variant.program))
        .collect();
    let contenders = contenders(&programs, &set)?;
    let mut limits = Mode::Quick.limits();
    if let Some(time) = arguments.budget {
        limits.time = Some(time);
        limits.exhaustive_executions = None;
    }
    let asked: Vec<_> = contenders
        .iter()
        .map(|contender| questions(contender, &limits))
        .collect();
    let plan: Vec<_> = asked.iter().flatten().cloned().collect();
    let jobs = available_parallelism().map_or(1, usize::from);
    let mut done = check_all(&plan, jobs)?.into_iter();
    let mut compared = Vec::new();
    for (contender, asked) in contenders.iter().zip(&asked) {
        let mut rows = Vec::new();
        for answered in done.by_ref().take(asked.len()) {
            let Some((answered, _)) = answered else {
                eprintln!(
                    "{}: interrupted; a part of a comparison compares nothing",
                    suite.program
                );
                return Ok(INTERRUPTED);
            };
            rows.extend(answered);
        }
        compared.push(contender.compared(rows));
    }
    let (problem, _) = arguments
        .problem
        .split_once('/')
        .unwrap_or((&arguments.problem, ""));
    let switches = contenders
        .first()
        .map(|contender| switches(&contender.semantics));
    let switches: Vec<String> = switches
        .unwrap_or_default()
        .into_iter()
        .map(|(switch, word)| format!("{switch}={word}"))
        .collect();
    let comparison = Comparison {
        problem: problem.to_owned(),
        switches: switches.join(" "),
        variants: compared,
    };
    print(&match arguments.format {
        ComparisonFormat::Text => comparison::text(&comparison),
        ComparisonFormat::Markdown => comparison::markdown(&comparison),
        ComparisonFormat::Json => comparison::json(&comparison),
    })?;
    let rows = comparison
        .variants
        .iter()
        .flat_map(|compared| &compared.rows);
    let disagreements = contradictions(rows);
    for disagreement in &disagreements {
        eprintln!(
            "{}: searches contradict each other: {}",
            suite.program,
            printable(&disagreement.to_string())
        );
    }
    Ok(u8::from(!disagreements.is_empty()))
}
