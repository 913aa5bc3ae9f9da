//! Which rows there are: the matrix problem x variant x engine x instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::{Job, MODE, Row, check, instance_text, set_switch};
use super::claims::{Claim, Mode, Table};
use super::engine::EngineId;
use super::limits::{Limits, SearchMode};
use crate::scenario::{Instance, Parameter, Problem, Program, Value, Variant};
use crate::sync::{Property, Semantics};

/// One job of a plan, owned.
#[derive(Clone)]
pub struct Planned {
    /// The program.
    pub program: Program,
    /// The choice of its parameters.
    pub instance: Instance,
    /// The switches.
    pub semantics: Semantics,
    /// Who schedules.
    pub engine: EngineId,
    /// The properties that are asked for; none: all of the scenario's.
    pub asks: Option<BTreeSet<Property>>,
    /// What bounds the run.
    pub limits: Limits,
    /// The mode whose claims apply; none: the rows are unclaimed.
    pub mode: Option<Mode>,
}

impl Planned {
    /// Runs the job on the calling thread.
    #[must_use]
    pub fn check(&self) -> Vec<Row> {
        check(&self.job())
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> Job<'_> {
        let all = || self.program.properties().into_iter().collect();
        Job {
            program: &self.program,
            instance: &self.instance,
            semantics: self.semantics,
            targets: self.asks.clone().unwrap_or_else(all),
            engine: self.engine,
            limits: &self.limits,
        }
    }

    /// Parameters and switches, as claims and rows write them.
    #[must_use]
    pub fn instance_text(&self) -> String {
        instance_text(&self.instance, &self.job().switches())
    }

    /// The claim of the table about one of its rows. One that is in the matrix because every variant
    /// is checked at its defaults has to have one, if the table speaks of the scenario at all.
    #[must_use]
    pub fn claim(&self, table: &Table, row: &Row) -> Option<Claim> {
        let mode = self.mode?;
        let claim = table.claim(mode, self.asks.as_ref(), row);
        let needed = || self.is_default() && table.speaks_of(mode, self.program.name());
        claim.or_else(|| needed().then(Claim::lacking))
    }

    /// Returns whether it is one of the rows that every variant has in quick mode.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.mode == Some(Mode::Quick)
            && self.asks.is_none()
            && EngineId::DEFAULT.contains(&self.engine)
            && self.semantics == Semantics::DEFAULT
            && self.limits.mode == SearchMode::default()
            && self.instance == Instance::defaults(&self.program.parameters())
    }

    /// A name that is unique in the matrix and can be filtered:
    /// `philosophers::odd-even::loom::lock=facade,meals=1,n=3`.
    #[must_use]
    pub fn name(&self) -> String {
        let asks = self.asks.as_ref().map_or_else(String::new, |asks| {
            let ids: Vec<&str> = asks.iter().map(|property| property.id()).collect();
            format!("::{}", ids.join("+"))
        });
        format!(
            "{}::{}::{}{asks}",
            self.program.name().replace('/', "::"),
            self.engine,
            self.instance_text().replace(' ', ","),
        )
    }
}

/// Why a line of the table is no row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verification/claims.txt, line {line}: {what}")]
pub struct PlanError {
    /// The line, from 1.
    pub line: usize,
    /// What does not fit.
    pub what: String,
}

/// The rows of the catalogue: in quick mode every variant at its defaults under every default
/// engine, and in both modes what the table has beyond that, variant by variant.
///
/// # Errors
/// [`PlanError`] when a line of the table names something that the catalogue does not have.
pub fn catalogue_plan(
    problems: &[Problem],
    table: &Table,
    mode: Mode,
) -> Result<Vec<Planned>, PlanError> {
    let mut plan = Vec::new();
    for variant in problems.iter().flat_map(|problem| &problem.variants) {
        let first = plan.len();
        if mode == Mode::Quick {
            plan.extend(EngineId::DEFAULT.map(|engine| default_row(variant, engine)));
        }
        for line in table.lines.iter().filter(|line| line.mode == mode) {
            if line.scenario != variant.program.name() {
                continue;
            }
            let known = plan[first..].iter().any(|row| {
                row.engine == line.engine
                    && row.asks == line.asks
                    && row.instance_text() == line.instance
            });
            if known {
                continue;
            }
            let error = |what: String| PlanError {
                line: line.number,
                what,
            };
            let parameters = variant.program.parameters();
            let (instance, semantics, search) =
                parse_instance(&parameters, line.engine, &line.instance).map_err(error)?;
            let planned = Planned {
                program: Arc::clone(&variant.program),
                instance,
                semantics,
                engine: line.engine,
                asks: line.asks.clone(),
                limits: Limits {
                    mode: search,
                    ..mode.limits()
                },
                mode: Some(mode),
            };
            if planned.instance_text() != line.instance {
                // Its rows would look for their claim under the other name.
                let text = planned.instance_text().replace(' ', ",");
                return Err(error(format!("write the instance as {text}")));
            }
            let targets = planned.job().targets;
            if let Some(other) = line.refuted.iter().find(|other| !targets.contains(other)) {
                return Err(error(format!("{other} is no property of it")));
            }
            plan.push(planned);
        }
    }
    for line in &table.lines {
        let known = problems
            .iter()
            .flat_map(|problem| &problem.variants)
            .any(|variant| variant.program.name() == line.scenario);
        if !known {
            let what = format!("the catalogue has no `{}`", line.scenario);
            return Err(PlanError {
                line: line.number,
                what,
            });
        }
    }
    Ok(plan)
}

fn default_row(variant: &Variant, engine: EngineId) -> Planned {
    Planned {
        program: Arc::clone(&variant.program),
        instance: Instance::defaults(&variant.program.parameters()),
        semantics: Semantics::DEFAULT,
        engine,
        asks: None,
        limits: Limits::QUICK,
        mode: Some(Mode::Quick),
    }
}

/// Reads `lock=facade meals=1 n=3 notify=fifo`; every parameter has to be there. For engine
/// `exhaustive` there may be a `mode=states` as well.
fn parse_instance(
    parameters: &[Parameter],
    engine: EngineId,
    text: &str,
) -> Result<(Instance, Semantics, SearchMode), String> {
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for pair in text.split_whitespace().filter(|pair| *pair != "-") {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`{pair}` is not of the form name=value"))?;
        given.insert(name, value);
    }
    let mut instance = Instance::default();
    for parameter in parameters {
        let text = given
            .remove(parameter.name)
            .ok_or_else(|| format!("the parameter `{}` is missing", parameter.name))?;
        let value: Value = parameter
            .parse(text)
            .ok_or_else(|| format!("{} is {}, not {text}", parameter.name, parameter.domain))?;
        instance = instance.with(parameter.name, value);
    }
    let mut search = SearchMode::default();
    if engine == EngineId::Exhaustive
        && let Some(word) = given.remove(MODE)
    {
        search = SearchMode::parse(word).ok_or_else(|| format!("there is no mode `{word}`"))?;
    }
    let mut semantics = Semantics::DEFAULT;
    for (switch, word) in given {
        if !set_switch(&mut semantics, switch, word) {
            return Err(format!("there is no parameter or switch {switch}={word}"));
        }
    }
    Ok((instance, semantics, search))
}
