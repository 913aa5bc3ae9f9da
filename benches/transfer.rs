//! File transfer: the codec beside tokio-util's and beside memcpy, and whole files over loopback
//! beside rsync's daemon and nc, where they are installed.

mod support;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use crosscheck::protocols::framing::frame::{self, FrameDecoder, MAX_PAYLOAD, Piece};
use support::{Running, serve};

/// Bytes of a stream of frames, larger than the caches near a core.
const STREAM: usize = 16 << 20;

/// Bytes that come at once, as a socket gives them.
const READ: usize = 256 << 10;

/// Bytes of the file that goes over loopback.
const FILE: u64 = 256 << 20;

fn stream(payload: usize) -> Vec<u8> {
    let mut stream = Vec::with_capacity(STREAM + 8192);
    let block = vec![7; payload];
    while stream.len() < STREAM {
        frame::encode(9, 0, &block, &mut stream).expect("the size is allowed");
    }
    stream
}

fn decode(criterion: &mut Criterion) {
    for payload in [4 << 10, 256 << 10] {
        let mut group = criterion.benchmark_group(format!("decode frames of {payload} bytes"));
        let stream = stream(payload);
        group.throughput(Throughput::Bytes(stream.len() as u64));
        let mut copy = vec![0_u8; READ];
        group.bench_function("memcpy", |b| {
            b.iter(|| {
                for read in black_box(&stream).chunks(READ) {
                    copy[..read.len()].copy_from_slice(read);
                    black_box(&copy);
                }
            });
        });
        // What a receiver does: the payload is lent from the input.
        group.bench_function("crosscheck, lent", |b| {
            b.iter(|| {
                let mut decoder = FrameDecoder::new(MAX_PAYLOAD);
                for mut input in black_box(&stream).chunks(READ) {
                    while let Some(piece) = decoder.decode(&mut input).expect("frames") {
                        black_box(piece);
                    }
                }
            });
        });
        group.bench_function("crosscheck, collected", |b| {
            let mut collected = Vec::with_capacity(payload);
            b.iter(|| {
                let mut decoder = FrameDecoder::new(MAX_PAYLOAD);
                for mut input in black_box(&stream).chunks(READ) {
                    while let Some(piece) = decoder.decode(&mut input).expect("frames") {
                        if let Piece::Payload { bytes, last } = piece {
                            collected.extend_from_slice(bytes);
                            if last {
                                black_box(&collected);
                                collected.clear();
                            }
                        }
                    }
                }
            });
        });
        #[cfg(not(loom))]
        group.bench_function("tokio-util LengthDelimitedCodec", |b| {
            use bytes::{BufMut as _, BytesMut};
            use tokio_util::codec::{Decoder as _, LengthDelimitedCodec};
            let mut theirs = BytesMut::new();
            for block in stream.chunks(payload + 8) {
                theirs.put_u32(u32::try_from(block.len() - 8).expect("a small payload"));
                theirs.put_slice(&block[8..]);
            }
            let theirs = theirs.freeze();
            b.iter(|| {
                let mut codec = LengthDelimitedCodec::builder()
                    .max_frame_length(MAX_PAYLOAD as usize)
                    .new_codec();
                let mut buffer = BytesMut::with_capacity(2 * READ);
                for read in black_box(&theirs).chunks(READ) {
                    buffer.extend_from_slice(read);
                    while let Some(frame) = codec.decode(&mut buffer).expect("frames") {
                        black_box(frame);
                    }
                }
            });
        });
        group.finish();
    }
}

fn encode(criterion: &mut Criterion) {
    for payload in [4 << 10, 256 << 10] {
        let mut group = criterion.benchmark_group(format!("encode frames of {payload} bytes"));
        let block = vec![7_u8; payload];
        let count = STREAM / payload;
        group.throughput(Throughput::Bytes((count * payload) as u64));
        let mut output = Vec::with_capacity(payload + 8);
        group.bench_function("memcpy", |b| {
            b.iter(|| {
                for _ in 0..count {
                    output.clear();
                    output.extend_from_slice(black_box(&block));
                    black_box(&output);
                }
            });
        });
        group.bench_function("crosscheck", |b| {
            b.iter(|| {
                for _ in 0..count {
                    output.clear();
                    frame::encode(9, 0, black_box(&block), &mut output).expect("a small payload");
                    black_box(&output);
                }
            });
        });
        #[cfg(not(loom))]
        group.bench_function("tokio-util LengthDelimitedCodec", |b| {
            use bytes::{Bytes, BytesMut};
            use tokio_util::codec::{Encoder as _, LengthDelimitedCodec};
            let block = Bytes::from(block.clone());
            let mut codec = LengthDelimitedCodec::new();
            let mut output = BytesMut::with_capacity(payload + 8);
            b.iter(|| {
                for _ in 0..count {
                    output.clear();
                    codec
                        .encode(black_box(&block).clone(), &mut output)
                        .expect("a small payload");
                    black_box(&output);
                }
            });
        });
        group.finish();
    }
}

