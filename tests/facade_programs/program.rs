//! A program over the facade, as data.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

use crosscheck::sync::{NotifyOrder, Semantics, SwaitOrder};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::generate::{self, ROOM, SCANNED, SET, SETS, STRONG};
use crate::oracle::operation::{Change, Op};
use crate::oracle::program::{Item, Program, Switches};

/// A small program over the facade: one of the oracle, and what the oracle has no word for.
#[derive(Clone, Debug)]
pub(crate) struct Facade {
    /// Objects and operations. Thread 0 is the main one.
    pub(crate) core: Program,
    /// Who starts each thread, in a scope of its own; a thread with a lower number. For the main one
    /// it says nothing.
    pub(crate) parents: Vec<usize>,
    /// After how many items a thread opens its scope.
    pub(crate) late: usize,
    /// Whether words are awaited by busy-waits.
    pub(crate) spins: bool,
    /// The switches.
    pub(crate) semantics: Semantics,
    /// Where the orders and fences of the items come from.
    seeds: Vec<u8>,
}

/// The orders of an item, and the fence before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    pub(crate) load: Ordering,
    pub(crate) store: Ordering,
    pub(crate) modify: Ordering,
    pub(crate) fence: Option<Ordering>,
}

impl Facade {
    /// The orders of item `at` of a thread.
    pub(crate) fn orders(&self, thread: usize, at: usize) -> Orders {
        let seed = self.seeds[(7 * thread + at) % self.seeds.len()];
        let order = usize::from(seed & 15);
        Orders {
            load: [SeqCst, Acquire, Relaxed][order % 3],
            store: [SeqCst, Release, Relaxed][order % 3],
            modify: [SeqCst, AcqRel, Acquire, Release, Relaxed][order % 5],
            fence: match seed >> 4 {
                12 => Some(Acquire),
                13 => Some(Release),
                14 => Some(AcqRel),
                15 => Some(SeqCst),
                _ => None,
            },
        }
    }

    /// Whom a thread has to join.
    pub(crate) fn children(&self, parent: usize) -> impl Iterator<Item = usize> + '_ {
        (1..self.core.threads.len()).filter(move |&thread| self.parents[thread] == parent)
    }

    /// A thread, its parent, and so on.
    fn line(parents: &[usize], thread: usize) -> Vec<usize> {
        let mut line = vec![thread];
        while let Some(&last) = line.last().filter(|&&last| last > 0) {
            line.push(parents[last]);
        }
        line
    }

    /// Who wakes `thread` in `unparks`: how many steps up its line.
    pub(crate) fn steps_up(&self, thread: usize, unparked: usize) -> usize {
        let line = Self::line(&self.parents, thread);
        let found = line.iter().position(|&other| other == unparked);
        found.expect("a thread knows itself and who started it")
    }

    /// The operations.
    pub(crate) fn ops(&self) -> impl Iterator<Item = Op> + '_ {
        let items = self.core.threads.iter().flatten();
        items.filter_map(|item| match item {
            Item::Do(op) => Some(*op),
            Item::Skip { .. } => None,
        })
    }

    /// Whether it has atomic words or fences, so that memory models differ on it.
    pub(crate) fn is_weak(&self) -> bool {
        self.ops().any(|op| {
            matches!(
                op,
                Op::Load(_) | Op::Store(..) | Op::Modify(..) | Op::Await(..)
            )
        })
    }

    /// Whether the oracle's truth is its truth: threads are there from the beginning.
    pub(crate) fn is_covered(&self) -> bool {
        self.late == 0
    }

    /// The oracle's switches.
    pub(crate) fn switches(&self) -> Switches {
        Switches {
            notify: self.semantics.notify,
            spurious: self.semantics.spurious,
            tells_woken: false,
        }
    }
}

impl Display for Facade {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.core)?;
        for (thread, items) in self.core.threads.iter().enumerate() {
            write!(
                f,
                "orders of thread {thread}, started by {}:",
                self.parents[thread]
            )?;
            for at in 0..items.len() {
                let Orders {
                    load,
                    store,
                    modify,
                    fence,
                } = self.orders(thread, at);
                write!(f, " {at}: {load:?}/{store:?}/{modify:?}")?;
                if let Some(fence) = fence {
                    write!(f, " after a fence {fence:?}")?;
                }
            }
            writeln!(f)?;
        }
        let (late, spins, semantics) = (self.late, self.spins, self.semantics);
        writeln!(f, "late {late}, spins {spins}, {semantics:?}")
    }
}

/// Programs with at most so many operations; `covered`: only such as the oracle knows.
pub(crate) fn facades(operations: usize, covered: bool) -> impl Strategy<Value = Facade> {
    let swait = prop_oneof![
        Just(SwaitOrder::Scan),
        Just(SwaitOrder::Weak),
        Just(SwaitOrder::Strict)
    ];
    let late = if covered { 0..1_usize } else { 0..3 };
    let spins = if covered { 0.0 } else { 0.5 };
    (
        generate::programs(operations),
        vec(any::<u8>(), 12),
        vec(any::<u8>(), 4),
        (late, prop::bool::weighted(spins)),
        (swait, any::<bool>(), prop::bool::weighted(0.2)),
    )
        .prop_map(
            |(core, seeds, parents, (late, spins), (swait, fifo, spurious))| {
                let parents: Vec<usize> = (0..core.threads.len())
                    .map(|thread| usize::from(parents[thread]) % thread.max(1))
                    .collect();
                let mut core = core;
                for (thread, items) in core.threads.iter_mut().enumerate() {
                    for item in items {
                        if let Item::Do(op) = item {
                            *op = fitting(*op, &Facade::line(&parents, thread), swait);
                        }
                    }
                }
                let semantics = Semantics {
                    notify: if fifo {
                        NotifyOrder::Fifo
                    } else {
                        NotifyOrder::Any
                    },
                    spurious,
                    swait,
                    ..Semantics::DEFAULT
                };
                Facade {
                    core,
                    parents,
                    late,
                    spins,
                    semantics,
                    seeds,
                }
            },
        )
}

/// The operation nearest to `op` that the facade has, for a thread that knows those of its line.
fn fitting(op: Op, line: &[usize], swait: SwaitOrder) -> Op {
    // All sets of a program serve in one order.
    let set = SET
        + match swait {
            SwaitOrder::Weak => 0,
            SwaitOrder::Scan => 1,
            SwaitOrder::Strict => 2,
        };
    let semaphore = |object| {
        if object == SCANNED {
            STRONG + 1
        } else {
            object
        }
    };
    match op {
        Op::TakeAll { object, needs } if (SET..SET + SETS).contains(&object) => {
            Op::TakeAll { object: set, needs }
        }
        Op::GiveAll { object, needs } if (SET..SET + SETS).contains(&object) => {
            Op::GiveAll { object: set, needs }
        }
        Op::Take {
            object,
            units,
            shared,
        } => Op::Take {
            object: semaphore(object),
            units,
            shared,
        },
        Op::Give {
            object,
            units,
            shared,
        } => Op::Give {
            object: semaphore(object),
            units,
            shared,
        },
        // The readers-writers lock cannot be tried: it is as if somebody held it.
        Op::TryTake { object: ROOM, .. } => Op::Choose(1),
        Op::TryTake { object, units } => Op::TryTake {
            object: semaphore(object),
            units,
        },
        Op::Unpark(thread) => Op::Unpark(line[thread % line.len()]),
        // Words of the facade are as wide as those of the machine, and only ever small here.
        Op::Modify(word, Change::Add(value)) => Op::Modify(word, Change::Add(value)),
        op => op,
    }
}
