//! The semaphore set itself: processes take what they need of several resources, all at once.
//!
//! There are `members` resources with `capacity` units each, and each of n processes uses one unit
//! of every resource at a time, `rounds` times; process i names them from the i-th on, round to the
//! one before it. Swait takes all parts or none (Patil 1971). The general Swait(S, t, d) goes on as
//! soon as t units of S are free and takes d of them (Agerwala 1977): with t = d = 1 it is a P,
//! with d > 0 it leaves t - d units in reserve, and with d = 0 it is a gate, which many pass.
//!
//! The invariant: no more processes than units use a resource, all is there at the end, and nobody
//! ever holds a part of what it waits for: to whoever looks all resources have equally many free
//! units. In the wrong variant the parts are taken one by one and kept, so that each can wait for
//! what the others keep. What is checked is the set as it ships, on a gate, on every engine.

use std::sync::Arc;

use super::{Problem, Variant, team};
use crate::primitives::SemaphoreSet;
use crate::scenario::specifications::{Answer, Parts, Several};
use crate::scenario::{
    History, Instance, Memory, Parameter, Property, Scenario, Truth, Zone, reached, require,
};
use crate::sync::{Backend, Semantics, SwaitOrder, rounds, run_threads};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    use Property::{DeadlockFreedom, Reachability};
    Problem {
        id: "semaphore-set",
        summary: "processes take several resources by Swait and return them by Ssignal",
        variants: vec![
            Variant {
                program: Arc::new(Users {
                    name: "semaphore-set/and",
                    piecemeal: false,
                }),
                summary: "all parts at once or none",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(General),
                summary: "as soon as t units are free d are taken; d = 0 is a gate",
                truth: Truth {
                    failures: &[
                        (DeadlockFreedom, SequentiallyConsistent, stuck_for_good),
                        (Reachability, SequentiallyConsistent, |i, _| {
                            i.number("n").min(most_inside(i)) < 2
                        }),
                    ],
                },
            },
            Variant {
                program: Arc::new(Users {
                    name: "semaphore-set/piecemeal",
                    piecemeal: true,
                }),
                summary: "part by part, and what is there is kept",
                truth: Truth {
                    failures: &[(DeadlockFreedom, SequentiallyConsistent, all_keep_a_part)],
                },
            },
        ],
    }
}

/// All units of all resources are kept by processes that lack one.
///
/// Who waits keeps all but one part at most, so n processes keep n (m - 1) units at most, of k m.
fn all_keep_a_part(instance: &Instance, _: &Semantics) -> bool {
    let (n, members) = (instance.number("n"), instance.number("members"));
    n * (members - 1) >= instance.number("capacity") * members
}

/// `*(Swait(i, …, i - 1); use one unit of each; Ssignal(i, …, i - 1))`.
struct Users {
    name: &'static str,
    /// One Swait for each member instead of one for all.
    piecemeal: bool,
}

impl Scenario for Users {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("n", "processes", 2, (1, 64)),
            Parameter::number("members", "resources, m", 2, (1, 16)),
            Parameter::number("capacity", "units of each resource, k", 1, (1, 64)),
            Parameter::number("rounds", "uses of each process", 1, (1, 1000)),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Invariant,
        ]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (members, capacity) = (instance.number("members"), instance.number("capacity"));
        let count = instance.number("rounds");
        let set = SemaphoreSet::<B>::on_gate("resources", &vec![capacity; members]);
        let history = history::<B>(vec![capacity; members]);
        let in_use = Zone::<B>::admitting("units in use", capacity);
        let process = |me: usize| {
            let mine: Vec<usize> = (me..me + members).map(|member| member % members).collect();
            for _ in rounds::<B>(count, &()) {
                if self.piecemeal {
                    for &member in &mine {
                        history.record(Parts::swait(&[member]), || set.swait(&[member]));
                    }
                } else {
                    history.record(Parts::swait(&mine), || set.swait(&mine));
                }
                let stay = in_use.enter();
                if !self.piecemeal {
                    // Ours are taken, and of the other processes' all or none.
                    let free = set.free();
                    let whole = free.iter().all(|&units| units == free[0]);
                    require::<B>(Property::Invariant, whole && free[0] < capacity, || {
                        format!("somebody holds a part of what it needs: free are {free:?}")
                    });
                }
                drop(stay);
                history.record(Parts::ssignal(&mine), || set.ssignal(&mine));
            }
        };
        run_threads::<B>(team("process", instance.number("n"), &process));
        at_rest(&set, &vec![capacity; members]);
    }
}

