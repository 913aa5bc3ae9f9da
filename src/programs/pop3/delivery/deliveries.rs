//! The messages of one account on their way into a mailbox.
//!
//! A message is staged and flushed where no mail reader looks. Its identifier and its place then go
//! into a ledger, which is flushed, and only after that the message goes to its place. So a line of
//! the ledger is a promise: whoever opens the ledger next keeps it. Messages are settled in batches,
//! for each flush takes milliseconds.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::ledger::{Key, Ledger, Promise};
use super::mailbox::{Format, Mailbox};
use super::maildir::Maildir;
use super::mbox::Mbox;
use super::text::LineEnds;
use crate::escape;
use crate::programs::net::exit::{EndsProgram, Exit};

/// A batch is settled when it has so many messages,
const BATCH: usize = 128;

/// or so many bytes.
const BATCH_BYTES: u64 = 16 << 20;

/// A mailbox that messages of one account are delivered to.
///
/// There is one at a time for an account and a mailbox; a second is refused.
#[derive(Debug)]
pub struct Deliveries {
    mailbox: Box<dyn Mailbox>,
    ledger: Ledger,
    /// Complete, but neither flushed nor promised.
    batch: Vec<Key>,
    batch_bytes: u64,
    /// Whether line ends stay CRLF.
    crlf: bool,
}

/// A message that is coming.
#[derive(Debug)]
pub struct Delivery {
    hash: blake3::Hasher,
    bytes: u64,
    ends: LineEnds,
}

