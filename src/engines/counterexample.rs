//! What a refutation shows: the steps, who waits for whom, and a token that runs it again.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::check::{Job, switches};
use super::engine::EngineId;
use crate::scenario::Instance;
use crate::sync::Property;
use crate::sync::announcing::{
    Failure, FailureKind, ObjectInfo, Script, ScriptStep, Session, WaitsFor,
};

/// An execution in which a property fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterexample {
    /// `problem/variant`.
    pub scenario: String,
    /// The parameters, `n=3`.
    pub instance: BTreeMap<String, String>,
    /// The switches that differ from the defaults, `notify=fifo`.
    pub switches: BTreeMap<String, String>,
    /// The id of the property that fails.
    pub property: String,
    /// Who found it.
    pub engine: EngineId,
    /// In which of its executions, from 1.
    pub execution: u64,
    /// Whether a sequentially consistent machine can do it: then it replays on OS threads.
    pub sequentially_consistent: bool,
    /// What fails, in words.
    pub message: String,
    /// Where, if at one place of the checked program.
    pub location: Option<String>,
    /// The threads.
    pub threads: Vec<String>,
    /// The steps that lead to it.
    pub steps: Vec<CounterStep>,
    /// Who cannot move at the end, and why.
    pub blocked: Vec<BlockedThread>,
    /// From which step on, counted from 0, the steps repeat for ever; none: the execution ends.
    pub loop_from: Option<usize>,
    /// Whether it is told in the steps of engine `exhaustive`, in which a semaphore, a barrier or a
    /// wait for an atomic is a single one: then it replays on that engine only.
    #[serde(default, skip_serializing_if = "is_not")]
    pub as_found: bool,
    /// The nearest execution that passes, where engine `exhaustive` has found one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passing: Option<Passing>,
}

/// The execution nearest to a counterexample in which nothing fails, in steps on native
/// semaphores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passing {
    /// How many steps at the beginning are those of the counterexample.
    pub common: usize,
    /// The step of the counterexample that is not taken then; none: its failure is in a step that
    /// nobody else can see.
    pub instead_of: Option<CounterStep>,
    /// The threads.
    pub threads: Vec<String>,
    /// All steps.
    pub steps: Vec<CounterStep>,
}

impl Passing {
    /// Where it goes another way, in one sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let named = |step: &CounterStep| {
            let thread = self.threads.get(step.thread).map_or("main", String::as_str);
            format!("{thread}: {step}")
        };
        let other = match self.steps.get(self.common) {
            Some(step) => format!("then {}", named(step)),
            None => "and no more".to_owned(),
        };
        let instead = self
            .instead_of
            .as_ref()
            .map_or_else(String::new, |step| format!(" instead of {}", named(step)));
        format!(
            "nearest execution that passes: the same {} steps, {other}{instead}; {} steps in all",
            self.common,
            self.steps.len()
        )
    }
}

/// A step of a counterexample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterStep {
    /// Index of the thread.
    pub thread: usize,
    /// The operation's word.
    pub operation: String,
    /// The object's name; empty if there is none.
    pub object: String,
    /// What the object is; empty if there is none.
    pub kind: String,
    /// The value that was read, written or chosen.
    pub value: Option<u64>,
    /// Where in the checked program.
    pub location: String,
    /// How many steps of a composite (a P, a V) it is inside of.
    pub depth: usize,
    /// Whether a replay waits for its turn before it.
    pub gated: bool,
}

/// A thread that cannot move at the end of a counterexample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedThread {
    /// Its name.
    pub thread: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// Who could end the wait, where that is known.
    pub held_by: Vec<String>,
    /// What it holds itself.
    pub holds: Vec<String>,
    /// Where it waits.
    pub location: String,
}

/// Why a token cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin as tokens do.
    #[error(
        "no token, or damaged at its beginning: tokens begin with `{PREFIX}`; copy it whole from a \
         report"
    )]
    Prefix,
    /// It begins as the tokens of another version do.
    #[error(
        "the token is of another version of this program, or damaged at its beginning: tokens begin \
         with `{PREFIX}` now; check the scenario again for a new one"
    )]
    Version,
    /// It is not as it was made.
    #[error("the token is damaged or was cut; copy it whole from a report")]
    Damaged,
    /// It does not say what a token says.
    #[error("the token does not hold a counterexample of this version: {0}")]
    Content(String),
}

