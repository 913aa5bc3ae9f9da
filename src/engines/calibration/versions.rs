//! The versions of loom and shuttle that this program was built with, and those with which the
//! probes have been run.
//!
//! Cargo tells a package its own version only, and the two do not tell theirs. But each has a
//! function that calls a trait's method on a type of its caller, and a method that is tracked hears
//! the place of that call: a file of the package that was compiled, in the folder to which cargo
//! unpacked it, which bears the version. A package from elsewhere, a fork or a vendored copy, has a
//! version that nobody knows.

use std::fmt;
use std::panic::{Location, catch_unwind, resume_unwind};
use std::sync::OnceLock;

use ::loom::cell::UnsafeCell;
use ::shuttle::lazy_static::{LazyStatic, initialize};
use ::shuttle::scheduler::{
    Schedule, Scheduler, Task, TaskId, UncontrolledNondeterminismCheckScheduler,
};
use ::shuttle::sync::Mutex;
use shuttle_engine::scheduler::metrics::MetricsScheduler;

use crate::engines::EngineId;

/// With which versions the probes have been run, with the answers that are pinned; oldest first.
const CALIBRATED: [(&str, &[&str]); 5] = [
    ("loom", &["0.7.2", "0.7.3"]),
    ("shuttle", &["0.9.9", "0.9.10"]),
    ("shuttle-engine", &["0.1.7", "0.1.8"]),
    ("shuttle-schedulers", &["0.1.1"]),
    ("shuttle-std", &["0.1.5"]),
];

/// A package whose behaviour the probes pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name in the registry.
    pub package: &'static str,
    /// The version that was built; none: it does not come from a registry, so nobody knows.
    pub version: Option<&'static str>,
}

impl Peer {
    /// Whether the probes have been run with this version.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.version.is_some_and(|version| {
            CALIBRATED
                .iter()
                .any(|(package, known)| *package == self.package && known.contains(&version))
        })
    }

    /// The word of a row that rests on it, where the probes have not been run with it.
    fn word(&self) -> Option<String> {
        let package = self.package;
        (!self.is_calibrated()).then(|| match self.version {
            Some(version) => format!("uncalibrated-{package}-{version}"),
            None => format!("uncalibrated-{package}"),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "{} {version}", self.package),
            None => write!(f, "{} of unknown version", self.package),
        }
    }
}

/// Everything on which the answers of loom and shuttle rest, as it was built.
#[must_use]
pub fn peers() -> &'static [Peer; 5] {
    static PEERS: OnceLock<[Peer; 5]> = OnceLock::new();
    PEERS.get_or_init(|| {
        let calls: [(&str, fn()); 5] = [
            ("loom", || {
                let _ = UnsafeCell::<Tracked>::default();
            }),
            ("shuttle", || initialize(&Tracked)),
            ("shuttle-engine", || {
                MetricsScheduler::new(Tracked).new_execution();
            }),
            ("shuttle-schedulers", || {
                UncontrolledNondeterminismCheckScheduler::new(Tracked).new_execution();
            }),
            ("shuttle-std", || drop(Mutex::<Tracked>::default())),
        ];
        calls.map(|(package, call)| Peer {
            package,
            version: caller(call).and_then(|file| version(file, package)),
        })
    })
}

/// One of [`peers`].
///
/// # Panics
/// Where there is no such peer.
#[must_use]
pub fn peer(package: &str) -> Peer {
    let mut known = peers().iter();
    *known
        .find(|peer| peer.package == package)
        .expect("the package is a peer")
}

/// The words of a row of `engine` that name versions with which the probes have not been run.
pub(in crate::engines) fn uncalibrated(engine: EngineId) -> impl Iterator<Item = String> {
    let rests_on = move |peer: &&Peer| match engine {
        EngineId::Exhaustive | EngineId::Threads => false,
        EngineId::Loom => peer.package == "loom",
        EngineId::ExhaustiveShuttle
        | EngineId::ShuttleDfs
        | EngineId::ShuttleRandom
        | EngineId::ShuttlePct
        | EngineId::ShuttleUrw => peer.package != "loom",
    };
    peers().iter().filter(rests_on).filter_map(Peer::word)
}

