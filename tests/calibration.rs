//! What `crosscheck calibrate` prints is what was reviewed: no engine of ours is wrong, and loom and
//! shuttle miss what they are known to miss.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crosscheck::engines::EngineId;
use crosscheck::engines::calibration::{Answer, Judgement, Probe, Who, changes, mistakes, peers};

/// The command as the README shows it; it takes seconds, so that it is run here only.
#[test]
fn the_table_is_the_one_that_was_reviewed() {
    let output = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .arg("calibrate")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(
        said, "",
        "nobody's answer has changed, and none of ours is wrong"
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let rows = text.lines().skip_while(|line| !line.starts_with("probe "));
    let mut ids = BTreeSet::new();
    for row in rows.take_while(|line| !line.is_empty()).skip(1) {
        let mut cells = row
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        assert!(ids.insert(cells.next()), "twice: {row}");
        let answers: Vec<&str> = cells.collect();
        assert_eq!(answers.len(), Who::ALL.len(), "{row}");
        assert!(!answers.contains(&"-"), "somebody is not asked: {row}");
    }
    assert!(ids.len() > 20, "{} probes", ids.len());
    for line in text.lines() {
        assert!(line.chars().count() <= 120, "too wide: {line}");
    }
    insta::assert_snapshot!("calibration", text);
}

/// A version that is told is the one that runs, not one that was written down; and what runs here
/// has been calibrated.
#[test]
fn the_versions_that_are_told_are_those_that_were_built() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(path).expect("the file is there");
    for peer in peers() {
        let package = peer.package;
        let version = peer.version.expect("it comes from the registry");
        let entry = format!("name = \"{package}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "Cargo.lock has another {peer}");
        assert!(peer.is_calibrated(), "nobody has asked {peer}");
    }
    for (engine, peer) in [
        (EngineId::Loom, peers()[0]),
        (EngineId::ShuttlePct, peers()[1]),
    ] {
        let summary = engine.summary();
        assert!(summary.starts_with(&peer.to_string()), "{summary}");
    }
}

fn probe(who: Who, judgement: Judgement) -> Probe {
    let answer = Answer {
        who,
        word: "proved".to_owned(),
        says: "proved (sc): all 2 executions".to_owned(),
        judgement,
        pinned: Some("proved (sc): all 3 executions"),
    };
    Probe {
        id: "id",
        story: "s",
        truth: "t",
        semantics: "-".to_owned(),
        answers: vec![answer],
        telling: None,
    }
}

#[test]
fn a_mistake_is_a_wrong_answer_of_an_engine_of_ours() {
    let loom = Who::Engine(EngineId::Loom);
    assert_eq!(mistakes(&[probe(loom, Judgement::Wrong)]).len(), 1);
    for judgement in [Judgement::Right, Judgement::Elsewhere, Judgement::Undecided] {
        assert!(mistakes(&[probe(loom, judgement)]).is_empty());
    }
    assert!(mistakes(&[probe(Who::RawLoom, Judgement::Wrong)]).is_empty());
}

#[test]
fn a_change_is_an_answer_other_than_pinned() {
    let changed = probe(Who::RawShuttle, Judgement::Right);
    assert_eq!(changes(std::slice::from_ref(&changed)).len(), 1);
    let mut same = changed;
    same.answers[0].pinned = Some("proved (sc): all 2 executions");
    assert!(changes(&[same]).is_empty());
}
