//! The program `own_problems`, started and looked at.

use std::env;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Set where this executable is the program.
pub(crate) const IS_PROGRAM: &str = "CROSSCHECK_IS_OWN_PROGRAM";

/// The command that starts it.
pub(crate) fn own(arguments: &[&str]) -> Command {
    let executable = env::current_exe().expect("this executable knows where it is");
    let mut command = Command::new(executable);
    command
        .args(arguments)
        .env(IS_PROGRAM, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    own(arguments).output().expect("it runs")
}

/// Starts it.
pub(crate) fn start(arguments: &[&str]) -> Child {
    own(arguments).spawn().expect("it starts")
}

pub(crate) fn code(output: &Output) -> i32 {
    let code = output.status.code();
    code.unwrap_or_else(|| panic!("it was killed: {}", err(output)))
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it prints text")
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON, {error}: {}{}", out(output), err(output)))
}
