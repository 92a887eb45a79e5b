//! Widths that a font gives to more characters than it can have (`W` and `W2`, ISO 32000-2, 9.7.4.3): the reader notes one for
//! each, and `25 4294967295 278` is four thousand million.

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::{self, Array, Dict, MaybeRef};

/// Characters in all ranges of a font together. A font has 65,536 at the most (ISO 32000-2, C.2), and ranges may overlap.
const MOST: u64 = 1 << 20;
/// How deep a font may stand in an object: a page with all its resources in it is not half as deep.
const MAX_DEPTH: u32 = 16;
/// The two keys, with the numbers that a range has behind its ends.
const KEYS: [(&str, usize); 2] = [("W", 1), ("W2", 3)];

/// Whether some font would keep the reader busy.
pub(crate) fn any(pdf: &Pdf) -> bool {
    let mut objects = pdf.objects().into_iter();
    objects.any(|object| is_within(&object, MAX_DEPTH))
}

fn is_within(object: &object::Object<'_>, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match object {
        object::Object::Dict(dict) => is_excessive(dict) || entries(dict, depth),
        object::Object::Stream(stream) => entries(stream.dict(), depth),
        object::Object::Array(array) => array
            .raw_iter()
            .any(|item| matches!(item, MaybeRef::NotRef(item) if is_within(&item, depth))),
        _ => false,
    }
}

fn entries(dict: &Dict<'_>, depth: u32) -> bool {
    dict.entries()
        .any(|(_, value)| matches!(value, MaybeRef::NotRef(value) if is_within(&value, depth)))
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

/// Takes such widths out of the fonts of `document`; gives how many there were.
pub(crate) fn drop_excessive(document: &Document<'_>) -> Result<usize> {
    let mut dropped = 0;
    for reference in document.objects()? {
        // What cannot be read is not looked at by the reader either.
        let object = document.object(reference).ok();
        let Some(font) = object.and_then(|value| value.as_dict()) else {
            continue;
        };
        for (key, behind) in KEYS {
            let items = font.object(key).ok().flatten();
            let Some(items) = items.and_then(|widths| widths.items().ok()) else {
                continue;
            };
            if characters(items.iter().map(Value::as_f64), behind) > MOST {
                font.remove(key)?;
                dropped += 1;
            }
        }
        font.release()?;
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

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
