//! How many pixels a page gets.

/// Pixels of one picture: 200 MB while it is drawn, A4 at 700 dots an inch.
const MOST_PIXELS: f64 = 50_000_000.0;
/// Pixels of one side; the renderer counts them in 16 bits.
const MOST_SIDE: f64 = 32_000.0;

/// How large pictures are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// By the page's own size.
    Dpi(u32),
    /// As large as fits; at least one side is given.
    Within {
        width: Option<u32>,
        height: Option<u32>,
    },
}

/// The size of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Whether it is smaller than was asked for: it would have been too large to draw.
    pub(crate) reduced: bool,
}

/// The size of the picture of a page of `width` by `height` points; `None` where the page has no size to speak of.
pub(crate) fn size(width: f64, height: f64, aim: Aim) -> Option<Size> {
    let sound = |side: f64| side.is_finite() && side > 0.0;
    if !sound(width) || !sound(height) {
        return None;
    }
    let wanted = match aim {
        Aim::Dpi(dpi) => f64::from(dpi) / 72.0,
        Aim::Within {
            width: across,
            height: down,
        } => {
            let fits = |side: Option<u32>, of: f64| {
                side.map_or(f64::INFINITY, |side| f64::from(side) / of)
            };
            fits(across, width).min(fits(down, height))
        }
    };
    let by_side = MOST_SIDE / width.max(height);
    // Each root apart: their product may be too large for a number.
    let by_pixels = MOST_PIXELS.sqrt() / width.sqrt() / height.sqrt();
    let most = by_side.min(by_pixels);
    let scale = wanted.min(most);
    Some(Size {
        width: pixels(width * scale),
        height: pixels(height * scale),
        reduced: wanted > most,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded on both sides"
)]
fn pixels(side: f64) -> u16 {
    side.round().clamp(1.0, MOST_SIDE) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: (f64, f64), aim: Aim, expected: (u16, u16, bool)) {
        let size = size(page.0, page.1, aim).expect("it has a size");
        assert_eq!(
            (size.width, size.height, size.reduced),
            expected,
            "{page:?} {aim:?}"
        );
    }

    fn within(width: Option<u32>, height: Option<u32>) -> Aim {
        Aim::Within { width, height }
    }

    #[test]
    fn a_page_is_as_large_as_asked() {
        check((612.0, 792.0), Aim::Dpi(72), (612, 792, false));
        check((612.0, 792.0), Aim::Dpi(150), (1275, 1650, false));
        check((612.0, 792.0), within(Some(320), None), (320, 414, false));
        check((612.0, 792.0), within(None, Some(99)), (77, 99, false));
        check((612.0, 792.0), within(Some(320), Some(99)), (77, 99, false));
        check((595.0, 842.0), Aim::Dpi(600), (4958, 7017, false));
        check((0.1, 5000.0), within(Some(10), Some(100)), (1, 100, false));
        check((3.0, 3.0), within(Some(16_384), None), (7071, 7071, true));
    }

    #[test]
    fn no_picture_is_larger_than_can_be_drawn() {
        check((1e6, 1e6), Aim::Dpi(150), (7071, 7071, true));
        check((1e6, 1.0), Aim::Dpi(150), (32_000, 1, true));
        check((1.0, 1e6), within(Some(320), None), (1, 32_000, true));
        check((1e300, 1e300), Aim::Dpi(150), (7071, 7071, true));
        check((1e300, 1e-300), Aim::Dpi(150), (32_000, 1, true));
    }

    #[test]
    fn what_has_no_size_gets_no_picture() {
        for page in [
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, f64::INFINITY),
            (-1.0, 1.0),
        ] {
            assert_eq!(size(page.0, page.1, Aim::Dpi(72)), None, "{page:?}");
        }
    }
}
