//! Laws of the protocols, with arbitrary bytes in arbitrary pieces.
//!
//! 256 cases a law, or as many as `PROPTEST_CASES` says; what was found stays in
//! `proptest-regressions/`.

mod framing;
mod pop3;
mod transfer;
