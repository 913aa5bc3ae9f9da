//! The ledger: which messages were promised to a mailbox, and which are there.
//!
//! A line for each message, with where it is going to be, is flushed before the message goes there;
//! a line for all of them when they are there. Who opens a ledger whose last promises have no such
//! line is told of them, and looks.
//!
//! An older version wrote lines with a name and nothing to compare a message with. They are read: such
//! a message is passed over as long as it is kept, and is fetched again, delivered again and told of
//! before it is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::entry::{Entry, Standing, Suspect};
use super::lock;
use super::steps::{Step, Steps};

/// The first word of a line: what an entry is that of, and its place.
const DELIVERED: &str = "=";
/// The first word of a line of an older version: a name and a place.
const OLDER: &str = "+";
/// The first word of a line: all messages before it are in their place.
const SETTLED: &str = ".";
/// The first word of a line: a message whose answer was out of step.
const SUSPECT: &str = "!";

/// A message and where it is going to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) entry: Entry,
    /// As the mailbox names it, without spaces.
    pub(super) place: String,
}

/// What a ledger holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// What was delivered.
    pub(super) entries: Vec<Entry>,
    /// What was out of step.
    pub(super) suspects: Vec<Suspect>,
    /// What a process has promised that died before it had kept it.
    pub(super) promised: Vec<Promise>,
}

/// The ledger of one account and one mailbox. There is one process at a time that has it.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    /// Locked; at its end.
    file: File,
    steps: Steps,
}

impl Ledger {
    /// Opens and locks a ledger, which is made where there is none; with what it holds. `None` when
    /// another process has it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(super) fn open(path: PathBuf, steps: Steps) -> io::Result<Option<(Self, Contents)>> {
        let Some(file) = lock::open(&path, |file| {
            rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
        })?
        else {
            return Ok(None);
        };
        let mut ledger = Self { path, file, steps };
        let contents = ledger.read()?;
        Ok(Some((ledger, contents)))
    }

    fn read(&mut self) -> io::Result<Contents> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text)?;
        let mut whole = 0;
        let mut contents = Contents::default();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(line_said) = checked(line) else {
                // The end of a file that was being written when the machine went down.
                break;
            };
            whole += line.len();
            let promise = |entry, place: &str| Promise {
                entry,
                place: place.to_owned(),
            };
            match line_said.split(' ').collect::<Vec<_>>()[..] {
                [DELIVERED, place, standing, listed, digest, uid] => {
                    let entry = Entry::read([standing, listed, digest, uid]);
                    let entry = entry.ok_or_else(damaged)?;
                    contents.promised.push(promise(entry, place));
                }
                [OLDER, key, place] => {
                    let entry = Entry::of_older_version(key);
                    contents.promised.push(promise(entry, place));
                }
                [SETTLED] => {
                    let kept = contents.promised.drain(..).map(|promise| promise.entry);
                    contents.entries.extend(kept);
                }
                [SUSPECT, attempts, listed, uid] => {
                    let suspect = Suspect::read([attempts, listed, uid]);
                    contents.suspects.push(suspect.ok_or_else(damaged)?);
                }
                _ => return Err(damaged()),
            }
        }
        self.file.set_len(whole as u64)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(contents)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Promises messages; flushed.
    pub(super) fn promise(&mut self, promises: &[Promise]) -> io::Result<()> {
        let mut lines = Vec::new();
        for Promise { entry, place } in promises {
            lines.extend(line(&format!("{DELIVERED} {place} {}", entry.write())));
        }
        self.steps.take(Step::Promise)?;
        self.file.write_all(&lines)?;
        self.steps.take(Step::FlushPromise)?;
        self.file.sync_data()
    }

    /// All that was promised is in its place; flushed, for what was staged is gone after that.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.steps.take(Step::Settle)?;
        self.file.write_all(&line(SETTLED))?;
        self.steps.take(Step::FlushSettle)?;
        self.file.sync_data()
    }

    /// Writes the ledger anew, in one step.
    pub(super) fn rewrite(&mut self, entries: &[Entry], suspects: &[Suspect]) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            // Where the message is, or was, does not matter once it is settled.
            lines.extend(line(&format!("{DELIVERED} - {}", entry.write())));
        }
        lines.extend(line(SETTLED));
        for suspect in suspects {
            lines.extend(line(&format!("{SUSPECT} {}", suspect.write())));
        }
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".fresh");
        self.steps.take(Step::Rewrite)?;
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
        self.steps.take(Step::Rename)?;
        fs::rename(&fresh, &self.path)?;
        lock::flush_directory_of(&self.path)?;
        self.file = file;
        Ok(())
    }
}

/// The entries of what a dead process has promised: what is not in its place is fetched again, and
/// told of if it came twice.
pub(super) fn kept(promised: Vec<Promise>, kept: &[bool]) -> Vec<Entry> {
    let entry = |(promise, kept): (Promise, &bool)| Entry {
        standing: match kept {
            true => promise.entry.standing,
            false => Standing::Gone,
        },
        ..promise.entry
    };
    promised.into_iter().zip(kept).map(entry).collect()
}

fn damaged() -> io::Error {
    io::Error::other(
        "a line of it is none of this version; with a newer one it can be read, and without the \
         file everything is fetched again",
    )
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
