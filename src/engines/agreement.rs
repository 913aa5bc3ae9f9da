//! Engines against each other: what two of them decide of one program on one instance has to agree.
//!
//! A proof speaks of every execution that a memory model allows. An engine that shows one of these
//! executions failing contradicts it, and one of the two verdicts is wrong; or the program decides
//! by something that no engine sees, such as an atomic of std, the count of an `Arc` or a static.
//! An engine to which the program was not deterministic has learnt something of the program, so no
//! other engine is believed about it.

use std::collections::BTreeMap;
use std::fmt;

use super::check::{MODE, Row, instance_text};
use super::engine::EngineId;
use super::verdict::{GaveUp, Verdict, Word};
use crate::scenario::Memory;
use crate::sync::Property;

/// Two rows of which at least one is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Contradiction<'a> {
    /// A row that is proved.
    pub proved: &'a Row,
    /// A row of an execution that the proof excludes, or of a search that has not found the one by
    /// which it was proved.
    pub against: &'a Row,
}

impl fmt::Display for Contradiction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proved, against } = self;
        let told = |row: &Row| {
            let (engine, reason) = (who(row), row.verdict.reason());
            let model = row.semantics.first().map_or("-", String::as_str);
            match (row.verdict.word(), row.together) {
                (Word::Refuted, _) => {
                    format!("{engine} refutes {} under {model}: {reason}", row.property)
                }
                (Word::Proved, _) => {
                    format!("{engine} proves {} under {model}: {reason}", row.property)
                }
                (_, together) => format!(
                    "{engine} has seen {} together under {model}",
                    together.unwrap_or(0)
                ),
            }
        };
        write!(
            f,
            "{} {}: {}; {}",
            proved.scenario,
            subject(proved).1,
            told(proved),
            told(against)
        )
    }
}

/// The pairs of rows that contradict each other, one for each engine that proves and each row
/// against it.
///
/// Rows are compared that are about the same program, instance and switches. A row that is bounded,
/// sampled or gave up contradicts nothing; nor does an execution of a weak memory model contradict a
/// proof under sequential consistency. A search that has seen every execution and met no failure has
/// also seen that what every run looks at does not fail, whether that was asked for or not.
#[must_use]
pub fn contradictions<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Contradiction<'a>> {
    let mut found = Vec::new();
    for rows in by_subject(rows).values() {
        for &against in rows {
            let mut provers: Vec<(EngineId, Option<&String>)> = Vec::new();
            for &proved in rows {
                let prover = (proved.engine, proved.switches.get(MODE));
                if contradicts(rows, proved, against) && !provers.contains(&prover) {
                    provers.push(prover);
                    found.push(Contradiction { proved, against });
                }
            }
        }
    }
    found
}

/// Makes every verdict but a refutation undecided where another engine has found that the program
/// is not deterministic on the same instance, and says which engine.
pub fn withdraw<'a>(rows: impl IntoIterator<Item = &'a mut Row>) {
    let mut rows: Vec<&mut Row> = rows.into_iter().collect();
    let mut known: BTreeMap<(String, String), String> = BTreeMap::new();
    for row in &rows {
        if let Verdict::GaveUp(GaveUp::Nondeterministic { detail }) = &row.verdict {
            let told = || format!("engine {} has found: {detail}", who(row));
            known.entry(subject(row)).or_insert_with(told);
        }
    }
    for row in &mut rows {
        let withdrawn = matches!(
            row.verdict,
            Verdict::Proved(_) | Verdict::Bounded(_) | Verdict::Sampled(_)
        );
        if withdrawn && let Some(detail) = known.get(&subject(row)) {
            row.verdict = Verdict::GaveUp(GaveUp::Nondeterministic {
                detail: detail.clone(),
            });
        }
    }
}

/// The engine, with its mode where that is named.
fn who(row: &Row) -> String {
    match row.switches.get(MODE) {
        Some(mode) => format!("{} in mode {mode}", row.engine),
        None => row.engine.to_string(),
    }
}

/// The program, the instance and the switches: what a row is about, whoever searches and how.
fn subject(row: &Row) -> (String, String) {
    let mut switches = row.switches.clone();
    switches.remove(MODE);
    let instance = instance_text(&row.instance, &switches);
    (row.scenario.clone(), instance)
}

fn by_subject<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
) -> BTreeMap<(String, String), Vec<&'a Row>> {
    let mut subjects: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        subjects.entry(subject(row)).or_default().push(row);
    }
    subjects
}

/// Returns whether `against` contradicts `proved`, both of them among the rows of one subject.
fn contradicts(rows: &[&Row], proved: &Row, against: &Row) -> bool {
    if proved.verdict.word() != Word::Proved {
        return false;
    }
    if against.verdict.word() != Word::Refuted {
        return proved.property == Property::MaximalParallelism
            && against.together > proved.together
            && contains(proved.engine, against.engine);
    }
    match against.counterexample() {
        Some(seen) => {
            let allowed = proved.engine.memory() == Memory::C11 || seen.sequentially_consistent;
            allowed && (proved.property == against.property || saw_all(rows, proved, against))
        }
        // A complete search has never come to what the other has reached.
        None => proved.property == against.property && contains(against.engine, proved.engine),
    }
}

/// Returns whether every execution of the engine `inner` is one of the memory model of `outer`.
fn contains(outer: EngineId, inner: EngineId) -> bool {
    outer.memory() == Memory::C11 || inner.memory() == Memory::SequentiallyConsistent
}

/// Returns whether the search behind a proof would have met the failure of another property, of
/// which its engine says nothing itself.
fn saw_all(rows: &[&Row], proved: &Row, refuted: &Row) -> bool {
    let same_engine = |row: &&&Row| {
        row.engine == proved.engine && row.switches.get(MODE) == proved.switches.get(MODE)
    };
    // A race is met only where it is looked for.
    let met = |property: Property| {
        property.is_of_finite_executions() && property != Property::DataRaceFreedom
    };
    met(refuted.property)
        && proved.property.is_of_finite_executions()
        && !rows.iter().filter(same_engine).any(|row| {
            row.property == refuted.property || row.undecided.contains(&refuted.property)
        })
}
