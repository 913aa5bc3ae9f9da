//! Stuffing, lines, commands and replies: what goes in comes out, however it is cut.

use crosscheck::escape::Escaped;
use crosscheck::protocols::framing::{LineReader, Step};
use crosscheck::protocols::pop3::apop::{ApopDigest, ApopTimestamp};
use crosscheck::protocols::pop3::stuffing::{Meter, Stuffer, Top, Unstuffer};
use crosscheck::protocols::pop3::{
    Capability, Command, Expire, Mechanism, Number, Reply, ResponseCode, Secret, Status, Text,
    UniqueId,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::model;

/// Octets among which those that matter are frequent.
pub(super) fn mail() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        3 => Just(b'\n'),
        2 => Just(b'\r'),
        3 => Just(b'.'),
        4 => Just(b'a'),
        1 => any::<u8>(),
    ];
    let line = prop_oneof![
        4 => "[ -~]{0,80}\r\n",
        4 => "[ -~]{0,80}\n",
        1 => "\\.{1,3}\r?\n",
        1 => "\r?\n",
    ];
    prop_oneof![
        vec(octet, 0..200),
        vec(line, 0..60).prop_map(|lines| lines.concat().into_bytes()),
    ]
}

/// Lengths of pieces; used again from the start when they are at their end.
pub(super) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![Just(1usize), 1..10usize, 1..2000usize], 1..20)
}

/// The pieces of something that these lengths make.
pub(super) fn pieces<'a>(whole: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = whole;
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*cut));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// What a message is on the wire, without the final line: the naive way.
pub(super) fn canonical(message: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    for line in model::lines(message) {
        octets.extend_from_slice(&line);
        octets.extend_from_slice(b"\r\n");
    }
    octets
}

fn naive_wire(message: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    for line in model::lines(message) {
        if line.first() == Some(&b'.') {
            octets.push(b'.');
        }
        octets.extend_from_slice(&line);
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b".\r\n");
    octets
}

pub(super) fn stuff(message: &[u8], inputs: &[usize], outputs: &[usize]) -> (Vec<u8>, u64) {
    let mut stuffer = Stuffer::default();
    let mut wire = Vec::new();
    let mut sizes = outputs.iter().cycle();
    for mut piece in pieces(message, inputs) {
        while !piece.is_empty() {
            let mut buffer = vec![0; *sizes.next().unwrap()];
            let moved = stuffer.encode(piece, &mut buffer);
            assert!(moved.read > 0 || moved.written > 0);
            wire.extend_from_slice(&buffer[..moved.written]);
            piece = &piece[moved.read..];
        }
    }
    while !stuffer.is_ended() {
        let mut buffer = vec![0; *sizes.next().unwrap()];
        let written = stuffer.finish(&mut buffer);
        assert!(written > 0 || stuffer.is_ended());
        wire.extend_from_slice(&buffer[..written]);
    }
    (wire, stuffer.octets())
}

