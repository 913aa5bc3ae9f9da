//! One program, one question, everybody's answer.

use std::sync::Arc;

use ::loom::model::Builder;

use super::probe::{Answer, Judgement, Probe, Who};
use super::raw::{self, Ended, RawRun};
use crate::engines::check::switches;
use crate::engines::{EngineId, Job, Limits, Row, Word, check};
use crate::scenario::{Instance, Memory, Program, Scenario};
use crate::sync::{Property, Semantics};

/// A probe before it is asked.
pub(super) struct Question<S> {
    pub(super) id: &'static str,
    pub(super) story: &'static str,
    pub(super) truth: &'static str,
    pub(super) program: S,
    /// What engines are asked for.
    pub(super) property: Property,
    /// What an execution shows if it can.
    pub(super) symptom: Symptom,
    pub(super) possible: Possible,
    pub(super) semantics: Semantics,
    pub(super) limits: Limits,
    /// What raw loom is told.
    pub(super) adjust: fn(&mut Builder),
    /// How many executions raw shuttle is told to stop after.
    pub(super) most: Option<usize>,
    /// Words for what was set beside the switches.
    pub(super) setting: &'static str,
    pub(super) telling: Option<EngineId>,
    /// What raw loom and raw shuttle say.
    pub(super) pinned: [&'static str; 2],
}

/// What an execution shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    /// The situation occurs.
    Mark(&'static str),
    /// Nobody can move.
    Deadlock,
    /// Accesses to plain memory are unordered.
    Race,
}

/// Whether the symptom is possible in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Possible {
    /// In no execution.
    Never,
    /// std permits it; the probe's semantics rule it out.
    ByStdAlone,
    /// Under C11, not under sequential consistency.
    UnderC11,
    /// Already under sequential consistency.
    Always,
}

impl Possible {
    fn under(self, memory: Memory) -> bool {
        match self {
            Self::Never | Self::ByStdAlone => false,
            Self::UnderC11 => memory == Memory::C11,
            Self::Always => true,
        }
    }
}

impl<S: Scenario + Clone> Question<S> {
    /// With default switches, limits and raw checkers.
    pub(super) fn new(id: &'static str, program: S, property: Property, symptom: Symptom) -> Self {
        Self {
            id,
            story: "",
            truth: "",
            program,
            property,
            symptom,
            possible: Possible::Always,
            semantics: Semantics::DEFAULT,
            limits: Limits::QUICK,
            adjust: |_| {},
            most: None,
            setting: "",
            telling: None,
            pinned: [""; 2],
        }
    }

    /// Asks everybody.
    pub(super) fn ask(self) -> Probe {
        let raw_loom = raw::loom(&self.program, self.adjust);
        let raw_shuttle = raw::shuttle(&self.program, self.most);
        let mut answers = vec![
            self.of_raw(Who::RawLoom, &raw_loom, self.pinned[0]),
            self.of_raw(Who::RawShuttle, &raw_shuttle, self.pinned[1]),
        ];
        let program: Program = Arc::new(self.program.clone());
        answers.extend(Who::engines().map(|engine| {
            let job = Job {
                program: &program,
                instance: &Instance::default(),
                semantics: self.semantics,
                targets: [self.property].into(),
                engine,
                limits: &self.limits,
            };
            let [row] = <[Row; 1]>::try_from(check(&job)).expect("one property gives one row");
            self.of_row(&row)
        }));
        let mut semantics: Vec<String> = switches(&self.semantics)
            .into_iter()
            .map(|(switch, word)| format!("{switch}={word}"))
            .collect();
        semantics.extend((!self.setting.is_empty()).then(|| self.setting.to_owned()));
        let semantics = if semantics.is_empty() {
            "-".to_owned()
        } else {
            semantics.join(", ")
        };
        let Self {
            id,
            story,
            truth,
            telling,
            ..
        } = self;
        Probe {
            id,
            story,
            truth,
            semantics,
            answers,
            telling,
        }
    }

    /// What a raw checker's run says.
    fn of_raw(&self, who: Who, run: &RawRun, pinned: &'static str) -> Answer {
        let shown = match self.symptom {
            Symptom::Mark(mark) => run.observed.marks.contains(mark),
            Symptom::Deadlock => run.ended == Ended::Deadlock,
            Symptom::Race => run.ended == Ended::Race,
        };
        let word = match (&run.ended, shown, self.symptom) {
            (_, true, Symptom::Mark(_)) => "seen",
            (_, true, Symptom::Deadlock) => "deadlock",
            (_, true, Symptom::Race) => "race",
            (Ended::Passed, false, Symptom::Mark(_)) => "unseen",
            (Ended::Passed, false, _) => "passes",
            (Ended::Deadlock | Ended::Race | Ended::Panicked(_), false, _) => "panics",
        };
        let executions = plural(run.executions, "execution");
        let says = match &run.ended {
            Ended::Panicked(message) => format!("{word} in {executions}: {message}"),
            Ended::Passed | Ended::Deadlock | Ended::Race => format!("{word} in {executions}"),
        };
        let judgement = match (shown, self.possible) {
            (true, Possible::Always | Possible::UnderC11) => Judgement::Right,
            (true, Possible::ByStdAlone) => Judgement::Elsewhere,
            (true, Possible::Never) => Judgement::Wrong,
            (false, _) if run.ended != Ended::Passed => Judgement::Undecided,
            (false, Possible::Never | Possible::ByStdAlone) => Judgement::Right,
            (false, Possible::UnderC11 | Possible::Always) => Judgement::Wrong,
        };
        Answer {
            who,
            word: word.to_owned(),
            says,
            judgement,
            pinned: Some(pinned),
        }
    }

    fn of_row(&self, row: &Row) -> Answer {
        let memory = row.engine.memory();
        let holds =
            |memory| self.possible.under(memory) == (self.property == Property::Reachability);
        let word = row.verdict.word();
        let judgement = match word {
            Word::Bounded | Word::Sampled | Word::GaveUp => Judgement::Undecided,
            Word::Proved | Word::Refuted if (word == Word::Proved) != holds(memory) => {
                Judgement::Wrong
            }
            Word::Proved | Word::Refuted if holds(memory) != holds(Memory::C11) => {
                Judgement::Elsewhere
            }
            Word::Proved | Word::Refuted => Judgement::Right,
        };
        Answer {
            who: Who::Engine(row.engine),
            word: word.to_string(),
            says: format!(
                "{word} ({}): {}",
                row.semantics.join(", "),
                row.verdict.reason()
            ),
            judgement,
            pinned: None,
        }
    }
}

fn plural(n: u64, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
