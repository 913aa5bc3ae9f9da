//! A one-place mailbox, shipped on OS threads and checked on every engine: the same code.

use crosscheck::sync::{Backend, Condvar, Mutex};

/// A place for one letter.
pub struct Mailbox<B: Backend> {
    letter: Mutex<B, Option<u32>>,
    changed: Condvar<B>,
}

impl<B: Backend> Default for Mailbox<B> {
    fn default() -> Self {
        Self {
            letter: Mutex::new("letter", None),
            changed: Condvar::new("changed"),
        }
    }
}

impl<B: Backend> Mailbox<B> {
    /// Puts a letter in, or waits until there is room.
    pub fn put(&self, letter: u32) {
        let mut place = self.letter.lock();
        while place.is_some() {
            place = self.changed.wait(place);
        }
        *place = Some(letter);
        self.changed.notify_all();
    }

    /// Takes the letter, or waits for one.
    pub fn take(&self) -> u32 {
        let mut place = self.letter.lock();
        loop {
            if let Some(letter) = place.take() {
                self.changed.notify_all();
                return letter;
            }
            place = self.changed.wait(place);
        }
    }
}
