//! The matrix of mutants: what was changed, and what noticed it.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::escape;
use super::layout::{width, wrapped};
use crate::engines::mutants::{Fate, Judged, Killer, Matrix};
use crate::sync::Property;

/// The version of the schema; changes when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// The text for a terminal: with the places of the program.
#[must_use]
pub fn text(matrices: &[Matrix]) -> String {
    let matrices: Vec<String> = matrices.iter().map(|matrix| one(matrix, true)).collect();
    escape::text(&matrices.join("\n"))
}

/// The text that tests pin: without places, which change with every edit of the file.
#[must_use]
pub fn pinned(matrix: &Matrix) -> String {
    one(matrix, false)
}

fn one(matrix: &Matrix, places: bool) -> String {
    let mut text = summary(matrix);
    for tried in &matrix.instances {
        let within = within(tried.within.as_deref());
        let parallelism = match tried.parallelism {
            Some(0) => String::new(),
            Some(most) => format!(", {most} at most in zones at once"),
            None => ", of unknown parallelism".to_owned(),
        };
        let _ = writeln!(
            text,
            "  on {}: {} executions, {} outcomes{parallelism}{within}",
            tried.instance, tried.executions, tried.outcomes
        );
    }
    if matrix.mutants.is_empty() {
        return text;
    }
    text.push('\n');
    let several = matrix.instances.len() > 1;
    let widest = |of: &dyn Fn(&Judged) -> String| {
        let widths = matrix.mutants.iter().map(|judged| width(&of(judged)));
        widths.max().unwrap_or(0)
    };
    let id = |judged: &Judged| judged.mutation.id.clone();
    let place = |judged: &Judged| judged.mutation.site.place();
    let (ids, at) = (widest(&id), widest(&place));
    for judged in &matrix.mutants {
        let mut first = format!("  {:ids$}  ", id(judged));
        if places {
            let _ = write!(first, "{:at$}  ", place(judged));
        }
        let instance = |at: usize| match several {
            true => format!(" on {}", matrix.instances[at].instance),
            false => String::new(),
        };
        let fate = told(&judged.fate, &instance);
        text.push_str(&wrapped(&first, "      ", &fate, 140));
    }
    text
}

/// `bounded-buffer/ring: 12 mutants, 11 killed (91 %), 1 with the same outcomes`.
fn summary(matrix: &Matrix) -> String {
    let (all, killed) = (matrix.mutants.len(), matrix.killed());
    let mut text = format!("{}: {all} mutants", matrix.scenario);
    if let Some(share) = (killed * 100).checked_div(all) {
        let _ = write!(text, ", {killed} killed ({share} %)");
    }
    for (count, what) in [
        (matrix.same(), "make no difference"),
        (matrix.unexplained(), "survive without a reason"),
        (matrix.undecided(), "are not decided"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text.push('\n');
    text
}

fn within(within: Option<&str>) -> String {
    within.map_or_else(String::new, |within| format!(", within: {within}"))
}

/// The fate in words; `on` is the text of an instance.
fn told(fate: &Fate, on: &dyn Fn(usize) -> String) -> String {
    match fate {
        Fate::Killed {
            killer,
            engine,
            executions,
            instance,
        } => {
            let when = match killer {
                Killer::Property(Property::Reachability) | Killer::Parallelism { .. } => {
                    format!("after all {executions} executions")
                }
                Killer::Property(property) if property.is_of_infinite_executions() => {
                    format!("in a graph of {executions} steps")
                }
                Killer::Property(_) => format!("in execution {executions}"),
            };
            format!("killed by {killer}, {engine}, {when}{}", on(*instance))
        }
        Fate::Same {
            engine,
            outcomes,
            executions,
            within: bound,
        } => format!(
            "no difference: the same {outcomes} outcomes, {engine}, all {executions} executions{}",
            within(bound.as_deref())
        ),
        Fate::Differs {
            lost,
            new,
            instance,
        } if lost + new == 0 => format!(
            "SURVIVES without a reason: more threads can be in zones at once{}, and nothing fails",
            on(*instance)
        ),
        Fate::Differs {
            lost,
            new,
            instance,
        } => format!(
            "SURVIVES without a reason: {lost} outcomes lost and {new} new{}, and nothing fails",
            on(*instance)
        ),
        Fate::Undecided { engine, why } => format!("not decided: {engine}: {why}"),
    }
}

/// One JSON object.
#[must_use]
pub fn json(matrices: &[Matrix]) -> String {
    let matrices: Vec<Json> = matrices.iter().map(matrix).collect();
    let document = json!({"schema": SCHEMA, "variants": matrices});
    escape::json(&format!("{document:#}\n"))
}

fn matrix(matrix: &Matrix) -> Json {
    let instances: Vec<Json> = matrix
        .instances
        .iter()
        .map(|tried| {
            json!({
                "instance": tried.instance,
                "executions": tried.executions,
                "outcomes": tried.outcomes,
                "within": tried.within,
                "parallelism": tried.parallelism,
            })
        })
        .collect();
    let mutants: Vec<Json> = matrix
        .mutants
        .iter()
        .map(|judged| {
            let mut object = fate(&judged.fate);
            object["mutant"] = json!(judged.mutation.id);
            object["place"] = json!(judged.mutation.site.place());
            object
        })
        .collect();
    json!({
        "variant": matrix.scenario,
        "instances": instances,
        "mutants": mutants,
        "killed": matrix.killed(),
        "same-outcomes": matrix.same(),
        "without-a-reason": matrix.unexplained(),
        "undecided": matrix.undecided(),
    })
}

fn fate(fate: &Fate) -> Json {
    match fate {
        Fate::Killed {
            killer,
            engine,
            executions,
            instance,
        } => json!({
            "fate": "killed",
            "property": match killer {
                Killer::Property(property) => property.id(),
                Killer::Parallelism { .. } => "maximal-parallelism",
            },
            "engine": engine.as_str(),
            "executions": executions,
            "instance": instance,
        }),
        Fate::Same {
            engine,
            outcomes,
            executions,
            within,
        } => json!({
            "fate": "same-outcomes",
            "engine": engine.as_str(),
            "outcomes": outcomes,
            "executions": executions,
            "within": within,
        }),
        Fate::Differs {
            lost,
            new,
            instance,
        } => json!({
            "fate": "without-a-reason",
            "lost": lost,
            "new": new,
            "instance": instance,
        }),
        Fate::Undecided { engine, why } => json!({
            "fate": "undecided",
            "engine": engine.as_str(),
            "why": why,
        }),
    }
}