const PREFIX: &str = "cc2.";

/// Octets of the checksum in front of what a token holds; eight characters.
const CHECKSUM: usize = 6;

/// The most bytes that a token may unpack to: far more than any counterexample needs.
const MOST_BYTES: usize = 16 << 20;

/// The checksum of what a token holds.
fn checksum(packed: &[u8]) -> [u8; CHECKSUM] {
    let digest = blake3::hash(packed);
    *digest.as_bytes().first_chunk().expect("a digest is longer")
}

/// Returns whether a text begins as tokens of some version do: `cc`, a number and a dot.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let digits = |version: &str| version.bytes().all(|octet| octet.is_ascii_digit());
    text.trim_start()
        .strip_prefix("cc")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(version, _)| !version.is_empty() && digits(version))
}

impl Counterexample {
    /// A failure, as everybody can read it.
    pub(super) fn new(
        job: &Job<'_>,
        failure: &Failure,
        property: Property,
        execution: u64,
    ) -> Self {
        let object = |index: usize| Session::object_label(&failure.objects[index]);
        let thread = |index: usize| Session::thread_label(&failure.threads, index);
        let steps = failure
            .steps
            .iter()
            .map(|step| CounterStep {
                thread: step.thread,
                operation: step.operation.word().to_owned(),
                object: step.object.map_or_else(String::new, object),
                kind: step
                    .object
                    .map_or_else(String::new, |at| failure.objects[at].kind.word().to_owned()),
                value: step.value,
                location: step.location.to_string(),
                depth: step.depth,
                gated: step.operation.is_gated(),
            })
            .collect();
        let blocked = failure
            .blocked
            .iter()
            .map(|blocked| {
                let name = |index: usize| described(&failure.objects[index]);
                let (waits_for, held_by) = match &blocked.waits_for {
                    WaitsFor::Mutex { object, holder } => (
                        name(*object),
                        holder.iter().map(|&holder| thread(holder)).collect(),
                    ),
                    WaitsFor::Condvar { object } => {
                        (format!("a notification of {}", name(*object)), Vec::new())
                    }
                    WaitsFor::Composite {
                        object,
                        units,
                        holders,
                    } => (
                        if *units == 1 {
                            name(*object)
                        } else {
                            format!("{units} units of {}", name(*object))
                        },
                        holders.iter().map(|&holder| thread(holder)).collect(),
                    ),
                    WaitsFor::Token => ("being unparked".to_owned(), Vec::new()),
                    WaitsFor::Join { thread: child } => {
                        (format!("the end of {}", thread(*child)), Vec::new())
                    }
                };
                BlockedThread {
                    thread: thread(blocked.thread),
                    waits_for,
                    held_by,
                    holds: blocked.holds.iter().map(|&held| name(held)).collect(),
                    location: blocked.location.to_string(),
                }
            })
            .collect();
        Self {
            scenario: job.program.name().to_owned(),
            instance: job
                .instance
                .iter()
                .map(|(k, v)| (k.to_owned(), v.to_string()))
                .collect(),
            switches: switches(&job.semantics),
            property: property.id().to_owned(),
            engine: job.engine,
            execution,
            sequentially_consistent: failure.sequentially_consistent,
            message: failure.message.clone(),
            location: failure.location.clone(),
            threads: (0..failure.threads.len()).map(thread).collect(),
            steps,
            blocked,
            loop_from: None,
            as_found: false,
            passing: None,
        }
    }

    /// An execution in the steps in which engine `exhaustive` has found it: what fails, where, the
    /// threads, the steps, and who cannot move at the end.
    pub(super) fn as_found(
        job: &Job<'_>,
        property: Property,
        (message, location, threads, steps, blocked): (
            String,
            Option<String>,
            Vec<String>,
            Vec<CounterStep>,
            Vec<BlockedThread>,
        ),
        execution: u64,
    ) -> Self {
        Self {
            location,
            execution,
            blocked,
            loop_from: None,
            as_found: true,
            ..Self::of_loop(job, property, message, threads, steps, 0)
        }
    }

