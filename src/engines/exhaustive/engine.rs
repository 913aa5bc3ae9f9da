//! The engine: a search over the program's own code, and the counterexample of what it finds.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::driver::{Driver, Guide};
use super::execution::{Execution, Settings, Stuck};
use super::explorer::optimal::Optimal;
use super::explorer::source::Source;
use super::explorer::states::States;
use super::explorer::{Divergence, Explorer, Taken};
use super::runner::coroutines::{Coroutines, run};
use crate::engines::check::{Job, failed};
use crate::engines::engine::{Ending, Engine, Run};
use crate::engines::limits::SearchMode;
use crate::engines::panics;
use crate::engines::search::{Loop, Search};
use crate::engines::verdict::{Cut, GaveUp};
use crate::scenario::Machine;
use crate::sync::Property;
use crate::sync::announcing::{Choices, Failure, Recorder, Script, Session, Totals};

/// The engine on coroutines of our own.
#[derive(Clone, Copy, Debug)]
pub struct Exhaustive;

impl Engine for Exhaustive {
    fn run(&self, job: &Job<'_>) -> Run {
        panics::own_output();
        let started = Instant::now();
        match job.limits.mode {
            SearchMode::Traces => search(job, Box::new(Optimal::default()), false, started),
            SearchMode::Source => search(job, Box::new(Source::new()), false, started),
            SearchMode::States => search(job, Box::new(States::new()), true, started),
        }
    }
}

fn settings(job: &Job<'_>, native: bool, by_state: bool) -> Settings {
    Settings {
        semantics: job.semantics,
        targets: job.targets.clone(),
        spin_cap: job.limits.spins,
        steps: job.limits.steps,
        native,
        by_state,
    }
}

/// A search to its end or to a limit.
fn search(job: &Job<'_>, explorer: Box<dyn Explorer>, by_state: bool, started: Instant) -> Run {
    let coroutines = Coroutines::default();
    let execution = Execution::new(
        &coroutines,
        settings(job, true, by_state),
        Driver::Search(explorer),
        None,
    );
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut search = Search::in_mode(job.limits.mode);
    let mut executions = 0u64;
    let at_end = run(&execution, &coroutines, &main, |_| {
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
    });
    let inner = execution.inner.into_inner();
    let totals = inner.totals;
    let Driver::Search(explorer) = inner.driver else {
        unreachable!("a search is driven by its explorer")
    };
    let ending = if let Some(stuck) = inner.stuck {
        Ending::Unable(gave_up(job, &stuck))
    } else if let Some(found) = inner.failed {
        refuted(
            job,
            explorer.schedule(),
            found.property,
            &found.message,
            totals.executions,
        )
    } else {
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

fn gave_up(job: &Job<'_>, stuck: &Stuck) -> GaveUp {
    match stuck {
        Stuck::Steps => GaveUp::Steps {
            limit: job.limits.steps,
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
    schedule: Vec<Taken>,
    property: Property,
    message: &str,
    execution: u64,
) -> Ending {
    let (failure, _) = recorded(job, Driver::Guide(Guide::new(schedule)), None);
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
fn recorded(job: &Job<'_>, driver: Driver, script: Option<Script>) -> (Option<Failure>, Totals) {
    let session = Session::new(crate::sync::announcing::Settings {
        script,
        ..job.settings(Choices::Table(Default::default()))
    });
    let coroutines = Coroutines::default();
    let execution = Execution::new(
        &coroutines,
        settings(job, false, false),
        driver,
        Some(Recorder::new(Arc::clone(&session))),
    );
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut once = true;
    run(&execution, &coroutines, &main, |_| mem::take(&mut once));
    session.end();
    (session.take_failure(), session.totals())
}

/// Repeats a recording step by step.
pub(in crate::engines) fn repeat(job: &Job<'_>, script: Script) -> Option<Failure> {
    panics::own_output();
    recorded(job, Driver::Script, Some(script)).0
}
