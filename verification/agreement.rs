//! Engines against each other: on one instance, none may prove what another refutes.

use std::sync::Arc;

use crosscheck::engines::claims::Mode;
use crosscheck::engines::plan::Planned;
use crosscheck::engines::{EngineId, Limits, Row, Word};
use crosscheck::problems::catalogue;
use crosscheck::report;
use crosscheck::scenario::{Instance, Memory};
use crosscheck::sync::Semantics;
use libtest_mimic::{Failed, Trial};

/// The engines that are compared: both exhaustive ones, and the sampler that finds most.
const ENGINES: [EngineId; 3] = [EngineId::Loom, EngineId::ShuttleDfs, EngineId::ShuttlePct];

pub(crate) fn trials(mode: Mode) -> Vec<Trial> {
    if mode != Mode::Quick {
        return Vec::new();
    }
    catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .map(|variant| {
            let name = format!("agreement::{}", variant.program.name().replace('/', "::"));
            let plan = ENGINES.map(|engine| Planned {
                program: Arc::clone(&variant.program),
                instance: Instance::defaults(&variant.program.parameters()),
                semantics: Semantics::DEFAULT,
                engine,
                asks: None,
                limits: Limits {
                    executions: Some(2_000),
                    ..Limits::QUICK
                },
                mode: None,
            });
            Trial::test(name, move || agree(&plan)).with_kind(mode.as_str())
        })
        .collect()
}

fn agree(plan: &[Planned]) -> Result<(), Failed> {
    let rows: Vec<Row> = plan
        .iter()
        .map(super::rows::run)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    for proved in rows.iter().filter(|row| row.verdict.word() == Word::Proved) {
        for refuted in rows
            .iter()
            .filter(|row| row.verdict.word() == Word::Refuted)
        {
            let same = proved.property == refuted.property;
            // What only a weaker memory model allows does not contradict a proof under a stronger.
            let only_weak = proved.engine.memory() == Memory::SequentiallyConsistent
                && refuted
                    .counterexample()
                    .is_some_and(|found| !found.sequentially_consistent);
            if same && !only_weak {
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
