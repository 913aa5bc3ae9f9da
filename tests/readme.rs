//! The README is for a stranger: every command in it runs, and what it shows is what comes out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Commands that run at the same time.
const RUNNING: usize = 3;

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
    let commands: Vec<String> = commands()
        .into_iter()
        .filter(|command| command.starts_with("crosscheck "))
        // `calibration` runs it and looks at what it says.
        .filter(|command| command != "crosscheck calibrate")
        .collect();
    let count = commands.len();
    assert!(count >= 6, "the README shows {count} crosscheck commands");
    let run = |command: &String| {
        let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
            .args(command.split_whitespace().skip(1))
            .output()
            .expect("the binary runs");
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 1 | 3)),
            "`{command}` ended with {code:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.stdout.is_empty(), "`{command}` says nothing");
    };
    // Some take long, on one core.
    thread::scope(|scope| {
        for part in commands.chunks(count.div_ceil(RUNNING)) {
            scope.spawn(move || part.iter().for_each(run));
        }
    });
}

/// What `explain` prints stands in the README; the token, which holds all of it, is left out there.
#[test]
fn the_counterexample_is_the_one_that_comes_out() {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(["explain", "philosophers/naive"])
        .output()
        .expect("the binary runs");
    let printed = String::from_utf8(output.stdout).expect("a counterexample is text");
    let (shown, token) = printed
        .trim_end()
        .split_once("cc2.")
        .expect("a token ends it");
    assert!(!token.contains(char::is_whitespace), "{token}");
    let readme = read("README.md");
    assert!(
        readme.contains(&format!("```text\n{shown}cc2.…\n```")),
        "the README does not show this:\n{shown}"
    );
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

/// The README's tables are those that `crosscheck list --format markdown` prints. With
/// `INSTA_UPDATE=always` in the environment they are written into it, as snapshots are.
#[test]
fn the_tables_are_those_of_the_registry() {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args(["list", "--format", "markdown"])
        .output()
        .expect("the binary runs");
    let printed = String::from_utf8(output.stdout).expect("the tables are text");
    let old = read("README.md");
    let mut new = old.clone();
    let mut tables = 0;
    for table in printed.split_inclusive("<!-- end -->\n") {
        tables += 1;
        let first = table.lines().next().expect("a table has lines");
        let start = new
            .find(first)
            .unwrap_or_else(|| panic!("the README has no place for {first}"));
        let end = new[start..].find("<!-- end -->\n").expect("tables end") + start;
        new.replace_range(start..end + "<!-- end -->\n".len(), table);
    }
    assert!(tables >= 4, "only {tables} tables were printed");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        fs::write(path, new).expect("the README can be written");
        return;
    }
    let differs = old.lines().zip(new.lines()).find(|(old, new)| old != new);
    assert!(
        old == new,
        "the README's tables are not those of the registry, first here: {differs:?}\n\
         INSTA_UPDATE=always cargo test --test tests readme writes them"
    );
}
