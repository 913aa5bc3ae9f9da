//! The pipe: blocks from one thread to another through a ring of n slots, and an end that both
//! sides hear of.
//!
//! The bounded buffer with two semaphores (Dijkstra, EWD 123, 1965). Whoever leaves gives the other
//! side one unit more than there are slots or blocks for, so that nobody waits for someone who is
//! gone: a unit of `full` for a slot without a block is the sender's end.

use std::fmt;
use std::hash::Hash;

use super::Semaphore;
use crate::sync::{Backend, Mutex, Name, Shared};

/// A bounded buffer of blocks between one [`Sender`] and one [`Receiver`].
///
/// Blocks are swapped with those in the slots, never copied and never allocated: a put returns the
/// block that its slot held, a take leaves the caller's in it. So `n` slots and one block a side
/// are all that is ever needed, and they serve run after run. What a returned block holds is
/// stale; fill it anew, its length included.
///
/// Every block comes out once and in order. Everything before a put happens before everything after
/// the take of its block.
///
/// `E` is the error that a sender can leave behind instead of an end.
///
/// ```
/// use crosscheck::primitives::Pipe;
/// use crosscheck::sync::Os;
///
/// let mut pipe = Pipe::<Os, Vec<u8>, std::io::Error>::new("pipe", 2, || Vec::with_capacity(1 << 18));
/// let (mut sender, mut receiver) = pipe.ends();
/// std::thread::scope(|scope| {
///     scope.spawn(move || {
///         let mut block = Vec::new();
///         for byte in 0..10 {
///             block.clear();
///             block.push(byte);
///             if sender.put(&mut block).is_err() {
///                 return;
///             }
///         }
///         sender.finish();
///     });
///     let (mut block, mut bytes) = (Vec::new(), Vec::new());
///     while receiver.take(&mut block).unwrap() {
///         bytes.extend_from_slice(&block);
///     }
///     assert!(bytes.into_iter().eq(0..10));
/// });
/// ```
pub struct Pipe<B: Backend, T: Send, E: Send> {
    name: Name,
    slots: Vec<Shared<B, Slot<T>>>,
    /// How many runs there have been.
    run: u64,
    link: Link<B, E>,
}

/// What the two sides share in one run, beside the slots.
struct Link<B: Backend, E: Send> {
    /// A unit for every slot without a block, and one when the receiver is gone.
    empty: Semaphore<B>,
    /// A unit for every slot with a block, and one when the sender is gone.
    full: Semaphore<B>,
    /// Changed before the last V of the side that it is about.
    ends: Mutex<B, Ends<E>>,
}

/// What became of the two sides.
struct Ends<E> {
    /// `Gone` until the sender has said something else.
    sender: End<E>,
    receiver_gone: bool,
}

#[derive(Hash)]
struct Slot<T> {
    block: T,
    /// The run whose block it is; of any other, or none, it is stale.
    full: Option<u64>,
}

enum End<E> {
    Finished,
    Failed(E),
    /// Without a word: its thread panicked, or the error has been taken already.
    Gone,
}

impl<B: Backend, E: Send> Link<B, E> {
    #[track_caller]
    fn new(name: Name, slots: usize) -> Self {
        Self {
            empty: Semaphore::new("empty", slots),
            full: Semaphore::new("full", 0),
            ends: Mutex::new(
                name,
                Ends {
                    sender: End::Gone,
                    receiver_gone: false,
                },
            ),
        }
    }
}

impl<B: Backend, T: Send + Hash, E: Send> Pipe<B, T, E> {
    /// A pipe of `capacity` slots, which hold blocks made by `block`.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[track_caller]
    pub fn new(name: impl Into<Name>, capacity: usize, mut block: impl FnMut() -> T) -> Self {
        assert!(capacity > 0, "a pipe without room for a block");
        let name = name.into();
        let slot = |i| {
            let block = block();
            Shared::new(("slot", i), Slot { block, full: None })
        };
        Self {
            name,
            slots: (0..capacity).map(slot).collect(),
            run: 0,
            link: Link::new(name, capacity),
        }
    }

    /// The two ends of a run. What the run before has left in the slots is not in it.
    #[track_caller]
    pub fn ends(&mut self) -> (Sender<'_, B, T, E>, Receiver<'_, B, T, E>) {
        self.run += 1;
        self.link = Link::new(self.name, self.slots.len());
        let pipe = &*self;
        let sender = Sender {
            pipe,
            next: 0,
            ended: false,
        };
        let receiver = Receiver {
            pipe,
            next: 0,
            end: None,
        };
        (sender, receiver)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) % self.slots.len()
    }
}

impl<B: Backend, T: Send, E: Send> fmt::Debug for Pipe<B, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("name", &self.name)
            .field("capacity", &self.slots.len())
            .finish_non_exhaustive()
    }
}

/// The end of a [`Pipe`] that puts blocks in.
///
/// It says how it ends by [`Sender::finish`] or [`Sender::fail`]. One that is dropped without a
/// word, by a panic, say, is [`PipeError::Gone`] at the other end, never a clean end.
#[must_use = "a sender that is dropped breaks the pipe"]
pub struct Sender<'a, B: Backend, T: Send, E: Send> {
    pipe: &'a Pipe<B, T, E>,
    /// The slot of the next put.
    next: usize,
    ended: bool,
}

