//! The semaphore set: several semaphores taken all at once or not at all.
//!
//! 1. Swait and Ssignal of one unit each: the AND set (Patil 1971).
//! 2. The general ones (Agerwala 1977; Kosaraju 1973; written as in the textbooks after them):
//!    `Swait(S1, t1, d1; …)` goes on when every Si has at least ti free units and takes di of them,
//!    `Ssignal(S1, d1; …)` returns di to each.

use std::collections::VecDeque;
use std::fmt;

use super::Gate;
use crate::sync::{Backend, Composite, Kind, Label, Name, Need, SwaitOrder, UnitsApi};

/// Several semaphores behind one gate: on one mutex and one condition variable, or of the machine
/// where it has such a thing.
///
/// A thread never holds a part of what it waits for. The order of service is a switch of the
/// backend's semantics; on the os backend the first in the queue who can be served.
///
/// ```
/// use crosscheck::primitives::SemaphoreSet;
/// use crosscheck::sync::Os;
///
/// let set = SemaphoreSet::<Os>::new("set", &[1, 3]);
/// set.swait(&[0, 1]);
/// set.ssignal(&[0, 1]);
/// // As long as member 1 has two free units, and takes none.
/// set.swait_general(&[(1, 2, 0)]);
/// assert_eq!(set.free(), [1, 3]);
/// ```
pub struct SemaphoreSet<B: Backend> {
    /// How many semaphores there are.
    members: usize,
    label: Label<B>,
    build: Build<B>,
}

enum Build<B: Backend> {
    /// No more than this: on the os backend nothing of this variant may take space.
    Native(B::Units),
    Gate {
        order: SwaitOrder,
        gate: Gate<B, State>,
    },
}

impl<B: Backend> Build<B> {
    #[track_caller]
    fn gate(name: Name, units: &[usize]) -> Self {
        let state = State {
            free: units.to_vec(),
            queue: VecDeque::new(),
            next_ticket: 0,
        };
        Self::Gate {
            order: B::semantics().swait,
            gate: Gate::new(name, state),
        }
    }
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
    demands: Vec<Demand>,
}

/// What a step is about, for one member.
#[derive(Clone, Copy)]
struct Demand {
    member: usize,
    /// Units that have to be free.
    test: usize,
    /// Units that are taken or returned.
    units: usize,
}

impl State {
    fn available(&self, demands: &[Demand]) -> bool {
        demands
            .iter()
            .all(|demand| self.free[demand.member] >= demand.test)
    }

    fn may_go(&self, order: SwaitOrder, ticket: u64, demands: &[Demand]) -> bool {
        let before = self
            .queue
            .iter()
            .take_while(|request| request.ticket != ticket);
        self.available(demands)
            && match order {
                SwaitOrder::Weak => true,
                SwaitOrder::Scan => !before.into_iter().any(|r| self.available(&r.demands)),
                SwaitOrder::Strict => before.count() == 0,
            }
    }

    fn take(&mut self, ticket: u64, demands: &[Demand]) {
        for demand in demands {
            self.free[demand.member] -= demand.units;
        }
        self.queue.retain(|request| request.ticket != ticket);
    }
}

impl<B: Backend> SemaphoreSet<B> {
    /// A set of semaphores, `units[i]` free units in the i-th.
    #[track_caller]
    pub fn new(name: impl Into<Name>, units: &[usize]) -> Self {
        let name = name.into();
        let label = Label::new(Kind::SemaphoreSet, name);
        let counted: Result<Vec<u32>, _> = units.iter().map(|&n| u32::try_from(n)).collect();
        let native = match counted {
            Ok(free) => B::Units::new(Kind::SemaphoreSet, name, &free, B::semantics().swait),
            // More than a machine counts.
            Err(_) => None,
        };
        Self {
            members: units.len(),
            label,
            build: match native {
                Some(units) => Build::Native(units),
                None => Build::gate(name, units),
            },
        }
    }

    /// The same on a gate, also on a machine that has sets of its own: to check the set itself.
    #[track_caller]
    pub fn on_gate(name: impl Into<Name>, units: &[usize]) -> Self {
        let name = name.into();
        Self {
            members: units.len(),
            label: Label::new(Kind::SemaphoreSet, name),
            build: Build::gate(name, units),
        }
    }

    /// Swait: takes one unit of each member at once, or waits until it gets them all. Blocks.
    ///
    /// A member that is named several times gives as many units.
    ///
    /// # Panics
    /// When a member is not in the set.
    #[track_caller]
    pub fn swait(&self, members: &[usize]) {
        self.take(self.demands(members.iter().map(|&member| (member, 1, 1))));
    }

    /// Ssignal: returns one unit of each member at once.
    ///
    /// # Panics
    /// When a member is not in the set.
    #[track_caller]
    pub fn ssignal(&self, members: &[usize]) {
        self.give(self.demands(members.iter().map(|&member| (member, 1, 1))));
    }

