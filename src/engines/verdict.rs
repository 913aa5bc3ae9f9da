//! The five words that a row can end with, as types.
//!
//! A [`Proof`] is made from an [`Exhausted`] search, a [`Surveyed`] graph or from a witness,
//! and none can be made outside this module and [`search`](super::search): a search that was
//! cut has no way to become `proved`.
//!
//! ```compile_fail
//! // The fields are private: there is no way to write a proof down.
//! let proof = crosscheck::engines::verdict::Proof { how: todo!() };
//! ```
//!
//! ```compile_fail
//! // What a cut search leaves is bounds, and bounds are no proof.
//! fn pretend(bounds: crosscheck::engines::verdict::Bounds) -> crosscheck::engines::Verdict {
//!     crosscheck::engines::Verdict::Proved(bounds.into())
//! }
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::counterexample::Counterexample;
use super::limits::SearchMode;
use super::search::{Exhausted, Surveyed};

/// The word of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The search completed.
    Proved,
    /// Complete up to a named bound.
    Bounded,
    /// So many schedules of a named scheduler.
    Sampled,
    /// A property fails.
    Refuted,
    /// The engine cannot decide this row.
    GaveUp,
}

impl Word {
    /// Every word.
    pub const ALL: [Self; 5] = [
        Self::Proved,
        Self::Bounded,
        Self::Sampled,
        Self::Refuted,
        Self::GaveUp,
    ];

    /// As reports write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Bounded => "bounded",
            Self::Sampled => "sampled",
            Self::Refuted => "refuted",
            Self::GaveUp => "gave-up",
        }
    }

    /// The word that reads so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an engine concludes about one property of one instance.
#[derive(Clone, Debug)]
#[must_use]
pub enum Verdict {
    /// The search completed: every execution of this instance, under the named memory model and
    /// semantics; or, for reachability, an execution that shows it.
    Proved(Proof),
    /// Complete up to named bounds.
    Bounded(Bounds),
    /// So many schedules of a named scheduler and seed.
    Sampled(Sample),
    /// A property fails.
    Refuted(Box<Refutation>),
    /// The engine cannot decide this row, and why.
    GaveUp(GaveUp),
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub fn word(&self) -> Word {
        match self {
            Self::Proved(_) => Word::Proved,
            Self::Bounded(_) => Word::Bounded,
            Self::Sampled(_) => Word::Sampled,
            Self::Refuted(_) => Word::Refuted,
            Self::GaveUp(_) => Word::GaveUp,
        }
    }

    /// What stands behind the word, in one line.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Proved(proof) => proof.to_string(),
            Self::Bounded(bounds) => bounds.to_string(),
            Self::Sampled(sample) => sample.to_string(),
            Self::Refuted(refutation) => refutation.to_string(),
            Self::GaveUp(gave_up) => gave_up.to_string(),
        }
    }

    /// Returns whether it would say more had nobody interrupted it.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Bounded(bounds) if bounds.cuts.contains(&Cut::Interrupted))
    }
}

/// That a property was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Exhausted(Exhausted),
    Surveyed(Surveyed),
    Witnessed,
}

impl From<Surveyed> for Proof {
    fn from(graph: Surveyed) -> Self {
        Self {
            how: How::Surveyed(graph),
        }
    }
}

impl From<Exhausted> for Proof {
    fn from(search: Exhausted) -> Self {
        Self {
            how: How::Exhausted(search),
        }
    }
}

impl Proof {
    /// The search behind it, unless a witness is enough.
    #[must_use]
    pub fn exhausted(self) -> Option<Exhausted> {
        match self.how {
            How::Exhausted(search) => Some(search),
            How::Surveyed(_) | How::Witnessed => None,
        }
    }

    /// The state graph behind it, if it is about infinite executions.
    #[must_use]
    pub fn surveyed(self) -> Option<Surveyed> {
        match self.how {
            How::Surveyed(graph) => Some(graph),
            How::Exhausted(_) | How::Witnessed => None,
        }
    }

    /// Every mark was reached; one execution is enough to show that something can happen.
    pub(super) fn witnessed() -> Self {
        Self {
            how: How::Witnessed,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::Exhausted(search) => {
                if let Some(together) = search.together() {
                    write!(f, "{together} together at most, and so many can be; ")?;
                }
                let executions = search.executions();
                match search.mode() {
                    None => write!(f, "all {executions} executions"),
                    Some(SearchMode::Auto | SearchMode::Traces) => {
                        write!(f, "all traces, in {executions} executions, one a trace")
                    }
                    Some(SearchMode::Source) => write!(f, "all traces, in {executions} executions"),
                    Some(SearchMode::States) => write!(f, "all states, in {executions} executions"),
                }?;
                match search.workers() {
                    1 => Ok(()),
                    workers => write!(f, " of {workers} workers, not comparable"),
                }
            }
            How::Surveyed(graph) => match graph.bypass() {
                Some(max) => write!(
                    f,
                    "others are served at most {max} times while one waits, in {} states",
                    graph.states()
                ),
                None => write!(f, "no weakly fair cycle among {} states", graph.states()),
            },
            How::Witnessed => f.write_str("an execution shows it"),
        }
    }
}

