//! PDF syntax of direct values, read and written (ISO 32000-2, 7.3).

use lopdf::{Dictionary, Object, ObjectId, StringFormat};

use crate::document::characters::{is_delimiter, is_space};
use crate::document::exact;
use crate::document::place::Holder;
use crate::document::serialize;
use crate::fault::{Fault, Result};

/// Writes a container; of a stream the dictionary.
pub(crate) fn write(holder: Holder<'_>, out: &mut Vec<u8>) {
    match holder {
        Holder::Dict(dict) => serialize::dictionary(dict, out),
        Holder::Stream(stream) => serialize::dictionary(&stream.dict, out),
        Holder::Array(items) => serialize::array(items, out),
    }
}

/// Reads one array or dictionary that `source` is the whole of.
pub(crate) fn read(source: &[u8], max_depth: u32) -> Result<Object> {
    let mut parser = Parser::new(source);
    let object = parser.value(max_depth)?;
    parser.space();
    if parser.at < source.len() {
        return Err(parser.wrong("the end"));
    }
    match object {
        Object::Array(_) | Object::Dictionary(_) => Ok(object),
        other => Err(Fault::new(
            dropleaf_plugin_abi::E_SYNTAX,
            format!(
                "expected an array or a dictionary, found a {}",
                other.enum_variant().to_lowercase()
            ),
        )),
    }
}

/// Reads the value that `source` is the whole of and that has been checked to be one.
pub(crate) fn read_checked(source: &[u8], max_depth: u32) -> Option<Object> {
    let mut parser = Parser::new(source);
    parser.value(max_depth).ok()
}

/// Reads the name that `source` begins with, and how long it is with its solidus and its escapes.
pub(crate) fn read_name(source: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut parser = Parser::new(source);
    let name = parser.name().ok()?;
    Some((name, parser.at))
}

/// Reads the indirect object that `source` begins with: `7 0 obj`, its value, whatever follows.
pub(crate) fn read_indirect(source: &[u8], max_depth: u32) -> Option<Object> {
    let mut parser = Parser::new(source);
    parser.head()?;
    parser.value(max_depth).ok()
}

/// Reads the head of an indirect object that `source` begins with: `7 0 obj`.
pub(crate) fn read_head(source: &[u8]) -> Option<ObjectId> {
    Parser::new(source).head()
}

