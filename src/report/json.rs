//! Every row, for programs: a stable schema, sorted, one row a line, without times unless they are
//! given.

use std::collections::BTreeMap;

use serde::Serialize;

use super::overview::{Totals, disagreements};
use super::{Context, escape};
use crate::engines::counterexample::{BlockedThread, CounterStep};
use crate::engines::{Claim, Claimed, Counterexample, Row, Verdict, Word};
use crate::scenario::{Property, Value};

/// The version of the schema; changes when a key changes its meaning or goes away.
pub(super) const SCHEMA: u32 = 1;

/// Writes one JSON object: `schema`, `rows`, `summary`; and `disagreements` where engines contradict
/// each other.
#[must_use]
pub fn render(rows: &[Claimed], context: &Context) -> String {
    let mut sorted: Vec<(usize, &Claimed)> = rows.iter().enumerate().collect();
    sorted.sort_by_cached_key(|(_, Claimed { row, .. })| {
        let (problem, variant) = (row.problem().to_owned(), row.variant().to_owned());
        (
            problem,
            variant,
            row.engine.as_str(),
            row.instance_text(),
            row.property.id(),
        )
    });
    let rows_as_text: Vec<String> = sorted
        .into_iter()
        .map(|(at, row)| text(&RowObject::of(row, context.milliseconds(at))))
        .collect();
    let separator = if rows.is_empty() { "" } else { "\n" };
    let disagreements = disagreements(rows);
    let disagreements = match disagreements.len() {
        0 => String::new(),
        _ => format!("\"disagreements\":{},\n", text(&disagreements)),
    };
    let document = format!(
        "{{\"schema\":{SCHEMA},\"rows\":[{separator}{}{separator}],\n{disagreements}\"summary\":{}}}\n",
        rows_as_text.join(",\n"),
        text(&Summary::of(&Totals::of(rows, context))),
    );
    escape::json(&document)
}

fn text(object: &impl Serialize) -> String {
    serde_json::to_string(object).expect("plain data always serialises")
}

#[derive(Serialize)]
struct RowObject<'a> {
    problem: &'a str,
    variant: &'a str,
    engine: &'static str,
    instance: BTreeMap<&'a str, ValueObject<'a>>,
    property: &'static str,
    /// `refuted`, `sampled or refuted`; null when the row is unclaimed.
    claim: Option<String>,
    /// How the row contradicts its claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    contradiction: Option<String>,
    verdict: &'static str,
    executions: u64,
    /// Threads that made the search, where more than one did: their executions are not comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    complete: bool,
    semantics: &'a [String],
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bypass: Option<BypassObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<TogetherObject>,
    counterexample: Option<CounterexampleObject<'a>>,
    undecided: Vec<&'static str>,
    overridden: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ValueObject<'a> {
    Number(usize),
    Word(&'a str),
}

#[derive(Serialize)]
struct CounterexampleObject<'a> {
    token: String,
    message: &'a str,
    location: Option<&'a str>,
    execution: u64,
    sequentially_consistent: bool,
    threads: &'a [String],
    steps: Vec<StepObject<'a>>,
    blocked: &'a [BlockedThread],
    /// From which step on they repeat for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    loop_from: Option<usize>,
    /// The nearest execution that passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    passing: Option<PassingObject<'a>>,
}

#[derive(Serialize)]
struct PassingObject<'a> {
    /// How many steps at the beginning are those of the counterexample.
    common: usize,
    threads: &'a [String],
    steps: Vec<StepObject<'a>>,
}

/// How often others are served at most while one waits.
#[derive(Serialize)]
struct BypassObject {
    max: Option<u64>,
    grows: bool,
}

/// How many were found together in a region; there may be more where it is not exact.
#[derive(Serialize)]
struct TogetherObject {
    max: u64,
    exact: bool,
}

#[derive(Serialize)]
struct StepObject<'a> {
    /// Index into the threads.
    thread: usize,
    operation: &'a str,
    object: Option<&'a str>,
    kind: Option<&'a str>,
    value: Option<u64>,
    location: &'a str,
}

#[derive(Serialize)]
struct Summary {
    rows: usize,
    proved: usize,
    bounded: usize,
    sampled: usize,
    refuted: usize,
    #[serde(rename = "gave-up")]
    gave_up: usize,
    /// Whether every row that was asked for is there, and none was interrupted.
    complete: bool,
    /// The exit code that follows from the rows.
    exit: u8,
}

impl<'a> RowObject<'a> {
    fn of(claimed: &'a Claimed, milliseconds: Option<u64>) -> Self {
        let row = &claimed.row;
        let parameters = row.instance.iter().map(|(name, value)| {
            let value = match value {
                Value::Number(number) => ValueObject::Number(*number),
                Value::Word(word) => ValueObject::Word(word),
            };
            (name, value)
        });
        let switches = row
            .switches
            .iter()
            .map(|(switch, word)| (switch.as_str(), ValueObject::Word(word.as_str())));
        Self {
            problem: row.problem(),
            variant: row.variant(),
            engine: row.engine.as_str(),
            instance: parameters.chain(switches).collect(),
            property: row.property.id(),
            claim: claimed.claim.as_ref().map(Claim::text),
            contradiction: claimed.contradiction(),
            verdict: row.verdict.word().as_str(),
            executions: row.executions,
            workers: Some(row.workers).filter(|&workers| workers > 1),
            complete: row.complete(),
            semantics: &row.semantics,
            reason: row.verdict.reason(),
            bypass: BypassObject::of(row),
            together: row.together.map(|max| TogetherObject {
                max,
                exact: row.complete(),
            }),
            counterexample: row.counterexample().map(CounterexampleObject::of),
            undecided: row.undecided.iter().copied().map(Property::id).collect(),
            overridden: &row.overridden,
            milliseconds,
        }
    }
}

