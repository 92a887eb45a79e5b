//! Frames: every message comes back, and no garbage gets further than an error.

use super::*;
use crate::job::attempt::Bill;
use crate::problem::{Code, Problem};
use crate::wire::message::Place;
use proptest::prelude::*;
use std::fs::File;

fn feed<M: Message>(
    decoder: &mut Decoder,
    bytes: &[u8],
    piece: usize,
    descriptors: usize,
) -> Result<Vec<Frame<M>>, FrameError> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    let mut riding: Vec<OwnedFd> = (0..descriptors).map(|_| null()).collect();
    while !rest.is_empty() {
        let space = decoder.space();
        assert!(!space.is_empty(), "there is always space for more");
        let count = space.len().min(piece).min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        frames.extend(decoder.filled(count, riding.drain(..))?);
    }
    Ok(frames)
}

fn null() -> OwnedFd {
    File::open("/dev/null")
        .expect("/dev/null can be opened")
        .into()
}

fn raw(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len())
        .expect("a short body")
        .to_le_bytes()
        .to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn refused(bytes: &[u8], descriptors: usize) -> String {
    feed::<ToDaemon>(&mut Decoder::default(), bytes, usize::MAX, descriptors)
        .expect_err("it is refused")
        .to_string()
}

#[test]
fn what_a_hostile_worker_sends_is_named() {
    let opened = encode(&ToDaemon::Opened { pages: 1 }).expect("it is short");
    let output = encode(&ToDaemon::Output {
        part: 1,
        pages: 1,
        name: "a.pdf".into(),
        folder: "/out".into(),
    })
    .expect("it is short");
    let cases: &[(&[u8], usize, &str)] = &[
        (&[0, 0, 0, 0], 0, "a frame of `0` bytes"),
        (&[1, 0, 16, 0], 0, "a frame of `1048577` bytes"),
        (&[255; 4], 0, "a frame of `4294967295` bytes"),
        (&raw(b"hello"), 0, "no JSON"),
        (&raw(b"{\"say\":\"opened\",\"pages\":1"), 0, "no JSON"),
        (&raw(b"{\"say\":\"opened\",\"pages\":1} x"), 0, "no JSON"),
        (&raw(&[0xff, 0xfe]), 0, "no JSON"),
        (&raw(&[b'['; 4000]), 0, "no"),
        (
            &raw(b"{\"say\":\"shutdown\"}"),
            0,
            "unknown variant `shutdown`",
        ),
        (
            &raw(b"{\"say\":\"opened\",\"pages\":-1}"),
            0,
            "no known message",
        ),
        (&raw(b"[]"), 0, "no known message"),
        (&opened, 1, "carries no file descriptor"),
        (&output, 0, "without its file descriptor"),
        (&output, 2, "more than one file descriptor"),
    ];
    for (bytes, descriptors, expected) in cases {
        let text = refused(bytes, *descriptors);
        assert!(text.contains(expected), "{text:?} lacks {expected:?}");
    }
}

#[test]
fn an_end_inside_a_frame_is_not_an_end() {
    let mut decoder = Decoder::default();
    assert!(decoder.ended().is_ok());
    let bytes = encode(&ToDaemon::Opened { pages: 7 }).expect("it is short");
    for cut in 1..bytes.len() {
        let mut decoder = Decoder::default();
        let frames = feed::<ToDaemon>(&mut decoder, &bytes[..cut], 3, 0).expect("a good start");
        assert!(frames.is_empty());
        assert!(decoder.ended().is_err(), "cut at {cut}");
    }
    feed::<ToDaemon>(&mut decoder, &bytes, 1, 0).expect("a whole frame");
    assert!(decoder.ended().is_ok());
}

#[test]
fn a_message_that_is_too_long_is_not_sent() {
    let message = ToDaemon::Log {
        step: None,
        level: "info".into(),
        message: "x".repeat(MAX_BODY),
    };
    assert!(matches!(encode(&message), Err(FrameError::Length(_))));
}

#[test]
fn a_descriptor_stays_with_its_frame() {
    let output = ToDaemon::Output {
        part: 1,
        pages: 1,
        name: "a.pdf".into(),
        folder: "/out".into(),
    };
    let mut bytes = encode(&output).expect("it is short");
    bytes.extend(
        encode(&ToDaemon::Finished {
            bill: Bill::default(),
            rests: true,
        })
        .expect("it is short"),
    );
    let frames = feed::<ToDaemon>(&mut Decoder::default(), &bytes, usize::MAX, 1).expect("frames");
    assert!(frames[0].descriptor.is_some());
    assert!(frames[1].descriptor.is_none());
}

fn place() -> impl Strategy<Value = Place> {
    (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(step, part, parts)| Place {
        step,
        part,
        parts,
    })
}

fn message() -> impl Strategy<Value = ToDaemon> {
    let text = || ".{0,40}";
    prop_oneof![
        (any::<u32>(), text(), any::<bool>()).prop_map(|(protocol, sandbox, counts)| {
            ToDaemon::Ready {
                protocol,
                sandbox,
                counts,
            }
        }),
        any::<u64>().prop_map(|pages| ToDaemon::Opened { pages }),
        place().prop_map(ToDaemon::StepStarted),
        (place(), any::<u64>(), any::<u64>()).prop_map(|(place, done, total)| ToDaemon::Progress {
            place,
            done,
            total
        }),
        (place(), any::<u64>(), text()).prop_map(|(place, ms, value)| ToDaemon::StepFinished {
            place,
            ms,
            documents: 1,
            results: [(
                value.clone(),
                serde_json::json!({ "v": [value, null, 1.5] })
            )]
            .into(),
        }),
        (place(), text()).prop_map(|(place, condition)| ToDaemon::StepSkipped { place, condition }),
        (place(), text(), any::<bool>()).prop_map(|(place, text, continued)| {
            ToDaemon::StepFailed {
                place,
                ms: 1,
                problem: Problem::new(Code::StepFailed, text),
                continued,
            }
        }),
        (text(), text(), proptest::option::of(text())).prop_map(|(level, message, step)| {
            ToDaemon::Log {
                step,
                level,
                message,
            }
        }),
        (text(), text()).prop_map(|(name, folder)| ToDaemon::Output {
            part: 1,
            pages: 2,
            name,
            folder,
        }),
        (text(), text()).prop_map(|(manifest, toolchain)| ToDaemon::Described {
            manifest,
            toolchain,
        }),
    ]
}

proptest! {
    #[test]
    fn every_message_comes_back_whatever_the_pieces(message in message(), piece in 1usize..64) {
        let bytes = encode(&message).expect("it is short");
        let riding = usize::from(message.carries_descriptor());
        let frames = feed::<ToDaemon>(&mut Decoder::default(), &bytes, piece, riding).expect("a frame");
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(&frames[0].message, &message);
        prop_assert_eq!(frames[0].descriptor.is_some(), riding == 1);
    }

    #[test]
    fn garbage_gives_errors_and_nothing_else(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        piece in 1usize..64,
        riding in 0usize..3,
    ) {
        // No panic, no endless loop, and no message out of noise.
        if let Ok(frames) = feed::<ToDaemon>(&mut Decoder::default(), &bytes, piece, riding) {
            prop_assert!(frames.is_empty());
        }
    }

    #[test]
    fn a_frame_with_one_changed_byte_never_panics(
        message in message(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&message).expect("it is short");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _outcome = feed::<ToDaemon>(&mut Decoder::default(), &bytes, 16, 0);
    }
}
