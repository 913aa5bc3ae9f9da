//! Wakeup trees: the sequences that are still to be run from one point of the search.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, "Source sets: a foundation for optimal dynamic partial order
//! reduction", JACM 64(4), 2017, section 6.

use serde::{Deserialize, Serialize};

use super::order::{Events, Order};
use super::race::Reversal;
use super::{Choice, Step};
use crate::engines::exhaustive::world::event::Index;
use crate::engines::exhaustive::world::footprint::dependent;

/// A step and what is to be run after it; a leaf when that is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The step.
    pub step: Step,
    /// What comes next, in the order in which it is run.
    pub next: Vec<Branch>,
}

impl Branch {
    /// How many steps it plans.
    pub(super) fn len(&self) -> usize {
        1 + self.next.iter().map(Self::len).sum::<usize>()
    }
}

/// A sequence of events of an execution, as far as it has not been followed yet.
#[derive(Debug)]
pub struct Sequence<'a> {
    order: &'a Order,
    rest: Events,
    /// The event that ends it, with the alternative that it takes here.
    last: Option<(Index, u32)>,
    from: Index,
}

impl<'a> Sequence<'a> {
    /// The sequence that reverses a race.
    #[must_use]
    pub fn new(order: &'a Order, reversal: &Reversal<'_>) -> Self {
        Self {
            order,
            rest: reversal.rest.clone(),
            last: Some((reversal.last, reversal.alternative)),
            from: reversal.at,
        }
    }

    /// Not by what came before it in the execution: that may have been by way of what is dropped.
    fn last_is_initial(&self, last: Index) -> bool {
        let footprint = &self.order.event(last).footprint;
        let conflicts = |index: Index| dependent(&self.order.event(index).footprint, footprint);
        !self.order.leads_from(last, &self.rest) && !self.rest.iter().any(conflicts)
    }

    /// Whether a step is a weak initial: it can be run first, now or after all of the sequence.
    /// When it is a step of the sequence, that is removed.
    pub fn follow(&mut self, step: &Step) -> bool {
        match self.find(step) {
            Found::Initial(index) => {
                match index {
                    Some(index) => self.rest.remove(index),
                    None => self.last = None,
                }
                true
            }
            Found::Independent => true,
            Found::No => false,
        }
    }

    /// Whether a step is a weak initial.
    #[must_use]
    pub fn starts_with(&self, step: &Step) -> bool {
        !matches!(self.find(step), Found::No)
    }

    /// Whether a step is an initial, and stays one whatever comes after the sequence's last event
    /// in another execution with the same beginning: it is one of the events up to that, and what
    /// it depends on came before it.
    #[must_use]
    pub fn starts_for_good_with(&self, step: &Step) -> bool {
        match self.find(step) {
            Found::Initial(Some(index)) => self.last.is_some_and(|(last, _)| index < last),
            Found::Initial(None) => true,
            Found::Independent | Found::No => false,
        }
    }

    fn find(&self, step: &Step) -> Found {
        let Choice {
            thread,
            alternative,
        } = step.choice;
        // The events of a thread that are left are a first part of those after `from`; some may
        // have been followed already.
        let mut next = self.order.first_of(thread, self.from);
        while let Some(index) = next {
            if self.rest.contains(index) {
                let event = self.order.event(index);
                let initial =
                    event.alternative == alternative && !self.order.before(index).meets(&self.rest);
                return if initial {
                    Found::Initial(Some(index))
                } else {
                    Found::No
                };
            }
            next = self.order.first_of(thread, index + 1);
        }
        if let Some((last, chosen)) = self.last
            && self.order.event(last).thread == thread
        {
            return if chosen == alternative && self.last_is_initial(last) {
                Found::Initial(None)
            } else {
                Found::No
            };
        }
        let conflicts =
            |index: Index| dependent(&self.order.event(index).footprint, &step.footprint);
        if self.rest.iter().any(conflicts) || self.last.is_some_and(|(last, _)| conflicts(last)) {
            Found::No
        } else {
            Found::Independent
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none() && self.rest.iter().next().is_none()
    }

    /// The threads whose first step in the sequence depends on nothing before it.
    #[must_use]
    pub fn initials(&self) -> Vec<Step> {
        let mut initials: Vec<Step> = Vec::new();
        for index in self.rest.iter() {
            if !self.order.before(index).meets(&self.rest) {
                initials.push(Step::of(self.order.event(index)));
            }
        }
        if let Some((last, alternative)) = self.last
            && self.last_is_initial(last)
        {
            let mut step = Step::of(self.order.event(last));
            step.choice.alternative = alternative;
            initials.push(step);
        }
        initials
    }

    /// What is left, as a chain.
    fn chain(self) -> Option<Branch> {
        let mut steps: Vec<Step> = self
            .rest
            .iter()
            .map(|index| Step::of(self.order.event(index)))
            .collect();
        if let Some((last, alternative)) = self.last {
            let mut step = Step::of(self.order.event(last));
            step.choice.alternative = alternative;
            steps.push(step);
        }
        steps.into_iter().rev().fold(None, |next, step| {
            Some(Branch {
                step,
                next: next.into_iter().collect(),
            })
        })
    }
}

enum Found {
    /// It is the sequence's own: this event of the rest, or its last.
    Initial(Option<Index>),
    Independent,
    No,
}

/// Adds a sequence to a tree, unless the tree already has an equivalent one or the beginning of it.
/// Whether it did.
pub fn insert(tree: &mut Vec<Branch>, mut sequence: Sequence<'_>) -> bool {
    let mut level = tree;
    loop {
        if sequence.is_empty() {
            return false;
        }
        match level
            .iter()
            .position(|branch| sequence.follow(&branch.step))
        {
            Some(at) if level[at].next.is_empty() => return false,
            Some(at) => level = &mut level[at].next,
            None => {
                level.extend(sequence.chain());
                return true;
            }
        }
    }
}
