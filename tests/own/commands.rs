//! Every command and format, for problems that are not of the catalogue.

use libtest_mimic::Trial;
use serde_json::Value;

use super::program::{code, err, json, out, run};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 11] = [
        (
            "every_format_of_verify_has_every_row",
            every_format_of_verify_has_every_row,
        ),
        (
            "the_exit_code_and_the_summary_claim_nothing",
            the_exit_code_and_the_summary_claim_nothing,
        ),
        (
            "deep_rows_are_searched_to_their_end",
            deep_rows_are_searched_to_their_end,
        ),
        (
            "what_is_printed_to_be_typed_can_be_typed",
            what_is_printed_to_be_typed_can_be_typed,
        ),
        (
            "explain_and_replay_tell_every_step",
            explain_and_replay_tell_every_step,
        ),
        (
            "compare_sets_the_variants_side_by_side",
            compare_sets_the_variants_side_by_side,
        ),
        ("sweep_finds_the_rule", sweep_finds_the_rule),
        ("mutants_are_judged", mutants_are_judged),
        ("list_names_them", list_names_them),
        (
            "what_only_the_catalogue_has_is_refused",
            what_only_the_catalogue_has_is_refused,
        ),
        (
            "unknown_names_are_answered_with_the_nearest",
            unknown_names_are_answered_with_the_nearest,
        ),
    ];
    tests
        .into_iter()
        .map(|(name, test)| {
            Trial::test(format!("commands::{name}"), move || {
                test();
                Ok(())
            })
        })
        .collect()
}

fn every_format_of_verify_has_every_row() {
    for format in ["text", "json", "markdown", "html", "junit"] {
        let output = run(&["verify", "--engine", "exhaustive", "--format", format]);
        assert_eq!(code(&output), 1, "{format}: {}", err(&output));
        for variant in ["locked", "forgotten", "nearest-first"] {
            assert!(out(&output).contains(variant), "{format} lacks {variant}");
        }
        assert!(!out(&output).contains("crosscheck explain"), "{format}");
        assert!(!out(&output).contains("crosscheck replay"), "{format}");
    }
}

/// Rows of which nothing is claimed meet no claim.
fn the_exit_code_and_the_summary_claim_nothing() {
    for (arguments, exit, says) in [
        (
            &["verify", "ticket/locked", "--engine", "exhaustive"][..],
            0,
            "; every row is proved, and nothing is claimed of them\n",
        ),
        (
            &["verify", "--engine", "exhaustive"],
            1,
            "; a row is refuted, and nothing is claimed of these rows\n",
        ),
        (
            &["verify", "ticket/locked", "--engine", "shuttle-random"],
            3,
            "; a row is not decided, and nothing is claimed of these rows\n",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), exit, "{arguments:?}: {}", err(&output));
        assert!(out(&output).ends_with(says), "{}", out(&output));
        let output = run(&[arguments, &["--format", "json"]].concat());
        let report = json(&output);
        assert_eq!(report["summary"]["exit"], exit);
        assert_eq!(report["summary"]["complete"], true);
        for row in report["rows"].as_array().expect("rows") {
            assert_eq!(row["claim"], Value::Null);
        }
    }
}

