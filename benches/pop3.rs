//! Stuffing and un-stuffing against memcpy of the same octets; and the server over loopback, beside
//! one that has every answer in memory and, where one runs, another maker's.
//!
//! Another server, Dovecot say, is measured too where `CROSSCHECK_POP3_PEER` is its `HOST:PORT`. It has
//! to know the users `small` and `big`, password `benchmark`, whose Maildirs this program makes below
//! the directory `CROSSCHECK_POP3_MAIL`, open to whatever user that server runs as.

mod support;

use std::fs;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use crosscheck::protocols::pop3::stuffing::{Meter, Stuffer, Unstuffer};
use memchr::memmem;
use support::serve;

/// Messages of the mail drop with small ones, and octets of each as stored.
const SMALL: (usize, usize) = (10_000, 4 << 10);

/// Messages of the mail drop with big ones, and octets of each as stored.
const BIG: (usize, usize) = (4, 64 << 20);

/// Commands that are sent before their answers are read.
const PIPELINE: usize = 64;

/// No server takes longer for anything here.
const HANG: Duration = Duration::from_secs(60);

const PASSWORD: &str = "benchmark";

/// A message of lines of this many octets; every `dotted`th begins with a dot.
fn message(line: usize, end: &[u8], dotted: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for number in 0.. {
        if message.len() >= 1 << 20 {
            break;
        }
        let first = if number % dotted == 0 { b'.' } else { b'm' };
        message.push(first);
        message.resize(message.len() + line - 1, b'x');
        message.extend_from_slice(end);
    }
    message
}

/// Through a buffer of 64 KiB, as a session does.
fn encode(message: &[u8], buffer: &mut [u8]) -> u64 {
    let mut stuffer = Stuffer::default();
    let mut rest = message;
    while !rest.is_empty() {
        let moved = stuffer.encode(rest, buffer);
        black_box(&buffer[..moved.written]);
        rest = &rest[moved.read..];
    }
    stuffer.finish(buffer);
    stuffer.octets()
}

fn decode(wire: &[u8], buffer: &mut [u8]) -> u64 {
    let mut unstuffer = Unstuffer::default();
    let mut rest = wire;
    while !rest.is_empty() {
        let moved = unstuffer.decode(rest, buffer);
        black_box(&buffer[..moved.written]);
        rest = &rest[moved.read..];
    }
    unstuffer.octets()
}

fn copy(message: &[u8], buffer: &mut [u8]) -> u64 {
    for block in message.chunks(buffer.len()) {
        buffer[..block.len()].copy_from_slice(block);
        black_box(&*buffer);
    }
    message.len() as u64
}

fn codec(criterion: &mut Criterion) {
    let mut buffer = vec![0; 65_536];
    for (name, line, end, dotted) in [
        ("lines of 76, CRLF", 76, &b"\r\n"[..], usize::MAX),
        ("lines of 76, LF", 76, b"\n", usize::MAX),
        ("lines of 1000, LF", 1000, b"\n", usize::MAX),
        ("lines of 76, CRLF, each tenth with a dot", 76, b"\r\n", 10),
    ] {
        let message = message(line, end, dotted);
        let mut stuffer = Stuffer::default();
        let mut wire = vec![0; 2 * message.len()];
        let mut length = stuffer.encode(&message, &mut wire).written;
        length += stuffer.finish(&mut wire[length..]);
        let wire = &wire[..length];
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function("memcpy", |b| {
            b.iter(|| copy(black_box(&message), &mut buffer));
        });
        group.bench_function("stuff", |b| {
            b.iter(|| encode(black_box(&message), &mut buffer));
        });
        group.bench_function("measure", |b| {
            b.iter(|| {
                let mut meter = Meter::default();
                meter.update(black_box(&message));
                meter.octets()
            });
        });
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function("unstuff", |b| {
            b.iter(|| decode(black_box(wire), &mut buffer));
        });
        group.finish();
    }
}

/// The server that has nothing to do but send.
const MEMORY: &str = "answers in memory";

/// A line of mail, as stored.
const LINE: &[u8] = b"All work and no play makes Jack a dull boy, all work and no play. Period.\n";

/// What a message is like as it is stored, and as it is on the wire.
fn mail(octets: usize) -> (Vec<u8>, Vec<u8>) {
    let mut stored = b"From: jack@example.org\nSubject: work\n\n".to_vec();
    while stored.len() < octets {
        stored.extend_from_slice(LINE);
    }
    let mut stuffer = Stuffer::default();
    let mut wire = vec![0; 2 * stored.len()];
    let mut length = stuffer.encode(&stored, &mut wire).written;
    length += stuffer.finish(&mut wire[length..]);
    wire.truncate(length);
    (stored, wire)
}

/// A client that asks for messages and throws them away.
struct Reader {
    stream: TcpStream,
    /// The last four octets that were read, and room for more.
    buffer: Vec<u8>,
}

