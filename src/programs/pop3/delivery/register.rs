//! Which messages of a session were delivered before: one entry for a message, one message for an
//! entry.
//!
//! A message is known without being fetched when its name and its size are those of one entry, and
//! nothing casts doubt on either. It is known once it is fetched when its octets are those of an
//! entry that no other message of the session has taken, and that has its name, or none. An entry
//! whose message is deleted, or not there any more, is no entry of a message that comes later: it
//! only serves to say that the same octets have come before.

use std::collections::{BTreeMap, HashMap};

use super::entry::{Digest, Entry, Standing, Suspect};
use crate::protocols::pop3::{Number, Text};

/// Entries of messages that are gone, the newest of which are remembered: so that a server that
/// brings them back is told of.
const GONE: usize = 1_000;

/// A message, as a server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its number in this session.
    pub number: Number,
    /// What UIDL calls it; `None` where the server has no name for it.
    pub uid: Option<Text>,
    /// The octets that LIST says it has; `None` where it does not say.
    pub listed: Option<u64>,
}

/// What to do with a message that a server lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It was delivered.
    Known,
    /// It is new.
    Fetch,
    /// Its name has been delivered; its octets tell whether it has.
    Compare,
    /// It was out of step before, so often: to be fetched when there is nothing else to do.
    Postpone(u64),
}

#[derive(Debug)]
struct Offered {
    uid: Option<Text>,
    listed: Option<u64>,
    /// The entry that is its own.
    entry: Option<usize>,
    /// The server was asked to mark it as deleted.
    asked: bool,
    /// It has said that it has.
    marked: bool,
}

/// All entries of an account, and which of them are of messages of this session.
#[derive(Debug, Default)]
pub(super) struct Register {
    entries: Vec<Entry>,
    suspects: Vec<Suspect>,
    by_uid: HashMap<Text, Vec<usize>>,
    by_digest: HashMap<Digest, Vec<usize>>,
    /// Entries that are those of a message of this session.
    taken: Vec<bool>,
    offers: BTreeMap<Number, Offered>,
    offered: HashMap<Text, usize>,
    /// The server has listed what it has.
    begun: bool,
    /// It has left out none that it counts: a name that is there once is that of one message.
    complete: bool,
    /// Something is not as the ledger has it.
    changed: bool,
}

impl Register {
    pub(super) fn new(entries: Vec<Entry>, suspects: Vec<Suspect>) -> Self {
        let mut register = Self {
            suspects,
            ..Self::default()
        };
        for entry in entries {
            register.index(entry);
        }
        register
    }

