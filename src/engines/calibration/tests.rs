//! The calibration itself, as a test: run once, looked at from several sides.

use std::sync::LazyLock;

use super::*;
use crate::engines::EngineId;

static PROBES: LazyLock<Vec<Probe>> = LazyLock::new(calibrate);

#[test]
fn no_engine_of_ours_is_ever_wrong() {
    assert_eq!(mistakes(&PROBES), [""; 0]);
}

#[test]
fn raw_loom_and_raw_shuttle_say_what_is_pinned() {
    assert_eq!(changes(&PROBES), [""; 0]);
}

#[test]
fn the_table_is_the_one_that_was_reviewed() {
    let table = render(&PROBES);
    for line in table.lines() {
        assert!(line.chars().count() <= 120, "too wide: {line}");
    }
    insta::assert_snapshot!("calibration", table);
}

#[test]
fn everybody_is_asked_every_probe_and_no_id_is_used_twice() {
    let mut ids: Vec<&str> = PROBES.iter().map(|probe| probe.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), PROBES.len());
    for probe in PROBES.iter() {
        let asked: Vec<Who> = probe.answers.iter().map(|answer| answer.who).collect();
        assert_eq!(asked, Who::ALL, "{}", probe.id);
    }
}

#[test]
fn what_was_calibrated_is_what_is_locked() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    let lock = std::fs::read_to_string(path).unwrap();
    for (package, version) in VERSIONS {
        let entry = format!("name = \"{package}\"\nversion = \"{version}\"\n");
        assert!(
            lock.contains(&entry),
            "Cargo.lock has another {package} than {version}"
        );
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
