//! Single cases of the server before the login: passwords, AUTH, APOP, TLS.

use crosscheck::protocols::pop3::server::{End, Settings, State, Tls};
use crosscheck::protocols::pop3::{ApopDigest, ApopTimestamp, Secret};

use super::drive::{Fails, NAME, Outside, PASSWORD, Session, plaintext};

fn with_stls() -> Settings {
    Settings {
        tls: Tls::Offered,
        ..Settings::default()
    }
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
fn ten_refused_logins_close() {
    let mut session = Session::plain(&[]);
    session.turn();
    let said = session.ask("USER alice\r\nPASS x\r\n".repeat(30));
    assert_eq!(said.matches("-ERR [AUTH]").count(), 10);
    assert_eq!(session.server.end(), Some(End::RefusedLogins));
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
fn settings_that_allow_passwords_are_not_the_default() {
    assert!(!Settings::default().plaintext);
    assert!(plaintext().plaintext);
}
