//! Frames from a worker that is not trusted, and from the daemon.

use dropleaf::wire::frame::{Decoder, Frame, MAX_BODY, Message, encode};
use dropleaf::wire::message::{ToDaemon, ToWorker};
use serde_json::Value;
use std::fmt::Debug;
use std::fs::File;
use std::os::fd::OwnedFd;

/// The first byte says who reads, in what pieces, and whether descriptors come along; the rest is what the socket gives.
///
/// # Panics
/// A frame is longer than it may be, holds another message when it is written again, or has a descriptor too many or too
/// few.
pub fn check(data: &[u8]) {
    let Some((&how, stream)) = data.split_first() else {
        return;
    };
    if how & 1 == 0 {
        read::<ToDaemon>(how, stream);
    } else {
        read::<ToWorker>(how, stream);
    }
}

fn read<M: Message + PartialEq + Debug>(how: u8, mut stream: &[u8]) {
    let mut decoder = Decoder::default();
    let piece = [1, 3, 64, usize::MAX][usize::from(how >> 1 & 3)];
    while !stream.is_empty() {
        let first = !decoder.is_inside();
        let space = decoder.space();
        assert!(!space.is_empty() && space.len() <= MAX_BODY);
        let count = space.len().min(stream.len()).min(piece);
        space[..count].copy_from_slice(&stream[..count]);
        stream = &stream[count..];
        let descriptors = if first { usize::from(how >> 3 & 3) } else { 0 };
        match decoder.filled::<M>(count, (0..descriptors).map(|_| descriptor())) {
            Ok(Some(frame)) => once_more(&frame),
            Ok(None) => {}
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    assert_eq!(decoder.ended().is_err(), decoder.is_inside());
}

fn descriptor() -> OwnedFd {
    File::open("/dev/null").expect("it is always there").into()
}

/// What was understood says the same when it is written and read again.
fn once_more<M: Message + PartialEq + Debug>(frame: &Frame<M>) {
    let carries = frame.message.carries_descriptor();
    assert_eq!(carries, frame.descriptor.is_some());
    // A message may grow past the limit when its bytes are escaped; it is refused then.
    let Ok(bytes) = encode(&frame.message) else {
        return;
    };
    let mut decoder = Decoder::default();
    for part in [&bytes[..4], &bytes[4..]] {
        decoder.space()[..part.len()].copy_from_slice(part);
        let descriptors = (carries && part.len() == 4).then(descriptor);
        let got = decoder.filled::<M>(part.len(), descriptors);
        if let Some(again) = got.expect("it was written by us") {
            let values = [&frame.message, &again.message]
                .map(|message| serde_json::to_value(message).expect("it was JSON"));
            assert!(same(&values[0], &values[1]), "{frame:?} {again:?}");
            return;
        }
    }
    panic!("a whole frame was not enough: {frame:?}");
}

/// Equal but for the last digit of a real number, which the text does not keep.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.into_iter().all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-12,
            _ => false,
        },
        _ => one == other,
    }
}
