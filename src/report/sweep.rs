//! A sweep: a list or grids of verdicts, where they flip, and the rule behind them.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::escape;
use super::layout::width;
use crate::engines::limits::SearchMode;
use crate::engines::sweep::{Axis, Flip, Frontier, Point, Rule};
use crate::scenario::Value;

/// The version of the schema; changes when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// The text for a terminal.
#[must_use]
pub fn text(frontier: &Frontier) -> String {
    let mut text = title(frontier);
    text.push('\n');
    if frontier.axes.len() == 1 {
        list(frontier, &mut text);
    } else {
        grids(frontier, &mut text);
    }
    failures(frontier, &mut text);
    flips(frontier, &mut text);
    conclusion(frontier, &mut text);
    escape::text(&text)
}

fn title(frontier: &Frontier) -> String {
    let mut title = frontier.scenario.clone();
    if !frontier.fixed.is_empty() {
        let _ = write!(title, " {}", frontier.fixed);
    }
    let axes: Vec<String> = frontier.axes.iter().map(range).collect();
    let _ = write!(title, " over {}, by {}", axes.join(", "), frontier.engine);
    if let Some(asks) = &frontier.asks {
        let ids: Vec<&str> = asks.iter().map(|property| property.id()).collect();
        let _ = write!(title, ": {}", ids.join(", "));
    }
    title.push('\n');
    title
}

/// `n=2..8`, or the values where they are no range.
fn range(axis: &Axis) -> String {
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        Value::Word(_) => None,
    };
    let numbers: Option<Vec<usize>> = axis.values.iter().map(number).collect();
    match numbers.as_deref() {
        Some([first, .., last]) if axis.values.len() == last.wrapping_sub(*first) + 1 => {
            format!("{}={first}..{last}", axis.name)
        }
        _ => {
            let values: Vec<String> = axis.values.iter().map(Value::to_string).collect();
            format!("{}={}", axis.name, values.join(","))
        }
    }
}

/// The verdict and its executions: `refuted 16`; of a search over states with a word for that.
fn cell(point: &Point) -> String {
    let by_states = point.mode == Some(SearchMode::States);
    format!(
        "{} {}{}",
        point.word,
        point.executions,
        if by_states { " states" } else { "" }
    )
}

