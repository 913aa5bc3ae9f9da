//! The oracle's own meaning of the operations: what is enabled, what it does, what it touches.

use crosscheck::sync::{NotifyOrder, SwaitOrder};

use super::operation::{Change, Need, ObjectId, Op, Substance, ThreadId};
use super::program::{Item, Program, Switches, digest};

/// One event to come: a thread, and which of its alternatives.
///
/// Alternative k is value k of [`Op::Choose`], and the waiter with rank k in order of arrival for
/// a notification of one. A wake-up without a notification is alternative 1 of [`Op::Reacquire`], and
/// one without a token alternative 1 of [`Op::Park`].
/// All else is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Step {
    /// Whose.
    pub(crate) thread: ThreadId,
    /// Which.
    pub(crate) alternative: u32,
}

/// What an event touches, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    place: Place,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// One member of an object of units.
    Member(ObjectId, u32),
    /// An object as a whole.
    Object(ObjectId),
    /// The token of a thread.
    Token(ThreadId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Take,
    Give,
    SharedTake,
    SharedGive,
    TryTake,
    Request,
    Granted,
    Read,
    Write,
}

impl Access {
    /// Whether two accesses by different threads must keep their order.
    pub(crate) fn conflicts(self, other: Self) -> bool {
        self.place == other.place && (self.kind.before(other.kind) || other.kind.before(self.kind))
    }
}

impl Kind {
    /// One half of a symmetric relation.
    fn before(self, other: Self) -> bool {
        use Kind::{Give, Granted, Read, Request, SharedGive, SharedTake, Take, TryTake, Write};
        match self {
            Take => matches!(other, Take | Give | SharedTake | SharedGive),
            SharedTake => matches!(other, Give),
            Request => matches!(other, Request),
            Granted => matches!(other, Give),
            TryTake => !matches!(other, Granted),
            Write => matches!(other, Read | Write),
            Give | SharedGive | Read => false,
        }
    }
}

/// Whether some accesses of two events conflict.
pub(crate) fn conflict(left: &[Access], right: &[Access]) -> bool {
    left.iter().any(|&l| right.iter().any(|&r| l.conflicts(r)))
}

/// A state between two events.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    threads: Vec<Local>,
    objects: Vec<Value>,
}

/// A thread. `at` has passed all items that are no steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Local {
    at: usize,
    half: Half,
    results: Vec<u64>,
    token: bool,
    woke_spuriously: bool,
}

/// How far a thread is within its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Half {
    /// Not begun.
    First,
    /// In a queue, or out of it with what it asked for.
    Requested { served: bool },
    /// In the list of a condition variable, or out of it.
    Waiting { notified: bool },
    /// At a barrier.
    Arrived { open: bool, opener: bool },
}

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    /// Free units of each member, and who waits in the queue.
    Units(Vec<u32>, Vec<ThreadId>),
    /// Who waits and is not notified, in order of arrival.
    Condvar(Vec<ThreadId>),
    /// The value of a word, or the digest of plain memory; 0 for a label.
    Word(u64),
    /// Who has arrived, in order of thread.
    Barrier(Vec<ThreadId>),
    /// How many are inside.
    Zone(usize),
}

/// How an execution ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Terminal {
    /// What the objects hold. The waiters of a condition variable are in order of thread where the
    /// order of their arrival makes no difference.
    pub(crate) objects: Vec<Value>,
    /// Who has a token.
    pub(crate) tokens: Vec<bool>,
    /// For each thread one result for each operation that it completed; 0 where there is none to
    /// speak of: see [`World`].
    pub(crate) results: Vec<Vec<u64>>,
    /// The item that a thread cannot complete.
    pub(crate) stuck: Vec<Option<usize>>,
}

impl Terminal {
    /// Whether some thread cannot go on.
    pub(crate) fn is_deadlock(&self) -> bool {
        self.stuck.iter().any(Option::is_some)
    }
}

/// A program and its switches.
///
/// Results: 1 or 0 of [`Op::TryTake`]; how many [`Op::Notify`] woke, where the switches say so; what [`Op::Load`],
/// [`Op::Await`] and [`Op::Read`] found and what [`Op::Modify`] found before; 1 of [`Op::Arrive`]
/// for the thread that opened the barrier; the value of [`Op::Choose`]. All else is 0, [`Op::Wait`]
/// too: a thread cannot tell what woke it.
#[derive(Clone, Copy)]
pub(crate) struct World<'p> {
    program: &'p Program,
    switches: Switches,
}

