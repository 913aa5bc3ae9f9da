//! The gate of a replay: a thread takes its next step when the recording has it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};

use super::session::{Halt, Session};
use super::settings::ScriptStep;
use super::state::{State, Status};
use super::trace::{Operation, Trouble};

/// Where threads wait until a replay may have come to them.
///
/// It is told at every step, and nobody waits there but in a replay: to tell nobody costs no call of
/// the system.
#[derive(Debug, Default)]
pub(super) struct Turn {
    changed: Condvar,
    /// How many wait. Relaxed, since the lock of the session orders it: a thread counts itself and
    /// lets go of the lock at once, so whoever has changed something under that lock afterwards sees
    /// it.
    waiting: AtomicUsize,
}

impl Turn {
    /// Tells everybody who waits to look again.
    pub(super) fn notify_all(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let state = self.changed.wait(state);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

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
                if self.is_over(&mut state, me) {
                    return Ok(state);
                }
                state = self.turn.wait(state);
                continue;
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
                        ("spurious-wake", Operation::Wake | Operation::Park)
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
            state = self.turn.wait(state);
            state.threads[me].at_gate = false;
        }
    }

    /// Whether everybody may go on behind the last step of the recording.
    ///
    /// Its thread goes first and alone, until it comes to its next step, blocks or ends: what it finds
    /// in between is what the recording ends with, and nobody may fail something else before it.
    fn is_over(&self, state: &mut State, me: usize) -> bool {
        let script = self.settings.script.as_ref();
        let last = script.and_then(|script| script.steps.last());
        let goes_first = |last: &ScriptStep| {
            let threads = 0..state.threads.len();
            let mut threads = threads.filter(|&t| state.thread_label(t) == last.thread);
            threads.next().is_some_and(|first| {
                first != me
                    && state.threads[first].status != Status::Finished
                    && !state.is_blocked(first)
            })
        };
        if !state.over && !last.is_some_and(goes_first) {
            state.over = true;
            self.turn.notify_all();
        }
        state.over
    }
}
