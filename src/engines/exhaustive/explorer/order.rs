//! Happens-before of one execution: program order, what enables what, and every pair of dependent
//! events in the order in which they happened; transitively closed.
//!
//! Kept as one bit row an event, so that `notdep` and the initials of a sequence are a few words.

use smallvec::SmallVec;

use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::engines::exhaustive::world::footprint::{Location, Touch};
use crate::sync::stepping::{Op, ThreadId};

/// A set of events of one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Executions of up to 128 steps need no memory of their own.
    words: SmallVec<[u64; 2]>,
}

impl Events {
    /// Whether an event is a member.
    #[inline]
    pub fn contains(&self, index: Index) -> bool {
        self.words
            .get(index as usize / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Adds an event.
    #[inline]
    pub fn insert(&mut self, index: Index) {
        let word = index as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % 64);
    }

    /// Takes an event out.
    #[inline]
    pub fn remove(&mut self, index: Index) {
        if let Some(word) = self.words.get_mut(index as usize / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// Adds the events of another set.
    #[inline]
    pub fn union(&mut self, other: &Self) {
        self.union_words(&other.words);
    }

    /// Adds the events of these words.
    #[inline]
    fn union_words(&mut self, words: &[u64]) {
        if self.words.len() < words.len() {
            self.words.resize(words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(words) {
            *mine |= theirs;
        }
    }

    /// Takes the events of another set out.
    #[inline]
    pub fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= !theirs;
        }
    }

    /// Whether the sets have an event in common.
    #[inline]
    pub fn meets(&self, other: &Self) -> bool {
        self.words
            .iter()
            .zip(&other.words)
            .any(|(mine, theirs)| mine & theirs != 0)
    }

    /// The first event that is in both sets.
    #[inline]
    pub fn first_common(&self, other: &Self) -> Option<Index> {
        let words = self.words.iter().zip(&other.words).enumerate();
        words
            .map(|(number, (mine, theirs))| (number, mine & theirs))
            .find(|(_, both)| *both != 0)
            .map(|(number, both)| (number * 64) as Index + both.trailing_zeros())
    }

    /// Whether it is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Takes out everything from a position on.
    #[inline]
    pub fn cut(&mut self, from: Index) {
        let (word, bit) = (from as usize / 64, from % 64);
        if word < self.words.len() {
            self.words.truncate(word + 1);
            self.words[word] &= (1 << bit) - 1;
        }
    }

    /// Makes it empty.
    #[inline]
    pub fn clear(&mut self) {
        self.words.clear();
    }

    /// Makes this the set `from..to`.
    #[inline]
    pub fn set_range(&mut self, from: Index, to: Index) {
        self.words.clear();
        self.words.resize((to as usize).div_ceil(64), 0);
        for (number, word) in self.words.iter_mut().enumerate() {
            let start = (number * 64) as Index;
            let mut bits = u64::MAX;
            if from > start {
                bits &= if from - start >= 64 {
                    0
                } else {
                    u64::MAX << (from - start)
                };
            }
            if to < start + 64 {
                bits &= (1u64 << (to - start)) - 1;
            }
            *word = bits;
        }
    }

    /// Makes it equal to another set.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    /// The members, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = Index> + '_ {
        self.words.iter().enumerate().flat_map(|(number, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    (number * 64) as Index + bit
                })
            })
        })
    }
}

/// An event with its place in the order.
#[derive(Debug, Default)]
struct Row {
    /// Every event before it.
    before: Events,
    /// Every event before the thread came to it.
    came: Events,
    /// Events whose order with this one a search may have to reverse, latest first.
    rivals: Vec<Index>,
}

/// The order of the events of one execution.
#[derive(Debug, Default)]
pub struct Order {
    events: Vec<Event>,
    rows: Vec<Row>,
    /// Events that touch each location, oldest first.
    touching: Vec<Vec<(Index, Touch)>>,
    /// Events of each thread, oldest first.
    of_thread: Vec<Vec<Index>>,
    /// The same as sets.
    set_of_thread: Vec<Events>,
    /// For each event, every event after it, in so many words.
    after: Vec<u64>,
    stride: usize,
    /// How many events have ever been added, and as the how manieth each of these was.
    added: u64,
    serials: Vec<u64>,
    /// Rows that may be used again.
    pool: Vec<Row>,
}

impl Order {
    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many events there are.
    #[inline]
    pub fn len(&self) -> Index {
        self.events.len() as Index
    }

    /// An event.
    #[inline]
    pub fn event(&self, index: Index) -> &Event {
        &self.events[index as usize]
    }

    /// Copies of the first events, `count` of them or as many as there are.
    pub fn first(&self, count: usize) -> Vec<Event> {
        self.events.iter().take(count).cloned().collect()
    }

    /// Every event before this one.
    #[inline]
    pub fn before(&self, index: Index) -> &Events {
        &self.rows[index as usize].before
    }

