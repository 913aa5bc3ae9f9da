//! Engines against each other: what two of them decide of a property of an instance, they decide
//! alike, and every variant has an instance that two of them decide.
//!
//! Recomputed for every variant at its usual and at a small instance, and for every other instance of
//! which the table claims that two engines decide it. An engine that stops at the failure of one
//! property is asked again, alone, for each property that another engine refutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crosscheck::engines::agreement::contradictions;
use crosscheck::engines::check::{instance_text, switches};
use crosscheck::engines::claims::{Line, Mode, Table};
use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::plan::{Planned, catalogue_plan};
use crosscheck::engines::{Claimed, EngineId, Limits, Row, Word};
use crosscheck::problems::catalogue;
use crosscheck::report;
use crosscheck::scenario::{Instance, Memory, Program};
use crosscheck::sync::{Property, Semantics};
use libtest_mimic::{Failed, Trial};

/// The engines that look at every instance: the exhaustive ones, engine `exhaustive` in both ways,
/// and the sampler that finds most.
const ENGINES: [(EngineId, SearchMode); 5] = [
    (EngineId::Exhaustive, SearchMode::Traces),
    (EngineId::Exhaustive, SearchMode::States),
    (EngineId::Loom, SearchMode::Traces),
    (EngineId::ShuttleDfs, SearchMode::Traces),
    (EngineId::ShuttlePct, SearchMode::Traces),
];

/// After how many executions a search is cut of which nothing is claimed.
const TRIES: u64 = 2_000;

/// The parameters that make an instance so small that the engine without a reduction finishes more
/// often.
const SMALL: [(&str, &str); 6] = [
    ("n", "2"),
    ("capacity", "1"),
    ("items", "1"),
    ("producers", "1"),
    ("consumers", "1"),
    ("meals", "1"),
];

/// Variants of which no instance is decided by two engines, and why.
pub(crate) const ALONE: [(&str, &str); 4] = [
    ("semaphore/busy-wait-atomic", CAPPED),
    ("critical-section/peterson", CAPPED),
    ("critical-section/peterson-fenced", CAPPED),
    ("philosophers/retry", CAPPED),
];

const CAPPED: &str = "every engine but one ends a busy-wait after some rounds: that one compares \
                      states, and looks at infinite executions";

pub(crate) fn trials(table: &Table, mode: Mode) -> Vec<Trial> {
    let tables = [table.clone(), table.clone()];
    let [one, two] = tables;
    let mut trials = vec![
        Trial::test("agreement::no-claim-contradicts-another", move || {
            claims_agree(&one)
        })
        .with_kind(mode.as_str()),
        Trial::test("agreement::two-engines-decide-every-variant", move || {
            decided_twice(&two)
        })
        .with_kind(mode.as_str()),
    ];
    if mode == Mode::Quick {
        trials.extend(arenas(table).into_iter().map(|arena| {
            Trial::test(arena.name(), move || arena.agree()).with_kind(mode.as_str())
        }));
    }
    trials
}

/// An instance on which engines meet.
struct Arena {
    program: Program,
    instance: Instance,
    semantics: Semantics,
    asks: Option<BTreeSet<Property>>,
    /// Who is claimed to decide it.
    deciders: BTreeSet<EngineId>,
}

/// Every instance that is looked at: two of each variant, and those of the table that two engines
/// decide.
fn arenas(table: &Table) -> Vec<Arena> {
    let mut arenas: BTreeMap<String, Arena> = BTreeMap::new();
    let plan =
        catalogue_plan(&catalogue(), table, Mode::Quick).expect("every claim is of the catalogue");
    for planned in plan {
        let arena = Arena {
            program: planned.program.clone(),
            instance: planned.instance.clone(),
            semantics: planned.semantics,
            asks: planned.asks.clone(),
            deciders: BTreeSet::new(),
        };
        let arena = arenas.entry(arena.name()).or_insert(arena);
        let line = table.lines.iter().find(|line| is_of(line, &planned));
        if line.is_some_and(decides) {
            arena.deciders.insert(planned.engine);
        }
    }
    let usual = |arena: &Arena| {
        arena.asks.is_none() && arena.instance == Instance::defaults(&arena.program.parameters())
    };
    arenas.retain(|_, arena| arena.deciders.len() >= 2 || usual(arena));
    for variant in catalogue().into_iter().flat_map(|problem| problem.variants) {
        let arena = Arena {
            instance: small(&variant.program),
            program: variant.program,
            semantics: Semantics::DEFAULT,
            asks: None,
            deciders: BTreeSet::new(),
        };
        arenas.entry(arena.name()).or_insert(arena);
    }
    arenas.into_values().collect()
}

fn is_of(line: &Line, planned: &Planned) -> bool {
    line.mode == Mode::Quick
        && line.scenario == planned.program.name()
        && line.engine == planned.engine
        && line.instance == planned.instance_text()
        && line.asks == planned.asks
}

/// Whether the line claims an answer, in a run that is the same every time.
fn decides(line: &Line) -> bool {
    line.engine.is_deterministic() && matches!(line.words[..], [Word::Proved | Word::Refuted])
}

fn small(program: &Program) -> Instance {
    let parameters = program.parameters();
    let mut instance = Instance::defaults(&parameters);
    for (name, value) in SMALL {
        let parameter = parameters.iter().find(|parameter| parameter.name == name);
        if let Some(value) = parameter.and_then(|parameter| parameter.parse(value)) {
            instance = instance.with(name, value);
        }
    }
    instance
}

