//! The panic hook's note of the last panic on this OS thread.

use std::any::Any;
use std::cell::RefCell;

thread_local! {
    static NOTE: RefCell<Option<(String, Option<String>)>> = const { RefCell::new(None) };
}

/// Keeps a panic's message and place for the session; called from the panic hook.
pub fn note(message: String, place: Option<String>) {
    NOTE.set(Some((message, place)));
}

/// The note, or what the payload says where no hook has run.
pub(crate) fn take(payload: &(dyn Any + Send)) -> (String, Option<String>) {
    NOTE.take().unwrap_or_else(|| (message(payload), None))
}

/// Runs `body`, and keeps the note as it was before.
pub(crate) fn aside<R>(body: impl FnOnce() -> R) -> R {
    let note = NOTE.take();
    let result = body();
    NOTE.set(note);
    result
}

/// A payload's message.
#[must_use]
pub fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a payload that is no text".to_owned())
}
