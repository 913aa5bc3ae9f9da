//! Wakeup trees: the sequences that are still to be run from one point of the search.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, "Source sets: a foundation for optimal dynamic partial order
//! reduction", JACM 64(4), 2017, section 6.

use serde::{Deserialize, Serialize};

use super::events::Events;
use super::order::Order;
use super::race::Reversal;
use super::{Choice, Step};
use crate::engines::exhaustive::world::event::Index;
use crate::engines::exhaustive::world::footprint::{Touch, dependent};

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
    /// The two events of the race.
    from: Index,
    second: Index,
}

/// How long it holds that a sequence need not be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It depends on all of this execution.
    Now,
    /// As long as executions have the same event here, and what came before it.
    Another(Index),
}

impl Until {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Another(one), Self::Another(other)) => Self::Another(one.max(other)),
            _ => Self::Now,
        }
    }
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
            second: reversal.last,
        }
    }

    /// Not by what came before it in the execution: that may have been by way of what is dropped.
    fn last_is_initial(&self, last: Index) -> bool {
        !self.order.leads_from(last, &self.rest) && !self.meets(&self.order.event(last).footprint)
    }

    /// Whether an event that is left depends on what touches these locations.
    fn meets(&self, footprint: &[Touch]) -> bool {
        self.order.conflicts_in(footprint, &self.rest, self.from)
    }

    /// Whether a step is a weak initial: it can be run first, now or after all of the sequence.
    /// When it is a step of the sequence, that is removed.
    fn follow(&mut self, step: &Step) -> Option<Until> {
        let found = self.find(step);
        match found {
            Found::Initial(Some(index)) => self.rest.remove(index),
            Found::Initial(None) => self.last = None,
            Found::Independent | Found::No => {}
        }
        self.until(&found)
    }

    /// Whether a step is a weak initial, and for how long.
    #[must_use]
    pub fn starts_with(&self, step: &Step) -> Option<Until> {
        self.until(&self.find(step))
    }

    /// A step of the sequence is an initial because of what comes before it in this execution, and
    /// so it is one of the sequence that reverses the same race in every execution that agrees with
    /// this one up to there.
    fn until(&self, found: &Found) -> Option<Until> {
        match *found {
            Found::Initial(Some(index)) => Some(Until::Another(index.max(self.second))),
            Found::Initial(None) => Some(Until::Another(self.second)),
            Found::Independent => Some(Until::Now),
            Found::No => None,
        }
    }

    fn find(&self, step: &Step) -> Found {
        let Choice {
            thread,
            alternative,
        } = step.choice;
        if let Some(index) = self.order.first_in(thread, &self.rest) {
            let initial = self.order.alternative(index) == alternative
                && !self.order.before(index).meets(&self.rest);
            return if initial {
                Found::Initial(Some(index))
            } else {
                Found::No
            };
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
        if self.last.is_some_and(|(last, _)| conflicts(last)) || self.meets(&step.footprint) {
            Found::No
        } else {
            Found::Independent
        }
    }

    fn is_empty(&self) -> bool {
        self.last.is_none() && self.rest.is_empty()
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

/// Adds a sequence to a tree, unless the tree already has an equivalent one or the beginning of it;
/// then, how long that holds.
pub fn insert(tree: &mut Vec<Branch>, mut sequence: Sequence<'_>) -> Option<Until> {
    let mut level = tree;
    let mut until = Until::Another(sequence.second);
    loop {
        if sequence.is_empty() {
            // In another execution it may go on where this one's has ended.
            return Some(Until::Now);
        }
        let branches = level.iter().enumerate();
        let followed = branches
            .filter_map(|(at, branch)| Some((at, sequence.follow(&branch.step)?)))
            .next();
        let Some((at, for_that)) = followed else {
            level.extend(sequence.chain());
            return None;
        };
        until = until.and(for_that);
        if level[at].next.is_empty() {
            return Some(until);
        }
        level = &mut level[at].next;
    }
}
