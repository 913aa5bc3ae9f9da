//! All mutants of a variant, judged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::judge::{Bench, Fate, Judged, judge};
use super::table::{Settings, instance};
use crate::engines::check::{instance_text, switches};
use crate::engines::limits::Limits;
use crate::scenario::Program;
use crate::sync::mutating::{Mutation, Sites, mutations};

/// The mutants of a variant and what became of them.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// `problem/variant`.
    pub scenario: String,
    /// The instances on which they were judged, in order.
    pub instances: Vec<Tried>,
    /// The mutants, in the order of the program's text.
    pub mutants: Vec<Judged>,
}

/// The program on an instance as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Parameters and switches.
    pub instance: String,
    /// Executions of engine `exhaustive`.
    pub executions: u64,
    /// Outcomes.
    pub outcomes: usize,
    /// Up to what the search was complete; none: it was.
    pub within: Option<String>,
    /// The most threads that can be in zones at once; none: not known.
    pub parallelism: Option<usize>,
}

/// Why a variant has no matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// What is set is no parameter or switch, or no value of it.
    #[error("{scenario}: {what}")]
    Settings {
        /// `problem/variant`.
        scenario: String,
        /// What.
        what: String,
    },
    /// The variant is not correct on an instance, or that is not known.
    #[error(
        "{scenario} {instance}: {why}; mutants are made of what is correct, and known to be: choose \
         another variant or instance"
    )]
    NotCorrect {
        /// `problem/variant`.
        scenario: String,
        /// The instance.
        instance: String,
        /// What it fails, or why that is not known.
        why: String,
    },
}

impl Matrix {
    /// How many mutants are killed.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Killed { .. }))
    }

    /// How many survive because they make no difference.
    #[must_use]
    pub fn same(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Same { .. }))
    }

    /// How many survive without a reason.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Differs { .. }))
    }

    /// How many no engine decides.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Undecided { .. }))
    }

    fn count(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.mutants
            .iter()
            .filter(|judged| is(&judged.fate))
            .count()
    }
}

/// Makes every mutant of a program and judges it on these instances, `jobs` at a time. The result
/// does not depend on `jobs`.
///
/// # Errors
/// [`MatrixError`] when an instance cannot be set, or the program is not known to be correct on it.
pub fn matrix(
    program: &Program,
    instances: &[Settings],
    limits: &Limits,
    jobs: usize,
) -> Result<Matrix, MatrixError> {
    let scenario = program.name();
    let parameters = program.parameters();
    let mut benches = Vec::new();
    let mut tried = Vec::new();
    for settings in instances {
        let (instance, semantics) =
            instance(&parameters, settings).map_err(|what| MatrixError::Settings {
                scenario: scenario.to_owned(),
                what,
            })?;
        let text = instance_text(&instance, &switches(&semantics));
        let bench = Bench::new(program, instance, semantics, limits, benches.is_empty());
        let bench = bench.map_err(|why| MatrixError::NotCorrect {
            scenario: scenario.to_owned(),
            instance: text.clone(),
            why,
        })?;
        tried.push(Tried {
            instance: text,
            executions: bench.original.executions,
            outcomes: bench.original.outcomes.count(),
            within: bench.original.within.clone(),
            parallelism: bench.parallelism,
        });
        benches.push(bench);
    }
    let mutations = all_mutations(&benches);
    if mutations.iter().any(Mutation::is_of_memory_order) {
        for bench in &mut benches {
            bench.look_under_loom(limits);
        }
    }
    Ok(Matrix {
        scenario: scenario.to_owned(),
        instances: tried,
        mutants: judge_all(&benches, mutations, limits, jobs),
    })
}

/// The mutations of the sites of all instances.
fn all_mutations(benches: &[Bench<'_>]) -> Vec<Mutation> {
    let mut sites = Sites::default();
    for (site, seen) in benches.iter().flat_map(|bench| &bench.original.sites) {
        sites.entry(*site).or_insert_with(|| seen.clone());
    }
    mutations(&sites)
}

fn judge_all(
    benches: &[Bench<'_>],
    mutations: Vec<Mutation>,
    limits: &Limits,
    jobs: usize,
) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let judged: Mutex<Vec<Option<Judged>>> = Mutex::new(vec![None; mutations.len()]);
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, mutations.len().max(1)) {
            scope.spawn(|| {
                // Relaxed: only the number itself is shared.
                while let Some((at, mutation)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    mutations.get(at).map(|mutation| (at, mutation))
                } {
                    let one = judge(benches, mutation.clone(), limits);
                    judged.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(one);
                }
            });
        }
    });
    let judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
    judged.into_iter().flatten().collect()
}
