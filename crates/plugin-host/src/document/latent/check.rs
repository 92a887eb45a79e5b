//! Whether an object is written as everybody reads it: a walk over its bytes that builds nothing.
//!
//! What passes means the same to every reader, ours and the engine's; comments inside objects, escapes that readers take
//! differently, numbers beyond what they hold and everything that is simply wrong does not pass.

use crate::document::characters::{is_regular, is_space};
use lopdf::ObjectId;

/// The deepest nesting that passes; the engine reads 100 levels.
pub(crate) const MAX_DEPTH: u32 = 64;
/// The deepest brackets inside a string.
const MAX_BRACKETS: u32 = 32;
/// The longest number, so that it fits the real ones of 32 bits. An integer may be longer than 64 bits: it stays as it is
/// written, and who reads it gets a real one.
const MAX_NUMBER: usize = 30;

/// An integer of so many digits may be beyond 64 bits.
const LONG: u32 = 19;

/// A walk over the objects of one text, which notes the references that it meets.
pub(crate) struct Check<'a> {
    bytes: &'a [u8],
    references: &'a mut Vec<ObjectId>,
    /// Where the keys stand of the dictionaries that are being looked at.
    keys: Vec<(usize, usize)>,
    /// Whether a [`LONG`] integer was met in the outermost value.
    is_long: bool,
}

/// An indirect object that passed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    /// Where the value stands; of a stream the dictionary.
    pub(crate) value: (usize, usize),
    /// Where the bytes of a stream stand.
    pub(crate) content: Option<(usize, usize)>,
    /// Whether it has an integer that may be beyond 64 bits.
    pub(crate) has_long_integer: bool,
    pub(crate) top: Top,
}

/// What the outermost dictionary says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Top {
    pub(crate) length: Option<Length>,
    pub(crate) kind: Kind,
    pub(crate) has_byte_range: bool,
    pub(crate) has_contents: bool,
}

impl Top {
    /// Notes what it is; `None` for one that says it is two things, of which others may see only one.
    fn be(&mut self, kind: Kind) -> Option<()> {
        let is_first = self.kind == Kind::Other;
        self.kind = kind;
        is_first.then_some(())
    }
}

/// What `/Type` or `/Linearized` says, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Other,
    ObjectStream,
    CrossReferences,
    Linearization,
}

/// `/Length`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    Direct(usize),
    /// With its place among the noted references.
    Indirect(ObjectId, usize),
}

impl<'a> Check<'a> {
    pub(crate) fn new(bytes: &'a [u8], references: &'a mut Vec<ObjectId>) -> Self {
        Self {
            bytes,
            references,
            keys: Vec::new(),
            is_long: false,
        }
    }

    /// The same with the room for keys of one that is done: for very many small objects.
    pub(crate) fn reusing(
        bytes: &'a [u8],
        references: &'a mut Vec<ObjectId>,
        mut room: Vec<(usize, usize)>,
    ) -> Self {
        room.clear();
        Self {
            bytes,
            references,
            keys: room,
            is_long: false,
        }
    }

    /// The room for keys, for the next one.
    pub(crate) fn into_room(self) -> Vec<(usize, usize)> {
        self.keys
    }

    /// The object `id`, which begins at `at`: its head, its value, `endobj`. `length_of` answers for a `/Length` that is
    /// an object of its own.
    pub(crate) fn indirect(
        &mut self,
        at: usize,
        id: ObjectId,
        length_of: impl FnOnce(ObjectId) -> Option<usize>,
    ) -> Option<(Passed, usize)> {
        let start = self.head(at, id)?;
        let (mut passed, end) = self.outermost(start)?;
        let mut at = self.space(end);
        if self.starts(at, b"stream") && self.bytes[start] == b'<' {
            at = self.content(at + 6, &mut passed, length_of)?;
        }
        if !self.starts(at, b"endobj") || !self.is_end(at + 6) {
            return None;
        }
        Some((passed, at + 6))
    }

    /// The value that begins at `at`; answers where it ends.
    pub(crate) fn outermost(&mut self, at: usize) -> Option<(Passed, usize)> {
        let mut passed = Passed::default();
        let is_dictionary = self.starts(at, b"<<");
        self.is_long = false;
        let end = if is_dictionary {
            self.dictionary(at + 2, MAX_DEPTH, Some(&mut passed.top))?
        } else {
            self.value(at, MAX_DEPTH)?
        };
        passed.value = (at, end);
        passed.has_long_integer = self.is_long;
        Some((passed, end))
    }

    /// `7 0 obj`; answers where the value begins.
    pub(crate) fn head(&self, at: usize, id: ObjectId) -> Option<usize> {
        let (number, at) = self.digits(at)?;
        let (generation, at) = self.digits(self.gap(at)?)?;
        let at = self.gap(at)?;
        let is_it = number == u64::from(id.0) && generation == u64::from(id.1);
        (is_it && self.starts(at, b"obj") && self.is_end(at + 3)).then(|| self.space(at + 3))
    }

