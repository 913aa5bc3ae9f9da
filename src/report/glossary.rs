//! What the words of reports mean: those of verdicts, and those of what verdicts rest on.

use crate::engines::Word;

/// The five words, each in one line.
pub(super) const WORDS: [(Word, &str); 5] = [
    (
        Word::Proved,
        "the search completed, in as many executions as the number says; or one shows reachability",
    ),
    (
        Word::Bounded,
        "complete up to a bound or a known gap of the engine, which is named",
    ),
    (
        Word::Sampled,
        "nothing failed in the schedules that were tried, which proves nothing",
    ),
    (
        Word::Refuted,
        "a property fails, and an execution shows it; the search ended there",
    ),
    (
        Word::GaveUp,
        "the engine cannot decide it, for the reason named",
    ),
];

/// What verdicts rest on, in the order in which reports tell it.
const SEMANTICS: [(&str, &str); 15] = [
    (
        "sc",
        "sequential consistency: all threads see all steps in one order",
    ),
    ("c11", "the C11 memory model as loom has it"),
    (
        "traces",
        "one execution stands for all that differ from it in the order of independent steps only",
    ),
    (
        "states",
        "a state whose 128-bit digest is known is not searched again; the number counts executions",
    ),
    (
        "audited",
        "a sample of the executions was run again, with silent steps in other orders, and came out alike",
    ),
    (
        "fifo-semaphore",
        "a semaphore serves its waiters in the order of their requests",
    ),
    (
        "weak-semaphore",
        "whoever comes when a semaphore's unit is free takes it",
    ),
    (
        "strict-swait",
        "a semaphore set serves the head of its queue only",
    ),
    (
        "scan-swait",
        "a semaphore set serves the first in its queue whose request can be met",
    ),
    (
        "weak-swait",
        "a semaphore set serves anyone whose request can be met",
    ),
    (
        "notify-any",
        "a notification wakes any one thread that waits",
    ),
    (
        "notify-fifo",
        "a notification wakes the thread that has waited longest",
    ),
    (
        "spurious-wakeups",
        "a wait may end by itself, once a thread",
    ),
    ("no-spurious-wakeups", "a wait ends by a notification only"),
    (
        UNCALIBRATED,
        "`crosscheck calibrate` has not been run with this version, so what it misses is not known",
    ),
];

/// How the word of a version begins with which nobody has asked the probes.
const UNCALIBRATED: &str = "uncalibrated";

/// What one of the words means on which verdicts rest; nothing for another.
pub(super) fn meaning(word: &str) -> &'static str {
    SEMANTICS
        .get(place(word))
        .map_or("", |(_, meaning)| meaning)
}

/// Where such a word stands in the list of a report.
pub(super) fn place(word: &str) -> usize {
    let is =
        |known: &str| known == word || (known == UNCALIBRATED && word.starts_with(UNCALIBRATED));
    let at = SEMANTICS.iter().position(|(known, _)| is(known));
    at.unwrap_or(SEMANTICS.len())
}
