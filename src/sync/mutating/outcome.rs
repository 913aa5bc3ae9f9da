//! What an execution did, as far as its observers can tell.
//!
//! Its *observations* are the entries and exits of zones, the reads and writes of plain memory with
//! what was written, what was chosen, what was read of a semaphore's value, and the marks that it
//! reached. Two observations are dependent when one thread makes both, or when they are of one object
//! and not both reads. The *outcome* of an execution is its observations up to the order of
//! independent ones: the Mazurkiewicz trace (1977) of what is observed, without the synchronisation
//! that brought it about.
//!
//! Where nothing races and no zone admits too many, dependent observations are ordered by the
//! synchronisation of the execution, so the outcome is a function of the execution's own trace:
//! a search that visits every trace once visits every outcome, whatever interleavings it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// An object of an execution: its creator, and the creator's counter.
pub(super) type Object = (usize, u32);

/// What an observation is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Observation {
    Read,
    Write,
    Holds(u64),
    Enter,
    Leave,
    Looked(u64),
    Chosen(usize),
    Mark(&'static str),
}

/// The observations of an execution so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    made: BTreeMap<usize, u32>,
    /// How often an object was written, or entered and left.
    versions: BTreeMap<Object, u64>,
    /// What each thread has observed, in its order.
    threads: BTreeMap<usize, u128>,
}

impl Log {
    /// A new object of a thread.
    pub(super) fn object(&mut self, me: usize) -> Object {
        let made = self.made.entry(me).or_insert(0);
        *made += 1;
        (me, *made)
    }

    /// A thread observes something of an object, or of nothing in particular.
    ///
    /// A version says after which changes of the object it was, so the threads' own orders together
    /// hold the whole of the outcome.
    pub(super) fn observe(&mut self, me: usize, object: Option<Object>, what: Observation) {
        let version = object.map(|object| {
            let version = self.versions.entry(object).or_insert(0);
            if matches!(
                what,
                Observation::Write | Observation::Enter | Observation::Leave
            ) {
                *version += 1;
            }
            *version
        });
        let thread = self.threads.entry(me).or_insert(0);
        *thread = digest(&(*thread, object, version, what));
    }

    /// The outcome.
    pub(super) fn outcome(&self) -> u128 {
        digest(&self.threads)
    }
}

/// 128 bits, the same for the same value in every execution.
fn digest(value: &impl Hash) -> u128 {
    let half = |salt: u64| {
        // Its keys are fixed, those of a `RandomState` are not.
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        value.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// The outcomes of the executions of a search that came to their end.
///
/// Each is a digest of 128 bits; two different outcomes with one digest would be taken for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub(super) all: BTreeSet<u128>,
}

impl Outcomes {
    /// How many different ones.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// How many of these are not among the others.
    #[must_use]
    pub fn beyond(&self, others: &Self) -> usize {
        self.all.difference(&others.all).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(observations: &[(usize, Option<Object>, Observation)]) -> u128 {
        let mut log = Log::default();
        for &(me, object, what) in observations {
            log.observe(me, object, what);
        }
        log.outcome()
    }

    #[test]
    fn only_the_order_of_dependent_observations_matters() {
        let (x, y) = (Some((0, 1)), Some((0, 2)));
        let (read, write) = (Observation::Read, Observation::Write);
        let different_objects = [(1, x, write), (2, y, write)];
        let two_reads = [(1, x, read), (2, x, read)];
        for pair in [different_objects, two_reads] {
            assert_eq!(outcome(&pair), outcome(&[pair[1], pair[0]]));
        }
        let two_writes = [(1, x, write), (2, x, write)];
        let a_read_and_a_write = [(1, x, read), (2, x, write)];
        let one_thread = [(1, x, read), (1, y, read)];
        for pair in [two_writes, a_read_and_a_write, one_thread] {
            assert_ne!(outcome(&pair), outcome(&[pair[1], pair[0]]));
        }
    }

    #[test]
    fn what_is_written_chosen_and_marked_matters() {
        let x = Some((0, 1));
        for (one, other) in [
            (Observation::Holds(1), Observation::Holds(2)),
            (Observation::Chosen(0), Observation::Chosen(1)),
            (Observation::Mark("a"), Observation::Mark("b")),
        ] {
            assert_ne!(outcome(&[(1, x, one)]), outcome(&[(1, x, other)]));
        }
    }
}
