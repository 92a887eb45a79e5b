//! Harm to streams: how long, how packed, what is inside.

use super::tokens::NUMBERS;
use super::{MOVES, Move, add, all, one_of, set};
use fastrand::Rng;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read as _, Write as _};
use std::ops::Range;

/// The most that is unpacked to be changed.
const INSIDE: u64 = 1 << 20;

/// What lies between `stream` and `endstream`, for each.
fn contents(bytes: &[u8]) -> Vec<Range<usize>> {
    let ends = all(bytes, b"endstream");
    let begins = all(bytes, b"stream")
        .into_iter()
        .filter(|at| !bytes[..*at].ends_with(b"end"))
        .map(|at| {
            let rest = &bytes[at + 6..];
            let line = rest
                .iter()
                .take(2)
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            at + 6 + line
        });
    begins
        .filter_map(|begin| Some(begin..*ends.iter().find(|end| **end >= begin)?))
        .collect()
}

pub(super) fn length(bytes: &mut Vec<u8>, random: &mut Rng) {
    let new = match random.u8(..4) {
        0 => format!("{} 0 R", random.u32(1..24)),
        1 => random.u32(..3000).to_string(),
        2 => one_of(&["[]", "<<>>", "/X", "null", "(9)"], random).to_owned(),
        _ => one_of(NUMBERS, random).to_owned(),
    };
    set(bytes, b"/Length", &new, random);
}

pub(super) fn filter(bytes: &mut Vec<u8>, random: &mut Rng) {
    const FILTERS: &[&str] = &[
        "/FlateDecode",
        "/Fl",
        "/LZWDecode",
        "/ASCIIHexDecode",
        "/ASCII85Decode",
        "/RunLengthDecode",
        "/DCTDecode",
        "/JBIG2Decode",
        "/CCITTFaxDecode",
        "/JPXDecode",
        "/Crypt",
        "/Nothing",
        "[]",
        "[null]",
        "[/FlateDecode /FlateDecode]",
        "[/ASCIIHexDecode /FlateDecode]",
        "[/RunLengthDecode /RunLengthDecode /RunLengthDecode]",
        "7",
        "3 0 R",
        "<<>>",
    ];
    let new = if random.u8(..8) == 0 {
        format!("[{}]", "/FlateDecode ".repeat(200))
    } else {
        one_of(FILTERS, random).to_owned()
    };
    if random.bool() {
        set(bytes, b"/Filter", &new, random);
    } else {
        add(bytes, &format!("/Filter {new}"), random);
    }
}

pub(super) fn predictor(bytes: &mut Vec<u8>, random: &mut Rng) {
    let (predictor, columns) = (random.u8(..18), one_of(NUMBERS, random));
    let (colors, bits) = (one_of(NUMBERS, random), one_of(NUMBERS, random));
    let parms = format!(
        "/DecodeParms <</Predictor {predictor} /Columns {columns} /Colors {colors} /BitsPerComponent {bits} /EarlyChange 7>>"
    );
    add(bytes, &parms, random);
}

/// A stream unpacks to much more than the file has.
pub(super) fn bomb(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = contents(bytes);
    let Some(range) = random.choice(&found) else {
        return;
    };
    // Most of them below the limit of one stream, so that they are unpacked; few of them large, since each costs time.
    let size = [1 << 18, 1 << 20, 4 << 20, 40 << 20][random.usize(..10).saturating_sub(6)];
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    let fill = [b' ', b'0', b'q', b'\n'][random.usize(..4)];
    std::io::copy(&mut std::io::repeat(fill).take(size), &mut packer).expect("a vector takes all");
    replace(
        bytes,
        range.clone(),
        &packer.finish().expect("a vector takes all"),
    );
}

/// What is packed in a stream is made hostile, and packed again: contents, object streams, cross-reference streams.
pub(super) fn inside(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = contents(bytes);
    let Some(range) = random.choice(&found) else {
        return;
    };
    let mut inner = Vec::new();
    let packed = &bytes[range.clone()];
    let mut unpack = ZlibDecoder::new(packed).take(INSIDE);
    let is_packed = unpack.read_to_end(&mut inner).is_ok() && !inner.is_empty();
    if !is_packed {
        inner = packed.to_vec();
    }
    let harmful: Vec<&Move> = MOVES.iter().filter(|(name, _)| *name != "inside").collect();
    harmful[random.usize(..harmful.len())].1(&mut inner, random);
    if is_packed {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&inner).expect("a vector takes all");
        inner = packer.finish().expect("a vector takes all");
    }
    replace(bytes, range.clone(), &inner);
}

/// A stream ends too early, or its end is missing.
pub(super) fn cut(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = contents(bytes);
    if let Some(range) = random.choice(&found) {
        let from = random.usize(range.start..=range.end);
        let end = range.end + if random.bool() { 9 } else { 0 };
        bytes.drain(from..end.min(bytes.len()));
    }
}

/// Puts `new` into a stream, and its true length before it where that stands there.
fn replace(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    let begin = range.start;
    bytes.splice(range, new.iter().copied());
    let head = bytes[..begin]
        .iter()
        .rposition(|byte| *byte == b'j')
        .unwrap_or(0);
    let Some(key) = all(&bytes[head..begin], b"/Length").pop() else {
        return;
    };
    let at = head + key + 7;
    let end = at + super::value_length(bytes, at);
    bytes.splice(at..end, format!(" {}", new.len()).into_bytes());
}
