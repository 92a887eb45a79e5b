//! Harm that knows nothing of PDF.

use fastrand::Rng;

fn range(bytes: &[u8], random: &mut Rng) -> std::ops::Range<usize> {
    if bytes.is_empty() {
        return 0..0;
    }
    let from = random.usize(..bytes.len());
    let most = if random.bool() { 32 } else { bytes.len() };
    from..(from + 1 + random.usize(..most)).min(bytes.len())
}

/// Takes bytes out, often all to the end.
pub(super) fn cut(bytes: &mut Vec<u8>, random: &mut Rng) {
    let mut range = range(bytes, random);
    if random.u8(..3) == 0 {
        range.end = bytes.len();
    }
    bytes.drain(range);
}

/// Repeats bytes.
pub(super) fn double(bytes: &mut Vec<u8>, random: &mut Rng) {
    let piece = bytes[range(bytes, random)].to_vec();
    let at = random.usize(..=bytes.len());
    bytes.splice(at..at, piece);
}

/// Lets two pieces change places.
pub(super) fn swap(bytes: &mut Vec<u8>, random: &mut Rng) {
    let piece: Vec<u8> = bytes.drain(range(bytes, random)).collect();
    let at = random.usize(..=bytes.len());
    bytes.splice(at..at, piece);
}

/// Changes single bits.
#[expect(clippy::ptr_arg, reason = "one of a table of functions")]
pub(super) fn flip(bytes: &mut Vec<u8>, random: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..random.usize(1..20) {
        let at = random.usize(..bytes.len());
        bytes[at] ^= 1 << random.u8(..8);
    }
}

/// Overwrites or puts in bytes that mean nothing.
pub(super) fn noise(bytes: &mut Vec<u8>, random: &mut Rng) {
    let noise: Vec<u8> = (0..random.usize(1..200)).map(|_| random.u8(..)).collect();
    let at = random.usize(..=bytes.len());
    let end = if random.bool() {
        at
    } else {
        (at + noise.len()).min(bytes.len())
    };
    bytes.splice(at..end, noise);
}
