//! Random programs, and the interpreter that knows their outcomes.
//!
//! The interpreter visits every interleaving of the operations and shares no code with a checker.
//! All of these programs are sequentially consistent in truth: locks only, or `SeqCst` only.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex as StdMutex, PoisonError};

use super::observed::ended_with;
use crate::scenario::{Instance, Scenario, reached};
use crate::sync::{AtomicUsize, Backend, Body, Mutex, MutexGuard, run_threads};

/// The results of each thread's operations, by thread.
pub(super) type Outcome = Vec<Vec<usize>>;

/// How many atomics there are, and how many locked values.
const OBJECTS: usize = 2;

/// One operation of a thread; numbers are objects, values, and positions in the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Loads; the value is a result.
    Load(usize),
    /// Stores a value.
    Store(usize, usize),
    /// Adds 1; the value before is a result.
    Add(usize),
    /// Locks.
    Lock(usize),
    /// Tries to lock; success is a result, and after a failure the thread goes on elsewhere.
    TryLock { mutex: usize, otherwise: usize },
    /// Reads what a held lock protects, which is a result, and replaces it.
    Replace(usize, usize),
    /// Unlocks.
    Unlock(usize),
}

/// A random program.
#[derive(Clone, Debug)]
pub(super) struct Generated {
    threads: Vec<Vec<Op>>,
    /// The outcome that is marked [`Generated::MARK`].
    pub(super) wanted: Option<Outcome>,
}

impl Generated {
    /// The mark of the wanted outcome.
    pub(super) const MARK: &'static str = "the wanted outcome";

    fn new(threads: Vec<Vec<Op>>) -> Self {
        Self {
            threads,
            wanted: None,
        }
    }

    /// Two threads of two `SeqCst` accesses each to so many atomics, of which there are two.
    pub(super) fn accesses(random: &mut Random, atomics: usize) -> Self {
        let mut value = 0;
        let mut access = || {
            let atomic = random.below(atomics);
            value += 1;
            match random.below(3) {
                0 => Op::Load(atomic),
                1 => Op::Store(atomic, value),
                _ => Op::Add(atomic),
            }
        };
        Self::new((0..2).map(|_| (0..2).map(|_| access()).collect()).collect())
    }

    /// Two threads of two critical sections each, one after the other or one in the other.
    pub(super) fn mutexes(random: &mut Random) -> Self {
        let mut value = 0;
        let mut thread = || {
            value += 2;
            let (outer, inner) = (Op::Replace(0, value), Op::Replace(1, value + 1));
            if random.below(2) == 0 {
                // Always in this order, so that nothing deadlocks.
                return vec![
                    Op::Lock(0),
                    outer,
                    Op::Lock(1),
                    inner,
                    Op::Unlock(1),
                    Op::Unlock(0),
                ];
            }
            let mut section = |at| {
                let mutex = random.below(OBJECTS);
                [
                    Op::Lock(mutex),
                    Op::Replace(mutex, value + at),
                    Op::Unlock(mutex),
                ]
            };
            [section(0), section(1)].concat()
        };
        Self::new(vec![thread(), thread()])
    }

    /// Two threads of two critical sections each; each is waited for or tried.
    pub(super) fn tries(random: &mut Random) -> Self {
        let mut value = 0;
        let mut thread = || {
            let mut ops = Vec::new();
            for _ in 0..2 {
                let mutex = random.below(OBJECTS);
                let otherwise = ops.len() + 3;
                value += 1;
                ops.push(match random.below(2) {
                    0 => Op::Lock(mutex),
                    _ => Op::TryLock { mutex, otherwise },
                });
                ops.extend([Op::Replace(mutex, value), Op::Unlock(mutex)]);
            }
            ops
        };
        Self::new(vec![thread(), thread()])
    }

    /// Every outcome that the program has in truth.
    pub(super) fn outcomes(&self) -> BTreeSet<Outcome> {
        let mut found = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut todo = vec![State {
            at: vec![0; self.threads.len()],
            atomics: [0; OBJECTS],
            locked: [(0, false); OBJECTS],
            results: vec![Vec::new(); self.threads.len()],
        }];
        while let Some(state) = todo.pop() {
            let next = (0..self.threads.len())
                .filter_map(|thread| state.step(thread, &self.threads[thread]));
            todo.extend(next.filter(|next| seen.insert(next.clone())));
            let over = state
                .at
                .iter()
                .zip(&self.threads)
                .all(|(at, ops)| *at == ops.len());
            if over {
                found.insert(state.results);
            }
        }
        found
    }
}

/// A state of the interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// Position of each thread.
    at: Vec<usize>,
    atomics: [usize; OBJECTS],
    /// What a lock protects, and whether it is held.
    locked: [(usize, bool); OBJECTS],
    results: Outcome,
}

