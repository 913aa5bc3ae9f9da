//! Random programs over every operation of the facade, as data: what one engine proves no other may
//! refute, all ends are those of the brute force, and no engine fails.
//!
//! 1. [`program`]: a program, and how one is made of a random program of the oracle.
//! 2. [`run`]: the scenario that runs it on any backend.
//! 3. [`law`]: what the engines may say of it, and the tests.

mod law;
mod program;
mod run;
