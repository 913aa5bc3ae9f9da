//! shuttle as four engines: depth-first, random walk, PCT, uniform random walk.
//!
//! Each is shuttle's own scheduler behind a wrapper that counts, stops after a failure, ends
//! executions that are too long, and knows whether the scheduler came to its end by itself.

use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use shuttle::scheduler::{
    DfsScheduler, PctScheduler, RandomScheduler, RoundRobinScheduler, Schedule, Scheduler, Task,
    TaskId, UrwRandomScheduler,
};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use super::check::{Job, Pass, failed, over_choices};
use super::engine::{Ending, Engine, Run};
use super::search::{Loop, Search};
use super::verdict::{Cut, GaveUp, Miss, Sample};
use super::{environment, panics};
use crate::scenario::Machine;
use crate::sync::announcing::{Choices, Session, last_panic};

/// Depth-first search over every interleaving.
#[derive(Clone, Copy, Debug)]
pub struct Dfs;
/// A uniform choice at every step.
#[derive(Clone, Copy, Debug)]
pub struct Random;
/// Random priorities with a few random changes.
#[derive(Clone, Copy, Debug)]
pub struct Pct;
/// Choices weighted so that interleavings are about equally likely.
#[derive(Clone, Copy, Debug)]
pub struct Urw;

/// Stack of a shuttle task in bytes; shuttle's own 60 KiB are soon full.
pub(in crate::engines) const STACK_BYTES: usize = 512 * 1024;

impl Engine for Dfs {
    fn run(&self, job: &Job<'_>) -> Run {
        panics::own_output();
        let mut search = Search::default();
        let started = Instant::now();
        let (ended, totals, says) = over_choices(job, &mut search, |session, search, before| {
            let bounds = Bounds {
                executions: job.limits.executions,
                before,
                time: job.limits.time,
                started,
                steps: job.limits.steps,
            };
            pass(job, session, search, DfsScheduler::new(None, false), bounds)
        });
        search.cuts_of(&totals, job.limits.spins, &job.semantics);
        let ending = ended.unwrap_or_else(|| search.end(totals.executions, says).into());
        Run {
            ending,
            totals,
            overridden: environment::set(&environment::SHUTTLE),
            mode: None,
        }
    }
}

impl Engine for Random {
    fn run(&self, job: &Job<'_>) -> Run {
        let scheduler = || RandomScheduler::new_from_seed(job.limits.seed, schedules(job));
        sample(job, scheduler, "random walk", |_, _, _| None)
    }
}

impl Engine for Pct {
    fn run(&self, job: &Job<'_>) -> Run {
        let depth = job.limits.depth.max(1);
        let scheduler = || PctScheduler::new_from_seed(job.limits.seed, depth, schedules(job));
        let name = format!("PCT of depth {depth}");
        sample(job, scheduler, &name, |threads, points, executions| {
            Some(Miss::new(depth, threads, points, executions))
        })
    }
}

impl Engine for Urw {
    fn run(&self, job: &Job<'_>) -> Run {
        let scheduler = || UrwRandomScheduler::new_from_seed(job.limits.seed, schedules(job));
        sample(job, scheduler, "uniform random walk", |_, _, _| None)
    }
}

fn schedules(job: &Job<'_>) -> usize {
    usize::try_from(job.limits.schedules).unwrap_or(usize::MAX)
}

