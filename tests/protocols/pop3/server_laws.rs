//! Laws of the server: any bytes in any pieces, and random scripts against the model.

use std::time::{Duration, Instant};

use crosscheck::protocols::pop3::server::{
    Answer, End, Failure, Request, Server, Settings, State, Tls,
};
use crosscheck::protocols::pop3::{ApopTimestamp, ServerLimits};
use proptest::collection::vec;
use proptest::prelude::*;

use super::codec::{cuts, mail, pieces};
use super::drive::{NAME, Outside, PASSWORD, Session, plaintext};
use super::model::{Expected, Model};

/// A line as clients send it, right or wrong.
fn line() -> impl Strategy<Value = String> {
    let number = || {
        prop_oneof![
            6 => (0..6u32).prop_map(|number| number.to_string()),
            1 => Just("-1".to_owned()),
            1 => Just("+1".to_owned()),
            1 => Just("01".to_owned()),
            1 => Just("4294967297".to_owned()),
            1 => Just("99999999999999999999999".to_owned()),
            1 => Just("١".to_owned()),
            1 => Just("1 1".to_owned()),
        ]
    };
    let with_number = |keyword: &'static str| number().prop_map(move |n| format!("{keyword} {n}"));
    prop_oneof![
        2 => Just(format!("USER {NAME}")),
        2 => Just(format!("PASS {PASSWORD}")),
        3 => Just(format!("USER {NAME}\r\nPASS {PASSWORD}")),
        1 => Just("PASS wrong".to_owned()),
        1 => Just("USER ../../etc/passwd".to_owned()),
        2 => Just("STAT".to_owned()),
        2 => Just("list".to_owned()),
        2 => Just("UidL".to_owned()),
        2 => with_number("LIST"),
        2 => with_number("UIDL"),
        4 => with_number("retr"),
        3 => with_number("DELE"),
        3 => (number(), number()).prop_map(|(a, b)| format!("TOP {a} {b}")),
        1 => Just("RSET".to_owned()),
        1 => Just("NOOP".to_owned()),
        1 => "[A-Za-z ]{0,12}".prop_filter("not these", |line| {
            let keyword = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            !["QUIT", "CAPA", "STLS", "AUTH", "APOP"].contains(&keyword.as_str())
        }),
    ]
}

fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(mail(), 0..5)
}

/// Lines with the octets that lines do not have among them.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => line().prop_map(|line| format!("{line}\r\n").into_bytes()),
        1 => line().prop_map(|line| format!("{line}\n").into_bytes()),
        1 => vec(any::<u8>(), 0..40),
        1 => Just(b"\0\r\n".to_vec()),
        1 => Just(b"STAT\rNOOP\r\n".to_vec()),
        1 => Just(b"AUTH PLAIN\r\n".to_vec()),
        1 => Just(b"AGFsaWNlAG9wZW4gc2VzYW1l\r\n".to_vec()),
        1 => Just(b"AUTH PLAIN =\r\n*\r\n".to_vec()),
        1 => Just(b"CAPA\r\nSTLS\r\n".to_vec()),
        1 => (200..400usize).prop_map(|length| vec![b'x'; length]),
        1 => Just(b"QUIT\r\n".to_vec()),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Reads what came out, the simple way.
struct Wire<'a>(&'a [u8]);

