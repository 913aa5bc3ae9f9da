//! One program, one instance, one engine: rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::calibration;
use super::counterexample::Counterexample;
use super::engine::{Ending, EngineId, Run};
use super::exhaustive;
use super::limits::{Limits, SearchMode};
use super::panics;
use super::search::{Loop, Search};
use super::verdict::{Bounds, Cut, GaveUp, Proof, Refutation, Verdict, Word};
use crate::scenario::{Instance, Memory, Program};
use crate::sync::announcing::{
    ChoiceKey, ChoiceTable, Choices, Failure, FailureKind, Session, Settings, Totals, Trouble,
};
use crate::sync::{NotifyOrder, Property, Semantics, SemaphoreOrder, SwaitOrder};

/// What is to be checked, and how.
#[derive(Clone)]
pub struct Job<'a> {
    /// The program.
    pub program: &'a Program,
    /// The choice of its parameters.
    pub instance: &'a Instance,
    /// The switches.
    pub semantics: Semantics,
    /// The properties that are asked for.
    pub targets: BTreeSet<Property>,
    /// Who schedules.
    pub engine: EngineId,
    /// What bounds the run.
    pub limits: &'a Limits,
}

/// One line of a report: what an engine concludes about one property of one instance.
#[derive(Clone, Debug)]
pub struct Row {
    /// `problem/variant`.
    pub scenario: String,
    /// Who scheduled.
    pub engine: EngineId,
    /// The parameters.
    pub instance: Instance,
    /// The switches that differ from the defaults, and `mode`, where that does.
    pub switches: BTreeMap<String, String>,
    /// What the verdict is about.
    pub property: Property,
    /// The verdict.
    pub verdict: Verdict,
    /// Executions, where counting them makes sense.
    pub executions: u64,
    /// The most threads that were found together, for [`Property::MaximalParallelism`]; exact where
    /// that is proved, else there may be more.
    pub together: Option<u64>,
    /// Distinct states that a search kept, where it visited all.
    pub states: Option<u64>,
    /// How many threads have made the search; what more than one find differs from run to run in
    /// executions, and in which of several failures it is.
    pub workers: usize,
    /// Memory model and switches on which the verdict rests.
    pub semantics: Vec<String>,
    /// Environment variables that were not obeyed.
    pub overridden: Vec<String>,
    /// Properties that were asked for and that the search did not decide.
    pub undecided: Vec<Property>,
}

impl Row {
    /// `problem` of `problem/variant`.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.scenario
            .split_once('/')
            .map_or(&self.scenario, |(problem, _)| problem)
    }

    /// `variant` of `problem/variant`.
    #[must_use]
    pub fn variant(&self) -> &str {
        self.scenario
            .split_once('/')
            .map_or("", |(_, variant)| variant)
    }

    /// Whether every execution was searched.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.verdict.word() == Word::Proved && self.property != Property::Reachability
    }

    /// The counterexample, if the row has one.
    #[must_use]
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match &self.verdict {
            Verdict::Refuted(refutation) => refutation.counterexample(),
            _ => None,
        }
    }

    /// The parameters and the switches that differ from the defaults: `lock=facade n=3`.
    #[must_use]
    pub fn instance_text(&self) -> String {
        instance_text(&self.instance, &self.switches)
    }
}

/// The parameters and the switches that differ from the defaults, as rows and claims write them.
#[must_use]
pub fn instance_text(instance: &Instance, switches: &BTreeMap<String, String>) -> String {
    let mut text = instance.to_string();
    for (switch, value) in switches {
        if text == "-" {
            text.clear();
        }
        text = format!(
            "{text}{}{switch}={value}",
            if text.is_empty() { "" } else { " " }
        );
    }
    text
}

