//! Programs of others: what [`main_with`](crosscheck::cli::main_with) makes of anybody's problems.
//!
//! The program is the example `own_problems`, and this executable is it when a test starts it so.
//! Nothing here needs the catalogue.

mod commands;
#[cfg(unix)]
mod interrupts;
#[path = "../../examples/own_problems.rs"]
mod own_problems;
#[cfg(target_os = "linux")]
mod processes;
mod program;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if env::var_os(program::IS_PROGRAM).is_some() {
        return own_problems::main();
    }
    let mut trials: Vec<Trial> = commands::trials();
    #[cfg(unix)]
    trials.extend(interrupts::trials());
    #[cfg(target_os = "linux")]
    trials.extend(processes::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
