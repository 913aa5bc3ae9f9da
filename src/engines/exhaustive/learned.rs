//! What the program's code does between two steps, kept so that it need not run again.
//!
//! For a search over states, code is a function of what its thread has seen: that is what tells two
//! states apart. So what a thread does in one silent step is known once it has done it, and what the
//! model is told in it can be told again without any code. An execution of which all is known is
//! played on the model alone; the first silent step that is not
//! known has the execution run, from its beginning.
//!
//! Code is still run often enough to be caught when it is no such function: whatever runs is compared
//! with what is known.

use std::collections::hash_map::Entry;

use super::explorer::keys::{ByKey, Key, bytes};
use super::watch::{self, Watch};
use super::world::{Standing, World};
use crate::sync::Progress;
use crate::sync::stepping::{ObjectId, Op, Place, Substance, ThreadId};

/// Executions that are run before any is played.
const FIRST: u64 = 64;

/// Of the later ones, one in so many is run although all is known.
const EVERY: u64 = 64;

/// Silent steps that are kept at most, however much memory there is.
const MOST: usize = 1 << 18;

/// Something that a thread does in a silent step, as far as it changes the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It makes an object.
    Makes(Substance),
    /// It starts a thread.
    Starts,
    /// Plain data are now what this digest says.
    Writes(ObjectId, Option<u64>),
    /// It has come so far with an attempt.
    Comes(Progress),
    /// All that it will use of its past is in this digest, after what it had seen before.
    Keeps(Option<u128>, u64, Place),
    /// A busy-wait has used up its rounds.
    IsCapped,
    /// It enters a zone for so many.
    Enters(ObjectId, usize, Place),
    /// It leaves a zone.
    Leaves(ObjectId, Place),
}

/// What ends a silent step, or the part of it that is known without what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It announces its next step.
    Announces(Op, Place),
    /// It accesses plain memory; what it does then depends on what is there.
    Accesses(ObjectId, bool, Place),
    /// It has ended.
    Ends,
    /// Its step has a second half: no code has run.
    Waits,
}

