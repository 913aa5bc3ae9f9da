//! Operations as the session is told of them: announced before, recorded after.

use std::sync::atomic::Ordering;

use super::session::{Halt, Session, Waiting, mix};
use super::state::{Access, AtomicStep, Place, Status, Token, Waiter, Wake};
use super::trace::{CAUGHT_PANIC, Operation, Trouble};
use crate::sync::{NotifyOrder, Property, Semantics};

impl Session {
    /// Tells an operation before it happens; waits for its turn in a replay.
    pub(super) fn announce(
        &self,
        me: usize,
        operation: Operation,
        object: Option<usize>,
        place: Place,
    ) -> Result<usize, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.threads[me].place = place;
        // Also where it never comes back: loom may let it wait.
        state.totals.used.try_lock |= operation == Operation::TryLock;
        if state.threads[me].skipped && !std::thread::panicking() {
            let message = CAUGHT_PANIC.to_owned();
            return Err(self.trouble(&mut state, me, Trouble::CaughtPanic, message));
        }
        if self.settings.script.is_some() && operation.is_gated() {
            state = self.gate(state, me, operation, object)?;
        }
        let yields = if self.settings.perturb.is_some() {
            state.perturbation = mix(state.perturbation);
            // One operation in four lets others run, up to three times.
            let roll = state.perturbation % 16;
            if roll < 4 {
                usize::try_from(roll).unwrap_or(0)
            } else {
                0
            }
        } else {
            0
        };
        drop(state);
        Ok(yields)
    }

    /// Announces and says that the thread will block while `object` is held.
    pub(super) fn wants(&self, me: usize, object: usize) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.threads[me].status = Status::WantsLock(object);
        if state.objects[object].holder == Some(me) {
            let info = state.threads[me].info.name;
            let message = format!(
                "{info} locks {} and holds it already",
                state.objects[object].info.name
            );
            return Err(self.failed(
                &mut state,
                me,
                Property::DeadlockFreedom,
                message,
                None,
                None,
            ));
        }
        self.check_deadlock(&mut state, me)
    }

    /// Takes the host's lock with `take` and records it; a failed try of `try_lock` is recorded,
    /// one of `lock` is not.
    pub(super) fn locked<G>(
        &self,
        me: usize,
        object: usize,
        operation: Operation,
        place: Place,
        take: impl FnOnce() -> Option<G>,
    ) -> Result<Option<G>, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let guard = take();
        let trying = operation == Operation::TryLock;
        if guard.is_none() && !trying {
            return Ok(None);
        }
        let state = &mut *state;
        state.totals.used.try_lock |= trying;
        state.dependent(me, object);
        if guard.is_some() {
            state.threads[me].status = Status::Running;
            state.objects[object].holder = Some(me);
            let sync = &state.objects[object].sync;
            state.threads[me].sync.join(sync);
        }
        let value = Some(u64::from(guard.is_some()));
        state.record(me, operation, Some(object), place, value);
        self.turn.notify_all();
        Ok(guard)
    }

    pub(super) fn try_lock_failed(&self, me: usize, object: usize, place: Place) {
        let mut state = self.state();
        state.totals.used.try_lock = true;
        state.dependent(me, object);
        state.record(me, Operation::TryLock, Some(object), place, Some(0));
        self.turn.notify_all();
    }

    /// The mutex is free from here on; `release` frees the host's.
    pub(super) fn unlocked(&self, me: usize, object: usize, place: Place, release: impl FnOnce()) {
        let mut state = self.state();
        // Recorded first: whoever takes the mutex next comes after this very step.
        state.record(me, Operation::Unlock, Some(object), place, None);
        state.release(me, object);
        release();
        self.turn.notify_all();
    }

    /// Threads that sleep until the mutex is free.
    pub(super) fn lock_waiters(&self, object: usize) -> Vec<Wake> {
        self.state().lock_waiters(object)
    }

    pub(super) fn wait(
        &self,
        me: usize,
        condvar: usize,
        mutex: usize,
        spurious: bool,
        place: Place,
        release: impl FnOnce(),
    ) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.totals.used.condvars = true;
        state.record(me, Operation::Wait, Some(condvar), place, None);
        state.dependent(me, condvar);
        state.release(me, mutex);
        release();
        let object = &mut state.objects[condvar];
        object.arrivals += 1;
        let arrival = object.arrivals;
        object.waiters.push(Waiter {
            thread: me,
            arrival,
            signalled: spurious,
            spurious,
            clocks: Default::default(),
        });
        let thread = &mut state.threads[me];
        thread.spurious += usize::from(spurious);
        thread.status = Status::Waiting { condvar, mutex };
        self.turn.notify_all();
        self.check_deadlock(&mut state, me)
    }

    /// Whether the wait or park that is about to begin may end by itself.
    pub(super) fn may_wake_spuriously(&self, me: usize) -> bool {
        self.settings.semantics.spurious
            && self.state().threads[me].spurious < Semantics::SPURIOUS_PER_THREAD
    }

    /// In a recording that makes no choice of it: whether the next wait or park of a thread ends by
    /// itself there.
    pub(super) fn is_scripted_to_wake(&self, me: usize) -> Option<bool> {
        let script = self.settings.script.as_ref()?;
        let state = self.state();
        let label = state.thread_label(me);
        let rest = script.steps.get(state.position..).unwrap_or_default();
        let mut own = rest.iter().filter(|step| step.thread == label);
        let next = own.clone().next();
        if next.is_some_and(|step| step.operation == Operation::Choose.word()) {
            return None;
        }
        let ends = [Operation::Wake, Operation::SpuriousWake, Operation::Park].map(Operation::word);
        let end = own.find(|step| ends.contains(&step.operation.as_str()));
        Some(end.is_some_and(|step| step.operation == Operation::SpuriousWake.word()))
    }

    pub(super) fn waiting(&self, me: usize, condvar: usize) -> Result<Waiting, Halt> {
        let state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        Ok(if state.objects[condvar].may_wake(me) {
            Waiting::Try
        } else {
            Waiting::Sleep
        })
    }

    /// A wait that has begun ends by itself.
    pub(super) fn wakes_by_itself(&self, me: usize, condvar: usize) {
        let mut state = self.state();
        let waiters = &mut state.objects[condvar].waiters;
        if let Some(waiter) = waiters.iter_mut().find(|waiter| waiter.thread == me) {
            waiter.signalled = true;
            waiter.spurious = true;
        }
        state.threads[me].spurious += 1;
    }

    /// Whether the wait is over, now that the mutex is locked.
    pub(super) fn woken(
        &self,
        me: usize,
        condvar: usize,
        mutex: usize,
        place: Place,
    ) -> Result<bool, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let state = &mut *state;
        let object = &mut state.objects[condvar];
        let Some(at) = object.waiters.iter().position(|waiter| waiter.thread == me) else {
            return Ok(true);
        };
        let waiter = &object.waiters[at];
        let (clocks, spurious) = if waiter.signalled {
            let waiter = object.waiters.remove(at);
            (waiter.clocks, waiter.spurious)
        } else {
            // The oldest token that this waiter may take: it has the fewest takers.
            let arrival = waiter.arrival;
            let Some(token) = object
                .tokens
                .iter()
                .position(|token| token.issued > arrival)
            else {
                return Ok(false);
            };
            object.waiters.remove(at);
            (object.tokens.remove(token).clocks, false)
        };
        state.objects[mutex].holder = Some(me);
        let thread = &mut state.threads[me];
        thread.status = Status::Running;
        // Only the mutex synchronises: std promises no edge from a notification to its waiter.
        thread.order.join(&clocks);
        state.dependent(me, mutex);
        let sync = &state.objects[mutex].sync;
        state.threads[me].sync.join(sync);
        let operation = if spurious {
            Operation::SpuriousWake
        } else {
            Operation::Wake
        };
        state.record(me, operation, Some(condvar), place, None);
        self.turn.notify_all();
        Ok(true)
    }

    pub(super) fn notify(
        &self,
        me: usize,
        condvar: usize,
        all: bool,
        place: Place,
    ) -> Result<Vec<Wake>, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        let state = &mut *state;
        state.totals.used.condvars = true;
        state.dependent(me, condvar);
        let clocks = state.threads[me].order.clone();
        let object = &mut state.objects[condvar];
        object.arrivals += 1;
        let issued = object.arrivals;
        let mut asleep: Vec<&mut Waiter> = object
            .waiters
            .iter_mut()
            .filter(|waiter| !waiter.signalled)
            .collect();
        let free = asleep.len() - object.tokens.len();
        let woken: Vec<usize> = if all {
            object.tokens.clear();
            for waiter in &mut asleep {
                waiter.signalled = true;
                waiter.clocks = clocks.clone();
            }
            asleep.iter().map(|waiter| waiter.thread).collect()
        } else if free == 0 {
            Vec::new()
        } else if self.settings.semantics.notify == NotifyOrder::Fifo
            || (free == 1 && object.tokens.is_empty())
        {
            let first = &mut asleep[0];
            first.signalled = true;
            first.clocks = clocks;
            vec![first.thread]
        } else {
            object.tokens.push(Token { issued, clocks });
            asleep.iter().map(|waiter| waiter.thread).collect()
        };
        let count = if all {
            woken.len()
        } else {
            usize::from(!woken.is_empty())
        };
        let wakes = woken
            .iter()
            .filter_map(|&thread| state.threads[thread].wake())
            .collect();
        let operation = if all {
            Operation::NotifyAll
        } else {
            Operation::NotifyOne
        };
        state.record(me, operation, Some(condvar), place, Some(count as u64));
        self.turn.notify_all();
        Ok(wakes)
    }

    /// A park returns though nobody left a token.
    pub(super) fn parks_by_itself(
        &self,
        me: usize,
        object: usize,
        place: Place,
    ) -> Result<(), Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.totals.used.parks = true;
        state.dependent(me, object);
        let thread = &mut state.threads[me];
        thread.spurious += 1;
        thread.status = Status::Running;
        state.record(me, Operation::SpuriousWake, None, place, None);
        self.turn.notify_all();
        Ok(())
    }

    /// Whether the token was there; otherwise the thread is to sleep and ask again.
    pub(super) fn park(&self, me: usize, object: usize, place: Place) -> Result<bool, Halt> {
        let mut state = self.state();
        if state.stopped {
            return Err(Halt);
        }
        state.totals.used.parks = true;
        if !state.threads[me].token {
            state.threads[me].status = Status::Parked;
            self.check_deadlock(&mut state, me)?;
            return Ok(false);
        }
        state.dependent(me, object);
        let thread = &mut state.threads[me];
        thread.token = false;
        thread.status = Status::Running;
        let (order, sync) = std::mem::take(&mut thread.unparked);
        thread.order.join(&order);
        thread.sync.join(&sync);
        state.record(me, Operation::Park, None, place, None);
        self.turn.notify_all();
        Ok(true)
    }

    pub(super) fn unpark(
        &self,
        me: usize,
        thread: usize,
        object: usize,
        place: Place,
    ) -> Option<Wake> {
        let mut state = self.state();
        state.dependent(me, object);
        let (order, sync) = (
            state.threads[me].order.clone(),
            state.threads[me].sync.clone(),
        );
        let target = &mut state.threads[thread];
        target.token = true;
        target.unparked.0.join(&order);
        target.unparked.1.join(&sync);
        let wake = target.wake().filter(|_| target.status == Status::Parked);
        state.record(me, Operation::Unpark, Some(object), place, None);
        self.turn.notify_all();
        wake
    }

    /// Does an atomic operation and tells it, in one step of the session where `hold` says so.
    pub(super) fn atomic<R>(
        &self,
        me: usize,
        object: usize,
        place: Place,
        hold: bool,
        access: impl FnOnce() -> (R, AtomicStep),
    ) -> Result<R, Halt> {
        let (result, step, mut state) = if hold {
            let state = self.state();
            let (result, step) = access();
            (result, step, state)
        } else {
            let (result, step) = access();
            (result, step, self.state())
        };
        if state.stopped {
            return Err(Halt);
        }
        state.atomic_step(me, object, place, step);
        self.turn.notify_all();
        Ok(result)
    }

    /// Tells the value with which an atomic begins.
    pub(super) fn initial(&self, object: usize, value: u64) {
        self.state().objects[object].value = Some(value);
    }

    /// Passes a fence; one of order `SeqCst` acquires and releases, and synchronises with nothing
    /// but through an atomic.
    pub(super) fn fence(&self, me: usize, order: Ordering, place: Place) {
        let mut state = self.state();
        let state = &mut *state;
        state.totals.used.fences = true;
        let thread = &mut state.threads[me];
        if matches!(
            order,
            Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst
        ) {
            let read = thread.read.clone();
            thread.sync.join(&read);
        }
        if matches!(
            order,
            Ordering::Release | Ordering::AcqRel | Ordering::SeqCst
        ) {
            thread.released = thread.sync.clone();
        }
        state.record(me, Operation::Fence, None, place, None);
        self.turn.notify_all();
    }

    /// How many steps a thread has taken.
    pub(super) fn steps_of(&self, me: usize) -> u32 {
        self.state().threads[me].order.get(me)
    }

    /// Checks an access to plain memory, and ends the execution when it races.
    pub(super) fn access(
        &self,
        me: usize,
        object: usize,
        write: bool,
        check: bool,
        place: Place,
    ) -> Result<(), Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        state.totals.used.cells = true;
        let operation = if write {
            Operation::Write
        } else {
            Operation::Read
        };
        let before = state.threads[me].order.clone();
        state.record(me, operation, Some(object), place, None);
        let sync = &state.threads[me].sync;
        let cell = &state.objects[object];
        let racing = cell
            .write
            .iter()
            .chain(if write { cell.reads.iter() } else { [].iter() })
            .find(|access| access.thread != me && access.tick > sync.get(access.thread));
        if check && let Some(other) = racing {
            let verb = |write: bool| if write { "writes" } else { "reads" };
            let message = format!(
                "{} {} {} at {} while {}'s access at {} is not ordered before it",
                state.threads[me].info.name,
                verb(write),
                cell.info.name,
                place,
                state.threads[other.thread].info.name,
                other.place,
            );
            let mut past = other.order.clone();
            past.join(&before);
            let past = Some(past);
            return Err(self.failed(
                state,
                me,
                Property::DataRaceFreedom,
                message,
                Some(place.to_string()),
                past,
            ));
        }
        let tick = state.threads[me].sync.get(me);
        let order = state.threads[me].order.clone();
        let access = Access {
            thread: me,
            tick,
            place,
            order,
        };
        if write {
            state.dependent_write(me, object);
            state.objects[object].reads.clear();
            state.objects[object].write = Some(access);
        } else {
            state.dependent_read(me, object);
            let reads = &mut state.objects[object].reads;
            reads.retain(|read| read.thread != me);
            reads.push(access);
        }
        self.turn.notify_all();
        Ok(())
    }
}
