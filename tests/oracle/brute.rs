//! Brute force: every prefix of every trace, each once.
//!
//! A prefix is known by its [`Key`], so executions that differ in the order of independent events
//! only are walked together, and the cost is the number of prefixes.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use super::operation::{Op, ThreadId};
use super::program::{Program, Switches};
use super::world::{Access, State, Step, Terminal, World, conflict};

/// A Mazurkiewicz trace: a partial order of events.
///
/// Event i of thread t is `threads[t][i]`. Second halves are events of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The events of each thread.
    pub(crate) threads: Vec<Vec<Event>>,
}

/// An event in its trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Event {
    /// As in [`Step`].
    pub(crate) alternative: u32,
    /// For each thread how many of its events happen before this one.
    pub(crate) before: Vec<u32>,
}

impl Key {
    /// The events in one of the orders that the trace allows. None if there is none.
    pub(crate) fn steps(&self) -> Option<Vec<Step>> {
        let mut done = vec![0; self.threads.len()];
        let mut steps = Vec::new();
        while let Some(thread) = self.next(&done) {
            let alternative = self.threads[thread][done[thread] as usize].alternative;
            done[thread] += 1;
            steps.push(Step {
                thread,
                alternative,
            });
        }
        let all: usize = self.threads.iter().map(Vec::len).sum();
        (steps.len() == all).then_some(steps)
    }

    fn next(&self, done: &[u32]) -> Option<ThreadId> {
        let is_next = |&thread: &ThreadId| {
            let event = self.threads[thread].get(done[thread] as usize);
            event.is_some_and(|event| event.before.iter().zip(done).all(|(b, d)| b <= d))
        };
        (0..self.threads.len()).find(is_next)
    }
}

/// What there is to know about a program.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// How many prefixes of traces there are, whole traces included.
    pub(crate) prefixes: usize,
    /// The traces that cannot be continued.
    pub(crate) traces: BTreeSet<Key>,
    /// How they end.
    pub(crate) terminal: BTreeSet<Terminal>,
    /// How many of the traces end with threads that cannot go on.
    pub(crate) deadlocks: u64,
    /// Whether there is a state that only wake-ups which nobody causes lead on from: a deadlock, since
    /// nobody may count on those.
    pub(crate) hangs: bool,
    /// Reachable states: objects, tokens and for each thread where it stands and whether it woke
    /// spuriously.
    pub(crate) states: u64,
    /// Reachable states where all results of a thread are part of the state.
    pub(crate) histories: u64,
}

/// A prefix of a trace, and the state after it.
#[derive(Clone)]
pub(crate) struct Prefix {
    pub(crate) key: Key,
    pub(crate) state: State,
    /// What the events of each thread touch. The key determines it.
    accesses: Vec<Vec<Vec<Access>>>,
    /// For each thread the event that its second half comes after.
    causes: Vec<Option<(ThreadId, usize)>>,
}

impl Prefix {
    /// Nothing has happened.
    pub(crate) fn start(world: &World<'_>, threads: usize) -> Self {
        Self {
            key: Key {
                threads: vec![Vec::new(); threads],
            },
            state: world.start(),
            accesses: vec![Vec::new(); threads],
            causes: vec![None; threads],
        }
    }

    /// The prefix with one more event.
    pub(crate) fn then(&self, world: &World<'_>, step: Step) -> Self {
        let mut next = self.clone();
        let done = world.apply(&mut next.state, step);
        let thread = step.thread;
        let mut before = vec![0; self.key.threads.len()];
        let last = self.key.threads[thread].len().checked_sub(1);
        if let Some(last) = last {
            self.join(&mut before, thread, last);
        }
        if let Some((other, at)) = next.causes[thread].take() {
            self.join(&mut before, other, at);
        }
        for (other, events) in self.accesses.iter().enumerate() {
            for (at, accesses) in events.iter().enumerate() {
                if conflict(accesses, &done.accesses) {
                    self.join(&mut before, other, at);
                }
            }
        }
        for released in done.released {
            next.causes[released] = Some((thread, self.key.threads[thread].len()));
        }
        next.key.threads[thread].push(Event {
            alternative: step.alternative,
            before,
        });
        next.accesses[thread].push(done.accesses);
        next
    }

