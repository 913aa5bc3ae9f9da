//! loom as an engine: every execution under the C11 memory model as loom has it.
//!
//! loom's own limits are not used but for the preemption bound: it looks at them only now and then
//! and then returns as if it had finished. Executions are counted here, a cut is made from inside
//! an execution, and what loom says at its end is believed only when no cut was made.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::check::{Job, Pass, failed, gave_up, over_choices};
use super::engine::{Ending, Engine, Run};
use super::search::{Gap, Loop, Search};
use super::verdict::{Cut, GaveUp};
use super::{environment, panics};
use crate::scenario::Machine;
use crate::sync::announcing::{Abandoned, Host, Session, Totals, last_panic};
use crate::sync::backends::loom::Loom as Backend;

/// The engine.
#[derive(Clone, Copy, Debug)]
pub struct Loom;

/// What loom is known to miss; a program that uses it is never proved here.
const GAPS: [Gap; 4] = [
    (
        |used| used.atomics,
        "loom misses outcomes of atomics (its issues 166 and 392)",
    ),
    (
        |used| used.try_lock,
        "loom misses outcomes of try_lock (unlock is no branch point)",
    ),
    (
        |used| used.yields,
        "loom misses outcomes of yields (all others go on first)",
    ),
    (
        |used| used.spins,
        "loom misses outcomes of busy-waits (between two rounds all others go on)",
    ),
];

impl Engine for Loom {
    fn run(&self, job: &Job<'_>) -> Run {
        panics::own_output();
        let overridden = environment::set(&environment::LOOM);
        let mut search = Search::default();
        if let Some(bound) = job.limits.preemptions {
            search.cut(Cut::Preemptions(bound));
        }
        let started = Instant::now();
        let (ended, totals, says) = over_choices(job, &mut search, |session, search, before| {
            pass(job, session, search, before, started)
        });
        search.cuts_of(&totals, job.limits.spins, &job.semantics);
        search.known_gap(&totals.used, &GAPS);
        let ending = match ended {
            Some(Ending::Failed(counterexample)) if totals.used.seq_cst_accesses => {
                Ending::Unable(GaveUp::FalseAlarm {
                    why: format!(
                        "loom takes SeqCst accesses for AcqRel; it found: {}",
                        counterexample.message
                    ),
                })
            }
            Some(Ending::Failed(counterexample))
                if totals.used.mixed_writes && !counterexample.sequentially_consistent =>
            {
                Ending::Unable(GaveUp::FalseAlarm {
                    why: format!(
                        "loom lets a read-modify-write read a value that a store has replaced; it \
                         found: {}",
                        counterexample.message
                    ),
                })
            }
            Some(Ending::Unable(GaveUp::Internal { detail }))
                if totals.used.try_lock && detail.starts_with("deadlock; threads") =>
            {
                Ending::Unable(GaveUp::FalseAlarm {
                    why: "loom lets a try_lock wait for the unlock; it found a deadlock".to_owned(),
                })
            }
            Some(ending) => ending,
            None => search.end(totals.executions, says).into(),
        };
        Run {
            ending,
            totals,
            overridden,
            mode: None,
            gaps: Default::default(),
        }
    }
}

/// One search of loom, under one table of choices.
fn pass(
    job: &Job<'_>,
    session: &Arc<Session>,
    search: &mut Search,
    before: u64,
    started: Instant,
) -> Pass {
    /// What made the closure give up: nothing, the number of executions, the time.
    const EXECUTIONS: u64 = 1;
    const TIME: u64 = 2;
    let stopped_by = Arc::new(AtomicU64::new(0));
    let program = {
        let (session, stopped_by) = (Arc::clone(session), Arc::clone(&stopped_by));
        let (program, instance) = (Arc::clone(job.program), job.instance.clone());
        let (most, time) = (job.limits.executions, job.limits.time);
        let done = AtomicU64::new(before);
        move || {
            // Relaxed: loom runs all this on one OS thread.
            let executions = done.fetch_add(1, Relaxed);
            let stop = if most.is_some_and(|most| executions >= most) {
                EXECUTIONS
            } else if time.is_some_and(|time| executions > 0 && started.elapsed() >= time) {
                TIME
            } else {
                0
            };
            if stop != 0 {
                stopped_by.store(stop, Relaxed);
                resume_unwind(Box::new(Abandoned));
            }
            session.begin();
            program.run_on(Machine::Loom, &instance);
            session.end();
        }
    };
    let result = session.install(|| catch_unwind(AssertUnwindSafe(|| builder(job).check(program))));
    let ended = match (result, session.take_failure()) {
        (_, Some(failure)) => Some(failed(job, &failure, before + session.totals().executions)),
        (Ok(()), None) => {
            return Pass {
                ended: None,
                says: Loop::NothingLeft,
            };
        }
        (Err(payload), None) => match stopped_by.load(Relaxed) {
            EXECUTIONS => {
                search.cut(Cut::Executions(job.limits.executions.unwrap_or(0)));
                None
            }
            TIME => {
                let time = job.limits.time.unwrap_or_default().as_millis();
                search.cut(Cut::Time(u64::try_from(time).unwrap_or(u64::MAX)));
                None
            }
            _ => Some(Ending::Unable(other_end(
                job,
                &session.totals(),
                payload.as_ref(),
            ))),
        },
    };
    Pass {
        ended,
        says: Loop::Stopped,
    }
}

/// Why loom's search ended without a failure that was asked for.
fn other_end(job: &Job<'_>, totals: &Totals, payload: &(dyn Any + Send)) -> GaveUp {
    if let Some(property) = totals.cut.keys().next()
        && payload.is::<Abandoned>()
    {
        return GaveUp::OtherFailure {
            property: property.id().to_owned(),
        };
    }
    if let Some(generator::Error::StackErr) = payload.downcast_ref() {
        return GaveUp::Crashed {
            how: "stack overflow of a checked thread".to_owned(),
        };
    }
    let message = last_panic::message(payload);
    match Backend::classify_panic(&message) {
        // A panic of loom's own between two threads, where none of ours could tell it.
        Some(trouble) => gave_up(job, &trouble, &message),
        None => GaveUp::Internal { detail: message },
    }
}

/// loom's builder with every setting made here and none taken from the environment.
fn builder(job: &Job<'_>) -> loom::model::Builder {
    // `new` panics on a variable that it cannot read; the catch around us makes that a row.
    let mut builder = loom::model::Builder::new();
    builder.max_threads = loom::MAX_THREADS;
    builder.max_branches = job.limits.steps;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = job.limits.preemptions;
    builder.checkpoint_file = None;
    builder.checkpoint_interval = usize::MAX;
    builder.expect_explicit_explore = false;
    builder.location = false;
    builder.log = false;
    builder
}
