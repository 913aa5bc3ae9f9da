//! Single cases of the server: every bad input and its right answer.

use std::time::Duration;

use crosscheck::protocols::pop3::server::{End, State};

use super::drive::{Fails, NAME, PASSWORD, Session, unique_id};

const MINUTE: Duration = Duration::from_secs(60);

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
