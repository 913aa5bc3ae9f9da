//! Laws of the parts, the limits of the engines, the command line, the README, the floors.

mod attacks;
mod cli;
mod floors;
mod isolation;
mod laws;
mod limits;
mod liveness;
mod minimal;
mod modes;
mod oracle;
mod published;
mod readme;
mod runners;
mod semantics;
mod server_parts;
mod starvation;
mod stepping;
mod zero_cost;
