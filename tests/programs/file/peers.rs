//! Peers that break the protocol, names that lead out, clients that do nothing.

use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Instant;

use crosscheck::protocols::framing::frame;
use crosscheck::protocols::transfer::message::Message;
use crosscheck::protocols::transfer::{Digest, Metadata, Prefix, Reason, Refusal, RelativePath};
use rustix::process::{Resource, getrlimit};

use super::{House, content, greet, hear, say, text, tree};
use crate::support::{HANG, code, connect, err, peak_kilobytes, read_all, reset, run, run_with};

fn path(path: &str) -> RelativePath {
    RelativePath::new(path).expect("an allowed path")
}

/// Gets a file by hand.
pub(crate) fn fetch(stream: &mut TcpStream, name: &str) -> Vec<u8> {
    greet(stream);
    say(
        stream,
        &[Message::Get {
            path: path(name),
            resume: None,
        }],
    );
    assert!(matches!(hear(stream), Ok(Message::File { .. })));
    let mut bytes = Vec::new();
    loop {
        match hear(stream) {
            Err(block) => bytes.extend(block),
            Ok(Message::End(end)) => {
                assert_eq!(end.length, bytes.len() as u64);
                assert_eq!(end.digest, Digest::of(&bytes));
                say(stream, &[Message::Stored { length: end.length }]);
                return bytes;
            }
            Ok(other) => panic!("{other:?}"),
        }
    }
}

/// A frame by hand.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::encode(kind, 0, payload, &mut frame).expect("the size is allowed");
    frame
}

#[test]
fn names_that_lead_out_are_refused_and_the_session_goes_on() {
    let house = House::new(&["--writable"]);
    fs::write(house.folder.path().join("secret"), "secret").expect("a file");
    fs::write(house.there("file"), "file").expect("a file");
    symlink("../secret", house.there("link")).expect("a link");
    symlink("..", house.there("up")).expect("a link");
    let mut stream = house.server.connect();
    greet(&mut stream);
    let long = "x".repeat(256);
    let names: [(&[u8], Reason); 11] = [
        (b"../secret", Reason::Name),
        (b"/etc/passwd", Reason::Name),
        (b"a//b", Reason::Name),
        (b"a/", Reason::Name),
        (b"a\0b", Reason::Name),
        (b"a\nb", Reason::Name),
        (b"\xff\xfe", Reason::Name),
        (long.as_bytes(), Reason::Name),
        (b"link", Reason::Denied),
        (b"up/secret", Reason::Denied),
        (b"up/there/file", Reason::Denied),
    ];
    for (name, reason) in names {
        stream.write_all(&frame(3, name)).expect("the server reads");
        let answer = hear(&mut stream);
        assert!(
            matches!(&answer, Ok(Message::Refused(refusal)) if refusal.reason() == reason),
            "{name:?}: {answer:?}"
        );
        // The same for names of files to put.
        let mut put = vec![0x01, 0xa4];
        put.extend(name);
        stream.write_all(&frame(4, &put)).expect("the server reads");
        let answer = hear(&mut stream);
        assert!(
            matches!(&answer, Ok(Message::Refused(_))),
            "{name:?}: {answer:?}"
        );
    }
    // The connection is as good as before.
    say(&mut stream, &[Message::List { path: None }]);
    assert!(matches!(hear(&mut stream), Ok(Message::Entry(_))));
    let secret = fs::read_to_string(house.folder.path().join("secret")).expect("the file");
    assert_eq!(secret, "secret");
    // Our own client does not even ask.
    let got = house.get("../secret", "copy", &[]);
    assert_eq!(code(&got), Some(2));
    assert!(err(&got).contains(".."), "{}", err(&got));
}

