//! The audit of a search: its verdict is about every execution only if what the program does
//! follows from what the model sees.
//!
//! A search runs one execution of each Mazurkiewicz trace, and in it the silent steps of threads in
//! one order. Where the program decides by memory that the model does not have (a count of an
//! ordinary `Arc`, an atomic of std, a static, an address, a clock), executions of one trace differ,
//! and the search has seen one of them. So a sample of its traces is run again in other
//! linearisations, with other addresses, and has to come out the same.
//!
//! 1. `sample`: which executions are run again, and what they were.
//! 2. `linearise`: the order in which the steps of a trace are taken once more.
//! 3. `listener`: what the program tells the model, thread by thread.
//! 4. `addresses`: a heap on which the program's allocations come to lie elsewhere.
//! 5. `auditor`: runs a trace again and compares.

mod addresses;
mod auditor;
pub(super) mod linearise;
mod listener;
mod sample;

pub(super) use auditor::Auditor;
pub(super) use sample::Sample;
