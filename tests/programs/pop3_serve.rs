//! The POP3 server over sockets: exact answers, bad peers, files that change, many clients.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;

use crosscheck::programs::net::{ClientTls, Stream};
use std::time::Instant;

use crate::mailroom::{Mailroom, Talk};
use crate::support::{
    HANG, Server, code, connect, crosscheck, err, out, read_all, reset, run, run_with,
};

#[test]
fn a_session_from_greeting_to_update() {
    let room = Mailroom::new();
    room.deliver(
        "alice",
        &[
            b"Subject: 1\n\n.first\nlast",
            b".\r\n",
            b"",
            b"Subject: 4\r\n\r\none\r\ntwo\r\n",
        ],
    );
    let server = room.serve(&[]);
    let mut talk = Talk::log_in(server.address(), "alice");
    // With CRLF, without stuffing: 12 + 2 + 8 + 6, 3, 0, 12 + 2 + 5 + 5.
    assert_eq!(talk.ask("STAT"), "+OK 4 55");
    let (_, sizes) = talk.ask_long("LIST");
    assert_eq!(sizes, b"1 28\r\n2 3\r\n3 0\r\n4 24\r\n");
    let (_, first) = talk.ask_long("RETR 1");
    assert_eq!(first, b"Subject: 1\r\n\r\n.first\r\nlast\r\n");
    let (_, dot) = talk.ask_long("retr 2");
    assert_eq!(dot, b".\r\n");
    assert_eq!(talk.ask_long("RETR 3").1, b"");
    assert_eq!(talk.ask_long("TOP 4 1").1, b"Subject: 4\r\n\r\none\r\n");
    let (_, ids) = talk.ask_long("UIDL");
    assert_eq!(
        ids,
        b"1 1000.test\r\n2 1001.test\r\n3 1002.test\r\n4 1003.test\r\n"
    );
    assert!(talk.ask("DELE 2").starts_with("+OK"));
    assert!(talk.ask("RETR 2").starts_with("-ERR"));
    assert!(talk.ask("RETR 0").starts_with("-ERR"));
    assert!(talk.ask("RETR 18446744073709551617").starts_with("-ERR"));
    assert!(talk.ask("NOOP").starts_with("+OK"));
    assert!(talk.ask("QUIT").starts_with("+OK"));
    assert_eq!(talk.rest(), b"");
    let left: Vec<String> = room
        .mail("alice")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(left, ["1000.test", "1002.test", "1003.test"]);
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("received a connection from 127.0.0.1"));
    assert!(
        !ended.log.contains("sesame"),
        "a password in the log: {}",
        ended.log
    );
}

#[test]
fn without_quit_nothing_is_deleted_and_the_mail_drop_is_free_at_once() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    for end in [drop as fn(TcpStream), reset] {
        // Whoever was logged in at the end of the last round is not any more.
        let server = room.serve(&[]);
        let mut talk = Talk::log_in(server.address(), "alice");
        assert!(talk.ask("DELE 1").starts_with("+OK"));
        let mut second = Talk::new(server.address());
        let refused = second.logs_in("alice");
        assert!(refused.starts_with("-ERR [IN-USE]"), "{refused}");
        // Another user's is free.
        assert!(second.logs_in("bob").starts_with("+OK"));
        end(talk.into_stream());
        // The server has to hear of it first: refused until then, and never for ever.
        let begun = Instant::now();
        while !Talk::new(server.address())
            .logs_in("alice")
            .starts_with("+OK")
        {
            assert!(begun.elapsed() < HANG, "the mail drop stays locked");
        }
        assert_eq!(room.mail("alice").len(), 1);
    }
}

#[test]
fn a_lock_is_one_between_processes_and_dies_with_its_process() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let first = room.serve(&[]);
    let mut talk = Talk::log_in(first.address(), "alice");
    assert!(talk.ask("DELE 1").starts_with("+OK"));
    let second = room.serve(&[]);
    let refused = Talk::new(second.address()).logs_in("alice");
    assert!(refused.starts_with("-ERR [IN-USE]"), "{refused}");
    first.signal(rustix::process::Signal::KILL);
    first.wait();
    let mut talk = Talk::log_in(second.address(), "alice");
    assert_eq!(talk.ask("STAT"), "+OK 1 3");
}

