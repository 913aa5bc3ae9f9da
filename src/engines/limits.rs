//! What bounds a run.

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the exhaustive engine searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchMode {
    /// `Traces` within half of the limits, and `States` where that does not end.
    #[default]
    Auto,
    /// Optimal-DPOR: exactly one execution a Mazurkiewicz trace.
    Traces,
    /// Source-DPOR with sleep sets, the check of the former.
    Source,
    /// State caching with sleep sets.
    States,
}

impl SearchMode {
    /// Every mode; the first is the default.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Traces, Self::Source, Self::States];

    /// As it is typed and as claims write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Traces => "traces",
            Self::Source => "source",
            Self::States => "states",
        }
    }

    /// The mode that reads so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// What it does, in one line.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Auto => "traces, and states where those do not end within half of the budget",
            Self::Traces => "Optimal-DPOR: exactly one execution a Mazurkiewicz trace",
            Self::Source => "Source-DPOR with sleep sets: every trace, by another algorithm",
            Self::States => "every state once, by its 128-bit digest: for large instances",
        }
    }
}

impl fmt::Display for SearchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What bounds a run; each becomes a word of the verdict when it takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Executions of an exhaustive search; none: until nothing is left.
    pub executions: Option<u64>,
    /// The same for engine `exhaustive`, which needs fewer and takes less time for each.
    pub exhaustive_executions: Option<u64>,
    /// Time of a run, looked at between executions; none: as long as it takes.
    pub time: Option<Duration>,
    /// Preemptions in an execution, where the engine can bound them; none: all.
    pub preemptions: Option<usize>,
    /// Steps in an execution: branches under loom, scheduling points under shuttle.
    pub steps: usize,
    /// Schedules of a sampling engine.
    pub schedules: u64,
    /// Schedules of engine `threads`, which are slower.
    pub thread_schedules: u64,
    /// Seed of the sampling engines.
    pub seed: u64,
    /// Depth of the bugs that PCT looks for; at least 1.
    pub depth: usize,
    /// Rounds after which a busy-wait is ended.
    pub spins: u32,
    /// How the exhaustive engine searches.
    pub mode: SearchMode,
    /// Threads that make one search of the exhaustive engine over states together; at least 1.
    /// More than one do not give the same number of executions twice.
    pub workers: usize,
    /// Megabytes that a search of the exhaustive engine may hold.
    pub memory: usize,
    /// Where a search of the exhaustive engine is kept; none: it is not.
    pub kept: Option<Kept>,
    /// Whether a sample of the executions of engine `exhaustive` is run again, in other
    /// linearisations of the same trace, to find programs that depend on something outside of the
    /// model. It costs less than a tenth of the time of a search of 10 000 executions, and at most
    /// some 200 executions of a shorter one.
    pub audit: bool,
}

/// Stack of a checked program's thread in bytes on engines that run threads on stacks of their own:
/// as std's threads have it, 2 MiB or what the environment variable `RUST_MIN_STACK` says when it is
/// first asked for. Pages that nobody touches cost nothing.
#[must_use]
pub fn stack_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let asked = std::env::var("RUST_MIN_STACK").ok();
        let asked = asked.and_then(|text| text.parse().ok());
        // No more than an address space has room for many times.
        asked
            .unwrap_or(2 << 20)
            .clamp(LEAST_STACK_BYTES, MOST_STACK_BYTES)
    })
}

/// The least that a checked thread runs on, whatever is asked for.
const LEAST_STACK_BYTES: usize = 128 << 10;

/// The most.
const MOST_STACK_BYTES: usize = 1 << 30;

/// The file in which a search is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// Whether the search goes on from what is in it; else it begins anew and replaces that.
    pub resume: bool,
}

impl Limits {
    /// The quick rows: cut early, and say so.
    pub const QUICK: Self = Self {
        executions: Some(10_000),
        exhaustive_executions: Some(100_000),
        time: None,
        preemptions: None,
        steps: 10_000,
        schedules: 1_000,
        thread_schedules: 100,
        seed: 1,
        depth: 3,
        spins: 2,
        mode: SearchMode::Auto,
        workers: 1,
        memory: 2_048,
        kept: None,
        audit: true,
    };

    /// Proof mode: exhaustive searches until nothing is left.
    pub const PROOF: Self = Self {
        executions: None,
        exhaustive_executions: None,
        ..Self::QUICK
    };
}

impl Limits {
    /// After what time a run is taken for one that never ends: far beyond its own limit.
    #[must_use]
    pub fn patience(&self) -> Duration {
        match self.time {
            Some(time) => time * 2 + Duration::from_secs(30),
            None => Duration::from_secs(900),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::QUICK
    }
}
