//! What runs code to its next announcement.
//!
//! 1. `coroutines`: the program's own code, on pooled stacks.
//! 2. `shuttle`: the same code, as shuttle's tasks.
//! 3. [`script`]: lists of operations, for oracles.

pub(super) mod coroutines;
pub mod script;
pub(super) mod shuttle;
