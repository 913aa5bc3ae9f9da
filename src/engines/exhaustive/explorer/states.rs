//! State caching: every reachable state that matters once, by replaying prefixes, with sleep sets.
//!
//! A state is a 128-bit key of what each thread has seen and announced and of what each object
//! holds. Godefroid, "Partial-order methods for the verification of concurrent systems", LNCS 1032,
//! 1996, chapter 5: a known state keeps the sleep set that it was visited with; on another visit
//! only what slept then and does not now is run, and the intersection is kept. Independence is
//! count-sensitive here, which sleep sets allow, and a thread that only gives units back is run
//! at once: nothing that others can do before it is lost, unless somebody can look whether units are
//! free; when that shows, the search begins anew without. There is one way on from where it gives, so
//! that state is not kept, as if the give were part of the step before.
//!
//! Several workers may share a search: whoever has nothing left takes a branch of another one, that
//! nearest to the beginning.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::shared::Shared;
use super::table::{Large, Table};
use super::{
    Choice, Counts, Decision, Divergence, Ended, Explorer, after_alternative, possible, put_down,
    same, weighed,
};
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::Event;
use crate::sync::stepping::ThreadId;

/// A set of threads below 64; others are never put to sleep, which is sound.
pub type Sleep = u64;

fn bit(thread: ThreadId) -> Sleep {
    if thread < 64 { 1 << thread } else { 0 }
}

/// Where it is kept which states are known, with the sleep set that each was visited with.
#[derive(Debug)]
enum Known {
    /// By the one search that there is.
    Own(Large),
    /// By all workers.
    Shared(Arc<Shared>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Own(Large::default())
    }
}

impl Known {
    /// A state is about to be visited.
    fn ask_for(&self, key: u128) {
        // What is shared is behind a lock.
        if let Self::Own(table) = self {
            table.part(key).ask_for(key);
        }
    }

    fn visit(&mut self, key: u128, sleep: Sleep) -> Visit {
        match self {
            Self::Own(table) => visit(table.part_mut(key), key, sleep),
            Self::Shared(shared) => shared.with(key, |table| visit(table, key, sleep)),
        }
    }
}

/// What a visit to a state comes upon.
struct Visit {
    /// Nobody has been there.
    fresh: bool,
    /// What slept at every visit so far, and does not now.
    woken: Sleep,
    /// What has slept at every visit, this one included: all else has been run from here, or is now.
    sleep: Sleep,
}

fn visit(table: &mut Table, key: u128, sleep: Sleep) -> Visit {
    let (kept, fresh) = table.entry(key, sleep);
    let before = *kept;
    *kept = before & sleep;
    Visit {
        fresh,
        woken: before & !sleep,
        sleep: before & sleep,
    }
}

/// A point of a path, as it is kept and handed on: its sleep set, the step from it, the steps still to
/// come, and how many are finished.
type Point = (Sleep, Choice, Vec<Choice>, u32);

/// What a worker hands to another: a path, and what is to be visited behind it.
#[derive(Debug)]
pub struct Task(Vec<Point>);

#[derive(Clone, Debug)]
struct Node {
    /// Asleep on arrival, and finished since.
    sleep: Sleep,
    current: Choice,
    /// Which of the [choices](States::choices) are its; alternatives of one thread stand together.
    choices: usize,
    /// Which of them are still to be visited.
    rest: Range<usize>,
    finished: u32,
}

/// What the search knows between two executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memo {
    known: Vec<(u128, Sleep)>,
    nodes: Vec<Point>,
    eager: bool,
    given: bool,
    counts: Counts,
}

impl From<Memo> for States {
    fn from(memo: Memo) -> Self {
        let mut states = Self {
            known: Known::Own(Large::of(&memo.known)),
            eager: memo.eager,
            given: memo.given,
            counts: memo.counts,
            ..Self::default()
        };
        states.take_up(memo.nodes);
        states
    }
}

/// The search.
#[derive(Debug, Default)]
pub struct States {
    known: Known,
    nodes: Vec<Node>,
    /// Steps that are to be visited, or have been, from each of the nodes.
    choices: Vec<Choice>,
    /// What the step of each of the first `described` nodes is; behind them is what is left of others.
    events: Vec<Event>,
    described: usize,
    depth: usize,
    /// The sleep set behind the last step.
    sleep: Sleep,
    /// Whether a thread that only gives is run at once.
    eager: bool,
    /// Whether one has been.
    given: bool,
    /// Whether the search begins anew.
    anew: bool,
    /// Whether the branch that is being visited was handed over by another worker.
    handed_over: bool,
    counts: Counts,
    over: bool,
}

