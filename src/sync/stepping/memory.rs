//! Plain memory and atomics of the machine.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Release};

use super::backend::{Stepping, note, object, visible};
use super::machine::{self, Note, Shown};
use super::operation::{Change, Condition, ObjectId, Op, Substance};
use crate::sync::Name;
use crate::sync::backend::{Atomic, AtomicInt, CellApi, Until};

/// Plain memory whose accesses the machine orders.
pub struct SteppingCell<T> {
    object: ObjectId,
    value: UnsafeCell<T>,
}

// SAFETY: a `SteppingCell` hands out raw pointers only, after the machine has checked that the
// access is ordered; `T: Send` is what it takes to touch a `T` from one thread after another.
unsafe impl<T: Send> Sync for SteppingCell<T> {}

impl<T> SteppingCell<T> {
    /// Tells the machine that the bits are others now. A cell without bits stands for memory
    /// elsewhere, of which [`CellApi::written`] tells.
    fn changed(&self) {
        if size_of::<T>() > 0 {
            machine::with(|machine| machine.written(self.object, None));
        }
    }
}

impl<T: Send> CellApi<T> for SteppingCell<T> {
    fn new(name: Name, value: T) -> Self {
        let cell = Self {
            object: object(Substance::Memory, Shown::Cell, name),
            value: UnsafeCell::new(value),
        };
        cell.changed();
        cell
    }

    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        let place = Location::caller();
        machine::with(|machine| machine.access(self.object, false, place));
        let result = read(self.value.get());
        machine::with(|machine| machine.accessed(self.object, false, place));
        result
    }

    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        let place = Location::caller();
        machine::with(|machine| machine.access(self.object, true, place));
        let result = write(self.value.get());
        machine::with(|machine| machine.accessed(self.object, true, place));
        self.changed();
        result
    }

    fn written(&self, digest: impl FnOnce() -> u64) {
        let digest = digest();
        machine::with(|machine| machine.written(self.object, Some(digest)));
    }
}

/// A value that fits a word of the machine.
pub trait Encoded: Copy {
    /// The word for a value.
    fn encode(self) -> u64;
    /// The value of a word.
    fn decode(word: u64) -> Self;
    /// What the word is waited for.
    fn condition(until: Until<Self>) -> Condition;
}

impl Encoded for usize {
    fn encode(self) -> u64 {
        self as u64
    }

    fn decode(word: u64) -> Self {
        // Keeps the low bits: a word wraps around as the value does.
        word as Self
    }

    fn condition(until: Until<Self>) -> Condition {
        unsigned(until)
    }
}

impl Encoded for isize {
    fn encode(self) -> u64 {
        (self as i64).cast_unsigned()
    }

    fn decode(word: u64) -> Self {
        // Keeps the low bits: a word wraps around as the value does.
        word as Self
    }

    fn condition(until: Until<Self>) -> Condition {
        match until {
            Until::Is(value) => Condition::Is(value.encode()),
            Until::IsNot(value) => Condition::IsNot(value.encode()),
            Until::Below(limit) => Condition::SignedBelow(limit as i64),
            Until::AtLeast(limit) => Condition::SignedAtLeast(limit as i64),
        }
    }
}

impl Encoded for bool {
    fn encode(self) -> u64 {
        u64::from(self)
    }

    fn decode(word: u64) -> Self {
        word != 0
    }

    fn condition(until: Until<Self>) -> Condition {
        unsigned(until)
    }
}

fn unsigned<V: Encoded>(until: Until<V>) -> Condition {
    match until {
        Until::Is(value) => Condition::Is(value.encode()),
        Until::IsNot(value) => Condition::IsNot(value.encode()),
        Until::Below(limit) => Condition::Below(limit.encode()),
        Until::AtLeast(limit) => Condition::AtLeast(limit.encode()),
    }
}

/// An atomic of the machine: the value is there, and only its name is here.
pub struct Word<V> {
    object: ObjectId,
    value: PhantomData<fn() -> V>,
}

impl<V: Encoded> Word<V> {
    #[track_caller]
    fn modify(&self, change: Change) -> V {
        V::decode(visible(Op::Modify(self.object, change)))
    }
}

/// As std does it.
#[track_caller]
fn check_load(order: Ordering) {
    assert!(
        !matches!(order, Release | AcqRel),
        "there is no such thing as a load with order {order:?}"
    );
}

impl<V: Encoded> Atomic<V> for Word<V> {
    type Backend = Stepping;

    fn new(name: Name, value: V) -> Self {
        Self {
            object: object(Substance::Word(value.encode()), Shown::Atomic, name),
            value: PhantomData,
        }
    }

    fn load(&self, order: Ordering) -> V {
        check_load(order);
        note(Note::Order(order));
        V::decode(visible(Op::Load(self.object)))
    }

    fn store(&self, value: V, order: Ordering) {
        assert!(
            !matches!(order, Acquire | AcqRel),
            "there is no such thing as a store with order {order:?}"
        );
        note(Note::Order(order));
        visible(Op::Store(self.object, value.encode()));
    }

    fn swap(&self, value: V, order: Ordering) -> V {
        note(Note::Order(order));
        self.modify(Change::Swap(value.encode()))
    }

    fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        check_load(failure);
        note(Note::Orders(success, failure));
        let found = self.modify(Change::Exchange(current.encode(), new.encode()));
        if found.encode() == current.encode() {
            Ok(found)
        } else {
            Err(found)
        }
    }

    fn await_until(&self, until: Until<V>, order: Ordering) -> Option<V> {
        check_load(order);
        note(Note::Order(order));
        let word = visible(Op::Await(self.object, V::condition(until)));
        Some(V::decode(word))
    }
}

macro_rules! stepping_int {
    ($($value:ty),*) => {$(
        impl AtomicInt<$value> for Word<$value> {
            fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                note(Note::Order(order));
                self.modify(Change::Add(value.encode()))
            }

            fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                note(Note::Order(order));
                self.modify(Change::Add(value.encode().wrapping_neg()))
            }

            fn observing_add(&self, value: $value) -> $value {
                note(Note::Observes);
                self.modify(Change::Add(value.encode()))
            }

            fn observing_sub(&self, value: $value) -> $value {
                note(Note::Observes);
                self.modify(Change::Add(value.encode().wrapping_neg()))
            }
        }
    )*};
}

stepping_int!(usize, isize);
