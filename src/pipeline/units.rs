//! Durations and sizes as people write them in YAML: `250ms`, `1m30s`, `10MiB`.

use std::time::Duration;

const DURATION_UNITS: [(&str, f64); 5] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

const SIZE_UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A hundred days: nothing in a pipeline waits longer.
const LONGEST: f64 = 8_640_000.0;

/// The duration that `text` says: one or more numbers with their units (`ms`, `s`, `m`, `h`, `d`), largest first: `1h30m`.
///
/// # Errors
/// A sentence that says what is wrong with the text, for a fault's message.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a duration is missing".to_owned());
    }
    let mut rest = text;
    let mut seconds = 0.0;
    let mut last_unit = f64::INFINITY;
    while !rest.is_empty() {
        let (number, unit, tail) = split(rest);
        let number = decimal(number).ok_or_else(|| format!("`{text}` is not a duration"))?;
        let Some(&(_, factor)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                format!("`{text}` has no unit")
            } else {
                format!("`{text}` has the unknown unit `{unit}`")
            });
        };
        if factor >= last_unit {
            return Err(format!(
                "`{text}` does not name its units from large to small"
            ));
        }
        last_unit = factor;
        seconds += number * factor;
        rest = tail.trim_start();
    }
    if seconds > LONGEST {
        return Err(format!("`{text}` is longer than 100 days"));
    }
    // Whole microseconds, so that 0.1s is what it says.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..=8.64e12"
    )]
    let micros = (seconds * 1e6).round() as u64;
    Ok(Duration::from_micros(micros))
}

/// The number of bytes that `text` says: a number with `B`, `kB`, `MB`, `GB` (thousands) or `KiB`, `MiB`, `GiB` (1024s).
///
/// # Errors
/// A sentence that says what is wrong with the text, for a fault's message.
pub fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit, tail) = split(text);
    let number = decimal(number).ok_or_else(|| format!("`{text}` is not a size"))?;
    if !tail.is_empty() {
        return Err(format!("`{text}` is not a size"));
    }
    let Some(&(_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(if unit.is_empty() {
            format!("`{text}` has no unit")
        } else {
            format!("`{text}` has the unknown unit `{unit}`")
        });
    };
    #[expect(clippy::cast_precision_loss, reason = "factors are at most 2^30")]
    let bytes = number * factor as f64;
    if bytes > 1e15 {
        return Err(format!("`{text}` is too large"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..=1e15"
    )]
    let bytes = bytes.round() as u64;
    Ok(bytes)
}

/// A duration as people write it: `1m30s`.
#[must_use]
pub fn say_duration(duration: Duration) -> String {
    let mut millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if millis >= size {
            text.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    text
}

/// Number, unit and what follows.
fn split(text: &str) -> (&str, &str, &str) {
    let after_number = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(after_number);
    let rest = rest.trim_start();
    let after_unit = rest
        .find(|c: char| c.is_ascii_digit() || c.is_whitespace())
        .unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(after_unit);
    (number, unit, tail)
}

fn decimal(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && !text.ends_with('.');
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_they_say() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("2s", 2000),
            ("1.5s", 1500),
            ("0.1s", 100),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1m 30s", 90_000),
            (" 2 s ", 2000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn wrong_durations_say_why() {
        for (text, why) in [
            ("", "a duration is missing"),
            ("5", "`5` has no unit"),
            ("2 sec", "`2 sec` has the unknown unit `sec`"),
            ("soon", "`soon` is not a duration"),
            ("-1s", "`-1s` is not a duration"),
            ("1s1m", "`1s1m` does not name its units from large to small"),
            (
                "1s 1s",
                "`1s 1s` does not name its units from large to small",
            ),
            ("5.s", "`5.s` is not a duration"),
            ("1.2.3s", "`1.2.3s` is not a duration"),
            ("9999999999d", "`9999999999d` is longer than 100 days"),
            ("2µs", "`2µs` has the unknown unit `µs`"),
        ] {
            assert_eq!(duration(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn sizes_are_what_they_say() {
        for (text, bytes) in [
            ("0B", 0),
            ("10MiB", 10 << 20),
            ("1.5 GB", 1_500_000_000),
            ("2kB", 2000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, why) in [
            ("10", "`10` has no unit"),
            ("10 mb", "`10 mb` has the unknown unit `mb`"),
            ("big", "`big` is not a size"),
            ("1MB2", "`1MB2` is not a size"),
            ("99999999999GiB", "`99999999999GiB` is too large"),
        ] {
            assert_eq!(size(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_said_back_as_they_are_written() {
        for text in ["0s", "250ms", "1m30s", "2h", "1d", "1s500ms"] {
            assert_eq!(say_duration(duration(text).expect("valid")), text);
        }
    }
}
