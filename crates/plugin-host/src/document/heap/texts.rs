//! Changes that leave an object at rest: it gets another text to rest in, and a small new stream rests from the beginning.

use std::ops::Range;

use lopdf::{Object, ObjectId};

use crate::document::characters::is_regular;
use crate::document::heap::{Heap, MADE, Resting};
use crate::document::latent::check::{Check, Passed};
use crate::document::serialize;
use crate::document::unread::{self, Entry, Unread};

/// The most texts that one object gets in place of the one before, which stays where it is: what is changed more often is
/// built.
const MAX_TEXTS: u8 = 8;
/// The longest content of a new stream that rests.
const MAX_CONTENT: usize = 512;
/// Gaps in the numbers of new objects that rest, at most.
const MAX_GAP: usize = 4096;

/// A part of a dictionary's text and what comes in its place: a part of another's.
struct Edit {
    old: Range<usize>,
    value: Range<usize>,
}

impl Heap {
    /// Puts an entry into a small dictionary that nobody has built; answers what takes that back. `None` where that
    /// cannot be done, and nothing is.
    pub(crate) fn put(&mut self, id: ObjectId, key: &[u8], value: &Object) -> Option<Resting> {
        self.free(id)?;
        let mut source = std::mem::take(&mut self.scratch);
        source.clear();
        source.extend_from_slice(b"<<");
        serialize::entry(key, value, &mut source);
        source.extend_from_slice(b">>");
        let before = Unread::of(&source).and_then(|source| self.merge(id, source));
        self.scratch = source;
        before
    }

    /// The object, if it may rest in another text.
    fn free(&self, id: ObjectId) -> Option<&Resting> {
        let is_free = |resting: &&Resting| {
            resting.texts < MAX_TEXTS && resting.read.get().is_none() && !resting.is_changed
        };
        self.rested(id).filter(is_free)
    }

    /// The same for all entries of another small dictionary.
    pub(crate) fn merge(&mut self, id: ObjectId, source: Unread<'_>) -> Option<Resting> {
        let resting = self.free(id)?;
        let dict = Unread::of(self.slice(resting.source, &resting.value))?;
        let mut edits: Vec<Edit> = Vec::with_capacity(4);
        for Entry { key, start, value } in source.entries() {
            // What a stream says of its bytes is the writer's.
            if key == b"Length" && resting.traits.is_stream {
                return None;
            }
            edits.push(match dict.place(key) {
                Some(old) => Edit { old, value },
                None => Edit {
                    old: dict.end(),
                    value: start..value.end,
                },
            });
        }
        // In the order of the old text; what is new goes to its end, in its own order.
        edits.sort_by_key(|edit| edit.old.start);
        let (length, before) = (dict.text().len(), resting.again());
        if before.traits.is_length_elsewhere {
            return None;
        }
        let (from, noted) = (self.made.len(), self.references.len());
        let mut at = 0;
        for Edit { old, value } in edits {
            self.remake(&before, at..old.start);
            at = old.end;
            let value = source.text().get(value)?;
            if value.first().is_some_and(|byte| is_regular(*byte)) {
                self.made.push(b' ');
            }
            self.made.extend_from_slice(value);
        }
        self.remake(&before, at..length);
        let is_small = self.made.len() - from <= unread::LONGEST;
        let Some((passed, value)) = is_small.then(|| self.look(from)).flatten() else {
            self.made.truncate(from);
            self.references.truncate(noted);
            return None;
        };
        let references = range((noted, self.references.len()))?;
        let resting = self.rested_mut(id)?;
        resting.source = MADE;
        resting.value = value;
        resting.references = references;
        resting.traits.take_kind(&passed);
        resting.texts += 1;
        Some(before)
    }

    /// Appends a part of the text of `resting` to what has been made.
    fn remake(&mut self, resting: &Resting, part: Range<usize>) {
        let start = resting.value.start as usize;
        let part = start + part.start..start + part.end;
        match resting.source {
            MADE => self.made.extend_from_within(part),
            source => {
                let source = self.sources.get(source as usize);
                let text = source.and_then(|source| source.get(part));
                self.made.extend_from_slice(text.unwrap_or_default());
            }
        }
    }

    /// Looks at the text that begins at `from` in what has been made and is the rest of it.
    fn look(&mut self, from: usize) -> Option<(Passed, Range<u32>)> {
        let room = std::mem::take(&mut self.room);
        let mut check = Check::reusing(&self.made, &mut self.references, room);
        let passed = check.outermost(from);
        self.room = check.into_room();
        let (passed, end) = passed?;
        let is_whole = end == self.made.len();
        Some((passed, range((from, end))?)).filter(|_| is_whole)
    }

    /// Takes [`Self::merge`] back.
    pub(crate) fn restore(&mut self, id: ObjectId, before: Resting) {
        self.values.remove(&id);
        if let Some(place) = self.rested.get_mut(id.0 as usize) {
            *place = Some(before);
        }
    }

    /// Adds a small stream without entries, under a new number; `false` where it has to be a value.
    pub(crate) fn add_resting(&mut self, id: ObjectId, content: &[u8]) -> bool {
        let (number, length) = (id.0 as usize, self.rested.len());
        let is_next = !self.sources.is_empty() && (length..length + MAX_GAP).contains(&number);
        if content.len() >= MAX_CONTENT || id.1 != 0 || !is_next {
            return false;
        }
        let from = self.made.len();
        self.made.extend_from_slice(b"<</Length ");
        serialize::integer(content.len() as i64, &mut self.made);
        self.made.extend_from_slice(b">>");
        let end = self.made.len();
        self.made.extend_from_slice(content);
        let ranges = range((from, end)).zip(range((end, self.made.len())));
        let Some((value, content)) = ranges else {
            self.made.truncate(from);
            return false;
        };
        let mut resting = Resting::new(0, MADE, value);
        resting.content = content;
        resting.traits.is_stream = true;
        resting.is_content_made = true;
        self.rested.resize_with(number, || None);
        self.rested.push(Some(resting));
        true
    }
}

fn range((start, end): (usize, usize)) -> Option<Range<u32>> {
    Some(u32::try_from(start).ok()?..u32::try_from(end).ok()?)
}
