//! A program as data, run on any backend.

use std::collections::BTreeSet;
use std::mem::forget;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use crosscheck::primitives::{Barrier, RwGuard, RwLock, Semaphore, SemaphoreSet};
use crosscheck::scenario::{Instance, Property, Scenario, Stay, Zone};
use crosscheck::sync::{
    AtomicUsize, Backend, Condvar, Mutex, MutexGuard, SemaphoreOrder, Shared, Spin, SpinCapped,
    Thread, Until, choose, current, fence, park, scope, yield_now,
};

use super::program::Facade;
use crate::oracle::generate::{LOCKS, ROOM, SET, SETS, STRONG, WEAK};
use crate::oracle::operation::{Change, Condition, Op, Substance};
use crate::oracle::program::{Item, digest};

/// How a complete execution ended: for each thread the results of its operations.
pub(crate) type End = Vec<Vec<u64>>;

/// A program as a scenario, and the ends that its executions had.
#[derive(Clone)]
pub(crate) struct Runs {
    pub(crate) facade: Arc<Facade>,
    pub(crate) ends: Arc<StdMutex<BTreeSet<End>>>,
}

impl Runs {
    pub(crate) fn new(facade: &Facade) -> Self {
        Self {
            facade: Arc::new(facade.clone()),
            ends: Arc::default(),
        }
    }

    /// Takes the ends so far.
    pub(crate) fn take_ends(&self) -> BTreeSet<End> {
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Scenario for Runs {
    fn name(&self) -> &'static str {
        "facade/program"
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::Invariant,
            Property::DataRaceFreedom,
            Property::MutualExclusion,
        ]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let stage = Stage::<B>::of(&self.facade);
        act(&stage, 0, &[]);
        let results = stage.results.into_iter();
        let end =
            results.map(|results| results.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.insert(end.collect());
    }
}

/// The objects of an execution.
struct Stage<'p, B: Backend> {
    facade: &'p Facade,
    objects: Vec<Object<B>>,
    results: Vec<StdMutex<Vec<u64>>>,
    unparks: bool,
}

/// An object of the facade.
enum Object<B: Backend> {
    Mutex(Mutex<B, ()>),
    Condvar(Condvar<B>),
    Word(AtomicUsize<B>),
    Semaphore(Semaphore<B>),
    Set(SemaphoreSet<B>),
    Room(RwLock<B>),
    Barrier(Barrier<B>),
    Memory(Shared<B, u64>),
    Zone(Zone<B>),
    Unused,
}

impl<'p, B: Backend> Stage<'p, B> {
    fn of(facade: &'p Facade) -> Self {
        let used: BTreeSet<usize> = facade.ops().flat_map(objects).collect();
        let substances = facade.core.objects.iter().enumerate();
        let objects = substances
            .map(|(id, substance)| {
                if used.contains(&id) {
                    Object::new(id, substance)
                } else {
                    Object::Unused
                }
            })
            .collect();
        Self {
            facade,
            objects,
            results: facade
                .core
                .threads
                .iter()
                .map(|_| StdMutex::default())
                .collect(),
            unparks: facade.ops().any(|op| matches!(op, Op::Unpark(_))),
        }
    }
}

/// The objects that an operation names.
fn objects(op: Op) -> Vec<usize> {
    match op {
        Op::Take { object, .. }
        | Op::TryTake { object, .. }
        | Op::Give { object, .. }
        | Op::TakeAll { object, .. }
        | Op::GiveAll { object, .. }
        | Op::Load(object)
        | Op::Store(object, _)
        | Op::Modify(object, _)
        | Op::Await(object, _)
        | Op::Read(object)
        | Op::Write(object)
        | Op::Enter(object)
        | Op::Leave(object)
        | Op::Arrive(object) => vec![object],
        Op::Wait { condvar, mutex } => vec![condvar, mutex],
        Op::Notify { condvar, .. } => vec![condvar],
        Op::Park | Op::Unpark(_) | Op::Choose(_) | Op::Yield => vec![],
        op => unreachable!("no program begins with {op:?}"),
    }
}

fn wide(units: u32) -> usize {
    units as usize
}