    fn index(&mut self, entry: Entry) -> usize {
        let at = self.entries.len();
        if let Some(uid) = &entry.uid {
            self.by_uid.entry(uid.clone()).or_default().push(at);
        }
        if let Some(digest) = entry.digest {
            self.by_digest.entry(digest).or_default().push(at);
        }
        self.entries.push(entry);
        self.taken.push(false);
        at
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn suspects(&self) -> &[Suspect] {
        &self.suspects
    }

    /// Whether the ledger has to be written anew; asked once for each change.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// A session begins: this is what the server lists; `complete`: with every name that it has.
    pub(super) fn begin_session(&mut self, offers: &[Offer], complete: bool) {
        self.begun = true;
        self.complete = complete;
        self.taken.fill(false);
        self.offers.clear();
        self.offered.clear();
        for Offer {
            number,
            uid,
            listed,
        } in offers
        {
            if let Some(uid) = uid {
                *self.offered.entry(uid.clone()).or_default() += 1;
            }
            let offered = Offered {
                uid: uid.clone(),
                listed: *listed,
                entry: None,
                asked: false,
                marked: false,
            };
            self.offers.insert(*number, offered);
        }
    }

    /// What to do with a message; one that is known has its entry from now on. `delete`: it would be
    /// deleted without having been fetched.
    pub(super) fn course(&mut self, number: Number, delete: bool) -> Course {
        if let Some(entry) = self.known(number, delete) {
            self.take(number, entry);
            return Course::Known;
        }
        let suspect = self.offers.get(&number).and_then(|offered| {
            let is = |suspect: &&Suspect| offered.is(suspect);
            self.suspects.iter().find(is)
        });
        if let Some(suspect) = suspect {
            return Course::Postpone(suspect.attempts);
        }
        let uid = self.offers.get(&number).and_then(|one| one.uid.as_ref());
        match uid.is_some_and(|uid| self.present(uid).next().is_some()) {
            true => Course::Compare,
            false => Course::Fetch,
        }
    }

    fn known(&self, number: Number, delete: bool) -> Option<usize> {
        let offered = self.offers.get(&number)?;
        let uid = offered.uid.as_ref()?;
        if self.offered.get(uid) != Some(&1) || delete && !self.complete {
            // The name is that of two messages, or may be: only their octets tell which is which.
            return None;
        }
        let [index] = self.present(uid).collect::<Vec<_>>()[..] else {
            return None;
        };
        let entry = &self.entries[index];
        let known = match (entry.standing, entry.digest) {
            (Standing::Delivered, Some(_)) => {
                entry.listed.is_some() && entry.listed == offered.listed
            }
            // An older version has kept nothing to compare it with.
            (Standing::Delivered, None) => !delete,
            _ => false,
        };
        known.then_some(index)
    }

    /// The entries of this name whose messages may be there.
    fn present(&self, uid: &Text) -> impl Iterator<Item = usize> {
        let named = self.by_uid.get(uid).map_or(&[][..], Vec::as_slice);
        let present = |index: &usize| self.entries[*index].standing != Standing::Gone;
        named.iter().copied().filter(present)
    }

    /// The octets that LIST says a message has.
    pub(super) fn listed(&self, number: Number) -> Option<u64> {
        self.offers.get(&number)?.listed
    }

    /// The entry of a message that was fetched, by its octets; it is taken from now on. `None`: the
    /// message is new. What is not whole may be a part of any message, so that its name and its size
    /// have to be those of the entry, too.
    pub(super) fn find(&mut self, number: Number, digest: &Digest, whole: bool) -> Option<usize> {
        let offered = self.offers.get(&number)?;
        let same = self.by_digest.get(digest)?.iter().copied();
        let free = same.filter(|index| {
            let entry = &self.entries[*index];
            let fits = whole || entry.uid == offered.uid && entry.listed == offered.listed;
            fits && !self.taken[*index] && entry.standing != Standing::Gone
        });
        // The same name first, before one that has none.
        let fits = |index: &usize| match (&offered.uid, &self.entries[*index].uid) {
            (Some(offered), Some(entry)) if offered == entry => Some(0),
            (None, None) => Some(0),
            (Some(_), None) => Some(1),
            // The server has no names today.
            (None, Some(_)) if self.offered.is_empty() => Some(1),
            (None | Some(_), Some(_)) => None,
        };
        let (_, index) = free
            .filter_map(|index| Some((fits(&index)?, index)))
            .min()?;
        self.take(number, index);
        Some(index)
    }

    fn take(&mut self, number: Number, entry: usize) {
        self.taken[entry] = true;
        if let Some(offered) = self.offers.get_mut(&number) {
            offered.entry = Some(entry);
        }
    }

    /// The message does not have this entry after all.
    pub(super) fn give_back(&mut self, number: Number, entry: usize) {
        self.taken[entry] = false;
        if let Some(offered) = self.offers.get_mut(&number) {
            offered.entry = None;
        }
    }

    /// Whether a new message may have been delivered before.
    pub(super) fn has_come_before(&self, number: Number, digest: &Digest) -> bool {
        let uid = self.offers.get(&number).and_then(|one| one.uid.as_ref());
        let unknown = |index: usize| self.entries[index].digest.is_none();
        self.by_digest.contains_key(digest) || uid.is_some_and(|uid| self.present(uid).any(unknown))
    }

    /// Whether the name of a new message is that of one with other octets, which may still be there.
    pub(super) fn is_named_anew(&self, number: Number) -> bool {
        let uid = self.offers.get(&number).and_then(|one| one.uid.as_ref());
        uid.is_some_and(|uid| self.present(uid).any(|index| !self.taken[index]))
    }

    /// What would be remembered of a new message.
    pub(super) fn entry_of(&self, number: Number, digest: Digest, standing: Standing) -> Entry {
        let offered = self.offers.get(&number);
        Entry {
            uid: offered.and_then(|offered| offered.uid.clone()),
            listed: offered.and_then(|offered| offered.listed),
            digest: Some(digest),
            standing,
        }
    }

    /// A message of this session was delivered.
    pub(super) fn add(&mut self, number: Number, entry: Entry) {
        let index = self.index(entry);
        self.take(number, index);
        self.is_no_suspect(number);
    }

    /// A message was fetched, and has the octets of its entry. What is not whole is taken for all
    /// that there is where it is the second time, and the name is that of one message only.
    pub(super) fn confirm(&mut self, number: Number, index: usize, whole: bool) {
        let Some(offered) = self.offers.get(&number) else {
            return;
        };
        let uid = offered.uid.as_ref();
        let once = uid.is_some_and(|uid| self.offered.get(uid) == Some(&1));
        let named = once && self.complete;
        let entry = &mut self.entries[index];
        let before = entry.clone();
        let second = named && matches!(entry.standing, Standing::Odd | Standing::Delivered);
        entry.standing = match whole || second {
            true => Standing::Delivered,
            false => Standing::Odd,
        };
        entry.listed = offered.listed;
        if entry.uid.is_none()
            && let Some(uid) = &offered.uid
        {
            entry.uid = Some(uid.clone());
            self.by_uid.entry(uid.clone()).or_default().push(index);
        }
        self.changed |= *entry != before;
        self.is_no_suspect(number);
    }

    fn is_no_suspect(&mut self, number: Number) {
        if let Some(offered) = self.offers.get(&number) {
            let before = self.suspects.len();
            self.suspects.retain(|suspect| !offered.is(suspect));
            self.changed |= self.suspects.len() != before;
        }
    }

    /// The answer to the fetch of a message was out of step.
    pub(super) fn suspect(&mut self, number: Number) {
        let Some(offered) = self.offers.get(&number) else {
            return;
        };
        self.changed = true;
        match self.suspects.iter_mut().find(|suspect| offered.is(suspect)) {
            Some(suspect) => suspect.attempts = suspect.attempts.saturating_add(1),
            None => self.suspects.push(Suspect {
                uid: offered.uid.clone(),
                listed: offered.listed,
                attempts: 1,
            }),
        }
    }

    /// Whether a message may be deleted on the server.
    pub(super) fn may_be_deleted(&self, number: Number) -> bool {
        let offered = self.offers.get(&number);
        let entry = offered.and_then(|offered| offered.entry);
        entry.is_some_and(|index| {
            let entry = &self.entries[index];
            entry.standing == Standing::Delivered && entry.digest.is_some()
        })
    }

    /// The server is asked to mark a message as deleted.
    pub(super) fn ask(&mut self, number: Number) {
        if let Some(offered) = self.offers.get_mut(&number) {
            offered.asked = true;
        }
    }

    /// The server has marked a message as deleted.
    pub(super) fn mark(&mut self, number: Number) {
        if let Some(offered) = self.offers.get_mut(&number) {
            offered.marked = true;
        }
    }

    /// QUIT is about to be said: nobody knows whether what was to be marked is still there, until it is
    /// answered.
    pub(super) fn doubt(&mut self) {
        self.set(Standing::Doubted, |offered| offered.asked);
    }

    fn set(&mut self, standing: Standing, which: impl Fn(&Offered) -> bool) {
        for offered in self.offers.values() {
            if let Some(index) = offered.entry.filter(|_| which(offered)) {
                self.changed |= self.entries[index].standing != standing;
                self.entries[index].standing = standing;
            }
        }
    }

    /// The session has not come to its end: what was not listed may be gone, and what has its name
    /// later another message.
    pub(super) fn break_off(&mut self) {
        if !self.begun {
            return;
        }
        for (entry, taken) in self.entries.iter_mut().zip(&self.taken) {
            let uid = entry.uid.as_ref();
            let listed = uid.is_some_and(|uid| self.offered.contains_key(uid));
            if !taken && !listed && entry.standing != Standing::Gone {
                self.changed |= entry.standing != Standing::Doubted;
                entry.standing = Standing::Doubted;
            }
        }
    }

    /// The server has said that it has deleted what was marked: that is gone, and so is what it has
    /// not listed.
    pub(super) fn end_session(&mut self) {
        self.set(Standing::Gone, |offered| offered.marked);
        let open: Vec<Option<&Text>> = self
            .offers
            .values()
            .filter(|offered| offered.entry.is_none())
            .map(|offered| offered.uid.as_ref())
            .collect();
        let may_be = |entry: &Entry| match &entry.uid {
            None => !open.is_empty(),
            Some(uid) => open.iter().any(|open| match open {
                Some(offered) => *offered == uid,
                None => self.offered.is_empty(),
            }),
        };
        for (entry, taken) in self.entries.iter_mut().zip(&self.taken) {
            if *taken || entry.standing == Standing::Gone {
                continue;
            }
            // What may be one that was listed, and was not fetched, may be another one as well.
            entry.standing = match may_be(entry) {
                true => Standing::Doubted,
                false => Standing::Gone,
            };
            self.changed = true;
        }
        let listed = |suspect: &Suspect| self.offers.values().any(|offered| offered.is(suspect));
        let before = (self.entries.len(), self.suspects.len());
        self.suspects.retain(listed);
        let gone = |entry: &Entry| entry.standing == Standing::Gone;
        let mut spare = self.entries.iter().filter(|entry| gone(entry)).count();
        spare = spare.saturating_sub(GONE);
        self.entries.retain(|entry| {
            let forgotten = gone(entry) && (spare > 0 || entry.digest.is_none());
            spare = spare.saturating_sub(usize::from(forgotten));
            !forgotten
        });
        self.changed |= before != (self.entries.len(), self.suspects.len());
        // Places in the list are others from here on.
        let changed = self.changed;
        *self = Self::new(
            std::mem::take(&mut self.entries),
            std::mem::take(&mut self.suspects),
        );
        self.changed = changed;
    }
}

impl Offered {
    /// Whether a suspect is this message: by its name, or by its size where it has none.
    fn is(&self, suspect: &Suspect) -> bool {
        self.uid == suspect.uid && (self.uid.is_some() || self.listed == suspect.listed)
    }
}
