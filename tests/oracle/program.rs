//! What the oracle and the engines under test run: a few objects and straight lists of operations.

use std::fmt::{self, Display, Formatter};

use crosscheck::sync::{NotifyOrder, SwaitOrder};

use super::operation::{Need, ObjectId, Op, Substance, ThreadId};

/// A small program. All threads run from the beginning.
///
/// Object ids are indexes into `objects`, thread ids into `threads`, numbers of needs into `needs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The objects.
    pub(crate) objects: Vec<Substance>,
    /// The needs that [`Op::TakeAll`] and [`Op::GiveAll`] name.
    pub(crate) needs: Vec<Vec<Need>>,
    /// What each thread does.
    pub(crate) threads: Vec<Vec<Item>>,
}

/// One item of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An operation, but none of the second halves and no [`Op::Join`].
    Do(Op),
    /// No step: skips the next `count` items if the last result of the thread was this. Before the
    /// first result it is 0.
    Skip {
        /// The result that makes it skip.
        when_last_result_is: u64,
        /// How many items.
        count: usize,
    },
}

/// The switches that are not part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Whom a notification of one wakes.
    pub(crate) notify: NotifyOrder,
    /// Whether a thread may wake up without a notification, once in an execution.
    pub(crate) spurious: bool,
    /// Whether who notifies is told how many that woke.
    pub(crate) tells_woken: bool,
}

impl Switches {
    /// Any waiter, no spurious wake-ups, and the number of those who woke.
    pub(crate) const DEFAULT: Self = Self {
        notify: NotifyOrder::Any,
        spurious: false,
        tells_woken: true,
    };
}

/// What [`Op::Write`] as item number `item` of a thread leaves in plain memory; never 0, which is
/// what it holds at the beginning.
pub(crate) fn digest(thread: ThreadId, item: usize) -> u64 {
    let position = (thread as u64) << 32 | (item as u64 + 1);
    position.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Program {
    /// Panics unless the oracle's semantics covers the program.
    pub(crate) fn validate(&self) {
        for needs in &self.needs {
            for (i, need) in needs.iter().enumerate() {
                assert!(need.take <= need.test, "takes more than it tests: {need:?}");
                let again = needs[..i].iter().any(|other| other.member == need.member);
                assert!(!again, "a member twice: {needs:?}");
            }
        }
        for item in self.threads.iter().flatten() {
            if let Item::Do(op) = item {
                assert!(self.is_covered(*op), "not covered: {op:?} in {self}");
            }
        }
    }

    fn is_covered(&self, op: Op) -> bool {
        let is_set = |object: ObjectId, needs: usize| {
            self.members(object).is_some_and(|members| {
                self.needs[needs]
                    .iter()
                    .all(|n| (n.member as usize) < members)
            })
        };
        match op {
            // A shared take commutes with its like only where nobody queues.
            Op::Take {
                object,
                units,
                shared,
            }
            | Op::Give {
                object,
                units,
                shared,
            } => {
                units > 0
                    && self.members(object) == Some(1)
                    && (!shared || self.order(object) == SwaitOrder::Weak)
            }
            Op::TryTake { object, units } => units > 0 && self.members(object) == Some(1),
            Op::TakeAll { object, needs } | Op::GiveAll { object, needs } => is_set(object, needs),
            Op::Wait { condvar, mutex } => {
                matches!(self.objects[condvar], Substance::Condvar)
                    && self.members(mutex) == Some(1)
                    && self.order(mutex) == SwaitOrder::Weak
            }
            Op::Notify { condvar, .. } => matches!(self.objects[condvar], Substance::Condvar),
            Op::Load(object)
            | Op::Store(object, _)
            | Op::Modify(object, _)
            | Op::Await(object, _) => {
                matches!(self.objects[object], Substance::Word(_))
            }
            Op::Read(object) | Op::Write(object) => {
                matches!(self.objects[object], Substance::Memory)
            }
            Op::Enter(object) | Op::Leave(object) => {
                matches!(self.objects[object], Substance::Zone(_))
            }
            Op::Unpark(thread) => thread < self.threads.len(),
            Op::Arrive(object) => matches!(self.objects[object], Substance::Barrier(1..)),
            Op::Choose(n) => n > 0,
            Op::Park | Op::Yield => true,
            Op::Granted { .. }
            | Op::Reacquire { .. }
            | Op::Depart(_)
            | Op::Join(_)
            | Op::Look(_) => false,
        }
    }

    fn members(&self, object: ObjectId) -> Option<usize> {
        match &self.objects[object] {
            Substance::Units { free, .. } => Some(free.len()),
            _ => None,
        }
    }

    /// Whom an object of units serves.
    pub(crate) fn order(&self, object: ObjectId) -> SwaitOrder {
        match &self.objects[object] {
            Substance::Units { order, .. } => *order,
            other => panic!("no units: {other:?}"),
        }
    }

    /// Whether everything on this object touches one location: the queue decides across members.
    pub(crate) fn is_one_location(&self, object: ObjectId) -> bool {
        match self.order(object) {
            SwaitOrder::Weak => false,
            SwaitOrder::Strict => self.members(object) != Some(1),
            SwaitOrder::Scan => true,
        }
    }

    /// How many operations there are.
    pub(crate) fn operations(&self) -> usize {
        let items = self.threads.iter().flatten();
        items.filter(|item| matches!(item, Item::Do(_))).count()
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, object) in self.objects.iter().enumerate() {
            if *object != Substance::Label {
                writeln!(f, "object {i}: {object:?}")?;
            }
        }
        for (i, needs) in self.needs.iter().enumerate() {
            writeln!(f, "needs {i}: {needs:?}")?;
        }
        for (i, items) in self.threads.iter().enumerate() {
            writeln!(f, "thread {i}:")?;
            for (at, item) in items.iter().enumerate() {
                match item {
                    Item::Do(op) => writeln!(f, "  {at}: {op:?}")?,
                    Item::Skip {
                        when_last_result_is,
                        count,
                    } => writeln!(f, "  {at}: skip {count} after {when_last_result_is}")?,
                }
            }
        }
        Ok(())
    }
}
