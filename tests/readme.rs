//! The README is for a stranger: every command in it runs, and what it shows is what comes out.

use std::fs;
use std::path::Path;
use std::process::Command;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("the file is there")
}

/// The lines of the README's shell blocks.
fn commands() -> Vec<String> {
    let text = read("README.md");
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let command = line
                .split_once(" #")
                .map_or(line, |(command, _)| command)
                .trim();
            if !command.is_empty() {
                commands.push(command.to_owned());
            }
        }
    }
    commands
}

#[test]
fn every_crosscheck_command_runs() {
    let mut ran = 0;
    for command in commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let Some(("crosscheck", arguments)) = words.split_first().map(|(f, r)| (*f, r)) else {
            continue;
        };
        let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
            .args(arguments)
            .output()
            .expect("the binary runs");
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 1 | 3)),
            "`{command}` ended with {code:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.stdout.is_empty(), "`{command}` says nothing");
        ran += 1;
    }
    assert!(ran >= 6, "the README shows {ran} crosscheck commands only");
}

#[test]
fn every_cargo_command_is_one_that_the_gate_runs() {
    let gate = read(".ci/run");
    let mut seen = 0;
    for command in commands() {
        let cargo = command.starts_with("cargo ") || command.starts_with("RUSTFLAGS=");
        if cargo {
            seen += 1;
            let wanted = command.replace("RUSTFLAGS=", "env RUSTFLAGS=");
            assert!(
                gate.lines()
                    .any(|line| line.starts_with(&format!("step {wanted}"))),
                "the gate does not run `{command}`"
            );
        }
    }
    assert!(seen >= 3, "the README shows {seen} cargo commands only");
}

/// The README's tables of what is proved are made from the claims.
#[test]
fn the_tables_of_what_is_proved_are_the_table_of_claims() {
    /// The rows of engine `exhaustive` that the README shows have so many executions or more.
    const LARGE: u64 = 1_000;
    /// Properties of infinite executions, which have a table of their own.
    const ENDLESS: [&str; 3] = ["livelock-freedom", "starvation-freedom", "bounded-bypass"];
    let text = read("README.md");
    for line in read("verification/claims.txt").lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        if let [
            mode,
            scenario,
            engine,
            instance,
            asks,
            verdict,
            executions,
            ..,
        ] = columns[..]
        {
            if ENDLESS.contains(&asks) {
                let word = verdict.split(':').next().unwrap_or_default();
                let row = format!(
                    "| {scenario} | {} | {asks} | {word} |",
                    instance.replace(',', ", ")
                );
                assert!(text.contains(&row), "the README lacks the row: {row}");
                continue;
            }
            if verdict != "proved" {
                continue;
            }
            let count: u64 = executions.parse().expect("a proved row has its count");
            let shown = match engine {
                "loom" => mode == "proof",
                "exhaustive" => count >= LARGE,
                _ => false,
            };
            if !shown {
                continue;
            }
            let row = format!(
                "| {scenario} | {} | {executions} |",
                instance.replace(',', ", ")
            );
            assert!(text.contains(&row), "the README lacks the row: {row}");
        }
    }
}
