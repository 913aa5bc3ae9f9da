//! Linearizability: whether calls and returns are as if each operation had happened at one moment
//! (Herlihy, Wing, "Linearizability: a correctness condition for concurrent objects", TOPLAS 1990).
//!
//! A scenario records what it calls and what comes back in a [`History`]; a [`Specification`] says
//! what the object does when one thread uses it alone. An operation that may have to wait happens in
//! two moments, its *request* and its *completion* (Scherer, Scott, "Nonblocking concurrent data
//! structures with condition synchronization", DISC 2004), so that a specification can say who is
//! served first. An operation that has not returned may have happened or not.
//!
//! # Why one execution a trace is enough
//!
//! Which of two threads returns before the other calls is not the same in all executions of a
//! Mazurkiewicz trace, and a search visits one execution of each. Calls and returns are no steps of
//! the search: nothing depends on them but what their own thread does. So they are told with what
//! comes *before them in every execution of the trace* ([`Backend::moment`]), and the check is made
//! for all those executions at once. It is exact:
//!
//! 1. Let E be an execution and ≺ the order of its trace, with each call and return between the
//!    steps of its thread that surround it. Every linear extension of ≺ is an execution of the
//!    program: it comes from E by swapping neighbours of different threads of which at most one is a
//!    step, or which are independent steps. Threads see the same in it, so they call and return the
//!    same. And every execution of the trace is such an extension.
//! 2. Every linear extension of ≺ restricted to calls and returns is the history of one of these
//!    executions: ≺ together with that sequence has no cycle, since ≺ between calls and returns is
//!    part of the sequence.
//! 3. So the histories of the executions of a trace are exactly the sequences of its calls and
//!    returns that respect ≺, and the check goes through them.
//! 4. It need not go through all. A return that comes earlier, or a call that comes later, only makes
//!    more operations follow one another: whatever explains that history explains the other as well.
//!    So a return is taken as soon as ≺ lets it come, and only the order of calls is varied.
//!
//! A beginning of a linearizable history is linearizable, so a check at each return covers
//! executions that end early, in a deadlock for instance. That a waiting operation *should* have
//! gone on is not a question of linearizability but of deadlock-freedom.
//!
//! A search over states merges executions with different pasts and keeps no trace, so it does not
//! decide this property; engine `exhaustive` says so and wants `--mode traces`.
//!
//! # How a history is checked
//!
//! Along the history goes the set of all *configurations*: a state of the specification, and how far
//! each open operation has come. A return keeps those in which its operation can have happened with
//! its output; when none is left the history has no explanation. That is the search of Wing and
//! Gong ("Testing and verifying concurrent objects", JPDC 1993) with the memoisation of Lowe
//! ("Testing for linearizability", CCPE 2017), breadth first. Sets that were visited behind the same
//! calls and returns are not visited again.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sync::{Backend, Composite, Kind, Label, Name, Property, require};

/// What an object does when one thread uses it alone.
pub trait Specification: Send + Sync {
    /// What can be called, with its arguments.
    type Operation: Clone + Debug + Send;
    /// What comes back.
    type Output: Clone + Ord + Debug + Send;
    /// What the object holds.
    type State: Clone + Ord;

    /// The state at the beginning.
    fn initial(&self) -> Self::State;

    /// The first moment of a call. `call` is its own number, for queues in the state.
    fn request(
        &self,
        state: &Self::State,
        call: usize,
        operation: &Self::Operation,
    ) -> Effect<Self::State, Self::Output>;

    /// The second moment of a call whose request left it [`Effect::Waiting`]; `None` as long as it
    /// has to wait.
    fn complete(
        &self,
        state: &Self::State,
        call: usize,
        operation: &Self::Operation,
    ) -> Option<(Self::State, Self::Output)> {
        let _ = (state, call, operation);
        None
    }
}

/// What the first moment of a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<State, Output> {
    /// It cannot happen in this state.
    Disabled,
    /// The request is made; the call goes on with its completion.
    Waiting(State),
    /// All is done.
    Done(State, Output),
}

