//! The catalogue: one file a problem, right and wrong variants together.
//!
//! 1. [`critical_section`]: mutual exclusion, from a mutex to Peterson's algorithm.

pub mod critical_section;

use crate::scenario::{Program, Truth};

/// A problem of the catalogue.
pub struct Problem {
    /// Its permanent id.
    pub id: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Its variants, right ones first.
    pub variants: Vec<Variant>,
}

/// An algorithm for a problem.
pub struct Variant {
    /// The algorithm; its name is `problem/variant`.
    pub program: Program,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What is claimed of it.
    pub truth: Truth,
}

impl Variant {
    /// Its permanent id, without the problem's.
    #[must_use]
    pub fn id(&self) -> &'static str {
        let name = self.program.name();
        name.split_once('/').map_or(name, |(_, variant)| variant)
    }
}

/// Every problem, in the order in which reports list them.
#[must_use]
pub fn catalogue() -> Vec<Problem> {
    vec![critical_section::problem()]
}