impl BypassObject {
    fn of(row: &Row) -> Option<Self> {
        match &row.verdict {
            Verdict::Proved(proof) => {
                let max = proof.surveyed()?.bypass()?;
                Some(Self {
                    max: Some(max),
                    grows: false,
                })
            }
            Verdict::Refuted(_) if row.property == Property::BoundedBypass => Some(Self {
                max: None,
                grows: true,
            }),
            _ => None,
        }
    }
}

impl<'a> CounterexampleObject<'a> {
    fn of(counterexample: &'a Counterexample) -> Self {
        Self {
            token: counterexample.token(),
            message: &counterexample.message,
            location: counterexample.location.as_deref(),
            execution: counterexample.execution,
            sequentially_consistent: counterexample.sequentially_consistent,
            threads: &counterexample.threads,
            steps: counterexample.steps.iter().map(StepObject::of).collect(),
            blocked: &counterexample.blocked,
            loop_from: counterexample.loop_from,
            passing: counterexample
                .passing
                .as_ref()
                .map(|passing| PassingObject {
                    common: passing.common,
                    threads: &passing.threads,
                    steps: passing.steps.iter().map(StepObject::of).collect(),
                }),
        }
    }
}

impl<'a> StepObject<'a> {
    fn of(step: &'a CounterStep) -> Self {
        let present = |text: &'a str| (!text.is_empty()).then_some(text);
        Self {
            thread: step.thread,
            operation: &step.operation,
            object: present(&step.object),
            kind: present(&step.kind),
            value: step.value,
            location: &step.location,
        }
    }
}

impl Summary {
    fn of(totals: &Totals) -> Self {
        Self {
            rows: totals.rows,
            proved: totals.count(Word::Proved),
            bounded: totals.count(Word::Bounded),
            sampled: totals.count(Word::Sampled),
            refuted: totals.count(Word::Refuted),
            gave_up: totals.count(Word::GaveUp),
            complete: totals.complete(),
            exit: totals.exit.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::samples;
    use super::*;
    use crate::engines::EngineId;

    fn parsed(rows: &[Claimed], context: &Context) -> Json {
        serde_json::from_str(&render(rows, context)).expect("it is JSON")
    }

    #[test]
    fn rows_have_every_key_and_numbers_are_numbers() {
        let json = parsed(&samples::rows(), &samples::context());
        assert_eq!(json["schema"], 1);
        let rows = json["rows"].as_array().unwrap();
        let refuted = rows
            .iter()
            .find(|row| row["variant"] == "opposite" && row["engine"] == "loom")
            .unwrap();
        assert_eq!(refuted["instance"]["rounds"], 1);
        assert_eq!(refuted["instance"]["lock"], "facade");
        assert_eq!(refuted["claim"], "refuted");
        assert_eq!(refuted["complete"], false);
        assert_eq!(refuted["undecided"][0], "data-race-freedom");
        let counterexample = &refuted["counterexample"];
        let token = counterexample["token"].as_str().unwrap();
        let read = Counterexample::from_token(token).unwrap();
        assert_eq!(
            counterexample["steps"].as_array().unwrap().len(),
            read.steps.len()
        );
        assert_eq!(counterexample["steps"][0]["operation"], "lock");
        assert_eq!(counterexample["steps"][0]["kind"], "mutex");
        assert_eq!(counterexample["blocked"][0]["thread"], "diner 0");
        assert_eq!(counterexample["location"], Json::Null);
        let proved = rows.iter().find(|row| row["verdict"] == "proved").unwrap();
        assert_eq!(proved["counterexample"], Json::Null);
        assert!(proved.get("milliseconds").is_none());
        assert!(proved.get("contradiction").is_none());
    }

    #[test]
    fn rows_are_sorted_and_times_stay_with_their_rows() {
        let mut rows = samples::unclaimed(samples::RACE, EngineId::Loom);
        rows.extend(samples::unclaimed(samples::OPPOSITE, EngineId::ShuttleDfs));
        rows.extend(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        let mut context = samples::context();
        context.milliseconds = vec![Some(3), None, Some(1)];
        let json = parsed(&rows, &context);
        let rows = json["rows"].as_array().unwrap();
        let order: Vec<_> = rows
            .iter()
            .map(|row| (&row["problem"], &row["engine"]))
            .collect();
        assert_eq!(
            order,
            [
                (&Json::from("locks"), &Json::from("loom")),
                (&Json::from("locks"), &Json::from("shuttle-dfs")),
                (&Json::from("memory"), &Json::from("loom")),
            ]
        );
        assert_eq!(rows[0]["milliseconds"], 1);
        assert!(rows[1].get("milliseconds").is_none());
        assert_eq!(rows[2]["milliseconds"], 3);
        assert_eq!(rows[0]["claim"], Json::Null);
    }

    #[test]
    fn the_summary_counts_and_tells_the_exit_code() {
        let rows = samples::contradicted(samples::unclaimed(samples::ORDERED, EngineId::Loom));
        let json = parsed(&rows, &samples::context());
        assert_eq!(json["summary"]["rows"], 2);
        assert_eq!(json["summary"]["proved"], 2);
        assert_eq!(json["summary"]["gave-up"], 0);
        assert_eq!(json["summary"]["exit"], 1);
        assert_eq!(
            json["rows"][0]["contradiction"],
            "claimed refuted, got proved"
        );
        assert_eq!(
            parsed(&[], &samples::context())["rows"],
            Json::Array(Vec::new())
        );
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let json = parsed(&samples::shouting(), &samples::context());
        let message = json["rows"][0]["counterexample"]["message"]
            .as_str()
            .unwrap();
        assert_eq!(message, samples::SHOUT);
    }
}
