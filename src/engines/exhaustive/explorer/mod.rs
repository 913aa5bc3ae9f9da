//! What to run next: searches that know operations and happens-before, and nothing of how code runs.
//!
//! 1. [`Explorer`]: what a runner asks, and what it is told.
//! 2. [`order`]: happens-before of one execution, in sets of [`events`].
//! 3. [`race`]: which races can be reversed, and the sequence that reverses each.
//! 4. [`optimal`]: Optimal-DPOR, one execution a Mazurkiewicz trace; [`wakeup`]: its wakeup trees.
//! 5. [`source`]: Source-DPOR with sleep sets, the check of the former.
//! 6. [`states`]: state caching with sleep sets; [`table`]: where it keeps them; [`shared`]: what
//!    several workers of it share; [`keys`]: what states are known by.
//! 7. [`minimise`]: the same trace with the fewest preemptions.
//! 8. [`nearest`]: the execution nearest to a failing one that passes.
//! 9. [`hang`]: deadlocks that only wake-ups which nobody causes would end.
//! 10. [`graph`]: every state and every step, without any reduction, for questions about infinite
//!     executions.

pub mod events;
pub mod graph;
pub mod hang;
pub mod keys;
pub mod minimise;
pub mod nearest;
pub mod optimal;
pub mod order;
pub mod race;
pub mod shared;
pub mod source;
pub mod states;
pub mod table;
pub mod wakeup;

use serde::{Deserialize, Serialize};

use super::world::World;
use super::world::event::Event;
use super::world::footprint::Footprint;
use crate::sync::stepping::{Op, Place, ThreadId};

/// What a runner does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Apply a thread's announced operation.
    Step {
        /// Whose.
        thread: ThreadId,
        /// Which alternative of it.
        alternative: u32,
    },
    /// Nobody can move: the execution is complete.
    Over,
    /// The rest of this execution has been visited: give it up.
    Cut,
}

impl From<Choice> for Decision {
    fn from(choice: Choice) -> Self {
        Self::Step {
            thread: choice.thread,
            alternative: choice.alternative,
        }
    }
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nobody could move any more.
    Complete,
    /// A property failed in a silent step, so that the rest of it was not run.
    Failed,
    /// The search gave it up.
    Cut,
}

/// The program behaves differently on the same schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// In which step, from 0.
    pub step: usize,
    /// The thread.
    pub thread: ThreadId,
    /// What it announced before, and where; none: that was before the search was resumed.
    pub before: Option<(Op, Place)>,
    /// What it announced now, if anything.
    pub now: Option<(Op, Place)>,
}

/// Sums over a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Executions that ran to their end.
    pub complete: u64,
    /// Executions that sleep sets or known states ended early.
    pub cut: u64,
    /// Distinct states, where they are kept.
    pub states: u64,
    /// The most steps in an execution.
    pub steps: usize,
}

/// A search.
pub trait Explorer {
    /// A new execution begins; `false` when nothing is left.
    fn begin(&mut self) -> bool;

    /// Who goes on; asked whenever every thread has announced or ended.
    ///
    /// # Errors
    /// [`Divergence`] when the program does not repeat what it did on the same schedule.
    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>>;

    /// The execution has ended; the world is as it was at its end.
    fn end(&mut self, world: &World, ended: Ended);

    /// How many steps the execution that begins has in common with the one before, where the search
    /// comes back to points of it.
    fn common(&self) -> usize {
        0
    }

    /// The execution stands where it is after so many of the steps that it has in common.
    fn skip(&mut self, steps: usize) {
        debug_assert_eq!(steps, 0, "only what is in common can be skipped");
    }

    /// Whether the search will come back to the point where it has just decided.
    fn comes_back(&self) -> bool {
        false
    }

    /// The execution that has begun begins once more, with the same steps.
    fn once_more(&mut self) {}

    /// Forgets all that has been visited and begins anew with the next execution; for searches
    /// over states, which are asked when states turn out to hold more.
    fn restart(&mut self) {}

    /// Sums so far.
    fn counts(&self) -> Counts;

    /// The events of the execution so far.
    fn events(&self) -> Vec<Event>;

    /// The steps of the execution so far, and what each was.
    fn schedule(&self) -> Vec<Taken> {
        self.events().iter().map(Taken::of).collect()
    }

    /// The order of the events, where the search keeps it.
    fn order(&self) -> Option<&order::Order> {
        None
    }

