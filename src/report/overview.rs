//! What table, Markdown and HTML have in common: rows grouped into lines and cells, what fails,
//! what was cut and why, and what the verdicts rest on. Every text in it is safe and on one line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::explain::{self, titled};
use super::glossary::{meaning, place};
use super::{Context, escape};
use crate::engines::agreement::contradictions;
use crate::engines::check::Row;
use crate::engines::verdict::{Bounds, Cut, Sample};
use crate::engines::{Claimed, Counterexample, EngineId, ExitStatus, Verdict, Word};
use crate::scenario::Property;

/// What stands over engines that contradict each other.
pub(super) const DISAGREEMENTS: &str = "engines that contradict each other: one of them is wrong, \
    or the program decides by something outside of the model";

/// The rows of a report, in order.
pub(super) struct Overview<'a> {
    /// What was asked for, and how it was run.
    pub(super) title: String,
    /// The engines that occur: the columns.
    pub(super) engines: Vec<EngineId>,
    /// The problems.
    pub(super) sections: Vec<Section>,
    /// What contradicts which claim.
    pub(super) contradictions: Vec<String>,
    /// Which engines contradict each other.
    pub(super) disagreements: Vec<String>,
    /// What is refuted.
    pub(super) failing: Vec<Failing<'a>>,
    /// Why rows are less than proved.
    pub(super) notes: Vec<Notes>,
    /// Environment variables that were not obeyed.
    pub(super) overridden: Vec<String>,
    /// What each engine does, and what it sampled.
    pub(super) engine_notes: Vec<(EngineId, String)>,
    /// What the verdicts rest on: the word, what it means and for which engines.
    pub(super) semantics: Vec<(String, String)>,
    /// What marks at words mean, as far as they occur.
    pub(super) marks: Vec<(&'static str, &'static str)>,
    /// How many of what.
    pub(super) totals: Totals,
    /// Whether rows bear times.
    pub(super) timed: bool,
}

/// A problem.
pub(super) struct Section {
    pub(super) problem: String,
    pub(super) lines: Vec<Line>,
}

/// A variant and an instance.
pub(super) struct Line {
    pub(super) variant: String,
    /// Everything of it, `-` when there is nothing.
    pub(super) instance: String,
    /// Its parameters, `name=value`.
    pub(super) parameters: Vec<String>,
    /// The switches that differ from the defaults, `name=value`.
    pub(super) switches: Vec<String>,
    /// What each engine says, in the order of the columns.
    pub(super) cells: Vec<Option<Cell>>,
    /// The properties of which an engine says something else than its cell.
    pub(super) exceptions: Vec<(Property, Vec<Option<Cell>>)>,
    /// How long its runs took together.
    pub(super) milliseconds: Option<u64>,
}

/// What an engine says.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) word: Word,
    /// How many executions there are, where all were visited.
    pub(super) executions: Option<Count>,
    pub(super) mark: Mark,
}

/// A number of executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    executions: u64,
    /// Whether another run has as many.
    comparable: bool,
}

/// What stands before a number that another run does not have.
const INCOMPARABLE: &str = "~";

impl fmt::Display for Count {
    /// `1234`, `~1234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.comparable { "" } else { INCOMPARABLE };
        write!(f, "{sign}{}", self.executions)
    }
}

/// How a verdict stands to its claim; the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Meets,
    Unclaimed,
    Contradicts,
}

/// A scenario and an instance of which something is refuted.
pub(super) struct Failing<'a> {
    /// The scenario, with the instance where it would not be clear.
    pub(super) name: String,
    /// What fails.
    pub(super) failures: Vec<Failure<'a>>,
    /// The command that explains it.
    pub(super) command: String,
}

/// A property that is refuted.
pub(super) struct Failure<'a> {
    /// What fails, in words.
    pub(super) what: String,
    /// How many steps lead to it.
    pub(super) steps: Option<usize>,
    /// The execution in which it does.
    pub(super) counterexample: Option<&'a Counterexample>,
}

/// Why rows end with a word that is less than proved.
pub(super) struct Notes {
    /// The word, in a phrase.
    pub(super) heading: String,
    /// The reasons.
    pub(super) notes: Vec<Note>,
}

