//! Messages, names and pieces at random.

use crosscheck::protocols::transfer::message::{MAX_LENGTH, Message};
use crosscheck::protocols::transfer::{
    Digest, Entry, EntryKind, Metadata, Mode, Modified, Prefix, Reason, Refusal, RelativePath,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Few names, so that they meet; one with characters of several bytes.
pub(super) fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ü ö", "d", "d/a", "d/e", "d/e/f"]).prop_map(str::to_owned)
}

pub(super) fn path() -> impl Strategy<Value = RelativePath> {
    prop_oneof![name(), "[^\0\n\r/.]{1,60}(/[^\0\n\r/.]{1,20}){0,3}",]
        .prop_map(|path| RelativePath::new(path).expect("an allowed path"))
}

fn length() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, 0..=MAX_LENGTH, Just(MAX_LENGTH)]
}

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![Just(Digest::of(b"")), any::<[u8; 32]>().prop_map(Digest)]
}

pub(super) fn prefix() -> impl Strategy<Value = Prefix> {
    (length(), digest()).prop_map(|(length, digest)| Prefix { length, digest })
}

pub(super) fn metadata() -> impl Strategy<Value = Metadata> {
    let modified = (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
        Modified::new(seconds, nanoseconds).expect("nanoseconds are in range")
    });
    let modified = prop::option::of(modified);
    (prop::option::of(length()), any::<u32>(), modified).prop_map(|(length, mode, modified)| {
        Metadata {
            length,
            mode: Mode::new(mode),
            modified,
        }
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (0..20_u16, ".{0,40}").prop_map(|(number, text)| Refusal::new(Reason::of(number), text))
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop::sample::select(vec![
        EntryKind::File,
        EntryKind::Directory,
        EntryKind::Link,
        EntryKind::Other,
    ]);
    (kind, "[^\0\n\r/.]{1,60}", metadata()).prop_map(|(kind, name, metadata)| Entry {
        kind,
        name: RelativePath::new(name).expect("an allowed component"),
        metadata,
    })
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (0..3_u16, 0..3_u16, 8192..=u32::MAX).prop_map(|(oldest, newest, most)| Message::Hello {
            oldest,
            newest,
            most
        }),
        (0..3_u16, 8192..=u32::MAX, any::<bool>()).prop_map(|(version, most, writable)| {
            Message::Welcome {
                version,
                most,
                writable,
            }
        }),
        (path(), prop::option::of(prefix()))
            .prop_map(|(path, resume)| Message::Get { path, resume }),
        (path(), metadata(), any::<bool>(), any::<bool>()).prop_map(
            |(path, metadata, resume, overwrite)| Message::Put {
                path,
                metadata,
                resume,
                overwrite
            }
        ),
        (path(), any::<u32>()).prop_map(|(path, mode)| Message::MakeDirectory {
            path,
            mode: Mode::new(mode)
        }),
        prop::option::of(path()).prop_map(|path| Message::List { path }),
        prefix().prop_map(Message::Ready),
        (metadata(), length()).prop_map(|(metadata, offset)| Message::File { metadata, offset }),
        prefix().prop_map(Message::End),
        length().prop_map(|length| Message::Stored { length }),
        entry().prop_map(Message::Entry),
        (any::<u64>(), any::<u64>())
            .prop_map(|(count, hidden)| Message::EndOfList { count, hidden }),
        refusal().prop_map(Message::Refused),
        refusal().prop_map(Message::Failed),
    ]
}

/// Content: nothing, a little, a block, more than one.
pub(super) fn content() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        Just(0_usize),
        1..20_usize,
        Just(8192_usize),
        Just(8193_usize),
        0..40_000_usize,
    ];
    (length, any::<u8>()).prop_map(|(length, seed)| {
        (0..length)
            .map(|i| (i as u8).wrapping_mul(31) ^ seed)
            .collect()
    })
}

/// Sizes of pieces, by which a stream is cut again and again: the numbers modulo what is possible.
pub(super) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(
        prop_oneof![1..4_usize, 1..5000_usize, Just(usize::MAX)],
        1..20,
    )
}

/// A source of pieces that goes round.
pub(super) fn cutter(cuts: Vec<usize>) -> impl FnMut(usize) -> usize {
    let mut next = 0;
    move |most| {
        let cut = cuts[next % cuts.len()];
        next += 1;
        cut.clamp(1, most.max(1))
    }
}

/// As large as possible.
pub(super) fn whole(most: usize) -> usize {
    most
}
