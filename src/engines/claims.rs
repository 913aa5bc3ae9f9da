//! The table of claims: what every row of the matrix must say, and how many executions a complete
//! search takes.
//!
//! The table is `verification/claims.txt`, one line a row, so that a change of a claim is a change
//! of one line that a reviewer sees. A row of a complete search states its exact count: a count
//! catches a broken search, a verdict does not.

use std::collections::BTreeMap;
use std::fmt;

use super::check::Row;
use super::engine::EngineId;
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
        if !claim.words.contains(&word) {
            return Some(format!("claimed {}, got {word}", claim.text()));
        }
        match claim.executions {
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
}

impl ExitStatus {
    /// The status of a set of rows.
    #[must_use]
    pub fn of(rows: &[Claimed]) -> Self {
        let contradicted = rows.iter().any(|row| {
            row.contradiction().is_some()
                || (row.claim.is_none() && row.row.verdict.word() == Word::Refuted)
        });
        let undecided = rows.iter().any(|row| {
            row.claim.is_none()
                && matches!(row.row.verdict.word(), Word::Bounded | Word::Sampled | Word::GaveUp)
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
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "every claim holds",
            Self::Contradicted => "a claim is contradicted or an unclaimed row is refuted",
            Self::Undecided => "an unclaimed row is not decided",
        })
    }
}

#[expect(dead_code, reason = "filled in with the table")]
type Table = BTreeMap<(EngineId, Property), Claim>;
