//! The verdicts on infinite executions: the state graph of a program whose loops go on for ever.

use std::collections::BTreeSet;
use std::time::Instant;

use super::driver::Driver;
use super::engine::{gave_up, learned_bytes, settings};
use super::execution::{Execution, Settings};
use super::explorer::Choice;
use super::explorer::graph::{Gap, Graph, Survey, members};
use super::liveness::bypass::{Bypass, Overtaking, bypass};
use super::liveness::starvation::starvation;
use super::liveness::{Lasso, deadlock, fairness, livelock};
use super::runner::coroutines::{Coroutines, run};
use super::tale::Tale;
use crate::engines::check::Job;
use crate::engines::counterexample::Counterexample;
use crate::engines::search::{Loop, Search};
use crate::engines::verdict::{Cut, GaveUp, Refutation, Verdict};
use crate::scenario::Machine;
use crate::sync::Property;
use crate::sync::announcing::Totals;
use crate::sync::stepping::ThreadId;

/// What was built, and how that ended.
struct Built {
    graph: Graph,
    /// How it has numbered the threads.
    children: Vec<Vec<ThreadId>>,
    search: Search,
    says: Loop,
    totals: Totals,
    unable: Option<GaveUp>,
}

/// One verdict for each of these properties, and what the search did.
pub(in crate::engines) fn verdicts(
    job: &Job<'_>,
    asked: &BTreeSet<Property>,
) -> (Vec<(Property, Verdict)>, Totals) {
    let built = build(job);
    let verdicts = asked
        .iter()
        .map(|&property| (property, verdict(job, &built, property)))
        .collect();
    (verdicts, built.totals)
}

/// The machine on which loops go on for ever.
pub(super) fn endless(job: &Job<'_>) -> Settings {
    Settings {
        endless: true,
        protects: false,
        // What fails is a gap of the graph, which is told.
        heard: BTreeSet::new(),
        ..settings(job, true, true)
    }
}

fn build(job: &Job<'_>) -> Built {
    let started = Instant::now();
    let bytes = job.limits.memory.saturating_mul(1_000_000);
    let limit = Survey::states_in(bytes - learned_bytes(job));
    let coroutines = Coroutines::default();
    let driver = Driver::Survey(Box::new(Survey::new(limit)));
    let execution = Execution::new(&coroutines, endless(job), driver, None);
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut search = Search::default();
    let mut go_on = |_: &Execution<'_>| {
        // Executions are steps of the graph here: their limit is none of it.
        if let Some(time) = job.limits.time
            && started.elapsed() >= time
        {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            search.cut(Cut::Time(ms));
            return false;
        }
        true
    };
    let at_end = run(&execution, &coroutines, &main, &mut go_on);
    let inner = execution.inner.into_inner();
    let Driver::Survey(survey) = inner.driver else {
        unreachable!("a graph is built by a survey")
    };
    let graph = survey.into_graph();
    let unable = match (&inner.stuck, graph.gap()) {
        (Some(stuck), _) => Some(gave_up(job, stuck)),
        (None, Some(Gap::States(limit))) => Some(GaveUp::States {
            limit,
            apart: inner.apart.told(job),
        }),
        (None, Some(Gap::Threads(_))) => Some(GaveUp::Threads { limit: 64 }),
        (None, Some(Gap::Step)) => Some(GaveUp::OtherFailure {
            property: failing(&inner.totals),
        }),
        (None, Some(Gap::Unfinished) | None) => None,
    };
    search.cuts_of(&inner.totals, job.limits.spins, &job.semantics);
    let whole = at_end && unable.is_none() && graph.gap().is_none();
    let states = whole.then_some(graph.len() as u64);
    Built {
        graph,
        children: inner.world.children(),
        search,
        says: if at_end {
            Loop::NothingLeft
        } else {
            Loop::Stopped
        },
        totals: Totals {
            states,
            ..inner.totals
        },
        unable,
    }
}

/// The ids of the properties whose failures ended executions.
fn failing(totals: &Totals) -> String {
    let ids: Vec<&str> = totals.cut.keys().map(|property| property.id()).collect();
    ids.join(", ")
}

/// An infinite execution, who it is about, and what happens in it.
struct Found {
    lasso: Lasso,
    thread: Option<ThreadId>,
    what: &'static str,
}

