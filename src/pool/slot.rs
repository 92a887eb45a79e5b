//! A slot is what one living worker has to itself: a user id and a scratch folder. It is free again once the worker is
//! dead and reaped, never earlier.

use crate::pool::scratch::Folder;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The slots of a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<BTreeSet<u32>>>);

/// One slot, in use until dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its number, from 0; the lowest that was free.
    pub(crate) number: u32,
    /// The folder that its worker may write.
    pub(crate) scratch: Option<Folder>,
    slots: Slots,
}

impl Slots {
    /// Takes the lowest free slot.
    pub(crate) fn take(&self) -> Slot {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = (0..).find(|n| !used.contains(n)).unwrap_or(u32::MAX);
        used.insert(number);
        Slot {
            number,
            scratch: None,
            slots: self.clone(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut used = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_its_worker_is_gone() {
        let slots = Slots::default();
        let (first, second) = (slots.take(), slots.take());
        assert_eq!((first.number, second.number), (0, 1));
        drop(first);
        assert_eq!(slots.take().number, 0);
        assert_eq!(slots.take().number, 0, "the one before was dropped at once");
        let _third = slots.take();
        assert_eq!(slots.take().number, 2);
        drop(second);
    }
}
