//! The list of probes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::loom::model::Builder;

use super::generated::{Generated, Outcome, Random};
use super::probe::{Answer, Judgement, Probe, Who};
use super::programs::{
    Counter, IfForWhile, Independent, LoadBuffering, LoadStore, LostUpdate, ManySteps,
    MessagePassing, OneAtATime, OppositeOrders, ParkOnce, SixThreads, StoreBuffering, Tickets, TryLock,
    Unprotected,
};
use super::raw::{self, Ended, RawRun};
use crate::engines::check::switches;
use crate::engines::{Job, Limits, Row, Word, check};
use crate::scenario::{Instance, Memory, Program, Scenario};
use crate::sync::{NotifyOrder, Property, Semantics};

/// Runs every probe, on the calling thread; takes seconds, and prints nothing.
///
/// The answers are the same in every run, unless an environment variable sets shuttle's seed.
#[must_use]
pub fn calibrate() -> Vec<Probe> {
    let mut probes = controls();
    probes.extend(of_loom());
    probes.extend(of_limits());
    probes.extend(of_condvars());
    probes.extend(of_shuttle());
    probes.extend(statistics());
    probes
}

/// A probe before it is asked.
struct Question<S> {
    id: &'static str,
    story: &'static str,
    truth: &'static str,
    program: S,
    /// What engines are asked for.
    property: Property,
    /// What an execution shows if it can.
    symptom: Symptom,
    possible: Possible,
    semantics: Semantics,
    limits: Limits,
    /// What raw loom is told.
    adjust: fn(&mut Builder),
    /// How many executions raw shuttle is told to stop after.
    most: Option<usize>,
    /// Words for what was set beside the switches.
    setting: &'static str,
    /// What raw loom and raw shuttle say.
    pinned: [&'static str; 2],
}

/// What an execution shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symptom {
    /// The situation occurs.
    Mark(&'static str),
    /// Nobody can move.
    Deadlock,
    /// Accesses to plain memory are unordered.
    Race,
}

/// Whether the symptom is possible in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Possible {
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
    fn new(id: &'static str, program: S, property: Property, symptom: Symptom) -> Self {
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
            pinned: [""; 2],
        }
    }

    fn ask(self) -> Probe {
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
        let semantics = if semantics.is_empty() { "-".to_owned() } else { semantics.join(", ") };
        let Self { id, story, truth, .. } = self;
        Probe { id, story, truth, semantics, answers }
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
        Answer { who, word: word.to_owned(), says, judgement, pinned: Some(pinned) }
    }

    fn of_row(&self, row: &Row) -> Answer {
        let memory = row.engine.memory();
        let holds = |memory| self.possible.under(memory) == (self.property == Property::Reachability);
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
            says: format!("{word} ({}): {}", row.semantics.join(", "), row.verdict.reason()),
            judgement,
            pinned: None,
        }
    }
}