impl State {
    /// The state after the next operation of `thread`, if it can do it.
    fn step(&self, thread: usize, ops: &[Op]) -> Option<Self> {
        let mut next = self.clone();
        let results = &mut next.results[thread];
        next.at[thread] += 1;
        match *ops.get(self.at[thread])? {
            Op::Load(atomic) => results.push(next.atomics[atomic]),
            Op::Store(atomic, value) => next.atomics[atomic] = value,
            Op::Add(atomic) => {
                results.push(next.atomics[atomic]);
                next.atomics[atomic] += 1;
            }
            Op::Lock(mutex) => {
                if next.locked[mutex].1 {
                    return None;
                }
                next.locked[mutex].1 = true;
            }
            Op::TryLock { mutex, otherwise } => {
                let free = !next.locked[mutex].1;
                results.push(usize::from(free));
                next.locked[mutex].1 = true;
                if !free {
                    next.at[thread] = otherwise;
                }
            }
            Op::Replace(mutex, value) => {
                results.push(std::mem::replace(&mut next.locked[mutex].0, value));
            }
            Op::Unlock(mutex) => next.locked[mutex].1 = false,
        }
        Some(next)
    }
}

impl Scenario for Generated {
    fn name(&self) -> &'static str {
        "calibration/generated"
    }

    fn marks(&self) -> Vec<&'static str> {
        vec![Self::MARK]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let shared = Objects::<B> {
            atomics: [
                AtomicUsize::<B>::new(("atomic", 0), 0),
                AtomicUsize::<B>::new(("atomic", 1), 0),
            ],
            locked: [Mutex::new(("mutex", 0), 0), Mutex::new(("mutex", 1), 0)],
        };
        // Not a lock that a checker knows: results are no steps of the search.
        let results = StdMutex::new(vec![Vec::new(); self.threads.len()]);
        let (shared, results) = (&shared, &results);
        let bodies = self.threads.iter().enumerate().map(|(index, ops)| {
            let body: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
                let of_thread = shared.run(ops);
                results.lock().unwrap_or_else(PoisonError::into_inner)[index] = of_thread;
            });
            (("thread", index).into(), body)
        });
        run_threads::<B>(bodies.collect::<Vec<Body<'_>>>());
        let outcome = std::mem::take(&mut *results.lock().unwrap_or_else(PoisonError::into_inner));
        if Some(&outcome) == self.wanted.as_ref() {
            reached::<B>(Self::MARK);
        }
        ended_with(outcome);
    }
}

/// The objects of an execution.
struct Objects<B: Backend> {
    atomics: [AtomicUsize<B>; OBJECTS],
    locked: [Mutex<B, usize>; OBJECTS],
}

impl<B: Backend> Objects<B> {
    /// A thread's operations and their results.
    fn run(&self, ops: &[Op]) -> Vec<usize> {
        let mut results = Vec::new();
        let mut held: [Option<MutexGuard<'_, B, usize>>; OBJECTS] = [None, None];
        let mut at = 0;
        // SeqCst throughout: that all accesses are in one order is what the interpreter assumes.
        while let Some(&op) = ops.get(at) {
            at += 1;
            match op {
                Op::Load(atomic) => results.push(self.atomics[atomic].load(SeqCst)),
                Op::Store(atomic, value) => self.atomics[atomic].store(value, SeqCst),
                Op::Add(atomic) => results.push(self.atomics[atomic].fetch_add(1, SeqCst)),
                Op::Lock(mutex) => held[mutex] = Some(self.locked[mutex].lock()),
                Op::TryLock { mutex, otherwise } => {
                    held[mutex] = self.locked[mutex].try_lock();
                    results.push(usize::from(held[mutex].is_some()));
                    if held[mutex].is_none() {
                        at = otherwise;
                    }
                }
                Op::Replace(mutex, value) => {
                    let guard = held[mutex].as_mut().expect("generated inside the section");
                    results.push(std::mem::replace(guard, value));
                }
                Op::Unlock(mutex) => held[mutex] = None,
            }
        }
        results
    }
}

/// Numbers from a fixed seed (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
/// OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `n`, which is small and at least 1.
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The high half, as the remainder of a small divisor keeps it unbiased enough.
        usize::try_from((z >> 32) % n as u64).expect("a remainder of a usize fits one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(threads: Vec<Vec<Op>>) -> Vec<Outcome> {
        Generated::new(threads).outcomes().into_iter().collect()
    }

    #[test]
    fn the_interpreter_sees_every_interleaving_of_accesses() {
        // What loom shows one outcome of.
        let programs = vec![
            vec![Op::Load(0), Op::Load(0)],
            vec![Op::Load(0), Op::Store(0, 1)],
        ];
        let expected = [
            [vec![0, 0], vec![0]],
            [vec![0, 1], vec![0]],
            [vec![1, 1], vec![0]],
        ]
        .map(Vec::from);
        assert_eq!(outcomes(programs), expected);
    }

    #[test]
    fn the_interpreter_lets_one_thread_into_a_critical_section() {
        let section = |value| vec![Op::Lock(0), Op::Replace(0, value), Op::Unlock(0)];
        let expected = [[vec![0], vec![1]], [vec![2], vec![0]]].map(Vec::from);
        assert_eq!(outcomes(vec![section(1), section(2)]), expected);
    }

    #[test]
    fn a_failed_try_skips_its_critical_section() {
        let waits = vec![Op::Lock(0), Op::Replace(0, 1), Op::Unlock(0)];
        let tries = vec![
            Op::TryLock {
                mutex: 0,
                otherwise: 3,
            },
            Op::Replace(0, 2),
            Op::Unlock(0),
        ];
        let expected = [
            [vec![0], vec![0]],
            [vec![0], vec![1, 1]],
            [vec![2], vec![1, 0]],
        ]
        .map(Vec::from);
        assert_eq!(outcomes(vec![waits, tries]), expected);
    }
}
