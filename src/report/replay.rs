//! What came of running a counterexample again, in words.

use super::explain::render_with;
use super::{Rerun, escape};
use crate::engines::replay::Replayed;
use crate::engines::{Counterexample, EngineId};

/// Tells what came of a replay on an engine, with every step where it was repeated.
#[must_use]
pub fn render(
    replayed: &Replayed,
    recorded: &Counterexample,
    on: EngineId,
    rerun: &Rerun,
) -> String {
    match replayed {
        Replayed::Same(again) => format!(
            "{}\nReplayed on {on}: the same failure, in the same final state.\n",
            render_with(again, rerun)
        ),
        Replayed::Different(again) => format!(
            "{}\nReplayed on {on}: it fails again, but ends in another state.\n",
            render_with(again, rerun)
        ),
        Replayed::Diverged { message } | Replayed::Impossible { message } => {
            format!("Not reproduced on {on}: {}\n", escape::text(message))
        }
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
                let who: Vec<String> = waiting.iter().map(|who| escape::text(who)).collect();
                format!("; waiting all the time: {}", who.join(", "))
            };
            format!(
                "{}\nReplayed on {on}: {stem} steps, and then {times} round a loop of {cycle}, which \
                 came back to the same state every time{who}.\n",
                render_with(recorded, rerun)
            )
        }
        Replayed::Passed => format!(
            "Not reproduced on {on}: the program took every step and nothing failed; it may have \
             been mended.\n"
        ),
    }
}
