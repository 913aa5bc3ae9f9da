//! The variants of a problem side by side: one line each, and under the table the instance, what the
//! answers rest on, and what was not decided.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::glossary::{meaning, place};
use super::layout::{width, wrapped};
use super::overview::joined;
use super::{escape, json};
use crate::engines::check::Row;
use crate::engines::comparison::Compared;
use crate::engines::limits::SearchMode;
use crate::engines::verdict::Bounds;
use crate::engines::{Verdict, Word};
use crate::scenario::{Instance, Property, Value};

/// A table that cannot be made so narrow is wider.
const COLUMNS: usize = 100;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The problem's id.
    pub problem: String,
    /// The switches that differ from the defaults, as `semaphore=weak`; empty when none does.
    pub switches: String,
    /// Its variants, in the order of the lines.
    pub variants: Vec<Compared>,
}

/// A question, and how its column is headed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Deadlock,
    Safety,
    Livelock,
    Starvation,
    Bypass,
    Together,
    Traces,
    States,
}

impl Column {
    const ALL: [Self; 8] = [
        Self::Deadlock,
        Self::Safety,
        Self::Livelock,
        Self::Starvation,
        Self::Bypass,
        Self::Together,
        Self::Traces,
        Self::States,
    ];

    fn head(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::Safety => "safety",
            Self::Livelock => "livelock",
            Self::Starvation => "starvation",
            Self::Bypass => "bypass",
            Self::Together => "together",
            Self::Traces => "traces",
            Self::States => "states",
        }
    }

    fn explained(self) -> &'static str {
        match self {
            Self::Deadlock => "whether everybody can wait for ever",
            Self::Safety => "what else can fail in a finite execution; the first that was found",
            Self::Livelock => "whether all can go on for ever and nobody be served",
            Self::Starvation => "whether one can wait for ever while all who can go on do",
            Self::Bypass => "how often others are served at most while one waits",
            Self::Together => "how many are at it at most in the same moment",
            Self::Traces => {
                "executions of a complete search, one for all that differ in the order of \
                 independent steps only"
            }
            Self::States => {
                "distinct states when the loops go on for ever; where nothing is asked of that, those \
                 that a search over the finite executions keeps"
            }
        }
    }
}

/// What a cell says, and why it does not say more.
struct Cell {
    text: String,
    why: Option<String>,
    json: Json,
}

impl Cell {
    fn plain(text: impl Into<String>, json: Json) -> Self {
        Self {
            text: text.into(),
            why: None,
            json,
        }
    }

    fn not_asked() -> Self {
        Self::plain("-", Json::Null)
    }
}

/// The row that answers a question, if it was asked.
fn row(compared: &Compared, property: Property) -> Option<&Row> {
    let mut rows = compared.rows.iter();
    rows.find(|row| row.property == property && !in_states(row))
}

fn in_states(row: &Row) -> bool {
    row.semantics
        .iter()
        .any(|word| word == SearchMode::States.as_str())
        && !row.property.is_of_infinite_executions()
}

impl Column {
    fn cell(self, compared: &Compared) -> Cell {
        let answer = |property| row(compared, property).map_or_else(Cell::not_asked, yes_or_no);
        match self {
            Self::Deadlock => answer(Property::DeadlockFreedom),
            Self::Livelock => answer(Property::LivelockFreedom),
            Self::Starvation => answer(Property::StarvationFreedom),
            Self::Safety => safety(compared),
            Self::Bypass => {
                row(compared, Property::BoundedBypass).map_or_else(Cell::not_asked, bypass)
            }
            Self::Together => {
                row(compared, Property::MaximalParallelism).map_or_else(Cell::not_asked, together)
            }
            Self::Traces => traces(compared),
            Self::States => {
                let states = compared.rows.iter().find_map(|row| row.states);
                states.map_or_else(Cell::not_asked, |states| {
                    Cell::plain(states.to_string(), json!(states))
                })
            }
        }
    }
}

/// Why a verdict decides nothing; none when it does.
fn undecided(row: &Row) -> Option<String> {
    match &row.verdict {
        Verdict::Proved(_) | Verdict::Refuted(_) => None,
        Verdict::Bounded(Bounds { cuts, .. }) => Some(joined(cuts)),
        verdict => Some(verdict.reason()),
    }
}

/// `no` where it is proved that it does not happen, `yes` where it does.
fn yes_or_no(row: &Row) -> Cell {
    let text = match row.verdict.word() {
        Word::Proved => "no",
        Word::Refuted => "yes",
        Word::Bounded | Word::Sampled => "not found",
        Word::GaveUp => "?",
    };
    Cell {
        text: text.to_owned(),
        why: undecided(row),
        json: json!({"verdict": row.verdict.word().as_str()}),
    }
}