#[test]
fn shutdown_ends_idle_sessions_at_once_and_deletes_nothing() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let server = room.serve(&[]);
    let mut talk = Talk::log_in(server.address(), "alice");
    assert!(talk.ask("DELE 1").starts_with("+OK"));
    let waiting = Talk::new(server.address());
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(talk.rest(), b"");
    assert_eq!(room.mail("alice").len(), 1);
    drop(waiting);
}

#[test]
fn a_name_is_never_a_path_and_wrong_names_look_like_wrong_passwords() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let server = room.serve(&[]);
    let before = Talk::new(server.address()).ask("PASS open sesame");
    assert!(before.starts_with("-ERR"), "{before}");
    let mut answers = Vec::new();
    let long = "a".repeat(200);
    for name in [
        "alice",
        "nobody",
        "../../mail/alice",
        "alice/",
        "..",
        ".",
        "alice\u{1b}[2J",
        &long,
    ] {
        let mut talk = Talk::new(server.address());
        assert!(
            talk.ask(&format!("USER {name}")).starts_with("+OK"),
            "{name}"
        );
        answers.push(talk.ask("PASS wrong"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("-ERR [AUTH]"), "{answers:?}");
    // Longer than a line: refused as a line, and the session goes on.
    let mut talk = Talk::new(server.address());
    assert!(
        talk.ask(&format!("USER {}", "a".repeat(10_000)))
            .starts_with("-ERR")
    );
    assert!(talk.logs_in("alice").starts_with("+OK"));
    let mut made = fs::read_dir(room.path("mail")).expect("a directory");
    assert_eq!(
        made.next().expect("one").expect("an entry").file_name(),
        "alice"
    );
    assert!(made.next().is_none());
    let log = server.stop().log;
    assert!(!log.contains("\u{1b}[2J"), "{log}");
}

#[test]
fn messages_that_change_during_a_session_are_refused_before_their_first_byte() {
    let room = Mailroom::new();
    let message: &[u8] = b"Subject: x\n\nbody\n";
    room.deliver("alice", &[message; 7]);
    let server = room.serve(&[]);
    let mut talk = Talk::log_in(server.address(), "alice");
    let new = room.path("mail").join("alice").join("new");
    let file = |n: usize| new.join(format!("{}.test", 1_000 + n));
    fs::remove_file(file(0)).expect("removed");
    fs::write(file(1), b"cut").expect("truncated");
    fs::write(file(2), [message, b"more\n"].concat()).expect("grown");
    fs::remove_file(file(3)).expect("removed");
    symlink("/etc/passwd", file(3)).expect("a link");
    fs::remove_file(file(4)).expect("removed");
    let fifo = Command::new("mkfifo").arg(file(4)).status();
    assert!(fifo.expect("mkfifo is there").success());
    // What mail readers do is no change.
    fs::rename(file(5), new.with_file_name("cur").join("1005.test:2,S")).expect("moved");
    for number in 1..=5 {
        let answer = talk.ask(&format!("RETR {number}"));
        assert!(answer.starts_with("-ERR [SYS/TEMP]"), "{number}: {answer}");
    }
    for number in [6, 7] {
        let (_, body) = talk.ask_long(&format!("RETR {number}"));
        assert_eq!(body, b"Subject: x\r\n\r\nbody\r\n");
    }
    // What is another file by now is not deleted, what is gone counts as deleted.
    for number in [1, 4, 5, 6] {
        assert!(talk.ask(&format!("DELE {number}")).starts_with("+OK"));
    }
    let answer = talk.ask("QUIT");
    assert!(answer.starts_with("-ERR [SYS/TEMP]"), "{answer}");
    let link = fs::symlink_metadata(file(3)).expect("it is there");
    assert!(link.file_type().is_symlink());
    assert!(fs::symlink_metadata(file(4)).is_ok());
    assert!(!new.with_file_name("cur").join("1005.test:2,S").exists());
    // They are no messages at all for the next session.
    let mut talk = Talk::log_in(server.address(), "alice");
    let (_, sizes) = talk.ask_long("LIST");
    assert_eq!(sizes, b"1 5\r\n2 26\r\n3 20\r\n");
}

#[test]
fn a_message_that_is_cut_while_it_is_sent_has_no_final_dot() {
    let room = Mailroom::new();
    let line = [b'x'; 99];
    let body: Vec<u8> = [&line[..], b"\n"].concat().repeat(400_000);
    room.deliver("alice", &[&body]);
    let server = room.serve(&[]);
    let mut talk = Talk::log_in(server.address(), "alice");
    assert!(talk.ask("RETR 1").starts_with("+OK"));
    // 40 MB are more than sockets hold, so the server is still reading.
    let file = room
        .path("mail")
        .join("alice")
        .join("new")
        .join("1000.test");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(file)
        .expect("a file");
    file.set_len(30_000_000).expect("cut");
    let sent = talk.rest();
    assert!(
        sent.len() < body.len() && !sent.ends_with(b"\r\n.\r\n"),
        "{} bytes",
        sent.len()
    );
}

#[test]
fn endless_lines_and_bad_commands_end_a_session() {
    let room = Mailroom::new();
    let server = room.serve(&[]);
    let mut stream = connect(server.address());
    // The server may close while we send: that is the point.
    let endless = std::io::Write::write_all(&mut stream, &vec![b'a'; 20_000_000]);
    drop((endless, stream));
    let mut talk = Talk::new(server.address());
    for _ in 0..20 {
        talk.say(b"WHAT\r\n");
    }
    let answers = String::from_utf8(talk.rest()).expect("ASCII");
    assert!(
        answers.lines().all(|line| line.starts_with("-ERR")),
        "{answers}"
    );
    assert_eq!(answers.lines().count(), 20);
    assert!(resident_kilobytes(&server) < 100_000);
}

/// What the process holds in memory.
fn resident_kilobytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn a_client_that_sends_and_never_reads_stops_itself_only() {
    let room = Mailroom::new();
    room.deliver("alice", &[&vec![b'x'; 1_000_000]]);
    let server = room.serve(&["--max-clients", "2"]);
    let greedy = Talk::log_in(server.address(), "alice").into_stream();
    greedy.set_nonblocking(true).expect("an option");
    let commands = b"RETR 1\r\n".repeat(1_000);
    let (mut sent, mut refused) = (0, 0);
    // Until nothing fits any more: the server has stopped reading.
    while sent < 100_000_000 && refused < 100 {
        match std::io::Write::write(&mut &greedy, &commands) {
            Ok(written) => sent += written,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                refused += 1;
                let mut other = Talk::log_in(server.address(), "bob");
                assert!(other.ask("NOOP").starts_with("+OK"));
                assert!(other.ask("QUIT").starts_with("+OK"));
            }
        }
    }
    assert_eq!(refused, 100, "{sent} bytes of commands were taken");
    assert!(resident_kilobytes(&server) < 100_000);
}

