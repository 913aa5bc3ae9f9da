//! Laws of the parts, the limits of the engines, the command line, the README, the floors.

mod attacks;
mod cli;
mod compare;
mod floors;
mod isolation;
mod keeping;
mod laws;
mod limits;
mod linearize;
mod liveness;
mod minimal;
mod modes;
mod mutants;
mod oracle;
mod parallelism;
mod published;
mod readme;
mod rows;
mod runners;
mod semantics;
mod semaphores;
mod server_parts;
mod starvation;
mod stepping;
mod sweep;
mod zero_cost;
