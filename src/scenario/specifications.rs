//! Sequential specifications of the suite's objects, for [`History`](super::History).
//!
//! 1. [`Counting`]: the counting semaphore, strong or weak; with one unit, a lock.
//! 2. [`Several`]: the semaphore set with its three orders of service.
//! 3. [`Bounded`]: the bounded buffer, first in first out.
//! 4. [`Sharing`]: the readers-writers lock.
//!
//! An operation that returns without an output returns [`Answer::Done`].

use std::fmt::Debug;
use std::marker::PhantomData;

use super::linearize::{Effect, Specification};
use crate::sync::{SemaphoreOrder, SwaitOrder};

/// What an operation on one of these objects returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer<T = ()> {
    /// That it is done.
    #[default]
    Done,
    /// That it was refused.
    Refused,
    /// Free units, and how many wait.
    Free(usize, usize),
    /// An item.
    Item(T),
}

/// The counting semaphore: a number of free units and, where it is strong, a queue.
///
/// A strong one hands units over: a request joins the queue, and is served at the V or the P that
/// leaves enough units for the head. A weak one serves whoever comes when there are enough.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Free units at the beginning.
    pub units: usize,
    /// Who is served.
    pub order: SemaphoreOrder,
}

/// An operation on a counting semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// P(n): takes so many units, or waits.
    P(usize),
    /// P(n) that never waits; [`Answer::Refused`] when it takes nothing.
    TryP(usize),
    /// V(n): returns so many.
    V(usize),
    /// Looks; [`Answer::Free`]. Of a strong semaphore only: who of a weak one waits is not said.
    Look,
}

/// Free units, requests in order, and the calls that were served and have not gone on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units {
    free: usize,
    queue: Vec<(usize, usize)>,
    served: Vec<usize>,
}

impl Units {
    fn serve(&mut self) {
        while let Some(&(call, units)) = self.queue.first()
            && units <= self.free
        {
            self.free -= units;
            self.queue.remove(0);
            self.served.push(call);
        }
        self.served.sort_unstable();
    }
}

impl Specification for Counting {
    type Operation = Unit;
    type Output = Answer;
    type State = Units;

    fn initial(&self) -> Units {
        Units {
            free: self.units,
            ..Units::default()
        }
    }

    fn request(&self, state: &Units, call: usize, operation: &Unit) -> Effect<Units, Answer> {
        let mut state = state.clone();
        let strong = self.order == SemaphoreOrder::Strong;
        match *operation {
            Unit::P(units) | Unit::TryP(units) if state.queue.is_empty() && units <= state.free => {
                state.free -= units;
                Effect::Done(state, Answer::Done)
            }
            Unit::P(units) if strong => {
                state.queue.push((call, units));
                Effect::Waiting(state)
            }
            Unit::P(_) => Effect::Disabled,
            Unit::TryP(_) => Effect::Done(state, Answer::Refused),
            Unit::V(units) => {
                state.free += units;
                state.serve();
                Effect::Done(state, Answer::Done)
            }
            Unit::Look => {
                let answer = Answer::Free(state.free, state.queue.len());
                Effect::Done(state, answer)
            }
        }
    }

    fn complete(&self, state: &Units, call: usize, _: &Unit) -> Option<(Units, Answer)> {
        let at = state.served.binary_search(&call).ok()?;
        let mut state = state.clone();
        state.served.remove(at);
        Some((state, Answer::Done))
    }
}

/// The semaphore set: a number of free units for each member, and a queue where there is an order.
///
/// `weak`: whoever can be served may be; `strict`: the head of the queue alone; `scan`: the first in
/// the queue who can be. Units are taken when the waiting thread goes on, at any time after it
/// could; an object that hands them over at once does what is allowed here.
#[derive(Clone, Debug)]
pub struct Several {
    /// Free units of each member at the beginning.
    pub units: Vec<usize>,
    /// Who is served.
    pub order: SwaitOrder,
}

/// An operation on a semaphore set; what is said of one member is said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Swait of (member, test, take): goes on when every member has `test` free units and takes
    /// `take` of each, or waits.
    Swait(Vec<(usize, usize, usize)>),
    /// Ssignal of (member, units).
    Ssignal(Vec<(usize, usize)>),
}

impl Parts {
    /// Swait that takes one unit of each of these members.
    #[must_use]
    pub fn swait(members: &[usize]) -> Self {
        Self::Swait(members.iter().map(|&member| (member, 1, 1)).collect())
    }

    /// Ssignal that returns one unit to each of these members.
    #[must_use]
    pub fn ssignal(members: &[usize]) -> Self {
        Self::Ssignal(members.iter().map(|&member| (member, 1)).collect())
    }
}

/// What a request needs: (member, test, take).
type Needs = Vec<(usize, usize, usize)>;

/// Free units of each member, and the requests in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Members {
    free: Vec<usize>,
    queue: Vec<(usize, Needs)>,
}

