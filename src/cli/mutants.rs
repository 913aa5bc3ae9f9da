//! `mutants`: every synchronisation operation of a correct variant, changed one at a time.

use std::thread::available_parallelism;

use super::args::{FindingsFormat, Mutants};
use super::suite::Suite;
use super::{Failure, UNDECIDED, print, select};
use crate::engines::Limits;
use crate::engines::mutants::{Matrix, MatrixError, Settings, matrix};
use crate::report;
use crate::scenario::{Instance, Memory, Variant};
use crate::sync::Semantics;

pub(super) fn run(suite: &Suite<'_>, arguments: &Mutants) -> Result<u8, Failure> {
    let variants = suite.variants(Some(&arguments.scenario))?;
    let set: Vec<Settings> = match &arguments.set[..] {
        [] => Vec::new(),
        set => vec![select::settings(set, &variants)?],
    };
    let one = arguments.scenario.contains('/');
    let jobs = match arguments.jobs {
        Some(jobs) => jobs.get(),
        None => available_parallelism().map_or(1, usize::from),
    };
    let mut matrices: Vec<Matrix> = Vec::new();
    for variant in &variants {
        let name = variant.program.name();
        if !one && !is_correct(variant) {
            continue;
        }
        let instances = if set.is_empty() {
            suite.mutants.instances(name)
        } else {
            set.clone()
        };
        match matrix(&variant.program, &instances, &Limits::QUICK, jobs) {
            Ok(matrix) => matrices.push(matrix),
            // Of a whole problem those variants that have what is set.
            Err(MatrixError::Settings { .. }) if !one => {}
            Err(error) => return Err(error.into()),
        }
    }
    if matrices.is_empty() {
        return Err(Failure(
            "no correct variant has all of these parameters; subcommand `list` shows them"
                .to_owned(),
        ));
    }
    print(&match arguments.format {
        FindingsFormat::Text => report::mutants::text(&matrices),
        FindingsFormat::Json => report::mutants::json(&matrices),
    })?;
    Ok(if matrices.iter().any(|matrix| matrix.unexplained() > 0) {
        1
    } else if matrices.iter().any(|matrix| matrix.undecided() > 0) {
        UNDECIDED
    } else {
        0
    })
}

/// Whether a variant is claimed to have all of its properties at its defaults.
fn is_correct(variant: &Variant) -> bool {
    let instance = Instance::defaults(&variant.program.parameters());
    let fails = |property| {
        let memory = Memory::SequentiallyConsistent;
        let semantics = Semantics::DEFAULT;
        variant.truth.fails(property, memory, &instance, &semantics)
    };
    !variant.program.properties().into_iter().any(fails)
}
