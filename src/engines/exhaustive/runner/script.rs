//! The runner of programs that are lists of operations: for oracles, which compare searches on
//! programs that nobody wrote.

use crate::engines::exhaustive::explorer::{Decision, Divergence, Ended, Explorer};
use crate::engines::exhaustive::world::World;
use crate::sync::stepping::{ObjectId, Op, Place, Substance, ThreadId};

/// Where a thread of a script is: its next operation and what it remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Number of the next operation.
    pub at: usize,
    /// What it remembers.
    pub registers: [u64; 4],
}

/// A program whose threads all start at once and announce what a function says.
///
/// Its thread t is the model's thread t + 1; thread 0 starts them and ends.
pub trait Script {
    /// The objects; an operation names them by their position.
    fn objects(&self) -> Vec<Substance>;

    /// How many threads.
    fn threads(&self) -> usize;

    /// Called once for every execution, after the objects have been made.
    fn prepare(&self, world: &mut World) {
        let _ = world;
    }

    /// What plain memory holds after the write that thread `thread` of the script has just done.
    fn digest(&self, thread: usize, position: &Position) -> u64 {
        let _ = (thread, position);
        0
    }

    /// What thread `thread` of the script does next, after its last operation returned `last`;
    /// `None` when it ends.
    fn next(&self, thread: usize, position: &mut Position, last: u64) -> Option<Op>;

    /// As [`Script::next`], and tells the model what only the program knows: where all that a
    /// thread remembers is in a digest, that it waits, that it is served.
    fn next_in(
        &self,
        world: &mut World,
        thread: usize,
        position: &mut Position,
        last: u64,
    ) -> Option<Op> {
        let _ = world;
        self.next(thread, position, last)
    }
}

/// Runs a search over a script to its end. After each execution `seen` gets the world and how the
/// execution ended; it returns whether to go on.
///
/// # Errors
/// [`Divergence`] when the script is not a function of what its threads have seen.
pub fn explore(
    script: &dyn Script,
    world: &mut World,
    explorer: &mut dyn Explorer,
    mut seen: impl FnMut(&World, &dyn Explorer, Ended) -> bool,
) -> Result<(), Box<Divergence>> {
    let place: Place = std::panic::Location::caller();
    let objects = script.objects();
    let mut positions = Vec::new();
    let mut written = Vec::new();
    while explorer.begin() {
        world.begin();
        positions.clear();
        positions.resize(script.threads() + 1, Position::default());
        written.clear();
        written.resize(script.threads() + 1, None);
        let ended = loop {
            while let Some(thread) = world.next_runnable() {
                if thread == 0 {
                    start(world, script, &objects);
                } else {
                    let last = world.result(thread);
                    if let Some(Op::Write(memory)) = written[thread].take() {
                        let digest = script.digest(thread - 1, &positions[thread]);
                        world.written(thread, memory, Some(digest));
                    }
                    match script.next_in(world, thread - 1, &mut positions[thread], last) {
                        Some(op) => {
                            written[thread] = Some(op);
                            world.announce(thread, op, place);
                        }
                        None => world.finish(thread),
                    }
                }
            }
            match explorer.decide(world)? {
                Decision::Step {
                    thread,
                    alternative,
                } => world.apply(thread, alternative),
                Decision::Over => break Ended::Complete,
                Decision::Cut => break Ended::Cut,
            }
        };
        let go_on = seen(world, explorer, ended);
        explorer.end(world, ended);
        if !go_on {
            return Ok(());
        }
    }
    Ok(())
}

fn start(world: &mut World, script: &dyn Script, objects: &[Substance]) {
    for (id, substance) in objects.iter().enumerate() {
        let made: ObjectId = world.object(0, substance);
        debug_assert_eq!(made, id);
    }
    script.prepare(world);
    for thread in 0..script.threads() {
        let made: ThreadId = world.spawn(0);
        debug_assert_eq!(made, thread + 1);
    }
    world.finish(0);
}
