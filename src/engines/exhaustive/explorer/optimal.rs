//! Optimal-DPOR: exactly one execution a Mazurkiewicz trace, none of them cut.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, POPL 2014 and JACM 2017, algorithm 2, with blocking as the
//! module [`race`](super::race) has it. Every race of the whole execution is planned at every
//! complete execution with all that does not depend on its first event; anything less misses
//! traces. Memory is proportional to the length of an execution and the sequences planned.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::hang::hang;
use super::order::Order;
use super::race::{
    Race, Reversal, Rule, Scratch, are_settled, of_event, other_alternatives, reversal,
};
use super::wakeup::{Branch, Sequence, Until, insert};
use super::{
    Choice, Counts, Decision, Divergence, Ended, Explorer, MANY, Step, possible, same, weighed,
};
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::{Event, Index};
use crate::engines::exhaustive::world::footprint::dependent;
use crate::sync::stepping::ThreadId;

/// One point in so many is kept to come back to.
const STRIDE: usize = 8;

/// One point of the search: an event of the current execution, and what is to be run instead.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Node {
    /// Steps whose executions have been visited from here.
    sleep: Vec<Step>,
    /// The step that is being visited.
    current: Choice,
    /// Sequences still to be run from here.
    rest: Vec<Branch>,
    /// How many branches have been finished here.
    finished: u32,
}

/// A race in the current execution.
#[derive(Clone, Debug)]
struct Known {
    race: Race,
    /// As long as this event is in this place, nobody has to plan the race: its reversal begins
    /// with a step that sleeps at its first event, or is in the tree there, because of what comes
    /// before this event.
    until: Option<(Index, u64)>,
}

impl From<Race> for Known {
    fn from(race: Race) -> Self {
        Self { race, until: None }
    }
}

/// The search.
#[derive(Debug)]
pub struct Optimal {
    rule: Rule,
    order: Order,
    nodes: Vec<Node>,
    /// How many steps of this execution have been decided.
    depth: usize,
    /// For each event, the races in which it is the second event, if that has been found out for
    /// good.
    races: Vec<Option<SmallVec<[Known; 2]>>>,
    /// What the tree has after the last node.
    subtree: Vec<Branch>,
    scratch: Scratch,
    found: Vec<Race>,
    pool: Vec<Node>,
    counts: Counts,
    over: bool,
    /// Races that have been planned, for the wrong rule that plans each once.
    planned: HashSet<(Index, Index, u32)>,
}

/// What the search knows between two executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memo {
    nodes: Vec<Node>,
    subtree: Vec<Branch>,
    counts: Counts,
}

impl From<Memo> for Optimal {
    fn from(memo: Memo) -> Self {
        Self {
            nodes: memo.nodes,
            subtree: memo.subtree,
            counts: memo.counts,
            ..Self::default()
        }
    }
}

impl Default for Optimal {
    fn default() -> Self {
        Self::new(Rule::Sound)
    }
}

