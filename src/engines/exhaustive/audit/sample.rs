//! Which executions of a search are run again, and what they were.

use super::linearise::Left;
use crate::engines::exhaustive::driver::Driver;
use crate::engines::exhaustive::explorer::Ended;
use crate::engines::exhaustive::explorer::order::Order;
use crate::engines::exhaustive::world::World;

/// So many executions at the beginning are all run again, in both orders.
const ALL: u64 = 64;

/// Of the others one in so many, in one order and the other by turns.
const ONE_IN: u64 = 48;

/// An execution of a search, as far as the model sees it.
#[derive(Debug)]
pub(super) struct Trace {
    /// The how manieth it is of those that are run again, from 0.
    pub(super) number: u64,
    /// Whether it is run again in both orders.
    pub(super) both: bool,
    /// Its events, in the order of the trace.
    pub(super) order: Order,
    /// What was left at the end.
    pub(super) left: Left,
}

/// The sample of the executions of one search.
#[derive(Debug, Default)]
pub(in crate::engines::exhaustive) struct Sample {
    /// Executions whose code has been run.
    runs: u64,
    /// The one that goes on is in the sample.
    due: bool,
    taken: u64,
    trace: Option<Box<Trace>>,
}

impl Sample {
    /// The code of another execution begins to run.
    pub(in crate::engines::exhaustive) fn begins(&mut self) {
        self.due = self.runs < ALL || self.runs.is_multiple_of(ONE_IN);
        self.runs += 1;
    }

    /// The execution has ended, and the search has not been told yet.
    #[inline]
    pub(in crate::engines::exhaustive) fn ended(
        &mut self,
        driver: &Driver,
        world: &World,
        ended: Ended,
    ) {
        if std::mem::take(&mut self.due) && ended != Ended::Failed {
            self.keep(driver, world);
        }
    }

    #[cold]
    fn keep(&mut self, driver: &Driver, world: &World) {
        let Driver::Search(explorer) = driver else {
            return;
        };
        let threads = 0..world.thread_count();
        let mut order = Order::default();
        for event in explorer.events() {
            order.push(event);
        }
        self.trace = Some(Box::new(Trace {
            number: self.taken,
            both: self.taken < ALL,
            order,
            left: threads.map(|thread| world.announced(thread)).collect(),
        }));
        self.taken += 1;
    }

    /// The execution that has ended last, if it is in the sample; once.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Box<Trace>> {
        self.trace.take()
    }
}
