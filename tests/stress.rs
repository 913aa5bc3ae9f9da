//! `verification/stress.sh`: it counts what fails, says where to look, and leaves nothing running.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/verification/stress.sh");

/// Runs the script on a program that is a script itself.
fn stress(folder: &Path, program: &str, counts: [&str; 3]) -> Output {
    let binary = folder.join("program");
    fs::write(&binary, program).expect("it can be written");
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("it can be executed");
    Command::new(SCRIPT)
        .arg(&binary)
        .args(counts)
        .current_dir(folder)
        .env("TMPDIR", folder)
        .output()
        .expect("the script runs")
}

#[test]
fn runs_that_fail_are_counted_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Every third run fails.
    let program = "#!/bin/sh\necho \"$@\" >> ran\n[ $(($(wc -l < ran) % 3)) -ne 0 ]\n";
    let output = stress(folder.path(), program, ["2", "1", "8"]);
    let text = String::from_utf8(output.stdout).expect("it prints text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("whole table: 2 runs, 0 failed"), "{text}");
    let last = text.lines().last().expect("a last line");
    assert!(last.starts_with("10 runs, 3 failed; "), "{text}");
    let kept = last.rsplit(' ').next().expect("a folder");
    assert_eq!(fs::read_dir(kept).expect("it is there").count(), 3);
    let ran = fs::read_to_string(folder.path().join("ran")).expect("it ran");
    let ran: Vec<&str> = ran.lines().collect();
    assert_eq!(ran[..2], ["verify", "verify"]);
    assert!(ran[2..].iter().all(|run| run.contains("--engine threads")));
}

#[test]
fn where_nothing_fails_it_says_so_and_ends_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = stress(folder.path(), "#!/bin/sh\n", ["1", "0", "4"]);
    let text = String::from_utf8(output.stdout).expect("it prints text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("\n5 runs, 0 failed\n"), "{text}");
    let unknown = Command::new(SCRIPT).output().expect("the script runs");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("verification/stress.sh BINARY"));
}
