//! The model: threads, what each has announced, and objects whose operations it applies itself.
//!
//! 1. [`footprint`]: which operations depend on each other.
//! 2. [`event`]: one applied operation.
//! 3. `object`: what an object holds, and whom it serves.
//! 4. [`digest`]: what a thread has seen and what an object holds, in 128 bits.
//! 5. [`World`]: all of it together. It knows what is enabled and what an operation does; it does
//!    not know how code runs, nor what to run next.

pub mod digest;
pub mod event;
pub mod footprint;
mod object;
mod part;

use serde::{Deserialize, Serialize};
use smallvec::{Array, SmallVec};

use self::digest::Digest;
use self::event::{Event, Index};
use self::footprint::{Access, Footprint, Location, Touch};
use self::object::{Discipline, Object, Units, Waiter, Wanted};
use self::part::Part;
use crate::sync::stepping::{Change, Need, ObjectId, Op, Place, Substance, ThreadId};
use crate::sync::{NotifyOrder, Progress, Semantics};

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not started in this execution.
    Unborn,
    /// In a silent step, or about to be.
    Silent,
    /// It has announced an operation that has not been applied.
    Announced,
    /// It has ended.
    Finished,
}

#[derive(Debug)]
struct Thread {
    status: Status,
    op: Op,
    place: Place,
    comes_after: SmallVec<[Index; 2]>,
    /// What it has seen.
    history: Digest,
    /// Which thread it is, and what it knows objects and threads by, which no checkpoint forgets:
    /// what it had seen when it made them, and what its maker knew when it started.
    origin: Digest,
    /// What it has accessed in its silent step, as far as races are decided on states.
    segment: u64,
    /// Whether its next step ends an access.
    ends: bool,
    /// Result of the last operation.
    result: u64,
    /// Units that it waited for have been handed over.
    granted: bool,
    notified: bool,
    notified_by: Option<Index>,
    /// Spurious wake-ups in this execution.
    spurious: usize,
    /// Its token for park.
    token: bool,
    /// The location of its token.
    token_location: Location,
    /// Objects that it has created in this execution.
    objects: usize,
    /// Threads that it has started in this execution.
    children: usize,
    /// It has asked for something and has not been served.
    waiting: bool,
    /// It will wait from the operation on that it announces next.
    doorway: bool,
}

impl Clone for Thread {
    fn clone(&self) -> Self {
        Self {
            comes_after: SmallVec::from_slice(&self.comes_after),
            ..*self
        }
    }

    fn clone_from(&mut self, other: &Self) {
        let mut comes_after = std::mem::take(&mut self.comes_after);
        put(&mut comes_after, &other.comes_after);
        *self = Self {
            comes_after,
            ..*other
        };
    }
}

impl Thread {
    fn digest_of(&self, id: ThreadId) -> Digest {
        let flags = u64::from(self.granted)
            | u64::from(self.notified) << 1
            | u64::from(self.token) << 2
            | (self.spurious as u64) << 3
            | (self.status as u64) << 32
            | u64::from(self.waiting) << 40
            | u64::from(self.doorway) << 41;
        let digest = Digest::new(id as u64)
            .with_digest(self.history)
            .with(self.segment)
            .with(flags);
        if self.status != Status::Announced {
            return digest;
        }
        digest
            .with(digest_of_op(self.op))
            .with(digest_of_place(self.place))
    }
}

#[derive(Debug)]
struct Slot {
    alive: bool,
    object: Object,
    /// The first of its locations.
    base: Location,
    /// How many it has.
    locations: usize,
    /// Digest of plain data that it protects or holds.
    data: u64,
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        Self {
            object: self.object.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, other: &Self) {
        let Self {
            alive,
            object,
            base,
            locations,
            data,
        } = other;
        self.alive = *alive;
        self.object.clone_from(object);
        self.base = *base;
        self.locations = *locations;
        self.data = *data;
    }
}

impl Slot {
    fn unused(base: Location, locations: usize) -> Self {
        Self {
            alive: false,
            object: Object::Label,
            base,
            locations,
            data: 0,
        }
    }

    fn digest_of(&self, id: ObjectId, needs: &[Vec<Need>], any: bool) -> Digest {
        self.object.digest(!(id as u64), needs, any).with(self.data)
    }
}

/// The model of one execution; kept from execution to execution, because identities are.
#[derive(Debug)]
pub struct World {
    notify: NotifyOrder,
    spurious: bool,
    threads: Vec<Part<Thread>>,
    slots: Vec<Part<Slot>>,
    /// Free units at each location at the beginning.
    initial: Vec<i64>,
    needs: Vec<Vec<Need>>,
    /// Identities: by creator, its n-th object or child.
    object_ids: Vec<Vec<ObjectId>>,
    thread_ids: Vec<Vec<ThreadId>>,
    /// Threads that go on without a choice, in the order in which they came to be so.
    runnable: Vec<ThreadId>,
    unfinished: usize,
    /// Threads that have started in this execution.
    born: usize,
    applied: Index,
    used: Used,
    /// Who has been served since the last operation was applied.
    served: Threads,
    /// Whether anybody asks for keys, so that what threads have seen is kept.
    keyed: bool,
    /// See [`overflows`](Self::overflows).
    overflows: bool,
}

/// How an execution stands between two steps.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    threads: Vec<Part<Thread>>,
    slots: Vec<Part<Slot>>,
    unfinished: usize,
    born: usize,
    applied: Index,
    served: Threads,
}

impl Standing {
    /// How many operations have been applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// Bytes that it holds, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.threads.capacity() * std::mem::size_of::<Part<Thread>>()
            + self.slots.capacity() * std::mem::size_of::<Part<Slot>>()
    }
}

/// A set of threads below 64, a bit each.
pub type Threads = u64;

/// The set of one thread; none from 64 on.
#[inline]
#[must_use]
pub fn only(thread: ThreadId) -> Threads {
    if thread < 64 { 1 << thread } else { 0 }
}

/// Which numbers threads, objects and locations have been given: those stand for (creator, its
/// counter), in the order in which a search came upon them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    objects: Vec<Vec<ObjectId>>,
    threads: Vec<Vec<ThreadId>>,
    /// For each thread, the location of its token.
    tokens: Vec<Location>,
    /// For each object, its first location and how many it has.
    slots: Vec<(Location, usize)>,
    locations: usize,
    needs: Vec<Vec<Need>>,
}

/// What the executions so far have used, where that matters for a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// An operation that looks whether units are free.
    pub tries: bool,
    /// An object that has had more members than in an earlier execution.
    pub resized: bool,
}

