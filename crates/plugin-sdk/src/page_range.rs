//! `1-3,5,8-`: which pages an operation is about.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};

/// Pages as people write them, counted from 1.
///
/// `all`, `odd`, `even`, `first`, `last`, `5`, `2-4`, `8-` (to the end), `-1` (the last), `-3-` (the last three),
/// `2--2` (all but the first and the last), and lists of these: `1-3,5,8-`. `4-2` and `last-first` count down; only what goes from a
/// page counted from the start to one counted from the end never does, so that `2--2` is a fault where there are two pages. As a
/// parameter it is a string or a bare number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRange {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    All,
    Odd,
    Even,
    Span {
        text: String,
        from: Bound,
        to: Bound,
    },
}

/// One end of a span, counted from 1, from either end of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Start(u32),
    End(u32),
}

/// The highest number of a page that can be written: any of nine digits.
const MOST: u32 = 999_999_999;

/// One term of the written form, as a regular expression; lists are made of it.
const TERM: &str =
    r"(all|odd|even|(-?[1-9][0-9]{0,8}|first|last)(-(-?[1-9][0-9]{0,8}|first|last)?)?)";

impl PageRange {
    /// All pages.
    #[must_use]
    pub fn all() -> Self {
        Self {
            text: "all".to_owned(),
            terms: vec![Term::All],
        }
    }

    /// The pages of a document with `count` pages, counted from 0, in the order written; a page named twice is there
    /// twice. A page that the document does not have is its fault: [`Error::rejected`].
    pub fn resolve(&self, count: u32) -> Result<Vec<u32>> {
        let mut pages = Vec::new();
        for term in &self.terms {
            match term {
                Term::All => pages.extend(0..count),
                Term::Odd => pages.extend((0..count).step_by(2)),
                Term::Even => pages.extend((1..count).step_by(2)),
                Term::Span { text, from, to } => {
                    let ends = from.index(count).zip(to.index(count));
                    // All but the first and the last of two pages are none, not both.
                    let forwards = matches!((from, to), (Bound::Start(_), Bound::End(_)));
                    match ends {
                        Some((from, to)) if from <= to => pages.extend(from..=to),
                        Some((from, to)) if !forwards => pages.extend((to..=from).rev()),
                        _ => return Err(beyond(text, count)),
                    }
                }
            }
        }
        Ok(pages)
    }

    /// As [`PageRange::resolve`], but each page once and in the order of the document.
    pub fn select(&self, count: u32) -> Result<Vec<u32>> {
        let mut pages = self.resolve(count)?;
        pages.sort_unstable();
        pages.dedup();
        Ok(pages)
    }
}

impl Default for PageRange {
    fn default() -> Self {
        Self::all()
    }
}

impl Bound {
    fn index(self, count: u32) -> Option<u32> {
        match self {
            Self::Start(number) => (number <= count).then(|| number - 1),
            Self::End(number) => count.checked_sub(number),
        }
    }
}

fn beyond(term: &str, count: u32) -> Error {
    let several = term.trim_start_matches('-').contains('-');
    let (noun, verb) = if several {
        ("pages", "do")
    } else {
        ("page", "does")
    };
    let pages = if count == 1 { "page" } else { "pages" };
    Error::rejected(format!(
        "{noun} `{term}` {verb} not exist: the document has {count} {pages}"
    ))
}

impl FromStr for PageRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let terms = text.split(',').map(|term| parse(term.trim()));
        let terms = terms.collect::<Option<Vec<_>>>().ok_or_else(|| {
            format!("`{text}` is not a list of pages: write `1-3,5,8-`, `odd`, `even`, `last`, `-1` or `all`, counting from 1")
        })?;
        Ok(Self {
            text: text.trim().to_owned(),
            terms,
        })
    }
}

fn parse(term: &str) -> Option<Term> {
    match term {
        "all" => return Some(Term::All),
        "odd" => return Some(Term::Odd),
        "even" => return Some(Term::Even),
        _ => {}
    }
    let (from, rest) = bound(term)?;
    let to = match rest.strip_prefix('-') {
        None if rest.is_empty() => from,
        None => return None,
        Some("") => Bound::End(1),
        Some(rest) => bound(rest).filter(|(_, rest)| rest.is_empty())?.0,
    };
    Some(Term::Span {
        text: term.to_owned(),
        from,
        to,
    })
}

