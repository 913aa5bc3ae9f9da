//! `replay`: a counterexample, run again.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::args::Replay;
use super::suite::Suite;
use super::{Failure, print, select};
use crate::engines::counterexample::is_token;
use crate::engines::replay::{machine, replay_rounds};
use crate::engines::{Counterexample, saved};
use crate::report::{self, Rerun};

/// The largest file that is read as a counterexample, in bytes.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn run(suite: &Suite<'_>, arguments: &Replay) -> Result<u8, Failure> {
    let recorded = read(&arguments.what)?;
    let programs = suite.programs();
    let program = programs
        .iter()
        .find(|program| program.name() == recorded.scenario);
    let program = match program {
        Some(program) => program,
        // The same words as everywhere for a name that is not there.
        None => match suite.variants(Some(&recorded.scenario)) {
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
    let rerun = Rerun::Program(suite.program.clone());
    print(&report::replay::render(&replayed, &recorded, on, &rerun))?;
    Ok(u8::from(!replayed.is_repeated()))
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
