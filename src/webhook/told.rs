//! Which ends have been told and which not yet: what the journal has to remember of it is one number.

use std::collections::BTreeMap;

/// How far the telling is. Numbers are those of the journal's events.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Everything up to here has been read.
    read: u64,
    /// Ends that are read and not told to all, with how many they are still to be told to.
    open: BTreeMap<u64, usize>,
}

impl Told {
    /// Everything up to `mark` has been told.
    pub(super) fn up_to(mark: u64) -> Self {
        Self {
            read: mark,
            open: BTreeMap::new(),
        }
    }

    /// Up to where the journal has been read.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Everything up to `seq` has been read.
    pub(super) fn read_to(&mut self, seq: u64) {
        self.read = self.read.max(seq);
    }

    /// The end `seq` is to be told to one more.
    pub(super) fn begin(&mut self, seq: u64) {
        *self.open.entry(seq).or_default() += 1;
    }

    /// One has heard of `seq`, or never will.
    pub(super) fn done(&mut self, seq: u64) {
        if let Some(left) = self.open.get_mut(&seq) {
            *left -= 1;
            if *left == 0 {
                self.open.remove(&seq);
            }
        }
    }

    /// Everything up to here needs no telling any more.
    pub(super) fn mark(&self) -> u64 {
        self.open
            .first_key_value()
            .map_or(self.read, |(seq, _)| seq.saturating_sub(1).min(self.read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stays_before_the_first_that_is_not_told() {
        let mut told = Told::up_to(10);
        assert_eq!(told.mark(), 10);
        told.begin(12);
        told.begin(12);
        told.begin(15);
        told.read_to(20);
        assert_eq!(told.mark(), 11);
        told.done(15);
        assert_eq!(
            told.mark(),
            11,
            "the later one does not carry the earlier one along"
        );
        told.done(12);
        assert_eq!(told.mark(), 11, "the second receiver has not heard of it");
        told.done(12);
        assert_eq!((told.mark(), told.read()), (20, 20));
        told.done(12);
        assert_eq!(told, Told::up_to(20));
    }
}
