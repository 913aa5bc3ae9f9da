//! What an algorithm tells its observer: labels, failed requirements, marks, choices, checkpoints.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::sync::backend::{Composite, Kind, Moment};
use crate::sync::{Backend, Name, Property};

/// The identity of a composite object in traces and reports; nothing on the os backend.
pub struct Label<B: Backend> {
    inner: B::Label,
}

impl<B: Backend> Label<B> {
    /// A new identity.
    #[inline]
    #[track_caller]
    pub fn new(kind: Kind, name: impl Into<Name>) -> Self {
        Self {
            inner: B::label(kind, name.into()),
        }
    }

    /// The calling thread begins `step`; what it does until [`Label::end`] belongs to it.
    #[inline]
    #[track_caller]
    pub fn begin(&self, step: Composite) {
        B::begin(&self.inner, step);
    }

    /// The calling thread passes a moment of this observer: see [`Backend::moment`].
    #[inline]
    #[track_caller]
    pub fn moment(&self, step: Composite) -> Option<Moment> {
        B::moment(&self.inner, step)
    }

    /// The step begun last is done, or was refused.
    #[inline]
    #[track_caller]
    pub fn end(&self, step: Composite, done: bool) {
        B::end(&self.inner, step, done);
    }
}

impl<B: Backend> fmt::Debug for Label<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Label").finish_non_exhaustive()
    }
}

/// Fails `property` unless `holds`: ends the execution on a checking backend, panics on os.
#[inline]
#[track_caller]
pub fn require<B: Backend>(property: Property, holds: bool, message: impl FnOnce() -> String) {
    if !holds {
        B::fail(property, message());
    }
}

/// Says that the situation `mark` occurs, for [`Property::Reachability`].
#[inline]
pub fn reached<B: Backend>(mark: &'static str) {
    B::reached(mark);
}

/// One of `0..n`, recorded by checking backends as part of the execution.
///
/// # Panics
/// When `n` is 0.
#[inline]
#[track_caller]
#[must_use]
pub fn choose<B: Backend>(name: impl Into<Name>, n: usize) -> usize {
    assert!(n > 0, "a choice among nothing");
    B::choose(name.into(), n)
}

/// Promises that all that the calling thread will ever use of its past is in `locals`; for the head
/// of a loop.
///
/// A search that compares states takes a thread for the same when it has seen the same. With the
/// promise it forgets what came before `locals`, so that the rounds of a loop can be the same state
/// again. On other backends nothing, and nothing is hashed.
///
/// A promise that is not kept can hide executions: name every local variable that is read later,
/// the loop's counter included. What is behind mutexes, atomics and [`Shared`](super::Shared) need
/// not be named.
///
/// ```
/// use crosscheck::sync::{Backend, Mutex, checkpoint};
///
/// fn work<B: Backend>(done: &Mutex<B, usize>, rounds: usize) {
///     for round in 0..rounds {
///         checkpoint::<B>(&round);
///         *done.lock() += 1;
///     }
/// }
/// ```
#[inline]
#[track_caller]
pub fn checkpoint<B: Backend>(locals: &impl Hash) {
    B::checkpoint(|| digest(locals));
}

/// Says that what this thread does from here to its next operation depends on memory that no backend
/// knows of, such as an observer's own counter: a search then runs this code in every
/// execution, where it would else repeat what it did before. To be called where the value is used,
/// by a scenario that is [`CLOSED`](crate::scenario::Scenario::CLOSED) otherwise.
#[inline]
pub fn looks_outside<B: Backend>() {
    B::looks_outside();
}

/// The same for the same value, in every execution and on every thread.
pub(super) fn digest(value: &impl Hash) -> u64 {
    // Its keys are fixed, those of a `RandomState` are not.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
