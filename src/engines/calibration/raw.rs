//! A program on loom and shuttle as they are, without a word printed.
//!
//! Neither decorator nor session takes part: the primitives, the search and its end are theirs.
//! Failing properties are noted and not raised, so that a run shows every execution.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use ::loom::model::Builder;
use ::shuttle::scheduler::{DfsScheduler, Schedule, Scheduler, Task, TaskId};
use ::shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use shuttle_engine::runtime::execution::ExecutionState;

use super::observed::{Observed, noting};
use crate::engines::panics;
use crate::scenario::{Instance, Scenario};
use crate::sync::announcing::{Session, Settings, last_panic};
use crate::sync::backends::{loom::Loom, shuttle::Shuttle};

/// What a raw checker did with a program.
#[derive(Debug)]
pub(super) struct RawRun {
    /// Executions that it began.
    pub(super) executions: u64,
    /// What they showed.
    pub(super) observed: Observed,
    /// How it ended.
    pub(super) ended: Ended,
}

/// How a raw checker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It returned: to its caller, the program passed.
    Passed,
    /// It reported a deadlock.
    Deadlock,
    /// It reported a data race.
    Race,
    /// It panicked for a reason of its own.
    Panicked(String),
}

impl Ended {
    fn of_panic(message: &str) -> Self {
        if message.starts_with("deadlock") {
            Self::Deadlock
        } else if message.contains("Causality violation") {
            Self::Race
        } else {
            // The first sentence; what follows is advice.
            let line = message.lines().next().unwrap_or_default();
            Self::Panicked(line.split(". ").next().unwrap_or_default().to_owned())
        }
    }
}

/// The program under raw loom, with what `adjust` changes of loom's documented defaults.
pub(super) fn loom<S: Scenario + Clone>(scenario: &S, adjust: fn(&mut Builder)) -> RawRun {
    let executions = Arc::new(AtomicU64::new(0));
    let program = counted(scenario, &executions, |scenario, instance| {
        scenario.run::<Loom>(instance);
    });
    silently(&executions, || {
        // `new` reads the environment, so every setting is made here.
        let mut builder = Builder::new();
        builder.max_threads = 5;
        builder.max_branches = 1_000;
        builder.max_permutations = None;
        builder.max_duration = None;
        builder.preemption_bound = None;
        builder.checkpoint_file = None;
        builder.checkpoint_interval = 20_000;
        builder.expect_explicit_explore = false;
        builder.location = false;
        builder.log = false;
        adjust(&mut builder);
        builder.check(program);
        Ended::Passed
    })
}

/// The program under raw shuttle's depth-first search, as `check_dfs(program, most)` runs it.
pub(super) fn shuttle<S: Scenario + Clone>(scenario: &S, most: Option<usize>) -> RawRun {
    let executions = Arc::new(AtomicU64::new(0));
    let deadlock = Arc::new(AtomicBool::new(false));
    let program = counted(scenario, &executions, |scenario, instance| {
        // The first task that is spawned, so its number is `BYSTANDER`. Detached: shuttle does not
        // wait for its end.
        drop(::shuttle::thread::spawn(|| {
            unreachable!("nobody schedules the bystander")
        }));
        ExecutionState::with(|state| state.get_mut(TaskId::from(BYSTANDER)).detach());
        scenario.run::<Shuttle>(instance);
    });
    silently(&executions, || {
        let search = Bystander {
            search: DfsScheduler::new(most, false),
            deadlock: Arc::clone(&deadlock),
        };
        let mut config = Config::new();
        config.stack_size = 256 * 1024;
        config.failure_persistence = FailurePersistence::None;
        config.max_steps = MaxSteps::None;
        config.silence_warnings = true;
        Runner::new(search, config).run(program);
        if deadlock.load(Relaxed) {
            Ended::Deadlock
        } else {
            Ended::Passed
        }
    })
}

/// One execution of `scenario`, counted.
fn counted<S: Scenario + Clone>(
    scenario: &S,
    executions: &Arc<AtomicU64>,
    run: fn(&S, &Instance),
) -> impl Fn() + Send + Sync + 'static {
    let (scenario, executions) = (scenario.clone(), Arc::clone(executions));
    move || {
        // Relaxed: both checkers run all this on one OS thread.
        executions.fetch_add(1, Relaxed);
        run(&scenario, &Instance::default());
    }
}

/// Runs a checker with its panics caught and unprinted.
fn silently(executions: &AtomicU64, check: impl FnOnce() -> Ended) -> RawRun {
    panics::own_output();
    let mut ended = Ended::Passed;
    let observed = noting(|| {
        // The panic hook is silent while a session is installed; nothing else asks for this one.
        let session = Session::new(Settings::default());
        let result = session.install(|| catch_unwind(AssertUnwindSafe(check)));
        ended = result
            .unwrap_or_else(|payload| Ended::of_panic(&last_panic::message(payload.as_ref())));
    });
    RawRun {
        executions: executions.load(Relaxed),
        observed,
        ended,
    }
}

/// shuttle's depth-first search, and a task that is always ready to run and never does.
///
/// shuttle prints two lines for every failure. While the bystander is there shuttle sees no
/// deadlock; this scheduler, which sees what shuttle would look at, finds it in its stead.
struct Bystander {
    search: DfsScheduler,
    deadlock: Arc<AtomicBool>,
}

/// The task number of the first thread that the main one starts.
const BYSTANDER: usize = 1;

impl fmt::Debug for Bystander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bystander").finish_non_exhaustive()
    }
}

impl Scheduler for Bystander {
    fn new_execution(&mut self) -> Option<Schedule> {
        // Relaxed: shuttle runs all this on one OS thread.
        if self.deadlock.load(Relaxed) {
            None
        } else {
            self.search.new_execution()
        }
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let others: Vec<&Task> = runnable
            .iter()
            .copied()
            .filter(|task| usize::from(task.id()) != BYSTANDER)
            .collect();
        // As in shuttle: a task that could only wake spuriously does not count.
        if others.iter().any(|task| task.runnable()) {
            return self.search.next_task(&others, current, is_yielding);
        }
        // Someone has not finished, or shuttle would have ended the execution without asking.
        self.deadlock.store(true, Relaxed);
        None
    }

    fn next_u64(&mut self) -> u64 {
        self.search.next_u64()
    }
}
