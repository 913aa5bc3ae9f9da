//! The table against what the catalogue says of itself: the predicates of each variant.

use crosscheck::engines::claims::{Line, Table};
use crosscheck::engines::plan::{Planned, catalogue_plan};
use crosscheck::engines::{Row, Word};
use crosscheck::problems::{Variant, catalogue};
use crosscheck::scenario::Memory;
use crosscheck::sync::Property;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials(table: &Table) -> Vec<Trial> {
    let (one, two) = (table.clone(), table.clone());
    let kind = super::MODE.as_str();
    vec![
        Trial::test("truth::every-line-agrees-with-its-predicate", move || {
            lines_agree(&one)
        })
        .with_kind(kind),
        Trial::test("truth::every-failing-variant-is-refuted", move || {
            failing_refuted(&two)
        })
        .with_kind(kind),
    ]
}

/// What a row says of a property, against the predicate of its variant: chance may miss a failure, and
/// no engine may see one, or a situation, that there is not.
pub(crate) fn row_agrees(planned: &Planned, row: &Row) -> Result<(), Failed> {
    let problems = catalogue();
    let variant = variant(&problems, planned.program.name()).ok_or("no such variant")?;
    let memory = planned.engine.memory();
    let (instance, semantics) = (&planned.instance, &planned.semantics);
    let fails = variant
        .truth
        .fails(row.property, memory, instance, semantics);
    let word = row.verdict.word();
    match (word, fails) {
        (Word::Proved, true) | (Word::Refuted, false) => Err(format!(
            "{} is {word}, its predicate says that it {}",
            row.property,
            if fails { "fails" } else { "holds" }
        )
        .into()),
        _ => Ok(()),
    }
}

/// A line says refuted only where the predicate says that the property fails, and proved only
/// where it says that nothing does.
fn lines_agree(table: &Table) -> Result<(), Failed> {
    for mode in [
        crosscheck::engines::claims::Mode::Quick,
        crosscheck::engines::claims::Mode::Proof,
    ] {
        let plan = catalogue_plan(&catalogue(), table, mode)?;
        for line in table.lines.iter().filter(|line| line.mode == mode) {
            let planned = plan
                .iter()
                .find(|row| {
                    row.program.name() == line.scenario
                        && row.engine == line.engine
                        && row.instance_text() == line.instance
                        && row.asks == line.asks
                })
                .ok_or_else(|| format!("line {} is no row of the plan", line.number))?;
            let problems = catalogue();
            let variant = variant(&problems, &line.scenario)
                .ok_or_else(|| format!("line {}: no such variant", line.number))?;
            let fails = |property: Property| {
                let memory = line.engine.memory();
                variant
                    .truth
                    .fails(property, memory, &planned.instance, &planned.semantics)
            };
            let shown = table.lines.iter().any(|other| shows(other, line));
            agree(
                line,
                shown,
                planned
                    .job()
                    .targets
                    .into_iter()
                    .filter(|p| fails(*p))
                    .collect(),
            )?;
        }
    }
    Ok(())
}

/// Whether a line claims a failure of the same instance, found by an engine whose runs are
/// reproducible.
fn shows(other: &Line, line: &Line) -> bool {
    other.mode == line.mode
        && other.scenario == line.scenario
        && other.instance == line.instance
        && other.words == [Word::Refuted]
        && other.engine.is_deterministic()
}

fn agree(line: &Line, shown: bool, failing: Vec<Property>) -> Result<(), Failed> {
    let place = format!("line {} ({} {})", line.number, line.scenario, line.engine);
    if let Some(refuted) = line.refuted.iter().find(|p| !failing.contains(p)) {
        return Err(
            format!("{place}: claims {refuted} refuted, its predicate says that it holds").into(),
        );
    }
    match line.refuted[..] {
        [] if line.words == [Word::Proved] && !failing.is_empty() => Err(format!(
            "{place}: claims a proof, its predicate says that {failing:?} fails"
        )
        .into()),
        [] if line.words != [Word::GaveUp]
            && !failing.is_empty()
            && !shown
            && line.executions.is_none() =>
        {
            // A sample or a cut search may miss a failure, but the table shall not claim that
            // where no other engine shows the failure.
            Err(
                format!("{place}: claims nothing found, its predicate says that {failing:?} fails")
                    .into(),
            )
        }
        _ => Ok(()),
    }
}

/// Every variant that fails at its quick instance is refuted there by at least one engine whose
/// runs are reproducible, and one that holds by none.
fn failing_refuted(table: &Table) -> Result<(), Failed> {
    for problem in &catalogue() {
        for variant in &problem.variants {
            let instance = crosscheck::scenario::Instance::defaults(&variant.program.parameters());
            let semantics = crosscheck::sync::Semantics::DEFAULT;
            let fails = variant
                .truth
                .fails_somehow(Memory::C11, &instance, &semantics);
            let refuted = table.lines.iter().any(|line| {
                line.scenario == variant.program.name()
                    && line.words == [Word::Refuted]
                    && line.engine.is_deterministic()
            });
            if fails && !refuted {
                return Err(
                    format!("no engine is claimed to refute {}", variant.program.name()).into(),
                );
            }
            let holds_everywhere = variant.truth.failures.is_empty();
            if holds_everywhere && refuted {
                return Err(format!(
                    "{} holds, yet a refutation is claimed",
                    variant.program.name()
                )
                .into());
            }
        }
    }
    Ok(())
}

fn variant<'a>(problems: &'a [crosscheck::problems::Problem], name: &str) -> Option<&'a Variant> {
    problems
        .iter()
        .flat_map(|problem| &problem.variants)
        .find(|v| v.program.name() == name)
}
