//! The fetching client: everything once, whatever dies when, and no harm from any server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::fs::FlockOperation;
use rustix::process::Signal;

use crate::mailroom::{Mailroom, SecureServer, Talk, files};
use crate::support::{Guarded, HANG, code, connect, crosscheck, err, out, run_with};

/// Messages that are hard to carry.
const HARD: [&[u8]; 6] = [
    b".\n",
    b"",
    b"..a\n.\n.b\n",
    b"no end",
    b"\n\n\n",
    b"a\rb\n\x00\xff\n",
];

/// What a file has where lines end as on this system: a last line has its end.
fn on_disk(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    if message.last().is_some_and(|last| *last != b'\n') {
        message.push(b'\n');
    }
    message
}

#[test]
fn messages_arrive_as_they_were_once_and_stay_unless_deleted() {
    let room = Mailroom::new();
    let big: Vec<u8> = (0..300_000)
        .flat_map(|n| format!(".{n}\n").into_bytes())
        .collect();
    room.deliver("alice", &HARD);
    room.deliver("alice", &[&big]);
    let server = room.serve(&[]);
    let fetched = room.fetch(server.address(), &[]);
    assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
    assert_eq!(out(&fetched), "7 messages delivered, 0 delivered before\n");
    let expected: Vec<Vec<u8>> = HARD
        .iter()
        .chain([&big.as_slice()])
        .map(|m| on_disk(m))
        .collect();
    assert!(room.fetched() == expected);
    assert_eq!(room.mail("alice").len(), 7);

    room.deliver("alice", &[b"later\n"]);
    let again = room.fetch(server.address(), &["--delete"]);
    assert_eq!(code(&again), Some(0), "{}", err(&again));
    assert_eq!(
        out(&again),
        "1 messages delivered, 7 delivered before, 8 deleted on the server\n"
    );
    assert_eq!(room.fetched().len(), 8);
    assert_eq!(room.mail("alice").len(), 0);

    let empty = room.fetch(server.address(), &["--delete", "--quiet"]);
    assert_eq!((code(&empty), out(&empty)), (Some(0), String::new()));
    assert!(files(&room.path("inbox").join("tmp")).is_empty());
}

#[test]
fn line_ends_stay_where_that_is_asked_for() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"a\nb\r\n"]);
    let server = room.serve(&[]);
    let fetched = room.fetch(server.address(), &["--crlf"]);
    assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
    assert_eq!(room.fetched(), [b"a\r\nb\r\n"]);
}

#[test]
fn ten_thousand_messages() {
    let room = Mailroom::new();
    let messages: Vec<Vec<u8>> = (0..10_000)
        .map(|n| format!("Subject: {n}\n\n.{n}\n").into_bytes())
        .collect();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    room.deliver("alice", &slices);
    let server = room.serve(&[]);
    let fetched = room.fetch(server.address(), &["--delete"]);
    assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
    assert!(room.fetched() == messages);
    assert_eq!(room.mail("alice").len(), 0);
}

