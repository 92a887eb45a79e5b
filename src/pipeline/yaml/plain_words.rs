//! What the YAML scanner complains of, in the words of someone who wants to mend it.

use crate::pipeline::yaml::flaw::{Flaw, Place};
use saphyr_parser::ScanError;

/// The scanner's complaint about `text`.
pub(super) fn flaw(text: &str, error: &ScanError) -> Flaw {
    let place = Place::of(error.marker());
    let line = text.lines().nth(place.line.saturating_sub(1) as usize);
    let (message, hint) = words(error.info(), line.unwrap_or_default());
    let flaw = Flaw::new(place, message);
    match hint {
        Some(hint) => flaw.hint(hint),
        None => flaw,
    }
}

const QUOTE_TEMPLATES: &str = "put the whole text in double quotes: name: \"{{ input.stem }}.pdf\"";
const QUOTE_PATTERNS: &str = "put the pattern in double quotes: include: [\"*.pdf\"]";
const QUOTE_TEXT: &str = "put the whole text in double quotes";
const INDENT: &str = "keys that belong together start in the same column; check the indentation of this line and the one above";

fn words(info: &str, line: &str) -> (String, Option<&'static str>) {
    let value = line
        .split_once(": ")
        .map_or(line, |(_, value)| value)
        .trim();
    let unquoted = value.starts_with("{{") || value.starts_with("{%");
    let (message, hint) = match info {
        _ if info.contains("tab") && !info.contains("stable") => (
            "there is a tab here; YAML is indented with spaces only",
            Some("replace the tab by spaces"),
        ),
        _ if unquoted => ("a template is not in quotes", Some(QUOTE_TEMPLATES)),
        "while parsing node, found unknown anchor"
        | "while scanning an anchor or alias, did not find expected alphabetic or numeric character" => {
            (
                "a text that starts with `*` or `&` is not in quotes, so that YAML takes it for an alias or anchor",
                Some(if value.starts_with('&') {
                    QUOTE_TEXT
                } else {
                    QUOTE_PATTERNS
                }),
            )
        }
        "mapping values are not allowed in this context" => (
            "a `:` stands where YAML allows none",
            Some(
                "a text with `: ` in it needs quotes; else check the indentation of this line and the one above",
            ),
        ),
        "simple key expect ':'" | "simple key expected" => (
            "a `:` is missing after a key",
            Some("write `key: value`, with a space after the colon"),
        ),
        "while parsing a block mapping, did not find expected key" => {
            ("a key is expected here", Some(INDENT))
        }
        "invalid indentation"
        | "invalid indentation in flow construct"
        | "wrongly indented line in block scalar"
        | "while parsing a block collection, did not find expected '-' indicator"
        | "block sequence entries are not allowed in this context" => {
            ("the indentation does not fit", Some(INDENT))
        }
        "while scanning a quoted scalar, found unexpected end of stream"
        | "invalid indentation in quoted scalar" => (
            "a quote is opened here and never closed",
            Some("add the missing quote"),
        ),
        "invalid trailing content after double-quoted scalar" => (
            "there is text behind the closing quote",
            Some("a double quote inside double quotes is written `\\\"`"),
        ),
        "while parsing a quoted scalar, found unknown escape character" => (
            "there is a `\\` in double quotes that starts no known escape",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        "while parsing a flow mapping, did not find expected ',' or '}'" => {
            ("a `,` or the closing `}` is missing", None)
        }
        "while parsing a flow sequence, expected ',' or ']'" => {
            ("a `,` or the closing `]` is missing", None)
        }
        "misplaced bracket" => ("this bracket closes nothing", None),
        "recursion limit exceeded" => ("this is nested too deeply", None),
        "did not find expected <document start>" => {
            ("the file goes on where its YAML has ended", Some(INDENT))
        }
        _ if info.starts_with("unexpected character") => (
            "a text that starts with this character needs quotes",
            Some(QUOTE_TEXT),
        ),
        _ if info.contains("valid YAML whitespace") && line.contains(":\t") => (
            "there is a tab behind the `:`; YAML wants a space there",
            Some("replace the tab by a space"),
        ),
        _ => return (format!("this is not YAML: {info}"), None),
    };
    (message.to_owned(), hint)
}
