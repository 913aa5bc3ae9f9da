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
/// is not deterministic on the same instance, or depends on something outside of the model, and says
/// which engine.
pub fn withdraw<'a>(rows: impl IntoIterator<Item = &'a mut Row>) {
    let mut rows: Vec<&mut Row> = rows.into_iter().collect();
    let mut known: BTreeMap<(String, String), GaveUp> = BTreeMap::new();
    for row in &rows {
        let told = |detail: &str| format!("engine {} has found: {detail}", who(row));
        let why = match &row.verdict {
            Verdict::GaveUp(GaveUp::Nondeterministic { detail }) => GaveUp::Nondeterministic {
                detail: told(detail),
            },
            Verdict::GaveUp(GaveUp::Outside { detail }) => GaveUp::Outside {
                detail: told(detail),
            },
            _ => continue,
        };
        known.entry(subject(row)).or_insert(why);
    }
    for row in &mut rows {
        let withdrawn = matches!(
            row.verdict,
            Verdict::Proved(_) | Verdict::Bounded(_) | Verdict::Sampled(_)
        );
        if withdrawn && let Some(why) = known.get(&subject(row)) {
            row.verdict = Verdict::GaveUp(why.clone());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engines::check::{Job, rows, unrecorded};
    use crate::engines::engine::{Ending, Run};
    use crate::engines::limits::{Limits, SearchMode};
    use crate::engines::search::received;
    use crate::engines::verdict::{Bounds, Cut, Refutation, Sample};
    use crate::scenario::{Instance, Parameter, Program, Scenario, Value};
    use crate::sync::announcing::Totals;
    use crate::sync::{Backend, NotifyOrder, Semantics};
    use EngineId::{Exhaustive, Loom, ShuttleDfs, Threads};
    use Property::{
        Conservation, DataRaceFreedom, DeadlockFreedom, Invariant, MaximalParallelism, Reachability,
    };

    struct Nothing;

    impl Scenario for Nothing {
        fn name(&self) -> &'static str {
            "nothing/at-all"
        }

        fn parameters(&self) -> Vec<Parameter> {
            vec![Parameter::number("n", "a number", 1, (1, 9))]
        }

        fn run<B: Backend>(&self, _: &Instance) {}
    }

    /// How a run ended: all of it, cut, sampled, without a word, or failing in an execution that is
    /// sequentially consistent or not.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        All,
        Cut,
        Sample,
        Unable,
        Unsteady,
        Fails(bool),
        Unreached,
    }

    const ENDS: [End; 7] = [
        End::All,
        End::Cut,
        End::Sample,
        End::Unable,
        End::Unsteady,
        End::Fails(true),
        End::Fails(false),
    ];

    fn row_on(n: usize, semantics: Semantics, engine: EngineId, of: Property, end: End) -> Row {
        let program: Program = Arc::new(Nothing);
        let job = Job {
            program: &program,
            instance: &Instance::default().with("n", Value::Number(n)),
            semantics,
            targets: [of].into(),
            engine,
            limits: &Limits::QUICK,
        };
        let cuts = vec![Cut::Executions(3)];
        let ending = match end {
            End::All | End::Unreached => Ending::Exhausted(received(3, None, 1, None)),
            End::Cut => Ending::Cut(Bounds {
                executions: 3,
                cuts,
            }),
            End::Sample => Ending::Sampled(Sample {
                nothing_to_choose: false,
                scheduler: "some".to_owned(),
                seed: None,
                schedules: 3,
                miss: None,
                cuts,
            }),
            End::Unable => Ending::Unable(GaveUp::FalseAlarm {
                why: "it may".to_owned(),
            }),
            End::Unsteady => Ending::Unable(GaveUp::Nondeterministic {
                detail: "step 3".to_owned(),
            }),
            End::Fails(consistent) => match unrecorded(&job, of, "it fails", 1) {
                Ending::Failed(mut found) => {
                    found.sequentially_consistent = consistent;
                    Ending::Failed(found)
                }
                other => other,
            },
        };
        let run = Run {
            ending,
            totals: Totals {
                executions: 3,
                ..Totals::default()
            },
            overridden: Vec::new(),
            mode: None,
            gaps: Default::default(),
        };
        let mut row = rows(&job, run).remove(0);
        if end == End::Unreached {
            let missing = Refutation::Unreachable(vec!["a mark".to_owned()]);
            row.verdict = Verdict::Refuted(Box::new(missing));
        }
        row
    }

    fn row(engine: EngineId, of: Property, end: End) -> Row {
        row_on(1, Semantics::DEFAULT, engine, of, end)
    }

    fn contradict(one: &Row, other: &Row) -> bool {
        let found = contradictions([one, other]).len();
        assert_eq!(found, contradictions([other, one]).len(), "in either order");
        found > 0
    }

    /// A proof under a model stands against the failure of an execution that the model has, and
    /// against nothing else.
    #[test]
    fn a_proof_stands_against_failures_under_what_its_model_contains() {
        for prover in [Exhaustive, ShuttleDfs, Loom] {
            for other in EngineId::ALL {
                for end in ENDS {
                    let contradicts = match end {
                        End::Fails(consistent) => prover == Loom || consistent,
                        _ => false,
                    };
                    let [proved, against] =
                        [(prover, End::All), (other, end)].map(|(e, end)| row(e, Invariant, end));
                    let told = format!("{prover} proves, {other} {end:?}");
                    assert_eq!(contradict(&proved, &against), contradicts, "{told}");
                }
            }
        }
    }

    /// What is no proof stands against nothing.
    #[test]
    fn without_a_proof_nothing_is_contradicted() {
        for one in ENDS.into_iter().filter(|end| *end != End::All) {
            for other in ENDS.into_iter().filter(|end| *end != End::All) {
                let (one, other) = (row(Loom, Invariant, one), row(ShuttleDfs, Invariant, other));
                assert!(!contradict(&one, &other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn other_instances_and_switches_are_other_programs_and_modes_are_not() {
        let fails = row(Threads, Invariant, End::Fails(true));
        let two = row_on(2, Semantics::DEFAULT, Loom, Invariant, End::All);
        assert!(!contradict(&two, &fails));
        let fifo = Semantics {
            notify: NotifyOrder::Fifo,
            ..Semantics::DEFAULT
        };
        let switched = row_on(1, fifo, Loom, Invariant, End::All);
        assert!(!contradict(&switched, &fails));
        let mut states = row(Exhaustive, Invariant, End::All);
        let mode = SearchMode::States.to_string();
        states.switches.insert(MODE.to_owned(), mode);
        assert!(contradict(&states, &fails));
        let told = contradictions([&states, &fails])[0].to_string();
        assert_eq!(
            told,
            "nothing/at-all n=1: exhaustive in mode states proves invariant under sc: all 3 executions; \
             threads refutes invariant under sc: it fails"
        );
    }

    /// A complete search has seen that nothing fails that every run looks at.
    #[test]
    fn a_proof_of_what_is_listed_stands_against_the_failure_of_what_is_not() {
        let proved = row(Exhaustive, DeadlockFreedom, End::All);
        let fails = row(ShuttleDfs, Conservation, End::Fails(true));
        assert!(contradict(&proved, &fails));
        // Races are not looked at by who does not look for them.
        let races = row(ShuttleDfs, DataRaceFreedom, End::Fails(true));
        assert!(!contradict(&proved, &races));
        // And its own word on the property is what counts.
        let cut = row(Exhaustive, Conservation, End::Cut);
        assert!(contradictions([&proved, &cut, &fails]).is_empty());
        // Each engine and each refutation once.
        let again = row(Exhaustive, Invariant, End::All);
        assert_eq!(contradictions([&proved, &again, &fails]).len(), 1);
    }

    /// What is reached under a weak model need not be under a stronger one.
    #[test]
    fn a_witness_stands_against_a_search_of_its_own_model() {
        for (witness, searcher, contradicts) in [
            (Exhaustive, ShuttleDfs, true),
            (ShuttleDfs, Loom, true),
            (Loom, ShuttleDfs, false),
        ] {
            let reached = row(witness, Reachability, End::All);
            let mut reached = reached;
            reached.verdict = Verdict::Proved(crate::engines::verdict::Proof::witnessed());
            let unreached = row(searcher, Reachability, End::Unreached);
            assert_eq!(
                contradict(&reached, &unreached),
                contradicts,
                "{witness} reaches, {searcher} does not"
            );
        }
    }

    #[test]
    fn more_together_than_was_proved_is_a_contradiction() {
        let together = |engine, end, count| {
            let mut row = row(engine, MaximalParallelism, end);
            row.together = Some(count);
            row
        };
        let proved = together(Exhaustive, End::All, 2);
        assert!(contradict(&proved, &together(ShuttleDfs, End::Cut, 3)));
        assert!(contradict(&proved, &together(ShuttleDfs, End::All, 1)));
        assert!(!contradict(&proved, &together(ShuttleDfs, End::Sample, 1)));
        assert!(!contradict(&proved, &together(Loom, End::Cut, 3)));
    }

    /// One engine that finds a program not deterministic takes the word from the others on the same
    /// instance, but for a failure that was seen.
    #[test]
    fn what_is_not_deterministic_is_withdrawn() {
        for end in ENDS {
            let mut rows = [
                row(Exhaustive, DeadlockFreedom, End::Unsteady),
                row(Loom, Invariant, end),
                row_on(2, Semantics::DEFAULT, Loom, Invariant, end),
            ];
            let before = rows.clone().map(|row| row.verdict.reason());
            withdraw(&mut rows);
            withdraw(&mut rows);
            let after = rows.clone().map(|row| row.verdict.reason());
            assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
            if [End::All, End::Cut, End::Sample].contains(&end) {
                assert_eq!(rows[1].verdict.word(), Word::GaveUp);
                let why = "the program is not deterministic: engine exhaustive has found: step 3";
                assert!(after[1].starts_with(why), "{}", after[1]);
            } else {
                assert_eq!(before[1], after[1]);
            }
        }
    }
}