impl Job<'_> {
    /// The switches that differ from the defaults, and `mode`, where that does.
    #[must_use]
    pub fn switches(&self) -> BTreeMap<String, String> {
        let mut switches = switches(&self.semantics);
        if let Some(mode) = self.mode()
            && mode != SearchMode::default()
        {
            switches.insert(MODE.to_owned(), mode.to_string());
        }
        switches
    }

    /// How engine `exhaustive` searches; none for the others.
    #[must_use]
    pub fn mode(&self) -> Option<SearchMode> {
        (self.engine == EngineId::Exhaustive).then_some(self.limits.mode)
    }

    /// The properties that are refuted where they fail though nobody asked for them: those that every
    /// run looks at, unless less is asked for than the scenario lists.
    pub(super) fn heard(&self) -> BTreeSet<Property> {
        let decided = |property: &Property| property.is_of_finite_executions();
        let listed = self.program.properties().into_iter().filter(decided);
        if !listed
            .into_iter()
            .all(|property| self.targets.contains(&property))
        {
            return BTreeSet::new();
        }
        Property::ALL.into_iter().filter(decided).collect()
    }

    pub(super) fn settings(&self, choices: Choices) -> Settings {
        Settings {
            semantics: self.semantics,
            spin_cap: self.limits.spins,
            targets: self.targets.clone(),
            heard: self.heard(),
            choices,
            perturb: None,
            script: None,
        }
    }
}

/// The switches that differ from the defaults, by their ids.
#[must_use]
pub fn switches(semantics: &Semantics) -> BTreeMap<String, String> {
    let defaults = words(&Semantics::DEFAULT);
    let mut switches = words(semantics);
    switches.retain(|switch, word| defaults[switch] != *word);
    switches
        .into_iter()
        .map(|(switch, word)| (switch.to_owned(), word.to_owned()))
        .collect()
}

/// Every switch and its word.
#[must_use]
pub fn words(semantics: &Semantics) -> BTreeMap<&'static str, &'static str> {
    let semaphore = match semantics.semaphore {
        SemaphoreOrder::Strong => "strong",
        SemaphoreOrder::Weak => "weak",
    };
    let swait = match semantics.swait {
        SwaitOrder::Strict => "strict",
        SwaitOrder::Scan => "scan",
        SwaitOrder::Weak => "weak",
    };
    let notify = match semantics.notify {
        NotifyOrder::Any => "any",
        NotifyOrder::Fifo => "fifo",
    };
    let spurious = if semantics.spurious { "on" } else { "off" };
    [
        ("semaphore", semaphore),
        ("swait", swait),
        ("notify", notify),
        ("spurious", spurious),
    ]
    .into()
}

/// The word of rows and claims that stands among the switches and names the mode of a search.
pub const MODE: &str = "mode";

/// The switches and the words that each can take; the first is the default.
pub const SWITCHES: [(&str, &[&str]); 4] = [
    ("semaphore", &["strong", "weak"]),
    ("swait", &["scan", "strict", "weak"]),
    ("notify", &["any", "fifo"]),
    ("spurious", &["off", "on"]),
];

/// Sets a switch; `false` when there is no such switch or word.
#[must_use]
pub fn set_switch(semantics: &mut Semantics, switch: &str, word: &str) -> bool {
    match (switch, word) {
        ("semaphore", "strong") => semantics.semaphore = SemaphoreOrder::Strong,
        ("semaphore", "weak") => semantics.semaphore = SemaphoreOrder::Weak,
        ("swait", "strict") => semantics.swait = SwaitOrder::Strict,
        ("swait", "scan") => semantics.swait = SwaitOrder::Scan,
        ("swait", "weak") => semantics.swait = SwaitOrder::Weak,
        ("notify", "any") => semantics.notify = NotifyOrder::Any,
        ("notify", "fifo") => semantics.notify = NotifyOrder::Fifo,
        ("spurious", "off") => semantics.spurious = false,
        ("spurious", "on") => semantics.spurious = true,
        _ => return false,
    }
    true
}

