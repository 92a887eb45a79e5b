//! Harm to words: references, numbers, names, strings, brackets, keywords, whole objects.

use super::{add, all, one_of};
use fastrand::Rng;

/// Numbers at the ends of what programs count with, and beyond.
pub(super) const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "65535",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999999999",
    "1e308",
    "1.7976931348623157e309",
    "0.0000000000000000000000000000000000000000000001",
    "340282350000000000000000000000000000001.0",
    "--3",
    "+-4",
    ".",
    "-.",
    "1.2.3",
    "0x10",
    "NaN",
    "inf",
];

/// The numbers in a text, as ranges; those inside of streams count too.
fn numbers(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits > 0 && (at == 0 || b" [/\n\r<>]".contains(&bytes[at - 1])) {
            found.push(at..at + digits);
        }
        at += digits.max(1);
    }
    found
}

/// A number becomes another one.
pub(super) fn number(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = numbers(bytes);
    if let Some(range) = random.choice(&found) {
        bytes.splice(range.clone(), one_of(NUMBERS, random).bytes());
    }
}

/// A reference becomes one to another object, to a free one, to itself.
pub(super) fn reference(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = all(bytes, b" 0 R");
    let Some(&end) = random.choice(&found) else {
        return;
    };
    let digits = bytes[..end]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let new = match random.u8(..5) {
        0 => "0".to_owned(),
        1 => "999999".to_owned(),
        2 => "4294967295".to_owned(),
        _ => random.u32(1..24).to_string(),
    };
    bytes.splice(end - digits..end, new.into_bytes());
}

/// A name becomes odd, or another one of those that matter.
pub(super) fn name(bytes: &mut Vec<u8>, random: &mut Rng) {
    const NAMES: &[&str] = &[
        "#00",
        "#",
        "#4",
        "#zz",
        "#2F",
        "",
        "Type",
        "Pages",
        "Page",
        "Kids",
        "Parent",
        "Length",
        "Filter",
        "Catalog",
        "ObjStm",
        "XRef",
        "Encrypt",
        "Root",
        "FlateDecode",
        "Contents",
    ];
    let found = all(bytes, b"/");
    let Some(&slash) = random.choice(&found) else {
        return;
    };
    let rest = &bytes[slash + 1..];
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let long = "A".repeat(70_000);
    let new = if random.u8(..20) == 0 {
        &long
    } else {
        one_of(NAMES, random)
    };
    bytes.splice(slash + 1..slash + 1 + length, new.bytes());
}

/// A string loses its end, or gets another one's.
pub(super) fn string(bytes: &mut Vec<u8>, random: &mut Rng) {
    let marks: [&[u8]; 8] = [b")", b"(", b">", b"<", b"\\", b"\\)", b"<f", b"(\\777"];
    let mark = marks[random.usize(..marks.len())];
    if random.bool() {
        let found = all(bytes, &mark[..1]);
        if let Some(&at) = random.choice(&found) {
            bytes.remove(at);
        }
    } else {
        let at = random.usize(..=bytes.len());
        bytes.splice(at..at, mark.iter().copied());
    }
}

/// A value in a value in a value; or an array that is only long.
pub(super) fn nesting(bytes: &mut Vec<u8>, random: &mut Rng) {
    let levels = [3, 50, 95, 101, 500, 20_000][random.usize(..6)];
    let value = match random.u8(..4) {
        0 => format!("{}1{}", "[".repeat(levels), "]".repeat(levels)),
        1 => format!("{}1{}", "<</A ".repeat(levels), ">>".repeat(levels)),
        2 => "[".repeat(levels),
        _ => format!("[{}]", "1 0 R ".repeat(levels)),
    };
    let key = one_of(
        &[
            "X",
            "Resources",
            "Annots",
            "Kids",
            "Contents",
            "Names",
            "Info",
        ],
        random,
    );
    add(bytes, &format!("/{key} {value}"), random);
}

/// One of the words that hold a file together goes, comes twice, or is another.
pub(super) fn keyword(bytes: &mut Vec<u8>, random: &mut Rng) {
    const WORDS: &[&str] = &[
        "endobj",
        "obj",
        "stream",
        "endstream",
        "xref",
        "trailer",
        "startxref",
        "%%EOF",
        "R",
        "null",
        "true",
    ];
    let found = all(bytes, one_of(WORDS, random).as_bytes());
    let Some(&at) = random.choice(&found) else {
        return;
    };
    let length = bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let new = match random.u8(..3) {
        0 => String::new(),
        1 => format!("{} {0}", String::from_utf8_lossy(&bytes[at..at + length])),
        _ => one_of(WORDS, random).to_owned(),
    };
    bytes.splice(at..at + length, new.into_bytes());
}

/// Two objects change their numbers.
pub(super) fn swap_objects(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = all(bytes, b" 0 obj");
    let (Some(&one), Some(&other)) = (random.choice(&found), random.choice(&found)) else {
        return;
    };
    let number = |end: usize| {
        let digits = bytes[..end]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (end - digits..end, bytes[end - digits..end].to_vec())
    };
    let ((first, first_number), (last, last_number)) =
        (number(one.max(other)), number(one.min(other)));
    if one != other {
        // The later one first: the earlier keeps its place.
        bytes.splice(first, last_number);
        bytes.splice(last, first_number);
    }
}