fn deep_rows_are_searched_to_their_end() {
    let rows = [
        "verify",
        "ticket/locked",
        "--engine",
        "exhaustive",
        "--deep",
    ];
    let output = run(&[&rows[..], &["--format", "json"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    for row in json(&output)["rows"].as_array().expect("rows") {
        assert_eq!(
            (&row["verdict"], &row["executions"]),
            (&"proved".into(), &2.into())
        );
    }
}

/// The arguments of every command in a text that begins with this program.
fn commands(text: &str) -> Vec<Vec<String>> {
    let program = std::env::current_exe().expect("this executable knows where it is");
    let program = program.to_str().expect("its path is text").to_owned();
    text.lines()
        .filter_map(|line| line.split_once(&program))
        .map(|(_, arguments)| arguments.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// A suggested command names a program that knows what it is about.
fn what_is_printed_to_be_typed_can_be_typed() {
    let report = run(&["verify", "--engine", "exhaustive", "--set", "buyers=3"]);
    let suggested = commands(&out(&report));
    assert_eq!(
        suggested,
        [["explain", "ticket/forgotten", "--set", "buyers=3"]]
    );
    for command in suggested {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let explained = run(&command);
        assert_eq!(code(&explained), 0, "{}", err(&explained));
        let again = commands(&out(&explained));
        let [replay] = &again[..] else {
            panic!("one command: {}", out(&explained))
        };
        let replay: Vec<&str> = replay.iter().map(String::as_str).collect();
        assert_eq!(replay[0], "replay");
        let replayed = run(&replay);
        assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), err(&replayed));
    }
}

fn explain_and_replay_tell_every_step() {
    let explained = out(&run(&[
        "explain",
        "ticket/forgotten",
        "--engine",
        "exhaustive",
    ]));
    let steps = [
        "load next = 0",
        "store next = 1",
        "examples/own_problems.rs:",
    ];
    for step in steps {
        assert!(explained.contains(step), "{explained}");
    }
    let [replay] = &commands(&explained)[..] else {
        panic!("one command: {explained}")
    };
    for engine in ["threads", "exhaustive"] {
        let replayed = run(&["replay", &replay[1], "--engine", engine]);
        assert_eq!(code(&replayed), 0, "{}", err(&replayed));
        let text = out(&replayed);
        for step in steps {
            assert!(text.contains(step), "{text}");
        }
        assert!(
            text.contains(&format!("Replayed on {engine}: the same failure")),
            "{text}"
        );
    }
}

fn compare_sets_the_variants_side_by_side() {
    for format in ["text", "markdown", "json"] {
        let output = run(&["compare", "ticket", "--format", format]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        let text = out(&output);
        assert!(
            text.contains("ticket") && text.contains("invariant"),
            "{text}"
        );
    }
}

fn sweep_finds_the_rule() {
    let sweep = ["sweep", "ticket/forgotten", "--over", "buyers=1..3"];
    let output = run(&sweep);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        out(&output).contains("rule: fails where buyers >= 2"),
        "{}",
        out(&output)
    );
    let output = run(&[&sweep[..], &["--format", "json"]].concat());
    assert_eq!(json(&output)["scenario"], "ticket/forgotten");
}

fn mutants_are_judged() {
    let output = run(&["mutants", "ticket/locked"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("drop lock(lock)"), "{}", out(&output));
    let output = run(&["mutants", "ticket", "--format", "json"]);
    assert_eq!(
        code(&output),
        0,
        "the wrong variant is left out: {}",
        err(&output)
    );
    assert!(json(&output).to_string().contains("ticket/locked"));
}

fn list_names_them() {
    let list = json(&run(&["list", "--format", "json"]));
    let ids: Vec<&Value> = list["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| &problem["id"])
        .collect();
    assert_eq!(ids, ["ticket", "stamps"]);
    for format in ["text", "markdown"] {
        let list = out(&run(&["list", "--format", format]));
        assert!(list.contains("nearest-first"), "{list}");
        assert!(!list.contains("philosophers"), "{list}");
    }
}

fn what_only_the_catalogue_has_is_refused() {
    for (arguments, says) in [
        (&["verify", "--format", "claims"][..], "table of claims"),
        (&["hello", "get", "localhost"], "unrecognized subcommand"),
        (
            &["verify", "philosophers"],
            "there is no problem `philosophers`",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(says), "{}", err(&output));
    }
}

fn unknown_names_are_answered_with_the_nearest() {
    for (arguments, near) in [
        (&["verify", "tickets"][..], "ticket"),
        (&["explain", "ticket/lock"], "ticket/locked"),
        (&["verify", "ticket", "--set", "buyer=2"], "buyers"),
        (
            &["explain", "ticket"],
            "name one variant: ticket/locked, ticket/forgotten",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(near), "{}", err(&output));
    }
}
