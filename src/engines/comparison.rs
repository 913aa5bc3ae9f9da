//! The variants of a problem side by side: which instances, and what is asked of each.
//!
//! Each question is a job of its own, so that no failure hides the answer to another question:
//! deadlock, safety, how many are together, and what infinite executions do.

use std::collections::BTreeSet;

use super::check::{Row, SWITCHES, set_switch};
use super::claims::Mode;
use super::engine::EngineId;
use super::limits::{Limits, SearchMode};
use super::plan::Planned;
use crate::scenario::{Instance, Program, Value};
use crate::sync::{Property, Semantics};

/// A variant of a comparison.
#[derive(Clone)]
pub struct Contender {
    /// The program.
    pub program: Program,
    /// On which instance it is compared.
    pub instance: Instance,
    /// Under which switches.
    pub semantics: Semantics,
}

/// What was answered about a variant.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its id, without the problem's.
    pub variant: String,
    /// On which instance.
    pub instance: Instance,
    /// The rows of all questions that were answered.
    pub rows: Vec<Row>,
}

/// Why variants cannot be compared like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// A switch has no such word.
    #[error("{name}={value}: the switch `{name}` is {}", words.join("|"))]
    Switch {
        /// The switch.
        name: String,
        /// What was asked for.
        value: String,
        /// Its words.
        words: &'static [&'static str],
    },
    /// No variant has this value of this parameter.
    #[error("{name}={value}: no variant has it; subcommand `list` shows what each has")]
    Value {
        /// The parameter.
        name: String,
        /// What was asked for.
        value: String,
    },
}

/// The instances on which variants are compared: what is `set`, where a variant has it; else the
/// greatest of their defaults where that is a number, so that all have the same.
///
/// # Errors
/// [`ComparisonError`] when a switch or no variant has a value that is set.
pub fn contenders(
    programs: &[Program],
    set: &[(String, String)],
) -> Result<Vec<Contender>, ComparisonError> {
    let mut semantics = Semantics::DEFAULT;
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for (name, value) in set {
        match SWITCHES.iter().find(|(switch, _)| switch == name) {
            None => parameters.push((name, value)),
            Some(_) if set_switch(&mut semantics, name, value) => {}
            Some((_, words)) => {
                return Err(ComparisonError::Switch {
                    name: name.clone(),
                    value: value.clone(),
                    words,
                });
            }
        }
    }
    let greatest = |name: &str| {
        let all = programs.iter().flat_map(|program| program.parameters());
        let defaults = all.filter(|parameter| parameter.name == name);
        let numbers = defaults.filter_map(|parameter| match parameter.default {
            Value::Number(number) => Some(number),
            Value::Word(_) => None,
        });
        numbers.max()
    };
    let mut used = vec![false; parameters.len()];
    let contenders = programs.iter().map(|program| {
        let known = program.parameters();
        let mut instance = Instance::defaults(&known);
        for parameter in &known {
            let common = greatest(parameter.name).map(|number| number.to_string());
            let common = common.and_then(|text| parameter.parse(&text));
            let asked = parameters
                .iter()
                .position(|(name, _)| *name == parameter.name);
            let given = asked.and_then(|at| Some((at, parameter.parse(parameters[at].1)?)));
            if let Some((at, _)) = given {
                used[at] = true;
            }
            if let Some(value) = given.map(|(_, value)| value).or(common) {
                instance = instance.with(parameter.name, value);
            }
        }
        Contender {
            program: program.clone(),
            instance,
            semantics,
        }
    });
    let contenders = contenders.collect();
    match used.iter().position(|used| !used) {
        None => Ok(contenders),
        Some(at) => Err(ComparisonError::Value {
            name: parameters[at].0.to_owned(),
            value: parameters[at].1.to_owned(),
        }),
    }
}

/// What is asked of a variant, within `limits`: jobs of engine `exhaustive`.
#[must_use]
pub fn questions(contender: &Contender, limits: &Limits) -> Vec<Planned> {
    let program = &contender.program;
    let safety: BTreeSet<Property> = program
        .properties()
        .into_iter()
        .filter(|property| !matches!(property, Property::DeadlockFreedom | Property::Reachability))
        .collect();
    let together = program.observed().into_iter();
    let together = together.filter(|property| *property == Property::MaximalParallelism);
    let infinite: BTreeSet<Property> = program.liveness().into_iter().collect();
    let mut questions = vec![
        (
            BTreeSet::from([Property::DeadlockFreedom]),
            SearchMode::Traces,
        ),
        (safety, SearchMode::Traces),
        (together.collect(), SearchMode::Traces),
    ];
    if infinite.is_empty() {
        // Else the graph that answers has all states.
        let deadlock = BTreeSet::from([Property::DeadlockFreedom]);
        questions.push((deadlock, SearchMode::States));
    }
    questions.push((infinite, SearchMode::Traces));
    questions
        .into_iter()
        .filter(|(asks, _)| !asks.is_empty())
        .map(|(asks, mode)| Planned {
            program: program.clone(),
            instance: contender.instance.clone(),
            semantics: contender.semantics,
            engine: EngineId::Exhaustive,
            asks: Some(asks),
            limits: Limits {
                mode,
                ..limits.clone()
            },
            mode: None::<Mode>,
        })
        .collect()
}

impl Contender {
    /// What was answered: the rows of its questions.
    #[must_use]
    pub fn compared(&self, rows: Vec<Row>) -> Compared {
        let name = self.program.name();
        let variant = name.split_once('/').map_or(name, |(_, variant)| variant);
        Compared {
            variant: variant.to_owned(),
            instance: self.instance.clone(),
            rows,
        }
    }
}
