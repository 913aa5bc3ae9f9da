//! Test cases for a CI server: a suite for each problem, a case for each row.
//!
//! A case fails when its row contradicts its claim or another engine's, or is refuted and nothing is claimed; it is
//! skipped when nothing is claimed and it is not decided. All others pass, refuted rows that are
//! claimed to be included.

use std::fmt::Write as _;

use super::escape::{line, markup};
use super::overview::what;
use super::{Context, Rerun, explain};
use crate::engines::agreement::{Contradiction, contradictions};
use crate::engines::check::Row;
use crate::engines::{Claimed, ExitStatus, Word};

/// Writes one XML document.
#[must_use]
pub fn render(rows: &[Claimed], context: &Context) -> String {
    let disagreements = contradictions(rows.iter().map(|claimed| &claimed.row));
    let mut suites: Vec<Suite<'_>> = Vec::new();
    for (at, claimed) in rows.iter().enumerate() {
        let problem = claimed.row.problem();
        let index = match suites.iter().position(|suite| suite.problem == problem) {
            Some(index) => index,
            None => {
                suites.push(Suite {
                    problem,
                    cases: Vec::new(),
                });
                suites.len() - 1
            }
        };
        // The rows of one run bear the same time; the first of them tells it.
        let run = |row: &Row| (row.scenario.clone(), row.instance_text(), row.engine);
        let first = at == 0 || run(&rows[at - 1].row) != run(&claimed.row);
        let milliseconds = context.milliseconds(at).filter(|_| first);
        suites[index].cases.push(Case {
            claimed,
            outcome: Outcome::of(claimed, &disagreements),
            milliseconds,
        });
    }
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let errors = usize::from(context.interrupted);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = attribute(&format!("crosscheck {}", context.command));
    let _ = writeln!(
        text,
        "<testsuites name=\"{name}\" {}>",
        counts(all(), errors)
    );
    for Suite { problem, cases } in &suites {
        let name = attribute(problem);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" {}>",
            counts(cases.iter(), 0)
        );
        for case in cases {
            text.push_str(&case.text(&context.rerun));
        }
        text.push_str("  </testsuite>\n");
    }
    if context.interrupted {
        text.push_str(&interrupted());
    }
    text.push_str("</testsuites>\n");
    text
}

/// A case that says that others are missing; else a server would take the rest for all.
fn interrupted() -> String {
    let none: [Case<'_>; 0] = [];
    format!(
        "  <testsuite name=\"crosscheck\" {}>\n    \
         <testcase classname=\"crosscheck\" name=\"every row is there\">\n      \
         <error type=\"interrupted\" message=\"{}\" />\n    </testcase>\n  </testsuite>\n",
        counts(none.iter(), 1),
        attribute(&ExitStatus::Interrupted.to_string()),
    )
}

struct Suite<'a> {
    problem: &'a str,
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    claimed: &'a Claimed,
    outcome: Outcome,
    milliseconds: Option<u64>,
}

#[derive(PartialEq, Eq)]
enum Outcome {
    /// As claimed, or proved.
    Passes,
    /// Contradicts its claim, or is a proof that another engine contradicts.
    Contradicts(String),
    /// Refuted, and nothing is claimed.
    Refuted,
    /// Not decided, and nothing is claimed.
    Undecided,
}

impl Outcome {
    fn of(claimed: &Claimed, disagreements: &[Contradiction<'_>]) -> Self {
        if let Some(contradiction) = claimed.contradiction() {
            return Self::Contradicts(contradiction);
        }
        let proof = |found: &&Contradiction<'_>| std::ptr::eq(found.proved, &raw const claimed.row);
        if let Some(disagreement) = disagreements.iter().find(proof) {
            return Self::Contradicts(disagreement.to_string());
        }
        match (&claimed.claim, claimed.row.verdict.word()) {
            (Some(_), _) | (None, Word::Proved) => Self::Passes,
            (None, Word::Refuted) => Self::Refuted,
            (None, Word::Bounded | Word::Sampled | Word::GaveUp) => Self::Undecided,
        }
    }

    fn fails(&self) -> bool {
        matches!(self, Self::Contradicts(_) | Self::Refuted)
    }
}

impl Case<'_> {
    fn text(&self, rerun: &Rerun) -> String {
        let row = &self.claimed.row;
        let instance = row.instance_text();
        let instance = if instance == "-" {
            String::new()
        } else {
            format!(" {instance}")
        };
        let name = attribute(&format!("{}{instance} {}", row.engine, row.property));
        let mut text = format!(
            "    <testcase classname=\"{}\" name=\"{name}\"",
            attribute(&row.scenario)
        );
        if let Some(milliseconds) = self.milliseconds {
            let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
            let _ = write!(text, " time=\"{seconds}.{rest:03}\"");
        }
        text.push_str(">\n");
        let failure = |kind: &str, message: &str| {
            let (message, body) = (attribute(message), markup(&explain::render_row(row, rerun)));
            format!("      <failure type=\"{kind}\" message=\"{message}\">{body}</failure>\n")
        };
        let verdict = format!("{}: {}", row.verdict.word(), row.verdict.reason());
        match &self.outcome {
            Outcome::Contradicts(contradiction) => {
                text.push_str(&failure("contradicted", contradiction));
            }
            Outcome::Refuted => text.push_str(&failure("refuted", &what(row))),
            Outcome::Undecided => {
                let _ = writeln!(
                    text,
                    "      <skipped message=\"{}\" />",
                    attribute(&verdict)
                );
            }
            Outcome::Passes => {
                let _ = writeln!(text, "      <system-out>{}</system-out>", markup(&verdict));
            }
        }
        text.push_str("    </testcase>\n");
        text
    }
}

