//! Batches of frames that every subscription reads at its own place: bounded in bytes, never waiting for anybody.

use crate::feed::frame::Frame;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that were flushed together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// All of them, one after the other.
    pub(crate) bytes: Bytes,
    /// Where each stands and what it is about.
    pub(crate) frames: Box<[Frame]>,
}

impl Batch {
    /// The number of the last event before the batch.
    pub(crate) fn after(&self) -> u64 {
        self.frames.first().map_or(0, |frame| frame.after)
    }
}

/// The last batches.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    batches: VecDeque<Arc<Batch>>,
    first: u64,
    bytes: usize,
}

impl Ring {
    /// The place behind the last batch.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a batch, and drops the oldest ones beyond `limit` bytes; the newest always stays.
    pub(crate) fn push(&mut self, batch: Batch, limit: usize) {
        self.bytes += batch.bytes.len();
        self.batches.push_back(Arc::new(batch));
        while self.bytes > limit && self.batches.len() > 1 {
            self.drop_first();
        }
    }

    /// Drops what everybody has read.
    pub(crate) fn trim(&mut self, read_by_all: u64) {
        while self.first < read_by_all && !self.batches.is_empty() {
            self.drop_first();
        }
    }

    /// Drops everything; places go on from where they were.
    pub(crate) fn clear(&mut self) {
        self.first = self.end();
        self.batches = VecDeque::new();
        self.bytes = 0;
    }

    fn drop_first(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.bytes.len();
            self.first += 1;
        }
    }

    /// The batch at a place: `Err` where it is gone, `None` where it has not come yet.
    pub(crate) fn at(&self, place: u64) -> Result<Option<Arc<Batch>>, Gone> {
        let index = place.checked_sub(self.first).ok_or(Gone)?;
        Ok(usize::try_from(index)
            .ok()
            .and_then(|index| self.batches.get(index))
            .cloned())
    }
}

/// The place is older than the ring.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(size: usize) -> Batch {
        Batch {
            bytes: Bytes::from(vec![b'x'; size]),
            frames: Box::new([]),
        }
    }

    #[test]
    fn old_batches_go_and_places_stay() {
        let mut ring = Ring::default();
        for size in [40, 40, 40] {
            ring.push(batch(size), 100);
        }
        assert_eq!((ring.bytes(), ring.end()), (80, 3));
        assert_eq!(ring.at(0).map(|_| ()), Err(Gone));
        assert!(ring.at(2).expect("there").is_some());
        assert!(ring.at(3).expect("not yet").is_none());
        ring.push(batch(500), 100);
        assert!(ring.at(3).expect("the newest stays").is_some());
        assert_eq!(ring.bytes(), 500);
        ring.trim(4);
        assert_eq!((ring.bytes(), ring.end()), (0, 4));
        ring.push(batch(1), 100);
        ring.clear();
        assert_eq!((ring.bytes(), ring.end()), (0, 5));
    }
}
