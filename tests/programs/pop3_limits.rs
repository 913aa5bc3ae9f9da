//! The POP3 server at its limits, over sockets: who says nothing, idles, does not read or sends without
//! end is left, and the permit comes back; a disk that fails deletes nothing more than it says.
//!
//! The times are shorter than those of a server; that they are what the RFC says is a matter of
//! virtual time, in the tests of the protocol.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::thread;
use std::time::{Duration, Instant};

use crosscheck::programs::net::{Address, Listener, Service, Shutdown};
use crosscheck::programs::pop3::maildrop::Store;
use crosscheck::programs::pop3::serve::{Mail, serve};
use crosscheck::programs::pop3::users::Users;
use crosscheck::protocols::pop3::ServerLimits;

use crate::mailroom::{Mailroom, Talk};
use crate::support::{
    HANG, Server, connect, crosscheck, moves_gibibytes, peak_kilobytes, read_all,
};

/// Raises the wish to end, whatever becomes of the test.
struct Ends<'a>(&'a Shutdown);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Runs `test` with the address of a server for one client at a time.
fn with_server(room: &Mailroom, limits: ServerLimits, test: impl FnOnce(SocketAddr)) {
    let address = Address::parse("127.0.0.1:0", 0).expect("an address");
    let listener = Listener::bind(&[address]).expect("a port");
    let address = listener.addresses().next().expect("it has one");
    let mail = Mail {
        store: Store::open(&room.path("mail")).expect("a directory"),
        users: Users::from_file(&room.path("users")).expect("users"),
        tls: None,
        implicit_from: 1,
        plaintext: true,
        limits,
    };
    let shutdown = Shutdown::new().expect("a pipe");
    let service = Service {
        limit: NonZeroUsize::MIN,
        grace: HANG,
        shutdown: &shutdown,
    };
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&listener, &service, &mail).is_ok());
        let ends = Ends(&shutdown);
        test(address);
        drop(ends);
        assert!(server.join().expect("it ends in order"));
    });
}

const SOON: Duration = Duration::from_millis(60);

#[test]
fn who_does_not_log_in_in_time_is_left() {
    let room = Mailroom::new();
    let limits = ServerLimits {
        login: SOON,
        // Who sends commands and reads no answer may not be there for the good-bye.
        write_stall: Duration::from_secs(1),
        ..ServerLimits::default()
    };
    with_server(&room, limits, |address| {
        // Says nothing, half a command, and one command after the other.
        let mut silent = Talk::new(address);
        let mut half = Talk::new(address);
        half.say(b"USER al");
        let busy = Talk::new(address);
        assert_eq!((silent.rest(), half.rest()), (Vec::new(), Vec::new()));
        let begun = Instant::now();
        let mut stream = busy.into_stream();
        while stream.write_all(b"CAPA\r\n").is_ok() {
            assert!(begun.elapsed() < HANG, "commands hold the deadline up");
            thread::yield_now();
        }
        drop(stream);
        // Who is quick enough gets in; on a busy machine not at the first attempt.
        let begun = Instant::now();
        loop {
            let mut stream = connect(address);
            let said = stream.write_all(b"USER alice\r\nPASS open sesame\r\nQUIT\r\n");
            let mut answers = Vec::new();
            let heard = std::io::Read::read_to_end(&mut stream, &mut answers);
            if said.is_ok() && heard.is_ok() && answers.ends_with(b"+OK bye\r\n") {
                break;
            }
            assert!(begun.elapsed() < HANG, "nobody gets in");
        }
    });
}

#[test]
fn who_idles_is_left_and_nothing_is_deleted() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let limits = ServerLimits {
        idle: SOON,
        ..ServerLimits::default()
    };
    with_server(&room, limits, |address| {
        for _ in 0..2 {
            let mut talk = Talk::new(address);
            // At once, so that a busy machine does not idle between them.
            talk.say(b"USER alice\r\nPASS open sesame\r\nSTAT\r\nDELE 1\r\n");
            for says in ["+OK", "+OK", "+OK 1 3", "+OK message 1"] {
                let answer = talk.line();
                assert!(answer.starts_with(says), "{answer}");
            }
            assert_eq!(talk.rest(), b"", "left without a word");
        }
    });
    assert_eq!(room.mail("alice").len(), 1);
}

#[test]
fn who_does_not_read_is_left() {
    let room = Mailroom::new();
    room.deliver("alice", &[&b"a line of a message\n".repeat(2 << 20)]);
    let limits = ServerLimits {
        write_stall: SOON,
        ..ServerLimits::default()
    };
    with_server(&room, limits, |address| {
        let mut greedy = Talk::log_in(address, "alice");
        greedy.say(b"RETR 1\r\n");
        // One client at a time: it is greeted when the other one is left, and the mail is free.
        let mut next = Talk::log_in(address, "alice");
        assert!(next.ask("QUIT").starts_with("+OK"));
        let mut stream = greedy.into_stream();
        let mut got = Vec::new();
        // It was cut, in whichever way that reaches us.
        let _ = std::io::Read::read_to_end(&mut stream, &mut got);
        assert!(!got.ends_with(b"\r\n.\r\n"), "{} bytes", got.len());
    });
}

