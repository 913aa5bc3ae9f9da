//! The README's table of the engines side by side: its counts are those that come out.

use crosscheck::engines::EngineId;
use crosscheck::engines::limits::SearchMode;

#[expect(
    dead_code,
    reason = "only what it runs is wanted here, not what it prints"
)]
#[path = "../examples/compare.rs"]
mod example;

/// Searches of more executions are left to their closed form, or to proof mode.
const MOST: u64 = 60_000;
/// The same for loom, which takes longer.
const MOST_OF_LOOM: u64 = 2_000;

const COLUMNS: [(EngineId, SearchMode, u64); 4] = [
    (EngineId::Exhaustive, SearchMode::Traces, MOST),
    (EngineId::Exhaustive, SearchMode::States, MOST),
    (EngineId::Loom, SearchMode::Traces, MOST_OF_LOOM),
    (EngineId::ShuttleDfs, SearchMode::Traces, MOST_OF_LOOM),
];

/// How many traces there are, where a formula says so.
fn closed_form(name: &str, settings: &str) -> Option<u64> {
    let number = |name: &str| {
        let pairs = settings.split(' ').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(key, _)| *key == name);
        found.and_then(|(_, value)| value.parse().ok())
    };
    let n: u32 = number("n")?;
    match (name, number("meals")?) {
        ("philosophers/odd-even" | "philosophers/ordered", 1) => Some(2u64.pow(n) - 2),
        ("philosophers/odd-even" | "philosophers/ordered" | "philosophers/and-set", 2) => {
            Some(6u64.pow(n) - 2 * 4u64.pow(n) + 2)
        }
        _ => None,
    }
}

#[test]
fn the_counts_of_the_readme_come_out() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("the README is there");
    let (_, section) = readme
        .split_once("\n## Speed\n")
        .expect("a section on speed");
    let section = section.split("\n## ").next().unwrap_or(section);
    let (mut compared, mut by_formula) = (0, 0);
    for line in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some((name, settings)) = cells[1]
            .split_once(' ')
            .filter(|(name, _)| name.contains('/'))
        else {
            continue;
        };
        for (&cell, (engine, mode, most)) in cells[2..].iter().zip(COLUMNS) {
            // What was cut, or not run, has no count to compare.
            let Some(count) = cell
                .split(' ')
                .next()
                .and_then(|text| text.parse::<u64>().ok())
            else {
                continue;
            };
            let is_of_traces = (engine, mode) == (COLUMNS[0].0, COLUMNS[0].1);
            if let Some(formula) = closed_form(name, settings).filter(|_| is_of_traces) {
                assert_eq!(count, formula, "{line}");
                by_formula += 1;
            }
            if count <= most {
                let outcome = example::run(name, settings, engine, mode);
                assert!(outcome.is_whole, "{line}");
                assert_eq!(outcome.executions, count, "{engine} {mode}: {line}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 25, "only {compared} counts were compared");
    assert!(by_formula >= 5, "only {by_formula} of them by a formula");
}
