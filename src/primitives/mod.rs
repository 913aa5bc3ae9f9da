//! Synchronisation primitives over the facade: what is checked is what ships.
//!
//! 1. [`semaphore`]: the counting semaphore, P and V, strong or weak.
//! 2. [`gate`]: the conditional critical region, for everything that waits for a condition.
//! 3. [`semaphore_set`]: Swait and Ssignal, all or nothing, built on the gate.
//! 4. [`lock`]: one lock in two builds, the facade's mutex or a semaphore of one.

pub mod gate;
pub mod lock;
pub mod semaphore;
pub mod semaphore_set;

pub use gate::Gate;
pub use lock::{Lock, LockBuild, LockGuard};
pub use semaphore::{Permit, Semaphore};
pub use semaphore_set::SemaphoreSet;
