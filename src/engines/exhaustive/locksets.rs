//! Which locks protect what: where every access is made under one lock, no two overlap.
//!
//! Savage et al., "Eraser", ACM TOCS 15(4), 1997, made exact for what it is used for here. A lock is
//! an object of one unit that nobody gives but its holder; so two stays that each lie within one
//! holding of the same lock exclude each other, in every execution. What a thread holds when it
//! accesses something is a function of its own past, and a search over states visits every past of
//! every thread; so a common lock that is left at the end is a proof. Where none is left, nothing
//! is known, and the search has to look at the states themselves.
//!
//! Executions that are played on the model alone tell nothing here: what they would tell, access by
//! access, is a function of the pasts of their threads, and each of those has been told when it was run.
//! What has been told is kept until it no longer matters. So at the end of every execution all of its
//! accesses have been told, and while all that was told is protected, it had nothing to be found.
//!
//! What a thread accesses while it is alone needs no lock: every other thread that has been started
//! has ended, and the thread comes after its end by joins; whoever is started later comes after it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::world::footprint::Location;
use super::world::{Threads, only};
use crate::sync::stepping::{ObjectId, ThreadId};

/// What is known of the locks around one object.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Protected {
    /// The only thread that has been seen at it so far, if there is only one.
    alone: Option<ThreadId>,
    /// Only reads so far.
    read_only: bool,
    /// Locks that were held at every access.
    locks: Vec<Location>,
}

/// The locksets of a search, over all its executions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Locksets {
    /// By their number, and whether it is a zone: what a number stands for may depend on a choice.
    objects: HashMap<(ObjectId, bool), Protected>,
    /// Given by somebody who did not hold them: signals, not locks.
    signals: HashSet<Location>,
    /// What each thread holds in this execution, and where it stays.
    held: Vec<Vec<Location>>,
    stays: Vec<Vec<ObjectId>>,
    /// Who has been started in this execution, and whether also one of the threads from 64 on.
    started: Threads,
    many: bool,
    /// After whose ends each thread comes.
    ended: Vec<Threads>,
    /// Zones are no longer of interest.
    only_memory: bool,
}

impl Locksets {
    /// Takes in what another part of the same search has seen. Whether everything is still
    /// protected.
    pub(super) fn add(&mut self, other: Self) -> bool {
        self.signals.extend(other.signals);
        for (object, known) in other.objects {
            match self.objects.entry(object) {
                Entry::Vacant(vacant) => {
                    vacant.insert(known);
                }
                Entry::Occupied(occupied) => occupied.into_mut().add(&known),
            }
        }
        let signals = &self.signals;
        self.objects.values_mut().all(|known| {
            known.locks.retain(|lock| !signals.contains(lock));
            known.is_protected()
        })
    }

    pub(super) fn begin(&mut self) {
        self.held.iter_mut().for_each(Vec::clear);
        self.stays.iter_mut().for_each(Vec::clear);
        self.ended.fill(0);
        self.started = only(0);
        self.many = false;
    }

    fn grow(&mut self, thread: ThreadId) {
        if self.held.len() <= thread {
            self.held.resize_with(thread + 1, Vec::new);
            self.stays.resize_with(thread + 1, Vec::new);
            self.ended.resize(thread + 1, 0);
        }
    }

    /// A thread starts another.
    pub(super) fn spawned(&mut self, parent: ThreadId, child: ThreadId) {
        self.grow(parent.max(child));
        self.started |= only(child);
        self.many |= only(child) == 0;
        self.ended[child] = self.ended[parent];
    }

    /// A thread comes after the end of another, which it has joined.
    pub(super) fn joined(&mut self, parent: ThreadId, child: ThreadId) {
        self.grow(parent.max(child));
        self.ended[parent] |= self.ended[child] | only(child);
    }

    fn is_alone(&self, thread: ThreadId) -> bool {
        !self.many && self.started & !self.ended[thread] == only(thread)
    }