/// Runs a job on the calling thread and draws the rows from it: one for each property that was
/// asked for, or, when one is refuted, one for that, with the others named as undecided.
#[must_use]
pub fn check(job: &Job<'_>) -> Vec<Row> {
    panics::own_output();
    let (infinite, finite): (BTreeSet<Property>, BTreeSet<Property>) = job
        .targets
        .iter()
        .partition(|property| property.is_of_infinite_executions());
    let (silent, finite): (BTreeSet<Property>, BTreeSet<Property>) = finite
        .into_iter()
        .partition(|property| unheard(job, *property).is_some());
    if infinite.is_empty() && silent.is_empty() {
        return rows(job, job.engine.engine().run(job));
    }
    let mut found = Vec::new();
    if !finite.is_empty() {
        let job = Job {
            targets: finite,
            ..job.clone()
        };
        found = rows(&job, job.engine.engine().run(&job));
    }
    found.extend(silent.into_iter().filter_map(|property| {
        let verdict = Verdict::GaveUp(unheard(job, property)?);
        Some(row(job, None, property, verdict, &Totals::default()))
    }));
    if !infinite.is_empty() {
        found.extend(rows_of_infinite_executions(job, &infinite));
    }
    found
}

/// Why what observers tell of moments is not heard, where it is not.
fn unheard(job: &Job<'_>, property: Property) -> Option<GaveUp> {
    if !property.is_of_moments() {
        return None;
    }
    let what = if !job.program.observed().contains(&property) {
        format!("{property}: the scenario has no observer of it")
    } else if job.mode() == Some(SearchMode::States) {
        format!("{property}: a search over states keeps no trace; use --mode traces")
    } else {
        return None;
    };
    Some(GaveUp::Unsupported { what })
}

/// One row for each property: they are answered on one graph, and none hides another.
fn rows_of_infinite_executions(job: &Job<'_>, asked: &BTreeSet<Property>) -> Vec<Row> {
    let (verdicts, totals) = if job.engine == EngineId::Exhaustive {
        exhaustive::verdicts(job, asked)
    } else {
        let unsupported = |&property: &Property| {
            let what = format!("{property} is a property of infinite executions");
            (property, Verdict::GaveUp(GaveUp::Unsupported { what }))
        };
        (asked.iter().map(unsupported).collect(), Totals::default())
    };
    let row = |(property, verdict)| row(job, None, property, verdict, &totals);
    verdicts.into_iter().map(row).collect()
}

fn row(
    job: &Job<'_>,
    mode: Option<SearchMode>,
    property: Property,
    verdict: Verdict,
    totals: &Totals,
) -> Row {
    Row {
        scenario: job.program.name().to_owned(),
        engine: job.engine,
        instance: job.instance.clone(),
        switches: job.switches(),
        property,
        verdict,
        executions: totals.executions,
        together: (property == Property::MaximalParallelism).then_some(totals.together),
        states: totals.states,
        workers: totals.workers.unwrap_or(1),
        semantics: semantics_words(job, mode, totals),
        overridden: Vec::new(),
        undecided: Vec::new(),
    }
}

