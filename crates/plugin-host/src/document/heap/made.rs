//! The texts and contents that steps have made.
//!
//! They never move: plugins hold views of them until their next call that changes something, and a call that only reads may
//! put the page tree in order, which makes texts.

use std::ops::Range;

/// The room for one piece in the numbers of all places.
const PIECE: usize = 1 << 20;
/// The first piece; each after it is twice as large, up to [`PIECE`].
const FIRST: usize = 4 << 10;
/// As many as 32 bits tell apart.
const MOST: usize = (1 << 12) - 1;

/// See above. A place is the number of a piece and one inside it.
#[derive(Debug, Default)]
pub(super) struct Made {
    pieces: Vec<Vec<u8>>,
}

impl Made {
    /// Adds a text; answers where it stands. `None` where there is no room.
    pub(super) fn add(&mut self, text: &[u8]) -> Option<Range<u32>> {
        let room = |piece: &Vec<u8>| piece.capacity().min(PIECE) - piece.len();
        let last = self.pieces.last();
        if last.is_none_or(|piece| room(piece) < text.len()) {
            let count = self.pieces.len();
            if text.len() > FIRST || count >= MOST {
                return None;
            }
            let size = (FIRST << count.min(8)).min(PIECE);
            self.pieces.push(Vec::with_capacity(size));
        }
        let number = self.pieces.len().checked_sub(1)?;
        let piece = self.pieces.last_mut()?;
        let start = number * PIECE + piece.len();
        piece.extend_from_slice(text);
        Some(u32::try_from(start).ok()?..u32::try_from(start + text.len()).ok()?)
    }

    /// What stands there; nothing where nothing does.
    pub(super) fn get(&self, place: &Range<u32>) -> Option<&[u8]> {
        let start = place.start as usize;
        let piece = self.pieces.get(start / PIECE)?;
        piece.get(start % PIECE..start % PIECE + place.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_stays_where_it_is_however_much_follows() {
        let mut made = Made::default();
        let text = |number: usize| format!("{number:0$}", 1 + number % 1_000).into_bytes();
        let mut places = Vec::new();
        for number in 0..8_000 {
            let place = made.add(&text(number)).expect("there is room");
            let address = made.get(&place).expect("it was made").as_ptr();
            places.push((place, address));
        }
        assert!(made.pieces.len() > 8, "{} pieces", made.pieces.len());
        for (number, (place, address)) in places.iter().enumerate() {
            let found = made.get(place).expect("it is still there");
            assert_eq!((found, found.as_ptr()), (&text(number)[..], *address));
        }
        assert_eq!(made.get(&(u32::MAX - 1..u32::MAX)), None);
    }
}
