//! The bookkeeping of one execution: threads, objects, clocks, steps.

use std::any::Any;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::clock::Clock;
use super::settings::Totals;
use super::trace::{
    Blocked, Failure, FailureKind, ObjectInfo, Operation, Step, ThreadInfo, WaitsFor,
};
use crate::sync::last_step;
use crate::sync::{Composite, Name};

pub(super) type Place = &'static Location<'static>;
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    pub(super) stopped: bool,
    pub(super) failure: Option<Failure>,
    pub(super) threads: Vec<Thread>,
    pub(super) objects: Vec<Object>,
    pub(super) twins: HashMap<(usize, &'static str, Name), usize>,
    pub(super) steps: Vec<Step>,
    /// Position in the script.
    pub(super) position: usize,
    /// The thread with the last step of the script has done what that leads to.
    pub(super) over: bool,
    pub(super) sequentially_consistent: bool,
    pub(super) spin_capped: bool,
    pub(super) perturbation: u64,
    pub(super) choices_made: u64,
    pub(super) totals: Totals,
}

pub(super) struct Thread {
    pub(super) info: ThreadInfo,
    /// Creator's path and the creator's counter: the same in every interleaving.
    pub(super) path: Vec<u32>,
    pub(super) children: u32,
    pub(super) status: Status,
    pub(super) place: Place,
    pub(super) wake: Option<Wake>,
    /// Whether a wake-up reaches it: always on preemptive hosts, elsewhere while it sleeps in the
    /// session's name and not in a wait of the host's own.
    pub(super) asleep: bool,
    /// A guard was not released because the thread was panicking.
    pub(super) skipped: bool,
    pub(super) point: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) token: bool,
    pub(super) at_gate: bool,
    pub(super) choices: usize,
    pub(super) spurious: usize,
    pub(super) composites: Vec<(usize, Composite)>,
    /// Order of the trace: every earlier step that this thread's steps depend on.
    pub(super) order: Clock,
    /// Happens-before of the memory model.
    pub(super) sync: Clock,
    /// What relaxed loads have read, for a later acquire fence.
    pub(super) read: Clock,
    /// The clock at the last release fence.
    pub(super) released: Clock,
    /// The clocks of the last unpark.
    pub(super) unparked: (Clock, Clock),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    WantsLock(usize),
    Waiting { condvar: usize, mutex: usize },
    Parked,
    Joining(usize),
    Finished,
}

pub(super) struct Object {
    pub(super) info: ObjectInfo,
    /// Mutex: who holds it.
    pub(super) holder: Option<usize>,
    /// Composite: who took how many units and has not returned them.
    pub(super) holders: Vec<(usize, usize)>,
    /// Semaphore: a thread returned units that it had not taken.
    pub(super) signals: bool,
    /// Condition variable.
    pub(super) waiters: Vec<Waiter>,
    pub(super) tokens: Vec<Token>,
    pub(super) arrivals: u64,
    /// Zone: who is inside, and where each thread last left.
    pub(super) inside: Vec<(usize, Clock)>,
    pub(super) left: Vec<(usize, u32, Clock)>,
    /// Observer: whose moments there were, and each thread's clock at them.
    pub(super) moments: Vec<(usize, u32)>,
    /// Order of the trace: the last writes and all reads since.
    pub(super) order_writes: Clock,
    pub(super) order_reads: Clock,
    /// Happens-before that an acquire takes from here.
    pub(super) sync: Clock,
    /// Atomic: the value after the last write in trace order.
    pub(super) value: Option<u64>,
    /// Atomic: whether it was stored to, and whether it was read-modify-written.
    pub(super) stored: bool,
    pub(super) modified: bool,
    /// Memory: the last write and the reads since.
    pub(super) write: Option<Access>,
    pub(super) reads: Vec<Access>,
}

pub(super) struct Waiter {
    pub(super) thread: usize,
    pub(super) arrival: u64,
    pub(super) signalled: bool,
    pub(super) spurious: bool,
    pub(super) clocks: Clock,
}

/// A notification that any thread which waited at its time may take.
pub(super) struct Token {
    pub(super) issued: u64,
    pub(super) clocks: Clock,
}

pub(super) struct Access {
    pub(super) thread: usize,
    pub(super) tick: u32,
    pub(super) place: Place,
    pub(super) order: Clock,
}

/// What an atomic operation turned out to be.
pub(super) struct AtomicStep {
    pub(super) operation: Operation,
    pub(super) order: Ordering,
    /// The value that was read, if one was.
    pub(super) read: Option<u64>,
    /// The value that was written, if one was.
    pub(super) written: Option<u64>,
}

impl Thread {
    /// How to wake it, where that does anything.
    pub(super) fn wake(&self) -> Option<Wake> {
        self.wake.clone().filter(|_| self.asleep)
    }
}