/// What a step was.
pub(crate) struct Done {
    /// What it touched.
    pub(crate) accesses: Vec<Access>,
    /// Threads whose second half now comes after this event, whatever else it touches.
    pub(crate) released: Vec<ThreadId>,
}

impl<'p> World<'p> {
    /// Panics unless the semantics covers the program.
    pub(crate) fn new(program: &'p Program, switches: Switches) -> Self {
        program.validate();
        Self { program, switches }
    }

    /// The state at the beginning.
    pub(crate) fn start(&self) -> State {
        let value = |substance: &Substance| match substance {
            Substance::Units { free, .. } => Value::Units(free.clone(), Vec::new()),
            Substance::Condvar => Value::Condvar(Vec::new()),
            Substance::Word(value) => Value::Word(*value),
            Substance::Memory | Substance::Label => Value::Word(0),
            Substance::Barrier(_) => Value::Barrier(Vec::new()),
            Substance::Zone(_) => Value::Zone(0),
        };
        let local = Local {
            at: 0,
            half: Half::First,
            results: Vec::new(),
            token: false,
            woke_spuriously: false,
        };
        let mut state = State {
            threads: vec![local; self.program.threads.len()],
            objects: self.program.objects.iter().map(value).collect(),
        };
        for thread in 0..state.threads.len() {
            self.pass_skips(&mut state, thread);
        }
        state
    }