    /// The bytes of a stream, from behind its keyword to behind `endstream` and the space there.
    fn content(
        &mut self,
        at: usize,
        passed: &mut Passed,
        length_of: impl FnOnce(ObjectId) -> Option<usize>,
    ) -> Option<usize> {
        let start = match self.bytes.get(at..)? {
            [b'\n', ..] => at + 1,
            [b'\r', b'\n', ..] => at + 2,
            _ => return None,
        };
        let length = match passed.top.length? {
            Length::Direct(length) => length,
            Length::Indirect(id, noted) => {
                // The length is written anew, so that nothing refers to it any more.
                self.references.remove(noted);
                length_of(id)?
            }
        };
        let end = start.checked_add(length)?;
        let keyword = match self.bytes.get(end..)? {
            [b'\r', b'\n', ..] => end + 2,
            [b'\n' | b'\r', ..] => end + 1,
            _ => end,
        };
        if !self.starts(keyword, b"endstream") || !self.is_end(keyword + 9) {
            return None;
        }
        passed.content = Some((start, end));
        Some(self.space(keyword + 9))
    }

    fn value(&mut self, at: usize, depth: u32) -> Option<usize> {
        match *self.bytes.get(at)? {
            b'/' => self.name(at + 1),
            b'0'..=b'9' => self.number_or_reference(at),
            b'+' | b'-' | b'.' => self.number(at),
            b'(' => self.literal(at + 1),
            b'[' => self.array(at + 1, depth.checked_sub(1)?),
            b'<' if self.bytes.get(at + 1) == Some(&b'<') => {
                self.dictionary(at + 2, depth.checked_sub(1)?, None)
            }
            b'<' => self.hexadecimal(at + 1),
            b't' => self.word(at, b"true"),
            b'f' => self.word(at, b"false"),
            b'n' => self.word(at, b"null"),
            _ => None,
        }
    }

    fn array(&mut self, mut at: usize, depth: u32) -> Option<usize> {
        loop {
            at = self.space(at);
            if self.bytes.get(at) == Some(&b']') {
                return Some(at + 1);
            }
            at = self.value(at, depth)?;
        }
    }

    fn dictionary(
        &mut self,
        mut at: usize,
        depth: u32,
        mut top: Option<&mut Top>,
    ) -> Option<usize> {
        let (first, mut met, mut again) = (self.keys.len(), 0, false);
        loop {
            at = self.space(at);
            match self.bytes.get(at)? {
                b'/' => {}
                b'>' if self.bytes.get(at + 1) == Some(&b'>') => {
                    let is_clear = !again || !self.has_twins(first);
                    self.keys.truncate(first);
                    return is_clear.then_some(at + 2);
                }
                _ => return None,
            }
            let key = at + 1;
            let end = self.name(key)?;
            again |= self.meet((key, end), &mut met);
            let from = self.space(end);
            let noted = self.references.len();
            at = self.value(from, depth)?;
            if let Some(top) = top.as_deref_mut() {
                self.note((key, end), (from, at), noted, top)?;
            }
        }
    }

    /// Notes a key; `met` has a bit for each likely one. Answers whether it may have been met before.
    fn meet(&mut self, key: (usize, usize), met: &mut u64) -> bool {
        let text = &self.bytes[key.0..key.1];
        let ends = text.first().zip(text.last());
        let (one, other) = ends.map_or((0, 0), |(one, other)| (*one, *other));
        let bit = 1 << ((usize::from(one) * 7 + usize::from(other) * 3 + text.len()) % 64);
        let again = *met & bit != 0;
        *met |= bit;
        self.keys.push(key);
        // One that is written otherwise has another bit than what it means.
        again || text.contains(&b'#')
    }

    /// Whether a dictionary, whose keys begin at `first`, has one twice: some readers take its first value, some the last.
    fn has_twins(&mut self, first: usize) -> bool {
        let bytes = self.bytes;
        let text = |key: &(usize, usize)| &bytes[key.0..key.1];
        let keys = &mut self.keys[first..];
        keys.sort_unstable_by(|one, other| meant(text(one)).cmp(meant(text(other))));
        keys.windows(2)
            .any(|pair| meant(text(&pair[0])).eq(meant(text(&pair[1]))))
    }

