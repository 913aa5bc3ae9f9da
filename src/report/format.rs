//! The table of the renderers.

use super::{Context, html, json, junit, markdown, table};
use crate::engines::Claimed;

/// A form that a report can take.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its id on the command line.
    pub id: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Writes it.
    pub render: fn(&[Claimed], &Context) -> String,
}

impl Format {
    /// Every format; the first is the default.
    pub const ALL: [Self; 5] = [
        Self {
            id: "text",
            summary: "a table for a terminal",
            render: table::render,
        },
        Self {
            id: "json",
            summary: "every row, for programs",
            render: json::render,
        },
        Self {
            id: "markdown",
            summary: "a table for a pull request",
            render: markdown::render,
        },
        Self {
            id: "html",
            summary: "one page, for a browser",
            render: html::render,
        },
        Self {
            id: "junit",
            summary: "test cases, for a CI server",
            render: junit::render,
        },
    ];

    /// The format with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_format_writes_every_scenario_and_ends_its_last_line() {
        let rows = samples::rows();
        for format in Format::ALL {
            let text = (format.render)(&rows, &samples::context());
            for row in &rows {
                assert!(text.contains(row.row.variant()), "{}: {text}", format.id);
            }
            assert!(text.ends_with('\n'), "{}", format.id);
            assert_eq!(
                Format::find(format.id).map(|found| found.id),
                Some(format.id)
            );
        }
        assert!(Format::find("pdf").is_none());
    }

    /// A report that was cut short does not read as a whole one.
    #[test]
    fn every_format_says_that_it_was_interrupted() {
        let rows = samples::rows();
        let mut context = samples::context();
        let whole: Vec<String> = Format::ALL
            .iter()
            .map(|format| (format.render)(&rows, &context))
            .collect();
        context.interrupted = true;
        for (format, whole) in Format::ALL.iter().zip(whole) {
            for rows in [&rows[..], &[]] {
                let text = (format.render)(rows, &context);
                let told = text.contains("interrupted, and nothing is said")
                    || text.contains("\"complete\":false,\"exit\":130");
                assert!(told, "{}: {text}", format.id);
                assert!(!text.contains("every claim holds"), "{}: {text}", format.id);
            }
            assert!(!whole.contains("interrupted"), "{}", format.id);
        }
    }

    #[test]
    fn the_same_rows_give_the_same_text() {
        let rows = samples::rows();
        for format in Format::ALL {
            let once = (format.render)(&rows, &samples::context());
            assert_eq!(
                once,
                (format.render)(&rows, &samples::context()),
                "{}",
                format.id
            );
        }
    }

    #[test]
    fn no_format_hands_control_characters_to_a_terminal() {
        let rows = [samples::shouting()].concat();
        for format in Format::ALL {
            let text = (format.render)(&rows, &samples::context());
            let obeyed = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(obeyed, None, "{}", format.id);
        }
    }
}
