//! Octets that wait to be taken by the outside, in a buffer that is bounded by what waits.

use zeroize::{Zeroize as _, Zeroizing};

/// First in, first out. Wiped, because the commands of a client hold passwords.
#[derive(Debug, Default)]
pub(super) struct Queue {
    octets: Zeroizing<Vec<u8>>,
    /// So many of them were taken; less than half of them, or all were.
    taken: usize,
}

impl Queue {
    pub(super) fn push(&mut self, octets: &[u8]) {
        let wanted = self.octets.len() + octets.len();
        if wanted > self.octets.capacity() {
            // Without the copies that a growing vector leaves behind.
            let mut larger =
                Zeroizing::new(Vec::with_capacity(wanted.next_power_of_two().max(512)));
            larger.extend_from_slice(&self.octets);
            self.octets = larger;
        }
        self.octets.extend_from_slice(octets);
    }

    /// Moves what fits into the buffer.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = &self.octets[self.taken..];
        let length = waiting.len().min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        self.taken += length;
        if 2 * self.taken >= self.octets.len() {
            // A queue that is never quite empty must not grow for ever.
            let rest = self.octets.len() - self.taken;
            self.octets.copy_within(self.taken.., 0);
            self.octets[rest..].zeroize();
            self.octets.truncate(rest);
            self.taken = 0;
        }
        length
    }

    /// Drops what waits. What is beyond has been wiped before.
    pub(super) fn clear(&mut self) {
        self.octets.as_mut_slice().zeroize();
        self.octets.clear();
        self.taken = 0;
    }

    /// Octets that wait.
    pub(super) fn len(&self) -> usize {
        self.octets.len() - self.taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.octets.capacity()
    }
}