#[test]
fn two_hundred_clients_at_once() {
    let room = Mailroom::new();
    let names: Vec<String> = (0..200).map(|n| format!("user{n}")).collect();
    let users: String = names
        .iter()
        .map(|name| format!("{name}:{{plain}}open sesame\n"))
        .collect();
    room.users(&users);
    for name in &names {
        room.deliver(name, &[name.as_bytes()]);
    }
    let server = room.serve(&[]);
    let mut talks: Vec<Talk> = names
        .iter()
        .map(|name| Talk::log_in(server.address(), name))
        .collect();
    for (talk, name) in talks.iter_mut().zip(&names) {
        let (_, body) = talk.ask_long("RETR 1");
        assert_eq!(body, format!("{name}\r\n").as_bytes());
    }
    for talk in &mut talks {
        assert!(talk.ask("QUIT").starts_with("+OK"));
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn permits_of_a_thousand_sessions_that_vanish_come_back() {
    let room = Mailroom::new();
    let server = room.serve(&["--max-clients", "3"]);
    for session in 0..1_000 {
        let stream = connect(server.address());
        match session % 4 {
            0 => reset(stream),
            1 => drop(stream),
            2 => {
                let mut stream = stream;
                std::io::Write::write_all(&mut stream, b"USER al").expect("it is sent");
            }
            _ => {
                stream
                    .shutdown(std::net::Shutdown::Write)
                    .expect("the server is there");
            }
        }
    }
    let mut talks: Vec<Talk> = (0..3).map(|_| Talk::new(server.address())).collect();
    assert!(talks[0].logs_in("alice").starts_with("+OK"));
    assert!(talks[1].logs_in("bob").starts_with("+OK"));
    assert!(talks[2].ask("CAPA").starts_with("+OK"));
}

#[test]
fn nothing_that_was_said_before_tls_is_known_after_it() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let [cert, key] = room.certify();
    let server = room.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let trust = ClientTls::new(Some(&room.path("cert.pem"))).expect("an authority");
    let mut talk = Talk::new(server.address());
    assert!(talk.ask("USER alice").starts_with("+OK"));
    // In one segment: what follows STLS is not a command.
    talk.say(b"STLS\r\nUSER alice\r\n");
    assert!(talk.line().starts_with("+OK"));
    let mut stream = Stream::new(talk.into_stream(), server.address()).expect("a stream");
    let deadline = Instant::now() + HANG;
    stream
        .connect_tls(&trust, "localhost", deadline)
        .expect("a handshake");
    let mut said = Vec::new();
    let commands: &[u8] =
        b"PASS open sesame\r\nSTLS\r\nUSER alice\r\nPASS open sesame\r\nSTLS\r\nQUIT\r\n";
    stream.write_all(commands, HANG).expect("it is sent");
    let mut block = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut block, deadline) {
        said.extend_from_slice(&block[..read]);
    }
    let said = String::from_utf8(said).expect("ASCII");
    let status: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        status,
        ["-ERR", "-ERR", "+OK", "+OK", "-ERR", "+OK"],
        "{said}"
    );
}

