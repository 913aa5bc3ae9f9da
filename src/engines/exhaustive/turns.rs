//! Executions without a search, in which threads take turns: what the runner and the model cost by
//! themselves.

use super::driver::Driver;
use super::engine::{Known, Runner, settings};
use super::execution::Execution;
use super::explorer::Decision;
use super::world::World;
use crate::engines::check::Job;
use crate::sync::stepping::ThreadId;

/// Threads take turns: at each step another goes on, if another can.
pub(super) struct Turns {
    last: ThreadId,
}

impl Turns {
    pub(super) fn decide(&mut self, world: &World) -> Decision {
        let threads = world.thread_count();
        let others = (self.last + 1..threads).chain(0..=self.last.min(threads - 1));
        let next = others.into_iter().find(|&thread| world.enabled(thread));
        next.map_or(Decision::Over, |thread| {
            self.last = thread;
            Decision::Step {
                thread,
                alternative: 0,
            }
        })
    }
}

/// Runs so many executions of a program, in which its threads take turns at every step, and decides
/// nothing of it; how many steps that were.
///
/// It is there to be measured: a search that runs code takes as long for each step, and what it does
/// itself.
#[must_use]
pub fn in_turns(job: &Job<'_>, executions: u64) -> u64 {
    let (mut begun, mut steps) = (0, 0);
    let mut go_on = |execution: &Execution<'_>| {
        steps += u64::from(execution.inner.borrow().world.applied());
        begun += 1;
        begun <= executions
    };
    let driver = Driver::Turns(Turns { last: 0 });
    let settings = settings(job, true, false);
    Runner::Coroutines.run(job, settings, driver, None, Known::Nothing, &mut go_on);
    steps
}
