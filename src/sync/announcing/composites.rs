//! Steps of composite objects: who holds units of what, and who is inside a zone.

use super::session::{Halt, Session};
use super::state::{Place, State};
use super::trace::{ObjectKind, Operation};
use crate::sync::{Composite, Kind, Moment, Property};

impl Session {
    pub(super) fn begin_step(
        &self,
        me: usize,
        object: usize,
        step: Composite,
        place: Place,
    ) -> Result<(), Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        let kind = state.objects[object].info.kind;
        state.totals.used.semaphores |= kind == ObjectKind::Composite(Kind::Semaphore);
        state.totals.used.sets |= kind == ObjectKind::Composite(Kind::SemaphoreSet);
        state.record(me, Operation::Begin(step), Some(object), place, None);
        match step {
            Composite::Enter => self.enter(state, me, object, place)?,
            Composite::Leave => {
                let tick = state.threads[me].order.get(me);
                let zone = &mut state.objects[object];
                if let Some(at) = zone.inside.iter().position(|(inside, _)| *inside == me) {
                    let (_, entry) = zone.inside.remove(at);
                    zone.left.retain(|(left, ..)| *left != me);
                    zone.left.push((me, tick, entry));
                }
            }
            Composite::Acquire(_) | Composite::TryAcquire(_) | Composite::Release(_) => {
                state.threads[me].composites.push((object, step));
            }
            Composite::Call | Composite::Return => {}
        }
        self.turn.notify_all();
        Ok(())
    }

    /// A thread passes a moment of an observer: which of its moments come before this one in every
    /// trace that differs only in the order of independent steps.
    pub(super) fn moment(
        &self,
        me: usize,
        observer: usize,
        step: Composite,
        place: Place,
    ) -> Result<Moment, Halt> {
        let mut guard = self.state();
        if guard.stopped {
            return Err(Halt);
        }
        let state = &mut *guard;
        // A step of the recording, so that a replay has it at the same place; no step of the
        // search, since nothing depends on it but what the thread does afterwards.
        state.record(me, Operation::Begin(step), Some(observer), place, None);
        let order = &state.threads[me].order;
        let moments = &mut state.objects[observer].moments;
        let after = moments
            .iter()
            .enumerate()
            .filter(|(_, (thread, tick))| order.get(*thread) >= *tick)
            .map(|(number, _)| number)
            .collect();
        let number = moments.len();
        moments.push((me, order.get(me)));
        self.turn.notify_all();
        Ok(Moment { number, after })
    }

    pub(super) fn end_step(
        &self,
        me: usize,
        object: usize,
        step: Composite,
        done: bool,
        place: Place,
    ) {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.stopped {
            return;
        }
        state.threads[me].composites.pop();
        match step {
            Composite::Acquire(units) | Composite::TryAcquire(units) if done => {
                state.objects[object].holders.push((me, units));
            }
            Composite::Release(units) if done => {
                let composite = &mut state.objects[object];
                match composite
                    .holders
                    .iter()
                    .rposition(|&(thread, held)| thread == me && held == units)
                {
                    Some(at) => drop(composite.holders.remove(at)),
                    None => composite.signals = true,
                }
            }
            _ => {}
        }
        state.record(
            me,
            Operation::End(step),
            Some(object),
            place,
            Some(u64::from(done)),
        );
    }

    /// A thread enters a zone: fails when more are inside than it admits, or could have been in a
    /// trace that differs only in the order of independent steps.
    fn enter(&self, state: &mut State, me: usize, object: usize, place: Place) -> Result<(), Halt> {
        let ObjectKind::Composite(Kind::Zone { limit, property }) = state.objects[object].info.kind
        else {
            return Ok(());
        };
        let name = state.objects[object].info.name;
        let mine = state.threads[me].order.clone();
        let zone = &state.objects[object];
        let (others, past) = if zone.inside.len() >= limit {
            (
                zone.inside.iter().map(|(thread, _)| *thread).collect(),
                None,
            )
        } else if limit == 1
            && let Some((other, _, entry)) = zone
                .left
                .iter()
                .find(|(thread, tick, _)| *thread != me && *tick > mine.get(*thread))
        {
            // It left, but nothing that led here depends on that: the same steps in another order
            // have both inside. Keep what led to the two entries.
            let mut past = entry.clone();
            past.join(&mine);
            (vec![*other], Some(past))
        } else {
            state.objects[object].inside.push((me, mine));
            return Ok(());
        };
        let names: Vec<String> = others
            .iter()
            .map(|&other: &usize| state.threads[other].info.name.to_string())
            .collect();
        let (thread, others) = (state.threads[me].info.name, names.join(" and "));
        let message = if property == Property::StageOrder {
            format!("{thread} begins a stage of {name} while {others} has not ended another")
        } else {
            let are = if names.len() == 1 { "is" } else { "are" };
            format!("{thread} enters {name} while {others} {are} inside")
        };
        Err(self.failed(state, me, property, message, Some(place.to_string()), past))
    }
}
