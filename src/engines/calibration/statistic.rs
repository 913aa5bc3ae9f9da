//! Many random programs, and how often everybody's answers fit their outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::generated::{Generated, Outcome, Random};
use super::probe::{Answer, Judgement, Probe, Who};
use super::raw::{self, Ended, RawRun};
use crate::engines::{EngineId, Job, Limits, Word, check};
use crate::scenario::{Instance, Program};
use crate::sync::{Property, Semantics};

/// A probe over many random programs, before it is asked.
pub(super) struct Statistic {
    pub(super) id: &'static str,
    pub(super) story: &'static str,
    pub(super) generate: fn(&mut Random) -> Generated,
    pub(super) programs: usize,
    pub(super) pinned: [&'static str; 2],
}

impl Statistic {
    const SEED: u64 = 1;
    /// Schedules of a sampling engine for each program.
    const SCHEDULES: u64 = 20;

    /// Asks everybody.
    pub(super) fn ask(self) -> Probe {
        let mut random = Random::new(Self::SEED);
        let mut raw = [Tally::default(), Tally::default()];
        let mut words: BTreeMap<Who, BTreeMap<Word, usize>> = BTreeMap::new();
        let limits = Limits {
            schedules: Self::SCHEDULES,
            ..Limits::QUICK
        };
        for _ in 0..self.programs {
            let mut program = (self.generate)(&mut random);
            let truth = program.outcomes();
            let runs = [raw::loom(&program, |_| {}), raw::shuttle(&program, None)];
            // Engines are asked for what loom misses, else for any outcome.
            let missed = truth.difference(&runs[0].observed.outcomes).next();
            program.wanted = missed.or(truth.last()).cloned();
            for (tally, run) in raw.iter_mut().zip(&runs) {
                tally.add(&truth, run);
            }
            let program: Program = Arc::new(program);
            for engine in Who::engines() {
                let job = Job {
                    program: &program,
                    instance: &Instance::default(),
                    semantics: Semantics::DEFAULT,
                    targets: [Property::Reachability].into(),
                    engine,
                    limits: &limits,
                };
                for row in check(&job) {
                    let words = words.entry(Who::Engine(engine)).or_default();
                    *words.entry(row.verdict.word()).or_default() += 1;
                }
            }
        }
        let mut answers: Vec<Answer> = [Who::RawLoom, Who::RawShuttle]
            .into_iter()
            .zip(&raw)
            .zip(self.pinned)
            .map(|((who, tally), pinned)| tally.answer(who, pinned))
            .collect();
        answers.extend(words.iter().map(|(who, words)| of_words(*who, words)));
        let Self {
            id,
            story,
            programs,
            ..
        } = self;
        Probe {
            id,
            story,
            truth: "an interpreter of every interleaving knows the outcomes; the one asked for is \
                    reachable",
            semantics: format!("{programs} programs, seed {}", Self::SEED),
            answers,
            telling: Some(EngineId::Loom),
        }
    }
}

/// How a raw checker did on many programs.
#[derive(Default)]
struct Tally {
    programs: usize,
    /// Programs of which it missed an outcome.
    missed: usize,
    /// Programs of which it showed an outcome that is impossible.
    invented: usize,
    /// Programs on which it panicked.
    panicked: usize,
    executions: u64,
}

impl Tally {
    fn add(&mut self, truth: &BTreeSet<Outcome>, run: &RawRun) {
        let shown = &run.observed.outcomes;
        self.programs += 1;
        self.missed += usize::from(!truth.is_subset(shown));
        self.invented += usize::from(!shown.is_subset(truth));
        self.panicked += usize::from(run.ended != Ended::Passed);
        self.executions += run.executions;
    }

    fn answer(&self, who: Who, pinned: &'static str) -> Answer {
        let Self {
            programs,
            missed,
            invented,
            panicked,
            executions,
        } = self;
        let exact = (*missed, *invented, *panicked) == (0, 0, 0);
        Answer {
            who,
            word: if exact {
                "exact".to_owned()
            } else {
                format!("{missed} miss")
            },
            says: format!(
                "misses outcomes of {missed} of {programs}, invents outcomes of {invented}, panics on \
                 {panicked}; {executions} executions"
            ),
            judgement: if exact {
                Judgement::Right
            } else {
                Judgement::Wrong
            },
            pinned: Some(pinned),
        }
    }
}

/// An engine's answers to many programs, of which each has the outcome that was asked for.
fn of_words(who: Who, words: &BTreeMap<Word, usize>) -> Answer {
    let counts: Vec<String> = words
        .iter()
        .map(|(word, n)| format!("{word} {n}"))
        .collect();
    let judgement = if words.contains_key(&Word::Refuted) {
        Judgement::Wrong
    } else if words.keys().all(|word| *word == Word::Proved) {
        Judgement::Right
    } else {
        Judgement::Undecided
    };
    let word = match words.iter().collect::<Vec<_>>()[..] {
        [(word, _)] => word.to_string(),
        _ => "mixed".to_owned(),
    };
    Answer {
        who,
        word,
        says: counts.join(", "),
        judgement,
        pinned: None,
    }
}
