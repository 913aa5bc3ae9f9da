//! Messages into a Maildir, none lost and none twice, whenever the process dies.
//!
//! A message is written to `tmp` and flushed there. Its identifier and file name then go into a ledger,
//! which is flushed, and only after that the file moves to `new`. So a line of the ledger is a promise
//! to move: whoever opens the ledger next moves what is still in `tmp`. Messages are settled in
//! batches, for each flush takes milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::FlockOperation;

use crate::escape;
use crate::programs::net::exit::{EndsProgram, Exit};

/// A batch is settled when it has so many messages,
const BATCH: usize = 128;

/// or so many bytes.
const BATCH_BYTES: u64 = 16 << 20;

/// Files that are flushed at once: a file system writes them in one go.
const FLUSHES: usize = 16;

/// The first word of a line of the ledger: what a file is the delivery of.
const DELIVERED: &str = "+";
/// The first word of a line of the ledger: all files before it are in their place.
const SETTLED: &str = ".";

/// What stays of a message from session to session: its unique identifier, or the hash of its
/// contents where the server has none. No spaces.
pub type Key = String;

/// A Maildir that messages of one account are delivered to.
///
/// There is one at a time for an account and a Maildir; a second is refused.
#[derive(Debug)]
pub struct Deliveries {
    maildir: PathBuf,
    ledger: PathBuf,
    /// Locked; at its end.
    file: File,
    /// Distinguishes the files of this account from those of others.
    tag: String,
    /// What was delivered in earlier sessions and in this one, with its number of deliveries.
    delivered: BTreeMap<Key, usize>,
    /// Complete, but neither flushed nor promised.
    batch: Vec<Complete>,
    batch_bytes: u64,
    /// Messages that were begun in this session: part of their names.
    begun: u64,
    /// Whether line ends stay CRLF.
    crlf: bool,
}

/// A message on its way into `tmp`.
#[derive(Debug)]
pub struct Delivery {
    file: io::BufWriter<File>,
    name: String,
    hash: blake3::Hasher,
    bytes: u64,
    crlf: bool,
    /// A CR came, and what comes next decides whether it stays.
    owes_cr: bool,
}

/// A message that is complete in `tmp`.
#[derive(Debug)]
struct Complete {
    key: Key,
    name: String,
    file: File,
}

