//! The ledger: which messages were promised to a mailbox, and which are there.
//!
//! A line for each message, with where it is going to be, is flushed before the message goes there;
//! a line for all of them when they are there. Who opens a ledger whose last promises have no such
//! line is told of them, and looks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::lock;

/// The first word of a line: what a place is the delivery of.
const DELIVERED: &str = "+";
/// The first word of a line: all messages before it are in their place.
const SETTLED: &str = ".";

/// What stays of a message from session to session: its unique identifier, or the hash of its
/// contents where the server has none. No spaces.
pub type Key = String;

/// A message and where it is going to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) key: Key,
    /// As the mailbox names it, without spaces.
    pub(super) place: String,
}

/// The ledger of one account and one mailbox. There is one process at a time that has it.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    /// Locked; at its end.
    file: File,
    /// What was delivered in earlier sessions and in this one, with its number of deliveries.
    delivered: BTreeMap<Key, usize>,
}

impl Ledger {
    /// Opens and locks a ledger, which is made where there is none; with the promises of a process
    /// that died before it had kept them. `None` when another process has it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(super) fn open(path: PathBuf) -> io::Result<Option<(Self, Vec<Promise>)>> {
        let Some(file) = lock::open(&path, |file| {
            rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
        })?
        else {
            return Ok(None);
        };
        let mut ledger = Self {
            path,
            file,
            delivered: BTreeMap::new(),
        };
        let promised = ledger.read()?;
        Ok(Some((ledger, promised)))
    }

    fn read(&mut self) -> io::Result<Vec<Promise>> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text)?;
        let mut whole = 0;
        let mut promised: Vec<Promise> = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(line_said) = checked(line) else {
                // The end of a file that was being written when the machine went down.
                break;
            };
            whole += line.len();
            match line_said.split(' ').collect::<Vec<_>>()[..] {
                [DELIVERED, key, place] => promised.push(Promise {
                    key: key.to_owned(),
                    place: place.to_owned(),
                }),
                [SETTLED] => {
                    for promise in promised.drain(..) {
                        *self.delivered.entry(promise.key).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        self.file.set_len(whole as u64)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(promised)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How often a message was delivered.
    pub(super) fn delivered(&self, key: &str) -> usize {
        self.delivered.get(key).copied().unwrap_or(0)
    }

    /// Promises messages; flushed.
    pub(super) fn promise(&mut self, promises: &[Promise]) -> io::Result<()> {
        let mut lines = Vec::new();
        for Promise { key, place } in promises {
            lines.extend(line(&format!("{DELIVERED} {key} {place}")));
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()
    }

    /// All that was promised is in its place; flushed, for what was staged is gone after that.
    pub(super) fn settle(&mut self, promises: Vec<Promise>) -> io::Result<()> {
        for Promise { key, .. } in promises {
            *self.delivered.entry(key).or_default() += 1;
        }
        self.file.write_all(&line(SETTLED))?;
        self.file.sync_data()
    }

    /// Of what a dead process has promised, only these are in their place; flushed.
    pub(super) fn recover(&mut self, kept: impl IntoIterator<Item = Promise>) -> io::Result<()> {
        for Promise { key, .. } in kept {
            *self.delivered.entry(key).or_default() += 1;
        }
        self.rewrite()
    }

    /// Forgets messages that the server does not have any more, so that the ledger stays as small as
    /// the mail drop.
    pub(super) fn forget_all_but(&mut self, present: &BTreeSet<Key>) -> io::Result<()> {
        if self.delivered.keys().all(|key| present.contains(key)) {
            return Ok(());
        }
        self.delivered.retain(|key, _| present.contains(key));
        self.rewrite()
    }

    /// Writes the ledger anew, in one step.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        for (key, times) in &self.delivered {
            for _ in 0..*times {
                // Where the message is, or was, does not matter once it is settled.
                lines.extend(line(&format!("{DELIVERED} {key} -")));
            }
        }
        lines.extend(line(SETTLED));
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".fresh");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        // Ours before anybody else can see it under its name.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(&lines)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        lock::flush_directory_of(&self.path)?;
        self.file = file;
        Ok(())
    }
}

/// A line of the ledger, with a sum that tells it from what a crash leaves.
fn line(text: &str) -> Vec<u8> {
    format!("{} {text}\n", sum(text)).into_bytes()
}

/// What a line says, if it is whole.
fn checked(line: &[u8]) -> Option<&str> {
    let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (said, text) = line.split_once(' ')?;
    (said == sum(text)).then_some(text)
}

fn sum(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..8].to_owned()
}