/// A reason, and the rows whose it is.
pub(super) struct Note {
    /// Why.
    pub(super) reason: String,
    /// Which: `loom, dfs: problem/variant, problem/{variant, variant}`.
    pub(super) rows: Vec<String>,
}

/// How many rows end with which word.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    pub(super) rows: usize,
    /// In the order of [`Word::ALL`].
    pub(super) words: Vec<(Word, usize)>,
    pub(super) exit: ExitStatus,
    /// Whether anything is claimed of any row.
    claimed: bool,
}

impl<'a> Overview<'a> {
    pub(super) fn of(rows: &'a [Claimed], context: &Context) -> Self {
        let engines: Vec<EngineId> = EngineId::ALL
            .into_iter()
            .filter(|engine| rows.iter().any(|row| row.row.engine == *engine))
            .collect();
        let groups = groups(rows);
        let names = Names::of(rows, context);
        let mut sections: Ordered<String, Vec<Line>> = Ordered::default();
        for group in &groups {
            let problem = escape::line(group.first(rows).problem());
            sections
                .entry(problem)
                .push(line(rows, group, &engines, context));
        }
        let command = escape::line(&context.command);
        Self {
            title: format!("crosscheck {command}, {} mode", context.mode.as_str()),
            sections: sections
                .0
                .into_iter()
                .map(|(problem, lines)| Section { problem, lines })
                .collect(),
            contradictions: rows.iter().filter_map(contradiction).collect(),
            disagreements: disagreements(rows),
            failing: groups
                .iter()
                .filter_map(|group| failing(rows, group, &names))
                .collect(),
            notes: notes(rows, &names),
            overridden: overridden(rows),
            engine_notes: engines
                .iter()
                .map(|&engine| (engine, about(engine, rows)))
                .collect(),
            semantics: semantics(rows, &engines),
            marks: marks(rows),
            totals: Totals::of(rows, context),
            timed: context.milliseconds.iter().any(Option::is_some),
            engines,
        }
    }
}

/// The rows of one scenario and instance, by their indices.
struct Group {
    rows: Vec<usize>,
}

impl Group {
    fn first<'a>(&self, rows: &'a [Claimed]) -> &'a Row {
        &rows[self.rows[0]].row
    }

    fn members<'a>(&self, rows: &'a [Claimed]) -> impl Iterator<Item = &'a Claimed> {
        self.rows.iter().map(|&at| &rows[at])
    }
}

/// By scenario and instance, in the order in which they first occur.
fn groups(rows: &[Claimed]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = BTreeMap::new();
    for (at, Claimed { row, .. }) in rows.iter().enumerate() {
        let place = *places
            .entry((&row.scenario, row.instance_text()))
            .or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.rows.push(at),
            None => groups.push(Group { rows: vec![at] }),
        }
    }
    groups
}

/// How much of its instance it takes to tell what a row is about.
struct Names<'a> {
    /// The scenarios of which there are several instances.
    several: BTreeSet<&'a str>,
    context: &'a Context,
}

impl<'a> Names<'a> {
    fn of(rows: &'a [Claimed], context: &'a Context) -> Self {
        let mut first = BTreeMap::new();
        let several = rows
            .iter()
            .filter(|Claimed { row, .. }| {
                let instance = row.instance_text();
                *first
                    .entry(&row.scenario)
                    .or_insert_with(|| instance.clone())
                    != instance
            })
            .map(|Claimed { row, .. }| row.scenario.as_str())
            .collect();
        Self { several, context }
    }

    /// Parameters that differ from the defaults, all where these are not known, and switches.
    fn settings(&self, row: &Row) -> Vec<String> {
        let defaults = self.context.defaults.get(&row.scenario);
        let differs = |name: &str, value| defaults.and_then(|known| known.get(name)) != Some(value);
        let parameters = row
            .instance
            .iter()
            .filter(|(name, value)| differs(name, value))
            .map(|(name, value)| format!("{name}={value}"));
        let switches = row
            .switches
            .iter()
            .map(|(switch, word)| format!("{switch}={word}"));
        parameters
            .chain(switches)
            .map(|setting| escape::line(&setting))
            .collect()
    }

    /// `name`, followed by the settings where they are needed.
    fn told(&self, name: &str, row: &Row) -> String {
        let scenario = row.scenario.as_str();
        let needed =
            self.context.defaults.contains_key(scenario) || self.several.contains(scenario);
        let settings = if needed {
            self.settings(row)
        } else {
            Vec::new()
        };
        [vec![escape::line(name)], settings].concat().join(" ")
    }