/// Up to what a search was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Executions that were searched.
    pub executions: u64,
    /// Where it was cut; at least one.
    pub cuts: Vec<Cut>,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cuts: Vec<String> = self.cuts.iter().map(Cut::to_string).collect();
        write!(f, "{} executions; {}", self.executions, cuts.join("; "))
    }
}

/// Where a search was cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cut {
    /// After so many executions, with more to come.
    Executions(u64),
    /// After so many milliseconds, with more to come.
    Time(u64),
    /// Executions with more preemptions were not visited.
    Preemptions(usize),
    /// Executions were ended after so many steps.
    Steps(usize),
    /// Busy-waits were ended after so many rounds.
    Spins(u32),
    /// No more than so many spurious wake-ups a thread.
    SpuriousWakeups(usize),
    /// The engine is known to miss outcomes of something that the program uses.
    KnownGap(String),
    /// Executions ended early because another property failed in them.
    OtherFailures(String),
    /// Somebody wanted it to stop, with more to come.
    Interrupted,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executions(limit) => write!(f, "cut after {limit} executions"),
            Self::Time(ms) => write!(f, "cut after {} s", *ms as f64 / 1000.0),
            Self::Preemptions(bound) => write!(f, "at most {bound} preemptions"),
            Self::Steps(limit) => write!(f, "executions ended after {limit} steps"),
            Self::Spins(rounds) => write!(f, "busy-waits ended after {rounds} rounds"),
            Self::SpuriousWakeups(most) => {
                write!(f, "at most {most} spurious wake-up a thread")
            }
            Self::KnownGap(gap) => write!(f, "known gap: {gap}"),
            Self::OtherFailures(what) => write!(f, "executions cut by {what}"),
            Self::Interrupted => f.write_str("cut by an interrupt"),
        }
    }
}

/// What was sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The scheduler.
    pub scheduler: String,
    /// Its seed, where it has one.
    pub seed: Option<u64>,
    /// Schedules.
    pub schedules: u64,
    /// Neither the scheduler nor the program had anything to choose, so there is one schedule only.
    pub nothing_to_choose: bool,
    /// For PCT: the probability of missing a bug of this depth in all schedules.
    pub miss: Option<Miss>,
    /// Further limits of the sample.
    pub cuts: Vec<Cut>,
}

/// The bound of probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): a bug of depth
/// d is hit by one schedule with probability at least 1/(n k^(d-1)).
///
/// Nominal: shuttle draws its changes of priority without replacement from the steps that it has
/// seen so far, so in a short program all of them take effect in every schedule. The bound says
/// nothing of bugs of another depth; `crosscheck calibrate` shows one of depth 2 that depth 3 never
/// hits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    /// d: ordering constraints that the bug needs.
    pub depth: usize,
    /// n: the most threads in a schedule.
    pub threads: usize,
    /// k: the most scheduling points in a schedule.
    pub steps: usize,
    /// At most this probability that every schedule misses a bug of that depth.
    pub probability: f64,
}

impl Miss {
    /// The guarantee for `schedules` schedules.
    #[must_use]
    pub fn new(depth: usize, threads: usize, steps: usize, schedules: u64) -> Self {
        let hit = 1.0 / (threads.max(1) as f64 * (steps.max(1) as f64).powi(depth as i32 - 1));
        let probability = (1.0 - hit).powf(schedules as f64);
        Self {
            depth,
            threads,
            steps,
            probability,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nothing_to_choose {
            write!(f, "1 schedule, nothing to choose, {}", self.scheduler)?;
        } else {
            write!(f, "{} schedules, {}", self.schedules, self.scheduler)?;
        }
        if let Some(seed) = self.seed {
            write!(f, ", seed {seed}")?;
        }
        if let Some(miss) = self.miss {
            write!(
                f,
                "; nominally a bug of depth exactly {} is missed with probability <= {:.3} (n={}, k={})",
                miss.depth, miss.probability, miss.threads, miss.steps
            )?;
        }
        for cut in &self.cuts {
            write!(f, "; {cut}")?;
        }
        Ok(())
    }
}

/// That a property fails.
#[expect(clippy::large_enum_variant, reason = "a verdict holds it in a box")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refutation {
    /// An execution in which it does.
    Counterexample(Counterexample),
    /// A complete search never saw these situations.
    Unreachable(Vec<String>),
}

