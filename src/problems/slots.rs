//! What buffers, pools and plates share: slots of plain memory in a ring, and the way through the
//! semaphores to them.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::primitives::Semaphore;
use crate::scenario::{Property, reached, require};
use crate::sync::{Backend, Shared, looks_outside};

/// The slots cannot hold more than now: they are full, or every item of the run is in them.
pub(super) const FULL: &str = "the buffer is full or holds every item";

/// Takes a slot of one kind and returns it as one of the other.
pub(super) fn pass<B: Backend>(
    mutex: Option<&Semaphore<B>>,
    mutex_first: bool,
    from: &Semaphore<B>,
    to: &Semaphore<B>,
    step: impl FnOnce(),
) {
    if !mutex_first {
        from.p();
    }
    if let Some(mutex) = mutex {
        mutex.p();
    }
    if mutex_first {
        from.p();
    }
    step();
    if let Some(mutex) = mutex {
        mutex.v();
    }
    to.v();
}

/// An item: where it comes from, and its number there.
pub(super) type Item = (usize, usize);

/// The slots themselves: plain memory that the semaphores have to protect.
pub(super) struct Ring<B: Backend> {
    slots: Vec<Shared<B, Option<Item>>>,
    /// The slot for the next put.
    next_in: Shared<B, usize>,
    /// The slot for the next take.
    next_out: Shared<B, usize>,
    /// How many items are in, the one that is being put included: an observer, not an algorithm's
    /// variable, so no step of the search.
    level: AtomicUsize,
    /// How many there can be at once.
    most: usize,
}

impl<B: Backend> Ring<B> {
    /// `capacity` empty slots, each called `name`, through which `items` items are going to pass.
    #[track_caller]
    pub(super) fn new(name: &'static str, capacity: usize, items: usize) -> Self {
        Self {
            slots: (0..capacity)
                .map(|i| Shared::new((name, i), None))
                .collect(),
            next_in: Shared::new("in", 0),
            next_out: Shared::new("out", 0),
            level: AtomicUsize::new(0),
            most: capacity.min(items),
        }
    }

    /// Puts an item into the next slot, which has to be empty.
    pub(super) fn put(&self, item: Item) {
        // Relaxed, here and in `take`: the semaphores order a put before the take of its item and
        // a take before the put into its slot, and nothing is read through the number.
        let level = self.level.fetch_add(1, Relaxed) + 1;
        let at = self.next_in.get();
        let before = self.slots[at].with_mut(|slot| slot.replace(item));
        if let Some((producer, number)) = before {
            B::fail(
                Property::Conservation,
                format!("slot {at} is written while {producer}.{number} is in it"),
            );
        }
        looks_outside::<B>();
        require::<B>(Property::Invariant, level <= self.slots.len(), || {
            format!("{level} items are in {} slots", self.slots.len())
        });
        self.next_in.set((at + 1) % self.slots.len());
        looks_outside::<B>();
        if level == self.most {
            reached::<B>(FULL);
        }
    }

    /// Takes the item out of the next slot, which has to be there.
    pub(super) fn take(&self) -> Item {
        let at = self.next_out.get();
        let Some(item) = self.slots[at].with_mut(Option::take) else {
            B::fail(
                Property::Conservation,
                format!("slot {at} is read while nothing is in it"),
            );
        };
        self.next_out.set((at + 1) % self.slots.len());
        self.level.fetch_sub(1, Relaxed);
        item
    }
}
