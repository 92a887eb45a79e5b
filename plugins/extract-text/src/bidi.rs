//! From the order in which a reader sees the letters of a line to the order in which they are spoken.

use unicode_bidi::{BidiClass, bidi_class};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    Left,
    Right,
    Number,
    Neutral,
}

/// The text of a line whose pieces stand from left to right. Pieces are kept whole.
///
/// The line is taken for right-to-left where at least half of its words are.
pub(crate) fn logical(pieces: Vec<&str>) -> String {
    let mut line: Vec<(&str, Strength)> = pieces
        .into_iter()
        .map(|piece| (piece, strength(piece)))
        .collect();
    if line
        .iter()
        .any(|(_, strength)| *strength == Strength::Right)
    {
        if words(&line, Strength::Right) >= words(&line, Strength::Left) {
            line.reverse();
            reverse_runs(&mut line, |s| {
                matches!(s, Strength::Left | Strength::Number)
            });
        } else {
            reverse_runs(&mut line, |s| s == Strength::Right);
        }
    }
    line.into_iter().map(|(piece, _)| piece).collect()
}

/// Whether the letters of `piece` run from right to left.
pub(crate) fn is_right_to_left(piece: &str) -> bool {
    strength(piece) == Strength::Right
}

/// How many words begin with a letter of this strength.
fn words(line: &[(&str, Strength)], wanted: Strength) -> usize {
    let starts = |at: usize| at == 0 || line[at - 1].0.ends_with(' ');
    line.iter()
        .enumerate()
        .filter(|(at, (_, strength))| *strength == wanted && starts(*at))
        .count()
}

/// Turns round each run from a piece that `belongs` to the last one before a piece that does not, neutral ones between
/// them included.
fn reverse_runs(line: &mut [(&str, Strength)], belongs: impl Fn(Strength) -> bool) {
    let mut at = 0;
    while at < line.len() {
        if !belongs(line[at].1) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        let mut next = end;
        while next < line.len() && (belongs(line[next].1) || line[next].1 == Strength::Neutral) {
            if belongs(line[next].1) {
                end = next + 1;
            }
            next += 1;
        }
        line[at..end].reverse();
        at = end;
    }
}

fn strength(piece: &str) -> Strength {
    piece
        .chars()
        .map(|character| match bidi_class(character) {
            BidiClass::L => Strength::Left,
            BidiClass::R | BidiClass::AL => Strength::Right,
            BidiClass::EN | BidiClass::AN => Strength::Number,
            _ => Strength::Neutral,
        })
        .find(|strength| *strength != Strength::Neutral)
        .unwrap_or(Strength::Neutral)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(visual: &str, expected: &str) {
        let pieces: Vec<String> = visual.chars().map(String::from).collect();
        assert_eq!(
            logical(pieces.iter().map(String::as_str).collect()),
            expected,
            "{visual}"
        );
    }

    #[test]
    fn left_to_right_text_stays() {
        check("abc 12 (d)", "abc 12 (d)");
        check("", "");
    }

    #[test]
    fn right_to_left_text_is_turned_round() {
        check("גבא", "אבג");
        check("ד גבא", "אבג ד");
        check("12 גבא", "אבג 12");
    }

    #[test]
    fn latin_words_inside_stay_readable() {
        check("ד abc def גבא", "אבג abc def ד");
        check("hello there בא end", "hello there אב end");
    }
}
