//! Random small programs that shrink: raw gestures, of which what would be ill-formed is left out.

use std::collections::BTreeMap;

use crosscheck::sync::SwaitOrder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::operation::{Change, Condition, Need, ObjectId, Op, Substance};
use super::program::{Item, Program};

/// What a program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Mutexes and data under them.
    Locks,
    /// A mutex and a condition variable.
    Condvars,
    /// Semaphores that serve anyone.
    Weak,
    /// Semaphores with a queue.
    Strong,
    /// Sets that serve anyone, the first who can be served, or the head of the queue.
    Sets,
    /// Atomic words.
    Words,
    /// A readers-writer lock.
    ReadersWriters,
    /// Tokens.
    Parking,
    /// Barriers.
    Barriers,
    /// Plain memory, zones, choices.
    Plain,
    /// Plain memory behind atomic words.
    Messages,
    /// Something of everything.
    Mixed,
}

impl Flavour {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Locks,
        Self::Condvars,
        Self::Weak,
        Self::Strong,
        Self::Sets,
        Self::Words,
        Self::ReadersWriters,
        Self::Parking,
        Self::Barriers,
        Self::Plain,
        Self::Messages,
        Self::Mixed,
    ];
}

/// Programs of any flavour with at most so many operations.
pub(crate) fn programs(operations: usize) -> impl Strategy<Value = Program> {
    let flavours = Flavour::ALL.map(|flavour| programs_of(flavour, operations).boxed());
    prop::strategy::Union::new(flavours)
}

/// Programs of one flavour with at most so many operations, in 2 to 4 threads.
pub(crate) fn programs_of(flavour: Flavour, operations: usize) -> impl Strategy<Value = Program> {
    (
        scene(flavour),
        // 2 and 3 threads leave room for more operations each.
        prop_oneof![
            threads(flavour, 2),
            threads(flavour, 3),
            threads(flavour, MOST_THREADS)
        ],
        prop::bool::weighted(0.75),
    )
        .prop_map(move |(scene, threads, tidy)| scene.program(&threads, operations, tidy))
}

/// The objects of a program, and what they are for.
#[derive(Clone, Debug)]
struct Scene {
    objects: Vec<(Substance, Role)>,
    needs: Vec<Vec<Need>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Only who holds it gives it back, and nobody takes it twice.
    Lock,
    /// Only who holds units gives them back.
    Resource,
    /// Anyone gives.
    Signal,
    /// None of these.
    Other,
}

/// A few items that make sense together.
type Gesture = Vec<Item>;

pub(crate) const LOCK: ObjectId = 0;
pub(crate) const LOCKS: usize = 2;
pub(crate) const CONDVAR: ObjectId = 2;
pub(crate) const WORD: ObjectId = 3;
const WORDS: usize = 2;
pub(crate) const WEAK: ObjectId = 5;
pub(crate) const STRONG: ObjectId = 7;
pub(crate) const SCANNED: ObjectId = 9;
pub(crate) const SET: ObjectId = 10;
pub(crate) const SETS: usize = 3;
pub(crate) const ROOM: ObjectId = 13;
pub(crate) const BARRIER: ObjectId = 14;
pub(crate) const MEMORY: ObjectId = 15;
pub(crate) const ZONE: ObjectId = 16;
const NEEDS: usize = 3;
const MEMBERS: usize = 3;
/// As many as all readers take, so only a writer keeps them out: else their takes would not commute.
pub(crate) const ROOM_UNITS: u32 = MOST_THREADS as u32;
const MOST_THREADS: usize = 4;

