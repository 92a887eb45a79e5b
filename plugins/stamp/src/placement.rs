//! Where a block goes on a page: from what the reader sees to the page's own coordinates.

use dropleaf_plugin_sdk::visible_box;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::layout::Align;

/// A transformation `[a b c d e f]` as of `cm` (ISO 32000-2, 8.3.3).
pub(crate) type Matrix = [f64; 6];

/// A place on the page as the reader sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Position {
    TopLeft,
    TopCenter,
    TopRight,
    CenterLeft,
    Center,
    CenterRight,
    BottomLeft,
    #[default]
    BottomCenter,
    BottomRight,
}

impl Position {
    /// How the lines of a block at this place are aligned.
    pub(crate) fn align(self) -> Align {
        match self.along().0 {
            0.0 => Align::Left,
            0.5 => Align::Center,
            _ => Align::Right,
        }
    }

    /// The part of the free room that is left of and below the block.
    fn along(self) -> (f64, f64) {
        match self {
            Self::TopLeft => (0.0, 1.0),
            Self::TopCenter => (0.5, 1.0),
            Self::TopRight => (1.0, 1.0),
            Self::CenterLeft => (0.0, 0.5),
            Self::Center => (0.5, 0.5),
            Self::CenterRight => (1.0, 0.5),
            Self::BottomLeft => (0.0, 0.0),
            Self::BottomCenter => (0.5, 0.0),
            Self::BottomRight => (1.0, 0.0),
        }
    }
}

/// The part of a page that is shown, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    /// x0 y0 x1 y1 in user space.
    visible: [f64; 4],
    /// Quarter turns clockwise, 0 to 3.
    turns: u8,
    /// Points in a unit of user space.
    unit: f64,
}

/// A box as the reader sees it, in points.
struct Bounds {
    middle: (f64, f64),
    size: (f64, f64),
}

impl Frame {
    /// Reads a page's attributes as viewers do; odd rotations are rounded down to a quarter turn.
    pub(crate) fn new(
        media: Option<[f64; 4]>,
        crop: Option<[f64; 4]>,
        rotate: i64,
        unit: Option<f64>,
    ) -> Self {
        Self {
            visible: visible_box(media, crop),
            turns: u8::try_from(rotate.div_euclid(90).rem_euclid(4)).unwrap_or(0),
            unit: unit
                .filter(|unit| unit.is_finite() && *unit > 0.0)
                .unwrap_or(1.0),
        }
    }

    /// Whether what is shown lies within this distance of the origin.
    pub(crate) fn is_within(&self, reach: f64) -> bool {
        self.visible.iter().all(|at| at.abs() <= reach)
    }

    /// Width and height in points, as the reader sees them.
    fn size(&self) -> (f64, f64) {
        let [x0, y0, x1, y1] = self.visible;
        let (width, height) = ((x1 - x0) * self.unit, (y1 - y0) * self.unit);
        if self.turns.is_multiple_of(2) {
            (width, height)
        } else {
            (height, width)
        }
    }

    /// From what the reader sees (points, origin at the lower left) to user space.
    fn user_space(self) -> Matrix {
        let [x0, y0, x1, y1] = self.visible;
        let one = 1.0 / self.unit;
        match self.turns {
            0 => [one, 0.0, 0.0, one, x0, y0],
            1 => [0.0, one, -one, 0.0, x1, y0],
            2 => [-one, 0.0, 0.0, -one, x1, y1],
            _ => [0.0, -one, one, 0.0, x0, y1],
        }
    }

    /// How much of such a block's bounding box lies on the page, 0 to 1; see [`Frame::place`].
    pub(crate) fn shown(
        &self,
        size: (f64, f64),
        position: Position,
        margin: f64,
        angle: f64,
    ) -> f64 {
        let (page_width, page_height) = self.size();
        let Bounds {
            middle: (x, y),
            size: (width, height),
        } = self.bounds(size, position, margin, angle);
        let overlap = |middle: f64, length: f64, page: f64| {
            let (from, to) = (middle - length / 2.0, middle + length / 2.0);
            (to.min(page) - from.max(0.0)).max(0.0)
        };
        let area = width * height;
        if area > 0.0 {
            overlap(x, width, page_width) * overlap(y, height, page_height) / area
        } else {
            1.0
        }
    }