    /// Whether a failure ends as this execution does: the same property, and of a deadlock the same
    /// threads blocked, of an invariant the same words.
    pub(super) fn ends_as(&self, failure: &Failure) -> bool {
        let FailureKind::Property(property) = failure.kind else {
            return false;
        };
        let names = |blocked: &[BlockedThread]| -> Vec<String> {
            let names = blocked.iter().map(|blocked| blocked.thread.clone());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        let theirs = failure.blocked.iter();
        let mut theirs: Vec<String> = theirs
            .map(|blocked| failure.threads[blocked.thread].name.to_string())
            .collect();
        theirs.sort();
        property.id() == self.property
            && match property {
                Property::DeadlockFreedom => names(&self.blocked) == theirs,
                Property::Invariant => failure.message == self.message,
                _ => true,
            }
    }

    /// An infinite execution of native steps.
    pub(super) fn of_loop(
        job: &Job<'_>,
        property: Property,
        message: String,
        threads: Vec<String>,
        steps: Vec<CounterStep>,
        loop_from: usize,
    ) -> Self {
        Self {
            scenario: job.program.name().to_owned(),
            instance: job
                .instance
                .iter()
                .map(|(k, v)| (k.to_owned(), v.to_string()))
                .collect(),
            switches: switches(&job.semantics),
            property: property.id().to_owned(),
            engine: job.engine,
            execution: 1,
            sequentially_consistent: true,
            message,
            location: None,
            threads,
            steps,
            blocked: Vec::new(),
            loop_from: Some(loop_from),
            as_found: false,
            passing: None,
        }
    }

    /// The property that fails.
    #[must_use]
    pub fn property(&self) -> Option<Property> {
        Property::from_id(&self.property)
    }

    /// The steps to show: a P or V as one step, its inside left out.
    pub fn shown(&self) -> impl Iterator<Item = &CounterStep> {
        self.steps.iter().filter(|step| {
            step.depth == 0 || step.operation == "granted" || step.operation == "released"
        })
    }

    /// How often a thread was switched away from though it could have gone on is not known to
    /// every engine; how often the thread changes between steps is.
    #[must_use]
    pub fn switches_between_threads(&self) -> usize {
        self.steps
            .windows(2)
            .filter(|pair| pair[0].thread != pair[1].thread)
            .count()
    }

    /// The token that runs it again: text without spaces.
    #[must_use]
    pub fn token(&self) -> String {
        let text = serde_json::to_vec(&Compact::from(self)).expect("plain data always serialises");
        let packed = miniz_oxide::deflate::compress_to_vec(&text, 9);
        let told = [&checksum(&packed)[..], &packed].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(told))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`TokenError`] when it is none, is not as it was made, or is of another version.
    pub fn from_token(token: &str) -> Result<Self, TokenError> {
        let token = token.trim();
        let told = token.strip_prefix(PREFIX).ok_or(if is_token(token) {
            TokenError::Version
        } else {
            TokenError::Prefix
        })?;
        let told = URL_SAFE_NO_PAD
            .decode(told)
            .map_err(|_| TokenError::Damaged)?;
        let (sum, packed) = told.split_first_chunk().ok_or(TokenError::Damaged)?;
        if checksum(packed) != *sum {
            return Err(TokenError::Damaged);
        }
        let text = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, MOST_BYTES)
            .map_err(|_| TokenError::Damaged)?;
        let compact: Compact = serde_json::from_slice(&text)
            .map_err(|error| TokenError::Content(error.to_string()))?;
        compact
            .expand()
            .ok_or_else(|| TokenError::Content("an index out of range".to_owned()))
    }

    /// The recording for a gated replay.
    pub(super) fn script(&self) -> Script {
        let steps = self
            .steps
            .iter()
            .filter(|step| step.gated)
            .map(|step| ScriptStep {
                thread: self.threads.get(step.thread).cloned().unwrap_or_default(),
                operation: step.operation.clone(),
                object: step.object.clone(),
                value: step.value,
            });
        Script {
            steps: steps.collect(),
        }
    }

    /// The instance as it is shown.
    #[must_use]
    pub fn instance_text(&self) -> String {
        let values: Vec<String> = self
            .instance
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        if values.is_empty() {
            "-".to_owned()
        } else {
            values.join(" ")
        }
    }

    /// Whether it is about this instance.
    #[must_use]
    pub fn is_of(&self, instance: &Instance) -> bool {
        instance.to_string() == self.instance_text()
    }
}

