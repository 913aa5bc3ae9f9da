//! Tables by the key of a state.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A key of 128 bits, in two words: next to a value of one word it takes three and not four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    low: u64,
    high: u64,
}

impl From<u128> for Key {
    fn from(key: u128) -> Self {
        Self {
            low: key as u64,
            high: (key >> 64) as u64,
        }
    }
}

impl From<Key> for u128 {
    fn from(key: Key) -> Self {
        Self::from(key.high) << 64 | Self::from(key.low)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.low);
    }
}

/// Keys are mixed already: the table takes their low word.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowWord(u64);

impl Hasher for LowWord {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// A table by key.
pub type ByKey<V> = HashMap<Key, V, BuildHasherDefault<LowWord>>;

/// Bytes of a table, roughly.
#[must_use]
pub fn bytes<V>(table: &ByKey<V>) -> usize {
    // The table keeps at most 7 of 8 slots full, and has a byte more for each.
    table.capacity() * (size_of::<(Key, V)>() + 1) * 8 / 7
}

/// In which of so many parts of a table a key is: by its high bits, since a table takes the low word.
#[must_use]
pub fn part_of(key: u128, parts: usize) -> usize {
    (key >> 120) as usize % parts
}