    /// The command that explains a row.
    fn command(&self, row: &Row) -> String {
        let settings =
            self.settings(row)
                .into_iter()
                .map(|setting| match setting.strip_prefix("mode=") {
                    Some(mode) => format!(" --mode {mode}"),
                    None => format!(" --set {setting}"),
                });
        let scenario = escape::line(&row.scenario);
        let settings: String = settings.collect();
        self.context.rerun.explain(&scenario, &settings)
    }
}

fn line(rows: &[Claimed], group: &Group, engines: &[EngineId], context: &Context) -> Line {
    let of_engine = |engine: EngineId| -> Vec<&Claimed> {
        group
            .members(rows)
            .filter(|row| row.row.engine == engine)
            .collect()
    };
    let cells: Vec<Option<Cell>> = engines
        .iter()
        .map(|&engine| Cell::of(&of_engine(engine)))
        .collect();
    let properties: BTreeSet<Property> = group.members(rows).map(|row| row.row.property).collect();
    let exceptions = properties
        .into_iter()
        .filter_map(|property| {
            let exceptions: Vec<Option<Cell>> = engines
                .iter()
                .zip(&cells)
                .map(|(&engine, cell)| {
                    let rows: Vec<&Claimed> = of_engine(engine)
                        .into_iter()
                        .filter(|row| row.row.property == property)
                        .collect();
                    Cell::of(&rows).filter(|own| cell.is_some_and(|cell| cell.word != own.word))
                })
                .collect();
            exceptions
                .iter()
                .any(Option::is_some)
                .then_some((property, exceptions))
        })
        .collect();
    // The rows of one run bear the same time.
    let times = engines.iter().filter_map(|engine| {
        let of_engine = group
            .rows
            .iter()
            .filter(|&&at| rows[at].row.engine == *engine);
        of_engine.filter_map(|&at| context.milliseconds(at)).max()
    });
    let first = group.first(rows);
    Line {
        variant: escape::line(first.variant()),
        instance: escape::line(&first.instance_text()),
        parameters: first
            .instance
            .iter()
            .map(|(n, v)| escape::line(&format!("{n}={v}")))
            .collect(),
        switches: first
            .switches
            .iter()
            .map(|(n, v)| escape::line(&format!("{n}={v}")))
            .collect(),
        cells,
        exceptions,
        milliseconds: times.reduce(|sum, time| sum + time),
    }
}

impl Cell {
    /// The worst of what the rows say.
    fn of(rows: &[&Claimed]) -> Option<Self> {
        let word = rows
            .iter()
            .map(|row| row.row.verdict.word())
            .max_by_key(|word| badness(*word))?;
        let worst = || rows.iter().filter(|row| row.row.verdict.word() == word);
        Some(Self {
            word,
            executions: worst().find(|row| row.row.complete()).map(|row| Count {
                executions: row.row.executions,
                comparable: row.row.workers == 1,
            }),
            mark: worst()
                .map(|row| Mark::of(row))
                .max()
                .unwrap_or(Mark::Meets),
        })
    }
}

impl fmt::Display for Cell {
    /// `proved 1234`, `refuted!`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}{}", self.word, self.mark.suffix());
        f.pad(&match self.executions {
            Some(executions) => format!("{text} {executions}"),
            None => text,
        })
    }
}

/// Which of several words a cell shows: the greatest.
fn badness(word: Word) -> usize {
    match word {
        Word::Proved => 0,
        Word::Sampled => 1,
        Word::Bounded => 2,
        Word::GaveUp => 3,
        Word::Refuted => 4,
    }
}

impl Mark {
    fn of(row: &Claimed) -> Self {
        match (&row.claim, row.contradiction()) {
            (None, _) => Self::Unclaimed,
            (Some(_), Some(_)) => Self::Contradicts,
            (Some(_), None) => Self::Meets,
        }
    }

    /// What follows the word.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Meets => "",
            Self::Unclaimed => "?",
            Self::Contradicts => "!",
        }
    }
}

