//! A search over states by several threads at once.
//!
//! One thread begins alone, so that the threads and objects of the program have their numbers and
//! it is known what the program uses. Then all workers go on with what is left, each with a model
//! and stacks of its own; they share which states are known and what is to be visited. A worker that
//! comes upon something that the others should have known ends the search, which begins anew and
//! stays alone for longer.
//!
//! A proof, and how many states there are, is that of a search alone; executions are not: who comes
//! upon a state first is a matter of chance. So is which failure is found, where there are several,
//! and how far a search comes that is cut.

use std::iter;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::audit::Auditor;
use super::checkpoint::Knowledge;
use super::driver::Driver;
use super::engine::{Known, Room, Runner, Searched, audits, settings};
use super::execution::{Execution, Settings, Stuck};
use super::explorer::Memo;
use super::explorer::shared::Shared;
use super::explorer::states::{self, States};
use super::locksets::Locksets;
use super::runner::coroutines::Coroutines;
use crate::engines::check::Job;
use crate::engines::limits::SearchMode;
use crate::engines::progress::{self, Estimate};
use crate::engines::search::Search;
use crate::scenario::Machine;
use crate::sync::announcing::last_panic;

/// Executions that the first thread runs alone.
const ALONE: u64 = 64;

/// By how much more it runs after each surprise.
const MORE: u64 = 16;

/// Whether a search over states is to be made by several threads: inside shuttle there is one, and
/// a file holds the search of one.
pub(super) fn is_wanted(job: &Job<'_>, runner: Runner) -> bool {
    job.limits.workers > 1 && job.limits.kept.is_none() && matches!(runner, Runner::Coroutines)
}

/// The search, to its end or to a limit.
pub(super) fn search(job: &Job<'_>, time: Option<Duration>) -> Searched {
    let started = Instant::now();
    let left = || time.map(|time| time.saturating_sub(started.elapsed()));
    let mut most = ALONE;
    let mut watched = false;
    loop {
        let (memo, begun, knowledge) = match begin(job, most, watched, left()) {
            Begun::Ended(searched) => return *searched,
            Begun::Left(memo, searched, knowledge) => (memo, *searched, knowledge),
        };
        match together(job, memo, begun, &knowledge, left()) {
            Together::Ended(searched) => return *searched,
            Together::Surprised => most = most.saturating_mul(MORE),
            Together::Unprotected => watched = true,
        }
    }
}

/// What came of a search by all workers.
enum Together {
    Ended(Box<Searched>),
    /// A worker came upon something that all should have known.
    Surprised,
    /// What each of them has seen is protected by locks, and all of it together is not.
    Unprotected,
}

/// What came of the beginning.
enum Begun {
    Ended(Box<Searched>),
    /// More is to be visited.
    Left(states::Memo, Box<Searched>, Box<Knowledge>),
}

/// Begins alone; `watched`: locks do not protect everything, so that the states are watched.
fn begin(job: &Job<'_>, most: u64, watched: bool, time: Option<Duration>) -> Begun {
    let mut room = Room::new(job, time);
    let mut enough = false;
    let settings = Settings {
        audits: audits(job),
        ..settings(job, true, true)
    };
    let coroutines = Coroutines::default();
    let main = || job.program.run_on(Machine::Stepping, job.instance);
    let mut auditor = settings
        .audits
        .then(|| Auditor::new(job, &main, &coroutines, &settings));
    let mut go_on = |execution: &Execution<'_>| {
        if let Some(auditor) = &mut auditor
            && !auditor.passes(&mut execution.inner.borrow_mut())
        {
            return false;
        }
        let executions = execution.inner.borrow().totals.executions;
        if watched {
            execution.inner.borrow_mut().locksets = None;
        }
        enough = executions >= most;
        room.is_left(execution, executions) && !enough
    };
    let (at_end, mut inner) = Runner::Coroutines.run(
        job,
        settings,
        Driver::Search(Box::new(States::new())),
        None,
        Known::Nothing,
        &mut go_on,
    );
    if let Some(auditor) = auditor {
        auditor.ends(&mut inner);
    }
    let is_cut = room.is_cut();
    let goes_on = enough && !at_end && !is_cut && inner.failed.is_none() && inner.stuck.is_none();
    let memo = goes_on.then(|| inner.driver.memo()).flatten();
    let knowledge = Box::new(Knowledge::of(&inner));
    let search = room.search(SearchMode::States);
    let searched = Box::new(Searched::of(inner, at_end, search, room.is_full()));
    match memo {
        Some(Memo::States(memo)) => Begun::Left(memo, searched, knowledge),
        _ => Begun::Ended(searched),
    }
}

