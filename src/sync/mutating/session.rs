//! What is changed in a run, the sites that the run passes, and its outcomes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mutation::{Change, Mutation};
use super::outcome::{Log, Object, Observation, Outcomes};
use super::site::{Detail, Operation, Site, Sites};
use crate::sync::stepping::Place;

/// One search over one mutant, or over the program as it is.
#[derive(Default)]
pub struct Session {
    mutation: Option<Mutation>,
    /// Whether a stay in a zone is to be a step of its own.
    measures: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sites: Sites,
    threads: BTreeMap<usize, Thread>,
    log: Log,
    outcomes: Outcomes,
    /// The most threads that were in zones at once, in any execution.
    parallelism: usize,
}

/// What is remembered of a thread in this execution.
#[derive(Default)]
struct Thread {
    /// Its last operation, if that was a P.
    last: Option<Site>,
    /// A P that is to happen after the next.
    late: Option<Late>,
    /// Where it took the units that it has, newest last.
    held: Vec<(Object, Place)>,
    /// In how many zones it is.
    stays: usize,
}

/// An operation that was put off.
pub(super) type Late = Box<dyn FnOnce() + Send>;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// The session of this OS thread.
pub(super) fn installed() -> Option<Arc<Session>> {
    CURRENT.with_borrow(Clone::clone)
}

impl Session {
    /// A session that makes this change, or none.
    #[must_use]
    pub fn new(mutation: Option<Mutation>) -> Arc<Self> {
        Arc::new(Self {
            mutation,
            ..Self::default()
        })
    }

    /// As [`Session::new`], where stays in zones are steps: others may come and go meanwhile. Then a
    /// search that visits every state knows how many threads can be in zones at once.
    #[must_use]
    pub fn measuring(mutation: Option<Mutation>) -> Arc<Self> {
        Arc::new(Self {
            mutation,
            measures: true,
            ..Self::default()
        })
    }

    /// What it changes.
    #[must_use]
    pub fn mutation(&self) -> Option<&Mutation> {
        self.mutation.as_ref()
    }

    /// Runs `body` with this as the session of the calling OS thread.
    pub fn install<R>(self: &Arc<Self>, body: impl FnOnce() -> R) -> R {
        struct Restore(Option<Arc<Session>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        body()
    }

    /// An execution begins.
    pub fn begin(&self) {
        let mut state = self.state();
        state.threads.clear();
        state.log = Log::default();
    }

    /// The execution that began last has come to its end.
    pub fn end(&self) {
        let mut state = self.state();
        let outcome = state.log.outcome();
        state.outcomes.all.insert(outcome);
    }

    /// The sites that all executions have passed.
    #[must_use]
    pub fn sites(&self) -> Sites {
        self.state().sites.clone()
    }

    /// The outcomes of all executions that came to their end.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        self.state().outcomes.clone()
    }

    /// The most threads that were in zones at once, in any execution.
    #[must_use]
    pub fn parallelism(&self) -> usize {
        self.state().parallelism
    }

    /// Whether stays in zones are steps.
    pub(super) fn measures(&self) -> bool {
        self.measures
    }

    /// A thread has entered a zone.
    pub(super) fn entered(&self, me: usize) {
        let mut state = self.state();
        state.threads.entry(me).or_default().stays += 1;
        let inside = state.threads.values().filter(|thread| thread.stays > 0);
        state.parallelism = state.parallelism.max(inside.count());
    }

    /// A thread leaves a zone.
    pub(super) fn left(&self, me: usize) {
        let mut state = self.state();
        let stays = &mut state.threads.entry(me).or_default().stays;
        *stays = stays.saturating_sub(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is changed at a site of these.
    pub(super) fn changes(&self, operation: Operation, object: &str) -> Option<Change> {
        let mutation = self.mutation.as_ref()?;
        let here = mutation.site.operation == operation && mutation.site.object == object;
        here.then_some(mutation.change)
    }

    /// A thread is about to do something else than an operation at a site: what it put off has to
    /// happen now.
    pub(super) fn passed(&self, me: usize) -> Option<Late> {
        let mut state = self.state();
        let state = &mut *state;
        let thread = state.threads.entry(me).or_default();
        if let Some(last) = thread.last.take()
            && let Some(seen) = state.sites.get_mut(&last)
        {
            seen.next = seen.next.and(None);
        }
        thread.late.take()
    }

    /// A thread comes to a site: what is changed there, and what it has put off and has to do first.
    pub(super) fn arrived(
        &self,
        me: usize,
        site: Site,
        detail: impl FnOnce() -> Detail,
    ) -> (Option<Change>, Option<Late>) {
        let mut state = self.state();
        let state = &mut *state;
        let thread = state.threads.entry(me).or_default();
        let is_p = site.operation == Operation::P;
        if let Some(last) = thread.last.take()
            && let Some(seen) = state.sites.get_mut(&last)
        {
            seen.next = seen.next.and(is_p.then_some(site));
        }
        thread.last = is_p.then_some(site);
        let seen = state.sites.entry(site).or_default();
        if seen.detail == Detail::None {
            seen.detail = detail();
        }
        let change = self
            .mutation
            .as_ref()
            .filter(|mutation| mutation.site == site)
            .map(|mutation| mutation.change);
        let late = if self.is_partner(site) {
            None
        } else {
            thread.late.take()
        };
        (change, late)
    }

    /// Whether a P that was put off happens after the P at this site.
    fn is_partner(&self, site: Site) -> bool {
        let change = self.mutation.as_ref().map(|mutation| mutation.change);
        change == Some(Change::Swap(site))
    }

    /// A thread puts off a P.
    pub(super) fn put_off(&self, me: usize, late: Late) {
        self.state().threads.entry(me).or_default().late = Some(late);
    }

    /// What a thread has put off until after the operation at this site.
    pub(super) fn due(&self, me: usize, site: Site) -> Option<Late> {
        if !self.is_partner(site) {
            return None;
        }
        self.state().threads.get_mut(&me)?.late.take()
    }

    /// A thread has taken a unit here.
    pub(super) fn took(&self, me: usize, object: Object, place: Place) {
        let mut state = self.state();
        let thread = state.threads.entry(me).or_default();
        thread.held.push((object, place));
    }

    /// A thread gives a unit back: where that stands in the program. A guard's drop stands in a file
    /// of its own, so the place is then where the guard was made.
    pub(super) fn gives(&self, me: usize, object: Object, place: Place) -> Place {
        let mut state = self.state();
        let held = &mut state.threads.entry(me).or_default().held;
        let Some(at) = held.iter().rposition(|(known, _)| *known == object) else {
            return place;
        };
        let (_, taken) = held.remove(at);
        if taken.file() == place.file() {
            place
        } else {
            taken
        }
    }

    /// A new object of a thread.
    pub(super) fn object(&self, me: usize) -> Object {
        self.state().log.object(me)
    }

    /// A thread observes something.
    pub(super) fn observe(&self, me: usize, object: Option<Object>, what: Observation) {
        self.state().log.observe(me, object, what);
    }
}
