//! Environment variables that loom and shuttle would obey, overridden and named.

use std::env;

/// What loom's `Builder::new` reads.
pub(super) const LOOM: [&str; 8] = [
    "LOOM_MAX_BRANCHES",
    "LOOM_MAX_PERMUTATIONS",
    "LOOM_MAX_DURATION",
    "LOOM_MAX_PREEMPTIONS",
    "LOOM_CHECKPOINT_FILE",
    "LOOM_CHECKPOINT_INTERVAL",
    "LOOM_LOCATION",
    "LOOM_LOG",
];

/// What shuttle's schedulers and runner read.
pub(super) const SHUTTLE: [&str; 2] = ["SHUTTLE_RANDOM_SEED", "SHUTTLE_CAPTURE_BACKTRACE"];

/// The variables of `names` that are set, as `NAME=value`.
pub(super) fn set(names: &[&str]) -> Vec<String> {
    names
        .iter()
        .filter_map(|name| {
            let value = env::var_os(name)?;
            Some(format!("{name}={}", value.to_string_lossy()))
        })
        .collect()
}
