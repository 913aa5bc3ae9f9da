//! The engine: a search over the program's own code, and the counterexample of what it finds.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::as_found::{self, as_searched};
use super::audit::Auditor;
use super::checkpoint::{CheckpointError, Keeper, Knowledge};
use super::driver::{Driver, Guide};
use super::endless::tell;
use super::execution::{Execution, Failed, Inner, KeptApart, Settings, Stuck};
use super::explorer::minimise::fewest_preemptions;
use super::explorer::nearest::Nearest;
use super::explorer::optimal::Optimal;
use super::explorer::source::Source;
use super::explorer::states::States;
use super::explorer::{Choice, Counts, Divergence, Ended, Explorer, Memo, Taken};
use super::parallel;
use super::runner::{coroutines, shuttle as on_tasks};
use super::world::event::Event;
use super::world::{Used, World};
use crate::engines::check::{Job, failed, unrecorded};
use crate::engines::counterexample::{Counterexample, Passing};
use crate::engines::engine::{Ending, Engine, Run};
use crate::engines::limits::SearchMode;
use crate::engines::search::{Loop, Search};
use crate::engines::verdict::{Cut, GaveUp};
use crate::engines::{environment, panics, progress, stop};
use crate::scenario::Machine;
use crate::sync::Property;
use crate::sync::announcing::{
    CAUGHT_PANIC, Choices, Failure, FailureKind, Recorder, Script, Session, Totals,
};
use crate::sync::stepping::ThreadId;

/// How many executions are looked at for one that passes near a failing one.
const MOST_NEAR: u64 = 1_000;

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

/// What is known before a run.
pub(super) enum Known {
    Nothing,
    /// How another run has numbered the threads.
    Children(Vec<Vec<ThreadId>>),
    /// All that another run knew.
    All(Box<Knowledge>),
}

/// What runs the threads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runner {
    Coroutines,
    Shuttle,
}

