//! The state graph: every reachable state once and every step between them, by replaying prefixes.
//!
//! No reduction: what cuts steps that lead to the same states also cuts the runs in which somebody
//! is passed over for ever. States are visited in order of their distance from the first, so every
//! state keeps a shortest way to it, and a replay is as short as it can be. Programs that loop say
//! at their loop heads what they remember ([`World::checkpoint`]); else there is no end of states.

use std::collections::hash_map::Entry;
use std::ops::Range;

use super::keys::{ByKey, Key, bytes};
use super::{
    Choice, Counts, Decision, Divergence, Ended, Explorer, Taken, after_alternative, put_down,
};
use crate::engines::exhaustive::world::event::Event;
use crate::engines::exhaustive::world::{Threads, World, only};
use crate::sync::stepping::{Op, Place, ThreadId};

/// Number of a state; 0 is the first one.
pub type StateId = u32;

/// Position of a step among all steps.
pub type EdgeId = u32;

/// A step from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who, and which alternative.
    pub choice: Choice,
    /// Where it leads.
    pub target: StateId,
    /// Who was served in it.
    pub served: Threads,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Whose steps there are.
    moving: Threads,
    /// Who has announced an operation and cannot move, unless by waking by itself.
    blocked: Threads,
    /// Who has asked for something and has not been served.
    waiting: Threads,
    /// Where its first step is among all steps; they stand together.
    first: EdgeId,
    /// The step that it was found by; none for the first state.
    found_by: Option<(StateId, EdgeId)>,
}

/// Why a graph is not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// There are more states than this limit.
    States(usize),
    /// There are more threads than the 64 that a state has room for.
    Threads(usize),
    /// An execution ended before its last step led to a state: a property failed in it.
    Step,
    /// The search was not run to its end.
    Unfinished,
}

/// States and steps of a program, as far as they have been visited.
#[derive(Clone, Debug)]
pub struct Graph {
    states: Vec<State>,
    edges: Vec<Edge>,
    threads: usize,
    gap: Option<Gap>,
}

impl Graph {
    /// How many states; their numbers are below.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether it has no state: nothing has been run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// All states.
    pub fn states(&self) -> Range<StateId> {
        0..self.states.len() as StateId
    }

    /// How many steps.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// How many threads; ids are below.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// All threads.
    #[must_use]
    pub fn everybody(&self) -> Threads {
        (0..self.threads).fold(0, |set, thread| set | only(thread))
    }

    /// Why it is not all of it; `None` when it is.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// Who can move in a state. A thread that can only wake by itself cannot: nobody may count on it,
    /// and no scheduler need be so kind.
    #[must_use]
    pub fn enabled(&self, state: StateId) -> Threads {
        let state = &self.states[state as usize];
        state.moving & !state.blocked
    }

    /// Who has announced an operation and cannot move in a state, unless by waking by itself.
    #[must_use]
    pub fn blocked(&self, state: StateId) -> Threads {
        self.states[state as usize].blocked
    }

    /// Who can wake by itself in a state, and do nothing else.
    #[must_use]
    pub fn by_itself(&self, state: StateId) -> Threads {
        let state = &self.states[state as usize];
        state.moving & state.blocked
    }

    /// Whether there is a step from a state.
    fn has_steps(&self, state: StateId) -> bool {
        self.states[state as usize].moving != 0
    }

    /// Who has asked for something in a state and has not been served.
    #[must_use]
    pub fn waiting(&self, state: StateId) -> Threads {
        self.states[state as usize].waiting
    }

    /// The numbers of the steps from a state.
    #[must_use]
    pub fn steps(&self, state: StateId) -> Range<EdgeId> {
        let next = self.states.get(state as usize + 1);
        let end = next.map_or(self.edges.len() as EdgeId, |next| next.first);
        self.states[state as usize].first..end
    }

    /// A step.
    #[must_use]
    pub fn edge(&self, edge: EdgeId) -> &Edge {
        &self.edges[edge as usize]
    }

    /// The steps from a state.
    #[must_use]
    pub fn edges(&self, state: StateId) -> &[Edge] {
        let steps = self.steps(state);
        &self.edges[steps.start as usize..steps.end as usize]
    }

    /// A shortest way to a state.
    #[must_use]
    pub fn way_to(&self, state: StateId) -> Vec<Choice> {
        let mut way = Vec::new();
        let mut at = state;
        while let Some((parent, edge)) = self.states[at as usize].found_by {
            way.push(self.edge(edge).choice);
            at = parent;
        }
        way.reverse();
        way
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.states.capacity() * std::mem::size_of::<State>()
            + self.edges.capacity() * std::mem::size_of::<Edge>()
    }
}

