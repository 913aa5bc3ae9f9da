//! What an algorithm tells its observer: labels, failed requirements, marks, choices.

use std::fmt;

use crate::sync::backend::{Composite, Kind};
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