impl Optimal {
    /// A search that has not begun.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            order: Order::default(),
            nodes: Vec::new(),
            depth: 0,
            races: Vec::new(),
            found: Vec::new(),
            subtree: Vec::new(),
            scratch: Scratch::default(),
            pool: Vec::new(),
            counts: Counts::default(),
            over: false,
            planned: HashSet::new(),
        }
    }

    fn step(&mut self, choice: Choice) -> Decision {
        self.depth += 1;
        choice.into()
    }

    /// A step that is visited for the first time.
    fn visit(&mut self, world: &World, choice: Choice) -> Decision {
        self.order
            .push_next(world, choice.thread, choice.alternative);
        self.races.push(None);
        self.step(choice)
    }

    /// The sleep set behind the last event.
    fn sleep_behind(&self, sleep: &mut Vec<Step>) {
        let Some(parent) = self.nodes.last() else {
            return;
        };
        let event = self.order.event(self.order.len() - 1);
        sleep.extend(
            parent
                .sleep
                .iter()
                .filter(|step| {
                    step.choice.thread != event.thread
                        && !dependent(&step.footprint, &event.footprint)
                })
                .cloned(),
        );
    }

    /// A thread that can move: the last one if it can, so that executions have few switches.
    fn free_choice(&self, world: &World, sleep: &[Step]) -> Option<Choice> {
        let asleep = |thread: ThreadId| sleep.iter().any(|step| step.choice.thread == thread);
        let last = self.nodes.last().map(|node| node.current.thread);
        let candidates = last.into_iter().chain(0..world.thread_count());
        for thread in candidates {
            if world.enabled(thread) && !asleep(thread) {
                return Some(Choice {
                    thread,
                    alternative: 0,
                });
            }
        }
        None
    }

    /// Plans the reversal of every race, those of blocked threads included.
    fn plan(&mut self, world: &World) {
        let end = self.order.len();
        for last in 0..end {
            self.plan_event(world, last, end);
        }
        for (thread, ..) in world.blocked() {
            // What is blocked has not happened: it is the second event of races, and nothing else.
            self.order.push_next(world, thread, 0);
            self.plan_event(world, end, end);
            self.order.truncate(end);
        }
    }

    fn plan_event(&mut self, world: &World, last: Index, end: Index) {
        let Self {
            order,
            nodes,
            scratch,
            found,
            rule,
            planned,
            races,
            ..
        } = self;
        let rule = *rule;
        // How long the reversal of a race need not be planned again.
        let mut plan = |reversal: Reversal<'_>| {
            let this = (reversal.at, last, reversal.alternative);
            if rule == Rule::Once && last < end && !planned.insert(this) {
                return None;
            }
            let node = &mut nodes[reversal.at as usize];
            let sequence = Sequence::new(order, &reversal);
            let mut until = None;
            // Its own other alternatives, of which there may be very many, are asleep or not as they
            // are.
            let own = order.event(last);
            let counted = (reversal.at == last && own.alternatives > MANY).then_some(own.thread);
            for step in &node.sleep {
                if counted == Some(step.choice.thread) {
                    if step.choice.alternative == reversal.alternative {
                        return None;
                    }
                    continue;
                }
                match sequence.starts_with(step) {
                    Some(Until::Now) => until = Some(Until::Now),
                    Some(for_longer) => {
                        until = Some(for_longer);
                        break;
                    }
                    None => {}
                }
            }
            match until.or_else(|| insert(&mut node.rest, sequence)) {
                Some(Until::Another(event)) => Some((event, order.serial(event)?)),
                _ => None,
            }
        };
        let known = races.get_mut(last as usize);
        if let Some(known) = known
            && are_settled(order, last)
        {
            if known.is_none() {
                of_event(order, world, rule, last, scratch, found);
            }
            let known = known.get_or_insert_with(|| found.drain(..).map(Known::from).collect());
            for Known { race, until } in known {
                let holds = |(event, serial)| order.serial(event) == Some(serial);
                if !until.is_some_and(holds) {
                    *until = plan(reversal(order, rule, race, last, end, scratch));
                }
            }
        } else {
            of_event(order, world, rule, last, scratch, found);
            for race in &*found {
                plan(reversal(order, rule, race, last, end, scratch));
            }
        }
        let mut plan = |reversal: Reversal<'_>| {
            plan(reversal);
        };
        other_alternatives(order, rule, last, end, scratch, &mut plan);
    }

    /// Goes back to the last point where something is left.
    fn backtrack(&mut self) {
        while let Some(node) = self.nodes.last()
            && node.rest.is_empty()
        {
            let mut node = self.nodes.pop().expect("it was there");
            node.sleep.clear();
            self.pool.push(node);
        }
        let last = self.nodes.len().saturating_sub(1);
        let Some(node) = self.nodes.last_mut() else {
            self.order.truncate(0);
            self.over = true;
            return;
        };
        let event = self.order.event(last as Index);
        node.sleep.push(Step::of(event));
        node.finished += 1;
        let branch = node.rest.remove(0);
        node.current = branch.step.choice;
        self.subtree = branch.next;
        self.order.truncate(last as Index);
        self.races.truncate(last);
        if self.rule == Rule::Once {
            self.planned.retain(|(_, last, _)| *last < self.order.len());
        }
    }
}

impl Explorer for Optimal {
    fn begin(&mut self) -> bool {
        self.depth = 0;
        !self.over
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        let depth = self.depth;
        if depth < self.order.len() as usize {
            let event = self.order.event(depth as Index);
            same(world, event, depth)?;
            let choice = self.nodes[depth].current;
            return Ok(self.step(choice));
        }
        if depth < self.nodes.len() {
            // The node where the search went back to: another step of it. Or one of those before
            // it, in the first execution of a search that was resumed.
            let choice = self.nodes[depth].current;
            possible(world, choice, depth)?;
            return Ok(self.visit(world, choice));
        }
        let mut node = self.pool.pop().unwrap_or_default();
        node.finished = 0;
        node.rest.clear();
        self.sleep_behind(&mut node.sleep);
        node.rest = std::mem::take(&mut self.subtree);
        if node.rest.is_empty() {
            let Some(choice) = self.free_choice(world, &node.sleep) else {
                let blocked = node
                    .sleep
                    .iter()
                    .any(|step| world.enabled(step.choice.thread));
                node.sleep.clear();
                self.pool.push(node);
                return Ok(if blocked {
                    Decision::Cut
                } else {
                    Decision::Over
                });
            };
            node.current = choice;
        } else {
            let branch = node.rest.remove(0);
            node.current = branch.step.choice;
            self.subtree = branch.next;
            debug_assert!(world.enabled(node.current.thread));
        }
        let choice = node.current;
        self.nodes.push(node);
        Ok(self.visit(world, choice))
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

    fn common(&self) -> usize {
        self.order.len() as usize
    }

    fn skip(&mut self, steps: usize) {
        self.depth = steps;
    }

    fn comes_back(&self) -> bool {
        // Where, is known only once all races have been planned.
        (self.depth - 1).is_multiple_of(STRIDE)
    }

    fn once_more(&mut self) {
        self.depth = 0;
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

    fn memo(&self) -> Option<super::Memo> {
        let memo = Memo {
            nodes: self.nodes.clone(),
            subtree: self.subtree.clone(),
            counts: self.counts,
        };
        (!self.over && self.rule == Rule::Sound).then_some(super::Memo::Optimal(memo))
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
        let of_node =
            |node: &Node| node.sleep.len() + node.rest.iter().map(Branch::len).sum::<usize>();
        let steps: usize = self.nodes.iter().map(of_node).sum();
        (steps + self.order.len() as usize) * std::mem::size_of::<Branch>()
    }
}
