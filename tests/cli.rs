//! The command line: what is typed, what comes out, and the exit code.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crosscheck::engines::saved;
use serde_json::Value;

fn crosscheck(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it prints text")
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let output = crosscheck(arguments);
    (
        code(&output),
        serde_json::from_slice(&output.stdout).expect("it prints JSON"),
    )
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_code_2() {
    for (arguments, near) in [
        (&["verify", "philosopher"][..], "philosophers"),
        (&["verify", "philosophers/od-even"], "philosophers/odd-even"),
        (&["verify", "philosophers", "--engine", "lom"], "loom"),
        (&["verify", "philosophers", "--set", "meal=1"], "meals"),
        (
            &["verify", "philosophers", "--property", "deadlock"],
            "deadlock-freedom",
        ),
        (
            &["verify", "philosophers", "--bound", "preemption=1"],
            "preemptions",
        ),
        (&["verify", "philosophers", "--mode", "state"], "states"),
        (&["explain", "philosophers/naiv"], "philosophers/naive"),
        (&["explain", "philosophers"], "philosophers/naive"),
    ] {
        let output = crosscheck(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(near),
            "{arguments:?}: {}",
            err(&output)
        );
        assert_eq!(out(&output), "");
    }
}

#[test]
fn values_out_of_range_are_usage_errors_that_say_the_range() {
    for (arguments, says) in [
        (
            &["verify", "philosophers/naive", "--set", "n=1"][..],
            "2..=64",
        ),
        (
            &["verify", "philosophers/naive", "--set", "n=many"],
            "2..=64",
        ),
        (
            &["verify", "philosophers/naive", "--set", "n"],
            "NAME=VALUE",
        ),
        (
            &["verify", "philosophers/naive", "--set", "lock=wood"],
            "facade|semaphore",
        ),
        (
            &["verify", "philosophers/naive", "--set", "notify=some"],
            "any|fifo",
        ),
        (
            &["verify", "philosophers/naive", "--bound", "preemptions=256"],
            "0 to 255",
        ),
        (
            &["verify", "philosophers/naive", "--bound", "executions=0"],
            "from 1",
        ),
        (&["verify", "--budget", "60"], "a number and a unit"),
        (&["verify", "--budget", "0s"], "from 1ms"),
        (&["verify", "--jobs", "0"], "0"),
        (&["verify", "--format", "pdf"], "pdf"),
        (
            &[
                "verify",
                "philosophers",
                "--engine",
                "loom",
                "--mode",
                "states",
            ],
            "only engine exhaustive has modes, not loom",
        ),
        (&["replay", "cc2.damaged"], "damaged"),
        (&["replay", "cc1.of-before"], "of another version"),
        (&["replay", "no-such-file"], "no token and no file"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let output = crosscheck(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
    }
}

#[test]
fn the_exit_code_follows_the_claims() {
    for (arguments, wanted) in [
        // Claimed rows that are as claimed, a refutation included.
        (&["verify", "philosophers/naive"][..], 0),
        (&["verify", "critical-section/mutex", "--engine", "loom"], 0),
        // An unclaimed row that is refuted.
        (
            &[
                "verify",
                "philosophers/naive",
                "--set",
                "n=2",
                "--engine",
                "loom",
            ],
            1,
        ),
        // Unclaimed rows that are proved, sampled, bounded, given up.
        (
            &[
                "verify",
                "philosophers/odd-even",
                "--set",
                "n=2",
                "--engine",
                "loom",
            ],
            0,
        ),
        (
            &[
                "verify",
                "philosophers/odd-even",
                "--set",
                "n=2",
                "--engine",
                "shuttle-pct",
            ],
            3,
        ),
        (
            &[
                "verify",
                "critical-section/mutex",
                "--engine",
                "loom",
                "--bound",
                "preemptions=1",
            ],
            3,
        ),
        (
            &[
                "verify",
                "philosophers/odd-even",
                "--set",
                "n=6",
                "--engine",
                "loom",
            ],
            3,
        ),
    ] {
        let output = crosscheck(arguments);
        assert_eq!(
            code(&output),
            wanted,
            "{arguments:?}: {}{}",
            out(&output),
            err(&output)
        );
        assert_eq!(err(&output), "");
    }
}

#[test]
fn json_has_the_schema_that_is_promised() {
    let rows = ["verify", "philosophers", "--format", "json"];
    let engines = ["--engine", "exhaustive", "--engine", "threads"];
    let (code, report) = json(&[rows, engines].concat());
    assert_eq!(code, 0);
    assert_eq!(report["schema"], 1);
    let rows = report["rows"].as_array().expect("rows");
    assert!(rows.len() > 40);
    for row in rows {
        for key in [
            "problem", "variant", "engine", "property", "claim", "verdict",
        ] {
            assert!(row[key].is_string(), "{key} in {row}");
        }
        assert_eq!(row["problem"], "philosophers");
        assert!(row["instance"]["n"].is_u64(), "{row}");
        assert!(
            row["executions"].is_u64() && row["complete"].is_boolean(),
            "{row}"
        );
        assert!(
            row["semantics"]
                .as_array()
                .is_some_and(|words| !words.is_empty()),
            "{row}"
        );
        if row["verdict"] == "refuted" {
            let counterexample = &row["counterexample"];
            assert!(
                counterexample["token"]
                    .as_str()
                    .expect("a token")
                    .starts_with("cc2.")
            );
            assert!(
                counterexample["steps"]
                    .as_array()
                    .is_some_and(|steps| !steps.is_empty())
            );
        }
        let exhaustive = ["exhaustive", "loom", "shuttle-dfs"];
        if !exhaustive.iter().any(|engine| row["engine"] == *engine) {
            assert!(
                row["verdict"] != "proved" || row["property"] == "reachability",
                "{row}"
            );
        }
    }
    let key = |row: &Value| {
        ["problem", "variant", "engine"].map(|key| row[key].as_str().unwrap_or("").to_owned())
    };
    assert!(
        rows.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])),
        "rows are sorted"
    );
    assert!(
        !out(&crosscheck(&[
            "verify",
            "philosophers/naive",
            "--format",
            "json"
        ]))
        .contains("millisecond")
    );
    let (_, timed) = json(&[
        "verify",
        "philosophers/naive",
        "--format",
        "json",
        "--timings",
    ]);
    assert!(timed["rows"][0]["milliseconds"].is_u64());
}

