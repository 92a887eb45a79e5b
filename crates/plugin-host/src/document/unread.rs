//! Small dictionaries that rest, looked through where they stand: one of their values is found in a fraction of the time
//! that building them takes.
//!
//! What is looked at here has passed [`check`](crate::document::latent::check): no comments, no key that is written with
//! `#`, no key twice, and everything that is opened is closed.

use std::ops::Range;

use lopdf::{Object, ObjectId};

use crate::document::characters::{is_regular, is_space};
use crate::document::latent::check::Check;
use crate::document::syntax;

/// The longest dictionary that is looked through again and again instead of being built once.
pub(crate) const LONGEST: usize = 1024;

/// A dictionary as its text.
#[derive(Clone, Copy)]
pub(crate) struct Unread<'a>(&'a [u8]);

impl<'a> Unread<'a> {
    /// The dictionary that `text`, which has passed the check, is the whole of.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        let is_small = text.len() <= LONGEST && text.starts_with(b"<<") && text.ends_with(b">>");
        is_small.then_some(Self(text))
    }

    /// The same for a text that nobody has looked at.
    pub(crate) fn checked(text: &'a [u8]) -> Option<Self> {
        let dict = Self::of(text)?;
        let (_, end) = Check::new(text, &mut Vec::new()).outermost(0)?;
        (end == text.len()).then_some(dict)
    }

    /// The place behind the last entry.
    pub(crate) fn end(self) -> Range<usize> {
        let end = self.0.len() - 2;
        end..end
    }

    /// The entries in the order of the file.
    pub(crate) fn entries(self) -> Entries<'a> {
        Entries {
            text: self.0,
            at: 2,
        }
    }

    /// Where the value of `key` stands.
    pub(crate) fn place(self, key: &[u8]) -> Option<Range<usize>> {
        let mut entries = self.entries();
        entries
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }

    /// The text of the value of `key`.
    pub(crate) fn get(self, key: &[u8]) -> Option<&'a [u8]> {
        self.0.get(self.place(key)?)
    }

    pub(crate) fn text(self) -> &'a [u8] {
        self.0
    }
}

/// One entry of a dictionary.
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    /// Where the solidus of the key stands.
    pub(crate) start: usize,
    /// Where the value stands.
    pub(crate) value: Range<usize>,
}

/// See [`Unread::entries`].
pub(crate) struct Entries<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let start = space_end(self.text, self.at);
        if self.text.get(start) != Some(&b'/') {
            return None;
        }
        let end = word_end(self.text, start + 1);
        let value = space_end(self.text, end);
        self.at = value_end(self.text, value)?;
        Some(Entry {
            key: &self.text[start + 1..end],
            start,
            value: value..self.at,
        })
    }
}

/// A number, reference, boolean or null.
pub(crate) fn scalar(text: &[u8]) -> Option<Object> {
    match text.first()? {
        b'/' | b'(' | b'<' | b'[' => None,
        _ => syntax::read_checked(text, 0),
    }
}

/// A name that is written as it is meant.
pub(crate) fn name(text: &[u8]) -> Option<&[u8]> {
    plain(text.strip_prefix(b"/")?)
}

/// The characters of a name, if they are written as they are meant.
pub(crate) fn plain(name: &[u8]) -> Option<&[u8]> {
    (!name.contains(&b'#')).then_some(name)
}

/// A literal string that is written as it is meant.
pub(crate) fn string(text: &[u8]) -> Option<&[u8]> {
    let string = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let is_meant = !string.iter().any(|byte| matches!(byte, b'\\' | b'\r'));
    is_meant.then_some(string)
}

/// A reference.
pub(crate) fn reference(text: &[u8]) -> Option<ObjectId> {
    if text.last() != Some(&b'R') {
        return None;
    }
    scalar(text)?.as_reference().ok()
}

/// The items of an array.
pub(crate) fn items(text: &[u8]) -> Option<Items<'_>> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some(Items { rest: inner })
}

/// See [`items`].
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let at = space_end(self.rest, 0);
        let end = value_end(self.rest, at)?;
        let item = &self.rest[at..end];
        self.rest = &self.rest[end..];
        Some(item)
    }
}

