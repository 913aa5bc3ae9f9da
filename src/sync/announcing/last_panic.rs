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

/// A place in the sources of loom or shuttle or of what they are built on, from their own folder
/// on, which bears a version in a registry; none: it is elsewhere.
pub(super) fn in_backend(place: &str) -> Option<&str> {
    const CRATES: [&str; 6] = [
        "loom-",
        "shuttle-",
        "shuttle-engine-",
        "shuttle-schedulers-",
        "shuttle-std-",
        "generator-",
    ];
    let is_version =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.split('.').count() >= 3;
    let mut folders = place.split(['/', '\\']);
    let folder = folders.find(|folder| {
        let mut versions = CRATES.iter().filter_map(|name| folder.strip_prefix(name));
        versions.any(is_version)
    })?;
    place.find(folder).map(|at| &place[at..])
}

#[cfg(test)]
mod tests {
    use super::in_backend;

    #[test]
    fn a_place_in_a_backend_bears_its_version() {
        for (place, own) in [
            (
                "/home/a/.cargo/registry/src/index-1949/loom-0.7.2/src/rt/notify.rs:9:1",
                "loom-0.7.2/src/rt/notify.rs:9:1",
            ),
            (
                "C:\\registry\\shuttle-engine-0.1.7\\src\\lib.rs:1:1",
                "shuttle-engine-0.1.7\\src\\lib.rs:1:1",
            ),
        ] {
            assert_eq!(in_backend(place), Some(own));
        }
        for place in [
            "src/loom.rs:9:1",
            "crates/loom-queue/src/lib.rs:1:1",
            "/home/a/loom-2/src/lib.rs:1:1",
            "/home/a/.cargo/registry/src/index/loom-queue-0.7.2/src/lib.rs:9:1",
        ] {
            assert_eq!(in_backend(place), None, "{place}");
        }
    }
}