#[test]
fn deterministic_rows_are_the_same_every_time_and_with_any_number_of_jobs() {
    let run = |jobs: &str| {
        let engines = [
            "exhaustive",
            "loom",
            "shuttle-dfs",
            "shuttle-random",
            "shuttle-pct",
            "shuttle-urw",
        ];
        let mut arguments = vec![
            "verify",
            "critical-section",
            "--format",
            "json",
            "--jobs",
            jobs,
        ];
        for engine in engines {
            arguments.extend(["--engine", engine]);
        }
        out(&crosscheck(&arguments))
    };
    assert_eq!(run("1"), run("4"));
}

#[test]
fn every_format_prints_the_same_rows() {
    for format in ["text", "json", "markdown", "html", "junit"] {
        let rows = ["verify", "critical-section", "--engine", "exhaustive"];
        let output = crosscheck(&[&rows[..], &["--format", format]].concat());
        assert_eq!(code(&output), 0, "{format}: {}", err(&output));
        for variant in ["mutex", "peterson-relaxed", "unpaired"] {
            assert!(out(&output).contains(variant), "{format} lacks {variant}");
        }
    }
}

#[test]
fn workers_share_a_search_and_its_executions_are_not_compared() {
    let row = [
        "verify",
        "philosophers/odd-even",
        "--set",
        "n=5",
        "--set",
        "meals=2",
    ];
    let by_states = ["--engine", "exhaustive", "--mode", "states"];
    let shared = [&row[..], &by_states, &["--workers", "2"]].concat();
    let text = out(&crosscheck(&shared));
    assert!(text.contains("proved? ~"), "{text}");
    assert!(text.contains("another run has another number"), "{text}");
    let (code_of, found) = json(&[&shared[..], &["--format", "json"]].concat());
    assert_eq!(code_of, 0, "the claims hold");
    for row in found["rows"].as_array().expect("rows") {
        assert_eq!(row["verdict"], "proved");
        assert_eq!(row["workers"], 2);
    }
    let (_, alone) = json(&[&row[..], &by_states, &["--format", "json"]].concat());
    assert_eq!(alone["rows"][0]["workers"], Value::Null);
    for (arguments, says) in [
        (&["--format", "claims"][..], "leave out --workers"),
        (&["--engine", "loom"], "--workers is for engine exhaustive"),
        (&["--mode", "source"], "--workers is for engine exhaustive"),
        (&["--checkpoint", "file"], "cannot be used with"),
        (&["--workers", "100000"], "threads share a search"),
    ] {
        let workers = match arguments {
            ["--workers", ..] => &[][..],
            _ => &["--workers", "2"],
        };
        let output = crosscheck(&[&row[..], workers, arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
    }
}

#[test]
fn list_names_everything_that_verify_takes() {
    let (code, list) = json(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let ids = |value: &Value| -> Vec<String> {
        let ids = value.as_array().expect("a list").iter();
        ids.map(|entry| entry["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let catalogue = crosscheck::problems::catalogue();
    let known: Vec<&str> = catalogue.iter().map(|problem| problem.id).collect();
    assert_eq!(ids(&list["problems"]), known);
    assert!(ids(&list["engines"]).contains(&"shuttle-urw".to_owned()));
    assert_eq!(ids(&list["modes"]), ["auto", "traces", "source", "states"]);
    let text = out(&crosscheck(&["list"]));
    for problem in list["problems"].as_array().expect("problems") {
        for variant in ids(&problem["variants"]) {
            assert!(text.contains(&variant), "the text lacks {variant}");
        }
    }
}

#[test]
fn an_execution_that_never_ends_replays_by_going_round() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("counterexample.json");
    let file = file.to_str().expect("a path that is text");
    for (variant, property, waiting) in [
        ("philosophers/retry", "livelock-freedom", ""),
        (
            "semaphore/busy-wait-atomic",
            "starvation-freedom",
            "waiting all the time: process ",
        ),
    ] {
        let save = ["explain", variant, "--property", property, "--save", file];
        let explained = crosscheck(&save);
        assert_eq!(code(&explained), 0, "{}", err(&explained));
        for (rounds, says) in [
            (&["--rounds", "1"][..], "and then once round a loop of "),
            (
                &["--rounds", "1000"],
                "and then 1000 times round a loop of ",
            ),
            (&[], "which came back to the same state every time"),
            (&[], waiting),
        ] {
            let replayed = crosscheck(&[&["replay", file], rounds].concat());
            assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), err(&replayed));
            let text = out(&replayed);
            assert!(text.contains("Replayed on exhaustive: "), "{text}");
            assert!(text.contains(says), "{says}: {text}");
        }
        let elsewhere = crosscheck(&["replay", file, "--engine", "threads"]);
        assert_eq!(code(&elsewhere), 1);
        assert!(out(&elsewhere).contains("only engine exhaustive can tell"));
        // Another loop: the same steps the other way round.
        let text = std::fs::read_to_string(file).expect("it has been saved");
        let mut other = saved::read(&text).expect("it is as it was saved");
        let from = other.loop_from.expect("it never ends");
        other.steps[from..].reverse();
        std::fs::write(file, saved::text(&other)).expect("it can be saved");
        let changed = crosscheck(&["replay", file]);
        assert_eq!(code(&changed), 1, "{}", out(&changed));
        assert!(out(&changed).starts_with("Not reproduced on exhaustive: "));
    }
}

#[test]
fn explain_prints_a_counterexample_that_replay_repeats() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("counterexample.json");
    let file = file.to_str().expect("a path that is text");
    let explained = crosscheck(&["explain", "philosophers/naive", "--save", file]);
    assert_eq!(code(&explained), 0, "{}", err(&explained));
    let text = out(&explained);
    assert!(
        text.contains("philosopher 0") && text.contains("waits for"),
        "{text}"
    );
    let token = text
        .split_whitespace()
        .find(|word| word.starts_with("cc2."))
        .expect("the token stands in the text");
    for what in [token, file] {
        let replayed = crosscheck(&["replay", what]);
        assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), err(&replayed));
        assert!(out(&replayed).contains("the same failure, in the same final state"));
    }
    for engine in ["exhaustive", "threads"] {
        let replayed = crosscheck(&["replay", token, "--engine", engine]);
        assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), err(&replayed));
        let says = format!("Replayed on {engine}: the same failure, in the same final state");
        assert!(out(&replayed).contains(&says), "{}", out(&replayed));
    }
    for (engine, says) in [
        ("thread", "did you mean threads?"),
        ("shuttle-pct", "use one of exhaustive, threads, loom"),
    ] {
        let replayed = crosscheck(&["replay", token, "--engine", engine]);
        assert_eq!(code(&replayed), 2, "{}", out(&replayed));
        assert!(err(&replayed).contains(says), "{}", err(&replayed));
    }
}

