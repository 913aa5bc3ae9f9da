//! `replay`: a counterexample, run again.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::args::Replay;
use super::{Failure, print, select};
use crate::engines::counterexample::is_token;
use crate::engines::replay::{Replayed, machine, replay_rounds};
use crate::engines::{Counterexample, saved};
use crate::report;

/// The largest file that is read as a counterexample, in bytes.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn run(arguments: &Replay) -> Result<u8, Failure> {
    let recorded = read(&arguments.what)?;
    let programs = select::programs();
    let program = programs
        .iter()
        .find(|program| program.name() == recorded.scenario);
    let program = match program {
        Some(program) => program,
        // The same words as everywhere for a name that is not there.
        None => match select::variants(Some(&recorded.scenario)) {
            Err(failure) => return Err(failure),
            Ok(_) => {
                return Err(Failure(format!(
                    "`{}` is a problem, not a variant",
                    recorded.scenario
                )));
            }
        },
    };
    let on = match &arguments.engine {
        Some(name) => select::replayer(name)?,
        None => machine(&recorded),
    };
    let replayed = replay_rounds(program, &recorded, on, arguments.rounds)?;
    let (text, code) = match &replayed {
        Replayed::Same(again) => (
            format!(
                "{}\nReplayed on {on}: the same failure, in the same final state.\n",
                report::explain::render(again)
            ),
            0,
        ),
        Replayed::Different(again) => (
            format!(
                "{}\nReplayed on {on}: it fails again, but ends in another state.\n",
                report::explain::render(again)
            ),
            1,
        ),
        Replayed::Diverged { message } => (
            format!("Not reproduced on {on}: {}\n", report::printable(message)),
            1,
        ),
        Replayed::Round {
            stem,
            cycle,
            rounds,
            waiting,
        } => {
            let times = match rounds {
                1 => "once".to_owned(),
                _ => format!("{rounds} times"),
            };
            let who = if waiting.is_empty() {
                String::new()
            } else {
                let who: Vec<String> = waiting.iter().map(|who| report::printable(who)).collect();
                format!("; waiting all the time: {}", who.join(", "))
            };
            (
                format!(
                    "{}\nReplayed on {on}: {stem} steps, and then {times} round a loop of {cycle}, \
                     which came back to the same state every time{who}.\n",
                    report::explain::render(&recorded)
                ),
                0,
            )
        }
        Replayed::Passed => (
            format!(
                "Not reproduced on {on}: the program took every step and nothing failed; it may have been mended.\n"
            ),
            1,
        ),
        Replayed::Impossible { message } => (
            format!("Not reproduced on {on}: {}\n", report::printable(message)),
            1,
        ),
    };
    print(&text)?;
    Ok(code)
}

/// A token, or a file with a token or a saved counterexample.
fn read(what: &str) -> Result<Counterexample, Failure> {
    if is_token(what) {
        return Ok(Counterexample::from_token(what)?);
    }
    let path = Path::new(what);
    let file = File::open(path).map_err(|error| {
        Failure(format!(
            "`{}` is no token and no file: {error}; a token that is not taken for one is damaged at its \
             beginning, copy it whole from a report",
            what.escape_debug()
        ))
    })?;
    let mut text = String::new();
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Failure(format!(
            "{} is too large for a counterexample",
            path.display()
        )));
    }
    if is_token(&text) {
        return Ok(Counterexample::from_token(&text)?);
    }
    saved::read(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))
}
