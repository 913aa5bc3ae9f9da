//! Single cases of the client: every bad server and its right answer; and any bytes from it.

use std::time::{Duration, Instant};

use crosscheck::protocols::pop3::client::{
    Asked, ClientError, Credential, Event, Login, LoginError, SendError, State, TlsPolicy, Token,
    Waiting,
};
use crosscheck::protocols::pop3::{
    Client, ClientLimits, Command, Mechanism, Number, Secret, ServerLimits, Text,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::codec::{cuts, mail, pieces};

const GREETING: &str = "+OK ready\r\n";

/// A client whose server is a script.
struct Case {
    client: Client,
    now: Instant,
    /// What the client has sent.
    sent: String,
}

impl Case {
    fn new(limits: ClientLimits, encrypted: bool) -> Self {
        let now = Instant::now();
        Self {
            client: Client::new(now, limits, encrypted),
            now,
            sent: String::new(),
        }
    }

    /// Greeted, in clear text.
    fn greeted() -> Self {
        let mut case = Self::new(ClientLimits::default(), false);
        assert!(matches!(&case.says(GREETING)[..], [Event::Greeting(_)]));
        case
    }

    /// What becomes of what the server says; the body is thrown away.
    fn says(&mut self, input: impl AsRef<[u8]>) -> Vec<Event> {
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

    fn events(&mut self) -> Vec<Event> {
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
    fn ask(&mut self, command: &Command, answer: impl AsRef<[u8]>) -> Vec<Event> {
        self.client.send(self.now, command).unwrap();
        self.says(answer)
    }

    fn login(&mut self, credential: Credential, tls: TlsPolicy) {
        let name = Text::new("alice").unwrap();
        let login = Login {
            name,
            credential,
            tls,
        };
        self.client.login(self.now, login).unwrap();
        self.events();
    }
}

fn password() -> Credential {
    Credential::Password(Secret::new("open sesame").unwrap())
}

fn token(length: usize) -> Credential {
    Credential::Token(Token::new(&"t".repeat(length), Text::new("host").unwrap(), 995).unwrap())
}

fn failed(events: &[Event]) -> &ClientError {
    match events.last() {
        Some(Event::Failed(error)) => error,
        other => panic!("it should have failed: {other:?}"),
    }
}

fn number(number: u32) -> Number {
    Number::new(number).unwrap()
}

#[test]
fn what_is_no_greeting() {
    for line in [
        "220 smtp ready\r\n",
        "\r\n",
        "+ok\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "\x16\x03\x01\r\n",
    ] {
        let mut case = Case::new(ClientLimits::default(), false);
        assert_eq!(failed(&case.says(line)), &ClientError::NoGreeting);
        assert_eq!(case.client.state(), State::Ended);
        assert_eq!(
            case.client.send(case.now, &Command::Quit),
            Err(SendError::NotNow)
        );
    }
    let mut case = Case::new(ClientLimits::default(), false);
    let events = case.says("-ERR [SYS/TEMP] too many connections\r\n");
    assert!(matches!(failed(&events), ClientError::Refused(_)));
    let mut case = Case::new(ClientLimits::default(), false);
    assert_eq!(
        failed(&case.says([b'x'; 100_000])),
        &ClientError::LineTooLong(2048)
    );
    assert!(case.client.memory() < 20_000);
}

#[test]
fn a_greeting_that_never_comes_or_by_the_byte() {
    let mut case = Case::new(ClientLimits::default(), false);
    for _ in 0..2 {
        case.now += Duration::from_secs(29);
        case.says("+");
        case.client.handle_timeout(case.now);
    }
    assert_eq!(case.client.state(), State::Greeting);
    case.now += Duration::from_secs(2);
    case.client.handle_timeout(case.now);
    assert_eq!(
        failed(&case.events()),
        &ClientError::Timeout(Waiting::Greeting)
    );
    assert_eq!(case.client.poll_timeout(), None);
}

#[test]
fn the_end_of_the_stream_within_a_message_is_no_message() {
    let mut case = Case::greeted();
    let events = case.ask(
        &Command::Retr(number(1)),
        "+OK\r\nSubject: x\r\n\r\nhalf\r\n.\r",
    );
    assert!(events.contains(&Event::Body));
    case.client.handle_eof();
    let events = case.events();
    let error = failed(&events);
    assert_eq!(
        error,
        &ClientError::Closed(Waiting::Rest(Asked::Retr(number(1))))
    );
    assert_eq!(
        error.to_string(),
        "the server closed the connection: it was waited for the rest of its answer to RETR 1"
    );
    assert_eq!(
        case.client.send(case.now, &Command::Dele(number(1))),
        Err(SendError::NotNow)
    );
    assert_eq!(case.client.handle_input(case.now, b"\n"), 1, "no spin");
    assert!(case.events().is_empty());
}

#[test]
fn a_message_that_does_not_go_on_times_out() {
    let mut case = Case::greeted();
    case.ask(&Command::Retr(number(1)), "+OK\r\nhalf\r\n");
    case.now += Duration::from_secs(60);
    case.client.handle_timeout(case.now);
    assert_eq!(
        failed(&case.events()),
        &ClientError::Timeout(Waiting::Rest(Asked::Retr(number(1))))
    );
}

#[test]
fn an_endless_message_has_an_end() {
    let limits = ClientLimits {
        message: 100_000,
        ..ClientLimits::default()
    };
    let mut case = Case::new(limits, false);
    case.says(GREETING);
    case.client
        .send(case.now, &Command::Retr(number(1)))
        .unwrap();
    case.says("+OK\r\n");
    for _ in 0..1000 {
        case.says("endless\r\n".repeat(100));
        if case.client.state() == State::Ended {
            assert!(case.client.memory() < 100_000);
            return;
        }
    }
    panic!("it goes on and on");
}

#[test]
fn octets_after_the_consent_to_tls_are_an_attack() {
    let mut case = Case::greeted();
    let events = case.ask(&Command::Stls, "+OK begin\r\n+OK injected\r\n");
    assert_eq!(failed(&events), &ClientError::InjectedPlaintext);
    // Within a login just so.
    let mut case = Case::greeted();
    case.login(password(), TlsPolicy::Required);
    case.says("+OK\r\nSTLS\r\n.\r\n");
    assert_eq!(
        failed(&case.says("+OK begin\r\n+")),
        &ClientError::InjectedPlaintext
    );
    assert_eq!(case.sent, "CAPA\r\nSTLS\r\n");
}

#[test]
fn what_was_learnt_in_clear_text_does_not_count() {
    let mut case = Case::new(ClientLimits::default(), false);
    case.says("+OK <1@host>\r\n");
    case.login(password(), TlsPolicy::Required);
    case.says("+OK\r\nSTLS\r\nSASL PLAIN\r\nUSER\r\n.\r\n");
    case.says("+OK begin\r\n");
    assert_eq!(case.client.state(), State::StartingTls);
    assert_eq!(case.client.capabilities(), None);
    case.client.tls_started(case.now);
    let events = case.says("+OK\r\nTOP\r\n.\r\n");
    assert_eq!(
        events.last(),
        Some(&Event::LoginFailed(LoginError::NoMechanism))
    );
    assert_eq!(case.sent, "CAPA\r\nSTLS\r\nCAPA\r\n");
}

#[test]
fn without_the_tls_that_is_required_nothing_is_given_away() {
    for capabilities in ["+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n", "-ERR what?\r\n"] {
        for credential in [password(), token(20)] {
            let mut case = Case::new(ClientLimits::default(), false);
            case.says("+OK ready <1@host>\r\n");
            case.login(credential, TlsPolicy::Required);
            let events = case.says(capabilities);
            assert_eq!(
                events.last(),
                Some(&Event::LoginFailed(LoginError::TlsNotOffered))
            );
            assert_eq!(case.sent, "CAPA\r\n");
        }
    }
    let mut case = Case::greeted();
    case.login(password(), TlsPolicy::IfOffered);
    let events = case.says("+OK\r\nSTLS\r\nUSER\r\n.\r\n-ERR not now\r\n");
    assert!(matches!(
        events.last(),
        Some(Event::LoginFailed(LoginError::TlsRefused(_)))
    ));
    assert_eq!(case.sent, "CAPA\r\nSTLS\r\n");
    // The session goes on.
    assert!(case.client.send(case.now, &Command::Quit).is_ok());
}

#[test]
fn the_best_login_that_is_offered_is_taken() {
    let plain = "AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n";
    for (greeting, encrypted, capabilities, sent) in [
        (
            "+OK",
            true,
            "+OK\r\nSASL LOGIN plain\r\nUSER\r\n.\r\n+OK\r\n",
            plain,
        ),
        (
            "+OK <1@host>",
            true,
            "+OK\r\nUSER\r\n.\r\n+OK\r\n+OK\r\n",
            "USER alice\r\nPASS open sesame\r\n",
        ),
        (
            "+OK",
            true,
            "-ERR\r\n+OK\r\n+OK\r\n",
            "USER alice\r\nPASS open sesame\r\n",
        ),
        (
            "+OK <1@host>",
            false,
            "+OK\r\nSASL PLAIN\r\n.\r\n+OK\r\n",
            "APOP",
        ),
    ] {
        let mut case = Case::new(ClientLimits::default(), encrypted);
        case.says(format!("{greeting}\r\n"));
        case.login(password(), TlsPolicy::IfOffered);
        let mut events = Vec::new();
        // Answers come one by one.
        for line in capabilities.split_inclusive("\r\n") {
            events.extend(case.says(line));
        }
        assert_eq!(events.last(), Some(&Event::LoggedIn));
        if sent.starts_with("APOP") {
            assert!(case.sent.starts_with("CAPA\r\nAPOP alice "));
        } else {
            assert_eq!(case.sent, format!("CAPA\r\n{sent}"));
        }
    }
}

#[test]
fn a_refused_login_says_why_without_harm_to_the_terminal() {
    let mut case = Case::greeted();
    case.login(password(), TlsPolicy::IfOffered);
    case.says("+OK\r\nUSER\r\n.\r\n+OK\r\n");
    let events = case.says("-ERR [AUTH] no \x1b]0;title\x07\x1b[2J\r\n");
    let Some(Event::LoginFailed(error)) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(
        error.to_string(),
        r"the server refuses the login: -ERR [AUTH] no \u{1b}]0;title\u{7}\u{1b}[2J"
    );
    assert_eq!(case.client.state(), State::Idle);
}

#[test]
fn tokens_go_on_a_line_of_their_own_when_they_are_long() {
    let capabilities = "+OK\r\nSASL OAUTHBEARER XOAUTH2\r\n.\r\n";
    let mut case = Case::greeted();
    case.login(token(20), TlsPolicy::IfOffered);
    case.says(capabilities);
    // n,a=alice,^Ahost=host^Aport=995^Aauth=Bearer tttttttttttttttttttt^A^A
    assert_eq!(
        case.sent,
        "CAPA\r\nAUTH OAUTHBEARER bixhPWFsaWNlLAFob3N0PWhvc3QBcG9ydD05OTUBYXV0aD1CZWFyZXIgdHR0dHR0dHR0dHR0dHR0dHR0dHQBAQ==\r\n"
    );
    assert_eq!(case.says("+OK\r\n").last(), Some(&Event::LoggedIn));
    let mut case = Case::greeted();
    case.login(token(2000), TlsPolicy::IfOffered);
    case.says("+OK\r\nSASL XOAUTH2\r\n.\r\n");
    assert_eq!(case.sent, "CAPA\r\nAUTH XOAUTH2\r\n");
    case.says("+ \r\n");
    assert!(case.sent.len() > 2700);
    // The server explains, we acknowledge, it refuses.
    case.sent.clear();
    case.says("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n");
    assert_eq!(case.sent, "\r\n");
    let events = case.says("-ERR [AUTH] expired\r\n");
    assert!(matches!(
        events.last(),
        Some(Event::LoginFailed(LoginError::Refused(_)))
    ));
}

#[test]
fn challenges_without_end_have_an_end() {
    let mut case = Case::new(ClientLimits::default(), true);
    case.says(GREETING);
    case.login(token(20), TlsPolicy::Required);
    case.says("+OK\r\nSASL OAUTHBEARER\r\n.\r\n");
    case.sent.clear();
    for _ in 0..4 {
        assert!(case.says("+ eA==\r\n").is_empty());
    }
    assert_eq!(case.sent, "AQ==\r\n".repeat(4));
    assert_eq!(
        failed(&case.says("+ eA==\r\n")),
        &ClientError::TooManyChallenges(4)
    );
    // Nobody is asked where nobody logs in.
    let mut case = Case::greeted();
    let events = case.ask(&Command::Stat, "+ go on\r\n");
    assert_eq!(failed(&events), &ClientError::BadReply(Asked::Stat));
}

#[test]
fn numbers_that_cannot_be() {
    let bad = |asked| ClientError::BadListing(asked);
    let list = Asked::List(None);
    for (lines, error) in [
        ("-1 5", bad(list)),
        ("0 5", bad(list)),
        ("+1 5", bad(list)),
        ("1 -5", bad(list)),
        ("1", bad(list)),
        ("", bad(list)),
        ("1 99999999999999999999999", bad(list)),
        ("99999999999999999999999 1", bad(list)),
        ("1 5\r\n1 5", bad(list)),
        ("2 5\r\n1 5\r\n2 5", bad(list)),
        ("4294967295 1", ClientError::TooManyMessages(1_000_000)),
        ("\u{661} 5", bad(list)),
    ] {
        let mut case = Case::greeted();
        let events = case.ask(&Command::List(None), format!("+OK\r\n{lines}\r\n.\r\n"));
        assert_eq!(failed(&events), &error, "{lines}");
    }
    // More than STAT said.
    let mut case = Case::greeted();
    case.ask(&Command::Stat, "+OK 2 100\r\n");
    let events = case.ask(&Command::List(None), "+OK\r\n1 50\r\n2 50\r\n3 50\r\n.\r\n");
    assert_eq!(failed(&events), &bad(list));
    // Which counts what is not marked.
    let mut case = Case::greeted();
    case.ask(&Command::Dele(number(1)), "+OK\r\n");
    case.ask(&Command::Stat, "+OK 1 50\r\n");
    let events = case.ask(&Command::List(None), "+OK\r\n2 50\r\n.\r\n");
    assert!(
        matches!(events.last(), Some(Event::End { .. })),
        "{events:?}"
    );
}

#[test]
fn totals_that_cannot_be() {
    for (text, error) in [
        ("", ClientError::BadReply(Asked::Stat)),
        ("1", ClientError::BadReply(Asked::Stat)),
        ("-1 5", ClientError::BadReply(Asked::Stat)),
        ("1 -5", ClientError::BadReply(Asked::Stat)),
        (
            "99999999999999999999999 5",
            ClientError::BadReply(Asked::Stat),
        ),
        ("5000000000 5", ClientError::TooManyMessages(1_000_000)),
    ] {
        let mut case = Case::greeted();
        let events = case.ask(&Command::Stat, format!("+OK {text}\r\n"));
        assert_eq!(failed(&events), &error, "{text}");
    }
    let mut case = Case::greeted();
    let events = case.ask(&Command::List(Some(number(2))), "+OK 3 100\r\n");
    assert_eq!(
        failed(&events),
        &ClientError::BadReply(Asked::List(Some(number(2))))
    );
}

#[test]
fn unique_ids_that_are_none_and_some_that_are_paths() {
    let uidl = Asked::Uidl(None);
    for line in [
        format!("1 {}", "x".repeat(71)),
        "1 ".into(),
        "1 a\x1bb".into(),
        "1 \u{e9}".into(),
    ] {
        let mut case = Case::greeted();
        let events = case.ask(&Command::Uidl(None), format!("+OK\r\n{line}\r\n.\r\n"));
        assert_eq!(failed(&events), &ClientError::BadListing(uidl));
    }
    let mut case = Case::greeted();
    let events = case.ask(&Command::Uidl(None), "+OK\r\n1 ../../etc/passwd\r\n.\r\n");
    assert!(events.iter().any(|event| matches!(
        event,
        Event::UniqueId { unique_id, .. } if unique_id.as_str() == "../../etc/passwd"
    )));
    // Four gigabytes of it: the second line without an end is enough.
    let mut case = Case::greeted();
    let events = case.ask(
        &Command::Uidl(None),
        format!("+OK\r\n1 {}", "x".repeat(100_000)),
    );
    assert_eq!(failed(&events), &ClientError::LineTooLong(2048));
    assert!(case.client.memory() < 50_000);
}

#[test]
fn capabilities_without_end_have_an_end() {
    let mut case = Case::greeted();
    let events = case.ask(&Command::Capa, format!("+OK\r\n{}", "X-A\r\n".repeat(1000)));
    assert_eq!(failed(&events), &ClientError::TooManyCapabilities(100));
}

#[test]
fn what_nobody_asked_for() {
    let mut case = Case::greeted();
    assert_eq!(
        failed(&case.says("-ERR [SYS/TEMP] idle\r\n")),
        &ClientError::Unsolicited
    );
}

#[test]
fn several_commands_are_open_only_where_the_server_says_so() {
    let mut case = Case::greeted();
    assert!(case.client.send(case.now, &Command::Noop).is_ok());
    assert_eq!(
        case.client.send(case.now, &Command::Noop),
        Err(SendError::NotNow)
    );
    case.says("+OK\r\n");
    case.ask(&Command::Capa, "+OK\r\nPIPELINING\r\n.\r\n");
    for _ in 0..64 {
        assert!(case.client.send(case.now, &Command::Noop).is_ok());
    }
    assert_eq!(
        case.client.send(case.now, &Command::Noop),
        Err(SendError::NotNow)
    );
    assert_eq!(
        case.client.send(case.now, &Command::Stls),
        Err(SendError::NotNow)
    );
    case.says("+OK\r\n".repeat(64));
    assert!(case.client.send(case.now, &Command::Quit).is_ok());
    assert_eq!(
        case.client.send(case.now, &Command::Noop),
        Err(SendError::NotNow)
    );
    case.says("+OK\r\n");
    assert_eq!(case.client.state(), State::Ended);
    case.client.handle_eof();
    assert!(case.events().is_empty(), "after QUIT the end is the end");
}

#[test]
fn what_does_not_fit_a_line_is_not_sent() {
    let mut case = Case::greeted();
    let long = Command::User(Text::new("x".repeat(249)).unwrap());
    assert_eq!(case.client.send(case.now, &long), Err(SendError::TooLong));
    let auth = Command::Auth {
        mechanism: Mechanism::Plain,
        initial: Some(Secret::new("x".repeat(300)).unwrap()),
    };
    assert_eq!(case.client.send(case.now, &auth), Err(SendError::TooLong));
    assert_eq!(case.sent, "");
    assert_eq!(case.client.state(), State::Idle);
    for token in ["", "a b", "a\nb", "a\x01b", "é"] {
        assert!(Token::new(token, Text::new("host").unwrap(), 995).is_err());
    }
}

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
                    let _ = client.login(now, Login { name, credential: token(300), tls: TlsPolicy::IfOffered });
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

#[test]
fn the_limits_of_the_rfcs_are_the_defaults() {
    let limits = ServerLimits::default();
    assert_eq!(limits.command_line, 255);
    assert_eq!(limits.login, Duration::from_secs(180));
    assert_eq!(limits.idle, Duration::from_secs(600));
}