#[test]
fn tls_from_the_first_byte_and_by_stls() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let SecureServer {
        server: _server,
        plain,
        tls,
        cert,
    } = room.serve_with_tls();
    for (url, options) in [
        (
            format!("pop3://alice@localhost:{}/", plain.port()),
            &["--stls"][..],
        ),
        (format!("pop3s://alice@127.0.0.1:{}/", tls.port()), &[]),
    ] {
        let inbox = room.arg(&format!("inbox{}", options.len()));
        let fetch = |more: &[&str]| {
            let mut command = crosscheck(&["pop3", "fetch", &url, "-o", &inbox]);
            command
                .args(options)
                .args(more)
                .env("CROSSCHECK_POP3_PASSWORD", "open sesame");
            run_with(command, b"")
        };
        // Nobody vouches for the certificate but itself.
        let distrusted = fetch(&[]);
        assert_eq!(code(&distrusted), Some(1), "{}", err(&distrusted));
        assert!(
            err(&distrusted).contains("--tls-ca"),
            "{}",
            err(&distrusted)
        );
        let fetched = fetch(&["--tls-ca", &cert]);
        assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
        assert_eq!(
            files(&room.path(&format!("inbox{}", options.len())).join("new")).len(),
            1
        );
    }
    let url = format!("pop3://alice@localhost:{}/", plain.port());
    let mut command = crosscheck(&["pop3", "dialogue", &url, "--stls", "--tls-ca", &cert]);
    command.env("CROSSCHECK_POP3_PASSWORD", "open sesame");
    let dialogue = run_with(command, b"");
    assert_eq!(code(&dialogue), Some(0), "{}", err(&dialogue));
    let first_words: Vec<String> = out(&dialogue)
        .lines()
        .skip(1)
        .take(3)
        .map(str::to_owned)
        .collect();
    assert_eq!(first_words[0], "C: STLS");
    assert!(first_words[1].starts_with("S: +OK"), "{first_words:?}");
    assert_eq!(first_words[2], "C: USER alice");
    // A client of the wrong kind is told so.
    let mut command = crosscheck(&["pop3", "fetch", "-o", &room.arg("other"), "--tls-ca", &cert]);
    command.arg(format!("pop3s://alice@localhost:{}/", plain.port()));
    command.env("CROSSCHECK_POP3_PASSWORD", "open sesame");
    let output = run_with(command, b"");
    assert_eq!(code(&output), Some(1));
    assert!(err(&output).contains("TLS"), "{}", err(&output));
    // TLS that is wanted and not there: not a word of the user.
    let without = room.serve(&[]);
    let refused = room.fetch(without.address(), &["--stls", "--tls-ca", &cert]);
    assert_eq!(code(&refused), Some(1));
    assert!(err(&refused).contains("offers no TLS"), "{}", err(&refused));
}

#[test]
fn a_fetch_that_is_killed_anywhere_and_run_again_delivers_everything_once() {
    let room = Mailroom::new();
    let messages: Vec<Vec<u8>> = (0..150)
        .map(|n| format!("message {n}\n").into_bytes())
        .collect();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let rounds = [
        ("alice", "inbox0", true),
        ("bob", "inbox1", false),
        ("alice", "kept.mbox", true),
        ("bob", "emptied.mbox", false),
    ];
    for (user, inbox, keep) in rounds {
        if room.mail(user).is_empty() {
            room.deliver(user, &slices);
        }
        let server = room.serve(&[]);
        let options: &[&str] = if keep { &[] } else { &["--delete"] };
        let command = |address: SocketAddr| {
            // The account has one name, whatever port the proxy has.
            let url = format!("pop3://{user}@{address}/");
            let mut command = crosscheck(&["pop3", "fetch", &url, "-o", &room.arg(inbox)]);
            command
                .args(options)
                .env("CROSSCHECK_POP3_PASSWORD", "open sesame");
            command
        };
        let proxy = Proxy::new(server.address());
        let mut others = 0;
        // From the greeting to the last answers; the whole conversation has some 9 000 bytes.
        for limit in (0..40).map(|step| step * 217) {
            let child = command(proxy.address)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            let child = Guarded(child);
            proxy.pass(limit);
            child.signal(Signal::KILL);
            drop(child);
            proxy.cut();
            if inbox.ends_with(".mbox") && limit % 5 == 0 {
                append(&room.path(inbox), "somebody else's\n");
                others += 1;
            }
        }
        let last = command(proxy.address);
        let last = thread::scope(|scope| {
            let fetch = scope.spawn(|| run_with(last, b""));
            proxy.pass(usize::MAX);
            proxy.cut();
            fetch.join().expect("it ends")
        });
        assert_eq!(code(&last), Some(0), "{}", err(&last));
        let mut got: Vec<Vec<u8>> = match inbox.ends_with(".mbox") {
            true => messages_of(&room.path(inbox)),
            false => files(&room.path(inbox).join("new"))
                .into_iter()
                .map(|(_, contents)| contents)
                .collect(),
        };
        got.sort();
        let mut expected = messages.clone();
        expected.extend(vec![b"somebody else's\n".to_vec(); others]);
        expected.sort();
        assert!(got == expected, "{} files of {}", got.len(), expected.len());
        assert_eq!(room.mail(user).len(), if keep { 150 } else { 0 });
        assert!(files(&room.path(inbox).join("tmp")).is_empty());
        assert!(!room.names().iter().any(|name| name.ends_with(".spool")));
    }
}

/// Appends a message to an mbox, as another program does it.
fn append(mbox: &Path, message: &str) {
    let mut file = File::options().append(true).create(true).open(mbox);
    let file = file.as_mut().expect("a file");
    rustix::fs::fcntl_lock(&*file, FlockOperation::LockExclusive).expect("a lock");
    write!(file, "From them Thu Jan  1 00:00:00 1970\n{message}\n").expect("space");
}

