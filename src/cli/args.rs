//! What can be typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engines::replay::ROUNDS;

/// Checks concurrent algorithms with several engines and says what was proved.
#[cfg(feature = "catalogue")]
#[derive(Debug, Parser)]
#[command(name = "crosscheck", version, about, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 every claim holds; 1 a claim is contradicted or an unclaimed \
row is refuted; 2 usage or environment; 3 an unclaimed row is not decided; 130 interrupted."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What is typed to a program of somebody's own.
#[derive(Debug, Parser)]
#[command(version = concat!("on crosscheck ", env!("CARGO_PKG_VERSION")))]
#[command(about = "Checks concurrent algorithms with several engines and says what was proved")]
#[command(disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 every row is proved; 1 a row is refuted; 2 usage or environment; \
3 a row is not decided; 130 interrupted."
)]
pub(super) struct OwnArguments {
    #[command(subcommand)]
    pub(super) command: Option<Checking>,
}

/// What can be asked of the program `crosscheck`.
#[cfg(feature = "catalogue")]
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Checking(Checking),
    /// Greeting server and clients, over TCP and UDP
    #[cfg(feature = "programs")]
    #[command(subcommand)]
    Hello(super::hello::Hello),
    /// Mail drop server over Maildir, and clients that fetch from one
    #[cfg(feature = "programs")]
    #[command(subcommand)]
    Pop3(super::pop3::Pop3),
    /// File server and clients: whole files, verified, or nothing
    #[cfg(feature = "programs")]
    #[command(subcommand)]
    File(super::file::File),
}

/// What can be asked of any program that checks something.
#[derive(Debug, Subcommand)]
pub(super) enum Checking {
    /// Check every problem, or some (the default)
    Verify(Verify),
    /// List problems, variants, engines and properties
    List(List),
    /// Set the variants of a problem side by side
    Compare(Compare),
    /// Show the shortest counterexample of a variant
    Explain(Explain),
    /// Run a counterexample again, step by step
    Replay(Replay),
    /// Sweep over instances of a variant and find where it fails
    Sweep(Sweep),
    /// Change every synchronisation operation of a correct variant, one at a time, and see what notices
    Mutants(Mutants),
    /// Show what each engine is known to miss, and what it says today
    Calibrate,
    /// Check jobs from standard input
    #[command(hide = true)]
    Worker,
}

impl Default for Checking {
    fn default() -> Self {
        Self::Verify(Verify::default())
    }
}

#[derive(Args, Debug, Default)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) what: What,
    /// Run the deep instances, the rows of proof mode: the largest that finish, nothing cut
    #[arg(long, visible_alias = "proof")]
    pub(super) deep: bool,
    /// How to print the rows
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Add the time of each row
    #[arg(long)]
    pub(super) timings: bool,
    #[command(flatten)]
    pub(super) keep: Keep,
    /// Rows that run at the same time [default: the number of cores, by --workers]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Threads that make each search of engine exhaustive over states together (--mode states, or
    /// auto where traces do not end); executions are not comparable then, and which of several
    /// failures is found is chance [default: 1]
    #[arg(long, value_name = "N", conflicts_with_all = ["checkpoint", "resume"])]
    pub(super) workers: Option<NonZeroUsize>,
}

/// Where a search is kept.
#[derive(Args, Debug, Default)]
pub(super) struct Keep {
    /// Keep the search of the one row of engine exhaustive in this file: now and then, and when
    /// the budget is used up
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(super) checkpoint: Option<PathBuf>,
    /// Go on with the search in this file, and keep it there
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
}

/// Which rows.
#[derive(Args, Debug, Default)]
pub(super) struct What {
    /// A problem or a variant of it; everything when absent
    #[arg(value_name = "PROBLEM[/VARIANT]")]
    pub(super) scenario: Option<String>,
    #[command(flatten)]
    pub(super) how: How,
}

