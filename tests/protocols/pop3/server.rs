//! Single cases of the server: every bad input and its right answer.

use std::time::Duration;

use crosscheck::protocols::pop3::server::{End, Settings, State, Tls};
use crosscheck::protocols::pop3::{ApopDigest, ApopTimestamp, Secret};

use super::drive::{Fails, NAME, Outside, PASSWORD, Session, plaintext, unique_id};

const MINUTE: Duration = Duration::from_secs(60);

fn with_stls() -> Settings {
    Settings {
        tls: Tls::Offered,
        ..Settings::default()
    }
}

#[test]
fn a_session_as_in_the_rfc() {
    let mut session = Session::plain(&[b"Subject: a\n\nx\n", b".\n"]);
    session.feed(
        format!("USER {NAME}\r\nPASS {PASSWORD}\r\nSTAT\r\nLIST\r\nRETR 1\r\nRETR 2\r\n")
            .as_bytes(),
    );
    session.feed(b"TOP 1 0\r\nUIDL\r\nUIDL 2\r\nDELE 1\r\nLIST\r\nSTAT\r\nRSET\r\nDELE 2\r\nNOOP\r\nQUIT\r\n");
    let expected = format!(
        "+OK POP3 server ready\r\n\
         +OK send PASS\r\n\
         +OK 2 messages (20 octets)\r\n\
         +OK 2 20\r\n\
         +OK 2 messages (20 octets)\r\n1 17\r\n2 3\r\n.\r\n\
         +OK 17 octets\r\nSubject: a\r\n\r\nx\r\n.\r\n\
         +OK 3 octets\r\n..\r\n.\r\n\
         +OK top of the message follows\r\nSubject: a\r\n\r\n.\r\n\
         +OK 2 messages (20 octets)\r\n1 {}\r\n2 {}\r\n.\r\n\
         +OK 2 {}\r\n\
         +OK message 1 will be deleted at QUIT\r\n\
         +OK 1 messages (3 octets)\r\n2 3\r\n.\r\n\
         +OK 1 3\r\n\
         +OK 2 messages (20 octets)\r\n\
         +OK message 2 will be deleted at QUIT\r\n\
         +OK nothing done\r\n\
         +OK bye\r\n",
        unique_id(0),
        unique_id(1),
        unique_id(1),
    );
    assert_eq!(String::from_utf8_lossy(&session.output), expected);
    assert_eq!(session.outside.committed, Some(vec![2]));
    assert_eq!(session.server.state(), State::Closed);
    assert_eq!(session.server.end(), Some(End::Quit));
}

