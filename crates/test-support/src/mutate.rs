//! Sound PDFs made hostile, one structure at a time: cross-references, lengths, filters, streams, the page tree, references,
//! nesting, numbers, names, strings, encryption, trailers, and bytes.
//!
//! It works on the text of a file and not on its objects, since what it makes is mostly no document any more. Half of the
//! files get true cross-references again afterwards: otherwise all of them would only try the repair.

mod bytes;
mod streams;
mod structure;
mod tokens;

use fastrand::Rng;

/// One way to do harm; the name is for reports.
type Move = (&'static str, fn(&mut Vec<u8>, &mut Rng));

const MOVES: &[Move] = &[
    ("offsets", structure::offsets),
    ("startxref", structure::startxref),
    ("prev", structure::prev),
    ("trailer", structure::second_trailer),
    ("update", structure::update),
    ("encrypt", structure::encrypt),
    ("kids", structure::kids),
    ("count", structure::count),
    ("parent", structure::parent),
    ("box", structure::page_box),
    ("contents", structure::contents),
    ("root", structure::root),
    ("length", streams::length),
    ("filter", streams::filter),
    ("predictor", streams::predictor),
    ("bomb", streams::bomb),
    ("inside", streams::inside),
    ("cut-stream", streams::cut),
    ("reference", tokens::reference),
    ("number", tokens::number),
    ("name", tokens::name),
    ("string", tokens::string),
    ("nesting", tokens::nesting),
    ("keyword", tokens::keyword),
    ("swap-objects", tokens::swap_objects),
    ("cut", bytes::cut),
    ("double", bytes::double),
    ("swap", bytes::swap),
    ("flip", |bytes, random| bytes::flip(bytes, random)),
    ("noise", bytes::noise),
];

/// A hostile file, and what was done to it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The file.
    pub bytes: Vec<u8>,
    /// The names of the moves, in order.
    pub moves: Vec<&'static str>,
}

/// Makes a file hostile; the same seed makes the same one.
#[must_use]
pub fn mutant(sound: &[u8], seed: u64) -> Mutant {
    let mut random = Rng::with_seed(seed);
    let mut bytes = sound.to_vec();
    let mut moves = Vec::new();
    let count = [1, 1, 1, 2, 2, 3, 5][random.usize(..7)];
    for _ in 0..count {
        let (name, make) = MOVES[random.usize(..MOVES.len())];
        make(&mut bytes, &mut random);
        moves.push(name);
    }
    if random.bool() && structure::refit(&mut bytes) {
        moves.push("refit");
    }
    Mutant { bytes, moves }
}

/// Where `needle` stands in `hay`.
fn all(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    if hay.len() < needle.len() {
        return Vec::new();
    }
    let last = hay.len() - needle.len();
    (0..=last)
        .filter(|&at| hay[at] == needle[0] && hay[at..].starts_with(needle))
        .collect()
}

/// One of the places where `needle` stands, the place after it.
fn after_one(hay: &[u8], needle: &[u8], random: &mut Rng) -> Option<usize> {
    let found = all(hay, needle);
    random.choice(&found).map(|at| at + needle.len())
}

/// How long the value at `at` is, blanks before it included: a word, a reference, or a bracket with all in it.
fn value_length(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let blanks = rest
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let value = &rest[blanks..];
    let close = match value {
        [b'<', b'<', ..] => end_of(value, b'<', b'>'),
        [b'[', ..] => end_of(value, b'[', b']'),
        [b'(', ..] => end_of(value, b'(', b')'),
        _ => None,
    };
    blanks + close.unwrap_or_else(|| word(value))
}

fn end_of(value: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in value.iter().enumerate().take(4096) {
        depth += i32::from(*byte == open) - i32::from(*byte == close);
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// A name, number or reference; at least one byte where there is one.
fn word(value: &[u8]) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/<>[]()".contains(byte);
    let first = value
        .iter()
        .skip(1)
        .position(ends)
        .map_or(value.len(), |at| at + 1);
    let rest = &value[first..];
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    // `12 0 R`
    if let Some((b' ', more)) = rest.split_first() {
        let generation = digits(more);
        if generation > 0 && more[generation..].starts_with(b" R") {
            return first + 1 + generation + 2;
        }
    }
    first
}

/// Puts `new` where the value after one of the places of `key` stands.
fn set(bytes: &mut Vec<u8>, key: &[u8], new: &str, random: &mut Rng) {
    if let Some(at) = after_one(bytes, key, random) {
        let end = at + value_length(bytes, at);
        bytes.splice(at..end, format!(" {new} ").into_bytes());
    }
}

/// Puts `new` at the start of one of the dictionaries.
fn add(bytes: &mut Vec<u8>, new: &str, random: &mut Rng) {
    if let Some(at) = after_one(bytes, b"<<", random) {
        bytes.splice(at..at, format!(" {new} ").into_bytes());
    }
}

fn one_of<'a>(words: &[&'a str], random: &mut Rng) -> &'a str {
    words[random.usize(..words.len())]
}

#[cfg(test)]
mod tests;