    /// The general Swait, of (member, test, take): waits until every member has at least `test`
    /// free units, and takes `take` of them, all at once. Blocks.
    ///
    /// `(S, 1, 1)` is a P; `(S, n, n)` a P of n units; `(S, 1, 0)` goes on as long as a unit is
    /// free, and takes none: a switch. What is said of one member several times is added up.
    ///
    /// # Panics
    /// When a member is not in the set, or more of it is taken than tested for.
    #[track_caller]
    pub fn swait_general(&self, needs: &[(usize, usize, usize)]) {
        for &(member, test, take) in needs {
            assert!(
                take <= test,
                "{take} units of member {member} are taken where {test} have to be free"
            );
        }
        self.take(self.demands(needs.iter().copied()));
    }

    /// The general Ssignal, of (member, units): returns so many units to each member at once.
    ///
    /// # Panics
    /// When a member is not in the set.
    #[track_caller]
    pub fn ssignal_general(&self, gifts: &[(usize, usize)]) {
        self.give(self.demands(gifts.iter().map(|&(member, units)| (member, units, units))));
    }

    #[track_caller]
    fn take(&self, demands: Vec<Demand>) {
        let step = Composite::Acquire(total(&demands));
        self.label.begin(step);
        match &self.build {
            Build::Native(units) => units.take_all(&needs(&demands)),
            Build::Gate { order, gate } => {
                let mut ticket = None;
                gate.when(|state| {
                    let ticket = *ticket.get_or_insert_with(|| {
                        let ticket = state.next_ticket;
                        state.next_ticket += 1;
                        state.queue.push_back(Request {
                            ticket,
                            demands: demands.clone(),
                        });
                        ticket
                    });
                    state
                        .may_go(*order, ticket, &demands)
                        .then(|| state.take(ticket, &demands))
                });
            }
        }
        self.label.end(step, true);
    }

    #[track_caller]
    fn give(&self, demands: Vec<Demand>) {
        let step = Composite::Release(total(&demands));
        self.label.begin(step);
        match &self.build {
            Build::Native(units) => units.give_all(&needs(&demands)),
            Build::Gate { gate, .. } => gate.change(|state| {
                for demand in &demands {
                    state.free[demand.member] += demand.units;
                }
            }),
        }
        self.label.end(step, true);
    }

    /// One demand for each member that is named, in the order of members, so that the same step is
    /// the same demands. Before anything is queued or returned: a refused call leaves the set as it
    /// was.
    #[track_caller]
    fn demands(&self, named: impl Iterator<Item = (usize, usize, usize)>) -> Vec<Demand> {
        let mut demands: Vec<Demand> = Vec::new();
        for (member, test, units) in named {
            assert!(
                member < self.members,
                "the set has {} members, there is no member {member}",
                self.members
            );
            match demands.iter_mut().find(|demand| demand.member == member) {
                Some(demand) => {
                    demand.test = demand.test.saturating_add(test);
                    demand.units = demand.units.saturating_add(units);
                }
                None => demands.push(Demand {
                    member,
                    test,
                    units,
                }),
            }
        }
        demands.sort_by_key(|demand| demand.member);
        demands
    }

    /// The free units of every member at one moment.
    #[track_caller]
    pub fn free(&self) -> Vec<usize> {
        match &self.build {
            Build::Native(units) => units.look().0.iter().map(|&free| free as usize).collect(),
            Build::Gate { gate, .. } => gate.look(|state| state.free.clone()),
        }
    }
}

/// All units that a step is about.
fn total(demands: &[Demand]) -> usize {
    let units = demands.iter().map(|demand| demand.units);
    units.fold(0, usize::saturating_add)
}

/// The demands as a machine counts them.
fn needs(demands: &[Demand]) -> Vec<Need> {
    let number = |n| u32::try_from(n).expect("a set of the machine counts to u32::MAX");
    demands
        .iter()
        .map(|demand| Need {
            member: number(demand.member),
            test: number(demand.test),
            take: number(demand.units),
        })
        .collect()
}

impl<B: Backend> fmt::Debug for SemaphoreSet<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphoreSet")
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::SemaphoreSet;
    use crate::sync::{Os, run_threads};

    #[test]
    fn a_general_swait_takes_less_than_it_tests_for() {
        let set = SemaphoreSet::<Os>::new("set", &[3, 1]);
        set.swait_general(&[(1, 1, 1), (0, 2, 1)]);
        assert_eq!(set.free(), [2, 0]);
        set.ssignal_general(&[(0, 1), (1, 1)]);
        assert_eq!(set.free(), [3, 1]);
    }

    #[test]
    fn a_switch_is_waited_for_and_not_taken() {
        let set = SemaphoreSet::<Os>::new("set", &[0]);
        run_threads::<Os>(vec![
            ("opens".into(), Box::new(|| set.ssignal(&[0]))),
            (
                "passes".into(),
                Box::new(|| set.swait_general(&[(0, 1, 0)])),
            ),
        ]);
        assert_eq!(set.free(), [1]);
    }

    #[test]
    #[should_panic(expected = "2 units of member 0 are taken where 1 have to be free")]
    fn more_cannot_be_taken_than_tested_for() {
        SemaphoreSet::<Os>::new("set", &[3]).swait_general(&[(0, 1, 2)]);
    }
}