impl States {
    /// A search that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self {
            eager: true,
            ..Self::default()
        }
    }

    /// A search that visits every state, also those that a give at once skips.
    #[must_use]
    pub fn of_every_state() -> Self {
        Self::default()
    }

    /// What `workers` share who go on where this search is; it is to be asked for between
    /// executions. Each of them is a [`worker`](Self::worker).
    #[must_use]
    pub fn share(memo: Memo, workers: usize) -> Arc<Shared> {
        let shared = Shared::new(&memo.known, memo.eager, workers);
        shared.give(Task(memo.nodes));
        Arc::new(shared)
    }

    /// One of the searches that share what is known and what is to do.
    #[must_use]
    pub fn worker(shared: Arc<Shared>) -> Self {
        let eager = shared.is_eager();
        Self {
            known: Known::Shared(shared),
            eager,
            // If not by this one, then by another.
            given: eager,
            over: true,
            ..Self::default()
        }
    }

    /// Goes on along a path.
    fn take_up(&mut self, path: Vec<Point>) {
        self.nodes.clear();
        self.choices.clear();
        for (sleep, current, rest, finished) in path {
            let choices = self.choices.len();
            self.choices.extend(rest);
            self.nodes.push(Node {
                sleep,
                current,
                choices,
                rest: choices..self.choices.len(),
                finished,
            });
        }
    }

    /// The branch nearest to the beginning that is still to be visited.
    fn part(&mut self) -> Option<Task> {
        let at = self.nodes.iter().position(|node| !node.rest.is_empty())?;
        let node = &mut self.nodes[at];
        let current = self.choices[node.rest.next_back()?];
        // All that stand before it will have been visited, here.
        let before = self.choices[node.rest.clone()].iter();
        let before = before.chain([&node.current]);
        let before = before.filter(|choice| choice.thread != current.thread);
        let sleep = before.fold(node.sleep, |sleep, choice| sleep | bit(choice.thread));
        let path = self.nodes[..at].iter();
        let path = path.map(|node| (node.sleep, node.current, Vec::new(), node.finished));
        let last = (sleep, current, Vec::new(), 0);
        Some(Task(path.chain([last]).collect()))
    }

    /// Goes on in one of the ways that have been put down since there were so many, the first one
    /// first.
    fn branch(&mut self, world: &World, choices: usize, sleep: Sleep) -> Decision {
        let mut rest = choices..self.choices.len();
        let Some(first) = rest.next() else {
            return Decision::Cut;
        };
        self.nodes.push(Node {
            sleep,
            current: self.choices[first],
            choices,
            rest,
            finished: 0,
        });
        self.visit(world)
    }

    fn visit(&mut self, world: &World) -> Decision {
        let depth = self.depth;
        let node = &mut self.nodes[depth];
        let Choice {
            thread,
            alternative,
        } = node.current;
        match self.events.get_mut(depth) {
            Some(event) => world.describe_in(event, thread, alternative),
            None => self.events.push(world.describe(thread, alternative)),
        }
        self.described = depth + 1;
        let mut sleep = node.sleep & !bit(thread);
        let mut asleep = sleep;
        while asleep != 0 {
            let other = asleep.trailing_zeros() as ThreadId;
            asleep &= asleep - 1;
            if !world.commute_here(other, thread) {
                sleep &= !bit(other);
            }
        }
        self.sleep = sleep;
        self.depth += 1;
        Decision::Step {
            thread,
            alternative,
        }
    }

    fn backtrack(&mut self) {
        while let Some(last) = self.nodes.len().checked_sub(1) {
            let node = &mut self.nodes[last];
            node.finished += 1;
            let Choice {
                thread,
                alternative,
            } = node.current;
            let alternatives = self.events.get(last).map_or(1, |event| event.alternatives);
            let counted = after_alternative(alternative, alternatives);
            let counted = counted.map(|alternative| Choice {
                thread,
                alternative,
            });
            let put_down = || node.rest.next().map(|next| self.choices[next]);
            let Some(next) = counted.or_else(put_down) else {
                self.choices.truncate(node.choices);
                self.nodes.pop();
                continue;
            };
            if next.thread != node.current.thread {
                node.sleep |= bit(node.current.thread);
            }
            node.current = next;
            self.described = self.described.min(self.nodes.len() - 1);
            return;
        }
        self.described = 0;
        self.over = true;
    }
}

