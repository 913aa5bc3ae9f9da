//! The one place that decides whether a search was complete.
//!
//! An engine keeps a `Search` while it runs, tells it of every cut, and ends it by saying what
//! its own loop reported. Only a search without a cut whose loop found nothing left becomes
//! [`Exhausted`], and only that becomes a proof.

use std::collections::BTreeSet;

use super::exhaustive::explorer::graph::Graph;
use super::limits::SearchMode;
use super::verdict::{Bounds, Cut};
use crate::sync::Semantics;
use crate::sync::announcing::{Totals, Used};

/// A search that visited everything. Cannot be made outside this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    executions: u64,
    mode: Option<SearchMode>,
    workers: usize,
    together: Option<u64>,
}

impl Exhausted {
    /// How many executions there are.
    #[must_use]
    pub fn executions(self) -> u64 {
        self.executions
    }

    /// How engine `exhaustive` searched; none: another engine.
    #[must_use]
    pub fn mode(self) -> Option<SearchMode> {
        self.mode
    }

    /// How many threads have searched; the executions of more than one differ from run to run.
    #[must_use]
    pub fn workers(self) -> usize {
        self.workers
    }

    /// How many threads were together in a region at most, where that was asked.
    #[must_use]
    pub fn together(self) -> Option<u64> {
        self.together
    }

    /// The same search, in which so many threads were together at most.
    pub(super) fn with_together(self, together: u64) -> Self {
        Self {
            together: Some(together),
            ..self
        }
    }
}

/// A state graph that was built to its end. Cannot be made outside this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surveyed {
    states: u64,
    bypass: Option<u64>,
}

impl Surveyed {
    /// How many states there are.
    #[must_use]
    pub fn states(self) -> u64 {
        self.states
    }

    /// How often others are served at most while a thread waits, where that was asked.
    #[must_use]
    pub fn bypass(self) -> Option<u64> {
        self.bypass
    }
}

/// What an engine's loop says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loop {
    /// Nothing is left to visit within the bounds that were set.
    NothingLeft,
    /// It was stopped; the reason has been told as a cut.
    Stopped,
}

/// Something that an engine is known to miss: whether a program uses it, and what it is.
pub(super) type Gap = (fn(&Used) -> bool, &'static str);

/// A search with no failure so far.
#[derive(Clone, Debug)]
pub(super) struct Search {
    cuts: BTreeSet<Cut>,
    mode: Option<SearchMode>,
    workers: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            cuts: BTreeSet::new(),
            mode: None,
            workers: 1,
        }
    }
}

impl Search {
    /// A search of engine `exhaustive`.
    pub(super) fn in_mode(mode: SearchMode) -> Self {
        Self {
            mode: Some(mode),
            ..Self::default()
        }
    }

    /// A search over states that so many threads make.
    pub(super) fn of_workers(workers: usize) -> Self {
        Self {
            workers,
            ..Self::in_mode(SearchMode::States)
        }
    }

    /// Takes in the cuts of another part of the same search.
    pub(super) fn add(&mut self, part: Self) {
        self.cuts.extend(part.cuts);
    }

    pub(super) fn cut(&mut self, cut: Cut) {
        self.cuts.insert(cut);
    }

    /// Tells the cuts that follow from what the program used and what was done to it.
    pub(super) fn cuts_of(&mut self, totals: &Totals, spin_cap: u32, semantics: &Semantics) {
        if totals.spins_capped > 0 {
            self.cut(Cut::Spins(spin_cap));
        }
        if semantics.spurious && (totals.used.condvars || totals.used.parks) {
            self.cut(Cut::SpuriousWakeups(Semantics::SPURIOUS_PER_THREAD));
        }
        for (property, times) in &totals.cut {
            self.cut(Cut::OtherFailures(format!(
                "{times} failures of {property}"
            )));
        }
    }

    pub(super) fn known_gap(&mut self, used: &Used, gaps: &[Gap]) {
        for (uses, gap) in gaps {
            if uses(used) {
                self.cut(Cut::KnownGap((*gap).to_owned()));
            }
        }
    }

    pub(super) fn cuts(self) -> Vec<Cut> {
        self.cuts.into_iter().collect()
    }

    /// Ends the search.
    pub(super) fn end(mut self, executions: u64, says: Loop) -> Result<Exhausted, Bounds> {
        if says == Loop::NothingLeft && self.cuts.is_empty() {
            return Ok(Exhausted {
                executions,
                mode: self.mode,
                workers: self.workers,
                together: None,
            });
        }
        if self.cuts.is_empty() {
            // Stopped without a reason: that is a slip of the engine, and no proof.
            self.cut(Cut::Executions(executions));
        }
        Err(Bounds {
            executions,
            cuts: self.cuts(),
        })
    }

    /// Ends the search that built a graph: it has to be all of it.
    pub(super) fn survey(
        mut self,
        graph: &Graph,
        executions: u64,
        says: Loop,
        bypass: Option<u64>,
    ) -> Result<Surveyed, Bounds> {
        if graph.gap().is_some() && self.cuts.is_empty() {
            self.cut(Cut::Executions(executions));
        }
        self.end(executions, says)?;
        Ok(Surveyed {
            states: graph.len() as u64,
            bypass,
        })
    }
}

/// A complete graph told by another process of this program, likewise.
pub(super) fn received_graph(states: u64, bypass: Option<u64>) -> Surveyed {
    Surveyed { states, bypass }
}

/// An exhausted search told by another process of this program, which made it from a `Search`.
pub(super) fn received(
    executions: u64,
    mode: Option<SearchMode>,
    workers: usize,
    together: Option<u64>,
) -> Exhausted {
    Exhausted {
        executions,
        mode,
        workers,
        together,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_search_without_cuts_that_found_nothing_left_is_exhausted() {
        assert!(Search::default().end(3, Loop::NothingLeft).is_ok());
        assert!(Search::default().end(3, Loop::Stopped).is_err());
        let mut cut = Search::default();
        cut.cut(Cut::Preemptions(2));
        assert!(cut.end(3, Loop::NothingLeft).is_err());
    }
}
