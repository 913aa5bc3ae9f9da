//! One session of a fetch, from the login to QUIT.

use std::collections::{BTreeMap, VecDeque};

use indicatif::ProgressBar;

use super::conversation::Conversation;
use super::note::Note;
use super::{Fetched, Terms};
use crate::programs::pop3::delivery::{Break, Course, Deliveries, Delivery, DeliveryError, Offer};
use crate::protocols::pop3::client::{Asked, Event};
use crate::protocols::pop3::reply::{Reply, Status};
use crate::protocols::pop3::{Command, Number, Text};

/// After so many messages the server has to show that it is in step,
const PROVE: usize = 8;

/// or after so many octets.
const PROVE_OCTETS: u64 = 64 << 10;

/// Why a fetch has failed.
#[derive(Debug)]
pub enum Failed<E> {
    /// The session.
    Session(E),
    /// The mailbox.
    Delivery(DeliveryError),
}

impl<E> From<DeliveryError> for Failed<E> {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

/// Fetches a mail drop over a session that is logged in, and says QUIT. Blocks.
///
/// `tell` is told before anything comes of it: a message that may be there twice is told of before
/// it is.
///
/// # Errors
/// When the session or the file system fails. What was delivered by then stays.
pub fn converse<C: Conversation>(
    conversation: &mut C,
    deliveries: &mut Deliveries,
    terms: Terms,
    tell: &mut dyn FnMut(&Note),
    progress: &ProgressBar,
) -> Result<Fetched, Failed<C::Error>> {
    if terms.ignore_sizes {
        deliveries.ignore_sizes();
    }
    let mut fetch = Fetch {
        conversation,
        deliveries,
        terms,
        tell,
        offers: BTreeMap::new(),
        queue: VecDeque::new(),
        arriving: None,
        unsettled: Vec::new(),
        unproved: false,
        fetched: Fetched::default(),
        progress,
    };
    let done = fetch.run();
    let arriving = fetch.arriving.take().map(|(number, delivery)| {
        fetch.deliveries.abandon(delivery);
        number
    });
    let Err(error) = done else {
        return Ok(fetch.fetched);
    };
    // What was complete before the error is not fetched again.
    let rescued = match &error {
        Failed::Session(error) => fetch.deliveries.rescue(C::breaks(error), arriving)?,
        // It may be able to keep what is complete; that it has failed is known.
        Failed::Delivery(_) => fetch.deliveries.rescue(Break::Cut, None).unwrap_or(None),
    };
    if let Some(number) = rescued {
        fetch.note(Note::Suspect(number));
    }
    Err(error)
}

struct Fetch<'a, C> {
    conversation: &'a mut C,
    deliveries: &'a mut Deliveries,
    terms: Terms,
    tell: &'a mut dyn FnMut(&Note),
    offers: BTreeMap<Number, Offer>,
    /// What is still to be said.
    queue: VecDeque<Command>,
    /// The message that is coming.
    arriving: Option<(Number, Delivery)>,
    /// Messages that are complete, but not settled; and whether they are odd.
    unsettled: Vec<(Number, bool)>,
    /// A question behind messages was not answered as it has to be: whatever comes after it may be
    /// the answer to something else, and be in step again by chance.
    unproved: bool,
    fetched: Fetched,
    progress: &'a ProgressBar,
}