/// Where the value ends that begins at `at`.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'/' => Some(word_end(text, at + 1)),
        b'(' => literal_end(text, at),
        b'[' => nested_end(text, at),
        b'<' if text.get(at + 1) == Some(&b'<') => nested_end(text, at),
        b'<' => hexadecimal_end(text, at),
        b'0'..=b'9' => Some(reference_end(text, at).unwrap_or_else(|| word_end(text, at))),
        _ => Some(word_end(text, at)),
    }
}

/// Where `12 0 R` ends.
fn reference_end(text: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| {
        let end = word_end(text, at);
        let is_one = end > at && text[at..end].iter().all(u8::is_ascii_digit);
        is_one.then(|| space_end(text, end))
    };
    let letter = digits(digits(at)?)?;
    (text.get(letter) == Some(&b'R') && word_end(text, letter) == letter + 1).then_some(letter + 1)
}

/// Where an array or a dictionary ends.
fn nested_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_u32;
    loop {
        at = match text.get(at)? {
            b'(' => literal_end(text, at)?,
            b'<' if text.get(at + 1) == Some(&b'<') => {
                open += 1;
                at + 2
            }
            b'<' => hexadecimal_end(text, at)?,
            b'[' => {
                open += 1;
                at + 1
            }
            b']' => {
                open = open.checked_sub(1)?;
                at + 1
            }
            b'>' => {
                open = open.checked_sub(1)?;
                at + 2
            }
            _ => at + 1,
        };
        if open == 0 {
            return Some(at);
        }
    }
}

fn literal_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_u32;
    loop {
        match text.get(at)? {
            b'(' => open += 1,
            b')' => open = open.checked_sub(1)?,
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some(at);
        }
    }
}

fn hexadecimal_end(text: &[u8], at: usize) -> Option<usize> {
    let length = text.get(at..)?.iter().position(|byte| *byte == b'>')?;
    Some(at + length + 1)
}

fn word_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| is_regular(*byte)) {
        at += 1;
    }
    at
}

fn space_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::latent::check::Check;

    fn entries(text: &str) -> Vec<(String, String)> {
        let passed = Check::new(text.as_bytes(), &mut Vec::new()).outermost(0);
        assert!(passed.is_some(), "{text}");
        let dict = Unread::of(text.as_bytes()).expect("a small dictionary");
        let found = dict.entries().map(|entry| {
            let key = String::from_utf8_lossy(entry.key).into_owned();
            (key, text[entry.value].to_owned())
        });
        found.collect()
    }

    #[test]
    fn every_kind_of_value_ends_where_it_does() {
        let values = [
            "1",
            "-1.5",
            "12 0 R",
            "/Name",
            "/",
            "(a\\)b(c)>>)",
            "<6 1>",
            "[1 0 R[<</A(])>>]<3>]",
            "<</A<</B[(>])]>>/C<41>>>",
            "true",
            "null",
        ];
        for one in &values {
            for gap in ["", " "] {
                let is_word = one.starts_with(|c: char| c.is_alphanumeric() || c == '-');
                let before = if is_word { " " } else { gap };
                let text = format!("<<{gap}/K{before}{one}{gap}/L 7 0 R{gap}>>");
                let expected = [("K", *one), ("L", "7 0 R")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()));
                assert_eq!(entries(&text), expected, "{text}");
            }
        }
        assert_eq!(entries("<<>>"), []);
        assert_eq!(entries("<< /A/B/C/D >>").len(), 2);
    }

    #[test]
    fn only_small_dictionaries_are_looked_through() {
        assert!(Unread::of(b"[1 0 R]").is_none());
        let long = format!("<</K({})>>", "x".repeat(LONGEST));
        assert!(Unread::of(long.as_bytes()).is_none());
    }

    #[test]
    fn values_are_told_without_building() {
        assert_eq!(scalar(b"12 0 R"), Some(Object::Reference((12, 0))));
        assert_eq!(scalar(b"90"), Some(Object::Integer(90)));
        assert_eq!(scalar(b"/Name"), None);
        let items = |text| items(text).map(Iterator::collect::<Vec<&[u8]>>);
        assert_eq!(
            items(b"[1 0 R 5[2 0 R]/A(])]"),
            Some(vec![&b"1 0 R"[..], b"5", b"[2 0 R]", b"/A", b"(])"])
        );
        assert_eq!(items(b"[ ]"), Some(Vec::new()));
        assert_eq!(items(b"1 0 R"), None);
    }
}