/// The calls and returns of one execution, checked at each return; fails
/// [`Property::Linearizability`].
///
/// An observer: it never blocks and is no step of the search. Where the property is not asked for
/// it records nothing.
///
/// ```
/// use crosscheck::primitives::Semaphore;
/// use crosscheck::scenario::specifications::{Counting, Unit};
/// use crosscheck::scenario::History;
/// use crosscheck::sync::Backend;
///
/// fn use_it<B: Backend>(units: &Semaphore<B>, history: &History<B, Counting>) {
///     history.record(Unit::P(1), || units.p());
///     history.record(Unit::V(1), || units.v());
/// }
/// ```
pub struct History<B: Backend, S: Specification> {
    /// Absent where nobody asks.
    label: Option<Label<B>>,
    name: Name,
    specification: S,
    log: Mutex<Vec<Option<Event<S>>>>,
}

/// A call or a return of a history.
#[derive(Clone, Debug)]
pub struct Event<S: Specification> {
    /// The earlier ones that come before it in every execution that is meant, all of them: those
    /// before these included, the call of a return, and what its thread did before.
    pub after: Vec<usize>,
    /// Which of the two.
    pub what: What<S>,
}

/// A call or a return.
#[derive(Clone, Debug)]
pub enum What<S: Specification> {
    /// A call.
    Call(S::Operation),
    /// The return of the call with this number.
    Return(usize, S::Output),
}

impl<B: Backend, S: Specification> History<B, S> {
    /// An empty history of an object that does what `specification` says.
    #[track_caller]
    pub fn new(name: impl Into<Name>, specification: S) -> Self {
        let name = name.into();
        let asked = B::asks(Property::Linearizability);
        Self {
            label: asked.then(|| Label::new(Kind::Observer, name)),
            name,
            specification,
            log: Mutex::default(),
        }
    }

    /// Carries out an operation whose output says nothing, and records its call and its return.
    #[track_caller]
    pub fn record(&self, operation: S::Operation, run: impl FnOnce())
    where
        S::Output: Default,
    {
        let called = self.called(operation);
        run();
        called.returned(S::Output::default());
    }

    /// The calling thread is about to call `operation`.
    #[track_caller]
    pub fn called(&self, operation: S::Operation) -> Called<'_, B, S> {
        // No closure: it would hide where the caller is.
        let moment = match &self.label {
            Some(label) => label.moment(Composite::Call),
            None => None,
        };
        let call = moment.as_ref().map(|moment| moment.number);
        if let Some(moment) = moment {
            let event = Event {
                after: moment.after,
                what: What::Call(operation),
            };
            if self.put(moment.number, event) {
                self.check();
            }
        }
        Called {
            history: self,
            call,
        }
    }

    /// Writes an event down; whether a check is due: at a return, and where others were written down
    /// before it that come later, as threads of the OS may do.
    fn put(&self, number: usize, event: Event<S>) -> bool {
        let returns = matches!(event.what, What::Return(..));
        let mut log = self.log();
        let late = number < log.len();
        if log.len() <= number {
            log.resize_with(number + 1, || None);
        }
        log[number] = Some(event);
        returns || late
    }

    fn log(&self) -> MutexGuard<'_, Vec<Option<Event<S>>>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn check(&self) {
        let unexplained = self.unexplained();
        require::<B>(Property::Linearizability, unexplained.is_none(), || {
            let (name, order) = (self.name, unexplained.unwrap_or_default());
            format!("no order of the operations on {name} explains: {order}")
        });
    }

    /// In words, a history of this trace that nothing explains.
    fn unexplained(&self) -> Option<String> {
        let log = self.log();
        let whole: Option<Vec<&Event<S>>> = log.iter().map(Option::as_ref).collect();
        let part;
        let events = match whole {
            Some(events) => events,
            None => {
                part = written_down(&log);
                part.iter().collect()
            }
        };
        let order = unexplained(&self.specification, &events)?;
        let words = order.iter().map(|&number| match &events[number].what {
            What::Call(operation) => format!("call {operation:?}"),
            What::Return(call, output) => {
                let operation = match &events[*call].what {
                    What::Call(operation) => operation,
                    What::Return(..) => unreachable!("a return names its call"),
                };
                format!("{operation:?} returns {output:?}")
            }
        });
        Some(words.collect::<Vec<_>>().join("; "))
    }
}

impl<B: Backend, S: Specification> fmt::Debug for History<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A call that has not returned; one that is dropped never does.
#[must_use = "a call that never returns explains less than one that does"]
pub struct Called<'a, B: Backend, S: Specification> {
    history: &'a History<B, S>,
    /// Its number; absent where nobody asks.
    call: Option<usize>,
}

