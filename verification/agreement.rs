//! Engines against each other: on one instance, none may prove what another refutes, and where two
//! exhaustive ones come to an end they say the same word.

use std::sync::Arc;

use crosscheck::engines::claims::Mode;
use crosscheck::engines::plan::Planned;
use crosscheck::engines::{EngineId, Limits, Row, Word};
use crosscheck::problems::catalogue;
use crosscheck::report;
use crosscheck::scenario::{Instance, Memory, Program};
use crosscheck::sync::Semantics;
use libtest_mimic::{Failed, Trial};

/// The engines that are compared: the exhaustive ones, and the sampler that finds most.
const ENGINES: [EngineId; 4] = [
    EngineId::Exhaustive,
    EngineId::Loom,
    EngineId::ShuttleDfs,
    EngineId::ShuttlePct,
];

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

pub(crate) fn trials(mode: Mode) -> Vec<Trial> {
    if mode != Mode::Quick {
        return Vec::new();
    }
    let programs = catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .map(|variant| variant.program);
    programs
        .flat_map(|program| {
            let usual = Instance::defaults(&program.parameters());
            let small = small(&program);
            let mut instances = vec![("usual", usual)];
            if small != instances[0].1 {
                instances.push(("small", small));
            }
            instances.into_iter().map(move |(which, instance)| {
                let name = program.name().replace('/', "::");
                let plan = plan(&program, &instance);
                Trial::test(format!("agreement::{name}::{which}"), move || agree(&plan))
                    .with_kind(mode.as_str())
            })
        })
        .collect()
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

fn plan(program: &Program, instance: &Instance) -> Vec<Planned> {
    let planned = |engine| Planned {
        program: Arc::clone(program),
        instance: instance.clone(),
        semantics: Semantics::DEFAULT,
        engine,
        asks: None,
        limits: Limits {
            executions: Some(2_000),
            ..Limits::QUICK
        },
        mode: None,
    };
    ENGINES.map(planned).into()
}

fn agree(plan: &[Planned]) -> Result<(), Failed> {
    let runs = plan
        .iter()
        .map(super::rows::run)
        .collect::<Result<Vec<Vec<Row>>, _>>()?;
    for one in &runs {
        for other in &runs {
            contradiction(one, other)?;
            if let (Some(word), Some(another)) = (decided(one), decided(other))
                && word != another
                && !only_weak(one)
                && !only_weak(other)
            {
                return Err(format!(
                    "{} says {word}, {} says {another}",
                    one[0].engine, other[0].engine
                )
                .into());
            }
        }
    }
    Ok(())
}

/// No property may be proved by one run and refuted by another.
fn contradiction(one: &[Row], other: &[Row]) -> Result<(), Failed> {
    for proved in one.iter().filter(|row| row.verdict.word() == Word::Proved) {
        for refuted in other
            .iter()
            .filter(|row| row.verdict.word() == Word::Refuted)
        {
            let same = proved.property == refuted.property;
            let weaker = proved.engine.memory() == Memory::SequentiallyConsistent;
            if same && !(weaker && only_weak(other)) {
                return Err(format!(
                    "{} proves {} ({}), {} refutes it:\n{}",
                    proved.engine,
                    proved.property,
                    proved.verdict.reason(),
                    refuted.engine,
                    refuted
                        .counterexample()
                        .map(report::explain::render)
                        .unwrap_or_default()
                )
                .into());
            }
        }
    }
    Ok(())
}

/// The word of an exhaustive engine's run that came to its end.
fn decided(rows: &[Row]) -> Option<Word> {
    let all = |word: Word| rows.iter().all(|row| row.verdict.word() == word);
    if rows.is_empty() || !rows[0].engine.is_exhaustive() {
        None
    } else if all(Word::Refuted) {
        Some(Word::Refuted)
    } else {
        all(Word::Proved).then_some(Word::Proved)
    }
}

/// Whether a failure was found that only a weaker memory model allows: it does not contradict a
/// proof under a stronger.
fn only_weak(rows: &[Row]) -> bool {
    rows.iter()
        .filter_map(Row::counterexample)
        .any(|found| !found.sequentially_consistent)
}