fn is_not(flag: &bool) -> bool {
    !flag
}

/// What an object is called where its kind is not clear from the operation.
fn described(object: &ObjectInfo) -> String {
    format!("{} `{}`", object.kind.word(), Session::object_label(object))
}

impl fmt::Display for CounterStep {
    /// `P(chopstick 1)`, `lock chopstick 1`, `load turn = 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = &self.object;
        match (self.operation.as_str(), self.value) {
            ("request", _) => write!(f, "P({object}) ..."),
            ("try-request", _) => write!(f, "try P({object}) ..."),
            ("granted", Some(0)) => write!(f, "P({object}) refused"),
            ("granted", _) => write!(f, "P({object}) granted"),
            ("release", _) => write!(f, "V({object})"),
            ("released", _) => write!(f, "V({object}) done"),
            ("try-lock", Some(0)) => write!(f, "try-lock {object} fails"),
            ("load" | "store" | "choose", Some(value)) => {
                write!(f, "{} {object} = {value}", self.operation)
            }
            ("rmw" | "failed-exchange", Some(value)) => {
                write!(f, "{} {object}, was {value}", self.operation)
            }
            ("notify-one" | "notify-all", Some(0)) => {
                write!(f, "{} {object}, nobody waits", self.operation)
            }
            _ if object.is_empty() => f.write_str(&self.operation),
            _ => write!(f, "{} {object}", self.operation),
        }
    }
}

/// A step as a token holds it: thread, words, value, depth, gated.
type PackedStep = (usize, [usize; 4], Option<u64>, usize, bool);

/// What a token holds: names once, steps as indices into them.
#[derive(Serialize, Deserialize)]
struct Compact {
    s: String,
    i: BTreeMap<String, String>,
    w: BTreeMap<String, String>,
    p: String,
    e: EngineId,
    x: u64,
    c: bool,
    m: String,
    l: Option<String>,
    t: Vec<String>,
    b: Vec<BlockedThread>,
    /// Operations, objects, kinds, locations.
    words: Vec<String>,
    k: Vec<PackedStep>,
    /// From where on it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<usize>,
    /// Told in the steps in which it was found.
    #[serde(default, skip_serializing_if = "is_not")]
    n: bool,
}

impl From<&Counterexample> for Compact {
    fn from(from: &Counterexample) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut word = |text: &str| {
            words
                .iter()
                .position(|known| known == text)
                .unwrap_or_else(|| {
                    words.push(text.to_owned());
                    words.len() - 1
                })
        };
        let k = from
            .steps
            .iter()
            .map(|step| {
                let indices = [&step.operation, &step.object, &step.kind, &step.location];
                (
                    step.thread,
                    indices.map(|text| word(text)),
                    step.value,
                    step.depth,
                    step.gated,
                )
            })
            .collect();
        Self {
            s: from.scenario.clone(),
            i: from.instance.clone(),
            w: from.switches.clone(),
            p: from.property.clone(),
            e: from.engine,
            x: from.execution,
            c: from.sequentially_consistent,
            m: from.message.clone(),
            l: from.location.clone(),
            t: from.threads.clone(),
            b: from.blocked.clone(),
            words,
            k,
            r: from.loop_from,
            n: from.as_found,
        }
    }
}

impl Compact {
    fn expand(self) -> Option<Counterexample> {
        let word = |index: usize| self.words.get(index).cloned();
        let steps = self
            .k
            .iter()
            .map(
                |&(thread, [operation, object, kind, location], value, depth, gated)| {
                    (thread < self.t.len()).then_some(())?;
                    Some(CounterStep {
                        thread,
                        operation: word(operation)?,
                        object: word(object)?,
                        kind: word(kind)?,
                        value,
                        location: word(location)?,
                        depth,
                        gated,
                    })
                },
            )
            .collect::<Option<Vec<_>>>()?;
        if self.r.is_some_and(|from| from >= steps.len()) {
            return None;
        }
        Some(Counterexample {
            scenario: self.s,
            instance: self.i,
            switches: self.w,
            property: self.p,
            engine: self.e,
            execution: self.x,
            sequentially_consistent: self.c,
            message: self.m,
            location: self.l,
            threads: self.t,
            steps,
            blocked: self.b,
            loop_from: self.r,
            as_found: self.n,
            passing: None,
        })
    }
}