/// What was not delivered, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Another process delivers the same account to the same Maildir.
    #[error(
        "another process is fetching this account into {}; wait for its end",
        escape::line(&.0.display().to_string())
    )]
    Busy(PathBuf),
    /// A file cannot be read or written.
    #[error(
        "cannot deliver to {}: {source}; messages that were not delivered stay on the server",
        escape::line(&path.display().to_string())
    )]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EndsProgram for DeliveryError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Deliveries {
    /// Opens a Maildir, which is made where there is none, for the account of that name; finishes what
    /// an earlier process began.
    ///
    /// # Errors
    /// When another process is at it, or the file system refuses.
    pub fn open(maildir: &Path, account: &str, crlf: bool) -> Result<Self, DeliveryError> {
        for directory in ["tmp", "new", "cur"] {
            let path = maildir.join(directory);
            fs::create_dir_all(&path).map_err(io_error(&path))?;
        }
        let tag = blake3::hash(account.as_bytes()).to_hex()[..16].to_owned();
        let ledger = maildir.join(format!("crosscheck-pop3-{tag}"));
        let file = lock(&ledger)?.ok_or_else(|| DeliveryError::Busy(maildir.to_owned()))?;
        let mut deliveries = Self {
            maildir: maildir.to_owned(),
            ledger: ledger.clone(),
            file,
            tag,
            delivered: BTreeMap::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            begun: 0,
            crlf,
        };
        deliveries.recover().map_err(io_error(&ledger))?;
        Ok(deliveries)
    }

    /// Reads the ledger and keeps its last promises.
    fn recover(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text)?;
        let mut whole = 0;
        let mut promised: Vec<(Key, String)> = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(line_said) = checked(line) else {
                // The end of a file that was being written when the machine went down.
                break;
            };
            whole += line.len();
            match line_said.split(' ').collect::<Vec<_>>()[..] {
                [DELIVERED, key, name] => promised.push((key.to_owned(), name.to_owned())),
                [SETTLED] => {
                    for (key, _) in promised.drain(..) {
                        *self.delivered.entry(key).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        self.file.set_len(whole as u64)?;
        self.file.seek(SeekFrom::End(0))?;
        self.keep(promised)?;
        self.sweep()
    }

    /// Keeps the promises of a process that died before it had kept them.
    fn keep(&mut self, promised: Vec<(Key, String)>) -> io::Result<()> {
        if promised.is_empty() {
            return Ok(());
        }
        let seen: BTreeSet<Vec<u8>> = ["new", "cur"]
            .into_iter()
            .map(|place| fs::read_dir(self.maildir.join(place)))
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .map(|entry| {
                let name = entry?.file_name().into_encoded_bytes();
                let base = name.split(|byte| *byte == b':').next();
                Ok(base.unwrap_or_default().to_vec())
            })
            .collect::<io::Result<_>>()?;
        let mut kept = Vec::new();
        for (key, name) in promised {
            match self.move_in(&name) {
                Ok(()) => kept.push((key, name)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Moved before the end. Or swept out of tmp by somebody: then it was never
                    // delivered, and is fetched again.
                    if seen.contains(name.as_bytes()) {
                        kept.push((key, name));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.flush_directories()?;
        for (key, _) in kept {
            *self.delivered.entry(key).or_default() += 1;
        }
        self.rewrite(|_| true)
    }

    /// Removes what an earlier process of this account left in `tmp` without a promise.
    fn sweep(&self) -> io::Result<()> {
        let ours = format!(".crosscheck-{}.", self.tag);
        for entry in fs::read_dir(self.maildir.join("tmp"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(&ours) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// How often a message was delivered, in earlier sessions and in this one.
    #[must_use]
    pub fn delivered(&self, key: &str) -> usize {
        let unsettled = self.batch.iter().filter(|other| other.key == key).count();
        self.delivered.get(key).copied().unwrap_or(0) + unsettled
    }

    /// Begins a message in `tmp`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn begin(&mut self) -> Result<Delivery, DeliveryError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.begun += 1;
        // Unique as Maildir wants it: second, microsecond, process, count; the tag is for us.
        let name = format!(
            "{}.M{:06}P{}Q{:06}.crosscheck-{}.{}",
            now.as_secs(),
            now.subsec_micros(),
            std::process::id(),
            self.begun,
            self.tag,
            host()
        );
        let path = self.maildir.join("tmp").join(&name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_error(&path))?;
        Ok(Delivery {
            file: io::BufWriter::with_capacity(64 * 1024, file),
            name,
            hash: blake3::Hasher::new(),
            bytes: 0,
            crlf: self.crlf,
            owes_cr: false,
        })
    }

    /// Writes octets of a message.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, delivery: &mut Delivery, octets: &[u8]) -> Result<(), DeliveryError> {
        delivery
            .write(octets)
            .map_err(io_error(&self.maildir.join("tmp").join(&delivery.name)))
    }

    /// Ends a message: it is complete, and delivered when its batch is settled. Without
    /// a key it has that of its contents; a message without a key whose contents were delivered so
    /// often already as `known` says is dropped. The key, and whether it is new.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn end(
        &mut self,
        mut delivery: Delivery,
        key: Option<Key>,
        known: impl FnOnce(&Key) -> usize,
    ) -> Result<(Key, bool), DeliveryError> {
        let path = self.maildir.join("tmp").join(&delivery.name);
        let fail = io_error(&path);
        delivery.finish().map_err(&fail)?;
        let by_contents = key.is_none();
        let key = key.unwrap_or_else(|| format!("blake3:{}", delivery.hash.finalize().to_hex()));
        if by_contents && known(&key) < self.delivered(&key) {
            drop(delivery);
            fs::remove_file(&path).map_err(&fail)?;
            return Ok((key, false));
        }
        let file = delivery
            .file
            .into_inner()
            .map_err(|error| fail(error.into_error()))?;
        self.batch.push(Complete {
            key: key.clone(),
            name: delivery.name,
            file,
        });
        self.batch_bytes += delivery.bytes;
        Ok((key, true))
    }

    /// Forgets a message that did not come to its end.
    pub fn abandon(&self, delivery: Delivery) {
        // What stays in tmp is swept by the next process.
        let _ = fs::remove_file(self.maildir.join("tmp").join(delivery.name));
    }

    /// Whether the batch is worth to be settled.
    #[must_use]
    pub fn is_batch_full(&self) -> bool {
        self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES
    }

    /// Settles the batch: what was ended before is delivered for good when this returns.
    ///
    /// # Errors
    /// When the file system refuses; what was promised is then kept by the next process.
    pub fn settle(&mut self) -> Result<(), DeliveryError> {
        let ledger = self.ledger.clone();
        self.settle_batch().map_err(io_error(&ledger))
    }

    fn settle_batch(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        // The files and their names are flushed before anything is promised.
        flush(&self.batch)?;
        File::open(self.maildir.join("tmp"))?.sync_all()?;
        let mut lines = Vec::new();
        for Complete { key, name, .. } in &self.batch {
            lines.extend(line(&format!("{DELIVERED} {key} {name}")));
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        for complete in &batch {
            self.move_in(&complete.name)?;
        }
        self.flush_directories()?;
        for complete in batch {
            *self.delivered.entry(complete.key).or_default() += 1;
        }
        // Flushed with the next batch: without it the promises are looked at once more.
        self.file.write_all(&line(SETTLED))
    }

    fn move_in(&self, name: &str) -> io::Result<()> {
        fs::rename(
            self.maildir.join("tmp").join(name),
            self.maildir.join("new").join(name),
        )
    }

    fn flush_directories(&self) -> io::Result<()> {
        for directory in ["new", "tmp"] {
            File::open(self.maildir.join(directory))?.sync_all()?;
        }
        Ok(())
    }

    /// Forgets messages that the server does not have any more, so that the ledger stays as small as
    /// the mail drop.
    ///
    /// # Errors
    /// When the file system refuses; the ledger is then as it was.
    pub fn forget_all_but(&mut self, present: &BTreeSet<Key>) -> Result<(), DeliveryError> {
        if self.delivered.keys().all(|key| present.contains(key)) {
            return Ok(());
        }
        let ledger = self.ledger.clone();
        self.rewrite(|key| present.contains(key))
            .map_err(io_error(&ledger))
    }

    /// Writes the ledger anew, in one step.
    fn rewrite(&mut self, keeps: impl Fn(&Key) -> bool) -> io::Result<()> {
        self.delivered.retain(|key, _| keeps(key));
        let mut lines = Vec::new();
        for (key, times) in &self.delivered {
            for _ in 0..*times {
                // Where the file is, or was, does not matter once it is settled.
                lines.extend(line(&format!("{DELIVERED} {key} -")));
            }
        }
        lines.extend(line(SETTLED));
        let fresh = self.ledger.with_extension("fresh");
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
        fs::rename(&fresh, &self.ledger)?;
        File::open(&self.maildir)?.sync_all()?;
        self.file = file;
        Ok(())
    }
}

impl Delivery {
    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.hash.update(octets);
        self.bytes += octets.len() as u64;
        if self.crlf {
            return self.file.write_all(octets);
        }
        // On disk a line ends as this system ends it; a CR that ends no line stays.
        let mut rest = octets;
        if self.owes_cr && !rest.is_empty() {
            self.owes_cr = false;
            if rest[0] != b'\n' {
                self.file.write_all(b"\r")?;
            }
        }
        while let Some(at) = memchr::memchr(b'\r', rest) {
            self.file.write_all(&rest[..at])?;
            match rest.get(at + 1) {
                Some(b'\n') => {}
                Some(_) => self.file.write_all(b"\r")?,
                None => self.owes_cr = true,
            }
            rest = &rest[at + 1..];
        }
        self.file.write_all(rest)
    }

    fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.owes_cr) {
            self.file.write_all(b"\r")?;
        }
        self.file.flush()
    }
}

fn flush(batch: &[Complete]) -> io::Result<()> {
    let share = batch.len().div_ceil(FLUSHES).max(1);
    thread::scope(|scope| {
        let flushes: Vec<_> = batch
            .chunks(share)
            .map(|share| {
                scope.spawn(|| {
                    share
                        .iter()
                        .try_for_each(|complete| complete.file.sync_all())
                })
            })
            .collect();
        flushes.into_iter().try_for_each(|flush| {
            flush
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a flush panicked")))
        })
    })
}

/// Opens and locks the ledger; `None` when another process has it.
fn lock(ledger: &Path) -> Result<Option<File>, DeliveryError> {
    let fail = io_error(ledger);
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(ledger)
            .map_err(&fail)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(fail(error.into())),
        }
        // It may have been written anew between opening and locking.
        let ours = file.metadata().map_err(&fail)?;
        match fs::metadata(ledger) {
            Ok(named) if named.ino() == ours.ino() && named.dev() == ours.dev() => {
                return Ok(Some(file));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
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

fn io_error(path: &Path) -> impl Fn(io::Error) -> DeliveryError {
    let path = path.to_owned();
    move |source| DeliveryError::Io {
        path: path.clone(),
        source,
    }
}

/// The name of this machine, as a part of file names.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c))
        .collect();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
