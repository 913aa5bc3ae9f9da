//! What the lines of a server mean, in the order of the commands.

use super::error::ClientError;
use super::event::{Asked, Event};
use super::session::{Client, Expecting};
use crate::protocols::pop3::command::parse_number;
use crate::protocols::pop3::{
    ApopTimestamp, Capability, Mechanism, Number, Reply, Status, Text, sasl,
};

impl Client {
    pub(super) fn greeting(&mut self, line: &[u8]) {
        let Some(reply) = Reply::parse(line) else {
            return self.fail(ClientError::NoGreeting);
        };
        if reply.status == Status::Err {
            return self.fail(ClientError::Refused(reply));
        }
        self.timestamp = ApopTimestamp::find(reply.text().as_bytes());
        self.expecting = Expecting::Reply;
        self.events.push_back(Event::Greeting(reply));
    }

    /// The first line of the answer to the first open command.
    pub(super) fn reply(&mut self, line: &[u8]) {
        let Some(&asked) = self.open.front() else {
            return self.fail(ClientError::Unsolicited);
        };
        if asked == Asked::Auth && matches!(line, [b'+'] | [b'+', b' ', ..]) {
            return self.challenge();
        }
        let Some(reply) = Reply::parse(line) else {
            return self.fail(ClientError::BadReply(asked));
        };
        self.events.push_back(Event::Reply {
            to: asked,
            reply: reply.clone(),
        });
        if !reply.is_ok() {
            if asked == Asked::Capa {
                self.capabilities = None;
            }
            return self.close(&reply);
        }
        match asked {
            Asked::Capa => {
                self.capabilities = Some(Vec::new());
                self.expecting = Expecting::Listing;
            }
            Asked::List(None) | Asked::Uidl(None) => {
                self.numbers.begin_listing();
                self.expecting = Expecting::Listing;
            }
            Asked::Retr(_) | Asked::Top(_) => self.expecting = Expecting::Message,
            Asked::Stat => match totals(&reply) {
                Some((messages, octets)) => self.totals(messages, octets, &reply),
                None => self.fail(ClientError::BadReply(asked)),
            },
            Asked::List(Some(number)) => match sized(reply.text().as_bytes()) {
                Some((message, octets)) if message == number => {
                    self.events.push_back(Event::Size { message, octets });
                    self.close(&reply);
                }
                _ => self.fail(ClientError::BadReply(asked)),
            },
            Asked::Uidl(Some(number)) => match numbered(reply.text().as_bytes()) {
                Some((message, rest)) if message == number => {
                    let unique_id = identifier(rest);
                    self.events
                        .push_back(Event::UniqueId { message, unique_id });
                    self.close(&reply);
                }
                _ => self.fail(ClientError::BadReply(asked)),
            },
            Asked::Stls => {
                // Nothing that came in clear text is known any more.
                self.capabilities = None;
                self.timestamp = None;
                self.close(&reply);
                self.expecting = Expecting::Tls;
                self.events.push_back(Event::StartTls);
            }
            Asked::Quit => {
                self.close(&reply);
                self.expecting = Expecting::End;
            }
            Asked::Dele(_) => {
                self.numbers.marked = self.numbers.marked.saturating_add(1);
                self.close(&reply);
            }
            Asked::Rset => {
                self.numbers.marked = 0;
                self.close(&reply);
            }
            Asked::User | Asked::Pass | Asked::Apop | Asked::Auth | Asked::Noop => {
                self.close(&reply);
            }
        }
    }

    fn totals(&mut self, messages: u64, octets: u64, reply: &Reply) {
        match u32::try_from(messages) {
            Ok(messages) if messages <= self.limits.messages => {
                self.numbers.totals(messages);
                self.events.push_back(Event::Totals { messages, octets });
                self.close(reply);
            }
            _ => self.fail(ClientError::TooManyMessages(self.limits.messages)),
        }
    }

    /// The first open command is answered.
    fn close(&mut self, reply: &Reply) {
        if self.open.pop_front() == Some(Asked::Auth) {
            self.exchange = None;
        }
        self.answered(if reply.is_ok() { Ok(()) } else { Err(reply) });
    }

    /// The answer of several lines to the first open command is complete.
    pub(super) fn complete(&mut self, octets: u64) {
        self.expecting = Expecting::Reply;
        if let Some(of) = self.open.pop_front() {
            self.events.push_back(Event::End { of, octets });
            self.answered(Ok(()));
        }
    }

