//! Pieces, progress, memory, deadlines, and peers that break the protocol.

use std::time::{Duration, Instant};

use crosscheck::protocols::transfer::message::Message;
use crosscheck::protocols::transfer::{
    Answer, Digest, End, Metadata, Outcome, Prefix, Reason, Refusal, RelativePath, Request, Role,
    Session, State,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::strategies::{content, cuts, cutter, message, whole};
use super::world::{Command, Disk, File, Pair, Side, client, hello, limits, server, stream_of};

fn path(path: &str) -> RelativePath {
    RelativePath::new(path).expect("an allowed path")
}

fn disk(files: &[(&str, &[u8])]) -> Disk {
    let mut disk = Disk::default();
    for (name, bytes) in files {
        disk.files.insert((*name).to_owned(), File::new(*bytes));
    }
    disk.directories.insert("d".to_owned());
    disk
}

fn script() -> Vec<Command> {
    let put = |path: &str, overwrite, pipe| Command::Put {
        path: path.to_owned(),
        resume: false,
        overwrite,
        pipe,
    };
    vec![
        Command::List { path: None },
        Command::Get {
            path: "a".to_owned(),
            resume: false,
        },
        put("b", false, false),
        put("b", false, false),
        put("b", true, true),
        Command::MakeDirectory {
            path: "d/e".to_owned(),
        },
        Command::List {
            path: Some("d".to_owned()),
        },
        Command::Get {
            path: "nothing".to_owned(),
            resume: false,
        },
    ]
}

proptest! {
    #![proptest_config(crate::config())]

    /// However the streams are cut and whatever the buffers hold: the same bytes go both ways, the
    /// same files are there, and the client tells the same.
    #[test]
    fn pieces_change_nothing(a in content(), b in content(), cuts in cuts()) {
        let run = |cut: &mut dyn FnMut(usize) -> usize| {
            let mut pair = Pair::new(disk(&[("b", &b)]), disk(&[("a", &a)]));
            let outcomes: Vec<_> = script().iter().map(|command| pair.run(command, cut)).collect();
            pair.client.session.finish(pair.now).expect("it is idle");
            (outcomes, pair.sent, pair.client.disk, pair.server.disk, pair.client.entries)
        };
        let one = run(&mut whole);
        let other = run(&mut cutter(cuts));
        prop_assert!(one.0.iter().all(Option::is_some), "{:?}", one.0);
        prop_assert_eq!(&one.0, &other.0);
        prop_assert!(one.1 == other.1, "other bytes were sent");
        prop_assert_eq!((one.2, one.3), (other.2, other.3));
        prop_assert_eq!(one.4, other.4);
    }

    /// Whatever a client sends: nothing panics, memory is bounded, and input is consumed unless the
    /// session is closed.
    #[test]
    fn a_server_takes_any_bytes(
        greeted in any::<bool>(),
        bytes in vec(prop_oneof![Just(0_u8), 0..16_u8, any::<u8>()], 0..600),
        cuts in cuts(),
    ) {
        let mut stream = stream_of(if greeted { &[] } else { std::slice::from_ref(&HELLO) });
        stream.extend(bytes);
        let now = Instant::now();
        feed(server(now, limits(), disk(&[("a", b"content")])), now, stream, cuts)?;
    }

    #[test]
    fn a_client_takes_any_bytes(
        command in 0..5_usize,
        bytes in vec(prop_oneof![Just(0_u8), 0..16_u8, any::<u8>()], 0..600),
        cuts in cuts(),
    ) {
        let now = Instant::now();
        feed(commanded(command, now), now, bytes, cuts)?;
    }

    /// As above with frames that are right as such: deeper states are reached.
    #[test]
    fn a_server_takes_any_messages(messages in vec(message(), 0..8), wild in wild(), cuts in cuts()) {
        let now = Instant::now();
        let stream = messed_up(&messages, &wild);
        feed(server(now, limits(), disk(&[("a", b"content")])), now, stream, cuts)?;
    }

    #[test]
    fn a_client_takes_any_messages(
        command in 0..5_usize,
        messages in vec(message(), 0..8),
        wild in wild(),
        cuts in cuts(),
    ) {
        let now = Instant::now();
        feed(commanded(command, now), now, messed_up(&messages, &wild), cuts)?;
    }

    /// A true dialogue in which some bytes are changed.
    #[test]
    fn changed_bytes_are_survived(
        a in content(),
        b in content(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cuts in cuts(),
    ) {
        let mut pair = Pair::new(disk(&[("b", &b)]), disk(&[("a", &a)]));
        for command in script() {
            pair.run(&command, &mut whole);
        }
        let (mut up, _) = pair.sent;
        for (at, byte) in changes {
            let at = at.index(up.len());
            up[at] = byte;
        }
        let now = Instant::now();
        feed(server(now, limits(), disk(&[("a", &a)])), now, up, cuts)?;
    }

    /// At any moment, the deadline that a session names ends it, and before it nothing happens.
    #[test]
    fn deadlines_end_a_session(
        a in content(),
        b in content(),
        command in 0..8_usize,
        steps in 0..200_usize,
        cuts in cuts(),
    ) {
        let mut pair = Pair::new(disk(&[("b", &b)]), disk(&[("a", &a)]));
        let mut cut = cutter(cuts);
        pair.drive(&mut cut);
        pair.command(&script()[command]);
        for _ in 0..steps {
            pair.step(&mut cut);
        }
        let now = pair.now;
        time_out(&mut pair.client.session, now)?;
        time_out(&mut pair.server.session, now)?;
    }

    /// The peer is told when we give up, and says so, unless a block was under way.
    #[test]
    fn a_session_that_fails_tells_its_peer(
        a in content(),
        steps in 0..60_usize,
        client_fails in any::<bool>(),
        cuts in cuts(),
    ) {
        let mut pair = Pair::new(disk(&[]), disk(&[("a", &a)]));
        let mut cut = cutter(cuts);
        pair.drive(&mut cut);
        pair.command(&Command::Get { path: "a".to_owned(), resume: false });
        for _ in 0..steps {
            pair.step(&mut cut);
        }
        let refusal = Refusal::new(Reason::Cancelled, "by the test");
        let now = pair.now;
        if client_fails {
            pair.client.session.fail(now, refusal.clone());
        } else {
            pair.server.session.fail(now, refusal.clone());
        }
        pair.drive(&mut cut);
        let other = if client_fails { pair.ends().1 } else { pair.ends().0 };
        match other {
            Some(End::PeerFailed(told)) => prop_assert_eq!(told, &refusal),
            // The server was within a block, or the client had all.
            None => {}
            other => prop_assert!(false, "{other:?}"),
        }
        pair.disconnect();
        prop_assert_eq!(pair.client.session.state(), State::Closed);
        prop_assert!(!pair.server.disk.files.is_empty());
    }
}

const HELLO: Message = Message::Hello {
    oldest: 1,
    newest: 1,
    most: 8192,
};

/// Between messages: nothing, some bytes, or a block of content.
fn wild() -> impl Strategy<Value = Vec<Option<(bool, Vec<u8>)>>> {
    let bytes = (any::<bool>(), vec(any::<u8>(), 1..30));
    vec(prop::option::weighted(0.3, bytes), 8)
}

fn messed_up(messages: &[Message], wild: &[Option<(bool, Vec<u8>)>]) -> Vec<u8> {
    let mut stream = stream_of(&[hello()]);
    for (message, wild) in messages.iter().zip(wild) {
        match wild {
            Some((true, content)) => {
                crosscheck::protocols::framing::frame::encode(9, 0, content, &mut stream)
                    .expect("the size is allowed");
            }
            Some((false, bytes)) => stream.extend(bytes),
            None => {}
        }
        message.encode(&mut stream);
    }
    stream
}

/// A client at the start of each kind of command.
fn commanded(command: usize, now: Instant) -> Side<crosscheck::protocols::transfer::Client> {
    let mut pair = Pair::new(disk(&[("b", b"of the client")]), disk(&[]));
    pair.now = now;
    pair.drive(&mut whole);
    let put = |resume| Command::Put {
        path: "b".to_owned(),
        resume,
        overwrite: false,
        pipe: false,
    };
    let command = match command {
        0 => Command::Get {
            path: "a".to_owned(),
            resume: false,
        },
        1 => put(false),
        2 => put(true),
        3 => Command::MakeDirectory {
            path: "e".to_owned(),
        },
        _ => Command::List { path: None },
    };
    assert!(pair.command(&command));
    pair.client
}

/// Feeds a stream in pieces, with output drained and requests answered; then its end.
fn feed<R: Role>(
    mut side: Side<R>,
    now: Instant,
    mut stream: Vec<u8>,
    cuts: Vec<usize>,
) -> Result<(), TestCaseError> {
    let mut cut = cutter(cuts);
    let mut output = Vec::new();
    while side.step(now, &mut stream, &mut output, &mut cut) {
        output.clear();
    }
    // Progress: what is left was refused by a session that is closed, or there is nothing left.
    prop_assert!(
        stream.is_empty(),
        "{:?} leaves {} bytes",
        side.session.state(),
        stream.len()
    );
    side.session.handle_eof(now);
    while side.step(now, &mut stream, &mut output, &mut cut) {}
    prop_assert_eq!(side.session.state(), State::Closed);
    prop_assert!(side.session.end().is_some());
    prop_assert_eq!(side.session.poll_timeout(), None);
    Ok(())
}

fn time_out<R: Role>(session: &mut Session<R>, now: Instant) -> Result<(), TestCaseError> {
    let Some(deadline) = session.poll_timeout() else {
        // It does not wait for its peer.
        let busy = session.poll_request().is_some() || session.state() == State::Closed;
        prop_assert!(busy, "{:?} waits for ever", session.state());
        return Ok(());
    };
    prop_assert!(deadline > now);
    let before = session.state();
    session.handle_timeout(deadline - Duration::from_millis(1));
    prop_assert_eq!(session.state(), before);
    prop_assert_eq!(session.poll_timeout(), Some(deadline));
    session.handle_timeout(deadline);
    prop_assert!(
        matches!(session.end(), Some(End::Failed(refusal)) if refusal.reason() == Reason::TooSlow)
    );
    // A peer that does not read does not keep it.
    if let Some(linger) = session.poll_timeout() {
        prop_assert!(linger > deadline);
        session.handle_timeout(linger);
    }
    prop_assert_eq!(session.state(), State::Closed);
    Ok(())
}

/// What the server says to those messages, and its end.
fn told(messages: &[Message], content: &[u8]) -> (Option<End>, Disk) {
    let now = Instant::now();
    let mut side = server(now, limits(), disk(&[("a", b"0123456789")]));
    let mut stream = stream_of(&[hello()]);
    stream.extend(stream_of(messages));
    stream.extend(content);
    let mut output = Vec::new();
    while side.step(now, &mut stream, &mut output, &mut whole) {}
    (side.session.end().cloned(), side.disk)
}

fn frames(blocks: &[&[u8]], end: Prefix) -> Vec<u8> {
    let mut stream = Vec::new();
    for block in blocks {
        crosscheck::protocols::framing::frame::encode(9, 0, block, &mut stream)
            .expect("the size is allowed");
    }
    Message::End(end).encode(&mut stream);
    stream
}

fn put(length: Option<u64>) -> Message {
    Message::Put {
        path: path("new"),
        metadata: Metadata {
            length,
            ..Metadata::default()
        },
        resume: false,
        overwrite: false,
    }
}

fn all(bytes: &[u8]) -> Prefix {
    File::new(bytes).prefix(u64::MAX)
}

/// The reason for which the session failed.
fn reason(end: Option<End>) -> Option<Reason> {
    match end {
        Some(End::Failed(refusal)) => Some(refusal.reason()),
        _ => None,
    }
}

#[test]
fn fewer_or_more_bytes_than_announced_are_noticed() {
    let (end, disk) = told(&[put(Some(5))], &frames(&[b"1234"], all(b"1234")));
    assert_eq!(reason(end), Some(Reason::Corrupt));
    assert!(!disk.files.contains_key("new"));
    let (end, _) = told(&[put(Some(5))], &frames(&[b"123456"], all(b"123456")));
    assert_eq!(reason(end), Some(Reason::Corrupt));
    let (end, _) = told(&[put(None)], &frames(&[b"1234"], all(b"12345")));
    assert_eq!(reason(end), Some(Reason::Corrupt));
    let (end, disk) = told(&[put(Some(5))], &frames(&[b"12", b"345"], all(b"12345")));
    assert_eq!(end, None);
    assert!(disk.files.contains_key("new"));
}

#[test]
fn a_wrong_digest_stores_nothing() {
    let wrong = Prefix {
        length: 5,
        digest: Digest::of(b"54321"),
    };
    let (end, disk) = told(&[put(Some(5))], &frames(&[b"12345"], wrong));
    // All of it came: the session can go on.
    assert_eq!(end, None);
    assert!(!disk.files.contains_key("new"));
}

#[test]
fn frames_where_they_do_not_belong_end_the_session() {
    for (messages, content) in [
        (vec![Message::Ready(Prefix::empty())], vec![]),
        (vec![hello()], vec![]),
        (vec![], frames(&[b"content"], Prefix::empty())),
        (vec![put(Some(5)), Message::List { path: None }], vec![]),
        (vec![Message::Stored { length: 5 }], vec![]),
    ] {
        let (end, _) = told(&messages, &content);
        assert_eq!(reason(end), Some(Reason::Protocol), "{messages:?}");
    }
}

#[test]
fn a_wrong_name_is_refused_and_the_session_goes_on() {
    let now = Instant::now();
    let mut side = server(now, limits(), disk(&[("a", b"content")]));
    let mut stream = stream_of(&[hello()]);
    // Get of `..`, then of something that is there.
    crosscheck::protocols::framing::frame::encode(3, 0, b"../etc/passwd", &mut stream)
        .expect("the size is allowed");
    Message::List { path: None }.encode(&mut stream);
    let mut output = Vec::new();
    while side.step(now, &mut stream, &mut output, &mut whole) {}
    assert_eq!(side.session.end(), None);
    let mut expected = stream_of(&[
        Message::Welcome {
            version: 1,
            most: 8192,
            writable: true,
        },
        Message::Refused(Refusal::new(
            Reason::Name,
            crosscheck::protocols::transfer::PathError::Dots.to_string(),
        )),
    ]);
    assert!(output.starts_with(&expected));
    Message::EndOfList {
        count: 2,
        hidden: 0,
    }
    .encode(&mut expected);
    assert!(output.ends_with(&expected[expected.len() - 24..]));
}

#[test]
fn versions_have_to_meet() {
    for (oldest, newest, good) in [
        (1, 1, true),
        (0, 7, true),
        (2, 9, false),
        (0, 0, false),
        (2, 1, false),
    ] {
        let now = Instant::now();
        let mut side = server(now, limits(), Disk::default());
        let hello = Message::Hello {
            oldest,
            newest,
            most: 8192,
        };
        let mut stream = stream_of(&[hello]);
        while side.step(now, &mut stream, &mut Vec::new(), &mut whole) {}
        assert_eq!(
            side.session.state() == State::Idle,
            good,
            "{oldest}..{newest}"
        );
    }
}

#[test]
fn what_is_there_already_is_compared_before_anything_is_sent() {
    let prefix = |length, bytes: &[u8]| Prefix {
        length,
        digest: Digest::of(bytes),
    };
    for (resume, expected) in [
        (prefix(4, b"0123"), None),
        (prefix(10, b"0123456789"), None),
        (prefix(0, b""), None),
        (prefix(4, b"0124"), Some(Reason::PrefixDiffers)),
        (prefix(11, b"01234567890"), Some(Reason::OffsetBeyondEnd)),
        (prefix(i64::MAX as u64, b""), Some(Reason::OffsetBeyondEnd)),
    ] {
        let mut pair = Pair::new(disk(&[]), disk(&[("a", b"0123456789")]));
        pair.drive(&mut whole);
        let now = pair.now;
        let before = pair.sent.1.len();
        pair.client
            .session
            .get(now, path("a"), Some(resume))
            .expect("it is idle");
        // Until the server has answered; the client has no target here.
        let mut output = Vec::new();
        let mut up = Vec::new();
        let mut buffer = [0; 1000];
        let count = pair.client.session.poll_output(&mut buffer);
        up.extend_from_slice(&buffer[..count]);
        while pair.server.step(now, &mut up, &mut output, &mut whole) {}
        assert!(before > 0);
        let taken = pair.client.session.handle_input(now, &output);
        let outcome = pair.client.session.take_outcome();
        match expected {
            None => {
                assert!(taken > 0);
                assert!(matches!(
                    pair.client.session.poll_request(),
                    Some(Request::Expect { offset, .. }) if offset == resume.length
                ));
            }
            Some(reason) => assert!(
                matches!(&outcome, Some(Outcome::Refused(r)) if r.reason() == reason),
                "{outcome:?}"
            ),
        }
    }
}

#[test]
fn a_client_notices_that_the_part_at_the_server_is_another() {
    for (kept, reason) in [
        (&b"0124"[..], Reason::PrefixDiffers),
        (&b"01234567891"[..], Reason::OffsetBeyondEnd),
    ] {
        let mut pair = Pair::new(disk(&[("a", b"0123456789")]), disk(&[]));
        let partial = &mut pair.server.disk.partial;
        partial.insert("a".to_owned(), kept.to_vec());
        let outcome = pair.run(
            &Command::Put {
                path: "a".to_owned(),
                resume: true,
                overwrite: false,
                pipe: false,
            },
            &mut whole,
        );
        let failed = match (outcome, pair.ends().0) {
            (Some(Outcome::Refused(refusal)), _) => refusal.reason(),
            (None, Some(End::Failed(refusal))) => refusal.reason(),
            other => panic!("{other:?}"),
        };
        assert_eq!(failed, reason);
        assert!(!pair.server.disk.files.contains_key("a"));
    }
}

/// A file that shrinks is noticed by the sender, one whose digest says so by the one who finishes it.
#[test]
fn a_source_that_changes_fails_the_transfer() {
    let now = Instant::now();
    let mut side = server(now, limits(), disk(&[("a", b"0123456789")]));
    let mut stream = stream_of(&[
        hello(),
        Message::Get {
            path: path("a"),
            resume: None,
        },
    ]);
    let mut output = Vec::new();
    while !matches!(side.session.poll_request(), Some(Request::Read { .. })) {
        side.step(now, &mut stream, &mut output, &mut whole);
    }
    let session = &mut side.session;
    assert_eq!(
        session.answer(now, Answer::Sent(1)),
        Err(crosscheck::protocols::transfer::Misuse)
    );
    session.answer(now, Answer::Read(0)).expect("it fits");
    assert_eq!(reason(session.end().cloned()), Some(Reason::SourceChanged));
}

#[test]
fn a_server_that_stops_lets_the_command_end() {
    let mut pair = Pair::new(disk(&[]), disk(&[("a", b"0123456789")]));
    pair.drive(&mut whole);
    pair.command(&Command::Get {
        path: "a".to_owned(),
        resume: false,
    });
    pair.step(&mut whole);
    let now = pair.now;
    pair.server.session.finish(now);
    pair.drive(&mut whole);
    assert_eq!(
        pair.client.session.take_outcome(),
        Some(Outcome::Got { length: 10 })
    );
    assert!(matches!(
        pair.ends().0,
        Some(End::PeerFailed(refusal)) if refusal.reason() == Reason::Shutdown
    ));
}

/// One byte a minute does not keep a session: a handshake has ten seconds in all.
#[test]
fn a_slow_handshake_ends() {
    let mut now = Instant::now();
    let start = now;
    let mut side = server(now, limits(), Disk::default());
    for byte in stream_of(&[hello()]) {
        now += Duration::from_secs(1);
        side.session.handle_timeout(now);
        side.session.handle_input(now, &[byte]);
    }
    assert!(now - start > Duration::from_secs(10));
    assert_eq!(reason(side.session.end().cloned()), Some(Reason::TooSlow));
}

#[test]
fn a_client_side_command_needs_an_idle_session() {
    let now = Instant::now();
    let mut side = client(now, limits(), Disk::default());
    assert!(side.session.list(now, None).is_err());
    assert!(side.session.finish(now).is_err());
}
