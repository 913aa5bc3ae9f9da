//! Source-DPOR with sleep sets: at most one complete execution a Mazurkiewicz trace, some cut.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, POPL 2014, algorithm 1. Kept beside [`optimal`](super::optimal)
//! as its check: the same traces by other means. Races are looked for where the sleep set cuts an
//! execution too, with what the threads have announced there.
//!
//! A notification of one that may wake any of several waiters is a step for each of them, and who they
//! are is known only where it happens. So when a race brings it forward, all of its alternatives that
//! are not asleep there are run, also where the first one is.

use super::hang::hang;
use super::order::Order;
use super::race::{Race, Reversal, Rule, Scratch, of_event, other_alternatives, reversal};
use super::wakeup::Sequence;
use super::{
    Choice, Counts, Decision, Divergence, Ended, Explorer, MANY, Step, put_down, same, weighed,
};
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::engines::exhaustive::world::footprint::dependent;
use crate::engines::exhaustive::world::{Status, World};
use crate::sync::stepping::Op;

/// How many of the alternatives of a step are put down when it is first visited.
fn at_once(alternatives: u32) -> usize {
    put_down(alternatives) as usize
}

/// In a choice of a node: all alternatives that are not asleep when it comes to be run.
const ALL_AWAKE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Node {
    /// Steps whose executions have been visited from here: first those that slept on arrival.
    sleep: Vec<Step>,
    /// How many of them those are.
    slept: usize,
    current: Choice,
    /// Steps still to be visited from here.
    rest: Vec<Choice>,
    finished: u32,
}

impl Node {
    /// Makes the current choice the first alternative of its thread that is not asleep, and the
    /// others the next ones; `false`: there is none.
    fn wake(&mut self, world: &World) -> bool {
        let thread = self.current.thread;
        let alternatives = world.alternatives(thread);
        let choices = (0..alternatives).map(|alternative| Choice {
            thread,
            alternative,
        });
        let awake = |choice: &Choice| self.sleep.iter().all(|step| step.choice != *choice);
        let awake = choices.filter(awake).take(at_once(alternatives));
        let mut awake: Vec<Choice> = awake.collect();
        if awake.is_empty() {
            return false;
        }
        self.current = awake.remove(0);
        self.rest.splice(0..0, awake);
        true
    }
}

/// The search.
#[derive(Debug, Default)]
pub struct Source {
    order: Order,
    nodes: Vec<Node>,
    depth: usize,
    scratch: Scratch,
    races: Vec<Race>,
    counts: Counts,
    over: bool,
}

impl Source {
    /// A search that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn visit(&mut self, world: &World, choice: Choice) -> Decision {
        self.order
            .push_next(world, choice.thread, choice.alternative);
        self.depth += 1;
        choice.into()
    }

    fn plan(&mut self, world: &World) {
        let end = self.order.len();
        for last in 0..end {
            self.plan_event(world, last, end);
        }
        for thread in 0..world.thread_count() {
            // Complete executions have blocked threads only; cut ones some that could move.
            let waits = world.status(thread) == Status::Announced
                && !matches!(
                    world.announced(thread),
                    Some((Op::Join(_) | Op::Depart(_), _))
                );
            if waits {
                self.order.push_next(world, thread, 0);
                self.plan_event(world, end, end);
                self.order.truncate(end);
            }
        }
    }

    fn plan_event(&mut self, world: &World, last: Index, end: Index) {
        let Self {
            order,
            nodes,
            scratch,
            races,
            ..
        } = self;
        let mut plan = |reversal: Reversal<'_>| {
            if reversal.at >= end {
                // Another alternative of a step that has not happened.
                return;
            }
            let node = &mut nodes[reversal.at as usize];
            let mut initials = Sequence::new(order, &reversal).initials();
            let brought = order.event(last);
            if reversal.at < last
                && world.wakes_any(brought.op)
                && order.first_in(brought.thread, reversal.rest).is_none()
            {
                // Its alternatives are those that there are here.
                let is_last = |step: &&mut Step| step.choice.thread == brought.thread;
                if let Some(step) = initials.iter_mut().find(is_last) {
                    step.choice.alternative = ALL_AWAKE;
                }
            }
            let known = |choice: &Choice| {
                let all = choice.alternative == ALL_AWAKE;
                let is_this = |other: &Choice| {
                    let covers = all || other.alternative == ALL_AWAKE || other == choice;
                    other.thread == choice.thread && covers
                };
                // What has been run from here has had its other alternatives planned.
                let asleep = &node.sleep[if all { node.slept } else { 0 }..];
                is_this(&node.current)
                    || node.rest.iter().any(is_this)
                    || asleep.iter().any(|step| is_this(&step.choice))
            };
            if !initials.iter().any(|step| known(&step.choice))
                && let Some(first) = initials.first()
            {
                // What is counted comes before all else, as it would have been put down.
                let counted = reversal.at == last && brought.alternatives > MANY;
                let place = if counted { 0 } else { node.rest.len() };
                node.rest.insert(place, first.choice);
            }
        };
        of_event(order, world, Rule::Sound, last, scratch, races);
        for race in races.iter() {
            plan(reversal(order, Rule::Sound, race, last, end, scratch));
        }
        other_alternatives(order, Rule::Sound, last, end, scratch, &mut plan);
    }

    fn backtrack(&mut self) {
        let mut depth = self.nodes.len();
        while let Some(node) = self.nodes.last_mut() {
            // The last one has no step when all of it was asleep.
            if self.order.len() as usize == depth {
                let last = self.order.len() - 1;
                node.sleep.push(Step::of(self.order.event(last)));
                node.finished += 1;
                self.order.truncate(last);
            }
            depth -= 1;
            if node.rest.is_empty() {
                self.nodes.pop();
                continue;
            }
            node.current = node.rest.remove(0);
            return;
        }
        self.over = true;
    }
}

