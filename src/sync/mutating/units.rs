//! Semaphores, sets and barriers of the target, changed.

use std::panic::Location;
use std::sync::Arc;

use super::decorator::{Target, arrive, arrive_with, object, observe, pass, session};
use super::mutation::Change;
use super::outcome::{Object, Observation};
use super::site::{Detail, Operation, Site};
use crate::sync::backend::{BarrierApi, Kind, Need, UnitsApi};
use crate::sync::{Name, SwaitOrder};

/// Units of the target.
pub struct MutatedUnits<B: Target> {
    name: Name,
    object: Object,
    /// Shared with a take that is put off.
    inner: Arc<B::Units>,
}

impl<B: Target> UnitsApi for MutatedUnits<B> {
    fn new(kind: Kind, name: Name, free: &[u32], order: SwaitOrder) -> Option<Self> {
        let mut free = free.to_vec();
        // The units of a readers-writers lock are no numbers of its program.
        if kind != Kind::RwLock {
            let detail = || Detail::Free(free.clone());
            match arrive_with::<B>(Operation::New, name.base(), Location::caller(), detail) {
                Some(Change::More(member)) => free[member] = free[member].saturating_add(1),
                Some(Change::Fewer(member)) => free[member] = free[member].saturating_sub(1),
                _ => {}
            }
        }
        Some(Self {
            name,
            object: object::<B>(),
            inner: Arc::new(B::Units::new(kind, name, &free, order)?),
        })
    }

    fn take(&self, units: u32, shared: bool) {
        let place = Location::caller();
        let site = Site::new(Operation::P, self.name.base(), place);
        session().took(B::me(), self.object, place);
        match arrive::<B>(Operation::P, self.name) {
            Some(Change::Drop) => {}
            Some(Change::Swap(_)) => {
                let inner = Arc::clone(&self.inner);
                session().put_off(B::me(), Box::new(move || inner.take(units, shared)));
            }
            _ => self.inner.take(units, shared),
        }
        if let Some(late) = session().due(B::me(), site) {
            late();
        }
    }

    fn try_take(&self, units: u32) -> bool {
        let place = Location::caller();
        let dropped = arrive::<B>(Operation::TryP, self.name) == Some(Change::Drop);
        let taken = dropped || self.inner.try_take(units);
        if taken {
            session().took(B::me(), self.object, place);
        }
        taken
    }

    fn give(&self, units: u32, shared: bool) {
        let place = session().gives(B::me(), self.object, Location::caller());
        let change = arrive_with::<B>(Operation::V, self.name.base(), place, || Detail::None);
        let times = times(change);
        for _ in 0..times {
            self.inner.give(units, shared);
        }
    }

    fn take_all(&self, needs: &[Need]) {
        let needs = self.needs(Operation::Swait, needs, Location::caller()).1;
        if !needs.is_empty() {
            self.inner.take_all(&needs);
        }
    }

    fn give_all(&self, needs: &[Need]) {
        let (times, needs) = self.needs(Operation::Ssignal, needs, Location::caller());
        for _ in 0..times {
            if !needs.is_empty() {
                self.inner.give_all(&needs);
            }
        }
    }

    fn look(&self) -> (Vec<u32>, usize) {
        pass::<B>();
        let (free, waiting) = self.inner.look();
        for number in free
            .iter()
            .map(|&free| u64::from(free))
            .chain([waiting as u64])
        {
            observe::<B>(Some(self.object), Observation::Looked(number));
        }
        (free, waiting)
    }
}

/// How often an operation happens.
fn times(change: Option<Change>) -> usize {
    match change {
        Some(Change::Drop) => 0,
        Some(Change::Double) => 2,
        _ => 1,
    }
}

impl<B: Target> MutatedUnits<B> {
    /// How often a step on a set happens, and what it is about then.
    fn needs(
        &self,
        operation: Operation,
        needs: &[Need],
        place: &'static Location<'static>,
    ) -> (usize, Vec<Need>) {
        let members = || Detail::Members(needs.len());
        let change = arrive_with::<B>(operation, self.name.base(), place, members);
        let mut needs = needs.to_vec();
        match change {
            Some(Change::Drop) => needs.clear(),
            Some(Change::Without(at)) if at < needs.len() => drop(needs.remove(at)),
            _ => {}
        }
        (times(change), needs)
    }
}

/// A barrier of the target.
pub struct MutatedBarrier<B: Target> {
    name: Name,
    inner: B::Barrier,
}

impl<B: Target> BarrierApi for MutatedBarrier<B> {
    fn new(name: Name, parties: u32) -> Option<Self> {
        let inner = B::Barrier::new(name, parties)?;
        Some(Self { name, inner })
    }

    fn arrive(&self) -> bool {
        let change = arrive::<B>(Operation::Arrive, self.name);
        change != Some(Change::Drop) && self.inner.arrive()
    }
}