impl World {
    /// A model under these switches, without threads.
    #[must_use]
    pub fn new(semantics: &Semantics) -> Self {
        Self {
            notify: semantics.notify,
            spurious: semantics.spurious,
            threads: Vec::new(),
            slots: Vec::new(),
            initial: Vec::new(),
            needs: Vec::new(),
            object_ids: Vec::new(),
            thread_ids: Vec::new(),
            runnable: Vec::new(),
            unfinished: 0,
            born: 0,
            applied: 0,
            used: Used::default(),
            served: 0,
            keyed: true,
            overflows: false,
        }
    }

    /// The numbers given so far, for a search that is to be gone on with.
    #[must_use]
    pub fn identities(&self) -> Identities {
        Identities {
            objects: self.object_ids.clone(),
            threads: self.thread_ids.clone(),
            tokens: self
                .threads
                .iter()
                .map(|thread| thread.token_location)
                .collect(),
            slots: self
                .slots
                .iter()
                .map(|slot| (slot.base, slot.locations))
                .collect(),
            locations: self.initial.len(),
            needs: self.needs.clone(),
        }
    }

    /// How many numbers have been given, of every kind: while that stays, identities stay.
    #[must_use]
    pub fn numbers(&self) -> [usize; 4] {
        [
            self.threads.len(),
            self.slots.len(),
            self.initial.len(),
            self.needs.len(),
        ]
    }

    /// Takes over the numbers that a search has given; before the first execution.
    pub fn know(&mut self, identities: Identities, used: Used) {
        let Identities {
            objects,
            threads,
            tokens,
            slots,
            locations,
            needs,
        } = identities;
        for token in tokens {
            let thread = self.add_thread();
            self.threads[thread].token_location = token;
        }
        self.slots = slots
            .into_iter()
            .map(|(base, locations)| Slot::unused(base, locations).into())
            .collect();
        self.initial = vec![0; locations];
        self.object_ids = objects;
        self.thread_ids = threads;
        self.needs = needs;
        self.used = used;
    }

    /// Which numbers threads have been given: for each creator, those of its children.
    #[must_use]
    pub fn children(&self) -> Vec<Vec<ThreadId>> {
        self.thread_ids.clone()
    }

    /// Gives threads the numbers that another model has given them, so that its schedules mean the
    /// same here; before the first execution.
    pub fn know_children(&mut self, children: Vec<Vec<ThreadId>>) {
        while self.threads.len() < children.len() {
            self.add_thread();
        }
        self.thread_ids = children;
    }

    /// Keeps no track of what threads have seen: for searches that never ask for
    /// [`key`](Self::key).
    pub fn without_keys(&mut self) {
        self.keyed = false;
    }

    /// Whether it is kept what threads have seen.
    #[must_use]
    pub fn keeps_keys(&self) -> bool {
        self.keyed
    }

    /// Begins an execution: the main thread is about to run.
    pub fn begin(&mut self) {
        for thread in &mut self.threads {
            thread.status = Status::Unborn;
        }
        for slot in &mut self.slots {
            slot.alive = false;
        }
        self.runnable.clear();
        self.unfinished = 0;
        self.born = 0;
        self.applied = 0;
        self.served = 0;
        self.overflows = false;
        if self.threads.is_empty() {
            self.add_thread();
        }
        self.start(0, SmallVec::new(), Digest::new(0), nowhere());
    }

    /// Writes down how the execution stands: every thread has announced or ended.
    pub fn store(&self, standing: &mut Standing) {
        debug_assert!(
            self.runnable.is_empty(),
            "somebody goes on without a choice"
        );
        standing.threads.clone_from(&self.threads);
        standing.slots.clone_from(&self.slots);
        standing.unfinished = self.unfinished;
        standing.born = self.born;
        standing.applied = self.applied;
        standing.served = self.served;
    }

    /// Goes back to where an execution stood. Numbers that have been given since stay given.
    pub fn restore(&mut self, standing: &Standing) {
        let threads = standing.threads.len();
        self.threads[..threads].clone_from_slice(&standing.threads);
        for thread in &mut self.threads[threads..] {
            thread.status = Status::Unborn;
        }
        let slots = standing.slots.len();
        for (slot, stood) in self.slots.iter_mut().zip(&standing.slots) {
            slot.clone_from(stood);
        }
        for slot in &mut self.slots[slots..] {
            slot.alive = false;
        }
        self.runnable.clear();
        self.unfinished = standing.unfinished;
        self.born = standing.born;
        self.applied = standing.applied;
        self.served = standing.served;
        // An execution ends where it happens.
        self.overflows = false;
    }

    fn add_thread(&mut self) -> ThreadId {
        let token_location = self.add_locations(1);
        let thread = Thread {
            status: Status::Unborn,
            op: Op::Yield,
            place: nowhere(),
            comes_after: SmallVec::new(),
            history: Digest::default(),
            origin: Digest::default(),
            segment: 0,
            ends: false,
            result: 0,
            granted: false,
            notified: false,
            notified_by: None,
            spurious: 0,
            token: false,
            token_location,
            objects: 0,
            children: 0,
            waiting: false,
            doorway: false,
        };
        self.threads.push(thread.into());
        self.object_ids.push(Vec::new());
        self.thread_ids.push(Vec::new());
        self.threads.len() - 1
    }

    fn add_locations(&mut self, count: usize) -> Location {
        let base = self.initial.len();
        self.initial.resize(base + count, 0);
        Location::try_from(base).expect("fewer than 2^32 locations")
    }

    fn start(
        &mut self,
        thread: ThreadId,
        comes_after: SmallVec<[Index; 2]>,
        history: Digest,
        place: Place,
    ) {
        let slot = &mut self.threads[thread];
        slot.status = Status::Silent;
        slot.op = Op::Yield;
        slot.place = place;
        slot.comes_after = comes_after;
        slot.history = history;
        slot.origin = Digest::default();
        slot.segment = 0;
        slot.ends = false;
        slot.granted = false;
        slot.notified = false;
        slot.notified_by = None;
        slot.spurious = 0;
        slot.token = false;
        slot.objects = 0;
        slot.children = 0;
        slot.waiting = false;
        slot.doorway = false;
        self.unfinished += 1;
        self.born += 1;
        self.runnable.push(thread);
    }

    // What threads do in their silent steps.

    /// `parent` starts a thread.
    pub fn spawn(&mut self, parent: ThreadId) -> ThreadId {
        let counter = self.threads[parent].children;
        self.threads[parent].children += 1;
        self.names(parent, 1);
        let child = match self.thread_ids[parent].get(counter) {
            Some(&child) => child,
            None => {
                let child = self.add_thread();
                self.thread_ids[parent].push(child);
                child
            }
        };
        let parent = &self.threads[parent];
        let comes_after = SmallVec::from_slice(&parent.comes_after);
        let history = parent.history.with(child as u64);
        let place = parent.place;
        let origin = parent.origin;
        self.start(child, comes_after, history, place);
        self.threads[child].origin = origin.with(child as u64);
        child
    }

