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
    /// Zone: who is inside.
    inside: Vec<ThreadId>,
    /// Zone: who was. Observer: its moments.
    left: Vec<Left>,
}

/// That a thread left a zone, or passed a moment: every event of these threads from these positions on comes after.
#[derive(Clone, Debug)]
struct Left {
    thread: ThreadId,
    after: SmallVec<[(ThreadId, Index); 2]>,
}

/// An access that races with an earlier one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Race {
    pub(super) other: ThreadId,
    pub(super) place: Place,
}

/// The observer of one execution after another.
#[derive(Debug, Default)]
pub(super) struct Observer {
    threads: Vec<Thread>,
    objects: Vec<Object>,
    fences: Clock,
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
            object.inside.clear();
            object.left.clear();
        }
        self.fences.0.clear();
        self.grow(0);
        self.threads[0].sync.tick(0);
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
        for left in self.objects.iter_mut().flat_map(|object| &mut object.left) {
            if left.after.iter().any(|(known, _)| *known == thread) {
                left.after.push((next, now));
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
        if order == SeqCst {
            slot.sync.join(&self.fences);
            self.fences.join(&slot.sync);
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
        self.object(object);
        let zone = &mut self.objects[object];
        if zone.inside.len() >= limit {
            return Some(zone.inside.clone());
        }
        if limit == 1
            && let Some(order) = order
            && let Some(left) = zone
                .left
                .iter()
                .find(|left| left.thread != thread && !left.is_past(order, thread, causes))
        {
            return Some(vec![left.thread]);
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
        let moments = &mut self.object(object).left;
        let past = |moment: &Left| order.is_none_or(|order| moment.is_past(order, thread, causes));
        let after = (0..moments.len()).filter(|&number| past(&moments[number]));
        let moment = Moment {
            number: moments.len(),
            after: after.collect(),
        };
        moments.push(Left {
            thread,
            after: SmallVec::from_elem((thread, now), 1),
        });
        moment
    }

    /// A thread leaves a zone.
    pub(super) fn leave(&mut self, thread: ThreadId, object: ObjectId, now: Index) {
        let zone = self.object(object);
        if let Some(at) = zone.inside.iter().position(|&inside| inside == thread) {
            zone.inside.remove(at);
            zone.left.retain(|left| left.thread != thread);
            zone.left.push(Left {
                thread,
                after: SmallVec::from_elem((thread, now), 1),
            });
        }
    }
}

impl Left {
    /// Whether `thread`, which comes after the events `causes`, comes after the leaving.
    fn is_past(&self, order: &Order, thread: ThreadId, causes: &[Index]) -> bool {
        self.after.iter().any(|&(other, from)| {
            if other == thread {
                return true;
            }
            let Some(end) = order.first_of(other, from) else {
                return false;
            };
            causes.iter().any(|&cause| {
                cause == end || (cause < order.len() && order.before(cause).contains(end))
            })
        })
    }
}
