//! From what was typed to engines, instances and limits, with the nearest names when there is no such
//! thing.

use std::collections::BTreeSet;

use super::Failure;
use super::args::How;
use crate::engines::check::{SWITCHES, set_switch};
use crate::engines::limits::SearchMode;
use crate::engines::{EngineId, Limits};
use crate::scenario::{Instance, Parameter, Variant};
use crate::sync::{Property, Semantics};

/// The engines that can run a counterexample again.
const REPLAYERS: [EngineId; 3] = [EngineId::Exhaustive, EngineId::Threads, EngineId::Loom];

/// The error for a parameter or switch that a variant does not have.
pub(super) fn unknown_parameter(name: &str, parameters: &[Parameter]) -> Failure {
    let mut names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    names.extend(SWITCHES.map(|(switch, _)| switch));
    unknown("parameter", name, &names)
}

/// The engines that were asked for. When none was: the default ones, or the one that has the mode.
pub(super) fn engines(how: &How) -> Result<Vec<EngineId>, Failure> {
    let mode = mode(how)?;
    if how.engine.is_empty() {
        return Ok(match mode {
            Some(_) => vec![EngineId::Exhaustive],
            None => EngineId::DEFAULT.to_vec(),
        });
    }
    let mut engines = Vec::new();
    for name in &how.engine {
        let ids = EngineId::ALL.map(EngineId::as_str);
        let engine = EngineId::parse(name).ok_or_else(|| unknown("engine", name, &ids))?;
        if let Some(mode) = mode
            && engine != EngineId::Exhaustive
        {
            return Err(Failure(format!(
                "--mode {mode}: only engine exhaustive has modes, not {engine}"
            )));
        }
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    Ok(engines)
}

/// How engine `exhaustive` shall search, when that was said.
pub(super) fn mode(how: &How) -> Result<Option<SearchMode>, Failure> {
    let words = SearchMode::ALL.map(SearchMode::as_str);
    how.mode
        .as_deref()
        .map(|word| SearchMode::parse(word).ok_or_else(|| unknown("mode", word, &words)))
        .transpose()
}

/// The engine on which a counterexample shall be run again.
pub(super) fn replayer(name: &str) -> Result<EngineId, Failure> {
    let ids = REPLAYERS.map(EngineId::as_str);
    match EngineId::parse(name) {
        Some(engine) if REPLAYERS.contains(&engine) => Ok(engine),
        Some(engine) => Err(Failure(format!(
            "engine {engine} replays nothing; use one of {}",
            ids.join(", ")
        ))),
        None => Err(unknown("engine", name, &ids)),
    }
}

/// The properties that were asked for; none: all of a scenario's.
pub(super) fn properties(names: &[String]) -> Result<Option<BTreeSet<Property>>, Failure> {
    let ids = Property::ALL.map(Property::id);
    let properties: BTreeSet<Property> = names
        .iter()
        .map(|name| Property::from_id(name).ok_or_else(|| unknown("property", name, &ids)))
        .collect::<Result<_, _>>()?;
    Ok((!properties.is_empty()).then_some(properties))
}

/// An instance of a variant with what was set; `None` when the variant does not have one of the
/// parameters, which is an error only if no variant has it.
pub(super) fn instance(
    variant: &Variant,
    set: &[(String, String)],
) -> Result<Option<(Instance, Semantics)>, Failure> {
    let parameters = variant.program.parameters();
    let mut instance = Instance::defaults(&parameters);
    let mut semantics = Semantics::DEFAULT;
    for (name, value) in set {
        if let Some((_, words)) = SWITCHES.iter().find(|(switch, _)| switch == name) {
            if !set_switch(&mut semantics, name, value) {
                return Err(Failure(format!(
                    "{name}={value}: the switch `{name}` is {}",
                    words.join("|")
                )));
            }
            continue;
        }
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            return Ok(None);
        };
        let parsed = parameter.parse(value).ok_or_else(|| {
            Failure(format!(
                "{name}={value}: `{name}` of {} ({}) is {}",
                variant.program.name(),
                parameter.help,
                parameter.domain
            ))
        })?;
        instance = instance.with(parameter.name, parsed);
    }
    Ok(Some((instance, semantics)))
}

/// Splits `name=value` and checks that some variant, or a switch, has the name.
pub(super) fn settings(
    set: &[String],
    variants: &[&Variant],
) -> Result<Vec<(String, String)>, Failure> {
    let parameters: Vec<Parameter> = variants
        .iter()
        .flat_map(|variant| variant.program.parameters())
        .collect();
    let is_known = |name: &str| {
        parameters.iter().any(|parameter| parameter.name == name)
            || SWITCHES.iter().any(|(switch, _)| *switch == name)
    };
    set.iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure(format!("--set {pair}: write NAME=VALUE, as in n=5")))?;
            if is_known(name) {
                Ok((name.to_owned(), value.to_owned()))
            } else {
                Err(unknown_parameter(name, &parameters))
            }
        })
        .collect()
}

/// The limits with what was given; `None` when nothing was.
pub(super) fn limits(how: &How, base: Limits) -> Result<Option<Limits>, Failure> {
    const NAMES: [&str; 8] = [
        "preemptions",
        "executions",
        "steps",
        "schedules",
        "depth",
        "spins",
        "seed",
        "memory",
    ];
    if how.bound.is_empty() && how.budget.is_none() {
        return Ok(None);
    }
    let mut limits = base;
    if how.budget.is_some() {
        limits.time = how.budget;
        limits.executions = None;
        limits.exhaustive_executions = None;
    }
    for pair in &how.bound {
        let (name, text) = pair.split_once('=').ok_or_else(|| {
            Failure(format!(
                "--bound {pair}: write NAME=NUMBER, as in preemptions=2"
            ))
        })?;
        if !NAMES.contains(&name) {
            return Err(unknown("bound", name, &NAMES));
        }
        let number = |most: u64| {
            text.parse::<u64>()
                .ok()
                .filter(|number| *number <= most)
                .ok_or_else(|| {
                    Failure(format!(
                        "--bound {pair}: a number from 0 to {most} is needed"
                    ))
                })
        };
        let positive = |most: u64| match number(most)? {
            0 => Err(Failure(format!(
                "--bound {pair}: a number from 1 to {most} is needed"
            ))),
            positive => Ok(positive),
        };
        match name {
            // loom counts preemptions in a byte.
            "preemptions" => limits.preemptions = Some(number(255)? as usize),
            "executions" => {
                limits.executions = Some(positive(u64::MAX)?);
                limits.exhaustive_executions = limits.executions;
            }
            // loom reserves memory for every step.
            "steps" => limits.steps = positive(1_000_000)? as usize,
            "schedules" => {
                limits.schedules = positive(1_000_000_000)?;
                limits.thread_schedules = limits.schedules;
            }
            "depth" => limits.depth = positive(100)? as usize,
            "spins" => limits.spins = number(1_000)? as u32,
            "memory" => limits.memory = positive(1_000_000)? as usize,
            _ => limits.seed = number(u64::MAX)?,
        }
    }
    Ok(Some(limits))
}

/// The error for a name that nothing has, with the names that are near.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.6)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    near.dedup_by_key(|(_, candidate)| *candidate);
    let near: Vec<&str> = near
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate)
        .collect();
    let name = name.escape_debug();
    Failure(if near.is_empty() {
        format!("there is no {what} `{name}`; subcommand `list` shows what there is")
    } else {
        format!(
            "there is no {what} `{name}`; did you mean {}?",
            near.join(", ")
        )
    })
}
