//! `list`: problems, variants, engines and properties.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::args::{List, ListFormat};
use super::suite::Suite;
use super::{Failure, print};
use crate::engines::EngineId;
use crate::engines::check::SWITCHES;
use crate::engines::limits::SearchMode;
use crate::report::catalogue::{expectation, render};
use crate::scenario::{Problem, Value, Variant};
use crate::sync::Property;

pub(super) fn run(suite: &Suite<'_>, arguments: &List) -> Result<u8, Failure> {
    print(&match arguments.format {
        ListFormat::Text => text(suite.problems),
        ListFormat::Json => format!("{:#}\n", as_json(suite.problems)),
        ListFormat::Markdown => render(suite.problems, &suite.claims),
    })?;
    Ok(0)
}

fn text(problems: &[Problem]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail, here and below.
    for problem in problems {
        let _ = writeln!(text, "{}: {}", problem.id, problem.summary);
        for variant in &problem.variants {
            let _ = writeln!(
                text,
                "  {:22} {:32} {}",
                variant.id(),
                expectation(variant),
                variant.summary
            );
            for parameter in variant.program.parameters() {
                let _ = writeln!(
                    text,
                    "  {:22}   --set {}={} ({}; {})",
                    "", parameter.name, parameter.default, parameter.domain, parameter.help
                );
            }
        }
        text.push('\n');
    }
    text.push_str("engines\n");
    for engine in EngineId::ALL {
        let _ = writeln!(text, "  {:22} {}", engine.as_str(), engine.summary());
    }
    text.push_str("\nmodes of engine exhaustive\n");
    for mode in SearchMode::ALL {
        let _ = writeln!(text, "  {:22} {}", mode.as_str(), mode.summary());
    }
    text.push_str("\nproperties\n");
    for property in Property::ALL {
        let _ = writeln!(
            text,
            "  {:22} its failure: {}",
            property.id(),
            property.failure()
        );
    }
    text.push_str("\nswitches\n");
    for (switch, words) in SWITCHES {
        let _ = writeln!(
            text,
            "  {:22} --set {switch}={} (default {})",
            switch,
            words.join("|"),
            words[0]
        );
    }
    text
}

fn as_json(problems: &[Problem]) -> Json {
    let problems: Vec<Json> = problems
        .iter()
        .map(|problem| {
            let variants: Vec<Json> = problem.variants.iter().map(variant).collect();
            json!({"id": problem.id, "summary": problem.summary, "variants": variants})
        })
        .collect();
    let engines: Vec<Json> = EngineId::ALL
        .iter()
        .map(|engine| json!({"id": engine.as_str(), "summary": engine.summary()}))
        .collect();
    let modes: Vec<Json> = SearchMode::ALL
        .iter()
        .map(|mode| json!({"id": mode.as_str(), "summary": mode.summary()}))
        .collect();
    let properties: Vec<&str> = Property::ALL.iter().map(|property| property.id()).collect();
    let switches: Vec<Json> = SWITCHES
        .iter()
        .map(|(switch, words)| json!({"id": switch, "words": words, "default": words[0]}))
        .collect();
    json!({
        "problems": problems,
        "engines": engines,
        "modes": modes,
        "properties": properties,
        "switches": switches,
    })
}

fn variant(variant: &Variant) -> Json {
    let parameters: Vec<Json> = variant
        .program
        .parameters()
        .iter()
        .map(|parameter| {
            let default = match &parameter.default {
                Value::Number(number) => json!(number),
                Value::Word(word) => json!(word),
            };
            json!({
                "name": parameter.name,
                "help": parameter.help,
                "default": default,
                "values": parameter.domain.to_string(),
            })
        })
        .collect();
    let properties: Vec<&str> = variant
        .program
        .properties()
        .iter()
        .map(|property| property.id())
        .collect();
    json!({
        "id": variant.id(),
        "summary": variant.summary,
        "expect": expectation(variant),
        "parameters": parameters,
        "properties": properties,
    })
}