impl<B: Backend, T: Send + Hash, E: Send> Sender<'_, B, T, E> {
    /// Puts `block` in and gets the block of its slot for it, to be used again. Blocks while all
    /// slots are full.
    ///
    /// # Errors
    /// [`Closed`] when the receiver is gone, before the call or while it waits: `block` is as it
    /// was. What was put before may not have been taken.
    #[track_caller]
    pub fn put(&mut self, block: &mut T) -> Result<(), Closed> {
        let link = &self.pipe.link;
        link.empty.p();
        // A slot that nobody empties any more was not what ended the wait, and even where one is
        // free nothing is put in for nobody.
        if link.ends.lock().receiver_gone {
            return Err(Closed);
        }
        self.pipe.slots[self.next].with_mut(|slot| {
            std::mem::swap(&mut slot.block, block);
            slot.full = Some(self.pipe.run);
        });
        self.next = self.pipe.after(self.next);
        link.full.v();
        Ok(())
    }
}

impl<B: Backend, T: Send, E: Send> Sender<'_, B, T, E> {
    /// Ends the pipe: after the last block the receiver is told so. Never blocks for long.
    #[track_caller]
    pub fn finish(mut self) {
        self.end(End::Finished);
    }

    /// Ends the pipe with an error, which the receiver gets after the last block; it is dropped if
    /// the receiver is gone. Never blocks for long.
    #[track_caller]
    pub fn fail(mut self, error: E) {
        self.end(End::Failed(error));
    }

    #[track_caller]
    fn end(&mut self, end: End<E>) {
        self.ended = true;
        let link = &self.pipe.link;
        link.ends.lock().sender = end;
        link.full.v();
    }
}

impl<B: Backend, T: Send, E: Send> Drop for Sender<'_, B, T, E> {
    fn drop(&mut self) {
        if !self.ended && !B::tearing_down() {
            self.end(End::Gone);
        }
    }
}

impl<B: Backend, T: Send, E: Send> fmt::Debug for Sender<'_, B, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The end of a [`Pipe`] that takes blocks out.
///
/// Dropped, at whatever moment, it closes the pipe: the sender is told so by its next put.
#[must_use = "a receiver that is dropped closes the pipe"]
pub struct Receiver<'a, B: Backend, T: Send, E: Send> {
    pipe: &'a Pipe<B, T, E>,
    /// The slot of the next take.
    next: usize,
    /// Whether the sender's end was clean, once it was met.
    end: Option<bool>,
}

impl<B: Backend, T: Send + Hash, E: Send> Receiver<'_, B, T, E> {
    /// Takes the next block out and leaves `block` in its slot, to be used again. Blocks while all
    /// slots are empty.
    ///
    /// Returns `false`, now and ever after, when the sender has finished and all is taken; `block`
    /// is as it was then.
    ///
    /// # Errors
    /// [`PipeError`] when all is taken that a sender put in that did not finish. The error itself is
    /// returned once, [`PipeError::Gone`] ever after.
    #[track_caller]
    pub fn take(&mut self, block: &mut T) -> Result<bool, PipeError<E>> {
        match self.end {
            Some(true) => return Ok(false),
            Some(false) => return Err(PipeError::Gone),
            None => {}
        }
        let link = &self.pipe.link;
        link.full.p();
        let taken = self.pipe.slots[self.next].with_mut(|slot| {
            let taken = slot.full == Some(self.pipe.run);
            if taken {
                std::mem::swap(&mut slot.block, block);
                slot.full = None;
            }
            taken
        });
        if !taken {
            let end = std::mem::replace(&mut link.ends.lock().sender, End::Gone);
            self.end = Some(matches!(end, End::Finished));
            return match end {
                End::Finished => Ok(false),
                End::Failed(error) => Err(PipeError::Failed(error)),
                End::Gone => Err(PipeError::Gone),
            };
        }
        self.next = self.pipe.after(self.next);
        link.empty.v();
        Ok(true)
    }
}

impl<B: Backend, T: Send, E: Send> Drop for Receiver<'_, B, T, E> {
    fn drop(&mut self) {
        if B::tearing_down() {
            return;
        }
        let link = &self.pipe.link;
        link.ends.lock().receiver_gone = true;
        link.empty.v();
    }
}

impl<B: Backend, T: Send, E: Send> fmt::Debug for Receiver<'_, B, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The receiver of a pipe takes no more blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiving side has stopped, stop too: it knows why")
    }
}

impl std::error::Error for Closed {}

/// The sender of a pipe did not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipeError<E> {
    /// It left this error.
    Failed(E),
    /// It left nothing: its thread panicked or forgot to finish.
    Gone,
}

impl<E: fmt::Display> fmt::Display for PipeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Gone => f.write_str("the sending side ended without finishing"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for PipeError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its text is this one's: the next is what is behind it.
            Self::Failed(error) => error.source(),
            Self::Gone => None,
        }
    }
}