fn verdict(job: &Job<'_>, built: &Built, property: Property) -> Verdict {
    if !job.program.liveness().contains(&property) {
        let what = format!("{property}: the scenario does not say who waits and is served");
        return Verdict::GaveUp(GaveUp::Unsupported { what });
    }
    let mut max = None;
    let graph = &built.graph;
    let found = match property {
        Property::LivelockFreedom => livelock::livelock(graph).map(|lasso| Found {
            lasso,
            thread: None,
            what: "all go on and nobody is served",
        }),
        Property::StarvationFreedom => {
            first(graph, |thread| starvation(graph, thread), "waits for ever")
        }
        Property::PartialDeadlockFreedom => {
            let stuck = deadlock::partial(graph).into_iter().next();
            stuck.map(|(thread, lasso)| Found {
                lasso,
                thread: Some(thread),
                what: "is stuck for good",
            })
        }
        Property::BoundedBypass => {
            let (most, found) = overtaken(graph);
            max = Some(most);
            found
        }
        _ => None,
    };
    if let Some(found) = found {
        let counterexample = counterexample(job, built.children.clone(), property, found);
        return Verdict::Refuted(Box::new(Refutation::Counterexample(counterexample)));
    }
    if let Some(why) = &built.unable {
        return Verdict::GaveUp(why.clone());
    }
    let executions = built.totals.executions;
    match built
        .search
        .clone()
        .survey(graph, executions, built.says, max)
    {
        Ok(surveyed) => Verdict::Proved(surveyed.into()),
        Err(bounds) => Verdict::Bounded(bounds),
    }
}

/// The thread with the shortest execution.
fn first(
    graph: &Graph,
    find: impl Fn(ThreadId) -> Option<Lasso>,
    what: &'static str,
) -> Option<Found> {
    let all = members(graph.everybody()).filter_map(|thread| Some((thread, find(thread)?)));
    let (thread, lasso) = all.min_by_key(|(_, Lasso { stem, cycle })| stem.len() + cycle.len())?;
    Some(Found {
        lasso,
        thread: Some(thread),
        what,
    })
}

/// The most that anybody is passed over while it waits; or that there is no most.
fn overtaken(graph: &Graph) -> (u64, Option<Found>) {
    let mut most = 0;
    let mut worst: Option<Found> = None;
    for thread in members(graph.everybody()) {
        let Some(Overtaking {
            bypass,
            shown_by: lasso,
        }) = bypass(graph, thread)
        else {
            continue;
        };
        let what = match bypass {
            Bypass::Max(max) | Bypass::AtLeast(max) => {
                most = most.max(max);
                continue;
            }
            Bypass::Unbounded => "waits while others are served again and again",
            Bypass::IfSlow => {
                "waits while others are served again and again, but could move all the time"
            }
        };
        let found = Found {
            lasso,
            thread: Some(thread),
            what,
        };
        match bypass {
            Bypass::Unbounded => return (most, Some(found)),
            _ => worst = worst.or(Some(found)),
        }
    }
    (most, worst)
}

fn counterexample(
    job: &Job<'_>,
    children: Vec<Vec<ThreadId>>,
    property: Property,
    found: Found,
) -> Counterexample {
    let Found {
        lasso: Lasso { stem, cycle },
        thread,
        what,
    } = found;
    let loop_from = stem.len();
    let steps = stem.into_iter().chain(cycle).collect();
    let tale = tell(job, endless(job), children, steps);
    let who = thread.map_or_else(String::new, |thread| format!("{} ", tale.thread(thread)));
    // As any run of these steps numbers them.
    let tale = tale.renumbered();
    let repeated = tale.steps.len() - loop_from;
    let message = if property == Property::BoundedBypass {
        // The scheduler need not be fair: so often happens in a finite beginning.
        format!("{who}{what}: after {loop_from} steps {repeated} repeat as often as one likes")
    } else {
        let assumption = fairness::ASSUMPTION;
        format!("{who}{what}: after {loop_from} steps {repeated} repeat for ever. {assumption}")
    };
    Counterexample::of_loop(
        job,
        property,
        message,
        tale.threads(),
        tale.steps,
        loop_from,
    )
}

/// Runs these steps, of a run that has numbered the threads so, and writes them down.
pub(super) fn tell(
    job: &Job<'_>,
    settings: Settings,
    children: Vec<Vec<ThreadId>>,
    mut steps: Vec<Choice>,
) -> Tale {
    steps.reverse();
    let coroutines = Coroutines::default();
    let execution = Execution::new(&coroutines, settings, Driver::Steps(steps), None);
    {
        let mut inner = execution.inner.borrow_mut();
        inner.tale = Some(Tale::default());
        inner.world.know_children(children);
    }
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut once = true;
    let mut first = |_: &Execution<'_>| std::mem::take(&mut once);
    run(&execution, &coroutines, &main, &mut first);
    let started = execution.started.into_inner();
    let mut tale = execution.inner.into_inner().tale.unwrap_or_default();
    tale.started = started;
    tale
}
