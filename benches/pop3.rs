//! Stuffing and un-stuffing against memcpy of the same octets, in one run.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crosscheck::protocols::pop3::stuffing::{Meter, Stuffer, Unstuffer};

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

criterion_group!(benches, codec);
criterion_main!(benches);