fn safety(compared: &Compared) -> Cell {
    let finite = |row: &&Row| {
        let property = row.property;
        !matches!(property, Property::DeadlockFreedom | Property::Reachability)
            && !property.is_of_infinite_executions()
            && !property.is_of_moments()
    };
    let mut rows = compared.rows.iter().filter(finite);
    let Some(first) = rows.next() else {
        return Cell::not_asked();
    };
    if first.verdict.word() == Word::Refuted {
        let (id, failure) = (first.property.id(), first.property.failure());
        return Cell::plain(failure, json!({"verdict": "refuted", "property": id}));
    }
    let cell = yes_or_no(first);
    let text = match first.verdict.word() {
        Word::Proved => "holds".to_owned(),
        _ => cell.text,
    };
    Cell { text, ..cell }
}

fn bypass(row: &Row) -> Cell {
    let max = match &row.verdict {
        Verdict::Proved(proof) => proof.surveyed().and_then(|graph| graph.bypass()),
        _ => None,
    };
    let text = match (max, row.verdict.word()) {
        (Some(max), _) => max.to_string(),
        (None, Word::Refuted) => "unbounded".to_owned(),
        (None, _) => "?".to_owned(),
    };
    let grows = row.verdict.word() == Word::Refuted;
    Cell {
        text,
        why: undecided(row),
        json: json!({"verdict": row.verdict.word().as_str(), "max": max, "grows": grows}),
    }
}

fn together(row: &Row) -> Cell {
    let exact = row.complete();
    let text = match row.together {
        Some(together) if exact => together.to_string(),
        Some(together) if together > 0 => format!(">= {together}"),
        _ => "?".to_owned(),
    };
    Cell {
        text,
        why: undecided(row),
        json: json!({"max": row.together, "exact": exact}),
    }
}

/// The complete search, where there was one; else how far the longest came.
fn traces(compared: &Compared) -> Cell {
    let searches = || {
        let finite = |row: &&Row| !row.property.is_of_infinite_executions() && !in_states(row);
        compared.rows.iter().filter(finite)
    };
    let whole = searches().find(|row| row.complete());
    match (whole, searches().map(|row| row.executions).max()) {
        (Some(row), _) => Cell::plain(
            row.executions.to_string(),
            json!({"executions": row.executions, "complete": true}),
        ),
        (None, Some(most)) if most > 0 => Cell::plain(
            format!("> {most}"),
            json!({"executions": most, "complete": false}),
        ),
        (None, _) => Cell::not_asked(),
    }
}

/// The table with its notes, before it is written.
struct Page {
    title: String,
    /// Variant and cells of each line.
    lines: Vec<(String, Vec<String>)>,
    /// Other instances than that of the title.
    instances: Vec<String>,
    /// What is numbered in the cells.
    notes: Vec<String>,
    /// Words on which the answers rest, with their meanings.
    semantics: Vec<(String, &'static str)>,
}

impl Page {
    fn of(comparison: &Comparison) -> Self {
        let Comparison {
            problem,
            switches,
            variants,
        } = comparison;
        let usual = usual(variants);
        let mut notes: Vec<String> = Vec::new();
        let mut lines = Vec::new();
        for compared in variants {
            let cells = Column::ALL.map(|column| {
                let Cell { text, why, .. } = column.cell(compared);
                match why {
                    None => text,
                    Some(why) => {
                        let why = escape::line(&why);
                        let at = notes.iter().position(|note| *note == why);
                        let at = at.unwrap_or_else(|| {
                            notes.push(why);
                            notes.len() - 1
                        });
                        format!("{text} [{}]", at + 1)
                    }
                }
            });
            lines.push((escape::line(&compared.variant), cells.into()));
        }
        let instances = variants
            .iter()
            .filter_map(|compared| {
                let other = difference(&compared.instance, &usual);
                (!other.is_empty()).then(|| format!("{}: {other}", compared.variant))
            })
            .collect();
        let mut words: Vec<&str> = variants
            .iter()
            .flat_map(|compared| &compared.rows)
            .flat_map(|row| row.semantics.iter().map(String::as_str))
            .collect();
        words.sort_by_key(|word| (place(word), *word));
        words.dedup();
        let mut title = format!("{problem} {}", pairs(&usual));
        if !switches.is_empty() {
            let _ = write!(title, " {switches}");
        }
        Self {
            title: escape::line(title.trim_end()),
            lines,
            instances,
            notes,
            semantics: words
                .into_iter()
                .map(|word| (escape::line(word), meaning(word)))
                .collect(),
        }
    }
}

/// Of every parameter the value that most variants have.
fn usual(variants: &[Compared]) -> BTreeMap<&'static str, Value> {
    let mut counts: BTreeMap<&'static str, BTreeMap<Value, usize>> = BTreeMap::new();
    for (name, value) in variants
        .iter()
        .flat_map(|compared| compared.instance.iter())
    {
        let values = counts.entry(name).or_default();
        *values.entry(value.clone()).or_insert(0) += 1;
    }
    let most = |values: BTreeMap<Value, usize>| {
        let most = values.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(value, _)| value)
    };
    let all = counts.into_iter();
    all.filter_map(|(name, values)| Some((name, most(values)?)))
        .collect()
}

