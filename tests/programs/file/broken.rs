//! Interrupted at any byte: the destination is the old file or the whole new one, and --resume goes
//! on from where it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crosscheck::protocols::transfer::message::Message;
use crosscheck::protocols::transfer::{Metadata, Mode, Reason, RelativePath};
use rustix::process::Signal;

use super::{House, content, greet, hear, say, start, text};
use crate::support::{Guarded, HANG, code, crosscheck, err, out};

/// Large enough for many blocks.
const LENGTH: usize = 24 << 20;

/// The file that is not whole yet, where there is one.
fn partial(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "part")
        })
}

/// Waits until so much of a file has come to a folder, or the process has ended.
fn wait_for(folder: &Path, length: u64, child: &mut Guarded) {
    let begun = Instant::now();
    while begun.elapsed() < HANG {
        let have = partial(folder)
            .and_then(|path| fs::metadata(path).ok())
            .map_or(0, |metadata| metadata.len());
        if have >= length || child.0.try_wait().expect("a child").is_some() {
            return;
        }
        thread::yield_now();
    }
    panic!("{length} bytes do not come");
}

fn spawn(arguments: &[&str]) -> Guarded {
    let child = crosscheck(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    Guarded(child)
}

/// Where kills fall: spread over the file, the same in each run.
fn moments() -> impl Iterator<Item = u64> {
    (0..5_u64).map(|at| (at * 7 + 1) * LENGTH as u64 / 40)
}

#[test]
fn a_receiver_that_is_killed_resumes() {
    let house = House::new(&[]);
    let bytes = content(LENGTH);
    fs::write(house.there("file"), &bytes).expect("a file");
    let (url, to) = (house.url("file"), text(&house.here("file")));
    let get = ["file", "get", &url, "-o", &to, "--resume", "--overwrite"];
    let mut killed = 0;
    for moment in moments() {
        fs::write(house.here("file"), "old").expect("a file");
        let mut child = spawn(&get);
        wait_for(&house.here(""), moment, &mut child);
        drop(child);
        let now = fs::read(house.here("file")).expect("the file");
        assert!(now == b"old" || now == bytes, "half of the file is there");
        killed += u32::from(now == b"old");
    }
    assert!(killed > 0, "every transfer was over before its kill");
    let got = house.get("file", "file", &["--resume", "--overwrite", "--json"]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert!(fs::read(house.here("file")).expect("the file") == bytes);
    assert_eq!(partial(&house.here("")), None);
}

#[test]
fn a_sender_that_is_killed_resumes() {
    let house = House::new(&["--writable"]);
    let bytes = content(LENGTH);
    fs::write(house.here("file"), &bytes).expect("a file");
    let (url, from) = (house.url("file"), text(&house.here("file")));
    let put = ["file", "put", &from, &url, "--resume", "--overwrite"];
    for moment in moments() {
        fs::write(house.there("file"), "old").expect("a file");
        let mut child = spawn(&put);
        wait_for(&house.there(""), moment, &mut child);
        drop(child);
        let now = fs::read(house.there("file")).expect("the file");
        assert!(now == b"old" || now == bytes, "half of the file is there");
    }
    // The server may not have noticed yet that the last one is gone.
    let begun = Instant::now();
    let put = loop {
        let put = house.put("file", "file", &["--resume", "--overwrite"]);
        if !err(&put).contains("another transfer") || begun.elapsed() > HANG {
            break put;
        }
    };
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert!(fs::read(house.there("file")).expect("the file") == bytes);
    assert_eq!(partial(&house.there("")), None);
}

#[test]
fn a_server_that_is_killed_is_resumed_from_the_next_one() {
    let house = House::new(&[]);
    let bytes = content(LENGTH);
    fs::write(house.there("file"), &bytes).expect("a file");
    let mut server = start(&house.there(""), &[]);
    let to = text(&house.here("file"));
    for moment in moments() {
        let url = format!("{}/file", server.address());
        let mut child = spawn(&["file", "get", &url, "-o", &to, "--resume", "--overwrite"]);
        wait_for(&house.here(""), moment, &mut child);
        server.signal(Signal::KILL);
        let code = child.wait().code();
        // The last one may have been quicker than the kill.
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
        if let Ok(now) = fs::read(house.here("file")) {
            assert!(now == bytes, "half of the file is there");
        }
        server = start(&house.there(""), &[]);
    }
    let got = house.get("file", "file", &["--resume", "--overwrite"]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert!(fs::read(house.here("file")).expect("the file") == bytes);
}

/// A client that goes away in the middle, at a byte that we choose.
fn put_half(house: &House, bytes: &[u8], half: usize) {
    let put = Message::Put {
        path: RelativePath::new("file").expect("a path"),
        metadata: Metadata {
            length: Some(bytes.len() as u64),
            mode: Mode::default(),
            modified: None,
        },
        resume: false,
        overwrite: false,
    };
    let begun = Instant::now();
    let mut stream = loop {
        let mut stream = house.server.connect();
        greet(&mut stream);
        say(&mut stream, std::slice::from_ref(&put));
        match hear(&mut stream) {
            Ok(Message::Ready(_)) => break stream,
            // The server has not noticed yet that the last client is gone.
            Ok(Message::Refused(r)) if r.reason() == Reason::Busy && begun.elapsed() < HANG => {}
            other => panic!("{other:?}"),
        }
    };
    let mut frames = Vec::new();
    for block in bytes[..half].chunks(8192) {
        crosscheck::protocols::framing::frame::encode(9, 0, block, &mut frames)
            .expect("the size is allowed");
    }
    use std::io::Write as _;
    stream.write_all(&frames).expect("the server reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("a connection");
    assert!(crate::support::read_all(&mut stream).is_empty());
}

#[test]
fn only_the_rest_is_sent_again() {
    let house = House::new(&["--writable"]);
    let bytes = content(1 << 20);
    fs::write(house.here("file"), &bytes).expect("a file");
    for half in [0, 1, 8191, 500_000, bytes.len()] {
        put_half(&house, &bytes, half);
        assert!(!house.there("file").exists());
        let put = house.put("file", "file", &["--resume", "--json"]);
        assert_eq!(code(&put), Some(0), "{}", err(&put));
        let resumed = format!("\"resumed\":{half},");
        assert!(out(&put).contains(&resumed), "{}", out(&put));
        assert!(fs::read(house.there("file")).expect("the file") == bytes);
        fs::remove_file(house.there("file")).expect("the file");
    }
}

#[test]
fn another_prefix_is_noticed() {
    let house = House::new(&["--writable"]);
    let mut bytes = content(1 << 20);
    put_half(&house, &bytes, 500_000);
    bytes[499_999] ^= 1;
    fs::write(house.here("file"), &bytes).expect("a file");
    let put = house.put("file", "file", &["--resume"]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("differs"), "{}", err(&put));
    assert!(!house.there("file").exists());
    // Less than is there already.
    put_half(&house, &bytes, 500_000);
    fs::write(house.here("file"), &bytes[..400_000]).expect("a file");
    let put = house.put("file", "file", &["--resume"]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("more is there"), "{}", err(&put));
    // Without --resume it is a new file.
    let put = house.put("file", "file", &[]);
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert!(fs::read(house.there("file")).expect("the file") == bytes[..400_000]);
}

#[test]
fn an_interrupted_client_says_so_and_keeps_what_it_has() {
    // A server that stops in the middle: the client waits for ever, but for the signal.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let to = text(&folder.path().join("file"));
    let url = format!("{address}/file");
    let mut child = spawn(&["file", "get", &url, "-o", &to]);
    let (mut stream, _) = listener.accept().expect("the client");
    stream.set_read_timeout(Some(HANG)).expect("a timeout");
    assert!(matches!(hear(&mut stream), Ok(Message::Hello { .. })));
    let welcome = Message::Welcome {
        version: 1,
        most: 8192,
        writable: false,
    };
    say(&mut stream, &[welcome]);
    assert!(matches!(hear(&mut stream), Ok(Message::Get { .. })));
    let file = Message::File {
        metadata: Metadata {
            length: Some(1000),
            ..Metadata::default()
        },
        offset: 0,
    };
    say(&mut stream, &[file]);
    let mut frame = Vec::new();
    crosscheck::protocols::framing::frame::encode(9, 0, &[7; 500], &mut frame)
        .expect("the size is allowed");
    use std::io::Write as _;
    stream.write_all(&frame).expect("the client reads");
    wait_for(folder.path(), 500, &mut child);
    child.signal(Signal::INT);
    assert_eq!(child.wait().code(), Some(130));
    // The server is told.
    assert!(matches!(hear(&mut stream), Ok(Message::Failed(r)) if r.reason() == Reason::Cancelled));
    assert!(!folder.path().join("file").exists());
    let kept = partial(folder.path()).expect("a part is kept");
    assert_eq!(fs::read(kept).expect("the part"), [7; 500]);
}

/// A file that is written while it is sent is an error, not a mixture.
#[test]
fn a_file_that_changes_is_not_sent_as_if_it_had_not() {
    for (change, reason, threads) in [
        (9 << 20, "grows", "1"),
        (1 << 20, "shrinks", "1"),
        (9 << 20, "grows", "3"),
        (1 << 20, "shrinks", "3"),
    ] {
        let house = House::new(&["--threads", threads]);
        fs::write(house.there("file"), content(8 << 20)).expect("a file");
        let mut stream = house.server.connect();
        greet(&mut stream);
        say(
            &mut stream,
            &[Message::Get {
                path: RelativePath::new("file").expect("a path"),
                resume: None,
            }],
        );
        assert!(matches!(hear(&mut stream), Ok(Message::File { .. })));
        // The rest does not fit into the buffers between us: the server waits for us to read.
        let file = fs::File::options()
            .write(true)
            .open(house.there("file"))
            .expect("the file");
        file.set_len(change).expect("space");
        let last = loop {
            match hear(&mut stream) {
                Err(_) => {}
                Ok(message) => break message,
            }
        };
        assert!(
            matches!(&last, Message::Failed(r) if r.reason() == Reason::SourceChanged),
            "{reason}: {last:?}"
        );
    }
}

/// Waits are bounded: a stalled server costs the client its patience and no more.
#[test]
fn a_server_that_stalls_is_left() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("{}/file", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let to = text(&folder.path().join("file"));
    let child = crosscheck(&["file", "get", &url, "-o", &to, "--stall", "200ms"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (mut stream, _) = listener.accept().expect("the client");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    assert!(matches!(hear(&mut stream), Ok(Message::Hello { .. })));
    say(
        &mut stream,
        &[Message::Welcome {
            version: 1,
            most: 8192,
            writable: false,
        }],
    );
    assert!(matches!(hear(&mut stream), Ok(Message::Get { .. })));
    say(
        &mut stream,
        &[Message::File {
            metadata: Metadata {
                length: Some(1000),
                ..Metadata::default()
            },
            offset: 0,
        }],
    );
    assert!(matches!(hear(&mut stream), Ok(Message::Failed(r)) if r.reason() == Reason::TooSlow));
    drop(stream);
    let mut child = Guarded(child);
    assert_eq!(child.wait().code(), Some(1));
}
