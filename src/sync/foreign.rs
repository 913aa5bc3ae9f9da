//! Operations of checked programs from threads that are none of theirs.
//!
//! A program that is checked starts its threads with the facade. One that std or a library has started
//! has no turn among those: its operations are refused by a panic, which often reaches the program as
//! somebody else's ("a scoped thread panicked"). So what was refused is noted, for the engine to tell.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many checks go on in this process. Relaxed: it is only asked whether there are any, and what is
/// noted is behind a lock.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

const REFUSED: &str = "called from a thread that is not the program's";

/// Whether there is a note. Relaxed: the note itself is behind a lock, and who asks too early asks again.
static NOTED: AtomicBool = AtomicBool::new(false);

static NOTE: Mutex<Option<String>> = Mutex::new(None);

fn noted() -> MutexGuard<'static, Option<String>> {
    NOTE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A check goes on while this lives.
pub(super) struct Checking(());

impl Checking {
    pub(super) fn begin() -> Self {
        if RUNNING.fetch_add(1, Ordering::Relaxed) == 0 {
            // What is left of checks that are over is nobody's.
            noted().take();
        }
        Self(())
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Refuses an operation of a thread that runs no checked program; `otherwise` says so where no check
/// goes on.
#[cold]
#[track_caller]
pub(super) fn refuse(otherwise: &str) -> ! {
    if RUNNING.load(Ordering::Relaxed) == 0 {
        panic!("{otherwise}");
    }
    let place = Location::caller();
    let message = format!(
        "an operation at {place} was {REFUSED}; start threads with `scope` or `run_threads` of \
         `crosscheck::sync`"
    );
    *noted() = Some(message.clone());
    NOTED.store(true, Ordering::Relaxed);
    panic!("{message}");
}

/// What was refused, for a checked program that panics with this: as one does that waits for threads
/// of std of which one has panicked. Other checks of this process may panic at the same time.
pub(crate) fn take_for(panic: &str) -> Option<String> {
    let of_std = ["a scoped thread panicked", "Any { .. }", REFUSED];
    let is_of_it = of_std.iter().any(|words| panic.contains(words));
    is_of_it.then(take).flatten()
}

fn take() -> Option<String> {
    if !NOTED.swap(false, Ordering::Relaxed) {
        return None;
    }
    noted().take()
}

/// The same at the end of an execution, where it can only have been this check's.
pub(crate) fn take_if_alone() -> Option<String> {
    if NOTED.load(Ordering::Relaxed) && RUNNING.load(Ordering::Relaxed) == 1 {
        take()
    } else {
        None
    }
}
