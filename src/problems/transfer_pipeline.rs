//! The pipeline of a file transfer: a reader, an encoder and a writer over two bounded buffers.
//!
//! The reader fills blocks, the encoder changes each in place, the writer sends it: the processes P,
//! Q and R of the textbooks. Each may fail on any block, several in one run; on which is a recorded
//! choice, made before the run.
//!
//! The invariant: every block is written once, encoded and in order, or the run ends with one error,
//! that of the earliest block, and the blocks before it are written; nobody is left waiting. In the
//! wrong variant a stage closes its buffers at the end of its function, which an early return does
//! not reach.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{Problem, Variant};
use crate::primitives::{Closed, Pipe, PipeError, Pipeline, Receiver, Sender};
use crate::scenario::{Instance, Memory, Parameter, Property, Scenario, Truth, require};
use crate::sync::{Backend, choose, scope};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "transfer-pipeline",
        summary: "reader, encoder and writer over two buffers, each of which may fail",
        variants: vec![
            Variant {
                program: Arc::new(Transfer {
                    name: "transfer-pipeline/two-buffers",
                    rule: Rule::TwoBuffers,
                }),
                summary: "a stage that ends closes its buffers, on every path",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Transfer {
                    name: "transfer-pipeline/no-close",
                    rule: Rule::NoClose,
                }),
                summary: "a stage that fails leaves its buffers open",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // The reader fails at once, and the encoder waits for its first block.
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

/// A reader, an encoder and a writer.
struct Transfer {
    name: &'static str,
    rule: Rule,
}

/// What a stage does that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    TwoBuffers,
    NoClose,
}

impl Scenario for Transfer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let items = match self.rule {
            Rule::TwoBuffers => 2,
            Rule::NoClose => 1,
        };
        let mut parameters = vec![
            Parameter::number("items", "blocks of a file", items, (1, 1000)),
            Parameter::number("capacity", "slots of each buffer", 1, (1, 64)),
        ];
        if self.rule == Rule::TwoBuffers {
            let help = "files, one after the other through the same buffers";
            parameters.push(Parameter::number("rounds", help, 1, (1, 64)));
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::DataRaceFreedom,
            Property::Conservation,
            Property::FifoOrder,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (items, capacity) = (instance.number("items"), instance.number("capacity"));
        match self.rule {
            Rule::TwoBuffers => {
                let slots = (capacity, capacity);
                let mut pipeline = Pipeline::<B, _, _>::new("buffer", slots, Block::stale);
                for _ in 0..instance.number("rounds") {
                    let file = File::<B>::choose(self.rule, items);
                    let mut written = 0;
                    let result =
                        pipeline.run(file.reader(), file.encoder(), file.writer(&mut written));
                    file.settle(result, written);
                }
            }
            Rule::NoClose => {
                let file = File::<B>::choose(self.rule, items);
                let mut written = 0;
                let result = close_by_hand::<B>(&file, capacity, &mut written);
                file.settle(result, written);
            }
        }
    }
}

/// What goes through the buffers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Block {
    /// None in a block that nobody has filled.
    number: Option<usize>,
    encoded: bool,
}

impl Block {
    fn stale() -> Self {
        Self {
            number: None,
            encoded: true,
        }
    }
}

/// A stage, in the order in which a block comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Reader,
    Encoder,
    Writer,
}

/// What goes wrong: the block and the stage; the least is the one that is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    block: usize,
    stage: Stage,
}

