//! A table of states, each with a word: made for what a search over states waits for, which is
//! memory.
//!
//! An entry is found in one place: a bucket of two neighbouring cache lines, which holds the keys and
//! the words of five states; what does not fit is in the next one. Entries stand in the order of
//! their keys, up to that, so that a table which grows reads and writes its memory from one end to
//! the other. No entry is ever taken out.

use super::keys::part_of;

/// Entries of a bucket.
const ENTRIES: usize = 5;

/// Buckets of the smallest table.
const FEWEST: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(128))]
struct Bucket {
    /// The low words of the keys come first: they tell most of the keys apart.
    low: [u64; ENTRIES],
    high: [u64; ENTRIES],
    word: [u64; ENTRIES],
    used: u64,
}

impl Bucket {
    fn find(&self, low: u64, high: u64) -> Option<usize> {
        (0..self.used as usize).find(|&at| self.low[at] == low && self.high[at] == high)
    }

    fn is_full(&self) -> bool {
        self.used as usize == ENTRIES
    }

    /// Adds an entry; there is room.
    fn push(&mut self, low: u64, high: u64, word: u64) -> &mut u64 {
        let entry = self.used as usize;
        self.used += 1;
        self.low[entry] = low;
        self.high[entry] = high;
        self.word[entry] = word;
        &mut self.word[entry]
    }
}

/// The table. Keys are digests: any bits of them are as good as random.
#[derive(Debug, Default)]
pub struct Table {
    buckets: Vec<Bucket>,
    len: usize,
}

fn halves(key: u128) -> (u64, u64) {
    (key as u64, (key >> 64) as u64)
}

/// Where a key belongs among so many buckets.
fn home(low: u64, buckets: usize) -> usize {
    // Lemire, "Fast random integer generation in an interval", 2019: a multiplication instead of a
    // remainder, and the order of the keys is kept.
    ((u128::from(low) * buckets as u128) >> 64) as usize
}

/// Whether a table of so many buckets has room for another entry: one of eight is free, so that there
/// is always a bucket that ends a search.
fn has_room(buckets: usize, entries: usize) -> bool {
    entries < buckets * ENTRIES / 8 * 7
}

impl Table {
    /// A table that need not grow before it has so many entries.
    #[must_use]
    pub fn with_room(entries: usize) -> Self {
        let mut buckets = entries.div_ceil(ENTRIES);
        while entries > 0 && !has_room(buckets, entries - 1) {
            buckets += buckets / 8 + 1;
        }
        Self {
            buckets: vec![Bucket::default(); buckets],
            len: 0,
        }
    }

    /// Asks for the memory in which the entry of a key is, or would be, without waiting for it.
    #[inline]
    pub fn ask_for(&self, key: u128) {
        #[cfg(target_arch = "x86_64")]
        if let Some(bucket) = self.buckets.get(home(key as u64, self.buckets.len())) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let line: *const Bucket = bucket;
            // SAFETY: a hint, which reads nothing; and both lines are of the bucket.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(line.cast());
                _mm_prefetch::<_MM_HINT_T0>(line.cast::<i8>().add(64));
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = key;
    }

    /// The word of a key; if it had none, `new`, and the key has it now.
    ///
    /// Blocks for nobody. It takes as long as the table is large where that has to grow.
    pub fn entry(&mut self, key: u128, new: u64) -> (&mut u64, bool) {
        if !has_room(self.buckets.len(), self.len) {
            self.grow();
        }
        let (low, high) = halves(key);
        let mut at = home(low, self.buckets.len());
        loop {
            let bucket = &self.buckets[at];
            if let Some(entry) = bucket.find(low, high) {
                return (&mut self.buckets[at].word[entry], false);
            }
            if !bucket.is_full() {
                break;
            }
            at = (at + 1) % self.buckets.len();
        }
        self.len += 1;
        (self.buckets[at].push(low, high, new), true)
    }

    fn grow(&mut self) {
        let more = (self.buckets.len() + self.buckets.len() / 2).max(FEWEST);
        let before = std::mem::replace(&mut self.buckets, vec![Bucket::default(); more]);
        for bucket in &before {
            for entry in 0..bucket.used as usize {
                let (low, high, word) = (bucket.low[entry], bucket.high[entry], bucket.word[entry]);
                let mut at = home(low, more);
                while self.buckets[at].is_full() {
                    at = (at + 1) % more;
                }
                self.buckets[at].push(low, high, word);
            }
        }
    }

    /// How many states it has.
    #[must_use]
    pub fn states(&self) -> usize {
        self.len
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u64)> {
        self.buckets.iter().flat_map(|bucket| {
            (0..bucket.used as usize).map(|entry| {
                let key = u128::from(bucket.high[entry]) << 64 | u128::from(bucket.low[entry]);
                (key, bucket.word[entry])
            })
        })
    }

