//! The barrier: so many threads wait for each other, again and again.

use std::fmt;

use super::Gate;
use crate::sync::{Backend, BarrierApi, Composite, Kind, Label, Name};

/// A place that threads leave together: nobody goes on before all have arrived.
///
/// It closes again behind them, so it serves round after round. What any thread did before it
/// arrived happens before what any does after it has left.
///
/// ```
/// use crosscheck::primitives::Barrier;
/// use crosscheck::sync::{Os, run_threads};
///
/// let barrier = Barrier::<Os>::new("round", 2);
/// run_threads::<Os>(vec![
///     ("one".into(), Box::new(|| { barrier.arrive(); })),
///     ("two".into(), Box::new(|| { barrier.arrive(); })),
/// ]);
/// ```
pub struct Barrier<B: Backend> {
    label: Label<B>,
    build: Build<B>,
}

enum Build<B: Backend> {
    /// No more than this: on the os backend nothing of this variant may take space.
    Native(B::Barrier),
    Gate {
        parties: u32,
        gate: Gate<B, Round>,
    },
}

#[derive(Default)]
struct Round {
    /// Its number, so that who waits for its end is not caught in the next.
    number: u64,
    arrived: u32,
}

impl<B: Backend> Barrier<B> {
    /// A barrier for `parties` threads.
    ///
    /// # Panics
    /// When `parties` is 0 or more than `u32::MAX`.
    #[track_caller]
    pub fn new(name: impl Into<Name>, parties: usize) -> Self {
        assert!(parties > 0, "a barrier for nobody");
        let parties = u32::try_from(parties).expect("a barrier is for at most u32::MAX threads");
        let name = name.into();
        let build = match B::Barrier::new(name, parties) {
            Some(barrier) => Build::Native(barrier),
            None => Build::Gate {
                parties,
                gate: Gate::new(name, Round::default()),
            },
        };
        Self {
            label: Label::new(Kind::Barrier, name),
            build,
        }
    }

    /// Waits until all have arrived; `true` for the one that came last. Blocks.
    #[track_caller]
    pub fn arrive(&self) -> bool {
        let step = Composite::Acquire(1);
        self.label.begin(step);
        let last = self.wait_for_all();
        self.label.end(step, true);
        last
    }

    #[track_caller]
    fn wait_for_all(&self) -> bool {
        match &self.build {
            Build::Native(barrier) => barrier.arrive(),
            Build::Gate { parties, gate } => {
                let mut joined = None;
                gate.when(|round| match joined {
                    Some(number) => (round.number != number).then_some(false),
                    None => {
                        round.arrived += 1;
                        if round.arrived == *parties {
                            round.arrived = 0;
                            round.number += 1;
                            return Some(true);
                        }
                        joined = Some(round.number);
                        None
                    }
                })
            }
        }
    }
}

impl<B: Backend> fmt::Debug for Barrier<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;

    use super::Barrier;
    use crate::sync::{Os, run_threads};

    #[test]
    fn nobody_is_a_round_ahead() {
        const ROUNDS: usize = 200;
        let barrier = Barrier::<Os>::new("barrier", 3);
        let (arrivals, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let thread = || {
            for round in 1..=ROUNDS {
                // SeqCst: the test must not be what orders the rounds wrongly.
                arrivals.fetch_add(1, SeqCst);
                if barrier.arrive() {
                    // SeqCst: as above.
                    last.fetch_add(1, SeqCst);
                }
                // SeqCst: as above.
                assert!(arrivals.load(SeqCst) >= 3 * round);
            }
        };
        run_threads::<Os>(vec![
            ("a".into(), Box::new(thread)),
            ("b".into(), Box::new(thread)),
            ("c".into(), Box::new(thread)),
        ]);
        assert_eq!(last.into_inner(), ROUNDS);
    }

    #[test]
    fn alone_at_a_barrier_for_one() {
        assert!(Barrier::<Os>::new("barrier", 1).arrive());
    }
}
