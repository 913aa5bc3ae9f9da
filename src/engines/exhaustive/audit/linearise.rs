//! A linearisation of a trace: its steps in another order, and silent steps in yet another.
//!
//! A silent step comes after the step of its thread that led to it, and before the next one; apart
//! from that it is concurrent with whatever others do. Of all that can be done next, the thread
//! with the lowest number is taken, or the one with the highest. So two silent steps of which
//! neither comes before the other are run in one order here and in the other there, unless a third
//! thread holds one of them up; over a few traces each pair is seen both ways round.

use crate::engines::exhaustive::explorer::events::Events;
use crate::engines::exhaustive::explorer::order::Order;
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::sync::stepping::{Op, Place, ThreadId};

/// Which of the threads that can go on is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engines::exhaustive) enum First {
    /// The one with the lowest number.
    Lowest,
    /// The one with the highest number.
    Highest,
}

/// By thread, what each has announced and not been given.
pub(in crate::engines::exhaustive) type Left = Vec<Option<(Op, Place)>>;

/// The next part of a linearisation.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engines::exhaustive) enum Next {
    /// The silent step of this thread.
    Silent(ThreadId),
    /// The step that this thread has announced, in this alternative.
    Step(ThreadId, u32),
    /// Nothing is left.
    Nothing,
    /// A thread has come to something else than in the trace, which was this event if it was any.
    Differs(ThreadId, Option<Index>),
}

/// A trace that is taken apart once more.
#[derive(Debug)]
pub(in crate::engines::exhaustive) struct Linearised<'t> {
    order: &'t Order,
    first: First,
    /// By thread, its events that have not been applied, the next one last.
    left: Vec<Vec<Index>>,
    applied: Events,
    /// A thread that has to go on at once, since it uses what the model holds at its last step.
    urgent: Option<ThreadId>,
}

impl<'t> Linearised<'t> {
    /// Prepares to take the steps of a trace again.
    pub(super) fn new(order: &'t Order, first: First) -> Self {
        let mut left: Vec<Vec<Index>> = Vec::new();
        for index in (0..order.len()).rev() {
            let thread = order.event(index).thread;
            if left.len() <= thread {
                left.resize_with(thread + 1, Vec::new);
            }
            left[thread].push(index);
        }
        Self {
            order,
            first,
            left,
            applied: Events::default(),
            urgent: None,
        }
    }

    /// Which of the threads that can go on is taken.
    pub(super) fn first(&self) -> First {
        self.first
    }

    /// The event of this number.
    pub(super) fn event(&self, index: Index) -> &Event {
        self.order.event(index)
    }

    /// Takes the next part.
    pub(in crate::engines::exhaustive) fn next(&mut self, world: &mut World) -> Next {
        if let Some(thread) = self.urgent.take()
            && world.takes_up(thread)
        {
            return Next::Silent(thread);
        }
        let threads = world.thread_count();
        for nth in 0..threads {
            let thread = match self.first {
                First::Lowest => nth,
                First::Highest => threads - 1 - nth,
            };
            if world.takes_up(thread) {
                return Next::Silent(thread);
            }
            let Some((op, place)) = world.announced(thread) else {
                continue;
            };
            let Some(&index) = self.left.get(thread).and_then(|left| left.last()) else {
                continue;
            };
            let event = self.order.event(index);
            if matches!(op, Op::Join(_) | Op::Depart(_) | Op::Granted { .. }) && op != event.op {
                // It goes on when another has ended, arrived or given, and that is no step of its
                // own.
                continue;
            }
            if op != event.op || place != event.place {
                return Next::Differs(thread, Some(index));
            }
            if !self.order.before(index).is_within(&self.applied) || !world.enabled(thread) {
                continue;
            }
            let alternative = event.alternative;
            if alternative >= world.alternatives(thread) {
                return Next::Differs(thread, Some(index));
            }
            self.left[thread].pop();
            self.applied.insert(index);
            // What it asks for, or accesses without a lock, is that of this very step.
            if matches!(op, Op::Look(_) | Op::Read(_) | Op::Write(_)) {
                self.urgent = Some(thread);
            }
            return Next::Step(thread, alternative);
        }
        // Nobody can go on: the trace is over, or some thread has ended where it went on before.
        let missing = self.left.iter().position(|left| !left.is_empty());
        match missing {
            Some(thread) => Next::Differs(thread, self.left[thread].last().copied()),
            None => Next::Nothing,
        }
    }
}
