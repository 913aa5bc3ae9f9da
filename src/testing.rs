//! Verdicts inside an ordinary `#[test]`, with the report as a snapshot in the test's own crate.
//!
//! ```no_run
//! use crosscheck::scenario::{Instance, Scenario};
//! use crosscheck::sync::{Backend, Mutex, scope};
//!
//! struct Counter;
//!
//! impl Scenario for Counter {
//!     fn name(&self) -> &'static str {
//!         "counter/locked"
//!     }
//!     fn run<B: Backend>(&self, _: &Instance) {
//!         let count = Mutex::<B, _>::new("count", 0);
//!         scope::<B, _>(|scope| {
//!             scope.spawn("other", || *count.lock() += 1);
//!             *count.lock() += 1;
//!         });
//!         assert_eq!(*count.lock(), 2);
//!     }
//! }
//!
//! #[test]
//! fn counter() {
//!     crosscheck::assert_verdicts!(Counter);
//! }
//! ```
//!
//! The first run writes `snapshots/…__counter__locked.snap.new` beside the test's source and fails;
//! `cargo insta review` shows it and accepts it. From then on a changed verdict, count or
//! counterexample fails the test with the difference. Every row runs in a process of its own (the
//! test binary again), so a program that aborts or overflows its stack fails one row, with its
//! reason.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use crate::engines::check::set_switch;
use crate::engines::plan::Planned;
use crate::engines::worker::{Event, run_all, serve};
use crate::engines::{Claimed, EngineId, Limits, Row, Word};
use crate::report;
use crate::scenario::{Instance, Program, Scenario};
use crate::sync::Semantics;

/// Set in a test binary that has been started as a worker.
const SERVE: &str = "CROSSCHECK_SERVE";

/// Which engines check a scenario, on which instance, within which limits.
#[derive(Clone, Debug)]
#[must_use]
pub struct Checks {
    engines: Vec<EngineId>,
    settings: Vec<(String, String)>,
    limits: Limits,
}

impl Default for Checks {
    /// The default engines, the defaults of the scenario, the quick limits.
    fn default() -> Self {
        Self {
            engines: EngineId::DEFAULT.to_vec(),
            settings: Vec::new(),
            limits: Limits::QUICK,
        }
    }
}

impl Checks {
    /// These engines only.
    pub fn engines(mut self, engines: &[EngineId]) -> Self {
        self.engines = engines.to_vec();
        self
    }

    /// A parameter of the scenario or a switch, as `set("n", "3")` or `set("spurious", "on")`.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Other limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn plan(&self, program: &Program) -> Vec<Planned> {
        let parameters = program.parameters();
        let mut instance = Instance::defaults(&parameters);
        let mut semantics = Semantics::DEFAULT;
        for (name, value) in &self.settings {
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            match parameter.map(|parameter| (parameter.name, parameter.parse(value))) {
                Some((name, Some(value))) => instance = instance.with(name, value),
                Some((_, None)) => panic!("`{name}` of {} cannot be {value}", program.name()),
                None => assert!(
                    set_switch(&mut semantics, name, value),
                    "{} has no parameter or switch {name}={value}",
                    program.name()
                ),
            }
        }
        let planned = |&engine: &EngineId| Planned {
            program: Arc::clone(program),
            instance: instance.clone(),
            semantics,
            engine,
            asks: None,
            limits: self.limits.clone(),
            mode: None,
        };
        self.engines.iter().map(planned).collect()
    }
}

/// What came of checking a scenario.
#[derive(Debug)]
#[must_use]
pub struct Verdicts {
    name: String,
    rows: Vec<Row>,
}

impl Verdicts {
    /// The name of the snapshot: the scenario's, made fit for a file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows, engine by engine.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The report that is pinned: no times, nothing that differs between two runs.
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
        text
    }

    /// Panics with the counterexample when something is refuted, and when nothing was proved,
    /// bounded or sampled.
    ///
    /// # Panics
    /// As said.
    pub fn assert_holds(&self) {
        for row in &self.rows {
            if let Some(counterexample) = row.counterexample() {
                panic!("{}", report::explain::render(counterexample));
            }
            assert!(
                row.verdict.word() != Word::Refuted,
                "{} refutes {}: {}",
                row.engine,
                row.property,
                row.verdict.reason()
            );
        }
        assert!(
            self.rows
                .iter()
                .any(|row| row.verdict.word() != Word::GaveUp),
            "every engine gave up on {}",
            self.name
        );
    }
}

/// Checks a scenario; what [`assert_verdicts!`](crate::assert_verdicts) calls.
///
/// `here` is the type name of an item inside the calling test function: it tells the test's name,
/// by which workers are started.
///
/// # Panics
/// When the checks name what the scenario does not have, or no worker can be started.
pub fn verdicts(scenario: impl Scenario, checks: &Checks, here: &str) -> Verdicts {
    let program: Program = Arc::new(scenario);
    if env::var_os(SERVE).is_some() {
        let served = serve(std::slice::from_ref(&program));
        std::process::exit(i32::from(served.is_err()));
    }
    let plan = checks.plan(&program);
    let test = test_name(here);
    let executable = env::current_exe().expect("the test binary knows where it is");
    let worker = || {
        let mut command = Command::new(&executable);
        command
            .args([&test, "--exact", "--nocapture", "--test-threads=1"])
            .env(SERVE, "1");
        command
    };
    let jobs = available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<Vec<Row>> = plan.iter().map(|_| Vec::new()).collect();
    run_all(&plan, jobs, &worker, &AtomicBool::new(false), |event| {
        if let Event::Finished(index, of_job, _) = event {
            rows[index] = of_job;
        }
    })
    .expect("the test binary can be started again as a worker");
    let name = program.name().replace('/', "__");
    Verdicts {
        name,
        rows: rows.into_iter().flatten().collect(),
    }
}

/// `module::test` of `crate::module::test::here`, as the test harness names it.
fn test_name(here: &str) -> String {
    let path = here.split_once("::").map_or(here, |(_, path)| path);
    let path = path.rsplit_once("::").map_or(path, |(path, _)| path);
    path.replace("::{{closure}}", "")
}

/// Checks a scenario inside a `#[test]` and compares its report with a snapshot in the test's own
/// crate.
///
/// `assert_verdicts!(scenario)` runs every engine at the scenario's defaults;
/// `assert_verdicts!(scenario, checks)` runs the given [`Checks`](crate::testing::Checks).
/// Evaluates to the [`Verdicts`](crate::testing::Verdicts). See [`testing`](crate::testing).
#[macro_export]
macro_rules! assert_verdicts {
    ($scenario:expr $(,)?) => {
        $crate::assert_verdicts!($scenario, $crate::testing::Checks::default())
    };
    ($scenario:expr, $checks:expr $(,)?) => {{
        fn here() {}
        let verdicts =
            $crate::testing::verdicts($scenario, &$checks, ::std::any::type_name_of_val(&here));
        $crate::insta::with_settings!({ omit_expression => true }, {
            $crate::insta::assert_snapshot!(verdicts.name(), verdicts.report());
        });
        verdicts
    }};
}

#[cfg(test)]
mod tests {
    use super::test_name;

    #[test]
    fn a_test_is_named_as_the_harness_names_it() {
        assert_eq!(
            test_name("my_crate::tests::counter::here"),
            "tests::counter"
        );
        assert_eq!(test_name("my_crate::counter::here"), "counter");
        assert_eq!(test_name("my_crate::counter::{{closure}}::here"), "counter");
    }
}
