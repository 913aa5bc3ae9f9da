//! A search that is kept in a file and gone on with ends as one that was never interrupted.

use std::fs;
use std::path::Path;

use crosscheck::engines::limits::{Kept, SearchMode};
use crosscheck::engines::{GaveUp, Limits, Row, Verdict, Word};
use proptest::prelude::*;
use proptest::sample::select;

use super::rows::rows;

type Settings = &'static [(&'static str, &'static str)];

/// Small programs of every kind: plain locks, semaphores, condition variables, watched memory.
const PROGRAMS: [(&str, Settings); 5] = [
    (
        "philosophers/odd-even",
        &[("n", "4"), ("meals", "2"), ("lock", "facade")],
    ),
    ("philosophers/room", &[("n", "3"), ("meals", "1")]),
    ("semaphore/queued", &[("n", "3")]),
    ("bounded-buffer/ring", &[("items", "5")]),
    (
        "bounded-buffer/two-mutex",
        &[("producers", "2"), ("consumers", "2")],
    ),
];

fn run(
    program: (&str, Settings),
    mode: SearchMode,
    most: Option<u64>,
    kept: Option<(&Path, bool)>,
) -> Row {
    let limits = Limits {
        mode,
        exhaustive_executions: most,
        kept: kept.map(|(path, resume)| Kept {
            path: path.to_owned(),
            resume,
        }),
        ..Limits::PROOF
    };
    rows(program.0, program.1, &limits).remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_ends_as_one_that_was_never_interrupted(
        program in select(&PROGRAMS[..]),
        mode in select(vec![SearchMode::Traces, SearchMode::States]),
        cuts in prop::collection::vec(1u64..200, 1..4),
    ) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("search");
        let whole = run(program, mode, None, None);
        // Bounded where the search has a gap that is known.
        let word = whole.verdict.word();
        prop_assert!(matches!(word, Word::Proved | Word::Bounded));
        let mut most = 0;
        let mut row = None;
        for (number, cut) in cuts.into_iter().enumerate() {
            most += cut;
            if most >= whole.executions {
                break;
            }
            let part = run(program, mode, Some(most), Some((&path, number > 0)));
            prop_assert_eq!(part.verdict.word(), Word::Bounded, "{}", part.verdict.reason());
            prop_assert_eq!(part.executions, most);
            row = Some(part);
        }
        let last = run(program, mode, None, Some((&path, row.is_some())));
        prop_assert_eq!(last.verdict.word(), word, "{}", last.verdict.reason());
        prop_assert_eq!(last.executions, whole.executions);
    }
}

fn why(row: &Row) -> String {
    match &row.verdict {
        Verdict::GaveUp(GaveUp::Checkpoint { why }) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("search");
    let again = |program| run(program, SearchMode::Traces, None, Some((&path, true)));
    let [first, other, ..] = PROGRAMS;

    assert!(why(&again(first)).starts_with("cannot read the checkpoint"));

    let part = run(first, SearchMode::Traces, Some(3), Some((&path, false)));
    assert_eq!(part.verdict.word(), Word::Bounded);
    assert!(why(&again(other)).contains("the checkpoint is of philosophers/odd-even"));
    let states = run(first, SearchMode::States, None, Some((&path, true)));
    assert!(why(&states).contains("the checkpoint is of"));

    let whole = fs::read(&path).expect("it was written");
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..10],
        b"",
        b"something else",
    ] {
        fs::write(&path, damaged).expect("it can be written");
        assert!(why(&again(first)).contains("damaged"));
        assert_eq!(fs::read(&path).expect("it is there"), damaged, "left alone");
    }
    fs::write(&path, whole).expect("it can be written");
    assert_eq!(again(first).verdict.word(), Word::Proved);
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    let path = Path::new("/proc/no such folder/search");
    let row = run(
        PROGRAMS[0],
        SearchMode::Traces,
        Some(3),
        Some((path, false)),
    );
    assert!(why(&row).starts_with("cannot write the checkpoint"));
}