impl<B: Backend, S: Specification> Called<'_, B, S> {
    /// The call has returned `output`.
    #[track_caller]
    pub fn returned(self, output: S::Output) {
        let (history, Some(call)) = (self.history, self.call) else {
            return;
        };
        // No closure: it would hide where the caller is.
        let Some(label) = &history.label else {
            return;
        };
        let Some(moment) = label.moment(Composite::Return) else {
            return;
        };
        let event = Event {
            after: moment.after,
            what: What::Return(call, output),
        };
        if history.put(moment.number, event) {
            history.check();
        }
    }
}

impl<B: Backend, S: Specification> fmt::Debug for Called<'_, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Called")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// A set of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Members(Vec<u64>);

impl Members {
    fn of(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn has(&self, member: usize) -> bool {
        self.0[member / 64] >> (member % 64) & 1 == 1
    }

    fn add(&mut self, member: usize) {
        self.0[member / 64] |= 1 << (member % 64);
    }
}

/// How far an open call has come; absent: it has not happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress<Output> {
    Waiting,
    Done(Output),
}

/// A state of the specification and the open calls that have happened, at least in part, by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Configuration<State, Output> {
    happened: Vec<(usize, Progress<Output>)>,
    state: State,
}

/// The configurations of a specification that a history allows.
type Configurations<S> =
    BTreeSet<Configuration<<S as Specification>::State, <S as Specification>::Output>>;

/// The events that have been written down, while other threads of the OS have passed the moments of
/// theirs and not come to it: a beginning of the history, since whoever depends on a moment does so
/// by a step that its thread takes afterwards.
fn written_down<S: Specification>(log: &[Option<Event<S>>]) -> Vec<Event<S>> {
    let mut numbers = vec![None; log.len()];
    let mut events = Vec::new();
    for (number, event) in log.iter().enumerate() {
        let Some(event) = event else { continue };
        let after: Option<Vec<usize>> = event.after.iter().map(|&number| numbers[number]).collect();
        let what = match &event.what {
            What::Call(operation) => Some(What::Call(operation.clone())),
            What::Return(call, output) => {
                numbers[*call].map(|call| What::Return(call, output.clone()))
            }
        };
        if let (Some(after), Some(what)) = (after, what) {
            numbers[number] = Some(events.len());
            events.push(Event { after, what });
        }
    }
    events
}

/// A sequence of these calls and returns that respects what comes before what, and that nothing
/// explains.
///
/// For histories that were recorded elsewhere; where time is real, each comes after all before it.
#[must_use]
pub fn unexplained<S: Specification>(
    specification: &S,
    events: &[&Event<S>],
) -> Option<Vec<usize>> {
    let initial = Configuration {
        happened: Vec::new(),
        state: specification.initial(),
    };
    let mut returns = vec![None; events.len()];
    for (number, event) in events.iter().enumerate() {
        if let What::Return(call, _) = event.what {
            returns[call] = Some(number);
        }
    }
    let mut walk = Walk {
        specification,
        events,
        returns,
        visited: BTreeSet::new(),
        order: Vec::new(),
    };
    let done = Members::of(events.len());
    let explained = walk.explains(done, [initial].into());
    (!explained).then_some(walk.order)
}

struct Walk<'a, S: Specification> {
    specification: &'a S,
    events: &'a [&'a Event<S>],
    /// The return of each call.
    returns: Vec<Option<usize>>,
    visited: BTreeSet<(Members, Configurations<S>)>,
    order: Vec<usize>,
}

