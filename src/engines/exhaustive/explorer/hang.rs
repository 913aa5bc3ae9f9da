//! Deadlocks that only wake-ups which nobody causes would end.
//!
//! A search that runs one execution a trace goes on past such a state where some thread may wake by
//! itself, and it need not stand in it at all: the wake-up may have come before something that does not
//! depend on it. But every state is that behind some of the steps of a complete trace which it visits:
//! behind all but some wake-ups and what comes after them.

use super::events::Events;
use super::order::Order;
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::sync::stepping::{Op, ThreadId};

/// The most wake-ups of one execution of which every choice is looked at; of more, each alone, and all.
const MOST: usize = 12;

/// The steps of a complete execution, which has ended so, after which nobody can move but by waking by
/// itself, though somebody has not ended.
pub fn hang(order: &mut Order, world: &World) -> Option<Vec<Event>> {
    let by_itself = |index: &Index| order.event(*index).is_by_itself();
    let woken: Vec<Index> = (0..order.len()).filter(by_itself).collect();
    choices(woken.len()).find_map(|choice| {
        let mut dropped = Events::default();
        for (number, &index) in woken.iter().enumerate() {
            if choice >> number & 1 == 1 {
                order.add_with_after(index, &mut dropped);
            }
        }
        let threads = 0..world.thread_count();
        let dead = !threads
            .into_iter()
            .any(|thread| moves_without(order, world, thread, &dropped));
        dead.then(|| without(order, &dropped))
    })
}

/// The other events, which name each other by their places among themselves.
fn without(order: &Order, dropped: &Events) -> Vec<Event> {
    let kept = (0..order.len()).filter(|index| !dropped.contains(*index));
    let kept: Vec<Index> = kept.collect();
    let place = |index: Index| kept.binary_search(&index).ok().map(|at| at as Index);
    let event = |&index: &Index| {
        let mut event = order.event(index).clone();
        event.comes_after = event.comes_after.into_iter().filter_map(place).collect();
        event.notified_by = event.notified_by.and_then(place);
        event
    };
    kept.iter().map(event).collect()
}

/// Which of so many wake-ups do not happen, as bits; never none of them.
fn choices(count: usize) -> Box<dyn Iterator<Item = u64>> {
    if count <= MOST {
        return Box::new(1..1 << count);
    }
    let count = count.min(64);
    Box::new((0..count).map(|number| 1 << number).chain([u64::MAX]))
}

/// Whether a thread can move, and not only by waking by itself, once these events have not happened:
/// some wake-ups and all that comes after them.
fn moves_without(order: &mut Order, world: &World, thread: ThreadId, dropped: &Events) -> bool {
    if let Some(next) = order.first_in(thread, dropped) {
        return can_happen(order, world, next, dropped);
    }
    if world.announced(thread).is_none() {
        // It has ended, or was never started.
        return false;
    }
    // What it waits for at the end, it waits for here.
    let next = order.len();
    order.push_next(world, thread, 0);
    let mut dropped = dropped.clone();
    dropped.insert(next);
    let moves = can_happen(order, world, next, &dropped);
    order.truncate(next);
    moves
}

fn can_happen(order: &Order, world: &World, next: Index, dropped: &Events) -> bool {
    let event = order.event(next);
    let own = event.op;
    if matches!(own, Op::Join(_) | Op::Depart(_)) || order.leads_from(next, dropped) {
        // It waits for others to end or to come, or has not come so far.
        return false;
    }
    if matches!(own, Op::Granted { .. }) && event.footprint.is_empty() {
        // Whom such a queue serves is decided by the steps on it, of which all that are left come
        // before all that are not: who is not served behind all is not served behind the first.
        return false;
    }
    let by_itself = match own {
        Op::Reacquire { .. } => event.notified_by.is_none_or(|by| dropped.contains(by)),
        Op::Park => order.before_without(next, dropped) == 0,
        _ => false,
    };
    !by_itself && order.enabled_without(world, next, dropped)
}
