//! What is observed between steps: data races by vector clocks, and who is inside a zone.
//!
//! Happens-before of the memory model is not the order of the trace: a failed try or a relaxed load
//! is ordered and synchronises nothing. So races have clocks of their own (Mattern 1989; Fidge
//! 1988), with release sequences as C11 has them. Zones are decided by the order of the trace: two
//! stays of which neither depends on the other's end overlap in an equivalent execution.
//!
//! A search over states merges executions, so there both are decided on the state itself, by
//! [`segments`](super::segments).

use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::explorer::order::Order;
use super::world::event::Index;
use super::world::put;
use crate::sync::Moment;
use crate::sync::stepping::{ObjectId, Place, ThreadId};

/// A vector clock; missing entries are 0.
#[derive(Clone, Debug, Default)]
struct Clock(Vec<u32>);

impl Clock {
    #[inline]
    fn get(&self, thread: ThreadId) -> u32 {
        self.0.get(thread).copied().unwrap_or(0)
    }

    #[inline]
    fn tick(&mut self, thread: ThreadId) {
        if self.0.len() <= thread {
            self.0.resize(thread + 1, 0);
        }
        self.0[thread] += 1;
    }

    #[inline]
    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        self.0.clear();
        self.0.extend_from_slice(&other.0);
    }
}

#[derive(Clone, Debug, Default)]
struct Thread {
    sync: Clock,
    /// What relaxed loads have read, for a later acquire fence.
    read: Clock,
    /// The clock at the last release fence.
    released: Clock,
    token: Clock,
}

#[derive(Clone, Copy, Debug)]
struct Access {
    thread: ThreadId,
    tick: u32,
    place: Place,
}

#[derive(Clone, Debug, Default)]
struct Object {
    sync: Clock,
    /// What readers of a readers-writers lock have released.
    shared: Clock,
    write: Option<Access>,
    reads: Vec<Access>,
}

/// A zone, or an observer of moments.
#[derive(Debug, Default)]
struct Zone {
    /// Who is inside.
    inside: SmallVec<[ThreadId; 2]>,
    /// What comes after those that left, or after its moments.
    after: SmallVec<[After; 4]>,
    /// How many moments there have been.
    moments: usize,
}

// Copied into others that have their memory already.

impl Clone for Zone {
    fn clone(&self) -> Self {
        let mut clone = Self::default();
        clone.clone_from(self);
        clone
    }

    fn clone_from(&mut self, other: &Self) {
        let Self {
            inside,
            after,
            moments,
        } = other;
        put(&mut self.inside, inside);
        put(&mut self.after, after);
        self.moments = *moments;
    }
}

/// Every event of a thread from a position on comes after what has this number: the leaving of the
/// thread with it, or the moment.
#[derive(Clone, Copy, Debug)]
struct After {
    number: usize,
    thread: ThreadId,
    from: Index,
}

/// An access that races with an earlier one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Race {
    pub(super) other: ThreadId,
    pub(super) place: Place,
}

/// The zones of an execution.
#[derive(Debug, Default)]
struct Zones {
    /// Which zone an object is, plus one; the same in every execution.
    numbers: Vec<u32>,
    zones: Vec<Zone>,
}

impl Zones {
    fn of(&mut self, object: ObjectId) -> &mut Zone {
        if self.numbers.len() <= object {
            self.numbers.resize(object + 1, 0);
        }
        let number = &mut self.numbers[object];
        if *number == 0 {
            self.zones.push(Zone::default());
            *number = self.zones.len() as u32;
        }
        &mut self.zones[*number as usize - 1]
    }

    fn leave_from(&mut self, number: usize) {
        for zone in &mut self.zones[number..] {
            zone.inside.clear();
            zone.after.clear();
            zone.moments = 0;
        }
    }
}

/// How the zones of an execution stand between two steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(Vec<Zone>);

impl Standing {
    /// Bytes that it holds, roughly.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<Zone>()
    }
}

/// The observer of one execution after another.
#[derive(Debug, Default)]
pub(super) struct Observer {
    threads: Vec<Thread>,
    objects: Vec<Object>,
    /// Each zone that has been entered, by its object.
    zones: Zones,
    /// Whether clocks are kept: not in a program without plain memory.
    clocks: bool,
}

impl Observer {
    /// Whether clocks are kept from the next execution on.
    pub(super) fn keep_clocks(&mut self, keep: bool) {
        self.clocks = keep;
    }

    /// Whether clocks are kept.
    pub(super) fn keeps_clocks(&self) -> bool {
        self.clocks
    }

