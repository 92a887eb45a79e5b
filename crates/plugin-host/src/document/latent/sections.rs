//! Where the objects of a file are: its cross-reference sections, newest first (ISO 32000-2, 7.5.4, 7.5.6 and 7.5.8).
//!
//! Only what is written by the book is read; `None` sends the file to the engine.

use lopdf::xref::{XrefEntry, XrefType, decode_xref_stream_with_limit};
use lopdf::{Dictionary, Object, Stream};

use crate::document::latent::check::{Check, Kind};
use crate::document::syntax;

/// The most sections of one file.
const MAX_SECTIONS: usize = 256;
/// Numbers up to here are taken however few objects there are; the table is as long as the highest.
const SPARSE: usize = 65_536;
/// The highest object number (ISO 32000-1, annex C).
const MAX_NUMBER: usize = 8_388_607;
/// The nesting of a trailer.
const MAX_DEPTH: u32 = 64;
/// An entry of a table, with its end of line.
const ENTRY: usize = 20;

/// Where one object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Entry {
    /// No section speaks of it.
    #[default]
    Unknown,
    Free,
    At {
        offset: u32,
        generation: u16,
    },
    Packed {
        container: u32,
        index: u16,
    },
}

/// What the sections say together.
#[derive(Debug)]
pub(crate) struct Sections {
    /// By object number.
    pub(crate) entries: Vec<Entry>,
    pub(crate) trailer: Dictionary,
    pub(crate) form: XrefType,
    known: usize,
    /// The file's size in bytes: it has fewer objects.
    size: usize,
}

impl Sections {
    /// Reads all sections of a file that begins with its header. Streams may decode to `limit` bytes.
    pub(crate) fn read(bytes: &[u8], limit: usize) -> Option<Self> {
        let mut at = start(bytes)?;
        let mut sections = Self {
            entries: Vec::new(),
            trailer: Dictionary::new(),
            form: XrefType::CrossReferenceTable,
            known: 0,
            size: bytes.len(),
        };
        let mut seen = Vec::new();
        loop {
            if seen.contains(&at) || seen.len() == MAX_SECTIONS {
                return None;
            }
            seen.push(at);
            let mut trailer = if bytes.get(at..)?.starts_with(b"xref") {
                sections.table(bytes, at)?
            } else {
                if seen.len() == 1 {
                    sections.form = XrefType::CrossReferenceStream;
                }
                sections.stream(bytes, at, limit)?
            };
            let previous = trailer.remove(b"Prev");
            let is_plain = !trailer.has(b"XRefStm") && !trailer.has(b"Encrypt");
            if !is_plain {
                return None;
            }
            if seen.len() == 1 {
                sections.trailer = trailer;
            }
            match previous {
                None => break,
                Some(previous) => at = usize::try_from(previous.as_i64().ok()?).ok()?,
            }
        }
        let is_dense = sections.entries.len() <= SPARSE.max(sections.known.saturating_mul(8));
        is_dense.then_some(sections)
    }

    /// Notes an entry that no newer section has.
    fn note(&mut self, number: usize, entry: Entry) -> Option<()> {
        if number == 0 && entry != Entry::Free {
            return None;
        }
        if number >= self.entries.len() {
            // A file of so few objects with such a number is refused when all sections are read; until then it costs no
            // more than this.
            if number > MAX_NUMBER.min(SPARSE.max(self.size)) {
                return None;
            }
            self.entries.resize(number + 1, Entry::Unknown);
        }
        if self.entries[number] == Entry::Unknown {
            self.entries[number] = entry;
            self.known += 1;
        }
        Some(())
    }

    /// Reads a table; answers the trailer behind it.
    fn table(&mut self, bytes: &[u8], at: usize) -> Option<Dictionary> {
        let mut at = line(bytes, at + 4)?;
        let mut next = 0;
        while bytes.get(at)?.is_ascii_digit() {
            let (first, end) = number(bytes, at)?;
            let (count, end) = number(bytes, end.checked_add(1).filter(|_| bytes[end] == b' ')?)?;
            // Of a number that one section has twice, some readers take the first entry, some the last.
            if first < next {
                return None;
            }
            next = first.checked_add(count)?;
            at = line(bytes, end)?;
            let length = count.checked_mul(ENTRY)?;
            let entries = bytes.get(at..at.checked_add(length)?)?;
            for (index, entry) in entries.chunks_exact(ENTRY).enumerate() {
                self.note(first.checked_add(index)?, table_entry(entry)?)?;
            }
            at += length;
        }
        let rest = bytes.get(at..)?.strip_prefix(b"trailer")?;
        let start = bytes.len() - rest.len();
        let start = start + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let (passed, end) = Check::new(bytes, &mut Vec::new()).outermost(start)?;
        dictionary(&bytes[passed.value.0..end])
            .filter(|trailer| matches!(trailer.get(b"Size"), Ok(Object::Integer(_))))
    }

