//! The arguments, streams and exit codes of the program.
//!
//! 1. `args`: what can be typed.
//! 2. `select`: from names to programs, with the nearest names when there is no such thing.
//! 3. `verify`, `explain`, `replay`, `calibrate`, `list`: the commands.
//! 4. `hello`, `pop3`: the programs; `programs` is what they share.
//!
//! Exit codes: 0 every claim holds; 1 a claim is contradicted or an unclaimed row is refuted;
//! 2 usage or environment; 3 an unclaimed row is not decided; 130 interrupted. Those of the programs
//! are in [`programs::net::exit`](crate::programs::net::exit).

mod args;
mod calibrate;
mod explain;
#[cfg(feature = "programs")]
mod hello;
mod list;
#[cfg(feature = "programs")]
mod pop3;
#[cfg(feature = "programs")]
mod programs;
mod replay;
mod select;
mod verify;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

/// Why a command could not be carried out; exit code 2.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Exit code of a wrong use or a broken environment.
const USAGE: u8 = 2;
/// Exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output with code 0, everything else is usage.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match arguments.command.unwrap_or_default() {
        Command::Verify(verify) => verify::run(&verify),
        Command::List(list) => list::run(&list),
        Command::Explain(explain) => explain::run(&explain),
        Command::Replay(replay) => replay::run(&replay),
        Command::Calibrate => calibrate::run(),
        #[cfg(feature = "programs")]
        Command::Hello(hello) => Ok(hello::run(&hello)),
        #[cfg(feature = "programs")]
        Command::Pop3(pop3) => Ok(pop3::run(&pop3)),
        Command::Worker => serve(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Failure(message)) => {
            let _ = writeln!(io::stderr(), "crosscheck: {message}");
            ExitCode::from(USAGE)
        }
    }
}

/// The main loop of a worker process.
fn serve() -> Result<u8, Failure> {
    let programs = select::programs();
    crate::engines::worker::serve(&programs)?;
    Ok(0)
}

/// The command that starts a worker: this executable again.
fn worker() -> Result<impl Fn() -> std::process::Command + Sync, Failure> {
    let executable = std::env::current_exe().map_err(|error| {
        Failure(format!(
            "cannot find this executable to start workers: {error}"
        ))
    })?;
    Ok(move || {
        let mut command = std::process::Command::new(&executable);
        command.arg("worker");
        command
    })
}

/// Prints to standard output. A reader that has gone away is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure(format!("cannot write the report: {error}")))
        }
        _ => Ok(()),
    }
}
