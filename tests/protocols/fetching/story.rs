//! What happens to a mail drop and its mailbox, from session to session.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crosscheck::programs::pop3::delivery::{Deliveries, Format, Step, Steps};
use crosscheck::programs::pop3::fetch::note::Note;
use crosscheck::programs::pop3::fetch::run::{Failed, converse};
use crosscheck::programs::pop3::fetch::{Fetched, Terms};
use indicatif::ProgressBar;
use tempfile::TempDir;

use super::liar::{Faults, Liar, Message};
use super::talk::{Ended, Life, Talk};

/// What fails on our side of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Woes {
    /// The process is killed before this step of the delivery; of what was not flushed in the ledger
    /// this much is left, in parts of 256.
    pub(super) killed_at_step: Option<(usize, u8)>,
    /// It is killed before this event of the server.
    pub(super) killed_at_event: Option<usize>,
    /// The disk refuses this step.
    pub(super) refused_step: Option<usize>,
}

/// A run of the program.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) delete: bool,
    pub(super) faults: Faults,
    pub(super) woes: Woes,
    /// The octets of a read.
    pub(super) chunk: usize,
}

impl Run {
    /// A run in which nothing goes wrong.
    pub(super) fn truthful(delete: bool) -> Self {
        Self {
            delete,
            faults: Faults::default(),
            woes: Woes::default(),
            chunk: usize::MAX,
        }
    }
}

/// How many messages have these octets.
pub(super) type Count = BTreeMap<Vec<u8>, usize>;

/// A mail drop, a mailbox, and all that has happened to them.
pub(super) struct Story {
    folder: TempDir,
    format: Format,
    pub(super) drop: Vec<Message>,
    ids: usize,
    /// Names of messages that somebody else has deleted since the last session that was complete.
    hidden: Vec<Vec<u8>>,
    /// Messages that a server has deleted.
    pub(super) expunged: Count,
    /// Of these, as far as the client has not heard so.
    pub(super) in_silence: Count,
    /// Answers to RETR by message and octets, and in how many sessions they came.
    handed: BTreeMap<(usize, Vec<u8>), usize>,
    /// Messages that were told to be there twice.
    pub(super) told: usize,
    pub(super) killed: usize,
    pub(super) suspects: usize,
}

/// What came of a run.
pub(super) type Outcome = Result<Fetched, Option<Failed<Ended>>>;

