//! The messages of one account on their way into a mailbox.
//!
//! A message is staged and flushed where no mail reader looks. Its identity, its digest and its place
//! then go into a ledger, which is flushed, and only after that the message goes to its place. So a
//! line of the ledger is a promise: whoever opens the ledger next keeps it. Messages are settled in
//! batches, for each flush takes milliseconds.
//!
//! A message may be deleted on the server when exactly its octets were settled under its identity, and
//! it was proved that they were the answer to what was asked.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::{Digest, Standing};
use super::ledger::{Ledger, Promise, kept};
use super::mailbox::{Format, Mailbox};
use super::maildir::Maildir;
use super::mbox::Mbox;
use super::register::{Course, Offer, Register};
use super::steps::Steps;
use super::text::LineEnds;
use crate::escape;
use crate::programs::net::exit::{EndsProgram, Exit};
use crate::protocols::pop3::Number;

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
    register: Register,
    /// Complete, but neither flushed nor promised; in the order in which they came.
    batch: Vec<Complete>,
    batch_bytes: u64,
    /// Whether line ends stay CRLF.
    crlf: bool,
    /// Whether a message that is longer or shorter than announced counts as whole.
    ignore_sizes: bool,
    /// A batch is being settled, or that has failed: the next process finishes it.
    settling: bool,
}

/// A message that is complete.
#[derive(Clone, Copy, Debug)]
struct Complete {
    number: Number,
    digest: Digest,
    /// It has more or fewer octets than announced.
    odd: bool,
    /// It has as many octets as announced.
    whole: bool,
    /// The entry whose octets it has; `None`: it is new, and in the batch of the mailbox.
    known: Option<usize>,
    /// It was the answer to what was asked.
    proved: bool,
}

/// A message that is coming.
#[derive(Debug)]
pub struct Delivery {
    hash: blake3::Hasher,
    octets: u64,
    lines: u64,
    ends: LineEnds,
}

/// What a message turned out to be that has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// It was not delivered before.
    pub new: bool,
    /// It is delivered, though its octets have been delivered before, or may have been.
    pub again: bool,
    /// It is delivered, and its name was that of a message with other octets.
    pub named_anew: bool,
    /// The octets that came, and those that were announced, where they are not the same.
    pub odd: Option<(u64, u64)>,
}

