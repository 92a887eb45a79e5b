//! Where a character of a scalar's value lies in the text, through quotes, escapes and block indentation.

use crate::pipeline::yaml::flaw::Place;
use saphyr_parser::{ScalarStyle, Span};

/// How a scalar is written and which characters of the text it takes.
#[derive(Debug)]
pub(crate) struct Scalar {
    style: ScalarStyle,
    start: usize,
    end: usize,
    /// Empty lines at the start of a block.
    empty_lines: usize,
}

impl Scalar {
    pub(super) fn new(value: &str, style: ScalarStyle, span: &Span) -> Self {
        Self {
            style,
            start: span.start.index(),
            end: span.end.index(),
            empty_lines: value.len() - value.trim_start_matches('\n').len(),
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            style: ScalarStyle::Plain,
            start: 0,
            end: 0,
            empty_lines: 0,
        }
    }

    /// What stands in the text, where it has no quotes and one line.
    pub(super) fn written(&self, text: &str) -> Option<String> {
        let length = self.end.saturating_sub(self.start);
        let source: String = text.chars().skip(self.start).take(length).collect();
        let is_plain = self.style == ScalarStyle::Plain && !source.contains('\n');
        is_plain.then_some(source)
    }

    /// The place of byte `offset` of the value; the scalar's own `start` where it is folded over several lines.
    pub(super) fn place(&self, text: &str, start: Place, offset: usize) -> Place {
        let source: Vec<char> = text
            .chars()
            .skip(self.start)
            .take(self.end.saturating_sub(self.start))
            .collect();
        match self.style {
            ScalarStyle::Literal => offset
                .checked_sub(self.empty_lines)
                .and_then(|offset| literal(text, start, offset))
                .unwrap_or(start),
            ScalarStyle::Folded => start,
            _ if source.contains(&'\n') => start,
            style => Place {
                line: start.line,
                column: start.column + in_line(style, &source, offset),
            },
        }
    }
}

/// How many characters of `source` stand before byte `offset` of the value it writes.
fn in_line(style: ScalarStyle, source: &[char], offset: usize) -> u32 {
    let mut at = usize::from(style != ScalarStyle::Plain);
    let mut bytes = 0;
    while bytes < offset && at < source.len() {
        let (taken, written) = match (style, source[at], source.get(at + 1)) {
            (ScalarStyle::SingleQuoted, '\'', Some('\'')) => (2, 1),
            (ScalarStyle::DoubleQuoted, '\\', Some(escape)) => escaped(*escape, &source[at + 2..]),
            (_, plain, _) => (1, plain.len_utf8()),
        };
        at += taken;
        bytes += written;
    }
    u32::try_from(at.min(source.len())).unwrap_or(u32::MAX)
}

/// Characters that an escape takes in the text, and bytes that it makes in the value.
fn escaped(escape: char, rest: &[char]) -> (usize, usize) {
    let digits = match escape {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'N' | '_' => return (2, 2),
        'L' | 'P' => return (2, 3),
        _ => return (2, 1),
    };
    let hex: String = rest.iter().take(digits).collect();
    let made = u32::from_str_radix(&hex, 16)
        .ok()
        .and_then(char::from_u32)
        .map_or(1, char::len_utf8);
    (2 + digits, made)
}

/// In a literal block every line of the value is a line of the text behind the block's indentation. `start` is where the
/// first line that is not empty starts.
fn literal(text: &str, start: Place, offset: usize) -> Option<Place> {
    let indent = start.column as usize - 1;
    let mut left = offset;
    for (index, line) in text.lines().skip(start.line as usize - 1).enumerate() {
        let content = line.get(indent..).unwrap_or_default();
        if left <= content.len() {
            let before = content.get(..left)?.chars().count();
            return Some(Place {
                line: start.line + u32::try_from(index).ok()?,
                column: u32::try_from(indent + before + 1).ok()?,
            });
        }
        left -= content.len() + 1;
    }
    None
}
