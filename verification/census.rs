//! An unfiltered run is never empty and green: the number of rows by engine and claim.

use std::collections::BTreeMap;
use std::fmt::Write;

use crosscheck::engines::Word;
use crosscheck::engines::claims::Table;
use crosscheck::engines::plan::Planned;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trial(plan: &[Planned], table: &Table) -> Trial {
    let mut census: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut claims = 0;
    for planned in plan {
        let line = table.lines.iter().find(|line| {
            line.mode == super::MODE
                && line.scenario == planned.program.name()
                && line.engine == planned.engine
                && line.instance == planned.instance_text()
                && line.asks == planned.asks
        });
        let words = line.map_or("unclaimed".to_owned(), |line| {
            claims += 1;
            let words: Vec<&str> = line.words.iter().map(|word| word.as_str()).collect();
            words.join(" or ")
        });
        *census.entry((planned.engine.as_str(), words)).or_default() += 1;
    }
    let (rows, unused) = (plan.len(), of_mode(table) - claims);
    let proved: usize = census
        .iter()
        .filter(|((_, words), _)| *words == Word::Proved.as_str())
        .map(|(_, count)| count)
        .sum();
    let mut text = format!(
        "{} mode: {rows} rows, {proved} of them proved\n",
        super::MODE.as_str()
    );
    for ((engine, words), count) in &census {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {engine:14} {words:20} {count}");
    }
    Trial::test("census", move || check(&text, rows, unused)).with_kind(super::MODE.as_str())
}

fn of_mode(table: &Table) -> usize {
    table
        .lines
        .iter()
        .filter(|line| line.mode == super::MODE)
        .count()
}

fn check(text: &str, rows: usize, unused: usize) -> Result<(), Failed> {
    println!("{text}");
    if rows == 0 {
        return Err("the matrix is empty".into());
    }
    if unused > 0 {
        return Err(format!("{unused} lines of the table stand for a row twice").into());
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = format!("{}__census", super::MODE.as_str());
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}
