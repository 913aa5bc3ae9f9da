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

    /// Returns whether an engine has found that the program is not deterministic.
    #[must_use]
    pub fn is_nondeterministic(&self) -> bool {
        matches!(
            &self.verdict,
            Verdict::GaveUp(GaveUp::Nondeterministic { .. })
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
                | GaveUp::Crashed { .. }
                | GaveUp::Internal { .. }),
            ) => return Some(why.to_string()),
            Verdict::Proved(_) | Verdict::Refuted(_) | Verdict::GaveUp(_) => return None,
        };
        let failure = |cut: &&Cut| matches!(cut, Cut::OtherFailures(_));
        cuts.iter().find(failure).map(Cut::to_string)
    }
}