    /// A further line of a listing.
    pub(super) fn listed(&mut self, line: &[u8]) {
        let Some(&asked) = self.open.front() else {
            return self.fail(ClientError::Unsolicited);
        };
        if line == b"." {
            return self.complete(0);
        }
        let line = line.strip_prefix(b".").unwrap_or(line);
        let event = if asked == Asked::Capa {
            self.capability(line)
        } else {
            self.entry(asked, line)
        };
        match event {
            Ok(event) => self.events.push_back(event),
            Err(error) => self.fail(error),
        }
    }

    fn capability(&mut self, line: &[u8]) -> Result<Event, ClientError> {
        let capability = Capability::parse(line).ok_or(ClientError::BadListing(Asked::Capa))?;
        let most = self.limits.capabilities;
        let all = self.capabilities.get_or_insert_default();
        if all.len() >= most {
            return Err(ClientError::TooManyCapabilities(most));
        }
        all.push(capability.clone());
        Ok(Event::Capability(capability))
    }

    fn entry(&mut self, asked: Asked, line: &[u8]) -> Result<Event, ClientError> {
        let bad = ClientError::BadListing(asked);
        let (message, rest) = numbered(line).ok_or_else(|| bad.clone())?;
        if message.get() > self.limits.messages {
            return Err(ClientError::TooManyMessages(self.limits.messages));
        }
        if !self.numbers.note(message, self.limits.messages) {
            return Err(bad);
        }
        if matches!(asked, Asked::List(_)) {
            let octets = size(rest).ok_or(bad)?;
            Ok(Event::Size { message, octets })
        } else {
            let unique_id = identifier(rest);
            Ok(Event::UniqueId { message, unique_id })
        }
    }

    /// The server wants a response within AUTH.
    fn challenge(&mut self) {
        let most = self.limits.challenges;
        let Some(exchange) = &mut self.exchange else {
            return self.fail(ClientError::BadReply(Asked::Auth));
        };
        exchange.challenges += 1;
        if exchange.challenges > most {
            return self.fail(ClientError::TooManyChallenges(most));
        }
        match (exchange.response.take(), &exchange.mechanism) {
            (Some(response), _) => {
                let mut line =
                    zeroize::Zeroizing::new(Vec::with_capacity(response.as_bytes().len() + 2));
                line.extend_from_slice(response.as_bytes());
                line.extend_from_slice(b"\r\n");
                self.output.push(&line);
            }
            // The server explains a refusal, and says -ERR once that is acknowledged.
            (None, Mechanism::OauthBearer) => {
                let mut line = sasl::write_oauth_refused().as_bytes().to_vec();
                line.extend_from_slice(b"\r\n");
                self.output.push(&line);
            }
            (None, Mechanism::XOauth2) => self.output.push(b"\r\n"),
            (None, Mechanism::Plain | Mechanism::Other(_)) => self.output.push(b"*\r\n"),
        }
    }
}

/// STAT: two numbers; more may follow.
fn totals(reply: &Reply) -> Option<(u64, u64)> {
    let mut words = reply.text().as_bytes().split(|octet| *octet == b' ');
    let messages = parse_number(words.next()?)?;
    let octets = parse_number(words.next()?)?;
    Some((messages, octets))
}

/// A number and all that follows the spaces behind it.
fn numbered(line: &[u8]) -> Option<(Number, &[u8])> {
    let line = after_spaces(line);
    let end = line.iter().position(|octet| *octet == b' ');
    let (number, rest) = line.split_at(end.unwrap_or(line.len()));
    Some((Number::parse(number)?, after_spaces(rest)))
}

/// A number and a size; more may follow.
fn sized(line: &[u8]) -> Option<(Number, u64)> {
    let (number, rest) = numbered(line)?;
    Some((number, size(rest)?))
}

fn size(rest: &[u8]) -> Option<u64> {
    parse_number(rest.split(|octet| *octet == b' ').next()?)
}

fn after_spaces(line: &[u8]) -> &[u8] {
    let spaces = line.iter().take_while(|octet| **octet == b' ').count();
    &line[spaces..]
}

/// All of it, and never a part, which two messages could share; nothing where it cannot be one.
fn identifier(rest: &[u8]) -> Text {
    Text::new(rest).unwrap_or_default()
}
