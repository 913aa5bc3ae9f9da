//! The engine: a search over the program's own code, and the counterexample of what it finds.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::driver::{Driver, Guide};
use super::execution::{Execution, Inner, Settings, Stuck};
use super::explorer::minimise::fewest_preemptions;
use super::explorer::optimal::Optimal;
use super::explorer::source::Source;
use super::explorer::states::States;
use super::explorer::{Divergence, Explorer};
use super::runner::{coroutines, shuttle as on_tasks};
use super::world::World;
use crate::engines::check::{Job, failed, unrecorded};
use crate::engines::engine::{Ending, Engine, Run};
use crate::engines::limits::SearchMode;
use crate::engines::search::{Loop, Search};
use crate::engines::verdict::{Cut, GaveUp};
use crate::engines::{environment, panics};
use crate::scenario::Machine;
use crate::sync::announcing::{
    CAUGHT_PANIC, Choices, Failure, FailureKind, Recorder, Script, Session,
};
use crate::sync::{NotifyOrder, Property};

/// The engine on coroutines of our own.
#[derive(Clone, Copy, Debug)]
pub struct Exhaustive;

/// The engine inside shuttle's runner.
#[derive(Clone, Copy, Debug)]
pub struct ExhaustiveShuttle;

impl Engine for Exhaustive {
    fn run(&self, job: &Job<'_>) -> Run {
        search(job, Runner::Coroutines)
    }
}

impl Engine for ExhaustiveShuttle {
    fn run(&self, job: &Job<'_>) -> Run {
        let run = search(job, Runner::Shuttle);
        Run {
            overridden: environment::set(&environment::SHUTTLE),
            ..run
        }
    }
}

/// What runs the threads.
#[derive(Clone, Copy, Debug)]
enum Runner {
    Coroutines,
    Shuttle,
}

impl Runner {
    /// Runs executions of the job's program until the driver has no more, or `go_on` says no before
    /// one; whether the driver had no more, and what is left of them.
    fn run(
        self,
        job: &Job<'_>,
        settings: Settings,
        driver: Driver,
        recorder: Option<Recorder>,
        go_on: &mut dyn FnMut(&Execution<'_>) -> bool,
    ) -> (bool, Inner) {
        let main = || job.program.run_on(Machine::Stepping, job.instance);
        match self {
            Self::Coroutines => {
                let coroutines = coroutines::Coroutines::default();
                let execution = Execution::new(&coroutines, settings, driver, recorder);
                let at_end = coroutines::run(&execution, &coroutines, &main, go_on);
                (at_end, execution.inner.into_inner())
            }
            Self::Shuttle => {
                let tasks = on_tasks::Tasks::default();
                let execution = Execution::new(&tasks, settings, driver, recorder);
                let at_end = on_tasks::run(&execution, &tasks, &main, go_on);
                (at_end, execution.inner.into_inner())
            }
        }
    }
}

pub(super) fn settings(job: &Job<'_>, native: bool, by_state: bool) -> Settings {
    Settings {
        semantics: job.semantics,
        targets: job.targets.clone(),
        spin_cap: job.limits.spins,
        steps: job.limits.steps,
        native,
        by_state,
        endless: false,
    }
}

/// A search to its end or to a limit.
fn search(job: &Job<'_>, runner: Runner) -> Run {
    panics::own_output();
    let started = Instant::now();
    let explorer: Box<dyn Explorer> = match job.limits.mode {
        SearchMode::Traces => Box::new(Optimal::default()),
        SearchMode::Source => Box::new(Source::new()),
        SearchMode::States => Box::new(States::new()),
    };
    let by_state = job.limits.mode == SearchMode::States;
    let mut search = Search::in_mode(job.limits.mode);
    let mut executions = 0u64;
    let mut full = false;
    let mut go_on = |execution: &Execution<'_>| {
        // Asked for rarely: it is a sum over the search.
        if executions % 256 == 255 && execution.memory() / 1_000_000 >= job.limits.memory {
            full = true;
            return false;
        }
        if let Some(most) = job.limits.exhaustive_executions
            && executions >= most
        {
            search.cut(Cut::Executions(most));
            return false;
        }
        if let Some(time) = job.limits.time
            && executions > 0
            && started.elapsed() >= time
        {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            search.cut(Cut::Time(ms));
            return false;
        }
        executions += 1;
        true
    };
    let (at_end, inner) = runner.run(
        job,
        settings(job, true, by_state),
        Driver::Search(explorer),
        None,
        &mut go_on,
    );
    let mut totals = inner.totals;
    let Driver::Search(explorer) = inner.driver else {
        unreachable!("a search is driven by its explorer")
    };
    if job.limits.mode == SearchMode::Source && inner.failed.is_none() {
        // What sleep sets end early is no execution more.
        totals.executions = explorer.counts().complete;
    }
    let ending = if let Some(stuck) = inner.stuck {
        Ending::Unable(gave_up(job, &stuck))
    } else if inner.world.used().resized {
        Ending::Unable(GaveUp::Unsupported {
            what: "a semaphore set whose number of members depends on what its maker has seen"
                .to_owned(),
        })
    } else if full {
        Ending::Unable(GaveUp::Memory {
            limit: job.limits.memory,
        })
    } else if let Some(found) = inner.failed.as_ref().filter(|_| job.program.is_mutant()) {
        // On semaphores that are built of mutexes it would be changed elsewhere.
        unrecorded(job, found.property, &found.message, totals.executions)
    } else if let Some(found) = inner.failed {
        refuted(
            job,
            runner,
            explorer.as_ref(),
            &inner.world,
            found.property,
            &found.message,
            totals.executions,
        )
    } else {
        let watched = inner.locksets.is_none() && totals.used.cells;
        if by_state && watched && (inner.world.used().tries || totals.used.condvars) {
            search.cut(Cut::KnownGap(
                "a search over states takes a failed try and a notification for synchronisation of \
                 plain memory that no lock protects; use --mode traces"
                    .to_owned(),
            ));
        }
        if by_state && inner.weak_orders && totals.used.cells {
            search.cut(Cut::KnownGap(
                "a search over states orders plain memory by steps, not by the memory orders of \
                 atomics; use --mode traces"
                    .to_owned(),
            ));
        }
        if job.limits.mode == SearchMode::Source
            && totals.used.condvars
            && job.semantics.notify == NotifyOrder::Any
        {
            search.cut(Cut::KnownGap(
                "Source-DPOR is known to miss whom a notification wakes; use --mode traces"
                    .to_owned(),
            ));
        }
        search.cuts_of(&totals, job.limits.spins, &job.semantics);
        let says = if at_end {
            Loop::NothingLeft
        } else {
            Loop::Stopped
        };
        search.end(totals.executions, says).into()
    };
    Run {
        ending,
        totals,
        overridden: Vec::new(),
    }
}

