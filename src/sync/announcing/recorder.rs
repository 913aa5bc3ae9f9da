//! A session that is told by a machine which applies operations itself, one at a time.
//!
//! The stepping machine's executions become traces here, with the words, the deadlock and the race
//! detection that every other engine's executions get.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::session::{Halt, Session};
use super::state::AtomicStep;
use super::trace::{ObjectKind, Operation, Trouble};
use crate::sync::{Composite, Moment, Name, Property};

type Place = &'static Location<'static>;

/// The execution has failed, or cannot be told any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl From<Halt> for Stopped {
    fn from(Halt: Halt) -> Self {
        Self
    }
}

/// A session in the hands of a machine. Threads and objects are the machine's numbers.
#[derive(Debug)]
pub struct Recorder {
    session: Arc<Session>,
    threads: Vec<usize>,
    objects: Vec<usize>,
    tokens: Vec<Option<usize>>,
    /// How many steps of composites each thread has done.
    done: Vec<Cell<u64>>,
}

/// An atomic operation, as it turned out.
#[derive(Clone, Copy, Debug)]
pub struct Atomically {
    /// Its word.
    pub operation: Operation,
    /// The memory order that took effect.
    pub order: Ordering,
    /// The value that was read, if one was.
    pub read: Option<u64>,
    /// The value that was written, if one was.
    pub written: Option<u64>,
}

const UNKNOWN: usize = usize::MAX;

