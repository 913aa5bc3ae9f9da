//! Rows in processes of their own, many at a time.
//!
//! A checked program can take its process down: an abort, a stack overflow, a panic while it
//! panics. So jobs go to worker processes, the same executable again, one line of JSON a job and
//! one an answer. A worker that ends takes one row with it, which says how; the others go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::blocked::Watch;
use super::check::{Row, set_switch};
use super::confined::{End, confine};
use super::engine::{Ending, EngineId, Run};
use super::environment;
use super::limits::{Limits, SearchMode};
use super::plan::Planned;
use super::progress::{Estimate, listening};
use super::requests::{Requests, STOP};
use super::search;
use super::verdict::{Bounds, Cut, GaveUp, Proof, Refutation, Sample, Verdict};
use crate::scenario::{Instance, Program};
use crate::sync::announcing::Totals;
use crate::sync::{Property, Semantics};

/// Answers begin with this, so that what a checked program prints is not taken for one.
const MARK: &str = "\u{1}crosscheck-answer ";

/// And what is told while a job runs with this.
const PROGRESS: &str = "\u{1}crosscheck-progress ";

/// Told by a worker whose job blocks outside of the model.
const BLOCKED: &str = "\u{1}crosscheck-blocked ";

/// How long the last lines of a worker that has ended may take.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Said by a worker that is ready for jobs.
const READY: &str = "\u{1}crosscheck-ready";

/// How much of a worker's standard error is kept for the report.
const LAST_WORDS: usize = 4096;

/// How long a worker may take to keep its search in a file when it is asked to stop.
const TO_STOP: Duration = Duration::from_secs(60);
/// A worker that ended before it called [`serve`]; the error of [`run_all`] holds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a worker ended before it was ready for jobs: {how}")]
pub struct NotServing {
    /// How it ended, with the last words that it printed.
    pub how: String,
}

/// What happens while jobs run.
#[derive(Debug)]
pub enum Event {
    /// How far the job with this index is.
    Told(usize, Estimate),
    /// The job with this index has ended: its rows, and how long it took.
    Finished(usize, Vec<Row>, Duration),
}

/// Runs every job of `plan` in worker processes, at most `jobs` at a time, and tells `happens` how
/// far they are, and the rows in the order in which they end.
///
/// `command` makes the command of a worker; the worker has to call [`serve`]. When `interrupted`
/// becomes true, running workers are ended and no row is made up for what they had not finished; but
/// one whose search is kept in a file stops, keeps it, and says how far it has come.
///
/// # Errors
/// When a worker cannot be started at all, or does not come to [`serve`]: [`NotServing`].
pub fn run_all(
    plan: &[Planned],
    jobs: usize,
    command: &(dyn Fn() -> Command + Sync),
    interrupted: &AtomicBool,
    mut happens: impl FnMut(Event),
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, plan.len().max(1)) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut worker = None;
                // Relaxed: only the number itself is shared; the flag guards no memory.
                while !interrupted.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(planned) = plan.get(index) else {
                        break;
                    };
                    let started = Instant::now();
                    let mut told = |estimate| {
                        // Nobody there any more: the answer will find out.
                        let _ = sender.send(Ok(Some(Event::Told(index, estimate))));
                    };
                    let answer = ask(planned, &mut worker, command, interrupted, &mut told);
                    let failed = answer.is_err();
                    let finished = |rows| Event::Finished(index, rows, started.elapsed());
                    let message = answer.map(|rows| rows.map(finished));
                    if sender.send(message).is_err() || failed {
                        break;
                    }
                }
                if let Some(worker) = worker {
                    Worker::end(worker);
                }
            });
        }
        drop(sender);
        let mut result = Ok(());
        for message in receiver {
            match message {
                Ok(Some(event)) => happens(event),
                Ok(None) => {}
                Err(error) => result = Err(error),
            }
        }
        result
    })
}

