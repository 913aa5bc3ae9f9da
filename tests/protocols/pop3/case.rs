//! A client whose server is a script.

use std::time::Instant;

use crosscheck::protocols::pop3::client::{
    ClientError, Credential, Event, Login, TlsPolicy, Token,
};
use crosscheck::protocols::pop3::{Client, ClientLimits, Command, Number, Secret, Text};

pub(super) const GREETING: &str = "+OK ready\r\n";

/// A client whose server is a script.
pub(super) struct Case {
    pub(super) client: Client,
    pub(super) now: Instant,
    /// What the client has sent.
    pub(super) sent: String,
}

impl Case {
    pub(super) fn new(limits: ClientLimits, encrypted: bool) -> Self {
        let now = Instant::now();
        Self {
            client: Client::new(now, limits, encrypted),
            now,
            sent: String::new(),
        }
    }

    /// Greeted, in clear text.
    pub(super) fn greeted() -> Self {
        let mut case = Self::new(ClientLimits::default(), false);
        assert!(matches!(&case.says(GREETING)[..], [Event::Greeting(_)]));
        case
    }

    /// What becomes of what the server says; the body is thrown away.
    pub(super) fn says(&mut self, input: impl AsRef<[u8]>) -> Vec<Event> {
        let mut rest = input.as_ref();
        let mut events = Vec::new();
        loop {
            let consumed = self.client.handle_input(self.now, rest);
            rest = &rest[consumed..];
            let more = self.events();
            if consumed == 0 && more.is_empty() {
                break;
            }
            events.extend(more);
        }
        assert!(rest.is_empty(), "nothing waits, yet input is not consumed");
        events
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.client.poll_event() {
            if event == Event::Body {
                self.client.consume_body(usize::MAX);
            }
            if event == Event::StartTls {
                break;
            }
            events.push(event);
        }
        let mut buffer = [0; 7];
        loop {
            match self.client.poll_output(&mut buffer) {
                0 => return events,
                length => self
                    .sent
                    .push_str(std::str::from_utf8(&buffer[..length]).unwrap()),
            }
        }
    }

    /// Asks, and gives what becomes of the answer.
    pub(super) fn ask(&mut self, command: &Command, answer: impl AsRef<[u8]>) -> Vec<Event> {
        self.client.send(self.now, command).unwrap();
        self.says(answer)
    }

    pub(super) fn login(&mut self, credential: Credential, tls: TlsPolicy) {
        let name = Text::new("alice").unwrap();
        let login = Login {
            name,
            credential,
            tls,
            way: None,
        };
        self.client.login(self.now, login).unwrap();
        self.events();
    }
}

pub(super) fn password() -> Credential {
    Credential::Password(Secret::new("open sesame").unwrap())
}

pub(super) fn token(length: usize) -> Credential {
    Credential::Token(Token::new(&"t".repeat(length), Text::new("host").unwrap(), 995).unwrap())
}

pub(super) fn failed(events: &[Event]) -> &ClientError {
    match events.last() {
        Some(Event::Failed(error)) => error,
        other => panic!("it should have failed: {other:?}"),
    }
}

pub(super) fn number(number: u32) -> Number {
    Number::new(number).unwrap()
}
