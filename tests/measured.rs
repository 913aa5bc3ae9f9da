//! The README's table of the engines side by side: its counts are those that come out.

#[expect(
    dead_code,
    reason = "only what it runs is wanted here, not what it prints"
)]
#[path = "../benches/compare.rs"]
mod bench;

/// Searches of more executions are left to their closed form, or to proof mode.
const MOST: u64 = 60_000;
/// The same for loom, which takes longer.
const MOST_OF_LOOM: u64 = 2_000;

/// The most executions that are recomputed of each column.
const MOST_OF_COLUMN: [u64; 4] = [MOST, MOST, MOST_OF_LOOM, MOST_OF_LOOM];

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
        let columns = bench::SEARCHES.into_iter().zip(MOST_OF_COLUMN).enumerate();
        for (&cell, (column, ((engine, mode), most))) in cells[2..].iter().zip(columns) {
            // What was cut, or not run, has no count to compare.
            let Some(count) = cell
                .split(' ')
                .next()
                .and_then(|text| text.parse::<u64>().ok())
            else {
                continue;
            };
            if let Some(formula) = closed_form(name, settings).filter(|_| column == 0) {
                assert_eq!(count, formula, "{line}");
                by_formula += 1;
            }
            if count <= most {
                let outcome =
                    bench::run(name, settings, engine, mode, bench::Cut::After(bench::CUT));
                assert!(outcome.is_whole, "{line}");
                assert_eq!(outcome.executions, count, "{engine} {mode}: {line}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 25, "only {compared} counts were compared");
    assert!(by_formula >= 5, "only {by_formula} of them by a formula");
}