/// One job at one worker; `None` when interrupted.
fn ask(
    planned: &Planned,
    worker: &mut Option<Worker>,
    command: &(dyn Fn() -> Command + Sync),
    interrupted: &AtomicBool,
    told: &mut dyn FnMut(Estimate),
) -> io::Result<Option<Vec<Row>>> {
    let mut running = match worker.take() {
        Some(running) => running,
        None => Worker::start(command())?,
    };
    let request = serde_json::to_string(&Request::from(planned)).expect("plain data serialises");
    let outcome = running.ask(&request, &planned.limits, interrupted, told);
    let why = match outcome {
        Outcome::Answer(text) => match serde_json::from_str::<Vec<WireRow>>(&text) {
            Ok(rows) => {
                *worker = Some(running);
                return Ok(Some(
                    rows.into_iter().map(|row| row.into_row(planned)).collect(),
                ));
            }
            Err(error) => {
                Worker::end(running);
                GaveUp::Internal {
                    detail: format!("a worker's answer cannot be read: {error}"),
                }
            }
        },
        Outcome::Interrupted => {
            Worker::end(running);
            return Ok(None);
        }
        Outcome::Blocked(near) => {
            Worker::end(running);
            GaveUp::Blocked { near }
        }
        Outcome::Timeout(seconds) => {
            Worker::end(running);
            GaveUp::Timeout { seconds }
        }
        Outcome::Ended if !running.ready => {
            let how = running.ended().how();
            return Err(io::Error::other(NotServing { how }));
        }
        Outcome::Ended => running.ended().reason(&planned.limits),
    };
    let run = Run {
        ending: Ending::Unable(why),
        totals: Totals::default(),
        overridden: Vec::new(),
        mode: None,
        gaps: Default::default(),
    };
    Ok(Some(super::check::rows(&planned.job(), run)))
}

enum Outcome {
    Answer(String),
    Blocked(String),
    Interrupted,
    Timeout(u64),
    Ended,
}

/// A line from a worker that is for us.
enum Line {
    Ready,
    Answer(String),
    Progress(Estimate),
    Blocked(String),
}

impl Line {
    /// None: the checked program has printed it.
    fn read(text: &str) -> Option<Self> {
        if text == READY {
            return Some(Self::Ready);
        }
        if let Some(answer) = text.strip_prefix(MARK) {
            return Some(Self::Answer(answer.to_owned()));
        }
        if let Some(near) = text.strip_prefix(BLOCKED) {
            return serde_json::from_str(near).ok().map(Self::Blocked);
        }
        let estimate = serde_json::from_str(text.strip_prefix(PROGRESS)?);
        estimate.ok().map(Self::Progress)
    }
}

struct Worker {
    child: Child,
    input: ChildStdin,
    lines: Receiver<Line>,
    /// It has come to [`serve`].
    ready: bool,
    errors: Arc<Mutex<VecDeque<u8>>>,
    drained: thread::JoinHandle<()>,
}

