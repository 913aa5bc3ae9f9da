//! Links and files that somebody puts in the way while a file is written: content goes where it was
//! to go when it began, or nowhere.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use crosscheck::protocols::framing::frame;
use crosscheck::protocols::transfer::message::Message;
use crosscheck::protocols::transfer::{Digest, Metadata, Mode, Prefix, Reason, RelativePath};

use super::{House, content, greet, hear, say, tree};

/// Puts a file by hand, and lets `meanwhile` happen when half of it is there; the last answer.
fn put(house: &House, name: &str, overwrite: bool, meanwhile: impl FnOnce()) -> Message {
    let bytes = content(100_000);
    let mut stream = house.server.connect();
    greet(&mut stream);
    let metadata = Metadata {
        length: Some(bytes.len() as u64),
        mode: Mode::default(),
        modified: None,
    };
    let path = RelativePath::new(name).expect("an allowed path");
    let put = Message::Put {
        path,
        metadata,
        resume: false,
        overwrite,
    };
    say(&mut stream, &[put]);
    assert!(matches!(hear(&mut stream), Ok(Message::Ready(_))));
    let (first, second) = bytes.split_at(bytes.len() / 2);
    send(&mut stream, first);
    meanwhile();
    send(&mut stream, second);
    let end = Prefix {
        length: bytes.len() as u64,
        digest: Digest::of(&bytes),
    };
    say(&mut stream, &[Message::End(end)]);
    hear(&mut stream).expect("a message")
}

fn send(stream: &mut TcpStream, bytes: &[u8]) {
    use std::io::Write as _;
    let mut frames = Vec::new();
    for block in bytes.chunks(8192) {
        frame::encode(9, 0, block, &mut frames).expect("the size is allowed");
    }
    stream.write_all(&frames).expect("the server reads");
}

fn refused(answer: &Message) -> Option<Reason> {
    match answer {
        Message::Refused(refusal) => Some(refusal.reason()),
        _ => None,
    }
}

#[test]
fn a_directory_above_that_becomes_a_link_leads_nowhere_else() {
    let house = House::new(&["--writable"]);
    let outside = house.folder.path().join("outside");
    for folder in [&house.there("a/b"), &outside] {
        fs::create_dir_all(folder).expect("a folder");
    }
    let answer = put(&house, "a/b/file", false, || {
        fs::rename(house.there("a"), house.there("moved")).expect("moved");
        symlink(&outside, house.there("a")).expect("a link");
        fs::create_dir(outside.join("b")).expect("a folder");
    });
    // It is in the directory that it was to be in, wherever that is by now.
    assert!(matches!(answer, Message::Stored { .. }), "{answer:?}");
    let stored = fs::read(house.there("moved/b/file")).expect("the file");
    assert!(stored == content(100_000));
    assert_eq!(tree(&outside).len(), 1, "nothing but the empty folder");
}

#[test]
fn a_link_in_the_place_of_the_target_is_replaced_or_stays_but_is_not_followed() {
    for overwrite in [false, true] {
        let house = House::new(&["--writable"]);
        let victim = house.folder.path().join("victim");
        fs::write(&victim, "as it was").expect("a file");
        let answer = put(&house, "file", overwrite, || {
            symlink(&victim, house.there("file")).expect("a link");
        });
        assert_eq!(fs::read(&victim).expect("the file"), b"as it was");
        let now = fs::symlink_metadata(house.there("file")).expect("something");
        assert_eq!(now.file_type().is_symlink(), !overwrite);
        match overwrite {
            true => assert!(matches!(answer, Message::Stored { .. }), "{answer:?}"),
            false => assert_eq!(refused(&answer), Some(Reason::Exists), "{answer:?}"),
        }
        assert_eq!(fs::read_dir(house.there("")).expect("a folder").count(), 1);
    }
}

#[test]
fn a_link_in_the_place_of_the_unfinished_file_gets_no_name() {
    for overwrite in [false, true] {
        let house = House::new(&["--writable"]);
        let victim = house.folder.path().join("victim");
        fs::write(&victim, "as it was").expect("a file");
        let answer = put(&house, "file", overwrite, || {
            let mut parts = fs::read_dir(house.there("")).expect("a folder");
            let part = parts.next().expect("a part").expect("an entry").path();
            fs::remove_file(&part).expect("the part");
            symlink(&victim, &part).expect("a link");
        });
        assert_eq!(refused(&answer), Some(Reason::Failed), "{answer:?}");
        assert_eq!(fs::read(&victim).expect("the file"), b"as it was");
        assert!(!house.there("file").exists());
    }
}
