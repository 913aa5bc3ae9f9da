//! How far a search is, told while it runs: for people who wait.
//!
//! A search offers what it knows every so often; whoever runs it may have installed a listener.
//! Nothing of this is part of a verdict.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Executions so far.
    pub executions: u64,
    /// States so far, where they are kept.
    pub states: u64,
    /// A lower bound of the part of the search that is done, between 0 and 1: Knuth's weights on the
    /// path of the search, with what is not known yet left out.
    pub at_least: f64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} executions", self.executions)?;
        if self.states > 0 {
            write!(f, ", {} states", self.states)?;
        }
        // Rounded down: it is a lower bound.
        let percent = (self.at_least * 1000.0).floor() / 10.0;
        write!(f, ", at least {percent:.1} % of the search")
    }
}

/// How often a listener is told.
const EVERY: Duration = Duration::from_millis(500);

type Listener = Box<dyn FnMut(Estimate)>;

thread_local! {
    static LISTENER: RefCell<Option<(Listener, Instant)>> = const { RefCell::new(None) };
}

/// Tells the searches of this thread's calls of `run` to `listener`, about twice a second.
pub fn listening<T>(listener: impl FnMut(Estimate) + 'static, run: impl FnOnce() -> T) -> T {
    let before = LISTENER.replace(Some((Box::new(listener), Instant::now())));
    let result = run();
    LISTENER.set(before);
    result
}

/// Offers an estimate; it is made only when somebody listens and it is time.
pub(super) fn offer(estimate: impl FnOnce() -> Estimate) {
    LISTENER.with_borrow_mut(|listener| {
        if let Some((listener, last)) = listener
            && last.elapsed() >= EVERY
        {
            *last = Instant::now();
            listener(estimate());
        }
    });
}
