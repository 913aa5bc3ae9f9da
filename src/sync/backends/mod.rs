//! The machines.
//!
//! 1. [`os`]: the standard library's threads, as plain std code compiles to.
//! 2. [`loom`]: loom's model of the C11 memory model.
//! 3. [`shuttle`]: shuttle's sequentially consistent scheduler.

#[cfg(feature = "engines")]
pub mod loom;
pub mod os;
#[cfg(feature = "engines")]
pub mod shuttle;
