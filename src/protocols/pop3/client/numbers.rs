//! What a listing may say about numbers of messages.

use crate::protocols::pop3::Number;

/// Remembers the numbers of a listing and the highest that there can be. Holds one bit a message.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Bit set of the listing that is being read.
    seen: Vec<u64>,
    /// As STAT said when nothing was marked.
    highest: Option<u32>,
    /// Marked by us.
    pub(super) marked: u32,
}

impl Numbers {
    /// STAT said so: numbers go that far, unless some are marked and so not counted.
    pub(super) const fn totals(&mut self, messages: u32) {
        if self.marked == 0 {
            self.highest = Some(messages);
        }
    }

    pub(super) fn begin_listing(&mut self) {
        self.seen.clear();
    }

    /// Whether a listing may name this message now.
    pub(super) fn note(&mut self, number: Number, most: u32) -> bool {
        let highest = self.highest.unwrap_or(most).min(most);
        if number.get() > highest {
            return false;
        }
        let (word, bit) = (number.index() / 64, number.index() % 64);
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        let new = self.seen[word] & (1 << bit) == 0;
        self.seen[word] |= 1 << bit;
        new
    }

    pub(super) fn memory(&self) -> usize {
        self.seen.capacity() * size_of::<u64>()
    }
}