/// With which engines, on which instance, within which bounds.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct How {
    /// An engine; may be repeated; all when absent
    #[arg(long, value_name = "ENGINE")]
    pub(super) engine: Vec<String>,
    /// A parameter or switch, as in n=5 or semaphore=weak; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Ask for this property only; may be repeated
    #[arg(long, value_name = "PROPERTY")]
    pub(super) property: Vec<String>,
    /// A bound, as in preemptions=2; one of preemptions, executions, steps, schedules, depth,
    /// spins, seed, memory (megabytes, of engine exhaustive); may be repeated
    #[arg(long, value_name = "NAME=NUMBER")]
    pub(super) bound: Vec<String>,
    /// How engine exhaustive searches: auto, traces, source or states; the rows of that engine only
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<String>,
    /// Time for each row, as in 60s, 500ms or 2m; removes the limit on executions
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) budget: Option<Duration>,
    /// Do not run a sample of the executions of engine exhaustive again, to find programs that
    /// depend on something outside of the model
    #[arg(long)]
    pub(super) no_audit: bool,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// How to print the list
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ListFormat,
}

/// All of them on the same instance, by engine exhaustive; exit code 0 whatever the answers are
#[derive(Args, Debug)]
pub(super) struct Compare {
    /// A problem, or a variant of it
    #[arg(value_name = "PROBLEM")]
    pub(super) problem: String,
    /// A parameter or switch, as in n=5 or semaphore=weak, for the variants that have it; may be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Time for each question to each variant, as in 60s; removes the limit on executions
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) budget: Option<Duration>,
    /// How to print the comparison
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ComparisonFormat,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// A variant
    #[arg(value_name = "PROBLEM/VARIANT")]
    pub(super) scenario: String,
    #[command(flatten)]
    pub(super) how: How,
    /// Write the counterexample to a file, for `replay`
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Where a search is cut, engine exhaustive searches again by states, unless --mode is \
given. The rule is the simplest of at most two comparisons of sums, as in \
`producers + consumers > 2*capacity`, that fits every decided instance; it is proved for no other. \
Exit codes: 0 every instance is decided; 2 usage or environment; 3 some are not; 130 interrupted."
)]
pub(super) struct Sweep {
    /// A variant
    #[arg(value_name = "PROBLEM/VARIANT")]
    pub(super) scenario: String,
    /// A parameter or switch with its values, as in n=2..8 (both ends) or semaphore=strong,weak; may
    /// be repeated
    #[arg(long, value_name = "NAME=RANGE", required = true)]
    pub(super) over: Vec<String>,
    #[command(flatten)]
    pub(super) how: How,
    /// How to print the sweep
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: FindingsFormat,
    /// Instances that are searched at the same time [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 every mutant is killed or makes no difference; 1 a mutant survives \
without a reason; 2 usage or environment; 3 a mutant is not decided."
)]
pub(super) struct Mutants {
    /// A variant, or a problem for all of its correct variants
    #[arg(value_name = "PROBLEM[/VARIANT]")]
    pub(super) scenario: String,
    /// A parameter or switch, as in n=5 or semaphore=weak; may be repeated [default: the instances that
    /// are named for it, or else its defaults]
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// How to print the matrix
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: FindingsFormat,
    /// Mutants that are judged at the same time [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(super) struct Replay {
    /// A token from a report, or a file with a token or a saved counterexample
    #[arg(value_name = "TOKEN|FILE")]
    pub(super) what: String,
    /// Where to run it: exhaustive, threads or loom [default: loom for what only the C11 memory
    /// model allows, exhaustive for what never ends, else threads]
    #[arg(long, value_name = "ENGINE")]
    pub(super) engine: Option<String>,
    /// How often to go round the loop of an execution that never ends
    #[arg(long, value_name = "N", default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) rounds: u32,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for a terminal
    #[default]
    Text,
    /// Stable and sorted, for programs
    Json,
    /// For pull requests
    Markdown,
    /// One page
    Html,
    /// For CI systems
    Junit,
    /// Lines for a table of claims; of the catalogue only
    Claims,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ComparisonFormat {
    /// A table for a terminal
    #[default]
    Text,
    /// For pull requests
    Markdown,
    /// Stable, for programs
    Json,
}

/// How a sweep or a matrix of mutants is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FindingsFormat {
    /// For a terminal
    #[default]
    Text,
    /// Stable, for programs
    Json,
}

/// How the list is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// For a terminal
    #[default]
    Text,
    /// Stable, for programs
    Json,
    /// Tables for a README: the problems, and what is claimed of them
    Markdown,
}

/// Reads `60s`, `500ms`, `2m`, `1h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number and a unit, as in 60s, 500ms, 2m or 1h".to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .filter(|time| (1..=7 * 24 * 3_600_000).contains(time))
        .map(Duration::from_millis)
        .ok_or_else(|| "from 1ms to 168h".to_owned())
}
