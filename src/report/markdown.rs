//! A table for a pull request, with counterexamples to unfold.

use std::fmt::Write as _;

use super::explain::Story;
use super::glossary::WORDS;
use super::overview::{Cell, DISAGREEMENTS, Failure, Line, Notes, Overview, column};
use super::{Context, escape};
use crate::engines::{Claimed, Word};

/// Writes it in the Markdown of GitHub.
#[must_use]
pub fn render(rows: &[Claimed], context: &Context) -> String {
    let overview = Overview::of(rows, context);
    let (title, totals) = (escape::markdown(&overview.title), &overview.totals);
    let mut text = format!("### {title}\n\n**{totals}**\n");
    if !rows.is_empty() {
        text.push_str(&table(&overview));
    }
    list(
        &mut text,
        "contradicted claims",
        overview.contradictions.iter().map(|c| escape::code(c)),
    );
    list(
        &mut text,
        DISAGREEMENTS,
        overview.disagreements.iter().map(|d| escape::code(d)),
    );
    if !overview.failing.is_empty() {
        text.push_str("\n#### refuted\n");
    }
    for failing in &overview.failing {
        for failure in &failing.failures {
            text.push_str(&details(&failing.name, failure, &failing.command, context));
        }
    }
    for Notes { heading, notes } in &overview.notes {
        let notes = notes.iter().map(|note| {
            let rows: Vec<String> = note
                .rows
                .iter()
                .map(|rows| escape::markdown(rows))
                .collect();
            format!("{}: {}", escape::code(&note.reason), rows.join("; "))
        });
        list(&mut text, heading, notes);
    }
    let variables = overview
        .overridden
        .iter()
        .map(|variable| escape::code(variable));
    list(
        &mut text,
        "environment variables that were not obeyed",
        variables,
    );
    if !rows.is_empty() {
        text.push_str("\n<details><summary>what the words mean</summary>\n\n");
        text.push_str(&glossary(&overview));
        text.push_str("\n</details>\n");
    }
    text
}

fn table(overview: &Overview<'_>) -> String {
    let mut text = String::from("\n| scenario | instance |");
    for engine in &overview.engines {
        let _ = write!(text, " {} |", column(*engine));
    }
    text.push_str(if overview.timed { " ms |\n" } else { "\n" });
    text.push_str("|---|---|");
    text.push_str(&"---|".repeat(overview.engines.len()));
    text.push_str(if overview.timed { "---:|\n" } else { "\n" });
    for section in &overview.sections {
        for line in &section.lines {
            let scenario = match (section.problem.as_str(), line.variant.as_str()) {
                (problem, "") => problem.to_owned(),
                (problem, variant) => format!("{problem}/{variant}"),
            };
            text.push_str(&table_lines(&scenario, line, overview.timed));
        }
    }
    text
}

fn table_lines(scenario: &str, line: &Line, timed: bool) -> String {
    let instance = if line.instance == "-" {
        ""
    } else {
        &line.instance
    };
    let mut text = format!(
        "| {} | {} |",
        escape::markdown(scenario),
        escape::markdown(instance)
    );
    let cells = |text: &mut String, cells: &[Option<Cell>]| {
        for cell in cells {
            let _ = write!(text, " {} |", cell.map_or(String::new(), word));
        }
    };
    cells(&mut text, &line.cells);
    if timed {
        let _ = write!(
            text,
            " {} |",
            line.milliseconds.map_or(String::new(), |ms| ms.to_string())
        );
    }
    text.push('\n');
    for (property, exceptions) in &line.exceptions {
        let _ = write!(text, "| &nbsp;&nbsp;{property} | |");
        cells(&mut text, exceptions);
        text.push_str(if timed { " |\n" } else { "\n" });
    }
    text
}

/// A refutation is what a reader looks for.
fn word(cell: Cell) -> String {
    if cell.word == Word::Refuted || !cell.mark.suffix().is_empty() {
        format!("**{cell}**")
    } else {
        cell.to_string()
    }
}

