//! One page for a browser: no scripts, nothing to load.

use std::fmt::Write as _;

use super::escape::markup;
use super::explain::Story;
use super::glossary::WORDS;
use super::overview::{Cell, DISAGREEMENTS, Failing, Line, Notes, Overview, Section, column};
use super::{Context, Rerun};
use crate::engines::{Claimed, Counterexample};

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --soft: #888; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { text-align: left; padding: 0.15rem 0.8rem 0.15rem 0; vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid var(--line); }
tr.problem th { padding-top: 1rem; }
td.exception { padding-left: 1.5rem; color: var(--soft); }
code, .lanes { font-family: ui-monospace, monospace; font-size: 0.9em; }
code { overflow-wrap: anywhere; }
.lanes th, .lanes td { border-left: 1px solid var(--line); padding-left: 0.6rem; }
.place, .executions, .soft { color: var(--soft); }
.proved { color: #1a7f37; } .refuted { color: #cf222e; } .gave-up { color: #8250df; }
.bounded, .sampled { color: #9a6700; }
.mark { font-weight: 700; }
.message { white-space: pre-wrap; }
dt { float: left; clear: left; min-width: 11rem; } dd { margin-left: 12rem; }
";

/// Writes the page.
#[must_use]
pub fn render(rows: &[Claimed], context: &Context) -> String {
    let overview = Overview::of(rows, context);
    let title = markup(&overview.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p><strong>{}</strong></p>\n",
        markup(&overview.totals.to_string()),
    );
    if !rows.is_empty() {
        page.push_str(&table(&overview));
    }
    list(
        &mut page,
        "contradicted claims",
        overview.contradictions.iter().map(|text| markup(text)),
    );
    list(
        &mut page,
        DISAGREEMENTS,
        overview.disagreements.iter().map(|text| markup(text)),
    );
    if !overview.failing.is_empty() {
        page.push_str("<h2>refuted</h2>\n");
    }
    for failing in &overview.failing {
        page.push_str(&refuted(failing, &context.rerun));
    }
    for Notes { heading, notes } in &overview.notes {
        let notes = notes.iter().map(|note| {
            let rows = markup(&note.rows.join("; "));
            format!(
                "{}<br /><span class=\"soft\">{rows}</span>",
                markup(&note.reason)
            )
        });
        list(&mut page, heading, notes);
    }
    let variables = overview
        .overridden
        .iter()
        .map(|text| format!("<code>{}</code>", markup(text)));
    list(
        &mut page,
        "environment variables that were not obeyed",
        variables,
    );
    page.push_str(&glossaries(&overview));
    page.push_str("</body>\n</html>\n");
    page
}

fn table(overview: &Overview<'_>) -> String {
    let mut text = String::from("<table>\n<thead><tr><th>variant</th><th>instance</th>");
    for engine in &overview.engines {
        let _ = write!(
            text,
            "<th title=\"{}\">{}</th>",
            engine.as_str(),
            column(*engine)
        );
    }
    text.push_str(if overview.timed {
        "<th>ms</th></tr></thead>\n"
    } else {
        "</tr></thead>\n"
    });
    text.push_str("<tbody>\n");
    let columns = 2 + overview.engines.len() + usize::from(overview.timed);
    for Section { problem, lines } in &overview.sections {
        let _ = writeln!(
            text,
            "<tr class=\"problem\"><th colspan=\"{columns}\">{}</th></tr>",
            markup(problem),
        );
        for line in lines {
            text.push_str(&table_lines(line, overview.timed));
        }
    }
    text.push_str("</tbody>\n</table>\n");
    text
}

fn table_lines(line: &Line, timed: bool) -> String {
    let mut text = format!(
        "<tr><td>{}</td><td>{}</td>",
        markup(&line.variant),
        markup(&line.instance)
    );
    line.cells
        .iter()
        .for_each(|each| text.push_str(&cell(*each)));
    if timed {
        let time = line.milliseconds.map_or(String::new(), |ms| ms.to_string());
        let _ = write!(text, "<td class=\"soft\">{time}</td>");
    }
    text.push_str("</tr>\n");
    for (property, exceptions) in &line.exceptions {
        let _ = write!(
            text,
            "<tr><td class=\"exception\" colspan=\"2\">{property}</td>"
        );
        exceptions
            .iter()
            .for_each(|each| text.push_str(&cell(*each)));
        text.push_str(if timed { "<td></td></tr>\n" } else { "</tr>\n" });
    }
    text
}

fn cell(cell: Option<Cell>) -> String {
    let Some(Cell {
        word,
        executions,
        mark,
    }) = cell
    else {
        return "<td></td>".to_owned();
    };
    let mut text = format!("<td><span class=\"{word}\">{word}</span>");
    if !mark.suffix().is_empty() {
        let _ = write!(text, "<span class=\"mark\">{}</span>", mark.suffix());
    }
    if let Some(executions) = executions {
        let _ = write!(text, " <span class=\"executions\">{executions}</span>");
    }
    text.push_str("</td>");
    text
}

fn refuted(failing: &Failing<'_>, rerun: &Rerun) -> String {
    let mut text = String::new();
    for failure in &failing.failures {
        let steps = failure
            .length()
            .map_or(String::new(), |length| format!(" ({length})"));
        let _ = writeln!(
            text,
            "<details>\n<summary><strong>{}</strong> {}{steps}</summary>",
            markup(&failing.name),
            markup(&failure.what),
        );
        text.push_str(
            &failure
                .counterexample
                .map_or(String::new(), |found| story(found, rerun)),
        );
        let _ = writeln!(
            text,
            "<p><code>{}</code></p>\n</details>",
            markup(&failing.command)
        );
    }
    text
}

fn story(counterexample: &Counterexample, rerun: &Rerun) -> String {
    let story = Story::of(counterexample);
    let mut text = format!(
        "<p class=\"message\">{}</p>\n<p class=\"soft\">{}</p>\n<table class=\"lanes\">\n<thead><tr>",
        markup(&story.message),
        markup(&story.about),
    );
    for thread in &story.threads {
        let _ = write!(text, "<th>{}</th>", markup(thread));
    }
    text.push_str("<th>at</th></tr></thead>\n<tbody>\n");
    for step in &story.steps {
        text.push_str("<tr>");
        for lane in 0..story.threads.len() {
            let done = if lane == step.lane {
                markup(&step.text)
            } else {
                String::new()
            };
            let _ = write!(text, "<td>{done}</td>");
        }
        let _ = writeln!(
            text,
            "<td class=\"place\">{}</td></tr>",
            markup(&step.place)
        );
    }
    text.push_str("</tbody>\n</table>\n");
    let cycle = story
        .cycle
        .iter()
        .map(|cycle| format!("wait cycle: {cycle}"));
    let waits: Vec<String> = story.waits.iter().cloned().chain(cycle).collect();
    if !waits.is_empty() {
        text.push_str("<ul>\n");
        for wait in waits {
            let _ = writeln!(text, "<li>{}</li>", markup(&wait));
        }
        text.push_str("</ul>\n");
    }
    let _ = writeln!(
        text,
        "<p><code>{}</code></p>",
        markup(&rerun.command(counterexample))
    );
    text
}

/// A heading and a list of markup; nothing when the list is empty.
fn list(page: &mut String, heading: &str, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        let _ = write!(page, "<h2>{}</h2>\n<ul>\n", markup(heading));
        entries.for_each(|entry| {
            let _ = writeln!(page, "<li>{entry}</li>");
        });
        page.push_str("</ul>\n");
    }
}

fn glossaries(overview: &Overview<'_>) -> String {
    let mut text = String::new();
    let engines: Vec<(&str, &str)> = overview
        .engine_notes
        .iter()
        .map(|(engine, about)| (column(*engine), about.as_str()))
        .collect();
    let semantics: Vec<(&str, &str)> = overview
        .semantics
        .iter()
        .map(|(word, meaning)| (word.as_str(), meaning.as_str()))
        .collect();
    let words: Vec<(&str, &str)> = WORDS
        .iter()
        .map(|(word, meaning)| (word.as_str(), *meaning))
        .chain(overview.marks.iter().copied())
        .collect();
    for (heading, entries) in [
        ("engines", engines),
        ("the verdicts rest on", semantics),
        ("words", words),
    ] {
        if !overview.sections.is_empty() && !entries.is_empty() {
            let _ = write!(text, "<h2>{heading}</h2>\n<dl>\n");
            for (word, meaning) in entries {
                let _ = writeln!(
                    text,
                    "<dt>{}</dt><dd>{}</dd>",
                    markup(word),
                    markup(meaning)
                );
            }
            text.push_str("</dl>\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::EngineId;

    /// Every tag that is opened is closed, in order; nothing but tags has angle brackets.
    fn assert_balanced(page: &str) {
        let mut open: Vec<&str> = Vec::new();
        let page = page.split_once("<html").map(|(_, rest)| rest).unwrap();
        for tag in page.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "a bracket in text: {text}");
            if let Some(closed) = tag.strip_prefix('/') {
                if closed != "html" {
                    assert_eq!(open.pop(), Some(closed), "in {tag}");
                }
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    #[test]
    fn tags_are_balanced_and_text_is_escaped() {
        let mut rows = samples::rows();
        rows.extend(samples::shouting());
        rows.extend(samples::contradicted(samples::unclaimed(
            samples::RACE,
            EngineId::ShuttleDfs,
        )));
        let mut context = samples::context();
        context.command = "verify <script>".to_owned();
        context.milliseconds = vec![Some(1)];
        let page = render(&rows, &context);
        assert_balanced(&page);
        assert!(
            page.contains("verify &lt;script&gt;") && page.contains("&lt;b&gt;|"),
            "{page}"
        );
        assert_balanced(&render(&[], &samples::context()));
    }

    #[test]
    fn counterexamples_have_a_column_for_each_thread() {
        let rows = samples::claimed(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        let page = render(&rows, &samples::context());
        assert!(
            page.contains("<tr><th>diner 0</th><th>diner 1</th><th>at</th></tr>"),
            "{page}"
        );
        assert!(
            page.contains("<td>lock left</td><td></td><td class=\"place\">src/"),
            "{page}"
        );
        assert!(page.contains("<li>wait cycle: diner 0 -&gt; diner 1 -&gt; diner 0</li>"));
        assert!(page.contains("crosscheck replay cc2."), "{page}");
    }

    #[test]
    fn a_contradicted_claim_is_flagged() {
        let rows = samples::contradicted(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        let page = render(&rows, &samples::context());
        let flagged = "<span class=\"refuted\">refuted</span><span class=\"mark\">!</span>";
        assert!(page.contains(flagged), "{page}");
        assert!(page.contains("claimed proved, got refuted</li>"), "{page}");
    }
}
