//! Laws of the client: any bytes from its server, in any pieces.

use std::time::{Duration, Instant};

use crosscheck::protocols::pop3::client::{Event, Login, State, TlsPolicy};
use crosscheck::protocols::pop3::{Client, ClientLimits, Command, Mechanism, Text};
use proptest::collection::vec;
use proptest::prelude::*;

use super::case::{number, password, token};
use super::codec::{cuts, mail, pieces};

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Stat),
        Just(Command::List(None)),
        Just(Command::Uidl(None)),
        Just(Command::Retr(number(1))),
        Just(Command::Top {
            message: number(1),
            lines: 3
        }),
        Just(Command::Capa),
        Just(Command::Noop),
        Just(Command::Quit),
        Just(Command::Stls),
        Just(Command::User(Text::new("a").unwrap())),
        Just(Command::Auth {
            mechanism: Mechanism::XOauth2,
            initial: None
        }),
    ]
}

/// What a server may say, right or wrong.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(b"+OK\r\n".to_vec()),
        2 => Just(b"+OK 1 3\r\n".to_vec()),
        2 => Just(b"-ERR no\r\n".to_vec()),
        1 => Just(b"+ \r\n".to_vec()),
        4 => Just(b".\r\n".to_vec()),
        2 => Just(b"1 10\r\n".to_vec()),
        2 => Just(b"PIPELINING\r\n".to_vec()),
        1 => Just(b"SASL PLAIN XOAUTH2\r\n".to_vec()),
        1 => Just(b"STLS\r\n".to_vec()),
        2 => mail(),
        1 => vec(any::<u8>(), 0..30),
    ];
    vec(piece, 0..40).prop_map(|pieces| [b"+OK <1@h>\r\n".to_vec(), pieces.concat()].concat())
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_events_are_the_same_however_the_input_is_cut(
        said in said(),
        commands in vec(command(), 0..10),
        logs_in in any::<bool>(),
        inputs in cuts(),
        body in 1..50usize,
    ) {
        let run = |inputs: &[usize], body| {
            let limits = ClientLimits { body, ..ClientLimits::default() };
            let now = Instant::now();
            let mut client = Client::new(now, limits, true);
            let mut commands = commands.iter();
            let (mut events, mut bodies) = (Vec::new(), Vec::new());
            let mut open = None;
            let mut rest: &[u8] = &[];
            let mut pieces = pieces(&said, inputs).into_iter();
            for _ in 0..100_000 {
                while let Some(event) = client.poll_event() {
                    match &event {
                        Event::Body => {
                            bodies.extend_from_slice(client.body());
                            client.consume_body(body);
                            continue;
                        }
                        Event::StartTls => {
                            // Octets that have come are an attack or not, depending on when.
                            return (events, bodies);
                        }
                        Event::Greeting(_) if logs_in => {
                            let login = Login {
                                name: Text::new("a").unwrap(),
                                credential: password(),
                                tls: TlsPolicy::Never,
 way: None,
                            };
                            client.login(now, login).unwrap();
                        }
                        _ => {}
                    }
                    events.push(event);
                }
                if client.state() == State::Idle {
                    open = open.or_else(|| commands.next());
                    match open {
                        Some(command) if client.send(now, command).is_ok() => open = None,
                        Some(_) => {}
                        // What comes now is not asked for, if anything comes.
                        None => return (events, bodies),
                    }
                }
                while client.poll_output(&mut [0; 64]) > 0 {}
                assert!(client.memory() < 2048 + 3 * 4096 + body + 125_000 + 64 * 256);
                if rest.is_empty() {
                    match pieces.next() {
                        Some(piece) => rest = piece,
                        None => return (events, bodies),
                    }
                }
                rest = &rest[client.handle_input(now, rest)..];
            }
            panic!("it never comes to rest");
        };
        prop_assert_eq!(run(&inputs, body), run(&[usize::MAX], 65_536));
    }

    #[test]
    fn calls_in_any_order_do_no_harm(
        calls in vec((0..9u8, said(), command(), 0..90u64), 0..40),
    ) {
        let mut now = Instant::now();
        let mut client = Client::new(now, ClientLimits::default(), false);
        for (call, said, command, seconds) in calls {
            match call {
                0 | 1 => {
                    let consumed = client.handle_input(now, &said);
                    prop_assert!(consumed <= said.len());
                }
                2 => {
                    let sent = client.can_send(&command);
                    prop_assert_eq!(client.send(now, &command).is_ok(), sent);
                }
                3 => {
                    let _ = client.poll_event();
                    client.consume_body(usize::try_from(seconds).unwrap());
                }
                4 => {
                    let _ = client.poll_output(&mut [0; 50]);
                }
                5 => {
                    let name = Text::new("a").unwrap();
                    let _ = client.login(now, Login { name, credential: token(300), tls: TlsPolicy::IfOffered, way: None });
                }
                6 => client.tls_started(now),
                7 => {
                    now += Duration::from_secs(seconds);
                    client.handle_timeout(now);
                }
                _ => client.handle_eof(),
            }
            if client.state() == State::Ended {
                prop_assert_eq!(client.handle_input(now, &said), said.len());
                prop_assert_eq!(client.poll_timeout(), None);
            }
        }
    }
}
