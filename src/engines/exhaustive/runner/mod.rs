//! What runs code to its next announcement.
//!
//! 1. `coroutines`: the program's own code, on pooled stacks.
//! 2. [`script`]: lists of operations, for oracles.

pub(super) mod coroutines;
pub mod script;
