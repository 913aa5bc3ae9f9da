//! The probes as text; the mistakes and the changes among the answers.

use std::fmt::Write;

use super::probe::{Judgement, Probe, Who};
use super::versions::{Peer, peers};

/// The widest line of the notes.
const WIDTH: usize = 110;
/// Between two columns of the table.
const GAP: usize = 2;

/// The probes as a table and notes on it; the same in every run, so that it can be a snapshot.
#[must_use]
pub fn render(probes: &[Probe]) -> String {
    let versions: Vec<String> = peers().iter().map(Peer::to_string).collect();
    let legend: Vec<String> = Judgement::ALL
        .iter()
        .map(|judgement| format!("{} {}", judgement.mark(), judgement.meaning()))
        .collect();
    let mut text = String::new();
    paragraph(&mut text, 0, &versions.join(", "));
    paragraph(&mut text, 0, &format!("marks: {}", legend.join(", ")));
    text.push('\n');
    table(&mut text, probes);
    for probe in probes {
        text.push('\n');
        notes(&mut text, probe);
    }
    text
}

fn table(text: &mut String, probes: &[Probe]) {
    let mut heads = vec!["probe".to_owned()];
    heads.extend(Who::ALL.map(|who| who.to_string().replace("shuttle-", "")));
    let cells = |probe: &Probe| {
        let mut cells = vec![probe.id.to_owned()];
        cells.extend(Who::ALL.map(|who| {
            let answer = probe.answers.iter().find(|answer| answer.who == who);
            answer.map_or("-".to_owned(), |answer| {
                format!("{} {}", answer.judgement.mark(), answer.word)
            })
        }));
        cells
    };
    let rows: Vec<Vec<String>> = [heads]
        .into_iter()
        .chain(probes.iter().map(cells))
        .collect();
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0) + GAP
    };
    let widths: Vec<usize> = (0..=Who::ALL.len()).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, "{cell:width$}").expect("writing to a String never fails");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn notes(text: &mut String, probe: &Probe) {
    let set = if probe.semantics == "-" {
        ""
    } else {
        &format!(" ({})", probe.semantics)
    };
    paragraph(text, 0, &format!("{}{set}: {}", probe.id, probe.story));
    paragraph(text, 2, &format!("truth: {}", probe.truth));
    let raw: Vec<String> = probe
        .answers
        .iter()
        .filter(|answer| matches!(answer.who, Who::RawLoom | Who::RawShuttle))
        .map(|answer| format!("{}: {}", answer.who, answer.says))
        .collect();
    paragraph(text, 2, &raw.join("; "));
    for answer in &probe.answers {
        let telling = probe.telling.map(Who::Engine) == Some(answer.who);
        let wrong = matches!(answer.who, Who::Engine(_)) && answer.judgement == Judgement::Wrong;
        if telling || wrong {
            paragraph(text, 2, &format!("{}: {}", answer.who, answer.says));
        }
    }
}

/// `words`, broken into lines; all but the first are indented by two more.
fn paragraph(text: &mut String, indent: usize, words: &str) {
    let mut line = " ".repeat(indent);
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(indent + 2);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(&line);
    text.push('\n');
}

/// The answers of our engines that are wrong; there must be none.
#[must_use]
pub fn mistakes(probes: &[Probe]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for probe in probes {
        for answer in &probe.answers {
            if matches!(answer.who, Who::Engine(_)) && answer.judgement == Judgement::Wrong {
                let (id, who, says, truth) = (probe.id, answer.who, &answer.says, probe.truth);
                mistakes.push(format!("{id}: {who} says: {says}; the truth: {truth}"));
            }
        }
    }
    mistakes
}

/// What raw loom and raw shuttle say otherwise than those that were calibrated: a blind spot
/// has been mended, or there is a new one.
#[must_use]
pub fn changes(probes: &[Probe]) -> Vec<String> {
    let mut changes = Vec::new();
    for probe in probes {
        for answer in &probe.answers {
            if let Some(pinned) = answer.pinned
                && pinned != answer.says
            {
                let (id, who, says) = (probe.id, answer.who, &answer.says);
                changes.push(format!("{id}: {who} says: {says}; pinned: {pinned}"));
            }
        }
    }
    changes
}