#[test]
fn a_mode_stands_in_the_row_and_in_what_it_says() {
    for (mode, says, word) in [
        (
            "traces",
            "all traces, in 96 executions, one a trace",
            "traces",
        ),
        ("source", "all traces, in 96 executions", "traces"),
        ("states", "all states, in ", "states"),
    ] {
        let (code, report) = json(&[
            "verify",
            "philosophers/room",
            "--set",
            "n=3",
            "--mode",
            mode,
            "--format",
            "json",
        ]);
        assert_eq!(code, 0, "{mode}");
        assert_eq!(report["schema"], 1);
        let rows = report["rows"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|row| row["property"] == "deadlock-freedom")
            .expect("the engine with modes has a row");
        assert_eq!(row["engine"], "exhaustive");
        let shown = row["instance"]["mode"].as_str();
        assert_eq!(shown, Some(mode));
        let reason = row["reason"].as_str().expect("a reason");
        assert!(reason.starts_with(says), "{mode}: {reason}");
        assert!(
            row["semantics"]
                .as_array()
                .is_some_and(|words| words.iter().any(|it| it == word)),
            "{mode}: {}",
            row["semantics"]
        );
    }
}

#[test]
fn what_a_mode_refutes_is_explained_with_the_command_that_is_printed() {
    let text = out(&crosscheck(&[
        "verify",
        "philosophers/naive",
        "--mode",
        "states",
    ]));
    let command = "explain philosophers/naive --mode states";
    assert!(text.contains(command), "{text}");
    let explained = crosscheck(&command.split(' ').collect::<Vec<_>>());
    assert_eq!(code(&explained), 0, "{}", err(&explained));
    assert!(out(&explained).contains("refuted by exhaustive"));
}

