//! The text for a terminal: a line for each scenario and instance, a column for each engine; then
//! what fails and how to see it, why rows are less than proved, and what the words mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Context;
use super::glossary::WORDS;
use super::layout::{clipped, width, wrapped};
use super::overview::{Cell, DISAGREEMENTS, Failing, Line, Note, Notes, Overview, Section, column};
use crate::engines::Claimed;
use crate::scenario::Property;

/// What fits a terminal. A table that cannot be made so narrow is wider.
const COLUMNS: usize = 100;

/// Writes the table and everything under it.
#[must_use]
pub fn render(rows: &[Claimed], context: &Context) -> String {
    let overview = Overview::of(rows, context);
    let mut text = format!("{}\n", overview.title);
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&grid(&overview));
    }
    paragraph(
        &mut text,
        "contradicted claims",
        overview.contradictions.iter().cloned(),
    );
    paragraph(
        &mut text,
        DISAGREEMENTS,
        overview.disagreements.iter().cloned(),
    );
    paragraph(
        &mut text,
        "refuted",
        overview.failing.iter().flat_map(failing),
    );
    for Notes { heading, notes } in &overview.notes {
        let _ = write!(text, "\n{heading}\n");
        notes.iter().for_each(|note| text.push_str(&because(note)));
    }
    paragraph(
        &mut text,
        "environment variables that were not obeyed",
        overview.overridden.iter().cloned(),
    );
    let engines = overview
        .engine_notes
        .iter()
        .map(|(engine, about)| (column(*engine), about));
    glossary(&mut text, "engines", engines);
    let semantics = overview
        .semantics
        .iter()
        .map(|(word, meaning)| (word.as_str(), meaning));
    glossary(&mut text, "the verdicts rest on", semantics);
    if !rows.is_empty() {
        let words = WORDS.iter().map(|(word, meaning)| (word.as_str(), meaning));
        glossary(
            &mut text,
            "words",
            words.chain(overview.marks.iter().map(|(m, t)| (*m, t))),
        );
    }
    let _ = write!(text, "\n{}\n", overview.totals);
    text
}

/// The lines and columns.
fn grid(overview: &Overview<'_>) -> String {
    let whole = Grid::of(overview, false);
    let grid = if whole.width() <= COLUMNS {
        whole
    } else {
        Grid::of(overview, true)
    };
    grid.text()
}

/// The table before its columns are made equally wide.
struct Grid {
    rows: Vec<GridRow>,
    /// Variant, instance, engines, time.
    widths: Vec<usize>,
}

enum GridRow {
    /// A text across the columns.
    Heading(String),
    /// One text for each column.
    Cells(Vec<String>),
    /// A text across variant and instance, then one for each other column.
    Exception(String, Vec<String>),
}

impl Grid {
    /// `hoisted`: what most instances of a problem have in common stands in its heading only.
    fn of(overview: &Overview<'_>, hoisted: bool) -> Self {
        let mut head = vec![String::new(), "instance".to_owned()];
        head.extend(
            overview
                .engines
                .iter()
                .map(|&engine| column(engine).to_owned()),
        );
        if overview.timed {
            head.push("ms".to_owned());
        }
        let mut grid = Self {
            widths: vec![0; head.len()],
            rows: Vec::new(),
        };
        grid.push(GridRow::Cells(head));
        for Section { problem, lines } in &overview.sections {
            let usual = if hoisted { usual(lines) } else { Vec::new() };
            grid.push(GridRow::Heading(heading(problem, lines, &usual)));
            for line in lines {
                let own = |word: &&String| !usual.contains(word);
                let own: Vec<&str> = line
                    .parameters
                    .iter()
                    .filter(own)
                    .chain(&line.switches)
                    .map(String::as_str)
                    .collect();
                let mut cells = vec![format!("  {}", line.variant), own.join(" ")];
                cells.extend(line.cells.iter().map(text_of));
                if overview.timed {
                    cells.push(line.milliseconds.map_or(String::new(), |ms| ms.to_string()));
                }
                grid.push(GridRow::Cells(cells));
                for (property, cells) in &line.exceptions {
                    grid.push(exception(*property, cells));
                }
            }
        }
        grid
    }