impl<S: Specification> Walk<'_, S> {
    /// Whether every way on is explained. When not, `order` is one that is not.
    fn explains(&mut self, mut done: Members, mut all: Configurations<S>) -> bool {
        let length = self.order.len();
        while let Some(number) = self.next(&done, true) {
            let What::Return(call, output) = &self.events[number].what else {
                unreachable!("only returns were asked for")
            };
            self.order.push(number);
            done.add(number);
            all = self.returned(&done, &all, *call, output);
            if all.is_empty() {
                return false;
            }
        }
        let calls: Vec<usize> = self.candidates(&done, false).collect();
        if !calls.is_empty() && self.visited.insert((done.clone(), all.clone())) {
            for number in calls {
                let mut done = done.clone();
                done.add(number);
                self.order.push(number);
                if !self.explains(done, all.clone()) {
                    return false;
                }
                self.order.pop();
            }
        }
        self.order.truncate(length);
        true
    }

    /// Calls, or returns, that can come next.
    fn candidates<'b>(
        &'b self,
        done: &'b Members,
        returns: bool,
    ) -> impl Iterator<Item = usize> + 'b {
        let ready = move |number: &usize| {
            let event = self.events[*number];
            !done.has(*number)
                && matches!(event.what, What::Return(..)) == returns
                && event.after.iter().all(|&before| done.has(before))
        };
        (0..self.events.len()).filter(ready)
    }

    fn next(&self, done: &Members, returns: bool) -> Option<usize> {
        self.candidates(done, returns).next()
    }

    /// The configurations behind a return: whatever open calls happened before it, its own did.
    fn returned(
        &self,
        done: &Members,
        all: &Configurations<S>,
        call: usize,
        output: &S::Output,
    ) -> Configurations<S> {
        // The return at hand is done, but its call is open here.
        let closed =
            |number: usize| number != call && self.returns[number].is_some_and(|at| done.has(at));
        let open: Vec<(usize, &S::Operation)> = self
            .events
            .iter()
            .enumerate()
            .filter_map(|(number, event)| match &event.what {
                What::Call(operation) if done.has(number) && !closed(number) => {
                    Some((number, operation))
                }
                _ => None,
            })
            .collect();
        let mut seen = all.clone();
        let mut fresh: Vec<_> = all.iter().cloned().collect();
        while let Some(configuration) = fresh.pop() {
            for &(number, operation) in &open {
                let next = self.happens(&configuration, number, operation);
                if let Some(next) = next
                    && seen.insert(next.clone())
                {
                    fresh.push(next);
                }
            }
        }
        seen.into_iter()
            .filter_map(|mut configuration| {
                let at = place(&configuration.happened, call).ok()?;
                let (_, progress) = configuration.happened.remove(at);
                (progress == Progress::Done(output.clone())).then_some(configuration)
            })
            .collect()
    }

    /// The next moment of an open call.
    fn happens(
        &self,
        configuration: &Configuration<S::State, S::Output>,
        number: usize,
        operation: &S::Operation,
    ) -> Option<Configuration<S::State, S::Output>> {
        let Configuration { happened, state } = configuration;
        let at = place(happened, number);
        let (state, progress) = match at {
            Err(_) => match self.specification.request(state, number, operation) {
                Effect::Disabled => return None,
                Effect::Waiting(state) => (state, Progress::Waiting),
                Effect::Done(state, output) => (state, Progress::Done(output)),
            },
            Ok(at) if happened[at].1 == Progress::Waiting => {
                let (state, output) = self.specification.complete(state, number, operation)?;
                (state, Progress::Done(output))
            }
            Ok(_) => return None,
        };
        let mut happened = happened.clone();
        match at {
            Ok(at) => happened[at].1 = progress,
            Err(at) => happened.insert(at, (number, progress)),
        }
        Some(Configuration { happened, state })
    }
}

fn place<P>(happened: &[(usize, P)], call: usize) -> Result<usize, usize> {
    happened.binary_search_by_key(&call, |(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::specifications::{Answer, Counting, Unit};
    use crate::sync::SemaphoreOrder;

    #[test]
    fn what_another_thread_has_not_written_down_hides_nothing() {
        let event = |after: &[usize], what| {
            Some(Event::<Counting> {
                after: after.to_vec(),
                what,
            })
        };
        let served = |call| What::Return(call, Answer::Done);
        let log = [
            event(&[], What::Call(Unit::P(1))),
            event(&[], What::Call(Unit::P(1))),
            event(&[1], served(1)),
            // The V behind that P has begun.
            None,
            event(&[0], served(0)),
        ];
        let events = written_down(&log);
        let order = SemaphoreOrder::Weak;
        let semaphore = Counting { units: 1, order };
        let found = unexplained(&semaphore, &events.iter().collect::<Vec<_>>());
        assert_eq!(events.len(), 4);
        // Both returns, behind their calls.
        assert_eq!(found, Some(vec![0, 3, 1, 2]));
    }
}
