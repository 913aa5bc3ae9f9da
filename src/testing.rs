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
//! The first run writes `snapshots/…__counter__counter__locked.snap.new` beside the test's source and
//! fails; `cargo insta review` shows it and accepts it. From then on a changed verdict, count or
//! counterexample fails the test with the difference. A snapshot is named by the test, the scenario
//! and what was [set](Checks::set), so several checks of one scenario do not meet in one file.
//!
//! Without a snapshot it is one line, which may stand in any function that a test calls:
//!
//! ```no_run
//! # use crosscheck::scenario::{Instance, Scenario};
//! # use crosscheck::sync::Backend;
//! # struct Counter;
//! # impl Scenario for Counter {
//! #     fn name(&self) -> &'static str { "counter/locked" }
//! #     fn run<B: Backend>(&self, _: &Instance) {}
//! # }
//! crosscheck::check(Counter).assert_holds();
//! ```
//!
//! A counterexample ends with the command that runs it again: `CROSSCHECK_REPLAY=… cargo test NAME`
//! has the test run just those steps, show each, and fail with what came of it.
//!
//! Every row runs in a process of its own, so a program that aborts or overflows its stack fails one
//! row, with its reason. That process is the test binary again, with the name of the test, which is
//! that of the thread on which the check is called. On the main thread and on threads without a name
//! (`main`, a documentation test, some other test harness, a thread that a test has spawned) there is
//! no test to be named, and the rows run in the calling process, one after the other.

use std::env;
use std::process::{self, Command};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

mod again;
mod calls;
mod checks;
mod names;
mod places;
mod verdicts;

pub use checks::Checks;
pub use verdicts::Verdicts;

use crate::engines::Row;
use crate::engines::agreement::withdraw;
use crate::engines::plan::Planned;
use crate::engines::worker::{Event, NotServing, run_all, serve};
use crate::scenario::{Program, Scenario};
use calls::{Call, EARLIER, Part, SERVE};

/// Checks a scenario with every default engine at its defaults.
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
/// crosscheck::check(Counter).assert_proved();
/// ```
///
/// # Panics
/// When no worker can be started, or it does not come to this check.
pub fn check(scenario: impl Scenario) -> Verdicts {
    check_with(scenario, &Checks::default())
}

/// Checks a scenario as [`Checks`] say.
///
/// # Panics
/// When the checks name what the scenario does not have, no worker can be started, or it does not
/// come to this check.
pub fn check_with(scenario: impl Scenario, checks: &Checks) -> Verdicts {
    let program: Program = Arc::new(scenario);
    let plan = checks.plan(&program);
    let test = names::test();
    if env::var_os(SERVE).is_none() {
        again::run_again(&program, test.as_deref());
    }
    let mut rows = match &test {
        Some(test) => rows_of_test(test, &program, &plan),
        None => plan.iter().flat_map(Planned::check).collect(),
    };
    withdraw(&mut rows);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Verdicts {
        scenario: program.name().to_owned(),
        settings: checks.settings().into_iter().map(owned).collect(),
        test,
        rows,
    }
}

/// The rows of the next check in a test; a worker that was started for it does not return.
fn rows_of_test(test: &str, program: &Program, plan: &[Planned]) -> Vec<Row> {
    match calls::next(test, plan) {
        Ok(Part::Check(call)) => by_workers(test, plan, &call),
        Ok(Part::Pass(rows)) => rows,
        Ok(Part::Serve) => {
            let served = serve(std::slice::from_ref(program));
            if let Err(error) = &served {
                eprintln!("{error}");
            }
            process::exit(i32::from(served.is_err()));
        }
        Err(error) => panic!("a worker cannot pass the checks before its own: {error}"),
    }
}

fn by_workers(test: &str, plan: &[Planned], call: &Call) -> Vec<Row> {
    let executable = env::current_exe().expect("the test binary knows where it is");
    let earlier = call.earlier().unwrap_or_else(|error| {
        let folder = env::temp_dir();
        panic!(
            "cannot write a file for workers into {}: {error}",
            folder.display()
        )
    });
    // A test that is ignored may have been asked for.
    let arguments = [
        test,
        "--exact",
        "--include-ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    let worker = || {
        let mut command = Command::new(&executable);
        command
            .args(arguments)
            .env(SERVE, call.number().to_string());
        if let Some(earlier) = &earlier {
            command.env(EARLIER, earlier.path());
        }
        command
    };
    let jobs = available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<Vec<Row>> = plan.iter().map(|_| Vec::new()).collect();
    let done = run_all(plan, jobs, &worker, &AtomicBool::new(false), |event| {
        if let Event::Finished(index, of_job, _) = event {
            rows[index] = of_job;
        }
    });
    if let Err(error) = done {
        let not_serving = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<NotServing>());
        match not_serving {
            Some(NotServing { how }) => panic!(
                "the test binary, started again as a worker with `{}`, ended before it came to this \
                 check ({how}): call it on the thread of the #[test] function `{test}`, and after \
                 nothing that a second run of the test would not do as well",
                arguments.join(" ")
            ),
            None => panic!("the test binary cannot be started again as a worker: {error}"),
        }
    }
    call.keep(&rows);
    rows.into_iter().flatten().collect()
}

/// Checks a scenario inside a `#[test]`, or a function that it calls, and compares its report with a
/// snapshot in the calling crate.
///
/// `assert_verdicts!(scenario)` runs every engine at the scenario's defaults;
/// `assert_verdicts!(scenario, checks)` runs the given [`Checks`](crate::testing::Checks).
/// Evaluates to the [`Verdicts`](crate::testing::Verdicts). Engines that contradict each other fail
/// it, whatever the snapshot says. See [`testing`](crate::testing).
#[macro_export]
macro_rules! assert_verdicts {
    ($scenario:expr $(,)?) => {
        $crate::assert_verdicts!($scenario, $crate::testing::Checks::default())
    };
    ($scenario:expr, $checks:expr $(,)?) => {{
        fn here() {}
        let verdicts = $crate::testing::check_with($scenario, &$checks);
        verdicts.assert_agreement();
        let name =
            verdicts.snapshot_name(::std::module_path!(), ::std::any::type_name_of_val(&here));
        $crate::insta::with_settings!({ omit_expression => true }, {
            $crate::insta::assert_snapshot!(name, verdicts.report());
        });
        verdicts
    }};
}
