//! The matrix of mutants: every synchronisation operation of a correct variant, changed one at a
//! time, and what notices it.
//!
//! A mutant is *killed* by a property that it fails, and by parallelism that it loses: fewer threads
//! can be in zones at once. One that is not killed *makes no difference* when a search that visited
//! every trace of it, and one that visited every trace of the program, found the same outcomes and the
//! same parallelism: nothing that an observer of the program could tell. What an outcome is, is defined
//! in [`Outcomes`](crate::sync::mutating::Outcomes). A survivor that does make a difference is a hole in
//! what is checked.
//!
//! All of it is said of the instances that were searched, under the memory model of the engine that is
//! named: what makes no difference there may make one on a larger instance.
//!
//! 1. [`table`](mod@table): the instances on which the mutants of each variant are judged.
//! 2. `mutant`: a program with a change, as engines run it.
//! 3. [`judge`]: the fate of one mutant.
//! 4. [`matrix()`]: all mutants of a variant.

pub mod judge;
pub mod matrix;
mod mutant;
pub mod table;

pub use judge::{Fate, Judged, Killer};
pub use matrix::{Matrix, MatrixError, Tried, matrix};
pub use table::{Settings, Table};
