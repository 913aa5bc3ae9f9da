//! The program: arguments in, reports and an exit code out. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    crosscheck::cli::main()
}
