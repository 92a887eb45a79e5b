//! Real numbers with more digits than the engine keeps.
//!
//! [`Object::Real`] has 32 bits, about seven digits; a coordinate on the earth has more. Such a number is held as a name that
//! no file and no plugin can give: names have no zero byte (ISO 32000-2, 7.3.5). So it stays with the object through copies,
//! imports and the undo of a step, and only who reads or writes scalars has to know of it. Files that go through the engine's
//! own parser have lost these digits before.

use lopdf::Object;

/// How the name begins; the 8 bytes of the number follow.
const MARK: &[u8] = b"\0real:";
/// The digits that 32 bits hold for certain, and 64.
const NARROW: usize = 6;
const WIDE: usize = 15;

/// The number that `text` spells, which has digits, a sign and a point and nothing else.
pub(crate) fn read(text: &str) -> Option<Object> {
    let narrow = text.parse::<f32>().ok().filter(|value| value.is_finite())?;
    if text.len() <= NARROW {
        return Some(Object::Real(narrow));
    }
    let wide = text.parse::<f64>().ok()?;
    Some(chosen(narrow, wide))
}

/// The number `value`; `None` for what no PDF can hold.
///
/// One that was computed in 32 bits has no more digits than these, however many follow when it is widened.
pub(crate) fn real(value: f64) -> Option<Object> {
    let narrow = Some(value as f32).filter(|value| value.is_finite())?;
    if f64::from(narrow) == value && digits(value) > WIDE {
        return Some(Object::Real(narrow));
    }
    Some(chosen(narrow, value))
}

/// The one with fewer bits where it says the same.
fn chosen(narrow: f32, wide: f64) -> Object {
    if widened(narrow) == wide || wide.abs() < f64::from(f32::MIN_POSITIVE) {
        return Object::Real(narrow);
    }
    Object::Name([MARK, &wide.to_bits().to_be_bytes()].concat())
}

/// The number that `object` is, if it is a real one.
pub(crate) fn value(object: &Object) -> Option<f64> {
    match object {
        Object::Real(value) => Some(widened(*value)),
        Object::Name(name) => wide(name),
        _ => None,
    }
}

/// The number that stands in a name.
pub(crate) fn wide(name: &[u8]) -> Option<f64> {
    let bits = name.strip_prefix(MARK)?.try_into().ok()?;
    Some(f64::from_bits(u64::from_be_bytes(bits))).filter(|value| value.is_finite())
}

/// The number that the file spells, not the one that 32 bits hold: 0.1 and not 0.10000000149.
fn widened(value: f32) -> f64 {
    if value == value.trunc() && value.abs() < 1e7 {
        return f64::from(value);
    }
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// How many digits it takes to tell a number from all others, zeros at the ends not counted.
fn digits(value: f64) -> usize {
    let text = value.to_string();
    let text = text
        .trim_start_matches(['-', '0', '.'])
        .trim_end_matches('0');
    text.bytes().filter(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::serialize;

    fn written(object: Option<Object>) -> String {
        let mut out = Vec::new();
        serialize::object(&object.expect("a number"), &mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn digits_are_kept() {
        for text in [
            "1234567890.5",
            "123456.789012",
            "16777217.25",
            "-0.1234567891234",
            "0.10000000149011612",
            "0.1",
            "595.2756",
            "1234567936.0",
            "16777216.0",
        ] {
            assert_eq!(written(read(text)), text);
        }
        assert_eq!(written(read("+.5")), "0.5");
        assert_eq!(written(read("00012.50000000000")), "12.5");
        assert_eq!(read(&"9".repeat(40)), None);
        assert_eq!(read("-"), None);
    }

    #[test]
    fn numbers_of_32_bits_stay_short() {
        let check = |value: f64, expected: &str| assert_eq!(written(real(value)), expected);
        check(f64::from(0.1_f32), "0.1");
        check(f64::from(595.2756_f32), "595.2756");
        check(0.1, "0.1");
        check(1_234_567_890.5, "1234567890.5");
        check(1_234_567_936.0, "1234567936.0");
        check(2.0, "2.0");
        check(1e-300, "0.0");
        assert!(matches!(real(0.25), Some(Object::Real(_))));
        for value in [f64::NAN, f64::INFINITY, 1e39] {
            assert_eq!(real(value), None);
        }
    }

    #[test]
    fn names_are_no_numbers() {
        for name in [
            &b"\0real:"[..],
            b"real:12345678",
            b"\0real:\x7F\xF0\0\0\0\0\0\0",
            b"",
        ] {
            assert_eq!(value(&Object::Name(name.to_vec())), None);
        }
    }
}