/// A file and the faults that it meets on its way.
struct File<B: Backend> {
    items: usize,
    faults: Vec<Fault>,
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend> File<B> {
    fn choose(rule: Rule, items: usize) -> Self {
        let mut faults = Vec::new();
        // The reader may fail on the end of the file, too.
        let stages = [
            (Stage::Reader, "reader fails at", items + 1),
            (Stage::Encoder, "encoder fails at", items),
            (Stage::Writer, "writer fails at", items),
        ];
        for (stage, name, moments) in stages {
            let chosen = choose::<B>(name, moments + 1);
            // A search that is cut sees the first first: no fault where all is right.
            let block = match rule {
                Rule::TwoBuffers => chosen.checked_sub(1),
                Rule::NoClose => (chosen < moments).then_some(chosen),
            };
            if let Some(block) = block {
                faults.push(Fault { block, stage });
            }
        }
        Self {
            items,
            faults,
            backend: PhantomData,
        }
    }

    fn pass(&self, stage: Stage, block: usize) -> Result<(), Fault> {
        let fault = Fault { block, stage };
        if self.faults.contains(&fault) {
            return Err(fault);
        }
        Ok(())
    }

    fn reader(&self) -> impl FnMut(&mut Block) -> Result<bool, Fault> + Send {
        let mut next = 0;
        move |block| {
            self.pass(Stage::Reader, next)?;
            if next == self.items {
                return Ok(false);
            }
            block.number = Some(next);
            block.encoded = false;
            next += 1;
            Ok(true)
        }
    }

    fn encoder(&self) -> impl FnMut(&mut Block) -> Result<(), Fault> + Send {
        let mut next = 0;
        move |block| {
            self.pass(Stage::Encoder, next)?;
            expect::<B>(
                block,
                &Block {
                    number: Some(next),
                    encoded: false,
                },
            );
            block.encoded = true;
            next += 1;
            Ok(())
        }
    }

    fn writer(&self, written: &mut usize) -> impl FnMut(&mut Block) -> Result<(), Fault> {
        move |block| {
            self.pass(Stage::Writer, *written)?;
            expect::<B>(
                block,
                &Block {
                    number: Some(*written),
                    encoded: true,
                },
            );
            *written += 1;
            Ok(())
        }
    }

    /// Everything, or one error and what comes before it.
    fn settle(&self, result: Result<(), PipeError<Fault>>, written: usize) {
        let fault = self.faults.iter().min().copied();
        let expected = fault.map_or(Ok(()), |fault| Err(PipeError::Failed(fault)));
        require::<B>(Property::Invariant, result == expected, || {
            format!("the transfer ends with {result:?} where {expected:?} is right")
        });
        let before = fault.map_or(self.items, |fault| fault.block);
        require::<B>(Property::Conservation, written == before, || {
            format!("{written} blocks are written where {before} are right")
        });
    }
}

fn expect<B: Backend>(block: &Block, expected: &Block) {
    require::<B>(Property::FifoOrder, block == expected, || {
        format!("{block:?} comes where {expected:?} is next")
    });
}

/// The early end of a stage that closes nothing.
#[derive(Debug)]
enum Stop {
    Closed,
    Failed(PipeError<Fault>),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<PipeError<Fault>> for Stop {
    fn from(error: PipeError<Fault>) -> Self {
        Self::Failed(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(PipeError::Failed(fault))
    }
}

/// The three stages without guards: each closes its buffers on its last lines, which no `?` reaches.
fn close_by_hand<B: Backend>(
    file: &File<B>,
    capacity: usize,
    written: &mut usize,
) -> Result<(), PipeError<Fault>> {
    let mut first = Pipe::<B, Block, Fault>::new("first", capacity, Block::stale);
    let mut second = Pipe::<B, Block, Fault>::new("second", capacity, Block::stale);
    let (to_encoder, from_reader) = first.ends();
    let (to_writer, from_encoder) = second.ends();
    let result = scope::<B, _>(|scope| {
        scope.spawn("reader", move || {
            let _ = read(ManuallyDrop::new(to_encoder), file.reader());
        });
        scope.spawn("encoder", move || {
            let (input, output) = (ManuallyDrop::new(from_reader), ManuallyDrop::new(to_writer));
            let _ = encode(input, output, file.encoder());
        });
        write(ManuallyDrop::new(from_encoder), file.writer(written))
    });
    match result {
        Ok(()) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Closed) => unreachable!("the writer has no receiver"),
    }
}

fn read<B: Backend>(
    mut output: ManuallyDrop<Sender<'_, B, Block, Fault>>,
    mut source: impl FnMut(&mut Block) -> Result<bool, Fault>,
) -> Result<(), Stop> {
    let mut block = Block::stale();
    while source(&mut block)? {
        output.put(&mut block)?;
    }
    ManuallyDrop::into_inner(output).finish();
    Ok(())
}

fn encode<B: Backend>(
    mut input: ManuallyDrop<Receiver<'_, B, Block, Fault>>,
    mut output: ManuallyDrop<Sender<'_, B, Block, Fault>>,
    mut transform: impl FnMut(&mut Block) -> Result<(), Fault>,
) -> Result<(), Stop> {
    let mut block = Block::stale();
    while input.take(&mut block)? {
        transform(&mut block)?;
        output.put(&mut block)?;
    }
    drop(ManuallyDrop::into_inner(input));
    ManuallyDrop::into_inner(output).finish();
    Ok(())
}

fn write<B: Backend>(
    mut input: ManuallyDrop<Receiver<'_, B, Block, Fault>>,
    mut sink: impl FnMut(&mut Block) -> Result<(), Fault>,
) -> Result<(), Stop> {
    let mut block = Block::stale();
    while input.take(&mut block)? {
        sink(&mut block)?;
    }
    drop(ManuallyDrop::into_inner(input));
    Ok(())
}
