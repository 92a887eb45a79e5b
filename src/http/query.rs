//! What stands behind the `?` of a request, checked against what its route knows.

use crate::http::refusal::Refusal;
use percent_encoding::percent_decode;
use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt as _;

/// One query parameter that a route knows.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may look like.
    pub form: Form,
}

/// What a parameter's value may look like. Numbers and words are checked here; of the rest handlers can say more.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Any text.
    Text,
    /// A text that matches a pattern (ECMA-262).
    Pattern(&'static str),
    /// A whole number, from the first to the second.
    Number(u64, u64),
    /// One of some words.
    Word(&'static [&'static str]),
    /// Some of some words, with commas between.
    Words(&'static [&'static str]),
    /// Types of events, with commas between; `job.*` stands for several.
    EventTypes,
}

impl Parameter {
    /// The same with a form.
    #[must_use]
    pub const fn like(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Whether several of it count as one list.
    fn may_repeat(&self) -> bool {
        matches!(self.form, Form::Words(_) | Form::EventTypes)
    }

    fn check(&self, value: &str) -> Result<(), Refusal> {
        let name = self.name;
        match self.form {
            Form::Text => Ok(()),
            _ if value.is_empty() => {
                Err(Refusal::bad(format!("`{name}` is empty"))
                    .hint("leave it out, or give it a value"))
            }
            Form::Pattern(_) | Form::Words(_) | Form::EventTypes => Ok(()),
            Form::Number(from, to) => in_range(name, value, from..=to).map(drop),
            Form::Word(words) if words.contains(&value) => Ok(()),
            Form::Word(words) => {
                let refusal = Refusal::bad(format!(
                    "`{name}` is `{value}`, but must be one of {}",
                    words.join(", ")
                ));
                Err(match nearest(value, words.iter().copied()) {
                    Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                    None => refusal,
                })
            }
        }
    }
}

/// A parameter that may be left out.
#[must_use]
pub const fn optional(name: &'static str, summary: &'static str) -> Parameter {
    Parameter {
        name,
        summary,
        required: false,
        form: Form::Text,
    }
}

/// A parameter that must be there.
#[must_use]
pub const fn required(name: &'static str, summary: &'static str) -> Parameter {
    Parameter {
        name,
        summary,
        required: true,
        form: Form::Text,
    }
}

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Vec<(String, Vec<u8>)>,
}

impl Query {
    /// Reads `raw`. Names that the route does not know are refused: a typing error must not silently widen an answer.
    ///
    /// # Errors
    /// Which parameter is unknown or missing.
    pub fn parse(raw: &str, known: &[Parameter]) -> Result<Self, Refusal> {
        let mut pairs = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = String::from_utf8_lossy(&decode(name)).into_owned();
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                return Err(unknown(&name, known));
            };
            if !parameter.may_repeat() && pairs.iter().any(|(known, _)| *known == name) {
                let why = format!("the query parameter `{name}` is given more than once");
                return Err(Refusal::bad(why).hint("give it once"));
            }
            let value = decode(value).into_owned();
            parameter.check(&String::from_utf8_lossy(&value))?;
            pairs.push((name, value));
        }
        let query = Self { pairs };
        match known
            .iter()
            .find(|parameter| parameter.required && query.bytes(parameter.name).is_none())
        {
            Some(missing) => Err(Refusal::bad(format!(
                "the query parameter `{}` is missing",
                missing.name
            ))
            .hint(format!("{}: {}", missing.name, missing.summary))),
            None => Ok(query),
        }
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.pairs
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_slice())
    }

    /// A parameter as text; empty counts as absent.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.bytes(name)
            .map(|bytes| {
                std::str::from_utf8(bytes)
                    .map_err(|_| Refusal::bad(format!("the query parameter `{name}` is not UTF-8")))
            })
            .transpose()
    }

    /// A parameter that is a path: any bytes, or the `bytes:` form of [`crate::raw_path::RawPath`].
    ///
    /// # Errors
    /// It holds a NUL byte.
    pub fn path(&self, name: &str) -> Result<Option<std::path::PathBuf>, Refusal> {
        let Some(bytes) = self.bytes(name) else {
            return Ok(None);
        };
        let path = match std::str::from_utf8(bytes) {
            Ok(text) => crate::raw_path::RawPath::decode(text).0,
            Err(_) => std::ffi::OsStr::from_bytes(bytes).into(),
        };
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(Refusal::bad(format!("`{name}` holds a NUL byte")));
        }
        Ok(Some(path))
    }

    /// Every value of a parameter that may be repeated or hold a list with commas.
    ///
    /// # Errors
    /// One is not UTF-8, or there is nothing between two commas.
    pub fn list(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let mut all = Vec::new();
        for (_, value) in self.pairs.iter().filter(|(key, _)| key == name) {
            let text = std::str::from_utf8(value)
                .map_err(|_| Refusal::bad(format!("the query parameter `{name}` is not UTF-8")))?;
            // A form's field that was left empty.
            if text.trim().is_empty() {
                continue;
            }
            for word in text.split(',').map(str::trim) {
                if word.is_empty() {
                    let why = format!("the query parameter `{name}` has an empty entry");
                    return Err(Refusal::bad(why).hint("leave out the comma"));
                }
                all.push(word.to_owned());
            }
        }
        Ok(all)
    }

    /// A whole number inside a range.
    ///
    /// # Errors
    /// It is not a number, or outside.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
        absent: u64,
    ) -> Result<u64, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(absent);
        };
        in_range(name, text, range)
    }
}

