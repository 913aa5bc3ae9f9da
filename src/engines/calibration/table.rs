//! x
use super::probe::Probe;
/// x
pub fn render(p: &[Probe]) -> String { format!("{p:#?}") }
/// x
pub fn mistakes(_p: &[Probe]) -> Vec<String> { vec![] }
/// x
pub fn changes(_p: &[Probe]) -> Vec<String> { vec![] }
