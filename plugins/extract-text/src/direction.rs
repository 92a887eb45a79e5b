//! The four ways that lines run on a page, and coordinates along and across them.

/// Which way a line runs, as the reader sees the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Direction {
    Right,
    Up,
    Left,
    Down,
}

/// A place seen along a line: lines follow each other towards smaller `across`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) along: f64,
    pub(crate) across: f64,
}

impl Direction {
    /// All of them, in the order in which their texts are put out.
    pub(crate) const ALL: [Self; 4] = [Self::Right, Self::Up, Self::Down, Self::Left];

    /// The direction that (x, y) comes nearest to; y goes up.
    pub(crate) fn of(x: f64, y: f64) -> Self {
        match (x.abs() >= y.abs(), x >= 0.0, y >= 0.0) {
            (true, true, _) => Self::Right,
            (true, false, _) => Self::Left,
            (false, _, true) => Self::Up,
            (false, _, false) => Self::Down,
        }
    }

    /// The point (x, y) along and across lines of this direction.
    pub(crate) fn spot(self, x: f64, y: f64) -> Spot {
        let (along, across) = match self {
            Self::Right => (x, y),
            Self::Up => (y, -x),
            Self::Left => (-x, -y),
            Self::Down => (-y, x),
        };
        Spot { along, across }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_rounded_to_quarter_turns() {
        assert_eq!(Direction::of(1.0, 0.4), Direction::Right);
        assert_eq!(Direction::of(0.1, 1.0), Direction::Up);
        assert_eq!(Direction::of(-1.0, 0.4), Direction::Left);
        assert_eq!(Direction::of(0.1, -1.0), Direction::Down);
    }

    #[test]
    fn along_grows_with_the_line_and_across_shrinks_with_the_lines() {
        for (direction, next_glyph, next_line) in [
            (Direction::Right, (1.0, 0.0), (0.0, -1.0)),
            (Direction::Up, (0.0, 1.0), (1.0, 0.0)),
            (Direction::Left, (-1.0, 0.0), (0.0, 1.0)),
            (Direction::Down, (0.0, -1.0), (-1.0, 0.0)),
        ] {
            assert_eq!(
                direction.spot(next_glyph.0, next_glyph.1),
                Spot {
                    along: 1.0,
                    across: 0.0
                }
            );
            assert_eq!(
                direction.spot(next_line.0, next_line.1),
                Spot {
                    along: 0.0,
                    across: -1.0
                }
            );
        }
    }
}