fn plural(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Programs on which nobody has a blind spot: the instruments work.
fn controls() -> Vec<Probe> {
    let lost = Symptom::Mark("an update is lost");
    vec![
        Question {
            story: "two threads add to a counter, each in one critical section",
            truth: "no update is lost",
            possible: Possible::Never,
            pinned: ["", ""],
            ..Question::new("control-holds", Counter, Property::Invariant, lost)
        }
        .ask(),
        Question {
            story: "two threads read a counter in one critical section and write it in another",
            truth: "an update can be lost",
            pinned: ["", ""],
            ..Question::new("control-fails", LostUpdate, Property::Invariant, lost)
        }
        .ask(),
        Question {
            story: "two threads take two locks in opposite orders",
            truth: "a deadlock is reachable",
            pinned: ["", ""],
            ..Question::new(
                "control-deadlocks",
                OppositeOrders,
                Property::DeadlockFreedom,
                Symptom::Deadlock,
            )
        }
        .ask(),
    ]
}

/// What loom's memory model and its reduction miss or invent.
fn of_loom() -> Vec<Probe> {
    vec![
        Question {
            story: "one thread loads and stores x, the other loads it twice: loom keeps one last \
                    access of a cell and forgets that the load before it raced too",
            truth: "the second load can see 1 after the first has seen 0",
            ..Question::new(
                "loom-atomics-miss",
                LoadStore,
                Property::Reachability,
                Symptom::Mark("first 0, then 1"),
            )
        }
        .ask(),
        Question {
            story: "a thread locks and unlocks, another tries once: unlocking is no branch point",
            truth: "the try can fail",
            ..Question::new(
                "loom-try-lock-miss",
                TryLock,
                Property::Reachability,
                Symptom::Mark("the try fails"),
            )
        }
        .ask(),
        Question {
            story: "store buffering with SeqCst accesses, which loom takes for AcqRel",
            truth: "the loads never both see 0",
            possible: Possible::Never,
            ..Question::new(
                "loom-seqcst-alarm",
                StoreBuffering { forbidden: true },
                Property::Invariant,
                Symptom::Mark("both read 0"),
            )
        }
        .ask(),
        Question {
            story: "the same, asked the other way round: is it reachable that both see 0",
            truth: "it is not",
            possible: Possible::Never,
            ..Question::new(
                "loom-seqcst-witness",
                StoreBuffering { forbidden: false },
                Property::Reachability,
                Symptom::Mark("both read 0"),
            )
        }
        .ask(),
        Question {
            story: "load buffering with relaxed accesses: a load never sees a later store here",
            truth: "C11 permits that both loads see 1",
            possible: Possible::UnderC11,
            ..Question::new(
                "loom-load-buffering",
                LoadBuffering,
                Property::Reachability,
                Symptom::Mark("both read 1"),
            )
        }
        .ask(),
        Question {
            story: "message passing after eight relaxed stores, one more than loom remembers",
            truth: "C11 permits that the value from before them all is read",
            possible: Possible::UnderC11,
            ..Question::new(
                "loom-store-history",
                MessagePassing { stores: 8, forbidden: false },
                Property::Reachability,
                Symptom::Mark("stale data"),
            )
        }
        .ask(),
    ]
}

/// What a limit hides.
fn of_limits() -> Vec<Probe> {
    let lost = Symptom::Mark("an update is lost");
    let ask = || Question {
        truth: "an update can be lost",
        ..Question::new("", LostUpdate, Property::Invariant, lost)
    };
    let limit = |id, symptom| Question {
        possible: Possible::Never,
        ..Question::new(id, SixThreads, Property::Invariant, symptom)
    };
    vec![
        Question {
            id: "loom-permutations-cut",
            story: "control-fails with loom's max_permutations below what is needed: it returns \
                    as if it had finished",
            setting: "max_permutations=2",
            adjust: |builder| {
                builder.max_permutations = Some(2);
                builder.checkpoint_interval = 1;
            },
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-permutations-late",
            story: "the same with loom's default checkpoint_interval: the limit is looked at \
                    every 20 000 executions only",
            setting: "max_permutations=2, checkpoint_interval=20000",
            adjust: |builder| builder.max_permutations = Some(2),
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-duration-cut",
            story: "the same with loom's max_duration: it returns as if it had finished",
            setting: "max_duration=0",
            adjust: |builder| {
                builder.max_duration = Some(Duration::ZERO);
                builder.checkpoint_interval = 1;
            },
            limits: Limits { time: Some(Duration::ZERO), ..Limits::QUICK },
            ..ask()
        }
        .ask(),
        Question {
            id: "loom-preemption-bound",
            story: "the same with a preemption bound of none: the bug needs one",
            setting: "preemptions=0",
            adjust: |builder| builder.preemption_bound = Some(0),
            limits: Limits { preemptions: Some(0), ..Limits::QUICK },
            ..ask()
        }
        .ask(),
        Question {
            id: "shuttle-iterations-cut",
            story: "control-fails under check_dfs(program, Some(1)): it returns as if it had \
                    finished",
            setting: "executions=1",
            most: Some(1),
            limits: Limits { executions: Some(1), ..Limits::QUICK },
            ..ask()
        }
        .ask(),
        Question {
            story: "five threads beside the main one, one after the other; loom admits four",
            truth: "every thread adds 1",
            ..limit("loom-threads", lost)
        }
        .ask(),
        Question {
            id: "loom-branches",
            story: "one thread loads 600 times; loom admits 1 000 branches in an execution and a load is \
                    two",
            truth: "every load sees 1",
            setting: "steps=1000",
            possible: Possible::Never,
            limits: Limits { steps: 1_000, ..Limits::QUICK },
            ..Question::new("", ManySteps, Property::Invariant, lost)
        }
        .ask(),
    ]
}

/// Whom notifications wake, and what wakes by itself.
fn of_condvars() -> Vec<Probe> {
    let tickets = |id, notify, possible| Question {
        possible,
        semantics: Semantics { notify, ..Semantics::DEFAULT },
        ..Question::new(id, Tickets, Property::DeadlockFreedom, Symptom::Deadlock)
    };
    vec![
        Question {
            story: "a ticket lock that wakes one waiter: whoever is woken out of turn waits again \
                    and the notification is lost; loom wakes in the order of the waits",
            truth: "a deadlock is reachable",
            ..tickets("condvar-any-waiter", NotifyOrder::Any, Possible::Always)
        }
        .ask(),
        Question {
            story: "the same where notifications are known to wake the longest waiter",
            truth: "no deadlock, the order of waits is the order of tickets",
            ..tickets("condvar-longest-waiter", NotifyOrder::Fifo, Possible::ByStdAlone)
        }
        .ask(),
        Question {
            story: "`if` for `while` around a wait: loom and shuttle know no spurious wake-up",
            truth: "the waiter can go on before the condition holds",
            semantics: Semantics { spurious: true, ..Semantics::DEFAULT },
            ..Question::new(
                "spurious-wakeup",
                IfForWhile,
                Property::Invariant,
                Symptom::Mark("goes on too early"),
            )
        }
        .ask(),
        Question {
            story: "a park outside a loop: shuttle wakes it by itself, as std permits; our \
                    engines, like loom, wake it by a token only",
            truth: "never woken by nobody, where parking is exact",
            possible: Possible::ByStdAlone,
            ..Question::new(
                "park-without-loop",
                ParkOnce,
                Property::Invariant,
                Symptom::Mark("woken by nobody"),
            )
        }
        .ask(),
    ]
}

/// What shuttle's sequential consistency does not show.
fn of_shuttle() -> Vec<Probe> {
    vec![
        Question {
            story: "message passing with relaxed accesses: shuttle is sequentially consistent",
            truth: "C11 permits that stale data are read",
            possible: Possible::UnderC11,
            ..Question::new(
                "shuttle-weak-memory",
                MessagePassing { stores: 1, forbidden: true },
                Property::Invariant,
                Symptom::Mark("stale data"),
            )
        }
        .ask(),
        Question {
            story: "two writes to plain memory that nothing orders: shuttle knows no plain memory",
            truth: "a data race",
            ..Question::new(
                "shuttle-data-race",
                Unprotected,
                Property::DataRaceFreedom,
                Symptom::Race,
            )
        }
        .ask(),
        Question {
            story: "two threads that share nothing: one execution stands for all, but shuttle \
                    visits every interleaving",
            truth: "no update is lost",
            possible: Possible::Never,
            ..Question::new(
                "shuttle-no-reduction",
                Independent,
                Property::Invariant,
                Symptom::Mark("an update is lost"),
            )
        }
        .ask(),
        Question {
            story: "loom-try-lock-miss under PCT of depth 2",
            truth: "the try can fail",
            setting: "depth=2",
            limits: Limits { depth: 2, ..Limits::QUICK },
            ..Question::new(
                "shuttle-pct-depth",
                TryLock,
                Property::Reachability,
                Symptom::Mark("the try fails"),
            )
        }
        .ask(),
        Question {
            story: "two threads of which one only waits for the other: PCT refuses a program \
                    without a choice",
            truth: "the update is not lost",
            possible: Possible::Never,
            ..Question::new(
                "shuttle-pct-sequential",
                OneAtATime,
                Property::Invariant,
                Symptom::Mark("an update is lost"),
            )
        }
        .ask(),
    ]
}

/// How often the outcomes of random programs are missed.
fn statistics() -> Vec<Probe> {
    vec![
        Statistic {
            id: "random-atomics",
            story: "programs of 2 threads x 2 SeqCst loads, stores and additions on 2 atomics",
            generate: Generated::atomics,
            programs: 1_000,
            pinned: ["", ""],
        }
        .ask(),
        Statistic {
            id: "random-mutexes",
            story: "programs of 2 threads x 3 critical sections on 2 locks",
            generate: Generated::mutexes,
            programs: 720,
            pinned: ["", ""],
        }
        .ask(),
        Statistic {
            id: "random-try-locks",
            story: "programs of 2 threads x 2 critical sections on 2 locks, half of them by try_lock",
            generate: Generated::tries,
            programs: 200,
            pinned: ["", ""],
        }
        .ask(),
    ]
}

/// A probe over many random programs, before it is asked.
struct Statistic {
    id: &'static str,
    story: &'static str,
    generate: fn(&mut Random) -> Generated,
    programs: usize,
    pinned: [&'static str; 2],
}

impl Statistic {
    const SEED: u64 = 1;
    /// Schedules of a sampling engine for each program.
    const SCHEDULES: u64 = 20;

    fn ask(self) -> Probe {
        let mut random = Random::new(Self::SEED);
        let mut raw = [Tally::default(), Tally::default()];
        let mut words: BTreeMap<Who, BTreeMap<Word, usize>> = BTreeMap::new();
        let limits = Limits { schedules: Self::SCHEDULES, ..Limits::QUICK };
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
        let Self { id, story, programs, .. } = self;
        Probe {
            id,
            story,
            truth: "an interpreter of every interleaving knows the outcomes; the one asked for is \
                    reachable",
            semantics: format!("{programs} programs, seed {}", Self::SEED),
            answers,
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
        let Self { programs, missed, invented, panicked, executions } = self;
        let exact = (*missed, *invented, *panicked) == (0, 0, 0);
        Answer {
            who,
            word: if exact { "exact".to_owned() } else { format!("{missed} miss") },
            says: format!(
                "misses outcomes of {missed} of {programs}, invents outcomes of {invented}, panics on \
                 {panicked}; {executions} executions"
            ),
            judgement: if exact { Judgement::Right } else { Judgement::Wrong },
            pinned: Some(pinned),
        }
    }
}

/// An engine's answers to many programs, of which each has the outcome that was asked for.
fn of_words(who: Who, words: &BTreeMap<Word, usize>) -> Answer {
    let counts: Vec<String> = words.iter().map(|(word, n)| format!("{word} {n}")).collect();
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
    Answer { who, word, says: counts.join(", "), judgement, pinned: None }
}
