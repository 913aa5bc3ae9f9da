//! The wish that searches of this process stop between two executions.

use std::sync::atomic::{AtomicBool, Ordering};

static WANTED: AtomicBool = AtomicBool::new(false);

/// Asks every search of this process to stop; none begins after it.
pub(super) fn request() {
    // Relaxed: the flag guards no memory.
    WANTED.store(true, Ordering::Relaxed);
}

/// Returns whether searches are to stop.
pub(super) fn is_wanted() -> bool {
    // Relaxed: as above.
    WANTED.load(Ordering::Relaxed)
}