fn attribute(text: &str) -> String {
    markup(&line(text))
}

/// The attributes of so many cases, and of as many more as have errors.
fn counts<'a>(cases: impl Iterator<Item = &'a Case<'a>>, errors: usize) -> String {
    let (mut tests, mut failures, mut skipped) = (errors, 0, 0);
    for case in cases {
        tests += 1;
        failures += usize::from(case.outcome.fails());
        skipped += usize::from(case.outcome == Outcome::Undecided);
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::EngineId;

    fn document() -> String {
        let mut rows = samples::claimed(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        rows.extend(samples::contradicted(samples::unclaimed(
            samples::ORDERED,
            EngineId::Loom,
        )));
        rows.extend(samples::unclaimed(samples::ORDERED, EngineId::ShuttlePct));
        rows.extend(samples::shouting());
        let mut context = samples::context();
        context.milliseconds = vec![Some(1), Some(1234), Some(1234)];
        render(&rows, &context)
    }

    fn case<'a>(text: &'a str, classname: &str, name: &str) -> &'a str {
        let start = format!("<testcase classname=\"{classname}\" name=\"{name}\"");
        let at = text
            .find(&start)
            .unwrap_or_else(|| panic!("no {start} in {text}"));
        let rest = &text[at..];
        &rest[..rest.find("</testcase>").unwrap()]
    }

    #[test]
    fn cases_fail_where_claims_are_contradicted_and_skip_what_is_undecided() {
        let text = document();
        assert!(
            text.contains(
                "<testsuite name=\"locks\" tests=\"5\" failures=\"2\" errors=\"0\" skipped=\"2\">"
            ),
            "{text}"
        );
        let instance = "lock=facade rounds=1";
        let passes = case(
            &text,
            "locks/opposite",
            &format!("loom {instance} deadlock-freedom"),
        );
        assert!(
            passes.contains("<system-out>refuted: nobody can move"),
            "{passes}"
        );
        let fails = case(
            &text,
            "locks/ordered",
            &format!("loom {instance} deadlock-freedom"),
        );
        assert!(
            fails.contains("message=\"claimed refuted, got proved\""),
            "{fails}"
        );
        assert!(fails.contains(" time=\"1.234\""), "{fails}");
        let second = case(
            &text,
            "locks/ordered",
            &format!("loom {instance} data-race-freedom"),
        );
        assert!(!second.contains(" time="), "{second}");
        let skips = case(
            &text,
            "locks/ordered",
            &format!("shuttle-pct {instance} deadlock-freedom"),
        );
        assert!(
            skips.contains("<skipped message=\"sampled: 100 schedules"),
            "{skips}"
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_spelt_out() {
        let text = document();
        let shouts = case(&text, "messages/shouting", "shuttle-dfs invariant");
        assert!(shouts.contains("&lt;b&gt;|&quot;a&quot; &amp; &#39;b&#39;`c`\\u{1b}[31m\\u{7}"));
        assert!(shouts.contains("]]&gt;"), "{shouts}");
        assert!(text.chars().all(|c| c == '\n' || c >= ' '), "{text}");
        // Every bracket left belongs to a tag.
        for tag in text.split('<').skip(1) {
            let (tag, rest) = tag.split_once('>').unwrap();
            assert!(!tag.contains('\n') && !rest.contains('>'), "{tag}: {rest}");
        }
    }
}
