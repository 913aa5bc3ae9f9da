//! Races of a complete execution, and the sequence that reverses each.
//!
//! An event e' races with an earlier e when they conflict, e did not lead the thread of e' to e',
//! and e' is enabled after `pre(E,e).notdep(e,E)`. That is decided on counts: a take that comes
//! after a give and its take races with the take, not with the give, and the give hides nothing.
//! Where one event less enables nothing (several units, several members), later rivals are
//! dropped as well, latest first, until it is enabled, and no more of them than that takes.

use smallvec::SmallVec;

use super::events::Events;
use super::order::Order;
use super::{Choice, MANY};
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::Index;
use crate::engines::exhaustive::world::footprint::{Access, Touch};

/// A race that can be reversed: at `at`, run `rest`, then `last`.
#[derive(Debug)]
pub struct Reversal<'a> {
    /// Position of the first of the two events.
    pub at: Index,
    /// The events after `at` that do not depend on it (on what was dropped), in their order.
    pub rest: &'a Events,
    /// The event that comes before the first one now.
    pub last: Index,
    /// Which alternative of it.
    pub alternative: u32,
}

impl Reversal<'_> {
    /// The last step of the sequence.
    #[must_use]
    pub fn last_choice(&self, order: &Order) -> Choice {
        Choice {
            thread: order.event(self.last).thread,
            alternative: self.alternative,
        }
    }
}

/// Wrong rules that look right, for tests that must notice them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// The right one.
    #[default]
    Sound,
    /// Wrong: only what happened before the second event is kept, not all that is independent.
    PrefixOnly,
    /// Wrong: each race is planned once, not at every maximal execution.
    Once,
    /// Wrong: one event less has to be enough, however many units are wanted.
    SingleDrop,
}

/// A race that can be reversed: its first event, and the other events that have to go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race {
    /// The first event.
    pub at: Index,
    /// More roots of what is dropped.
    more: SmallVec<[Index; 2]>,
}

/// Reused memory of a search for races.
#[derive(Debug, Default)]
pub struct Scratch {
    dropped: Events,
    fewer: Events,
    rest: Events,
    more: SmallVec<[Index; 2]>,
}

/// Makes a set what goes when `at` and `more` go.
fn without(order: &Order, at: Index, more: &[Index], events: &mut Events) {
    events.clear();
    for &root in std::iter::once(&at).chain(more) {
        order.add_with_after(root, events);
    }
}

/// Whether the races of an event are the same in every execution that agrees with this one up to
/// it. What comes later and changes the units that it wants depends on it, so that it goes too;
/// except that readers come and go without each other's notice.
#[must_use]
pub fn are_settled(order: &Order, last: Index) -> bool {
    let shared = |touch: &Touch| touch.access == Access::SharedTake;
    !order.event(last).footprint.iter().any(shared)
}

/// The races in which `last` is the second event and that can be reversed, latest first.
pub fn of_event(
    order: &Order,
    world: &World,
    rule: Rule,
    last: Index,
    scratch: &mut Scratch,
    races: &mut Vec<Race>,
) {
    let Scratch {
        dropped,
        fewer,
        more,
        ..
    } = scratch;
    races.clear();
    let rivals = order.rivals(last);
    for (number, &at) in rivals.iter().enumerate() {
        if races.iter().any(|race| order.before(race.at).contains(at)) {
            continue;
        }
        more.clear();
        without(order, at, more, dropped);
        let mut enabled = order.enabled_without(world, last, dropped);
        if !enabled && rule != Rule::SingleDrop {
            // Later rivals too, latest first, and then no more of them than it takes: whoever came
            // and went in between may stay.
            for &other in &rivals[..number] {
                if dropped.contains(other) {
                    continue;
                }
                more.push(other);
                order.add_with_after(other, dropped);
                enabled = order.enabled_without(world, last, dropped);
                if enabled {
                    break;
                }
            }
            let mut kept = 0;
            while enabled && kept < more.len() {
                let candidate = more.remove(kept);
                without(order, at, more, fewer);
                if !order.enabled_without(world, last, fewer) {
                    more.insert(kept, candidate);
                    kept += 1;
                }
            }
        }
        if enabled {
            races.push(Race {
                at,
                more: more.clone(),
            });
        }
    }
}

/// The reversal of a race in the execution of the events before `end`.
pub fn reversal<'s>(
    order: &Order,
    rule: Rule,
    race: &Race,
    last: Index,
    end: Index,
    scratch: &'s mut Scratch,
) -> Reversal<'s> {
    let Scratch { dropped, rest, .. } = scratch;
    let end = if rule == Rule::PrefixOnly { last } else { end };
    without(order, race.at, &race.more, dropped);
    rest.set_range(race.at, end);
    rest.subtract(dropped);
    Reversal {
        at: race.at,
        rest,
        last,
        // What there is to choose from may be another than it was after the first event; the
        // others follow from this one.
        alternative: 0,
    }
}

/// Calls `plan` with the other alternatives of a choice: they exclude the one that was taken, as if
/// they raced with it. Of very many it is only the next one, which has the one after it planned when it
/// has been taken; after the last comes the first, since the one that was taken first may be any.
pub fn other_alternatives(
    order: &Order,
    rule: Rule,
    last: Index,
    end: Index,
    scratch: &mut Scratch,
    plan: &mut impl FnMut(Reversal<'_>),
) {
    let event = order.event(last);
    if event.alternatives <= 1 {
        return;
    }
    let Scratch { dropped, rest, .. } = scratch;
    let end = if rule == Rule::PrefixOnly { last } else { end };
    rest.set_range(last + 1, end.max(last + 1));
    without(order, last, &[], dropped);
    rest.subtract(dropped);
    let others = if event.alternatives > MANY {
        let next = (event.alternative + 1) % event.alternatives;
        next..next + 1
    } else {
        0..event.alternatives
    };
    for alternative in others {
        if alternative != event.alternative {
            plan(Reversal {
                at: last,
                rest,
                last,
                alternative,
            });
        }
    }
}
