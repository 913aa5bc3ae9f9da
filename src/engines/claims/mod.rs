//! The table of claims: what every row of the matrix must say, and how many executions a complete
//! search takes.
//!
//! The table is `verification/claims.txt`, one line a row, so that a change of a claim is a change
//! of one line that a reviewer sees. A row of a complete search states its exact count: a count
//! catches a broken search, a verdict does not.
//!
//! `table` reads it, and says what a line claims of each property.

mod table;

use std::fmt;

pub use table::{Line, Table, TableError, line_for};

use super::agreement::contradictions;
use super::check::Row;
use super::limits::Limits;
use super::verdict::Word;

/// What is claimed of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The line of the table, from 1; none: the table speaks of the scenario and has no line for a
    /// row that must have one.
    pub line: Option<usize>,
    /// The words of which the verdict must be one; more than one only for an engine whose
    /// schedules are not reproducible.
    pub words: Vec<Word>,
    /// The exact number of executions of a complete search.
    pub executions: Option<u64>,
}

impl Claim {
    /// Returns the claim of a row of which the table should say something.
    #[must_use]
    pub const fn lacking() -> Self {
        Self {
            line: None,
            words: Vec::new(),
            executions: None,
        }
    }

    /// The word, or the words with `or` between them.
    #[must_use]
    pub fn text(&self) -> String {
        if self.line.is_none() {
            return "nothing".to_owned();
        }
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
        if claim.line.is_none() {
            return Some(format!(
                "the row has no claim: verification/claims.txt lacks its line; it came out {word}"
            ));
        }
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
    /// 1: two engines contradict each other.
    Disagreed,
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
        if !contradictions(rows.iter().map(|claimed| &claimed.row)).is_empty() {
            return Self::Disagreed;
        }
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
            Self::Contradicted | Self::Disagreed => 1,
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
            Self::Disagreed => "two engines contradict each other, so a verdict is wrong",
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