/// Reads the indirect stream that `source` begins with: its id, its dictionary, and where its bytes begin.
pub(crate) fn read_stream_head(
    source: &[u8],
    max_depth: u32,
) -> Option<(ObjectId, Dictionary, usize)> {
    let mut parser = Parser::new(source);
    let id = parser.head()?;
    let Ok(Object::Dictionary(dict)) = parser.value(max_depth) else {
        return None;
    };
    parser.space();
    let mut begins = parser.takes(b"stream");
    while parser.takes(b" ") {}
    begins &= parser.takes(b"\r\n") || parser.takes(b"\n") || parser.takes(b"\r");
    begins.then_some((id, dict, parser.at))
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    /// Those of the dictionaries that are being read.
    entries: Vec<(Vec<u8>, Object)>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            at: 0,
            entries: Vec::new(),
        }
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn wrong(&self, expected: &str) -> Fault {
        let found = match self.source.get(self.at..) {
            Some([]) | None => "the end".to_owned(),
            Some(rest) => format!("`{}`", rest[..rest.len().min(12)].escape_ascii()),
        };
        Fault::new(
            dropleaf_plugin_abi::E_SYNTAX,
            format!("expected {expected} at byte {}, found {found}", self.at),
        )
    }

    fn space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => {
                    while self
                        .peek()
                        .is_some_and(|byte| byte != b'\n' && byte != b'\r')
                    {
                        self.at += 1;
                    }
                }
                _ if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// `7 0 obj`.
    fn head(&mut self) -> Option<ObjectId> {
        let id = (self.digits()?.parse().ok()?, self.digits()?.parse().ok()?);
        self.space();
        self.takes(b"obj").then_some(id)
    }

    fn digits(&mut self) -> Option<&str> {
        self.space();
        let word = self.word(self.at);
        let length = word.len();
        let start = self.at;
        if length == 0 || !word.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.at += length;
        std::str::from_utf8(&self.source[start..self.at]).ok()
    }

    fn takes(&mut self, token: &[u8]) -> bool {
        let found = self.source[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: u32) -> Result<Object> {
        self.space();
        let Some(first) = self.peek() else {
            return Err(self.wrong("a value"));
        };
        let inner = || {
            depth
                .checked_sub(1)
                .ok_or_else(|| Fault::limit("the syntax is nested too deeply"))
        };
        match first {
            b'[' => self.array(inner()?),
            b'<' if self.source[self.at..].starts_with(b"<<") => self.dictionary(inner()?),
            b'<' => self.hexadecimal(),
            b'(' => self.literal(),
            b'/' => Ok(Object::Name(self.name()?)),
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.number(),
            _ => self.keyword(),
        }
    }

    fn array(&mut self, depth: u32) -> Result<Object> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.takes(b"]") {
                return Ok(Object::Array(items));
            }
            if self.at >= self.source.len() {
                return Err(self.wrong("`]`"));
            }
            items.push(self.value(depth)?);
        }
    }

    fn dictionary(&mut self, depth: u32) -> Result<Object> {
        self.at += 2;
        let first = self.entries.len();
        loop {
            self.space();
            if self.takes(b">>") {
                break;
            }
            if self.peek() != Some(b'/') {
                return Err(self.wrong("a key or `>>`"));
            }
            let key = self.name()?;
            let value = self.value(depth)?;
            self.entries.push((key, value));
        }
        // Made in one go: a dictionary that grows entry by entry hashes them all again at every size.
        let mut dict = Dictionary::new();
        dict.as_hashmap_mut().reserve(self.entries.len() - first);
        for (key, value) in self.entries.drain(first..) {
            dict.set(key, value);
        }
        Ok(Object::Dictionary(dict))
    }

    fn name(&mut self) -> Result<Vec<u8>> {
        self.at += 1;
        let mut name = Vec::new();
        while let Some(byte) = self.peek() {
            if is_space(byte) || is_delimiter(byte) {
                break;
            }
            self.at += 1;
            let escaped = (byte == b'#')
                .then(|| hex_pair(self.source.get(self.at..self.at + 2)?))
                .flatten();
            match escaped {
                Some(0) => return Err(self.wrong("a name without a zero byte")),
                Some(byte) => {
                    name.push(byte);
                    self.at += 2;
                }
                None => name.push(byte),
            }
        }
        Ok(name)
    }

    fn word(&self, from: usize) -> &[u8] {
        let rest = &self.source[from..];
        let end = rest
            .iter()
            .position(|byte| is_space(*byte) || is_delimiter(*byte))
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn keyword(&mut self) -> Result<Object> {
        let word = self.word(self.at);
        let (object, length) = match word {
            b"true" => (Object::Boolean(true), 4),
            b"false" => (Object::Boolean(false), 5),
            b"null" => (Object::Null, 4),
            _ => return Err(self.wrong("a value")),
        };
        self.at += length;
        Ok(object)
    }

    fn number(&mut self) -> Result<Object> {
        if let Some(reference) = self.reference() {
            return Ok(reference);
        }
        let word = self.word(self.at);
        let text = std::str::from_utf8(word).unwrap_or("");
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let object = match text.parse::<i64>() {
            Ok(integer) => Some(Object::Integer(integer)),
            Err(_) => plain.then(|| exact::read(text)).flatten(),
        };
        let length = word.len();
        let object = object.ok_or_else(|| self.wrong("a number"))?;
        self.at += length;
        Ok(object)
    }

    /// `12 0 R`, looked for before a number is one.
    fn reference(&mut self) -> Option<Object> {
        let start = self.at;
        let mut integer = || -> Option<u32> {
            let word = self.word(self.at);
            let value = std::str::from_utf8(word)
                .ok()?
                .parse()
                .ok()
                .filter(|_| word[0].is_ascii_digit())?;
            self.at += word.len();
            self.space();
            Some(value)
        };
        let ids = (|| Some((integer()?, u16::try_from(integer()?).ok()?)))();
        if let Some(id) = ids
            && id.0 > 0
            && self.word(self.at) == b"R"
        {
            self.at += 1;
            return Some(Object::Reference(id));
        }
        self.at = start;
        None
    }

    fn hexadecimal(&mut self) -> Result<Object> {
        self.at += 1;
        let mut digits = Vec::new();
        loop {
            match self.peek() {
                Some(b'>') => break,
                Some(byte) if byte.is_ascii_hexdigit() => digits.push(byte),
                Some(byte) if is_space(byte) => {}
                _ => return Err(self.wrong("a hexadecimal digit or `>`")),
            }
            self.at += 1;
        }
        self.at += 1;
        if digits.len() % 2 == 1 {
            digits.push(b'0');
        }
        let text = digits.chunks(2).filter_map(hex_pair).collect();
        Ok(Object::String(text, StringFormat::Hexadecimal))
    }

    fn literal(&mut self) -> Result<Object> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 1;
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.wrong("`)`"));
            };
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(Object::String(text, StringFormat::Literal));
                    }
                }
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                b'\r' => {
                    self.takes(b"\n");
                    text.push(b'\n');
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek() else {
            return;
        };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'\r' => drop(self.takes(b"\n")),
            b'\n' => {}
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.peek() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(digit - b'0');
                            self.at += 1;
                        }
                        _ => break,
                    }
                }
                text.push(value as u8);
            }
            other => text.push(other),
        }
    }
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let answer = match read(source.as_bytes(), 8) {
            Ok(object) => {
                let mut out = Vec::new();
                serialize::object(&object, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            Err(fault) => fault.text.into_owned(),
        };
        assert_eq!(answer, expected, "{source}");
    }

    #[test]
    fn containers_are_read_and_everything_else_is_named() {
        check("<< /A 1 /B [ 2 3.5 -.5 +7 ] >>", "<</A 1/B[2 3.5 -0.5 7]>>");
        check("[12 0 R 12 0 13 1 R]", "[12 0 R 12 0 13 1 R]");
        check(
            "[ (a\\(b\\)\\101\\n(c)) <48 4> /N#61me ]",
            "[(a(b)A\n(c))<4840>/Name]",
        );
        check("[true false null] % done", "[true false null]");
        check("<< /A << /B [] >> >>", "<</A<</B[]>>>>");
        check("[1 2", "expected `]` at byte 4, found the end");
        check(
            "<< 1 2 >>",
            "expected a key or `>>` at byte 3, found `1 2 >>`",
        );
        check("[1e5]", "expected a number at byte 1, found `1e5]`");
        check("[1] 2", "expected the end at byte 4, found `2`");
        check("/Name", "expected an array or a dictionary, found a name");
        check("[[[[[[[[[]]]]]]]]]", "the syntax is nested too deeply");
        check("[(open]", "expected `)` at byte 7, found the end");
        check("[maybe]", "expected a value at byte 1, found `maybe]`");
    }
}