impl Worker {
    fn start(mut command: Command) -> io::Result<Self> {
        let overridden = [
            environment::set(&environment::LOOM),
            environment::set(&environment::SHUTTLE),
        ];
        for name in environment::LOOM.iter().chain(&environment::SHUTTLE) {
            command.env_remove(name);
        }
        command.env(
            environment::OVERRIDDEN,
            overridden.concat().join(environment::SEPARATOR),
        );
        // The report names places, not stacks.
        command.env("RUST_BACKTRACE", "0");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C is for the parent, which ends its workers itself.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let input = child.stdin.take().expect("standard input is piped");
        let output = child.stdout.take().expect("standard output is piped");
        let mut error = child.stderr.take().expect("standard error is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if let Some(line) = Line::read(&String::from_utf8_lossy(&line))
                    && sender.send(line).is_err()
                {
                    break;
                }
            }
        });
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&errors);
        let drained = thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = error.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..count]);
                let excess = kept.len().saturating_sub(LAST_WORDS);
                kept.drain(..excess);
            }
        });
        Ok(Self {
            child,
            input,
            lines,
            ready: false,
            errors,
            drained,
        })
    }

    fn ask(
        &mut self,
        request: &str,
        limits: &Limits,
        interrupted: &AtomicBool,
        told: &mut dyn FnMut(Estimate),
    ) -> Outcome {
        if writeln!(self.input, "{request}")
            .and_then(|()| self.input.flush())
            .is_err()
        {
            // Its last lines are still to be read.
            let left = || self.lines.recv_timeout(LAST_LINES);
            self.ready |=
                std::iter::from_fn(|| left().ok()).any(|line| matches!(line, Line::Ready));
            return Outcome::Ended;
        }
        let patience = limits.patience();
        let started = Instant::now();
        let mut stopping: Option<Instant> = None;
        loop {
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(Line::Ready) => self.ready = true,
                Ok(Line::Answer(answer)) => return Outcome::Answer(answer),
                Ok(Line::Blocked(near)) => return Outcome::Blocked(near),
                Ok(Line::Progress(estimate)) => told(estimate),
                Err(RecvTimeoutError::Disconnected) => return Outcome::Ended,
                // Relaxed: the flag guards no memory.
                Err(RecvTimeoutError::Timeout) if interrupted.load(Ordering::Relaxed) => {
                    match stopping {
                        None if limits.kept.is_some() => {
                            // A worker that is gone is noticed where its lines are read.
                            let _ =
                                writeln!(self.input, "{STOP}").and_then(|()| self.input.flush());
                            stopping = Some(Instant::now());
                        }
                        Some(since) if since.elapsed() <= TO_STOP => {}
                        _ => return Outcome::Interrupted,
                    }
                }
                Err(RecvTimeoutError::Timeout) if started.elapsed() > patience => {
                    return Outcome::Timeout(patience.as_secs());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// How the process ended, and the last that it printed to standard error.
    fn ended(mut self) -> End {
        let status = self.child.wait();
        // The end of the process closes its standard error.
        let _ = self.drained.join();
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let text: Vec<u8> = errors.iter().copied().collect();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        End {
            signal: status.as_ref().ok().and_then(signal),
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            words: lines.map(str::to_owned).collect(),
        }
    }

    fn end(mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The signal that ended a process, if one did.
fn signal(status: &ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    {
        std::os::unix::process::ExitStatusExt::signal(status)
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        None
    }
}

/// Answers jobs from standard input until it ends: the main loop of a worker process. When it ends
/// while a job runs, the parent is gone, and the process ends at once.
///
/// # Errors
/// When standard input or output fails.
pub fn serve(programs: &[Program]) -> io::Result<()> {
    {
        let mut output = io::stdout().lock();
        // A test harness may have left a line open.
        writeln!(output, "\n{READY}")?;
        output.flush()?;
    }
    let requests = Requests::<Request>::of_parent();
    let watch = Watch::new(blocks);
    while let Some(request) = requests.next()? {
        let answer = watch.over(|| listening(tell, || request.answer(programs)));
        let rows = answer.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        let text = serde_json::to_string(&rows).map_err(io::Error::other)?;
        let mut output = io::stdout().lock();
        // A checked program may have left a line open.
        writeln!(output, "\n{MARK}{text}")?;
        output.flush()?;
        requests.answered();
    }
    Ok(())
}

/// Tells the parent that the job blocks outside of the model.
fn blocks(near: &str) {
    if let Ok(text) = serde_json::to_string(near) {
        let mut output = io::stdout().lock();
        // A parent that has gone away needs no answer.
        let _ = writeln!(output, "\n{BLOCKED}{text}");
        let _ = output.flush();
    }
}

/// Tells the parent how far the job is.
fn tell(estimate: Estimate) {
    if let Ok(text) = serde_json::to_string(&estimate) {
        let mut output = io::stdout().lock();
        // A parent that has gone away is noticed when the answer is written.
        let _ = writeln!(output, "\n{PROGRESS}{text}");
        let _ = output.flush();
    }
}

/// A job on its way to a worker.
#[derive(Serialize, Deserialize)]
struct Request {
    scenario: String,
    instance: BTreeMap<String, String>,
    switches: BTreeMap<String, String>,
    engine: EngineId,
    asks: Option<Vec<String>>,
    limits: Limits,
}

impl From<&Planned> for Request {
    fn from(planned: &Planned) -> Self {
        let ids = |asks: &BTreeSet<Property>| asks.iter().map(|p| p.id().to_owned()).collect();
        Self {
            scenario: planned.program.name().to_owned(),
            instance: planned
                .instance
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .collect(),
            switches: super::check::switches(&planned.semantics),
            engine: planned.engine,
            asks: planned.asks.as_ref().map(ids),
            limits: planned.limits.clone(),
        }
    }
}

impl Request {
    fn answer(self, programs: &[Program]) -> Result<Vec<WireRow>, String> {
        let program = programs
            .iter()
            .find(|program| program.name() == self.scenario)
            .ok_or_else(|| format!("this worker has no `{}`", self.scenario))?;
        let parameters = program.parameters();
        let mut instance = Instance::defaults(&parameters);
        for (name, value) in &self.instance {
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            let value = parameter.and_then(|p| Some((p.name, p.parse(value)?)));
            let (name, value) = value.ok_or_else(|| format!("no parameter {name}"))?;
            instance = instance.with(name, value);
        }
        let mut semantics = Semantics::DEFAULT;
        for (switch, word) in &self.switches {
            if !set_switch(&mut semantics, switch, word) {
                return Err(format!("no switch {switch}={word}"));
            }
        }
        let planned = Planned {
            program: Arc::clone(program),
            instance,
            semantics,
            engine: self.engine,
            asks: self
                .asks
                .map(|ids| ids.iter().filter_map(|id| Property::from_id(id)).collect()),
            limits: self.limits,
            mode: None,
        };
        confine(&planned.limits);
        Ok(planned.check().into_iter().map(WireRow::from).collect())
    }
}

/// The rows of several jobs as one line of text.
pub(crate) fn rows_as_text(rows: &[Vec<Row>]) -> String {
    let wire = |rows: &Vec<Row>| rows.iter().cloned().map(WireRow::from).collect();
    let rows: Vec<Vec<WireRow>> = rows.iter().map(wire).collect();
    serde_json::to_string(&rows).expect("plain data serialises")
}

/// The rows of the jobs of `plan` from that text; none where it is another's.
pub(crate) fn rows_of_text(text: &str, plan: &[Planned]) -> Option<Vec<Row>> {
    let rows: Vec<Vec<WireRow>> = serde_json::from_str(text).ok()?;
    let of_job = |(planned, rows): (&Planned, Vec<WireRow>)| {
        let rows = rows.into_iter().map(|row| row.into_row(planned));
        rows.collect::<Vec<Row>>()
    };
    (rows.len() == plan.len()).then(|| plan.iter().zip(rows).flat_map(of_job).collect())
}

/// A row on its way from a worker.
#[derive(Serialize, Deserialize)]
struct WireRow {
    property: String,
    verdict: WireVerdict,
    executions: u64,
    together: Option<u64>,
    states: Option<u64>,
    workers: usize,
    semantics: Vec<String>,
    overridden: Vec<String>,
    undecided: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum WireVerdict {
    Exhausted {
        executions: u64,
        mode: Option<SearchMode>,
        workers: usize,
        together: Option<u64>,
    },
    Surveyed {
        states: u64,
        bypass: Option<u64>,
    },
    Witnessed,
    Bounded {
        executions: u64,
        cuts: Vec<Cut>,
    },
    Sampled(Sample),
    Refuted(Box<Refutation>),
    GaveUp(GaveUp),
}

impl From<Row> for WireRow {
    fn from(row: Row) -> Self {
        let verdict = match row.verdict {
            Verdict::Proved(proof) => match (proof.exhausted(), proof.surveyed()) {
                (Some(exhausted), _) => WireVerdict::Exhausted {
                    executions: exhausted.executions(),
                    mode: exhausted.mode(),
                    workers: exhausted.workers(),
                    together: exhausted.together(),
                },
                (None, Some(graph)) => WireVerdict::Surveyed {
                    states: graph.states(),
                    bypass: graph.bypass(),
                },
                (None, None) => WireVerdict::Witnessed,
            },
            Verdict::Bounded(Bounds { executions, cuts }) => {
                WireVerdict::Bounded { executions, cuts }
            }
            Verdict::Sampled(sample) => WireVerdict::Sampled(sample),
            Verdict::Refuted(refutation) => WireVerdict::Refuted(refutation),
            Verdict::GaveUp(why) => WireVerdict::GaveUp(why),
        };
        Self {
            property: row.property.id().to_owned(),
            verdict,
            executions: row.executions,
            together: row.together,
            states: row.states,
            workers: row.workers,
            semantics: row.semantics,
            overridden: row.overridden,
            undecided: row
                .undecided
                .iter()
                .map(|property| property.id().to_owned())
                .collect(),
        }
    }
}

impl WireRow {
    fn into_row(self, planned: &Planned) -> Row {
        let verdict = match self.verdict {
            WireVerdict::Exhausted {
                executions,
                mode,
                workers,
                together,
            } => Verdict::Proved(search::received(executions, mode, workers, together).into()),
            WireVerdict::Surveyed { states, bypass } => {
                Verdict::Proved(search::received_graph(states, bypass).into())
            }
            WireVerdict::Witnessed => Verdict::Proved(Proof::witnessed()),
            WireVerdict::Bounded { executions, cuts } => {
                Verdict::Bounded(Bounds { executions, cuts })
            }
            WireVerdict::Sampled(sample) => Verdict::Sampled(sample),
            WireVerdict::Refuted(refutation) => Verdict::Refuted(refutation),
            WireVerdict::GaveUp(why) => Verdict::GaveUp(why),
        };
        Row {
            scenario: planned.program.name().to_owned(),
            engine: planned.engine,
            instance: planned.instance.clone(),
            switches: planned.job().switches(),
            property: Property::from_id(&self.property).unwrap_or(Property::Invariant),
            verdict,
            executions: self.executions,
            together: self.together,
            states: self.states,
            workers: self.workers,
            semantics: self.semantics,
            overridden: self.overridden,
            undecided: self
                .undecided
                .iter()
                .filter_map(|id| Property::from_id(id))
                .collect(),
        }
    }
}
