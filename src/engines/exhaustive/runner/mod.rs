//! What runs code to its next announcement.
//!
//! 1. [`script`]: lists of operations, for oracles.

pub mod script;