    /// Where the reader sees the bounding box.
    fn bounds(
        &self,
        (width, height): (f64, f64),
        position: Position,
        margin: f64,
        angle: f64,
    ) -> Bounds {
        let (page_width, page_height) = self.size();
        let (sin, cos) = exact_sin_cos(angle);
        let box_width = (width * cos).abs() + (height * sin).abs();
        let box_height = (width * sin).abs() + (height * cos).abs();
        let (right, up) = position.along();
        let x = margin + (page_width - 2.0 * margin - box_width) * right + box_width / 2.0;
        let y = margin + (page_height - 2.0 * margin - box_height) * up + box_height / 2.0;
        Bounds {
            middle: (x, y),
            size: (box_width, box_height),
        }
    }

    /// The matrix for a block of `width` by `height` points at `position`, `margin` points from the edges, turned by
    /// `angle` degrees against the clock around its middle; the turned block's bounding box is what is placed.
    pub(crate) fn place(
        &self,
        (width, height): (f64, f64),
        position: Position,
        margin: f64,
        angle: f64,
    ) -> Matrix {
        let (sin, cos) = exact_sin_cos(angle);
        let (x, y) = self.bounds((width, height), position, margin, angle).middle;
        let turned = [
            cos,
            sin,
            -sin,
            cos,
            x - (cos * width - sin * height) / 2.0,
            y - (sin * width + cos * height) / 2.0,
        ];
        multiply(turned, self.user_space())
    }
}