#[test]
fn a_login_of_a_megabyte_is_refused_and_ends_its_session_only() {
    let room = Mailroom::new();
    let server = room.serve(&[]);
    let mut other = Talk::log_in(server.address(), "bob");
    for lines in [&b"AUTH PLAIN "[..], b"AUTH PLAIN\r\n"] {
        let mut stream = connect(server.address());
        let sender = stream.try_clone().expect("a socket");
        thread::spawn(move || {
            let megabyte = [lines, &b"QUFB".repeat(1 << 18), b"\r\n"].concat();
            // The server hangs up in the middle.
            let _ = (&sender).write_all(&megabyte);
            let _ = sender.shutdown(std::net::Shutdown::Write);
        });
        let said = String::from_utf8(read_all(&mut stream)).expect("ASCII");
        let answers: Vec<&str> = said.lines().skip(1).filter(|line| *line != "+ ").collect();
        assert_eq!(answers, ["-ERR the line is too long"]);
        assert!(other.ask("NOOP").starts_with("+OK"));
    }
}

/// A server that may read its messages, but delete only some of them.
#[test]
fn a_disk_that_fails_in_update_is_said_and_what_is_not_deleted_stays() {
    /// Somebody without rights.
    const NOBODY: u32 = 65_534;
    let room = Mailroom::new();
    room.deliver("alice", &[b"first\n", b"second\n", b"third\n"]);
    let user = room.path("mail").join("alice");
    for name in ["cur", "tmp"] {
        fs::create_dir(user.join(name)).expect("a directory");
    }
    fs::rename(user.join("new/1001.test"), user.join("cur/1001.test:2,S")).expect("moved");
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let (root, users) = (room.arg("mail"), room.arg("users"));
    let fixed = ["pop3", "serve", &root, "--users", &users];
    let mut command = crosscheck(&[&fixed[..], &["--listen", "127.0.0.1:0"]].concat());
    if rustix::process::geteuid().is_root() {
        // Root may delete anything.
        mode(&room.path(""), 0o755);
        chown(user.join("cur"), Some(NOBODY), None).expect("root may");
        command.uid(NOBODY);
    }
    mode(&user.join("new"), 0o555);
    let server = Server::spawn(command);
    let mut talk = Talk::log_in(server.address(), "alice");
    for number in 1..=3 {
        assert!(talk.ask(&format!("DELE {number}")).starts_with("+OK"));
    }
    let answer = talk.ask("QUIT");
    assert!(answer.starts_with("-ERR [SYS/TEMP]"), "{answer}");
    assert_eq!(talk.rest(), b"");
    // What could be deleted is, and the rest is there for the next session.
    let mut talk = Talk::log_in(server.address(), "alice");
    let (_, ids) = talk.ask_long("UIDL");
    assert_eq!(ids, b"1 1000.test\r\n2 1002.test\r\n");
    assert!(talk.ask("QUIT").starts_with("+OK"));
    mode(&user.join("new"), 0o755);
    let log = server.stop().log;
    assert!(log.contains("not everything was deleted"), "{log}");
}

/// A session holds blocks, never messages.
#[test]
fn memory_does_not_grow_with_a_message() {
    let room = Mailroom::new();
    let new = room.path("mail/alice/new");
    let server = room.serve(&[]);
    let mut lengths = vec![1_u64 << 20, 128 << 20];
    if moves_gibibytes() {
        lengths.push(2 << 30);
    }
    let mut peaks = lengths.into_iter().map(|length| {
        room.deliver("alice", &[b""]);
        // One line of nothing but NUL, of which the disk holds next to nothing.
        let message = fs::File::options().write(true).open(new.join("1000.test"));
        let message = message.expect("the message");
        message.set_len(length).expect("space");
        let mut talk = Talk::log_in(server.address(), "alice");
        // With the end of the last line.
        let octets = length + 2;
        assert_eq!(talk.ask("STAT"), format!("+OK 1 {octets}"));
        assert_eq!(talk.ask("RETR 1"), format!("+OK {octets} octets"));
        assert_eq!(talk.skip(octets), octets);
        assert_eq!(talk.line(), ".");
        assert!(talk.ask("DELE 1").starts_with("+OK"));
        assert!(talk.ask("QUIT").starts_with("+OK"));
        peak_kilobytes(server.id())
    });
    // What a thread's allocator keeps is not exact.
    let most = peaks.next().expect("the first") + (4 << 10);
    for peak in peaks {
        assert!(peak <= most, "{peak} kB, {most} kB for a small message");
    }
}