impl<B: Backend> Object<B> {
    fn new(id: usize, substance: &Substance) -> Self {
        let semaphore = |free: &[u32], order| {
            Self::Semaphore(Semaphore::with_order(
                ("semaphore", id),
                wide(free[0]),
                order,
            ))
        };
        match substance {
            Substance::Units { .. } if id < LOCKS => Self::Mutex(Mutex::new(("mutex", id), ())),
            Substance::Units { .. } if id == ROOM => Self::Room(RwLock::new("room")),
            Substance::Units { free, .. } if (SET..SET + SETS).contains(&id) => {
                let free: Vec<usize> = free.iter().map(|&free| wide(free)).collect();
                Self::Set(SemaphoreSet::new("set", &free))
            }
            Substance::Units { free, .. } if (WEAK..STRONG).contains(&id) => {
                semaphore(free, SemaphoreOrder::Weak)
            }
            Substance::Units { free, .. } => semaphore(free, SemaphoreOrder::Strong),
            Substance::Condvar => Self::Condvar(Condvar::new("changed")),
            Substance::Word(value) => {
                Self::Word(AtomicUsize::<B>::new(("word", id), narrow(*value)))
            }
            Substance::Memory => Self::Memory(Shared::new("memory", 0)),
            Substance::Barrier(parties) => Self::Barrier(Barrier::new("barrier", wide(*parties))),
            Substance::Zone(_) => Self::Zone(Zone::exclusive("zone")),
            Substance::Label => Self::Unused,
        }
    }
}

fn narrow(value: u64) -> usize {
    usize::try_from(value).expect("values are small")
}

/// Thread `me`, with those that it starts; `above` are the handles of who started it, the nearest
/// first.
fn act<B: Backend>(stage: &Stage<'_, B>, me: usize, above: &[Thread<B>]) {
    let mut line = Vec::new();
    if stage.unparks {
        line.push(current::<B>());
        line.extend_from_slice(above);
    }
    let line = &line[..];
    let mut actor = Actor {
        stage,
        me,
        line,
        at: 0,
        results: Vec::new(),
        locks: [const { None }; LOCKS],
        readers: Vec::new(),
        writer: None,
        stays: Vec::new(),
    };
    let items = stage.facade.core.threads[me].len();
    let mut goes_on = actor.go(stage.facade.late.min(items));
    if stage.facade.children(me).next().is_some() {
        scope::<B, _>(|scope| {
            for child in stage.facade.children(me) {
                scope.spawn(("thread", child), move || act(stage, child, line));
            }
            goes_on = goes_on.and_then(|()| actor.go(items));
        });
    } else {
        goes_on = goes_on.and_then(|()| actor.go(items));
    }
    if goes_on.is_err() {
        actor.results.push(CAPPED);
    }
    actor.leave();
}

/// Stands at the end of the results of a thread that gave a busy-wait up.
const CAPPED: u64 = u64::MAX;

/// A thread in an execution.
struct Actor<'a, B: Backend> {
    stage: &'a Stage<'a, B>,
    me: usize,
    line: &'a [Thread<B>],
    at: usize,
    results: Vec<u64>,
    locks: [Option<MutexGuard<'a, B, ()>>; LOCKS],
    readers: Vec<RwGuard<'a, B>>,
    writer: Option<RwGuard<'a, B>>,
    stays: Vec<Stay<'a, B>>,
}

