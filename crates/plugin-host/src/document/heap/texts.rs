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
        if resting.traits.is_length_elsewhere {
            return None;
        }
        let before = resting.again();
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let noted = self.references.len();
        let merged = self
            .merged(&before, source, &mut text)
            .and_then(|()| self.look(&text))
            .and_then(|passed| Some((passed, self.made.add(&text)?)));
        self.text = text;
        let Some((passed, value)) = merged else {
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

    /// Appends what the text of `resting` becomes with the entries of `source`.
    fn merged(&self, resting: &Resting, source: Unread<'_>, text: &mut Vec<u8>) -> Option<()> {
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
        let mut at = 0;
        for Edit { old, value } in edits {
            text.extend_from_slice(dict.text().get(at..old.start)?);
            at = old.end;
            let value = source.text().get(value)?;
            if value.first().is_some_and(|byte| is_regular(*byte)) {
                text.push(b' ');
            }
            text.extend_from_slice(value);
        }
        text.extend_from_slice(dict.text().get(at..)?);
        (text.len() <= unread::LONGEST).then_some(())
    }

    /// Looks at a text that is the whole of an object.
    fn look(&mut self, text: &[u8]) -> Option<Passed> {
        let room = std::mem::take(&mut self.room);
        let mut check = Check::reusing(text, &mut self.references, room);
        let passed = check.outermost(0);
        self.room = check.into_room();
        let (passed, end) = passed?;
        (end == text.len()).then_some(passed)
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
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        text.extend_from_slice(b"<</Length ");
        serialize::integer(content.len() as i64, &mut text);
        text.extend_from_slice(b">>");
        text.extend_from_slice(content);
        let both = self.made.add(&text);
        self.text = text;
        let Some(both) = both else { return false };
        // No longer than what was found to have room.
        let end = both.end - content.len() as u32;
        let (value, content) = (both.start..end, end..both.end);
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
