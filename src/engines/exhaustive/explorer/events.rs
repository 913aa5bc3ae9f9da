//! Sets of events of one execution.

use crate::engines::exhaustive::world::event::Index;

/// How many words need no memory of their own: executions of up to 128 steps.
const INLINE: usize = 2;

/// A set of events of one execution.
#[derive(Clone, Debug, Default)]
pub struct Events {
    first: [u64; INLINE],
    /// The words after those; those that are missing are 0.
    more: Vec<u64>,
}

impl Events {
    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.first.iter().chain(&self.more).copied()
    }

    #[inline]
    fn word(&self, number: usize) -> u64 {
        match number.checked_sub(INLINE) {
            None => self.first[number],
            Some(number) => self.more.get(number).copied().unwrap_or(0),
        }
    }

    #[inline]
    fn word_mut(&mut self, number: usize) -> &mut u64 {
        match number.checked_sub(INLINE) {
            None => &mut self.first[number],
            Some(number) => {
                if self.more.len() <= number {
                    self.more.resize(number + 1, 0);
                }
                &mut self.more[number]
            }
        }
    }

    /// Whether an event is a member.
    #[inline]
    pub fn contains(&self, index: Index) -> bool {
        self.word(index as usize / 64) >> (index % 64) & 1 == 1
    }

    /// Adds an event.
    #[inline]
    pub fn insert(&mut self, index: Index) {
        *self.word_mut(index as usize / 64) |= 1 << (index % 64);
    }

    /// Takes an event out.
    #[inline]
    pub fn remove(&mut self, index: Index) {
        *self.word_mut(index as usize / 64) &= !(1 << (index % 64));
    }

    /// Adds the events of another set.
    #[inline]
    pub fn union(&mut self, other: &Self) {
        for (mine, theirs) in self.first.iter_mut().zip(&other.first) {
            *mine |= theirs;
        }
        if !other.more.is_empty() {
            if self.more.len() < other.more.len() {
                self.more.resize(other.more.len(), 0);
            }
            for (mine, theirs) in self.more.iter_mut().zip(&other.more) {
                *mine |= theirs;
            }
        }
    }

    /// Takes the events of another set out.
    #[inline]
    pub fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.first.iter_mut().zip(&other.first) {
            *mine &= !theirs;
        }
        for (mine, theirs) in self.more.iter_mut().zip(&other.more) {
            *mine &= !theirs;
        }
    }

    /// Whether the sets have an event in common.
    #[inline]
    pub fn meets(&self, other: &Self) -> bool {
        let both = |words: (&u64, &u64)| words.0 & words.1;
        let first = self.first.iter().zip(&other.first).map(both);
        first.fold(0, |any, both| any | both) != 0
            || self
                .more
                .iter()
                .zip(&other.more)
                .map(both)
                .any(|both| both != 0)
    }

    /// Whether every event is in the other set, too.
    #[inline]
    pub fn is_within(&self, other: &Self) -> bool {
        let words = self.words().enumerate();
        words.fold(0, |rest, (number, word)| {
            rest | (word & !other.word(number))
        }) == 0
    }

    /// The first event that is in both sets.
    #[inline]
    pub fn first_common(&self, other: &Self) -> Option<Index> {
        let words = (0..INLINE + self.more.len()).map(|number| (number, self.word(number)));
        words
            .map(|(number, mine)| (number, mine & other.word(number)))
            .find(|(_, both)| *both != 0)
            .map(|(number, both)| (number * 64) as Index + both.trailing_zeros())
    }

    /// Whether it is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first == [0; INLINE] && self.more.iter().all(|word| *word == 0)
    }

    /// Makes it empty.
    #[inline]
    pub fn clear(&mut self) {
        self.first = [0; INLINE];
        self.more.clear();
    }

    /// Makes this the set `from..to`.
    #[inline]
    pub fn set_range(&mut self, from: Index, to: Index) {
        self.clear();
        let below = |end: Index, number: usize| match end.checked_sub((number * 64) as Index) {
            None => 0,
            Some(bits @ 0..64) => (1 << bits) - 1,
            Some(_) => u64::MAX,
        };
        for number in 0..(to as usize).div_ceil(64) {
            *self.word_mut(number) = below(to, number) & !below(from, number);
        }
    }

    /// The members, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = Index> + '_ {
        self.words().enumerate().flat_map(|(number, word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    (number * 64) as Index + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_its_members() {
        let mut events = Events::default();
        for (from, to) in [
            (0, 0),
            (0, 1),
            (3, 64),
            (60, 70),
            (64, 128),
            (70, 200),
            (5, 5),
        ] {
            events.set_range(from, to);
            assert_eq!(
                events.iter().collect::<Vec<_>>(),
                (from..to).collect::<Vec<_>>()
            );
        }
    }
}