fn in_range(name: &str, text: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, Refusal> {
    match text.parse::<u64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Refusal::bad(format!(
            "`{name}` is `{text}`, but must be a whole number from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

/// Form decoding (WHATWG URL, section 5.1): `+` is a space, `%HH` a byte.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        percent_decode(text.replace('+', " ").as_bytes())
            .collect::<Vec<u8>>()
            .into()
    } else {
        percent_decode(text.as_bytes()).into()
    }
}

fn unknown(name: &str, known: &[Parameter]) -> Refusal {
    let refusal = Refusal::bad(format!("the query parameter `{name}` is not known here"));
    if known.is_empty() {
        return refusal.hint("this path takes none");
    }
    let names = known.iter().map(|parameter| parameter.name);
    match nearest(name, names.clone()) {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint(format!("known: {}", names.collect::<Vec<_>>().join(", "))),
    }
}

/// The word that a typing error most likely meant.
pub(crate) fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    among
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Parameter] = &[
        optional("pipeline", "one"),
        optional("limit", "many"),
        optional("path", "where"),
        optional("state", "which").like(Form::Words(&["failed", "queued", "running"])),
    ];

    fn parse(raw: &str) -> Query {
        Query::parse(raw, KNOWN).expect("all known")
    }

    #[test]
    fn a_misspelt_parameter_is_refused_with_what_was_meant() {
        let refusal = Query::parse("pipelin=x", KNOWN).expect_err("unknown");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean `pipeline`?"));
        let refusal = Query::parse("zzzzzzzz=x", KNOWN).expect_err("unknown");
        assert_eq!(
            refusal.hint.as_deref(),
            Some("known: pipeline, limit, path, state")
        );
    }

    #[test]
    fn a_parameter_is_given_once_unless_it_is_a_list() {
        for twice in ["limit=1&limit=5", "limit=1&pipeline=a&%6Cimit=1"] {
            let refusal = Query::parse(twice, KNOWN).expect_err("twice");
            let expected = "the query parameter `limit` is given more than once";
            assert_eq!(refusal.detail, expected);
        }
        assert!(Query::parse("state=failed&state=queued", KNOWN).is_ok());
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let refusal = Query::parse("", &[required("path", "the file")]).expect_err("missing");
        assert_eq!(refusal.detail, "the query parameter `path` is missing");
        assert!(Query::parse("path=", &[required("path", "the file")]).is_err());
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let check = |raw: &str, expected: Result<u64, &str>| {
            let got = parse(raw).number("limit", 1..=500, 50);
            assert_eq!(
                got.map_err(|refusal| refusal.detail),
                expected.map_err(str::to_owned),
                "{raw}"
            );
        };
        check("", Ok(50));
        check("limit=", Ok(50));
        check("limit=7", Ok(7));
        for bad in ["0", "501", "-1", "7.5", "x", "18446744073709551616"] {
            let text = format!("`limit` is `{bad}`, but must be a whole number from 1 to 500");
            check(&format!("limit={bad}"), Err(&text));
        }
    }

    #[test]
    fn paths_keep_their_bytes() {
        let check = |raw: &str, expected: &[u8]| {
            let path = parse(raw).path("path").expect("a path").expect("there");
            assert_eq!(path.as_os_str().as_bytes(), expected, "{raw}");
        };
        check("path=inbox/a.pdf", b"inbox/a.pdf");
        check("path=inbox%2Fa+b%2B.pdf", b"inbox/a b+.pdf");
        check("path=%E2%82%AC.pdf", "€.pdf".as_bytes());
        check("path=%ff.pdf", b"\xff.pdf");
        check("path=bytes:%5Cxff.pdf", b"\xff.pdf");
        check("path=bytes:bytes:x", b"bytes:x");
        assert!(parse("path=a%00b").path("path").is_err());
        assert!(parse("path=bytes:a%5Cx00b").path("path").is_err());
        assert!(parse("").path("path").expect("fine").is_none());
    }

    #[test]
    fn lists_are_repeated_or_have_commas() {
        let words = parse("state=failed&state=queued,%20running").list("state");
        assert_eq!(words.expect("text"), ["failed", "queued", "running"]);
        for odd in ["state=,", "state=a,,b", "state=a,"] {
            assert!(parse(odd).list("state").is_err(), "{odd}");
        }
    }
}
