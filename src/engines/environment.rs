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

/// In a worker: the variables that the parent has and that were kept from it.
pub(super) const OVERRIDDEN: &str = "CROSSCHECK_OVERRIDDEN";

/// Between the entries of [`OVERRIDDEN`].
pub(super) const SEPARATOR: &str = "\u{1f}";

/// The variables of `names` that are set here or in the parent, as `NAME=value`.
pub(super) fn set(names: &[&str]) -> Vec<String> {
    let here = names.iter().filter_map(|name| {
        let value = env::var_os(name)?;
        Some(format!("{name}={}", value.to_string_lossy()))
    });
    let kept = env::var(OVERRIDDEN).unwrap_or_default();
    let parent = kept.split(SEPARATOR).filter(|entry| {
        entry
            .split_once('=')
            .is_some_and(|(name, _)| names.contains(&name))
    });
    here.chain(parent.map(str::to_owned)).collect()
}