/// The search that builds the graph.
#[derive(Debug)]
pub struct Survey {
    graph: Graph,
    known: ByKey<StateId>,
    /// What was announced for the step that each state was found by.
    announced: Vec<Option<(Op, Place)>>,
    keys: Vec<u128>,
    limit: usize,
    /// The state whose steps are being taken.
    from: StateId,
    /// Its steps that are left, the next one last.
    rest: Vec<Choice>,
    /// The way to it.
    way: Vec<(Choice, Op, Place)>,
    /// How many steps of it are those of the execution before.
    common: usize,
    depth: usize,
    /// The execution began where the steps are taken from.
    stands: bool,
    /// The step that is being taken, and what was announced for it.
    taken: Option<(Choice, Op, Place)>,
    /// Something has been found out in this execution.
    told: bool,
    counts: Counts,
    over: bool,
}

impl Survey {
    /// A search that keeps at most so many states.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            graph: Graph {
                states: Vec::new(),
                edges: Vec::new(),
                threads: 0,
                gap: None,
            },
            known: ByKey::default(),
            announced: Vec::new(),
            keys: Vec::new(),
            limit: limit.min(StateId::MAX as usize),
            from: 0,
            rest: Vec::new(),
            way: Vec::new(),
            common: 0,
            depth: 0,
            stands: false,
            taken: None,
            told: false,
            counts: Counts::default(),
            over: false,
        }
    }

    /// How many states a limit of so many bytes has room for, roughly.
    #[must_use]
    pub fn states_in(bytes: usize) -> usize {
        // Table, record, announcement, key, and some three steps.
        let of_state = std::mem::size_of::<(Key, StateId)>() * 2
            + std::mem::size_of::<State>()
            + std::mem::size_of::<Option<(Op, Place)>>()
            + std::mem::size_of::<u128>()
            + 3 * std::mem::size_of::<Edge>();
        bytes / of_state
    }

    /// What has been built. Where the search has not come to its end, that is a part.
    #[must_use]
    pub fn into_graph(self) -> Graph {
        let mut graph = self.graph;
        let end = graph.edges.len() as EdgeId;
        let from = self.from as usize;
        for state in graph.states.iter_mut().skip(from + 1) {
            // Not come to: no steps are known.
            state.first = end;
        }
        if !self.over {
            graph.gap = graph.gap.or(Some(Gap::Unfinished));
        }
        graph
    }

    fn stop(&mut self, gap: Gap) {
        self.graph.gap = self.graph.gap.or(Some(gap));
        self.over = true;
    }

    /// The number of the state that the world is in, and whether it is new; `None` when there is
    /// no room for it.
    fn number(&mut self, world: &World) -> Option<(StateId, bool)> {
        let key = world.key();
        let next = self.graph.states.len();
        let full = next >= self.limit;
        match self.known.entry(key.into()) {
            Entry::Occupied(occupied) => return Some((*occupied.get(), false)),
            Entry::Vacant(_) if full => return None,
            Entry::Vacant(vacant) => vacant.insert(next as StateId),
        };
        let mut state = State {
            moving: 0,
            blocked: 0,
            waiting: 0,
            first: 0,
            found_by: self
                .taken
                .map(|_| (self.from, self.graph.edges.len() as EdgeId)),
        };
        for thread in 0..world.thread_count() {
            let moves = world.enabled(thread);
            if moves {
                state.moving |= only(thread);
            }
            if let Some((op, _)) = world.announced(thread)
                && !matches!(op, Op::Join(_))
                && (!moves || world.only_by_itself(thread))
            {
                // Who only waits for the end of others is as stuck as they are.
                state.blocked |= only(thread);
            }
            if world.is_waiting(thread) {
                state.waiting |= only(thread);
            }
        }
        self.graph.states.push(state);
        self.announced
            .push(self.taken.map(|(_, op, place)| (op, place)));
        self.keys.push(key);
        self.counts.states += 1;
        Some((next as StateId, true))
    }

    /// The world is where the step that is being taken leads.
    fn arrive(&mut self, world: &World) -> Decision {
        self.told = true;
        let threads = world.thread_count();
        self.graph.threads = self.graph.threads.max(threads);
        if threads > Threads::BITS as usize {
            self.stop(Gap::Threads(threads));
            return Decision::Cut;
        }
        let Some((target, fresh)) = self.number(world) else {
            self.stop(Gap::States(self.limit));
            return Decision::Cut;
        };
        if let Some((choice, ..)) = self.taken {
            self.graph.edges.push(Edge {
                choice,
                target,
                served: world.served_last(),
            });
        }
        if fresh && !self.graph.has_steps(target) {
            Decision::Over
        } else {
            Decision::Cut
        }
    }

    /// The steps of the state that the world is in, the first one last.
    fn choices(world: &World) -> Vec<Choice> {
        (0..world.thread_count())
            .rev()
            .filter(|&thread| world.enabled(thread))
            .flat_map(|thread| {
                (0..put_down(world.alternatives(thread)))
                    .rev()
                    .map(move |alternative| Choice {
                        thread,
                        alternative,
                    })
            })
            .collect()
    }

    /// Goes on to the next state that can have steps.
    fn turn_to_next(&mut self) {
        loop {
            self.from += 1;
            let from = self.from as usize;
            if from >= self.graph.states.len() {
                self.over = true;
                return;
            }
            self.graph.states[from].first = self.graph.edges.len() as EdgeId;
            if self.graph.has_steps(from as StateId) {
                break;
            }
        }
        let before = std::mem::take(&mut self.way);
        let mut at = self.from;
        while let Some((parent, edge)) = self.graph.states[at as usize].found_by {
            let (op, place) = self.announced[at as usize].expect("it was found by a step");
            self.way.push((self.graph.edge(edge).choice, op, place));
            at = parent;
        }
        self.way.reverse();
        let both = self.way.iter().zip(&before);
        self.common = both.take_while(|(one, other)| one.0 == other.0).count();
        self.rest.clear();
    }

    fn take(&mut self, world: &World, choice: Choice) -> Decision {
        let (op, place) = world.announced(choice.thread).expect("it is enabled");
        self.taken = Some((choice, op, place));
        self.depth += 1;
        Decision::Step {
            thread: choice.thread,
            alternative: choice.alternative,
        }
    }
}