    /// A thread makes what it will know by a number, of this kind.
    fn names(&mut self, thread: ThreadId, kind: u64) {
        if self.keyed {
            let slot = &mut self.threads[thread];
            slot.origin = slot.origin.with_digest(slot.history).with(kind);
        }
    }

    /// `creator` makes an object.
    pub fn object(&mut self, creator: ThreadId, substance: &Substance) -> ObjectId {
        let counter = self.threads[creator].objects;
        self.threads[creator].objects += 1;
        self.names(creator, 0);
        let id = match self.object_ids[creator].get(counter) {
            Some(&id) => id,
            None => {
                let locations = Object::locations(substance);
                let base = self.add_locations(locations);
                self.slots.push(Slot::unused(base, locations).into());
                let id = self.slots.len() - 1;
                self.object_ids[creator].push(id);
                id
            }
        };
        let object = Object::new(substance);
        if let Object::Units(units) = &object {
            if units.free.len() > self.slots[id].locations {
                // More members than in an earlier execution: what searches keep names the old
                // locations, so they have to give up.
                self.used.resized = true;
                self.slots[id].locations = units.free.len();
                self.slots[id].base = self.add_locations(units.free.len());
            }
            let base = self.slots[id].base as usize;
            for (member, &free) in units.free.iter().enumerate() {
                self.initial[base + member] = i64::from(free);
            }
        }
        let data = self.threads[creator].history.with(counter as u64).as_u64();
        let slot = &mut self.slots[id];
        slot.alive = true;
        slot.object = object;
        slot.data = data;
        id
    }

    /// The number of these needs.
    pub fn needs(&mut self, needs: &[Need]) -> usize {
        match self.needs.iter().position(|known| known == needs) {
            Some(number) => number,
            None => {
                self.needs.push(needs.to_vec());
                self.needs.len() - 1
            }
        }
    }

    /// A thread announces what it does next. Joins that are possible already happen at once.
    pub fn announce(&mut self, thread: ThreadId, op: Op, place: Place) {
        self.used.tries |= matches!(op, Op::TryTake { .. } | Op::Look(_));
        let slot = &mut self.threads[thread];
        slot.op = op;
        slot.place = place;
        slot.status = Status::Announced;
        if slot.doorway && !self.is_wait_free(op) {
            // Its doorway was the step before: here it may have to wait for others.
            let slot = &mut self.threads[thread];
            slot.doorway = false;
            slot.waiting = true;
        }
        if let Op::Join(child) = op
            && self.threads[child].status == Status::Finished
        {
            self.join(thread, child);
        }
    }

    /// A thread has ended.
    pub fn finish(&mut self, thread: ThreadId) {
        self.waiting(thread, false);
        self.threads[thread].status = Status::Finished;
        self.unfinished -= 1;
        for waiting in 0..self.threads.len() {
            if self.threads[waiting].status == Status::Announced
                && self.threads[waiting].op == Op::Join(thread)
            {
                self.join(waiting, thread);
            }
        }
    }

    fn join(&mut self, thread: ThreadId, child: ThreadId) {
        let ended: SmallVec<[Index; 2]> = SmallVec::from_slice(&self.threads[child].comes_after);
        let seen = self.threads[child].history;
        let slot = &mut self.threads[thread];
        for index in ended {
            if !slot.comes_after.contains(&index) {
                slot.comes_after.push(index);
            }
        }
        if self.keyed {
            // What the child has left behind may be read from here on.
            slot.history = slot.history.with_digest(seen);
        }
        self.go_on(thread, 0);
    }

    /// Plain data at an object is now what this digest says.
    pub fn written(&mut self, thread: ThreadId, object: ObjectId, digest: Option<u64>) {
        if !self.keyed {
            return;
        }
        self.slots[object].data = digest.unwrap_or_else(|| {
            // Two threads that have seen the same need not write the same.
            let writer = &self.threads[thread];
            Digest::new(thread as u64)
                .with_digest(writer.history)
                .with_digest(writer.origin)
                .with(object as u64)
                .as_u64()
        });
    }

    /// A thread reads plain data at an object: what it does next may depend on it.
    pub fn seen(&mut self, thread: ThreadId, object: ObjectId) {
        if self.keyed {
            let data = self.slots[object].data;
            let slot = &mut self.threads[thread];
            slot.history = slot.history.with(data);
        }
    }

    /// What a thread has accessed in the silent step that is going on, as a digest, 0 for nothing;
    /// and whether there is any access, its own or another's, that its next step comes after.
    pub fn accesses(&mut self, thread: ThreadId, digest: u64, ends: bool) {
        self.threads[thread].segment = digest;
        self.threads[thread].ends = ends;
    }

    /// What a thread has seen so far, in 128 bits.
    #[must_use]
    pub fn seen_so_far(&self, thread: ThreadId) -> u128 {
        self.threads[thread].history.as_u128()
    }

