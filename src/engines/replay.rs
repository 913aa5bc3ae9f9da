//! A counterexample, run again step by step.
//!
//! What a sequentially consistent machine can do replays on OS threads: a gate lets each thread
//! take its next step when the recording has it, whoever recorded it. What only the C11 memory
//! model allows replays on loom, by going to the same execution of the same search.

use super::check::{Job, failed};
use super::counterexample::Counterexample;
use super::engine::{Ending, EngineId};
use super::limits::Limits;
use super::threads::execute;
use super::{exhaustive, panics};
use crate::scenario::{Instance, Program};
use crate::sync::announcing::{Choices, Failure, FailureKind, Session, Settings, Trouble};
use crate::sync::{Property, Semantics};

/// What came of a replay.
#[derive(Clone, Debug)]
#[must_use]
pub enum Replayed {
    /// The same property failed in the same final state.
    Same(Box<Counterexample>),
    /// The property failed, but the final state is another.
    Different(Box<Counterexample>),
    /// The program has changed and did something else on the way.
    Diverged {
        /// In words: which step, what was expected, what came.
        message: String,
    },
    /// An infinite execution: the loop was gone round, and came back to the same state every time.
    Round {
        /// How many steps lead to the loop.
        stem: usize,
        /// How many steps it has.
        cycle: usize,
        /// How often it was gone round.
        rounds: u32,
        /// The threads that waited all the time.
        waiting: Vec<String>,
    },
    /// The program took all the steps and nothing failed.
    Passed,
    /// The replay could not be made.
    Impossible {
        /// Why.
        message: String,
    },
}

impl Replayed {
    /// Returns whether it came to the same end again.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        matches!(self, Self::Same(_) | Self::Round { .. })
    }
}

/// Why a counterexample cannot be set up for replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The program has no such parameter or the parameter no such value.
    #[error("`{scenario}` has no parameter {name}={value} any more")]
    Parameter {
        /// `problem/variant`.
        scenario: String,
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
    /// There is no such switch or word.
    #[error("there is no switch {name}={value}")]
    Switch {
        /// The switch.
        name: String,
        /// Its word.
        value: String,
    },
    /// There is no such property.
    #[error("there is no property `{0}`")]
    Property(String),
}

/// How often the loop of an infinite execution is gone round unless something else is said.
pub const ROUNDS: u32 = 3;

/// On which machine a counterexample replays.
#[must_use]
pub fn machine(counterexample: &Counterexample) -> EngineId {
    if counterexample.loop_from.is_some() || counterexample.as_found {
        EngineId::Exhaustive
    } else if counterexample.sequentially_consistent {
        EngineId::Threads
    } else {
        EngineId::Loom
    }
}

/// Runs a counterexample of `program` again, on the machine that [`machine`] names.
///
/// # Errors
/// [`SetupError`] when the program does not have its parameters any more.
pub fn replay(program: &Program, recorded: &Counterexample) -> Result<Replayed, SetupError> {
    replay_on(program, recorded, machine(recorded))
}

/// Runs a counterexample of `program` again on [`EngineId::Exhaustive`], [`EngineId::Threads`] or
/// [`EngineId::Loom`]; on the last only what it found itself, and on the others only what a
/// sequentially consistent machine can do. An infinite execution goes round its loop [`ROUNDS`]
/// times, on the first only.
///
/// # Errors
/// [`SetupError`] when the program does not have its parameters any more.
pub fn replay_on(
    program: &Program,
    recorded: &Counterexample,
    engine: EngineId,
) -> Result<Replayed, SetupError> {
    replay_rounds(program, recorded, engine, ROUNDS)
}

/// As [`replay_on`], with so many rounds of an infinite execution; at least one.
///
/// # Errors
/// As for [`replay_on`].
pub fn replay_rounds(
    program: &Program,
    recorded: &Counterexample,
    engine: EngineId,
    rounds: u32,
) -> Result<Replayed, SetupError> {
    panics::own_output();
    let instance = instance_of(program, recorded)?;
    let semantics = semantics_of(recorded)?;
    let property = recorded
        .property()
        .ok_or_else(|| SetupError::Property(recorded.property.clone()))?;
    let rounds = rounds.max(1);
    let limits = Limits {
        executions: Some(recorded.execution),
        steps: match recorded.loop_from {
            Some(_) => recorded.steps.len().saturating_mul(rounds as usize + 1),
            None => Limits::QUICK.steps,
        },
        ..Limits::QUICK
    };
    let job = Job {
        program,
        instance: &instance,
        semantics,
        targets: if recorded.sequentially_consistent {
            [property].into()
        } else {
            program.properties().into_iter().chain([property]).collect()
        },
        engine,
        limits: &limits,
    };
    if let Some(stem) = recorded.loop_from {
        return Ok(round(&job, recorded, property, stem, rounds));
    }
    if recorded.as_found {
        return Ok(as_found(&job, recorded));
    }
    Ok(match engine {
        EngineId::Exhaustive if recorded.sequentially_consistent => outcome(
            &job,
            recorded,
            exhaustive::engine::repeat(&job, recorded.script()),
        ),
        EngineId::Threads if recorded.sequentially_consistent => gated(&job, recorded),
        EngineId::Loom if recorded.engine == EngineId::Loom => searched(&job, recorded),
        _ => Replayed::Impossible {
            message: format!(
                "engine {engine} cannot repeat it; use {}",
                machine(recorded)
            ),
        },
    })
}