    /// An event and all before it.
    fn join(&self, before: &mut [u32], thread: ThreadId, at: usize) {
        for (mine, other) in before.iter_mut().zip(&self.key.threads[thread][at].before) {
            *mine = (*mine).max(*other);
        }
        before[thread] = before[thread].max(u32::try_from(at).unwrap() + 1);
    }

    /// Whether the last event of one thread is before the last one of another.
    fn is_last_before(&self, thread: ThreadId, other: ThreadId) -> bool {
        let event = self.key.threads[other].last().expect("an event");
        event.before[thread] as usize == self.key.threads[thread].len()
    }
}

/// Walks over all prefixes; `visit` gets each once with its continuations. None if there are more
/// than `cap`.
///
/// Panics where two orders of one prefix end in different states: then the conflicts are wrong.
fn walk(
    world: &World<'_>,
    threads: usize,
    cap: usize,
    mut visit: impl FnMut(&Prefix, &[(Step, Prefix)]),
) -> Option<usize> {
    let mut total = 1;
    let mut level = vec![Prefix::start(world, threads)];
    // Prefixes of the same trace have the same length, so a level needs to know itself only.
    while !level.is_empty() {
        let mut next: HashMap<Key, Prefix> = HashMap::new();
        for prefix in level {
            let steps = world.steps(&prefix.state).into_iter();
            let steps: Vec<_> = steps.map(|step| (step, prefix.then(world, step))).collect();
            visit(&prefix, &steps);
            for (_, after) in steps {
                match next.entry(after.key.clone()) {
                    Entry::Occupied(known) => {
                        assert_eq!(known.get().state, after.state, "{:?}", after.key);
                    }
                    Entry::Vacant(place) => {
                        place.insert(after);
                    }
                }
            }
            if total + next.len() > cap {
                return None;
            }
        }
        total += next.len();
        level = next.into_values().collect();
    }
    Some(total)
}

/// All there is to know about a program, or None if it has more than `cap` prefixes.
pub(crate) fn truth(program: &Program, switches: &Switches, cap: usize) -> Option<Truth> {
    let world = World::new(program, *switches);
    let mut traces = BTreeSet::new();
    let mut terminal = BTreeSet::new();
    let mut deadlocks = 0;
    let mut hangs = false;
    let mut states = HashSet::new();
    let mut histories = HashSet::new();
    let prefixes = walk(&world, program.threads.len(), cap, |prefix, steps| {
        states.insert(world.plain(&prefix.state));
        histories.insert(world.history(&prefix.state));
        let by_itself = |(step, _): &(Step, _)| world.is_by_itself(&prefix.state, *step);
        hangs |= !steps.is_empty() && steps.iter().all(by_itself);
        if steps.is_empty() {
            let end = world.terminal(&prefix.state);
            deadlocks += u64::from(end.is_deadlock());
            terminal.insert(end);
            traces.insert(prefix.key.clone());
        }
    })?;
    Some(Truth {
        prefixes,
        traces,
        terminal,
        deadlocks,
        hangs,
        states: states.len() as u64,
        histories: histories.len() as u64,
    })
}

