//! Single cases of the client before the login: nothing is given away.

use crosscheck::protocols::pop3::client::{
    Asked, ClientError, Event, Login, LoginError, State, TlsPolicy, Way,
};
use crosscheck::protocols::pop3::{ClientLimits, Command, Secret, Text};

use super::case::{Case, GREETING, failed, password, token};

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
    // Neither the timestamp nor AUTH.
    case.says("+OK\r\nTOP\r\n.\r\n");
    assert_eq!(case.sent, "CAPA\r\nSTLS\r\nCAPA\r\nUSER alice\r\n");
}

/// Servers that offer a way to log in and do not take it.
#[test]
fn the_next_way_is_tried_unless_the_password_is_refused() {
    let user = "USER alice\r\nPASS open sesame\r\n";
    for (greeting, encrypted, answers, sent) in [
        // A timestamp, and no APOP.
        (
            "+OK <1@host>",
            false,
            &["-ERR\r\n", "-ERR no APOP\r\n", "+OK\r\n", "+OK\r\n"][..],
            user,
        ),
        // PLAIN, and no AUTH.
        (
            "+OK",
            true,
            &[
                "+OK\r\nSASL PLAIN\r\n.\r\n",
                "-ERR unknown\r\n",
                "+OK\r\n",
                "+OK\r\n",
            ],
            user,
        ),
        // No USER, and USER all the same.
        (
            "+OK",
            false,
            &["+OK\r\nTOP\r\n.\r\n", "+OK\r\n", "+OK\r\n"],
            user,
        ),
    ] {
        let mut case = Case::new(ClientLimits::default(), encrypted);
        case.says(format!("{greeting}\r\n"));
        case.login(password(), TlsPolicy::Never);
        let events: Vec<Event> = answers
            .iter()
            .flat_map(|answer| case.says(answer))
            .collect();
        assert_eq!(events.last(), Some(&Event::LoggedIn), "{}", case.sent);
        assert!(case.sent.ends_with(sent), "{}", case.sent);
    }
    // The password is wrong, the mail drop is taken: no other way changes that.
    for code in ["AUTH", "IN-USE", "LOGIN-DELAY", "SYS/TEMP"] {
        let mut case = Case::new(ClientLimits::default(), false);
        case.says("+OK <1@host>\r\n");
        case.login(password(), TlsPolicy::Never);
        case.says("+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n");
        let events = case.says(format!("-ERR [{code}] no\r\n"));
        let refused = matches!(
            events.last(),
            Some(Event::LoginFailed(LoginError::Refused(_)))
        );
        assert!(refused, "{events:?}");
        assert!(!case.sent.contains("USER"), "{}", case.sent);
    }
    // Where TLS is to be had first, the password does not go out in clear text unasked.
    let mut case = Case::greeted();
    case.login(password(), TlsPolicy::Never);
    let events = case.says("+OK\r\nSTLS\r\n.\r\n");
    assert_eq!(
        events.last(),
        Some(&Event::LoginFailed(LoginError::NoMechanism))
    );
    assert_eq!(case.sent, "CAPA\r\n");
}

#[test]
fn the_way_that_is_asked_for_is_the_only_one() {
    for (way, sent) in [
        (Way::Apop, "APOP alice "),
        (Way::Plain, "AUTH PLAIN "),
        (Way::User, "USER alice\r\n"),
    ] {
        let mut case = Case::new(ClientLimits::default(), false);
        case.says("+OK <1@host>\r\n");
        let login = Login {
            name: Text::new("alice").unwrap(),
            credential: password(),
            tls: TlsPolicy::Never,
            way: Some(way),
        };
        case.client.login(case.now, login).unwrap();
        case.says("-ERR what?\r\n");
        assert!(
            case.sent.starts_with(&format!("CAPA\r\n{sent}")),
            "{}",
            case.sent
        );
        let events = case.says("-ERR no\r\n");
        assert!(matches!(
            events.last(),
            Some(Event::LoginFailed(LoginError::Refused(_)))
        ));
    }
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
fn what_is_given_away_without_tls_is_known() {
    // By PASS, by AUTH, and by a command of its own.
    for capabilities in ["-ERR what?\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"] {
        let mut case = Case::greeted();
        case.login(password(), TlsPolicy::Never);
        assert!(
            !case.client.gives_secret_away(),
            "nothing but CAPA was sent"
        );
        case.says(capabilities);
        case.says("+OK\r\n");
        assert!(case.client.gives_secret_away(), "{}", case.sent);
    }
    let mut case = Case::greeted();
    let pass = Command::Pass(Secret::new("open sesame").unwrap());
    case.ask(&pass, "-ERR\r\n");
    assert!(case.client.gives_secret_away());
    // Not by APOP, and not with TLS.
    let mut case = Case::new(ClientLimits::default(), false);
    case.says("+OK <1@host>\r\n");
    case.login(password(), TlsPolicy::Never);
    case.says("-ERR what?\r\n");
    assert!(case.sent.contains("APOP alice"), "{}", case.sent);
    assert!(!case.client.gives_secret_away());
    let mut case = Case::new(ClientLimits::default(), true);
    case.says(GREETING);
    case.login(password(), TlsPolicy::Never);
    case.says("-ERR what?\r\n");
    case.says("+OK\r\n");
    assert!(case.sent.contains("PASS open sesame"), "{}", case.sent);
    assert!(!case.client.gives_secret_away());
}