/// The messages of an mbox, by the rules of mboxrd, the simple way.
fn messages_of(mbox: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(mbox).expect("an mbox");
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let marks = line.iter().take_while(|octet| **octet == b'>').count();
        match (marks, line[marks..].starts_with(b"From ")) {
            (0, true) => {
                assert!(messages.last().is_none_or(|last| last.ends_with(b"\n")));
                messages.push(Vec::new());
            }
            (_, true) => messages.last_mut().expect("a message").extend(&line[1..]),
            (_, false) => messages.last_mut().expect("a message").extend(line),
        }
    }
    for message in &mut messages {
        assert_eq!(message.pop(), Some(b'\n'), "an empty line behind it");
    }
    messages
}

/// Lines that begin a message in an mbox, and some that nearly do.
const FROMS: [&[u8]; 3] = [
    b"Return-Path: <bob@example.org>\n\nFrom here\n>From there\n>>From afar\nFromage\n>\n",
    b"From the first octet on\n",
    b"no end, and From ",
];

#[test]
fn an_mbox_gets_every_message_once_behind_what_is_there() {
    let room = Mailroom::new();
    room.deliver("alice", &HARD);
    room.deliver("alice", &FROMS);
    let server = room.serve(&[]);
    let fetch = |to: &str, more: &[&str]| {
        let (url, to) = (format!("pop3://alice@{}/", server.address()), room.arg(to));
        let mut command = crosscheck(&["pop3", "fetch", &url, "-o", &to]);
        command
            .args(more)
            .env("CROSSCHECK_POP3_PASSWORD", "open sesame");
        run_with(command, b"")
    };
    let before = "From them Thu Jan  1 00:00:00 1970\n\nolder\n\n";
    fs::write(room.path("file"), before).expect("a file");
    let expected: Vec<Vec<u8>> = [b"\nolder\n".as_slice()]
        .into_iter()
        .chain(HARD)
        .chain(FROMS)
        .map(on_disk)
        .collect();
    // A file that is there is an mbox, whatever its name.
    for says in [
        "9 messages delivered, 0 delivered before\n",
        "0 messages delivered, 9 delivered before\n",
    ] {
        let fetched = fetch("file", &[]);
        assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
        assert_eq!(out(&fetched), says);
        assert_eq!(messages_of(&room.path("file")), expected);
    }
    let text = fs::read(room.path("file")).expect("the mbox");
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with(before), "{text}");
    assert!(text.contains("\nFrom bob@example.org "), "{text}");
    assert!(
        text.contains("\n>From here\n>>From there\n>>>From afar\nFromage\n>\n"),
        "{text}"
    );
    // A new one by its name, by an option, with CRLF, and deleted from the server in the end.
    for (to, more) in [
        ("new.mbox", &[][..]),
        ("new", &["--format", "mbox"]),
        ("crlf.mbox", &["--crlf", "--delete"]),
    ] {
        let fetched = fetch(to, more);
        assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
        let text = fs::read(room.path(to)).expect("an mbox");
        let ends = text.split_inclusive(|octet| *octet == b'\n');
        let crlf = ends.clone().filter(|line| line.ends_with(b"\r\n")).count();
        match more.contains(&"--crlf") {
            true => assert_eq!(crlf, ends.count()),
            false => assert_eq!(messages_of(&room.path(to)), expected[1..]),
        }
    }
    assert_eq!(room.mail("alice").len(), 0);
}

/// A name that other programs take for a stream.
#[test]
fn standard_output_gets_an_mbox_and_nothing_is_deleted_for_it() {
    let room = Mailroom::new();
    room.deliver("alice", &FROMS);
    let server = room.serve(&[]);
    let url = format!("pop3://alice@{}/", server.address());
    let fetch = |more: &[&str]| {
        let mut command = crosscheck(&["pop3", "fetch", &url, "-o", "-"]);
        command
            .args(more)
            .env("CROSSCHECK_POP3_PASSWORD", "open sesame")
            .current_dir(room.path("mail"));
        run_with(command, b"")
    };
    let expected: Vec<Vec<u8>> = FROMS.into_iter().map(on_disk).collect();
    for _ in 0..2 {
        let fetched = fetch(&[]);
        assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
        fs::write(room.path("copy"), &fetched.stdout).expect("a file");
        assert_eq!(messages_of(&room.path("copy")), expected);
    }
    for more in [&["--delete"][..], &["--format", "maildir"]] {
        let refused = fetch(more);
        assert_eq!(code(&refused), Some(2), "{}", err(&refused));
    }
    assert_eq!(room.mail("alice").len(), FROMS.len());
    assert!(!room.path("mail").join("-").exists());
}

