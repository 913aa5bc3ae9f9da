//! What the announcing decorator needs of a backend beyond the trait.

use super::trace::Trouble;
use crate::sync::Backend;

/// A backend on which [`Announcing`](super::Announcing) can run.
pub trait Host: Backend {
    /// Whether threads run at the same time and are switched anywhere; otherwise they are
    /// coroutines that are switched at the backend's own operations only.
    const PREEMPTIVE: bool;
    /// How many threads there may be, the main one included.
    const MAX_THREADS: Option<usize>;
    /// Whether atomics follow a memory model weaker than sequential consistency.
    const WEAK_MEMORY: bool;

    /// A handle that ends a thread's [`Host::sleep`].
    type Waker: Clone + Send + Sync + 'static;
    /// An object whose only purpose is that visits to it are steps of the search that depend on
    /// each other.
    type Point: Send + Sync;
    /// The point of a thread's token, in a memory model of the host's also what makes an unpark
    /// happen before the park that takes the token.
    type Token: Send + Sync;

    /// The calling thread's handle.
    fn waker() -> Self::Waker;
    /// Blocks until woken. May return early, and may miss a wake-up from before the call only
    /// where another thread could not run between the caller's last test and the call.
    fn sleep();
    /// Ends a thread's sleep, or its next one on preemptive backends.
    fn wake(waker: &Self::Waker);
    /// A new point.
    #[track_caller]
    fn point() -> Self::Point;
    /// Visits a point: others may run before it.
    #[track_caller]
    fn visit(point: &Self::Point);
    /// A new token's point.
    #[track_caller]
    fn token() -> Self::Token;
    /// Visits a token's point: others may run before it, and what happens before earlier visits
    /// happens before it.
    #[track_caller]
    fn pass(token: &Self::Token);
    /// Lets others run before an access to plain memory, when races are not what is looked for.
    fn before_access();

    /// The calling thread's number: 0 for the main thread, then in the order of starts.
    fn index() -> usize;
    /// Sets the calling thread's number; once, before anything else that the thread does.
    fn set_index(index: usize);

    /// What a panic of the backend itself means; `None` when it is the program's.
    fn classify_panic(message: &str) -> Option<Trouble> {
        let _ = message;
        None
    }

    /// Gives the execution up from inside one of its threads: never returns.
    fn abandon() -> !;
}

/// The payload with which a thread of an abandoned execution unwinds.
#[derive(Debug)]
pub struct Abandoned;
