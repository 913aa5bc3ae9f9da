//! Laws of the parts, the limits of the engines, the command line, the README, the floors.

mod attacks;
mod cli;
mod floors;
mod isolation;
mod laws;
mod limits;
mod oracle;
mod readme;
mod semantics;
mod zero_cost;

// The operations that the oracle reads name it as a module of their crate.
use crosscheck::sync;