    /// All events that may come next.
    pub(crate) fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for thread in 0..state.threads.len() {
            let alternatives = match self.operation(state, thread) {
                Some(op) => self.alternatives(state, thread, op),
                None => 0..0,
            };
            steps.extend(alternatives.map(|alternative| Step {
                thread,
                alternative,
            }));
        }
        steps
    }

    /// Whether a step is a wake-up that nobody has caused.
    pub(crate) fn is_by_itself(&self, state: &State, step: Step) -> bool {
        let op = self.operation(state, step.thread);
        step.alternative == 1 && matches!(op, Some(Op::Reacquire { .. } | Op::Park))
    }

    /// What a thread does next; a second half where it is in the middle.
    pub(crate) fn operation(&self, state: &State, thread: ThreadId) -> Option<Op> {
        let local = &state.threads[thread];
        let op = match self.program.threads[thread].get(local.at)? {
            Item::Do(op) => *op,
            Item::Skip { .. } => unreachable!("passed already"),
        };
        Some(match (local.half, op) {
            (Half::First, _) => op,
            (Half::Requested { .. }, Op::Take { object, .. } | Op::TakeAll { object, .. }) => {
                Op::Granted { object }
            }
            (Half::Waiting { .. }, Op::Wait { condvar, mutex }) => Op::Reacquire { condvar, mutex },
            (Half::Arrived { .. }, Op::Arrive(barrier)) => Op::Depart(barrier),
            (half, op) => unreachable!("{half:?} of {op:?}"),
        })
    }

    fn alternatives(&self, state: &State, thread: ThreadId, op: Op) -> std::ops::Range<u32> {
        let local = &state.threads[thread];
        let once = |enabled: bool| 0..u32::from(enabled);
        match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => {
                let weak = self.program.order(object) == SwaitOrder::Weak;
                once(!weak || can_take(free(state, object), &self.needs_of(op)))
            }
            Op::Granted { .. } => once(local.half == Half::Requested { served: true }),
            Op::Reacquire { mutex, .. } => {
                let is_free = free(state, mutex)[0] >= 1;
                let notified = local.half == Half::Waiting { notified: true };
                let spurious = self.switches.spurious && !local.woke_spuriously;
                match (is_free, notified) {
                    (true, true) => 0..1,
                    (true, false) if spurious => 1..2,
                    _ => 0..0,
                }
            }
            Op::Notify { condvar, all } => {
                let waiters = u32::try_from(waiters(state, condvar).len()).unwrap();
                match self.switches.notify {
                    NotifyOrder::Any if !all => 0..waiters.max(1),
                    _ => 0..1,
                }
            }
            Op::Await(word, condition) => once(condition.holds(read(state, word))),
            Op::Park => {
                let spurious = self.switches.spurious && !local.woke_spuriously;
                match local.token {
                    true => 0..1,
                    false if spurious => 1..2,
                    false => 0..0,
                }
            }
            Op::Depart(_) => once(matches!(local.half, Half::Arrived { open: true, .. })),
            Op::Choose(n) => 0..n,
            _ => 0..1,
        }
    }

    /// What an event touches: a matter of the operation alone.
    fn accesses(&self, thread: ThreadId, op: Op) -> Vec<Access> {
        let member = |object, kind| {
            if self.program.is_one_location(object) {
                whole(object, Kind::Write)
            } else {
                Access {
                    place: Place::Member(object, 0),
                    kind,
                }
            }
        };
        let taking = |object| match self.program.order(object) {
            SwaitOrder::Weak => Kind::Take,
            SwaitOrder::Strict | SwaitOrder::Scan => Kind::Request,
        };
        let members = |object, needs: &mut dyn Iterator<Item = &Need>, kind| -> Vec<Access> {
            if self.program.is_one_location(object) {
                return vec![whole(object, Kind::Write)];
            }
            // Tests that take nothing commute with each other.
            let kind = |need: &Need| match kind {
                Kind::Take if need.take == 0 => Kind::SharedTake,
                kind => kind,
            };
            needs
                .map(|need| Access {
                    place: Place::Member(object, need.member),
                    kind: kind(need),
                })
                .collect()
        };
        match op {
            Op::Take {
                object,
                shared: true,
                ..
            } => vec![member(object, Kind::SharedTake)],
            Op::Take { object, .. } => vec![member(object, taking(object))],
            Op::TryTake { object, .. } => vec![member(object, Kind::TryTake)],
            Op::Give {
                object,
                shared: true,
                ..
            } => vec![member(object, Kind::SharedGive)],
            Op::Give { object, .. } => vec![member(object, Kind::Give)],
            Op::TakeAll { object, needs } => members(
                object,
                &mut self.program.needs[needs].iter(),
                taking(object),
            ),
            // Nothing of a member is given back where nothing of it was taken.
            Op::GiveAll { object, needs } => {
                let mut taken = self.program.needs[needs]
                    .iter()
                    .filter(|need| need.take > 0);
                members(object, &mut taken, Kind::Give)
            }
            Op::Granted { object } if self.program.is_one_location(object) => vec![],
            Op::Granted { object } => vec![member(object, Kind::Granted)],
            Op::Wait { condvar, mutex } => {
                vec![whole(condvar, Kind::Write), member(mutex, Kind::Give)]
            }
            Op::Reacquire { condvar, mutex } if self.switches.spurious => {
                vec![whole(condvar, Kind::Write), member(mutex, Kind::Take)]
            }
            Op::Reacquire { mutex, .. } => vec![member(mutex, Kind::Take)],
            Op::Notify { condvar, .. } => vec![whole(condvar, Kind::Write)],
            Op::Load(object) | Op::Await(object, _) | Op::Read(object) => {
                vec![whole(object, Kind::Read)]
            }
            Op::Store(object, _)
            | Op::Modify(object, _)
            | Op::Write(object)
            | Op::Enter(object)
            | Op::Leave(object)
            | Op::Arrive(object) => vec![whole(object, Kind::Write)],
            Op::Park => vec![token(thread)],
            Op::Unpark(other) => vec![token(other)],
            Op::Depart(_) | Op::Choose(_) | Op::Yield => vec![],
            Op::Join(_) | Op::Look(_) => unreachable!("validated"),
        }
    }

    /// Makes one of [`World::steps`].
    pub(crate) fn apply(&self, state: &mut State, step: Step) -> Done {
        let Step {
            thread,
            alternative,
        } = step;
        let op = self.operation(state, thread).expect("a thread that runs");
        let accesses = self.accesses(thread, op);
        let mut released = Vec::new();
        let result = match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => {
                if self.program.order(object) == SwaitOrder::Weak {
                    take(state, object, &self.needs_of(op));
                    Some(0)
                } else {
                    let (_, queue) = units(state, object);
                    queue.push(thread);
                    state.threads[thread].half = Half::Requested { served: false };
                    released = self.serve(state, object);
                    None
                }
            }
            Op::TryTake { object, .. } => {
                let needs = self.needs_of(op);
                let (free, queue) = units(state, object);
                let possible = queue.is_empty() && can_take(free, &needs);
                if possible {
                    take(state, object, &needs);
                }
                Some(u64::from(possible))
            }
            Op::Give { object, .. } | Op::GiveAll { object, .. } => {
                let (free, _) = units(state, object);
                for need in self.needs_of(op) {
                    free[need.member as usize] += need.take;
                }
                released = self.serve(state, object);
                Some(0)
            }
            Op::Granted { .. } => Some(0),
            Op::Wait { condvar, mutex } => {
                let (free, _) = units(state, mutex);
                free[0] += 1;
                waiters_mut(state, condvar).push(thread);
                state.threads[thread].half = Half::Waiting { notified: false };
                None
            }
            Op::Reacquire { condvar, mutex } => {
                let (free, _) = units(state, mutex);
                free[0] -= 1;
                if alternative == 1 {
                    waiters_mut(state, condvar).retain(|&waiter| waiter != thread);
                    state.threads[thread].woke_spuriously = true;
                }
                Some(0)
            }
            Op::Notify { condvar, all } => {
                let waiters = waiters_mut(state, condvar);
                let woken: Vec<_> = if all {
                    std::mem::take(waiters)
                } else if waiters.is_empty() {
                    Vec::new()
                } else {
                    vec![waiters.remove(alternative as usize)]
                };
                for &waiter in &woken {
                    state.threads[waiter].half = Half::Waiting { notified: true };
                }
                let count = woken.len() as u64;
                released = woken;
                Some(if self.switches.tells_woken { count } else { 0 })
            }
            Op::Load(word) | Op::Await(word, _) | Op::Read(word) => Some(read(state, word)),
            Op::Store(word, value) => {
                state.objects[word] = Value::Word(value);
                Some(0)
            }
            Op::Modify(word, change) => {
                let before = read(state, word);
                let after = match change {
                    Change::Swap(value) => value,
                    Change::Add(value) => before.wrapping_add(value),
                    Change::Exchange(expected, value) if before == expected => value,
                    Change::Exchange(..) => before,
                };
                state.objects[word] = Value::Word(after);
                Some(before)
            }
            Op::Write(memory) => {
                state.objects[memory] = Value::Word(digest(thread, state.threads[thread].at));
                Some(0)
            }
            Op::Enter(zone) | Op::Leave(zone) => {
                let Value::Zone(inside) = &mut state.objects[zone] else {
                    unreachable!("validated")
                };
                *inside = match op {
                    Op::Enter(_) => *inside + 1,
                    _ => inside.checked_sub(1).expect("left by one who entered"),
                };
                Some(0)
            }
            Op::Park => {
                if alternative == 1 {
                    state.threads[thread].woke_spuriously = true;
                }
                state.threads[thread].token = false;
                Some(0)
            }
            Op::Unpark(other) => {
                state.threads[other].token = true;
                Some(0)
            }
            Op::Arrive(barrier) => {
                released = self.arrive(state, barrier, thread);
                None
            }
            Op::Depart(_) => {
                let opened = Half::Arrived {
                    open: true,
                    opener: true,
                };
                Some(u64::from(state.threads[thread].half == opened))
            }
            Op::Choose(_) => Some(u64::from(alternative)),
            Op::Yield => Some(0),
            Op::Join(_) | Op::Look(_) => unreachable!("validated"),
        };
        if let Some(result) = result {
            let local = &mut state.threads[thread];
            local.results.push(result);
            local.at += 1;
            local.half = Half::First;
            self.pass_skips(state, thread);
        }
        Done { accesses, released }
    }

    fn pass_skips(&self, state: &mut State, thread: ThreadId) {
        let local = &mut state.threads[thread];
        let items = &self.program.threads[thread];
        let last = local.results.last().copied().unwrap_or(0);
        while let Some(Item::Skip {
            when_last_result_is,
            count,
        }) = items.get(local.at)
        {
            let skipped = if last == *when_last_result_is {
                *count
            } else {
                0
            };
            local.at = (local.at + 1 + skipped).min(items.len());
        }
    }

    /// What an operation takes or gives.
    fn needs_of(&self, op: Op) -> Vec<Need> {
        match op {
            Op::Take { units, .. } | Op::TryTake { units, .. } | Op::Give { units, .. } => {
                vec![Need {
                    member: 0,
                    test: units,
                    take: units,
                }]
            }
            Op::TakeAll { needs, .. } | Op::GiveAll { needs, .. } => {
                self.program.needs[needs].clone()
            }
            other => unreachable!("{other:?} has no needs"),
        }
    }

    /// Serves the queue. Whom it served, where that orders them after this event.
    fn serve(&self, state: &mut State, object: ObjectId) -> Vec<ThreadId> {
        let mut served = Vec::new();
        loop {
            let Value::Units(free, queue) = &state.objects[object] else {
                unreachable!("validated")
            };
            let wish =
                |thread: ThreadId| match &self.program.threads[thread][state.threads[thread].at] {
                    Item::Do(op) => self.needs_of(*op),
                    Item::Skip { .. } => unreachable!("passed already"),
                };
            let candidates = match self.program.order(object) {
                SwaitOrder::Strict => queue.len().min(1),
                SwaitOrder::Scan | SwaitOrder::Weak => queue.len(),
            };
            let next = (0..candidates).find(|&i| can_take(free, &wish(queue[i])));
            let Some(next) = next else { break };
            let needs = wish(queue[next]);
            take(state, object, &needs);
            let (_, queue) = units(state, object);
            let thread = queue.remove(next);
            state.threads[thread].half = Half::Requested { served: true };
            served.push(thread);
        }
        if !self.program.is_one_location(object) {
            served.clear();
        }
        served
    }

    fn arrive(&self, state: &mut State, barrier: ObjectId, thread: ThreadId) -> Vec<ThreadId> {
        let Substance::Barrier(size) = self.program.objects[barrier] else {
            unreachable!("validated")
        };
        let Value::Barrier(arrived) = &mut state.objects[barrier] else {
            unreachable!("validated")
        };
        arrived.push(thread);
        arrived.sort_unstable();
        state.threads[thread].half = Half::Arrived {
            open: false,
            opener: false,
        };
        if arrived.len() < size as usize {
            return Vec::new();
        }
        let released = std::mem::take(arrived);
        for &other in &released {
            state.threads[other].half = Half::Arrived {
                open: true,
                opener: other == thread,
            };
        }
        released
    }

    /// How it ended, for a state without steps.
    pub(crate) fn terminal(&self, state: &State) -> Terminal {
        let view = self.without_idle_order(state.clone());
        let stuck =
            |(local, items): (&Local, &Vec<Item>)| (local.at < items.len()).then_some(local.at);
        let threads = view.threads.iter();
        Terminal {
            stuck: threads
                .clone()
                .zip(&self.program.threads)
                .map(stuck)
                .collect(),
            tokens: threads.clone().map(|local| local.token).collect(),
            results: threads.map(|local| local.results.clone()).collect(),
            objects: view.objects,
        }
    }

    /// The state as a node of the plain state graph: results are forgotten, since what follows from
    /// them is in the positions already.
    pub(crate) fn plain(&self, state: &State) -> State {
        let mut view = self.without_idle_order(state.clone());
        for local in &mut view.threads {
            local.results.clear();
        }
        view
    }

    /// The state as a node of the graph for threads whose local state is all that they have seen.
    pub(crate) fn history(&self, state: &State) -> State {
        self.without_idle_order(state.clone())
    }

    /// Where any waiter may be woken the order of their arrival makes no difference.
    fn without_idle_order(&self, mut state: State) -> State {
        if self.switches.notify == NotifyOrder::Any {
            for object in &mut state.objects {
                if let Value::Condvar(waiters) = object {
                    waiters.sort_unstable();
                }
            }
        }
        state
    }
}