pub(super) fn gave_up(job: &Job<'_>, stuck: &Stuck) -> GaveUp {
    match stuck {
        Stuck::Steps => GaveUp::Steps {
            limit: job.limits.steps,
        },
        Stuck::CaughtPanic => GaveUp::Unsupported {
            what: CAUGHT_PANIC.to_owned(),
        },
        Stuck::Internal(detail) => GaveUp::Internal {
            detail: detail.clone(),
        },
        Stuck::Diverged(divergence) => GaveUp::Nondeterministic {
            detail: told(divergence),
        },
    }
}

fn told(divergence: &Divergence) -> String {
    let Divergence {
        step,
        thread,
        before: (op, place),
        now,
    } = divergence;
    let now = match now {
        Some((op, place)) => format!("{op:?} at {place}"),
        None => "nothing".to_owned(),
    };
    format!(
        "after the same {step} steps thread {thread} announced {op:?} at {place} before and {now} \
         now"
    )
}

/// The counterexample of a failure that was found by these native steps.
fn refuted(
    job: &Job<'_>,
    runner: Runner,
    explorer: &dyn Explorer,
    world: &World,
    property: Property,
    message: &str,
    execution: u64,
) -> Ending {
    // The same trace in its most readable order; as it was found where that does not fail alike.
    // Step by step where semaphores are built of mutexes already.
    let shortest = fewest_preemptions(explorer.events(), world);
    let failure = [shortest, explorer.schedule()]
        .into_iter()
        .flat_map(|schedule| {
            let steps = schedule.iter().rev().map(|taken| taken.choice).collect();
            [Driver::Guide(Guide::new(schedule)), Driver::Steps(steps)]
        })
        .find_map(|driver| {
            recorded(job, runner, driver, None)
                .filter(|failure| failure.kind == FailureKind::Property(property))
        });
    match failure {
        Some(failure) => failed(job, &failure, execution),
        None => Ending::Unable(GaveUp::Internal {
            detail: format!(
                "{property} fails ({message}), but not where semaphores are built of mutexes"
            ),
        }),
    }
}

/// One execution, recorded, on semaphores that are built of mutexes.
fn recorded(
    job: &Job<'_>,
    runner: Runner,
    driver: Driver,
    script: Option<Script>,
) -> Option<Failure> {
    let session = Session::new(crate::sync::announcing::Settings {
        script,
        ..job.settings(Choices::Table(Default::default()))
    });
    let recorder = Recorder::new(Arc::clone(&session));
    let settings = settings(job, false, false);
    let mut once = true;
    let mut first = |_: &Execution<'_>| mem::take(&mut once);
    runner.run(job, settings, driver, Some(recorder), &mut first);
    session.end();
    session.take_failure()
}

/// Repeats a recording step by step.
pub(in crate::engines) fn repeat(job: &Job<'_>, script: Script) -> Option<Failure> {
    panics::own_output();
    recorded(job, Runner::Coroutines, Driver::Script, Some(script))
}
