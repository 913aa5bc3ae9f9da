//! A client against a server over an in-memory pipe with short reads and writes.

use std::collections::VecDeque;
use std::time::Instant;

use crosscheck::protocols::pop3::client::{Asked, Credential, Event, Login, TlsPolicy};
use crosscheck::protocols::pop3::server::{End, Settings, State, Tls};
use crosscheck::protocols::pop3::{
    ApopTimestamp, Client, ClientLimits, Command, Number, Secret, ServerLimits, Text,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::codec::{canonical, cuts, mail};
use super::drive::{NAME, Outside, PASSWORD, Session, unique_id};

/// Turns of the loop: far more than any test needs.
const TURNS: usize = 2_000_000;

struct Pair {
    client: Client,
    session: Session,
    /// On its way to the server.
    up: Vec<u8>,
    /// So much of the server's output is with the client.
    down: usize,
    events: Vec<Event>,
    /// Complete messages in the order in which they came.
    messages: Vec<(Asked, Vec<u8>)>,
    body: Vec<u8>,
    /// All that the client has sent in clear text.
    clear: Vec<u8>,
    login: Option<Login>,
    commands: VecDeque<Command>,
}

impl Pair {
    fn new(settings: Settings, outside: Outside, limits: ClientLimits, tls: TlsPolicy) -> Self {
        let encrypted = settings.tls == Tls::Implicit;
        Self {
            client: Client::new(Instant::now(), limits, encrypted),
            session: Session::new(settings, outside),
            up: Vec::new(),
            down: 0,
            events: Vec::new(),
            messages: Vec::new(),
            body: Vec::new(),
            clear: Vec::new(),
            login: Some(Login {
                name: Text::new(NAME).unwrap(),
                credential: Credential::Password(Secret::new(PASSWORD).unwrap()),
                tls,
                way: None,
            }),
            commands: VecDeque::new(),
        }
    }

    /// Runs until both are at rest. The sizes are those of reads and writes.
    fn run(&mut self, sizes: &[usize]) {
        let mut sizes = sizes.iter().copied().cycle();
        for _ in 0..TURNS {
            let mut moved = self.take_events(&mut sizes);
            let mut buffer = vec![0; sizes.next().unwrap()];
            let written = self.client.poll_output(&mut buffer);
            self.up.extend_from_slice(&buffer[..written]);
            if !self.client.is_encrypted() {
                self.clear.extend_from_slice(&buffer[..written]);
            }
            let now = self.session.now;
            self.session.turn();
            let length = self.up.len().min(sizes.next().unwrap());
            let consumed = self.session.server.handle_input(now, &self.up[..length]);
            self.up.drain(..consumed);
            self.session.turn();
            let waiting = &self.session.output[self.down..];
            let length = waiting.len().min(sizes.next().unwrap());
            let taken = self.client.handle_input(now, &waiting[..length]);
            self.down += taken;
            moved |= written + consumed + taken > 0;
            if !moved {
                return;
            }
        }
        panic!("they never come to rest");
    }

    fn take_events(&mut self, sizes: &mut impl Iterator<Item = usize>) -> bool {
        let mut moved = false;
        while let Some(event) = self.client.poll_event() {
            moved = true;
            match &event {
                Event::Body => {
                    let body = self.client.body();
                    let length = body.len().min(sizes.next().unwrap());
                    self.body.extend_from_slice(&body[..length]);
                    self.client.consume_body(length);
                    continue;
                }
                Event::End { of, octets } if matches!(of, Asked::Retr(_) | Asked::Top(_)) => {
                    assert_eq!(*octets, self.body.len() as u64);
                    self.messages.push((*of, std::mem::take(&mut self.body)));
                }
                Event::Greeting(_) => {
                    if let Some(login) = self.login.take() {
                        self.client.login(self.session.now, login).unwrap();
                    }
                }
                Event::StartTls => self.client.tls_started(self.session.now),
                _ => {}
            }
            self.events.push(event);
        }
        let logged_in = self.events.contains(&Event::LoggedIn);
        while let Some(command) = self.commands.front()
            && logged_in
            && self.client.can_send(command)
        {
            self.client.send(self.session.now, command).unwrap();
            self.commands.pop_front();
            moved = true;
        }
        moved
    }
}

/// Everything that a client that fetches and deletes asks for.
fn fetch(messages: usize) -> VecDeque<Command> {
    let number = |index| Number::from_index(index).unwrap();
    [Command::Stat, Command::List(None), Command::Uidl(None)]
        .into_iter()
        .chain((0..messages).map(|index| Command::Retr(number(index))))
        .chain((0..messages).map(|index| Command::Dele(number(index))))
        .chain([Command::Quit])
        .collect()
}

fn settings(kind: usize) -> (Settings, TlsPolicy) {
    let default = Settings::default();
    match kind {
        0 => (
            Settings {
                tls: Tls::Implicit,
                ..default
            },
            TlsPolicy::Required,
        ),
        1 => (
            Settings {
                tls: Tls::Offered,
                ..default
            },
            TlsPolicy::Required,
        ),
        2 => (
            Settings {
                plaintext: true,
                ..default
            },
            TlsPolicy::IfOffered,
        ),
        _ => {
            let apop = ApopTimestamp::new("7", "host");
            (Settings { apop, ..default }, TlsPolicy::Never)
        }
    }
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn what_is_in_the_mail_drop_arrives(
        stored in vec(mail(), 0..6),
        sizes in cuts(),
        kind in 0..4usize,
        buffer in 1..300usize,
        read in 1..100usize,
        block in 1..100usize,
        body in 1..100usize,
    ) {
        let (settings, tls) = settings(kind);
        let limits = ServerLimits { block, ..ServerLimits::default() };
        let settings = Settings { limits, ..settings };
        let mut outside = Outside::new(&[]);
        outside.messages = stored.clone();
        outside.read = read;
        let limits = ClientLimits { body, ..ClientLimits::default() };
        let mut pair = Pair::new(settings, outside, limits, tls);
        pair.session.buffer = buffer;
        pair.commands = fetch(stored.len());
        pair.run(&sizes);

        let expected: Vec<(Asked, Vec<u8>)> = (1u32..)
            .zip(&stored)
            .map(|(n, message)| (Asked::Retr(Number::new(n).unwrap()), canonical(message)))
            .collect();
        prop_assert_eq!(&pair.messages, &expected);
        let sizes: Vec<u64> = pair.events.iter().filter_map(|event| match event {
            Event::Size { octets, .. } => Some(*octets),
            _ => None,
        }).collect();
        let lengths: Vec<u64> = expected.iter().map(|(_, message)| message.len() as u64).collect();
        let total = lengths.iter().sum();
        prop_assert_eq!(sizes, lengths, "LIST says what arrives");
        let totals = Event::Totals { messages: u32::try_from(stored.len()).unwrap(), octets: total };
        prop_assert!(pair.events.contains(&totals));
        let names: Vec<String> = pair.events.iter().filter_map(|event| match event {
            Event::UniqueId { unique_id, .. } => Some(unique_id.to_string()),
            _ => None,
        }).collect();
        prop_assert_eq!(names, (0..stored.len()).map(unique_id).collect::<Vec<_>>());

        let all: Vec<u32> = (1u32..).take(stored.len()).collect();
        prop_assert_eq!(pair.session.outside.committed, Some(all));
        prop_assert_eq!(pair.session.server.state(), State::Closed);
        prop_assert_eq!(pair.session.server.end(), Some(End::Quit));
        prop_assert_eq!(pair.client.state(), crosscheck::protocols::pop3::client::State::Ended);
        let clear = String::from_utf8_lossy(&pair.clear);
        prop_assert_eq!(clear.contains(PASSWORD) || clear.contains("AUTH"), kind == 2);
    }

    #[test]
    fn top_arrives(message in mail(), lines in 0..10u64, sizes in cuts()) {
        let (settings, tls) = settings(2);
        let mut outside = Outside::new(&[]);
        outside.messages = vec![message.clone()];
        let mut pair = Pair::new(settings, outside, ClientLimits::default(), tls);
        let top = Command::Top { message: Number::FIRST, lines };
        pair.commands = [top, Command::Quit].into();
        pair.run(&sizes);
        prop_assert!(canonical(&message).starts_with(&pair.messages[0].1));
    }
}

#[test]
fn ten_thousand_messages_are_listed() {
    let (settings, tls) = settings(0);
    let mut outside = Outside::new(&[]);
    outside.messages = vec![b"x\n".to_vec(); 10_000];
    let mut pair = Pair::new(settings, outside, ClientLimits::default(), tls);
    pair.commands = [Command::List(None), Command::Uidl(None), Command::Quit].into();
    pair.run(&[65_536]);
    let count = |wanted: fn(&Event) -> bool| pair.events.iter().filter(|e| wanted(e)).count();
    assert_eq!(count(|event| matches!(event, Event::Size { .. })), 10_000);
    assert_eq!(
        count(|event| matches!(event, Event::UniqueId { .. })),
        10_000
    );
    assert!(pair.session.memory < 20_000, "{}", pair.session.memory);
}