    /// Steps of the execution that has just ended after which nobody can move but by waking by
    /// itself, and somebody has not ended; where the search does not come to every such state itself.
    fn hang(&mut self, world: &World) -> Option<Vec<Event>> {
        let _ = world;
        None
    }

    /// A lower bound of the part of the search that is done, between 0 and 1.
    fn progress(&self) -> f64;

    /// Bytes that the search holds, roughly.
    fn memory(&self) -> usize;

    /// What the search has to know to go on later; to be asked for between executions, of a search
    /// that is not over. None: it cannot.
    fn memo(&self) -> Option<Memo> {
        None
    }
}

/// What a search knows between two executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Memo {
    /// Of [`optimal`].
    Optimal(optimal::Memo),
    /// Of [`states`].
    States(states::Memo),
}

impl Memo {
    /// The search that goes on.
    #[must_use]
    pub fn into_explorer(self) -> Box<dyn Explorer> {
        match self {
            Self::Optimal(memo) => Box::new(optimal::Optimal::from(memo)),
            Self::States(memo) => Box::new(states::States::from(memo)),
        }
    }
}

/// From more alternatives of one choice on they are counted, each after the one before it, and not put
/// down at once: their number may be any of 32 bits.
pub const MANY: u32 = 256;

/// The alternative of a step that is visited after another one, where they are counted.
fn after_alternative(alternative: u32, alternatives: u32) -> Option<u32> {
    let next = alternative.checked_add(1)?;
    (alternatives > MANY && next < alternatives).then_some(next)
}

/// How many of the alternatives of a step are put down at once.
fn put_down(alternatives: u32) -> u32 {
    if alternatives > MANY { 1 } else { alternatives }
}

/// Knuth's estimate (Mathematics of Computation 29, 1975) as a lower bound: each point shares its
/// weight among the branches known so far, given as finished ones and ones still to come.
fn weighed(points: impl Iterator<Item = (u32, usize)>) -> f64 {
    let mut weight = 1.0;
    let mut done = 0.0;
    for (finished, rest) in points {
        weight /= f64::from(finished + 1) + rest as f64;
        done += weight * f64::from(finished);
    }
    done
}

/// A step that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Who, and which alternative.
    pub choice: Choice,
    /// What it was.
    pub op: Op,
    /// It ended a wait by itself: nobody had notified it, or left a token.
    pub by_itself: bool,
}

impl Taken {
    /// The step that an event was.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            choice: Choice {
                thread: event.thread,
                alternative: event.alternative,
            },
            op: event.op,
            by_itself: event.is_by_itself(),
        }
    }
}

/// A step as a schedule writes it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Choice {
    /// Who.
    pub thread: ThreadId,
    /// Which alternative.
    pub alternative: u32,
}

/// A step that a search has planned or finished: who, which alternative, and what it touches.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who, and which alternative.
    pub choice: Choice,
    /// What it touches.
    pub footprint: Footprint,
}

impl Clone for Step {
    fn clone(&self) -> Self {
        Self {
            choice: self.choice,
            footprint: Footprint::from_slice(&self.footprint),
        }
    }
}

impl Step {
    /// The step that an event is.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            choice: Choice {
                thread: event.thread,
                alternative: event.alternative,
            },
            footprint: Footprint::from_slice(&event.footprint),
        }
    }
}

/// Whether a planned step can be taken, in an execution that was planned before the search was
/// resumed.
fn possible(world: &World, choice: Choice, step: usize) -> Result<(), Box<Divergence>> {
    if choice.thread < world.thread_count() && world.enabled(choice.thread) {
        return Ok(());
    }
    Err(Box::new(Divergence {
        step,
        thread: choice.thread,
        before: None,
        now: (choice.thread < world.thread_count())
            .then(|| world.announced(choice.thread))
            .flatten(),
    }))
}

/// Whether the thread of a recorded event has announced the same again.
fn same(world: &World, event: &Event, step: usize) -> Result<(), Box<Divergence>> {
    let now = world.announced(event.thread);
    if let Some((op, place)) = now
        && op == event.op
        && (std::ptr::eq(place, event.place) || place == event.place)
    {
        return Ok(());
    }
    Err(Box::new(Divergence {
        step,
        thread: event.thread,
        before: Some((event.op, event.place)),
        now,
    }))
}
