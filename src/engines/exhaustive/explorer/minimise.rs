//! The same trace with the fewest preemptions: the executions of one Mazurkiewicz trace fail alike,
//! and the one that stays on a thread while it can go on is the easiest to read.

use std::collections::{HashSet, VecDeque};

use super::Taken;
use super::events::Events;
use super::order::Order;
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::sync::stepping::ThreadId;

/// Points that the search for the fewest may visit; beyond it the order that was found stays.
const MOST_POINTS: usize = 100_000;

/// A prefix of the trace in some order: what has happened, and who moved last.
struct Point {
    done: Events,
    count: Index,
    last: Option<ThreadId>,
    preemptions: u32,
    /// The event that led here, and the point before.
    came: Option<(Index, usize)>,
}

/// The events of one execution, reordered; `world` is as it was at the end of it.
///
/// A preemption is a switch away from a thread whose next step is enabled.
#[must_use]
pub fn fewest_preemptions(events: Vec<Event>, world: &World) -> Vec<Taken> {
    let found: Vec<Taken> = events.iter().map(Taken::of).collect();
    let mut order = Order::default();
    for event in events {
        order.push(event);
    }
    let len = order.len();
    // What the threads wait for at the end: to know whether a switch away from them was forced.
    for (thread, ..) in world.blocked() {
        order.push_next(world, thread, 0);
    }
    let all = order.len();
    let next_of = |point: &Point, thread: ThreadId| {
        let mut index = order.first_of(thread, 0)?;
        while point.done.contains(index) {
            index = order.first_of(thread, index + 1)?;
        }
        Some(index)
    };
    let threads: Vec<ThreadId> = {
        let mut threads: Vec<ThreadId> = (0..len).map(|i| order.event(i).thread).collect();
        threads.sort_unstable();
        threads.dedup();
        threads
    };
    let is_ready = |point: &Point, index: Index| {
        index < len
            && order
                .before(index)
                .iter()
                .all(|cause| point.done.contains(cause))
    };
    let could_go_on = |point: &Point, thread: ThreadId| {
        next_of(point, thread).is_some_and(|index| {
            let mut dropped = Events::default();
            dropped.set_range(0, all);
            dropped.subtract(&point.done);
            order.enabled_without(world, index, &dropped)
        })
    };
    let mut points = vec![Point {
        done: Events::default(),
        count: 0,
        last: None,
        preemptions: 0,
        came: None,
    }];
    let mut seen = HashSet::new();
    // Steps without a preemption go to the front: the first complete point has the fewest.
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        let point = &points[at];
        if point.count == len {
            return schedule(&points, at, &order);
        }
        let key: (Vec<Index>, Option<ThreadId>) = (point.done.iter().collect(), point.last);
        if !seen.insert(key) {
            continue;
        }
        if points.len() > MOST_POINTS {
            break;
        }
        let stays = point.last.filter(|&last| could_go_on(point, last));
        let mut further = Vec::new();
        for &thread in &threads {
            let point = &points[at];
            let Some(index) = next_of(point, thread).filter(|&index| is_ready(point, index)) else {
                continue;
            };
            let preempts = stays.is_some_and(|last| last != thread);
            let mut done = point.done.clone();
            done.insert(index);
            further.push((
                preempts,
                Point {
                    done,
                    count: point.count + 1,
                    last: Some(thread),
                    preemptions: point.preemptions + u32::from(preempts),
                    came: Some((index, at)),
                },
            ));
        }
        for (preempts, point) in further {
            points.push(point);
            if preempts {
                queue.push_back(points.len() - 1);
            } else {
                queue.push_front(points.len() - 1);
            }
        }
    }
    found
}

fn schedule(points: &[Point], mut at: usize, order: &Order) -> Vec<Taken> {
    let mut steps = Vec::new();
    while let Some((index, before)) = points[at].came {
        steps.push(Taken::of(order.event(index)));
        at = before;
    }
    steps.reverse();
    steps
}