impl Refutation {
    /// The execution, where there is one.
    #[must_use]
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match self {
            Self::Counterexample(counterexample) => Some(counterexample),
            Self::Unreachable(_) => None,
        }
    }
}

impl fmt::Display for Refutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counterexample(counterexample) => f.write_str(&counterexample.message),
            Self::Unreachable(marks) => write!(f, "never happens: {}", marks.join(", ")),
        }
    }
}

/// What may keep the states of a search apart that are alike, so that there is no end of them, and what
/// to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// Objects whose content is compared by the history of those who wrote it.
    pub by_history: Vec<String>,
    /// Checkpoints that had no effect, because their thread held a mutex; and where the first was.
    pub without_effect: Option<(u64, String)>,
    /// Whether the scenario has parameters, so that there may be a smaller instance.
    pub has_instances: bool,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("raise --bound memory")?;
        if self.has_instances {
            f.write_str(", or check a smaller instance")?;
        }
        if !self.by_history.is_empty() {
            write!(
                f,
                "; what {} holds is compared by the history of those who wrote it, which keeps states \
                 apart for ever in a loop: keep it in `Shared` memory, which is compared by value",
                self.by_history.join(", ")
            )?;
        }
        if let Some((count, place)) = &self.without_effect {
            let s = if *count == 1 { "" } else { "s" };
            write!(
                f,
                "; {count} checkpoint{s} had no effect because the thread held a mutex, the first at \
                 {place}: say it before the mutex is locked"
            )?;
        }
        Ok(())
    }
}

/// Why an engine cannot decide a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum GaveUp {
    /// More threads than the engine admits.
    #[error("more than {limit} threads; check a smaller instance or use another engine")]
    Threads {
        /// How many it admits, the main one included.
        limit: usize,
    },
    /// An execution is longer than the engine admits.
    #[error(
        "an execution has more than {limit} steps; raise --bound steps, or end a loop that spins"
    )]
    Steps {
        /// How many it admits.
        limit: usize,
    },
    /// The program has more states than there is memory for.
    #[error("more than {limit} states; {apart}")]
    States {
        /// For how many there is memory.
        limit: usize,
        /// What may keep them apart.
        apart: Apart,
    },
    /// The engine would raise false alarms on this program.
    #[error("the engine may raise a false alarm here: {why}")]
    FalseAlarm {
        /// Why, and what it found.
        why: String,
    },
    /// The search ended at the failure of a property that was not asked for.
    #[error("the search ended at a failure of {property}, which was not asked for")]
    OtherFailure {
        /// The property's id.
        property: String,
    },
    /// The file in which the search was to be kept cannot be used.
    #[error("{why}")]
    Checkpoint {
        /// Why, and what to do.
        why: String,
    },
    /// The engine does not offer a semantics or an operation.
    #[error("the engine cannot model it: {what}")]
    Unsupported {
        /// What.
        what: String,
    },
    /// The search holds more than it may.
    #[error("the search holds more than {limit} MB; {apart}")]
    Memory {
        /// How many it may hold.
        limit: usize,
        /// What may keep its states apart.
        apart: Apart,
    },
    /// The process of the row needed more memory than it may have.
    #[error(
        "{bytes} bytes more than the {limit} MB that the process of this row may have, which is \
         more than twice what its search may hold; end what allocates without end, raise --bound \
         memory, or check a smaller instance"
    )]
    Allocation {
        /// How many bytes could not be had.
        bytes: u64,
        /// Megabytes that it may have.
        limit: usize,
    },
    /// The program behaves differently on the same schedule.
    #[error("the program is not deterministic: {detail}; remove clocks, randomness and hash order")]
    Nondeterministic {
        /// The engine's words.
        detail: String,
    },
    /// Executions of the program that are the same for the model come out differently.
    #[error(
        "the program depends on something outside of the model: {detail}; let threads share what \
         decides through crosscheck::sync, and do not decide by addresses, clocks or statics"
    )]
    Outside {
        /// Who came to what, and in which two orders.
        detail: String,
    },
    /// The program blocks in something that is no operation of the model.
    #[error(
        "the program has not come to a step for {seconds} s and uses no time: it blocks outside of \
         the model {near}; wait by crosscheck::sync, not by a lock, a channel or a sleep of std",
        seconds = crate::engines::blocked::PATIENCE.as_secs()
    )]
    Blocked {
        /// The thread and the place of its last step.
        near: String,
    },
    /// The process that ran the row ended.
    #[error("the checked program took its process down: {how}")]
    Crashed {
        /// How it ended, with the last words that it printed.
        how: String,
    },
    /// The row took longer than it may.
    #[error("no end after {seconds} s; give a larger --budget or a smaller instance")]
    Timeout {
        /// Seconds.
        seconds: u64,
    },
    /// The engine failed in a way of its own.
    #[error("the engine failed: {detail}")]
    Internal {
        /// Its words.
        detail: String,
    },
}
