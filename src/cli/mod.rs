//! The arguments, streams and exit codes of a program that checks: of `crosscheck` itself, and of
//! anybody's own that hands its problems to [`main_with`].
//!
//! 1. `args`: what can be typed.
//! 2. `suite`: what is checked; `select`: from what was typed to engines, instances and limits, with
//!    the nearest names when there is no such thing.
//! 3. `verify`, `compare`, `explain`, `replay`, `sweep`, `mutants`, `calibrate`, `list`: the commands.
//! 4. `hello`, `file`, `pop3`: the programs; `programs` is what they share.
//!
//! Exit codes: 0 every claim holds; 1 a claim is contradicted or an unclaimed row is refuted;
//! 2 usage or environment; 3 an unclaimed row is not decided; 130 interrupted. Those of the programs
//! are in `programs::net::exit`.

mod args;
mod calibrate;
mod compare;
mod explain;
#[cfg(all(feature = "catalogue", feature = "programs"))]
mod file;
#[cfg(all(feature = "catalogue", feature = "programs"))]
mod hello;
mod list;
mod mutants;
#[cfg(all(feature = "catalogue", feature = "programs"))]
mod pop3;
#[cfg(all(feature = "catalogue", feature = "programs"))]
mod programs;
mod replay;
mod select;
mod suite;
mod sweep;
mod verify;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

#[cfg(feature = "catalogue")]
use args::{Arguments, Command};
use args::{Checking, OwnArguments};
use suite::Suite;

use crate::scenario::Problem;

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
/// Exit code where something that nobody claims is not decided.
const UNDECIDED: u8 = 3;
/// Exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs the program `crosscheck` with the process's arguments.
#[cfg(feature = "catalogue")]
#[must_use]
pub fn main() -> ExitCode {
    let program = crate::report::context::PROGRAM;
    let arguments = match parsed::<Arguments>(program) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let checking = match arguments.command {
        None => Checking::default(),
        Some(Command::Checking(checking)) => checking,
        #[cfg(feature = "programs")]
        Some(Command::Hello(hello)) => return ExitCode::from(hello::run(&hello)),
        #[cfg(feature = "programs")]
        Some(Command::Pop3(pop3)) => return ExitCode::from(pop3::run(&pop3)),
        #[cfg(feature = "programs")]
        Some(Command::File(file)) => return ExitCode::from(file::run(&file)),
    };
    let problems = crate::problems::catalogue();
    let result = Suite::catalogue(&problems).and_then(|suite| checked(&suite, checking));
    ended(program, result)
}

/// Runs a program that checks these problems, with the process's arguments: `verify` and the other
/// commands of `crosscheck`, for anybody's own code. The whole of such a program:
///
/// ```no_run
/// use std::process::ExitCode;
/// use std::sync::Arc;
///
/// use crosscheck::scenario::{Instance, Problem, Scenario, Truth, Variant};
/// use crosscheck::sync::{Backend, Mutex, scope};
///
/// struct Counter;
///
/// impl Scenario for Counter {
///     fn name(&self) -> &'static str {
///         "counter/locked"
///     }
///     fn run<B: Backend>(&self, _: &Instance) {
///         let count = Mutex::<B, _>::new("count", 0);
///         scope::<B, _>(|scope| {
///             scope.spawn("other", || *count.lock() += 1);
///             *count.lock() += 1;
///         });
///         assert_eq!(*count.lock(), 2);
///     }
/// }
///
/// fn main() -> ExitCode {
///     crosscheck::cli::main_with(&[Problem {
///         id: "counter",
///         summary: "two threads count to two",
///         variants: vec![Variant {
///             program: Arc::new(Counter),
///             summary: "under a lock",
///             truth: Truth::HOLDS,
///         }],
///     }])
/// }
/// ```
///
/// Rows run in processes of their own: this executable again, with the argument `worker`. So call it
/// before anything else looks at the arguments or at standard input.
///
/// Of own problems nothing is claimed beforehand. The exit code is 0 where every row is proved, 1
/// where one is refuted, 3 where one is not decided, as those of engines that sample; 2 after a wrong
/// use and 130 after an interrupt.
#[must_use]
pub fn main_with(problems: &[Problem]) -> ExitCode {
    let program = called();
    let arguments = match parsed::<OwnArguments>(&program) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let checking = arguments.command.unwrap_or_default();
    let suite = Suite::own(problems, program.clone());
    ended(&program, suite.and_then(|suite| checked(&suite, checking)))
}

/// How this process was called, as a shell takes it.
fn called() -> String {
    let name = std::env::args_os().next().filter(|name| !name.is_empty());
    let name = name.map_or_else(
        || "program".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if name.chars().all(is_plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// The process's arguments; else help, version or what is wrong has been printed.
fn parsed<T: CommandFactory + FromArgMatches>(program: &str) -> Result<T, ExitCode> {
    let command = T::command().bin_name(program).display_name(program);
    let matches = command.try_get_matches();
    matches
        .and_then(|matches| T::from_arg_matches(&matches))
        .map_err(|error| {
            // Help and version go to standard output with code 0, everything else is usage.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            ExitCode::from(code)
        })
}

/// Does what was asked for.
fn checked(suite: &Suite<'_>, checking: Checking) -> Result<u8, Failure> {
    match checking {
        Checking::Verify(verify) => verify::run(suite, &verify),
        Checking::List(list) => list::run(suite, &list),
        Checking::Compare(compare) => compare::run(suite, &compare),
        Checking::Explain(explain) => explain::run(suite, &explain),
        Checking::Replay(replay) => replay::run(suite, &replay),
        Checking::Sweep(sweep) => sweep::run(suite, &sweep),
        Checking::Mutants(mutants) => mutants::run(suite, &mutants),
        Checking::Calibrate => calibrate::run(suite),
        Checking::Worker => {
            crate::engines::worker::serve(&suite.programs())?;
            Ok(0)
        }
    }
}

/// The exit code, with the reason on standard error.
fn ended(program: &str, result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Failure(message)) => {
            let _ = writeln!(io::stderr(), "{program}: {message}");
            ExitCode::from(USAGE)
        }
    }
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
