//! Threads as small machine programs that loop for ever, so that their counter is all they remember.

use crosscheck::engines::exhaustive::runner::script::{Position, Script};
use crosscheck::engines::exhaustive::world::World;
use crosscheck::sync::SwaitOrder;
use crosscheck::sync::stepping::{Change, Need, Op, Substance};
use std::panic::Location;

#[derive(Clone, Copy, Debug)]
pub(super) enum Instr {
    Do(Op),
    /// The next operation ends the doorway.
    Request,
    Served,
    Jump(usize),
    /// Jumps if the last result is this.
    If(u64, usize),
    /// Jumps if the last result is anything else.
    Unless(u64, usize),
    End,
}

/// A program under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Code(pub Vec<Instr>);

/// A jump whose target is not known yet.
#[must_use]
pub(super) struct Hole(usize);

impl Code {
    pub(super) fn act(&mut self, op: Op) -> &mut Self {
        self.0.push(Instr::Do(op));
        self
    }

    pub(super) fn take(&mut self, object: usize) -> &mut Self {
        self.act(Op::Take {
            object,
            units: 1,
            shared: false,
        })
    }

    pub(super) fn give(&mut self, object: usize) -> &mut Self {
        self.act(Op::Give {
            object,
            units: 1,
            shared: false,
        })
    }

    pub(super) fn add(&mut self, word: usize, by: i64) -> &mut Self {
        self.act(Op::Modify(word, Change::Add(by as u64)))
    }

    pub(super) fn request(&mut self) -> &mut Self {
        self.0.push(Instr::Request);
        self
    }

    pub(super) fn served(&mut self) -> &mut Self {
        self.0.push(Instr::Served);
        self
    }

    pub(super) fn skip_if(&mut self, value: u64) -> Hole {
        self.0.push(Instr::If(value, usize::MAX));
        Hole(self.0.len() - 1)
    }

    pub(super) fn skip_unless(&mut self, value: u64) -> Hole {
        self.0.push(Instr::Unless(value, usize::MAX));
        Hole(self.0.len() - 1)
    }

    /// The jump leads here.
    pub(super) fn here(&mut self, hole: Hole) -> &mut Self {
        let end = self.0.len();
        match &mut self.0[hole.0] {
            Instr::If(_, target) | Instr::Unless(_, target) => *target = end,
            other => panic!("{other:?} is no hole"),
        }
        self
    }

    pub(super) fn for_ever(&mut self) -> Self {
        self.0.push(Instr::Jump(0));
        std::mem::take(self)
    }
}

/// Objects and threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub objects: Vec<Substance>,
    pub threads: Vec<Code>,
    pub needs: Vec<Vec<Need>>,
}

impl Program {
    pub(super) fn semaphore(&mut self, count: u32, order: SwaitOrder) -> usize {
        self.set(&[count], order)
    }

    pub(super) fn set(&mut self, free: &[u32], order: SwaitOrder) -> usize {
        self.objects.push(Substance::Units {
            free: free.to_vec(),
            order,
        });
        self.objects.len() - 1
    }

    pub(super) fn word(&mut self, value: u64) -> usize {
        self.objects.push(Substance::Word(value));
        self.objects.len() - 1
    }
}

impl Script for Program {
    fn objects(&self) -> Vec<Substance> {
        self.objects.clone()
    }

    fn threads(&self) -> usize {
        self.threads.len()
    }

    fn prepare(&self, world: &mut World) {
        for (number, needs) in self.needs.iter().enumerate() {
            assert_eq!(world.needs(needs), number);
        }
    }

    fn next(&self, _: usize, _: &mut Position, _: u64) -> Option<Op> {
        unreachable!("it is asked in its world")
    }

    fn next_in(
        &self,
        world: &mut World,
        thread: usize,
        position: &mut Position,
        last: u64,
    ) -> Option<Op> {
        let id = thread + 1;
        loop {
            let instr = self.threads[thread].0[position.at];
            position.at += 1;
            match instr {
                Instr::Do(op) => {
                    world.checkpoint(id, None, position.at as u64, Location::caller());
                    return Some(op);
                }
                Instr::Request => world.waits_from_next(id),
                Instr::Served => world.served(id),
                Instr::Jump(target) => position.at = target,
                Instr::If(value, target) if last == value => position.at = target,
                Instr::Unless(value, target) if last != value => position.at = target,
                Instr::If(..) | Instr::Unless(..) => {}
                Instr::End => {
                    world.checkpoint(id, None, 0, Location::caller());
                    return None;
                }
            }
        }
    }
}