/// Object ids are the same in every flavour; what a flavour does not use is a label.
fn scene(flavour: Flavour) -> impl Strategy<Value = Scene> {
    let need = |member: u32| {
        (prop::bool::weighted(0.6), 0u32..=1, 0u32..=2).prop_map(move |(named, more, take)| {
            named.then_some(Need {
                member,
                test: take + more,
                take,
            })
        })
    };
    let needs = (need(0), need(1), need(2)).prop_map(|(a, b, c)| {
        let needs: Vec<_> = [a, b, c].into_iter().flatten().collect();
        // Something is needed in any case.
        match needs.is_empty() {
            true => vec![Need {
                member: 0,
                test: 1,
                take: 1,
            }],
            false => needs,
        }
    });
    let amounts = (
        vec(0u32..=2, 5),
        vec(vec(1u32..=3, MEMBERS), SETS),
        1u32..=3,
        0u64..=1,
    );
    (amounts, vec(needs, NEEDS)).prop_map(move |((free, members, barrier, word), needs)| {
        let units = |free: Vec<u32>, order, role| (Substance::Units { free, order }, role);
        let one = |free, order, role| units(vec![free], order, role);
        let (weak, scan, strict) = (SwaitOrder::Weak, SwaitOrder::Scan, SwaitOrder::Strict);
        let (resource, signal) = (Role::Resource, Role::Signal);
        let mut objects = vec![
            one(1, weak, Role::Lock),
            one(1, weak, Role::Lock),
            (Substance::Condvar, Role::Other),
            (Substance::Word(word), Role::Other),
            (Substance::Word(0), Role::Other),
            one(free[0].max(1), weak, resource),
            one(free[1], weak, signal),
            one(free[2].max(1), strict, resource),
            one(free[3], strict, signal),
            one(free[4], scan, signal),
            units(members[0].clone(), weak, signal),
            units(members[1].clone(), scan, signal),
            units(members[2].clone(), strict, signal),
            one(ROOM_UNITS, weak, Role::Lock),
            (Substance::Barrier(barrier), Role::Other),
            (Substance::Memory, Role::Other),
            (Substance::Zone(1), Role::Other),
        ];
        let used = used(flavour);
        for (id, object) in objects.iter_mut().enumerate() {
            if !used.contains(&id) {
                *object = (Substance::Label, Role::Other);
            }
        }
        Scene { objects, needs }
    })
}

fn used(flavour: Flavour) -> Vec<ObjectId> {
    match flavour {
        Flavour::Locks => vec![LOCK, LOCK + 1, WORD],
        Flavour::Condvars => vec![LOCK, CONDVAR, WORD],
        Flavour::Weak => vec![WEAK, WEAK + 1],
        Flavour::Strong => vec![STRONG, STRONG + 1, SCANNED],
        Flavour::Sets => (SET..SET + SETS).collect(),
        Flavour::Words => vec![WORD, WORD + 1],
        Flavour::ReadersWriters => vec![ROOM, WORD],
        Flavour::Parking => vec![WORD],
        Flavour::Barriers => vec![BARRIER, WORD],
        Flavour::Plain => vec![MEMORY, ZONE],
        Flavour::Messages => vec![WORD, WORD + 1, MEMORY, ZONE],
        Flavour::Mixed => (0..=ZONE).collect(),
    }
}

fn threads(flavour: Flavour, count: usize) -> BoxedStrategy<Vec<Vec<Gesture>>> {
    vec(vec(gesture(flavour), 1..=5), count).boxed()
}

fn take(object: ObjectId, units: u32) -> Item {
    Item::Do(Op::Take {
        object,
        units,
        shared: false,
    })
}

fn give(object: ObjectId, units: u32) -> Item {
    Item::Do(Op::Give {
        object,
        units,
        shared: false,
    })
}

fn try_take(object: ObjectId, units: u32) -> Item {
    Item::Do(Op::TryTake { object, units })
}

fn skip(when_last_result_is: u64, count: usize) -> Item {
    Item::Skip {
        when_last_result_is,
        count,
    }
}

fn one(items: impl Strategy<Value = Item>) -> impl Strategy<Value = Gesture> {
    items.prop_map(|item| vec![item])
}

