//! The table of claims: what every row of the matrix must say, and how many executions a complete
//! search takes.
//!
//! The table is `verification/claims.txt`, one line a row, so that a change of a claim is a change
//! of one line that a reviewer sees. A row of a complete search states its exact count: a count
//! catches a broken search, a verdict does not.

use std::collections::BTreeSet;
use std::fmt;

use super::check::Row;
use super::engine::EngineId;
use super::limits::Limits;
use super::verdict::Word;
use crate::sync::Property;

/// What is claimed of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The words of which the verdict must be one; more than one only for an engine whose
    /// schedules are not reproducible.
    pub words: Vec<Word>,
    /// The exact number of executions of a complete search.
    pub executions: Option<u64>,
}

impl Claim {
    /// The word, or the words with `or` between them.
    #[must_use]
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.as_str()).collect();
        words.join(" or ")
    }
}

/// A row beside its claim.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The row.
    pub row: Row,
    /// Its claim; none: the row is unclaimed.
    pub claim: Option<Claim>,
}

impl Claimed {
    /// What contradicts the claim, if anything does.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let claim = self.claim.as_ref()?;
        let word = self.row.verdict.word();
        if claim.words.is_empty() {
            let what = self.row.property;
            return Some(format!(
                "another property is claimed to be refuted, not {what}"
            ));
        }
        if !claim.words.contains(&word) {
            return Some(format!("claimed {}, got {word}", claim.text()));
        }
        match claim.executions {
            // A count is claimed of the search of one thread.
            _ if self.row.workers > 1 => None,
            Some(claimed) if claimed != self.row.executions => Some(format!(
                "claimed {claimed} executions, got {}",
                self.row.executions
            )),
            _ => None,
        }
    }
}

/// What rows mean for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: every claimed row equals its claim, no unclaimed row is refuted or undecided.
    Success,
    /// 1: a claim is contradicted, or an unclaimed row is refuted.
    Contradicted,
    /// 3: an unclaimed row ended bounded, sampled or gave up.
    Undecided,
    /// 130: somebody interrupted the run, so that rows are missing or were cut.
    Interrupted,
}

impl ExitStatus {
    /// The status of a set of rows that is whole.
    #[must_use]
    pub fn of(rows: &[Claimed]) -> Self {
        let contradicted = rows.iter().any(|row| {
            row.contradiction().is_some()
                || (row.claim.is_none() && row.row.verdict.word() == Word::Refuted)
        });
        let undecided = rows.iter().any(|row| {
            row.claim.is_none()
                && matches!(
                    row.row.verdict.word(),
                    Word::Bounded | Word::Sampled | Word::GaveUp
                )
        });
        match (contradicted, undecided) {
            (true, _) => Self::Contradicted,
            (false, true) => Self::Undecided,
            (false, false) => Self::Success,
        }
    }

    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Contradicted => 1,
            Self::Undecided => 3,
            Self::Interrupted => 130,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "every claim holds",
            Self::Contradicted => "a claim is contradicted or an unclaimed row is refuted",
            Self::Undecided => "an unclaimed row is not decided",
            Self::Interrupted => "interrupted, and nothing is said of what had not finished",
        })
    }
}

/// How rows are run: which limits apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The quick instances, exhaustive searches cut early.
    Quick,
    /// The largest instances that finish, exhaustive searches uncut.
    Proof,
}

impl Mode {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Proof => "proof",
        }
    }

    /// The limits of its rows.
    #[must_use]
    pub fn limits(self) -> Limits {
        match self {
            Self::Quick => Limits::QUICK,
            Self::Proof => Limits::PROOF,
        }
    }
}

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
    /// [`instance_text`]: super::check::instance_text
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
    #[cfg(feature = "catalogue")]
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(include_str!("../../verification/claims.txt"))
    }

    /// Reads a table: seven columns separated by spaces, `#` begins a comment.
    ///
    /// # Errors
    /// [`TableError`] when a line cannot be read.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
            if !line.is_empty() {
                let number = at + 1;
                let error = |what: String| TableError { line: number, what };
                lines.push(parse_line(number, line).map_err(error)?);
            }
        }
        Ok(Self { lines })
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
        let words = if self.refuted.is_empty() && property == Property::Reachability {
            // One execution that reaches every mark is a proof, however the search ended; but a
            // search that is cut may end before it.
            let mut words = self.words.clone();
            if !words.contains(&Word::Proved) {
                words.push(Word::Proved);
            }
            words
        } else if self.refuted.is_empty() || self.refuted.contains(&property) {
            self.words.clone()
        } else {
            // A refutation of another property contradicts the claim.
            let words = self.words.iter().copied();
            words.filter(|word| *word != Word::Refuted).collect()
        };
        let complete = self.words == [Word::Proved];
        Claim {
            words,
            executions: self.executions.filter(|_| complete),
        }
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
        list => Some(list.split(',').map(property).collect::<Result<_, _>>()?),
    };
    let (words, refuted) = match verdict.split_once(':') {
        Some((words, refuted)) => {
            let refuted = refuted.split('+').map(property);
            (words, refuted.collect::<Result<Vec<_>, _>>()?)
        }
        None => (verdict, Vec::new()),
    };
    let words = words
        .split('|')
        .map(|word| Word::parse(word).ok_or_else(|| format!("`{word}` is no verdict")))
        .collect::<Result<Vec<_>, _>>()?;
    if words.contains(&Word::Refuted) == refuted.is_empty() {
        return Err("a refuted row names its property, as in refuted:invariant".to_owned());
    }
    if refuted.len() > 1 && engine.is_deterministic() {
        return Err(format!("{engine} refutes the same property every time"));
    }
    let executions = match executions {
        "-" => None,
        count => Some(
            count
                .parse()
                .map_err(|_| format!("`{count}` is no count; write - for none"))?,
        ),
    };
    if words == [Word::Proved] && executions.is_none() {
        return Err("a proved row states its exact number of executions".to_owned());
    }
    Ok(Line {
        number,
        mode,
        scenario: scenario.to_owned(),
        engine,
        instance: instance.replace(',', " "),
        asks,
        words,
        refuted,
        executions,
    })
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
