//! The catalogue and what is claimed of it, as tables in Markdown: those of the README.
//!
//! Each table stands between two comments, by which a document that shows it can be brought up to
//! date.

use std::fmt::Write as _;

use super::escape;
use crate::engines::claims::{Line, Mode, Table};
use crate::engines::{EngineId, Word};
use crate::scenario::{Instance, Memory, Problem, Variant};
use crate::sync::{Property, Semantics};

/// A proved row of engine `exhaustive` is shown when it took so many executions or more.
const LARGE: u64 = 1_000;

/// How a variant is expected to end at its quick instance: `holds`, or `fails:` and how.
#[must_use]
pub fn expectation(variant: &Variant) -> String {
    let failing = failures(variant, &variant.program.properties());
    if failing.is_empty() {
        "holds".to_owned()
    } else {
        format!("fails: {}", failing.join(", "))
    }
}

/// What those of `properties` that fail at the quick instance are called then.
fn failures(variant: &Variant, properties: &[Property]) -> Vec<&'static str> {
    let instance = Instance::defaults(&variant.program.parameters());
    let fails = |property: &Property| {
        let semantics = Semantics::DEFAULT;
        variant
            .truth
            .fails(*property, Memory::C11, &instance, &semantics)
    };
    let failing = properties.iter().copied().filter(fails);
    failing.map(Property::failure).collect()
}

/// All tables, each between `<!-- table: ID -->` and `<!-- end -->`.
#[must_use]
pub fn render(problems: &[Problem], claims: &Table) -> String {
    let tables = [
        ("catalogue", catalogue(problems, claims)),
        ("loom", proved_by(claims, EngineId::Loom)),
        ("exhaustive", proved_by(claims, EngineId::Exhaustive)),
        ("infinite", infinite(claims)),
    ];
    let mut text = String::new();
    for (id, table) in tables {
        if claims.lines.is_empty() && id != "catalogue" {
            // It tells nothing but claims.
            continue;
        }
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "<!-- table: {id} -->\n\n{table}\n<!-- end -->");
    }
    text
}

/// Every variant, what is expected of it and what was established.
fn catalogue(problems: &[Problem], claims: &Table) -> String {
    let mut text = head(&["variant", "what it does", "expected", "established"]);
    for problem in problems {
        let summary = escape::markdown(problem.summary);
        let _ = writeln!(text, "| **{}** | **{summary}** | | |", problem.id);
        for variant in &problem.variants {
            let name = variant.program.name();
            let lines = claims.lines.iter().filter(|line| line.scenario == name);
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} |",
                escape::markdown(variant.summary),
                expected(variant),
                established(variant, &lines.collect::<Vec<_>>())
            );
        }
    }
    text
}

/// What is expected at the quick instance, infinite executions included.
fn expected(variant: &Variant) -> String {
    let mut text = expectation(variant);
    let infinite = failures(variant, &variant.program.liveness());
    if !infinite.is_empty() {
        let _ = write!(text, "; {} possible", infinite.join(", "));
    }
    text
}

/// What the rows of a variant say: the words in order of strength, each with its engines.
fn established(variant: &Variant, lines: &[&Line]) -> String {
    let mut failures = variant.truth.failures.iter();
    let needs_c11 = failures.any(|(_, memory, _)| *memory == Memory::C11);
    let (infinite, finite): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|line| property(line).is_some());
    let mut parts = Vec::new();
    for word in [Word::Proved, Word::Refuted, Word::Bounded, Word::GaveUp] {
        let mut ends: Vec<(String, Vec<&Line>)> = Vec::new();
        for &line in finite.iter().filter(|line| line.words == [word]) {
            let properties = line.refuted.iter().map(|property| format!(" {property}"));
            let mut end = word.as_str().to_owned() + &properties.collect::<String>();
            if word == Word::Proved && needs_c11 && line.engine != EngineId::Loom {
                // Another engine shows what comes out under the weaker model.
                end += " under sequential consistency";
            }
            match ends.iter_mut().find(|(known, _)| *known == end) {
                Some((_, lines)) => lines.push(line),
                None => ends.push((end, vec![line])),
            }
        }
        let ends = ends.into_iter();
        parts.extend(ends.map(|(end, lines)| format!("{end}: {}", engines(&lines))));
    }
    for property in Property::ALL {
        let count = |word: Word| {
            let lines = infinite.iter().filter(|line| line.words == [word]);
            lines
                .filter(|line| self::property(line) == Some(property))
                .count()
        };
        let words: Vec<String> = [Word::Proved, Word::Refuted]
            .into_iter()
            .filter(|word| count(*word) > 0)
            .map(|word| times(word.as_str(), count(word)))
            .collect();
        if !words.is_empty() {
            parts.push(format!("{property}: {}", words.join(", ")));
        }
    }
    parts.join("; ")
}

/// The property that a line is about by itself: of infinite executions, or of moments.
fn property(line: &Line) -> Option<Property> {
    let mut asks = line.asks.iter().flatten().copied();
    asks.find(|property| property.is_of_infinite_executions() || property.is_of_moments())
}

/// The engines of these lines: those that search by name, those that sample by number.
fn engines(lines: &[&Line]) -> String {
    let count = |engine: EngineId| lines.iter().filter(|line| line.engine == engine).count();
    let (searching, sampling): (Vec<EngineId>, Vec<EngineId>) = EngineId::ALL
        .into_iter()
        .filter(|engine| count(*engine) > 0)
        .partition(|engine| engine.is_exhaustive());
    let mut names: Vec<String> = searching
        .into_iter()
        .map(|engine| times(engine.as_str(), count(engine)))
        .collect();
    match sampling[..] {
        [] => {}
        [engine] => names.push(engine.as_str().to_owned()),
        _ => names.push(format!("{} samplers", sampling.len())),
    }
    names.join(", ")
}

fn times(what: &str, count: usize) -> String {
    if count == 1 {
        what.to_owned()
    } else {
        format!("{what} ×{count}")
    }
}

/// The rows that an engine proved: by loom those of proof mode, by ours the large ones.
fn proved_by(claims: &Table, engine: EngineId) -> String {
    let mut text = head(&["scenario", "instance", "executions"]);
    for line in &claims.lines {
        let Some(executions) = line.executions else {
            continue;
        };
        let shown = match engine {
            EngineId::Loom => line.mode == Mode::Proof,
            _ => executions >= LARGE,
        };
        if shown && line.engine == engine && property(line).is_none() {
            let instance = line.instance.replace(' ', ", ");
            let _ = writeln!(text, "| {} | {instance} | {executions} |", line.scenario);
        }
    }
    text
}

/// What is claimed of infinite executions, and of moments.
fn infinite(claims: &Table) -> String {
    let mut text = head(&["scenario", "instance", "property", "verdict"]);
    for line in &claims.lines {
        if let Some(property) = property(line) {
            let instance = line.instance.replace(' ', ", ");
            let words: Vec<&str> = line.words.iter().map(|word| word.as_str()).collect();
            let _ = writeln!(
                text,
                "| {} | {instance} | {property} | {} |",
                line.scenario,
                words.join(" or ")
            );
        }
    }
    text
}

fn head(columns: &[&str]) -> String {
    let rule = "---|".repeat(columns.len());
    format!("| {} |\n|{rule}\n", columns.join(" | "))
}