/// A run of a sampling scheduler.
fn sample<S: Scheduler + Send + 'static>(
    job: &Job<'_>,
    scheduler: impl FnOnce() -> S,
    name: &str,
    miss: impl FnOnce(usize, usize, u64) -> Option<Miss>,
) -> Run {
    panics::own_output();
    let overridden = environment::set(&environment::SHUTTLE);
    // shuttle takes this variable over any seed, so it is the seed that was really used.
    let seed = match std::env::var("SHUTTLE_RANDOM_SEED") {
        Ok(text) => text.parse().ok(),
        Err(_) => Some(job.limits.seed),
    };
    let session = Session::new(job.settings(Choices::Sampled(job.limits.seed)));
    let mut search = Search::default();
    let bounds = Bounds {
        executions: None,
        before: 0,
        time: job.limits.time,
        started: Instant::now(),
        steps: job.limits.steps,
    };
    let mut points = 0;
    // The scheduler's constructor panics on a seed from the environment that is no number.
    let pass = match session.install(|| catch_unwind(AssertUnwindSafe(scheduler))) {
        Ok(scheduler) => counted_pass(job, &session, &mut search, scheduler, bounds, &mut points),
        Err(payload) => Pass {
            ended: Some(internal(payload.as_ref())),
            says: Loop::Stopped,
        },
    };
    let totals = session.totals();
    search.cuts_of(&totals, job.limits.spins, &job.semantics);
    let ending = pass.ended.unwrap_or_else(|| {
        let schedules = totals.executions;
        // Nothing was to be chosen, so no guarantee is needed; but data may have been.
        let (scheduler, miss) = match points {
            0 if schedules > 0 => (format!("{name}, nothing to schedule"), None),
            _ => (name.to_owned(), miss(totals.max_threads, points, schedules)),
        };
        Ending::Sampled(Sample {
            scheduler,
            seed,
            schedules,
            miss,
            cuts: search.cuts(),
        })
    });
    Run {
        ending,
        totals,
        overridden,
        mode: None,
    }
}

struct Bounds {
    executions: Option<u64>,
    before: u64,
    time: Option<Duration>,
    started: Instant,
    steps: usize,
}

fn pass<S: Scheduler + Send + 'static>(
    job: &Job<'_>,
    session: &Arc<Session>,
    search: &mut Search,
    scheduler: S,
    bounds: Bounds,
) -> Pass {
    counted_pass(job, session, search, scheduler, bounds, &mut 0)
}

/// One run of a scheduler; `points` becomes the most scheduling points of an execution, none where
/// there was nothing to choose.
fn counted_pass<S: Scheduler + Send + 'static>(
    job: &Job<'_>,
    session: &Arc<Session>,
    search: &mut Search,
    scheduler: S,
    bounds: Bounds,
    points: &mut usize,
) -> Pass {
    let before = bounds.before;
    let log = Arc::new(Mutex::new(Log::default()));
    let watched = Watched {
        scheduler: ManuallyDrop::new(scheduler),
        session: Arc::clone(session),
        bounds,
        log: Arc::clone(&log),
        started: 0,
        points: 0,
        chose: false,
    };
    let program = {
        let session = Arc::clone(session);
        let (program, instance) = (Arc::clone(job.program), job.instance.clone());
        move || {
            session.begin();
            program.run_on(Machine::Shuttle, &instance);
            session.end();
        }
    };
    let result = session.install(|| {
        catch_unwind(AssertUnwindSafe(|| {
            Runner::new(watched, config()).run(program)
        }))
    });
    let log = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
    *points = if log.chose { log.points } else { 0 };
    if let Some(message) = log.lost {
        let detail = format!("other threads can move than on the same schedule before ({message})");
        return Pass {
            ended: Some(Ending::Unable(GaveUp::Nondeterministic { detail })),
            says: Loop::Stopped,
        };
    }
    if let Some(failure) = session.take_failure() {
        let execution = before + session.totals().executions;
        return Pass {
            ended: Some(failed(job, &failure, execution)),
            says: Loop::Stopped,
        };
    }
    if let Err(payload) = result {
        return Pass {
            ended: Some(internal(payload.as_ref())),
            says: Loop::Stopped,
        };
    }
    for cut in log.cuts {
        search.cut(cut);
    }
    Pass {
        ended: None,
        says: if log.at_end {
            Loop::NothingLeft
        } else {
            Loop::Stopped
        },
    }
}

