//! Numbers as content streams want them: no exponent, no needless digits.

/// `value` with at most five decimals, never in exponent form; what is not finite is 0.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let mut text = format!("{value:.5}");
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    if text == "-0" { "0".to_owned() } else { text }
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
            (100.0, "100"),
            (1.0 / 3.0, "0.33333"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }
}