/// A script has to know whether to ask for a password, to wait, or to look for the server.
#[test]
fn exit_codes_tell_a_wrong_password_a_drop_in_use_and_no_server() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let server = room.serve(&[]);
    let mut other = Talk::log_in(server.address(), "alice");
    let fetched = room.fetch(server.address(), &[]);
    assert_eq!(code(&fetched), Some(75), "{}", err(&fetched));
    assert!(other.ask("QUIT").starts_with("+OK"));
    room.users("alice:{plain}another\n");
    let server = room.serve(&[]);
    for auth in [
        &[][..],
        &["--auth", "user"],
        &["--auth", "plain"],
        &["--auth", "apop"],
    ] {
        let fetched = room.fetch(server.address(), auth);
        assert_eq!(code(&fetched), Some(77), "{auth:?}: {}", err(&fetched));
    }
    let address = server.address();
    server.stop();
    let fetched = room.fetch(address, &[]);
    assert_eq!(code(&fetched), Some(69), "{}", err(&fetched));
    for (code_said, expected) in [("SYS/TEMP", 75), ("LOGIN-DELAY", 75), ("SYS/PERM", 1)] {
        let refusal = format!("-ERR [{code_said}] no\r\n");
        let lines = [OPEN[0], OPEN[1], OPEN[2], refusal.as_bytes(), b"+OK\r\n"];
        let (address, _said) = scripted(&lines, 1);
        let fetched = room.fetch(address, &[]);
        assert_eq!(code(&fetched), Some(expected), "{}", err(&fetched));
    }
}

/// One message that keeps all others away.
#[test]
fn a_message_that_is_too_large_is_left_and_the_others_come() {
    let room = Mailroom::new();
    let large = b"x\n".repeat(2_000);
    room.deliver("alice", &[b"one\n", &large, b"two\n"]);
    let server = room.serve(&[]);
    let fetched = room.fetch(server.address(), &["--delete", "--max-size", "1K"]);
    assert_eq!(code(&fetched), Some(3), "{}", err(&fetched));
    let error = err(&fetched);
    assert!(error.contains("message 2 has 6000 octets"), "{error}");
    assert!(error.contains("--max-size"), "{error}");
    assert_eq!(room.fetched(), [b"one\n", b"two\n"]);
    assert_eq!(room.mail("alice").len(), 1);
    for size in ["x", "1T", "", "99999999999G"] {
        let refused = room.fetch(server.address(), &["--max-size", size]);
        assert_eq!(code(&refused), Some(2), "{size:?}");
    }
    let fetched = room.fetch(server.address(), &["--delete"]);
    assert_eq!(code(&fetched), Some(0), "{}", err(&fetched));
    assert_eq!(room.mail("alice").len(), 0);
}

#[test]
fn what_is_no_mbox_is_left_alone_and_an_mbox_in_use_is_waited_for() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"x\n"]);
    let server = room.serve(&[]);
    let (url, to) = (
        format!("pop3://alice@{}/", server.address()),
        room.arg("notes"),
    );
    let fetch = || {
        let mut command = crosscheck(&["pop3", "fetch", &url, "-o", &to, "--delete"]);
        command.env("CROSSCHECK_POP3_PASSWORD", "open sesame");
        command
    };
    fs::write(&to, "Dear diary\n").expect("a file");
    let refused = run_with(fetch(), b"");
    assert_eq!(code(&refused), Some(2));
    assert!(err(&refused).contains("no mbox"), "{}", err(&refused));
    assert_eq!(fs::read_to_string(&to).expect("the file"), "Dear diary\n");
    // A mail program has it open and locked: nothing is written, and nothing deleted.
    fs::write(&to, "").expect("a file");
    let reader = File::options()
        .read(true)
        .write(true)
        .open(&to)
        .expect("the file");
    rustix::fs::fcntl_lock(&reader, FlockOperation::LockExclusive).expect("a lock");
    let child = fetch().stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = Guarded(child.expect("it starts"));
    let staged = || room.names().iter().any(|name| name.ends_with(".spool"));
    let begun = Instant::now();
    while !staged() {
        assert!(begun.elapsed() < HANG, "nothing was fetched");
        assert_eq!(child.0.try_wait().expect("a child"), None);
    }
    assert_eq!(fs::metadata(&to).expect("the file").len(), 0);
    assert_eq!(room.mail("alice").len(), 1);
    drop(reader);
    assert_eq!(child.wait().code(), Some(0));
    assert_eq!(messages_of(&room.path("notes")), [b"x\n"]);
    assert_eq!(room.mail("alice").len(), 0);
}