/// Runs a command to its end, which must be a good one; how long it took.
fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let time = begun.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    time
}

/// Whether a peer is there; a benchmark without it says so.
fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port()
}

fn get(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("share")).expect("a folder");
    write_file(&path("share/file"));
    let share = path("share");
    let share = share.to_str().expect("UTF-8");
    let copy = path("copy");

    let mut group = criterion.benchmark_group("a file of 256 MiB over loopback, to a file");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Bytes(FILE));
    // Each copy goes to a new file: the disk is asked for the same by all.
    let mut measure = |name: &str, run: &mut dyn FnMut() -> Duration| {
        group.bench_function(name, |b| {
            b.iter_custom(|rounds| {
                (0..rounds)
                    .map(|_| {
                        let _ = fs::remove_file(&copy);
                        run()
                    })
                    .sum()
            });
        });
    };

    let get = |url: String, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosscheck"));
        command.args(["file", "get", &url, "--quiet", "-o"]);
        command.arg(&copy).args(more);
        command
    };
    for congestion in ["cubic", "bbr"] {
        let available = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
        if !available.is_ok_and(|names| names.split_whitespace().any(|name| name == congestion)) {
            eprintln!("skipped: this kernel has no {congestion}");
            continue;
        }
        let (_server, address) = serve("file", &[share, "--congestion", congestion]);
        let url = format!("{address}/file");
        let name = format!("crosscheck, verified and flushed, {congestion}");
        measure(&name, &mut || {
            timed(&mut get(url.clone(), &["--congestion", congestion]))
        });
    }
    {
        let (certificate, key) = (path("cert.pem"), path("key.pem"));
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(&certificate, made.cert.pem()).expect("a file");
        fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
        let (certificate, key) = (
            certificate.to_str().expect("UTF-8"),
            key.to_str().expect("UTF-8"),
        );
        let (_server, address) = serve(
            "file",
            &[share, "--tls-cert", certificate, "--tls-key", key],
        );
        let url = format!("localhost:{}/file", address.port());
        measure("crosscheck, verified and flushed, TLS", &mut || {
            timed(&mut get(url.clone(), &["--tls-ca", certificate]))
        });
    }
    {
        let file = path("share/file");
        let (_server, address) = serve("file", &["--raw", file.to_str().expect("UTF-8")]);
        measure("io::copy from a raw server, unverified", &mut || {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(address).expect("the server accepts");
            let mut output = File::create(&copy).expect("a file");
            let count = io::copy(&mut stream, &mut output).expect("all of it");
            assert_eq!(count, FILE);
            begun.elapsed()
        });
    }
    if installed("nc") {
        measure("nc, unverified", &mut || {
            let port = free_port().to_string();
            let file = File::open(path("share/file")).expect("the file");
            let mut server = Command::new("nc");
            server.args(["-l", "-N", "127.0.0.1", &port]).stdin(file);
            let _server = Running(server.spawn().expect("nc starts"));
            let begun = Instant::now();
            loop {
                let output = File::create(&copy).expect("a file");
                let mut client = Command::new("nc");
                client.args(["-d", "127.0.0.1", &port]).stdout(output);
                let status = client.status().expect("nc starts");
                if status.success() && fs::metadata(&copy).is_ok_and(|file| file.len() == FILE) {
                    return begun.elapsed();
                }
                assert!(
                    begun.elapsed() < Duration::from_secs(30),
                    "nc does not listen"
                );
            }
        });
    }
    if installed("rsync") {
        let port = free_port().to_string();
        let configuration = path("rsyncd.conf");
        let mut file = File::create(&configuration).expect("a file");
        write!(file, "use chroot = no\n[share]\npath = {share}\n").expect("space");
        let mut server = Command::new("rsync");
        server.args(["--daemon", "--no-detach", "--address=127.0.0.1"]);
        server.arg(format!("--port={port}"));
        server.arg(format!("--config={}", configuration.display()));
        let _server = Running(server.spawn().expect("rsync starts"));
        let url = format!("rsync://127.0.0.1:{port}/share/file");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "rsync does not listen"
            );
        }
        measure("rsync daemon", &mut || {
            timed(
                Command::new("rsync")
                    .args(["--whole-file", &url])
                    .arg(&copy),
            )
        });
    }
    group.finish();
}

/// Content that no file system leaves out.
fn write_file(path: &Path) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut output = io::BufWriter::new(File::create(path).expect("a file"));
    for _ in 0..FILE / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        output.write_all(&state.to_le_bytes()).expect("space");
    }
    output.flush().expect("space");
}

criterion_group!(benches, decode, encode, get);
criterion_main!(benches);