#[test]
fn explain_of_what_holds_says_so() {
    let output = crosscheck(&["explain", "critical-section/mutex"]);
    assert_eq!(code(&output), 0);
    assert!(
        out(&output).contains("no counterexample"),
        "{}",
        out(&output)
    );
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["verify", "--help"]] {
        let output = crosscheck(arguments);
        assert_eq!((code(&output), err(&output).as_str()), (0, ""));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), err(&output).as_str()), (0, ""));
}

/// Ctrl-C: what had finished is printed, nothing is said of the rest.
#[cfg(unix)]
#[test]
fn an_interrupt_prints_what_was_finished() {
    let child = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        // The first row ends at once; the second would take far longer than the test.
        .args([
            "verify",
            "philosophers/room",
            "--engine",
            "shuttle-pct",
            "--engine",
            "shuttle-dfs",
        ])
        .args([
            "--set", "n=5", "--budget", "1h", "--jobs", "1", "--format", "json",
        ])
        .args(["--bound", "schedules=10"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // The worker of the second row is the sign that the first has ended.
    wait_for_second_row(child.id());
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 130, "{}", err(&output));
    assert!(err(&output).contains("interrupted"));
    let report: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    for row in report["rows"].as_array().expect("rows") {
        assert_eq!(
            row["engine"], "shuttle-pct",
            "nothing is said of what had not finished"
        );
    }
}

/// Waits until the process's worker has used more than a little processor time.
#[cfg(unix)]
fn wait_for_second_row(parent: u32) {
    for _ in 0..10_000 {
        let stat = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let children = Path::new("/proc")
            .read_dir()
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|pid| stat(&pid))
            .filter_map(|stat| {
                let fields: Vec<String> = stat
                    .rsplit_once(')')?
                    .1
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect();
                (fields.get(1)? == &parent.to_string())
                    .then(|| fields.get(11)?.parse::<u64>().ok())?
            });
        if children.into_iter().any(|ticks| ticks > 20) {
            return;
        }
        std::thread::yield_now();
    }
}

/// A worker answers what it is asked and refuses what it cannot read.
#[test]
fn a_worker_that_is_asked_nonsense_says_so() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("its input is piped");
    writeln!(input, "nonsense").expect("it reads");
    drop(input);
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let said: Vec<String> = lines
        .map_while(Result::ok)
        .filter(|line| !line.is_empty())
        .collect();
    // It says that it is ready, and then nothing that could be taken for an answer.
    assert_eq!(said, ["\u{1}crosscheck-ready"]);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("cannot be read"), "{}", err(&output));
}