/// An address of this machine that is not the loopback's, as far as it has one.
fn outward() -> Option<IpAddr> {
    // Nothing is sent: the system only says by which address it would.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn a_password_that_leaves_the_machine_in_clear_text_is_warned_of() {
    let Some(address) = outward() else {
        println!("skipped: this machine has no address but the loopback's");
        return;
    };
    let room = Mailroom::new();
    let [cert, key] = room.certify();
    // Not in clear text in the file, so that there is no APOP.
    let hash = run_with(crosscheck(&["pop3", "hash"]), b"open sesame\n");
    room.users(&format!("alice:{}", out(&hash)));
    let both = [format!("{address}:0"), "127.0.0.1:0".to_owned()];
    let listen = ["--listen", &both[0], "--listen", &both[1]];
    let more = ["--plaintext", "--tls-cert", &cert, "--tls-key", &key];
    let server = room.serve(&[&listen[..], &more].concat());
    let [outward, loopback] = *server.addresses() else {
        panic!("two addresses");
    };
    let stls = ["--stls", "--tls-ca", &cert];
    for (address, options, warns) in [
        (outward, &[][..], true),
        (outward, &["--quiet"], true),
        (loopback, &[], false),
        // The certificate is one of another name, and the password does not even go.
        (outward, &stls, false),
    ] {
        let fetched = room.fetch(address, options);
        let warned = err(&fetched).matches("in clear text").count();
        assert_eq!(warned, usize::from(warns), "{address}: {}", err(&fetched));
    }
    let url = format!("pop3://alice@{outward}/");
    let mut dialogue = crosscheck(&["pop3", "dialogue", &url]);
    dialogue.env("CROSSCHECK_POP3_PASSWORD", "open sesame");
    let dialogue = run_with(dialogue, b"");
    assert_eq!(code(&dialogue), Some(0), "{}", err(&dialogue));
    assert_eq!(err(&dialogue).matches("in clear text").count(), 1);
    // What APOP sends is not the password.
    room.users("alice:{plain}open sesame\n");
    let server = room.serve(&["--listen", &both[0], "--plaintext"]);
    let fetched = room.fetch(server.address(), &[]);
    assert_eq!((code(&fetched), err(&fetched)), (Some(0), String::new()));
}

/// Passes connections on, one after the other, and stops where it is told to.
struct Proxy {
    address: SocketAddr,
    listener: TcpListener,
    server: SocketAddr,
    open: std::cell::RefCell<Option<(TcpStream, TcpStream)>>,
}

impl Proxy {
    fn new(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self {
            address: listener.local_addr().expect("it is bound"),
            listener,
            server,
            open: std::cell::RefCell::default(),
        }
    }

    /// Takes the next client, and passes on so many bytes of the server, and all of the client; or
    /// to the end.
    fn pass(&self, limit: usize) {
        let (client, _) = self.listener.accept().expect("a client");
        let server = connect(self.server);
        let (mut from, mut to) = (
            client.try_clone().expect("a socket"),
            server.try_clone().expect("a socket"),
        );
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let mut answers = (&server).take(limit as u64);
        let _ = std::io::copy(&mut answers, &mut &client);
        *self.open.borrow_mut() = Some((client, server));
    }

    fn cut(&self) {
        if let Some((client, mut server)) = self.open.borrow_mut().take() {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Write);
            // Until the server has let go of the mail drop.
            let _ = std::io::copy(&mut server, &mut std::io::sink());
        }
    }
}

