//! What the silent steps that are going on have accessed: races and overlapping stays on the state.
//!
//! A search over states merges executions, so it cannot ask in which order something happened. Two
//! accesses race there when both belong to silent steps that are going on, one of them writes, and
//! neither thread comes after the other's access because it was started later or has joined since.
//!
//! An access is over as soon as anybody takes a step who comes after it: its own thread, a thread
//! that was started after it, or one that has joined either. Nothing is lost by that: of two accesses
//! that no execution has to order, run only the steps that come before one of them; none of those
//! comes after the other, so both are going on then. And nothing is taken for a race that is none:
//! an order by way of a step has ended the earlier access, and any other order is one of starts and
//! joins alone.

use super::observer::Race;
use super::world::digest::Digest;
use crate::sync::stepping::{ObjectId, Place, ThreadId};

/// What is done with an object in a silent step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Read(ObjectId),
    Write(ObjectId),
    /// Enters or leaves a zone.
    Stay(ObjectId),
}

#[derive(Clone, Copy, Debug)]
struct Access {
    what: What,
    place: Place,
}

#[derive(Debug, Default)]
struct Thread {
    /// What it has accessed that is not over, oldest first.
    going_on: Vec<Access>,
    /// How many of the first of each thread's accesses it comes after; missing entries are 0.
    past: Vec<usize>,
}

// Copied into others that have their memory already.

impl Clone for Thread {
    fn clone(&self) -> Self {
        Self {
            going_on: self.going_on.clone(),
            past: self.past.clone(),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { going_on, past } = other;
        self.going_on.clone_from(going_on);
        self.past.clone_from(past);
    }
}

impl Thread {
    fn past(&self, of: ThreadId) -> usize {
        self.past.get(of).copied().unwrap_or(0)
    }
}

/// The silent steps of one execution after another.
#[derive(Debug, Default)]
pub(super) struct Segments {
    threads: Vec<Thread>,
    /// Who is inside, by zone.
    inside: Vec<Vec<ThreadId>>,
    /// How many accesses are going on in all.
    count: usize,
    /// Threads of which something else is to be told than was last.
    changed: Vec<ThreadId>,
}

impl Clone for Segments {
    fn clone(&self) -> Self {
        let mut clone = Self::default();
        clone.clone_from(self);
        clone
    }

    fn clone_from(&mut self, other: &Self) {
        let Self {
            threads,
            inside,
            count,
            changed,
        } = other;
        self.threads.clone_from(threads);
        self.inside.clone_from(inside);
        self.count = *count;
        self.changed.clone_from(changed);
    }
}

impl Segments {
    pub(super) fn begin(&mut self) {
        for thread in &mut self.threads {
            thread.going_on.clear();
            thread.past.clear();
        }
        self.inside.iter_mut().for_each(Vec::clear);
        self.count = 0;
        self.changed.clear();
        self.grow(0);
    }

