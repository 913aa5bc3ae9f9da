//! What is written is read, and nothing else.

use crosscheck::protocols::framing::Header;
use crosscheck::protocols::framing::frame::HEADER;
use crosscheck::protocols::transfer::limits::MAX_CONTROL;
use crosscheck::protocols::transfer::message::{MAX_LENGTH, Message, MessageError};
use crosscheck::protocols::transfer::{
    Digest, Metadata, Mode, PathError, Prefix, Reason, Refusal, RelativePath,
};
use proptest::prelude::*;

use super::strategies::{message, path};

/// Header and payload of a message.
fn encoded(message: &Message) -> (Header, Vec<u8>) {
    let mut frame = Vec::new();
    message.encode(&mut frame);
    let (header, payload) = frame.split_first_chunk::<HEADER>().expect("a header");
    let header = Header::decode(*header, MAX_CONTROL).expect("a header within the limits");
    assert_eq!(header.length as usize, payload.len());
    (header, payload.to_vec())
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn what_is_written_is_read(message in message()) {
        let (header, payload) = encoded(&message);
        prop_assert_eq!(Message::decode(header, &payload), Ok(message));
    }

    #[test]
    fn a_message_that_is_cut_is_no_message(message in message(), end in any::<prop::sample::Index>()) {
        let (header, payload) = encoded(&message);
        let end = end.index(payload.len());
        let text = matches!(
            message,
            Message::Get { .. }
                | Message::Put { .. }
                | Message::MakeDirectory { .. }
                | Message::List { .. }
                | Message::Entry(_)
                | Message::Refused(_)
                | Message::Failed(_)
        );
        let read = Message::decode(header, &payload[..end]);
        // Text may end anywhere, but then it is another one; unless what was cut off stands for
        // itself, as a character that could not be read.
        prop_assert!(read.is_err() || text);
        let unreadable = format!("{message:?}").contains(char::REPLACEMENT_CHARACTER);
        prop_assert!(read != Ok(message) || unreadable);
    }

    #[test]
    fn any_payload_is_read_or_refused(kind in 0..20_u8, flags in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = Header { kind, flags, length: payload.len() as u32 };
        if let Ok(message) = Message::decode(header, &payload) {
            let (again, same) = encoded(&message);
            prop_assert_eq!((again.kind, again.flags), (kind, flags));
            // But for text that was no UTF-8, and bits of a mode that mean more than permissions.
            prop_assert_eq!(Message::decode(again, &same), Ok(message));
        }
    }

    #[test]
    fn flags_and_bytes_that_a_kind_does_not_have_are_errors(path in path()) {
        let (header, payload) = encoded(&Message::List { path: Some(path) });
        let with_flags = Message::decode(Header { flags: 1, ..header }, &payload);
        prop_assert_eq!(with_flags, Err(MessageError::Flags { kind: header.kind, flags: 1 }));
        let (header, mut payload) = encoded(&Message::Stored { length: 3 });
        payload.push(0);
        prop_assert_eq!(Message::decode(header, &payload), Err(MessageError::Trailing(header.kind)));
    }

    #[test]
    fn paths_never_lead_out(text in "[./a\0\n\r]{0,8}") {
        if let Ok(path) = RelativePath::new(text.clone()) {
            prop_assert_eq!(path.as_str(), &text);
            for component in path.components() {
                prop_assert!(!["", ".", ".."].contains(&component));
                prop_assert!(!component.contains(['/', '\0', '\n', '\r']));
            }
        }
    }
}

#[test]
fn names_that_no_peer_may_use() {
    let long = "x".repeat(256);
    let deep = vec!["x".repeat(200); 21].join("/");
    for (path, error) in [
        ("", PathError::Empty),
        ("/etc/passwd", PathError::Absolute),
        ("a//b", PathError::EmptyComponent),
        ("a/", PathError::EmptyComponent),
        ("..", PathError::Dots),
        ("a/../b", PathError::Dots),
        ("./a", PathError::Dots),
        ("a\0b", PathError::Control),
        ("a\nb", PathError::Control),
        ("a\rb", PathError::Control),
        (&long, PathError::ComponentTooLong { length: 256 }),
        (&deep, PathError::TooLong { length: 4220 }),
    ] {
        assert_eq!(RelativePath::new(path), Err(error), "{path:?}");
    }
    assert_eq!(RelativePath::from_bytes(b"a\xffb"), Err(PathError::NotUtf8));
    assert!(RelativePath::new("x".repeat(255)).is_ok());
    assert!(RelativePath::new("...").is_ok());
}

#[test]
fn names_are_printed_without_what_a_terminal_obeys() {
    let path = RelativePath::new("a\u{1b}[2J\u{202e}b").expect("an allowed path");
    assert_eq!(path.to_string(), "a\\u{1b}[2J\\u{202e}b");
    let refusal = Refusal::new(Reason::NotFound, "\u{1b}]0;title\u{7}");
    let shown = refusal.to_string();
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown}");
}

#[test]
fn numbers_that_no_file_has_are_refused() {
    let (header, mut payload) = encoded(&Message::End(Prefix {
        length: MAX_LENGTH,
        digest: Digest([1; 32]),
    }));
    payload[..8].copy_from_slice(&u64::MAX.to_be_bytes());
    assert_eq!(
        Message::decode(header, &payload),
        Err(MessageError::Range(header.kind))
    );
    let (header, mut payload) = encoded(&Message::File {
        metadata: Metadata {
            length: Some(5),
            ..Metadata::default()
        },
        offset: 0,
    });
    payload[10..18].copy_from_slice(&(MAX_LENGTH + 1).to_be_bytes());
    assert_eq!(
        Message::decode(header, &payload),
        Err(MessageError::Range(header.kind))
    );
}

#[test]
fn a_mode_is_permissions_and_nothing_else() {
    assert_eq!(Mode::new(0o104_755).bits(), 0o755);
    let (header, mut payload) = encoded(&Message::MakeDirectory {
        mode: Mode::new(0o700),
        path: RelativePath::new("d").expect("an allowed path"),
    });
    payload[..2].copy_from_slice(&0o7700_u16.to_be_bytes());
    let read = Message::decode(header, &payload);
    assert!(matches!(read, Ok(Message::MakeDirectory { mode, .. }) if mode.bits() == 0o700));
}

/// The largest messages that there are fit into the frames that every peer takes.
#[test]
fn the_largest_messages_fit() {
    let path = RelativePath::new(vec!["x".repeat(203); 20].join("/")).expect("an allowed path");
    assert!(path.as_str().len() > 4070);
    let text = "ü".repeat(5_000);
    let metadata = Metadata {
        length: Some(1),
        mode: Mode::default(),
        modified: crosscheck::protocols::transfer::Modified::new(1, 1),
    };
    for message in [
        Message::Put {
            path,
            metadata,
            resume: true,
            overwrite: true,
        },
        Message::Failed(Refusal::new(Reason::Failed, text)),
    ] {
        let (header, payload) = encoded(&message);
        assert_eq!(Message::decode(header, &payload), Ok(message));
    }
}