/// Where the conflicts are wrong: neighbours without order that do not commute. Some(empty) if they
/// are right, None if there are more than `cap` prefixes.
pub(crate) fn unsound(program: &Program, switches: &Switches, cap: usize) -> Option<Vec<String>> {
    let world = World::new(program, *switches);
    let mut wrong = Vec::new();
    walk(&world, program.threads.len(), cap, |prefix, steps| {
        let mut complain = |what: &str, a: Step, b: Step| {
            let operation = |step: Step| world.operation(&prefix.state, step.thread);
            let after = tell(program, switches, &prefix.key);
            let (a, b) = ((a, operation(a)), (b, operation(b)));
            wrong.push(format!("{what}: {a:?} and {b:?} after\n{after}"));
        };
        for (a, after_a) in steps {
            let others = |step: &Step| step.thread != a.thread;
            for b in world.steps(&after_a.state).into_iter().filter(others) {
                let after_both = after_a.then(&world, b);
                if after_both.is_last_before(a.thread, b.thread) {
                    continue;
                }
                let Some((_, after_b)) = steps.iter().find(|(step, _)| *step == b) else {
                    complain("the first makes the second possible", *a, b);
                    continue;
                };
                if !world.steps(&after_b.state).contains(a) {
                    complain("the second makes the first impossible", *a, b);
                    continue;
                }
                let reversed = after_b.then(&world, *a);
                if (&reversed.key, &reversed.state) != (&after_both.key, &after_both.state) {
                    complain("they do not commute", *a, b);
                }
            }
            for (b, after_b) in steps.iter().filter(|(step, _)| others(step)) {
                let touched = |after: &Prefix, step: &Step| {
                    after.accesses[step.thread]
                        .last()
                        .cloned()
                        .expect("an event")
                };
                let conflicting = conflict(&touched(after_a, a), &touched(after_b, b));
                if !conflicting && !world.steps(&after_a.state).contains(b) {
                    complain("the first makes the second impossible", *a, *b);
                }
            }
        }
    })?;
    Some(wrong)
}

/// The trace and the end of one execution; what went wrong if it is none or is not complete.
///
/// Steps that are `silent` are not among those given: they are taken as soon as they can be.
pub(crate) fn replay(
    program: &Program,
    switches: &Switches,
    steps: &[Step],
    silent: impl Fn(Op) -> bool,
) -> Result<(Key, Terminal), String> {
    let world = World::new(program, *switches);
    let mut prefix = Prefix::start(&world, program.threads.len());
    let settle = |prefix: &mut Prefix| {
        let next = |prefix: &Prefix| {
            let steps = world.steps(&prefix.state);
            let is_silent = |step: &Step| {
                world
                    .operation(&prefix.state, step.thread)
                    .is_some_and(&silent)
            };
            steps.into_iter().find(is_silent)
        };
        while let Some(step) = next(prefix) {
            *prefix = prefix.then(&world, step);
        }
    };
    for (at, step) in steps.iter().enumerate() {
        settle(&mut prefix);
        let enabled = world.steps(&prefix.state);
        if !enabled.contains(step) {
            return Err(format!("step {at}, {step:?}, is not among {enabled:?}"));
        }
        prefix = prefix.then(&world, *step);
    }
    settle(&mut prefix);
    match world.steps(&prefix.state).as_slice() {
        [] => Ok((prefix.key, world.terminal(&prefix.state))),
        more => Err(format!("it can go on: {more:?}")),
    }
}

/// A trace for readers: one execution of it, with what each event comes directly after.
pub(crate) fn tell(program: &Program, switches: &Switches, key: &Key) -> String {
    let Some(steps) = key.steps() else {
        return format!("no order at all: {key:?}");
    };
    let world = World::new(program, *switches);
    let mut state = world.start();
    let mut lines = String::new();
    let mut counts: BTreeMap<ThreadId, usize> = BTreeMap::new();
    for step in steps {
        if !world.steps(&state).contains(&step) {
            let _ = writeln!(lines, "  {step:?} is impossible here");
            break;
        }
        let op = world.operation(&state, step.thread).expect("it can go on");
        world.apply(&mut state, step);
        let count = counts.entry(step.thread).or_default();
        let event = &key.threads[step.thread][*count];
        let _ = writeln!(
            lines,
            "  thread {} event {count}: {op:?} alternative {}, after {:?}",
            step.thread, step.alternative, event.before,
        );
        *count += 1;
    }
    lines
}
