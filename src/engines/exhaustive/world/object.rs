//! What an object holds at one moment, and whom it serves.

use smallvec::SmallVec;

use super::digest::Digest;
use crate::sync::SwaitOrder;
use crate::sync::stepping::{Need, Substance, ThreadId};

/// The state of an object.
#[derive(Debug)]
pub(super) enum Object {
    Units(Units),
    Condvar(Vec<Waiter>),
    Word(u64),
    Memory,
    Barrier(Barrier),
    /// The threads inside.
    Zone(Vec<ThreadId>),
    Label,
}

// Objects are copied into others that have their memory already.

impl Clone for Object {
    fn clone(&self) -> Self {
        match self {
            Self::Units(units) => Self::Units(units.clone()),
            Self::Condvar(waiters) => Self::Condvar(waiters.clone()),
            Self::Word(value) => Self::Word(*value),
            Self::Memory => Self::Memory,
            Self::Barrier(barrier) => Self::Barrier(barrier.clone()),
            Self::Zone(inside) => Self::Zone(inside.clone()),
            Self::Label => Self::Label,
        }
    }

    fn clone_from(&mut self, other: &Self) {
        match (self, other) {
            (Self::Units(units), Self::Units(other)) => units.clone_from(other),
            (Self::Condvar(waiters), Self::Condvar(other)) => waiters.clone_from(other),
            (Self::Zone(inside), Self::Zone(other)) => inside.clone_from(other),
            (this, other) => *this = other.clone(),
        }
    }
}

/// Units of one or more members, and who waits for them in order.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) free: SmallVec<[u32; 2]>,
    pub(super) order: SwaitOrder,
    /// Requests that have not been granted, oldest first; empty for a weak object.
    pub(super) queue: Vec<(ThreadId, Wanted)>,
}

impl Clone for Units {
    fn clone(&self) -> Self {
        Self {
            free: SmallVec::from_slice(&self.free),
            order: self.order,
            queue: self.queue.clone(),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { free, order, queue } = other;
        super::put(&mut self.free, free);
        self.order = *order;
        self.queue.clone_from(queue);
    }
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Units of the only member.
    One(u32),
    /// The needs with this number.
    Needs(usize),
}

/// A thread that waits on a condition variable and has not been notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) thread: ThreadId,
}

/// A barrier between two openings.
#[derive(Clone, Debug)]
pub(super) struct Barrier {
    pub(super) size: u32,
    pub(super) arrived: Vec<ThreadId>,
}

/// How the queue of an object is kept, which decides what commutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discipline {
    /// No queue.
    Weak,
    /// One member, head of line: requests are ordered, gives commute with them.
    Line,
    /// A queue in which the order of all steps matters.
    Ordered,
}

impl Object {
    pub(super) fn new(substance: &Substance) -> Self {
        match substance {
            Substance::Units { free, order } => Self::Units(Units {
                free: free.iter().copied().collect(),
                order: *order,
                queue: Vec::new(),
            }),
            Substance::Condvar => Self::Condvar(Vec::new()),
            Substance::Word(value) => Self::Word(*value),
            Substance::Memory => Self::Memory,
            Substance::Barrier(size) => Self::Barrier(Barrier {
                size: *size,
                arrived: Vec::new(),
            }),
            Substance::Zone(_) => Self::Zone(Vec::new()),
            Substance::Label => Self::Label,
        }
    }

    /// How many locations it has.
    pub(super) fn locations(substance: &Substance) -> usize {
        match substance {
            Substance::Units { free, .. } => free.len().max(1),
            _ => 1,
        }
    }

    /// `any`: the order of waiters does not matter.
    pub(super) fn digest(&self, seed: u64, table: &[Vec<Need>], any: bool) -> Digest {
        let mut digest = Digest::new(seed);
        match self {
            Self::Units(units) => {
                for &free in &units.free {
                    digest = digest.with(u64::from(free));
                }
                for (thread, wanted) in &units.queue {
                    digest = digest.with(*thread as u64).with(match wanted {
                        Wanted::One(units) => u64::from(*units),
                        Wanted::Needs(needs) => digest_of_needs(&table[*needs]),
                    });
                }
            }
            Self::Condvar(waiters) if any => {
                digest = digest.with_digest(unordered(waiters.iter().map(|w| w.thread)));
            }
            Self::Condvar(waiters) => {
                for waiter in waiters {
                    digest = digest.with(waiter.thread as u64);
                }
            }
            Self::Word(value) => digest = digest.with(*value),
            Self::Memory | Self::Label => {}
            Self::Barrier(barrier) => {
                for &thread in &barrier.arrived {
                    digest = digest.with(thread as u64);
                }
            }
            Self::Zone(inside) => {
                digest = digest.with_digest(unordered(inside.iter().copied()));
            }
        }
        digest
    }
}

fn unordered(threads: impl Iterator<Item = ThreadId>) -> Digest {
    threads.fold(Digest::default(), |sum, thread| {
        sum.plus(Digest::new(thread as u64))
    })
}

fn digest_of_needs(needs: &[Need]) -> u64 {
    let mut digest = Digest::new(needs.len() as u64);
    for need in needs {
        digest = digest
            .with(u64::from(need.member))
            .with(u64::from(need.test) << 32 | u64::from(need.take));
    }
    digest.as_u64()
}

impl Units {
    pub(super) fn discipline(&self) -> Discipline {
        match self.order {
            SwaitOrder::Weak => Discipline::Weak,
            SwaitOrder::Strict if self.free.len() == 1 => Discipline::Line,
            SwaitOrder::Strict | SwaitOrder::Scan => Discipline::Ordered,
        }
    }

    pub(super) fn available(&self, wanted: Wanted, table: &[Vec<Need>]) -> bool {
        match wanted {
            Wanted::One(units) => self.free[0] >= units,
            Wanted::Needs(needs) => table[needs]
                .iter()
                .all(|need| self.free[need.member as usize] >= need.test),
        }
    }

    pub(super) fn take(&mut self, wanted: Wanted, table: &[Vec<Need>]) {
        match wanted {
            Wanted::One(units) => self.free[0] -= units,
            Wanted::Needs(needs) => {
                for need in &table[needs] {
                    self.free[need.member as usize] -= need.take;
                }
            }
        }
    }

    /// Grants what can be granted now; who was served, in order.
    pub(super) fn serve(&mut self, table: &[Vec<Need>], mut served: impl FnMut(ThreadId)) {
        loop {
            let candidates = match self.order {
                SwaitOrder::Strict => self.queue.len().min(1),
                SwaitOrder::Scan => self.queue.len(),
                SwaitOrder::Weak => 0,
            };
            let Some(at) = (0..candidates).find(|&at| self.available(self.queue[at].1, table))
            else {
                return;
            };
            let (thread, wanted) = self.queue.remove(at);
            self.take(wanted, table);
            served(thread);
        }
    }
}
