//! Synchronisation primitives over the facade: what is checked is what ships.
//!
//! 1. [`semaphore`]: the counting semaphore, P and V, strong or weak; [`queued_semaphore`]: the one
//!    that is built of a mutex and condition variables.
//! 2. [`gate`]: the conditional critical region, for everything that waits for a condition.
//! 3. [`semaphore_set`]: Swait and Ssignal, all or nothing, built on the gate.
//! 4. [`rw_lock`] and [`barrier`]: readers and writers, and threads that wait for each other, built
//!    on the gate.
//! 5. [`lock`]: one lock in two builds, the facade's mutex or a semaphore of one.
//!
//! On a machine that has semaphores, sets, readers-writers locks or barriers of its own, these are
//! single steps of it instead.

pub mod barrier;
pub mod gate;
pub mod lock;
pub mod queued_semaphore;
pub mod rw_lock;
pub mod semaphore;
pub mod semaphore_set;

pub use barrier::Barrier;
pub use gate::Gate;
pub use lock::{Lock, LockBuild, LockGuard};
pub use queued_semaphore::QueuedSemaphore;
pub use rw_lock::{RwGuard, RwLock};
pub use semaphore::{Permit, Semaphore};
pub use semaphore_set::SemaphoreSet;