/// One line an instance.
fn list(frontier: &Frontier, text: &mut String) {
    for point in &frontier.points {
        let label = format!("{}={}", frontier.axes[0].name, point.values[0]);
        let property = point.property.map_or("", |property| property.id());
        let line = format!("  {label:14} {:24} {property}", cell(point));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
}

/// The last two axes span a grid, one for each combination of the others.
fn grids(frontier: &Frontier, text: &mut String) {
    let axes = frontier.axes.len();
    let (down, across) = (&frontier.axes[axes - 2], &frontier.axes[axes - 1]);
    for grid in frontier
        .points
        .chunks(down.values.len() * across.values.len())
    {
        let fixed: Vec<String> = frontier.axes[..axes - 2]
            .iter()
            .zip(&grid[0].values)
            .map(|(axis, value)| format!("{}={value}", axis.name))
            .collect();
        if !fixed.is_empty() {
            let _ = writeln!(text, "{}", fixed.join(" "));
        }
        let mut table = vec![vec![String::new()]];
        let heads = across.values.iter();
        table[0].extend(heads.map(|value| format!("{}={value}", across.name)));
        for row in grid.chunks(across.values.len()) {
            let head = format!("{}={}", down.name, row[0].values[axes - 2]);
            table.push([head].into_iter().chain(row.iter().map(cell)).collect());
        }
        columns(&table, text);
        text.push('\n');
    }
}

fn columns(table: &[Vec<String>], text: &mut String) {
    let widest = |column: usize| table.iter().map(|row| width(&row[column])).max();
    let widths: Vec<usize> = (0..table[0].len()).filter_map(widest).collect();
    for row in table {
        let mut line = String::new();
        for (cell, most) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:most$}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Which properties fail, and why what is not decided is not.
fn failures(frontier: &Frontier, text: &mut String) {
    let mut told: Vec<String> = Vec::new();
    for point in &frontier.points {
        let line = match (point.fails(), point.property) {
            (Some(false), _) => continue,
            (Some(true), Some(property)) => format!("refuted: {property}"),
            _ => format!("{}: {}", point.word, point.reason),
        };
        if !told.contains(&line) {
            told.push(line);
        }
    }
    for line in &told {
        let _ = writeln!(text, "{line}");
    }
}

/// Where the verdict flips, one line for each step of an axis that does it somewhere.
fn flips(frontier: &Frontier, text: &mut String) {
    let flips = frontier.flips();
    let mut steps: Vec<(String, usize)> = Vec::new();
    for flip in &flips {
        let step = step(frontier, flip);
        match steps.iter_mut().find(|(known, _)| *known == step) {
            Some((_, times)) => *times += 1,
            None => steps.push((step, 1)),
        }
    }
    for (step, times) in steps {
        let often = match (frontier.axes.len(), times) {
            (1, _) => String::new(),
            (_, 1) => ", in 1 place".to_owned(),
            (_, times) => format!(", in {times} places"),
        };
        let _ = writeln!(text, "{step}{often}");
    }
}

fn step(frontier: &Frontier, flip: &Flip) -> String {
    let (from, axis) = (&flip.from[flip.axis], frontier.axes[flip.axis].name);
    let verb = if flip.begins_to_fail {
        "begins"
    } else {
        "ceases"
    };
    format!("{verb} to fail from {axis}={from} to {axis}={}", flip.to)
}

fn conclusion(frontier: &Frontier, text: &mut String) {
    let undecided = frontier.undecided();
    let decided = frontier.points.len() - undecided;
    let _ = match frontier.rule() {
        Some(rule) => writeln!(
            text,
            "rule: {}, the simplest that fits all {decided} decided instances",
            match rule {
                Rule::Always => "always fails".to_owned(),
                Rule::Never => "never fails".to_owned(),
                rule => format!("fails where {rule}"),
            }
        ),
        None if decided == 0 => writeln!(text, "rule: none, as no instance is decided"),
        None => writeln!(
            text,
            "rule: none of the class fits the {decided} decided instances (two comparisons of sums \
             at most)"
        ),
    };
    if undecided > 0 {
        let _ = writeln!(
            text,
            "not decided: {undecided} of {}; the rule says nothing of them; give a larger --budget",
            frontier.points.len()
        );
    }
}

/// One JSON object.
#[must_use]
pub fn json(frontier: &Frontier) -> String {
    let values = |values: &[Value]| -> Map<String, Json> {
        let named = frontier.axes.iter().zip(values);
        named
            .map(|(axis, value)| (axis.name.to_owned(), plain(value)))
            .collect()
    };
    let axes: Vec<Json> = frontier
        .axes
        .iter()
        .map(|axis| {
            let values: Vec<Json> = axis.values.iter().map(plain).collect();
            json!({"name": axis.name, "values": values})
        })
        .collect();
    let points: Vec<Json> = frontier
        .points
        .iter()
        .map(|point| {
            json!({
                "instance": values(&point.values),
                "verdict": point.word.as_str(),
                "property": point.property.map(|property| property.id()),
                "executions": point.executions,
                "mode": point.mode.map(SearchMode::as_str),
                "reason": point.reason,
            })
        })
        .collect();
    let flips: Vec<Json> = frontier
        .flips()
        .iter()
        .map(|flip| {
            json!({
                "parameter": frontier.axes[flip.axis].name,
                "from": values(&flip.from),
                "to": plain(&flip.to),
                "begins-to-fail": flip.begins_to_fail,
            })
        })
        .collect();
    let asks: Option<Vec<&str>> = frontier
        .asks
        .as_ref()
        .map(|asks| asks.iter().map(|property| property.id()).collect());
    let document = json!({
        "schema": SCHEMA,
        "scenario": frontier.scenario,
        "engine": frontier.engine.as_str(),
        "fixed": frontier.fixed,
        "properties": asks,
        "axes": axes,
        "points": points,
        "flips": flips,
        "rule": frontier.rule().map(|rule| rule.to_string()),
        "undecided": frontier.undecided(),
    });
    escape::json(&format!("{document:#}\n"))
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Number(number) => json!(number),
        Value::Word(word) => json!(word),
    }
}
