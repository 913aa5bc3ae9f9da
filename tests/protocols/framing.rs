//! Frames: the same ones come out however the stream is cut, and nothing else ever does.

use crosscheck::protocols::framing::frame::{self, HEADER, MAX_PAYLOAD};
use crosscheck::protocols::framing::{FrameDecoder, FrameError, Header, Piece};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a decoder finds, with the pieces of a payload put together again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    frames: Vec<(Header, Vec<u8>)>,
    error: Option<FrameError>,
}

/// Decodes a stream in pieces of those sizes, the rest in one.
fn decode(stream: &[u8], cuts: &[usize], most: u32) -> (Found, FrameDecoder) {
    let mut decoder = FrameDecoder::new(most);
    let mut found = Found::default();
    let mut rest = stream;
    let mut cuts = cuts.iter();
    while !rest.is_empty() && found.error.is_none() {
        let cut = cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len()));
        let (mut input, later) = rest.split_at(cut);
        rest = later;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(Piece::Header(header))) => found.frames.push((header, Vec::new())),
                Ok(Some(Piece::Payload { bytes, last })) => {
                    let (header, payload) = found.frames.last_mut().expect("a header came first");
                    assert!(!bytes.is_empty());
                    payload.extend_from_slice(bytes);
                    assert_eq!(last, payload.len() == header.length as usize);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input), Err(error), "errors stay");
                    found.error = Some(error);
                    break;
                }
            }
        }
    }
    (found, decoder)
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn what_goes_in_comes_out(
        frames in vec((any::<u8>(), any::<u8>(), vec(any::<u8>(), 1..600)), 0..8),
        cuts in vec(0_usize..40, 0..200),
    ) {
        let mut stream = Vec::new();
        for (kind, flags, payload) in &frames {
            frame::encode(*kind, *flags, payload, &mut stream).expect("the sizes are allowed");
        }
        let (found, decoder) = decode(&stream, &cuts, 600);
        prop_assert_eq!(found.error, None);
        prop_assert_eq!(decoder.finish(), Ok(()));
        let seen: Vec<_> = found
            .frames
            .into_iter()
            .map(|(header, payload)| (header.kind, header.flags, payload))
            .collect();
        prop_assert_eq!(seen, frames);
    }

    #[test]
    fn cuts_change_nothing(
        stream in vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..400),
        cuts in vec(0_usize..20, 0..200),
        most in 1_u32..200,
    ) {
        let (whole, one) = decode(&stream, &[], most);
        let (pieces, other) = decode(&stream, &cuts, most);
        prop_assert_eq!(whole, pieces);
        prop_assert_eq!(one.finish(), other.finish());
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_says_so(
        payload in vec(any::<u8>(), 1..100),
        end in any::<prop::sample::Index>(),
    ) {
        let mut stream = Vec::new();
        frame::encode(1, 0, &payload, &mut stream).expect("the size is allowed");
        let end = 1 + end.index(stream.len() - 1);
        let (_, decoder) = decode(&stream[..end], &[], 100);
        prop_assert_eq!(decoder.finish(), Err(FrameError::Cut));
    }

    /// Somebody else may take the payload from the input.
    #[test]
    fn payloads_can_be_skipped(first in vec(any::<u8>(), 1..100), second in vec(any::<u8>(), 1..100)) {
        let mut stream = Vec::new();
        frame::encode(1, 0, &first, &mut stream).expect("the size is allowed");
        frame::encode(2, 0, &second, &mut stream).expect("the size is allowed");
        let mut decoder = FrameDecoder::new(100);
        let mut input = &stream[..];
        let header = decoder.decode(&mut input).expect("a frame");
        prop_assert!(matches!(header, Some(Piece::Header(_))));
        prop_assert_eq!(decoder.remaining() as usize, first.len());
        input = &input[first.len()..];
        decoder.skip(first.len());
        let next = decoder.decode(&mut input).expect("a frame");
        prop_assert!(matches!(next, Some(Piece::Header(header)) if header.kind == 2));
    }
}

#[test]
fn lengths_are_checked_before_anything_else() {
    let with_length = |length: [u8; 4]| {
        let mut bytes = [9, 0, 0, 0, 0, 0, 0, 0];
        bytes[4..].copy_from_slice(&length);
        decode(&bytes, &[], 1 << 30).0.error
    };
    assert_eq!(with_length([0; 4]), Some(FrameError::Empty));
    let too_long = |length| FrameError::TooLong {
        length,
        most: MAX_PAYLOAD,
    };
    for length in [MAX_PAYLOAD + 1, u32::MAX] {
        assert_eq!(with_length(length.to_be_bytes()), Some(too_long(length)));
    }
    assert_eq!(with_length(MAX_PAYLOAD.to_be_bytes()), None);
    // The numbers of a protocol that has 64 bits for them.
    let all_ones = decode(&[0xff; HEADER], &[], MAX_PAYLOAD).0;
    assert_eq!(
        all_ones.error,
        Some(FrameError::Reserved { reserved: 0xffff })
    );
}

#[test]
fn what_no_decoder_takes_is_not_encoded() {
    let mut output = Vec::new();
    assert_eq!(
        frame::encode(1, 0, &[], &mut output),
        Err(FrameError::Empty)
    );
    let large = vec![0; MAX_PAYLOAD as usize + 1];
    assert!(matches!(
        frame::encode(1, 0, &large, &mut output),
        Err(FrameError::TooLong { .. })
    ));
    assert!(output.is_empty());
}

#[test]
fn the_header_is_as_documented() {
    let header = Header {
        kind: 0x12,
        flags: 0x34,
        length: 0x0001_0203,
    };
    assert_eq!(header.encode(), [0x12, 0x34, 0, 0, 0, 1, 2, 3]);
}
