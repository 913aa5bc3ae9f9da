//! The observer of stage order: what has to happen one after the other, round after round.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Property, Stay, Zone, require};
use crate::sync::{Backend, Name, looks_outside};

/// Stages in a fixed order: each may begin when the one before it has ended, the first one again
/// after the last; else [`Property::StageOrder`] fails.
///
/// An observer, not a lock: it never blocks and is no step of the search. Two stages are out of
/// order as soon as nothing orders them, whichever came first in the execution that was looked at:
/// they then overlap in an equivalent one. Where all are ordered, their order is the same in every
/// equivalent execution, and it is compared with the one that was promised.
///
/// ```
/// use crosscheck::scenario::Stages;
/// use crosscheck::sync::Os;
///
/// let day = Stages::<Os>::new("day", 2);
/// let work = day.begin(0);
/// drop(work);
/// drop(day.begin(1));
/// day.settle(1);
/// ```
pub struct Stages<B: Backend> {
    name: Name,
    /// No two stages at once, and none that could be.
    zone: Zone<B>,
    /// How many stages a round has.
    stages: usize,
    /// How many have begun, over all rounds: an observer's number, no step of the search.
    begun: AtomicUsize,
}

impl<B: Backend> Stages<B> {
    /// `stages` stages, numbered from 0, none of which has begun; at least 1.
    ///
    /// # Panics
    /// When there is no stage.
    #[track_caller]
    pub fn new(name: impl Into<Name>, stages: usize) -> Self {
        assert!(stages > 0, "an order of nothing");
        let name = name.into();
        Self {
            name,
            zone: Zone::of(Property::StageOrder, name, 1),
            stages,
            begun: AtomicUsize::new(0),
        }
    }

    /// The calling thread begins a stage; it ends when the stay is dropped.
    #[track_caller]
    pub fn begin(&self, stage: usize) -> Stay<'_, B> {
        let stay = self.zone.enter();
        // Relaxed, here and in `settle`: what the zone lets pass is ordered by the program, and
        // nothing is read through the number.
        let next = self.begun.fetch_add(1, Relaxed) % self.stages;
        looks_outside::<B>();
        require::<B>(Property::StageOrder, next == stage, || {
            let name = self.name;
            format!("stage {stage} of {name} begins where stage {next} is next")
        });
        stay
    }

    /// Checks, when all is over, that `rounds` rounds were made and none of them in part.
    #[track_caller]
    pub fn settle(&self, rounds: usize) {
        let begun = self.begun.load(Relaxed);
        looks_outside::<B>();
        let (name, all) = (self.name, rounds * self.stages);
        require::<B>(Property::StageOrder, begun == all, || {
            format!("{begun} stages of {name} have begun, where there are {all} in {rounds} rounds")
        });
    }
}

impl<B: Backend> fmt::Debug for Stages<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages")
            .field("name", &self.name)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Stages;
    use crate::sync::Os;

    #[test]
    fn rounds_follow_each_other() {
        let stages = Stages::<Os>::new("stages", 3);
        for stage in [0, 1, 2, 0, 1, 2] {
            drop(stages.begin(stage));
        }
        stages.settle(2);
    }

    #[test]
    #[should_panic(expected = "stage 2 of stages begins where stage 1 is next")]
    fn none_is_left_out() {
        let stages = Stages::<Os>::new("stages", 3);
        drop(stages.begin(0));
        drop(stages.begin(2));
    }

    #[test]
    #[should_panic(expected = "2 stages of stages have begun, where there are 3 in 1 rounds")]
    fn none_is_missing_at_the_end() {
        let stages = Stages::<Os>::new("stages", 3);
        drop(stages.begin(0));
        drop(stages.begin(1));
        stages.settle(1);
    }
}
