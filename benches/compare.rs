//! The exhaustive engines side by side, in one run: executions, seconds, and how many times fewer.
//!
//! `cargo bench --bench compare` prints the table that the README shows; words after `--` choose
//! programs by a part of their names and settings. Every search has a process of its own, and says how
//! much memory that has held where it is 100 MB or more. Seconds are of the machine that ran it;
//! executions are not, and a test recomputes those in the README. A search is cut after the limit that
//! is named; loom is searched once more where that tells too little.

use std::process::Command;
use std::time::{Duration, Instant};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Word, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::Instance;
use crosscheck::sync::{Semantics, SemaphoreOrder, SwaitOrder};

/// When a search is cut.
pub(crate) const CUT: Duration = Duration::from_secs(20);

/// loom is not cut before it has had so many executions for each one of a complete search over traces.
const TIMES: u64 = 10;

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
    ("philosophers/odd-even", "n=10 meals=2"),
    ("philosophers/guarded", "n=4 meals=1"),
    ("philosophers/room", "n=3 meals=1"),
    ("philosophers/room", "n=5 meals=1"),
    ("philosophers/room", "n=5 meals=2"),
    ("philosophers/room", "n=7 meals=2"),
    ("philosophers/room", "n=10 meals=1"),
    ("philosophers/and-set", "n=3 meals=1"),
    ("philosophers/and-set", "n=5 meals=2"),
    ("philosophers/monitor", "n=3 meals=1"),
    ("philosophers/monitor", "n=5 meals=1"),
    ("philosophers/monitor", "n=6 meals=1"),
];

/// The searches of a row.
pub(crate) const SEARCHES: [(EngineId, SearchMode); 4] = [
    (EngineId::Exhaustive, SearchMode::Traces),
    (EngineId::Exhaustive, SearchMode::States),
    (EngineId::Loom, SearchMode::Traces),
    (EngineId::ShuttleDfs, SearchMode::Traces),
];

/// The one by loom.
const LOOM: usize = 2;

/// What the process of one search is called with, before the row, the search, and after how many
/// executions it is cut; 0: after [`CUT`].
const ONE: &str = "--one";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, row, search, executions] = &words[..]
        && first == ONE
    {
        return one(row, search, executions);
    }
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    println!("| program | traces | states | loom | shuttle-dfs | loom / traces |");
    println!("|---|---|---|---|---|---|");
    for (row, (name, settings)) in PROGRAMS.iter().enumerate() {
        let program = format!("{name} {settings}");
        if !wanted.is_empty() && !wanted.iter().any(|part| program.contains(part.as_str())) {
            continue;
        }
        let [traces, states, mut loom, shuttle] =
            [0, 1, 2, 3].map(|search| in_its_process(row, search, 0));
        let enough = traces.executions * TIMES;
        if traces.is_whole && loom.is_cut() && loom.executions < enough {
            loom = in_its_process(row, LOOM, enough);
        }
        let ratio = match (traces.executions, loom.executions) {
            (ours, theirs) if traces.is_whole && loom.why_not.is_none() && theirs >= ours => {
                let least = if loom.is_whole { "" } else { "> " };
                format!("{least}{}", theirs / ours.max(1))
            }
            // Nothing can be said of a part.
            _ => "-".to_owned(),
        };
        println!("| {program} | {traces} | {states} | {loom} | {shuttle} | {ratio} |");
    }
}

/// One search, in the process that is there for it.
fn one(row: &str, search: &str, executions: &str) {
    let number = |word: &str| {
        word.parse::<usize>()
            .expect("a row, a search, or executions, as a number")
    };
    let cut = match number(executions) {
        0 => Cut::After(CUT),
        executions => Cut::At(executions as u64),
    };
    let (name, settings) = PROGRAMS[number(row)];
    let (engine, mode) = SEARCHES[number(search)];
    let Outcome {
        executions,
        is_whole,
        why_not,
        seconds,
        ..
    } = run(name, settings, engine, mode, cut);
    let why_not = why_not.unwrap_or_default();
    println!(
        "{executions};{is_whole};{seconds};{};{why_not}",
        megabytes()
    );
}

/// The most memory that this process has held, in MB; 0 where the system does not say.
fn megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024 / 1_000_000
}

fn in_its_process(row: usize, search: usize, executions: u64) -> Outcome {
    let this = std::env::current_exe().expect("a process knows its program");
    let output = Command::new(this)
        .arg(ONE)
        .args([row.to_string(), search.to_string(), executions.to_string()])
        .output()
        .expect("the program starts once more");
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = said.lines().last().unwrap_or("").splitn(5, ';').collect();
    let [executions, is_whole, seconds, megabytes, why_not] = words[..] else {
        let why = String::from_utf8_lossy(&output.stderr);
        panic!(
            "search {search} of row {row} ended without a word: {}\n{why}",
            output.status
        );
    };
    Outcome {
        executions: executions.parse().expect("a count"),
        is_whole: is_whole == "true",
        why_not: Some(why_not.to_owned()).filter(|why| !why.is_empty()),
        seconds: seconds.parse().expect("seconds"),
        megabytes: megabytes.parse().expect("megabytes"),
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
    /// Of its process; 0: unknown.
    megabytes: u64,
}

impl Outcome {
    /// There would have been more.
    fn is_cut(&self) -> bool {
        !self.is_whole && self.why_not.is_none()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(why) = &self.why_not {
            // What to do instead is for whoever asked for it.
            return f.write_str(why.split(';').next().unwrap_or(why));
        }
        let least = if self.is_whole { "" } else { "> " };
        write!(f, "{least}{} ({:.2} s", self.executions, self.seconds)?;
        if self.megabytes >= 100 {
            write!(f, ", {} MB", self.megabytes)?;
        }
        f.write_str(")")
    }
}

/// Where a search is cut.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// After a time.
    After(Duration),
    /// At so many executions.
    At(u64),
}

/// Searches a program of the catalogue, with these settings and weak semaphores.
pub(crate) fn run(
    name: &str,
    settings: &str,
    engine: EngineId,
    mode: SearchMode,
    cut: Cut,
) -> Outcome {
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
    let (time, executions) = match cut {
        Cut::After(time) => (Some(time), None),
        Cut::At(executions) => (None, Some(executions)),
    };
    let limits = Limits {
        executions,
        time,
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
        megabytes: 0,
    }
}
