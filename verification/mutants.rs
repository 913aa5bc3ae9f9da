//! The matrix of mutants of every correct variant: every mutant is killed or makes no difference, and
//! what kills it is pinned.

use crosscheck::engines::Limits;
use crosscheck::engines::claims::Mode;
use crosscheck::engines::mutants::{Table, matrix};
use crosscheck::problems::{Variant, catalogue};
use crosscheck::report;
use crosscheck::scenario::{Instance, Memory, Program};
use crosscheck::sync::Semantics;
use libtest_mimic::{Failed, Trial};

/// The matrix itself belongs to proof mode, which is built in release: in a dev build its searches
/// take as long as all others of quick mode.
pub(crate) fn trials(mode: Mode) -> Vec<Trial> {
    let mut trials = vec![Trial::test(
        "mutants::every-line-is-of-a-correct-variant",
        lines,
    )];
    if mode == Mode::Proof {
        let variants = catalogue().into_iter().flat_map(|problem| problem.variants);
        trials.extend(variants.filter(is_correct).map(|variant| {
            let program = variant.program;
            let name = format!("mutants::{}", program.name());
            Trial::test(name, move || check(&program))
        }));
    }
    let of_mode = |trial: Trial| trial.with_kind(mode.as_str());
    trials.into_iter().map(of_mode).collect()
}

/// Whether a variant is claimed to have all of its properties at its defaults.
fn is_correct(variant: &Variant) -> bool {
    let instance = Instance::defaults(&variant.program.parameters());
    let fails = |property| {
        let memory = Memory::C11;
        let semantics = Semantics::DEFAULT;
        variant.truth.fails(property, memory, &instance, &semantics)
    };
    !variant.program.properties().into_iter().any(fails)
}

fn check(program: &Program) -> Result<(), Failed> {
    let instances = Table::built_in()?.instances(program.name());
    let matrix = matrix(program, &instances, &Limits::QUICK, 1)?;
    let text = report::mutants::pinned(&matrix);
    if matrix.mutants.is_empty() {
        return Err(format!("{} has no operation that can be changed", program.name()).into());
    }
    if matrix.unexplained() > 0 {
        return Err(format!("a mutant survives without a reason:\n{text}").into());
    }
    let name = format!("mutants__{}", program.name().replace('/', "__"));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/mutants");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}

fn lines() -> Result<(), Failed> {
    let correct: Vec<&'static str> = catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .filter(is_correct)
        .map(|variant| variant.program.name())
        .collect();
    for scenario in Table::built_in()?.lines.keys() {
        if !correct.contains(&scenario.as_str()) {
            return Err(format!("verification/mutants.txt has a line for {scenario}").into());
        }
    }
    Ok(())
}
