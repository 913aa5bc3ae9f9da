//! The pipeline: a source, a transform and a sink, each on a thread of its own, over two pipes.
//!
//! The processes P, Q and R of the textbooks, made to end: a stage that fails, panics or has done
//! all leaves no other waiting, and what comes out is everything or one error.

use std::fmt;
use std::hash::Hash;

use super::pipe::{Pipe, PipeError, Receiver, Sender};
use crate::sync::{Backend, Name, scope};

/// Three stages over two [`Pipe`]s, with all the blocks that they ever need.
///
/// The source fills blocks, the transform changes each in place, the sink uses it up. They run at
/// the same time, at most so far apart as there are slots. An error travels downstream, behind the
/// blocks before it, so it is the sink's thread that learns it; upstream goes only the word to
/// stop. The result of a run is therefore one: all blocks went through the sink, each once and in
/// order, or the first of the errors, in the order of blocks and stages.
///
/// ```
/// use crosscheck::primitives::Pipeline;
/// use crosscheck::sync::Os;
/// use std::io::Read;
///
/// let mut pipeline = Pipeline::<Os, Vec<u8>, std::io::Error>::new("copy", (2, 2), Vec::new);
/// let (mut file, mut socket) = (&b"any file"[..], Vec::new());
/// pipeline.run(
///     |block| {
///         block.clear();
///         // Blocks of three bytes; the last one is shorter.
///         Ok(file.by_ref().take(3).read_to_end(block)? > 0)
///     },
///     |block| {
///         block.make_ascii_uppercase();
///         Ok(())
///     },
///     |block| {
///         socket.extend_from_slice(block);
///         Ok(())
///     },
/// )?;
/// assert_eq!(socket, b"ANY FILE");
/// # Ok::<(), crosscheck::primitives::PipeError<std::io::Error>>(())
/// ```
pub struct Pipeline<B: Backend, T: Send, E: Send> {
    first: Pipe<B, T, E>,
    second: Pipe<B, T, E>,
    /// What each stage has in hand.
    hands: [T; 3],
}

impl<B: Backend, T: Send + Sync + Hash, E: Send> Pipeline<B, T, E> {
    /// A pipeline with so many slots between source and transform, and between transform and sink;
    /// `block` is called once for every slot and every stage, and never again.
    ///
    /// # Panics
    /// When a pipe has no slot.
    #[track_caller]
    pub fn new(
        name: impl Into<Name>,
        (first, second): (usize, usize),
        mut block: impl FnMut() -> T,
    ) -> Self {
        let name = name.into();
        Self {
            first: Pipe::new(name, first, &mut block),
            second: Pipe::new(name, second, &mut block),
            hands: std::array::from_fn(|_| block()),
        }
    }

    /// Sends blocks from `source` through `transform` to `sink` until the source has no more or a
    /// stage fails; returns when all three have stopped. Blocks. May be called again and again.
    ///
    /// `source` fills a block, which holds what it held before, and returns `true`; or it returns
    /// `false` when there is none left. `sink` runs on the calling thread, the two others on
    /// threads that end before this returns: a source that waits for something else than the pipe
    /// is not interrupted. A stage is not called again once it has returned an error.
    ///
    /// # Errors
    /// The error of the stage that failed on the earliest block, of several on the same block the
    /// one nearest to the source: the sink has had every block before it, and no more.
    ///
    /// # Panics
    /// With the panic of a stage, when all have stopped; the others take it for an error.
    #[track_caller]
    pub fn run(
        &mut self,
        source: impl FnMut(&mut T) -> Result<bool, E> + Send,
        transform: impl FnMut(&mut T) -> Result<(), E> + Send,
        sink: impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<(), PipeError<E>> {
        let (to_transform, from_source) = self.first.ends();
        let (to_sink, from_transform) = self.second.ends();
        let [at_source, at_transform, at_sink] = &mut self.hands;
        scope::<B, _>(|scope| {
            scope.spawn("source", move || feed(to_transform, at_source, source));
            scope.spawn("transform", move || {
                relay(from_source, to_sink, at_transform, transform);
            });
            consume(from_transform, at_sink, sink)
        })
    }
}

impl<B: Backend, T: Send, E: Send> fmt::Debug for Pipeline<B, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("first", &self.first)
            .field("second", &self.second)
            .finish_non_exhaustive()
    }
}

/// The first stage: fills blocks until there are no more, or nobody wants them.
fn feed<B: Backend, T: Send + Hash, E: Send>(
    mut output: Sender<'_, B, T, E>,
    block: &mut T,
    mut source: impl FnMut(&mut T) -> Result<bool, E>,
) {
    loop {
        match source(block) {
            Ok(true) => {
                if output.put(block).is_err() {
                    return;
                }
            }
            Ok(false) => return output.finish(),
            Err(error) => return output.fail(error),
        }
    }
}

/// The stage between: its input is closed when it returns, by the drop of its end.
fn relay<B: Backend, T: Send + Hash, E: Send>(
    mut input: Receiver<'_, B, T, E>,
    mut output: Sender<'_, B, T, E>,
    block: &mut T,
    mut transform: impl FnMut(&mut T) -> Result<(), E>,
) {
    loop {
        match input.take(block) {
            Ok(true) => {
                if let Err(error) = transform(block) {
                    return output.fail(error);
                }
                if output.put(block).is_err() {
                    return;
                }
            }
            Ok(false) => return output.finish(),
            Err(PipeError::Failed(error)) => return output.fail(error),
            // The word for it is to be dropped without one.
            Err(PipeError::Gone) => return,
        }
    }
}

/// The last stage: what it returns is what became of the whole.
fn consume<B: Backend, T: Send + Hash, E: Send>(
    mut input: Receiver<'_, B, T, E>,
    block: &mut T,
    mut sink: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), PipeError<E>> {
    while input.take(block)? {
        sink(block).map_err(PipeError::Failed)?;
    }
    Ok(())
}
