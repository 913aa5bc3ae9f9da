//! The process's panic output, owned in one place.
//!
//! shuttle installs a panic hook for good, with the first run's settings, and prints two lines for
//! every panic of the process. So it is made to install its hook first, and then ours goes over
//! it: a panic in a checked program becomes a note for the session and prints nothing; any other
//! goes to the hook that was there before.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use crate::sync::announcing::{installed, last_panic};
use crate::sync::stepping;

/// Installs the hook; once a process.
pub(super) fn own_output() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let original = panic::take_hook();
        // shuttle wraps the hook that it finds; let it wrap one that is thrown away.
        panic::set_hook(Box::new(|_| {}));
        super::shuttle::install_its_panic_hook();
        drop(panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            if installed().is_some() || stepping::is_running() {
                note(info);
            } else {
                original(info);
            }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    last_panic::note(payload_text(info), info.location().map(ToString::to_string));
}

fn payload_text(info: &PanicHookInfo<'_>) -> String {
    info.payload_as_str()
        .unwrap_or("a payload that is no text")
        .to_owned()
}
