//! Observers: of who is inside, of who meets whom, and of what went in and came out.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::sync::{
    AtomicUsize, Backend, Composite, Kind, Label, Name, Property, looks_outside, reached, require,
};

/// A region that admits at most so many threads at once; fails [`Property::MutualExclusion`].
///
/// An observer, not a lock: it never blocks and is no step of the search. On the os backend
/// without a checker it observes nothing.
pub struct Zone<B: Backend> {
    label: Label<B>,
}

impl<B: Backend> Zone<B> {
    /// A critical section: at most one thread inside.
    #[track_caller]
    pub fn exclusive(name: impl Into<Name>) -> Self {
        Self::admitting(name, 1)
    }

    /// A region for at most `limit` threads; at least 1.
    #[track_caller]
    pub fn admitting(name: impl Into<Name>, limit: usize) -> Self {
        Self::of(Property::MutualExclusion, name, limit)
    }

    /// A region for at most `limit` threads, of which more fail `property`.
    #[track_caller]
    pub(super) fn of(property: Property, name: impl Into<Name>, limit: usize) -> Self {
        Self {
            label: Label::new(Kind::Zone { limit, property }, name),
        }
    }

    /// The calling thread enters; it leaves when the stay is dropped.
    #[track_caller]
    pub fn enter(&self) -> Stay<'_, B> {
        self.label.begin(Composite::Enter);
        Stay { zone: self }
    }
}

impl<B: Backend> fmt::Debug for Zone<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone").finish_non_exhaustive()
    }
}

/// A thread's stay in a [`Zone`]; leaves on drop.
#[must_use = "the zone is left at once if the stay is not kept"]
pub struct Stay<'a, B: Backend> {
    zone: &'a Zone<B>,
}

impl<B: Backend> Drop for Stay<'_, B> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.zone.label.begin(Composite::Leave);
        }
    }
}

impl<B: Backend> fmt::Debug for Stay<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stay").finish_non_exhaustive()
    }
}

/// A place where so many threads have to be at once in some execution, for
/// [`Property::Reachability`].
///
/// Unlike a [`Zone`] it is part of the search: whether threads meet depends on the order in which
/// they come and go.
pub struct Gathering<B: Backend> {
    present: AtomicUsize<B>,
    size: usize,
    mark: &'static str,
}

impl<B: Backend> Gathering<B> {
    /// Reaches `mark` as soon as `size` threads are there at once.
    #[track_caller]
    pub fn new(name: impl Into<Name>, size: usize, mark: &'static str) -> Self {
        Self {
            present: AtomicUsize::<B>::new(name, 0),
            size,
            mark,
        }
    }

    /// The calling thread is there while `stay` runs.
    #[track_caller]
    pub fn attend<R>(&self, stay: impl FnOnce() -> R) -> R {
        // Here and below: an observer, which must not order what it observes, as Relaxed does not.
        if self.present.observing_add(1) + 1 >= self.size {
            reached::<B>(self.mark);
        }
        let result = stay();
        self.present.observing_sub(1);
        result
    }
}

impl<B: Backend> fmt::Debug for Gathering<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

/// The books of a buffer: which items went in, and which came out where.
///
/// Items are (producer, number); a producer numbers its items upwards. Invisible to the search.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    produced: Vec<(usize, usize)>,
    /// (consumer, item) in the order in which they were written down.
    consumed: Vec<(usize, (usize, usize))>,
}

impl Ledger {
    /// Empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `item` is about to go in.
    pub fn produced(&self, item: (usize, usize)) {
        self.books().produced.push(item);
    }

    /// `item` came out at `consumer`.
    pub fn consumed(&self, consumer: usize, item: (usize, usize)) {
        self.books().consumed.push((consumer, item));
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks, when all is over, that every item came out once and nothing else did, and that
    /// every consumer saw each producer's items in their order.
    #[track_caller]
    pub fn settle<B: Backend>(&self) {
        looks_outside::<B>();
        let (produced, mut consumed, order) = {
            let books = self.books();
            let mut produced = books.produced.clone();
            produced.sort_unstable();
            let consumed: Vec<_> = books.consumed.iter().map(|(_, item)| *item).collect();
            (produced, consumed, books.consumed.clone())
        };
        consumed.sort_unstable();
        require::<B>(Property::Conservation, produced == consumed, || {
            format!(
                "went in: {}; came out: {}",
                list(&produced),
                list(&consumed)
            )
        });
        for (at, (consumer, (producer, number))) in order.iter().enumerate() {
            let late = order[..at].iter().find(|(other, (from, earlier))| {
                other == consumer && from == producer && earlier > number
            });
            require::<B>(Property::FifoOrder, late.is_none(), || {
                format!(
                    "consumer {consumer} saw item {number} of producer {producer} after a later one"
                )
            });
        }
    }
}

fn list(items: &[(usize, usize)]) -> String {
    let items: Vec<String> = items.iter().map(|(p, n)| format!("{p}.{n}")).collect();
    if items.is_empty() {
        "nothing".to_owned()
    } else {
        items.join(" ")
    }
}