/// How a session ends that does not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The server is silent or gone, or we end it: what came, came as it was sent.
    Cut,
    /// What comes is no answer to what was asked: nobody knows since when.
    OutOfStep,
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
        Self::open_watched(path, format, account, crlf, Steps::default())
    }

    /// As [`Deliveries::open`], with somebody who looks at each step before it is taken.
    ///
    /// # Errors
    /// As there, and when a step may not be taken.
    pub fn open_watched(
        path: &Path,
        format: Format,
        account: &str,
        crlf: bool,
        steps: Steps,
    ) -> Result<Self, DeliveryError> {
        let tag = blake3::hash(account.as_bytes()).to_hex()[..16].to_owned();
        let fail = io_error(path);
        let (mut mailbox, ledger): (Box<dyn Mailbox>, _) = match format {
            Format::Maildir => {
                let maildir = Maildir::open(path, &tag, steps.clone()).map_err(&fail)?;
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
                let spool = path.with_file_name(beside);
                let mbox = Mbox::open(path, &spool, crlf, steps.clone()).map_err(&fail)?;
                (Box::new(mbox), ledger)
            }
        };
        let fail_ledger = io_error(&ledger);
        let (mut ledger, contents) = Ledger::open(ledger.clone(), steps)
            .map_err(&fail_ledger)?
            .ok_or_else(|| DeliveryError::Busy(path.to_owned()))?;
        let (mut entries, promised) = (contents.entries, contents.promised);
        let recovered = !promised.is_empty();
        if recovered {
            let places: Vec<String> = promised.iter().map(|one| one.place.clone()).collect();
            let there = mailbox.recover(&places).map_err(&fail)?;
            entries.extend(kept(promised, &there));
        }
        let register = Register::new(entries, contents.suspects);
        if recovered {
            let written = ledger.rewrite(register.entries(), register.suspects());
            written.map_err(&fail_ledger)?;
        }
        mailbox.sweep().map_err(&fail)?;
        Ok(Self {
            mailbox,
            ledger,
            register,
            batch: Vec::new(),
            batch_bytes: 0,
            crlf,
            ignore_sizes: false,
            settling: false,
        })
    }

    /// From now on a message that is longer or shorter than announced counts as whole.
    pub fn ignore_sizes(&mut self) {
        self.ignore_sizes = true;
    }

    /// A session begins: this is what the server lists; `complete`: with every name that it has.
    pub fn begin_session(&mut self, offers: &[Offer], complete: bool) {
        self.register.begin_session(offers, complete);
    }

    /// What to do with a message that the server lists; `delete`: it is to be deleted there.
    pub fn course(&mut self, number: Number, delete: bool) -> Course {
        self.register.course(number, delete)
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
            octets: 0,
            lines: 0,
            ends: LineEnds::new(self.crlf),
        })
    }

    /// Writes octets of a message.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&mut self, delivery: &mut Delivery, octets: &[u8]) -> Result<(), DeliveryError> {
        delivery.hash.update(octets);
        delivery.octets += octets.len() as u64;
        delivery.lines += memchr::memchr_iter(b'\n', octets).count() as u64;
        let mailbox = &mut self.mailbox;
        let written = delivery.ends.write(octets, |piece| mailbox.write(piece));
        written.map_err(|error| self.mailbox_error(error))
    }

    /// Ends a message: it is complete, and delivered when its batch is settled. One whose octets were
    /// delivered under its identity is dropped.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn end(
        &mut self,
        mut delivery: Delivery,
        number: Number,
    ) -> Result<Arrival, DeliveryError> {
        let digest = delivery.hash.finalize();
        let announced = self.register.listed(number);
        // Some servers count a line end as one octet.
        let lengths = [delivery.octets, delivery.octets - delivery.lines];
        let odd = announced.filter(|announced| !lengths.contains(announced));
        let whole = self.ignore_sizes || announced.is_some() && odd.is_none();
        let known = self.register.find(number, &digest, whole);
        let new = known.is_none();
        let in_batch = |one: &Complete| one.known.is_none() && one.digest == digest;
        let again = new
            && (self.register.has_come_before(number, &digest) || self.batch.iter().any(in_batch));
        let arrival = Arrival {
            new,
            again,
            named_anew: new && !again && self.register.is_named_anew(number),
            odd: odd.map(|announced| (delivery.octets, announced)),
        };
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
            self.batch_bytes += delivery.octets;
        }
        self.batch.push(Complete {
            number,
            digest,
            odd: odd.is_some(),
            whole,
            known,
            proved: false,
        });
        Ok(arrival)
    }

    /// Forgets a message that did not come to its end.
    pub fn abandon(&mut self, delivery: Delivery) {
        drop(delivery);
        // What stays is swept by the next process.
        let _ = self.mailbox.take_back();
    }

    /// What is complete was the answer to what was asked: the server has answered a question behind
    /// it as nobody else could.
    pub fn prove(&mut self) {
        self.batch.iter_mut().for_each(|one| one.proved = true);
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
        self.settling = true;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let new: Vec<&Complete> = batch.iter().filter(|one| one.known.is_none()).collect();
        if !new.is_empty() {
            let prepared = self.mailbox.prepare();
            let places = prepared.map_err(|error| self.mailbox_error(error))?;
            let promise = |(one, place): (&&Complete, _)| {
                let standing = match (one.proved, one.whole) {
                    (false, _) => Standing::Unproved,
                    (true, false) => Standing::Odd,
                    (true, true) => Standing::Delivered,
                };
                let entry = self.register.entry_of(one.number, one.digest, standing);
                Promise { entry, place }
            };
            let promises: Vec<Promise> = new.iter().zip(places).map(promise).collect();
            let promised = self.ledger.promise(&promises);
            promised.map_err(|error| self.ledger_error(error))?;
            let placed = self.mailbox.place();
            placed.map_err(|error| self.mailbox_error(error))?;
            let settled = self.ledger.settle();
            settled.map_err(|error| self.ledger_error(error))?;
            for (one, promise) in new.into_iter().zip(promises) {
                self.register.add(one.number, promise.entry);
            }
            let swept = self.mailbox.sweep();
            swept.map_err(|error| self.mailbox_error(error))?;
        }
        for one in batch.iter().filter(|one| one.proved) {
            if let Some(entry) = one.known {
                self.register.confirm(one.number, entry, one.whole);
            }
        }
        self.settling = false;
        Ok(())
    }

    /// Settles what may be settled of a session that has not come to its end. What was odd, and
    /// after it everything that was not proved, is forgotten; all that was not proved where the
    /// session is out of step. There, one message is asked for last from now on, so that it does not
    /// keep the others away: `arriving`, or the first that was odd, or the last that ended.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn rescue(
        &mut self,
        how: Break,
        arriving: Option<Number>,
    ) -> Result<Option<Number>, DeliveryError> {
        if self.settling {
            return Ok(None);
        }
        let proved = self.batch.iter().take_while(|one| one.proved).count();
        let unproved = &self.batch[proved..];
        let odd = unproved.iter().position(|one| one.odd);
        let last = unproved.len().checked_sub(1);
        let (keep, suspect) = match how {
            Break::Cut => (proved + odd.unwrap_or(unproved.len()), None),
            Break::OutOfStep => {
                let ended = odd.or(last).map(|at| unproved[at].number);
                (proved, arriving.or(ended))
            }
        };
        for one in self.batch.drain(keep..) {
            if let Some(entry) = one.known {
                self.register.give_back(one.number, entry);
            }
        }
        let new = self.batch.iter().filter(|one| one.known.is_none()).count();
        let kept = self.mailbox.keep_first(new);
        kept.map_err(|error| self.mailbox_error(error))?;
        if let Some(number) = suspect {
            self.register.suspect(number);
        }
        self.settle()?;
        self.register.break_off();
        self.write_changes()?;
        Ok(suspect)
    }

    /// Whether a message may be deleted on the server.
    #[must_use]
    pub fn may_be_deleted(&self, number: Number) -> bool {
        self.register.may_be_deleted(number)
    }

    /// The server is asked to mark a message as deleted.
    pub fn ask_to_delete(&mut self, number: Number) {
        self.register.ask(number);
    }

    /// The server has marked a message as deleted.
    pub fn mark(&mut self, number: Number) {
        self.register.mark(number);
    }

    /// QUIT is about to be said: whatever happens to its answer, what was to be marked is not taken for
    /// what has its name later.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn before_quit(&mut self) -> Result<(), DeliveryError> {
        self.register.doubt();
        self.write_changes()
    }

    /// QUIT was answered by yes: what was marked is gone, and so is what was not listed.
    ///
    /// # Errors
    /// When the file system refuses; the ledger is then as it was.
    pub fn after_quit(&mut self) -> Result<(), DeliveryError> {
        self.register.end_session();
        self.write_changes()
    }

    fn write_changes(&mut self) -> Result<(), DeliveryError> {
        if !self.register.take_changed() {
            return Ok(());
        }
        let (entries, suspects) = (self.register.entries(), self.register.suspects());
        let written = self.ledger.rewrite(entries, suspects);
        written.map_err(|error| self.ledger_error(error))
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
    use crate::protocols::pop3::Text;

    const OLD: &str = "From somebody Thu Jan  1 00:00:00 1970\n\nold\n\n";
    const THEIRS: &str = "From them Thu Jan  1 00:00:00 1970\n\ntheirs\n\n";

    /// In memory where that is possible: flushing it thousands of times costs nothing.
    fn folder() -> TempDir {
        TempDir::new_in("/dev/shm")
            .or_else(|_| TempDir::new())
            .expect("a folder")
    }

    /// The names of the messages in every session here.
    const NAMES: [&str; 2] = ["one", "two"];

    fn number(name: &str) -> Number {
        let at = NAMES.iter().position(|other| *other == name);
        Number::from_index(at.expect("a message")).expect("a number")
    }

    fn open(folder: &TempDir, format: Format) -> Result<Deliveries, DeliveryError> {
        let path = folder.path().join("mail");
        let mut deliveries = Deliveries::open(&path, format, "a@host", false)?;
        let offers = NAMES.map(|name| Offer {
            number: number(name),
            uid: Text::new(name).ok(),
            listed: Some(3),
        });
        deliveries.begin_session(&offers, true);
        Ok(deliveries)
    }

    fn deliver(deliveries: &mut Deliveries, name: &str, text: &str) {
        let mut delivery = deliveries.begin().expect("space");
        deliveries
            .write(&mut delivery, text.as_bytes())
            .expect("space");
        let arrival = deliveries.end(delivery, number(name)).expect("space");
        assert!(arrival.new);
    }

    fn delivered(deliveries: &Deliveries, name: &str) -> usize {
        let entries = deliveries.register.entries().iter();
        let there = entries.filter(|entry| entry.standing != Standing::Gone);
        let uid = Text::new(name).ok();
        there.filter(|entry| entry.uid == uid).count()
    }

    /// What the batch promises.
    fn promises(deliveries: &mut Deliveries) -> Vec<Promise> {
        let places = deliveries.mailbox.prepare().expect("space");
        let batch = deliveries.batch.iter().zip(places);
        let promise = |(one, place): (&Complete, String)| Promise {
            entry: (deliveries.register).entry_of(one.number, one.digest, Standing::Delivered),
            place,
        };
        batch.map(promise).collect()
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
        let promises = promises(&mut deliveries);
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
                let there_now = NAMES.map(|name| delivered(&deliveries, name));
                if theirs.is_empty() {
                    assert_eq!((there_now, now), ([1, 1], format!("{OLD}{batch}")), "{cut}");
                } else {
                    let there = [cut >= first, cut == batch.len()].map(usize::from);
                    assert_eq!((there_now, now), (there, found), "{cut}");
                }
                // What is missing is fetched again; the next process knows all of it.
                for (name, times) in NAMES.into_iter().zip(there_now) {
                    if times == 0 {
                        deliver(&mut deliveries, name, "again\r\n");
                    }
                }
                deliveries.settle().expect("space");
                drop(deliveries);
                let deliveries = open(&folder, Format::Mbox).expect("an mbox");
                assert_eq!(NAMES.map(|name| delivered(&deliveries, name)), [1, 1]);
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
            assert_eq!(delivered(&deliveries, "one"), 0);
            deliver(&mut deliveries, "one", "x\r\n");
            deliveries.settle().expect("space");
            drop(deliveries);
            let deliveries = open(&folder, format).expect("a mailbox");
            assert_eq!(delivered(&deliveries, "one"), 1, "{format:?}");
        }
    }

    /// A ledger as an older version has written it, with names and nothing else.
    fn older_ledger(folder: &TempDir, lines: &[&str]) {
        drop(open(folder, Format::Maildir).expect("a mailbox"));
        let entries = fs::read_dir(folder.path().join("mail")).expect("a folder");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        let ledger = paths.find(|path| path.is_file()).expect("a ledger");
        let line = |text: &&str| {
            let sum = blake3::hash(text.as_bytes()).to_hex();
            format!("{} {text}\n", &sum[..8])
        };
        let text: String = lines.iter().map(line).collect();
        fs::write(ledger, text).expect("a file");
    }

    /// Records without what is needed to compare a message with them.
    #[test]
    fn what_an_older_version_has_delivered_is_passed_over_and_not_deleted_unseen() {
        let folder = folder();
        let contents = blake3::hash(b"x\r\n").to_hex();
        let by_contents = format!("+ blake3:{contents} 1.two");
        older_ledger(&folder, &["+ one 1.one", &by_contents, "."]);
        let mut deliveries = open(&folder, Format::Maildir).expect("a mailbox");
        assert_eq!(deliveries.course(number("one"), false), Course::Known);
        assert!(!deliveries.may_be_deleted(number("one")));
        drop(deliveries);
        let mut deliveries = open(&folder, Format::Maildir).expect("a mailbox");
        assert_eq!(deliveries.course(number("one"), true), Course::Compare);
        // It is delivered once more, and that is told; the other one has been compared.
        for (name, text, new) in [("one", "y\r\n", true), ("two", "x\r\n", false)] {
            let mut delivery = deliveries.begin().expect("space");
            deliveries
                .write(&mut delivery, text.as_bytes())
                .expect("space");
            let arrival = deliveries.end(delivery, number(name)).expect("space");
            assert_eq!((arrival.new, arrival.again), (new, new), "{name}");
        }
        deliveries.prove();
        deliveries.settle().expect("space");
        deliveries.after_quit().expect("space");
        drop(deliveries);
        let deliveries = open(&folder, Format::Maildir).expect("a mailbox");
        assert_eq!(NAMES.map(|name| delivered(&deliveries, name)), [1, 1]);
    }

    #[test]
    fn a_ledger_of_a_newer_version_is_left_alone() {
        let folder = folder();
        older_ledger(&folder, &["~ something"]);
        let refused = open(&folder, Format::Maildir).expect_err("it is not understood");
        assert!(refused.to_string().contains("newer"), "{refused}");
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
