//! The fetching client: every message into a mailbox once, and deleted on the server only when it is
//! safely there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use indicatif::ProgressBar;

use super::delivery::{Deliveries, Delivery, DeliveryError, Format, Key};
use super::session::{Account, Fault, Session, SessionError};
use crate::programs::net::{Failure, Shutdown};
use crate::protocols::pop3::client::{Asked, Event};
use crate::protocols::pop3::reply::{Reply, Status};
use crate::protocols::pop3::{Command, Number};

/// What to do with a mail drop.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The Maildir or mbox.
    pub mailbox: &'a Path,
    /// Which of them it is.
    pub format: Format,
    /// Whether messages are deleted on the server when they are delivered.
    pub delete: bool,
    /// Whether line ends stay CRLF in the files.
    pub crlf: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Messages that were delivered now.
    pub delivered: usize,
    /// Messages that were delivered before, and were passed over.
    pub known: usize,
    /// Messages that the server has deleted.
    pub deleted: usize,
    /// Messages that the server has not handed out, or not deleted.
    pub refused: usize,
}

/// Fetches a mail drop. Blocks until it is through, or the program is to end.
///
/// Whatever happens, a message that was complete is delivered, a message that is delivered is not
/// delivered again, and only delivered messages are deleted.
///
/// # Errors
/// When the session or the file system fails. What was delivered by then stays.
pub fn fetch(
    account: &Account,
    wish: &Wish<'_>,
    shutdown: &Shutdown,
    progress: &ProgressBar,
) -> Result<Fetched, Failure> {
    let name = account.url.account();
    let deliveries = Deliveries::open(wish.mailbox, wish.format, &name, wish.crlf)?;
    let mut session = Session::connect(account, shutdown)?;
    session.log_in()?;
    let mut fetch = Fetch {
        session,
        deliveries,
        delete: wish.delete,
        keys: BTreeMap::new(),
        seen: BTreeMap::new(),
        queue: VecDeque::new(),
        arriving: None,
        unsettled: Vec::new(),
        marked: 0,
        fetched: Fetched::default(),
        progress,
    };
    let result = fetch.run();
    if result.is_err() {
        // What was complete before the error is not fetched again.
        fetch.deliveries.settle()?;
    }
    result?;
    Ok(fetch.fetched)
}

struct Fetch<'a> {
    session: Session<'a>,
    deliveries: Deliveries,
    delete: bool,
    /// The unique identifiers of the messages; empty where the server has none.
    keys: BTreeMap<Number, Key>,
    /// How often each key has been seen in this session: only contents can come more than once.
    seen: BTreeMap<Key, usize>,
    /// What is still to be said.
    queue: VecDeque<Command>,
    /// The message that is coming.
    arriving: Option<Delivery>,
    /// Messages that are complete, but not settled.
    unsettled: Vec<Number>,
    /// Messages that are marked as deleted.
    marked: usize,
    fetched: Fetched,
    progress: &'a ProgressBar,
}

/// An error on either side.
enum Failed {
    Session(SessionError),
    Delivery(DeliveryError),
}

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<DeliveryError> for Failed {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Session(error) => error.into(),
            Failed::Delivery(error) => error.into(),
        }
    }
}