    fn push(&mut self, row: GridRow) {
        let mut widen = |at: usize, text: &String| {
            self.widths[at] = self.widths[at].max(width(text));
        };
        match &row {
            GridRow::Heading(_) => {}
            GridRow::Cells(cells) => {
                cells
                    .iter()
                    .enumerate()
                    .for_each(|(at, cell)| widen(at, cell));
            }
            GridRow::Exception(_, cells) => {
                cells
                    .iter()
                    .enumerate()
                    .for_each(|(at, cell)| widen(at + 2, cell));
            }
        }
        self.rows.push(row);
    }

    /// Room for variant and instance, exceptions included.
    fn label(&self) -> usize {
        let exceptions = self.rows.iter().map(|row| match row {
            GridRow::Exception(label, _) => width(label),
            GridRow::Heading(_) | GridRow::Cells(_) => 0,
        });
        exceptions
            .max()
            .unwrap_or(0)
            .max(self.widths[0] + 2 + self.widths[1])
    }

    fn width(&self) -> usize {
        self.label()
            + self.widths[2..]
                .iter()
                .map(|width| width + 2)
                .sum::<usize>()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let (variant, label) = (self.widths[0], self.label());
        for row in &self.rows {
            let (start, cells) = match row {
                GridRow::Heading(heading) => (heading.clone(), &[][..]),
                GridRow::Cells(cells) => {
                    (format!("{:variant$}  {}", cells[0], cells[1]), &cells[2..])
                }
                GridRow::Exception(property, cells) => (property.clone(), &cells[..]),
            };
            let mut line = format!("{start:label$}");
            for (cell, width) in cells.iter().zip(&self.widths[2..]) {
                let _ = write!(line, "  {cell:width$}");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn exception(property: Property, cells: &[Option<Cell>]) -> GridRow {
    GridRow::Exception(
        format!("    {property}"),
        cells.iter().map(text_of).collect(),
    )
}

fn text_of(cell: &Option<Cell>) -> String {
    cell.map_or(String::new(), |cell| cell.to_string())
}

/// For each parameter of a problem, as `name=value`, the value that most lines have; the first of
/// several.
fn usual(lines: &[Line]) -> Vec<&String> {
    let words = || lines.iter().flat_map(|line| &line.parameters);
    let count = |word: &String| words().filter(|other| *other == word).count();
    let mut usual: BTreeMap<&str, &String> = BTreeMap::new();
    for word in words() {
        let name = word.split('=').next().unwrap_or(word);
        let most = usual.entry(name).or_insert(word);
        if count(word) > count(most) {
            *most = word;
        }
    }
    usual.into_values().collect()
}

/// A problem, with what its lines leave out.
fn heading(problem: &str, lines: &[Line], usual: &[&String]) -> String {
    if usual.is_empty() {
        return problem.to_owned();
    }
    let words: Vec<&str> = usual.iter().map(|word| word.as_str()).collect();
    let exceptions = lines
        .iter()
        .flat_map(|line| &line.parameters)
        .any(|w| !usual.contains(&w));
    let unless = if exceptions {
        " unless a line says otherwise"
    } else {
        ""
    };
    format!("{problem}, {}{unless}", words.join(" "))
}

/// A line for each property that fails, and how to see it.
fn failing(failing: &Failing<'_>) -> Vec<String> {
    let Failing {
        name,
        failures,
        command,
    } = failing;
    let mut lines: Vec<String> = failures
        .iter()
        .map(|failure| {
            let steps = failure
                .length()
                .map_or(String::new(), |length| format!("; {length}"));
            let room = COLUMNS
                .saturating_sub(width(name) + width(&steps) + 4)
                .max(40);
            format!("{name}  {}{steps}", clipped(&failure.what, room))
        })
        .collect();
    lines.push(format!("    {command}"));
    lines
}

fn because(note: &Note) -> String {
    let mut text = wrapped("  ", "  ", &note.reason, COLUMNS);
    for rows in &note.rows {
        text.push_str(&wrapped("      ", "        ", rows, COLUMNS));
    }
    text
}

/// A heading, and lines under it; nothing when there are none.
fn paragraph(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = write!(text, "\n{heading}\n");
        lines.for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
}

/// A heading, and words with their meanings under it; nothing when there are none.
fn glossary<'a, T: AsRef<str> + ?Sized + 'a>(
    text: &mut String,
    heading: &str,
    entries: impl Iterator<Item = (&'a str, &'a T)>,
) {
    let entries: Vec<(&str, &T)> = entries.collect();
    let Some(widest) = entries.iter().map(|(word, _)| width(word)).max() else {
        return;
    };
    let _ = write!(text, "\n{heading}\n");
    let indent = " ".repeat(widest + 4);
    for (word, meaning) in entries {
        text.push_str(&wrapped(
            &format!("  {word:widest$}  "),
            &indent,
            meaning.as_ref(),
            COLUMNS,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::EngineId;
    use crate::scenario::Value;

    fn line_of<'a>(text: &'a str, variant: &str) -> &'a str {
        let found = text
            .lines()
            .find(|line| line.trim_start().starts_with(variant));
        found.unwrap_or_else(|| panic!("no line of {variant} in\n{text}"))
    }

    #[test]
    fn columns_stand_under_their_engines() {
        let rows = samples::rows();
        let text = render(&rows, &samples::context());
        let head = line_of(&text, "instance");
        let ordered = line_of(&text, "ordered");
        for (engine, word) in [
            ("loom", "proved "),
            ("dfs", "proved "),
            ("random", "sampled"),
        ] {
            let at = head.find(engine).unwrap();
            assert_eq!(&ordered[at..at + 7], word, "{text}");
        }
        assert!(head.ends_with("threads"), "{text}");
    }

    #[test]
    fn every_line_fits_a_terminal() {
        let text = render(&samples::rows(), &samples::context());
        for line in text.lines() {
            assert!(width(line) <= COLUMNS, "{line}");
        }
    }

    #[test]
    fn a_table_that_is_too_wide_says_usual_parameters_once() {
        let mut rows = samples::unclaimed(samples::ORDERED, EngineId::Loom);
        rows.extend(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        rows.extend(samples::unclaimed(samples::OPPOSITE, EngineId::ShuttleDfs));
        let last = rows.last_mut().unwrap();
        last.row.instance = last.row.instance.clone().with("rounds", Value::Number(2));
        last.row
            .switches
            .insert("notify".to_owned(), "fifo".to_owned());
        let overview = Overview::of(&rows, &samples::context());
        let text = Grid::of(&overview, true).text();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines[0],
            "locks, lock=facade rounds=1 unless a line says otherwise"
        );
        assert!(
            lines[1].starts_with("  ordered                         proved?"),
            "{text}"
        );
        assert!(
            lines[2].starts_with("  opposite                        refuted?"),
            "{text}"
        );
        assert!(
            lines[3].starts_with("  opposite  rounds=2 notify=fifo   "),
            "{text}"
        );
        let text = Grid::of(&overview, false).text();
        assert!(
            text.contains("\nlocks\n  ordered   lock=facade rounds=1  "),
            "{text}"
        );
    }

    #[test]
    fn a_contradicted_claim_is_flagged() {
        let mut rows = samples::contradicted(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        rows.extend(samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        let text = render(&rows, &samples::context());
        assert!(line_of(&text, "opposite").contains("refuted!"), "{text}");
        assert!(line_of(&text, "hungry").contains("refuted?"), "{text}");
        assert!(
            text.contains("\ncontradicted claims\n  locks/opposite"),
            "{text}"
        );
        assert!(
            text.contains("deadlock-freedom: claimed proved, got refuted\n"),
            "{text}"
        );
        assert!(text.ends_with("; a claim is contradicted or an unclaimed row is refuted\n"));
    }

    #[test]
    fn what_is_refuted_says_how_to_see_it() {
        let text = render(&samples::rows(), &samples::context());
        let at = text
            .find("\n  semaphores/hungry  deadlock: nobody can move: ")
            .unwrap();
        let lines: Vec<&str> = text[at + 1..].lines().take(2).collect();
        assert!(lines[0].ends_with("; 4 steps"), "{text}");
        assert_eq!(
            lines[1], "      crosscheck explain semaphores/hungry",
            "{text}"
        );
    }

    #[test]
    fn times_are_printed_when_they_are_given() {
        let rows = samples::unclaimed(samples::RACE, EngineId::Loom);
        let mut context = samples::context();
        assert!(!line_of(&render(&rows, &context), "instance").contains("ms"));
        context.milliseconds = vec![Some(1234)];
        let text = render(&rows, &context);
        assert!(line_of(&text, "instance").ends_with("ms"), "{text}");
        assert!(line_of(&text, "race").ends_with("1234"), "{text}");
    }

    #[test]
    fn the_end_is_the_total() {
        let text = render(&[], &samples::context());
        assert_eq!(
            text,
            "crosscheck verify, quick mode\n\n0 rows: nothing was checked\n"
        );
    }
}