    /// A thread has taken the only unit of a lock.
    pub(super) fn taken(&mut self, thread: ThreadId, lock: Location) {
        self.grow(thread);
        self.held[thread].push(lock);
    }

    /// A thread gives a unit to a lock. Whether everything is still protected.
    pub(super) fn given(&mut self, thread: ThreadId, lock: Location) -> bool {
        self.grow(thread);
        let Some(at) = self.held[thread].iter().position(|&held| held == lock) else {
            return !self.signals.insert(lock) || self.lost(lock, None);
        };
        self.held[thread].swap_remove(at);
        let stays = std::mem::take(&mut self.stays[thread]);
        let protected = self.lost(lock, Some(&stays));
        self.stays[thread] = stays;
        protected
    }

    /// Something is no lock after all. Whether everything is still protected.
    pub(super) fn is_signal(&mut self, lock: Location) -> bool {
        self.signals.insert(lock);
        self.lost(lock, None)
    }

    /// A lock protects these objects no longer, or none at all.
    fn lost(&mut self, lock: Location, of: Option<&[ObjectId]>) -> bool {
        let mut protected = true;
        for ((object, is_zone), known) in &mut self.objects {
            if of.is_none_or(|of| *is_zone && of.contains(object)) {
                known.locks.retain(|&held| held != lock);
                protected &= known.is_protected();
            }
        }
        protected
    }

    /// A thread accesses plain memory. Whether it is still protected.
    pub(super) fn accessed(&mut self, thread: ThreadId, memory: ObjectId, write: bool) -> bool {
        self.grow(thread);
        self.is_alone(thread) || self.touched(thread, memory, write, false)
    }

    fn touched(&mut self, thread: ThreadId, object: ObjectId, write: bool, is_zone: bool) -> bool {
        let held = &self.held[thread];
        let signals = &self.signals;
        let known = self
            .objects
            .entry((object, is_zone))
            .or_insert_with(|| Protected {
                alone: Some(thread),
                read_only: true,
                locks: held
                    .iter()
                    .copied()
                    .filter(|l| !signals.contains(l))
                    .collect(),
            });
        if known.alone != Some(thread) {
            known.alone = None;
        }
        known.read_only &= !write;
        known.locks.retain(|lock| held.contains(lock));
        known.is_protected()
    }

    /// Forgets all zones, since they are looked at in another way. Whether memory is protected.
    pub(super) fn keeps_only_memory(&mut self) -> bool {
        self.only_memory = true;
        self.objects.retain(|(_, is_zone), _| !is_zone);
        self.objects.values().all(Protected::is_protected)
    }

    /// Whether zones are of interest.
    pub(super) fn keeps_zones(&self) -> bool {
        !self.only_memory
    }

    /// A thread enters a zone. Whether it is still protected.
    pub(super) fn entered(&mut self, thread: ThreadId, zone: ObjectId) -> bool {
        self.grow(thread);
        // Whom it starts inside may enter before it leaves: there it is not alone. And no lock
        // protects it from itself.
        let is_inside = self.stays[thread].contains(&zone);
        let protected = self.touched(thread, zone, true, true) && !is_inside;
        self.stays[thread].push(zone);
        protected
    }

    /// A thread leaves a zone.
    pub(super) fn left(&mut self, thread: ThreadId, zone: ObjectId) {
        self.grow(thread);
        if let Some(at) = self.stays[thread].iter().position(|&stay| stay == zone) {
            self.stays[thread].swap_remove(at);
        }
    }
}

impl Protected {
    fn add(&mut self, other: &Self) {
        if self.alone != other.alone {
            self.alone = None;
        }
        self.read_only &= other.read_only;
        self.locks.retain(|lock| other.locks.contains(lock));
    }

    fn is_protected(&self) -> bool {
        // What is only read, or only by one thread, needs no lock.
        self.alone.is_some() || self.read_only || !self.locks.is_empty()
    }
}
