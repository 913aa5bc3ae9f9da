//! State caching: every reachable state that matters once, by replaying prefixes, with sleep sets.
//!
//! A state is a 128-bit key of what each thread has seen and announced and of what each object
//! holds. Godefroid, "Partial-order methods for the verification of concurrent systems", LNCS 1032,
//! 1996, chapter 5: a known state keeps the sleep set that it was visited with; on another visit
//! only what slept then and does not now is run, and the intersection is kept. Independence is
//! count-sensitive here, which sleep sets allow, and a thread that only gives units back is run
//! at once: nothing that others can do before it is lost, unless somebody can look whether units are
//! free; when that shows, the search begins anew without.
//!
//! Several workers may share a search: whoever has nothing left takes a branch of another one, that
//! nearest to the beginning.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::keys::{ByKey, Large};
use super::shared::Shared;
use super::{Choice, Counts, Decision, Divergence, Ended, Explorer, possible, same, weighed};
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
    Own(Large<Sleep>),
    /// By all workers.
    Shared(Arc<Shared>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Own(Large::default())
    }
}

impl Known {
    fn visit(&mut self, key: u128, sleep: Sleep) -> Visit {
        match self {
            Self::Own(table) => visit(table.part(key), key, sleep),
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

fn visit(table: &mut ByKey<Sleep>, key: u128, sleep: Sleep) -> Visit {
    match table.entry(key.into()) {
        Entry::Vacant(vacant) => {
            vacant.insert(sleep);
            Visit {
                fresh: true,
                woken: 0,
                sleep,
            }
        }
        Entry::Occupied(mut occupied) => {
            let before = *occupied.get();
            occupied.insert(before & sleep);
            Visit {
                fresh: false,
                woken: before & !sleep,
                sleep: before & sleep,
            }
        }
    }
}

/// What a worker hands to another: a path, and what is to be visited behind it.
#[derive(Debug)]
pub struct Task(Vec<Node>);

#[derive(Clone, Debug)]
struct Node {
    /// Asleep on arrival, and finished since.
    sleep: Sleep,
    current: Choice,
    /// Steps still to be visited from here; alternatives of one thread stand together.
    rest: SmallVec<[Choice; 8]>,
    finished: u32,
}

/// What the search knows between two executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memo {
    known: Vec<(u128, Sleep)>,
    /// Sleep set, current step, steps still to come, finished.
    nodes: Vec<(Sleep, Choice, Vec<Choice>, u32)>,
    eager: bool,
    given: bool,
    counts: Counts,
}

impl From<(Sleep, Choice, Vec<Choice>, u32)> for Node {
    fn from((sleep, current, rest, finished): (Sleep, Choice, Vec<Choice>, u32)) -> Self {
        Self {
            sleep,
            current,
            rest: rest.into(),
            finished,
        }
    }
}

impl From<Memo> for States {
    fn from(memo: Memo) -> Self {
        Self {
            known: Known::Own(memo.known.into_iter().collect()),
            nodes: memo.nodes.into_iter().map(Node::from).collect(),
            eager: memo.eager,
            given: memo.given,
            counts: memo.counts,
            ..Self::default()
        }
    }
}

/// The search.
#[derive(Debug, Default)]
pub struct States {
    known: Known,
    nodes: Vec<Node>,
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
        let shared = Shared::new(memo.known, memo.eager, workers);
        shared.give(Task(memo.nodes.into_iter().map(Node::from).collect()));
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

    /// The branch nearest to the beginning that is still to be visited.
    fn part(&mut self) -> Option<Task> {
        let at = self.nodes.iter().position(|node| !node.rest.is_empty())?;
        let node = &mut self.nodes[at];
        let current = node.rest.pop()?;
        // All that stand before it will have been visited, here.
        let before = node.rest.iter().chain([&node.current]);
        let before = before.filter(|choice| choice.thread != current.thread);
        let sleep = before.fold(node.sleep, |sleep, choice| sleep | bit(choice.thread));
        let path = self.nodes[..at].iter().map(|node| Node {
            rest: SmallVec::new(),
            ..node.clone()
        });
        let last = Node {
            sleep,
            current,
            rest: SmallVec::new(),
            finished: 0,
        };
        Some(Task(path.chain([last]).collect()))
    }

    fn visit(&mut self, world: &World) -> Decision {
        let depth = self.depth;
        let node = &mut self.nodes[depth];
        let Choice {
            thread,
            alternative,
        } = node.current;
        let event = world.describe(thread, alternative);
        match self.events.get_mut(depth) {
            Some(place) => *place = event,
            None => self.events.push(event),
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
        while let Some(node) = self.nodes.last_mut() {
            node.finished += 1;
            if node.rest.is_empty() {
                self.nodes.pop();
                continue;
            }
            let next = node.rest.remove(0);
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
            let Some(Task(nodes)) = shared.take() else {
                return false;
            };
            self.nodes = nodes;
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

    fn decide(&mut self, world: &World) -> Result<Decision, Divergence> {
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
        // Whoever sleeps here later relies on what has been run here before, at any visit.
        let Visit {
            fresh,
            woken,
            sleep,
        } = self.known.visit(world.key(), sleep);
        self.counts.states += u64::from(fresh);
        if !fresh && woken == 0 {
            return Ok(Decision::Cut);
        }
        // What only gives can always happen; nobody else need be asked then.
        let mut threads = 0..world.thread_count();
        let gives = threads.find(|&thread| self.eager && world.gives_at_once(thread));
        let mut enabled: SmallVec<[ThreadId; 16]> = SmallVec::new();
        match gives {
            Some(thread) => enabled.push(thread),
            None => {
                for thread in 0..world.thread_count() {
                    if world.enabled(thread) {
                        enabled.push(thread);
                    }
                }
            }
        }
        if enabled.is_empty() {
            // Reached before, it has been counted before.
            return Ok(if fresh { Decision::Over } else { Decision::Cut });
        }
        self.given |= gives.is_some();
        let is_awake = |thread: ThreadId| match gives {
            // Alone it stands for all others, so it is run again for those that are awake now.
            Some(gives) => thread == gives && sleep & bit(thread) == 0,
            None if fresh => sleep & bit(thread) == 0,
            None => woken & bit(thread) != 0,
        };
        let mut rest: SmallVec<[Choice; 8]> = SmallVec::new();
        for &thread in enabled.iter().filter(|&&thread| is_awake(thread)) {
            for alternative in 0..world.alternatives(thread) {
                rest.push(Choice {
                    thread,
                    alternative,
                });
            }
        }
        if rest.is_empty() {
            return Ok(Decision::Cut);
        }
        let current = rest.remove(0);
        self.nodes.push(Node {
            sleep,
            current,
            rest,
            finished: 0,
        });
        Ok(self.visit(world))
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
        decided.is_some_and(|node| !node.rest.is_empty())
    }

    fn once_more(&mut self) {
        self.depth = 0;
    }

    fn restart(&mut self) {
        self.nodes.clear();
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
            known: known.iter().map(|(key, &sleep)| (key, sleep)).collect(),
            nodes: self
                .nodes
                .iter()
                .map(|node| (node.sleep, node.current, node.rest.to_vec(), node.finished))
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