impl Arena {
    fn name(&self) -> String {
        let asks = self.asks.as_ref().map_or_else(String::new, |asks| {
            let ids: Vec<&str> = asks.iter().map(|property| property.id()).collect();
            format!("::{}", ids.join("+"))
        });
        format!(
            "agreement::{}::{}{asks}",
            self.program.name().replace('/', "::"),
            instance_text(&self.instance, &switches(&self.semantics)).replace(' ', ","),
        )
    }

    fn planned(
        &self,
        (engine, mode): (EngineId, SearchMode),
        asks: Option<BTreeSet<Property>>,
    ) -> Planned {
        let limits = if self.deciders.contains(&engine) {
            Limits::QUICK
        } else {
            Limits {
                executions: Some(TRIES),
                exhaustive_executions: Some(TRIES),
                ..Limits::QUICK
            }
        };
        Planned {
            program: Arc::clone(&self.program),
            instance: self.instance.clone(),
            semantics: self.semantics,
            engine,
            asks,
            limits: Limits { mode, ..limits },
            mode: None,
        }
    }

    /// Runs the engines that are claimed to decide this instance and those that look at every one.
    fn agree(&self) -> Result<(), Failed> {
        let usual = ENGINES.map(|(engine, _)| engine);
        let others = self
            .deciders
            .iter()
            .filter(|engine| !usual.contains(engine));
        let engines: Vec<(EngineId, SearchMode)> = ENGINES
            .into_iter()
            .chain(others.map(|&engine| (engine, SearchMode::Traces)))
            .collect();
        let mut runs: Vec<Vec<Row>> = Vec::new();
        for &engine in &engines {
            runs.push(super::rows::run(&self.planned(engine, self.asks.clone()))?);
        }
        let rows = || runs.iter().flatten();
        let deciders: BTreeSet<EngineId> = rows()
            .filter(|row| matches!(row.verdict.word(), Word::Proved | Word::Refuted))
            .map(|row| row.engine)
            .collect();
        if let Some(missing) = self.deciders.difference(&deciders).next() {
            return Err(format!("{missing} does not decide what the table says it does").into());
        }
        let refuted: BTreeSet<Property> = rows()
            .filter(|row| row.verdict.word() == Word::Refuted)
            .map(|row| row.property)
            .collect();
        // A search that stopped at another failure has not said anything of this property.
        let mut again = Vec::new();
        for (&engine, run) in engines.iter().zip(&runs) {
            for &property in refuted.iter().filter(|_| engine.0.is_exhaustive()) {
                if run.iter().any(|row| row.undecided.contains(&property)) {
                    again.push(self.planned(engine, Some([property].into())));
                }
            }
        }
        for planned in &again {
            runs.push(super::rows::run(planned)?);
        }
        agree(&runs)
    }
}

/// No property may be proved by one run and refuted by another.
fn agree(runs: &[Vec<Row>]) -> Result<(), Failed> {
    match contradictions(runs.iter().flatten()).first() {
        None => Ok(()),
        Some(contradiction) => Err(format!(
            "{contradiction}\n\n{}",
            report::snapshot::row_report(&unclaimed(runs))
        )
        .into()),
    }
}

fn unclaimed(runs: &[Vec<Row>]) -> Vec<Claimed> {
    let claimed = |row: &Row| Claimed {
        row: row.clone(),
        claim: None,
    };
    runs.iter().flatten().map(claimed).collect()
}

/// No line of the table claims a proof of what another claims to be refuted, in either mode.
fn claims_agree(table: &Table) -> Result<(), Failed> {
    for proved in lines(table, Word::Proved) {
        for refuted in lines(table, Word::Refuted) {
            let weaker = proved.engine.memory() == Memory::SequentiallyConsistent
                && refuted.engine.memory() == Memory::C11;
            if subject(proved) == subject(refuted) && !weaker {
                return Err(format!(
                    "line {} claims a proof of what line {} claims to be refuted",
                    proved.number, refuted.number
                )
                .into());
            }
        }
    }
    Ok(())
}

fn lines(table: &Table, word: Word) -> impl Iterator<Item = &Line> {
    table.lines.iter().filter(move |line| line.words == [word])
}

/// What a line is about, whoever searches and how.
fn subject(line: &Line) -> (&str, String, Option<&BTreeSet<Property>>) {
    let parts = line.instance.split(' ');
    let instance: Vec<&str> = parts.filter(|part| !part.starts_with("mode=")).collect();
    (&line.scenario, instance.join(" "), line.asks.as_ref())
}

/// Every variant has an instance of which two engines are claimed to decide the same properties.
fn decided_twice(table: &Table) -> Result<(), Failed> {
    let mut deciders: BTreeMap<_, BTreeSet<EngineId>> = BTreeMap::new();
    for line in table.lines.iter().filter(|line| line.mode == Mode::Quick) {
        if decides(line) {
            deciders
                .entry(subject(line))
                .or_default()
                .insert(line.engine);
        }
    }
    for variant in catalogue().into_iter().flat_map(|problem| problem.variants) {
        let name = variant.program.name();
        let twice = deciders
            .iter()
            .any(|((scenario, ..), engines)| *scenario == name && engines.len() >= 2);
        let alone = ALONE.iter().find(|(variant, _)| *variant == name);
        match (twice, alone) {
            (false, None) => {
                return Err(format!("no two engines decide the same instance of {name}").into());
            }
            (true, Some((_, why))) => {
                return Err(format!("two engines decide {name}, yet it is said: {why}").into());
            }
            _ => {}
        }
    }
    Ok(())
}
