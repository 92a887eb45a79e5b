//! Numbers that the reader takes at their word, and that are beyond all measure.
//!
//! Widths that a font gives to more characters than it can have (`W` and `W2`, ISO 32000-2, 9.7.4.3): it notes one for each, and
//! `25 4294967295 278` is four thousand million. Rows of a predictor (7.4.4.3): it makes room for one before it looks whether there
//! is one, and divides by a length that may be nothing.

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::{self, Array, Dict, MaybeRef};

/// Characters in all ranges of a font together. A font has 65,536 at the most (ISO 32000-2, C.2), and ranges may overlap.
const MOST: u64 = 1 << 20;
/// How deep a font may stand in an object: a page with all its resources in it is not half as deep.
const MAX_DEPTH: u32 = 16;
/// The two keys, with the numbers that a range has behind its ends.
const KEYS: [(&str, usize); 2] = [("W", 1), ("W2", 3)];

/// The longest row, in bytes: no scanner makes a hundredth of that.
const MAX_ROW: f64 = 16_777_216.0;
/// Where a stream says how it was packed.
const PACKED: [&str; 2] = ["DecodeParms", "DP"];

/// Whether something would keep the reader busy or need all memory.
pub(crate) fn any(pdf: &Pdf) -> bool {
    let is_there = |dict: &Dict<'_>, whose| {
        matches!(whose, Whose::Stream) && has_rows(dict) || is_excessive(dict)
    };
    is_among(pdf, is_there)
}

/// Whether `wanted` says yes to one of the dictionaries that stand in a document, those of streams excepted.
pub(crate) fn is_among(pdf: &Pdf, wanted: impl Fn(&Dict<'_>, Whose) -> bool) -> bool {
    let mut objects = pdf.objects().into_iter();
    objects.any(|object| is_within(&object, Whose::Stream, MAX_DEPTH, &wanted))
}

/// Who can take a dictionary as its own.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// A stream, as its parameters: it stands in one, or alone, where one can name it.
    Stream,
    /// Only the dictionary that it stands in.
    Dictionary,
}

fn is_within(
    object: &object::Object<'_>,
    whose: Whose,
    depth: u32,
    wanted: &impl Fn(&Dict<'_>, Whose) -> bool,
) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let is_direct = |item: &MaybeRef<object::Object<'_>>, whose| match item {
        MaybeRef::NotRef(item) => is_within(item, whose, depth, wanted),
        MaybeRef::Ref(_) => false,
    };
    match object {
        object::Object::Dict(dict) => {
            let mut entries = dict.entries();
            wanted(dict, whose) || entries.any(|(_, value)| is_direct(&value, Whose::Dictionary))
        }
        object::Object::Stream(stream) => {
            let mut entries = stream.dict().entries();
            entries.any(|(_, value)| is_direct(&value, Whose::Stream))
        }
        object::Object::Array(array) => array.raw_iter().any(|item| is_direct(&item, whose)),
        _ => false,
    }
}

fn is_excessive(dict: &Dict<'_>) -> bool {
    KEYS.iter().any(|(key, behind)| {
        dict.get::<Array<'_>>(key.as_bytes()).is_some_and(|array| {
            let numbers = array.iter::<object::Object<'_>>().map(|item| match item {
                object::Object::Number(number) => Some(number.as_f64()),
                _ => None,
            });
            characters(numbers, *behind) > MOST
        })
    })
}

fn has_rows(dict: &Dict<'_>) -> bool {
    row(|key| {
        dict.get::<object::Number>(key.as_bytes())
            .map(|number| number.as_f64())
    }) > MAX_ROW
}

/// The bytes of a row by what is said of it.
fn row(number: impl Fn(&str) -> Option<f64>) -> f64 {
    let is_predicted = number("Predictor").is_some_and(|predictor| predictor > 1.0);
    let part = |key: &str, usual: f64| match number(key).unwrap_or(usual) {
        // The reader counts how often that goes into the data.
        nothing if (0.0..1.0).contains(&nothing) => f64::INFINITY,
        number => number.max(1.0),
    };
    match is_predicted {
        true => part("Columns", 1.0) * part("Colors", 1.0) * part("BitsPerComponent", 8.0) / 8.0,
        false => 0.0,
    }
}

