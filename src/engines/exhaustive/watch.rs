//! What looks for races, and for who is inside a zone, while code is played: on the state, by the
//! order of the trace, or nobody, because locks have shown that there is nothing to be found.

use super::explorer::order::Order;
use super::observer::{self, Observer};
use super::segments::Segments;
use super::world::World;
use crate::sync::stepping::{ObjectId, Place, ThreadId};

/// Who looks.
pub(super) enum Watch<'a> {
    /// Nobody.
    Nobody,
    /// What is going on in a state.
    State(&'a mut Segments),
    /// What the order of a trace whose plain memory is protected by locks leaves open; the order, if
    /// the search keeps it.
    Trace(&'a mut Observer, Option<&'a Order>),
}

/// How that stands between two steps.
#[derive(Debug, Default)]
pub(super) enum Standing {
    /// Nobody looks.
    #[default]
    Nobody,
    /// See [`Watch::State`].
    State(Segments),
    /// See [`Watch::Trace`].
    Trace(observer::Standing),
}

impl Watch<'_> {
    /// A thread has started another.
    pub(super) fn spawned(&mut self, world: &World, parent: ThreadId, child: ThreadId) {
        match self {
            Self::Nobody => {}
            Self::State(segments) => segments.spawned(parent, child),
            Self::Trace(observer, _) => observer.spawned(parent, child, world.applied()),
        }
    }

    /// A thread goes on because another has ended.
    pub(super) fn joined(&mut self, world: &World, thread: ThreadId, child: ThreadId) {
        match self {
            Self::Nobody => {}
            Self::State(segments) => segments.joined(thread, child),
            Self::Trace(observer, _) => observer.joined(thread, child, world.applied()),
        }
    }

    /// A thread enters a zone that admits `limit`; whether too many are inside then.
    pub(super) fn enters(
        &mut self,
        world: &World,
        thread: ThreadId,
        zone: ObjectId,
        limit: usize,
        place: Place,
    ) -> bool {
        match self {
            Self::Nobody => false,
            Self::State(segments) => segments.enter(thread, zone, limit, place).is_some(),
            Self::Trace(observer, order) => {
                let causes = world.comes_after(thread);
                let others = observer.enter(thread, zone, limit, causes, *order);
                others.is_some()
            }
        }
    }

    /// A thread leaves a zone.
    pub(super) fn leaves(&mut self, world: &World, thread: ThreadId, zone: ObjectId, place: Place) {
        match self {
            Self::Nobody => {}
            Self::State(segments) => segments.leave(thread, zone, place),
            Self::Trace(observer, _) => observer.leave(thread, zone, world.applied()),
        }
    }

    /// A thread accesses plain memory; whether that is a race.
    pub(super) fn accesses(
        &mut self,
        thread: ThreadId,
        memory: ObjectId,
        write: bool,
        place: Place,
    ) -> bool {
        match self {
            Self::Nobody | Self::Trace(..) => false,
            Self::State(segments) => segments.access(thread, memory, write, place).is_some(),
        }
    }

    /// Writes down how it stands.
    pub(super) fn store(&self, standing: &mut Standing) {
        match (self, standing) {
            (Self::State(segments), Standing::State(standing)) => standing.clone_from(segments),
            (Self::Trace(observer, _), Standing::Trace(standing)) => observer.store(standing),
            (Self::Nobody, standing) => *standing = Standing::Nobody,
            (Self::State(segments), standing) => *standing = Standing::State((*segments).clone()),
            (Self::Trace(observer, _), standing) => {
                let mut zones = observer::Standing::default();
                observer.store(&mut zones);
                *standing = Standing::Trace(zones);
            }
        }
    }

    /// Goes back to how it stood.
    pub(super) fn restore(&mut self, standing: &Standing) {
        match (self, standing) {
            (Self::State(segments), Standing::State(standing)) => segments.clone_from(standing),
            (Self::Trace(observer, _), Standing::Trace(standing)) => observer.restore(standing),
            _ => {}
        }
    }
}

impl Standing {
    /// Bytes that it holds, roughly.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::State(segments) => size_of_val(segments),
            Self::Trace(zones) => zones.memory(),
        }
    }
}