impl Fetch<'_> {
    fn run(&mut self) -> Result<(), Failed> {
        let messages = self.list()?;
        self.progress.set_length(messages.len() as u64);
        for number in messages {
            let known = self
                .keys
                .get(&number)
                .is_some_and(|key| self.deliveries.delivered(key) > 0);
            if known {
                self.fetched.known += 1;
                self.progress.inc(1);
                if self.delete {
                    self.queue.push_back(Command::Dele(number));
                }
            } else {
                self.queue.push_back(Command::Retr(number));
            }
        }
        self.work_off()?;
        self.settle()?;
        self.work_off()?;
        let answer = self.session.quit()?;
        if answer.status == Status::Err {
            return Err(self.refused("QUIT", answer));
        }
        self.fetched.deleted = self.marked;
        if !self.keys.is_empty() {
            let present: BTreeSet<Key> = self.keys.values().cloned().collect();
            self.deliveries.forget_all_but(&present)?;
        }
        Ok(())
    }

    /// The numbers of the messages; their keys on the way.
    fn list(&mut self) -> Result<Vec<Number>, Failed> {
        self.session.send(&Command::Stat)?;
        let count = loop {
            match self.session.event()? {
                Event::Totals { messages, .. } => break messages,
                Event::Reply {
                    to: Asked::Stat,
                    reply,
                } if reply.status == Status::Err => return Err(self.refused("STAT", reply)),
                _ => {}
            }
        };
        if count == 0 {
            return Ok(Vec::new());
        }
        self.session.send(&Command::Uidl(None))?;
        loop {
            match self.session.event()? {
                Event::UniqueId { message, unique_id } => {
                    self.keys.insert(message, unique_id.as_str().to_owned());
                }
                Event::End {
                    of: Asked::Uidl(_), ..
                } => {
                    return Ok(self.keys.keys().copied().collect());
                }
                Event::Reply {
                    to: Asked::Uidl(_),
                    reply,
                } if reply.status == Status::Err => {
                    tracing::warn!(
                        "the server has no unique identifiers: contents tell messages apart"
                    );
                    return Ok((1..=count).filter_map(Number::new).collect());
                }
                _ => {}
            }
        }
    }

    /// Says everything in the queue and hears every answer.
    fn work_off(&mut self) -> Result<(), Failed> {
        let mut open = 0;
        loop {
            while let Some(command) = self.queue.front() {
                if !self.session.client().can_send(command) {
                    break;
                }
                self.session.send(command)?;
                self.queue.pop_front();
                open += 1;
            }
            if open == 0 {
                return Ok(());
            }
            match self.session.event()? {
                Event::Reply {
                    to: Asked::Retr(number),
                    reply,
                } => {
                    if reply.status == Status::Ok {
                        self.arriving = Some(self.deliveries.begin()?);
                    } else {
                        tracing::warn!("message {number} was not handed out: {reply}");
                        self.fetched.refused += 1;
                        open -= 1;
                    }
                }
                Event::Body => self.take_body()?,
                Event::End {
                    of: Asked::Retr(number),
                    ..
                } => {
                    self.complete(number)?;
                    open -= 1;
                }
                Event::Reply {
                    to: Asked::Dele(number),
                    reply,
                } => {
                    if reply.status == Status::Ok {
                        self.marked += 1;
                    } else {
                        tracing::warn!("message {number} was not deleted: {reply}");
                        self.fetched.refused += 1;
                    }
                    open -= 1;
                }
                _ => {}
            }
        }
    }

    fn take_body(&mut self) -> Result<(), Failed> {
        let client = self.session.client();
        let octets = client.body().len();
        if let Some(delivery) = &mut self.arriving {
            self.deliveries.write(delivery, client.body())?;
        }
        client.consume_body(octets);
        Ok(())
    }

    fn complete(&mut self, number: Number) -> Result<(), Failed> {
        let Some(delivery) = self.arriving.take() else {
            return Ok(());
        };
        let key = self.keys.get(&number).cloned();
        let seen = &self.seen;
        let (key, new) = self
            .deliveries
            .end(delivery, key, |key| seen.get(key).copied().unwrap_or(0))?;
        *self.seen.entry(key).or_default() += 1;
        if new {
            self.fetched.delivered += 1;
        } else {
            self.fetched.known += 1;
        }
        self.progress.inc(1);
        self.unsettled.push(number);
        if self.deliveries.is_batch_full() {
            self.settle()?;
        }
        Ok(())
    }

    /// From here on the complete messages are safe, and may be deleted.
    fn settle(&mut self) -> Result<(), Failed> {
        self.deliveries.settle()?;
        for number in self.unsettled.drain(..) {
            if self.delete {
                // Before what is still to be fetched: a session that is cut now has marked nothing.
                self.queue.push_front(Command::Dele(number));
            }
        }
        Ok(())
    }

    fn refused(&self, command: &str, reply: Reply) -> Failed {
        let command = command.to_owned();
        self.session.fault(Fault::Refused { command, reply }).into()
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        if let Some(delivery) = self.arriving.take() {
            self.deliveries.abandon(delivery);
        }
    }
}
