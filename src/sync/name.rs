//! Names of threads and objects, as reports print them: a word, or a word and a number.

use std::fmt;

/// The name of a thread or of a synchronisation object.
///
/// A name is for readers; it need not be unique. Identity is the creating thread and its counter.
/// Built from a word, or from a word and an index: `"mutex"`, `("chopstick", 3)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    base: &'static str,
    index: Option<usize>,
}

impl Name {
    /// The word without the number.
    #[must_use]
    pub const fn base(self) -> &'static str {
        self.base
    }

    /// The number, where there is one.
    #[must_use]
    pub const fn index(self) -> Option<usize> {
        self.index
    }
}

impl From<&'static str> for Name {
    #[inline]
    fn from(base: &'static str) -> Self {
        Self { base, index: None }
    }
}

impl From<(&'static str, usize)> for Name {
    #[inline]
    fn from((base, index): (&'static str, usize)) -> Self {
        Self {
            base,
            index: Some(index),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{} {index}", self.base),
            None => f.write_str(self.base),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