/// The rows that follow from a run.
pub(super) fn rows(job: &Job<'_>, run: Run) -> Vec<Row> {
    let Run {
        ending,
        totals,
        overridden,
        mode,
        gaps,
    } = run;
    let mut marks: BTreeSet<&str> = totals.marks.iter().copied().collect();
    let alarms = totals.used.seq_cst_accesses || totals.used.mixed_writes;
    if !(job.engine == EngineId::Loom && alarms) {
        // Where loom may raise a false alarm a witness may be one too.
        marks.extend(&totals.weak_marks);
    }
    let missing: Vec<String> = job
        .program
        .marks()
        .into_iter()
        .filter(|mark| !marks.contains(mark))
        .map(str::to_owned)
        .collect();
    let row = |property: Property, verdict: Verdict| Row {
        overridden: overridden.clone(),
        ..row(job, mode, property, verdict, &totals)
    };
    if let Ending::Failed(counterexample) = ending {
        let property = counterexample
            .property()
            .expect("a counterexample is made for a property");
        let mut undecided = job.targets.clone();
        undecided.remove(&property);
        let refutation = Refutation::Counterexample(*counterexample);
        let mut row = row(property, Verdict::Refuted(Box::new(refutation)));
        row.undecided = undecided.into_iter().collect();
        return vec![row];
    }
    let verdict = |property: Property| {
        if property == Property::Reachability && missing.is_empty() {
            return Verdict::Proved(Proof::witnessed());
        }
        let gaps = gaps.get(&property).into_iter().flatten().cloned();
        let gaps: BTreeSet<Cut> = gaps.collect();
        match &ending {
            Ending::Exhausted(exhausted) if !gaps.is_empty() => Verdict::Bounded(Bounds {
                executions: exhausted.executions(),
                cuts: gaps.into_iter().collect(),
            }),
            Ending::Exhausted(_) if property == Property::Reachability => {
                Verdict::Refuted(Box::new(Refutation::Unreachable(missing.clone())))
            }
            Ending::Exhausted(exhausted) if property == Property::MaximalParallelism => {
                Verdict::Proved(exhausted.with_together(totals.together).into())
            }
            Ending::Exhausted(exhausted) => Verdict::Proved((*exhausted).into()),
            Ending::Cut(bounds) => {
                let cuts: BTreeSet<Cut> = bounds.cuts.iter().cloned().chain(gaps).collect();
                Verdict::Bounded(Bounds {
                    cuts: cuts.into_iter().collect(),
                    ..*bounds
                })
            }
            Ending::Sampled(sample) => Verdict::Sampled(sample.clone()),
            Ending::Unable(why) => Verdict::GaveUp(why.clone()),
            Ending::Failed(_) => unreachable!("handled above"),
        }
    };
    job.targets
        .iter()
        .map(|&property| row(property, verdict(property)))
        .collect()
}

/// Memory model and switches on which a verdict rests: those that the program uses.
fn semantics_words(job: &Job<'_>, mode: Option<SearchMode>, totals: &Totals) -> Vec<String> {
    let Totals { used, audited, .. } = totals;
    let Semantics {
        notify,
        spurious,
        semaphore,
        swait,
    } = job.semantics;
    let mut words = vec![match job.engine.memory() {
        Memory::SequentiallyConsistent => "sc",
        Memory::C11 => "c11",
    }];
    words.extend(mode.or(job.mode()).map(|mode| match mode {
        SearchMode::Auto | SearchMode::Traces | SearchMode::Source => "traces",
        SearchMode::States => "states",
    }));
    if *audited > 0 {
        words.push("audited");
    }
    if used.semaphores {
        words.push(match semaphore {
            SemaphoreOrder::Strong => "fifo-semaphore",
            SemaphoreOrder::Weak => "weak-semaphore",
        });
    }
    if used.sets {
        words.push(match swait {
            SwaitOrder::Strict => "strict-swait",
            SwaitOrder::Scan => "scan-swait",
            SwaitOrder::Weak => "weak-swait",
        });
    }
    if used.condvars {
        words.push(match notify {
            NotifyOrder::Any => "notify-any",
            NotifyOrder::Fifo => "notify-fifo",
        });
    }
    if used.condvars || used.parks {
        words.push(if spurious {
            "spurious-wakeups"
        } else {
            "no-spurious-wakeups"
        });
    }
    words
        .into_iter()
        .map(str::to_owned)
        .chain(calibration::uncalibrated(job.engine))
        .collect()
}