impl State {
    pub(super) fn add_thread(&mut self, name: Name, parent: Option<usize>) -> usize {
        let index = self.threads.len();
        let started_by = parent.filter(|&parent| parent > 0);
        let twin = self.thread_twin(name, started_by, index);
        let (path, mut order, mut sync) = match parent {
            Some(parent) => {
                let parent = &mut self.threads[parent];
                let mut path = parent.path.clone();
                path.push(parent.children);
                parent.children += 1;
                (path, parent.order.clone(), parent.sync.clone())
            }
            None => (Vec::new(), Clock::default(), Clock::default()),
        };
        order.tick(index);
        sync.tick(index);
        self.threads.push(Thread {
            info: ThreadInfo {
                name,
                twin,
                parent: started_by,
            },
            path,
            children: 0,
            status: Status::Running,
            place: Location::caller(),
            wake: None,
            asleep: false,
            skipped: false,
            point: None,
            token: false,
            at_gate: false,
            choices: 0,
            spurious: 0,
            composites: Vec::new(),
            order,
            sync,
            read: Clock::default(),
            released: Clock::default(),
            unparked: Default::default(),
        });
        if let Some(parent) = parent {
            self.threads[parent].order.tick(parent);
            self.threads[parent].sync.tick(parent);
        }
        index
    }

    pub(super) fn thread_twin(&self, name: Name, parent: Option<usize>, me: usize) -> usize {
        let earlier = self.threads.iter().take(me).map(|thread| thread.info);
        earlier
            .filter(|info| info.name == name && info.parent == parent)
            .count()
    }

    /// How a token writes a thread.
    pub(super) fn thread_label(&self, index: usize) -> String {
        let infos: Vec<_> = self.threads.iter().map(|thread| thread.info).collect();
        super::Session::thread_label(&infos, index)
    }

    pub(super) fn count(&mut self) {
        self.totals.executions += 1;
        self.totals.max_steps = self.totals.max_steps.max(self.steps.len());
        self.totals.max_threads = self.totals.max_threads.max(self.threads.len());
        self.totals.spins_capped += u64::from(self.spin_capped);
    }

    pub(super) fn record(
        &mut self,
        me: usize,
        operation: Operation,
        object: Option<usize>,
        place: Place,
        value: Option<u64>,
    ) {
        last_step::passed(me, Some(place));
        let thread = &mut self.threads[me];
        thread.place = place;
        let tick = thread.order.tick(me);
        thread.sync.tick(me);
        let depth = thread.composites.len();
        self.steps.push(Step {
            thread: me,
            operation,
            object,
            location: place,
            value,
            depth,
            tick,
        });
        if operation.is_gated() {
            self.position += 1;
        }
    }

    /// A step that depends on every other step on the object.
    pub(super) fn dependent(&mut self, me: usize, object: usize) {
        self.dependent_write(me, object);
    }

    pub(super) fn dependent_write(&mut self, me: usize, object: usize) {
        let object = &mut self.objects[object];
        let order = &mut self.threads[me].order;
        order.join(&object.order_writes);
        order.join(&object.order_reads);
        object.order_writes.join(order);
    }

    pub(super) fn dependent_read(&mut self, me: usize, object: usize) {
        let object = &mut self.objects[object];
        let order = &mut self.threads[me].order;
        order.join(&object.order_writes);
        object.order_reads.join(order);
    }

    pub(super) fn release(&mut self, me: usize, mutex: usize) {
        self.dependent(me, mutex);
        self.objects[mutex].holder = None;
        let thread = &mut self.threads[me];
        self.objects[mutex].sync.join(&thread.sync);
        thread.sync.tick(me);
    }

    /// Threads that sleep until the mutex is free.
    pub(super) fn lock_waiters(&self, mutex: usize) -> Vec<Wake> {
        let waits = |thread: &&Thread| match thread.status {
            Status::WantsLock(object) => object == mutex,
            Status::Waiting { mutex: object, .. } => object == mutex,
            _ => false,
        };
        self.threads
            .iter()
            .filter(waits)
            .filter_map(Thread::wake)
            .collect()
    }