impl<'a, B: Backend> Actor<'a, B> {
    /// Goes on to item `end`.
    fn go(&mut self, end: usize) -> Result<(), SpinCapped> {
        let items = &self.stage.facade.core.threads[self.me];
        while self.at < end {
            let at = self.at;
            self.at += 1;
            match items[at] {
                Item::Do(op) => {
                    let result = self.does(op, at)?;
                    self.results.push(result);
                }
                Item::Skip {
                    when_last_result_is,
                    count,
                } => {
                    if self.results.last().copied().unwrap_or(0) == when_last_result_is {
                        self.at += count;
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends: what is still held is never given back.
    fn leave(self) {
        let mut results = self.stage.results[self.me]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *results = self.results;
        self.locks.into_iter().for_each(forget);
        self.readers.into_iter().for_each(forget);
        self.writer.into_iter().for_each(forget);
        self.stays.into_iter().for_each(forget);
    }

    fn does(&mut self, op: Op, at: usize) -> Result<u64, SpinCapped> {
        let orders = self.stage.facade.orders(self.me, at);
        if let Some(order) = orders.fence {
            fence::<B>(order);
        }
        let objects = &self.stage.objects;
        let word = |word: usize| match &objects[word] {
            Object::Word(word) => word,
            _ => unreachable!("no word"),
        };
        Ok(match op {
            Op::Take {
                object,
                units,
                shared,
            } => {
                match &objects[object] {
                    Object::Mutex(mutex) => self.locks[object] = Some(mutex.lock()),
                    Object::Room(room) if shared => self.readers.push(room.read()),
                    Object::Room(room) => self.writer = Some(room.write()),
                    Object::Semaphore(semaphore) => semaphore.p_many(wide(units)),
                    _ => unreachable!("nothing to take"),
                }
                0
            }
            Op::TryTake { object, units } => match &objects[object] {
                Object::Mutex(mutex) => {
                    self.locks[object] = mutex.try_lock();
                    u64::from(self.locks[object].is_some())
                }
                Object::Semaphore(semaphore) => u64::from(semaphore.try_p_many(wide(units))),
                _ => unreachable!("nothing to try"),
            },
            Op::Give {
                object,
                units,
                shared,
            } => {
                match &objects[object] {
                    Object::Mutex(_) => drop(self.locks[object].take()),
                    Object::Room(_) if shared => drop(self.readers.pop()),
                    Object::Room(_) => drop(self.writer.take()),
                    Object::Semaphore(semaphore) => semaphore.v_many(wide(units)),
                    _ => unreachable!("nothing to give"),
                }
                0
            }
            Op::TakeAll { object, needs } => {
                let Object::Set(set) = &objects[object] else {
                    unreachable!("no set")
                };
                let needs = self.stage.facade.core.needs[needs].iter();
                let needs: Vec<_> = needs
                    .map(|need| (wide(need.member), wide(need.test), wide(need.take)))
                    .collect();
                set.swait_general(&needs);
                0
            }
            Op::GiveAll { object, needs } => {
                let Object::Set(set) = &objects[object] else {
                    unreachable!("no set")
                };
                let needs = self.stage.facade.core.needs[needs].iter();
                let gifts: Vec<_> = needs
                    .filter(|need| need.take > 0)
                    .map(|need| (wide(need.member), wide(need.take)))
                    .collect();
                set.ssignal_general(&gifts);
                0
            }
            Op::Wait { condvar, mutex } => {
                let Object::Condvar(condvar) = &objects[condvar] else {
                    unreachable!("no condition variable")
                };
                let guard = self.locks[mutex].take().expect("the mutex is held");
                self.locks[mutex] = Some(condvar.wait(guard));
                0
            }
            Op::Notify { condvar, all } => {
                let Object::Condvar(condvar) = &objects[condvar] else {
                    unreachable!("no condition variable")
                };
                if all {
                    condvar.notify_all();
                } else {
                    condvar.notify_one();
                }
                0
            }
            Op::Load(object) => word(object).load(orders.load) as u64,
            Op::Store(object, value) => {
                word(object).store(narrow(value), orders.store);
                0
            }
            Op::Modify(object, change) => {
                let word = word(object);
                let before = match change {
                    Change::Swap(value) => word.swap(narrow(value), orders.modify),
                    Change::Add(value) => word.fetch_add(narrow(value), orders.modify),
                    Change::Exchange(expected, value) => {
                        let (expected, value) = (narrow(expected), narrow(value));
                        word.compare_exchange(expected, value, orders.modify, orders.load)
                            .unwrap_or_else(|found| found)
                    }
                };
                before as u64
            }
            Op::Await(object, condition) => {
                let until = until(condition);
                if !self.stage.facade.spins {
                    word(object).await_until(until, orders.load)? as u64
                } else {
                    let mut spin = Spin::<B>::new();
                    loop {
                        let value = word(object).load(orders.load);
                        if until.holds(&value) {
                            break value as u64;
                        }
                        spin.again()?;
                    }
                }
            }
            Op::Read(object) => match &objects[object] {
                Object::Memory(memory) => memory.get(),
                _ => unreachable!("no memory"),
            },
            Op::Write(object) => {
                let Object::Memory(memory) = &objects[object] else {
                    unreachable!("no memory")
                };
                memory.set(digest(self.me, at));
                0
            }
            Op::Enter(object) => {
                let Object::Zone(zone) = &objects[object] else {
                    unreachable!("no zone")
                };
                self.stays.push(zone.enter());
                0
            }
            Op::Leave(_) => {
                drop(self.stays.pop());
                0
            }
            Op::Park => {
                park::<B>();
                0
            }
            Op::Unpark(thread) => {
                self.line[self.stage.facade.steps_up(self.me, thread)].unpark();
                0
            }
            Op::Arrive(object) => match &objects[object] {
                Object::Barrier(barrier) => u64::from(barrier.arrive()),
                _ => unreachable!("no barrier"),
            },
            Op::Choose(n) => choose::<B>("choice", wide(n)) as u64,
            Op::Yield => {
                yield_now::<B>();
                0
            }
            op => unreachable!("no program begins with {op:?}"),
        })
    }
}

fn until(condition: Condition) -> Until<usize> {
    match condition {
        Condition::Is(value) => Until::Is(narrow(value)),
        Condition::IsNot(value) => Until::IsNot(narrow(value)),
        Condition::Below(value) => Until::Below(narrow(value)),
        Condition::AtLeast(value) => Until::AtLeast(narrow(value)),
        Condition::SignedBelow(_) | Condition::SignedAtLeast(_) => {
            unreachable!("words have no sign")
        }
    }
}