impl Wire<'_> {
    fn line(&mut self) -> Vec<u8> {
        let end = self.0.windows(2).position(|two| two == b"\r\n");
        let end = end.expect("a line is complete");
        let line = self.0[..end].to_vec();
        self.0 = &self.0[end + 2..];
        line
    }

    fn status(&mut self) -> String {
        let line = self.line();
        assert!(line.len() + 2 <= 512, "a reply line has at most 512 octets");
        String::from_utf8(line).expect("a reply is ASCII")
    }

    fn lines(&mut self) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            match line.split_first() {
                Some((b'.', [])) => return lines,
                Some((b'.', rest)) => lines.push(rest.to_vec()),
                _ => lines.push(line),
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_server_is_the_model(
        messages in messages(),
        script in vec(line(), 0..40),
        quits in any::<bool>(),
        inputs in cuts(),
        buffer in 1..200usize,
        read in 1..100usize,
        tells_last in any::<bool>(),
    ) {
        let mut model = Model::new(&messages);
        let mut outside = Outside::new(&[]);
        outside.messages = messages;
        (outside.read, outside.tells_last) = (read, tells_last);
        let mut settings = plaintext();
        settings.limits.bad_commands = u32::MAX;
        settings.limits.refused_logins = u32::MAX;
        let mut session = Session::new(settings, outside);
        session.buffer = buffer;

        let mut text = script.join("\r\n") + "\r\n";
        if quits {
            text += "QUIT\r\n";
        }
        for piece in pieces(text.as_bytes(), &inputs) {
            session.feed(piece);
        }
        session.eof();

        let mut wire = Wire(&session.output);
        prop_assert!(wire.status().starts_with("+OK "));
        // A line may hold two commands.
        for line in text.split_terminator("\r\n") {
            match model.command(line) {
                Expected::Err => prop_assert!(wire.status().starts_with("-ERR "), "{}", line),
                Expected::Ok(start) => {
                    let status = wire.status();
                    prop_assert!(status.starts_with(&format!("+OK {start}")), "{line}: {status}");
                }
                Expected::Lines(lines) => {
                    let status = wire.status();
                    prop_assert!(status.starts_with("+OK "), "{line}: {status}");
                    if line.to_ascii_uppercase().starts_with("RETR") {
                        let octets: usize = lines.iter().map(|line| line.len() + 2).sum();
                        prop_assert_eq!(status, format!("+OK {octets} octets"));
                    }
                    prop_assert_eq!(wire.lines(), lines, "{}", line);
                }
            }
        }
        prop_assert!(wire.0.is_empty(), "more came than was asked for");
        prop_assert_eq!(session.server.state(), State::Closed);
        prop_assert_eq!(&session.outside.committed, &model.committed);
        prop_assert_eq!(model.over, quits);
        let end = if quits { End::Quit } else { End::PeerDone };
        prop_assert_eq!(session.server.end(), Some(end));
    }

    #[test]
    fn pieces_and_buffers_change_nothing(
        messages in messages(),
        input in noise(),
        inputs in cuts(),
        buffer in 1..100usize,
        read in 1..50usize,
    ) {
        let run = |inputs: &[usize], buffer, read| {
            let mut outside = Outside::new(&[]);
            outside.messages = messages.clone();
            outside.read = read;
            let mut settings = plaintext();
            settings.limits.dropped = 300;
            let mut session = Session::new(settings, outside);
            session.buffer = buffer;
            for piece in pieces(&input, inputs) {
                session.feed(piece);
            }
            session.eof();
            (session.output, session.outside.committed, session.server.end())
        };
        prop_assert_eq!(run(&inputs, buffer, read), run(&[usize::MAX], 1 << 20, usize::MAX));
    }

    #[test]
    fn memory_is_bounded_and_input_is_consumed(
        messages in messages(),
        input in vec(prop_oneof![noise(), vec(any::<u8>(), 0..2000)], 0..20),
    ) {
        let mut outside = Outside::new(&[]);
        outside.messages = messages;
        let mut settings = plaintext();
        settings.limits = small();
        let mut session = Session::new(settings, outside);
        // Feeding asserts that input is consumed whenever nothing waits.
        session.feed(&input.concat());
        prop_assert!(session.memory <= MOST, "{} octets of memory", session.memory);
    }

    #[test]
    fn memory_is_bounded_when_output_is_never_taken_whole(
        // None that streams, for a stream begins when all before it is taken.
        script in vec(proptest::sample::select(&["STAT", "NOOP", "DELE 1", "RSET", "?"]), 400..600),
        taken in 1..60usize,
    ) {
        let mut settings = plaintext();
        settings.limits = ServerLimits { bad_commands: u32::MAX, ..small() };
        let mut session = Session::new(settings, Outside::new(&[b"x\n"]));
        session.log_in();
        let (mut server, now) = (session.server, session.now);
        let input = script.join("\r\n") + "\r\n";
        let mut rest = input.as_bytes();
        while !rest.is_empty() {
            rest = &rest[server.handle_input(now, rest)..];
            prop_assert!(server.poll_output(now, &mut vec![0; taken]) > 0);
            prop_assert!(server.memory() <= MOST, "{} octets of memory", server.memory());
        }
    }

    #[test]
    fn nothing_is_deleted_without_quit(messages in messages(), input in noise()) {
        let mut outside = Outside::new(&[]);
        outside.messages = messages;
        let mut session = Session::new(plaintext(), outside);
        session.feed(&input);
        let committed_before = session.outside.committed.clone();
        let quit = session.server.end() == Some(End::Quit);
        session.eof();
        prop_assert_eq!(committed_before.is_some() && !quit, false);
        prop_assert_eq!(session.outside.committed, committed_before);
    }

    #[test]
    fn a_deadline_moves_or_closes(
        steps in vec((noise(), 0..400u64, any::<bool>()), 0..10),
    ) {
        let mut session = Session::plain(&[b"a\n"]);
        for (input, seconds, drains) in steps {
            if drains {
                session.feed(&input);
            } else {
                session.server.handle_input(session.now, &input);
            }
            session.after(Duration::from_secs(seconds));
            let Some(at) = session.server.poll_timeout() else {
                let waits_for_us = session.server.poll_request().is_some();
                prop_assert!(waits_for_us || session.server.state() == State::Closed);
                break;
            };
            session.now = session.now.max(at);
            session.server.handle_timeout(at);
            prop_assert!(
                session.server.state() == State::Closed
                    || session.server.poll_timeout().is_some_and(|next| next > at)
            );
            if session.server.state() != State::Closed {
                continue;
            }
            prop_assert_eq!(session.server.poll_output(session.now, &mut [0; 64]), 0);
            break;
        }
    }

    #[test]
    fn calls_in_any_order_do_no_harm(calls in vec(call(), 0..60), tls in any::<bool>()) {
        let mut now = Instant::now();
        let settings = Settings {
            tls: if tls { Tls::Offered } else { Tls::Unavailable },
            apop: ApopTimestamp::new("1", "host"),
            limits: small(),
            ..plaintext()
        };
        let outside = Outside::new(&[b"a\n.b\n", b""]);
        let mut server = Server::new(now, settings);
        for call in calls {
            match call {
                Call::Input(input) => {
                    let consumed = server.handle_input(now, &input);
                    prop_assert!(consumed <= input.len());
                }
                Call::Eof => server.handle_eof(),
                Call::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    server.handle_timeout(now);
                }
                Call::Back(seconds) => {
                    let before = now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now);
                    server.handle_timeout(before);
                    server.handle_input(before, b"NOOP\r\n");
                }
                Call::Output(length) => {
                    let mut buffer = vec![0; length];
                    prop_assert!(server.poll_output(now, &mut buffer) <= length);
                }
                Call::Request => {
                    let _: Option<Request> = server.poll_request();
                }
                Call::Answer(which) => {
                    let before = server.state();
                    let answer = match which {
                        0 => Answer::Authenticated,
                        1 => Answer::Rejected,
                        2 => Answer::Opened(outside.entries()),
                        3 => Answer::InUse,
                        4 => Answer::Block { length: server.block().len(), last: false },
                        5 => Answer::Block { length: usize::MAX, last: true },
                        6 => Answer::Block { length: 0, last: true },
                        7 => Answer::Committed,
                        8 => Answer::TlsStarted,
                        _ => Answer::Failed(Failure::Temporary),
                    };
                    if server.answer(now, answer).is_err() {
                        prop_assert_eq!(server.state(), before);
                    }
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Call {
    Input(Vec<u8>),
    Eof,
    Wait(u64),
    Back(u64),
    Output(usize),
    Request,
    Answer(u8),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => noise().prop_map(Call::Input),
        1 => Just(Call::Eof),
        1 => (0..200u64).prop_map(Call::Wait),
        1 => (0..200u64).prop_map(Call::Back),
        6 => (0..300usize).prop_map(Call::Output),
        6 => Just(Call::Request),
        10 => (0..10u8).prop_map(Call::Answer),
    ]
}

/// What a session with these limits may hold: a line, the line being written, a block, and twice
/// what may wait: half of it may be taken already, and memory comes in powers of two.
const MOST: usize = 1024 + 1024 + 64 + 2 * (256 + 1024);

fn small() -> ServerLimits {
    ServerLimits {
        command_line: 255,
        sasl_line: 1024,
        output: 256,
        block: 64,
        ..ServerLimits::default()
    }
}