/// How many characters the ranges in the array of a font's widths have. What is no number, `None`, is the list of a run.
fn characters(items: impl Iterator<Item = Option<f64>>, behind: usize) -> u64 {
    let (mut sum, mut open) = (0_u64, Vec::with_capacity(behind + 2));
    for item in items {
        let Some(number) = item else {
            open.clear();
            continue;
        };
        open.push(number);
        if let [first, last, ..] = open[..]
            && open.len() == behind + 2
        {
            // Numbers that no character has come out as its bounds.
            sum = sum.saturating_add((last as u64).saturating_sub(first as u64));
            open.clear();
        }
    }
    sum
}

/// What was taken out of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) widths: usize,
    pub(crate) rows: usize,
}

/// Takes out of `document` what is beyond all measure.
pub(crate) fn drop_excessive(document: &Document<'_>) -> Result<Dropped> {
    let mut dropped = Dropped::default();
    for reference in document.objects()? {
        // What cannot be read is not looked at by the reader either.
        let object = document.object(reference).ok();
        let Some(object) = object.and_then(|value| value.as_object()) else {
            continue;
        };
        for key in PACKED {
            if is_packed_beyond(&object, key) {
                object.remove(key)?;
                dropped.rows += 1;
            }
        }
        for (key, behind) in KEYS {
            let items = object.object(key).ok().flatten();
            let Some(items) = items.and_then(|widths| widths.items().ok()) else {
                continue;
            };
            if characters(items.iter().map(Value::as_f64), behind) > MOST {
                object.remove(key)?;
                dropped.widths += 1;
            }
        }
        object.release()?;
    }
    Ok(dropped)
}

/// Whether a stream's parameters, or one of several, speak of such a row.
fn is_packed_beyond(stream: &Object<'_>, key: &str) -> bool {
    let Some(parameters) = stream.object(key).ok().flatten() else {
        return false;
    };
    let beyond = |one: &Object<'_>| row(|key| one.get(key).ok().flatten()?.as_f64()) > MAX_ROW;
    match parameters.items() {
        Ok(all) => all
            .iter()
            .filter_map(Value::as_dict)
            .any(|one| beyond(&one)),
        Err(_) => beyond(&parameters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_long_as_its_parts_make_it() {
        let of = |predictor: f64, columns: Option<f64>, colors: f64| {
            row(|key| match key {
                "Predictor" => Some(predictor),
                "Columns" => columns,
                "Colors" => Some(colors),
                _ => None,
            })
        };
        assert_eq!(of(1.0, Some(1e18), 3.0), 0.0, "none is undone");
        assert_eq!(of(15.0, Some(100.0), 3.0), 300.0);
        assert_eq!(of(12.0, None, -7.0), 1.0);
        assert!(of(12.0, Some(4_294_967_296.0), 1.0) > MAX_ROW);
        assert!(of(2.0, Some(0.0), 1.0) > MAX_ROW, "none goes into any data");
        assert!(of(2.0, Some(9.0), 1e-46) > MAX_ROW);
    }

    #[test]
    fn ranges_are_counted_and_lists_are_not() {
        let count = |items: &[Option<f64>], behind| characters(items.iter().copied(), behind);
        let list = None;
        assert_eq!(count(&[], 1), 0);
        assert_eq!(
            count(&[Some(1.0), list, Some(1.0), Some(4.0), Some(250.0)], 1),
            3
        );
        let wide = [Some(25.0), Some(4_294_967_295.0), Some(278.0)];
        assert_eq!(count(&wide, 1), 4_294_967_270);
        assert_eq!(count(&wide, 3), 0, "broken off");
        let tall = [Some(0.0), Some(9.0), Some(-1.0), Some(5.0), Some(8.0)];
        assert_eq!(count(&[&tall[..], &tall[..]].concat(), 3), 18);
        assert_eq!(count(&[Some(9.0), Some(-7.0), Some(f64::NAN)], 1), 0);
        assert_eq!(count(&[Some(-1e300), Some(1e300), Some(0.0)], 1), u64::MAX);
    }
}
