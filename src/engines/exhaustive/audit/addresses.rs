//! Blocks by which the program's allocations come to lie elsewhere than in the run before.
//!
//! Allocators hand out first what was given back last. Before a run blocks of each small size are
//! given back in an order that differs from run to run, and after it as many are taken again, so
//! that neither the order nor the parity of the addresses of what the program allocates is what it
//! was.

use std::hint::black_box;

/// The largest size in bytes, of the size classes of 16 bytes each.
const LARGEST: usize = 256;

/// Blocks of each size that are held between two runs.
const HELD: usize = 8;

/// The most of them that are given back before a run.
const MOST: usize = 5;

/// Blocks of every small size.
#[derive(Debug)]
pub(super) struct Ballast {
    /// By size.
    blocks: Vec<Vec<Vec<u8>>>,
    chance: u64,
}

impl Ballast {
    /// Takes the blocks.
    pub(super) fn new() -> Self {
        let sizes = || (16..=LARGEST).step_by(16);
        let mut blocks: Vec<Vec<Vec<u8>>> = sizes().map(|_| Vec::with_capacity(HELD)).collect();
        // By turns, so that blocks of one size do not lie side by side.
        for _ in 0..HELD {
            for (size, of_size) in sizes().zip(&mut blocks) {
                of_size.push(block(size));
            }
        }
        Self {
            blocks,
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Gives some back, in an order of its own each time.
    pub(super) fn release(&mut self) {
        for at in 0..self.blocks.len() {
            for _ in 0..1 + self.draw(MOST) {
                let which = self.draw(self.blocks[at].len());
                drop(self.blocks[at].swap_remove(which));
            }
        }
    }

    /// Takes as many again.
    pub(super) fn refill(&mut self) {
        for (nth, of_size) in self.blocks.iter_mut().enumerate() {
            of_size.resize_with(HELD, || block(16 * (nth + 1)));
        }
    }

    /// A number below `below`: need not be unforeseeable (xorshift, Marsaglia 2003).
    fn draw(&mut self, below: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 33) as usize % below
    }
}

/// A block of a size class: allocators add a word of their own.
fn block(size: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(size - 8))
}