impl Story {
    pub(super) fn new(format: Format) -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Self {
            folder: folder.expect("a folder"),
            format,
            drop: Vec::new(),
            ids: 0,
            hidden: Vec::new(),
            expunged: Count::new(),
            in_silence: Count::new(),
            handed: BTreeMap::new(),
            told: 0,
            killed: 0,
            suspects: 0,
        }
    }

    /// A message comes.
    pub(super) fn comes(&mut self, uid: &[u8], octets: &[u8]) {
        self.ids += 1;
        let mut uid = uid.to_vec();
        if self.hidden.contains(&uid) {
            // Nobody can tell a message from one of the same name and size that has gone unseen.
            uid.extend(format!("-{}", self.ids).as_bytes());
        }
        self.drop.push(Message {
            id: self.ids,
            uid,
            octets: octets.to_vec(),
        });
    }

    /// Somebody else deletes a message; not one of two that nobody can tell apart when one is gone.
    pub(super) fn goes(&mut self, index: usize) {
        if self.drop.is_empty() {
            return;
        }
        let message = self.drop.remove(index % self.drop.len());
        let same = |other: &Message| {
            other.uid == message.uid && other.octets.len() == message.octets.len()
        };
        if self.drop.iter().any(same) {
            self.drop.push(message);
        } else {
            self.hidden.push(message.uid);
        }
    }

    fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// The program runs once.
    pub(super) fn runs(&mut self, run: &Run) -> Outcome {
        let alive = Rc::new(Cell::new(true));
        let steps = self.steps(run.woes, &alive);
        let life = Life {
            alive: Rc::clone(&alive),
            events: run.woes.killed_at_event,
        };
        let mut liar = Liar::new(&mut self.drop, &run.faults);
        let (mut told, mut suspects) = (0, 0);
        let (mailbox, format) = (self.folder.path().join("mail"), self.format);
        let outcome = (|| {
            let deliveries = Deliveries::open_watched(&mailbox, format, "a@host", true, steps);
            let mut deliveries = deliveries.map_err(|error| Some(Failed::Delivery(error)))?;
            let talk = Talk::log_in(&mut liar, run.chunk, life);
            let mut talk = talk.map_err(|error| Some(Failed::Session(error)))?;
            let terms = Terms {
                delete: run.delete,
                ignore_sizes: false,
                largest: u64::MAX,
            };
            let mut tell = |note: &Note| {
                told += usize::from(matches!(note, Note::Again(_)));
                suspects += usize::from(matches!(note, Note::Suspect(_)));
            };
            let progress = ProgressBar::hidden();
            converse(&mut talk, &mut deliveries, terms, &mut tell, &progress).map_err(Some)
        })();
        let (expunged, handed) = (liar.expunged, liar.handed);
        self.told += told;
        self.suspects += suspects;
        self.killed += usize::from(!alive.get());
        let mut this_time: Vec<(usize, Vec<u8>)> = handed;
        this_time.sort();
        this_time.dedup();
        for answer in this_time {
            *self.handed.entry(answer).or_default() += 1;
        }
        let files = self.files();
        for message in expunged {
            // What came twice is what the server has.
            let delivered = |octets: &[u8]| files.contains_key(octets);
            let twice = self.handed.iter().filter(|(_, times)| **times >= 2);
            let mut of_it = twice.filter(|((id, _), _)| *id == message.id);
            assert!(
                delivered(&message.octets) || of_it.any(|((_, octets), _)| delivered(octets)),
                "lost: {message:?} in {run:?}"
            );
            if self.has_come_short_twice(&message) {
                continue;
            }
            let octets = message.octets;
            // Where DELE seemed to be refused nobody has said so either.
            if outcome.as_ref().map_or(true, |fetched| fetched.left > 0) {
                *self.in_silence.entry(octets.clone()).or_default() += 1;
            }
            *self.expunged.entry(octets).or_default() += 1;
        }
        if outcome.is_ok() {
            self.hidden.clear();
        }
        outcome
    }

    /// Whether a part of a message has come twice, which is then all that the server has.
    pub(super) fn has_come_short_twice(&self, message: &Message) -> bool {
        let mut twice = self.handed.iter().filter(|(_, times)| **times >= 2);
        twice.any(|((id, octets), _)| *id == message.id && *octets != message.octets)
    }

    /// How many messages were handed out with these octets.
    pub(super) fn offered(&self, octets: &[u8]) -> usize {
        self.handed
            .keys()
            .filter(|(_, handed)| handed == octets)
            .count()
    }

    fn steps(&self, woes: Woes, alive: &Rc<Cell<bool>>) -> Steps {
        let (alive, folder) = (Rc::clone(alive), self.folder.path().to_owned());
        let taken = Cell::new(0);
        let flushed: RefCell<Option<(PathBuf, u64)>> = RefCell::new(None);
        Steps::watched(move |step| {
            let at = taken.replace(taken.get() + 1);
            if step == Step::Promise || step == Step::Settle {
                *flushed.borrow_mut() = ledger(&folder);
            }
            match woes.killed_at_step {
                Some((killed, left)) if killed == at && alive.get() => {
                    alive.set(false);
                    if matches!(step, Step::FlushPromise | Step::FlushSettle) {
                        let flushed = flushed.borrow();
                        let (path, length) = flushed.as_ref().expect("it was written");
                        tear(path, *length, left);
                    }
                }
                _ => {}
            }
            match alive.get() && woes.refused_step != Some(at) {
                true => Ok(()),
                false => Err(io::ErrorKind::StorageFull.into()),
            }
        })
    }

    /// What is in the mailbox.
    pub(super) fn files(&self) -> Count {
        let mut count = Count::new();
        let mailbox = self.mailbox();
        let messages: Vec<Vec<u8>> = match self.format {
            Format::Maildir => {
                let new = fs::read_dir(mailbox.join("new"));
                let files = new.into_iter().flatten();
                files
                    .map(|file| fs::read(file.expect("an entry").path()).expect("a file"))
                    .collect()
            }
            Format::Mbox => messages_of(&fs::read(&mailbox).unwrap_or_default()),
        };
        for message in messages {
            *count.entry(message).or_default() += 1;
        }
        count
    }
}

/// The ledger and its length, where there is one.
fn ledger(folder: &Path) -> Option<(PathBuf, u64)> {
    let folders = [folder.to_owned(), folder.join("mail")];
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let paths = entries
        .flatten()
        .map(|entry| entry.expect("an entry").path());
    let is_ledger = |path: &PathBuf| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        name.contains("crosscheck-pop3-") && !name.ends_with(".spool") && !name.ends_with(".fresh")
    };
    let path = paths.into_iter().find(is_ledger)?;
    let length = fs::metadata(&path).expect("the ledger").len();
    Some((path, length))
}

/// As when the machine goes down before what is behind `flushed` is on the disk.
fn tear(path: &Path, flushed: u64, left: u8) {
    let file = File::options().write(true).open(path).expect("the ledger");
    let behind = file.metadata().expect("the ledger").len() - flushed;
    let length = flushed + behind * u64::from(left) / 255;
    file.set_len(length).expect("a shorter file");
}

/// The messages of an mbox with CRLF, by the rules of mboxrd.
fn messages_of(mbox: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in mbox.split_inclusive(|octet| *octet == b'\n') {
        let marks = line.iter().take_while(|octet| **octet == b'>').count();
        match (marks, line[marks..].starts_with(b"From ")) {
            (0, true) => messages.push(Vec::new()),
            (_, true) => messages.last_mut().expect("a message").extend(&line[1..]),
            (_, false) => messages.last_mut().expect("a message").extend(line),
        }
    }
    for message in &mut messages {
        assert!(message.ends_with(b"\r\n"), "an empty line behind it");
        message.truncate(message.len() - 2);
    }
    messages
}