    /// Whether one of these events led the thread of `index` to it. A notification that is not
    /// among them did not: then the wait ended by itself.
    pub fn leads_from(&self, index: Index, events: &Events) -> bool {
        let event = self.event(index);
        event.comes_after.iter().any(|&cause| {
            let skipped =
                event.spurious && event.notified_by == Some(cause) && !events.contains(cause);
            !skipped && (events.contains(cause) || self.before(cause).meets(events))
        })
    }

    /// Adds this event and every one after it to a set.
    #[inline]
    pub fn add_with_after(&self, index: Index, events: &mut Events) {
        let start = index as usize * self.stride;
        events.union_words(&self.after[start..start + self.stride]);
        events.insert(index);
    }

    /// The event at a position, as opposed to any that was there before or will be.
    #[inline]
    pub fn serial(&self, index: Index) -> Option<u64> {
        self.serials.get(index as usize).copied()
    }

    /// The first event of a thread in a set.
    #[inline]
    pub fn first_in(&self, thread: ThreadId, events: &Events) -> Option<Index> {
        self.set_of_thread.get(thread)?.first_common(events)
    }

    /// Whether an event of a set, none of which is before `from`, depends on what touches these
    /// locations.
    #[inline]
    pub fn conflicts_in(&self, footprint: &[Touch], events: &Events, from: Index) -> bool {
        footprint.iter().any(|touch| {
            let touching = self.touching.get(touch.location as usize);
            let touching = touching.map_or(&[][..], Vec::as_slice);
            let since = touching
                .iter()
                .rev()
                .take_while(|(other, _)| *other >= from);
            since.into_iter().any(|(other, theirs)| {
                touch.access.conflicts(theirs.access) && events.contains(*other)
            })
        })
    }

    /// Earlier events of other threads that conflict with this one and did not lead its thread to
    /// it, latest first.
    #[inline]
    pub fn rivals(&self, index: Index) -> &[Index] {
        &self.rows[index as usize].rivals
    }

    /// The first event of a thread at or after a position.
    #[inline]
    pub fn first_of(&self, thread: ThreadId, from: Index) -> Option<Index> {
        let events = self.of_thread.get(thread)?;
        let at = events.partition_point(|&index| index < from);
        events.get(at).copied()
    }

    /// Adds an event at the end.
    pub fn push(&mut self, event: Event) {
        let index = self.len();
        let mut row = self.pool.pop().unwrap_or_default();
        row.before.clear();
        row.came.clear();
        row.rivals.clear();
        for &cause in &event.comes_after {
            // A cause may be this very event's own enabler from before.
            row.came.union(&self.rows[cause as usize].before);
            row.came.insert(cause);
        }
        row.before.copy_from(&row.came);
        for touch in &event.footprint {
            let location = touch.location as usize;
            if self.touching.len() <= location {
                self.touching.resize_with(location + 1, Vec::new);
            }
            for &(other, theirs) in self.touching[location].iter().rev() {
                if !touch.access.conflicts(theirs.access) {
                    continue;
                }
                if self.may_be_rivals(&event, &row.came, other) && !row.rivals.contains(&other) {
                    row.rivals.push(other);
                }
                if !row.before.contains(other) {
                    row.before.union(&self.rows[other as usize].before);
                    row.before.insert(other);
                }
            }
            self.touching[location].push((index, *touch));
        }
        if event.footprint.len() > 1 {
            row.rivals.sort_unstable_by(|a, b| b.cmp(a));
        }
        if self.of_thread.len() <= event.thread {
            self.of_thread.resize_with(event.thread + 1, Vec::new);
            self.set_of_thread
                .resize_with(event.thread + 1, Events::default);
        }
        self.of_thread[event.thread].push(index);
        self.set_of_thread[event.thread].insert(index);
        let (word, bit) = (index as usize / 64, 1 << (index % 64));
        if word >= self.stride {
            self.widen();
        }
        self.after.resize((index as usize + 1) * self.stride, 0);
        for earlier in row.before.iter() {
            self.after[earlier as usize * self.stride + word] |= bit;
        }
        self.added += 1;
        self.serials.push(self.added);
        self.rows.push(row);
        self.events.push(event);
    }

    /// Makes room for more events in what comes after each.
    fn widen(&mut self) {
        let (old, new) = (self.stride, (self.stride * 2).max(1));
        let mut wider = vec![0; self.events.len() * new];
        for (from, to) in self
            .after
            .chunks_exact(old.max(1))
            .zip(wider.chunks_exact_mut(new))
        {
            to[..old].copy_from_slice(from);
        }
        (self.after, self.stride) = (wider, new);
    }

    fn may_be_rivals(&self, event: &Event, came: &Events, other: Index) -> bool {
        let rival = &self.events[other as usize];
        if rival.thread == event.thread {
            return false;
        }
        // Where a wait may end by itself, its notification is no condition of its end.
        let by_itself = event.spurious && event.notified_by.is_some();
        by_itself || !came.contains(other)
    }

