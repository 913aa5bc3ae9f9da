//! stub
use super::Context;
use crate::engines::Claimed;
/// stub
#[must_use]
pub fn render(_: &[Claimed], _: &Context) -> String { String::new() }
