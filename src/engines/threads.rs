//! OS threads as an engine: the program really runs in parallel, perturbed by random yields.
//!
//! What it visits depends on the machine, so it only ever samples. A deadlock is seen when the
//! last thread blocks; then every wait is ended and the threads unwind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::check::{Job, failed};
use super::engine::{Ending, Engine, Run};
use super::panics;
use super::search::Search;
use super::verdict::{Cut, Sample};
use crate::scenario::Machine;
use crate::sync::announcing::{Choices, Failure, Session, Settings};

/// The engine.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

impl Engine for Threads {
    fn run(&self, job: &Job<'_>) -> Run {
        panics::own_output();
        let settings = Settings {
            perturb: Some(job.limits.seed),
            ..job.settings(Choices::Sampled(job.limits.seed))
        };
        let session = Session::new(settings);
        let mut search = Search::default();
        let started = Instant::now();
        let mut ending = None;
        let mut nothing_to_choose = false;
        for schedule in 0..job.limits.thread_schedules {
            if let Some(time) = job.limits.time
                && schedule > 0
                && started.elapsed() >= time
            {
                search.cut(Cut::Time(
                    u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                ));
                break;
            }
            if let Some(failure) = execute(job, &session) {
                ending = Some(failed(job, &failure, schedule + 1));
                break;
            }
            let totals = session.totals();
            nothing_to_choose = totals.max_threads <= 1 && !totals.used.choices;
            if nothing_to_choose {
                break;
            }
        }
        let totals = session.totals();
        search.cuts_of(&totals, job.limits.spins, &job.semantics);
        let ending = ending.unwrap_or_else(|| {
            Ending::Sampled(Sample {
                scheduler: "OS threads".to_owned(),
                seed: None,
                schedules: totals.executions,
                nothing_to_choose,
                miss: None,
                cuts: search.cuts(),
            })
        });
        Run {
            ending,
            totals,
            overridden: Vec::new(),
            mode: None,
            gaps: Default::default(),
        }
    }
}

/// One execution on OS threads under `session`.
pub(super) fn execute(job: &Job<'_>, session: &Arc<Session>) -> Option<Failure> {
    session.begin();
    let result = session.install(|| {
        catch_unwind(AssertUnwindSafe(|| {
            job.program.run_on(Machine::Threads, job.instance)
        }))
    });
    session.end();
    // Threads end their panics themselves; what comes out here is a slip of the session.
    debug_assert!(
        result.is_ok(),
        "a panic left the main thread of an execution"
    );
    session.take_failure()
}
