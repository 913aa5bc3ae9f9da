//! Commands that wait to be taken.

use zeroize::{Zeroize, Zeroizing};

/// Lines of commands; wiped once they are taken, because they hold passwords.
#[derive(Debug, Default)]
pub(super) struct Output {
    octets: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl Output {
    /// Appends a line with its end.
    pub(super) fn push(&mut self, line: &[u8]) {
        let wanted = self.octets.len() + line.len();
        if wanted > self.octets.capacity() {
            // Without the copies that a growing vector leaves behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(wanted.max(1024) * 2));
            larger.extend_from_slice(&self.octets);
            self.octets = larger;
        }
        self.octets.extend_from_slice(line);
    }

    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = &self.octets[self.taken..];
        let length = waiting.len().min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        self.taken += length;
        if self.taken == self.octets.len() {
            self.clear();
        }
        length
    }

    pub(super) fn clear(&mut self) {
        // What is beyond has been wiped before.
        self.octets.as_mut_slice().zeroize();
        self.octets.clear();
        self.taken = 0;
    }

    pub(super) fn memory(&self) -> usize {
        self.octets.capacity()
    }
}