fn gesture(flavour: Flavour) -> BoxedStrategy<Gesture> {
    let skips = || (0u64..=2, 1usize..=2).prop_map(|(when, count)| vec![skip(when, count)]);
    let semaphores = |objects: std::ops::Range<ObjectId>| {
        (objects, 1u32..=2).prop_flat_map(|(object, units)| {
            prop_oneof![
                3 => Just(vec![take(object, units)]),
                3 => Just(vec![give(object, units)]),
                1 => Just(vec![try_take(object, units)]),
                1 => Just(vec![try_take(object, units), skip(0, 1), give(object, units)]),
            ]
        })
    };
    match flavour {
        Flavour::Locks => {
            let lock = || LOCK..LOCK + LOCKS;
            prop_oneof![
                3 => one(lock().prop_map(|m| take(m, 1))),
                2 => one(lock().prop_map(|m| give(m, 1))),
                1 => lock().prop_map(|m| vec![try_take(m, 1), skip(0, 1), give(m, 1)]),
                1 => one(lock().prop_map(|m| try_take(m, 1))),
                1 => one(words(WORD..WORD + 1)),
                1 => skips(),
            ]
            .boxed()
        }
        Flavour::Condvars => {
            let wait = Item::Do(Op::Wait {
                condvar: CONDVAR,
                mutex: LOCK,
            });
            let notify = |all| {
                Item::Do(Op::Notify {
                    condvar: CONDVAR,
                    all,
                })
            };
            let notify = move || any::<bool>().prop_map(notify);
            let (take, give) = (take(LOCK, 1), give(LOCK, 1));
            let load = Item::Do(Op::Load(WORD));
            let store = Item::Do(Op::Store(WORD, 1));
            prop_oneof![
                1 => one(prop_oneof![Just(take), Just(give), Just(wait)]),
                2 => one(notify()),
                3 => Just(vec![take, wait, give]),
                1 => notify().prop_map(move |notify| vec![take, notify, give]),
                1 => notify().prop_map(move |notify| vec![take, store, notify, give]),
                1 => Just(vec![take, load, skip(1, 1), wait, give]),
                1 => one(words(WORD..WORD + 1)),
                1 => skips(),
            ]
            .boxed()
        }
        Flavour::Weak => prop_oneof![8 => semaphores(WEAK..WEAK + 2), 1 => skips()].boxed(),
        Flavour::Strong => prop_oneof![8 => semaphores(STRONG..SCANNED + 1), 1 => skips()].boxed(),
        Flavour::Sets => {
            let set = || (SET..SET + SETS, 0..NEEDS);
            let take = |(object, needs)| Item::Do(Op::TakeAll { object, needs });
            let give = |(object, needs)| Item::Do(Op::GiveAll { object, needs });
            prop_oneof![
                3 => one(set().prop_map(take)),
                3 => one(set().prop_map(give)),
                2 => set().prop_map(move |set| vec![take(set), give(set)]),
            ]
            .boxed()
        }
        Flavour::Words => {
            let word = WORD..WORD + WORDS;
            let condition = (0u64..=2, 0..4).prop_map(|(value, kind)| match kind {
                0 => Condition::Is(value),
                1 => Condition::IsNot(value),
                2 => Condition::Below(value),
                _ => Condition::AtLeast(value),
            });
            let wait = (word.clone(), condition).prop_map(|(word, c)| Item::Do(Op::Await(word, c)));
            prop_oneof![6 => one(words(word)), 1 => one(wait), 2 => skips()].boxed()
        }
        Flavour::ReadersWriters => {
            let (object, units, shared) = (ROOM, 1, true);
            let read = Item::Do(Op::Take {
                object,
                units,
                shared,
            });
            let unread = Item::Do(Op::Give {
                object,
                units,
                shared,
            });
            let (write, unwrite) = (take(ROOM, ROOM_UNITS), give(ROOM, ROOM_UNITS));
            let try_write = try_take(ROOM, ROOM_UNITS);
            prop_oneof![
                2 => Just(vec![read]),
                2 => Just(vec![unread]),
                1 => Just(vec![write]),
                1 => Just(vec![unwrite]),
                2 => Just(vec![read, unread]),
                2 => Just(vec![write, unwrite]),
                1 => Just(vec![try_write, skip(0, 1), unwrite]),
                1 => one(words(WORD..WORD + 1)),
                1 => skips(),
            ]
            .boxed()
        }
        Flavour::Parking => prop_oneof![
            3 => Just(vec![Item::Do(Op::Park)]),
            // Of a thread that is there: see `Scene::program`.
            4 => one((0..MOST_THREADS).prop_map(|thread| Item::Do(Op::Unpark(thread)))),
            1 => one(words(WORD..WORD + 1)),
            1 => skips(),
        ]
        .boxed(),
        Flavour::Barriers => prop_oneof![
            3 => Just(vec![Item::Do(Op::Arrive(BARRIER))]),
            1 => one(words(WORD..WORD + 1)),
            1 => skips(),
        ]
        .boxed(),
        Flavour::Plain => {
            let (enter, leave) = (Item::Do(Op::Enter(ZONE)), Item::Do(Op::Leave(ZONE)));
            prop_oneof![
                2 => Just(vec![Item::Do(Op::Read(MEMORY))]),
                2 => Just(vec![Item::Do(Op::Write(MEMORY))]),
                1 => Just(vec![enter]),
                1 => Just(vec![leave]),
                1 => Just(vec![enter, leave]),
                1 => one((1u32..=3).prop_map(|n| Item::Do(Op::Choose(n)))),
                1 => Just(vec![Item::Do(Op::Yield)]),
                2 => skips(),
            ]
            .boxed()
        }
        Flavour::Messages => {
            let word = WORD..WORD + WORDS;
            let (read, write) = (Item::Do(Op::Read(MEMORY)), Item::Do(Op::Write(MEMORY)));
            let (enter, leave) = (Item::Do(Op::Enter(ZONE)), Item::Do(Op::Leave(ZONE)));
            let raise = word.clone().prop_map(|word| Item::Do(Op::Store(word, 1)));
            let see = word.clone().prop_map(|word| Item::Do(Op::Load(word)));
            let wait = word.clone();
            let wait = wait.prop_map(|word| Item::Do(Op::Await(word, Condition::Is(1))));
            prop_oneof![
                1 => Just(vec![read]),
                1 => Just(vec![write]),
                3 => raise.prop_map(move |raise| vec![write, raise]),
                3 => see.prop_map(move |see| vec![see, skip(0, 1), read]),
                1 => wait.prop_map(move |wait| vec![wait, write]),
                1 => Just(vec![enter, leave]),
                2 => one(words(word)),
            ]
            .boxed()
        }
        Flavour::Mixed => {
            let others = Flavour::ALL
                .into_iter()
                .filter(|other| *other != Flavour::Mixed);
            prop::strategy::Union::new(others.map(gesture)).boxed()
        }
    }
}