/// In the steps in which it was found.
fn as_found(job: &Job<'_>, recorded: &Counterexample) -> Replayed {
    if job.engine != EngineId::Exhaustive {
        let only = EngineId::Exhaustive;
        let message = format!("it is told in steps that only engine {only} takes");
        return Replayed::Impossible { message };
    }
    match exhaustive::again(job, recorded) {
        exhaustive::Again::Failed(again) => compare(Ending::Failed(again), recorded),
        exhaustive::Again::Passed => Replayed::Passed,
        exhaustive::Again::Elsewhere(message) => Replayed::Diverged { message },
    }
}

/// On the states of the search that found it.
fn round(
    job: &Job<'_>,
    recorded: &Counterexample,
    property: Property,
    stem: usize,
    rounds: u32,
) -> Replayed {
    if job.engine != EngineId::Exhaustive {
        let only = EngineId::Exhaustive;
        let message = format!("it never ends: only engine {only} can tell that it comes round");
        return Replayed::Impossible { message };
    }
    if !job.program.liveness().contains(&property) || stem >= recorded.steps.len() {
        let message = format!("an execution that never ends shows nothing of {property} here");
        return Replayed::Impossible { message };
    }
    match exhaustive::go_round(job, recorded, property, rounds) {
        exhaustive::Gone::Round { waiting } => Replayed::Round {
            stem,
            cycle: recorded.steps.len() - stem,
            rounds,
            waiting,
        },
        exhaustive::Gone::Elsewhere(message) => Replayed::Diverged { message },
    }
}

/// On OS threads, step by step.
fn gated(job: &Job<'_>, recorded: &Counterexample) -> Replayed {
    let settings = Settings {
        script: Some(recorded.script()),
        spin_cap: job.limits.spins,
        ..job.settings(Choices::Table(Default::default()))
    };
    let session = Session::new(settings);
    outcome(job, recorded, execute(job, &session))
}

fn outcome(job: &Job<'_>, recorded: &Counterexample, failure: Option<Failure>) -> Replayed {
    let Some(failure) = failure else {
        return Replayed::Passed;
    };
    match &failure.kind {
        FailureKind::Trouble(Trouble::Diverged { .. }) => Replayed::Diverged {
            message: failure.message,
        },
        _ => compare(failed(job, &failure, 1), recorded),
    }
}

/// On loom, by the same search up to the same execution.
fn searched(job: &Job<'_>, recorded: &Counterexample) -> Replayed {
    let run = job.engine.engine().run(job);
    match compare(run.ending, recorded) {
        // It is the same search, so it has to come to the same execution.
        Replayed::Same(again) if again.execution != recorded.execution => {
            Replayed::Different(again)
        }
        other => other,
    }
}

fn compare(ending: Ending, recorded: &Counterexample) -> Replayed {
    match ending {
        Ending::Failed(again) if same_end(&again, recorded) => Replayed::Same(again),
        Ending::Failed(again) => Replayed::Different(again),
        Ending::Unable(why) => Replayed::Impossible {
            message: why.to_string(),
        },
        Ending::Exhausted(_) | Ending::Cut(_) | Ending::Sampled(_) => Replayed::Passed,
    }
}

/// Whether two counterexamples end in the same state: the same property, and the same threads
/// waiting for the same objects.
fn same_end(one: &Counterexample, other: &Counterexample) -> bool {
    let waits = |counterexample: &Counterexample| {
        let mut waits: Vec<_> = counterexample
            .blocked
            .iter()
            .map(|blocked| (blocked.thread.clone(), blocked.waits_for.clone()))
            .collect();
        waits.sort();
        waits
    };
    one.property == other.property
        && (one.property != Property::DeadlockFreedom.id() || waits(one) == waits(other))
}

fn instance_of(program: &Program, recorded: &Counterexample) -> Result<Instance, SetupError> {
    let parameters = program.parameters();
    let mut instance = Instance::defaults(&parameters);
    for (name, value) in &recorded.instance {
        let missing = || SetupError::Parameter {
            scenario: recorded.scenario.clone(),
            name: name.clone(),
            value: value.clone(),
        };
        let parameter = parameters
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(missing)?;
        let value = parameter.parse(value).ok_or_else(missing)?;
        instance = instance.with(parameter.name, value);
    }
    Ok(instance)
}

fn semantics_of(recorded: &Counterexample) -> Result<Semantics, SetupError> {
    let mut semantics = Semantics::DEFAULT;
    for (name, value) in &recorded.switches {
        if !super::check::set_switch(&mut semantics, name, value) {
            return Err(SetupError::Switch {
                name: name.clone(),
                value: value.clone(),
            });
        }
    }
    Ok(semantics)
}