/// Calls on a set of so many units of each member, and what it shall do.
fn history<B: Backend>(units: Vec<usize>) -> History<B, Several> {
    let order = B::semantics().swait;
    History::new("set", Several { units, order })
}

/// Everything has been returned.
fn at_rest<B: Backend>(set: &SemaphoreSet<B>, units: &[usize]) {
    let free = set.free();
    require::<B>(Property::Invariant, free == units, || {
        format!("at the end {free:?} units are free, not {units:?}")
    });
}

/// Users of one resource who leave a reserve, and a keeper who shuts them out and looks after it.
///
/// Users `*(Swait(S,t,d; G,1,0); use; Ssignal(S,d))`, with t = d + reserve; the keeper
/// `*(Swait(G,1,1); Swait(S,k,0); look after it; Ssignal(G,1))`.
struct General;

/// Two users are inside at once: the gate lets many pass.
const TOGETHER: &str = "two users together";

/// The set of users and keeper, whose operations are recorded.
struct Recorded<B: Backend> {
    inner: SemaphoreSet<B>,
    history: History<B, Several>,
}

impl<B: Backend> Recorded<B> {
    fn new(units: &[usize]) -> Self {
        Self {
            inner: SemaphoreSet::on_gate("set", units),
            history: history(units.to_vec()),
        }
    }

    #[track_caller]
    fn swait(&self, needs: &[(usize, usize, usize)]) {
        let called = self.history.called(Parts::Swait(needs.to_vec()));
        self.inner.swait_general(needs);
        called.returned(Answer::Done);
    }

    #[track_caller]
    fn ssignal(&self, gifts: &[(usize, usize)]) {
        let called = self.history.called(Parts::Ssignal(gifts.to_vec()));
        self.inner.ssignal_general(gifts);
        called.returned(Answer::Done);
    }
}

/// Members of the set.
const S: usize = 0;
const G: usize = 1;

/// How many users can be inside at once: each finds `take + reserve` units free.
fn most_inside(instance: &Instance) -> usize {
    let unreserved = instance
        .number("capacity")
        .saturating_sub(instance.number("reserve"));
    unreserved / instance.number("take")
}

/// Nobody ever gets in; or a user at the head of the queue waits for the gate, and behind it the
/// keeper, who has closed it, for the resource.
fn stuck_for_good(instance: &Instance, semantics: &Semantics) -> bool {
    most_inside(instance) == 0 || semantics.swait == SwaitOrder::Strict
}

impl Scenario for General {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        "semaphore-set/general"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::number("n", "users", 2, (1, 63)),
            Parameter::number("capacity", "units, k", 3, (1, 64)),
            Parameter::number("take", "units that a user takes, d", 1, (1, 64)),
            Parameter::number("reserve", "units that a user leaves, t - d", 1, (0, 64)),
            Parameter::number(
                "rounds",
                "uses of each user and of the keeper",
                1,
                (1, 1000),
            ),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Invariant,
            Property::Reachability,
        ]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn marks(&self) -> Vec<&'static str> {
        vec![TOGETHER]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (capacity, take) = (instance.number("capacity"), instance.number("take"));
        let (reserve, count) = (instance.number("reserve"), instance.number("rounds"));
        let set = Recorded::<B>::new(&[capacity, 1]);
        let inside = Zone::<B>::admitting("users inside", most_inside(instance).max(1));
        let user = |_| {
            for _ in rounds::<B>(count, &()) {
                set.swait(&[(S, take + reserve, take), (G, 1, 0)]);
                let stay = inside.enter();
                let free = set.inner.free()[S];
                require::<B>(Property::Invariant, free >= reserve, || {
                    format!("{free} units are left, {reserve} are to be")
                });
                if free + 2 * take <= capacity {
                    reached::<B>(TOGETHER);
                }
                drop(stay);
                set.ssignal(&[(S, take)]);
            }
        };
        let keeper = |_| {
            for _ in rounds::<B>(count, &()) {
                set.swait(&[(G, 1, 1)]);
                set.swait(&[(S, capacity, 0)]);
                let free = set.inner.free();
                require::<B>(Property::Invariant, free == [capacity, 0], || {
                    format!("the keeper is not alone: free are {free:?}")
                });
                set.ssignal(&[(G, 1)]);
            }
        };
        let mut threads = team("user", instance.number("n"), &user);
        threads.extend(team("keeper", 1, &keeper));
        run_threads::<B>(threads);
        at_rest(&set.inner, &[capacity, 1]);
    }
}
