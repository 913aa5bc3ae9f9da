//! The last step that a thread of the checked program has come to, for somebody who watches the
//! process from outside and cannot ask the machine, which has lost control.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

static THREAD: AtomicUsize = AtomicUsize::new(0);
static PLACE: AtomicPtr<Location<'static>> = AtomicPtr::new(ptr::null_mut());

/// Notes that a thread, by its number, goes on after a step at a place; or begins, without one.
///
/// Relaxed: the two are read by a watcher to whom nothing else is handed over, and who may see one
/// without the other when the program goes on meanwhile.
#[inline]
pub(crate) fn passed(thread: usize, place: Option<&'static Location<'static>>) {
    THREAD.store(thread, Relaxed);
    let place = place.map_or(ptr::null(), ptr::from_ref);
    PLACE.store(place.cast_mut(), Relaxed);
}

/// Tells the thread that has gone on last, and the place of its last step; none at its beginning.
pub(crate) fn last() -> (usize, Option<&'static Location<'static>>) {
    // Relaxed: see `passed`.
    let (thread, place) = (THREAD.load(Relaxed), PLACE.load(Relaxed));
    // SAFETY: only null and places that live as long as the process are stored, and nobody writes
    // through them.
    (thread, unsafe { place.as_ref() })
}
