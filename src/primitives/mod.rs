//! Synchronisation primitives over the facade: what is checked is what ships.
//!
//! 1. [`semaphore`]: the counting semaphore, P and V, strong or weak; [`queued_semaphore`]: the one
//!    that is built of a mutex and condition variables; [`fast_semaphore`]: the one whose value is
//!    an atomic word.
//! 2. [`gate`]: the conditional critical region, for everything that waits for a condition.
//! 3. [`semaphore_set`]: Swait and Ssignal, all or nothing, built on the gate.
//! 4. [`rw_lock`] and [`barrier`]: readers and writers, and threads that wait for each other, built
//!    on the gate.
//! 5. [`lock`]: one lock in two builds, the facade's mutex or a semaphore of one.
//! 6. [`accept_gate`]: at most so many sessions of a server, and a shutdown that ends.
//! 7. [`pipe`]: blocks from thread to thread, with an end that both hear of; [`pipeline`]: three
//!    stages over two pipes, all blocks or one error.
//! 8. [`maildrop_lock`]: one session a maildrop, marks that count only when it quits.
//!
//! On a machine that has semaphores, sets, readers-writers locks or barriers of its own, these are
//! single steps of it instead.

pub mod accept_gate;
pub mod barrier;
pub mod fast_semaphore;
pub mod gate;
pub mod lock;
pub mod maildrop_lock;
pub mod pipe;
pub mod pipeline;
pub mod queued_semaphore;
pub mod rw_lock;
pub mod semaphore;
pub mod semaphore_set;

pub use accept_gate::{AcceptGate, Refused, Session, Shut, Unfinished};
pub use barrier::Barrier;
pub use fast_semaphore::FastSemaphore;
pub use gate::Gate;
pub use lock::{Lock, LockBuild, LockGuard};
pub use maildrop_lock::{InUse, Maildrop, MaildropLocks};
pub use pipe::{Closed, Pipe, PipeError, Receiver, Sender};
pub use pipeline::Pipeline;
pub use queued_semaphore::QueuedSemaphore;
pub use rw_lock::{RwGuard, RwLock};
pub use semaphore::{Permit, Semaphore};
pub use semaphore_set::SemaphoreSet;
