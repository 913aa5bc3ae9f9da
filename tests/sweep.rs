//! Sweeps: known frontiers come out, with the rule that is known of them.

use std::process::{Command, Output};

use serde_json::Value;

fn sweep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .arg("sweep")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let output = sweep(&[arguments, &["--format", "json"]].concat());
    let code = output.status.code().expect("it ended by itself");
    let told = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout);
    (code, value.unwrap_or_else(|_| panic!("no JSON: {told}")))
}

#[test]
fn a_monitor_starves_from_four_philosophers_on() {
    let (code, found) = json(&[
        "philosophers/monitor",
        "--over",
        "n=2..4",
        "--property",
        "starvation-freedom",
    ]);
    assert_eq!(code, 0);
    assert_eq!(found["rule"], "n >= 4");
    assert_eq!(found["undecided"], 0);
    let words: Vec<&str> = found["points"]
        .as_array()
        .expect("there are points")
        .iter()
        .map(|point| point["verdict"].as_str().expect("a word"))
        .collect();
    assert_eq!(words, ["proved", "proved", "refuted"]);
    assert_eq!(found["flips"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["flips"][0]["from"]["n"], 3);
    assert_eq!(found["flips"][0]["to"], 4);
}

#[test]
fn without_a_mutex_two_producers_meet_where_there_are_two_slots() {
    let (code, found) = json(&[
        "bounded-buffer/no-mutex",
        "--over",
        "producers=1..3",
        "--over",
        "capacity=1..3",
    ]);
    assert_eq!(code, 0);
    assert_eq!(found["rule"], "producers >= 2 and capacity >= 2");
    assert_eq!(found["points"].as_array().map(Vec::len), Some(9));
}

#[test]
fn a_semaphore_that_lets_others_pass_is_a_word_of_the_rule() {
    let (code, found) = json(&[
        "critical-section/mutex",
        "--over",
        "semaphore=strong,weak",
        "--over",
        "n=2..3",
        "--property",
        "starvation-freedom",
    ]);
    assert_eq!(code, 0);
    assert_eq!(found["rule"], "semaphore = weak");
}

#[test]
fn what_is_cut_is_searched_by_states_and_else_not_decided() {
    let room = ["philosophers/room", "--over", "n=2..3", "--set", "meals=2"];
    let bound = ["--bound", "executions=1000"];
    let (code, found) = json(&[&room[..], &bound].concat());
    assert_eq!(code, 0);
    assert_eq!(found["rule"], "never");
    assert_eq!(found["points"][1]["mode"], "states");
    let (code, found) = json(&[&room[..], &["--bound", "executions=10"]].concat());
    assert_eq!(code, 3);
    assert_eq!(found["points"][1]["verdict"], "bounded");
    assert!(found["undecided"].as_u64().expect("a number") >= 1);
}

#[test]
fn grids_and_lists_are_readable() {
    let output = sweep(&["bounded-buffer/mutex-first", "--over", "capacity=1..3"]);
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(list.contains("rule: always fails"), "{list}");
    let output = sweep(&[
        "bounded-buffer/no-mutex",
        "--over",
        "producers=1..2",
        "--over",
        "capacity=1..2",
    ]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            "bounded-buffer/no-mutex consumers=1 items=1 mode=traces over producers=1..2, capacity=1..2, by exhaustive",
            "",
            "               capacity=1  capacity=2",
            "  producers=1  proved 1    proved 1",
            "  producers=2  proved 2    refuted 1",
            "",
            "refuted: data-race-freedom",
            "begins to fail from producers=1 to producers=2, in 1 place",
            "begins to fail from capacity=1 to capacity=2, in 1 place",
            "rule: fails where producers + capacity >= 4, the simplest that fits all 4 decided instances",
        ]
    );
}

#[test]
fn wrong_ranges_are_usage_errors() {
    for (arguments, says) in [
        (&["philosophers/naive"][..], "--over"),
        (&["philosophers", "--over", "n=2..3"], "name one variant"),
        (
            &["philosophers/naive", "--over", "m=2..3"],
            "there is no parameter `m`",
        ),
        (
            &["philosophers/naive", "--over", "meal=1..2"],
            "did you mean meals",
        ),
        (&["philosophers/naive", "--over", "n=2..99"], "2..=64"),
        (&["philosophers/naive", "--over", "n=5..2"], "smaller end"),
        (&["philosophers/naive", "--over", "n"], "NAME=FROM..TO"),
        (
            &["philosophers/naive", "--over", "n=2", "--over", "n=3"],
            "twice",
        ),
        (
            &["philosophers/naive", "--over", "n=2", "--set", "n=3"],
            "set and swept",
        ),
        (
            &[
                "philosophers/naive",
                "--over",
                "n=2..60",
                "--over",
                "meals=1..900",
            ],
            "10000",
        ),
        (
            &[
                "philosophers/naive",
                "--over",
                "n=2",
                "--engine",
                "loom",
                "--engine",
                "threads",
            ],
            "one engine",
        ),
    ] {
        let output = sweep(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}