fn details(name: &str, failure: &Failure<'_>, command: &str, context: &Context) -> String {
    let summary = escape::markup(&format!("{name}: {}", failure.what));
    let steps = failure
        .length()
        .map_or(String::new(), |length| format!(" ({length})"));
    let mut text = format!("\n<details><summary>{summary}{steps}</summary>\n\n");
    if let Some(counterexample) = failure.counterexample {
        let (story, replay) = (
            Story::of(counterexample),
            context.rerun.command(counterexample),
        );
        let block = format!("{}\nreplay: {replay}", story.text());
        text.push_str(&escape::code_block(&block));
        text.push('\n');
    }
    let _ = write!(text, "{}\n\n</details>\n", escape::code(command));
    text
}

/// A heading and a list; nothing when the list is empty.
fn list(text: &mut String, heading: &str, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        let _ = write!(text, "\n#### {heading}\n\n");
        entries.for_each(|entry| {
            let _ = writeln!(text, "- {entry}");
        });
    }
}

fn glossary(overview: &Overview<'_>) -> String {
    let words = WORDS
        .iter()
        .map(|(word, meaning)| (word.as_str(), *meaning));
    let marks = overview.marks.iter().copied();
    let engines = overview
        .engine_notes
        .iter()
        .map(|(engine, about)| (column(*engine), about.as_str()));
    let semantics = overview
        .semantics
        .iter()
        .map(|(word, meaning)| (word.as_str(), meaning.as_str()));
    let mut text = String::new();
    for (word, meaning) in words.chain(marks).chain(engines).chain(semantics) {
        let _ = writeln!(
            text,
            "- {}: {}",
            escape::code(word),
            escape::markdown(meaning)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::EngineId;

    /// The cells of every line of the table: what stands between bars that are not escaped.
    fn cells(text: &str) -> Vec<Vec<String>> {
        text.lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| {
                let line = line.replace("\\|", "\u{0}");
                line.trim_matches('|')
                    .split('|')
                    .map(|cell| cell.trim().to_owned())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn every_line_of_the_table_has_every_column() {
        for milliseconds in [Vec::new(), vec![Some(1)]] {
            let mut context = samples::context();
            context.milliseconds = milliseconds;
            let text = render(&samples::rows(), &context);
            let cells = cells(&text);
            assert!(cells.len() > 6, "{text}");
            assert!(
                cells.iter().all(|line| line.len() == cells[0].len()),
                "{text}"
            );
            let opposite = cells
                .iter()
                .find(|line| line[0] == "locks/opposite")
                .unwrap();
            let loom = cells[0].iter().position(|cell| cell == "loom").unwrap();
            assert_eq!(opposite[loom], "**refuted**", "{text}");
        }
    }

    #[test]
    fn a_contradicted_claim_is_flagged() {
        let rows = samples::contradicted(samples::unclaimed(samples::ORDERED, EngineId::Loom));
        let text = render(&rows, &samples::context());
        assert!(text.contains("| **proved! "), "{text}");
        assert!(
            text.contains("#### contradicted claims\n\n- `locks/ordered"),
            "{text}"
        );
    }

    #[test]
    fn counterexamples_unfold_and_fold() {
        let text = render(&samples::rows(), &samples::context());
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
        assert!(
            text.contains("<details><summary>locks/opposite: deadlock: nobody can"),
            "{text}"
        );
        assert!(
            text.contains("```text\nlocks/opposite lock=facade rounds=1: deadlock"),
            "{text}"
        );
        assert!(
            text.contains("`crosscheck explain locks/opposite --set"),
            "{text}"
        );
    }

    #[test]
    fn messages_stay_text() {
        let text = render(&samples::shouting(), &samples::context());
        let summary = text
            .lines()
            .find(|line| line.starts_with("<details><summary>m"))
            .unwrap();
        assert!(
            summary.contains("&lt;b&gt;|&quot;a&quot; &amp; "),
            "{summary}"
        );
        assert!(summary.ends_with("</summary>"), "{summary}");
    }
}