impl Explorer for Survey {
    fn begin(&mut self) -> bool {
        self.depth = 0;
        self.stands = false;
        self.taken = None;
        self.told = false;
        !self.over
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        if self.taken.is_some() || self.graph.is_empty() {
            return Ok(self.arrive(world));
        }
        let depth = self.depth;
        if let Some(&(choice, op, place)) = self.way.get(depth) {
            let now = world.announced(choice.thread);
            if now != Some((op, place)) || !world.enabled(choice.thread) {
                return Err(Box::new(Divergence {
                    step: depth,
                    thread: choice.thread,
                    before: Some((op, place)),
                    now,
                }));
            }
            self.depth += 1;
            return Ok(Decision::Step {
                thread: choice.thread,
                alternative: choice.alternative,
            });
        }
        if let Some(&(choice, op, place)) = self.way.last()
            && !self.stands
            && world.key() != self.keys[self.from as usize]
        {
            // The last step of the way came out differently.
            return Err(Box::new(Divergence {
                step: depth - 1,
                thread: choice.thread,
                before: Some((op, place)),
                now: world.announced(choice.thread),
            }));
        }
        if self.rest.is_empty() {
            self.rest = Self::choices(world);
        }
        // A state without steps is no state to go on from.
        let choice = self.rest.pop().expect("somebody can move here");
        let alternatives = world.alternatives(choice.thread);
        let next = after_alternative(choice.alternative, alternatives);
        let next = next.map(|alternative| Choice {
            alternative,
            ..choice
        });
        // Where the step is taken once more it is there already.
        self.rest
            .extend(next.filter(|next| self.rest.last() != Some(next)));
        Ok(self.take(world, choice))
    }

    fn end(&mut self, _: &World, ended: Ended) {
        self.counts.steps = self.counts.steps.max(self.depth);
        match ended {
            Ended::Cut => self.counts.cut += 1,
            Ended::Complete | Ended::Failed => self.counts.complete += 1,
        }
        if !self.told {
            self.graph.gap = self.graph.gap.or(Some(Gap::Step));
        }
        if self.over {
            return;
        }
        if self.taken.is_none() {
            // The first state, or an execution that ended on its way: that is not tried again.
            self.rest.clear();
            self.over = self.graph.is_empty() || !self.graph.has_steps(self.from);
            self.over |= !self.told;
        } else if self.rest.is_empty() {
            self.turn_to_next();
        } else {
            self.common = self.way.len();
        }
    }

    fn common(&self) -> usize {
        self.common
    }

    fn skip(&mut self, steps: usize) {
        self.depth = steps;
        self.stands = steps == self.way.len();
    }

    fn comes_back(&self) -> bool {
        // To the state whose steps are taken, and to the one before for that one's other steps,
        // whose states come next.
        let decided = self.depth - 1;
        decided + 1 == self.way.len() || decided == self.way.len() && !self.rest.is_empty()
    }

    fn once_more(&mut self) {
        let of_way = self.depth.min(self.way.len());
        self.common = self.common.max(of_way);
        self.depth = 0;
        self.stands = false;
        self.told = false;
        if let Some((choice, ..)) = self.taken.take() {
            self.rest.push(choice);
        }
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn events(&self) -> Vec<Event> {
        Vec::new()
    }

    fn schedule(&self) -> Vec<Taken> {
        let way = self.way.iter().take(self.depth);
        way.chain(&self.taken)
            .map(|&(choice, op, _)| Taken {
                choice,
                op,
                by_itself: false,
            })
            .collect()
    }

    fn progress(&self) -> f64 {
        // Of the states known so far.
        if self.over {
            1.0
        } else {
            f64::from(self.from) / self.graph.states.len().max(1) as f64
        }
    }

    fn memory(&self) -> usize {
        bytes(&self.known)
            + self.announced.capacity() * std::mem::size_of::<Option<(Op, Place)>>()
            + self.keys.capacity() * std::mem::size_of::<u128>()
            + self.graph.memory()
    }
}

/// The threads of a set, in order.
pub fn members(set: Threads) -> impl Iterator<Item = ThreadId> {
    (0..Threads::BITS as usize).filter(move |&thread| set & only(thread) != 0)
}