impl Then {
    /// What it announces, if it does.
    pub(super) fn announced(self) -> Option<(Op, Place)> {
        match self {
            Self::Announces(op, place) => Some((op, place)),
            Self::Accesses(..) | Self::Ends | Self::Waits => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Silent {
    deeds: Box<[Deed]>,
    then: Then,
}

/// Where an execution stood at a point to which the search comes back.
#[derive(Debug, Default)]
struct Point {
    world: Standing,
    watch: watch::Standing,
    capped: bool,
}

impl Point {
    fn memory(&self) -> usize {
        self.world.memory() + self.watch.memory()
    }
}

/// What the executions of a search have shown.
#[derive(Debug)]
pub(super) struct Learned {
    silent: ByKey<Silent>,
    /// How many of them and of their deeds are kept at most; then all are forgotten.
    most: usize,
    most_deeds: usize,
    /// The past of the thread that is running, if what it does is to be kept.
    open: Option<u128>,
    /// Whether what it does up to its next step follows from its past.
    follows: bool,
    /// What it has done since.
    deeds: Vec<Deed>,
    /// How many deeds are kept.
    kept: usize,
    /// Points of the execution before, the last one last.
    points: Vec<Point>,
    /// Points that are no more, for their memory.
    pool: Vec<Point>,
}

/// Another thing than before was done with the same past: what was announced then.
#[derive(Debug)]
pub(super) struct Differs(pub(super) Option<(Op, Place)>);

impl Learned {
    /// Nothing is known yet, and what will be is kept in so many bytes.
    pub(super) fn within(bytes: usize) -> Self {
        // A table has a power of two of slots, and a byte more for each; seven of eight are used.
        let slots = bytes / 2 / (size_of::<(Key, Silent)>() + 1);
        let slots = slots.checked_ilog2().map_or(0, |log| 1 << log);
        Self {
            silent: ByKey::default(),
            most: (slots / 8 * 7).min(MOST),
            most_deeds: bytes / 2 / size_of::<Deed>(),
            open: None,
            follows: false,
            deeds: Vec::new(),
            kept: 0,
            points: Vec::new(),
            pool: Vec::new(),
        }
    }

    /// Whether the next execution may be played, after so many.
    pub(super) fn may_play(executions: u64) -> bool {
        executions >= FIRST && !executions.is_multiple_of(EVERY)
    }

    // What is told by code that runs.

    /// A thread with this past begins a silent step.
    pub(super) fn begins(&mut self, past: u128) {
        self.follows = true;
        self.goes_on(past);
    }

    /// It goes on in its silent step, with this past now.
    pub(super) fn goes_on(&mut self, past: u128) {
        self.deeds.clear();
        self.open = self.follows.then_some(past);
    }

    /// It does something.
    pub(super) fn does(&mut self, deed: Deed) {
        if self.open.is_some() {
            self.deeds.push(deed);
        }
    }

    /// It does something that does not follow from its past.
    pub(super) fn is_no_rule(&mut self) {
        self.follows = false;
        self.open = None;
    }

    /// It has come to the end of what follows from its past.
    pub(super) fn ends(&mut self, then: Then) -> Result<(), Differs> {
        let Some(past) = self.open.take() else {
            return Ok(());
        };
        self.keep(past, then)
    }

    /// The first half of a step has been applied, and its thread has this past now.
    pub(super) fn waits(&mut self, past: u128) {
        self.deeds.clear();
        // It differs from every past that code runs with.
        let _ = self.keep(past, Then::Waits);
    }

    fn keep(&mut self, past: u128, then: Then) -> Result<(), Differs> {
        if self.silent.len() >= self.most || self.kept + self.deeds.len() > self.most_deeds {
            self.silent.clear();
            self.kept = 0;
            if self.most == 0 || self.deeds.len() > self.most_deeds {
                return Ok(());
            }
        }
        match self.silent.entry(past.into()) {
            Entry::Vacant(vacant) => {
                self.kept += self.deeds.len();
                let deeds = self.deeds.drain(..).collect();
                vacant.insert(Silent { deeds, then });
                Ok(())
            }
            Entry::Occupied(known) => {
                let known = known.get();
                if known.then == then && *known.deeds == *self.deeds {
                    return Ok(());
                }
                Err(Differs(known.then.announced()))
            }
        }
    }

    // What is played.

    /// Whether it is known what comes after this past.
    pub(super) fn knows(&self, past: u128) -> bool {
        self.silent.contains_key(&past.into())
    }

    /// Plays a thread's silent step; `false`: it is not known, or a property fails in it, which is
    /// for the code itself to say.
    pub(super) fn plays(
        &self,
        thread: ThreadId,
        world: &mut World,
        watch: &mut Watch<'_>,
        capped: &mut bool,
    ) -> bool {
        while let Some(Silent { deeds, then }) = self.silent.get(&world.past(thread).into()) {
            for deed in deeds {
                match *deed {
                    Deed::Makes(ref substance) => {
                        world.object(thread, substance);
                    }
                    Deed::Starts => {
                        let child = world.spawn(thread);
                        watch.spawned(world, thread, child);
                    }
                    Deed::Writes(memory, digest) => world.written(thread, memory, digest),
                    Deed::Comes(progress) => world.comes(thread, progress),
                    Deed::Keeps(before, digest, place) => {
                        world.checkpoint(thread, before, digest, place);
                    }
                    Deed::IsCapped => *capped = true,
                    Deed::Enters(zone, limit, place) => {
                        if watch.enters(world, thread, zone, limit, place) {
                            return false;
                        }
                    }
                    Deed::Leaves(zone, place) => watch.leaves(world, thread, zone, place),
                }
            }
            match *then {
                Then::Announces(op, place) => {
                    world.announce(thread, op, place);
                    return true;
                }
                Then::Accesses(memory, write, place) => {
                    world.seen(thread, memory);
                    if watch.accesses(thread, memory, write, place) {
                        return false;
                    }
                }
                Then::Ends => {
                    world.finish(thread);
                    return true;
                }
                Then::Waits => return false,
            }
        }
        false
    }

    // Points to which the search comes back.

    /// Writes down how an execution stands.
    pub(super) fn stands(&mut self, world: &World, watch: &Watch<'_>, capped: bool) {
        let last = self.points.last();
        if last.is_some_and(|point| point.world.applied() >= world.applied()) {
            return;
        }
        let mut point = self.pool.pop().unwrap_or_default();
        world.store(&mut point.world);
        watch.store(&mut point.watch);
        point.capped = capped;
        self.points.push(point);
    }

    /// Forgets the points that are none of an execution that has only its first `common` steps in
    /// common with the one before.
    pub(super) fn turns_back(&mut self, common: usize) {
        while let Some(point) = self.points.last()
            && point.world.applied() as usize > common
        {
            self.pool.extend(self.points.pop());
        }
    }

    /// Goes back to the last point. How many steps it comes after, and whether a busy-wait had used
    /// up its rounds there.
    pub(super) fn returns(
        &self,
        world: &mut World,
        watch: &mut Watch<'_>,
    ) -> Option<(usize, bool)> {
        let point = self.points.last()?;
        world.restore(&point.world);
        watch.restore(&point.watch);
        Some((point.world.applied() as usize, point.capped))
    }

    /// Forgets all points.
    pub(super) fn forgets_points(&mut self) {
        self.pool.append(&mut self.points);
    }

    /// Bytes that it holds, roughly.
    pub(super) fn memory(&self) -> usize {
        let points = self.points.iter().chain(&self.pool);
        bytes(&self.silent)
            + self.kept * size_of::<Deed>()
            + points.map(Point::memory).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        for bytes in [0, 100, 5_000, 100_000, 3_000_000] {
            let mut learned = Learned::within(bytes);
            let mut known = 0;
            for past in 0..20_000_u128 {
                learned.begins(past << 64 | past);
                for _ in 0..past % 4 {
                    learned.does(Deed::Starts);
                }
                learned.ends(Then::Ends).expect("it is new");
                assert!(learned.memory() <= bytes, "{} of {bytes}", learned.memory());
                known = known.max(learned.silent.len());
            }
            assert_eq!(known > 0, bytes >= 5_000, "{bytes}");
        }
    }
}