fn internal(payload: &(dyn std::any::Any + Send)) -> Ending {
    Ending::Unable(GaveUp::Internal {
        detail: last_panic::message(payload),
    })
}

/// How shuttle is to run: without limits of its own, keeping and printing nothing.
pub(in crate::engines) fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.failure_persistence = FailurePersistence::None;
    // Steps and time are counted by who schedules, which says when it cuts.
    config.max_steps = MaxSteps::None;
    config.max_time = None;
    config.silence_warnings = true;
    config
}

/// What a watched scheduler tells.
#[derive(Default)]
struct Log {
    /// The scheduler said that nothing is left.
    at_end: bool,
    cuts: Vec<Cut>,
    points: usize,
    /// Some execution left a choice.
    chose: bool,
    /// The scheduler does not find what it has scheduled before: its panic.
    lost: Option<String>,
}

/// A scheduler that is watched and can be stopped.
struct Watched<S> {
    /// Never dropped: shuttle's random scheduler prints advice when it is dropped after a failure.
    scheduler: ManuallyDrop<S>,
    session: Arc<Session>,
    bounds: Bounds,
    log: Arc<Mutex<Log>>,
    /// Executions begun.
    started: u64,
    /// Scheduling points of this execution.
    points: usize,
    /// Some execution left a choice.
    chose: bool,
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl<S> Watched<S> {
    fn tell(&self, tell: impl FnOnce(&mut Log)) {
        tell(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn cut(&self, cut: Cut) {
        self.tell(|log| {
            if !log.cuts.contains(&cut) {
                log.cuts.push(cut);
            }
        });
    }
}

impl<S: Scheduler> Scheduler for Watched<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let points = self.points;
        self.tell(|log| log.points = log.points.max(points));
        self.points = 0;
        if self.session.has_failed() {
            return None;
        }
        // Asked first, so that a limit equal to what there is cuts nothing.
        let scheduler = &mut self.scheduler;
        let schedule = match catch_unwind(AssertUnwindSafe(|| scheduler.new_execution())) {
            Ok(schedule) => schedule,
            // PCT refuses to go on where nothing was to be chosen.
            Err(_) if self.started > 0 && !self.chose => None,
            Err(payload) => resume_unwind(payload),
        };
        let Some(schedule) = schedule else {
            self.tell(|log| log.at_end = true);
            return None;
        };
        if let Some(most) = self.bounds.executions
            && self.bounds.before + self.started >= most
        {
            self.cut(Cut::Executions(most));
            return None;
        }
        if let Some(time) = self.bounds.time
            && self.bounds.before + self.started > 0
            && self.bounds.started.elapsed() >= time
        {
            self.cut(Cut::Time(
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            ));
            return None;
        }
        self.started += 1;
        Some(schedule)
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        if current.is_some() && self.session.stopped() {
            return None;
        }
        if self.points >= self.bounds.steps {
            self.cut(Cut::Steps(self.bounds.steps));
            self.session.cut();
            return None;
        }
        self.points += 1;
        if runnable.len() > 1 && !self.chose {
            self.chose = true;
            self.tell(|log| log.chose = true);
        }
        // A panic of the scheduler is none of the program's, whose stack this is.
        let next = || self.scheduler.next_task(runnable, current, is_yielding);
        let lost = match catch_unwind(AssertUnwindSafe(next)) {
            Ok(Some(next)) if !runnable.iter().any(|task| task.id() == next) => {
                format!("{next:?} cannot move now")
            }
            Ok(next) => return next,
            Err(payload) => last_panic::message(payload.as_ref()),
        };
        self.tell(|log| log.lost = Some(lost));
        self.session.cut();
        None
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

/// Runs an empty program, so that shuttle installs its panic hook now and not later.
pub(super) fn install_its_panic_hook() {
    Runner::new(RoundRobinScheduler::new(1), config()).run(|| ());
}
