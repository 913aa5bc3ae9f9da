//! Trees byte for byte, modes and times, pipes, many clients.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::thread;
use std::time::{Duration, SystemTime};

use crosscheck::protocols::transfer::Digest;
use rustix::process::Signal;

use super::{House, content, text, tree};
use crate::support::{
    Server, code, connect, crosscheck, err, moves_gibibytes, out, peak_kilobytes, read_all, run,
    run_with,
};

/// Sizes around the block and the frame, and odd ones.
const SIZES: [usize; 9] = [
    0, 1, 255, 4097, 262_143, 262_144, 262_145, 1_048_577, 3_000_017,
];

#[test]
fn trees_come_and_go_byte_for_byte() {
    for threads in [&[][..], &["--threads", "3"]] {
        a_tree_comes_and_goes(threads);
    }
}

fn a_tree_comes_and_goes(threads: &[&str]) {
    let house = House::new(&[&["--writable"], threads].concat());
    for (at, size) in SIZES.iter().enumerate() {
        let folder = house.there(&format!("tree/d{}/e", at % 3));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("ü {size}")), content(*size)).expect("a file");
    }
    fs::create_dir_all(house.there("tree/nothing in it")).expect("a folder");
    symlink("/etc/passwd", house.there("tree/link")).expect("a link");
    let got = house.get("tree", "tree", &[&["-r", "--json"], threads].concat());
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert_eq!(out(&got).lines().count(), SIZES.len());
    assert!(err(&got).contains("link is left out"), "{}", err(&got));
    fs::remove_file(house.there("tree/link")).expect("the link");
    let there = tree(&house.there("tree"));
    assert!(there == tree(&house.here("tree")), "the copy is another");
    let put = house.put("tree", "deep/copy", &[&["-r"], threads].concat());
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert!(
        there == tree(&house.there("deep/copy")),
        "the copy is another"
    );
    assert_eq!(house.server.stop().code, Some(0));
}

#[test]
fn what_is_said_of_a_file_is_true() {
    let house = House::new(&[]);
    let bytes = content(100_000);
    fs::write(house.there("file"), &bytes).expect("a file");
    let got = house.get("file", "file", &["--json"]);
    let expected = format!(
        "{{\"path\":\"file\",\"length\":100000,\"resumed\":0,\"blake3\":\"{}\"}}\n",
        Digest::of(&bytes)
    );
    assert_eq!(out(&got), expected, "{}", err(&got));
    assert_eq!(err(&got), "", "nothing on a pipe");
    let got = house.get("file", "quiet", &["--quiet"]);
    assert_eq!((out(&got), err(&got)), (String::new(), String::new()));
}

#[test]
fn modes_and_times_are_kept_but_nobody_becomes_root() {
    let house = House::new(&["--writable"]);
    let path = house.there("program");
    fs::write(&path, "#!/bin/sh").expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6751)).expect("a mode");
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    let file = File::options().write(true).open(&path).expect("the file");
    file.set_modified(time).expect("a time");
    let seen = |path| {
        let metadata = fs::metadata(path).expect("a file");
        (
            metadata.permissions().mode() & 0o7777,
            metadata.mtime(),
            metadata.mtime_nsec(),
        )
    };
    let got = house.get("program", "program", &[]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    let kept = (0o751, 1_234_567_890, 123_456_789);
    assert_eq!(seen(house.here("program")), kept);
    let put = house.put("program", "back", &[]);
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert_eq!(seen(house.there("back")), kept);
}

#[test]
fn nothing_is_replaced_unless_asked() {
    let house = House::new(&["--writable"]);
    fs::write(house.there("file"), "theirs").expect("a file");
    fs::write(house.here("file"), "mine").expect("a file");
    let got = house.get("file", "file", &[]);
    assert_eq!(code(&got), Some(2));
    assert!(err(&got).contains("--overwrite"), "{}", err(&got));
    let put = house.put("file", "file", &[]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("--overwrite"), "{}", err(&put));
    let read = |path| fs::read_to_string(path).expect("a file");
    assert_eq!(read(house.there("file")), "theirs");
    assert_eq!(read(house.here("file")), "mine");
    assert_eq!(code(&house.put("file", "file", &["--overwrite"])), Some(0));
    assert_eq!(read(house.there("file")), "mine");
    fs::write(house.there("file"), "again").expect("a file");
    assert_eq!(code(&house.get("file", "file", &["--overwrite"])), Some(0));
    assert_eq!(read(house.here("file")), "again");
}

#[test]
fn pipes_carry_files_of_any_length() {
    let house = House::new(&["--writable"]);
    for (size, threads) in SIZES
        .into_iter()
        .flat_map(|size| [(size, "1"), (size, "3")])
    {
        let (bytes, name) = (content(size), format!("{size} by {threads}"));
        let put = ["file", "put", "-", &house.url(&name), "--threads", threads];
        let put = run_with(crosscheck(&put), &bytes);
        assert_eq!(code(&put), Some(0), "{}", err(&put));
        let stored = fs::read(house.there(&name)).expect("the file");
        assert!(stored == bytes, "{size} bytes are others");
        let got = run(&["file", "get", &house.url(&name), "-o", "-"]);
        assert_eq!(code(&got), Some(0), "{}", err(&got));
        assert!(got.stdout == bytes, "{size} bytes are others");
    }
}