impl Members {
    fn suffices(&self, needs: &Needs) -> bool {
        let enough = |&(member, test, _): &(usize, usize, usize)| {
            self.free.get(member).is_some_and(|&free| free >= test)
        };
        needs.iter().all(enough)
    }

    fn take(&mut self, needs: &Needs) {
        for &(member, _, take) in needs {
            self.free[member] -= take;
        }
    }
}

impl Several {
    /// Whether the request at this place of the queue may go on.
    fn may_go(&self, state: &Members, at: usize) -> bool {
        let earlier_can =
            |before: &[(usize, Needs)]| before.iter().any(|(_, needs)| state.suffices(needs));
        state.suffices(&state.queue[at].1)
            && match self.order {
                SwaitOrder::Weak => true,
                SwaitOrder::Scan => !earlier_can(&state.queue[..at]),
                SwaitOrder::Strict => at == 0,
            }
    }
}

impl Specification for Several {
    type Operation = Parts;
    type Output = Answer;
    type State = Members;

    fn initial(&self) -> Members {
        Members {
            free: self.units.clone(),
            queue: Vec::new(),
        }
    }

    fn request(&self, state: &Members, call: usize, operation: &Parts) -> Effect<Members, Answer> {
        let mut state = state.clone();
        match operation {
            Parts::Ssignal(gifts) => {
                for &(member, units) in gifts {
                    state.free[member] += units;
                }
                Effect::Done(state, Answer::Done)
            }
            Parts::Swait(needs) if self.order == SwaitOrder::Weak => {
                if !state.suffices(needs) {
                    return Effect::Disabled;
                }
                state.take(needs);
                Effect::Done(state, Answer::Done)
            }
            Parts::Swait(needs) => {
                state.queue.push((call, needs.clone()));
                Effect::Waiting(state)
            }
        }
    }

    fn complete(&self, state: &Members, call: usize, _: &Parts) -> Option<(Members, Answer)> {
        let at = state.queue.iter().position(|(of, _)| *of == call)?;
        if !self.may_go(state, at) {
            return None;
        }
        let mut state = state.clone();
        let (_, needs) = state.queue.remove(at);
        state.take(&needs);
        Some((state, Answer::Done))
    }
}

/// The bounded buffer: items come out in the order in which they went in.
#[derive(Clone, Copy, Debug)]
pub struct Bounded<T> {
    /// How many items it holds at most.
    capacity: usize,
    items: PhantomData<fn() -> T>,
}

impl<T> Bounded<T> {
    /// A buffer for so many items.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            items: PhantomData,
        }
    }
}

/// An operation on a bounded buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer<T> {
    /// Puts an item in, or waits while the buffer is full.
    Put(T),
    /// Takes the oldest item out, [`Answer::Item`], or waits while there is none.
    Take,
}

impl<T: Clone + Ord + Debug + Send> Specification for Bounded<T> {
    type Operation = Transfer<T>;
    type Output = Answer<T>;
    /// The items, oldest first.
    type State = Vec<T>;

    fn initial(&self) -> Vec<T> {
        Vec::new()
    }

    fn request(
        &self,
        state: &Vec<T>,
        _: usize,
        operation: &Transfer<T>,
    ) -> Effect<Vec<T>, Answer<T>> {
        let mut state = state.clone();
        match operation {
            Transfer::Put(item) if state.len() < self.capacity => {
                state.push(item.clone());
                Effect::Done(state, Answer::Done)
            }
            Transfer::Take if !state.is_empty() => {
                let item = state.remove(0);
                Effect::Done(state, Answer::Item(item))
            }
            Transfer::Put(_) | Transfer::Take => Effect::Disabled,
        }
    }
}

/// The readers-writers lock without an order of service: many readers, or one writer.
#[derive(Clone, Copy, Debug)]
pub struct Sharing;

/// An operation on a readers-writers lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Takes it beside other readers, or waits.
    Read,
    /// A reader gives it back.
    EndRead,
    /// Takes it alone, or waits.
    Write,
    /// The writer gives it back.
    EndWrite,
}

impl Specification for Sharing {
    type Operation = Hold;
    type Output = Answer;
    /// How many readers have it, and whether a writer does.
    type State = (usize, bool);

    fn initial(&self) -> (usize, bool) {
        (0, false)
    }

    fn request(
        &self,
        &(readers, writer): &(usize, bool),
        _: usize,
        operation: &Hold,
    ) -> Effect<(usize, bool), Answer> {
        let next = match operation {
            Hold::Read if !writer => (readers + 1, false),
            Hold::Write if !writer && readers == 0 => (0, true),
            Hold::EndRead if readers > 0 => (readers - 1, writer),
            Hold::EndWrite if writer => (readers, false),
            Hold::Read | Hold::Write | Hold::EndRead | Hold::EndWrite => return Effect::Disabled,
        };
        Effect::Done(next, Answer::Done)
    }
}