    /// Keeps what the outermost dictionary says that matters.
    fn note(
        &self,
        key: (usize, usize),
        value: (usize, usize),
        noted: usize,
        top: &mut Top,
    ) -> Option<()> {
        let value = &self.bytes[value.0..value.1];
        match &self.bytes[key.0..key.1] {
            b"Length" => {
                top.length = match self.references.get(noted) {
                    Some(id) if value.ends_with(b"R") => Some(Length::Indirect(*id, noted)),
                    _ => std::str::from_utf8(value)
                        .ok()
                        .and_then(|value| value.parse().ok())
                        .map(Length::Direct),
                };
            }
            b"Type" => match value {
                b"/ObjStm" => top.be(Kind::ObjectStream)?,
                b"/XRef" => top.be(Kind::CrossReferences)?,
                // A name that may be one of those, written otherwise.
                _ if value.contains(&b'#') => return None,
                _ => {}
            },
            b"Linearized" => top.be(Kind::Linearization)?,
            b"ByteRange" => top.has_byte_range = true,
            b"Contents" => top.has_contents = true,
            key if key.contains(&b'#') => return None,
            _ => {}
        }
        Some(())
    }

    fn name(&self, mut at: usize) -> Option<usize> {
        loop {
            match self.bytes.get(at) {
                Some(b'#') => match self.bytes.get(at + 1..at + 3) {
                    Some(b"00") => return None,
                    Some(pair) if pair.iter().all(u8::is_ascii_hexdigit) => at += 3,
                    // Before PDF 1.2 it stood for itself, and every reader takes it for that where no digits follow.
                    _ => at += 1,
                },
                Some(byte) if is_regular(*byte) => at += 1,
                _ => return Some(at),
            }
        }
    }

    fn word(&self, at: usize, word: &[u8]) -> Option<usize> {
        let end = at + word.len();
        (self.starts(at, word) && self.is_end(end)).then_some(end)
    }

    fn number_or_reference(&mut self, at: usize) -> Option<usize> {
        let end = self.number(at)?;
        let Some((generation, after)) = self.gap(end).and_then(|at| self.digits(at)) else {
            return Some(end);
        };
        let Some(letter) = self.gap(after) else {
            return Some(end);
        };
        if self.bytes.get(letter) != Some(&b'R') {
            return Some(end);
        }
        let (number, digits) = self.digits(at)?;
        let id = (u32::try_from(number).ok()?, u16::try_from(generation).ok()?);
        if digits != end || id.0 == 0 || !self.is_end(letter + 1) {
            return None;
        }
        self.references.push(id);
        Some(letter + 1)
    }

    fn number(&mut self, start: usize) -> Option<usize> {
        let mut at = start + usize::from(matches!(self.bytes[start], b'+' | b'-'));
        let (mut digits, mut points) = (0, 0);
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'0'..=b'9' => digits += 1,
                b'.' => points += 1,
                byte if is_regular(*byte) => return None,
                _ => break,
            }
            at += 1;
        }
        self.is_long |= points == 0 && digits >= LONG;
        (digits > 0 && points <= 1 && at - start <= MAX_NUMBER).then_some(at)
    }

    /// An unsigned integer of at most ten digits; answers it and where it ends.
    fn digits(&self, start: usize) -> Option<(u64, usize)> {
        let (mut value, mut at) = (0_u64, start);
        while let Some(byte @ b'0'..=b'9') = self.bytes.get(at) {
            value = value * 10 + u64::from(byte - b'0');
            at += 1;
            if at - start > 10 {
                return None;
            }
        }
        (at > start).then_some((value, at))
    }

    fn literal(&self, mut at: usize) -> Option<usize> {
        let mut open = 1;
        loop {
            match self.bytes.get(at)? {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Some(at + 1);
                    }
                }
                b'\\' => at += 1,
                _ => {}
            }
            if open > MAX_BRACKETS {
                return None;
            }
            at += 1;
        }
    }

    fn hexadecimal(&self, mut at: usize) -> Option<usize> {
        loop {
            match self.bytes.get(at)? {
                b'>' => return Some(at + 1),
                byte if byte.is_ascii_hexdigit() || is_space(*byte) => at += 1,
                _ => return None,
            }
        }
    }

    fn space(&self, mut at: usize) -> usize {
        while self.bytes.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        at
    }

    /// Past white space, of which there must be some.
    fn gap(&self, at: usize) -> Option<usize> {
        let end = self.space(at);
        (end > at).then_some(end)
    }

    fn starts(&self, at: usize, word: &[u8]) -> bool {
        self.bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(word))
    }

    /// Whether a token that ends before `at` is over.
    fn is_end(&self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(|byte| !is_regular(*byte))
    }
}

/// The bytes that a name means: `#42` is `B`.
fn meant(name: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut rest = name.iter();
    std::iter::from_fn(move || {
        let (byte, after) = (rest.next()?, rest.as_slice());
        let pair = match (byte, after) {
            (b'#', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        let Some((high, low)) = pair else {
            return Some(*byte);
        };
        rest = after[2..].iter();
        Some((high << 4 | low) as u8)
    })
}

#[cfg(test)]
mod tests;