/// A server of the test: says its answers one by one, the first at once, each other after a line of
/// the client, and that to so many clients; hands out what the clients have said.
fn scripted(answers: &[&[u8]], clients: usize) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let (sender, said) = mpsc::channel();
    let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
    thread::spawn(move || {
        for _ in 0..clients {
            let (stream, _) = listener.accept().expect("a client comes");
            stream.set_read_timeout(Some(HANG)).expect("a timeout");
            let mut reader = BufReader::new(&stream);
            let mut hear = || {
                let mut line = Vec::new();
                let read = reader.read_until(b'\n', &mut line);
                let _ = sender.send(String::from_utf8_lossy(&line).trim_end().to_owned());
                read.is_ok_and(|read| read > 0)
            };
            for (at, answer) in answers.iter().enumerate() {
                if at > 0 && !hear() {
                    break;
                }
                // A client that has heard enough may be gone.
                let _ = (&stream).write_all(answer);
            }
            let _ = stream.shutdown(Shutdown::Write);
            while hear() {}
        }
    });
    (address, said)
}

/// CAPA is refused, USER and PASS are taken.
const OPEN: [&[u8]; 4] = [b"+OK hi\r\n", b"-ERR what\r\n", b"+OK\r\n", b"+OK\r\n"];

#[test]
fn hostile_servers_get_an_error_and_nothing_is_delivered_or_deleted() {
    let endless = vec![b'x'; 100_000];
    let endless_listing = [b"+OK\r\n1 ", &endless[..]].concat();
    let list: &[u8] = b"+OK\r\n1 a\r\n.\r\n";
    let sizes: &[u8] = b"+OK\r\n1 3\r\n.\r\n";
    let after_login: [(&[&[u8]], &str); 11] = [
        (&[b"what\r\n"], "STAT"),
        (&[b"+OK -1 3\r\n"], "STAT"),
        (&[b"+OK 99999999999999999999 3\r\n"], "STAT"),
        (&[b"+OK 1 3\r\n", b"+OK\r\n2 b\r\n.\r\n"], "UIDL"),
        (&[b"+OK 2 3\r\n", b"+OK\r\n1 a\r\n1 a\r\n.\r\n"], "UIDL"),
        (&[b"+OK 1 3\r\n", list, b"+OK\r\n2 3\r\n.\r\n"], "LIST"),
        (&[b"+OK 1 3\r\n", &endless_listing], "octets"),
        (&[b"+OK 1 3\r\n", b"+OK\r\n1 a\r\n"], "closed"),
        (
            &[b"+OK 1 3\r\n", list, sizes, b"+OK\r\nhalf a mess"],
            "closed",
        ),
        (
            &[b"+OK 1 3\r\n", list, sizes, b"+OK\r\nall but the end\r\n"],
            "closed",
        ),
        (&[b"-ERR \x1b]0;title\x07\r\n"], "\\u{1b}]0;title\\u{7}"),
    ];
    let before_login: [(&[&[u8]], &str); 6] = [
        (&[b"SSH-2.0-OpenSSH_9.6\r\n"], "greeting"),
        (&[b"-ERR go away\r\n"], "go away"),
        (&[b""], "closed"),
        (&[&endless], "octets"),
        (
            &[OPEN[0], OPEN[1], OPEN[2], b"-ERR wrong\r\n", b"+OK\r\n"],
            "wrong",
        ),
        (
            &[
                OPEN[0],
                b"+OK\r\nSASL PLAIN\r\n.\r\n",
                b"+ \r\n",
                b"+ \r\n",
                b"+ \r\n",
                b"+ \r\n",
            ],
            "AUTH",
        ),
    ];
    let cases = after_login
        .iter()
        .map(|(lines, says)| ([&OPEN, *lines].concat(), *says))
        .chain(
            before_login
                .iter()
                .map(|(lines, says)| (lines.to_vec(), *says)),
        );
    for (at, (lines, says)) in cases.enumerate() {
        let room = Mailroom::new();
        let (address, said) = scripted(&lines, 1);
        let output = room.fetch(address, &["--delete"]);
        let error = err(&output);
        let expected = if says == "wrong" { 77 } else { 1 };
        assert_eq!(code(&output), Some(expected), "case {at}: {error}");
        assert!(error.contains(says), "case {at}: {error}");
        assert!(error.contains(&address.to_string()), "case {at}: {error}");
        assert!(!error.contains('\u{1b}'), "case {at}: {error:?}");
        let said: Vec<String> = said.iter().collect();
        assert!(
            !said.iter().any(|line| line.starts_with("DELE")),
            "case {at}: {said:?}"
        );
        assert!(room.fetched().is_empty(), "case {at}");
    }
}

