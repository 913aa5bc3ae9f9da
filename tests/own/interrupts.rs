//! Whoever interrupts a run loses nothing that was found, and no report takes a part for the whole.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::thread;

use libtest_mimic::Trial;
use proptest::prelude::Rng as _;
use proptest::test_runner::TestRng;
use serde_json::Value;

use super::program::{code, err, json, out, run, start};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test(
        "interrupts::at_any_moment_nothing_is_lost",
        || {
            at_any_moment_nothing_is_lost();
            Ok(())
        },
    )];
    #[cfg(target_os = "linux")]
    trials.extend([
        Trial::test("interrupts::a_search_is_kept_and_gone_on_with", || {
            a_search_is_kept_and_gone_on_with();
            Ok(())
        }),
        Trial::test("interrupts::every_format_says_that_it_is_a_part", || {
            every_format_says_that_it_is_a_part();
            Ok(())
        }),
    ]);
    trials
}

/// A row of a second or two.
const ROW: [&str; 10] = [
    "verify",
    "ticket/locked",
    "--engine",
    "exhaustive",
    "--mode",
    "traces",
    "--set",
    "buyers=5",
    "--set",
    "tickets=2",
];

const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

fn signal(process: &Child, signal: &str) {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &process.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
}

/// A command of the row with its file; it begins, or goes on where there is one.
fn kept(file: &Path) -> Vec<&str> {
    let option = if file.exists() {
        "--resume"
    } else {
        "--checkpoint"
    };
    let file = file.to_str().expect("its path is text");
    [
        &ROW[..],
        &[
            "--bound",
            "executions=1000000",
            "--format",
            "json",
            option,
            file,
        ],
    ]
    .concat()
}

/// The verdict and the executions of every row.
fn said(report: &Value) -> Vec<(Value, Value)> {
    let rows = report["rows"].as_array().expect("rows").iter();
    rows.map(|row| (row["verdict"].clone(), row["executions"].clone()))
        .collect()
}

/// A row that was interrupted, and says so.
fn is_cut(output: &Output) -> bool {
    let report = json(output);
    assert_eq!(report["summary"]["complete"], false, "{report}");
    assert_eq!(report["summary"]["exit"], 130, "{report}");
    let rows = report["rows"].as_array().expect("rows");
    for row in rows {
        assert_eq!(row["verdict"], "bounded", "{row}");
        let reason = row["reason"].as_str().expect("text");
        assert!(reason.contains("cut by an interrupt"), "{reason}");
    }
    !rows.is_empty()
}

#[cfg(target_os = "linux")]
fn a_search_is_kept_and_gone_on_with() {
    let whole = run(&[
        &ROW[..],
        &["--bound", "executions=1000000", "--format", "json"],
    ]
    .concat());
    assert_eq!(code(&whole), 0, "{}", err(&whole));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("search");
    let mut last = 0;
    for name in SIGNALS {
        let process = start(&kept(&file));
        super::processes::searching(&process);
        signal(&process, name);
        let output = process.wait_with_output().expect("it ends");
        assert_eq!(
            code(&output),
            130,
            "{name}: {}{}",
            out(&output),
            err(&output)
        );
        assert!(is_cut(&output), "{name}: {}", out(&output));
        assert!(err(&output).contains("the search is kept, go on with --resume"));
        assert!(file.exists());
        let executions = json(&output)["rows"][0]["executions"]
            .as_u64()
            .expect("a number");
        assert!(executions >= last, "it goes on where it was");
        last = executions;
    }
    let end = run(&kept(&file));
    assert_eq!(code(&end), 0, "{}", err(&end));
    assert_eq!(said(&json(&end)), said(&json(&whole)));
}

/// How many runs are interrupted: more than a few are a matter of minutes.
fn runs() -> u32 {
    let runs = env::var("CROSSCHECK_INTERRUPTS").ok();
    runs.map_or(4, |runs| runs.parse().expect("a number of runs"))
}

/// Whenever a signal comes: the file is whole or was never there, and the search that goes on with it
/// ends as one that nobody interrupted.
fn at_any_moment_nothing_is_lost() {
    let whole = run(&[
        &ROW[..],
        &["--bound", "executions=1000000", "--format", "json"],
    ]
    .concat());
    let whole = said(&json(&whole));
    let mut random = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let (mut cut, mut early, mut late) = (0, 0, 0);
    for at in 0..runs() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("search");
        let process = start(&kept(&file));
        // So many turns are a moment: nobody waits for a time.
        for _ in 0..random.next_u32() % 40_000 {
            thread::yield_now();
        }
        signal(&process, SIGNALS[at as usize % SIGNALS.len()]);
        let output = process.wait_with_output().expect("it ends");
        match output.status.code() {
            // Before it listens, as everybody.
            None => early += 1,
            Some(0) => {
                late += 1;
                assert_eq!(said(&json(&output)), whole);
            }
            Some(130) if is_cut(&output) => {
                cut += 1;
                assert!(file.exists(), "{}", err(&output));
            }
            Some(130) => {
                early += 1;
                assert!(
                    err(&output).contains("before the search had begun"),
                    "{}",
                    err(&output)
                );
            }
            Some(code) => panic!("{code}: {}{}", out(&output), err(&output)),
        }
        let left = fs::read_dir(folder.path()).expect("it is there").count();
        assert!(left <= 1, "nothing lies beside the file");
        let end = run(&kept(&file));
        assert_eq!(code(&end), 0, "{}", err(&end));
        assert_eq!(said(&json(&end)), whole);
    }
    eprintln!("{cut} searches were cut, {early} had not begun, {late} had ended");
}

#[cfg(target_os = "linux")]
fn every_format_says_that_it_is_a_part() {
    for format in ["text", "json", "markdown", "html", "junit"] {
        // The first row ends at once, the other never.
        let process = start(&[
            "verify",
            "ticket/locked",
            "--engine",
            "shuttle-pct",
            "--engine",
            "shuttle-dfs",
            "--bound",
            "schedules=10",
            "--set",
            "buyers=6",
            "--set",
            "tickets=6",
            "--budget",
            "100h",
            "--jobs",
            "1",
            "--format",
            format,
        ]);
        super::processes::searching(&process);
        signal(&process, "TERM");
        let output = process.wait_with_output().expect("it ends");
        let text = out(&output);
        assert_eq!(code(&output), 130, "{format}: {text}{}", err(&output));
        assert!(err(&output).contains("interrupted"), "{}", err(&output));
        if format == "json" {
            let report = json(&output);
            assert_eq!(report["summary"]["complete"], false);
            assert_eq!(report["summary"]["exit"], 130);
            for row in report["rows"].as_array().expect("rows") {
                assert_eq!(row["engine"], "shuttle-pct", "nothing is said of the other");
            }
        } else {
            assert!(
                text.contains("interrupted, and nothing is said"),
                "{format}: {text}"
            );
        }
    }
}
