//! What infinite executions do: known answers, and an independent oracle on random programs.

mod known;
mod machine;
mod oracle;
mod systems;
