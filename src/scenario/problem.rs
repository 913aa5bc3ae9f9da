//! A problem and the algorithms for it, as the catalogue and reports have them.

use super::{Program, Truth};

/// What several algorithms solve, or fail to.
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