impl Reader {
    fn log_in(address: SocketAddr, user: &str) -> Self {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(HANG)).expect("a timeout");
        let mut reader = Self {
            stream,
            buffer: vec![0; 4 + (256 << 10)],
        };
        reader.line();
        reader.say(&format!("USER {user}"));
        reader.say(&format!("PASS {PASSWORD}"));
        reader
    }

    /// A command whose answer is one line, octet by octet: it is not what is measured.
    fn say(&mut self, command: &str) -> String {
        write!(self.stream, "{command}\r\n").expect("it is sent");
        let line = self.line();
        assert!(line.starts_with("+OK"), "{command}: {line}");
        line
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut octet = [0];
        while !line.ends_with(b"\r\n") {
            self.stream.read_exact(&mut octet).expect("a line");
            line.extend_from_slice(&octet);
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    /// All messages, some at a time, each to its final dot.
    fn retrieve(&mut self, messages: usize) {
        let numbers: Vec<usize> = (1..=messages).collect();
        for some in numbers.chunks(PIPELINE) {
            let commands: String = some.iter().map(|n| format!("RETR {n}\r\n")).collect();
            self.stream
                .write_all(commands.as_bytes())
                .expect("it is sent");
            let mut missing = some.len();
            self.buffer[..4].fill(0);
            while missing > 0 {
                let read = self.stream.read(&mut self.buffer[4..]).expect("an answer");
                assert!(read > 0, "the server has gone");
                let came = &self.buffer[..4 + read];
                missing -= memmem::find_iter(came, b"\r\n.\r\n").count();
                self.buffer.copy_within(read..read + 4, 0);
            }
        }
    }
}

/// A server that does nothing but send: every answer to RETR waits in memory.
fn serve_from_memory(wire: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let answer = [b"+OK\r\n", &wire[..]].concat();
    // It ends with the program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a client");
            stream.set_nodelay(true).expect("an option");
            let mut commands = BufReader::new(&stream);
            let (mut line, mut answers) = (Vec::new(), b"+OK\r\n".to_vec());
            loop {
                // Answers to what came at once leave at once.
                if commands.buffer().is_empty() || answers.len() > 1 << 20 {
                    (&stream).write_all(&answers).expect("it is sent");
                    answers.clear();
                }
                line.clear();
                match commands.read_until(b'\n', &mut line) {
                    Ok(1..) if line.starts_with(b"RETR") => answers.extend_from_slice(&answer),
                    Ok(1..) => answers.extend_from_slice(b"+OK\r\n"),
                    _ => break,
                }
            }
        }
    });
    address
}

/// The other server runs as whom it likes, and has to read, lock and index here.
fn open_to_all(folder: &Path) {
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder, mode).expect("our own folder");
}

/// The mail drops, and the file of users of our server.
fn mail_drops(folder: &Path) -> PathBuf {
    for (user, (messages, octets)) in [("small", SMALL), ("big", BIG)] {
        let maildir = folder.join(user);
        for part in ["tmp", "new", "cur"] {
            let part = maildir.join(part);
            fs::create_dir_all(&part).expect("a folder");
            open_to_all(&part);
        }
        open_to_all(&maildir);
        let (stored, _) = mail(octets);
        for number in 0..messages {
            // Seen already: nobody has to move it.
            let name = format!("cur/{}.bench:2,S", 1_000_000 + number);
            fs::write(maildir.join(name), &stored).expect("space");
        }
    }
    let users = folder.join("users");
    let line = |user: &str| format!("{user}:{{plain}}{PASSWORD}\n");
    fs::write(&users, line("small") + &line("big")).expect("a file");
    users
}

fn server(criterion: &mut Criterion) {
    let temporary = tempfile::tempdir().expect("a folder");
    let given = std::env::var_os("CROSSCHECK_POP3_MAIL").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    let users = mail_drops(&folder);
    let (root, users) = (
        folder.to_str().expect("UTF-8"),
        users.to_str().expect("UTF-8"),
    );
    let (_ours, ours) = serve("pop3", &[root, "--users", users]);
    let peer = std::env::var("CROSSCHECK_POP3_PEER").ok();
    if peer.is_none() {
        eprintln!("skipped: Dovecot; name a server that runs by CROSSCHECK_POP3_PEER");
    }
    for (user, (messages, octets)) in [("small", SMALL), ("big", BIG)] {
        let (stored, wire) = mail(octets);
        let name = format!("{messages} messages of {} octets", stored.len());
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.measurement_time(Duration::from_secs(10));
        group.throughput(match user {
            "small" => Throughput::Elements(messages as u64),
            _ => Throughput::Bytes((messages * wire.len()) as u64),
        });
        let mut servers = vec![
            (MEMORY.to_owned(), serve_from_memory(wire)),
            ("crosscheck".to_owned(), ours),
        ];
        if let Some(peer) = &peer {
            servers.push((peer.clone(), peer.parse().expect("HOST:PORT in numbers")));
        }
        for (name, address) in servers {
            // The login reads every message once, to measure it: not part of it here.
            let mut reader = Reader::log_in(address, user);
            if name != MEMORY {
                let stat = reader.say("STAT");
                assert!(
                    stat.starts_with(&format!("+OK {messages} ")),
                    "{name}: {stat}"
                );
            }
            group.bench_function(name, |b| {
                b.iter_custom(|rounds| {
                    let begun = Instant::now();
                    for _ in 0..rounds {
                        reader.retrieve(messages);
                    }
                    begun.elapsed()
                });
            });
            let _ = reader.say("QUIT");
        }
        group.finish();
    }
}

criterion_group!(benches, codec, server);
criterion_main!(benches);
