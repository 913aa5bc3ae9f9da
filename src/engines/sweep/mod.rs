//! Sweeps: one variant over many instances, where the verdict flips, and the rule that says so.
//!
//! 1. [`axis`]: a parameter or switch and the values that it is swept over.
//! 2. [`grid`]: the instances of a sweep, as rows of a plan.
//! 3. [`frontier`]: the verdict of each instance, and between which neighbours it flips.
//! 4. [`rule`]: the simplest rule over the parameters that fits every decided instance.

pub mod axis;
pub mod frontier;
pub mod grid;
pub mod rule;

pub use axis::{Axis, AxisError};
pub use frontier::{Flip, Frontier, Point};
pub use grid::Grid;
pub use rule::Rule;
