//! Laws of the protocols, with arbitrary bytes in arbitrary pieces.
//!
//! 256 cases a law, or as many as `PROPTEST_CASES` says; what was found stays in
//! `proptest-regressions/`.

mod fetching;
mod framing;
mod link;
mod pop3;
mod transfer;

use proptest::test_runner::{Config, FileFailurePersistence};

/// What proptest finds is kept where the other tests keep it; `PROPTEST_CASES` sets how many cases.
pub(crate) fn config() -> Config {
    Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/protocols.txt",
        ))),
        ..Config::default()
    }
}
