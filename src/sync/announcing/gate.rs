//! The gate of a replay: a thread takes its next step when the recording has it.

use std::sync::{MutexGuard, PoisonError};

use super::session::{Halt, Session};
use super::state::{State, Status};
use super::trace::{Operation, Trouble};

impl Session {
    pub(super) fn gate<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        me: usize,
        operation: Operation,
        object: Option<usize>,
    ) -> Result<MutexGuard<'a, State>, Halt> {
        let script = self
            .settings
            .script
            .as_ref()
            .expect("the caller has looked");
        loop {
            if state.stopped {
                return Err(Halt);
            }
            let Some(next) = script.steps.get(state.position) else {
                return Ok(state);
            };
            let mine = state.thread_label(me);
            if next.thread == mine {
                let found = object.map_or(String::new(), |object| {
                    Self::object_label(&state.objects[object].info)
                });
                let same_word = next.operation == operation.word()
                    // What a wait or an exchange will turn out to be is known afterwards only.
                    || matches!(
                        (next.operation.as_str(), operation),
                        ("spurious-wake", Operation::Wake)
                            | ("failed-exchange", Operation::ReadModifyWrite)
                    );
                if same_word && (next.object == found || operation == Operation::Choose) {
                    return Ok(state);
                }
                let at = state.position;
                let expected = format!("{} {} {}", next.thread, next.operation, next.object);
                let found = format!("{mine} {} {found}", operation.word());
                let message = format!(
                    "the program has changed: step {} was `{expected}`, now it is `{found}`",
                    at + 1
                );
                return Err(self.trouble(
                    &mut state,
                    me,
                    Trouble::Diverged {
                        at,
                        expected,
                        found,
                    },
                    message,
                ));
            }
            state.threads[me].at_gate = true;
            let stuck = (0..state.threads.len()).all(|t| {
                let thread = &state.threads[t];
                thread.status == Status::Finished
                    || (thread.at_gate && state.thread_label(t) != next.thread)
                    || state.is_blocked(t)
            });
            if stuck {
                let at = state.position;
                let expected = format!("{} {} {}", next.thread, next.operation, next.object);
                let message = format!(
                    "the program has changed: step {} was `{expected}`, now {} cannot take it",
                    at + 1,
                    next.thread
                );
                return Err(self.trouble(
                    &mut state,
                    me,
                    Trouble::Diverged {
                        at,
                        expected,
                        found: "nothing".to_owned(),
                    },
                    message,
                ));
            }
            state = self
                .turn
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.threads[me].at_gate = false;
        }
    }
}