    pub(super) fn begin(&mut self) {
        for thread in &mut self.threads {
            thread.sync.0.clear();
            thread.read.0.clear();
            thread.released.0.clear();
            thread.token.0.clear();
        }
        for object in &mut self.objects {
            object.sync.0.clear();
            object.shared.0.clear();
            object.write = None;
            object.reads.clear();
        }
        self.zones.leave_from(0);
        self.grow(0);
        self.threads[0].sync.tick(0);
    }

    /// Writes down how the zones stand, in an execution without clocks.
    pub(super) fn store(&self, standing: &mut Standing) {
        standing.0.clone_from(&self.zones.zones);
    }

    /// Goes back to where the zones stood.
    pub(super) fn restore(&mut self, standing: &Standing) {
        let stood = standing.0.len();
        self.zones.zones[..stood].clone_from_slice(&standing.0);
        self.zones.leave_from(stood);
    }

    fn grow(&mut self, thread: ThreadId) {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Thread::default);
        }
    }

    fn object(&mut self, object: ObjectId) -> &mut Object {
        if self.objects.len() <= object {
            self.objects.resize_with(object + 1, Object::default);
        }
        &mut self.objects[object]
    }

    pub(super) fn spawned(&mut self, parent: ThreadId, child: ThreadId, now: Index) {
        self.follows(parent, child, now);
        self.grow(child);
        if !self.clocks {
            return;
        }
        let sync = self.threads[parent].sync.clone();
        self.threads[child].sync.copy_from(&sync);
        self.threads[child].sync.tick(child);
        self.threads[parent].sync.tick(parent);
    }

    /// What `next` does from now on comes after all that `thread` has done.
    fn follows(&mut self, thread: ThreadId, next: ThreadId, now: Index) {
        for zone in &mut self.zones.zones {
            for at in 0..zone.after.len() {
                let after = zone.after[at];
                if after.thread == thread {
                    zone.after.push(After {
                        thread: next,
                        from: now,
                        ..after
                    });
                }
            }
        }
    }

    pub(super) fn joined(&mut self, parent: ThreadId, child: ThreadId, now: Index) {
        self.follows(child, parent, now);
        if !self.clocks {
            return;
        }
        let sync = self.threads[child].sync.clone();
        self.threads[parent].sync.join(&sync);
    }

    /// A thread's operation is being applied: its silent step is over.
    pub(super) fn applied(&mut self, thread: ThreadId) {
        if self.clocks {
            self.threads[thread].sync.tick(thread);
        }
    }

    pub(super) fn release(&mut self, thread: ThreadId, object: ObjectId, shared: bool) {
        if !self.clocks {
            return;
        }
        let clock = std::mem::take(&mut self.threads[thread].sync);
        let object = self.object(object);
        if shared {
            object.shared.join(&clock);
        } else {
            object.sync.join(&clock);
        }
        self.threads[thread].sync = clock;
        self.threads[thread].sync.tick(thread);
    }

    pub(super) fn acquire(&mut self, thread: ThreadId, object: ObjectId, shared: bool) {
        if !self.clocks {
            return;
        }
        self.object(object);
        let object = &self.objects[object];
        let sync = &mut self.threads[thread].sync;
        sync.join(&object.sync);
        if !shared {
            sync.join(&object.shared);
        }
    }

    pub(super) fn unpark(&mut self, thread: ThreadId, other: ThreadId) {
        if !self.clocks {
            return;
        }
        let clock = self.threads[thread].sync.clone();
        self.grow(other);
        self.threads[other].token.join(&clock);
        self.threads[thread].sync.tick(thread);
    }

    pub(super) fn park(&mut self, thread: ThreadId) {
        if !self.clocks {
            return;
        }
        let token = std::mem::take(&mut self.threads[thread].token);
        self.threads[thread].sync.join(&token);
    }

    /// An atomic was accessed: `reads` and `writes` say how.
    pub(super) fn atomic(
        &mut self,
        thread: ThreadId,
        object: ObjectId,
        order: Ordering,
        reads: bool,
        writes: bool,
    ) {
        use Ordering::{AcqRel, Acquire, Release, SeqCst};
        if !self.clocks {
            return;
        }
        self.object(object);
        let (object, slot) = (&mut self.objects[object], &mut self.threads[thread]);
        if reads {
            if matches!(order, Acquire | AcqRel | SeqCst) {
                slot.sync.join(&object.sync);
            } else {
                slot.read.join(&object.sync);
            }
        }
        if writes {
            // A plain store begins a new release sequence; a read-modify-write continues it.
            if !reads {
                object.sync.0.clear();
            }
            if matches!(order, Release | AcqRel | SeqCst) {
                object.sync.join(&slot.sync);
            } else {
                object.sync.join(&slot.released);
            }
            slot.sync.tick(thread);
        }
    }

    /// A thread passes a fence. One of order `SeqCst` acquires and releases, and no more: it
    /// synchronises through an atomic that is read between two fences, and between steps there is no
    /// order of threads that anything could be drawn from.
    pub(super) fn fence(&mut self, thread: ThreadId, order: Ordering) {
        use Ordering::{AcqRel, Acquire, Release, SeqCst};
        if !self.clocks {
            return;
        }
        let slot = &mut self.threads[thread];
        if matches!(order, Acquire | AcqRel | SeqCst) {
            let read = slot.read.clone();
            slot.sync.join(&read);
        }
        if matches!(order, Release | AcqRel | SeqCst) {
            slot.released = slot.sync.clone();
            slot.sync.tick(thread);
        }
    }

    /// A thread accesses plain memory; the access with which that races.
    pub(super) fn access(
        &mut self,
        thread: ThreadId,
        object: ObjectId,
        write: bool,
        place: Place,
    ) -> Option<Race> {
        self.object(object);
        let (cell, sync) = (&mut self.objects[object], &self.threads[thread].sync);
        let races =
            |access: &&Access| access.thread != thread && access.tick > sync.get(access.thread);
        let racing = cell
            .write
            .iter()
            .find(races)
            .or_else(|| cell.reads.iter().filter(|_| write).find(races));
        if let Some(access) = racing {
            return Some(Race {
                other: access.thread,
                place: access.place,
            });
        }
        let access = Access {
            thread,
            tick: sync.get(thread),
            place,
        };
        if write {
            cell.reads.clear();
            cell.write = Some(access);
        } else {
            cell.reads.retain(|read| read.thread != thread);
            cell.reads.push(access);
        }
        None
    }

    /// A thread enters a zone that admits `limit`; who else is inside, if that is too many.
    ///
    /// `causes` are the events that the thread comes after.
    pub(super) fn enter(
        &mut self,
        thread: ThreadId,
        object: ObjectId,
        limit: usize,
        causes: &[Index],
        order: Option<&Order>,
    ) -> Option<Vec<ThreadId>> {
        let zone = self.zones.of(object);
        if zone.inside.len() >= limit {
            return Some(zone.inside.to_vec());
        }
        if limit == 1
            && let Some(order) = order
        {
            let mut who = zone.after.iter().map(|after| after.number);
            let left =
                |&left: &ThreadId| left != thread && !zone.is_past(left, order, thread, causes);
            if let Some(left) = who.find(left) {
                return Some(vec![left]);
            }
        }
        zone.inside.push(thread);
        None
    }

    /// A thread passes a moment of an observer; which earlier ones come before it in every
    /// execution of this trace. Without an order to ask, all.
    pub(super) fn moment(
        &mut self,
        thread: ThreadId,
        object: ObjectId,
        causes: &[Index],
        order: Option<&Order>,
        now: Index,
    ) -> Moment {
        let moments = self.zones.of(object);
        let past = |moment: &usize| {
            order.is_none_or(|order| moments.is_past(*moment, order, thread, causes))
        };
        let number = moments.moments;
        let after = (0..number).filter(past).collect();
        moments.moments += 1;
        moments.after.push(After {
            number,
            thread,
            from: now,
        });
        Moment { number, after }
    }

    /// A thread leaves a zone.
    pub(super) fn leave(&mut self, thread: ThreadId, object: ObjectId, now: Index) {
        let zone = self.zones.of(object);
        if let Some(at) = zone.inside.iter().position(|&inside| inside == thread) {
            zone.inside.remove(at);
            zone.after.retain(|after| after.number != thread);
            zone.after.push(After {
                number: thread,
                thread,
                from: now,
            });
        }
    }
}

impl Zone {
    /// Whether `thread`, which comes after the events `causes`, comes after what has this number.
    fn is_past(&self, number: usize, order: &Order, thread: ThreadId, causes: &[Index]) -> bool {
        let mut after = self.after.iter().filter(|after| after.number == number);
        after.any(|after| {
            if after.thread == thread {
                return true;
            }
            let Some(end) = order.first_of(after.thread, after.from) else {
                return false;
            };
            causes.iter().any(|&cause| {
                cause == end || (cause < order.len() && order.before(cause).contains(end))
            })
        })
    }
}
