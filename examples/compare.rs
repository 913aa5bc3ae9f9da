//! The exhaustive engines side by side, in one run: executions, seconds, and how many times fewer.
//!
//! `cargo run --release --example compare` prints the table that the README shows; words after `--`
//! choose programs by a part of their names. Seconds are of the machine that ran it; executions are
//! not, and a test recomputes those in the README. A search is cut after the limit that is named.

use std::time::{Duration, Instant};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::Instance;
use crosscheck::sync::{Semantics, SemaphoreOrder, SwaitOrder};

/// Where a search is cut.
const CUT: Duration = Duration::from_secs(20);

/// Programs, from those that loom finishes to those that it cannot. Semaphores are weak, as in the
/// published counts.
const PROGRAMS: &[(&str, &str)] = &[
    ("critical-section/mutex", "n=3 rounds=1"),
    ("bounded-buffer/ring", "capacity=2 items=4"),
    (
        "bounded-buffer/two-mutex",
        "capacity=2 producers=2 consumers=2 items=1",
    ),
    ("philosophers/naive", "n=4 meals=1"),
    ("philosophers/naive", "n=5 meals=1"),
    ("philosophers/odd-even", "n=4 meals=1"),
    ("philosophers/odd-even", "n=5 meals=1"),
    ("philosophers/odd-even", "n=5 meals=2"),
    ("philosophers/odd-even", "n=8 meals=2"),
    ("philosophers/odd-even", "n=10 meals=1"),
    ("philosophers/guarded", "n=4 meals=1"),
    ("philosophers/room", "n=3 meals=1"),
    ("philosophers/room", "n=5 meals=1"),
    ("philosophers/room", "n=5 meals=2"),
    ("philosophers/and-set", "n=3 meals=1"),
    ("philosophers/and-set", "n=5 meals=2"),
    ("philosophers/monitor", "n=3 meals=1"),
    ("philosophers/monitor", "n=5 meals=1"),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("| program | traces | states | loom | shuttle-dfs | loom / traces |");
    println!("|---|---|---|---|---|---|");
    for (name, settings) in PROGRAMS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let traces = run(name, settings, EngineId::Exhaustive, SearchMode::Traces);
        let states = run(name, settings, EngineId::Exhaustive, SearchMode::States);
        let loom = run(name, settings, EngineId::Loom, SearchMode::Traces);
        let shuttle = run(name, settings, EngineId::ShuttleDfs, SearchMode::Traces);
        let ratio = match (traces.executions, loom.executions) {
            (ours, theirs) if traces.is_whole && loom.why_not.is_none() && theirs >= ours => {
                let least = if loom.is_whole { "" } else { "> " };
                format!("{least}{}", theirs / ours.max(1))
            }
            // Nothing can be said of a part.
            _ => "-".to_owned(),
        };
        println!("| {name} {settings} | {traces} | {states} | {loom} | {shuttle} | {ratio} |");
    }
}

/// What a search came to.
pub(crate) struct Outcome {
    /// How many executions it took.
    pub(crate) executions: u64,
    /// Complete, or ended by a failure.
    pub(crate) is_whole: bool,
    why_not: Option<String>,
    seconds: f64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(why) = &self.why_not {
            // What to do instead is for whoever asked for it.
            return f.write_str(why.split(';').next().unwrap_or(why));
        }
        let least = if self.is_whole { "" } else { "> " };
        write!(f, "{least}{} ({:.2} s)", self.executions, self.seconds)
    }
}

/// Searches a program of the catalogue, with these settings and weak semaphores.
pub(crate) fn run(name: &str, settings: &str, engine: EngineId, mode: SearchMode) -> Outcome {
    let problems = catalogue();
    let variant = problems
        .iter()
        .flat_map(|problem| &problem.variants)
        .find(|variant| variant.program.name() == name)
        .expect("the table names programs of the catalogue");
    let parameters = variant.program.parameters();
    let mut instance = Instance::defaults(&parameters);
    for pair in settings.split(' ') {
        let (name, value) = pair.split_once('=').expect("settings are pairs");
        let known = parameters.iter().find(|parameter| parameter.name == name);
        let value = known.and_then(|parameter| Some((parameter.name, parameter.parse(value)?)));
        let (name, value) = value.expect("the table names parameters of the program");
        instance = instance.with(name, value);
    }
    let semantics = Semantics {
        semaphore: SemaphoreOrder::Weak,
        swait: SwaitOrder::Weak,
        ..Semantics::DEFAULT
    };
    let limits = Limits {
        executions: None,
        time: Some(CUT),
        mode,
        ..Limits::PROOF
    };
    let job = Job {
        program: &variant.program,
        instance: &instance,
        semantics,
        targets: variant.program.properties().into_iter().collect(),
        engine,
        limits: &limits,
    };
    let started = Instant::now();
    let rows = check(&job);
    let seconds = started.elapsed().as_secs_f64();
    let row = rows.first().expect("a job has rows");
    let word = row.verdict.word();
    Outcome {
        executions: row.executions,
        is_whole: matches!(word, Word::Proved | Word::Refuted),
        why_not: (word == Word::GaveUp).then(|| row.verdict.reason()),
        seconds,
    }
}
