//! The AND semaphore set (Patil 1971; Swait and Ssignal as Agerwala 1977 and the textbooks after
//! him write them): several semaphores taken all at once or not at all.

use std::collections::VecDeque;
use std::fmt;

use super::Gate;
use crate::sync::{Backend, Composite, Kind, Label, Name, SwaitOrder};

/// Several semaphores behind one gate: on one mutex and one condition variable.
///
/// A thread never holds a part of what it waits for. The order of service is a switch of the
/// backend's semantics; on the os backend the first in the queue who can be served.
pub struct SemaphoreSet<B: Backend> {
    order: SwaitOrder,
    /// How many semaphores there are.
    members: usize,
    label: Label<B>,
    gate: Gate<B, State>,
}

struct State {
    /// Free units of each semaphore.
    free: Vec<usize>,
    /// Requests that have not been granted, oldest first.
    queue: VecDeque<Request>,
    next_ticket: u64,
}

struct Request {
    ticket: u64,
    members: Vec<usize>,
}

impl State {
    fn available(&self, members: &[usize]) -> bool {
        members.iter().all(|&member| {
            let wanted = members.iter().filter(|&&other| other == member).count();
            self.free[member] >= wanted
        })
    }

    fn may_go(&self, order: SwaitOrder, ticket: u64, members: &[usize]) -> bool {
        let before = self
            .queue
            .iter()
            .take_while(|request| request.ticket != ticket);
        self.available(members)
            && match order {
                SwaitOrder::Weak => true,
                SwaitOrder::Scan => !before.into_iter().any(|r| self.available(&r.members)),
                SwaitOrder::Strict => before.count() == 0,
            }
    }

    fn take(&mut self, ticket: u64, members: &[usize]) {
        for &member in members {
            self.free[member] -= 1;
        }
        self.queue.retain(|request| request.ticket != ticket);
    }
}

impl<B: Backend> SemaphoreSet<B> {
    /// A set of semaphores, `units[i]` free units in the i-th.
    #[track_caller]
    pub fn new(name: impl Into<Name>, units: &[usize]) -> Self {
        let name = name.into();
        Self {
            order: B::semantics().swait,
            members: units.len(),
            label: Label::new(Kind::SemaphoreSet, name),
            gate: Gate::new(
                name,
                State {
                    free: units.to_vec(),
                    queue: VecDeque::new(),
                    next_ticket: 0,
                },
            ),
        }
    }

    /// Swait: takes one unit of each member at once, or waits until it gets them all. Blocks.
    ///
    /// # Panics
    /// When a member is not in the set.
    #[track_caller]
    pub fn swait(&self, members: &[usize]) {
        self.check(members);
        let step = Composite::Acquire(members.len());
        self.label.begin(step);
        let mut ticket = None;
        self.gate.when(|state| {
            let ticket = *ticket.get_or_insert_with(|| {
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                state.queue.push_back(Request {
                    ticket,
                    members: members.to_vec(),
                });
                ticket
            });
            state
                .may_go(self.order, ticket, members)
                .then(|| state.take(ticket, members))
        });
        self.label.end(step, true);
    }

    /// Ssignal: returns one unit of each member at once.
    ///
    /// # Panics
    /// When a member is not in the set.
    #[track_caller]
    pub fn ssignal(&self, members: &[usize]) {
        self.check(members);
        let step = Composite::Release(members.len());
        self.label.begin(step);
        self.gate.change(|state| {
            for &member in members {
                state.free[member] += 1;
            }
        });
        self.label.end(step, true);
    }

    /// Before anything is queued or returned, so that a refused call leaves the set as it was.
    #[track_caller]
    fn check(&self, members: &[usize]) {
        for &member in members {
            assert!(
                member < self.members,
                "the set has {} members, there is no member {member}",
                self.members
            );
        }
    }

    /// The free units of every member at one moment.
    #[track_caller]
    pub fn free(&self) -> Vec<usize> {
        self.gate.look(|state| state.free.clone())
    }
}

impl<B: Backend> fmt::Debug for SemaphoreSet<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphoreSet")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