/// What a failure that a session told means for a run.
pub(super) fn failed(job: &Job<'_>, failure: &Failure, execution: u64) -> Ending {
    match &failure.kind {
        FailureKind::Property(property) => Ending::Failed(Box::new(Counterexample::new(
            job, failure, *property, execution,
        ))),
        FailureKind::Trouble(trouble) => Ending::Unable(gave_up(job, trouble, &failure.message)),
    }
}

/// A failure of which the steps are not told.
pub(super) fn unrecorded(
    job: &Job<'_>,
    property: Property,
    message: &str,
    execution: u64,
) -> Ending {
    let failure = Failure {
        kind: FailureKind::Property(property),
        message: message.to_owned(),
        location: None,
        thread: 0,
        steps: Vec::new(),
        threads: Vec::new(),
        objects: Vec::new(),
        blocked: Vec::new(),
        sequentially_consistent: job.engine.memory() == Memory::SequentiallyConsistent,
    };
    failed(job, &failure, execution)
}

/// What it means for a verdict that the checker cannot go on.
pub(super) fn gave_up(job: &Job<'_>, trouble: &Trouble, message: &str) -> GaveUp {
    match trouble {
        Trouble::Backend => GaveUp::Internal {
            detail: message.to_owned(),
        },
        Trouble::Threads { limit } => GaveUp::Threads { limit: *limit },
        Trouble::Branches => GaveUp::Steps {
            limit: job.limits.steps,
        },
        Trouble::Stuck => GaveUp::Internal {
            detail: message.to_owned(),
        },
        Trouble::CaughtPanic | Trouble::Foreign => GaveUp::Unsupported {
            what: message.to_owned(),
        },
        _ => GaveUp::Nondeterministic {
            detail: message.to_owned(),
        },
    }
}

/// One run of an exhaustive engine's own loop, with choices from the session's table.
pub(super) struct Pass {
    /// A failure or trouble that ends everything.
    pub(super) ended: Option<Ending>,
    /// What the loop says.
    pub(super) says: Loop,
}

/// Runs an exhaustive engine once for every table of choices: none of the backends can branch on a
/// choice, but with a table fixed the rest is scheduling, and every execution has one table.
///
/// A pass with a table covers the choices that the table is silent about as 0; those that came up
/// are then counted through, depth first, so that memory is bounded by the choices of one execution.
pub(super) fn over_choices(
    job: &Job<'_>,
    search: &mut Search,
    mut pass: impl FnMut(&Arc<Session>, &mut Search, u64) -> Pass,
) -> (Option<Ending>, Totals, Loop) {
    let mut totals = Totals::default();
    let mut table = ChoiceTable::new();
    // What came up first in the pass of each level, all of it chosen in `table`.
    let mut levels: Vec<Vec<ChoiceKey>> = Vec::new();
    loop {
        let session = Session::new(job.settings(Choices::Table(table.clone())));
        let Pass { ended, says } = pass(&session, search, totals.executions);
        let of_pass = session.totals();
        let fresh: Vec<ChoiceKey> = of_pass
            .choices
            .iter()
            .filter(|key| !table.contains_key(*key))
            .cloned()
            .collect();
        totals.add(of_pass);
        if ended.is_some() || says == Loop::Stopped {
            return (ended, totals, Loop::Stopped);
        }
        table.extend(fresh.iter().map(|key| (key.clone(), 0)));
        levels.push(fresh);
        if !next_table(&mut levels, &mut table) {
            return (None, totals, Loop::NothingLeft);
        }
    }
}

/// Counts the last level one up, or drops it when it is through; `false` when all are.
fn next_table(levels: &mut Vec<Vec<ChoiceKey>>, table: &mut ChoiceTable) -> bool {
    while let Some(level) = levels.last() {
        for key in level {
            let alternatives = key.2;
            let chosen = table.entry(key.clone()).or_insert(0);
            if *chosen + 1 < alternatives {
                *chosen += 1;
                return true;
            }
            *chosen = 0;
        }
        for key in level {
            table.remove(key);
        }
        levels.pop();
    }
    false
}
