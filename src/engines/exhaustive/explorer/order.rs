//! Happens-before of one execution: program order, what enables what, and every pair of dependent
//! events in the order in which they happened; transitively closed.
//!
//! Kept as one bit row an event, so that `notdep` and the initials of a sequence are a few words.

use smallvec::SmallVec;

use super::events::Events;
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::engines::exhaustive::world::footprint::{Access, Location, Touch};
use crate::sync::stepping::{Op, ThreadId};

/// That an event touches a location.
#[derive(Clone, Copy, Debug)]
struct Touching {
    index: Index,
    access: Access,
    thread: ThreadId,
    /// By how much it changes the free units there.
    effect: i64,
}

/// The order of the events of one execution.
#[derive(Debug, Default)]
pub struct Order {
    /// As many as there are [serials](Self::serials); behind them is what is left of others.
    events: Vec<Event>,
    /// For each, which alternative it is: searches ask for it far more often than for the rest.
    alternatives: Vec<u32>,
    /// For each, every event before it.
    before: Vec<Events>,
    /// For each, events whose order with it a search may have to reverse, latest first.
    rivals: Vec<SmallVec<[Index; 4]>>,
    /// Events that touch each location, oldest first.
    touching: Vec<Vec<Touching>>,
    /// Events of each thread, oldest first.
    of_thread: Vec<Vec<Index>>,
    /// The same as sets.
    set_of_thread: Vec<Events>,
    /// How many events have ever been added, and as the how manieth each of these was.
    added: u64,
    serials: Vec<u64>,
    /// What the thread of the event that is being added comes after.
    came: Events,
}

impl Order {
    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }

    /// How many events there are.
    #[inline]
    pub fn len(&self) -> Index {
        self.serials.len() as Index
    }

    /// An event.
    #[inline]
    pub fn event(&self, index: Index) -> &Event {
        debug_assert!(index < self.len(), "there is an event {index}");
        &self.events[index as usize]
    }

    /// Copies of the first events, `count` of them or as many as there are.
    pub fn first(&self, count: usize) -> Vec<Event> {
        let there = self.serials.len().min(count);
        self.events[..there].to_vec()
    }

    /// Which alternative an event is.
    #[inline]
    pub fn alternative(&self, index: Index) -> u32 {
        self.alternatives[index as usize]
    }

    /// Every event before this one.
    #[inline]
    pub fn before(&self, index: Index) -> &Events {
        &self.before[index as usize]
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
        events.insert(index);
        for (later, before) in self.before.iter().enumerate().skip(index as usize + 1) {
            if before.contains(index) {
                events.insert(later as Index);
            }
        }
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
                .take_while(|other| other.index >= from);
            since
                .into_iter()
                .any(|other| touch.access.conflicts(other.access) && events.contains(other.index))
        })
    }

    /// Earlier events of other threads that conflict with this one and did not lead its thread to
    /// it, latest first.
    #[inline]
    pub fn rivals(&self, index: Index) -> &[Index] {
        &self.rivals[index as usize]
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
        match self.events.get_mut(self.serials.len()) {
            Some(place) => *place = event,
            None => self.events.push(event),
        }
        self.order_last();
    }

    /// Adds the event at the end that a thread's announced operation is.
    pub fn push_next(&mut self, world: &World, thread: ThreadId, alternative: u32) {
        match self.events.get_mut(self.serials.len()) {
            Some(event) => world.describe_in(event, thread, alternative),
            None => self.events.push(world.describe(thread, alternative)),
        }
        self.order_last();
    }

    /// Finds what the event behind the last one comes after, which makes it the last one.
    fn order_last(&mut self) {
        let index = self.len();
        let event = &self.events[index as usize];
        let mut rivals: SmallVec<[Index; 4]> = SmallVec::new();
        self.came.clear();
        for &cause in &event.comes_after {
            // A cause may be this very event's own enabler from before.
            self.came.union(&self.before[cause as usize]);
            self.came.insert(cause);
        }
        let mut before = self.came.clone();
        // Where a wait may end by itself, its notification is no condition of its end.
        let by_itself = event.spurious && event.notified_by.is_some();
        for touch in &event.footprint {
            let location = touch.location as usize;
            if self.touching.len() <= location {
                self.touching.resize_with(location + 1, Vec::new);
            }
            for other in self.touching[location].iter().rev() {
                if !touch.access.conflicts(other.access) {
                    continue;
                }
                let Touching { index, thread, .. } = *other;
                if thread != event.thread
                    && (by_itself || !self.came.contains(index))
                    && !rivals.contains(&index)
                {
                    rivals.push(index);
                }
                if !before.contains(index) {
                    before.union(&self.before[index as usize]);
                    before.insert(index);
                }
            }
            self.touching[location].push(Touching {
                index,
                access: touch.access,
                thread: event.thread,
                effect: effect_on(event, touch.location),
            });
        }
        if event.footprint.len() > 1 {
            rivals.sort_unstable_by(|a, b| b.cmp(a));
        }
        if self.of_thread.len() <= event.thread {
            self.of_thread.resize_with(event.thread + 1, Vec::new);
            self.set_of_thread
                .resize_with(event.thread + 1, Events::default);
        }
        self.of_thread[event.thread].push(index);
        self.set_of_thread[event.thread].insert(index);
        self.added += 1;
        self.serials.push(self.added);
        self.before.push(before);
        self.rivals.push(rivals);
        self.alternatives.push(event.alternative);
    }

    /// Removes events from the end.
    pub fn truncate(&mut self, len: Index) {
        if self.len() <= len {
            return;
        }
        self.alternatives.truncate(len as usize);
        self.before.truncate(len as usize);
        self.rivals.truncate(len as usize);
        while self.len() > len {
            self.serials.pop();
            let event = &self.events[self.serials.len()];
            for touch in &event.footprint {
                self.touching[touch.location as usize].pop();
            }
            self.of_thread[event.thread].pop();
            self.set_of_thread[event.thread].remove(self.serials.len() as Index);
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
                for other in &self.touching[location as usize] {
                    if dropped.contains(other.index) {
                        continue;
                    }
                    // Requests behind it in the queue take nothing from it.
                    if other.effect > 0 || request.is_none_or(|request| other.index <= request) {
                        free += other.effect;
                    }
                }
                free >= 0
            }
            Op::Await(_, condition) => condition.holds(self.value_without(event, index, dropped)),
            Op::Park => event.spurious || self.value_without(event, index, dropped) == 1,
            _ => true,
        }
    }

    /// What the first location of an event held before it, had those in `dropped` not happened.
    pub fn before_without(&self, index: Index, dropped: &Events) -> u64 {
        self.value_without(self.event(index), index, dropped)
    }

    fn wants_met(&self, world: &World, event: &Event, dropped: &Events) -> bool {
        event.wants.iter().all(|&(location, wanted)| {
            let mut free = world.initial(location);
            for other in &self.touching[location as usize] {
                if !dropped.contains(other.index) {
                    free += other.effect;
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
            .find(|other| {
                other.index != index
                    && dropped.contains(other.index)
                    && other.access == Access::Write
            })
            .map_or(event.before, |other| {
                self.events[other.index as usize].before
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
            footprint: SmallVec::from_elem(
                Touch {
                    location: 0,
                    access: Access::Write,
                },
                1,
            ),
            ..Event::new(thread, std::panic::Location::caller())
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
}