    pub(super) fn atomic_step(&mut self, me: usize, object: usize, place: Place, step: AtomicStep) {
        use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        let AtomicStep {
            operation,
            order,
            read,
            written,
        } = step;
        let used = &mut self.totals.used;
        used.atomics = true;
        used.seq_cst_accesses |=
            order == SeqCst && matches!(operation, Operation::Load | Operation::Store);
        if written.is_some() {
            self.dependent_write(me, object);
        } else {
            self.dependent_read(me, object);
        }
        let atomic = &mut self.objects[object];
        let thread = &mut self.threads[me];
        if let (Some(read), Some(value)) = (read, atomic.value)
            && read != value
        {
            self.sequentially_consistent = false;
        }
        if read.is_some() {
            if matches!(order, Acquire | AcqRel | SeqCst) {
                thread.sync.join(&atomic.sync);
            } else {
                thread.read.join(&atomic.sync);
            }
        }
        if let Some(written) = written {
            atomic.value = Some(written);
            atomic.stored |= read.is_none();
            atomic.modified |= read.is_some();
            self.totals.used.mixed_writes |= atomic.stored && atomic.modified;
            // A plain store begins a new release sequence; a read-modify-write continues it.
            if read.is_none() {
                atomic.sync.clear();
            }
            match order {
                Release | AcqRel | SeqCst => atomic.sync.join(&thread.sync),
                Relaxed | Acquire => atomic.sync.join(&thread.released),
                _ => {}
            }
        }
        self.record(me, operation, Some(object), place, read.or(written));
    }

    pub(super) fn is_blocked(&self, thread: usize) -> bool {
        match self.threads[thread].status {
            Status::Running | Status::Finished => false,
            Status::WantsLock(object) => self.objects[object].holder.is_some(),
            Status::Waiting { condvar, mutex } => {
                !self.objects[condvar].may_wake(thread) || self.objects[mutex].holder.is_some()
            }
            Status::Parked => !self.threads[thread].token,
            Status::Joining(child) => self.threads[child].status != Status::Finished,
        }
    }

    pub(super) fn failure(
        &self,
        kind: FailureKind,
        message: String,
        location: Option<String>,
        thread: usize,
        steps: Vec<Step>,
    ) -> Failure {
        let blocked = (0..self.threads.len())
            .filter(|&t| self.is_blocked(t))
            .map(|t| Blocked {
                thread: t,
                waits_for: self.waits_for(t),
                location: self.threads[t].place,
                holds: self.holds(t),
            })
            .collect();
        Failure {
            kind,
            message,
            location,
            thread,
            steps,
            threads: self.threads.iter().map(|thread| thread.info).collect(),
            objects: self.objects.iter().map(|object| object.info).collect(),
            blocked,
            sequentially_consistent: self.sequentially_consistent,
        }
    }

    pub(super) fn waits_for(&self, thread: usize) -> WaitsFor {
        let status = self.threads[thread].status;
        if let Some(&(object, step)) = self.threads[thread].composites.first()
            && let Composite::Acquire(units) | Composite::TryAcquire(units) = step
        {
            let composite = &self.objects[object];
            let holders = if composite.signals {
                Vec::new()
            } else {
                let mut holders: Vec<usize> = composite.holders.iter().map(|(t, _)| *t).collect();
                holders.sort_unstable();
                holders.dedup();
                holders
            };
            return WaitsFor::Composite {
                object,
                units,
                holders,
            };
        }
        match status {
            Status::WantsLock(object) => WaitsFor::Mutex {
                object,
                holder: self.objects[object].holder,
            },
            Status::Waiting { condvar, mutex } if self.objects[condvar].may_wake(thread) => {
                WaitsFor::Mutex {
                    object: mutex,
                    holder: self.objects[mutex].holder,
                }
            }
            Status::Waiting { condvar, .. } => WaitsFor::Condvar { object: condvar },
            Status::Joining(thread) => WaitsFor::Join { thread },
            Status::Parked | Status::Running | Status::Finished => WaitsFor::Token,
        }
    }

    pub(super) fn holds(&self, thread: usize) -> Vec<usize> {
        let held = |object: &Object| {
            object.holder == Some(thread)
                || (!object.signals && object.holders.iter().any(|(t, _)| *t == thread))
        };
        (0..self.objects.len())
            .filter(|&object| held(&self.objects[object]))
            .collect()
    }
}

impl Object {
    pub(super) fn new(info: ObjectInfo) -> Self {
        Self {
            info,
            holder: None,
            holders: Vec::new(),
            signals: false,
            waiters: Vec::new(),
            tokens: Vec::new(),
            arrivals: 0,
            inside: Vec::new(),
            left: Vec::new(),
            moments: Vec::new(),
            order_writes: Clock::default(),
            order_reads: Clock::default(),
            sync: Clock::default(),
            value: None,
            stored: false,
            modified: false,
            write: None,
            reads: Vec::new(),
        }
    }

    /// Whether a waiter's wait may be over.
    pub(super) fn may_wake(&self, thread: usize) -> bool {
        self.waiters
            .iter()
            .find(|waiter| waiter.thread == thread)
            .is_some_and(|waiter| {
                waiter.signalled
                    || self
                        .tokens
                        .iter()
                        .any(|token| token.issued > waiter.arrival)
            })
    }
}