/// All workers go on.
fn together(
    job: &Job<'_>,
    memo: states::Memo,
    begun: Searched,
    knowledge: &Knowledge,
    time: Option<Duration>,
) -> Together {
    let shared = States::share(memo, job.limits.workers);
    let worker = Worker {
        job,
        shared: &shared,
        before: begun.totals.executions,
        knowledge,
        time,
    };
    let parts: Vec<thread::Result<Part>> = thread::scope(|scope| {
        let others: Vec<_> = (1..job.limits.workers)
            .filter_map(|_| {
                let other = thread::Builder::new().spawn_scoped(scope, || worker.search());
                // The system has no more threads: those that there are make the search.
                other.inspect_err(|_| shared.without_one()).ok()
            })
            .collect();
        let first = worker.search();
        let others = others.into_iter().map(ScopedJoinHandle::join);
        iter::once(Ok(first)).chain(others).collect()
    });
    let workers = parts.len();
    let mut whole = Searched {
        at_end: true,
        search: Search::of_workers(workers),
        ..begun
    };
    let mut all = Locksets::default();
    let mut protected = true;
    for part in parts {
        match part {
            Ok(Part { searched, locksets }) => {
                whole.add(searched);
                protected &= locksets.is_none_or(|locksets| all.add(locksets));
            }
            Err(panic) => {
                whole.at_end = false;
                whole.stuck = Some(Stuck::Internal(last_panic::message(panic.as_ref())));
            }
        }
    }
    whole.totals.workers = Some(workers).filter(|&workers| workers > 1);
    if whole.found.is_some() {
        // It happened, whatever else did.
        whole.stuck = None;
        whole.full = false;
    } else if shared.is_surprised() {
        return Together::Surprised;
    } else if !protected {
        return Together::Unprotected;
    }
    Together::Ended(Box::new(whole))
}

/// What one worker has to say.
struct Part {
    searched: Searched,
    locksets: Option<Locksets>,
}

/// What each worker is given.
struct Worker<'a> {
    job: &'a Job<'a>,
    shared: &'a Arc<Shared>,
    /// Executions of the beginning.
    before: u64,
    knowledge: &'a Knowledge,
    time: Option<Duration>,
}

/// Ends the search of all when one ends, however it does: it has nothing left, or has a reason.
struct Stops<'a>(&'a Shared);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Worker<'_> {
    fn search(&self) -> Part {
        let _stops = Stops(self.shared);
        let job = self.job;
        let mut room = Room::new(job, self.time);
        let mut numbers = None;
        let alone = settings(job, true, true);
        let workers = job.limits.workers.max(1);
        let settings = Settings {
            learned: alone.learned / workers,
            workers,
            audits: audits(job),
            ..alone
        };
        let coroutines = Coroutines::default();
        let main = || job.program.run_on(Machine::Stepping, job.instance);
        let mut auditor = settings
            .audits
            .then(|| Auditor::new(job, &main, &coroutines, &settings));
        let mut go_on = |execution: &Execution<'_>| {
            if let Some(auditor) = &mut auditor
                && !auditor.passes(&mut execution.inner.borrow_mut())
            {
                return false;
            }
            let now = execution.inner.borrow().world.numbers();
            if *numbers.get_or_insert(now) != now {
                self.shared.surprise();
            }
            let executions = self.before + self.shared.count();
            // Somebody listens on the thread that has begun the search, if on any.
            progress::offer(|| Estimate {
                executions,
                states: self.shared.states(),
                at_least: 0.0,
            });
            !self.shared.is_over() && room.is_left(execution, executions)
        };
        let (at_end, mut inner) = Runner::Coroutines.run(
            job,
            settings,
            Driver::Search(Box::new(States::worker(Arc::clone(self.shared)))),
            None,
            Known::All(Box::new(self.knowledge.clone().uncounted())),
            &mut go_on,
        );
        if let Some(auditor) = auditor {
            auditor.ends(&mut inner);
        }
        if numbers.is_some_and(|numbers| numbers != inner.world.numbers()) {
            self.shared.surprise();
        }
        Part {
            locksets: inner.locksets.clone(),
            searched: Searched::of(
                inner,
                at_end,
                room.search(SearchMode::States),
                room.is_full(),
            ),
        }
    }
}