fn marks(rows: &[Claimed]) -> Vec<(&'static str, &'static str)> {
    let meanings = [
        (Mark::Unclaimed, "nothing is claimed about this row"),
        (Mark::Contradicts, "this row contradicts its claim"),
    ];
    let shared = rows.iter().any(|row| row.row.workers > 1);
    let meaning = "so many executions by several workers; another run has another number";
    meanings
        .into_iter()
        .filter(|(mark, _)| rows.iter().any(|row| Mark::of(row) == *mark))
        .map(|(mark, meaning)| (mark.suffix(), meaning))
        .chain(shared.then_some((INCOMPARABLE, meaning)))
        .collect()
}

/// How reports name a row.
#[must_use]
pub(super) fn row_name(row: &Row) -> String {
    let scenario = titled(&row.scenario, &row.instance_text());
    format!("{scenario}, {}, {}", row.engine, row.property)
}

fn contradiction(row: &Claimed) -> Option<String> {
    let contradiction = escape::line(&row.contradiction()?);
    Some(format!("{}: {contradiction}", row_name(&row.row)))
}

/// Which engines contradict each other, each with what it says.
pub(super) fn disagreements(rows: &[Claimed]) -> Vec<String> {
    contradictions(rows.iter().map(|claimed| &claimed.row))
        .iter()
        .map(|contradiction| escape::line(&contradiction.to_string()))
        .collect()
}

fn failing<'a>(rows: &'a [Claimed], group: &Group, names: &Names<'_>) -> Option<Failing<'a>> {
    // Per property the clearest, as `explain` chooses, of those that are the same in every run.
    let mut shown: BTreeMap<Property, &Row> = BTreeMap::new();
    for Claimed { row, .. } in group.members(rows) {
        if row.verdict.word() == Word::Refuted {
            let known = shown.entry(row.property).or_insert(row);
            if clarity(row) < clarity(known) {
                *known = row;
            }
        }
    }
    let first = shown.values().next()?;
    Some(Failing {
        name: names.told(&first.scenario, first),
        command: names.command(first),
        failures: shown
            .into_values()
            .map(|row| Failure {
                what: what(row),
                steps: row.counterexample().map(explain::steps),
                counterexample: row.counterexample(),
            })
            .collect(),
    })
}

/// Few steps and few changes between threads come first.
fn clarity(row: &Row) -> (bool, usize, usize, EngineId) {
    let (steps, switches) = row.counterexample().map_or((0, 0), |counterexample| {
        (
            counterexample.shown().count(),
            counterexample.switches_between_threads(),
        )
    });
    (!row.engine.is_deterministic(), steps, switches, row.engine)
}

/// What fails in a row: `deadlock: nobody can move: …`.
#[must_use]
pub(super) fn what(row: &Row) -> String {
    escape::line(&format!(
        "{}: {}",
        row.property.failure(),
        row.verdict.reason()
    ))
}

/// The reasons of rows that are less than proved, each once, the worst words first.
fn notes(rows: &[Claimed], names: &Names<'_>) -> Vec<Notes> {
    let words = [
        (Word::GaveUp, "gave-up, because"),
        (Word::Bounded, "bounded, because"),
        (Word::Sampled, "sampled, and cut besides"),
    ];
    words
        .into_iter()
        .map(|(word, heading)| {
            let mut reasons: Ordered<String, Vec<&Row>> = Ordered::default();
            for row in rows
                .iter()
                .map(|row| &row.row)
                .filter(|row| row.verdict.word() == word)
            {
                let Some(reason) = less_than_proved(&row.verdict) else {
                    continue;
                };
                reasons.entry(reason).push(row);
            }
            let note = |(reason, rows): (String, Vec<&Row>)| Note {
                reason: escape::line(&reason),
                rows: concerned(&rows, names),
            };
            Notes {
                heading: heading.to_owned(),
                notes: reasons.0.into_iter().map(note).collect(),
            }
        })
        .filter(|notes| !notes.notes.is_empty())
        .collect()
}

/// Where a search was cut or why it could not be made, without numbers that differ by row.
fn less_than_proved(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Proved(_) | Verdict::Refuted(_) => None,
        Verdict::Bounded(Bounds { cuts, .. }) => Some(joined(cuts)),
        Verdict::Sampled(Sample { cuts, .. }) => (!cuts.is_empty()).then(|| joined(cuts)),
        Verdict::GaveUp(why) => Some(why.to_string()),
    }
}