#[test]
fn hashed_passwords_are_checked_and_made() {
    let room = Mailroom::new();
    let hash = run_with(crosscheck(&["pop3", "hash"]), b"open sesame\n");
    assert_eq!(code(&hash), Some(0), "{}", err(&hash));
    assert!(out(&hash).starts_with("$argon2id$"), "{}", out(&hash));
    room.users(&format!("alice:{}", out(&hash)));
    let server = room.serve(&[]);
    assert!(
        Talk::new(server.address())
            .logs_in("alice")
            .starts_with("+OK")
    );
    let mut talk = Talk::new(server.address());
    talk.ask("USER alice");
    assert!(talk.ask("PASS open sesame!").starts_with("-ERR [AUTH]"));
    talk.ask("USER nobody");
    assert!(talk.ask("PASS open sesame").starts_with("-ERR [AUTH]"));
}

#[test]
fn wrong_use_is_said_with_code_2() {
    let room = Mailroom::new();
    let (root, users) = (room.arg("mail"), room.arg("users"));
    room.users("alice:secret\n");
    let nowhere = room.arg("nowhere");
    for (arguments, says) in [
        (vec!["--users", &users, &root], "line 1"),
        (vec!["--users", &nowhere, &root], "nowhere"),
        (vec![&root], "--users"),
        (
            vec!["--users", &users, &root, "--tls-cert", &users],
            "--tls-key",
        ),
        (
            vec!["--users", &users, &root, "--listen-tls", "127.0.0.1:0"],
            "--tls-cert",
        ),
    ] {
        let output = run(&[&["pop3", "serve"], &arguments[..]].concat());
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
    }
    room.users("alice:{plain}x\n");
    for (arguments, says) in [
        (vec!["--users", &users, &nowhere], "nowhere"),
        (
            vec![
                "--users",
                &users,
                &root,
                "--tls-cert",
                &users,
                "--tls-key",
                &users,
            ],
            "certificate",
        ),
    ] {
        let output = run(&[&["pop3", "serve"], &arguments[..]].concat());
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
    }
}

#[test]
fn a_stream_of_nothing_but_an_end_is_answered() {
    let room = Mailroom::new();
    let server = room.serve(&[]);
    let mut stream = connect(server.address());
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("the server is there");
    assert!(read_all(&mut stream).starts_with(b"+OK"));
}
