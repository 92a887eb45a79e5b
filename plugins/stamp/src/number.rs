//! Numbers as content streams want them: no exponent, no needless digits.

use std::fmt::Write as _;

/// `value` with at most five decimals, never in exponent form; what is not finite is 0. Beyond 32 bits a number has a point:
/// readers refuse an integer that they have no room for (ISO 32000-1, annex C).
pub(crate) fn number(value: f64) -> String {
    let mut text = String::new();
    push(value, &mut text);
    text
}

/// Appends `value` as [`number`] has it.
pub(crate) fn push(value: f64, out: &mut String) {
    /// Decimals that are written.
    const DECIMALS: usize = 5;
    const SCALE: u64 = 100_000;
    let is_long = value.is_finite() && value.abs() > f64::from(i32::MAX);
    // What does not fit an integer of that many decimals has none worth writing.
    if !value.is_finite() || value.abs() >= 1e12 {
        let whole = if value.is_finite() {
            value.round()
        } else {
            0.0
        };
        let _ = write!(out, "{whole:.decimals$}", decimals = usize::from(is_long));
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 1e17")]
    let scaled = (value * SCALE as f64).round() as i64;
    if scaled < 0 {
        out.push('-');
    }
    let scaled = scaled.unsigned_abs();
    let (whole, mut rest) = (scaled / SCALE, scaled % SCALE);
    push_integer(whole, out);
    if rest == 0 {
        out.push_str(if is_long { ".0" } else { "" });
        return;
    }
    let mut decimals = [b'0'; DECIMALS];
    for decimal in decimals.iter_mut().rev() {
        *decimal = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.push('.');
    let text = std::str::from_utf8(&decimals).unwrap_or_default();
    out.push_str(text.trim_end_matches('0'));
}

/// Appends a whole number.
pub(crate) fn push_integer(number: impl Into<u64>, out: &mut String) {
    let mut number = number.into();
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Appends four hexadecimal digits.
pub(crate) fn push_hex(value: u16, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digits = [12, 8, 4, 0].map(|shift| DIGITS[usize::from(value >> shift & 15)]);
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_plain() {
        for (value, text) in [
            (0.0, "0"),
            (-0.000_001, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e-5, "0.00001"),
            (1e9, "1000000000"),
            (123_456.789_01, "123456.78901"),
            (-0.05, "-0.05"),
            (2_147_483_647.0, "2147483647"),
            (-2_147_483_649.0, "-2147483649.0"),
            (1e13, "10000000000000.0"),
            (100.0, "100"),
            (1.0 / 3.0, "0.33333"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }
}