impl<C: Conversation> Fetch<'_, C> {
    fn run(&mut self) -> Result<(), Failed<C::Error>> {
        let (offers, complete) = self.list()?;
        self.progress.set_length(offers.len() as u64);
        self.deliveries.begin_session(&offers, complete);
        let numbers: Vec<Number> = offers.iter().map(|offer| offer.number).collect();
        self.offers = offers.into_iter().map(|one| (one.number, one)).collect();
        let mut postponed = self.plan(&numbers);
        if self.queue.is_empty() {
            // The worst last: the first that is out of step again ends the session.
            postponed.sort_unstable();
            for (_, number) in postponed {
                self.ask_for(&[number]);
            }
        } else {
            for (_, number) in postponed {
                self.note(Note::Postponed(number));
            }
        }
        self.work_off()?;
        self.settle()?;
        self.work_off()?;
        self.deliveries.before_quit()?;
        self.send(&Command::Quit)?;
        let answer = loop {
            if let Event::Reply {
                to: Asked::Quit,
                reply,
            } = self.event()?
            {
                break reply;
            }
        };
        if answer.status == Status::Err {
            return Err(self.refused("QUIT", answer));
        }
        self.deliveries.after_quit()?;
        Ok(())
    }

    /// Puts everything in the queue that there is to do; what is to be done when there is nothing
    /// else, with how often that was tried.
    fn plan(&mut self, numbers: &[Number]) -> Vec<(u64, Number)> {
        let (mut new, mut compared) = (Vec::new(), Vec::new());
        let (mut known, mut postponed) = (Vec::new(), Vec::new());
        for number in numbers {
            match self.deliveries.course(*number, self.terms.delete) {
                Course::Known => known.push(*number),
                _ if self.is_too_large(*number) => {}
                Course::Fetch => new.push(*number),
                Course::Compare => compared.push(*number),
                Course::Postpone(attempts) => postponed.push((attempts, *number)),
            }
        }
        // New ones first: a session that is cut soon brings something each time.
        self.ask_for(&new);
        self.ask_for(&compared);
        for number in known {
            self.fetched.known += 1;
            self.progress.inc(1);
            if self.terms.delete && self.deliveries.may_be_deleted(number) {
                self.queue.push_back(Command::Dele(number));
            }
        }
        postponed
    }

    fn is_too_large(&mut self, message: Number) -> bool {
        let most = self.terms.largest;
        match self.offers.get(&message).and_then(|offer| offer.listed) {
            Some(octets) if octets > most => {
                self.note(Note::TooLarge {
                    message,
                    octets,
                    most,
                });
                true
            }
            _ => false,
        }
    }

    /// Puts messages in the queue, and every now and then a question whose answer nobody can guess:
    /// if it is right, what came before it was the answer to what was asked.
    fn ask_for(&mut self, numbers: &[Number]) {
        let (mut messages, mut octets) = (0, 0);
        for (at, number) in numbers.iter().enumerate() {
            self.queue.push_back(Command::Retr(*number));
            let offer = self.offers.get(number);
            messages += 1;
            octets += offer.and_then(|offer| offer.listed).unwrap_or(0);
            if messages < PROVE && octets < PROVE_OCTETS && at + 1 < numbers.len() {
                continue;
            }
            (messages, octets) = (0, 0);
            let named = offer.is_some_and(|offer| offer.uid.is_some());
            self.queue.push_back(match named {
                true => Command::Uidl(Some(*number)),
                false => Command::List(Some(*number)),
            });
        }
    }

    /// What the server says that it has, and whether UIDL has left out nothing that STAT counts.
    fn list(&mut self) -> Result<(Vec<Offer>, bool), Failed<C::Error>> {
        self.send(&Command::Stat)?;
        let count = loop {
            match self.event()? {
                Event::Totals { messages, .. } => break messages,
                Event::Reply {
                    to: Asked::Stat,
                    reply,
                } if reply.status == Status::Err => return Err(self.refused("STAT", reply)),
                _ => {}
            }
        };
        if count == 0 {
            return Ok((Vec::new(), true));
        }
        let mut names: BTreeMap<Number, Text> = BTreeMap::new();
        let nameless = self.listing(Command::Uidl(None), |event| {
            if let Event::UniqueId { message, unique_id } = event {
                names.insert(message, unique_id);
            }
        })?;
        let mut sizes: BTreeMap<Number, u64> = BTreeMap::new();
        let sizeless = self.listing(Command::List(None), |event| {
            if let Event::Size { message, octets } = event {
                sizes.insert(message, octets);
            }
        })?;
        let offers: Vec<Offer> = (1..=count)
            .filter_map(Number::new)
            .map(|number| Offer {
                number,
                uid: names
                    .get(&number)
                    .filter(|name| !name.as_bytes().is_empty())
                    .cloned(),
                listed: sizes.get(&number).copied(),
            })
            .collect();
        for Offer { number, .. } in &offers {
            if nameless.is_none() && !names.contains_key(number) {
                self.note(Note::LeftOut(*number, Asked::Uidl(None)));
            }
            if sizeless.is_none() && !sizes.contains_key(number) {
                self.note(Note::LeftOut(*number, Asked::List(None)));
            }
        }
        let complete = names.len() == offers.len();
        if let Some(reply) = nameless {
            self.note(Note::NoUniqueIds(reply));
        }
        if let Some(reply) = sizeless {
            self.note(Note::NoSizes(reply));
        }
        Ok((offers, complete))
    }

    /// Asks for a listing and hands out its lines; the answer, where it is refused.
    fn listing(
        &mut self,
        command: Command,
        mut take: impl FnMut(Event),
    ) -> Result<Option<Reply>, Failed<C::Error>> {
        self.send(&command)?;
        let asked = Asked::from(&command);
        loop {
            match self.event()? {
                Event::End { of, .. } if of == asked => return Ok(None),
                Event::Reply { to, reply } if to == asked && reply.status == Status::Err => {
                    return Ok(Some(reply));
                }
                event => take(event),
            }
        }
    }

    /// Says everything in the queue and hears every answer.
    fn work_off(&mut self) -> Result<(), Failed<C::Error>> {
        let mut open = 0;
        loop {
            while let Some(command) = self.queue.front() {
                if !self.conversation.client().can_send(command) {
                    break;
                }
                let sent = self.conversation.send(command);
                sent.map_err(Failed::Session)?;
                if let Command::Dele(number) = command {
                    self.deliveries.ask_to_delete(*number);
                }
                self.queue.pop_front();
                open += 1;
            }
            if open == 0 {
                return Ok(());
            }
            match self.event()? {
                Event::Reply { to, reply } => open -= usize::from(self.take_reply(to, reply)?),
                Event::Body => self.take_body()?,
                Event::End {
                    of: Asked::Retr(number),
                    ..
                } => {
                    self.complete(number)?;
                    open -= 1;
                }
                Event::UniqueId { message, unique_id } => {
                    let offer = self.offers.get(&message);
                    let uid = offer.and_then(|offer| offer.uid.as_ref());
                    if !uid.is_some_and(|uid| is_named(&unique_id, uid)) {
                        return Err(Failed::Session(self.conversation.out_of_step()));
                    }
                    self.proved()?;
                    open -= 1;
                }
                Event::Size { message, octets } => {
                    let offer = self.offers.get(&message);
                    let right = offer.and_then(|offer| offer.listed) == Some(octets);
                    self.unproved |= !right;
                    self.proved()?;
                    open -= 1;
                }
                _ => {}
            }
        }
    }

    /// The first line of an answer; whether it is all of it.
    fn take_reply(&mut self, to: Asked, reply: Reply) -> Result<bool, Failed<C::Error>> {
        match (to, reply.status) {
            (Asked::Retr(number), Status::Ok) => {
                self.arriving = Some((number, self.deliveries.begin()?));
                Ok(false)
            }
            (Asked::Dele(number), Status::Ok) => {
                self.deliveries.mark(number);
                self.fetched.deleted += 1;
                Ok(true)
            }
            (Asked::Retr(_) | Asked::Dele(_), Status::Err) => {
                self.note(Note::Refused(to, reply));
                Ok(true)
            }
            (_, Status::Err) => {
                self.unproved = true;
                Ok(true)
            }
            (_, Status::Ok) => Ok(false),
        }
    }

    fn take_body(&mut self) -> Result<(), Failed<C::Error>> {
        let client = self.conversation.client();
        let octets = client.body().len();
        if let Some((_, delivery)) = &mut self.arriving {
            self.deliveries.write(delivery, client.body())?;
        }
        client.consume_body(octets);
        Ok(())
    }

    fn complete(&mut self, message: Number) -> Result<(), Failed<C::Error>> {
        let Some((_, delivery)) = self.arriving.take() else {
            return Ok(());
        };
        let arrival = self.deliveries.end(delivery, message)?;
        if arrival.again {
            self.fetched.again += 1;
            self.note(Note::Again(message));
        }
        if arrival.named_anew {
            self.note(Note::NamedAnew(message));
        }
        let kept = arrival.new && !self.terms.ignore_sizes;
        if let Some((came, announced)) = arrival.odd.filter(|_| kept) {
            self.note(Note::Odd {
                message,
                came,
                announced,
            });
        }
        match arrival.new {
            true => self.fetched.delivered += 1,
            false => self.fetched.known += 1,
        }
        self.progress.inc(1);
        self.unsettled.push((message, arrival.odd.is_some()));
        Ok(())
    }

    /// What is complete was the answer to what was asked, unless it was not so before.
    fn proved(&mut self) -> Result<(), Failed<C::Error>> {
        if !self.unproved {
            self.deliveries.prove();
        }
        match self.deliveries.is_batch_full() {
            true => self.settle(),
            false => Ok(()),
        }
    }

    /// From here on the complete messages are safe, and may be deleted where they are proved.
    fn settle(&mut self) -> Result<(), Failed<C::Error>> {
        self.deliveries.settle()?;
        for (number, odd) in std::mem::take(&mut self.unsettled) {
            if !self.terms.delete {
                continue;
            }
            if self.deliveries.may_be_deleted(number) {
                // Before what is still to be fetched: a session that is cut now has marked nothing.
                self.queue.push_front(Command::Dele(number));
            } else if !odd {
                self.note(Note::Unproved(number));
            }
        }
        Ok(())
    }

    fn note(&mut self, note: Note) {
        self.fetched.left += usize::from(note.is_fault());
        (self.tell)(&note);
    }

    fn send(&mut self, command: &Command) -> Result<(), Failed<C::Error>> {
        self.conversation.send(command).map_err(Failed::Session)
    }

    fn event(&mut self) -> Result<Event, Failed<C::Error>> {
        self.conversation.event().map_err(Failed::Session)
    }

    fn refused(&self, command: &'static str, reply: Reply) -> Failed<C::Error> {
        Failed::Session(self.conversation.refused(command, reply))
    }
}

/// Whether an answer to UIDL for one message gives this name; words behind it do no harm.
fn is_named(answer: &Text, uid: &Text) -> bool {
    match answer.as_bytes().strip_prefix(uid.as_bytes()) {
        Some(rest) => rest.is_empty() || rest.starts_with(b" "),
        None => false,
    }
}