/// One end of a span and what follows it.
fn bound(text: &str) -> Option<(Bound, &str)> {
    if let Some(rest) = text.strip_prefix("first") {
        return Some((Bound::Start(1), rest));
    }
    if let Some(rest) = text.strip_prefix("last") {
        return Some((Bound::End(1), rest));
    }
    let (digits, make): (_, fn(u32) -> Bound) = match text.strip_prefix('-') {
        Some(digits) => (digits, Bound::End),
        None => (text, Bound::Start),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let number = digits[..end].parse().ok();
    let number = number.filter(|number| (1..=MOST).contains(number))?;
    Some((make(number), &digits[end..]))
}

impl fmt::Display for PageRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PageRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PageRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = PageRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pages such as `1-3,5,8-`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PageRange, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<PageRange, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<PageRange, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }

        deserializer
            .deserialize_any(Written)
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for PageRange {
    fn schema_name() -> Cow<'static, str> {
        "PageRange".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::PageRange").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "Pages, counted from 1: `1-3,5,8-`, `odd`, `even`, `first`, `last`, `-1` (the last), `-3-` (the last three), `all`.",
            "pattern": format!(r"^\s*{TERM}(\s*,\s*{TERM})*\s*$"),
            "not": { "const": 0 },
            "minimum": -i64::from(MOST),
            "maximum": MOST,
            "examples": ["1-3,5,8-", "odd", "-1"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str, count: u32) -> Result<Vec<u32>, String> {
        let range: PageRange = text.parse()?;
        range
            .resolve(count)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_form_names_its_pages() {
        let check = |text, count, expected: &[u32]| {
            assert_eq!(pages(text, count).as_deref(), Ok(expected), "{text}")
        };
        check("all", 3, &[0, 1, 2]);
        check("odd", 5, &[0, 2, 4]);
        check("even", 5, &[1, 3]);
        check("even", 1, &[]);
        check("first", 3, &[0]);
        check("last", 3, &[2]);
        check("2", 3, &[1]);
        check("-1", 3, &[2]);
        check("-3-", 5, &[2, 3, 4]);
        check("-3--2", 5, &[2, 3]);
        check("2--2", 5, &[1, 2, 3]);
        check("3-last", 5, &[2, 3, 4]);
        check("2-first", 5, &[1, 0]);
        check("4-2", 5, &[3, 2, 1]);
        check("last-first", 3, &[2, 1, 0]);
        check("last-2", 4, &[3, 2, 1]);
        check("-1-1", 2, &[1, 0]);
        check("-2-1", 4, &[2, 1, 0]);
        check("-2-4", 4, &[2, 3]);
        check("-1--3", 4, &[3, 2, 1]);
        check("last-first", 1, &[0]);
        check("first-last", 2, &[0, 1]);
        check(" 1-3 , 5, 8- ", 9, &[0, 1, 2, 4, 7, 8]);
        check("1,1", 1, &[0, 0]);
        check("all", 0, &[]);
    }

    #[test]
    fn pages_that_do_not_exist_are_named_with_the_page_count() {
        let check = |text, count, expected: &str| {
            assert_eq!(pages(text, count), Err(expected.to_owned()), "{text}")
        };
        check(
            "12-",
            8,
            "pages `12-` do not exist: the document has 8 pages",
        );
        check(
            "1,9",
            8,
            "page `9` does not exist: the document has 8 pages",
        );
        check(
            "3-9",
            8,
            "pages `3-9` do not exist: the document has 8 pages",
        );
        check("-2", 1, "page `-2` does not exist: the document has 1 page");
        check(
            "2--2",
            2,
            "pages `2--2` do not exist: the document has 2 pages",
        );
        check("1", 0, "page `1` does not exist: the document has 0 pages");
    }

    #[test]
    fn what_is_no_list_of_pages_is_refused() {
        for text in [
            "",
            " ",
            ",",
            "1,",
            "0",
            "1-0",
            "x",
            "1..3",
            "1-2-3",
            "--1",
            "+1",
            "1 2",
            "lastly",
            "99999999999",
            "1000000000",
            "all-3",
        ] {
            assert!(text.parse::<PageRange>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_selection_is_sorted_and_has_no_repeats() {
        let range: PageRange = "4-2,3,1".parse().expect("a range");
        assert_eq!(range.select(4), Ok(vec![0, 1, 2, 3]));
    }

    #[test]
    fn numbers_and_strings_are_read() {
        let read = |json: &str| {
            serde_json::from_str::<PageRange>(json)
                .map(|range| range.to_string())
                .ok()
        };
        assert_eq!(read("3"), Some("3".to_owned()));
        assert_eq!(read("-1"), Some("-1".to_owned()));
        assert_eq!(read("\"2-\""), Some("2-".to_owned()));
        assert_eq!(read("0"), None);
        assert_eq!(read("[1]"), None);
    }
}
