//! The messages of a session and their marks.

use super::request::Entry;
use crate::protocols::pop3::Number;

/// The messages as they were when the mail drop was opened. Numbers stay for the session; what is
/// marked as deleted is hidden.
#[derive(Debug)]
pub(super) struct Maildrop {
    messages: Vec<(Entry, Mark)>,
    /// Messages that are not marked.
    count: usize,
    /// Their octets.
    octets: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Kept,
    Deleted,
}

impl Maildrop {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        let mut maildrop = Self {
            messages: entries
                .into_iter()
                .map(|entry| (entry, Mark::Kept))
                .collect(),
            count: 0,
            octets: 0,
        };
        maildrop.recount();
        maildrop
    }

    fn recount(&mut self) {
        self.count = self.kept().count();
        self.octets = self
            .kept()
            .fold(0, |octets, entry| octets.saturating_add(entry.octets));
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// The message, unless there is none or it is marked.
    pub(super) fn get(&self, number: Number) -> Option<&Entry> {
        match self.messages.get(number.index())? {
            (entry, Mark::Kept) => Some(entry),
            (_, Mark::Deleted) => None,
        }
    }

    /// The first message at this index or after that is not marked, and the index after it.
    pub(super) fn next(&self, from: usize) -> Option<(usize, Number, &Entry)> {
        let rest = self.messages.get(from..)?;
        let skipped = rest.iter().position(|(_, mark)| *mark == Mark::Kept)?;
        let index = from + skipped;
        Some((index + 1, Number::from_index(index)?, &rest[skipped].0))
    }

    /// Marks a message; false when there is none, or it is marked already.
    pub(super) fn delete(&mut self, number: Number) -> bool {
        match self.messages.get_mut(number.index()) {
            Some((entry, mark @ Mark::Kept)) => {
                *mark = Mark::Deleted;
                self.count -= 1;
                self.octets = self.octets.saturating_sub(entry.octets);
                true
            }
            Some((_, Mark::Deleted)) | None => false,
        }
    }

    /// Takes all marks back.
    pub(super) fn reset(&mut self) {
        for (_, mark) in &mut self.messages {
            *mark = Mark::Kept;
        }
        self.recount();
    }

    /// What is marked, in ascending order.
    pub(super) fn deleted(&self) -> Vec<Number> {
        self.messages
            .iter()
            .enumerate()
            .filter(|(_, (_, mark))| *mark == Mark::Deleted)
            .filter_map(|(index, _)| Number::from_index(index))
            .collect()
    }

    fn kept(&self) -> impl Iterator<Item = &Entry> {
        self.messages
            .iter()
            .filter(|(_, mark)| *mark == Mark::Kept)
            .map(|(entry, _)| entry)
    }
}
