//! The part of a page that is shown (ISO 32000-2, 14.11.2), by one rule for all who draw on pages or draw pages.

/// Lower left and upper right corner.
type Box = [f64; 4];

/// A US letter page, which a page without a media box is taken for by the usual viewers.
const LETTER: Box = [0.0, 0.0, 612.0, 792.0];

/// What is shown of a page with these boxes, as viewers have it: corners that are swapped are turned round, a crop box is
/// cut to the media box and ignored where nothing is left.
#[must_use]
pub fn visible_box(media: Option<Box>, crop: Option<Box>) -> Box {
    let media = media.and_then(upright).unwrap_or(LETTER);
    crop.and_then(upright)
        .and_then(|crop| meet(crop, media))
        .unwrap_or(media)
}

fn upright([a, b, c, d]: Box) -> Option<Box> {
    let sorted = [a.min(c), b.min(d), a.max(c), b.max(d)];
    (sorted.iter().all(|v| v.is_finite()) && has_area(&sorted)).then_some(sorted)
}

fn meet(a: Box, b: Box) -> Option<Box> {
    let met = [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ];
    has_area(&met).then_some(met)
}

fn has_area([left, bottom, right, top]: &Box) -> bool {
    right > left && top > bottom
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_box_that_leaves_nothing_is_ignored() {
        let media = [0.0, 0.0, 300.0, 400.0];
        for crop in [
            [0.0; 4],
            [10.0; 4],
            [0.0, 0.0, 0.0, 400.0],
            [500.0, 0.0, 600.0, 400.0],
            [f64::NAN, 0.0, 10.0, 10.0],
        ] {
            assert_eq!(visible_box(Some(media), Some(crop)), media, "{crop:?}");
        }
        let swapped = [900.0, 100.0, 100.0, -50.0];
        let cut = [100.0, 0.0, 300.0, 100.0];
        assert_eq!(visible_box(Some(media), Some(swapped)), cut);
        assert_eq!(visible_box(None, None), LETTER);
        assert_eq!(visible_box(Some([7.0; 4]), None), LETTER);
    }
}