fn words(word: std::ops::Range<ObjectId>) -> impl Strategy<Value = Item> {
    (word, 0u64..=2, 0u64..=1, 0..5).prop_map(|(word, value, expected, kind)| {
        Item::Do(match kind {
            0 => Op::Load(word),
            1 => Op::Store(word, value),
            2 => Op::Modify(word, Change::Add(value)),
            3 => Op::Modify(word, Change::Swap(value)),
            _ => Op::Modify(word, Change::Exchange(expected, value)),
        })
    })
}

/// What a thread has to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Held {
    Units {
        object: ObjectId,
        units: u32,
        shared: bool,
    },
    Inside(ObjectId),
}

impl Held {
    fn object(self) -> ObjectId {
        match self {
            Self::Units { object, .. } | Self::Inside(object) => object,
        }
    }

    fn back(self) -> Op {
        match self {
            Self::Units {
                object,
                units,
                shared,
            } => Op::Give {
                object,
                units,
                shared,
            },
            Self::Inside(zone) => Op::Leave(zone),
        }
    }
}

/// One way in which a thread may have come to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    held: BTreeMap<Held, usize>,
    /// The last result, where it is known.
    last: Option<u64>,
}

impl Scene {
    fn program(&self, threads: &[Vec<Gesture>], operations: usize, tidy: bool) -> Program {
        let budget = (operations / threads.len()).max(1);
        let thread = |gestures: &Vec<Gesture>| {
            let items = gestures.iter().flatten().copied();
            let items: Vec<_> = items.map(|item| within(item, threads.len())).collect();
            self.well_formed(&items, budget, tidy)
        };
        Program {
            objects: self
                .objects
                .iter()
                .map(|(substance, _)| substance.clone())
                .collect(),
            needs: self.needs.clone(),
            threads: threads.iter().map(thread).collect(),
        }
    }

