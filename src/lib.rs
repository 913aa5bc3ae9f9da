//! Write a concurrent algorithm once, run it under OS threads, loom and shuttle, and get a
//! verdict that never claims more than was done.
//!
//! Two sentences carry the whole crate: *an algorithm does not know who schedules it*, and *a
//! verdict does not claim more than was done*.
//!
//! 1. [`sync`]: what an algorithm may assume about its machine. The backend trait, the types over
//!    it that algorithms see, and the backends.
//! 2. [`primitives`]: semaphores and locks written over [`sync`], checked and shipped alike.
//! 3. [`scenario`]: what a checked program is: its instance parameters, its properties, its
//!    observers.
//! 4. [`problems`]: the catalogue of classical systems, right and wrong variants together.
//! 5. [`engines`]: who schedules, and what may be concluded: verdicts and counterexamples.
//! 6. [`protocols`]: file transfer and POP3 as state machines without I/O.
//! 7. [`programs`]: TCP and UDP servers and clients on the protocols and the checked parts.
//! 8. [`report`]: tables, JSON, Markdown, HTML and JUnit from the rows of a run.
//! 9. [`testing`]: verdicts inside an ordinary `#[test]`.
//! 10. [`cli`]: the arguments, streams and exit codes of the program.
//! 11. [`escape`]: text that does no harm where it is shown.
//! 12. [`guide`]: chapters for users.
//!
//! With `default-features = false` only the first two are built, on OS threads, with
//! crossbeam-utils as the only dependency: that is what a crate that ships a checked algorithm
//! needs. Feature `engines` adds what its tests need; the catalogue, which every backend multiplies,
//! is a feature of its own.

// No unit test of this crate needs the catalogue or the program, which would double their build.
#[cfg(all(feature = "cli", not(test)))]
pub mod cli;
#[cfg(feature = "engines")]
pub mod engines;
#[cfg(any(feature = "engines", feature = "programs"))]
pub mod escape;
pub mod guide;
pub mod primitives;
#[cfg(all(feature = "catalogue", not(test)))]
pub mod problems;
#[cfg(feature = "programs")]
pub mod programs;
#[cfg(feature = "programs")]
pub mod protocols;
#[cfg(feature = "engines")]
pub mod report;
pub mod scenario;
pub mod sync;
#[cfg(feature = "engines")]
pub mod testing;

#[cfg(feature = "engines")]
pub use testing::check;

#[cfg(feature = "engines")]
#[doc(hidden)]
pub use insta;