#[test]
fn without_unique_identifiers_contents_tell_messages_apart() {
    let room = Mailroom::new();
    let session: [&[u8]; 8] = [
        b"+OK 3 9\r\n",
        b"-ERR no UIDL\r\n",
        b"+OK\r\n1 3\r\n2 3\r\n3 3\r\n.\r\n",
        b"+OK\r\na\r\n.\r\n",
        b"+OK\r\nb\r\n.\r\n",
        b"+OK\r\na\r\n.\r\n",
        b"+OK 3 3\r\n",
        b"+OK bye\r\n",
    ];
    let (address, _said) = scripted(&[&OPEN[..], &session].concat(), 2);
    for says in [
        "3 messages delivered, 0 delivered before\n",
        "0 messages delivered, 3 delivered before\n",
    ] {
        let output = room.fetch(address, &[]);
        assert_eq!(code(&output), Some(0), "{}", err(&output));
        assert_eq!(out(&output), says);
        assert_eq!(room.fetched(), [b"a\n", b"b\n", b"a\n"]);
    }
}

#[test]
fn stls_with_something_behind_it_is_an_attack() {
    let room = Mailroom::new();
    let [cert, _] = room.certify();
    let answers: [&[u8]; 3] = [
        b"+OK hi\r\n",
        b"+OK\r\nSTLS\r\n.\r\n",
        b"+OK begin\r\n+OK trust me\r\n",
    ];
    let (address, said) = scripted(&answers, 1);
    let output = room.fetch(address, &["--stls", "--tls-ca", &cert]);
    assert_eq!(code(&output), Some(1), "{}", err(&output));
    assert!(err(&output).contains("clear text"), "{}", err(&output));
    assert!(
        !said
            .iter()
            .any(|line| line.contains("alice") || line.contains("sesame"))
    );
}

#[test]
fn wrong_urls_and_passwords_are_refused_before_anything_is_sent() {
    for url in [
        "alice@host",
        "pop3://host/",
        "pop3://a:b@host/",
        "pop3://a%0d%0ab@host/",
    ] {
        let mut command = crosscheck(&["pop3", "fetch", url]);
        command.env("CROSSCHECK_POP3_PASSWORD", "x");
        let output = run_with(command, b"");
        assert_eq!(code(&output), Some(2), "{url}: {}", err(&output));
    }
    let mut command = crosscheck(&["pop3", "fetch", "pop3://a@127.0.0.1:1/"]);
    command.env_remove("CROSSCHECK_POP3_PASSWORD");
    let output = run_with(command, b"");
    assert_eq!(code(&output), Some(2));
    assert!(err(&output).contains("--password-file"), "{}", err(&output));
}

#[test]
fn a_dialogue_is_shown_line_by_line_without_the_password() {
    let room = Mailroom::new();
    room.deliver("alice", &[b"Subject: hello\n\n.dot\n\x1b[2J\n"]);
    let server = room.serve(&[]);
    let url = format!("pop3://alice@{}/", server.address());
    let password = room.arg("password");
    fs::write(&password, "open sesame\n").expect("a file");
    let arguments = ["pop3", "dialogue", &url, "--password-file", &password];
    let output = run_with(crosscheck(&arguments), b"");
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let shown = out(&output);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("S: +OK"), "{shown}");
    let ours: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.starts_with('C'))
        .collect();
    assert_eq!(
        ours,
        [
            "C: USER alice",
            "C: PASS ********",
            "C: STAT",
            "C: LIST",
            "C: RETR 1",
            "C: DELE 1",
            "C: RSET",
            "C: QUIT"
        ]
    );
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(lines.contains(&"S: +OK 1 30"), "{shown}");
    assert!(
        lines.contains(&"S: ..dot") && lines.contains(&"S: \\u{1b}[2J"),
        "{shown}"
    );
    assert_eq!(room.mail("alice").len(), 1);
    let output = run_with(crosscheck(&[&arguments[..], &["--delete"]].concat()), b"");
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    assert_eq!(room.mail("alice").len(), 0);
    fs::write(&password, "wrong\n").expect("a file");
    let output = run_with(crosscheck(&arguments), b"");
    assert_eq!(code(&output), Some(77));
    assert!(err(&output).contains("PASS"), "{}", err(&output));
    let mut talk = Talk::log_in(server.address(), "alice");
    assert!(talk.ask("QUIT").starts_with("+OK"));
}