    /// The items that make sense on all paths that lead to them; with `tidy`, what is held at the
    /// end is given back.
    fn well_formed(&self, items: &[Item], budget: usize, tidy: bool) -> Vec<Item> {
        let mut paths: Vec<Vec<Path>> = vec![Vec::new(); items.len() + 1];
        paths[0].push(Path {
            held: BTreeMap::new(),
            last: Some(0),
        });
        let mut kept = vec![false; items.len()];
        let mut used = 0;
        for (at, item) in items.iter().enumerate() {
            let here = std::mem::take(&mut paths[at]);
            // Nobody comes here.
            if here.is_empty() {
                continue;
            }
            let mut arrive = |to: usize, path: Path| {
                let to = to.min(items.len());
                if !paths[to].contains(&path) {
                    paths[to].push(path);
                }
            };
            match *item {
                Item::Skip {
                    when_last_result_is,
                    count,
                } => {
                    kept[at] = true;
                    for path in here {
                        let known = path.last.map(|last| last == when_last_result_is);
                        if known != Some(false) {
                            let last = Some(when_last_result_is);
                            arrive(
                                at + 1 + count,
                                Path {
                                    last,
                                    ..path.clone()
                                },
                            );
                        }
                        if known != Some(true) {
                            arrive(at + 1, path);
                        }
                    }
                }
                Item::Do(op) => {
                    let after: Option<Vec<_>> =
                        here.iter().map(|path| self.after(path, op)).collect();
                    let after = after.map(|after| after.concat()).filter(|after| {
                        let open = |path: &Path| path.held.values().sum::<usize>();
                        let open = if tidy {
                            after.iter().map(open).max()
                        } else {
                            None
                        };
                        used + 1 + open.unwrap_or(0) <= budget
                    });
                    kept[at] = after.is_some();
                    used += usize::from(after.is_some());
                    for path in after.unwrap_or(here) {
                        arrive(at + 1, path);
                    }
                }
            }
        }
        // From the end, since a skip counts what is left of the items that it passes.
        let mut result = Vec::new();
        for (at, item) in items.iter().enumerate().rev() {
            match *item {
                Item::Do(_) if kept[at] => result.push(*item),
                Item::Do(_) => {}
                Item::Skip {
                    when_last_result_is,
                    count,
                } => {
                    let skipped = &kept[at + 1..(at + 1 + count).min(items.len())];
                    let count = skipped.iter().filter(|kept| **kept).count();
                    kept[at] = kept[at] && count > 0;
                    if kept[at] {
                        result.push(skip(when_last_result_is, count));
                    }
                }
            }
        }
        result.reverse();
        if tidy {
            let ends = &paths[items.len()];
            for (held, count) in ends.first().iter().flat_map(|end| &end.held) {
                let in_all = ends
                    .iter()
                    .map(|end| end.held.get(held).copied().unwrap_or(0))
                    .min();
                let count = in_all.unwrap_or(0).min(*count);
                result.extend(std::iter::repeat_n(Item::Do(held.back()), count));
            }
        }
        result
    }

