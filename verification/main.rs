//! The matrix: one named, filterable test for every claimed row, with its report pinned.
//!
//! `cargo test` runs the quick rows. `RUSTFLAGS="--cfg loom" cargo test --release` runs the rows of
//! proof mode: larger instances, nothing cut; and the matrix of mutants. The rows of both come from
//! one table, `claims.txt`. A row fails when its verdict or its exact count of executions is another than
//! claimed, when a counterexample does not replay, or when its report differs from the snapshot in
//! `snapshots/`; `cargo insta review` shows the difference and accepts a new one.

mod agreement;
mod census;
mod json;
mod mutants;
mod rows;
mod truth;

use std::process::ExitCode;

use crosscheck::engines::claims::{Mode, Table};
use crosscheck::engines::plan::catalogue_plan;
use crosscheck::problems::catalogue;
use libtest_mimic::{Arguments, Trial};

/// The rows that this build runs.
const MODE: Mode = if cfg!(loom) { Mode::Proof } else { Mode::Quick };

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let table = Table::built_in().expect("verification/claims.txt can be read");
    let plan = catalogue_plan(&catalogue(), &table, MODE).expect("every claim is of the catalogue");
    let mut trials: Vec<Trial> = Vec::new();
    trials.push(census::trial(&plan, &table));
    trials.extend(truth::trials(&table));
    trials.extend(agreement::trials(&table, MODE));
    trials.extend(json::trials(MODE));
    trials.extend(mutants::trials(MODE));
    trials.extend(plan.into_iter().map(|planned| rows::trial(planned, &table)));
    libtest_mimic::run(&arguments, trials).exit_code()
}