fn pairs(values: &BTreeMap<&'static str, Value>) -> String {
    let pairs = values.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// What an instance has that is not usual.
fn difference(instance: &Instance, usual: &BTreeMap<&'static str, Value>) -> String {
    let other = instance
        .iter()
        .filter(|(name, value)| usual.get(name) != Some(value));
    let other = other.map(|(name, value)| format!("{name}={value}"));
    other.collect::<Vec<_>>().join(" ")
}

/// Writes it for a terminal.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let page = Page::of(comparison);
    let mut text = format!("{}\n\n", page.title);
    let head = (
        String::new(),
        Column::ALL.map(|c| c.head().to_owned()).to_vec(),
    );
    let lines: Vec<&(String, Vec<String>)> = [&head].into_iter().chain(&page.lines).collect();
    let label = lines
        .iter()
        .map(|(variant, _)| width(variant))
        .max()
        .unwrap_or(0);
    let widths: Vec<usize> = (0..Column::ALL.len())
        .map(|at| {
            lines
                .iter()
                .map(|(_, cells)| width(&cells[at]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    for (variant, cells) in lines {
        let mut line = format!("  {variant:label$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if !page.instances.is_empty() {
        text.push_str("\nother instances\n");
        for instance in &page.instances {
            let _ = writeln!(text, "  {instance}");
        }
    }
    if !page.notes.is_empty() {
        text.push_str("\nnot decided\n");
        for (at, note) in page.notes.iter().enumerate() {
            text.push_str(&wrapped(
                &format!("  [{}] ", at + 1),
                "      ",
                note,
                COLUMNS,
            ));
        }
    }
    text.push_str("\ncolumns\n");
    for column in Column::ALL {
        let first = format!("  {:11} ", column.head());
        text.push_str(&wrapped(
            &first,
            "              ",
            column.explained(),
            COLUMNS,
        ));
    }
    text.push_str("\nthe answers rest on\n");
    for (word, meaning) in &page.semantics {
        let first = format!("  {word:20} ");
        text.push_str(&wrapped(
            &first,
            "                       ",
            meaning,
            COLUMNS,
        ));
    }
    text
}

/// Writes it in the Markdown of GitHub.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let page = Page::of(comparison);
    let mut text = format!("### {}\n\n| variant |", escape::markdown(&page.title));
    for column in Column::ALL {
        let _ = write!(text, " {} |", column.head());
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Column::ALL.len()));
    text.push('\n');
    for (variant, cells) in &page.lines {
        let _ = write!(text, "| {} |", escape::markdown(variant));
        for cell in cells {
            let _ = write!(text, " {} |", escape::markdown(cell));
        }
        text.push('\n');
    }
    let mut list = |heading: &str, entries: Vec<String>| {
        if entries.is_empty() {
            return;
        }
        let _ = write!(text, "\n#### {heading}\n\n");
        for entry in entries {
            let _ = writeln!(text, "- {entry}");
        }
    };
    let instances = page
        .instances
        .iter()
        .map(|instance| escape::markdown(instance));
    list("other instances", instances.collect());
    let notes = page.notes.iter().enumerate();
    let notes = notes.map(|(at, note)| format!("\\[{}\\] {}", at + 1, escape::markdown(note)));
    list("not decided", notes.collect());
    let columns = Column::ALL.map(|column| format!("{}: {}", column.head(), column.explained()));
    list("columns", columns.into());
    let semantics = page.semantics.iter();
    let semantics = semantics.map(|(word, of)| format!("{}: {of}", escape::code(word)));
    list("the answers rest on", semantics.collect());
    text
}

/// Writes it for programs: stable, in the order of the variants.
#[must_use]
pub fn json(comparison: &Comparison) -> String {
    let variants: Vec<Json> = comparison.variants.iter().map(variant).collect();
    let document = json!({
        "schema": json::SCHEMA,
        "problem": comparison.problem,
        "switches": comparison.switches,
        "variants": variants,
    });
    escape::json(&format!("{document:#}")) + "\n"
}

fn variant(compared: &Compared) -> Json {
    let instance: Map<String, Json> = compared
        .instance
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Number(number) => json!(number),
                Value::Word(word) => json!(word),
            };
            (name.to_owned(), value)
        })
        .collect();
    let mut object = json!({"id": compared.variant, "instance": instance});
    for column in Column::ALL {
        let Cell { json, why, .. } = column.cell(compared);
        object[column.head()] = json;
        if let (Some(why), Some(cell)) = (why, object[column.head()].as_object_mut()) {
            cell.insert("reason".to_owned(), json!(why));
        }
    }
    object
}
