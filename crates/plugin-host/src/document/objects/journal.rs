//! The journal of a step, which takes its changes back.
//!
//! While it is open each change of what was there before is noted with the old value, moved out and not copied, so that
//! [`Objects::rollback`] restores the document exactly, last change first.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::heap::Resting;
use crate::document::objects::Objects;
use crate::document::place::{Place, Root};

/// One change, with what it takes to undo it.
pub(super) enum Change {
    /// A resting object has another text.
    Text { id: ObjectId, before: Resting },
    /// The bytes of a stream are plain now, or no longer.
    Plain { id: ObjectId, before: bool },
    /// Anything else: larger, and rarer.
    Value(Box<ValueChange>),
}

pub(super) enum ValueChange {
    Put {
        place: Place,
        key: Box<[u8]>,
        old: Option<Object>,
    },
    Dropped {
        place: Place,
        key: Box<[u8]>,
        at: usize,
        old: Object,
    },
    Item {
        place: Place,
        index: usize,
        old: Object,
    },
    Inserted {
        place: Place,
        index: usize,
    },
    Taken {
        place: Place,
        index: usize,
        old: Object,
    },
    Value {
        place: Place,
        old: Object,
    },
    Object {
        id: ObjectId,
        old: Option<Object>,
    },
}

impl Objects {
    /// Notes a change of what was there when the journal was opened. What came since goes as a whole.
    pub(super) fn note(&mut self, root: Root, change: impl FnOnce() -> ValueChange) {
        let is_new = match root {
            Root::Object(id) => id.0 > self.newest_before,
            Root::Trailer => false,
            Root::Loose(_) => true,
        };
        match &mut self.journal {
            Some(journal) if !is_new => journal.push(Change::Value(Box::new(change()))),
            Some(_) if self.is_read => self.kept.push(change()),
            _ => {}
        }
    }

    /// Makes changes for a call that only reads: what they take out of objects stays until the step ends.
    pub(crate) fn reading<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.is_read, true);
        let answer = work(self);
        self.is_read = before;
        answer
    }

    pub(super) fn note_plain(&mut self, id: ObjectId, before: bool) {
        if let Some(journal) = &mut self.journal
            && id.0 <= self.newest_before
        {
            journal.push(Change::Plain { id, before });
        }
    }

    pub(super) fn note_text(&mut self, id: ObjectId, before: Resting) {
        if let Some(journal) = &mut self.journal
            && id.0 <= self.newest_before
        {
            journal.push(Change::Text { id, before });
        }
    }

    /// Opens the journal.
    pub(crate) fn begin(&mut self) {
        self.journal = Some(Vec::new());
        self.newest_before = self.pdf.max_id;
        self.dirty_before = self.dirty;
    }

    /// Closes the journal and keeps the changes.
    pub(crate) fn commit(&mut self) {
        self.journal = None;
        self.kept = Vec::new();
        self.loose = Vec::new();
        if self.dirty {
            self.bytes = None;
        }
    }

    /// Undoes every change since [`Self::begin`] and answers how many there were.
    pub(crate) fn rollback(&mut self) -> u64 {
        let Some(changes) = self.journal.take() else {
            return 0;
        };
        let added = self.newest_before..self.pdf.max_id;
        let undone = (changes.len() + added.len()) as u64;
        self.pages = None;
        self.named_destinations.take();
        self.fields.take();
        self.kept = Vec::new();
        self.loose = Vec::new();
        for change in changes.into_iter().rev() {
            // A change undoes at the place where it was made: what came after it is undone already.
            let restored = self.undo(change);
            debug_assert!(restored.is_some(), "the journal names a place that is gone");
        }
        // Numbers are handed out one after the other: what was added goes with them.
        for id in added.map(|before| (before + 1, 0)) {
            self.heap.forget(id);
            self.plain.remove(&id);
        }
        self.pdf.max_id = self.newest_before;
        if undone > 0 {
            self.written = None;
        }
        self.dirty = self.dirty_before;
        undone
    }

    fn undo(&mut self, change: Change) -> Option<()> {
        let change = match change {
            Change::Text { id, before } => {
                self.heap.restore(id, before);
                return Some(());
            }
            Change::Plain { id, before } => {
                self.set_plain(id, before);
                return Some(());
            }
            Change::Value(change) => *change,
        };
        match change {
            ValueChange::Put { place, key, old } => {
                let dict = self.dict_mut(&place).ok()?;
                match old {
                    Some(old) => dict.set(&*key, old),
                    None => drop(dict.remove(&key)),
                }
            }
            ValueChange::Dropped {
                place,
                key,
                at,
                old,
            } => reinsert(self.dict_mut(&place).ok()?, at, key, old),
            ValueChange::Item { place, index, old } => {
                *self.array_mut(&place).ok()?.get_mut(index)? = old
            }
            ValueChange::Inserted { place, index } => {
                drop(self.array_mut(&place).ok()?.remove(index))
            }
            ValueChange::Taken { place, index, old } => {
                self.array_mut(&place).ok()?.insert(index, old)
            }
            ValueChange::Value { place, old } => drop(self.swap(&place, old).ok()?),
            ValueChange::Object { id, old } => drop(match old {
                Some(old) => self.heap.insert(id, old),
                None => self.heap.remove(id),
            }),
        }
        Some(())
    }
}

/// Undoes a removal that moved the last entry into the place of the removed one.
fn reinsert(dict: &mut Dictionary, at: usize, key: Box<[u8]>, old: Object) {
    let mut entries: Vec<(Vec<u8>, Object)> = std::mem::take(dict).into_iter().collect();
    if at < entries.len() {
        let last = std::mem::replace(&mut entries[at], (key.into_vec(), old));
        entries.push(last);
    } else {
        entries.push((key.into_vec(), old));
    }
    *dict = entries.into_iter().collect();
}