#[test]
fn frames_that_are_none_are_answered_with_a_reason() {
    let house = House::new(&[]);
    let unknown = frame(77, b"x");
    let after_hello: [(&[u8], &str); 9] = [
        (&[3, 0, 0, 0, 0, 0, 0, 0], "empty"),
        (&[9, 0, 0, 0, 0, 4, 32, 1], "limit"),
        (&[9, 0, 0, 0, 255, 255, 255, 255], "limit"),
        (&[255; 16], "reserved"),
        (&unknown, "unknown"),
        (&[3, 0, 0, 0, 0, 0, 32, 1], "possible"),
        (&[3, 64, 0, 0, 0, 0, 0, 1, b'a'], "flags"),
        (
            &[11, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "behind its end",
        ),
        (
            &[
                11, 0, 0, 0, 0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255,
            ],
            "range",
        ),
    ];
    for (bytes, why) in after_hello {
        let mut stream = house.server.connect();
        greet(&mut stream);
        stream.write_all(bytes).expect("the server reads");
        let answer = hear(&mut stream);
        assert!(
            matches!(&answer, Ok(Message::Failed(refusal))
                if refusal.reason() == Reason::Protocol && refusal.text().contains(why)),
            "{bytes:?}: {answer:?}"
        );
        assert!(read_all(&mut stream).is_empty(), "then it closes");
    }
    // Another protocol altogether.
    let mut stream = house.server.connect();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("the server reads");
    assert!(matches!(hear(&mut stream), Ok(Message::Failed(_))));
    // A header that is cut.
    let mut stream = house.server.connect();
    greet(&mut stream);
    stream.write_all(&[3, 0, 0]).expect("the server reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("a connection");
    assert!(read_all(&mut stream).is_empty());
    let mut stream = house.server.connect();
    assert_eq!(fetch_list(&mut stream), 0, "the server is well");
}

fn fetch_list(stream: &mut TcpStream) -> u64 {
    greet(stream);
    say(stream, &[Message::List { path: None }]);
    loop {
        match hear(stream) {
            Ok(Message::EndOfList { count, .. }) => return count,
            Ok(Message::Entry(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A server that says this, whatever it is asked; what our client makes of it.
fn against(told: Vec<Vec<u8>>) -> (Option<i32>, String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("{}/file", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let to = text(&folder.path().join("file"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client");
        stream
            .set_read_timeout(Some(crate::support::HANG))
            .expect("a timeout");
        assert!(matches!(hear(&mut stream), Ok(Message::Hello { .. })));
        let welcome = Message::Welcome {
            version: 1,
            most: 8192,
            writable: true,
        };
        say(&mut stream, &[welcome]);
        assert!(matches!(hear(&mut stream), Ok(Message::Get { .. })));
        for bytes in told {
            // It may have had enough.
            let _ = stream.write_all(&bytes);
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let output = run(&["file", "get", &url, "-o", &to]);
    server.join().expect("the server ends");
    let names = tree(folder.path()).into_keys().collect();
    (code(&output), err(&output), names)
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

fn announced(length: u64) -> Vec<u8> {
    encoded(&Message::File {
        metadata: Metadata {
            length: Some(length),
            ..Metadata::default()
        },
        offset: 0,
    })
}

fn end(length: u64, bytes: &[u8]) -> Vec<u8> {
    encoded(&Message::End(Prefix {
        length,
        digest: Digest::of(bytes),
    }))
}

#[test]
fn a_client_stores_nothing_that_is_not_right() {
    let content = || frame(9, b"12345");
    for (told, why) in [
        // A wrong digest.
        (vec![announced(5), content(), end(5, b"54321")], "digest"),
        // Fewer and more than announced.
        (vec![announced(6), content(), end(5, b"12345")], "announced"),
        (vec![announced(4), content(), end(5, b"12345")], "announced"),
        // Something else.
        (vec![announced(5), content(), announced(5)], "protocol"),
        (vec![vec![255; 64]], "protocol"),
        (vec![encoded(&Message::Stored { length: 5 })], "protocol"),
    ] {
        let (code, errors, names) = against(told);
        assert_eq!(code, Some(1), "{errors}");
        assert!(errors.contains(why), "{why}: {errors}");
        assert!(!names.contains(&"file".to_owned()), "{names:?}");
    }
    // A wrong digest leaves nothing; a connection that breaks leaves a part, for --resume.
    let (_, _, names) = against(vec![announced(5), content(), end(5, b"54321")]);
    assert!(names.is_empty(), "{names:?}");
    let (code, errors, names) = against(vec![announced(6), content()]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("--resume"), "{errors}");
    assert_eq!(names.len(), 1);
    // What a server says does no harm to a terminal.
    let refusal = Refusal::new(Reason::NotFound, "\u{1b}]0;owned\u{7}");
    let (code, errors, _) = against(vec![encoded(&Message::Refused(refusal))]);
    assert_eq!(code, Some(1));
    assert!(!errors.contains(['\u{1b}', '\u{7}']), "{errors:?}");
}

/// Ten thousand clients that say one byte and no more: they wait for their turn, hold no permit for
/// longer than a handshake may take, and cost no memory.
#[test]
fn ten_thousand_clients_that_do_nothing_go() {
    /// Threads that connect, and clients that each leaves waiting: fewer than a listen queue holds,
    /// for beyond it the system lets them try again after seconds.
    const THREADS: usize = 16;
    const WAITING: usize = 50;
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let inside = (descriptors / 4).min(256);
    let limits = ["--max-clients", &inside.to_string(), "--handshake"];
    let house = House::new(&[&limits[..], &["100ms"]].concat());
    fs::write(house.there("file"), content(1000)).expect("a file");
    let connect_some = || {
        let mut waiting = VecDeque::new();
        for _ in 0..10_000 / THREADS {
            if waiting.len() == WAITING
                && let Some(stream) = waiting.pop_front()
            {
                sent_away(stream);
            }
            let mut stream = house.server.connect();
            // It may be closed already.
            let _ = stream.write_all(&[1]);
            waiting.push_back(stream);
        }
        waiting
    };
    let idle: Vec<TcpStream> = thread::scope(|scope| {
        let some: Vec<_> = (0..THREADS).map(|_| scope.spawn(connect_some)).collect();
        some.into_iter()
            .flat_map(|some| some.join().expect("they connect"))
            .collect()
    });
    // On a busy machine a client of ours may be as slow as they are.
    let begun = Instant::now();
    loop {
        let got = house.get("file", "file", &[]);
        if code(&got) == Some(0) {
            break;
        }
        assert!(begun.elapsed() < HANG, "{}", err(&got));
    }
    let peak = peak_kilobytes(house.server.id());
    // Two buffers for each of those inside, and nothing for the others.
    let most = 100_000 + 600 * inside;
    assert!(peak < most, "{peak} kB for {inside} clients inside");
    drop(idle);
    let ended = house.server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.log.contains("cut 0"),
        "{}",
        ended.log.lines().last().unwrap_or("")
    );
}

/// Waits until the server has closed a connection, in order or by a reset.
fn sent_away(mut stream: TcpStream) {
    let mut last_words = Vec::new();
    if let Err(error) = stream.read_to_end(&mut last_words) {
        let hangs = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!hangs, "a client that says nothing is kept");
    }
}

/// Clients that vanish, reset, or never read give their permits back.
#[test]
fn rude_clients_lose_nothing() {
    for threads in ["1", "3"] {
        rude_clients(threads);
    }
}

fn rude_clients(threads: &str) {
    let limits = ["--max-clients", "2", "--stall", "200ms"];
    let house = House::new(&[&limits[..], &["--threads", threads]].concat());
    fs::write(house.there("file"), content(16 << 20)).expect("a file");
    for _ in 0..6 {
        // Asks and never reads.
        let mut stream = house.server.connect();
        greet(&mut stream);
        let get = Message::Get {
            path: path("file"),
            resume: None,
        };
        say(&mut stream, &[get]);
        reset(stream);
        reset(connect(house.server.address()));
    }
    let never_read: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = house.server.connect();
            greet(&mut stream);
            say(
                &mut stream,
                &[Message::Get {
                    path: path("file"),
                    resume: None,
                }],
            );
            stream
        })
        .collect();
    let got = house.get("file", "file", &[]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    drop(never_read);
}

/// A disk that takes no more: nothing gets its name, and the other side is told.
#[test]
fn a_full_disk_stores_nothing() {
    let house = House::new(&["--writable"]);
    fs::write(house.there("file"), content(1 << 20)).expect("a file");
    let (url, to) = (house.url("file"), text(&house.here("file")));
    // Files of this process may have 512 kB: what it is told then, it takes for a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 512; exec {} file get {url} -o '{to}'",
        env!("CARGO_BIN_EXE_crosscheck")
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]);
    let got = run_with(command, b"");
    assert_eq!(code(&got), Some(2), "{}", err(&got));
    assert!(err(&got).contains("no space"), "{}", err(&got));
    assert!(tree(&house.here("")).is_empty());
    let ended = house.server.stop();
    assert!(ended.log.contains("it gave up: no space"), "{}", ended.log);
}

#[test]
fn something_else_in_the_place_of_a_file_stays() {
    let house = House::new(&["--writable"]);
    fs::write(house.here("file"), "mine").expect("a file");
    fs::create_dir(house.there("folder")).expect("a folder");
    symlink("elsewhere", house.there("link")).expect("a link");
    for name in ["folder", "link"] {
        let put = house.put("file", name, &["--overwrite"]);
        assert_eq!(code(&put), Some(1), "{}", err(&put));
    }
    let put = house.put("file", "link/file", &[]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("not followed"), "{}", err(&put));
    let got = house.get("folder", "copy", &[]);
    assert_eq!(code(&got), Some(1));
    assert!(err(&got).contains("directory"), "{}", err(&got));
    assert!(!house.there("elsewhere").exists());
}
