//! What the YAML reader has against `config.yaml`, in the words of who wrote the file.

use crate::config::bounds;
use crate::plugin::words::{did_you_mean, shorten};

/// `message` as the reader puts it (`workers: invalid type: string "four", expected usize at line 3 column 10`), without the place,
/// which the caller names.
pub(crate) fn plain(message: &str) -> String {
    let message = without_place(message);
    let (path, what) = match message.split_once(": ") {
        Some((path, what)) if is_path(path) => (Some(path), what),
        _ => (None, message),
    };
    if let Some(said) = unknown(path, what) {
        return said;
    }
    let key = path.map_or("the file".to_owned(), |path| format!("`{path}`"));
    if let Some(said) = mismatch(&key, path.and_then(bounds::range), what) {
        return said;
    }
    if let Some(twice) = what.strip_prefix("duplicate field ") {
        return format!("the key {twice} is there twice");
    }
    if let Some(missing) = what.strip_prefix("missing field ") {
        return format!("the key {missing} is missing in {key}");
    }
    match (path, what) {
        (_, "invalid socket address syntax") => {
            format!("{key} must be {}", wanted("socket address"))
        }
        (Some(_), what) => format!("{key}: {what}"),
        (None, what) => what.to_owned(),
    }
}

fn without_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) if message[at..].contains(" column ") => &message[..at],
        _ => message,
    }
}

/// `grants.ocr.network[0]`: no spaces, as a sentence has.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// A key or a word that is not known.
fn unknown(path: Option<&str>, what: &str) -> Option<String> {
    let (is_key, rest) = match what.strip_prefix("unknown field `") {
        Some(rest) => (true, rest),
        None => (false, what.strip_prefix("unknown variant `")?),
    };
    let (wrong, rest) = rest.split_once('`')?;
    // What stands in backticks behind it are the words that are known.
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let listed: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let near = did_you_mean(wrong, known);
    let wrong = shorten(wrong, 60);
    if !is_key {
        let key = path.map_or(String::new(), |path| format!("`{path}` "));
        let near = near.map_or(String::new(), |near| format!("; {near}"));
        return Some(format!(
            "{key}must be one of {}, not `{wrong}`{near}",
            listed.join(", ")
        ));
    }
    let place = path.map_or(String::new(), |path| format!(" in `{path}`"));
    let advice = near.unwrap_or_else(|| format!("known are {}", listed.join(", ")));
    Some(format!("unknown key `{wrong}`{place}; {advice}"))
}

/// A value of another type, or out of the range of its type; `range` is what a number of this key may be.
fn mismatch(key: &str, range: Option<(u64, u64)>, what: &str) -> Option<String> {
    let rest = what
        .strip_prefix("invalid type: ")
        .or_else(|| what.strip_prefix("invalid value: "))?;
    // What the file says may hold these words, too; the reader's own come last.
    let (is, expected) = rest.rsplit_once(", expected ")?;
    let wanted = match range {
        Some((least, most)) if matches!(expected, "usize" | "u64" | "u32") => {
            format!("a whole number from {least} to {most}")
        }
        _ if is.ends_with("` as u128") => format!("a whole number from 0 to {}", u64::MAX),
        _ => wanted(expected).to_owned(),
    };
    Some(format!("{key} must be {wanted}, not {}", found(is)))
}

fn wanted(expected: &str) -> &str {
    match expected {
        "usize" | "u64" => "a whole number from 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "a boolean" => "`true` or `false`",
        "a string" => "a text",
        "path string" => "a path",
        "a sequence" => "a list: [...]",
        "a map" => "a map of keys and values",
        "socket address" => "an address with a port, such as `127.0.0.1:7311`",
        _ if expected.starts_with("struct ") => "a map of keys and values",
        other => other,
    }
}

fn found(is: &str) -> String {
    let (kind, value) = is.split_once(' ').unwrap_or((is, ""));
    // The reader names its own type behind a number that none of the others can hold: `999` as u128.
    let bare = value.split("` as ").next().unwrap_or(value);
    let bare = bare.trim_matches('`');
    match kind {
        "boolean" => value.to_owned(),
        "integer" => format!("the number {bare}"),
        "floating" => format!("the number {}", bare.trim_start_matches("point `")),
        "string" => {
            let text = value.trim_start_matches('"');
            let text = text.strip_suffix('"').unwrap_or(text);
            format!("the text `{}`", shorten(text, 60))
        }
        "unit" => "nothing".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        _ => is.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::ConfigSpec;

    #[test]
    fn faults_are_told_in_the_words_of_the_file() {
        for (text, expected) in [
            (
                "workers: four",
                "`workers` must be a whole number from 0, not the text `four`",
            ),
            (
                "workers: -1",
                "`workers` must be a whole number from 0, not the number -1",
            ),
            (
                "workers: 1.5",
                "`workers` must be a whole number from 0, not the number 1.5",
            ),
            (
                "workers:",
                "`workers` must be a whole number from 0, not nothing",
            ),
            (
                "retention: { days: [1] }",
                "`retention.days` must be a whole number from 1 to 4294967295, not a list",
            ),
            (
                "min_free_mb: 99999999999999999999",
                "`min_free_mb` must be a whole number from 0 to 1073741824, not the number 99999999999999999999",
            ),
            (
                "workers: 99999999999999999999",
                "`workers` must be a whole number from 0 to 18446744073709551615, not the number 99999999999999999999",
            ),
            (
                "rescan_seconds: -99999999999999999999",
                "`rescan_seconds` must be a whole number from 1 to 31536000, not the number -99999999999999999999",
            ),
            (
                "grants: { ocr: { network: [70000] } }",
                "`grants.ocr.network[0]` must be a whole number from 0 to 65535, not the number 70000",
            ),
            (
                "hosts: a.example",
                "`hosts` must be a list: [...], not the text `a.example`",
            ),
            ("hosts: [[a]]", "`hosts[0]` must be a text, not a list"),
            (
                "insecure: yes, expected",
                "`insecure` must be `true` or `false`, not the text `yes, expected`",
            ),
            (
                "retention: 5",
                "`retention` must be a map of keys and values, not the number 5",
            ),
            (
                "[1]",
                "the file must be a map of keys and values, not a list",
            ),
            (
                "listen: 7311",
                "`listen` must be an address with a port, such as `127.0.0.1:7311`",
            ),
            (
                "listen: localhost",
                "`listen` must be an address with a port, such as `127.0.0.1:7311`",
            ),
            ("workes: 3", "unknown key `workes`; did you mean `workers`?"),
            (
                "retention: { zzz: 3 }",
                "unknown key `zzz` in `retention`; known are `days`, `jobs`",
            ),
            (
                "sandbox: best-effort",
                "`sandbox` must be one of `require`, `best_effort`, `off`, not `best-effort`; did you mean `best_effort`?",
            ),
            (
                "tls: { certificate: a.pem }",
                "the key `key` is missing in `tls`",
            ),
            ("workers: 1\nworkers: 2", "the key `workers` is there twice"),
        ] {
            let error = serde_yaml::from_str::<ConfigSpec>(text).expect_err(text);
            assert_eq!(plain(&error.to_string()), expected, "{text}: {error}");
        }
    }
}