impl Explorer for Source {
    fn begin(&mut self) -> bool {
        self.depth = 0;
        !self.over
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        let depth = self.depth;
        if depth < self.order.len() as usize {
            same(world, self.order.event(depth as Index), depth)?;
            self.depth += 1;
            return Ok(self.nodes[depth].current.into());
        }
        if let Some(node) = self.nodes.get_mut(depth) {
            if node.current.alternative == ALL_AWAKE && !node.wake(world) {
                return Ok(Decision::Cut);
            }
            let choice = node.current;
            return Ok(self.visit(world, choice));
        }
        let sleep: Vec<Step> = match self.nodes.last() {
            Some(parent) => {
                let event = self.order.event(self.order.len() - 1);
                let stays = |step: &&Step| {
                    step.choice.thread != event.thread
                        && !dependent(&step.footprint, &event.footprint)
                };
                parent.sleep.iter().filter(stays).cloned().collect()
            }
            None => Vec::new(),
        };
        let mut blocked = false;
        let last = self.nodes.last().map(|node| node.current.thread);
        for thread in last.into_iter().chain(0..world.thread_count()) {
            if !world.enabled(thread) {
                continue;
            }
            blocked = true;
            // A step in the sleep set has one alternative: choices conflict with nothing, or with
            // whatever wakes them.
            let asleep = |alternative| {
                sleep.iter().any(|step| {
                    step.choice
                        == Choice {
                            thread,
                            alternative,
                        }
                })
            };
            let mut awake = (0..world.alternatives(thread)).filter(|&a| !asleep(a));
            if let Some(alternative) = awake.next() {
                let current = Choice {
                    thread,
                    alternative,
                };
                let alternatives = world.alternatives(thread);
                let rest = awake
                    .take(at_once(alternatives) - 1)
                    .map(|alternative| Choice {
                        thread,
                        alternative,
                    })
                    .collect();
                self.nodes.push(Node {
                    slept: sleep.len(),
                    sleep,
                    current,
                    rest,
                    finished: 0,
                });
                return Ok(self.visit(world, current));
            }
        }
        Ok(if blocked {
            Decision::Cut
        } else {
            Decision::Over
        })
    }

    fn end(&mut self, world: &World, ended: Ended) {
        self.counts.steps = self.counts.steps.max(self.depth);
        match ended {
            Ended::Cut => self.counts.cut += 1,
            Ended::Complete | Ended::Failed => self.counts.complete += 1,
        }
        self.plan(world);
        self.backtrack();
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn events(&self) -> Vec<Event> {
        self.order.first(self.depth)
    }

    fn order(&self) -> Option<&Order> {
        Some(&self.order)
    }

    fn hang(&mut self, world: &World) -> Option<Vec<Event>> {
        hang(&mut self.order, world)
    }

    fn progress(&self) -> f64 {
        if self.over {
            return 1.0;
        }
        weighed(
            self.nodes
                .iter()
                .map(|node| (node.finished, node.rest.len())),
        )
    }

    fn memory(&self) -> usize {
        let steps: usize = self.nodes.iter().map(|node| node.sleep.len() + 1).sum();
        steps * std::mem::size_of::<Step>()
    }
}
