//! Which engines check a scenario, on which instance, what is asked and within which limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engines::check::set_switch;
use crate::engines::plan::Planned;
use crate::engines::{EngineId, Limits};
use crate::scenario::{Instance, Program};
use crate::sync::{Property, Semantics};

/// Which engines check a scenario, on which instance, within which limits.
#[derive(Clone, Debug)]
#[must_use]
pub struct Checks {
    engines: Vec<EngineId>,
    settings: Vec<(String, String)>,
    asks: BTreeSet<Property>,
    limits: Limits,
}

impl Default for Checks {
    /// The default engines, the defaults of the scenario, the quick limits.
    fn default() -> Self {
        Self {
            engines: EngineId::DEFAULT.to_vec(),
            settings: Vec::new(),
            asks: BTreeSet::new(),
            limits: Limits::QUICK,
        }
    }
}

impl Checks {
    /// These engines only.
    pub fn engines(mut self, engines: &[EngineId]) -> Self {
        self.engines = engines.to_vec();
        self
    }

    /// A parameter of the scenario or a switch, as `set("n", "3")` or `set("spurious", "on")`.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for a property beside those that the scenario lists: one that its observers decide, or
    /// one of its infinite executions, which the scenario has to name in
    /// [`observed`](crate::scenario::Scenario::observed) or
    /// [`liveness`](crate::scenario::Scenario::liveness). Each is a search of its own; properties of
    /// infinite executions are asked of engine `exhaustive` alone, if that is among the engines.
    ///
    /// ```
    /// use crosscheck::scenario::Property;
    /// use crosscheck::testing::Checks;
    ///
    /// let checks = Checks::default()
    ///     .ask(Property::Linearizability)
    ///     .ask(Property::StarvationFreedom);
    /// # let _ = checks;
    /// ```
    pub fn ask(mut self, property: Property) -> Self {
        self.asks.insert(property);
        self
    }

    /// Other limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What was set, by name.
    pub(super) fn settings(&self) -> BTreeMap<&str, &str> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The jobs, engine by engine.
    pub(super) fn plan(&self, program: &Program) -> Vec<Planned> {
        let parameters = program.parameters();
        let mut instance = Instance::defaults(&parameters);
        let mut semantics = Semantics::DEFAULT;
        for (name, value) in &self.settings {
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            match parameter.map(|parameter| (parameter.name, parameter.parse(value))) {
                Some((name, Some(value))) => instance = instance.with(name, value),
                Some((_, None)) => panic!("`{name}` of {} cannot be {value}", program.name()),
                None => assert!(
                    set_switch(&mut semantics, name, value),
                    "{} has no parameter or switch {name}={value}",
                    program.name()
                ),
            }
        }
        let planned = |engine: EngineId, asks| Planned {
            program: Arc::clone(program),
            instance: instance.clone(),
            semantics,
            engine,
            asks,
            limits: self.limits.clone(),
            mode: None,
        };
        let mut plan = Vec::new();
        for &engine in &self.engines {
            for asks in self.questions(program, engine) {
                plan.push(planned(engine, asks));
            }
        }
        plan
    }

    /// What is asked of an engine, job by job; none: what the scenario lists.
    fn questions(&self, program: &Program, engine: EngineId) -> Vec<Option<BTreeSet<Property>>> {
        let listed: BTreeSet<Property> = program.properties().into_iter().collect();
        let new = self.asks.difference(&listed).copied();
        let (infinite, finite): (BTreeSet<Property>, BTreeSet<Property>) =
            new.partition(|property| property.is_of_infinite_executions());
        let (of_moments, finite): (BTreeSet<Property>, BTreeSet<Property>) = finite
            .into_iter()
            .partition(|property| property.is_of_moments());
        let all = &listed | &finite;
        let mut questions = vec![(!finite.is_empty()).then_some(all)];
        questions.extend(
            of_moments
                .into_iter()
                .map(|property| Some([property].into())),
        );
        let answers = engine == EngineId::Exhaustive;
        let nobody = !self.engines.contains(&EngineId::Exhaustive);
        if !infinite.is_empty() && (answers || nobody) {
            questions.push(Some(infinite));
        }
        questions
    }
}