fn whole(object: ObjectId, kind: Kind) -> Access {
    Access {
        place: Place::Object(object),
        kind,
    }
}

fn token(thread: ThreadId) -> Access {
    Access {
        place: Place::Token(thread),
        kind: Kind::Write,
    }
}

fn units(state: &mut State, object: ObjectId) -> (&mut Vec<u32>, &mut Vec<ThreadId>) {
    match &mut state.objects[object] {
        Value::Units(free, queue) => (free, queue),
        other => unreachable!("no units: {other:?}"),
    }
}

fn free(state: &State, object: ObjectId) -> &[u32] {
    match &state.objects[object] {
        Value::Units(free, _) => free,
        other => unreachable!("no units: {other:?}"),
    }
}

fn can_take(free: &[u32], needs: &[Need]) -> bool {
    needs
        .iter()
        .all(|need| free[need.member as usize] >= need.test)
}

fn take(state: &mut State, object: ObjectId, needs: &[Need]) {
    let (free, _) = units(state, object);
    for need in needs {
        free[need.member as usize] -= need.take;
    }
}

fn waiters(state: &State, condvar: ObjectId) -> &[ThreadId] {
    match &state.objects[condvar] {
        Value::Condvar(waiters) => waiters,
        other => unreachable!("no condition variable: {other:?}"),
    }
}

fn waiters_mut(state: &mut State, condvar: ObjectId) -> &mut Vec<ThreadId> {
    match &mut state.objects[condvar] {
        Value::Condvar(waiters) => waiters,
        other => unreachable!("no condition variable: {other:?}"),
    }
}

fn read(state: &State, word: ObjectId) -> u64 {
    match &state.objects[word] {
        Value::Word(value) => *value,
        other => unreachable!("no word: {other:?}"),
    }
}