pub(super) fn joined(cuts: &[Cut]) -> String {
    let cuts: Vec<String> = cuts.iter().map(Cut::to_string).collect();
    cuts.join("; ")
}

/// Rows in few words: `loom, dfs: problem/variant, problem/{variant, variant}`.
fn concerned(rows: &[&Row], names: &Names<'_>) -> Vec<String> {
    let mut scenarios: Ordered<(&str, String), BTreeSet<EngineId>> = Ordered::default();
    for row in rows {
        let variant = names.told(row.variant(), row);
        scenarios.entry((row.problem(), variant)).insert(row.engine);
    }
    let mut texts: Ordered<String, Ordered<&str, Vec<String>>> = Ordered::default();
    for ((problem, variant), engines) in scenarios.0 {
        let engines: Vec<EngineId> = engines.into_iter().collect();
        texts.entry(columns(&engines)).entry(problem).push(variant);
    }
    let braced = |(problem, variants): (&str, Vec<String>)| {
        let problem = escape::line(problem);
        match &variants[..] {
            [variant] if variant.is_empty() => problem,
            [variant] => format!("{problem}/{variant}"),
            several => format!("{problem}/{{{}}}", several.join(", ")),
        }
    };
    texts
        .0
        .into_iter()
        .map(|(engines, problems)| {
            let problems: Vec<String> = problems.0.into_iter().map(braced).collect();
            format!("{engines}: {}", problems.join(", "))
        })
        .collect()
}

/// A small map that keeps the order in which its keys came.
struct Ordered<K, V>(Vec<(K, V)>);

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V: Default> Ordered<K, V> {
    /// The value of a key; a new one if need be.
    fn entry(&mut self, key: K) -> &mut V {
        let at = match self.0.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                self.0.push((key, V::default()));
                self.0.len() - 1
            }
        };
        &mut self.0[at].1
    }
}

fn overridden(rows: &[Claimed]) -> Vec<String> {
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| &row.row.overridden).collect();
    names.into_iter().map(|name| escape::line(name)).collect()
}

/// What an engine is called at the head of its column.
#[must_use]
pub(super) fn column(engine: EngineId) -> &'static str {
    let id = engine.as_str();
    id.strip_prefix("shuttle-").unwrap_or(id)
}

fn columns(engines: &[EngineId]) -> String {
    let columns: Vec<&str> = engines.iter().map(|&engine| column(engine)).collect();
    columns.join(", ")
}

/// What an engine does, and what it sampled.
fn about(engine: EngineId, rows: &[Claimed]) -> String {
    let samples = rows
        .iter()
        .filter(|row| row.row.engine == engine)
        .filter_map(|row| match &row.row.verdict {
            Verdict::Sampled(sample) => Some(sample),
            _ => None,
        });
    let mut kinds: BTreeMap<(&str, Option<u64>), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        kinds
            .entry((&sample.scheduler, sample.seed))
            .or_default()
            .push(sample);
    }
    let mut about = engine.summary();
    for ((scheduler, seed), samples) in kinds {
        let schedules = samples.iter().map(|sample| sample.schedules);
        about.push_str(&format!("; {} schedules", range(schedules)));
        if !engine.summary().contains(scheduler) {
            about.push_str(&format!(", {scheduler}"));
        }
        if let Some(seed) = seed {
            about.push_str(&format!(", seed {seed}"));
        }
        let misses = || samples.iter().filter_map(|sample| sample.miss);
        if let Some(miss) = misses().max_by(|a, b| a.probability.total_cmp(&b.probability)) {
            about.push_str(&format!(
                "; nominally a bug of depth exactly {} is missed with probability {:.3} at most",
                miss.depth, miss.probability,
            ));
        }
    }
    escape::line(&about)
}

/// `100`, or `20 to 100`.
fn range(numbers: impl Iterator<Item = u64> + Clone) -> String {
    match (numbers.clone().min(), numbers.max()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        (least, _) => least.unwrap_or(0).to_string(),
    }
}

