//! Pages that a step has left in a shape that readers do not take for a page's (ISO 32000-2, table 31). They are put right
//! before they are written, as those of a damaged file are.

use lopdf::{Object, ObjectId};

use crate::document::exact;
use crate::document::objects::Objects;
use crate::document::place::{Place, entry};
use crate::document::unread::{self, Unread};
use crate::fault::Result;

/// What is wrong with an entry of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Its type is another one.
    Type,
    /// No rectangle.
    MediaBox,
    /// Neither a stream nor an array.
    Contents,
}

impl Objects {
    /// Puts the pages of the list right.
    pub(crate) fn put_pages_right(&mut self) -> Result<()> {
        let pages = self.pages()?.to_vec();
        for page in pages {
            for wrong in self.misshapen(page) {
                let place = Place::object(page);
                match wrong {
                    Wrong::Type => self.put(place, b"Type", Object::Name(b"Page".to_vec()))?,
                    Wrong::MediaBox => self.remove_key(place, b"MediaBox")?,
                    Wrong::Contents => self.remove_key(place, b"Contents")?,
                }
            }
        }
        Ok(())
    }

    fn misshapen(&self, page: ObjectId) -> Vec<Wrong> {
        // Most pages rest, and nearly all of them are as they should be.
        if self.heap.unread(page).is_some_and(is_plain) {
            return Vec::new();
        }
        let Some(dict) = self.dict(page) else {
            return Vec::new();
        };
        let value = |key: &[u8]| entry(dict, key).map(|value| self.resolve(value));
        let mut wrong = Vec::new();
        if let Some(Some((_, found))) = value(b"Type")
            && found.as_name().ok() != Some(b"Page")
        {
            wrong.push(Wrong::Type);
        }
        if let Some(Some((_, found))) = value(b"MediaBox")
            && !self.is_rectangle(found)
        {
            wrong.push(Wrong::MediaBox);
        }
        // What leads nowhere has been looked for already.
        if let Some(Some((_, found))) = value(b"Contents")
            && !matches!(found, Object::Stream(_) | Object::Array(_) | Object::Null)
        {
            wrong.push(Wrong::Contents);
        }
        wrong
    }

    fn is_rectangle(&self, object: &Object) -> bool {
        let is_number = |item: &Object| {
            let found = self.resolve(item);
            found.is_some_and(|(_, value)| value.as_i64().is_ok() || exact::value(value).is_some())
        };
        let items = object.as_array();
        items.is_ok_and(|items| items.len() >= 4 && items.iter().take(4).all(is_number))
    }
}

/// Whether a page that rests has nothing but the plain forms of these entries.
fn is_plain(page: Unread<'_>) -> bool {
    page.entries().all(|entry| {
        let Some(value) = page.text().get(entry.value) else {
            return false;
        };
        match entry.key {
            b"Type" => value == b"/Page",
            b"MediaBox" => unread::items(value).is_some_and(is_four_numbers),
            b"Contents" => value.starts_with(b"[") || unread::reference(value).is_some(),
            _ => true,
        }
    })
}

fn is_four_numbers<'a>(items: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut count = 0;
    let mut numbers = items.inspect(|_| count += 1);
    let all = numbers.all(|item| {
        item.iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+'))
    });
    all && count == 4
}
