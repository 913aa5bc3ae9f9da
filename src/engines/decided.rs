//! When a row has decided something, and when it stands over a failure that it does not name.
//!
//! A row that is cut can still say something: of the executions that were searched, none failed.
//! It says nothing where what was cut is what the property is about.

use super::check::Row;
use super::verdict::{Cut, GaveUp, Verdict};
use crate::sync::Property;

impl Row {
    /// Returns whether the engine has come to an answer about the property, however far it reaches.
    ///
    /// - `proved` and `refuted` decide, `gave-up` does not.
    /// - `bounded` and `sampled` decide that no execution among those that were searched failed, if
    ///   there was one and none of them was cut by the failure of another property. They decide
    ///   nothing about reachability and about infinite executions, which no number of executions
    ///   without a finding answers.
    /// - About deadlock-freedom they decide nothing where busy-waits or long executions were ended:
    ///   a thread that waits for ever is in just those.
    #[must_use]
    pub fn decides(&self) -> bool {
        let (executions, cuts) = match &self.verdict {
            Verdict::Proved(_) | Verdict::Refuted(_) => return true,
            Verdict::GaveUp(_) => return false,
            Verdict::Bounded(bounds) => (bounds.executions, &bounds.cuts),
            Verdict::Sampled(sample) => (sample.schedules, &sample.cuts),
        };
        if self.property == Property::Reachability || self.property.is_of_infinite_executions() {
            return false;
        }
        let endless = self.property == Property::DeadlockFreedom;
        executions > 0
            && !cuts.iter().any(|cut| match cut {
                Cut::OtherFailures(_) => true,
                Cut::Spins(_) | Cut::Steps(_) => endless,
                _ => false,
            })
    }

    /// Returns whether an engine has found that the program is not deterministic, or depends on
    /// something outside of the model.
    #[must_use]
    pub fn is_nondeterministic(&self) -> bool {
        matches!(
            &self.verdict,
            Verdict::GaveUp(GaveUp::Nondeterministic { .. } | GaveUp::Outside { .. })
        )
    }

    /// Says what has failed, where something has that is not the row's own property: executions
    /// that another failure ended, a program that is not deterministic or took its process down, an
    /// engine that failed.
    #[must_use]
    pub fn hidden_failure(&self) -> Option<String> {
        let cuts = match &self.verdict {
            Verdict::Bounded(bounds) => &bounds.cuts,
            Verdict::Sampled(sample) => &sample.cuts,
            Verdict::GaveUp(
                why @ (GaveUp::OtherFailure { .. }
                | GaveUp::Nondeterministic { .. }
                | GaveUp::Outside { .. }
                | GaveUp::Blocked { .. }
                | GaveUp::Crashed { .. }
                | GaveUp::Internal { .. }),
            ) => return Some(why.to_string()),
            Verdict::Proved(_) | Verdict::Refuted(_) | Verdict::GaveUp(_) => return None,
        };
        let failure = |cut: &&Cut| matches!(cut, Cut::OtherFailures(_));
        cuts.iter().find(failure).map(Cut::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engines::check::{Job, rows};
    use crate::engines::engine::{Ending, EngineId, Run};
    use crate::engines::limits::Limits;
    use crate::engines::search::received;
    use crate::engines::verdict::{Bounds, Sample};
    use crate::scenario::{Instance, Program, Scenario};
    use crate::sync::announcing::Totals;
    use crate::sync::{Backend, Semantics};

    struct Nothing;

    impl Scenario for Nothing {
        fn name(&self) -> &'static str {
            "nothing/at-all"
        }

        fn marks(&self) -> Vec<&'static str> {
            vec!["never"]
        }

        fn run<B: Backend>(&self, _: &Instance) {}
    }