    /// Reads a cross-reference stream; answers what of its dictionary is a trailer.
    fn stream(&mut self, bytes: &[u8], at: usize, limit: usize) -> Option<Dictionary> {
        let (stream_number, end) = number(bytes, at)?;
        let (generation, _) = number(bytes, end + 1)?;
        let id = (
            u32::try_from(stream_number).ok()?,
            u16::try_from(generation).ok()?,
        );
        let (passed, _) = Check::new(bytes, &mut Vec::new()).indirect(at, id, |_| None)?;
        let (from, to) = passed.content?;
        if passed.top.kind != Kind::CrossReferences {
            return None;
        }
        let dict = dictionary(&bytes[passed.value.0..passed.value.1])?;
        let rows = rows(&dict)?;
        let stream = Stream::new(dict, bytes[from..to].to_vec());
        let (table, trailer) = decode_xref_stream_with_limit(stream, Some(limit)).ok()?;
        // Fewer where a row is of no known kind, or a number has two: readers differ in which they take.
        if table.entries.len() != rows {
            return None;
        }
        for (number, entry) in table.entries {
            let entry = match entry {
                XrefEntry::Normal { offset, generation } => Entry::At { offset, generation },
                XrefEntry::Compressed { container, index } => Entry::Packed { container, index },
                XrefEntry::Free | XrefEntry::UnusableFree => Entry::Free,
            };
            self.note(usize::try_from(number).ok()?, entry)?;
        }
        Some(trailer)
    }
}

/// How many rows a cross-reference stream says that it has.
fn rows(dict: &Dictionary) -> Option<usize> {
    let natural = |object: &Object| usize::try_from(object.as_i64().ok()?).ok();
    let Ok(index) = dict.get(b"Index") else {
        return natural(dict.get(b"Size").ok()?);
    };
    let (runs, []) = index.as_array().ok()?.as_chunks::<2>() else {
        return None;
    };
    runs.iter().try_fold(0_usize, |sum, [first, count]| {
        natural(first)?;
        sum.checked_add(natural(count)?)
    })
}

/// Where the newest section is, by the file's last lines.
fn start(bytes: &[u8]) -> Option<usize> {
    let body = bytes.trim_ascii_end().strip_suffix(b"%%EOF")?;
    let tail = &body[body.len().saturating_sub(40)..];
    let keyword = tail.windows(9).rposition(|window| window == b"startxref")?;
    let digits = tail[keyword + 9..].trim_ascii();
    let is_number = (1..=10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| number(digits, 0))?.map(|(at, _)| at)
}

/// `0000000016 00000 n` and two bytes of line end.
fn table_entry(entry: &[u8]) -> Option<Entry> {
    let (offset, generation) = (digits(entry.get(..10)?)?, digits(entry.get(11..16)?)?);
    if entry[10] != b' ' || entry[16] != b' ' {
        return None;
    }
    match &entry[17..] {
        b"n \n" | b"n \r" | b"n\r\n" => Some(Entry::At {
            offset: u32::try_from(offset).ok()?,
            generation: u16::try_from(generation).ok()?,
        }),
        b"f \n" | b"f \r" | b"f\r\n" => Some(Entry::Free),
        _ => None,
    }
}

/// The number that these digits are.
fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// An unsigned integer of at most ten digits; where it ends is inside `bytes`.
fn number(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(start..)?;
    let length = rest
        .iter()
        .take(11)
        .position(|byte| !byte.is_ascii_digit())
        .or((rest.len() <= 10).then_some(rest.len()))?;
    let text = std::str::from_utf8(&rest[..length]).ok()?;
    Some((text.parse().ok()?, start + length))
}

/// Past an end of line, with a space before it or not.
fn line(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(bytes.get(at) == Some(&b' '));
    match bytes.get(at..)? {
        [b'\r', b'\n', ..] => Some(at + 2),
        [b'\r' | b'\n', ..] => Some(at + 1),
        _ => None,
    }
}

fn dictionary(bytes: &[u8]) -> Option<Dictionary> {
    match syntax::read(bytes, MAX_DEPTH + 1).ok()? {
        Object::Dictionary(dict) => Some(dict),
        _ => None,
    }
}
