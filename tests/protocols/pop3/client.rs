//! Single cases of the client: every bad server and its right answer.

use std::time::Duration;

use crosscheck::protocols::pop3::client::{
    Asked, ClientError, Event, SendError, State, Token, Waiting,
};
use crosscheck::protocols::pop3::{ClientLimits, Command, Mechanism, Secret, ServerLimits, Text};

use super::case::{Case, GREETING, failed, number};

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

/// One rule for the ends of lines, in answers and in messages.
#[test]
fn lines_that_end_in_lf_alone_are_refused_at_once() {
    let mut case = Case::new(ClientLimits::default(), false);
    assert_eq!(failed(&case.says("+OK\n")), &ClientError::BareLineFeed);
    for (command, answer) in [
        (Command::Stat, "+OK 1 3\n"),
        (Command::Retr(number(1)), "+OK\nx\n.\n"),
        (Command::Uidl(None), "+OK\r\n1 a\n.\r\n"),
        (Command::Uidl(None), "+OK\r\n.\n"),
    ] {
        let mut case = Case::greeted();
        let events = case.ask(&command, answer);
        assert_eq!(failed(&events), &ClientError::BareLineFeed, "{answer:?}");
    }
    // Within a message it is an octet like others.
    let mut case = Case::greeted();
    let events = case.ask(&Command::Retr(number(1)), "+OK\r\na\n.\nb\r\n.\r\n");
    let end = Event::End {
        of: Asked::Retr(number(1)),
        octets: 7,
    };
    assert_eq!(events.last(), Some(&end));
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
fn a_unique_id_is_the_whole_rest_of_its_line_or_nothing() {
    let long = "x".repeat(71);
    for (rest, unique_id) in [
        ("a", "a"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("a b", "a b"),
        ("  a  b ", "a  b "),
        (&long, &long),
        ("a\x1bb", "a\x1bb"),
        ("\u{e9}", "\u{e9}"),
        ("", ""),
        ("a\0b", ""),
    ] {
        let expected = Event::UniqueId {
            message: number(1),
            unique_id: Text::new(unique_id).unwrap(),
        };
        let mut case = Case::greeted();
        let events = case.ask(&Command::Uidl(None), format!("+OK\r\n1 {rest}\r\n.\r\n"));
        assert!(events.contains(&expected), "{rest:?}: {events:?}");
        if rest.contains('\0') {
            continue;
        }
        let events = case.ask(&Command::Uidl(Some(number(1))), format!("+OK 1 {rest}\r\n"));
        assert!(events.contains(&expected), "{rest:?}: {events:?}");
    }
    let uidl = Asked::Uidl(None);
    // Four gigabytes of it: the second line without an end is enough.
    let mut case = Case::greeted();
    let events = case.ask(
        &Command::Uidl(None),
        format!("+OK\r\n1 {}", "x".repeat(100_000)),
    );
    assert_eq!(failed(&events), &ClientError::LineTooLong(2048));
    assert!(case.client.memory() < 50_000);
    // The number has to be one.
    for line in ["a", "", "x a", "-1 a"] {
        let mut case = Case::greeted();
        let events = case.ask(&Command::Uidl(None), format!("+OK\r\n{line}\r\n.\r\n"));
        assert_eq!(failed(&events), &ClientError::BadListing(uidl), "{line:?}");
    }
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

#[test]
fn the_limits_of_the_rfcs_are_the_defaults() {
    let limits = ServerLimits::default();
    assert_eq!(limits.command_line, 255);
    assert_eq!(limits.login, Duration::from_secs(180));
    assert_eq!(limits.idle, Duration::from_secs(600));
}
