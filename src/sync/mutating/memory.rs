//! Plain memory, observed, and atomics, whose orders are changed.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};

use super::decorator::{Mutating, Target, arrive_with, fences_seq_cst, object, observe, pass};
use super::mutation::Change;
use super::outcome::{Object, Observation};
use super::site::{Detail, Operation};
use crate::sync::Name;
use crate::sync::backend::{Atomic, AtomicInt, CellApi, Until};
use crate::sync::stepping::Place;

/// Plain memory of the target, observed.
pub struct MutatedCell<B: Target, T: Send> {
    object: Object,
    inner: B::Cell<T>,
}

impl<B: Target, T: Send> CellApi<T> for MutatedCell<B, T> {
    fn new(name: Name, value: T) -> Self {
        Self {
            object: object::<B>(),
            inner: <B::Cell<T> as CellApi<T>>::new(name, value),
        }
    }

    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        pass::<B>();
        observe::<B>(Some(self.object), Observation::Read);
        self.inner.with(read)
    }

    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        pass::<B>();
        observe::<B>(Some(self.object), Observation::Write);
        self.inner.with_mut(write)
    }

    fn written(&self, digest: impl FnOnce() -> u64) {
        let digest = digest();
        observe::<B>(Some(self.object), Observation::Holds(digest));
        self.inner.written(|| digest);
    }
}

/// An atomic of the target.
///
/// Where the target's memory model takes sequentially consistent accesses for weaker ones, and the
/// order of one access is what is changed, the others have a fence before them: that is at least as
/// strong as what they ask for, so what fails then fails with them as they are.
pub struct Mutated<B, A> {
    name: Name,
    inner: A,
    target: PhantomData<fn() -> B>,
}

impl<B: Target, A> Mutated<B, A> {
    /// The orders of an access: when it takes place, and when an exchange only reads.
    fn orders(
        &self,
        operation: Operation,
        (order, failure): (Ordering, Option<Ordering>),
        place: Place,
    ) -> (Ordering, Ordering) {
        let detail = || Detail::Orders(order, failure);
        let mut orders = (order, failure.unwrap_or(order));
        match arrive_with::<B>(operation, self.name.base(), place, detail) {
            Some(Change::Weaken(weaker)) => orders.0 = weaker,
            Some(Change::WeakenFailure(weaker)) => orders.1 = weaker,
            _ => {}
        }
        if fences_seq_cst::<B>(orders.0) {
            B::fence(SeqCst);
            orders.0 = match operation {
                Operation::Load => Acquire,
                Operation::Store => Release,
                _ => AcqRel,
            };
        }
        if orders.1 == SeqCst && fences_seq_cst::<B>(orders.1) {
            orders.1 = Acquire;
        }
        orders
    }
}

impl<B: Target, V, A: Atomic<V>> Atomic<V> for Mutated<B, A> {
    type Backend = Mutating<B>;

    fn new(name: Name, value: V) -> Self {
        Self {
            name,
            inner: A::new(name, value),
            target: PhantomData,
        }
    }

    fn load(&self, order: Ordering) -> V {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Load, (order, None), place);
        self.inner.load(order)
    }

    fn store(&self, value: V, order: Ordering) {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Store, (order, None), place);
        self.inner.store(value, order);
    }

    fn swap(&self, value: V, order: Ordering) -> V {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Modify, (order, None), place);
        self.inner.swap(value, order)
    }

    fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        let (place, asked) = (Location::caller(), (success, Some(failure)));
        let (success, failure) = self.orders(Operation::Modify, asked, place);
        self.inner.compare_exchange(current, new, success, failure)
    }

    fn await_until(&self, until: Until<V>, order: Ordering) -> Option<V> {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Load, (order, None), place);
        self.inner.await_until(until, order)
    }
}

impl<B: Target, V, A: AtomicInt<V>> AtomicInt<V> for Mutated<B, A> {
    fn fetch_add(&self, value: V, order: Ordering) -> V {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Modify, (order, None), place);
        self.inner.fetch_add(value, order)
    }

    fn fetch_sub(&self, value: V, order: Ordering) -> V {
        let place = Location::caller();
        let (order, _) = self.orders(Operation::Modify, (order, None), place);
        self.inner.fetch_sub(value, order)
    }
}