    /// Forgets every entry; the memory stays.
    pub fn clear(&mut self) {
        self.buckets.fill(Bucket::default());
        self.len = 0;
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }
}

/// Tables that hold these entries between them, each those of its part of the keys.
///
/// There is room for all from the beginning. Entries that come in the order of their keys, as those of
/// another table do, would crowd the front of tables that grow as they come.
#[must_use]
pub fn tables(parts: usize, entries: &[(u128, u64)]) -> Vec<Table> {
    let mut counts = vec![0; parts];
    for &(key, _) in entries {
        counts[part_of(key, parts)] += 1;
    }
    let mut tables: Vec<Table> = counts.into_iter().map(Table::with_room).collect();
    for &(key, word) in entries {
        tables[part_of(key, parts)].entry(key, word);
    }
    tables
}

/// Parts of a large table: when one of them grows, the old and the new one are there together, and
/// not twice the whole.
const PARTS: usize = 16;

/// A large table, in parts.
#[derive(Debug)]
pub struct Large {
    parts: Vec<Table>,
}

impl Default for Large {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Large {
    /// A table of these entries.
    #[must_use]
    pub fn of(entries: &[(u128, u64)]) -> Self {
        Self {
            parts: tables(PARTS, entries),
        }
    }

    /// The part that a key is in.
    pub fn part(&self, key: u128) -> &Table {
        &self.parts[part_of(key, PARTS)]
    }

    /// As [`part`](Self::part).
    pub fn part_mut(&mut self, key: u128) -> &mut Table {
        &mut self.parts[part_of(key, PARTS)]
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u64)> {
        self.parts.iter().flat_map(Table::iter)
    }

    /// Forgets every entry; the memory stays.
    pub fn clear(&mut self) {
        self.parts.iter_mut().for_each(Table::clear);
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.parts.iter().map(Table::memory).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Keys as digests are, and some that share what their places follow from.
    fn key() -> impl Strategy<Value = u128> {
        let crowd = prop::sample::select(vec![0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX]);
        prop_oneof![
            3 => any::<u128>(),
            1 => (0..50_u64, crowd).prop_map(|(high, low)| u128::from(high) << 120 | u128::from(low)),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map(visits in prop::collection::vec((key(), any::<u64>()), 0..600)) {
            let mut table = Large::default();
            let mut known: HashMap<u128, u64> = HashMap::new();
            for (key, word) in visits {
                table.part(key).ask_for(key);
                let (kept, fresh) = table.part_mut(key).entry(key, word);
                prop_assert_eq!(fresh, !known.contains_key(&key));
                let before = known.entry(key).or_insert(word);
                prop_assert_eq!(*kept, *before);
                (*kept, *before) = (*kept & word, *before & word);
                let entries: usize = table.parts.iter().map(Table::states).sum();
                prop_assert_eq!(entries, known.len());
            }
            for (&key, &word) in &known {
                let (kept, fresh) = table.part_mut(key).entry(key, !word);
                prop_assert_eq!((*kept, fresh), (word, false));
            }
            prop_assert_eq!(table.iter().collect::<HashMap<_, _>>(), known.clone());
            let again = Large::of(&table.iter().collect::<Vec<_>>());
            prop_assert_eq!(again.iter().collect::<HashMap<_, _>>(), known);
            let memory = table.memory();
            table.clear();
            prop_assert_eq!((table.iter().count(), table.memory()), (0, memory));
        }
    }

    fn keys(count: usize) -> impl Iterator<Item = u128> {
        // A linear congruential generator suffices (Knuth, MMIX).
        std::iter::successors(Some(1_u64), |low| {
            let next = low.wrapping_mul(6_364_136_223_846_793_005);
            Some(next.wrapping_add(1_442_695_040_888_963_407))
        })
        .map(u128::from)
        .take(count)
    }

    #[test]
    fn a_state_takes_less_than_forty_five_bytes() {
        let mut table = Table::default();
        for (len, key) in keys(200_000).enumerate() {
            table.entry(key, 0);
            assert!(len < 1_000 || table.memory() < len * 45, "{len}");
        }
    }

    #[test]
    fn entries_of_another_table_do_not_crowd() {
        let mut table = Table::default();
        for key in keys(100_000) {
            table.entry(key, 0);
        }
        let entries: Vec<_> = table.iter().collect();
        let again = &tables(1, &entries)[0];
        assert_eq!(again.len, table.len);
        // It has not grown meanwhile, so that each entry is where it was put at once,
        let roomy = Table::with_room(entries.len());
        assert_eq!(again.buckets.len(), roomy.buckets.len());
        assert!(again.memory() <= table.memory() * 3 / 2);
        // and that is near to where it belongs.
        let mut away = 0;
        for (at, bucket) in again.buckets.iter().enumerate() {
            for &low in &bucket.low[..bucket.used as usize] {
                away = away.max(at - home(low, again.buckets.len()));
            }
        }
        assert!(away < 100, "{away} buckets");
    }
}