/// The file from which `call` comes to a method of [`Tracked`]; none if it does not.
fn caller(call: fn()) -> Option<&'static str> {
    let payload = catch_unwind(call).err()?;
    payload.downcast_ref::<CalledFrom>().map(|from| from.0)
}

/// The version in the path of a file of a package that cargo took from a registry:
/// `…/registry/src/index.crates.io-1949cf8c6b5b557f/loom-0.7.3/src/cell/unsafe_cell.rs`.
fn version<'a>(file: &'a str, package: &str) -> Option<&'a str> {
    let folders: Vec<&str> = file.split(['/', '\\']).collect();
    let at = folders
        .windows(2)
        .position(|pair| pair == ["registry", "src"])?;
    let version = folders
        .get(at + 3)?
        .strip_prefix(package)?
        .strip_prefix('-')?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(version)
}

/// A type whose methods unwind to [`caller`] with the place from which they are called.
#[derive(Debug)]
struct Tracked;

/// What [`Tracked`] unwinds with, past every panic hook.
struct CalledFrom(&'static str);

impl Tracked {
    #[track_caller]
    fn called<R>() -> R {
        resume_unwind(Box::new(CalledFrom(Location::caller().file())))
    }
}

impl Default for Tracked {
    #[track_caller]
    fn default() -> Self {
        Self::called()
    }
}

impl LazyStatic for Tracked {
    #[track_caller]
    fn initialize(_: &Self) {
        Self::called()
    }
}

impl Scheduler for Tracked {
    #[track_caller]
    fn new_execution(&mut self) -> Option<Schedule> {
        Self::called()
    }

    #[track_caller]
    fn next_task(&mut self, _: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        Self::called()
    }

    #[track_caller]
    fn next_u64(&mut self) -> u64 {
        Self::called()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_folder_that_cargo_unpacked() {
        let file = "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/loom-0.7.3/src/a.rs";
        assert_eq!(version(file, "loom"), Some("0.7.3"));
        let file = r"C:\u\.cargo\registry\src\index.crates.io-19\shuttle-0.9.10\src\lib.rs";
        assert_eq!(version(file, "shuttle"), Some("0.9.10"));
        // Pre-releases, and another package whose name begins alike.
        let file = "/cargo/registry/src/mirror/shuttle-engine-0.2.0-rc.1/src/lib.rs";
        assert_eq!(version(file, "shuttle-engine"), Some("0.2.0-rc.1"));
        assert_eq!(version(file, "shuttle"), None);
    }

    #[test]
    fn what_comes_from_elsewhere_has_no_version() {
        for file in [
            "/home/u/project/vendor/loom/src/cell/unsafe_cell.rs",
            "/home/u/project/vendor/loom-0.7.3/src/cell/unsafe_cell.rs",
            "/home/u/.cargo/git/checkouts/loom-0a1b2c/3d4e5f6/src/cell/unsafe_cell.rs",
            "/home/u/loom-0.7.3/src/cell/unsafe_cell.rs",
            "src/cell/unsafe_cell.rs",
            "",
        ] {
            assert_eq!(version(file, "loom"), None, "{file}");
        }
    }

    #[test]
    fn a_version_without_calibration_is_a_word_of_the_row() {
        let of = |version| Peer {
            package: "loom",
            version,
        };
        assert_eq!(of(Some("0.7.3")).word(), None);
        assert_eq!(
            of(Some("0.7.99")).word().as_deref(),
            Some("uncalibrated-loom-0.7.99")
        );
        assert_eq!(of(None).word().as_deref(), Some("uncalibrated-loom"));
        assert_eq!(of(None).to_string(), "loom of unknown version");
    }
}
