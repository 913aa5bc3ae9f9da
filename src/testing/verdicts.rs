//! What came of checking a scenario, and what a test can demand of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{names, places};
use crate::engines::agreement::contradictions;
use crate::engines::{Claimed, EngineId, Row, Word};
use crate::report::{self, Rerun};
use crate::sync::Property;

/// What came of checking a scenario.
#[derive(Debug)]
#[must_use]
pub struct Verdicts {
    pub(super) scenario: String,
    /// What was set, by name.
    pub(super) settings: BTreeMap<String, String>,
    /// The test in which it was checked, where it is known.
    pub(super) test: Option<String>,
    pub(super) rows: Vec<Row>,
}

impl Verdicts {
    /// The name of the snapshot, by the test, the scenario and what was set; another one each time.
    /// What [`assert_verdicts!`](crate::assert_verdicts) calls, with its module and the type name of
    /// an item in the calling function.
    #[must_use]
    pub fn snapshot_name(&self, module: &str, here: &str) -> String {
        let settings = self.settings.iter();
        let settings = settings
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let test = self.test.as_deref();
        let name = names::snapshot(test, module, here, &self.scenario, &settings);
        names::numbered(Some(test.unwrap_or(here)), name)
    }

    /// The rows, engine by engine.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The report that is pinned: no times, nothing that differs between two runs, and of places in
    /// sources the files only, so that a line more or less above them changes nothing.
    #[must_use]
    pub fn report(&self) -> String {
        let claimed = |row: &Row| Claimed {
            row: row.clone(),
            claim: None,
        };
        let mut text = String::new();
        for rows in self.rows.chunk_by(|one, other| one.engine == other.engine) {
            let claimed: Vec<Claimed> = rows.iter().map(claimed).collect();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&report::snapshot::row_report(&claimed));
        }
        places::without_lines(&text)
    }

    /// Panics unless every property holds as far as was looked, and somebody has looked.
    ///
    /// It holds when
    /// - no engine refutes anything, whether the scenario lists it or not;
    /// - nothing has failed beside what was asked for: no execution was cut by another failure, the
    ///   program is deterministic, no engine failed and no process was taken down;
    /// - no two engines contradict each other;
    /// - each property is decided by an engine at least. `proved` decides; `bounded` and `sampled`
    ///   decide as far as [`Row::decides`] says: not where busy-waits were ended and
    ///   deadlock-freedom is asked, for instance.
    ///
    /// ```
    /// # use crosscheck::scenario::{Instance, Scenario};
    /// # use crosscheck::sync::{Backend, Mutex, scope};
    /// # struct Counter;
    /// # impl Scenario for Counter {
    /// #     fn name(&self) -> &'static str { "counter/locked" }
    /// #     fn run<B: Backend>(&self, _: &Instance) {
    /// #         let count = Mutex::<B, _>::new("count", 0);
    /// #         scope::<B, _>(|scope| {
    /// #             scope.spawn("other", || *count.lock() += 1);
    /// #             *count.lock() += 1;
    /// #         });
    /// #         assert_eq!(*count.lock(), 2);
    /// #     }
    /// # }
    /// crosscheck::check(Counter).assert_holds();
    /// ```
    ///
    /// # Panics
    /// As said, with the counterexample where there is one.
    pub fn assert_holds(&self) {
        self.demand(self.properties().into_iter().filter_map(|property| {
            let rows = || self.rows_of(property);
            (!rows().any(Row::decides))
                .then(|| format!("{property} is decided by no engine:{}", told(rows())))
        }));
    }

    /// Panics unless [`assert_holds`](Self::assert_holds) does not and every property is proved by
    /// an engine at least.
    ///
    /// # Panics
    /// As said.
    pub fn assert_proved(&self) {
        self.demand(self.properties().into_iter().filter_map(|property| {
            let rows = || self.rows_of(property);
            (!rows().any(is_proved))
                .then(|| format!("{property} is proved by no engine:{}", told(rows())))
        }));
    }

    /// Panics unless [`assert_holds`](Self::assert_holds) does not and `engine` proves every
    /// property.
    ///
    /// ```
    /// # use crosscheck::scenario::{Instance, Scenario};
    /// # use crosscheck::sync::{Backend, Mutex};
    /// # struct Alone;
    /// # impl Scenario for Alone {
    /// #     fn name(&self) -> &'static str { "counter/alone" }
    /// #     fn run<B: Backend>(&self, _: &Instance) {
    /// #         *Mutex::<B, _>::new("count", 0).lock() += 1;
    /// #     }
    /// # }
    /// use crosscheck::engines::EngineId;
    /// use crosscheck::testing::{Checks, check_with};
    ///
    /// let checks = Checks::default().engines(&[EngineId::Exhaustive]);
    /// check_with(Alone, &checks).assert_proved_by(EngineId::Exhaustive);
    /// ```
    ///
    /// # Panics
    /// As said.
    pub fn assert_proved_by(&self, engine: EngineId) {
        self.demand(self.properties().into_iter().filter_map(|property| {
            let rows = || self.rows_of(property).filter(|row| row.engine == engine);
            (!rows().any(is_proved))
                .then(|| format!("{property} is not proved by {engine}:{}", told(rows())))
        }));
    }

    /// Panics unless an engine refutes `property`; and where engines contradict each other, or the
    /// program is not deterministic, so that the counterexample cannot be relied on.
    ///
    /// ```
    /// # use crosscheck::scenario::{Instance, Property, Scenario};
    /// # use crosscheck::sync::{Backend, Mutex, scope};
    /// # struct Opposite;
    /// # impl Scenario for Opposite {
    /// #     fn name(&self) -> &'static str { "locks/opposite" }
    /// #     fn run<B: Backend>(&self, _: &Instance) {
    /// #         let (one, two) = (Mutex::<B, _>::new("one", ()), Mutex::<B, _>::new("two", ()));
    /// #         scope::<B, _>(|scope| {
    /// #             scope.spawn("other", || {
    /// #                 let _first = two.lock();
    /// #                 let _second = one.lock();
    /// #             });
    /// #             let _first = one.lock();
    /// #             let _second = two.lock();
    /// #         });
    /// #     }
    /// # }
    /// crosscheck::check(Opposite).assert_refuted(Property::DeadlockFreedom);
    /// ```
    ///
    /// # Panics
    /// As said.
    pub fn assert_refuted(&self, property: Property) {
        self.assert_agreement();
        let refuted = |row: &&Row| row.verdict.word() == Word::Refuted;
        let shaky = self.rows.iter().find(|row| row.is_nondeterministic());
        if let Some(row) = shaky {
            panic!("{}", line(row));
        }
        let found = self.rows_of(property).any(|row| refuted(&row));
        assert!(
            found,
            "{property} of {} is refuted by no engine:{}",
            self.scenario,
            told(self.rows.iter())
        );
    }

    /// Panics where two engines contradict each other: one of them is wrong, or the program decides
    /// by something that no engine sees. What [`assert_verdicts!`](crate::assert_verdicts) demands
    /// of every report, and all other assertions as well.
    ///
    /// # Panics
    /// As said, with the counterexample where there is one.
    pub fn assert_agreement(&self) {
        if let Some(found) = contradictions(&self.rows).first() {
            self.fail(
                found.against.counterexample().map(|_| found.against),
                &self.disagreements(),
            );
        }
    }

    /// Panics where something fails that nobody wants, or with one of `more`.
    fn demand(&self, more: impl Iterator<Item = String>) {
        let refuted: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.verdict.word() == Word::Refuted)
            .collect();
        let mut faults: Vec<String> = refuted.iter().map(|row| line(row)).collect();
        faults.extend(self.disagreements());
        for row in &self.rows {
            if let Some(what) = row.hidden_failure() {
                let fault = format!("{}: {what}", row.engine);
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
        if self.rows.is_empty() {
            faults.push("nothing was checked: no engine, or no property is listed".to_owned());
        }
        faults.extend(more);
        if !faults.is_empty() {
            let shown = refuted
                .into_iter()
                .find(|row| row.counterexample().is_some());
            self.fail(shown, &faults);
        }
    }

    fn fail(&self, shown: Option<&Row>, faults: &[String]) -> ! {
        let story = shown.and_then(Row::counterexample);
        let told = |found| match &self.test {
            Some(test) => report::explain::render_with(found, &Rerun::Test(test.clone())),
            None => report::explain::render(found) + "\n",
        };
        let story = story.map_or(String::new(), told);
        panic!("{story}{}:\n  {}", self.scenario, faults.join("\n  "));
    }

    fn disagreements(&self) -> Vec<String> {
        let told = |found| format!("two engines contradict each other: {found}");
        contradictions(&self.rows).iter().map(told).collect()
    }

    /// Every property that was asked for, or failed.
    fn properties(&self) -> BTreeSet<Property> {
        let of_row = |row: &Row| {
            let mut properties = row.undecided.clone();
            properties.push(row.property);
            properties
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    fn rows_of(&self, property: Property) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.property == property)
    }
}

fn is_proved(row: &Row) -> bool {
    row.verdict.word() == Word::Proved
}

/// The rows, each on a line of its own.
fn told<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    rows.map(|row| format!("\n    {}", line(row))).collect()
}

fn line(row: &Row) -> String {
    let Row {
        engine, property, ..
    } = row;
    let (word, reason) = (row.verdict.word(), row.verdict.reason());
    report::printable(&format!("{engine}: {property}: {word}: {reason}"))
}