/// What was not delivered, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Another process delivers the same account to the same mailbox.
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
    /// Opens a mailbox, which is made where there is none, for the account of that name; finishes
    /// what an earlier process began. Blocks while a mail program has an mbox locked, half a minute at
    /// most.
    ///
    /// # Errors
    /// When another process is at it, the path is something else, or the file system refuses.
    pub fn open(
        path: &Path,
        format: Format,
        account: &str,
        crlf: bool,
    ) -> Result<Self, DeliveryError> {
        let tag = blake3::hash(account.as_bytes()).to_hex()[..16].to_owned();
        let fail = io_error(path);
        let (mut mailbox, ledger): (Box<dyn Mailbox>, _) = match format {
            Format::Maildir => {
                let maildir = Maildir::open(path, &tag).map_err(&fail)?;
                let ledger = path.join(format!("crosscheck-pop3-{tag}"));
                (Box::new(maildir), ledger)
            }
            Format::Mbox => {
                // Beside the mbox, hidden.
                let name = path.file_name().ok_or(io::ErrorKind::IsADirectory);
                let mut beside = std::ffi::OsString::from(".");
                beside.push(name.map_err(|kind| fail(kind.into()))?);
                beside.push(format!(".crosscheck-pop3-{tag}"));
                let ledger = path.with_file_name(&beside);
                beside.push(".spool");
                let mbox = Mbox::open(path, &path.with_file_name(beside), crlf).map_err(&fail)?;
                (Box::new(mbox), ledger)
            }
        };
        let fail_ledger = io_error(&ledger);
        let (mut ledger, promised) = Ledger::open(ledger.clone())
            .map_err(&fail_ledger)?
            .ok_or_else(|| DeliveryError::Busy(path.to_owned()))?;
        if !promised.is_empty() {
            let places: Vec<String> = promised.iter().map(|one| one.place.clone()).collect();
            let kept = mailbox.recover(&places).map_err(&fail)?;
            let kept = promised.into_iter().zip(kept);
            let kept = kept.filter_map(|(promise, kept)| kept.then_some(promise));
            ledger.recover(kept).map_err(&fail_ledger)?;
        }
        mailbox.sweep().map_err(&fail)?;
        Ok(Self {
            mailbox,
            ledger,
            batch: Vec::new(),
            batch_bytes: 0,
            crlf,
        })
    }

    /// How often a message was delivered, in earlier sessions and in this one.
    #[must_use]
    pub fn delivered(&self, key: &str) -> usize {
        let unsettled = self.batch.iter().filter(|other| *other == key).count();
        self.ledger.delivered(key) + unsettled
    }

    /// Begins a message; the one before has ended or was abandoned.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn begin(&mut self) -> Result<Delivery, DeliveryError> {
        let begun = self.mailbox.begin();
        begun.map_err(|error| self.mailbox_error(error))?;
        Ok(Delivery {
            hash: blake3::Hasher::new(),
            bytes: 0,
            ends: LineEnds::new(self.crlf),
        })
    }

    /// Writes octets of a message.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&mut self, delivery: &mut Delivery, octets: &[u8]) -> Result<(), DeliveryError> {
        delivery.hash.update(octets);
        delivery.bytes += octets.len() as u64;
        let mailbox = &mut self.mailbox;
        let written = delivery.ends.write(octets, |piece| mailbox.write(piece));
        written.map_err(|error| self.mailbox_error(error))
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
        let by_contents = key.is_none();
        let key = key.unwrap_or_else(|| format!("blake3:{}", delivery.hash.finalize().to_hex()));
        let new = !by_contents || known(&key) >= self.delivered(&key);
        let mailbox = &mut self.mailbox;
        let ended = match new {
            true => {
                let finished = delivery.ends.finish(|piece| mailbox.write(piece));
                finished.and_then(|()| mailbox.end())
            }
            false => mailbox.take_back(),
        };
        ended.map_err(|error| self.mailbox_error(error))?;
        if new {
            self.batch.push(key.clone());
            self.batch_bytes += delivery.bytes;
        }
        Ok((key, new))
    }

    /// Forgets a message that did not come to its end.
    pub fn abandon(&mut self, delivery: Delivery) {
        drop(delivery);
        // What stays is swept by the next process.
        let _ = self.mailbox.take_back();
    }

    /// Whether the batch is worth to be settled.
    #[must_use]
    pub fn is_batch_full(&self) -> bool {
        self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES
    }

    /// Settles the batch: what was ended before is delivered for good when this returns. Blocks while
    /// a mail program has an mbox locked, half a minute at most.
    ///
    /// # Errors
    /// When the file system refuses; what was promised is then kept by the next process.
    pub fn settle(&mut self) -> Result<(), DeliveryError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let prepared = self.mailbox.prepare();
        let places = prepared.map_err(|error| self.mailbox_error(error))?;
        let promise = |(key, place)| Promise { key, place };
        let promises: Vec<Promise> = batch.into_iter().zip(places).map(promise).collect();
        let promised = self.ledger.promise(&promises);
        promised.map_err(|error| self.ledger_error(error))?;
        let placed = self.mailbox.place();
        placed.map_err(|error| self.mailbox_error(error))?;
        let settled = self.ledger.settle(promises);
        settled.map_err(|error| self.ledger_error(error))?;
        let swept = self.mailbox.sweep();
        swept.map_err(|error| self.mailbox_error(error))
    }

    /// Forgets messages that the server does not have any more, so that the ledger stays as small as
    /// the mail drop.
    ///
    /// # Errors
    /// When the file system refuses; the ledger is then as it was.
    pub fn forget_all_but(&mut self, present: &BTreeSet<Key>) -> Result<(), DeliveryError> {
        let forgotten = self.ledger.forget_all_but(present);
        forgotten.map_err(|error| self.ledger_error(error))
    }

    fn mailbox_error(&self, source: io::Error) -> DeliveryError {
        io_error(self.mailbox.path())(source)
    }

    fn ledger_error(&self, source: io::Error) -> DeliveryError {
        io_error(self.ledger.path())(source)
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DeliveryError {
    let path = path.to_owned();
    move |source| DeliveryError::Io {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const OLD: &str = "From somebody Thu Jan  1 00:00:00 1970\n\nold\n\n";
    const THEIRS: &str = "From them Thu Jan  1 00:00:00 1970\n\ntheirs\n\n";

    /// In memory where that is possible: flushing it thousands of times costs nothing.
    fn folder() -> TempDir {
        TempDir::new_in("/dev/shm")
            .or_else(|_| TempDir::new())
            .expect("a folder")
    }

    fn open(folder: &TempDir, format: Format) -> Result<Deliveries, DeliveryError> {
        Deliveries::open(&folder.path().join("mail"), format, "a@host", false)
    }

    fn deliver(deliveries: &mut Deliveries, key: &str, text: &str) {
        let mut delivery = deliveries.begin().expect("space");
        deliveries
            .write(&mut delivery, text.as_bytes())
            .expect("space");
        let ended = deliveries.end(delivery, Some(key.to_owned()), |_| 0);
        assert!(ended.expect("space").1);
    }

    /// Everything that a folder holds but the mbox, by name.
    fn beside(folder: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(folder.path()).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.file_name().is_some_and(|name| name != "mail"))
            .map(|path| (path.clone(), fs::read(path).expect("a file")))
            .collect()
    }

    /// As after a kill between the promise and the last byte, at every byte; with and without somebody
    /// who writes behind what is there.
    #[test]
    fn a_batch_that_was_cut_at_any_byte_is_finished_by_the_next_process() {
        let folder = folder();
        let mbox = folder.path().join("mail");
        fs::write(&mbox, OLD).expect("a file");
        let mut deliveries = open(&folder, Format::Mbox).expect("an mbox");
        deliver(&mut deliveries, "one", "Subject: 1\r\n\r\nFrom here\r\n");
        deliver(&mut deliveries, "two", "Subject: 2\r\n\r\nx\r\n");
        let places = deliveries.mailbox.prepare().expect("space");
        let promises: Vec<Promise> = ["one", "two"]
            .into_iter()
            .zip(places)
            .map(|(key, place)| Promise {
                key: key.to_owned(),
                place,
            })
            .collect();
        deliveries.ledger.promise(&promises).expect("space");
        drop(deliveries);
        let left = beside(&folder);
        let spool = left
            .iter()
            .find(|(path, _)| path.to_string_lossy().ends_with(".spool"));
        let batch = String::from_utf8(spool.expect("a spool").1.clone()).expect("text");
        assert!(
            batch.contains("\n>From here\n\nFrom MAILER-DAEMON "),
            "{batch}"
        );
        let first = batch.find("\n\nFrom ").expect("two messages") + 2;
        for cut in 0..=batch.len() {
            for theirs in ["", THEIRS] {
                for (path, contents) in &left {
                    fs::write(path, contents).expect("a file");
                }
                let found = format!("{OLD}{}{theirs}", &batch[..cut]);
                fs::write(&mbox, &found).expect("a file");
                let mut deliveries = open(&folder, Format::Mbox).expect("an mbox");
                let now = fs::read_to_string(&mbox).expect("the mbox");
                let delivered = ["one", "two"].map(|key| deliveries.delivered(key));
                if theirs.is_empty() {
                    assert_eq!((delivered, now), ([1, 1], format!("{OLD}{batch}")), "{cut}");
                } else {
                    let there = [cut >= first, cut == batch.len()].map(usize::from);
                    assert_eq!((delivered, now), (there, found), "{cut}");
                }
                // What is missing is fetched again; the next process knows all of it.
                for (key, times) in ["one", "two"].into_iter().zip(delivered) {
                    if times == 0 {
                        deliver(&mut deliveries, key, "again\r\n");
                    }
                }
                deliveries.settle().expect("space");
                drop(deliveries);
                let deliveries = open(&folder, Format::Mbox).expect("an mbox");
                assert_eq!(["one", "two"].map(|key| deliveries.delivered(key)), [1, 1]);
                let names = beside(&folder);
                assert_eq!(names.len(), 1, "only the ledger stays: {names:?}");
            }
        }
    }

    #[test]
    fn a_batch_that_was_not_promised_is_forgotten() {
        for format in [Format::Maildir, Format::Mbox] {
            let folder = folder();
            let mut deliveries = open(&folder, format).expect("a mailbox");
            deliver(&mut deliveries, "one", "x\r\n");
            deliveries.mailbox.prepare().expect("space");
            drop(deliveries);
            let mut deliveries = open(&folder, format).expect("a mailbox");
            assert_eq!(deliveries.delivered("one"), 0);
            deliver(&mut deliveries, "one", "x\r\n");
            deliveries.settle().expect("space");
            drop(deliveries);
            let deliveries = open(&folder, format).expect("a mailbox");
            assert_eq!(deliveries.delivered("one"), 1, "{format:?}");
        }
    }

    #[test]
    fn an_mbox_ends_in_an_empty_line_before_a_message_begins() {
        for (before, after) in [
            ("", ""),
            ("From x", "From x\n\n"),
            ("From x\n", "From x\n\n"),
            ("From x\n\n", "From x\n\n"),
            ("From x\r\n\r\n", "From x\r\n\r\n"),
        ] {
            let folder = folder();
            let mbox = folder.path().join("mail");
            fs::write(&mbox, before).expect("a file");
            let mut deliveries = open(&folder, Format::Mbox).expect("an mbox");
            deliver(&mut deliveries, "one", "");
            deliveries.settle().expect("space");
            let now = fs::read_to_string(&mbox).expect("the mbox");
            let message = now.strip_prefix(after).expect(before);
            assert!(message.starts_with("From MAILER-DAEMON "), "{now:?}");
            assert!(message.ends_with("\n\n"), "{now:?}");
        }
    }

    #[test]
    fn an_account_has_one_process_a_mailbox() {
        for format in [Format::Maildir, Format::Mbox] {
            let folder = folder();
            let first = open(&folder, format).expect("a mailbox");
            let refused = open(&folder, format).expect_err("it is taken");
            assert!(matches!(refused, DeliveryError::Busy(_)), "{refused}");
            drop(first);
            open(&folder, format).expect("it is free");
        }
    }

    #[test]
    fn a_file_that_is_no_mbox_stays_as_it_is() {
        let folder = folder();
        let mbox = folder.path().join("mail");
        fs::write(&mbox, "Dear diary\n").expect("a file");
        let refused = open(&folder, Format::Mbox).expect_err("it is no mbox");
        assert!(refused.to_string().contains("no mbox"), "{refused}");
        assert_eq!(fs::read_to_string(&mbox).expect("the file"), "Dear diary\n");
        fs::remove_file(&mbox).expect("the file");
        fs::create_dir(&mbox).expect("a folder");
        open(&folder, Format::Mbox).expect_err("it is a directory");
    }
}
