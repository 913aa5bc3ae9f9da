//! No worker outlives what has started it.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;

use crosscheck::engines::{EngineId, Limits};
use libtest_mimic::Trial;
use serde_json::json;

use super::program::{own, start};

/// How often a process is looked at before it counts as one that stays.
const LOOKS: u32 = 1_000_000;

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 2] = [
        (
            "a_worker_ends_with_its_parent",
            a_worker_ends_with_its_parent,
        ),
        ("a_worker_ends_with_its_input", a_worker_ends_with_its_input),
    ];
    tests
        .into_iter()
        .map(|(name, test)| {
            Trial::test(format!("processes::{name}"), move || {
                test();
                Ok(())
            })
        })
        .collect()
}

/// The row that runs for days, at full speed.
const ENDLESS: [&str; 9] = [
    "verify",
    "ticket/locked",
    "--engine",
    "shuttle-dfs",
    "--set",
    "buyers=6",
    "--set",
    "tickets=6",
    "--budget=100h",
];

/// State, parent and ticks of processor time of a process that runs.
fn stat(id: u32) -> Option<(String, u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((
        fields.first()?.to_string(),
        fields.get(1)?.parse().ok()?,
        fields.get(11)?.parse().ok()?,
    ))
}

/// Returns whether a process runs; one that nobody has waited for yet does not.
fn runs(id: u32) -> bool {
    stat(id).is_some_and(|(state, ..)| state != "Z" && state != "X")
}

fn children(parent: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").expect("there is /proc").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(*id).is_some_and(|(_, of, _)| of == parent))
        .collect()
}

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        thread::yield_now();
    }
    panic!("never: {what}");
}

/// The worker of a process, as soon as it searches.
pub(crate) fn searching(parent: &Child) -> u32 {
    let mut worker = 0;
    wait_until("a worker searches", || {
        assert!(runs(parent.id()), "it ended before anybody saw it search");
        let found = children(parent.id())
            .into_iter()
            .find(|id| stat(*id).is_some_and(|(.., ticks)| ticks >= 5));
        worker = found.unwrap_or(worker);
        found.is_some()
    });
    worker
}

/// Whoever is killed leaves nothing behind that runs on.
fn a_worker_ends_with_its_parent() {
    let mut parent = start(&ENDLESS);
    let worker = searching(&parent);
    assert!(runs(worker));
    // SIGKILL, which it cannot answer.
    parent.kill().expect("it can be killed");
    parent.wait().expect("it has ended");
    wait_until("the worker ends", || !runs(worker));
}

/// Where no system ends a worker with its parent, the end of its input does.
fn a_worker_ends_with_its_input() {
    let limits = Limits {
        executions: None,
        ..Limits::QUICK
    };
    let request = json!({
        "scenario": "ticket/locked",
        "instance": {"buyers": "6", "tickets": "6"},
        "switches": {},
        "engine": EngineId::ShuttleDfs,
        "asks": null,
        "limits": limits,
    });
    let mut command: Command = own(&["worker"]);
    let mut worker = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut input = worker.stdin.take().expect("its input is piped");
    writeln!(input, "{request}").expect("it reads");
    wait_until("it searches", || {
        stat(worker.id()).is_some_and(|(.., ticks)| ticks >= 5)
    });
    assert!(runs(worker.id()));
    drop(input);
    wait_until("it ends", || !runs(worker.id()));
    let status = worker.wait().expect("it has ended");
    assert_eq!(status.code(), Some(1), "by itself");
}
