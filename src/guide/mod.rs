//! Chapters for users: no code, but what has to be known to write a scenario and to read a verdict.
//!
//! 1. [`your_code`]: what a checked program may use beside the facade, and what happens when it uses
//!    something else.

pub mod your_code;
