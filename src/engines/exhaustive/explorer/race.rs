//! Races of a complete execution, and the sequence that reverses each.
//!
//! An event e' races with an earlier e when they conflict, e did not lead the thread of e' to e',
//! and e' is enabled after `pre(E,e).notdep(e,E)`. That is decided on counts: a take that comes
//! after a give and its take races with the take, not with the give, and the give hides nothing.
//! Where one event less enables nothing (several units, several members), later rivals are
//! dropped as well, latest first, until it is enabled, and no more of them than that takes.

use super::Choice;
use super::order::{Events, Order};
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::Index;

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

/// Reused memory of [`of_event`].
#[derive(Debug, Default)]
pub struct Scratch {
    dropped: Events,
    fewer: Events,
    rest: Events,
    accepted: Vec<Index>,
    more: Vec<Index>,
}

/// The events that go when `at` and `more` go.
fn without(order: &Order, at: Index, more: &[Index], events: &mut Events) {
    events.clear();
    for &root in std::iter::once(&at).chain(more) {
        events.insert(root);
        order.add_after(root, events);
    }
}

/// Calls `plan` with every race in which `last` is the second event and that can be reversed, in
/// the execution of the events before `end`; not with those whose first event is in `covered`,
/// which are known to be such races and need no plan.
#[expect(
    clippy::too_many_arguments,
    reason = "one caller a search, in its innermost loop"
)]
pub fn of_event(
    order: &Order,
    world: &World,
    rule: Rule,
    last: Index,
    end: Index,
    covered: &[Index],
    scratch: &mut Scratch,
    plan: &mut impl FnMut(Reversal<'_>),
) {
    let Scratch {
        dropped,
        fewer,
        rest,
        accepted,
        more,
    } = scratch;
    let end = if rule == Rule::PrefixOnly { last } else { end };
    accepted.clear();
    let rivals = order.rivals(last);
    for (number, &at) in rivals.iter().enumerate() {
        if accepted.iter().any(|&r| order.before(r).contains(at)) {
            continue;
        }
        if covered.contains(&at) {
            accepted.push(at);
            continue;
        }
        dropped.clear();
        dropped.insert(at);
        order.add_after(at, dropped);
        let mut enabled = order.enabled_without(world, last, dropped);
        if !enabled && rule != Rule::SingleDrop {
            // Later rivals too, latest first, and then no more of them than it takes: whoever came
            // and went in between may stay.
            more.clear();
            for &other in &rivals[..number] {
                if dropped.contains(other) {
                    continue;
                }
                more.push(other);
                dropped.insert(other);
                order.add_after(other, dropped);
                enabled = order.enabled_without(world, last, dropped);
                if enabled {
                    break;
                }
            }
            let mut kept = 0;
            while enabled && kept < more.len() {
                let candidate = more.remove(kept);
                without(order, at, more, fewer);
                if order.enabled_without(world, last, fewer) {
                    std::mem::swap(dropped, fewer);
                } else {
                    more.insert(kept, candidate);
                    kept += 1;
                }
            }
        }
        if !enabled {
            continue;
        }
        accepted.push(at);
        rest.set_range(at, end);
        rest.subtract(dropped);
        plan(Reversal {
            at,
            rest,
            last,
            // What there is to choose from may be another than it was after the first event; the
            // others follow from this one.
            alternative: 0,
        });
    }
    // The other alternatives of a choice exclude the one that was taken, as if they raced with it.
    let event = order.event(last);
    if event.alternatives > 1 {
        rest.set_range(last + 1, end.max(last + 1));
        dropped.clear();
        order.add_after(last, dropped);
        rest.subtract(dropped);
        for alternative in 0..event.alternatives {
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
}