#[test]
fn lists_are_for_people_and_for_programs() {
    let house = House::new(&[]);
    fs::create_dir(house.there("folder")).expect("a folder");
    fs::write(house.there("a\u{1b}[2J"), "12345").expect("a file");
    fs::write(house.there(".crosscheck-0.part"), "not whole").expect("a file");
    fs::set_permissions(house.there("folder"), fs::Permissions::from_mode(0o750)).expect("a mode");
    fs::set_permissions(house.there("a\u{1b}[2J"), fs::Permissions::from_mode(0o644))
        .expect("a mode");
    let list = run(&["file", "list", &house.url("")]);
    assert_eq!(
        out(&list),
        "file      0644              5 a\\u{1b}[2J\n\
         directory 0750              - folder/\n"
    );
    let list = run(&["file", "list", &house.url(""), "--json"]);
    let lines = out(&list);
    let first = lines.lines().next().expect("a line");
    assert!(
        first.starts_with("{\"name\":\"a\\u001b[2J\",\"kind\":\"file\",\"length\":5,\"mode\":\"0644\",\"modified\":"),
        "{first}"
    );
    let list = run(&["file", "list", &house.url("folder")]);
    assert_eq!((code(&list), out(&list)), (Some(0), String::new()));
    let list = run(&["file", "list", &house.url("nothing")]);
    assert_eq!(code(&list), Some(1));
    assert!(err(&list).contains("no such file"), "{}", err(&list));
}

#[test]
fn a_server_is_read_only_unless_told_otherwise() {
    let house = House::new(&[]);
    fs::write(house.here("file"), "mine").expect("a file");
    let put = house.put("file", "file", &[]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("read-only"), "{}", err(&put));
    assert!(tree(&house.there("")).is_empty());
}

#[test]
fn two_hundred_clients_at_once() {
    let house = House::new(&["--max-clients", "8"]);
    let bytes = content(300_000);
    fs::write(house.there("file"), &bytes).expect("a file");
    let address = house.server.address();
    // As threads that speak the protocol: two hundred processes would measure the machine.
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                let mut stream = connect(address);
                let got = super::peers::fetch(&mut stream, "file");
                assert!(got == bytes, "the copy is another");
            });
        }
    });
    // All permits are back: eight clients hold them at once, and a ninth gets the last one.
    let mut idle: Vec<_> = (0..7).map(|_| connect(address)).collect();
    for stream in &mut idle {
        super::greet(stream);
    }
    let got = house.get("file", "file", &[]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    drop(idle);
    let ended = house.server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(
        ended.log.contains("served 208 clients, cut 0"),
        "{}",
        ended.log
    );
}

#[test]
fn a_raw_server_sends_bytes_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    for size in SIZES {
        let bytes = content(size);
        fs::write(&path, &bytes).expect("a file");
        let path = text(&path);
        let server = Server::start(&["file", "serve", "--raw", &path, "--listen", "127.0.0.1:0"]);
        for _ in 0..2 {
            assert!(
                read_all(&mut server.connect()) == bytes,
                "{size} bytes are others"
            );
        }
        assert_eq!(server.stop().code, Some(0));
    }
    let missing = run(&["file", "serve", "--raw", &text(folder.path())]);
    assert_eq!(code(&missing), Some(2));
    assert!(err(&missing).contains("directory"), "{}", err(&missing));
}

#[test]
fn servers_end_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let house = House::new(&[]);
        let mut stream = house.server.connect();
        super::greet(&mut stream);
        house.server.signal(signal);
        // The idle client is told.
        let last = super::hear(&mut stream);
        assert!(
            matches!(
                &last,
                Ok(crosscheck::protocols::transfer::message::Message::Failed(_))
            ),
            "{last:?}"
        );
        assert_eq!(house.server.wait().code, Some(0));
    }
}

/// More than 32 bits of length. Sparse: the disk holds next to nothing, but every byte is read,
/// digested and sent, which takes a minute in a build that is not optimised.
#[test]
fn more_than_four_gibibytes() {
    if !moves_gibibytes() {
        return;
    }
    let house = House::new(&["--writable"]);
    let length = (4_u64 << 30) + 12_345;
    let mut file = File::create(house.there("large")).expect("a file");
    file.seek(SeekFrom::Start(length - 3)).expect("a place");
    file.write_all(b"end").expect("space");
    drop(file);
    let got = house.get("large", "large", &["--json"]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert!(
        out(&got).contains(&format!("\"length\":{length}")),
        "{}",
        out(&got)
    );
    assert_eq!(
        fs::metadata(house.here("large")).expect("the file").len(),
        length
    );
}

/// A server holds blocks, never files.
#[test]
fn memory_does_not_grow_with_a_file() {
    let house = House::new(&[]);
    let mut lengths = vec![1_u64 << 20, 128 << 20];
    if moves_gibibytes() {
        lengths.push(2 << 30);
    }
    let mut peaks = lengths.into_iter().map(|length| {
        let file = File::create(house.there("sparse")).expect("a file");
        file.set_len(length).expect("space");
        let got = house.get("sparse", "sparse", &["--overwrite"]);
        assert_eq!(code(&got), Some(0), "{}", err(&got));
        peak_kilobytes(house.server.id())
    });
    // What a thread's allocator keeps is not exact.
    let most = peaks.next().expect("the first") + (4 << 10);
    for peak in peaks {
        assert!(peak <= most, "{peak} kB, {most} kB for a small file");
    }
}

#[test]
fn a_server_has_as_many_doors_as_it_is_given() {
    let house = House::new(&["--listen", "127.0.0.1:0"]);
    fs::write(house.there("file"), "content").expect("a file");
    assert_eq!(house.server.addresses().len(), 2);
    for address in house.server.addresses() {
        let got = run(&["file", "get", &format!("{address}/file"), "-o", "-"]);
        assert_eq!(out(&got), "content", "{}", err(&got));
    }
}
