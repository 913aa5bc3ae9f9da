//! How many threads can be in a region at once: the largest set of stays that no execution orders.
//!
//! A stay is entered and left between steps, so when it is entered and left is not the same in all
//! executions of a Mazurkiewicz trace, and looking at one of them counts too few. What is asked is
//! how many stays can be open at once in *some* execution of the trace. Let ≺ be the order of the
//! trace, with each entering and leaving between the steps of its thread that surround it.
//!
//! *Stays that can be open at once are pairwise not ordered*: if a is left ≺-before b is entered,
//! no execution has both open.
//!
//! *Stays that are pairwise not ordered can be open at once.* Let every entering of the set come
//! before every leaving of it: ≺ together with that has no cycle. Each new edge goes from an entering
//! to a leaving, so a cycle needs a way in ≺ from a leaving of the set to an entering of the set:
//! of another stay, which then is ordered, or of the same, which is entered before it is left. So
//! there is a linear extension, which is an execution of the trace (see
//! [`linearize`](super::linearize)), and after the last entering all of them are open.
//!
//! "Left before entered" is a partial order of stays, so the largest such set is its width, which
//! Dilworth's theorem (Annals of Mathematics 51, 1950) turns into a matching. The greatest width over
//! all traces is the answer, exact when the search was complete. A stay that never ends counts like
//! any other, and what a deadlock ends has been counted already.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::sync::{Backend, Composite, Kind, Label, Name, Property};

/// A region in which threads are counted, for [`Property::MaximalParallelism`].
///
/// An observer: it never blocks and is no step of the search. Where the property is not asked for
/// it counts nothing.
///
/// ```
/// use crosscheck::primitives::Semaphore;
/// use crosscheck::scenario::Parallelism;
/// use crosscheck::sync::Backend;
///
/// fn work<B: Backend>(seats: &Semaphore<B>, together: &Parallelism<B>) {
///     let seat = seats.acquire();
///     together.during(|| { /* work */ });
///     drop(seat);
/// }
/// ```
pub struct Parallelism<B: Backend> {
    /// Absent where nobody asks.
    label: Option<Label<B>>,
    stays: Mutex<Stays>,
}

/// The stays of one execution, in the order in which they began.
#[derive(Debug, Default)]
struct Stays {
    /// Which stay left at this moment, if one did.
    left: Vec<Option<usize>>,
    /// Of each stay those that were over before it in every execution of the trace.
    after: Vec<Vec<usize>>,
}

impl Stays {
    /// A stay begins at the moment `number`, which comes after these.
    fn enter(&mut self, number: usize, after: &[usize]) -> usize {
        let over = |moment: &usize| self.left.get(*moment).copied().flatten();
        let over = after.iter().filter_map(over).collect();
        self.at(number);
        self.after.push(over);
        self.after.len() - 1
    }

    fn leave(&mut self, number: usize, stay: usize) {
        *self.at(number) = Some(stay);
    }

    fn at(&mut self, number: usize) -> &mut Option<usize> {
        if self.left.len() <= number {
            self.left.resize(number + 1, None);
        }
        &mut self.left[number]
    }

    /// The size of the largest set of pairwise unordered stays with the last one in it.
    fn width_at_last(&self) -> usize {
        let Some((last, earlier)) = self.after.split_last() else {
            return 0;
        };
        let beside: Vec<usize> = (0..earlier.len())
            .filter(|stay| !last.contains(stay))
            .collect();
        // In a partial order the largest antichain is as large as the fewest chains that cover it;
        // those are the elements without the edges of a greatest matching.
        let mut follower: Vec<Option<usize>> = vec![None; earlier.len()];
        let mut matched = 0;
        for &stay in &beside {
            let mut tried = vec![false; earlier.len()];
            matched += usize::from(self.augment(stay, &beside, &mut tried, &mut follower));
        }
        beside.len() - matched + 1
    }

    /// Finds an earlier stay for `stay` to follow, if need be by finding others for theirs (Kuhn,
    /// 1955). `follower[i]` is who follows i.
    fn augment(
        &self,
        stay: usize,
        beside: &[usize],
        tried: &mut [bool],
        follower: &mut [Option<usize>],
    ) -> bool {
        for &before in self.after[stay]
            .iter()
            .filter(|before| beside.contains(before))
        {
            if std::mem::replace(&mut tried[before], true) {
                continue;
            }
            let free = match follower[before] {
                None => true,
                Some(other) => self.augment(other, beside, tried, follower),
            };
            if free {
                follower[before] = Some(stay);
                return true;
            }
        }
        false
    }
}

impl<B: Backend> Parallelism<B> {
    /// A region in which nobody is.
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        let asked = B::asks(Property::MaximalParallelism);
        Self {
            label: asked.then(|| Label::new(Kind::Observer, name)),
            stays: Mutex::default(),
        }
    }

    /// The calling thread is in the region while `body` runs.
    #[track_caller]
    pub fn during<R>(&self, body: impl FnOnce() -> R) -> R {
        let stay = self.enter();
        let result = body();
        if let Some(stay) = stay {
            self.leave(stay);
        }
        result
    }

    /// The number of the stay, where somebody asks.
    #[track_caller]
    fn enter(&self) -> Option<usize> {
        let moment = self.label.as_ref()?.moment(Composite::Enter)?;
        let (stay, width) = {
            let mut stays = self.stays.lock().unwrap_or_else(PoisonError::into_inner);
            let stay = stays.enter(moment.number, &moment.after);
            (stay, stays.width_at_last())
        };
        B::together(width);
        Some(stay)
    }

    #[track_caller]
    fn leave(&self, stay: usize) {
        // No closure: it would hide where the caller is.
        if let Some(label) = &self.label
            && let Some(moment) = label.moment(Composite::Leave)
        {
            let mut stays = self.stays.lock().unwrap_or_else(PoisonError::into_inner);
            stays.leave(moment.number, stay);
        }
    }
}

impl<B: Backend> fmt::Debug for Parallelism<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallelism").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Stays;

    /// The width by looking at every set.
    fn width_of_all_sets(after: &[Vec<usize>]) -> usize {
        let unordered = |set: u32| {
            let has = |stay: usize| set >> stay & 1 == 1;
            !(0..after.len()).any(|stay| has(stay) && after[stay].iter().any(|&other| has(other)))
        };
        (0..1u32 << after.len())
            .filter(|set| unordered(*set))
            .map(|set| set.count_ones() as usize)
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn the_width_is_the_largest_set_of_unordered_stays(
            intervals in prop::collection::vec((0..3usize, 0..12u32, 0..6u32), 0..9),
        ) {
            // Stays in the order of their beginnings; those of one thread, and some of others that
            // end before another begins, are ordered.
            let mut sorted = intervals;
            sorted.sort_by_key(|(_, begin, _)| *begin);
            let mut stays = Stays::default();
            let mut width = 0;
            for (at, (thread, begin, _)) in sorted.iter().enumerate() {
                let mut after: Vec<usize> = (0..at)
                    .filter(|&other| {
                        let (of, start, length) = sorted[other];
                        start + length < *begin && (of == *thread || length % 2 == 0)
                    })
                    .collect();
                // Transitively.
                for other in after.clone() {
                    after.extend(stays.after[other].clone());
                }
                after.sort_unstable();
                after.dedup();
                stays.after.push(after);
                width = width.max(stays.width_at_last());
            }
            prop_assert_eq!(width, width_of_all_sets(&stays.after));
        }
    }
}