fn unstuff(wire: &[u8], inputs: &[usize], outputs: &[usize]) -> (Vec<u8>, usize, bool) {
    let mut unstuffer = Unstuffer::default();
    let (mut message, mut read) = (Vec::new(), 0);
    let mut sizes = outputs.iter().cycle();
    for mut piece in pieces(wire, inputs) {
        while !piece.is_empty() && !unstuffer.is_ended() {
            let mut buffer = vec![0; *sizes.next().unwrap()];
            let moved = unstuffer.decode(piece, &mut buffer);
            assert!(moved.read > 0 || moved.written > 0);
            message.extend_from_slice(&buffer[..moved.written]);
            read += moved.read;
            piece = &piece[moved.read..];
        }
    }
    assert_eq!(unstuffer.octets(), message.len() as u64);
    (message, read, unstuffer.is_ended())
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn stuffing_is_what_the_naive_way_gives(
        message in mail(), inputs in cuts(), outputs in cuts(),
    ) {
        let (wire, octets) = stuff(&message, &inputs, &outputs);
        prop_assert_eq!(&wire, &naive_wire(&message));
        let end = wire.windows(5).position(|five| five == b"\r\n.\r\n");
        prop_assert!(end.is_none_or(|at| at + 5 == wire.len()));
        prop_assert_eq!(octets, canonical(&message).len() as u64);
    }

    #[test]
    fn what_was_stuffed_comes_back(message in mail(), inputs in cuts(), outputs in cuts()) {
        let (mut wire, octets) = stuff(&message, &[usize::MAX], &[1 << 20]);
        let length = wire.len();
        wire.extend_from_slice(b"+OK next\r\n.\r\n");
        let (back, read, ended) = unstuff(&wire, &inputs, &outputs);
        prop_assert!(ended);
        prop_assert_eq!(read, length, "it reads to the end of the message and no further");
        prop_assert_eq!(back.len() as u64, octets);
        prop_assert_eq!(back, canonical(&message));
    }

    #[test]
    fn any_wire_is_read_the_same_however_cut(wire in mail(), inputs in cuts(), outputs in cuts()) {
        prop_assert_eq!(
            unstuff(&wire, &inputs, &outputs),
            unstuff(&wire, &[usize::MAX], &[1 << 20])
        );
    }

    #[test]
    fn the_meter_says_what_comes_out(message in mail(), inputs in cuts()) {
        let mut meter = Meter::default();
        for piece in pieces(&message, &inputs) {
            meter.update(piece);
        }
        prop_assert_eq!(meter.octets(), canonical(&message).len() as u64);
    }

    #[test]
    fn top_is_the_header_and_so_many_lines(message in mail(), count in 0..20u64, inputs in cuts()) {
        let mut top = Top::new(count);
        let mut shown = Vec::new();
        for piece in pieces(&message, &inputs) {
            shown.extend_from_slice(&piece[..top.take(piece)]);
            if top.is_done() {
                break;
            }
        }
        let lines = model::lines(&message);
        let header = lines.iter().position(Vec::is_empty).map_or(lines.len(), |at| at + 1);
        let end = lines.len().min(header + usize::try_from(count).unwrap());
        prop_assert!(message.starts_with(&shown));
        prop_assert_eq!(model::lines(&shown), &lines[..end]);
    }

    #[test]
    fn lines_are_the_same_however_cut(input in mail(), inputs in cuts(), limit in 1..60usize) {
        let read = |inputs: &[usize]| {
            let mut reader = LineReader::new(limit);
            let mut lines = Vec::new();
            for mut piece in pieces(&input, inputs) {
                while !piece.is_empty() {
                    let (taken, step) = reader.feed(piece);
                    assert!(taken > 0);
                    assert!(reader.memory() <= limit);
                    match step {
                        Step::Line => lines.push(Some(reader.line().to_vec())),
                        Step::TooLong => lines.push(None),
                        Step::Partial | Step::Dropped(_) => {}
                    }
                    piece = &piece[taken..];
                }
            }
            lines
        };
        let whole = read(&[usize::MAX]);
        prop_assert_eq!(read(&inputs), &*whole);
        let ends = input.iter().filter(|octet| **octet == b'\n').count();
        let open = input.rsplit(|octet| *octet == b'\n').next().unwrap().len() >= limit;
        prop_assert_eq!(whole.len(), ends + usize::from(open), "one answer to each line");
    }

    #[test]
    fn commands_come_back(command in command()) {
        let mut line = Vec::new();
        command.encode(&mut line);
        let line = line.strip_suffix(b"\r\n").unwrap();
        prop_assert!(!line.contains(&b'\r') && !line.contains(&b'\n'));
        prop_assert_eq!(Command::parse(line), Ok(command));
    }

    #[test]
    fn no_line_is_too_strange_to_parse(line in vec(any::<u8>(), 0..300)) {
        if let Ok(command) = Command::parse(&line) {
            prop_assert!(!command.to_string().is_empty());
        }
        let _ = Reply::parse(&line).map(|reply| (reply.to_string(), reply.code));
        let _ = Capability::parse(&line).map(|capability| capability.to_string());
        let _ = ApopTimestamp::find(&line);
    }

    #[test]
    fn capabilities_come_back(capability in capability()) {
        let mut line = Vec::new();
        capability.encode(&mut line);
        prop_assert_eq!(Capability::parse(&line), Some(capability));
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown(octets in vec(any::<u8>(), 0..100)) {
        let shown = Escaped(&octets).to_string();
        prop_assert!(!shown.chars().any(char::is_control));
    }
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![1..5u32, 1..=u32::MAX].prop_map(|number| Number::new(number).unwrap())
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    vec(
        any::<u8>().prop_filter("no CR, LF, NUL", |octet| {
            !matches!(octet, 0 | b'\r' | b'\n')
        }),
        0..40,
    )
}

fn command() -> impl Strategy<Value = Command> {
    let mechanism = "[A-Za-z0-9_-]{1,20}".prop_map(|name| Mechanism::parse(name.as_bytes()));
    prop_oneof![
        words().prop_map(|name| Command::User(Text::new(name).unwrap())),
        words().prop_map(|password| Command::Pass(Secret::new(password).unwrap())),
        ("[a-z]{1,9}", words()).prop_map(|(name, password)| Command::Apop {
            name: Text::new(name).unwrap(),
            digest: ApopDigest::new(
                &ApopTimestamp::new("1", "host").unwrap(),
                &Secret::new(password).unwrap()
            ),
        }),
        (mechanism, proptest::option::of("[A-Za-z0-9+/=]{1,60}")).prop_map(
            |(mechanism, initial)| Command::Auth {
                mechanism: mechanism.unwrap(),
                initial: initial.map(|initial| Secret::new(initial).unwrap()),
            }
        ),
        Just(Command::Stls),
        Just(Command::Capa),
        Just(Command::Stat),
        Just(Command::Noop),
        Just(Command::Rset),
        Just(Command::Quit),
        proptest::option::of(number()).prop_map(Command::List),
        proptest::option::of(number()).prop_map(Command::Uidl),
        number().prop_map(Command::Retr),
        number().prop_map(Command::Dele),
        (number(), any::<u64>()).prop_map(|(message, lines)| Command::Top { message, lines }),
    ]
}

fn capability() -> impl Strategy<Value = Capability> {
    prop_oneof![
        Just(Capability::User),
        Just(Capability::Top),
        Just(Capability::Uidl),
        Just(Capability::RespCodes),
        Just(Capability::AuthRespCode),
        Just(Capability::Pipelining),
        Just(Capability::Stls),
        Just(Capability::Expire(Expire::Never)),
        any::<u64>().prop_map(|days| Capability::Expire(Expire::Days(days))),
        Just(Capability::Sasl(vec![
            Mechanism::Plain,
            Mechanism::XOauth2,
            Mechanism::OauthBearer
        ])),
        "[ -~]{0,40}".prop_map(|text| Capability::Implementation(Text::new(text).unwrap())),
        "X-[A-Z]{1,9}( [a-z]{1,9})?".prop_map(|text| Capability::Other(Text::new(text).unwrap())),
    ]
}

#[test]
fn a_first_line_of_a_dot_is_stuffed() {
    let all = [usize::MAX];
    for (message, wire) in [
        (&b".\r\nx"[..], &b"..\r\nx\r\n.\r\n"[..]),
        (b".", b"..\r\n.\r\n"),
        (b"", b".\r\n"),
        (b"\n", b"\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
        (b"\r\r\n.", b"\r\r\n..\r\n.\r\n"),
        (b"a\r.b", b"a\r.b\r\n.\r\n"),
    ] {
        assert_eq!(
            stuff(message, &all, &[64]).0,
            wire,
            "{:?}",
            Escaped(message)
        );
    }
}

#[test]
fn only_crlf_ends_a_line_of_a_message() {
    let all = [usize::MAX];
    for (wire, message) in [
        (&b"a\n.\r\n.b\r\n.\r\n"[..], &b"a\n.\r\nb\r\n"[..]),
        (b"a\n.\n\r\n.\r\n", b"a\n.\n\r\n"),
        (b"a\r.\r\n.\r\n", b"a\r.\r\n"),
        (b".\rb\r\n.\r\n", b"\rb\r\n"),
        (b".\r\r\n.\r\n", b"\r\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b".\n.\r\n.\r\n", b"\n.\r\n"),
    ] {
        let (found, _, ended) = unstuff(wire, &all, &[64]);
        assert!(ended, "{}", Escaped(wire));
        assert_eq!(Escaped(&found).to_string(), Escaped(message).to_string());
    }
}

#[test]
fn what_long_lines_between_blocks_hold_is_kept() {
    // Every distance of CRLF and dot from the blocks that are looked at in one go.
    for padding in 0..1100 {
        let message = [&vec![b'x'; padding][..], b"\r\n.y\r\n\n.\n", &[b'z'; 600]].concat();
        let (wire, _) = stuff(&message, &[usize::MAX], &[4096]);
        assert_eq!(wire, naive_wire(&message), "{padding}");
        let (back, _, _) = unstuff(&wire, &[usize::MAX], &[4096]);
        assert_eq!(back, canonical(&message), "{padding}");
    }
}

#[test]
fn arguments_cannot_break_a_line() {
    for octets in ["a\rb", "a\nb", "a\0b", "\r\n"] {
        assert!(Text::new(octets).is_err());
        assert!(Secret::new(octets).is_err());
    }
    let error = Text::new("al\nice").unwrap_err();
    assert_eq!(
        error.to_string(),
        "octet 2 is LF, which would end or cut a line of POP3: remove it"
    );
    assert!(UniqueId::new("").is_err());
    assert!(UniqueId::new("a b").is_err());
    assert!(UniqueId::new([b'x'; 71]).is_err());
    assert!(UniqueId::new([b'x'; 70]).is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let password = Secret::new("hunter2").unwrap();
    let pass = Command::Pass(password.clone());
    let auth = Command::Auth {
        mechanism: Mechanism::Plain,
        initial: Some(password),
    };
    for shown in [
        format!("{pass:?} {pass} {auth:?} {auth}"),
        format!("{:?}", LineReader::new(1)),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(pass.to_string(), "PASS ****");
}

#[test]
fn the_digest_of_rfc_1939() {
    let timestamp =
        ApopTimestamp::find(b"POP3 server ready <1896.697170952@dbc.mtview.ca.us>").unwrap();
    let digest = ApopDigest::new(&timestamp, &Secret::new("tanstaaf").unwrap());
    assert_eq!(digest.as_str(), "c4c9334bac560ecc979e58001b3e22fb");
    assert!(digest.matches(&timestamp, &Secret::new("tanstaaf").unwrap()));
    assert!(!digest.matches(&timestamp, &Secret::new("tanstaff").unwrap()));
}

#[test]
fn what_is_no_timestamp_makes_no_digest() {
    for greeting in [
        &b"ready"[..],
        b"ready <1896.697170952>",
        b"ready <a@b",
        b"ready <@b>",
        b"ready <a@>",
        b"ready <a@b@c>",
        b"ready <a b@c>",
        b"ready <a\xff@b>",
        b"ready <\x01@b>",
    ] {
        assert_eq!(ApopTimestamp::find(greeting), None);
    }
}

#[test]
fn replies_have_a_status_a_code_and_a_text() {
    let reply = Reply::parse(b"-ERR [IN-USE] Do you have another POP session running?").unwrap();
    assert_eq!(reply.status, Status::Err);
    assert_eq!(reply.code, Some(ResponseCode::InUse));
    assert_eq!(
        Reply::parse(b"-ERR [sys/temp] x").unwrap().code,
        Some(ResponseCode::SysTemp)
    );
    assert_eq!(Reply::parse(b"-ERR IN-USE x").unwrap().code, None);
    assert_eq!(Reply::parse(b"+OK").unwrap().to_string(), "+OK");
    for line in [
        &b""[..],
        b"+ok",
        b"+OKAY",
        b"OK",
        b"220 smtp",
        b"+OK\0",
        b" +OK",
    ] {
        assert_eq!(Reply::parse(line), None);
    }
    let reply = Reply::parse(b"-ERR \x1b[2Jcleared\x07 \xe2\x80\xaeexe").unwrap();
    assert_eq!(reply.to_string(), r"-ERR \u{1b}[2Jcleared\u{7} \u{202e}exe");
}