impl Explorer for States {
    fn begin(&mut self) -> bool {
        self.depth = 0;
        self.handed_over = false;
        let Known::Shared(shared) = &self.known else {
            return !self.over;
        };
        let shared = Arc::clone(shared);
        if self.over {
            let Some(Task(path)) = shared.take() else {
                return false;
            };
            self.take_up(path);
            self.described = 0;
            self.over = false;
            self.handed_over = true;
        }
        while shared.wants()
            && let Some(task) = self.part()
        {
            shared.give(task);
        }
        true
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        let depth = self.depth;
        if let Some(node) = self.nodes.get(depth) {
            if depth < self.described {
                same(world, &self.events[depth], depth)?;
                self.depth += 1;
                return Ok(node.current.into());
            }
            possible(world, node.current, depth)?;
            return Ok(self.visit(world));
        }
        if self.eager && world.used().tries {
            // Whoever looks whether units are free depends on gives, which have been run at once.
            self.eager = false;
            if self.given {
                self.anew = true;
                return Ok(Decision::Cut);
            }
        }
        let sleep = if depth == 0 { 0 } else { self.sleep };
        let choices = self.choices.len();
        let mut threads = 0..world.thread_count();
        if self.eager
            && let Some(thread) = threads.find(|&thread| world.gives_at_once(thread))
        {
            // What gives can always happen, so nobody else need be asked; and there is one way on from
            // here, which ends in a state that is kept. Units only grow on it, so it does end.
            if sleep & bit(thread) == 0 {
                self.given = true;
                self.choices.push(Choice {
                    thread,
                    alternative: 0,
                });
            }
            return Ok(self.branch(world, choices, sleep));
        }
        let key = world.key();
        self.known.ask_for(key);
        // Most states are fresh, and then it is asked who can move: that takes about as long as memory
        // does.
        for thread in 0..world.thread_count() {
            if world.enabled(thread) {
                let alternatives = 0..put_down(world.alternatives(thread));
                self.choices.extend(alternatives.map(|alternative| Choice {
                    thread,
                    alternative,
                }));
            }
        }
        // Whoever sleeps here later relies on what has been run here before, at any visit.
        let Visit {
            fresh,
            woken,
            sleep,
        } = self.known.visit(key, sleep);
        self.counts.states += u64::from(fresh);
        if !fresh && woken == 0 {
            self.choices.truncate(choices);
            return Ok(Decision::Cut);
        }
        if self.choices.len() == choices {
            // Reached before, it has been counted before.
            return Ok(if fresh { Decision::Over } else { Decision::Cut });
        }
        let is_awake = |thread: ThreadId| match fresh {
            true => sleep & bit(thread) == 0,
            false => woken & bit(thread) != 0,
        };
        let mut kept = choices;
        for at in choices..self.choices.len() {
            let choice = self.choices[at];
            if is_awake(choice.thread) {
                self.choices[kept] = choice;
                kept += 1;
            }
        }
        self.choices.truncate(kept);
        Ok(self.branch(world, choices, sleep))
    }

    fn end(&mut self, _: &World, ended: Ended) {
        self.counts.steps = self.counts.steps.max(self.depth);
        match ended {
            Ended::Cut => self.counts.cut += 1,
            Ended::Complete | Ended::Failed => self.counts.complete += 1,
        }
        if std::mem::take(&mut self.anew) {
            self.restart();
            return;
        }
        self.backtrack();
    }

    fn common(&self) -> usize {
        if self.handed_over {
            return 0;
        }
        // The last of them is another than it was.
        self.nodes.len().saturating_sub(1)
    }

    fn skip(&mut self, steps: usize) {
        self.depth = steps;
    }

    fn comes_back(&self) -> bool {
        let decided = self.depth.checked_sub(1).and_then(|at| self.nodes.get(at));
        decided.is_some_and(|node| {
            let event = self.events.get(self.depth - 1);
            let alternatives = event.map_or(1, |event| event.alternatives);
            let counted = after_alternative(node.current.alternative, alternatives);
            !node.rest.is_empty() || counted.is_some()
        })
    }

    fn once_more(&mut self) {
        self.depth = 0;
    }

    fn restart(&mut self) {
        self.nodes.clear();
        self.choices.clear();
        self.described = 0;
        match &mut self.known {
            Known::Own(table) => table.clear(),
            Known::Shared(shared) => {
                // All of them have to.
                shared.surprise();
                self.over = true;
            }
        }
        self.depth = 0;
        self.counts.states = 0;
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn events(&self) -> Vec<Event> {
        self.events[..self.depth.min(self.described)].to_vec()
    }

    fn memo(&self) -> Option<super::Memo> {
        let Known::Own(known) = &self.known else {
            return None;
        };
        let memo = Memo {
            known: known.iter().collect(),
            nodes: self
                .nodes
                .iter()
                .map(|node| {
                    let rest = self.choices[node.rest.clone()].to_vec();
                    (node.sleep, node.current, rest, node.finished)
                })
                .collect(),
            eager: self.eager,
            given: self.given,
            counts: self.counts,
        };
        (!self.over).then_some(super::Memo::States(memo))
    }

    fn progress(&self) -> f64 {
        if matches!(self.known, Known::Shared(_)) {
            // Its part of the whole is not known.
            return 0.0;
        }
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
        match &self.known {
            Known::Own(table) => table.memory(),
            Known::Shared(shared) => shared.memory(),
        }
    }
}
