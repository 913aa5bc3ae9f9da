//! The types that algorithms see: thin, generic over a backend, the same everywhere.
//!
//! 1. `mutex`: [`Mutex`], [`MutexGuard`], [`Condvar`].
//! 2. `memory`: [`Cell`], [`Shared`], [`Atomic`], [`fence`].
//! 3. `thread`: [`scope`], [`run_threads`], [`park`], [`Spin`].
//! 4. `observe`: [`Label`], [`require`], [`reached`], [`choose`], [`checkpoint`].
//! 5. `attempt`: [`Attempt`], [`rounds`].

mod attempt;
mod memory;
mod mutex;
mod observe;
mod thread;

pub use attempt::{Attempt, Rounds, rounds};
pub use memory::{Atomic, AtomicBool, AtomicIsize, AtomicUsize, Cell, Shared, fence};
pub use mutex::{Condvar, Mutex, MutexGuard};
pub use observe::{Label, checkpoint, choose, looks_outside, reached, require};
pub use thread::{Scope, Spin, SpinCapped, Thread, current, park, run_threads, scope, yield_now};