/// The words that the rows rest on, and the engines where it is not all of them.
fn semantics(rows: &[Claimed], engines: &[EngineId]) -> Vec<(String, String)> {
    let mut words: Ordered<&str, BTreeSet<EngineId>> = Ordered::default();
    for Claimed { row, .. } in rows {
        for word in &row.semantics {
            words.entry(word.as_str()).insert(row.engine);
        }
    }
    words.0.sort_by_key(|(word, _)| (place(word), *word));
    words
        .0
        .into_iter()
        .map(|(word, of)| {
            let meaning = meaning(word);
            let of: Vec<EngineId> = of.into_iter().collect();
            let meaning = if of.len() == engines.len() {
                meaning.to_owned()
            } else {
                format!("{meaning} ({})", columns(&of))
            };
            (escape::line(word), meaning)
        })
        .collect()
}

impl Failure<'_> {
    /// `3 steps`.
    pub(super) fn length(&self) -> Option<String> {
        let steps = self.steps?;
        Some(format!("{steps} step{}", if steps == 1 { "" } else { "s" }))
    }
}

impl Totals {
    pub(super) fn of(rows: &[Claimed], context: &Context) -> Self {
        let count = |word| {
            rows.iter()
                .filter(|row| row.row.verdict.word() == word)
                .count()
        };
        Self {
            rows: rows.len(),
            words: Word::ALL
                .into_iter()
                .map(|word| (word, count(word)))
                .collect(),
            exit: if context.interrupted {
                ExitStatus::Interrupted
            } else {
                ExitStatus::of(rows)
            },
            claimed: rows.iter().any(|row| row.claim.is_some()),
        }
    }

    pub(super) fn count(&self, word: Word) -> usize {
        self.words
            .iter()
            .filter(|(known, _)| *known == word)
            .map(|(_, count)| count)
            .sum()
    }

    /// Returns whether all is there that was asked for.
    pub(super) fn complete(&self) -> bool {
        self.exit != ExitStatus::Interrupted
    }

    /// The exit status in words.
    fn ending(&self) -> String {
        match self.exit {
            ExitStatus::Success if !self.claimed => {
                "every row is proved, and nothing is claimed of them".to_owned()
            }
            ExitStatus::Contradicted if !self.claimed => {
                "a row is refuted, and nothing is claimed of these rows".to_owned()
            }
            ExitStatus::Undecided if !self.claimed => {
                "a row is not decided, and nothing is claimed of these rows".to_owned()
            }
            exit => exit.to_string(),
        }
    }
}