    /// Removes events from the end.
    pub fn truncate(&mut self, len: Index) {
        if self.len() <= len {
            return;
        }
        self.serials.truncate(len as usize);
        self.after.truncate(len as usize * self.stride);
        let (word, bit) = (len as usize / 64, len % 64);
        for after in self.after.chunks_exact_mut(self.stride.max(1)) {
            for (number, mine) in after.iter_mut().enumerate().skip(word) {
                *mine &= if number == word { (1 << bit) - 1 } else { 0 };
            }
        }
        for events in &mut self.set_of_thread {
            events.cut(len);
        }
        while self.len() > len {
            let event = self.events.pop().expect("there are more than `len`");
            let row = self.rows.pop().expect("one row an event");
            for touch in &event.footprint {
                self.touching[touch.location as usize].pop();
            }
            self.of_thread[event.thread].pop();
            self.pool.push(row);
        }
    }

    /// Whether the event at `index` could happen without the events in `dropped`, of which it is
    /// one itself, and everything after one of them is another.
    pub fn enabled_without(&self, world: &World, index: Index, dropped: &Events) -> bool {
        let event = self.event(index);
        match event.op {
            Op::Take { .. } | Op::TakeAll { .. } => self.wants_met(world, event, dropped),
            Op::Reacquire { .. } => {
                let notified = event.notified_by.is_some_and(|by| !dropped.contains(by));
                (notified || event.spurious) && self.wants_met(world, event, dropped)
            }
            Op::Granted { .. } => {
                // Its own request is the thread's event before it.
                let request = event.comes_after.first().copied();
                let (location, _) = event.wants[0];
                let mut free = world.initial(location);
                for &(other, _) in &self.touching[location as usize] {
                    if dropped.contains(other) {
                        continue;
                    }
                    let effect = effect_on(&self.events[other as usize], location);
                    // Requests behind it in the queue take nothing from it.
                    if effect > 0 || request.is_none_or(|request| other <= request) {
                        free += effect;
                    }
                }
                free >= 0
            }
            Op::Await(_, condition) => condition.holds(self.value_without(event, index, dropped)),
            Op::Park => self.value_without(event, index, dropped) == 1,
            _ => true,
        }
    }

    fn wants_met(&self, world: &World, event: &Event, dropped: &Events) -> bool {
        event.wants.iter().all(|&(location, wanted)| {
            let mut free = world.initial(location);
            for &(other, _) in &self.touching[location as usize] {
                if !dropped.contains(other) {
                    free += effect_on(&self.events[other as usize], location);
                }
            }
            free >= wanted
        })
    }

    /// What the first location of `event` holds without the dropped events: all operations that
    /// change it depend on each other, so those that are left are the first ones.
    fn value_without(&self, event: &Event, index: Index, dropped: &Events) -> u64 {
        let location = event.footprint[0].location;
        self.touching[location as usize]
            .iter()
            .find(|(other, touch)| {
                *other != index
                    && dropped.contains(*other)
                    && touch.access == crate::engines::exhaustive::world::footprint::Access::Write
            })
            .map_or(event.before, |(other, _)| {
                self.events[*other as usize].before
            })
    }
}

fn effect_on(event: &Event, location: Location) -> i64 {
    event
        .effects
        .iter()
        .filter(|(at, _)| *at == location)
        .map(|(_, effect)| effect)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps on one word: each comes after all before it.
    #[test]
    fn what_comes_after_an_event_grows_and_shrinks_with_the_execution() {
        let event = |thread: ThreadId| Event {
            thread,
            alternative: 0,
            alternatives: 1,
            op: Op::Yield,
            place: std::panic::Location::caller(),
            footprint: SmallVec::from_elem(
                Touch {
                    location: 0,
                    access: crate::engines::exhaustive::world::footprint::Access::Write,
                },
                1,
            ),
            effects: SmallVec::new(),
            wants: SmallVec::new(),
            before: 0,
            comes_after: SmallVec::new(),
            notified_by: None,
            spurious: false,
        };
        let mut order = Order::default();
        for len in [3, 70, 1, 64, 200, 130, 0, 5] {
            order.truncate(len);
            while order.len() < len {
                order.push(event(order.len() as ThreadId % 3));
            }
            for index in 0..len {
                let mut after = Events::default();
                order.add_with_after(index, &mut after);
                assert_eq!(
                    after.iter().collect::<Vec<_>>(),
                    (index..len).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn a_cut_range_has_its_first_members() {
        let mut events = Events::default();
        for (to, from) in [(10, 3), (64, 64), (130, 64), (130, 100), (5, 70), (64, 0)] {
            events.set_range(0, to);
            events.cut(from);
            assert_eq!(
                events.iter().collect::<Vec<_>>(),
                (0..to.min(from)).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_range_has_its_members() {
        let mut events = Events::default();
        for (from, to) in [
            (0, 0),
            (0, 1),
            (3, 64),
            (60, 70),
            (64, 128),
            (70, 200),
            (5, 5),
        ] {
            events.set_range(from, to);
            assert_eq!(
                events.iter().collect::<Vec<_>>(),
                (from..to).collect::<Vec<_>>()
            );
        }
    }
}