    fn row(property: Property, ending: Ending) -> Row {
        let program: Program = Arc::new(Nothing);
        let job = Job {
            program: &program,
            instance: &Instance::default(),
            semantics: Semantics::DEFAULT,
            targets: [property].into(),
            engine: EngineId::Loom,
            limits: &Limits::QUICK,
        };
        let run = Run {
            ending,
            totals: Totals::default(),
            overridden: Vec::new(),
            mode: None,
            gaps: Default::default(),
        };
        rows(&job, run).remove(0)
    }

    /// Bounded and sampled rows with this cut.
    fn cut(property: Property, executions: u64, cut: &Cut) -> [Row; 2] {
        let cuts = vec![cut.clone()];
        let sample = Sample {
            nothing_to_choose: false,
            scheduler: "some".to_owned(),
            seed: None,
            schedules: executions,
            miss: None,
            cuts: cuts.clone(),
        };
        let endings = [
            Ending::Cut(Bounds { executions, cuts }),
            Ending::Sampled(sample),
        ];
        endings.map(|ending| row(property, ending))
    }

    #[test]
    fn a_cut_decides_unless_it_hides_what_is_asked() {
        let harmless = [
            Cut::Executions(7),
            Cut::Time(7),
            Cut::Preemptions(2),
            Cut::SpuriousWakeups(1),
            Cut::KnownGap("atomics".to_owned()),
        ];
        let endless = [Cut::Spins(2), Cut::Steps(9)];
        let failures = Cut::OtherFailures("3 failures of invariant".to_owned());
        for property in Property::ALL {
            let answers =
                property != Property::Reachability && !property.is_of_infinite_executions();
            let decides = |at: &Cut| cut(property, 7, at).map(|row| row.decides());
            for at in &harmless {
                assert_eq!(decides(at), [answers; 2], "{property} {at}");
                assert_eq!(cut(property, 0, at).map(|row| row.decides()), [false; 2]);
            }
            for at in &endless {
                let answers = answers && property != Property::DeadlockFreedom;
                assert_eq!(decides(at), [answers; 2], "{property} {at}");
            }
            assert_eq!(decides(&failures), [false; 2], "{property}");
        }
    }

    #[test]
    fn a_complete_search_decides_and_who_gave_up_does_not() {
        for property in Property::ALL {
            let whole = received(7, None, 1, None);
            assert!(
                row(property, Ending::Exhausted(whole)).decides(),
                "{property}"
            );
            let steps = GaveUp::Steps { limit: 9 };
            assert!(
                !row(property, Ending::Unable(steps)).decides(),
                "{property}"
            );
        }
    }

    /// What a row says nothing of, and what failed beside it, are two things.
    #[test]
    fn a_failure_beside_the_property_is_named() {
        let of = |why| row(Property::Invariant, Ending::Unable(why)).hidden_failure();
        let text = || "why".to_owned();
        for why in [
            GaveUp::OtherFailure { property: text() },
            GaveUp::Nondeterministic { detail: text() },
            GaveUp::Outside { detail: text() },
            GaveUp::Blocked { near: text() },
            GaveUp::Crashed { how: text() },
            GaveUp::Internal { detail: text() },
        ] {
            assert_eq!(of(why.clone()), Some(why.to_string()));
        }
        for why in [
            GaveUp::Threads { limit: 5 },
            GaveUp::Steps { limit: 9 },
            GaveUp::FalseAlarm { why: text() },
            GaveUp::Unsupported { what: text() },
            GaveUp::Timeout { seconds: 900 },
        ] {
            assert_eq!(of(why), None);
        }
        let failures = Cut::OtherFailures("3 failures of invariant".to_owned());
        for row in cut(Property::DeadlockFreedom, 7, &failures) {
            let told = row.hidden_failure().expect("it is told");
            assert!(told.contains("3 failures of invariant"), "{told}");
        }
        for row in cut(Property::DeadlockFreedom, 7, &Cut::Spins(2)) {
            assert_eq!(row.hidden_failure(), None);
        }
    }
}