    /// The paths after an operation; None if it makes no sense on this one.
    fn after(&self, path: &Path, op: Op) -> Option<Vec<Path>> {
        let mut held = path.held.clone();
        let mut last = Some(0);
        let holds = |object| held.keys().any(|held| held.object() == object);
        let is_lock = |object: ObjectId| self.objects[object].1 == Role::Lock;
        match op {
            Op::Take {
                object,
                units,
                shared,
            } => {
                if is_lock(object) && holds(object) {
                    return None;
                }
                put(
                    &mut held,
                    Held::Units {
                        object,
                        units,
                        shared,
                    },
                );
            }
            Op::TryTake { object, units } => {
                if is_lock(object) && holds(object) {
                    return None;
                }
                let refused = Path {
                    held: held.clone(),
                    last: Some(0),
                };
                let shared = false;
                put(
                    &mut held,
                    Held::Units {
                        object,
                        units,
                        shared,
                    },
                );
                let taken = Path {
                    held,
                    last: Some(1),
                };
                return Some(vec![refused, taken]);
            }
            Op::Give {
                object,
                units,
                shared,
            } => {
                let gone = remove(
                    &mut held,
                    Held::Units {
                        object,
                        units,
                        shared,
                    },
                );
                if !gone && self.objects[object].1 != Role::Signal {
                    return None;
                }
            }
            Op::Wait { mutex, .. } if !holds(mutex) => return None,
            Op::Enter(zone) => put(&mut held, Held::Inside(zone)),
            Op::Leave(zone) if !remove(&mut held, Held::Inside(zone)) => return None,
            Op::Notify { .. }
            | Op::Load(_)
            | Op::Await(..)
            | Op::Modify(..)
            | Op::Read(_)
            | Op::Arrive(_)
            | Op::Choose(_) => last = None,
            _ => {}
        }
        Some(vec![Path { held, last }])
    }
}

fn put(held: &mut BTreeMap<Held, usize>, what: Held) {
    *held.entry(what).or_default() += 1;
}

fn remove(held: &mut BTreeMap<Held, usize>, what: Held) -> bool {
    let Some(count) = held.get_mut(&what) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        held.remove(&what);
    }
    true
}

/// The item for a program of so many threads.
fn within(item: Item, threads: usize) -> Item {
    match item {
        Item::Do(Op::Unpark(thread)) => Item::Do(Op::Unpark(thread % threads)),
        item => item,
    }
}

/// Every flavour has programs with a choice of traces, keeps to the size that was asked for, and
/// those that can block do.
#[test]
fn random_programs_are_worth_their_time() {
    use super::brute::truth;
    use super::program::Switches;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    for flavour in Flavour::ALL {
        let (mut choices, mut deadlocks, mut finished) = (0, 0, 0);
        for _ in 0..100 {
            let program = programs_of(flavour, 10)
                .new_tree(&mut runner)
                .unwrap()
                .current();
            assert!(program.operations() <= 10, "{program}");
            let truth = truth(&program, &Switches::DEFAULT, 20_000);
            // What is too large has choices in any case.
            let Some(truth) = truth else {
                choices += 1;
                continue;
            };
            choices += usize::from(truth.traces.len() > 1);
            deadlocks += usize::from(truth.deadlocks > 0);
            finished += usize::from(truth.deadlocks < truth.traces.len() as u64);
        }
        println!(
            "{flavour:?}: {choices} with choices, {deadlocks} that block, {finished} that end"
        );
        let blocks = !matches!(flavour, Flavour::Plain | Flavour::Messages);
        assert!(choices >= 20, "{flavour:?}: {choices}");
        assert!(deadlocks >= 3 || !blocks, "{flavour:?}: {deadlocks}");
        assert!(finished >= 20, "{flavour:?}: {finished}");
    }
}