impl Runner {
    /// Runs executions of the job's program until the driver has no more, or `go_on` says no before
    /// one; whether the driver had no more, and what is left of them.
    pub(super) fn run(
        self,
        job: &Job<'_>,
        settings: Settings,
        driver: Driver,
        recorder: Option<Recorder>,
        known: Known,
        go_on: &mut dyn FnMut(&Execution<'_>) -> bool,
    ) -> (bool, Inner) {
        let restore = |execution: &Execution<'_>| match known {
            Known::Nothing => {}
            Known::Children(children) => {
                execution.inner.borrow_mut().world.know_children(children);
            }
            Known::All(knowledge) => knowledge.into_execution(job, execution),
        };
        let main = || job.program.run_on(Machine::Stepping, job.instance);
        let mut settings = settings;
        if matches!(self, Self::Shuttle) {
            // The other runner is there to have all of it run, and looked at.
            settings.learns = false;
            settings.protects &= settings.by_state;
        }
        match self {
            Self::Coroutines => {
                let coroutines = coroutines::Coroutines::default();
                let execution = Execution::new(&coroutines, settings, driver, recorder);
                restore(&execution);
                let at_end = coroutines::run(&execution, &coroutines, &main, go_on);
                (at_end, execution.inner.into_inner())
            }
            Self::Shuttle => {
                let tasks = on_tasks::Tasks::default();
                let execution = Execution::new(&tasks, settings, driver, recorder);
                restore(&execution);
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
        heard: job.heard(),
        spin_cap: job.limits.spins,
        steps: job.limits.steps,
        native,
        by_state,
        silent_zones: by_state,
        keyed: by_state,
        learns: by_state && job.program.closed(),
        learned: learned_bytes(job),
        workers: 1,
        protects: by_state,
        endless: false,
        audits: false,
        unwatched: false,
    }
}

/// How much of the limit on memory is for what code has been seen to do.
pub(super) fn learned_bytes(job: &Job<'_>) -> usize {
    job.limits.memory.saturating_mul(1_000_000) / 8
}

/// The search that the limits name, or one after the other.
fn search(job: &Job<'_>, runner: Runner) -> Run {
    panics::own_output();
    let kept = job.limits.kept.is_some();
    let of_moments = job.targets.iter().any(|property| property.is_of_moments());
    match job.limits.mode {
        // A file holds one search; and states keep no trace, which observers of moments need.
        SearchMode::Auto if kept || of_moments => {
            return search_in(job, runner, SearchMode::Traces, To::End, job.limits.time);
        }
        SearchMode::Auto => {}
        mode => return search_in(job, runner, mode, To::End, job.limits.time),
    }
    let started = Instant::now();
    let left = || {
        let time = job.limits.time;
        time.map(|time| time.saturating_sub(started.elapsed()))
    };
    let half = || left().map(|time| time / 2);
    // Once a busy-wait has been capped, traces prove nothing; states may.
    let traces = search_in(job, runner, SearchMode::Traces, To::Cap, half());
    let is_capped = traces.totals.spins_capped > 0 && matches!(traces.ending, Ending::Cut(_));
    if !is_capped && !traces.ending.is_for_want_of_room() {
        return traces;
    }
    let time = if is_capped { half() } else { left() };
    let states = search_in(job, runner, SearchMode::States, To::End, time);
    match states.ending {
        Ending::Exhausted(_) if states.gaps.is_empty() => states,
        Ending::Failed(_) => states,
        _ => {
            let traces = if is_capped {
                search_in(job, runner, SearchMode::Traces, To::End, left())
            } else {
                traces
            };
            match (&traces.ending, &states.ending) {
                // All is decided but what is out of the reach of states, and that by nobody.
                (Ending::Cut(_) | Ending::Unable(_), Ending::Exhausted(_)) => states,
                // Neither ended: what the traces say is the stronger half.
                _ => traces,
            }
        }
    }
}

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    End,
    /// To the first busy-wait that uses up its rounds, or to its end.
    Cap,
}

/// A search to its end or to a limit.
fn search_in(
    job: &Job<'_>,
    runner: Runner,
    mode: SearchMode,
    to: To,
    time: Option<Duration>,
) -> Run {
    let searched = if mode == SearchMode::States && parallel::is_wanted(job, runner) {
        Ok(parallel::search(job, time))
    } else {
        alone(job, runner, mode, to, time)
    };
    match searched {
        Ok(searched) => concluded(job, runner, mode, searched),
        Err(error) => not_kept(mode, &error),
    }
}

/// What is left of a search that has ended.
pub(super) struct Searched {
    /// Whether it had nothing left.
    pub(super) at_end: bool,
    /// Where it was cut.
    pub(super) search: Search,
    /// It held more than it may.
    pub(super) full: bool,
    pub(super) found: Option<Found>,
    pub(super) stuck: Option<Stuck>,
    pub(super) totals: Totals,
    pub(super) used: Used,
    /// Races and zones were looked for in the states themselves.
    pub(super) watched: bool,
    pub(super) weak_orders: bool,
    pub(super) apart: KeptApart,
    pub(super) counts: Counts,
}

/// A failure, and how to come to it.
pub(super) struct Found {
    pub(super) failed: Failed,
    pub(super) events: Vec<Event>,
    pub(super) world: World,
}

impl Searched {
    pub(super) fn of(inner: Inner, at_end: bool, search: Search, full: bool) -> Self {
        let Driver::Search(explorer) = inner.driver else {
            unreachable!("a search is driven by its explorer")
        };
        let used = inner.world.used();
        let led = inner.led;
        let found = inner.failed.map(|failed| Found {
            failed,
            events: led.unwrap_or_else(|| explorer.events()),
            world: inner.world,
        });
        Self {
            at_end,
            search,
            full,
            found,
            stuck: inner.stuck,
            totals: inner.totals,
            used,
            watched: inner.locksets.is_none(),
            weak_orders: inner.weak_orders,
            apart: inner.apart,
            counts: explorer.counts(),
        }
    }