impl Recorder {
    /// Begins an execution of `session`; the calling thread is its main thread.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        session.begin();
        session.started(0, Arc::new(|| ()), false);
        Self {
            session,
            threads: vec![0],
            objects: Vec::new(),
            tokens: Vec::new(),
            done: vec![Cell::new(0)],
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    fn object(&self, object: usize) -> usize {
        self.objects[object]
    }

    /// The session's number of a machine's thread.
    #[must_use]
    pub fn thread(&self, thread: usize) -> usize {
        self.threads[thread]
    }

    /// How tokens write a thread.
    #[must_use]
    pub fn label(&self, thread: usize) -> Option<String> {
        let index = *self.threads.get(thread)?;
        (index != UNKNOWN).then(|| self.session.state().thread_label(index))
    }

    /// Whether a thread is inside a step of a composite.
    #[must_use]
    pub fn in_composite(&self, thread: usize) -> bool {
        let index = self.threads.get(thread).copied().unwrap_or(UNKNOWN);
        index != UNKNOWN && !self.session.state().threads[index].composites.is_empty()
    }

    /// How many steps of composites a thread has done.
    #[must_use]
    pub fn done(&self, thread: usize) -> u64 {
        self.done[thread].get()
    }

    /// The label of the thread that has the next step of the script.
    #[must_use]
    pub fn next_of_script(&self) -> Option<String> {
        let script = self.session.settings().script.as_ref()?;
        let position = self.session.state().position;
        script.steps.get(position).map(|step| step.thread.clone())
    }

    /// What the script chooses in its next step, if that is a choice.
    #[must_use]
    pub fn scripted_choice(&self) -> Option<u64> {
        let script = self.session.settings().script.as_ref()?;
        let position = self.session.state().position;
        let step = script.steps.get(position)?;
        (step.operation == Operation::Choose.word())
            .then_some(step.value)
            .flatten()
    }

    /// Which of the waiters of a condition variable the script wakes first from here on.
    #[must_use]
    pub fn woken_by_script(&self, condvar: usize, waiters: &[usize]) -> Option<usize> {
        let script = self.session.settings().script.as_ref()?;
        let state = self.session.state();
        let object = Session::object_label(&state.objects[self.object(condvar)].info);
        let labels: Vec<String> = waiters
            .iter()
            .map(|&waiter| state.thread_label(self.thread(waiter)))
            .collect();
        script.steps[state.position.min(script.steps.len())..]
            .iter()
            .filter(|step| step.operation == Operation::Wake.word() && step.object == object)
            .find_map(|step| labels.iter().position(|label| *label == step.thread))
    }

    /// A thread starts another.
    pub fn spawn(&mut self, me: usize, child: usize, name: Name) -> Result<(), Stopped> {
        let index = self.session.spawn(self.thread(me), name, None)?;
        self.session.started(index, Arc::new(|| ()), false);
        if self.threads.len() <= child {
            self.threads.resize(child + 1, UNKNOWN);
            self.done.resize_with(child + 1, || Cell::new(0));
        }
        self.threads[child] = index;
        Ok(())
    }

    /// A thread goes on under another name.
    pub fn rename(&self, me: usize, name: Name) {
        self.session.rename(self.thread(me), name);
    }

    /// A thread has made an object.
    #[track_caller]
    pub fn made(&mut self, me: usize, object: usize, kind: ObjectKind, name: Name) {
        let number = self.session.object(self.thread(me), kind, name);
        if self.objects.len() <= object {
            self.objects.resize(object + 1, UNKNOWN);
        }
        self.objects[object] = number;
    }

    /// The value with which an atomic begins.
    pub fn initial(&self, object: usize, value: u64) {
        self.session.initial(self.object(object), value);
    }

    /// A thread has announced that it locks a mutex.
    pub fn wants(&self, me: usize, mutex: usize, place: Place) -> Result<(), Stopped> {
        let thread = self.thread(me);
        self.session.state().threads[thread].place = place;
        Ok(self.session.wants(thread, self.object(mutex))?)
    }

    fn announce(
        &self,
        me: usize,
        operation: Operation,
        object: Option<usize>,
        place: Place,
    ) -> Result<(), Stopped> {
        self.session
            .announce(self.thread(me), operation, object, place)?;
        Ok(())
    }

    /// A thread locks a mutex.
    pub fn locked(&self, me: usize, mutex: usize, place: Place) -> Result<(), Stopped> {
        let (thread, object) = (self.thread(me), self.object(mutex));
        self.announce(me, Operation::Lock, Some(object), place)?;
        let took = self
            .session
            .locked(thread, object, Operation::Lock, place, || Some(()))?;
        debug_assert!(took.is_some());
        Ok(())
    }

    /// A thread tries to lock a mutex.
    pub fn tried(&self, me: usize, mutex: usize, taken: bool, place: Place) -> Result<(), Stopped> {
        let (thread, object) = (self.thread(me), self.object(mutex));
        self.announce(me, Operation::TryLock, Some(object), place)?;
        self.session
            .locked(thread, object, Operation::TryLock, place, || {
                taken.then_some(())
            })?;
        Ok(())
    }

    /// A thread unlocks a mutex.
    pub fn unlocked(&self, me: usize, mutex: usize, place: Place) -> Result<(), Stopped> {
        let (thread, object) = (self.thread(me), self.object(mutex));
        self.announce(me, Operation::Unlock, Some(object), place)?;
        self.session.unlocked(thread, object, place, || ());
        Ok(())
    }

    /// A thread begins to wait; `spurious` when the wait is going to end by itself.
    pub fn wait(
        &self,
        me: usize,
        condvar: usize,
        mutex: usize,
        place: Place,
    ) -> Result<(), Stopped> {
        let (condvar, mutex) = (self.object(condvar), self.object(mutex));
        self.announce(me, Operation::Wait, Some(condvar), place)?;
        let thread = self.thread(me);
        self.session
            .wait(thread, condvar, mutex, false, place, || ())?;
        Ok(())
    }

    /// A thread's wait is over; `by_itself` when nobody notified it.
    pub fn woken(
        &self,
        me: usize,
        condvar: usize,
        mutex: usize,
        by_itself: bool,
        place: Place,
    ) -> Result<(), Stopped> {
        let (thread, condvar, mutex) = (self.thread(me), self.object(condvar), self.object(mutex));
        if by_itself {
            self.session.wakes_by_itself(thread, condvar);
        }
        self.announce(me, Operation::Wake, Some(condvar), place)?;
        let woken = self.session.woken(thread, condvar, mutex, place)?;
        debug_assert!(woken, "the machine wakes whom the session would not");
        Ok(())
    }

    /// A thread notifies.
    pub fn notify(
        &self,
        me: usize,
        condvar: usize,
        all: bool,
        place: Place,
    ) -> Result<(), Stopped> {
        let condvar = self.object(condvar);
        let operation = if all {
            Operation::NotifyAll
        } else {
            Operation::NotifyOne
        };
        self.announce(me, operation, Some(condvar), place)?;
        self.session.notify(self.thread(me), condvar, all, place)?;
        Ok(())
    }

    /// A thread accesses an atomic.
    pub fn atomic(
        &self,
        me: usize,
        object: usize,
        step: Atomically,
        place: Place,
    ) -> Result<(), Stopped> {
        let object = self.object(object);
        let announced = if step.operation == Operation::FailedExchange {
            Operation::ReadModifyWrite
        } else {
            step.operation
        };
        self.announce(me, announced, Some(object), place)?;
        let Atomically {
            operation,
            order,
            read,
            written,
        } = step;
        let step = AtomicStep {
            operation,
            order,
            read,
            written,
        };
        self.session
            .atomic(self.thread(me), object, place, false, || ((), step))?;
        Ok(())
    }

    /// A thread accesses plain memory.
    pub fn access(
        &self,
        me: usize,
        object: usize,
        write: bool,
        place: Place,
    ) -> Result<(), Stopped> {
        let object = self.object(object);
        let operation = if write {
            Operation::Write
        } else {
            Operation::Read
        };
        self.announce(me, operation, Some(object), place)?;
        let wanted = self
            .session
            .settings()
            .targets
            .contains(&Property::DataRaceFreedom);
        self.session
            .access(self.thread(me), object, write, wanted, place)?;
        Ok(())
    }

    /// A thread passes a fence.
    pub fn fence(&self, me: usize, order: Ordering, place: Place) -> Result<(), Stopped> {
        self.announce(me, Operation::Fence, None, place)?;
        self.session.fence(self.thread(me), order, place);
        Ok(())
    }

    fn token(&mut self, thread: usize) -> usize {
        if self.tokens.len() <= thread {
            self.tokens.resize(thread + 1, None);
        }
        let owner = self.thread(thread);
        let session = &self.session;
        *self.tokens[thread]
            .get_or_insert_with(|| session.object(owner, ObjectKind::Thread, "token".into()))
    }

    /// A thread is about to park without a token.
    pub fn parks(&mut self, me: usize, place: Place) -> Result<(), Stopped> {
        let token = self.token(me);
        self.session.park(self.thread(me), token, place)?;
        Ok(())
    }

    /// A thread takes its token, or goes on `by_itself`.
    pub fn parked(&mut self, me: usize, by_itself: bool, place: Place) -> Result<(), Stopped> {
        let token = self.token(me);
        self.announce(me, Operation::Park, None, place)?;
        if by_itself {
            let thread = self.thread(me);
            return Ok(self.session.parks_by_itself(thread, token, place)?);
        }
        let taken = self.session.park(self.thread(me), token, place)?;
        debug_assert!(taken, "the machine has a token that the session has not");
        Ok(())
    }

    /// A thread leaves a token for another.
    pub fn unpark(&mut self, me: usize, other: usize, place: Place) -> Result<(), Stopped> {
        let token = self.token(other);
        self.announce(me, Operation::Unpark, Some(token), place)?;
        self.session
            .unpark(self.thread(me), self.thread(other), token, place);
        Ok(())
    }

    /// A thread has chosen.
    pub fn chosen(
        &self,
        me: usize,
        name: Name,
        n: usize,
        value: usize,
        place: Place,
    ) -> Result<(), Stopped> {
        self.announce(me, Operation::Choose, None, place)?;
        self.session
            .chosen(self.thread(me), name, n, Some(value), place)?;
        Ok(())
    }

    /// A composite's step begins.
    pub fn begin(
        &self,
        me: usize,
        object: usize,
        step: Composite,
        place: Place,
    ) -> Result<(), Stopped> {
        let object = self.object(object);
        self.announce(me, Operation::Begin(step), Some(object), place)?;
        Ok(self
            .session
            .begin_step(self.thread(me), object, step, place)?)
    }

    /// A composite's step is done, or was refused.
    pub fn end(&self, me: usize, object: usize, step: Composite, done: bool, place: Place) {
        self.done[me].set(self.done[me].get() + 1);
        let object = self.object(object);
        self.session
            .end_step(self.thread(me), object, step, done, place);
    }

    /// A thread passes a moment of an observer.
    pub fn moment(
        &self,
        me: usize,
        observer: usize,
        step: Composite,
        place: Place,
    ) -> Result<Moment, Stopped> {
        let observer = self.object(observer);
        self.announce(me, Operation::Begin(step), Some(observer), place)?;
        Ok(self
            .session
            .moment(self.thread(me), observer, step, place)?)
    }

    /// A thread waits for another's end.
    pub fn joining(&self, me: usize, child: usize) -> Result<(), Stopped> {
        Ok(self.session.joining(self.thread(me), self.thread(child))?)
    }

    /// That other has ended.
    pub fn joined(&self, me: usize, child: usize) {
        self.session.joined(self.thread(me), self.thread(child));
    }

    /// A thread has ended.
    pub fn finished(&self, me: usize) -> Result<(), Stopped> {
        Ok(self.session.finished(self.thread(me))?)
    }

    /// A property fails.
    pub fn fail(&self, me: usize, property: Property, message: String, place: Place) {
        let Halt = self
            .session
            .fail(self.thread(me), property, message, Some(place.to_string()));
    }

    /// A thread has panicked.
    pub fn panicked(&self, me: usize, message: &str, place: Option<String>) {
        self.session
            .panicked(self.thread(me), None::<Trouble>, message, place);
    }

    /// The situation `mark` occurs.
    pub fn reached(&self, mark: &'static str) {
        self.session.reached(mark);
    }
}
