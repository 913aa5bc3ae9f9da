//! The JSON of the whole catalogue: nothing is left out, and two engines decide what two can.
//!
//! Searches are cut early here, so that this is quick; what the rows must say in full is claimed
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crosscheck::engines::EngineId;
use crosscheck::engines::claims::Mode;
use libtest_mimic::{Failed, Trial};
use serde_json::Value as Json;

use super::agreement::ALONE;

pub(crate) fn trials(mode: Mode) -> Vec<Trial> {
    if mode != Mode::Quick {
        return Vec::new();
    }
    let trial = Trial::test("json::two-engines-decide-every-variant", check);
    vec![trial.with_kind(mode.as_str())]
}

/// What one engine says of one variant.
#[derive(Default)]
struct Said {
    /// Every engine that has a row.
    engines: BTreeSet<String>,
    /// Who decides a property of an instance.
    deciders: BTreeMap<String, BTreeSet<String>>,
}

fn check() -> Result<(), Failed> {
    let listed = json(&["list", "--format", "json"])?;
    let bounds = ["executions=2000", "schedules=10"];
    let mut verify = vec![
        "verify", "--format", "json", "--bound", bounds[0], "--bound", bounds[1],
    ];
    // The second runner of the exhaustive engine has rows where no other engine can decide.
    for engine in EngineId::ALL {
        verify.extend(["--engine", engine.as_str()]);
    }
    let rows = json(&verify)?;
    let mut said: BTreeMap<(String, String), Said> = BTreeMap::new();
    for row in list(&rows["rows"])? {
        let of = said
            .entry((text(&row["problem"])?, text(&row["variant"])?))
            .or_default();
        let (engine, verdict) = (text(&row["engine"])?, text(&row["verdict"])?);
        // Each run of engine `threads` is another.
        if engine != "threads" && matches!(verdict.as_str(), "proved" | "refuted") {
            let subject = row["instance"].to_string();
            let deciders = of.deciders.entry(subject).or_default();
            deciders.insert(engine.clone());
        }
        of.engines.insert(engine);
    }
    let mut seen = 0;
    for problem in list(&listed["problems"])? {
        for variant in list(&problem["variants"])? {
            let id = (text(&problem["id"])?, text(&variant["id"])?);
            let name = format!("{}/{}", id.0, id.1);
            let said = said.get(&id).ok_or(format!("{name} has no row"))?;
            let engines = said.engines.len();
            if engines < 2 {
                return Err(format!("{name} has rows of {engines} engine only").into());
            }
            let most = said.deciders.values().map(BTreeSet::len).max();
            let alone = ALONE.iter().any(|(other, _)| *other == name);
            if most.unwrap_or(0) < 2 && !alone {
                return Err(format!("no two engines decide the same instance of {name}").into());
            }
            seen += 1;
        }
    }
    if seen == 0 || seen != said.len() {
        let rows = said.len();
        return Err(format!("{seen} variants are listed and {rows} have rows").into());
    }
    Ok(())
}

/// What the program prints; its exit code says that nothing is claimed of rows that are cut.
fn json(arguments: &[&str]) -> Result<Json, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot start {}: {error}", env!("CARGO_BIN_EXE_crosscheck")))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("{arguments:?} prints no JSON: {error}; it says: {says}").into()
    })
}

fn list(json: &Json) -> Result<&Vec<Json>, Failed> {
    Ok(json.as_array().ok_or("a list is missing")?)
}

fn text(json: &Json) -> Result<String, Failed> {
    Ok(json.as_str().ok_or("a text is missing")?.to_owned())
}