    /// Takes in what another part of the same search has found.
    pub(super) fn add(&mut self, part: Self) {
        self.at_end &= part.at_end;
        self.search.add(part.search);
        self.full |= part.full;
        self.found = self.found.take().or(part.found);
        self.stuck = self.stuck.take().or(part.stuck);
        self.totals.add(part.totals);
        self.used.tries |= part.used.tries;
        self.used.resized |= part.used.resized;
        self.watched |= part.watched;
        self.weak_orders |= part.weak_orders;
        self.apart.add(part.apart);
        self.counts.states += part.counts.states;
    }
}

/// A search by the calling thread.
fn alone(
    job: &Job<'_>,
    runner: Runner,
    mode: SearchMode,
    to: To,
    time: Option<Duration>,
) -> Result<Searched, CheckpointError> {
    let mut room = Room::new(job, time);
    let Opened { mut keeper, saved } = opened(job, mode)?;
    let (explorer, known) = match saved {
        Some((memo, knowledge)) => {
            room.first = knowledge.executions();
            (memo.into_explorer(), Known::All(Box::new(knowledge)))
        }
        None => (explorer(mode), Known::Nothing),
    };
    let mut unkept = None;
    let mut settings = settings(job, true, mode == SearchMode::States);
    if mode == SearchMode::Traces && job.program.closed() {
        // Source-DPOR is the check of it, and runs all code. Which moments came before does not
        // follow from what a thread has seen.
        settings.learns = !job.targets.iter().any(|property| property.is_of_moments());
        settings.protects = settings.learns;
    }
    settings.audits = audits(job);
    let coroutines = coroutines::Coroutines::default();
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
        // Those that were begun anew do not count.
        let (executions, is_capped) = {
            let totals = &execution.inner.borrow().totals;
            (totals.executions, totals.spins_capped > 0)
        };
        if !room.is_left(execution, executions) || to == To::Cap && is_capped {
            return false;
        }
        if executions % 1024 == 1023 {
            progress::offer(|| execution.estimate());
            if let Some(keeper) = &mut keeper
                && keeper.is_time()
            {
                unkept = keeper.keep(&execution.inner.borrow()).err();
                return unkept.is_none();
            }
        }
        true
    };
    let (at_end, mut inner) = runner.run(
        job,
        settings,
        Driver::Search(explorer),
        None,
        known,
        &mut go_on,
    );
    if let Some(auditor) = auditor {
        auditor.ends(&mut inner);
    }
    let is_cut = !at_end && inner.failed.is_none() && inner.stuck.is_none() && unkept.is_none();
    if let Some(keeper) = &mut keeper
        && is_cut
    {
        unkept = keeper.keep(&inner).err();
    }
    match unkept {
        Some(error) => Err(error),
        None => Ok(Searched::of(inner, at_end, room.search(mode), room.full)),
    }
}

/// Whether a search is audited: not where observers ask what came before a moment, which another
/// linearisation answers otherwise.
pub(super) fn audits(job: &Job<'_>) -> bool {
    job.limits.audit && !job.targets.iter().any(|property| property.is_of_moments())
}

/// How far a search may go.
pub(super) struct Room<'a> {
    job: &'a Job<'a>,
    started: Instant,
    time: Option<Duration>,
    /// Executions before it.
    first: u64,
    cut: Option<Cut>,
    full: bool,
}

impl<'a> Room<'a> {
    pub(super) fn new(job: &'a Job<'a>, time: Option<Duration>) -> Self {
        Self {
            job,
            started: Instant::now(),
            time,
            first: 0,
            cut: None,
            full: false,
        }
    }

    /// Whether another execution may begin, after so many.
    pub(super) fn is_left(&mut self, execution: &Execution<'_>, executions: u64) -> bool {
        let limits = self.job.limits;
        if stop::is_wanted() {
            self.cut = Some(Cut::Interrupted);
            return false;
        }
        // Asked for rarely: it is a sum over the search.
        let asks =
            executions.is_multiple_of(4096) || executions.is_power_of_two() && executions >= 256;
        if asks && execution.memory() / 1_000_000 >= limits.memory {
            self.full = true;
            return false;
        }
        if let Some(most) = limits.exhaustive_executions
            && executions >= most
        {
            self.cut = Some(Cut::Executions(most));
            return false;
        }
        if let Some(time) = self.time
            && executions > self.first
            && self.started.elapsed() >= time
        {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            self.cut = Some(Cut::Time(ms));
            return false;
        }
        true
    }

