//! The trait of an engine, the ids, and the table of engines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::check::Job;
use super::counterexample::Counterexample;
use super::limits::SearchMode;
use super::search::Exhausted;
use super::verdict::{Bounds, Cut, GaveUp, Sample};
use super::{calibration, exhaustive, loom, shuttle, threads};
use crate::scenario::Memory;
use crate::sync::Property;
use crate::sync::announcing::Totals;

/// The engines, by their permanent ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineId {
    /// Our own engine: exhaustive under sequential consistency, one execution a trace.
    Exhaustive,
    /// The same searches inside shuttle's runner.
    ExhaustiveShuttle,
    /// loom: exhaustive under the C11 memory model as loom has it.
    Loom,
    /// shuttle's depth-first search: exhaustive, no reduction.
    ShuttleDfs,
    /// shuttle's random walk.
    ShuttleRandom,
    /// shuttle's probabilistic concurrency testing.
    ShuttlePct,
    /// shuttle's selectively uniform random walk.
    ShuttleUrw,
    /// OS threads, perturbed at random.
    Threads,
}

impl EngineId {
    /// Every engine, in the order in which reports list them.
    pub const ALL: [Self; 8] = [
        Self::Exhaustive,
        Self::ExhaustiveShuttle,
        Self::Loom,
        Self::ShuttleDfs,
        Self::ShuttleRandom,
        Self::ShuttlePct,
        Self::ShuttleUrw,
        Self::Threads,
    ];

    /// The engines that check where none is named: all but the second runner of the first, which
    /// would say the same again.
    pub const DEFAULT: [Self; 7] = [
        Self::Exhaustive,
        Self::Loom,
        Self::ShuttleDfs,
        Self::ShuttleRandom,
        Self::ShuttlePct,
        Self::ShuttleUrw,
        Self::Threads,
    ];

    /// The permanent id.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhaustive => "exhaustive",
            Self::ExhaustiveShuttle => "exhaustive-shuttle",
            Self::Loom => "loom",
            Self::ShuttleDfs => "shuttle-dfs",
            Self::ShuttleRandom => "shuttle-random",
            Self::ShuttlePct => "shuttle-pct",
            Self::ShuttleUrw => "shuttle-urw",
            Self::Threads => "threads",
        }
    }

    /// The engine with this id.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == id)
    }

    /// What it does, in one line, and the version of loom or shuttle that does it.
    #[must_use]
    pub fn summary(self) -> String {
        let (peer, does) = match self {
            Self::Exhaustive => (
                None,
                "our own: one execution a Mazurkiewicz trace, any number of threads",
            ),
            Self::ExhaustiveShuttle => (
                None,
                "the same searches inside shuttle's runner: a cross-check of the former",
            ),
            Self::Loom => (
                Some("loom"),
                ": executions under the C11 memory model as loom has it, 5 threads",
            ),
            Self::ShuttleDfs => (
                Some("shuttle"),
                ", depth first: every interleaving, no reduction",
            ),
            Self::ShuttleRandom => (Some("shuttle"), ", random walk"),
            Self::ShuttlePct => (Some("shuttle"), ", probabilistic concurrency testing"),
            Self::ShuttleUrw => (Some("shuttle"), ", selectively uniform random walk"),
            Self::Threads => (
                None,
                "OS threads with random yields; also what replays counterexamples",
            ),
        };
        match peer {
            Some(package) => format!("{}{does}", calibration::peer(package)),
            None => does.to_owned(),
        }
    }

    /// Whether it visits every execution when it is left to end.
    #[must_use]
    pub const fn is_exhaustive(self) -> bool {
        matches!(
            self,
            Self::Exhaustive | Self::ExhaustiveShuttle | Self::Loom | Self::ShuttleDfs
        )
    }

    /// Whether the same run gives the same result.
    #[must_use]
    pub const fn is_deterministic(self) -> bool {
        !matches!(self, Self::Threads)
    }

    /// The memory model under which it runs a program.
    #[must_use]
    pub const fn memory(self) -> Memory {
        match self {
            Self::Loom => Memory::C11,
            _ => Memory::SequentiallyConsistent,
        }
    }

    /// The engine.
    #[must_use]
    pub fn engine(self) -> &'static dyn Engine {
        match self {
            Self::Exhaustive => &exhaustive::engine::Exhaustive,
            Self::ExhaustiveShuttle => &exhaustive::engine::ExhaustiveShuttle,
            Self::Loom => &loom::Loom,
            Self::ShuttleDfs => &shuttle::Dfs,
            Self::ShuttleRandom => &shuttle::Random,
            Self::ShuttlePct => &shuttle::Pct,
            Self::ShuttleUrw => &shuttle::Urw,
            Self::Threads => &threads::Threads,
        }
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who schedules.
pub trait Engine: Send + Sync {
    /// Runs a job to its end, on the calling thread; prints nothing and never panics.
    fn run(&self, job: &Job<'_>) -> Run;
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub ending: Ending,
    /// Sums and maxima.
    pub totals: Totals,
    /// Environment variables that were not obeyed.
    pub overridden: Vec<String>,
    /// How engine `exhaustive` searched in the end; none: another engine.
    pub mode: Option<SearchMode>,
    /// What of single properties is out of its reach; the others are decided.
    pub gaps: BTreeMap<Property, BTreeSet<Cut>>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// Nothing failed, and nothing is left.
    Exhausted(Exhausted),
    /// Nothing failed within bounds.
    Cut(Bounds),
    /// Nothing failed in a sample.
    Sampled(Sample),
    /// A property failed.
    Failed(Box<Counterexample>),
    /// The engine cannot decide.
    Unable(GaveUp),
}

impl Ending {
    /// Whether only executions, time or memory were too few: another search may get further.
    #[must_use]
    pub fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::Cut(bounds) => bounds
                .cuts
                .iter()
                .all(|cut| matches!(cut, Cut::Executions(_) | Cut::Time(_))),
            Self::Unable(why) => matches!(why, GaveUp::Memory { .. }),
            Self::Exhausted(_) | Self::Sampled(_) | Self::Failed(_) => false,
        }
    }
}

impl From<Result<Exhausted, Bounds>> for Ending {
    fn from(result: Result<Exhausted, Bounds>) -> Self {
        match result {
            Ok(exhausted) => Self::Exhausted(exhausted),
            Err(bounds) => Self::Cut(bounds),
        }
    }
}
