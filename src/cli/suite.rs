//! What a program checks: its problems, what is claimed of them, and what it is called.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Failure;
use super::select::unknown;
use crate::engines::claims::Table;
use crate::engines::mutants;
use crate::scenario::{Problem, Program, Variant};

/// The problems of a program.
pub(super) struct Suite<'a> {
    pub(super) problems: &'a [Problem],
    /// What is claimed of rows; empty: nothing.
    pub(super) claims: Table,
    /// On which instances mutants are judged; where it says nothing, on the defaults.
    pub(super) mutants: mutants::Table,
    /// What the program is called: the first word of the commands that it suggests.
    pub(super) program: String,
}

/// Why problems cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum SuiteError {
    /// Two problems have one id.
    #[error("two problems are called `{0}`; give each an id of its own")]
    Problem(&'static str),
    /// Two variants have one name.
    #[error("two variants are called `{0}`; give each a name of its own")]
    Variant(&'static str),
    /// A variant is named as one of another problem.
    #[error("`{variant}` is a variant of `{problem}`; call it `{problem}/…`")]
    Elsewhere {
        /// Its name.
        variant: &'static str,
        /// The id of its problem.
        problem: &'static str,
    },
}

impl<'a> Suite<'a> {
    /// Somebody's own problems, of which nothing is claimed.
    ///
    /// # Errors
    /// When names are not clear.
    pub(super) fn own(problems: &'a [Problem], program: String) -> Result<Self, Failure> {
        told_apart(problems)?;
        Ok(Self {
            problems,
            claims: Table::default(),
            mutants: mutants::Table::default(),
            program,
        })
    }

    /// The catalogue.
    ///
    /// # Errors
    /// When a table of it cannot be read.
    #[cfg(feature = "catalogue")]
    pub(super) fn catalogue(problems: &'a [Problem]) -> Result<Self, Failure> {
        Ok(Self {
            problems,
            claims: Table::built_in()?,
            mutants: mutants::Table::built_in()?,
            program: crate::report::context::PROGRAM.to_owned(),
        })
    }

    /// Returns whether anything is claimed.
    pub(super) fn has_claims(&self) -> bool {
        !self.claims.lines.is_empty()
    }

    /// Every program.
    pub(super) fn programs(&self) -> Vec<Program> {
        self.problems
            .iter()
            .flat_map(|problem| &problem.variants)
            .map(|variant| Arc::clone(&variant.program))
            .collect()
    }

    /// The variants that `PROBLEM` or `PROBLEM/VARIANT` names; all when absent.
    pub(super) fn variants(&self, name: Option<&str>) -> Result<Vec<&'a Variant>, Failure> {
        let all: Vec<(&str, &Variant)> = self
            .problems
            .iter()
            .flat_map(|problem| {
                let variants = problem.variants.iter();
                variants.map(|variant| (problem.id, variant))
            })
            .collect();
        let Some(name) = name else {
            return Ok(all.into_iter().map(|(_, variant)| variant).collect());
        };
        let problems: BTreeSet<&str> = all.iter().map(|(problem, _)| *problem).collect();
        let names: Vec<&str> = all
            .iter()
            .map(|(_, variant)| variant.program.name())
            .collect();
        let candidates: Vec<&str> = match name.split_once('/') {
            None => problems.iter().copied().collect(),
            Some((problem, _)) if problems.contains(problem) => names
                .iter()
                .copied()
                .filter(|n| n.starts_with(&format!("{problem}/")))
                .collect(),
            Some(_) => names.clone(),
        };
        let what = if name.contains('/') {
            "variant"
        } else {
            "problem"
        };
        let missing = unknown(what, name, &candidates);
        let chosen: Vec<&Variant> = all
            .into_iter()
            .filter(|(problem, variant)| *problem == name || variant.program.name() == name)
            .map(|(_, variant)| variant)
            .collect();
        if chosen.is_empty() {
            Err(missing)
        } else {
            Ok(chosen)
        }
    }

    /// The one variant that `PROBLEM/VARIANT` names.
    pub(super) fn variant(&self, name: &str) -> Result<&'a Variant, Failure> {
        let variants = self.variants(Some(name))?;
        match variants[..] {
            [variant] if name.contains('/') => Ok(variant),
            _ => {
                let names: Vec<&str> = variants
                    .iter()
                    .map(|variant| variant.program.name())
                    .collect();
                Err(Failure(format!("name one variant: {}", names.join(", "))))
            }
        }
    }
}

/// Tests that every name names one thing.
fn told_apart(problems: &[Problem]) -> Result<(), SuiteError> {
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for problem in problems {
        if !ids.insert(problem.id) {
            return Err(SuiteError::Problem(problem.id));
        }
        for variant in &problem.variants {
            let name = variant.program.name();
            if name.split_once('/').map(|(of, _)| of) != Some(problem.id) {
                return Err(SuiteError::Elsewhere {
                    variant: name,
                    problem: problem.id,
                });
            }
            if !names.insert(name) {
                return Err(SuiteError::Variant(name));
            }
        }
    }
    Ok(())
}