    /// All that a thread will use of its past is in a digest, and where it is; with `before`, all that
    /// it will use of its past since it had seen that.
    pub fn checkpoint(
        &mut self,
        thread: ThreadId,
        before: Option<u128>,
        digest: u64,
        place: Place,
    ) {
        let start = match before {
            Some(before) => Digest::from(before).with(digest),
            None => Digest::new(digest),
        };
        let file = place.file().as_bytes();
        let mut here = start.with(digest_of_place(place)).with(file.len() as u64);
        for part in file.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            here = here.with(u64::from_le_bytes(word));
        }
        self.threads[thread].history = here;
    }

    /// Whether a thread waits from now on. It waits from the end of its doorway, which is the part
    /// of its request that it finishes by its own steps whatever others do, until it is served.
    pub fn waiting(&mut self, thread: ThreadId, waiting: bool) {
        let slot = &mut self.threads[thread];
        slot.doorway = false;
        slot.waiting = waiting;
    }

    /// The operation that a thread announces next ends its doorway, unless it waits already.
    ///
    /// An operation that can always happen is the last step of the doorway: the thread waits from
    /// it on. For a take from a strong semaphore, or from a set that keeps a queue, that is the
    /// first half, which joins the queue: before it nobody can know of the request, and others
    /// that come first do not overtake. An operation that may have to wait itself, such as a take
    /// from a weak semaphore, is no part of a doorway: the thread waits from its announcement on.
    pub fn waits_from_next(&mut self, thread: ThreadId) {
        let slot = &mut self.threads[thread];
        slot.doorway = !slot.waiting;
    }

    /// A thread has got what it waited for, in the step that was applied last.
    pub fn served(&mut self, thread: ThreadId) {
        self.waiting(thread, false);
        self.served |= only(thread);
    }

    /// A thread has come so far with an attempt.
    pub fn comes(&mut self, thread: ThreadId, progress: Progress) {
        match progress {
            Progress::Doorway => self.waits_from_next(thread),
            Progress::Waiting => self.waiting(thread, true),
            Progress::Served => self.served(thread),
        }
    }

    /// Whether an operation, or its first half, can happen in every state.
    fn is_wait_free(&self, op: Op) -> bool {
        match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => {
                self.units_of(object).order != crate::sync::SwaitOrder::Weak
            }
            Op::Granted { .. }
            | Op::Reacquire { .. }
            | Op::Await(..)
            | Op::Park
            | Op::Depart(_)
            | Op::Join(_) => false,
            _ => true,
        }
    }

    // What a search asks.

    /// Whether a thread has asked for something and has not been served.
    #[must_use]
    pub fn is_waiting(&self, thread: ThreadId) -> bool {
        self.threads[thread].waiting
    }

    /// Who was served in the step that was applied last.
    #[must_use]
    pub fn served_last(&self) -> Threads {
        self.served
    }

    /// The next thread that goes on without a choice.
    pub fn next_runnable(&mut self) -> Option<ThreadId> {
        match self.runnable.len() {
            // As nearly always.
            0 | 1 => self.runnable.pop(),
            _ => Some(self.runnable.remove(0)),
        }
    }

    /// Whether it is a thread's turn among those that go on without a choice; then it has had it.
    pub fn goes_on(&mut self, thread: ThreadId) -> bool {
        let first = self.runnable.first() == Some(&thread);
        if first {
            self.runnable.remove(0);
        }
        first
    }

    /// A thread stops within its silent step, and is to be taken up again.
    pub fn pauses(&mut self, thread: ThreadId) {
        self.runnable.push(thread);
    }

    /// Takes a thread out of those that go on without a choice, out of its turn; whether it was one.
    pub fn takes_up(&mut self, thread: ThreadId) -> bool {
        let at = self.runnable.iter().position(|&other| other == thread);
        if let Some(at) = at {
            self.runnable.remove(at);
        }
        at.is_some()
    }

    /// How many threads there have ever been; ids are below.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// Where a thread is.
    #[must_use]
    pub fn status(&self, thread: ThreadId) -> Status {
        self.threads[thread].status
    }

    /// How many threads have started and not ended.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// How many threads have started.
    #[must_use]
    pub fn born(&self) -> usize {
        self.born
    }

    /// All that decides what a thread does in the silent step that it begins now, in 128 bits: what
    /// it has seen, the objects and threads that it knows, and how its next ones will be numbered.
    #[must_use]
    pub fn past(&self, thread: ThreadId) -> u128 {
        let slot = &self.threads[thread];
        // Its origin says which thread it is, and how many it has made of each kind.
        slot.history.with_digest(slot.origin).as_u128()
    }

    /// How many operations have been applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// Whether an object has been given more units in this execution than are counted, which are
    /// 2^32 - 1. The execution is to end where it is.
    #[inline]
    #[must_use]
    pub fn overflows(&self) -> bool {
        self.overflows
    }

    /// What has been used.
    #[must_use]
    pub fn used(&self) -> Used {
        self.used
    }

    /// The result of a thread's last operation.
    #[must_use]
    pub fn result(&self, thread: ThreadId) -> u64 {
        self.threads[thread].result
    }

    /// What a thread has announced, and where.
    #[must_use]
    pub fn announced(&self, thread: ThreadId) -> Option<(Op, Place)> {
        let slot = &self.threads[thread];
        (slot.status == Status::Announced).then_some((slot.op, slot.place))
    }

    /// Free units at a location at the beginning.
    #[must_use]
    pub fn initial(&self, location: Location) -> i64 {
        self.initial[location as usize]
    }

    /// The value of a word.
    ///
    /// # Panics
    /// When the object is no word.
    #[must_use]
    pub fn word(&self, object: ObjectId) -> u64 {
        match self.slots[object].object {
            Object::Word(value) => value,
            _ => panic!("object {object} is no word"),
        }
    }

    /// Free units of each member of an object, and how many wait in its queue.
    #[must_use]
    pub fn units(&self, object: ObjectId) -> (Vec<u32>, usize) {
        match &self.slots[object].object {
            Object::Units(units) => (units.free.to_vec(), units.queue.len()),
            _ => (Vec::new(), 0),
        }
    }

    /// The threads that wait on a condition variable and have not been notified, longest first.
    #[must_use]
    pub fn waiters(&self, condvar: ObjectId) -> Vec<ThreadId> {
        match &self.slots[condvar].object {
            Object::Condvar(waiters) => waiters.iter().map(|waiter| waiter.thread).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a waiting thread has been notified.
    #[must_use]
    pub fn notified(&self, thread: ThreadId) -> bool {
        self.threads[thread].notified
    }

    /// Whom a thread has joined in the step that has just been done.
    #[must_use]
    pub fn joined(&self, thread: ThreadId) -> Option<ThreadId> {
        match self.threads[thread].op {
            Op::Join(child) => Some(child),
            _ => None,
        }
    }

    /// The events that a thread's next one comes after.
    #[must_use]
    pub fn comes_after(&self, thread: ThreadId) -> &[Index] {
        &self.threads[thread].comes_after
    }

    /// Whether the silent step of a thread is to be taken up: it has started or its operation has
    /// been applied.
    #[must_use]
    pub fn has_runnable(&self) -> bool {
        !self.runnable.is_empty()
    }

    /// Whether a thread can move now.
    #[inline]
    #[must_use]
    pub fn enabled(&self, thread: ThreadId) -> bool {
        let slot = &self.threads[thread];
        if slot.status != Status::Announced {
            return false;
        }
        match slot.op {
            Op::Take { object, units, .. } => {
                let (state, wanted) = (self.units_of(object), Wanted::One(units));
                state.order != crate::sync::SwaitOrder::Weak || state.available(wanted, &self.needs)
            }
            Op::TakeAll { object, needs } => {
                let (state, wanted) = (self.units_of(object), Wanted::Needs(needs));
                state.order != crate::sync::SwaitOrder::Weak || state.available(wanted, &self.needs)
            }
            Op::Granted { .. } => slot.granted,
            Op::Reacquire { mutex, .. } => {
                (slot.notified || self.may_wake_spuriously(thread))
                    && self.units_of(mutex).free[0] > 0
            }
            Op::Await(object, condition) => condition.holds(self.word(object)),
            Op::Park => slot.token || self.may_wake_spuriously(thread),
            Op::Depart(_) | Op::Join(_) => false,
            _ => true,
        }
    }

    fn may_wake_spuriously(&self, thread: ThreadId) -> bool {
        self.spurious && self.threads[thread].spurious < Semantics::SPURIOUS_PER_THREAD
    }

    /// Whether all that a thread can do now is to wake by itself. Nobody may count on that: a waiting
    /// thread that nothing else would ever wake waits for ever.
    #[must_use]
    pub fn only_by_itself(&self, thread: ThreadId) -> bool {
        let slot = &self.threads[thread];
        let unmoved = match slot.op {
            Op::Reacquire { .. } => !slot.notified,
            Op::Park => !slot.token,
            _ => false,
        };
        unmoved && self.spurious && self.enabled(thread)
    }

    /// Whether nobody can move, or only by waking by itself, and somebody has not ended.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let mut threads = 0..self.threads.len();
        self.unfinished > 0
            && self.runnable.is_empty()
            && threads.all(|thread| !self.enabled(thread) || self.only_by_itself(thread))
    }

    /// Whether a thread has a token for its next park.
    #[must_use]
    pub fn has_token(&self, thread: ThreadId) -> bool {
        self.threads[thread].token
    }

    fn units_of(&self, object: ObjectId) -> &Units {
        match &self.slots[object].object {
            Object::Units(units) => units,
            other => panic!("object {object} has no units but is {other:?}"),
        }
    }

    /// In how many ways a thread can move now; 1 unless there is a choice in it.
    #[must_use]
    pub fn alternatives(&self, thread: ThreadId) -> u32 {
        match self.threads[thread].op {
            Op::Choose(n) => n,
            Op::Notify {
                condvar,
                all: false,
            } if self.notify == NotifyOrder::Any => match &self.slots[condvar].object {
                Object::Condvar(waiters) => u32::try_from(waiters.len().max(1)).unwrap_or(1),
                _ => 1,
            },
            _ => 1,
        }
    }

    /// Whether an operation wakes one of those that wait, whichever.
    #[must_use]
    pub fn wakes_any(&self, op: Op) -> bool {
        self.notify == NotifyOrder::Any && matches!(op, Op::Notify { all: false, .. })
    }

    /// What a thread's announced operation touches.
    #[must_use]
    pub fn footprint(&self, thread: ThreadId) -> Footprint {
        let mut footprint = Footprint::new();
        self.touches(thread, |touch| footprint.push(touch));
        footprint
    }

    fn touches(&self, thread: ThreadId, mut touches: impl FnMut(Touch)) {
        let mut touch = |location, access| touches(Touch { location, access });
        let base = |object: ObjectId| self.slots[object].base;
        match self.threads[thread].op {
            Op::Take { object, shared, .. } => match self.units_of(object).discipline() {
                Discipline::Weak if shared => touch(base(object), Access::SharedTake),
                Discipline::Weak => touch(base(object), Access::Take),
                Discipline::Line => touch(base(object), Access::Request),
                Discipline::Ordered => touch(base(object), Access::Write),
            },
            Op::TryTake { object, .. } | Op::Look(object) => {
                match self.units_of(object).discipline() {
                    Discipline::Ordered => touch(base(object), Access::Write),
                    Discipline::Weak | Discipline::Line => {
                        let members = self.units_of(object).free.len();
                        for member in 0..members as Location {
                            touch(base(object) + member, Access::Try);
                        }
                    }
                }
            }
            Op::Give { object, shared, .. } => match self.units_of(object).discipline() {
                Discipline::Weak if shared => touch(base(object), Access::SharedGive),
                Discipline::Weak | Discipline::Line => touch(base(object), Access::Give),
                Discipline::Ordered => touch(base(object), Access::Write),
            },
            Op::TakeAll { object, needs } => match self.units_of(object).discipline() {
                Discipline::Weak => {
                    for need in &self.needs[needs] {
                        let access = if need.take == 0 {
                            Access::SharedTake
                        } else {
                            Access::Take
                        };
                        touch(base(object) + need.member, access);
                    }
                }
                Discipline::Line => touch(base(object), Access::Request),
                Discipline::Ordered => touch(base(object), Access::Write),
            },
            Op::GiveAll { object, needs } => match self.units_of(object).discipline() {
                Discipline::Weak | Discipline::Line => {
                    for need in self.needs[needs].iter().filter(|need| need.take > 0) {
                        touch(base(object) + need.member, Access::Give);
                    }
                }
                Discipline::Ordered => touch(base(object), Access::Write),
            },
            Op::Granted { object } => {
                if self.units_of(object).discipline() == Discipline::Line {
                    touch(base(object), Access::Granted);
                }
            }
            Op::Wait { condvar, mutex } => {
                touch(base(condvar), Access::Write);
                touch(base(mutex), Access::Give);
            }
            Op::Reacquire { condvar, mutex } => {
                touch(base(mutex), Access::Take);
                if self.spurious {
                    touch(base(condvar), Access::Write);
                }
            }
            Op::Notify { condvar, .. } => touch(base(condvar), Access::Write),
            Op::Load(object) | Op::Await(object, _) | Op::Read(object) => {
                touch(base(object), Access::Read);
            }
            Op::Store(object, _)
            | Op::Modify(object, _)
            | Op::Write(object)
            | Op::Enter(object)
            | Op::Leave(object)
            | Op::Arrive(object) => touch(base(object), Access::Write),
            Op::Park => touch(self.threads[thread].token_location, Access::Write),
            Op::Unpark(other) => touch(self.threads[other].token_location, Access::Write),
            Op::Depart(_) | Op::Choose(_) | Op::Yield | Op::Join(_) => {}
        }
    }

    /// What the event is that a thread's announced operation would be now.
    #[must_use]
    pub fn describe(&self, thread: ThreadId, alternative: u32) -> Event {
        let mut event = Event::new(thread, self.threads[thread].place);
        self.describe_in(&mut event, thread, alternative);
        event
    }

    /// As [`describe`](Self::describe), in the place of an event that is no more.
    pub fn describe_in(&self, event: &mut Event, thread: ThreadId, alternative: u32) {
        let slot = &self.threads[thread];
        event.thread = thread;
        event.alternative = alternative;
        event.alternatives = self.alternatives(thread);
        event.op = slot.op;
        event.place = slot.place;
        event.footprint.clear();
        self.touches(thread, |touch| event.footprint.push(touch));
        put(&mut event.comes_after, &slot.comes_after);
        event.notified_by = slot.notified_by;
        event.spurious = self.may_wake_spuriously(thread);
        event.before = 0;
        let Event {
            effects,
            wants,
            before,
            ..
        } = event;
        effects.clear();
        wants.clear();
        let base = |object: ObjectId| self.slots[object].base;
        match slot.op {
            Op::Take { object, units, .. } => {
                let discipline = self.units_of(object).discipline();
                if discipline != Discipline::Ordered {
                    effects.push((base(object), -i64::from(units)));
                }
                if discipline == Discipline::Weak {
                    wants.push((base(object), i64::from(units)));
                }
            }
            Op::TryTake { object, units } => {
                let state = self.units_of(object);
                if state.discipline() != Discipline::Ordered && self.try_succeeds(object, units) {
                    effects.push((base(object), -i64::from(units)));
                }
            }
            Op::Give { object, units, .. } => effects.push((base(object), i64::from(units))),
            Op::TakeAll { object, needs } => {
                let discipline = self.units_of(object).discipline();
                for need in &self.needs[needs] {
                    if discipline != Discipline::Ordered {
                        effects.push((base(object) + need.member, -i64::from(need.take)));
                    }
                    if discipline == Discipline::Weak {
                        wants.push((base(object) + need.member, i64::from(need.test)));
                    }
                }
            }
            Op::GiveAll { object, needs } => {
                for need in &self.needs[needs] {
                    effects.push((base(object) + need.member, i64::from(need.take)));
                }
            }
            Op::Granted { object } => wants.push((base(object), 0)),
            Op::Wait { mutex, .. } => effects.push((base(mutex), 1)),
            Op::Reacquire { mutex, .. } => {
                effects.push((base(mutex), -1));
                wants.push((base(mutex), 1));
            }
            Op::Load(object)
            | Op::Await(object, _)
            | Op::Store(object, _)
            | Op::Modify(object, _) => *before = self.word(object),
            Op::Park => *before = u64::from(slot.token),
            Op::Unpark(other) => *before = u64::from(self.threads[other].token),
            _ => {}
        }
    }

    fn try_succeeds(&self, object: ObjectId, units: u32) -> bool {
        let state = self.units_of(object);
        state.queue.is_empty() && state.free[0] >= units
    }

    /// Applies a thread's announced operation. The thread goes on, unless the operation has a
    /// second half, which it has then announced.
    ///
    /// # Panics
    /// When the thread is not enabled: that would be a slip of the search.
    pub fn apply(&mut self, thread: ThreadId, alternative: u32) {
        debug_assert!(self.enabled(thread), "thread {thread} is not enabled");
        let index = self.applied;
        self.applied += 1;
        let op = self.threads[thread].op;
        {
            let slot = &mut self.threads[thread];
            match &mut slot.comes_after[..] {
                [last] => *last = index,
                _ => slot.comes_after = SmallVec::from_slice(&[index]),
            }
            slot.waiting |= std::mem::take(&mut slot.doorway);
        }
        self.served = 0;
        match op {
            Op::Take { object, units, .. } => {
                self.request(thread, object, Wanted::One(units), index)
            }
            Op::TakeAll { object, needs } => {
                self.request(thread, object, Wanted::Needs(needs), index);
            }
            Op::Granted { object } => {
                self.threads[thread].granted = false;
                self.sees(thread, object);
            }
            Op::TryTake { object, units } => {
                let taken = self.try_succeeds(object, units);
                if taken {
                    self.take(object, Wanted::One(units));
                    let data = self.slots[object].data;
                    let slot = &mut self.threads[thread];
                    slot.history = slot.history.with(data);
                }
                self.observe(thread, u64::from(taken));
            }
            Op::Look(object) => {
                let state = self.units_of(object);
                let mut digest = Digest::new(state.queue.len() as u64);
                for &free in &state.free {
                    digest = digest.with(u64::from(free));
                }
                let result = u64::from(state.free[0]) << 32 | state.queue.len() as u64;
                let slot = &mut self.threads[thread];
                slot.history = slot.history.with(digest.as_u64());
                self.observe(thread, result);
            }
            Op::Give { object, units, .. } => {
                self.give(object, Wanted::One(units), index);
                self.observe(thread, 0);
            }
            Op::GiveAll { object, needs } => {
                self.give(object, Wanted::Needs(needs), index);
                self.observe(thread, 0);
            }
            Op::Wait { condvar, mutex } => {
                self.give(mutex, Wanted::One(1), index);
                if let Object::Condvar(waiters) = &mut self.slots[condvar].object {
                    waiters.push(Waiter { thread });
                }
                let slot = &mut self.threads[thread];
                slot.notified = false;
                slot.notified_by = None;
                self.second_half(thread, Op::Reacquire { condvar, mutex });
            }
            Op::Reacquire { condvar, mutex } => {
                let notified = self.threads[thread].notified;
                if !notified {
                    self.threads[thread].spurious += 1;
                    if let Object::Condvar(waiters) = &mut self.slots[condvar].object {
                        waiters.retain(|waiter| waiter.thread != thread);
                    }
                }
                self.take(mutex, Wanted::One(1));
                let data = self.slots[mutex].data;
                let slot = &mut self.threads[thread];
                slot.history = slot.history.with(data);
                slot.notified = false;
                slot.notified_by = None;
                // Whether it was notified is nothing that the program learns.
                self.observe(thread, 0);
            }
            Op::Notify { condvar, all } => {
                let woken = self.notify(condvar, all, alternative, index);
                self.observe(thread, woken);
            }
            Op::Load(object) | Op::Await(object, _) => {
                let value = self.word(object);
                self.observe(thread, value);
            }
            Op::Store(object, value) => {
                self.slots[object].object = Object::Word(value);
                self.observe(thread, 0);
            }
            Op::Modify(object, change) => {
                let before = self.word(object);
                let after = match change {
                    Change::Swap(value) => value,
                    Change::Add(value) => before.wrapping_add(value),
                    Change::Exchange(current, new) if before == current => new,
                    Change::Exchange(..) => before,
                };
                self.slots[object].object = Object::Word(after);
                self.observe(thread, before);
            }
            Op::Read(object) => {
                let data = self.slots[object].data;
                self.observe(thread, data);
            }
            Op::Write(object) => {
                // A write may read what it replaces.
                self.seen(thread, object);
                self.observe(thread, 0);
            }
            Op::Enter(object) => {
                if let Object::Zone(inside) = &mut self.slots[object].object {
                    inside.push(thread);
                }
                self.observe(thread, 0);
            }
            Op::Leave(object) => {
                if let Object::Zone(inside) = &mut self.slots[object].object
                    && let Some(at) = inside.iter().position(|&other| other == thread)
                {
                    inside.remove(at);
                }
                self.observe(thread, 0);
            }
            Op::Park => {
                let slot = &mut self.threads[thread];
                if !std::mem::take(&mut slot.token) {
                    slot.spurious += 1;
                }
                // Whether there was a token is nothing that the program learns.
                self.observe(thread, 0);
            }
            Op::Unpark(other) => {
                self.threads[other].token = true;
                self.observe(thread, 0);
            }
            Op::Arrive(object) => self.arrive(thread, object, index),
            Op::Choose(_) => self.observe(thread, u64::from(alternative)),
            Op::Yield => self.observe(thread, 0),
            Op::Depart(_) | Op::Join(_) => unreachable!("happens without being applied"),
        }
    }

    /// A thread has taken what protects the data at an object: it may read them.
    fn sees(&mut self, thread: ThreadId, object: ObjectId) {
        self.seen(thread, object);
        self.observe(thread, 0);
    }

    /// A thread's operation is done, with this result.
    fn observe(&mut self, thread: ThreadId, result: u64) {
        if self.keyed {
            let slot = &mut self.threads[thread];
            let code = digest_of_op(slot.op);
            slot.history = slot.history.with(code).with(result);
        }
        self.go_on(thread, result);
    }

    fn go_on(&mut self, thread: ThreadId, result: u64) {
        let slot = &mut self.threads[thread];
        slot.result = result;
        slot.status = Status::Silent;
        self.runnable.push(thread);
    }

    fn second_half(&mut self, thread: ThreadId, op: Op) {
        let slot = &mut self.threads[thread];
        if self.keyed {
            slot.history = slot.history.with(digest_of_op(slot.op));
        }
        slot.op = op;
    }

    fn request(&mut self, thread: ThreadId, object: ObjectId, wanted: Wanted, index: Index) {
        let discipline = self.units_of(object).discipline();
        if discipline == Discipline::Weak {
            self.take(object, wanted);
            self.sees(thread, object);
            return;
        }
        self.threads[thread].granted = false;
        self.second_half(thread, Op::Granted { object });
        if let Object::Units(units) = &mut self.slots[object].object {
            units.queue.push((thread, wanted));
        }
        self.serve(object, index);
    }

    fn take(&mut self, object: ObjectId, wanted: Wanted) {
        if let Object::Units(units) = &mut self.slots[object].object {
            units.take(wanted, &self.needs);
        }
    }

    fn give(&mut self, object: ObjectId, wanted: Wanted, index: Index) {
        if let Object::Units(units) = &mut self.slots[object].object {
            let mut give = |member: usize, count: u32| match units.free[member].checked_add(count) {
                Some(free) => units.free[member] = free,
                None => self.overflows = true,
            };
            match wanted {
                Wanted::One(count) => give(0, count),
                Wanted::Needs(needs) => {
                    for need in &self.needs[needs] {
                        give(need.member as usize, need.take);
                    }
                }
            }
        }
        self.serve(object, index);
    }

    fn serve(&mut self, object: ObjectId, index: Index) {
        let Object::Units(units) = &mut self.slots[object].object else {
            return;
        };
        if units.queue.is_empty() {
            return;
        }
        let ordered = units.discipline() == Discipline::Ordered;
        let mut served: SmallVec<[ThreadId; 4]> = SmallVec::new();
        units.serve(&self.needs, |thread| served.push(thread));
        for thread in served {
            self.threads[thread].granted = true;
            if ordered {
                // Which step serves whom is fixed by the trace: nothing is left to choose.
                let slot = &mut self.threads[thread];
                slot.granted = false;
                if !slot.comes_after.contains(&index) {
                    slot.comes_after.push(index);
                }
                self.sees(thread, object);
            }
        }
    }

    fn notify(&mut self, condvar: ObjectId, all: bool, alternative: u32, index: Index) -> u64 {
        let Object::Condvar(waiters) = &mut self.slots[condvar].object else {
            return 0;
        };
        let woken: SmallVec<[ThreadId; 4]> = if all {
            waiters.drain(..).map(|waiter| waiter.thread).collect()
        } else if waiters.is_empty() {
            SmallVec::new()
        } else {
            SmallVec::from_elem(waiters.remove(alternative as usize).thread, 1)
        };
        for &thread in &woken {
            let slot = &mut self.threads[thread];
            slot.notified = true;
            slot.notified_by = Some(index);
            slot.comes_after.push(index);
        }
        woken.len() as u64
    }

    fn arrive(&mut self, thread: ThreadId, object: ObjectId, index: Index) {
        self.second_half(thread, Op::Depart(object));
        let Object::Barrier(barrier) = &mut self.slots[object].object else {
            return;
        };
        barrier.arrived.push(thread);
        if barrier.arrived.len() < barrier.size as usize {
            return;
        }
        for waiting in std::mem::take(&mut barrier.arrived) {
            let slot = &mut self.threads[waiting];
            if !slot.comes_after.contains(&index) {
                slot.comes_after.push(index);
            }
            self.observe(waiting, u64::from(waiting == thread));
        }
    }

    /// Whether the announced operations of two threads that can both move commute here and now, on
    /// the counts of this state: finer than their footprints.
    #[must_use]
    pub fn commute_here(&self, one: ThreadId, other: ThreadId) -> bool {
        let objects = (self.only_object(one), self.only_object(other));
        if let (Some(mine), Some(theirs)) = objects
            && mine != theirs
        {
            return true;
        }
        let (mine, theirs) = (self.footprint(one), self.footprint(other));
        mine.iter().all(|a| {
            theirs.iter().all(|b| {
                a.location != b.location
                    || !a.access.conflicts(b.access)
                    || self.counts_suffice(one, other, a, b)
            })
        })
    }

    /// The object that a thread's announced operation touches, if it is a single one.
    fn only_object(&self, thread: ThreadId) -> Option<ObjectId> {
        match self.threads[thread].op {
            Op::Take { object, .. }
            | Op::TryTake { object, .. }
            | Op::Give { object, .. }
            | Op::TakeAll { object, .. }
            | Op::GiveAll { object, .. }
            | Op::Granted { object }
            | Op::Load(object)
            | Op::Store(object, _)
            | Op::Modify(object, _)
            | Op::Await(object, _)
            | Op::Read(object)
            | Op::Write(object)
            | Op::Enter(object)
            | Op::Leave(object)
            | Op::Arrive(object)
            | Op::Look(object)
            | Op::Notify {
                condvar: object, ..
            } => Some(object),
            Op::Wait { .. }
            | Op::Reacquire { .. }
            | Op::Park
            | Op::Unpark(_)
            | Op::Depart(_)
            | Op::Choose(_)
            | Op::Yield
            | Op::Join(_) => None,
        }
    }

    fn counts_suffice(&self, one: ThreadId, other: ThreadId, a: &Touch, b: &Touch) -> bool {
        use Access::{Give, SharedGive, SharedTake, Take};
        match (a.access, b.access) {
            // Both can move, so the units of the take are there without the give.
            (Take | SharedTake, Give | SharedGive) | (Give | SharedGive, Take | SharedTake) => true,
            (Take | SharedTake, Take | SharedTake) => {
                let (mine, theirs) = (self.describe(one, 0), self.describe(other, 0));
                let at = |list: &[(Location, i64)]| -> i64 {
                    list.iter()
                        .filter(|(location, _)| *location == a.location)
                        .map(|(_, number)| *number)
                        .sum()
                };
                let free = self.free_at(a.location);
                free + at(&theirs.effects) >= at(&mine.wants)
                    && free + at(&mine.effects) >= at(&theirs.wants)
            }
            _ => false,
        }
    }

    fn free_at(&self, location: Location) -> i64 {
        self.slots
            .iter()
            .find_map(|slot| match &slot.object {
                Object::Units(units) if slot.alive => {
                    let member = location.checked_sub(slot.base)? as usize;
                    units.free.get(member).map(|&free| i64::from(free))
                }
                _ => None,
            })
            .unwrap_or(0)
    }

    /// Whether an operation gives more than one unit somewhere.
    #[must_use]
    pub fn gives_many(&self, op: Op) -> bool {
        match op {
            Op::Give { units, .. } => units > 1,
            Op::GiveAll { needs, .. } => self.needs[needs].iter().any(|need| need.take > 1),
            _ => false,
        }
    }

    /// The locations of one unit that an operation takes one unit of, or gives units to.
    #[must_use]
    pub fn locks_of(&self, op: Op) -> SmallVec<[Location; 2]> {
        let mut locks = SmallVec::new();
        let mut one = |object: ObjectId, member: u32| {
            let location = self.slots[object].base + member;
            if self.initial[location as usize] == 1 {
                locks.push(location);
            }
        };
        match op {
            Op::Take {
                object, units: 1, ..
            }
            | Op::TryTake { object, units: 1 }
            // Giving more than one unit makes it no lock, which is for the caller to see.
            | Op::Give { object, .. }
            | Op::Wait { mutex: object, .. } => one(object, 0),
            Op::TakeAll { object, needs } => {
                for need in self.needs[needs].iter().filter(|need| need.take == 1) {
                    one(object, need.member);
                }
            }
            Op::GiveAll { object, needs } => {
                for need in self.needs[needs].iter().filter(|need| need.take > 0) {
                    one(object, need.member);
                }
            }
            _ => {}
        }
        locks
    }

    /// Whether a thread's announced operation only gives units, so that it commutes with everything
    /// that others can do before it, and ends no access that somebody could race with before it. It
    /// gives one unit at least, so that there is no way back to this state by such steps alone.
    #[must_use]
    pub fn gives_at_once(&self, thread: ThreadId) -> bool {
        let slot = &self.threads[thread];
        let object = match slot.op {
            Op::Give { object, units, .. } if units > 0 => object,
            Op::GiveAll { object, needs } if self.gives_any(needs) => object,
            _ => return false,
        };
        slot.status == Status::Announced
            && !slot.ends
            && !self.used.tries
            && self.units_of(object).discipline() != Discipline::Ordered
    }

    fn gives_any(&self, needs: usize) -> bool {
        self.needs[needs].iter().any(|need| need.take > 0)
    }

    /// The state in 128 bits: what each thread has seen and announced, what each object holds.
    #[must_use]
    pub fn key(&self) -> u128 {
        let mut sum = Digest::default();
        for (id, thread) in self.threads.iter().enumerate() {
            if thread.status != Status::Unborn {
                sum = sum.plus(thread.digest(|thread| thread.digest_of(id)));
            }
        }
        let any = self.notify == NotifyOrder::Any;
        for (id, slot) in self.slots.iter().enumerate() {
            if slot.alive && !matches!(slot.object, Object::Label) {
                sum = sum.plus(slot.digest(|slot| slot.digest_of(id, &self.needs, any)));
            }
        }
        sum.as_u128()
    }

    /// Every thread that has announced something and cannot move: its operation, and where.
    pub fn blocked(&self) -> impl Iterator<Item = (ThreadId, Op, Place)> + '_ {
        self.threads
            .iter()
            .enumerate()
            .filter(|(id, thread)| thread.status == Status::Announced && !self.enabled(*id))
            .map(|(id, thread)| (id, thread.op, thread.place))
    }
}