#[test]
fn capabilities_before_and_after_tls_and_login() {
    let mut session = Session::new(with_stls(), Outside::new(&[]));
    session.turn();
    let all = "+OK what this server can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n";
    let rest = format!(
        "EXPIRE NEVER\r\nIMPLEMENTATION crosscheck-{}\r\n.\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(session.ask("CAPA\r\n"), format!("{all}STLS\r\n{rest}"));
    session.feed(b"STLS\r\n");
    assert_eq!(
        session.ask("capa\r\n"),
        format!("{all}USER\r\nSASL PLAIN\r\n{rest}")
    );
    session.log_in();
    assert_eq!(
        session.ask("CAPA\r\n"),
        format!("{all}USER\r\nSASL PLAIN\r\n{rest}")
    );
}

#[test]
fn no_password_is_taken_in_clear_text_unless_allowed() {
    let mut session = Session::new(with_stls(), Outside::new(&[]));
    session.turn();
    for line in ["USER alice", "PASS x", "AUTH PLAIN", "AUTH PLAIN AGEAYg=="] {
        assert_eq!(
            session.ask(format!("{line}\r\n")),
            "-ERR no passwords in clear text: use STLS first\r\n"
        );
    }
    assert!(session.outside.tried.is_empty());
}

#[test]
fn what_comes_with_stls_in_one_segment_is_no_command() {
    let mut session = Session::new(with_stls(), Outside::new(&[]));
    session.turn();
    let said = session.ask(b"STLS\r\nUSER mallory\r\nPASS x\r\nCAPA\r\n");
    assert_eq!(said, "+OK begin TLS\r\n");
    assert!(session.outside.tls_started);
    assert!(session.server.is_encrypted());
    // The name is not known, and half a line is not the beginning of the next.
    assert_eq!(session.ask("PASS x\r\n"), "-ERR USER comes first\r\n");
    assert!(session.outside.tried.is_empty());
}

#[test]
fn stls_forgets_what_was_learnt_before() {
    let settings = Settings {
        plaintext: true,
        ..with_stls()
    };
    let mut session = Session::new(settings, Outside::new(&[]));
    session.turn();
    assert_eq!(
        session.ask(format!("USER {NAME}\r\nSTLS\r\n")),
        "+OK send PASS\r\n+OK begin TLS\r\n"
    );
    assert_eq!(
        session.ask(format!("PASS {PASSWORD}\r\n")),
        "-ERR USER comes first\r\n"
    );
}

#[test]
fn stls_once_and_before_the_login_only() {
    let mut session = Session::new(with_stls(), Outside::new(&[]));
    session.turn();
    session.feed(b"STLS\r\n");
    assert_eq!(session.ask("STLS\r\n"), "-ERR TLS is active already\r\n");
    session.log_in();
    assert_eq!(session.ask("STLS\r\n"), "-ERR not after the login\r\n");
    let mut session = Session::logged_in(&[]);
    assert_eq!(session.ask("STLS\r\n"), "-ERR not after the login\r\n");
    let mut session = Session::plain(&[]);
    session.turn();
    assert_eq!(session.ask("STLS\r\n"), "-ERR TLS is not offered\r\n");
    let implicit = Settings {
        tls: Tls::Implicit,
        ..Settings::default()
    };
    let mut session = Session::new(implicit, Outside::new(&[]));
    session.turn();
    assert_eq!(session.ask("STLS\r\n"), "-ERR TLS is active already\r\n");
    session.log_in();
}

#[test]
fn tls_begins_after_its_reply_was_taken() {
    let mut session = Session::new(with_stls(), Outside::new(&[]));
    session.turn();
    let now = session.now;
    session.server.handle_input(now, b"STLS\r\n");
    assert!(session.server.poll_request().is_none());
    session.turn();
    assert!(session.outside.tls_started);
}

#[test]
fn tls_that_fails_closes() {
    let mut outside = Outside::new(&[]);
    outside.fails = Fails::Tls;
    let mut session = Session::new(with_stls(), outside);
    session.feed(b"STLS\r\n");
    assert_eq!(session.server.end(), Some(End::TlsFailed));
    assert_eq!(session.server.state(), State::Closed);
}

#[test]
fn auth_plain_with_and_without_initial_response() {
    // NUL alice NUL open sesame
    let response = "AGFsaWNlAG9wZW4gc2VzYW1l";
    for lines in [
        format!("AUTH PLAIN {response}\r\n"),
        format!("auth plain\r\n{response}\r\n"),
        // As oneself.
        "AUTH PLAIN YWxpY2UAYWxpY2UAb3BlbiBzZXNhbWU=\r\n".to_owned(),
    ] {
        let mut session = Session::plain(&[]);
        session.feed(lines.as_bytes());
        assert_eq!(session.server.state(), State::Transaction, "{lines}");
        let challenges = String::from_utf8_lossy(&session.output)
            .matches("+ \r\n")
            .count();
        assert_eq!(challenges, usize::from(lines.starts_with("auth")));
    }
}

#[test]
fn auth_that_is_wrong_is_refused_and_the_session_goes_on() {
    let long = "QUFB".repeat(250_000);
    for (lines, answer) in [
        ("AUTH PLAIN !!!\r\n", "-ERR the response is not base64\r\n"),
        (
            "AUTH PLAIN =\r\n",
            "-ERR the response to PLAIN has to be three parts with NUL between them\r\n",
        ),
        (
            "AUTH PLAIN QUFB\r\n",
            "-ERR the response to PLAIN has to be three parts with NUL between them\r\n",
        ),
        (
            "AUTH PLAIN AAAA\r\n",
            "-ERR the response to PLAIN has to be three parts with NUL between them\r\n",
        ),
        ("AUTH PLAIN *\r\n", "-ERR cancelled\r\n"),
        ("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR cancelled\r\n"),
        (
            "AUTH PLAIN\r\n=\r\n",
            "+ \r\n-ERR the response to PLAIN has to be three parts with NUL between them\r\n",
        ),
        (
            "AUTH PLAIN\r\n\r\n",
            "+ \r\n-ERR the response to PLAIN has to be three parts with NUL between them\r\n",
        ),
        (
            "AUTH PLAIN\r\nQUFB\0\r\n",
            "+ \r\n-ERR the response is not base64\r\n",
        ),
        ("AUTH\r\n", "-ERR missing argument\r\n"),
        ("AUTH CRAM-MD5\r\n", "-ERR PLAIN is the only mechanism\r\n"),
        ("AUTH PLAIN QUFB QUFB\r\n", "-ERR too many arguments\r\n"),
        // Another's mail with one's own password.
        (
            "AUTH PLAIN Ym9iAGFsaWNlAG9wZW4gc2VzYW1l\r\n",
            "-ERR [AUTH] wrong user name or password\r\n",
        ),
        (
            &format!("AUTH PLAIN {long}\r\n"),
            "-ERR the line is too long\r\n",
        ),
        (
            &format!("AUTH PLAIN\r\n{}\r\n", &long[..60_000]),
            "+ \r\n-ERR the line is too long\r\n",
        ),
    ] {
        let mut session = Session::plain(&[]);
        session.turn();
        let answered = session.ask(lines);
        assert_eq!(answered, answer);
        if lines.len() < 65_536 {
            session.log_in();
        } else {
            assert_eq!(session.server.end(), Some(End::EndlessLine));
        }
    }
}

#[test]
fn an_unknown_user_is_answered_like_a_wrong_password() {
    let wrong = "-ERR [AUTH] wrong user name or password\r\n";
    for name in [
        "../../x",
        "bob",
        "\u{1}\u{1b}[2J",
        "",
        " ",
        &"x".repeat(248),
        "al\u{e9}",
    ] {
        let mut session = Session::plain(&[]);
        session.turn();
        let said = session.ask(format!("USER {name}\r\nPASS {PASSWORD}\r\n"));
        assert_eq!(said, format!("+OK send PASS\r\n{wrong}"));
        assert_eq!(
            session.outside.tried,
            [name.as_bytes()],
            "the outside was asked"
        );
    }
    let mut session = Session::plain(&[]);
    session.turn();
    assert_eq!(
        session.ask("USER alice\r\nPASS x\r\n"),
        format!("+OK send PASS\r\n{wrong}")
    );
    // 10 kB, and octets that end lines, come in by PLAIN only.
    use base64::Engine as _;
    for name in ["x".repeat(10_000), "a\r\nb".to_owned()] {
        let response =
            base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        let mut session = Session::plain(&[]);
        session.turn();
        let said = session.ask(format!("AUTH PLAIN\r\n{response}\r\n"));
        assert_eq!(said, format!("+ \r\n{wrong}"));
        assert_eq!(session.outside.tried, [name.as_bytes()]);
    }
}

#[test]
fn apop_where_it_is_offered() {
    let timestamp = ApopTimestamp::new("1.2", "host").unwrap();
    let settings = Settings {
        apop: Some(timestamp.clone()),
        ..Settings::default()
    };
    let digest = ApopDigest::new(&timestamp, &Secret::new(PASSWORD).unwrap());
    let mut session = Session::new(settings, Outside::new(&[]));
    assert_eq!(
        session.ask("CAPA\r\n").lines().next(),
        Some("+OK POP3 server ready <1.2@host>")
    );
    let wrong = format!("APOP {NAME} {}\r\n", "0".repeat(32));
    assert!(session.ask(wrong).starts_with("-ERR [AUTH] "));
    assert_eq!(
        session.ask(format!("APOP {NAME} x\r\n")),
        "-ERR the digest has to be 32 hexadecimal digits\r\n"
    );
    assert!(
        session
            .ask(format!("APOP {NAME} {}\r\n", digest.as_str()))
            .starts_with("+OK ")
    );
    assert_eq!(session.server.state(), State::Transaction);
    let mut session = Session::plain(&[]);
    session.turn();
    assert_eq!(
        session.ask(format!("APOP {NAME} {}\r\n", digest.as_str())),
        "-ERR APOP is not offered\r\n"
    );
}

#[test]
fn passwords_may_hold_spaces_and_commands_any_case() {
    let mut session = Session::plain(&[]);
    session.turn();
    assert!(
        session
            .ask("uSeR alice\r\npAsS  open sesame\r\n")
            .ends_with("-ERR [AUTH] wrong user name or password\r\n")
    );
    assert!(
        session
            .ask("uSeR alice\r\npAsS open sesame \r\n")
            .ends_with("-ERR [AUTH] wrong user name or password\r\n")
    );
    assert!(
        session
            .ask("uSeR alice\r\npAsS open sesame\r\n")
            .ends_with("+OK 0 messages (0 octets)\r\n")
    );
}

#[test]
fn an_endless_line_is_refused_and_then_closed() {
    let mut session = Session::plain(&[]);
    session.turn();
    assert_eq!(session.ask([b'x'; 254]), "");
    assert_eq!(session.ask("x"), "-ERR the line is too long\r\n");
    assert_eq!(session.ask([b'x'; 10_000]), "", "said once");
    assert_eq!(
        session.ask("STAT\r\nNOOP\r\n"),
        "-ERR log in first\r\n",
        "the next line counts"
    );
    for _ in 0..70 {
        session.feed(&[b'x'; 1024]);
    }
    assert_eq!(session.server.end(), Some(End::EndlessLine));
    assert!(session.memory < 20_000);
}

#[test]
fn a_line_of_255_octets_is_taken() {
    let mut session = Session::plain(&[]);
    session.turn();
    let password = "p".repeat(255 - "PASS \r\n".len());
    let said = session.ask(format!("USER a\r\nPASS {password}\r\n"));
    assert!(
        said.ends_with("-ERR [AUTH] wrong user name or password\r\n"),
        "{said}"
    );
    let said = session.ask(format!("USER a\r\nPASS {password}p\r\n"));
    assert_eq!(said, "+OK send PASS\r\n-ERR the line is too long\r\n");
}

#[test]
fn odd_octets_in_a_command_are_refused() {
    let mut session = Session::logged_in(&[b"a\n"]);
    for line in [
        &b"RETR 1\0"[..],
        b"\0",
        b"STAT\rSTAT",
        b"USER a\rb",
        b"\r\r",
    ] {
        let answer = session.ask([line, b"\r\n"].concat());
        assert_eq!(answer, "-ERR NUL or CR in the command\r\n");
    }
    assert_eq!(session.ask(b"\xff\xfe\r\n"), "-ERR unknown command\r\n");
    assert_eq!(session.ask("\r\n"), "-ERR unknown command\r\n");
    assert_eq!(
        session.ask("STAT\n"),
        "+OK 1 3\r\n",
        "a bare LF ends a line"
    );
}

#[test]
fn numbers_are_digits_from_1() {
    let mut session = Session::logged_in(&[b"a\n"]);
    for number in [
        "0",
        "-1",
        "+1",
        "0x1",
        "1.0",
        "4294967296",
        "99999999999999999999",
        "\u{661}",
        "\u{b9}",
    ] {
        for command in ["RETR", "DELE", "LIST", "UIDL"] {
            let answer = session.ask(format!("{command} {number}\r\nNOOP\r\n"));
            assert_eq!(
                answer, "-ERR no such number\r\n+OK nothing done\r\n",
                "{command} {number}"
            );
        }
        assert_eq!(
            session.ask(format!("TOP {number} 0\r\nNOOP\r\n")),
            "-ERR no such number\r\n+OK nothing done\r\n"
        );
    }
    for number in ["2", "4294967295"] {
        assert_eq!(
            session.ask(format!("RETR {number}\r\n")),
            "-ERR no such message\r\n"
        );
    }
    assert_eq!(session.ask("TOP 1 -1\r\n"), "-ERR no such number\r\n");
    assert_eq!(session.ask("TOP 1\r\n"), "-ERR missing argument\r\n");
    assert_eq!(session.ask("RETR\r\n"), "-ERR missing argument\r\n");
    assert_eq!(session.ask("RETR 1 1\r\n"), "-ERR too many arguments\r\n");
    assert_eq!(session.ask("STAT 1\r\n"), "-ERR too many arguments\r\n");
    assert_eq!(
        session.ask("TOP 1 18446744073709551615\r\n"),
        "+OK top of the message follows\r\na\r\n.\r\n"
    );
}

#[test]
fn twenty_bad_commands_close() {
    let mut session = Session::plain(&[]);
    session.turn();
    for _ in 0..19 {
        assert_eq!(session.ask("FOO\r\n"), "-ERR unknown command\r\n");
    }
    assert!(
        session.ask("CAPA\r\n").starts_with("+OK"),
        "starts the count again"
    );
    let said = session.ask("FOO\r\n".repeat(30));
    assert_eq!(said.matches("-ERR unknown command\r\n").count(), 19);
    assert!(said.ends_with("-ERR unknown command; too many bad commands\r\n"));
    assert_eq!(session.server.end(), Some(End::BadCommands));
    assert_eq!(session.server.state(), State::Closed);
}

#[test]
fn ten_refused_logins_close() {
    let mut session = Session::plain(&[]);
    session.turn();
    let said = session.ask("USER alice\r\nPASS x\r\n".repeat(30));
    assert_eq!(said.matches("-ERR [AUTH]").count(), 10);
    assert_eq!(session.server.end(), Some(End::RefusedLogins));
}

#[test]
fn a_byte_a_minute_does_not_move_the_login_deadline() {
    let mut session = Session::plain(&[]);
    session.turn();
    for _ in 0..2 {
        session.after(MINUTE);
        session.feed(b"N");
        assert_eq!(session.server.state(), State::Authorization);
    }
    session.after(MINUTE);
    assert_eq!(session.server.end(), Some(End::LoginTimeout));
    assert_eq!(session.server.state(), State::Closed);
    // Nor do whole commands.
    let mut session = Session::plain(&[]);
    for _ in 0..3 {
        session.feed(b"CAPA\r\n");
        session.after(MINUTE);
    }
    assert_eq!(session.server.end(), Some(End::LoginTimeout));
}

#[test]
fn idle_for_ten_minutes_closes_without_deleting() {
    let mut session = Session::logged_in(&[b"a\n"]);
    session.feed(b"DELE 1\r\n");
    session.after(9 * MINUTE);
    session.feed(b"NOOP\r\n");
    session.after(9 * MINUTE);
    // Octets that are no line do not count.
    session.feed(b"NO");
    assert_eq!(session.server.state(), State::Transaction);
    session.output.clear();
    session.after(MINUTE);
    session.turn();
    assert_eq!(session.server.end(), Some(End::Idle));
    assert!(session.output.is_empty(), "closed without a word");
    assert_eq!(session.outside.committed, None);
}

#[test]
fn a_client_that_never_reads_is_not_read_and_then_closed() {
    let mut session = Session::logged_in(&[b"a\n"]);
    let flood = b"NOOP\r\n".repeat(100_000);
    let (mut consumed, now) = (0, session.now);
    loop {
        let more = session.server.handle_input(now, &flood[consumed..]);
        consumed += more;
        if more == 0 {
            break;
        }
    }
    assert!(consumed < 6_000, "{consumed} octets were read");
    assert!(session.server.memory() < 20_000);
    session.after(Duration::from_secs(59));
    assert_eq!(session.server.state(), State::Transaction);
    // Whoever takes a little gets more time.
    session.server.poll_output(session.now, &mut [0; 10]);
    session.after(Duration::from_secs(59));
    assert_eq!(session.server.state(), State::Transaction);
    session.after(Duration::from_secs(1));
    assert_eq!(session.server.end(), Some(End::WriteStall));
    assert_eq!(session.server.state(), State::Closed);
}

#[test]
fn what_is_slow_outside_is_not_held_against_the_client() {
    let mut session = Session::logged_in(&[b"a\n"]);
    let now = session.now;
    session.server.handle_input(now, b"RETR 1\r\n");
    assert!(session.server.poll_request().is_some());
    assert_eq!(session.server.poll_timeout(), None);
    session.after(60 * MINUTE);
    assert_eq!(session.server.state(), State::Transaction);
}

#[test]
fn dropped_without_quit_deletes_nothing() {
    let mut session = Session::logged_in(&[b"a\n"]);
    session.feed(b"DELE 1\r\nQUI");
    session.eof();
    assert_eq!(session.server.end(), Some(End::PeerDone));
    assert_eq!(session.outside.committed, None);
}

#[test]
fn what_was_asked_before_the_end_of_input_is_answered() {
    let mut session = Session::logged_in(&[&b"a\n".repeat(100_000)]);
    let now = session.now;
    assert_eq!(session.server.handle_input(now, b"RETR 1\r\n"), 8);
    session.server.handle_eof();
    session.turn();
    assert!(session.output.ends_with(b"a\r\n.\r\n"));
    assert_eq!(
        session.output.len(),
        "+OK 300000 octets\r\n.\r\n".len() + 300_000
    );
    assert_eq!(session.server.end(), Some(End::PeerDone));
}

#[test]
fn a_message_that_cannot_be_read_is_refused_before_its_first_octet() {
    let mut session = Session::logged_in(&[b"a\n"]);
    session.outside.fails = Fails::ReadFrom(0);
    assert_eq!(
        session.ask("RETR 1\r\n"),
        "-ERR [SYS/TEMP] the message cannot be read\r\n"
    );
    assert_eq!(
        session.ask("TOP 1 0\r\n"),
        "-ERR [SYS/TEMP] the message cannot be read\r\n"
    );
    session.outside.fails = Fails::Nothing;
    assert_eq!(session.ask("RETR 1\r\n"), "+OK 3 octets\r\na\r\n.\r\n");
}

#[test]
fn a_message_that_fails_in_its_middle_has_no_final_dot() {
    let mut session = Session::logged_in(&[&b"line\n".repeat(1000)]);
    session.outside.read = 100;
    session.outside.fails = Fails::ReadFrom(300);
    let said = session.ask("RETR 1\r\nNOOP\r\n");
    assert!(said.starts_with("+OK 6000 octets\r\nline\r\n"));
    assert!(!said.contains("\r\n.\r\n"));
    assert!(!said.contains("nothing done"));
    assert_eq!(session.server.end(), Some(End::MessageUnreadable));
    assert_eq!(session.server.state(), State::Closed);
}

#[test]
fn a_message_that_has_changed_is_not_passed_off_as_whole() {
    for (now, end) in [
        (&b"line\n"[..], true),
        (b"line\nline\nline\n", true),
        (b"", true),
    ] {
        let mut session = Session::logged_in(&[b"line\nline\n"]);
        session.outside.messages[0] = now.to_vec();
        let said = session.ask("RETR 1\r\n");
        assert_eq!(
            said,
            "-ERR [SYS/TEMP] the message has changed since the login\r\n"
        );
        assert!(end);
        // In small reads it shows only when part of it is out.
        let mut session = Session::logged_in(&[b"line\nline\n"]);
        session.outside.messages[0] = now.to_vec();
        (session.outside.read, session.outside.tells_last) = (2, false);
        let said = session.ask("RETR 1\r\n");
        assert!(!said.contains("\r\n.\r\n"), "{said}");
        if now.is_empty() {
            assert!(said.starts_with("-ERR [SYS/TEMP]"));
        } else {
            assert_eq!(session.server.end(), Some(End::MessageChanged));
        }
    }
}

#[test]
fn a_file_that_never_ends_is_cut() {
    let mut session = Session::logged_in(&[b"x"]);
    session.outside.messages[0] = vec![b'x'; 10_000_000];
    let said = session.ask("RETR 1\r\n");
    assert!(said.len() < 200_000);
    assert_eq!(session.server.end(), Some(End::MessageChanged));
}

#[test]
fn a_failure_in_update_is_said_at_quit() {
    let mut session = Session::logged_in(&[b"a\n"]);
    session.outside.fails = Fails::Commit;
    assert_eq!(
        session.ask("DELE 1\r\nQUIT\r\n"),
        "+OK message 1 will be deleted at QUIT\r\n-ERR [SYS/TEMP] some deleted messages were not removed\r\n"
    );
    assert_eq!(session.server.end(), Some(End::CommitFailed));
}

#[test]
fn a_mail_drop_in_use_or_broken_is_said_and_another_try_is_possible() {
    let mut session = Session::plain(&[]);
    session.outside.fails = Fails::InUse;
    let login = format!("USER {NAME}\r\nPASS {PASSWORD}\r\n");
    session.turn();
    assert!(
        session
            .ask(&login)
            .ends_with("-ERR [IN-USE] another session has the mail drop\r\n")
    );
    session.outside.fails = Fails::Open;
    assert!(
        session
            .ask(&login)
            .ends_with("-ERR [SYS/PERM] the mail drop cannot be opened\r\n")
    );
    session.outside.fails = Fails::Authentication;
    assert!(
        session
            .ask(&login)
            .ends_with("-ERR [SYS/TEMP] the login cannot be checked\r\n")
    );
    session.outside.fails = Fails::Nothing;
    session.log_in();
}

#[test]
fn quit_before_the_login_reaches_no_mail_drop() {
    let mut session = Session::plain(&[b"a\n"]);
    session.turn();
    assert_eq!(session.ask("QUIT\r\nSTAT\r\n"), "+OK bye\r\n");
    assert_eq!(session.outside.committed, None);
    assert_eq!(session.server.end(), Some(End::Quit));
}

#[test]
fn memory_does_not_grow_with_a_message() {
    let small = {
        let mut session = Session::logged_in(&[&b"line of a message\n".repeat(10_000)]);
        session.feed(b"RETR 1\r\n");
        session.memory
    };
    let large = {
        let mut session = Session::logged_in(&[&b"line of a message\n".repeat(1_000_000)]);
        session.feed(b"RETR 1\r\n");
        session.memory
    };
    assert_eq!(small, large);
}

#[test]
fn settings_that_allow_passwords_are_not_the_default() {
    assert!(!Settings::default().plaintext);
    assert!(plaintext().plaintext);
}
