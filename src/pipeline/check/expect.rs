//! What results must be like.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::checked::{Expect, Pages};
use crate::pipeline::spec::{ExpectSpec, GrowthSpec, PagesSpec};

/// Nobody means more.
const MOST: f64 = 1e6;

impl Checker<'_> {
    pub(super) fn expect(&mut self, spec: &ExpectSpec) -> Expect {
        let max_growth = spec.max_growth.as_ref().and_then(|GrowthSpec(text)| {
            let growth = growth(text);
            if let Err(why) = growth {
                let message = format!("`max_growth`: `{text}` {why}");
                self.fault(
                    "/expect/max_growth",
                    message,
                    "write for example `2x` or `1.5x`: so many times the original's size",
                );
            }
            growth.ok()
        });
        Expect {
            pages: spec.pages.as_ref().map(|pages| match pages {
                PagesSpec::Same => Pages::Same,
                PagesSpec::Sum => Pages::Sum,
                PagesSpec::Exactly(pages) => Pages::Exactly(*pages),
            }),
            opens: spec.opens.unwrap_or(false),
            max_growth,
        }
    }
}

fn growth(text: &str) -> Result<f64, &'static str> {
    let text = text.trim();
    let number = text.strip_suffix(['x', 'X']).unwrap_or(text).trim_end();
    // What is infinite or no number begins with a letter.
    let digits = number.strip_prefix('-').unwrap_or(number);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit());
    let growth: f64 = match number.parse() {
        Ok(growth) if plain => growth,
        _ => return Err("is no number, with or without `x`"),
    };
    if growth <= 0.0 || growth > MOST {
        return Err("must be more than 0 and at most a million");
    }
    Ok(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_number_with_or_without_an_x() {
        for (text, expected) in [("2x", 2.0), ("1.5 x", 1.5), (" 0.5X ", 0.5), ("2", 2.0)] {
            assert_eq!(growth(text), Ok(expected), "{text}");
        }
        for text in ["-2", "x", "", "-1x", "0x", "infx", "nanx", "two x", "1e9x"] {
            assert!(growth(text).is_err(), "{text}");
        }
    }
}
