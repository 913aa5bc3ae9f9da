//! shuttle as four engines: depth-first, random walk, PCT, uniform random walk.
//!
//! Each is shuttle's own scheduler behind a wrapper that counts, stops after a failure, ends
//! executions that are too long, and knows whether the scheduler came to its end by itself.

use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
use super::limits::stack_bytes;
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
            gaps: Default::default(),
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
    let mut log = Log::default();
    // The scheduler's constructor panics on a seed from the environment that is no number.
    let pass = match session.install(|| catch_unwind(AssertUnwindSafe(scheduler))) {
        Ok(scheduler) => {
            let most = Some(job.limits.schedules);
            watched_pass(
                job,
                &session,
                &mut search,
                scheduler,
                bounds,
                most,
                &mut log,
            )
        }
        Err(payload) => Pass {
            ended: Some(internal(payload.as_ref())),
            says: Loop::Stopped,
        },
    };
    let totals = session.totals();
    search.cuts_of(&totals, job.limits.spins, &job.semantics);
    let ending = pass.ended.unwrap_or_else(|| {
        let schedules = totals.executions;
        Ending::Sampled(Sample {
            scheduler: name.to_owned(),
            seed,
            schedules,
            nothing_to_choose: log.nothing_to_choose,
            miss: (!log.nothing_to_choose)
                .then(|| miss(totals.max_threads, log.points, schedules))
                .flatten(),
            cuts: search.cuts(),
        })
    });
    Run {
        ending,
        totals,
        overridden,
        mode: None,
        gaps: Default::default(),
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
    let log = &mut Log::default();
    watched_pass(job, session, search, scheduler, bounds, None, log)
}

/// One run of a scheduler, of so many schedules at most where it samples; `told` becomes what the
/// watched scheduler told.
fn watched_pass<S: Scheduler + Send + 'static>(
    job: &Job<'_>,
    session: &Arc<Session>,
    search: &mut Search,
    scheduler: S,
    bounds: Bounds,
    samples: Option<u64>,
    told: &mut Log,
) -> Pass {
    let before = bounds.before;
    let log = Arc::new(Mutex::new(Log::default()));
    let watched = Watched {
        scheduler: ManuallyDrop::new(scheduler),
        session: Arc::clone(session),
        bounds,
        samples,
        log: Arc::clone(&log),
        started: 0,
        points: 0,
        decisions: 0,
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
    *told = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(message) = told.lost.take() {
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
    for cut in std::mem::take(&mut told.cuts) {
        search.cut(cut);
    }
    Pass {
        ended: None,
        says: if told.at_end {
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
    // shuttle's own 60 KiB are soon full.
    config.stack_size = stack_bytes();
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
    /// An execution, and so each of them, had nothing to choose.
    nothing_to_choose: bool,
    cuts: Vec<Cut>,
    /// The most scheduling points of an execution.
    points: usize,
    /// The scheduler does not find what it has scheduled before: its panic.
    lost: Option<String>,
}

/// A scheduler that is watched and can be stopped.
struct Watched<S> {
    /// Never dropped: shuttle's random scheduler prints advice when it is dropped after a failure.
    scheduler: ManuallyDrop<S>,
    session: Arc<Session>,
    bounds: Bounds,
    /// How many executions a sample has; none: a search, which ends by itself.
    samples: Option<u64>,
    log: Arc<Mutex<Log>>,
    /// Executions begun.
    started: u64,
    /// Scheduling points of this execution.
    points: usize,
    /// What the scheduler has had to choose so far.
    decisions: u64,
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

    /// The next execution of a sample whose scheduler has had nothing to choose so far: none where the
    /// program does not choose either. PCT is not asked for it, it would panic.
    fn alike(&self, samples: u64) -> Option<Schedule> {
        if !self.session.totals().used.choices {
            self.tell(|log| log.nothing_to_choose = true);
            return None;
        }
        (self.started < samples).then(|| Schedule::new(0))
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
        let schedule = match self.samples {
            Some(samples) if self.started > 0 && self.decisions == 0 => self.alike(samples),
            Some(samples) if self.started >= samples => None,
            _ => self.scheduler.new_execution(),
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
        self.decisions += u64::from(runnable.len() > 1);
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
        self.decisions += 1;
        self.scheduler.next_u64()
    }
}

/// Runs an empty program, so that shuttle installs its panic hook now and not later.
pub(super) fn install_its_panic_hook() {
    Runner::new(RoundRobinScheduler::new(1), config()).run(|| ());
}