    pub(super) fn is_cut(&self) -> bool {
        self.full || self.cut.is_some()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// The search, with its cut.
    pub(super) fn search(&self, mode: SearchMode) -> Search {
        let mut search = Search::in_mode(mode);
        if let Some(cut) = &self.cut {
            search.cut(cut.clone());
        }
        search
    }
}

/// What a search that has ended says.
fn concluded(job: &Job<'_>, runner: Runner, mode: SearchMode, searched: Searched) -> Run {
    let by_state = mode == SearchMode::States;
    let Searched {
        at_end,
        mut search,
        full,
        found,
        stuck,
        mut totals,
        used,
        watched,
        weak_orders,
        apart,
        counts,
    } = searched;
    if mode == SearchMode::Source && found.is_none() {
        // What sleep sets end early is no execution more.
        totals.executions = counts.complete;
    }
    // What it cannot see of single properties.
    let mut gaps: BTreeMap<Property, BTreeSet<Cut>> = BTreeMap::new();
    let ending = if let Some(stuck) = stuck {
        Ending::Unable(gave_up(job, &stuck))
    } else if used.resized {
        Ending::Unable(GaveUp::Unsupported {
            what: "a semaphore set whose number of members depends on what its maker has seen"
                .to_owned(),
        })
    } else if full {
        Ending::Unable(GaveUp::Memory {
            limit: job.limits.memory,
            apart: apart.told(job),
        })
    } else if let Some(Found { failed, .. }) = found.as_ref().filter(|_| job.program.is_mutant()) {
        // On semaphores that are built of mutexes it would be changed elsewhere.
        unrecorded(job, failed.property, &failed.message, totals.executions)
    } else if let Some(found) = found {
        refuted(job, runner, found, by_state, totals.executions)
    } else {
        let races = job.targets.contains(&Property::DataRaceFreedom);
        let watched = watched && totals.used.cells && races;
        let mut unseen = |gap: &str| {
            let of_races = gaps.entry(Property::DataRaceFreedom).or_default();
            of_races.insert(Cut::KnownGap(gap.to_owned()));
        };
        if by_state && watched && (used.tries || totals.used.condvars) {
            unseen(
                "a search over states takes a failed try and a notification for synchronisation of \
                 plain memory that no lock protects; use --mode traces",
            );
        }
        if by_state && watched && weak_orders {
            unseen(
                "a search over states orders plain memory by steps, not by the memory orders of \
                 atomics; use --mode traces",
            );
        }
        if job.targets.iter().all(|property| property.is_of_moments()) {
            // Nobody can move in a deadlock, so it ends no execution early; what is decided at each
            // moment has been decided.
            totals.cut.remove(&Property::DeadlockFreedom);
        }
        search.cuts_of(&totals, job.limits.spins, &job.semantics);
        let says = if at_end {
            Loop::NothingLeft
        } else {
            Loop::Stopped
        };
        totals.states = (by_state && at_end).then_some(counts.states);
        search.end(totals.executions, says).into()
    };
    Run {
        ending,
        totals,
        overridden: Vec::new(),
        mode: Some(mode),
        gaps,
    }
}

/// The search of a mode.
fn explorer(mode: SearchMode) -> Box<dyn Explorer> {
    match mode {
        SearchMode::Auto | SearchMode::Traces => Box::new(Optimal::default()),
        SearchMode::Source => Box::new(Source::new()),
        SearchMode::States => Box::new(States::new()),
    }
}

/// Where the search is kept, and what has been.
fn opened(job: &Job<'_>, mode: SearchMode) -> Result<Opened, CheckpointError> {
    let Some(kept) = &job.limits.kept else {
        return Ok(Opened::default());
    };
    let keeper = Keeper::new(&kept.path, job, mode)?;
    let saved = kept.resume.then(|| keeper.resume()).transpose()?;
    Ok(Opened {
        keeper: Some(keeper),
        saved,
    })
}

/// The file of a search, if it has one.
#[derive(Default)]
struct Opened {
    keeper: Option<Keeper>,
    saved: Option<(Memo, Knowledge)>,
}

/// A search that cannot be kept does not run: its user counts on the file.
fn not_kept(mode: SearchMode, error: &CheckpointError) -> Run {
    Run {
        ending: Ending::Unable(GaveUp::Checkpoint {
            why: error.to_string(),
        }),
        totals: Totals::default(),
        overridden: Vec::new(),
        mode: Some(mode),
        gaps: BTreeMap::new(),
    }
}

pub(super) fn gave_up(job: &Job<'_>, stuck: &Stuck) -> GaveUp {
    match stuck {
        Stuck::Steps => GaveUp::Steps {
            limit: job.limits.steps,
        },
        Stuck::Outside(detail) => GaveUp::Outside {
            detail: detail.clone(),
        },
        Stuck::CaughtPanic => GaveUp::Unsupported {
            what: CAUGHT_PANIC.to_owned(),
        },
        Stuck::Foreign(what) => GaveUp::Unsupported { what: what.clone() },
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
        before,
        now,
    } = divergence;
    let before = match before {
        Some((op, place)) => format!("{op:?} at {place}"),
        None => "something else, before the search was resumed,".to_owned(),
    };
    let now = match now {
        Some((op, place)) => format!("{op:?} at {place}"),
        None => "nothing".to_owned(),
    };
    format!("after the same {step} steps thread {thread} announced {before} before and {now} now")
}

/// The counterexample of a failure that was found by these native steps: on semaphores that are built
/// of mutexes where the same schedule ends alike there, else as it was found.
///
/// `by_state`: a search over states has found them.
fn refuted(job: &Job<'_>, runner: Runner, found: Found, by_state: bool, execution: u64) -> Ending {
    let Found {
        failed: found,
        events,
        world,
    } = found;
    let as_found: Vec<Taken> = events.iter().map(Taken::of).collect();
    // The same trace in its most readable order; as it was found where that does not fail alike.
    let schedules = [fewest_preemptions(events, &world), as_found];
    let told = schedules.iter().find_map(|schedule| {
        let told = as_it_was(job, &found, schedule, &world, by_state, execution)?;
        Some((told, schedule.clone()))
    });
    // A recording knows of two stays in a region that nothing orders also where one has ended before
    // the other begins.
    let told = told.or_else(|| {
        schedules.into_iter().find_map(|schedule| {
            let fails_alike =
                |failure: &Failure| failure.kind == FailureKind::Property(found.property);
            let failure = on_built(job, runner, fails_alike, &schedule, &world, by_state)?;
            match failed(job, &failure, execution) {
                Ending::Failed(told) => Some((*told, schedule)),
                _ => None,
            }
        })
    });
    let Some((mut told, schedule)) = told else {
        if found.counted {
            return Ending::Unable(GaveUp::Unsupported {
                what:
                    "a search over states counts those in a region together that may have come one \
                       after the other; use --mode traces"
                        .to_owned(),
            });
        }
        return Ending::Unable(GaveUp::Nondeterministic {
            detail: format!(
                "{} fails ({}), but not when the same steps are taken once more",
                found.property, found.message
            ),
        });
    };
    let children = world.children();
    let ends_alike = |failure: &Failure| told.ends_as(failure);
    if let Some(failure) = on_built(job, runner, ends_alike, &schedule, &world, by_state)
        && let Ending::Failed(counterexample) = failed(job, &failure, execution)
    {
        told = *counterexample;
    }
    // With the same steps as in the search.
    let repeated = Settings {
        silent_zones: by_state,
        ..settings(job, true, false)
    };
    told.passing = nearest(job, runner, repeated, &schedule, children);
    Ending::Failed(Box::new(told))
}

/// The counterexample of a failure in the native steps of a schedule, if it fails in them.
fn as_it_was(
    job: &Job<'_>,
    found: &Failed,
    schedule: &[Taken],
    world: &World,
    by_state: bool,
    execution: u64,
) -> Option<Counterexample> {
    // By the order of the trace where that says the same: what a search over states says of a region
    // that admits several counts threads that need not be inside at the same time.
    let on_states = by_state && !found.counted;
    let looks = [false, true]
        .into_iter()
        .filter(|on_state| on_states || !on_state);
    looks.into_iter().find_map(|on_state| {
        let steps = schedule.iter().map(|taken| taken.choice).collect();
        let settings = as_searched(job, on_state, by_state);
        as_found::counterexample(job, settings, found, world.children(), steps, execution)
    })
}

/// The same failure, recorded on semaphores that are built of mutexes, if the schedule ends alike there.
fn on_built(
    job: &Job<'_>,
    runner: Runner,
    alike: impl Fn(&Failure) -> bool,
    schedule: &[Taken],
    world: &World,
    by_state: bool,
) -> Option<Failure> {
    let settings = Settings {
        silent_zones: by_state,
        ..settings(job, false, false)
    };
    // Step by step where semaphores are built of mutexes already.
    let steps = schedule.iter().rev().map(|taken| taken.choice).collect();
    let guide = Driver::Guide(Guide::new(schedule.to_vec()));
    [guide, Driver::Steps(steps)]
        .into_iter()
        .find_map(|driver| {
            let known = Known::Children(world.children());
            recorded(job, runner, settings.clone(), driver, None, known)
                .filter(|failure| alike(failure))
        })
}

/// The execution nearest to a failing one that passes, if one is found soon.
fn nearest(
    job: &Job<'_>,
    runner: Runner,
    settings: Settings,
    failing: &[Taken],
    mut children: Vec<Vec<ThreadId>>,
) -> Option<Passing> {
    let failing: Vec<Choice> = failing.iter().map(|taken| taken.choice).collect();
    let keyed = Settings {
        keyed: true,
        ..settings.clone()
    };
    let mut search = Nearest::new(&failing);
    let mut executions = 0;
    let (steps, common) = loop {
        let mut go_on = |_: &Execution<'_>| {
            executions += 1;
            executions <= MOST_NEAR
        };
        let driver = Driver::Near(search);
        let known = Known::Children(children);
        let (_, inner) = runner.run(job, keyed.clone(), driver, None, known, &mut go_on);
        children = inner.world.children();
        let Driver::Near(back) = inner.driver else {
            unreachable!("the search comes back")
        };
        search = back;
        if let Some(found) = search.found() {
            break found;
        }
        if inner.failed.is_none() || inner.stuck.is_some() {
            return None;
        }
        search.end(&inner.world, Ended::Failed);
    };
    let instead_of = tell(job, settings.clone(), children.clone(), failing)
        .steps
        .into_iter()
        .nth(common);
    let tale = tell(job, settings, children, steps);
    Some(Passing {
        common,
        instead_of,
        threads: tale.threads(),
        steps: tale.steps,
    })
}

/// One execution, recorded, on semaphores that are built of mutexes.
fn recorded(
    job: &Job<'_>,
    runner: Runner,
    settings: Settings,
    driver: Driver,
    script: Option<Script>,
    known: Known,
) -> Option<Failure> {
    let session = Session::new(crate::sync::announcing::Settings {
        script,
        ..job.settings(Choices::Table(Default::default()))
    });
    let recorder = Recorder::new(Arc::clone(&session));
    let mut once = true;
    let mut first = |_: &Execution<'_>| mem::take(&mut once);
    runner.run(job, settings, driver, Some(recorder), known, &mut first);
    session.end();
    session.take_failure()
}

/// Repeats a recording step by step.
pub(in crate::engines) fn repeat(job: &Job<'_>, script: Script) -> Option<Failure> {
    panics::own_output();
    let script = Some(script);
    recorded(
        job,
        Runner::Coroutines,
        settings(job, false, false),
        Driver::Script,
        script,
        Known::Nothing,
    )
}