    fn grow(&mut self, thread: ThreadId) {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Thread::default);
        }
    }

    fn change(&mut self, thread: ThreadId) {
        if !self.changed.contains(&thread) {
            self.changed.push(thread);
        }
    }

    /// A thread starts another, which comes after all that it comes after and has done.
    pub(super) fn spawned(&mut self, parent: ThreadId, child: ThreadId) {
        self.grow(child);
        self.follows(parent, child);
    }

    /// A thread has joined another, and comes after all that it came after and has done.
    pub(super) fn joined(&mut self, parent: ThreadId, child: ThreadId) {
        self.follows(child, parent);
    }

    fn follows(&mut self, earlier: ThreadId, later: ThreadId) {
        if self.count == 0 {
            return;
        }
        for of in 0..self.threads.len() {
            let past = if of == earlier {
                self.threads[of].going_on.len()
            } else {
                self.threads[earlier].past(of)
            };
            let slot = &mut self.threads[later].past;
            if of != later && slot.get(of).copied().unwrap_or(0) < past {
                if slot.len() <= of {
                    slot.resize(of + 1, 0);
                }
                slot[of] = past;
                self.change(of);
                self.change(later);
            }
        }
    }

    /// A thread takes a step: its accesses are over, and those that it comes after.
    pub(super) fn applied(&mut self, thread: ThreadId) {
        if self.count == 0 {
            return;
        }
        for of in 0..self.threads.len() {
            let over = if of == thread {
                self.threads[of].going_on.len()
            } else {
                self.threads[thread].past(of)
            };
            if over == 0 {
                continue;
            }
            self.threads[of].going_on.drain(..over);
            self.count -= over;
            for other in 0..self.threads.len() {
                if let Some(past) = self.threads[other].past.get_mut(of)
                    && *past > 0
                {
                    *past = past.saturating_sub(over);
                    self.change(other);
                }
            }
            self.change(of);
        }
    }

    fn push(&mut self, thread: ThreadId, what: What, place: Place) {
        self.threads[thread].going_on.push(Access { what, place });
        self.count += 1;
        self.change(thread);
    }

    /// What a thread has accessed that `thread` does not come after.
    fn beside(&self, thread: ThreadId, other: ThreadId) -> &[Access] {
        &self.threads[other].going_on[self.threads[thread].past(other)..]
    }

    /// A thread accesses plain memory; the access with which that races.
    pub(super) fn access(
        &mut self,
        thread: ThreadId,
        memory: ObjectId,
        write: bool,
        place: Place,
    ) -> Option<Race> {
        let races = |access: &&Access| match access.what {
            What::Write(other) => other == memory,
            What::Read(other) => write && other == memory,
            What::Stay(_) => false,
        };
        let racing = (0..self.threads.len())
            .filter(|&other| other != thread)
            .find_map(|other| {
                let access = self.beside(thread, other).iter().find(races)?;
                let place = access.place;
                Some(Race { other, place })
            });
        let what = if write {
            What::Write(memory)
        } else {
            What::Read(memory)
        };
        self.push(thread, what, place);
        racing
    }

    fn zone(&mut self, zone: ObjectId) -> &mut Vec<ThreadId> {
        if self.inside.len() <= zone {
            self.inside.resize_with(zone + 1, Vec::new);
        }
        &mut self.inside[zone]
    }

    /// A thread enters a zone that admits `limit`; who else is inside or has been in a silent step
    /// that is going on, if that is too many. Of those, two may come one after the other: then they
    /// are one too many, and the failure does not repeat.
    pub(super) fn enter(
        &mut self,
        thread: ThreadId,
        zone: ObjectId,
        limit: usize,
        place: Place,
    ) -> Option<Vec<ThreadId>> {
        self.zone(zone);
        let stays = |access: &Access| access.what == What::Stay(zone);
        // Nor may it be inside more often than that itself.
        let own = self.inside[zone].iter().filter(|&&inside| inside == thread);
        let others: Vec<ThreadId> = (0..self.threads.len())
            .filter(|&other| other != thread)
            .filter(|other| {
                self.inside[zone].contains(other) || self.beside(thread, *other).iter().any(stays)
            })
            .chain(own.copied())
            .collect();
        self.inside[zone].push(thread);
        self.push(thread, What::Stay(zone), place);
        (others.len() >= limit).then_some(others)
    }

    /// A thread leaves a zone.
    pub(super) fn leave(&mut self, thread: ThreadId, zone: ObjectId, place: Place) {
        let inside = self.zone(zone);
        if let Some(at) = inside.iter().position(|&inside| inside == thread) {
            inside.remove(at);
        }
        self.push(thread, What::Stay(zone), place);
    }

    /// Tells what has to be part of a state: of every thread for which it is another than when it
    /// was last told, a digest of its accesses that are going on, and of who comes after them; 0
    /// when there are none. And whether a step of it ends any access, its own or another's.
    pub(super) fn tell(&mut self, mut told: impl FnMut(ThreadId, u64, bool)) {
        let mut changed = std::mem::take(&mut self.changed);
        for thread in changed.drain(..) {
            let slot = &self.threads[thread];
            let ends = !slot.going_on.is_empty() || slot.past.iter().any(|&past| past > 0);
            told(thread, self.digest(thread), ends);
        }
        self.changed = changed;
    }

    fn digest(&self, thread: ThreadId) -> u64 {
        let accesses = &self.threads[thread].going_on;
        if accesses.is_empty() {
            return 0;
        }
        let mut digest = Digest::new(accesses.len() as u64);
        for access in accesses {
            digest = digest.with(match access.what {
                What::Read(memory) => (memory as u64) << 1,
                What::Write(memory) => (memory as u64) << 1 | 1,
                What::Stay(zone) => !(zone as u64),
            });
        }
        for (other, slot) in self.threads.iter().enumerate() {
            let past = slot.past(thread);
            if past > 0 {
                digest = digest.with(other as u64).with(past as u64);
            }
        }
        digest.as_u64()
    }
}
