//! What the executions of a program show, also where no engine of ours watches.
//!
//! loom and shuttle run a program's threads as coroutines on the OS thread that called them, so
//! the notes of one run are a thread-local of that thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::scenario::{Property, reached, require};
use crate::sync::Backend;

/// What came up in the executions of one run.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// Situations.
    pub(super) marks: BTreeSet<&'static str>,
    /// Outcomes of a generated program: the results of each thread's operations.
    pub(super) outcomes: BTreeSet<Vec<Vec<usize>>>,
}

thread_local! {
    static OBSERVED: RefCell<Observed> = RefCell::default();
    /// Whether a property that fails is noted only. A raw checker would end its run with it, and
    /// shuttle would print two lines.
    static NOTES_ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, in which failing properties are only noted, and takes the notes.
pub(super) fn noting(body: impl FnOnce()) -> Observed {
    OBSERVED.take();
    NOTES_ONLY.set(true);
    body();
    NOTES_ONLY.set(false);
    OBSERVED.take()
}

/// The situation `mark` occurs.
pub(super) fn observe<B: Backend>(mark: &'static str) {
    OBSERVED.with_borrow_mut(|observed| observed.marks.insert(mark));
    reached::<B>(mark);
}

/// The situation `mark` occurs, and must not.
#[track_caller]
pub(super) fn forbid<B: Backend>(mark: &'static str) {
    observe::<B>(mark);
    if !NOTES_ONLY.get() {
        require::<B>(Property::Invariant, false, || mark.to_owned());
    }
}

/// An execution ended with `outcome`.
pub(super) fn ended_with(outcome: Vec<Vec<usize>>) {
    OBSERVED.with_borrow_mut(|observed| observed.outcomes.insert(outcome));
}
