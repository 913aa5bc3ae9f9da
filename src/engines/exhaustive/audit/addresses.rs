//! A heap on which the program's allocations come to lie elsewhere than before.
//!
//! Allocators hand out what was given back last. Blocks of each small size are taken, kept or given
//! back in an order that differs from run to run, so that neither the order nor the parity of the
//! addresses of what is allocated next is what it was.

use std::hint::black_box;

/// Sizes of blocks in bytes: every size class of 16 bytes up to here.
const LARGEST: usize = 256;

/// Blocks of each size.
const BLOCKS: usize = 4;

/// Blocks that are held, so that the program gets others.
#[derive(Debug)]
pub(super) struct Shifted {
    _held: Vec<Vec<u8>>,
}

/// Takes and gives back blocks; `round` says how, and differs from run to run.
pub(super) fn shift(round: u64) -> Shifted {
    let mut chance = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = move |below: usize| {
        // Xorshift (Marsaglia 2003): which blocks are kept need not be unforeseeable.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance >> 33) as usize % below
    };
    let mut held = Vec::new();
    for size in (16..=LARGEST).step_by(16) {
        let mut blocks: Vec<Vec<u8>> = (0..BLOCKS)
            // Eight bytes less: the size that an allocator adds its own word to.
            .map(|_| black_box(Vec::with_capacity(size - 8)))
            .collect();
        let kept = draw(BLOCKS + 1);
        for _ in kept..BLOCKS {
            drop(blocks.swap_remove(draw(blocks.len())));
        }
        held.append(&mut blocks);
    }
    Shifted { _held: held }
}
