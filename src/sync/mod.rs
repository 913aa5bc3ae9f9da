//! What an algorithm may assume about its machine.
//!
//! 1. [`Backend`]: the trait that a machine implements; zero-sized types, static functions.
//! 2. The facade: [`Mutex`], [`Condvar`], [`Cell`], [`Shared`], [`Atomic`], [`scope`],
//!    [`run_threads`] and their like, generic over a backend. Algorithms see nothing else.
//! 3. [`backends`]: OS threads, loom, shuttle.
//! 4. [`announcing`]: the decorator that tells every operation before it happens; the seam for
//!    traces, deadlock detection, counterexamples and replay.
//! 5. [`stepping`]: the backend whose operations a model applies, one step at a time.
//! 6. [`mutating`]: the decorator that changes one operation of a correct program.
//! 7. [`Semantics`]: the choices that a checking backend makes explicit.

#[cfg(feature = "engines")]
pub mod announcing;
mod backend;
pub mod backends;
mod facade;
#[cfg(feature = "engines")]
pub(crate) mod foreign;
#[cfg(feature = "engines")]
pub(crate) mod last_step;
#[cfg(feature = "engines")]
pub mod mutating;
mod name;
mod property;
mod semantics;
#[cfg(feature = "engines")]
pub mod stepping;

pub use backend::{
    Atomic as AtomicApi, AtomicInt, Backend, BarrierApi, Body, CellApi, Composite, Kind, Moment,
    Need, NoUnits, Progress, UnitsApi, Until,
};
pub use backends::os::Os;
pub use facade::{
    Atomic, AtomicBool, AtomicIsize, AtomicUsize, Attempt, Cell, Condvar, Label, Mutex, MutexGuard,
    Rounds, Scope, Shared, Spin, SpinCapped, Thread, checkpoint, choose, current, fence,
    looks_outside, park, reached, require, rounds, run_threads, scope, yield_now,
};
pub use name::Name;
pub use property::Property;
pub use semantics::{NotifyOrder, Semantics, SemaphoreOrder, SwaitOrder};
