//! The list of probes.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use super::generated::Generated;
use super::probe::Probe;
use super::programs::{
    AddBesideStore, Counter, IfForWhile, Independent, LoadBuffering, LoadStore, LostUpdate,
    ManySteps, MessagePassing, OneAtATime, OppositeOrders, ParkOnce, SixThreads, StoreBuffering,
    Tickets, TryLock, Unprotected,
};
use super::question::{Possible, Question, Symptom};
use super::statistic::Statistic;
use crate::engines::{EngineId, Limits};
use crate::sync::{NotifyOrder, Property, Semantics};

/// Runs every probe, on several threads; takes seconds, and prints nothing.
///
/// The answers are the same in every run, unless an environment variable sets shuttle's seed.
#[must_use]
pub fn calibrate() -> Vec<Probe> {
    let groups = [controls, of_loom, of_limits, of_condvars, of_shuttle];
    // Everything at once: the statistics take most of the time, and one group of the others as much.
    thread::scope(|scope| {
        let groups = groups.map(|group| scope.spawn(group));
        let statistics = statistics().map(|statistic| scope.spawn(|| vec![statistic.ask()]));
        let asked = groups.into_iter().chain(statistics);
        asked
            .flat_map(|probes| probes.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Programs on which nobody has a blind spot: the instruments work.
fn controls() -> Vec<Probe> {
    let lost = Symptom::Mark("an update is lost");
    vec![
        Question {
            story: "two threads add to a counter, each in one critical section",
            truth: "no update is lost",
            possible: Possible::Never,
            pinned: ["unseen in 4 executions", "unseen in 6 executions"],
            ..Question::new("control-holds", Counter, Property::Invariant, lost)
        }
        .ask(),
        Question {
            story: "two threads read a counter in one critical section and write it in another",
            truth: "an update can be lost",
            pinned: ["seen in 14 executions", "seen in 59 executions"],
            ..Question::new("control-fails", LostUpdate, Property::Invariant, lost)
        }
        .ask(),
        Question {
            story: "two threads take two locks in opposite orders",
            truth: "a deadlock is reachable",
            pinned: ["deadlock in 2 executions", "deadlock in 12 executions"],
            ..Question::new(
                "control-deadlocks",
                OppositeOrders,
                Property::DeadlockFreedom,
                Symptom::Deadlock,
            )
        }
        .ask(),
    ]
}

/// What loom's memory model and its reduction miss or invent.
fn of_loom() -> Vec<Probe> {
    vec![
        Question {
            story: "one thread loads and stores x, the other loads it twice: loom keeps one last \
                    access of an atomic, so the writer's own load hides that its store races",
            truth: "the second load can see 1 after the first has seen 0",
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 1 execution", "seen in 10 executions"],
            ..Question::new(
                "loom-atomics-miss",
                LoadStore,
                Property::Reachability,
                Symptom::Mark("first 0, then 1"),
            )
        }
        .ask(),
        Question {
            story: "a thread locks and unlocks, another tries once: unlocking is no branch point",
            truth: "the try can fail",
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 4 executions", "seen in 6 executions"],
            ..Question::new(
                "loom-try-lock-miss",
                TryLock,
                Property::Reachability,
                Symptom::Mark("the try fails"),
            )
        }
        .ask(),
        Question {
            story: "store buffering with SeqCst accesses, which loom takes for AcqRel",
            truth: "the loads never both see 0",
            possible: Possible::Never,
            telling: Some(EngineId::Loom),
            pinned: ["seen in 30 executions", "unseen in 10 executions"],
            ..Question::new(
                "loom-seqcst-alarm",
                StoreBuffering { forbidden: true },
                Property::Invariant,
                Symptom::Mark("both read 0"),
            )
        }
        .ask(),
        Question {
            story: "the same, asked the other way round: is it reachable that both see 0",
            truth: "it is not",
            possible: Possible::Never,
            telling: Some(EngineId::Loom),
            pinned: ["seen in 30 executions", "unseen in 10 executions"],
            ..Question::new(
                "loom-seqcst-witness",
                StoreBuffering { forbidden: false },
                Property::Reachability,
                Symptom::Mark("both read 0"),
            )
        }
        .ask(),
        Question {
            story: "a relaxed store and load against a relaxed addition: loom lets the addition read \
                    what the store has replaced",
            truth: "the load never sees the older value, under any memory model with coherence",
            possible: Possible::Never,
            telling: Some(EngineId::Loom),
            pinned: ["seen in 15 executions", "unseen in 6 executions"],
            ..Question::new(
                "loom-rmw-alarm",
                AddBesideStore,
                Property::Invariant,
                Symptom::Mark("reads 1 after 3"),
            )
        }
        .ask(),
        Question {
            story: "load buffering with relaxed accesses: neither of them lets a load see a store that \
                    has not run yet",
            truth: "C11 permits that both loads see 1",
            possible: Possible::UnderC11,
            telling: Some(EngineId::ShuttleDfs),
            pinned: ["unseen in 15 executions", "unseen in 10 executions"],
            ..Question::new(
                "loom-load-buffering",
                LoadBuffering,
                Property::Reachability,
                Symptom::Mark("both read 1"),
            )
        }
        .ask(),
        Question {
            story: "message passing of the last of seven relaxed stores: loom keeps the last seven \
                    values of an atomic, the initial one included",
            truth: "C11 permits that the initial value is read",
            possible: Possible::UnderC11,
            pinned: ["unseen in 18 executions", "unseen in 10 executions"],
            ..Question::new(
                "loom-store-history",
                MessagePassing { stores: 7, forbidden: false },
                Property::Reachability,
                Symptom::Mark("stale data"),
            )
        }
        .ask(),
    ]
}

/// What a limit hides.
fn of_limits() -> Vec<Probe> {
    let lost = Symptom::Mark("an update is lost");
    let ask = || Question {
        truth: "an update can be lost",
        ..Question::new("", LostUpdate, Property::Invariant, lost)
    };
    vec![
        Question {
            id: "loom-permutations-cut",
            story: "control-fails with loom's max_permutations below what is needed: it runs one \
                    execution less than that and returns as if it had finished",
            setting: "loom max_permutations=2, ours executions=1",
            adjust: |builder| {
                builder.max_permutations = Some(2);
                builder.checkpoint_interval = 1;
            },
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 1 execution", "seen in 59 executions"],
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-permutations-late",
            story: "the same with loom's default checkpoint_interval: the limit is looked at \
                    every 20 000 executions only",
            setting: "loom max_permutations=2, checkpoint_interval=20000, ours executions=1",
            adjust: |builder| builder.max_permutations = Some(2),
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            pinned: ["seen in 14 executions", "seen in 59 executions"],
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-duration-cut",
            story: "the same with loom's max_duration: it runs nothing and returns as if it had \
                    finished",
            setting: "loom max_duration=0, ours time=0",
            adjust: |builder| {
                builder.max_duration = Some(Duration::ZERO);
                builder.checkpoint_interval = 1;
            },
            limits: Limits { time: Some(Duration::ZERO), ..Limits::QUICK },
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 0 executions", "seen in 59 executions"],
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-preemption-bound",
            story: "the same with no preemption allowed, though the bug needs one",
            setting: "at most 0 preemptions",
            adjust: |builder| builder.preemption_bound = Some(0),
            limits: Limits { preemptions: Some(0), ..Limits::QUICK },
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 1 execution", "seen in 59 executions"],
            ..ask()
        }
        .ask(),
        Question {
            id: "shuttle-iterations-cut",
            story: "control-fails under check_dfs(program, Some(1)): it returns as if it had \
                    finished",
            setting: "executions=1",
            most: Some(1),
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            telling: Some(EngineId::ShuttleDfs),
            pinned: ["seen in 14 executions", "unseen in 1 execution"],
            ..ask()
        }
        .ask(),
        Question {
            story: "five threads beside the main one, one after the other; loom admits four",
            truth: "every thread adds 1",
            possible: Possible::Never,
            telling: Some(EngineId::Loom),
            pinned: ["panics in 1 execution: assertion failed: self.threads.len() < self.max()", "unseen in 9966 executions"],
            ..Question::new("loom-threads", SixThreads, Property::Invariant, lost)
        }
        .ask(),
        Question {
            id: "loom-branches",
            story: "one thread loads 600 times; loom admits 1 000 branches in an execution and a load is \
                    two",
            truth: "every load sees 1",
            setting: "steps=1000",
            possible: Possible::Never,
            limits: Limits { steps: 1_000, ..Limits::QUICK },
            telling: Some(EngineId::Loom),
            pinned: ["panics in 1 execution: Model exceeded maximum number of branches", "unseen in 1 execution"],
            ..Question::new("", ManySteps, Property::Invariant, lost)
        }
        .ask(),
    ]
}

/// Whom notifications wake, and what wakes by itself.
fn of_condvars() -> Vec<Probe> {
    let tickets = |id, notify, possible| Question {
        possible,
        semantics: Semantics {
            notify,
            ..Semantics::DEFAULT
        },
        ..Question::new(id, Tickets, Property::DeadlockFreedom, Symptom::Deadlock)
    };
    vec![
        Question {
            story: "a ticket lock that wakes one waiter: whoever is woken out of turn waits again \
                    and the notification is lost; loom wakes in the order of the waits",
            truth: "a deadlock is reachable",
            telling: Some(EngineId::Loom),
            pinned: ["passes in 7123 executions", "deadlock in 30220 executions"],
            ..tickets("condvar-any-waiter", NotifyOrder::Any, Possible::Always)
        }
        .ask(),
        Question {
            story: "the same where notifications are known to wake the longest waiter",
            truth: "no deadlock, the order of waits is the order of tickets",
            telling: Some(EngineId::Loom),
            pinned: ["passes in 7123 executions", "deadlock in 30220 executions"],
            ..tickets(
                "condvar-longest-waiter",
                NotifyOrder::Fifo,
                Possible::ByStdAlone,
            )
        }
        .ask(),
        Question {
            story: "`if` for `while` around a wait: loom and shuttle know no spurious wake-up",
            truth: "the waiter can go on before the condition holds",
            semantics: Semantics {
                spurious: true,
                ..Semantics::DEFAULT
            },
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 8 executions", "unseen in 10 executions"],
            ..Question::new(
                "spurious-wakeup",
                IfForWhile,
                Property::Invariant,
                Symptom::Mark("goes on too early"),
            )
        }
        .ask(),
        Question {
            story: "a park outside a loop: shuttle wakes it by itself, as std permits; our \
                    engines, like loom, wake it by a token only",
            truth: "never woken by nobody, where parking is exact",
            possible: Possible::ByStdAlone,
            pinned: ["unseen in 2 executions", "seen in 25 executions"],
            ..Question::new(
                "park-without-loop",
                ParkOnce,
                Property::Invariant,
                Symptom::Mark("woken by nobody"),
            )
        }
        .ask(),
    ]
}

/// What shuttle's sequential consistency does not show.
fn of_shuttle() -> Vec<Probe> {
    let tries = |id| Question {
        truth: "the try can fail",
        telling: Some(EngineId::ShuttlePct),
        ..Question::new(
            id,
            TryLock,
            Property::Reachability,
            Symptom::Mark("the try fails"),
        )
    };
    vec![
        Question {
            story: "message passing with relaxed accesses: shuttle is sequentially consistent",
            truth: "C11 permits that stale data are read",
            possible: Possible::UnderC11,
            telling: Some(EngineId::ShuttleDfs),
            pinned: ["seen in 8 executions", "unseen in 4 executions"],
            ..Question::new(
                "shuttle-weak-memory",
                MessagePassing {
                    stores: 1,
                    forbidden: true,
                },
                Property::Invariant,
                Symptom::Mark("stale data"),
            )
        }
        .ask(),
        Question {
            story: "two writes to plain memory that nothing orders: shuttle knows no plain memory",
            truth: "a data race",
            pinned: ["race in 1 execution", "passes in 1 execution"],
            ..Question::new(
                "shuttle-data-race",
                Unprotected,
                Property::DataRaceFreedom,
                Symptom::Race,
            )
        }
        .ask(),
        Question {
            story: "two threads that share nothing: one execution stands for all, but shuttle \
                    visits every interleaving",
            truth: "no update is lost",
            possible: Possible::Never,
            telling: Some(EngineId::Loom),
            pinned: ["unseen in 1 execution", "unseen in 1716 executions"],
            ..Question::new(
                "shuttle-no-reduction",
                Independent,
                Property::Invariant,
                Symptom::Mark("an update is lost"),
            )
        }
        .ask(),
        Question {
            story: "loom-try-lock-miss under PCT of depth 2, which one change of priority shows",
            setting: "depth=2",
            limits: Limits {
                depth: 2,
                ..Limits::QUICK
            },
            pinned: ["unseen in 4 executions", "seen in 6 executions"],
            ..tries("shuttle-pct-shallow")
        }
        .ask(),
        Question {
            story: "the same at depth 3: shuttle's PCT places its two changes among the three \
                    decisions that it has seen, so always alike, and its guarantee does not hold",
            setting: "depth=3, 5000 schedules",
            limits: Limits {
                depth: 3,
                schedules: 5_000,
                ..Limits::QUICK
            },
            pinned: ["unseen in 4 executions", "seen in 6 executions"],
            ..tries("shuttle-pct-deep")
        }
        .ask(),
        Question {
            story: "two threads of which one only waits for the other: PCT refuses a program \
                    without a choice",
            truth: "the update is not lost",
            possible: Possible::Never,
            telling: Some(EngineId::ShuttlePct),
            pinned: ["unseen in 1 execution", "unseen in 1 execution"],
            ..Question::new(
                "shuttle-pct-sequential",
                OneAtATime,
                Property::Invariant,
                Symptom::Mark("an update is lost"),
            )
        }
        .ask(),
    ]
}

/// How often the outcomes of random programs are missed.
fn statistics() -> [Statistic; 4] {
    [
        Statistic {
            id: "random-one-atomic",
            story: "2 threads x 2 SeqCst loads, stores and additions on one atomic",
            generate: |random| Generated::accesses(random, 1),
            programs: 1_000,
            pinned: [
                "misses outcomes of 188 of 1000, invents outcomes of 120, panics on 0; 19482 executions",
                "misses outcomes of 0 of 1000, invents outcomes of 0, panics on 0; 10000 executions",
            ],
        },
        Statistic {
            id: "random-two-atomics",
            story: "2 threads x 2 SeqCst loads, stores and additions on two atomics",
            generate: |random| Generated::accesses(random, 2),
            programs: 500,
            pinned: [
                "misses outcomes of 23 of 500, invents outcomes of 25, panics on 0; 5337 executions",
                "misses outcomes of 0 of 500, invents outcomes of 0, panics on 0; 5000 executions",
            ],
        },
        Statistic {
            id: "random-mutexes",
            story: "2 threads x 2 critical sections on two locks, in sequence or nested",
            generate: Generated::mutexes,
            programs: 720,
            pinned: [
                "misses outcomes of 0 of 720, invents outcomes of 0, panics on 0; 5279 executions",
                "misses outcomes of 0 of 720, invents outcomes of 0, panics on 0; 31358 executions",
            ],
        },
        Statistic {
            id: "random-try-locks",
            story: "2 threads x 2 critical sections on two locks, half of them by try_lock",
            generate: Generated::tries,
            programs: 200,
            pinned: [
                "misses outcomes of 148 of 200, invents outcomes of 0, panics on 0; 1627 executions",
                "misses outcomes of 0 of 200, invents outcomes of 0, panics on 0; 15952 executions",
            ],
        },
    ]
}