impl fmt::Display for Totals {
    /// `3 rows: 1 proved, 0 bounded, 0 sampled, 2 refuted, 0 gave up; every claim holds`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rows, self.exit) {
            (0, ExitStatus::Interrupted) => return write!(f, "0 rows: {}", self.exit),
            (0, _) => return f.write_str("0 rows: nothing was checked"),
            _ => {}
        }
        write!(
            f,
            "{} row{}: ",
            self.rows,
            if self.rows == 1 { "" } else { "s" }
        )?;
        for (at, (word, count)) in self.words.iter().enumerate() {
            let word = if *word == Word::GaveUp {
                "gave up"
            } else {
                word.as_str()
            };
            write!(f, "{}{count} {word}", if at == 0 { "" } else { ", " })?;
        }
        write!(f, "; {}", self.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::{GaveUp, Limits, Refutation};
    use crate::scenario::{Instance, Value};

    fn overview(rows: &[Claimed]) -> Overview<'_> {
        Overview::of(rows, &samples::context())
    }

    #[test]
    fn rows_of_one_scenario_and_instance_are_one_line_wherever_they_stand() {
        let mut rows = samples::unclaimed(samples::ORDERED, EngineId::Loom);
        rows.extend(samples::unclaimed(samples::RACE, EngineId::Loom));
        rows.extend(samples::unclaimed(samples::ORDERED, EngineId::ShuttleDfs));
        let overview = overview(&rows);
        let lines: Vec<(&str, usize)> = overview
            .sections
            .iter()
            .map(|section| (section.problem.as_str(), section.lines.len()))
            .collect();
        assert_eq!(lines, [("locks", 1), ("memory", 1)]);
        assert_eq!(overview.engines, [EngineId::Loom, EngineId::ShuttleDfs]);
        assert!(overview.sections[1].lines[0].cells[1].is_none());
    }

    #[test]
    fn the_worst_word_is_shown_and_the_others_are_exceptions() {
        // loom: the witness proves reachability, the rest is bounded by a known gap.
        let rows = samples::claimed(samples::unclaimed(samples::MEETING, EngineId::Loom));
        let overview = overview(&rows);
        let line = &overview.sections[0].lines[0];
        let cell = line.cells[0].unwrap();
        assert_eq!((cell.word, cell.executions), (Word::Bounded, None));
        let [(property, cells)] = &line.exceptions[..] else {
            panic!("one exception")
        };
        let exception = cells[0].unwrap();
        assert_eq!(
            (*property, exception.word),
            (Property::Reachability, Word::Proved)
        );
        assert_eq!(
            exception.executions, None,
            "a witness is no complete search"
        );
    }

    #[test]
    fn only_complete_searches_show_their_executions() {
        let rows = samples::unclaimed(samples::ORDERED, EngineId::ShuttleDfs);
        let executions = rows[0].row.executions;
        let cell = overview(&rows).sections[0].lines[0].cells[0].unwrap();
        assert_eq!(cell.to_string(), format!("proved? {executions}"));
        let limits = Limits {
            executions: Some(1),
            ..Limits::QUICK
        };
        let rows = samples::claimed(samples::unclaimed_with(
            samples::ORDERED,
            EngineId::Loom,
            &limits,
        ));
        let cell = overview(&rows).sections[0].lines[0].cells[0].unwrap();
        assert_eq!(cell.to_string(), "bounded");
    }

    #[test]
    fn a_contradicted_claim_is_marked_and_explained() {
        let rows = samples::contradicted(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        let overview = overview(&rows);
        assert_eq!(
            overview.sections[0].lines[0].cells[0].unwrap().to_string(),
            "refuted!"
        );
        assert_eq!(
            overview.contradictions,
            [
                "locks/opposite lock=facade rounds=1, loom, deadlock-freedom: claimed proved, got refuted"
            ]
        );
        assert_eq!(overview.marks.len(), 1);
    }

    /// In every format, and in the exit code.
    #[test]
    fn engines_that_contradict_each_other_are_told() {
        let mut rows = samples::unclaimed(samples::ORDERED, EngineId::Loom);
        assert!(overview(&rows).disagreements.is_empty());
        let (scenario, instance) = (rows[0].row.scenario.clone(), rows[0].row.instance.clone());
        let mut against = samples::unclaimed(samples::OPPOSITE, EngineId::ShuttleDfs);
        against[0].row.scenario = scenario;
        against[0].row.instance = instance;
        rows.extend(against);
        let context = samples::context();
        let overview = overview(&rows);
        let [told] = &overview.disagreements[..] else {
            panic!("one of two properties")
        };
        assert!(
            told.contains("loom proves deadlock-freedom under c11"),
            "{told}"
        );
        assert!(
            told.contains("shuttle-dfs refutes deadlock-freedom under sc: nobody can move"),
            "{told}"
        );
        assert_eq!(overview.totals.exit, ExitStatus::Disagreed);
        assert_eq!(overview.totals.exit.code(), 1);
        for text in [
            crate::report::table::render(&rows, &context),
            crate::report::markdown::render(&rows, &context),
            crate::report::html::render(&rows, &context),
        ] {
            assert!(text.contains(DISAGREEMENTS), "{text}");
            assert!(text.contains("shuttle-dfs refutes"), "{text}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&crate::report::json::render(&rows, &context)).unwrap();
        assert_eq!(json["disagreements"][0], told.as_str());
        assert_eq!(json["summary"]["exit"], 1);
        let junit = crate::report::junit::render(&rows, &context);
        assert!(junit.contains("loom proves"), "{junit}");
    }

    #[test]
    fn identical_reasons_are_told_once() {
        let mut rows = Vec::new();
        for engine in [EngineId::Loom, EngineId::ShuttleDfs] {
            for scenario in [samples::RACE, samples::CROWD] {
                let limits = Limits {
                    executions: Some(1),
                    steps: 1,
                    ..Limits::QUICK
                };
                rows.extend(samples::unclaimed_with(scenario, engine, &limits));
            }
        }
        let cut = Verdict::GaveUp(GaveUp::Steps { limit: 1 });
        for row in &mut rows {
            row.row.verdict = cut.clone();
        }
        let overview = overview(&rows);
        let [Notes { heading, notes }] = &overview.notes[..] else {
            panic!("one word")
        };
        assert_eq!((heading.as_str(), notes.len()), ("gave-up, because", 1));
        assert_eq!(notes[0].rows, ["loom, dfs: memory/{race, crowd}"]);
    }

    #[test]
    fn the_command_names_what_differs_from_the_defaults() {
        let rows = samples::unclaimed(samples::OPPOSITE, EngineId::Loom);
        let row = &rows[0].row;
        let mut context = samples::context();
        assert_eq!(
            Names::of(&rows, &context).command(row),
            "crosscheck explain locks/opposite --set lock=facade --set rounds=1"
        );
        let defaults = Instance::default()
            .with("lock", Value::Word("facade"))
            .with("rounds", Value::Number(2));
        context.defaults.insert(row.scenario.clone(), defaults);
        assert_eq!(
            Names::of(&rows, &context).command(row),
            "crosscheck explain locks/opposite --set rounds=1"
        );
        assert_eq!(
            Names::of(&rows, &context).told("opposite", row),
            "opposite rounds=1"
        );
    }

    #[test]
    fn what_is_shown_is_the_clearest_that_every_run_finds() {
        let mut rows = samples::unclaimed(samples::OPPOSITE, EngineId::Loom);
        let mut longer = rows[0].clone();
        let mut other = rows[0].clone();
        let Verdict::Refuted(refutation) = &mut longer.row.verdict else {
            panic!("refuted")
        };
        let Refutation::Counterexample(counterexample) = &mut **refutation else {
            panic!("seen")
        };
        let extra = counterexample.steps[0].clone();
        counterexample.steps.extend([extra.clone(), extra]);
        other.row.engine = EngineId::Threads;
        let steps = explain::steps(rows[0].row.counterexample().unwrap());
        rows.splice(0..0, [other, longer]);
        let overview = overview(&rows);
        let [failing] = &overview.failing[..] else {
            panic!("one scenario fails")
        };
        assert_eq!(failing.failures.len(), 1);
        assert_eq!(failing.failures[0].steps, Some(steps));
        let shown = failing.failures[0].counterexample.unwrap();
        assert!(std::ptr::eq(shown, rows[2].row.counterexample().unwrap()));
    }

    #[test]
    fn totals_count_every_word() {
        let rows = samples::rows();
        let context = samples::context();
        let totals = Totals::of(&rows, &context);
        assert_eq!(
            totals.words.iter().map(|(_, count)| count).sum::<usize>(),
            rows.len()
        );
        assert!(
            totals.to_string().ends_with("gave up; every claim holds"),
            "{totals}"
        );
        assert_eq!(
            Totals::of(&[], &context).to_string(),
            "0 rows: nothing was checked"
        );
    }

    /// The last sentence says no more of claims than there are.
    #[test]
    fn rows_of_which_nothing_is_claimed_hold_no_claim() {
        let context = samples::context();
        for (scenario, engine, ending) in [
            (
                samples::ORDERED,
                EngineId::Loom,
                "; every row is proved, and nothing is claimed of them",
            ),
            (
                samples::OPPOSITE,
                EngineId::Loom,
                "; a row is refuted, and nothing is claimed of these rows",
            ),
            (
                samples::ORDERED,
                EngineId::ShuttleRandom,
                "; a row is not decided, and nothing is claimed of these rows",
            ),
        ] {
            let rows = samples::unclaimed(scenario, engine);
            let totals = Totals::of(&rows, &context).to_string();
            assert!(totals.ends_with(ending), "{totals}");
            let claimed = Totals::of(&samples::claimed(rows), &context).to_string();
            assert!(claimed.ends_with("; every claim holds"), "{claimed}");
        }
    }

    #[test]
    fn times_of_one_run_are_not_added_up() {
        let mut rows = samples::unclaimed(samples::ORDERED, EngineId::Loom);
        assert_eq!(rows.len(), 2, "two properties");
        rows.extend(samples::unclaimed(samples::ORDERED, EngineId::ShuttleDfs));
        let mut context = samples::context();
        context.milliseconds = vec![Some(5), Some(5), Some(7), Some(7)];
        let overview = Overview::of(&rows, &context);
        assert_eq!(overview.sections[0].lines[0].milliseconds, Some(12));
    }
}