/// First `a`, then `b`.
fn multiply(a: Matrix, b: Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// Sine and cosine, exact at quarter turns.
fn exact_sin_cos(degrees: f64) -> (f64, f64) {
    let degrees = degrees.rem_euclid(360.0);
    if degrees == 0.0 {
        (0.0, 1.0)
    } else if degrees == 90.0 {
        (1.0, 0.0)
    } else if degrees == 180.0 {
        (0.0, -1.0)
    } else if degrees == 270.0 {
        (-1.0, 0.0)
    } else {
        degrees.to_radians().sin_cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A4: [f64; 4] = [0.0, 0.0, 600.0, 800.0];
    const LETTER: [f64; 4] = [0.0, 0.0, 612.0, 792.0];

    /// Where the block's middle and its right-hand direction end up in user space.
    fn check(frame: Frame, position: Position, middle: (f64, f64), right: (f64, f64)) {
        let m = frame.place((100.0, 20.0), position, 10.0, 0.0);
        let found = (
            50.0 * m[0] + 10.0 * m[2] + m[4],
            50.0 * m[1] + 10.0 * m[3] + m[5],
        );
        assert!(
            (found.0 - middle.0).abs() < 1e-9 && (found.1 - middle.1).abs() < 1e-9,
            "{position:?} {found:?}"
        );
        assert_eq!((m[0], m[1]), right, "{position:?}");
    }

    #[test]
    fn a_plain_page() {
        let page = Frame::new(Some(A4), None, 0, None);
        check(page, Position::BottomLeft, (60.0, 20.0), (1.0, 0.0));
        check(page, Position::TopRight, (540.0, 780.0), (1.0, 0.0));
        check(page, Position::Center, (300.0, 400.0), (1.0, 0.0));
        check(page, Position::CenterLeft, (60.0, 400.0), (1.0, 0.0));
    }

    #[test]
    fn rotated_pages_show_it_upright() {
        // Turned clockwise by 90: the reader's lower left is the page's lower right, her "right" is the page's "up".
        check(
            Frame::new(Some(A4), None, 90, None),
            Position::BottomLeft,
            (580.0, 60.0),
            (0.0, 1.0),
        );
        check(
            Frame::new(Some(A4), None, 180, None),
            Position::BottomLeft,
            (540.0, 780.0),
            (-1.0, 0.0),
        );
        check(
            Frame::new(Some(A4), None, 270, None),
            Position::BottomLeft,
            (20.0, 740.0),
            (0.0, -1.0),
        );
        check(
            Frame::new(Some(A4), None, -90, None),
            Position::TopRight,
            (580.0, 60.0),
            (0.0, -1.0),
        );
        check(
            Frame::new(Some(A4), None, 450, None),
            Position::BottomLeft,
            (580.0, 60.0),
            (0.0, 1.0),
        );
    }

    #[test]
    fn odd_boxes_are_read_as_viewers_read_them() {
        let moved = Frame::new(Some([-100.0, -200.0, 500.0, 600.0]), None, 0, None);
        check(moved, Position::BottomLeft, (-40.0, -180.0), (1.0, 0.0));
        let swapped = Frame::new(Some([500.0, 600.0, -100.0, -200.0]), None, 0, None);
        assert_eq!(swapped, moved);
        let cropped = Frame::new(Some(A4), Some([100.0, 100.0, 900.0, 300.0]), 0, None);
        check(cropped, Position::TopRight, (540.0, 280.0), (1.0, 0.0));
        let outside = Frame::new(Some(A4), Some([1000.0, 1000.0, 1100.0, 1100.0]), 0, None);
        assert_eq!(outside, Frame::new(Some(A4), None, 0, None));
        assert_eq!(
            Frame::new(None, None, 0, None),
            Frame::new(Some(LETTER), None, 0, None)
        );
        assert_eq!(
            Frame::new(Some([0.0; 4]), None, 0, None),
            Frame::new(Some(LETTER), None, 0, None)
        );
    }

    #[test]
    fn a_user_unit_does_not_change_the_size_on_paper() {
        let page = Frame::new(Some(A4), None, 0, Some(2.0));
        let m = page.place((100.0, 20.0), Position::BottomLeft, 10.0, 0.0);
        assert_eq!(m, [0.5, 0.0, 0.0, 0.5, 5.0, 5.0]);
        assert_eq!(Frame::new(Some(A4), None, 0, Some(-1.0)).unit, 1.0);
    }

    #[test]
    fn how_much_is_shown_is_told_from_the_bounding_box() {
        let page = Frame::new(Some(A4), None, 0, None);
        for (size, position, margin, shown) in [
            ((100.0, 20.0), Position::BottomLeft, 10.0, 1.0),
            ((100.0, 20.0), Position::BottomLeft, 10_000.0, 0.0),
            ((100.0, 20.0), Position::Center, 10_000.0, 1.0),
            ((100.0, 20.0), Position::BottomLeft, 790.0, 0.0),
            ((1200.0, 20.0), Position::Center, 0.0, 0.5),
            ((0.0, 20.0), Position::BottomLeft, 10_000.0, 1.0),
        ] {
            let found = page.shown(size, position, margin, 0.0);
            assert!(
                (found - shown).abs() < 1e-9,
                "{position:?} {margin}: {found}"
            );
        }
    }

    #[test]
    fn a_turned_block_stays_inside_the_margins() {
        let page = Frame::new(Some(A4), None, 0, None);
        let m = page.place((100.0, 20.0), Position::BottomLeft, 10.0, 90.0);
        // The block's lower left corner is now at the lower right of its box.
        assert_eq!((m[4], m[5]), (30.0, 10.0));
        let m = page.place((100.0, 20.0), Position::Center, 0.0, 45.0);
        let middle = (
            50.0 * m[0] + 10.0 * m[2] + m[4],
            50.0 * m[1] + 10.0 * m[3] + m[5],
        );
        assert!((middle.0 - 300.0).abs() < 1e-9 && (middle.1 - 400.0).abs() < 1e-9);
    }
}
