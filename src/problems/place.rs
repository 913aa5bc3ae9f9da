//! The plate and the cage: one place, items of several kinds, and for each kind one who takes it.
//!
//! A putter waits until the place is empty, puts an item there and signals its kind; the taker of
//! that kind waits for the signal, takes the item and says that the place is empty. Nobody else
//! looks at what is there.

use super::slots::{Item, Ring, pass};
use crate::primitives::Semaphore;
use crate::scenario::{Instance, Ledger, Parameter, Property, Scenario, require};
use crate::sync::{Backend, Body, choose, run_threads};

/// The words of a story.
pub(super) struct Story {
    /// What an item is called: a fruit.
    pub(super) item: &'static str,
    /// The place, and the semaphore that counts whether it is empty.
    pub(super) place: (&'static str, &'static str),
    /// A kind of item, and who takes it.
    pub(super) kinds: &'static [(&'static str, &'static str)],
    /// Who puts items: one for each kind, or one who chooses.
    pub(super) putters: &'static [&'static str],
}

/// A story as a program.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) story: &'static Story,
    /// Whether each kind has a signal of its own, or all have one.
    pub(super) signal_a_kind: bool,
}

impl Scenario for Place {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        // The smallest number with which two items meet.
        let (help, items) = if self.story.putters.len() == 1 {
            ("items, each of a kind that the putter chooses", 2)
        } else {
            ("items of each putter", 1)
        };
        vec![Parameter::number("items", help, items, (1, 1000))]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::DataRaceFreedom,
            Property::Conservation,
            Property::FifoOrder,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let Story {
            item,
            place,
            kinds,
            putters,
        } = *self.story;
        let items = instance.number("items");
        // What each putter puts, kind by kind. It is known before anybody starts, so that each taker
        // takes exactly what there is for it and every run ends.
        let sequences: Vec<Vec<usize>> = if let [putter] = putters {
            let mut sequence = Vec::new();
            // The putter chooses, so this thread bears its name from here on.
            let choices = || {
                // Choice 0 is the next kind in turn, so that a search that is cut sees every kind.
                let chosen = |i| (i + choose::<B>((item, i), kinds.len())) % kinds.len();
                sequence = (0..items).map(chosen).collect();
            };
            run_threads::<B>(vec![((*putter).into(), Box::new(choices))]);
            vec![sequence]
        } else {
            (0..kinds.len()).map(|kind| vec![kind; items]).collect()
        };
        let all = sequences.iter().flatten();
        let share = |kind| all.clone().filter(|&&other| other == kind).count();

        let (slot, empty) = place;
        let slot = Ring::<B>::new(slot, 1, all.clone().count());
        let empty = Semaphore::new(empty, 1);
        let signals: Vec<Semaphore<B>> = if self.signal_a_kind {
            kinds
                .iter()
                .map(|(kind, _)| Semaphore::new(*kind, 0))
                .collect()
        } else {
            vec![Semaphore::new(item, 0)]
        };
        let signal = |kind: usize| signals.get(kind).unwrap_or(&signals[0]);
        let ledger = Ledger::new();
        let put = |sequence: &[usize]| {
            for (at, &kind) in sequence.iter().enumerate() {
                let earlier = sequence[..at].iter().filter(|&&other| other == kind);
                let item: Item = (kind, earlier.count());
                ledger.produced(item);
                pass(None, false, &empty, signal(kind), || slot.put(item));
            }
        };
        let take = |kind: usize| {
            for _ in 0..share(kind) {
                pass(None, false, signal(kind), &empty, || {
                    let (found, number) = slot.take();
                    require::<B>(Property::Invariant, found == kind, || {
                        let ((mine, taker), (other, _)) = (kinds[kind], kinds[found]);
                        format!("the {taker}, who takes the {mine}, has taken the {other}")
                    });
                    ledger.consumed(kind, (found, number));
                });
            }
        };
        let mut threads: Vec<Body<'_>> = Vec::new();
        for (putter, sequence) in putters.iter().zip(&sequences) {
            threads.push(((*putter).into(), Box::new(|| put(sequence))));
        }
        // The taker of the last kind first: the first item is not its own, so that it is soon seen
        // whether it takes what comes.
        for (kind, (_, taker)) in kinds.iter().enumerate().rev() {
            let take = &take;
            threads.push(((*taker).into(), Box::new(move || take(kind))));
        }
        run_threads::<B>(threads);
        ledger.settle::<B>();
    }
}
