//! Tiling patterns whose cells lie over one another without end: the renderer draws each of them, so there must be few.

use dropleaf_plugin_sdk::prelude::*;

/// Cells that may lie over one point, in each direction. Patterns that people make have two or three.
const MOST: f64 = 32.0;

/// Whether some pattern of the document has to be cut. The bytes are those of the document: a pattern is a stream, so its
/// dictionary stands there as it is (ISO 32000-2, 7.5.7).
pub(crate) fn any(document: &Document<'_>, bytes: &[u8]) -> Result<bool> {
    let name = b"/PatternType";
    if !bytes.windows(name.len()).any(|window| window == name) {
        return Ok(false);
    }
    Ok(!excessive(document)?.is_empty())
}

/// Cuts the cells of such patterns; gives how many there were.
pub(crate) fn cut(document: &Document<'_>) -> Result<usize> {
    let found = excessive(document)?;
    for (pattern, bbox) in &found {
        pattern.put("BBox", document.array(*bbox)?)?;
    }
    Ok(found.len())
}

/// The patterns whose cells are too large for their steps, with the part of a cell that is drawn.
fn excessive<'r>(document: &Document<'r>) -> Result<Vec<(Object<'r>, [f64; 4])>> {
    let mut found = Vec::new();
    for reference in document.objects()? {
        // What cannot be read is not drawn either.
        let object = document.object(reference).ok();
        let Some(object) = object.and_then(|value| value.as_object()) else {
            continue;
        };
        match smaller(&object) {
            Some(bbox) => found.push((object, bbox)),
            None => object.release()?,
        }
    }
    Ok(found)
}

/// A smaller cell, where this is a tiling pattern that needs one (ISO 32000-2, table 74).
fn smaller(object: &Object<'_>) -> Option<[f64; 4]> {
    let number = |key: &str| object.get(key).ok().flatten()?.as_f64();
    if number("PatternType") != Some(1.0) {
        return None;
    }
    let bbox = object.object("BBox").ok().flatten()?.numbers().ok()?;
    let [a, b, c, d] = bbox[..] else {
        return None;
    };
    let (left, right) = (a.min(c), a.max(c));
    let (bottom, top) = (b.min(d), b.max(d));
    let (from, to) = part(left, right, number("XStep")?);
    let (low, high) = part(bottom, top, number("YStep")?);
    let is_cut = (from, to, low, high) != (left, right, bottom, top);
    is_cut.then_some([from, low, to, high])
}

/// The part of a cell's extent that is drawn: next to the origin, where what is drawn in it is most likely.
fn part(from: f64, to: f64, step: f64) -> (f64, f64) {
    let most = MOST * step.abs();
    if to - from <= most {
        (from, to)
    } else if from >= 0.0 {
        (from, from + most)
    } else if to <= 0.0 {
        (to - most, to)
    } else {
        (from.max(-most / 2.0), to.min(most / 2.0))
    }
}
