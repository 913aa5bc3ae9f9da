//! `verify`: rows, claims and the exit code that follows.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Format, How, Keep, Verify, What};
use super::suite::Suite;
use super::{Failure, INTERRUPTED, print, select, worker};
use crate::engines::agreement::withdraw;
use crate::engines::claims::{Mode, line_for};
use crate::engines::limits::{Kept, SearchMode};
use crate::engines::plan::{Planned, catalogue_plan};
use crate::engines::worker::{Event, run_all};
use crate::engines::{Claimed, EngineId, ExitStatus, Limits, Row};
use crate::report::{self, Rerun};
use crate::scenario::{Instance, Variant};
use crate::sync::Property;

/// Far more than any machine has cores.
const MOST_WORKERS: usize = 1_024;

pub(super) fn run(suite: &Suite<'_>, arguments: &Verify) -> Result<u8, Failure> {
    if arguments.format == Format::Claims && !suite.has_claims() {
        return Err(Failure(
            "--format claims writes lines of a table of claims, and this program has none; use json"
                .to_owned(),
        ));
    }
    let mode = if arguments.deep {
        Mode::Proof
    } else {
        Mode::Quick
    };
    let mut plan = plan(suite, &arguments.what, mode)?;
    keep(&arguments.keep, &mut plan)?;
    let workers = arguments.workers.map_or(1, NonZeroUsize::get);
    share(workers, arguments.format, &mut plan)?;
    let jobs = match arguments.jobs {
        Some(jobs) => jobs.get(),
        None => available_parallelism()
            .map_or(1, usize::from)
            .div_ceil(workers),
    };
    let done = check_all(&plan, jobs)?;
    let interrupted = done.iter().any(|done| match done {
        Some((rows, _)) => rows.iter().any(|row| row.verdict.is_interrupted()),
        None => true,
    });

    let mut claimed = Vec::new();
    let mut timings = Vec::new();
    let mut lines = String::new();
    for (planned, done) in plan.iter().zip(done) {
        let Some((rows, time)) = done else { continue };
        if !rows.iter().any(|row| row.verdict.is_interrupted()) {
            lines.extend(line_for(mode, planned.asks.as_ref(), &rows).map(|line| line + "\n"));
        }
        for row in rows {
            let claim = planned.claim(&suite.claims, &row);
            timings.push(Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
            claimed.push(Claimed { row, claim });
        }
    }
    let mut context = report::Context::new(command(&arguments.what), mode);
    context.rerun = Rerun::Program(suite.program.clone());
    context.interrupted = interrupted;
    context.milliseconds = if arguments.timings {
        timings
    } else {
        Vec::new()
    };
    context.defaults = plan
        .iter()
        .map(|row| {
            (
                row.program.name().to_owned(),
                Instance::defaults(&row.program.parameters()),
            )
        })
        .collect();
    print(&match arguments.format {
        Format::Text => report::table::render(&claimed, &context),
        Format::Json => report::json::render(&claimed, &context),
        Format::Markdown => report::markdown::render(&claimed, &context),
        Format::Html => report::html::render(&claimed, &context),
        Format::Junit => report::junit::render(&claimed, &context),
        Format::Claims if interrupted => format!("{lines}# {}\n", ExitStatus::Interrupted),
        Format::Claims => lines,
    })?;
    if interrupted {
        eprintln!("{}: {}", suite.program, left(&plan, &claimed));
        return Ok(INTERRUPTED);
    }
    Ok(ExitStatus::of(&claimed).code())
}

/// What to say after an interrupt.
fn left(plan: &[Planned], rows: &[Claimed]) -> String {
    let kept = match plan {
        [row] => row.limits.kept.as_ref(),
        _ => None,
    };
    let is_kept = rows.iter().any(|row| row.row.verdict.is_interrupted());
    match kept {
        Some(Kept { path, .. }) if is_kept => {
            let path = path.display();
            format!("interrupted; the search is kept, go on with --resume {path}")
        }
        Some(Kept { path, resume }) => {
            let path = path.display();
            let file = if *resume {
                "is as it was"
            } else {
                "was not written anew"
            };
            format!("interrupted before the search had begun, or it did not stop; {path} {file}")
        }
        None => {
            "interrupted; the rows above had finished, nothing is said of the others".to_owned()
        }
    }
}

/// Has the one row's search kept in a file.
fn keep(keep: &Keep, plan: &mut [Planned]) -> Result<(), Failure> {
    let (path, resume) = match (&keep.checkpoint, &keep.resume) {
        (Some(path), _) => (path, false),
        (None, Some(path)) => (path, true),
        (None, None) => return Ok(()),
    };
    let [row] = plan else {
        return Err(Failure(format!(
            "a file keeps one search, and these are {} rows; name PROBLEM/VARIANT, --engine \
             exhaustive and the instance with --set",
            plan.len()
        )));
    };
    let engines = [EngineId::Exhaustive, EngineId::ExhaustiveShuttle];
    if !engines.contains(&row.engine) || row.limits.mode == SearchMode::Source {
        return Err(Failure(format!(
            "only engine exhaustive in modes traces and states can be kept in a file, not {} {}",
            row.engine, row.limits.mode
        )));
    }
    row.limits.kept = Some(Kept {
        path: path.clone(),
        resume,
    });
    // The claims are about whole searches from their beginning.
    row.mode = None;
    Ok(())
}

/// Has every search over states made by so many threads.
fn share(workers: usize, format: Format, plan: &mut [Planned]) -> Result<(), Failure> {
    if workers == 1 {
        return Ok(());
    }
    if matches!(format, Format::Claims) {
        return Err(Failure(
            "a claim counts the executions of a search by one thread; leave out --workers"
                .to_owned(),
        ));
    }
    if workers > MOST_WORKERS {
        return Err(Failure(format!(
            "--workers {workers}: at most {MOST_WORKERS} threads share a search"
        )));
    }
    let by_state = [SearchMode::States, SearchMode::Auto];
    let mut rows = plan
        .iter_mut()
        .filter(|row| row.engine == EngineId::Exhaustive && by_state.contains(&row.limits.mode));
    let mut any = false;
    for row in &mut rows {
        row.limits.workers = workers;
        any = true;
    }
    if any {
        return Ok(());
    }
    Err(Failure(
        "--workers is for engine exhaustive in modes states and auto, and there is no such row"
            .to_owned(),
    ))
}

/// What was asked for, in a word or two.
fn command(what: &What) -> String {
    match &what.scenario {
        Some(scenario) => format!("verify {scenario}"),
        None => "verify".to_owned(),
    }
}

/// The rows that were asked for.
fn plan(suite: &Suite<'_>, what: &What, mode: Mode) -> Result<Vec<Planned>, Failure> {
    let engines = select::engines(&what.how)?;
    let variants = suite.variants(what.scenario.as_deref())?;
    let asks = select::properties(&what.how.property)?;
    let limits = select::limits(&what.how, mode.limits())?;
    let settings = select::settings(&what.how.set, &variants)?;
    if !settings.is_empty() || asks.is_some() || !suite.has_claims() {
        return chosen(&variants, &what.how, &engines, &settings, mode);
    }
    let names: BTreeSet<&str> = variants
        .iter()
        .map(|variant| variant.program.name())
        .collect();
    let mut plan = catalogue_plan(suite.problems, &suite.claims, mode)?;
    plan.retain(|row| names.contains(row.program.name()) && engines.contains(&row.engine));
    for row in &mut plan {
        // It is no bound: the claims apply without it, too.
        row.limits.audit &= !what.how.no_audit;
    }
    if let Some(limits) = limits {
        for row in &mut plan {
            // Under other limits the claims do not apply.
            row.limits = Limits {
                mode: row.limits.mode,
                audit: row.limits.audit,
                ..limits.clone()
            };
            row.mode = None;
        }
    }
    if let Some(search) = select::mode(&what.how)? {
        let mut names = BTreeSet::new();
        plan.retain_mut(|row| {
            row.limits.mode = search;
            names.insert(row.name())
        });
    }
    if plan.is_empty() {
        return Err(Failure(
            "the table has no such rows in this mode; try it without --deep".to_owned(),
        ));
    }
    Ok(plan)
}

/// Rows of a chosen instance: every variant that has the parameters, under every engine.
pub(super) fn chosen(
    variants: &[&Variant],
    how: &How,
    engines: &[EngineId],
    settings: &[(String, String)],
    mode: Mode,
) -> Result<Vec<Planned>, Failure> {
    let asks: Option<BTreeSet<Property>> = select::properties(&how.property)?;
    let limits = select::limits(how, mode.limits())?;
    let search = select::mode(how)?.unwrap_or_default();
    let mut plan = Vec::new();
    for variant in variants {
        let Some((instance, semantics)) = select::instance(variant, settings)? else {
            continue;
        };
        for &engine in engines {
            plan.push(Planned {
                program: Arc::clone(&variant.program),
                instance: instance.clone(),
                semantics,
                engine,
                asks: asks.clone(),
                limits: Limits {
                    mode: search,
                    audit: !how.no_audit,
                    ..limits.clone().unwrap_or_else(|| mode.limits())
                },
                mode: limits.is_none().then_some(mode),
            });
        }
    }
    if plan.is_empty() {
        return Err(Failure(
            "no variant has all of these parameters; subcommand `list` shows them".to_owned(),
        ));
    }
    Ok(plan)
}

/// The rows of each job, or nothing for a job that an interrupt left unfinished.
type Done = Vec<Option<(Vec<Row>, Duration)>>;

/// Runs a plan in worker processes, with progress on a terminal.
pub(super) fn check_all(plan: &[Planned], jobs: usize) -> Result<Done, Failure> {
    let interrupted = interrupts()?;
    let bar = ProgressBar::new(plan.len() as u64);
    let style =
        ProgressStyle::with_template("{bar:30} {pos} of {len} rows, about {eta} to go {msg}");
    bar.set_style(style.expect("the template is well formed"));
    let mut done: Done = plan.iter().map(|_| None).collect();
    run_all(plan, jobs, &worker()?, interrupted, |event| match event {
        Event::Told(index, estimate) => {
            let name = plan[index].program.name();
            bar.set_message(format!("{name}: {estimate}"));
        }
        Event::Finished(index, rows, time) => {
            bar.inc(1);
            bar.set_message(plan[index].program.name());
            done[index] = Some((rows, time));
        }
    })
    .map_err(|error| Failure(format!("cannot start a worker process: {error}")))?;
    bar.finish_and_clear();
    withdraw(done.iter_mut().flatten().flat_map(|(rows, _)| rows));
    Ok(done)
}

/// A flag that Ctrl-C raises, as do SIGTERM and SIGHUP.
fn interrupts() -> Result<&'static AtomicBool, Failure> {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    HANDLER
        .get_or_init(|| {
            // Relaxed: the flag guards no memory.
            ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
                .map_err(|error| error.to_string())
        })
        .clone()
        .map_err(|error| Failure(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(&INTERRUPTED)
}
