//! The lines of the table: `verification/claims.txt`.
//!
//! A line that is not exactly as it was written is refused, or claims something else and is
//! contradicted by the run: nothing in it can be written in two ways.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claim, Mode};
use crate::engines::check::Row;
use crate::engines::engine::EngineId;
use crate::engines::verdict::Word;
use crate::sync::Property;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the table, from 1.
    pub number: usize,
    /// How the row is run.
    pub mode: Mode,
    /// `problem/variant`.
    pub scenario: String,
    /// Who schedules.
    pub engine: EngineId,
    /// Parameters and switches, `lock=facade meals=1 n=3`, in the order of [`instance_text`].
    ///
    /// [`instance_text`]: crate::engines::check::instance_text
    pub instance: String,
    /// The properties that are asked for; none: all of the scenario's.
    pub asks: Option<BTreeSet<Property>>,
    /// The words of which the verdict must be one.
    pub words: Vec<Word>,
    /// The property that is refuted, where one is; more than one only for an engine whose schedules
    /// are not reproducible.
    pub refuted: Vec<Property>,
    /// The exact number of executions of a complete search.
    pub executions: Option<u64>,
}

/// What is wrong with the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verification/claims.txt, line {line}: {what}")]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The table of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

impl Table {
    /// The table that was built in.
    ///
    /// # Errors
    /// [`TableError`] when a line cannot be read.
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(include_str!("../../../verification/claims.txt"))
    }

    /// Reads a table: seven columns separated by spaces, `#` begins a comment.
    ///
    /// # Errors
    /// [`TableError`] when a line cannot be read, says what no run can say, or stands for the row of
    /// another line.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut lines = Vec::new();
        let mut rows = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
            if !line.is_empty() {
                let number = at + 1;
                let error = |what: String| TableError { line: number, what };
                let line = parse_line(number, line).map_err(error)?;
                if let Some(before) = rows.insert(line.row(), number) {
                    let what = format!("it is about the row of line {before} again");
                    return Err(error(what));
                }
                lines.push(line);
            }
        }
        Ok(Self { lines })
    }

    /// Returns whether it has a line of a scenario in a mode.
    #[must_use]
    pub fn speaks_of(&self, mode: Mode, scenario: &str) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| line.mode == mode && line.scenario == scenario)
    }

    /// The claim about a row, if there is one.
    #[must_use]
    pub fn claim(&self, mode: Mode, asks: Option<&BTreeSet<Property>>, row: &Row) -> Option<Claim> {
        let instance = row.instance_text();
        let line = self.lines.iter().find(|line| {
            line.mode == mode
                && line.scenario == row.scenario
                && line.engine == row.engine
                && line.instance == instance
                && line.asks.as_ref() == asks
        })?;
        Some(line.claim(row.property))
    }
}

impl Line {
    /// What the line claims of one property.
    #[must_use]
    pub fn claim(&self, property: Property) -> Claim {
        // A refutation of another property than those that are named contradicts the claim.
        let may_fail = self.refuted.contains(&property);
        let words = self.words.iter().copied();
        let mut words: Vec<Word> = words
            .filter(|word| *word != Word::Refuted || may_fail)
            .collect();
        if property == Property::Reachability
            && !may_fail
            && !words.is_empty()
            && !words.contains(&Word::Proved)
        {
            // One execution that reaches every mark is a proof, however the search ended, and even
            // where chance could have come upon a failure first; but none may come to it.
            words.push(Word::Proved);
        }
        let complete = self.words == [Word::Proved];
        Claim {
            line: Some(self.number),
            words,
            executions: self.executions.filter(|_| complete),
        }
    }

    /// What row it is about.
    fn row(&self) -> impl Ord + use<> {
        (
            self.mode,
            self.scenario.clone(),
            self.engine,
            self.instance.clone(),
            self.asks.clone(),
        )
    }