/// Puts items in the place of others. There are seldom more than stand in place, and then this is a
/// copy of some words, which `extend_from_slice` is not.
#[inline]
pub(super) fn put<A: Array>(place: &mut SmallVec<A>, items: &[A::Item])
where
    A::Item: Copy,
{
    if items.len() <= place.inline_size() && !place.spilled() {
        *place = SmallVec::from_slice(items);
    } else {
        place.clear();
        place.extend_from_slice(items);
    }
}

/// A place for threads that have not announced anything yet.
fn nowhere() -> Place {
    std::panic::Location::caller()
}

fn digest_of_place(place: Place) -> u64 {
    u64::from(place.line()) << 32 | u64::from(place.column())
}

fn digest_of_op(op: Op) -> u64 {
    let (code, a, b): (u64, u64, u64) = match op {
        Op::Take {
            object,
            units,
            shared,
        } => (1 + u64::from(shared), object as u64, u64::from(units)),
        Op::TryTake { object, units } => (3, object as u64, u64::from(units)),
        Op::Give {
            object,
            units,
            shared,
        } => (4 + u64::from(shared), object as u64, u64::from(units)),
        Op::TakeAll { object, needs } => (6, object as u64, needs as u64),
        Op::GiveAll { object, needs } => (7, object as u64, needs as u64),
        Op::Granted { object } => (8, object as u64, 0),
        Op::Wait { condvar, mutex } => (9, condvar as u64, mutex as u64),
        Op::Reacquire { condvar, mutex } => (10, condvar as u64, mutex as u64),
        Op::Notify { condvar, all } => (11, condvar as u64, u64::from(all)),
        Op::Load(object) => (12, object as u64, 0),
        Op::Store(object, value) => (13, object as u64, value),
        Op::Modify(object, Change::Swap(value)) => (14, object as u64, value),
        Op::Modify(object, Change::Add(value)) => (15, object as u64, value),
        Op::Modify(object, Change::Exchange(current, new)) => {
            let both = Digest::new(current).with(new).as_u64();
            (16, object as u64, both)
        }
        Op::Await(object, condition) => {
            use crate::sync::stepping::Condition;
            let (kind, value) = match condition {
                Condition::Is(value) => (17, value),
                Condition::IsNot(value) => (18, value),
                Condition::Below(value) => (19, value),
                Condition::AtLeast(value) => (20, value),
                Condition::SignedBelow(value) => (33, value.cast_unsigned()),
                Condition::SignedAtLeast(value) => (34, value.cast_unsigned()),
            };
            (kind, object as u64, value)
        }
        Op::Read(object) => (21, object as u64, 0),
        Op::Write(object) => (22, object as u64, 0),
        Op::Enter(object) => (23, object as u64, 0),
        Op::Leave(object) => (24, object as u64, 0),
        Op::Park => (25, 0, 0),
        Op::Unpark(thread) => (26, thread as u64, 0),
        Op::Arrive(object) => (27, object as u64, 0),
        Op::Depart(object) => (28, object as u64, 0),
        Op::Choose(n) => (29, u64::from(n), 0),
        Op::Yield => (30, 0, 0),
        Op::Join(thread) => (31, thread as u64, 0),
        Op::Look(object) => (32, object as u64, 0),
    };
    // Numbers of objects and threads stay below.
    Digest::new(code << 56 ^ a).with(b).as_u64()
}
