//! Objects as PDF syntax (ISO 32000-2, 7.3), straight into a buffer.
//!
//! The engine's writer says the same and hands over every byte through a virtual call, which for small objects costs
//! several times what it writes.

use std::fmt::Display;
use std::io::Write as _;

use lopdf::{Dictionary, Object, ObjectId, StringFormat};

use crate::document::exact;

/// Appends `object`; of a stream the dictionary and the bytes.
pub(crate) fn object(object: &Object, out: &mut Vec<u8>) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(true) => out.extend_from_slice(b"true"),
        Object::Boolean(false) => out.extend_from_slice(b"false"),
        Object::Integer(value) => integer(*value, out),
        Object::Real(value) => real(*value, out),
        Object::Name(text) => match exact::wide(text) {
            Some(value) => digits(value, out),
            None => name(text, out),
        },
        Object::String(text, StringFormat::Literal) => literal(text, out),
        Object::String(text, StringFormat::Hexadecimal) => hexadecimal(text, out),
        Object::Array(items) => array(items, out),
        Object::Dictionary(dict) => dictionary(dict, out),
        Object::Stream(stream) => {
            dictionary(&stream.dict, out);
            stream_content(&stream.content, out);
        }
        Object::Reference(id) => reference(*id, out),
    }
}

/// Appends the bytes of a stream between their keywords.
pub(crate) fn stream_content(content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"stream\n");
    out.extend_from_slice(content);
    out.extend_from_slice(b"\nendstream");
}

/// Appends an integer.
pub(crate) fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `12 0 R`.
fn reference(id: ObjectId, out: &mut Vec<u8>) {
    integer(i64::from(id.0), out);
    out.push(b' ');
    integer(i64::from(id.1), out);
    out.extend_from_slice(b" R");
}

/// A real keeps its point, or it would be read as an integer; it has no exponent (7.3.3). One that was too large to be read is
/// the largest there is: there is no word for an infinite one.
fn real(value: f32, out: &mut Vec<u8>) {
    let value = if value.is_nan() {
        0.0
    } else {
        value.clamp(f32::MIN, f32::MAX)
    };
    digits(value, out);
}

fn digits(value: impl Display, out: &mut Vec<u8>) {
    let from = out.len();
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
    if !out[from..].contains(&b'.') {
        out.extend_from_slice(b".0");
    }
}

/// Appends a name with its solidus.
pub(crate) fn name(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    if text.iter().all(|byte| is_plain(*byte)) {
        out.extend_from_slice(text);
        return;
    }
    for byte in text {
        if is_plain(*byte) {
            out.push(*byte);
        } else {
            out.push(b'#');
            hex(*byte, out);
        }
    }
}

/// What stands for itself in a name (7.3.5).
fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' | b'#'
        );
        byte += 1;
    }
    table
};

/// Backslashes, carriage returns and brackets without a partner are escaped (7.3.4.2).
fn literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'(');
    if text
        .iter()
        .any(|byte| matches!(byte, b'(' | b')' | b'\\' | b'\r'))
    {
        escaped(text, out);
    } else {
        out.extend_from_slice(text);
    }
    out.push(b')');
}

fn escaped(text: &[u8], out: &mut Vec<u8>) {
    let (mut open, mut lone) = (Vec::new(), Vec::new());
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'(' => open.push(index),
            b')' if open.pop().is_none() => lone.push(index),
            _ => {}
        }
    }
    lone.append(&mut open);
    lone.sort_unstable();
    let mut lone = lone.into_iter().peekable();
    for (index, byte) in text.iter().enumerate() {
        let is_lone = lone.next_if_eq(&index).is_some();
        match byte {
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            _ if is_lone => out.extend_from_slice(&[b'\\', *byte]),
            _ => out.push(*byte),
        }
    }
}

fn hexadecimal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'<');
    text.iter().for_each(|byte| hex(*byte, out));
    out.push(b'>');
}

fn hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Appends `[ ... ]`.
pub(crate) fn array(items: &[Object], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 && is_word(item) {
            out.push(b' ');
        }
        object(item, out);
    }
    out.push(b']');
}

/// Appends `<< ... >>`.
pub(crate) fn dictionary(dict: &Dictionary, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<<");
    for (key, value) in dict {
        entry(key, value, out);
    }
    out.extend_from_slice(b">>");
}

/// Appends a key and its value.
pub(crate) fn entry(key: &[u8], value: &Object, out: &mut Vec<u8>) {
    name(key, out);
    if is_word(value) {
        out.push(b' ');
    }
    object(value, out);
}

/// Whether it would run into the word before it.
pub(crate) fn is_word(object: &Object) -> bool {
    match object {
        Object::Null
        | Object::Boolean(_)
        | Object::Integer(_)
        | Object::Real(_)
        | Object::Reference(_) => true,
        Object::Name(text) => exact::wide(text).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use lopdf::{Stream, Writer, dictionary};
    use proptest::prelude::*;

    use super::*;

    fn check(value: &Object) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        object(value, &mut ours);
        Writer::write_object(&mut theirs, value).expect("writing to memory");
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string()
        );
    }

    #[test]
    fn syntax_is_what_the_engine_writes() {
        check(&Object::Dictionary(dictionary! {
            "A" => vec![1.into(), Object::Real(2.0), Object::Real(-0.25), Object::Real(1e-7), Object::Real(1e20), "N".into()],
            "B b#" => Object::Null, "C" => true, "D" => Object::Reference((12, 3)),
            "E" => Object::string_literal("a(b\\c)d)\r("), "F" => dictionary! {},
            "G" => Object::String(vec![0, 255, 16], StringFormat::Hexadecimal),
        }));
        check(&Object::Stream(Stream::new(
            dictionary! { "X" => -7 },
            b"bytes".to_vec(),
        )));
    }

    #[test]
    fn a_real_without_an_end_is_the_largest_there_is() {
        let largest = "340282350000000000000000000000000000000.0";
        for (value, expected) in [
            (f32::INFINITY, largest.to_owned()),
            (f32::NEG_INFINITY, format!("-{largest}")),
            (f32::NAN, "0.0".to_owned()),
        ] {
            let mut written = Vec::new();
            object(&Object::Real(value), &mut written);
            assert_eq!(written.escape_ascii().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_string_and_name_is_what_the_engine_writes(text in proptest::collection::vec(any::<u8>(), 0..40), real in any::<f32>()) {
            check(&Object::Array(vec![
                Object::String(text.clone(), StringFormat::Literal),
                Object::Name(text),
                Object::Real(real),
            ]));
        }

        #[test]
        fn any_brackets_are_what_the_engine_writes(text in "[()\\\\\ra]{0,24}") {
            check(&Object::string_literal(text));
        }
    }
}