    /// Refuses what no run of the engine can say.
    fn possible(&self) -> Result<(), String> {
        let engine = self.engine;
        let has = |word| self.words.contains(&word);
        let witnessed = [Property::Reachability].into();
        if engine.is_exhaustive() && has(Word::Sampled) {
            return Err(format!("{engine} searches, it does not sample"));
        }
        if !engine.is_exhaustive()
            && (has(Word::Bounded) || has(Word::Proved) && self.asks != Some(witnessed))
        {
            return Err(format!("{engine} samples, it can neither prove nor bound"));
        }
        if !engine.is_exhaustive() && self.refuted.contains(&Property::Reachability) {
            return Err(format!(
                "{engine} samples, it cannot say that something never happens"
            ));
        }
        if self.words.len() > 1 && engine.is_deterministic() {
            return Err(format!("{engine} says the same word every time"));
        }
        if has(Word::Refuted) && self.words.len() == 1 && !engine.is_deterministic() {
            return Err(format!("{engine} may find nothing; write sampled|refuted"));
        }
        if has(Word::Refuted) == self.refuted.is_empty() {
            return Err("a refuted row names its property, as in refuted:invariant".to_owned());
        }
        if self.refuted.len() > 1 && engine.is_deterministic() {
            return Err(format!("{engine} refutes the same property every time"));
        }
        if let Some(asks) = &self.asks
            && let Some(other) = self.refuted.iter().find(|other| !asks.contains(other))
        {
            return Err(format!("{other} is not asked for"));
        }
        let proved = self.words == [Word::Proved];
        if proved && engine.is_exhaustive() && self.executions.is_none() {
            return Err("a proved row states its exact number of executions".to_owned());
        }
        if !proved && self.executions.is_some() {
            return Err("only a proved row has a number of executions; write -".to_owned());
        }
        Ok(())
    }
}

fn parse_line(number: usize, line: &str) -> Result<Line, String> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [mode, scenario, engine, instance, asks, verdict, executions] = columns[..] else {
        return Err(format!(
            "seven columns are needed, there are {}",
            columns.len()
        ));
    };
    let mode = match mode {
        "quick" => Mode::Quick,
        "proof" => Mode::Proof,
        other => return Err(format!("`{other}` is no mode; quick or proof")),
    };
    let engine = EngineId::parse(engine).ok_or_else(|| format!("`{engine}` is no engine"))?;
    let asks = match asks {
        "all" => None,
        list => Some(each_once(list, ',', property)?.into_iter().collect()),
    };
    let (words, refuted) = match verdict.split_once(':') {
        Some((words, refuted)) => (words, each_once(refuted, '+', property)?),
        None => (verdict, Vec::new()),
    };
    let word = |text: &str| Word::parse(text).ok_or_else(|| format!("`{text}` is no verdict"));
    let words = each_once(words, '|', word)?;
    let executions = match executions {
        "-" => None,
        count => Some(number_of(count)?),
    };
    let line = Line {
        number,
        mode,
        scenario: scenario.to_owned(),
        engine,
        instance: instance.replace(',', " "),
        asks,
        words,
        refuted,
        executions,
    };
    line.possible()?;
    Ok(line)
}

/// Reads a list in which nothing stands twice.
fn each_once<T: PartialEq>(
    list: &str,
    separator: char,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    for text in list.split(separator) {
        let one = read(text)?;
        if all.contains(&one) {
            return Err(format!("`{text}` stands there twice"));
        }
        all.push(one);
    }
    Ok(all)
}

/// Reads a number that is written as numbers are printed: no sign, no zeros in front.
fn number_of(text: &str) -> Result<u64, String> {
    let number: Option<u64> = text.parse().ok();
    number
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| format!("`{text}` is no count; write - for none"))
}

fn property(id: &str) -> Result<Property, String> {
    Property::from_id(id).ok_or_else(|| format!("`{id}` is no property"))
}

/// The line of the table that would claim what a run said; `rows` are those of one job.
#[must_use]
pub fn line_for(mode: Mode, asks: Option<&BTreeSet<Property>>, rows: &[Row]) -> Option<String> {
    let worst = rows
        .iter()
        .find(|row| row.property != Property::Reachability)
        .or(rows.first())?;
    let asks = asks.map_or("all".to_owned(), |asks| {
        let ids: Vec<&str> = asks.iter().map(|property| property.id()).collect();
        ids.join(",")
    });
    let word = worst.verdict.word();
    let verdict = match (worst.engine.is_deterministic(), word) {
        (true, Word::Refuted) => format!("refuted:{}", worst.property.id()),
        (false, Word::Refuted) => format!("sampled|refuted:{}", worst.property.id()),
        _ => word.to_string(),
    };
    let executions = if word == Word::Proved {
        worst.executions.to_string()
    } else {
        "-".to_owned()
    };
    Some(format!(
        "{:5} {:34} {:14} {:42} {:18} {:38} {executions}",
        mode.as_str(),
        worst.scenario,
        worst.engine.as_str(),
        worst.instance_text().replace(' ', ","),
        asks,
        verdict,
    ))
}
