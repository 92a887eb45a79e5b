//! A parsed document: its objects, every way to change them, and the journal that takes changes back.
//!
//! All changes go through the methods here, and each tells the [`journal`] what stood there.

mod journal;

use std::sync::OnceLock;

use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::destinations::NamedDestinations;
use crate::document::encryption::Omitted;
use crate::document::heap::Heap;
use crate::document::ids::IdSet;
use crate::document::objects::journal::{Change, ValueChange};
use crate::document::page_index::PageIndex;
use crate::document::place::{Holder, HolderMut, Place, Root, entry};
use crate::document::reach::named_beyond;
use crate::document::unread::Unread;
use crate::fault::{Fault, Result};
use crate::input::Input;

/// A document as objects.
pub(crate) struct Objects {
    /// Everything but the objects.
    pub(crate) pdf: lopdf::Document,
    /// How it is encrypted beyond what `pdf` knows of that.
    pub(crate) omitted: Omitted,
    pub(crate) heap: Heap,
    /// The bytes that the objects were read from, while they still say the same.
    pub(crate) bytes: Option<Input>,
    /// Whether the objects say something else than `bytes`.
    pub(crate) dirty: bool,
    /// Whether it was made in this process, like another one.
    pub(crate) is_new: bool,
    /// The bytes of the objects as they are now, decrypted, if they were asked for.
    pub(crate) written: Option<Input>,
    /// Streams that were given as plain bytes and are compressed when the document is saved.
    pub(crate) plain: IdSet,
    pub(crate) pages: Option<PageIndex>,
    /// The destinations that have names, once a copy asks for one; until the next change.
    named_destinations: OnceLock<NamedDestinations>,
    /// The outermost fields, once a copy asks for them; until the next change.
    fields: OnceLock<IdSet>,
    /// How many pages had contents that lead nowhere when the document was read.
    pub(crate) lost_before: usize,
    loose: Vec<Option<Object>>,
    journal: Option<Vec<Change>>,
    /// What new objects lost to a call that only reads: plugins may hold views of it.
    kept: Vec<ValueChange>,
    is_read: bool,
    dirty_before: bool,
    /// Numbers that references named when the document was read, and no object had.
    named: IdSet,
    /// The last object number when the journal was opened.
    newest_before: u32,
}

impl Objects {
    /// Objects that are values all.
    pub(crate) fn new(mut pdf: lopdf::Document) -> Self {
        let heap = Heap::of(std::mem::take(&mut pdf.objects));
        Self::of(pdf, heap, None)
    }

    /// Objects that rest in the bytes of a file.
    pub(crate) fn resting(pdf: lopdf::Document, heap: Heap, bytes: Input) -> Self {
        Self::of(pdf, heap, Some(bytes))
    }

    fn of(pdf: lopdf::Document, heap: Heap, bytes: Option<Input>) -> Self {
        Self {
            named: named_beyond(pdf.max_id, &pdf.trailer, &heap),
            pdf,
            omitted: Omitted::default(),
            heap,
            dirty: bytes.is_none(),
            is_new: false,
            bytes,
            written: None,
            plain: IdSet::default(),
            pages: None,
            named_destinations: OnceLock::new(),
            fields: OnceLock::new(),
            lost_before: 0,
            loose: Vec::new(),
            journal: None,
            kept: Vec::new(),
            is_read: false,
            dirty_before: false,
            newest_before: 0,
        }
    }

    /// Bytes that say what the objects say and are what a save would write.
    pub(crate) fn true_bytes(&self) -> Option<Input> {
        let unchanged = self.bytes.as_ref().filter(|_| !self.dirty);
        let written = self
            .written
            .as_ref()
            .filter(|_| self.pdf.encryption_state.is_none());
        unchanged.or(written).cloned()
    }

    /// Encrypts like `before`, which these objects take the place of, unless they came encrypted themselves.
    pub(crate) fn cover_like(&mut self, before: &Self) {
        let Some(state) = before
            .pdf
            .encryption_state
            .as_ref()
            .filter(|_| self.pdf.encryption_state.is_none())
        else {
            return;
        };
        self.pdf.encryption_state = Some(state.clone());
        self.omitted.clone_from(&before.omitted);
        // Older encryption depends on the identifier.
        match before.pdf.trailer.get(b"ID") {
            Ok(id) => self.pdf.trailer.set("ID", id.clone()),
            Err(_) => drop(self.pdf.trailer.remove(b"ID")),
        }
        self.dirty = true;
        self.bytes = None;
    }

    // ---- reading -----------------------------------------------------------------------------------------------

    /// The container that `root` names, if it is one.
    pub(crate) fn root(&self, root: Root) -> Option<Holder<'_>> {
        match root {
            Root::Object(id) => Holder::of(self.heap.get(id)?),
            Root::Trailer => Some(Holder::Dict(&self.pdf.trailer)),
            Root::Loose(index) => Holder::of(self.loose.get(index as usize)?.as_ref()?),
        }
    }

    pub(crate) fn holder(&self, place: &Place) -> Option<Holder<'_>> {
        let mut at = self.root(place.root)?;
        for step in &place.steps {
            at = Holder::of(at.step(step)?)?;
        }
        Some(at)
    }

    /// Follows references; `None` for one that leads nowhere, which is null (ISO 32000-2, 7.3.10).
    pub(crate) fn resolve<'a>(
        &'a self,
        mut object: &'a Object,
    ) -> Option<(Option<ObjectId>, &'a Object)> {
        let mut id = None;
        for _ in 0..64 {
            match object {
                Object::Reference(next) => {
                    id = Some(*next);
                    object = self.heap.get(*next)?;
                }
                _ => return Some((id, object)),
            }
        }
        None
    }

    /// The value of `key`, resolved.
    pub(crate) fn lookup<'a>(&'a self, dict: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        Some(self.resolve(entry(dict, key)?)?.1)
    }

    pub(crate) fn dict(&self, id: ObjectId) -> Option<&Dictionary> {
        self.root(Root::Object(id))?.dict()
    }

    /// Where the container at `key` of the dictionary at `place` stands.
    pub(crate) fn below(&self, place: &Place, key: &[u8]) -> Option<Place> {
        let dict = self.holder(place)?.dict()?;
        let (id, value) = self.resolve(entry(dict, key)?)?;
        Holder::of(value)?;
        Some(id.map_or_else(|| place.clone().key(key), Place::object))
    }

    /// The same, made of `empty` where there is none.
    pub(crate) fn below_or(&mut self, place: &Place, key: &[u8], empty: Object) -> Result<Place> {
        if let Some(found) = self.below(place, key) {
            return Ok(found);
        }
        self.put(place.clone(), key, empty)?;
        Ok(place.clone().key(key))
    }

    pub(crate) fn named_destinations(&self) -> &NamedDestinations {
        self.named_destinations
            .get_or_init(|| NamedDestinations::read(self))
    }

    /// The outermost fields of the form, which `read` reads.
    pub(crate) fn fields(&self, read: impl FnOnce() -> IdSet) -> &IdSet {
        self.fields.get_or_init(read)
    }

    // ---- changing ----------------------------------------------------------------------------------------------

    fn holder_mut(&mut self, place: &Place) -> Option<HolderMut<'_>> {
        let root = match place.root {
            Root::Object(id) => HolderMut::of(self.heap.get_mut(id)?)?,
            Root::Trailer => HolderMut::Dict(&mut self.pdf.trailer),
            Root::Loose(index) => HolderMut::of(self.loose.get_mut(index as usize)?.as_mut()?)?,
        };
        if place.steps.is_empty() {
            return Some(root);
        }
        HolderMut::of(root.walk(&place.steps)?)
    }

    fn dict_mut(&mut self, place: &Place) -> Result<&mut Dictionary> {
        let holder = self.holder_mut(place).ok_or_else(Fault::handle)?;
        holder
            .dict()
            .ok_or_else(|| Fault::not_a("a dictionary", "an array"))
    }

    fn array_mut(&mut self, place: &Place) -> Result<&mut Vec<Object>> {
        let holder = self.holder_mut(place).ok_or_else(Fault::handle)?;
        holder
            .array()
            .ok_or_else(|| Fault::not_a("an array", "a dictionary"))
    }

    /// Sets `key`.
    pub(crate) fn put(&mut self, place: Place, key: &[u8], value: Object) -> Result<()> {
        self.before_put(
            &place,
            key,
            value.as_name().is_ok_and(|name| name == b"Page"),
        );
        if let (Root::Object(id), []) = (place.root, place.steps.as_slice())
            && let Some(before) = self.heap.put(id, key, &value)
        {
            self.note_text(id, before);
            return Ok(());
        }
        let dict = self.dict_mut(&place)?;
        let old = match entry(dict, key).is_some().then(|| dict.get_mut(key)) {
            Some(Ok(slot)) => Some(std::mem::replace(slot, value)),
            _ => {
                dict.set(key, value);
                None
            }
        };
        self.note(place.root, || ValueChange::Put {
            key: key.into(),
            old,
            place,
        });
        Ok(())
    }

    /// Sets all keys of `source` in an object where that can be done without building it; whether it was.
    pub(crate) fn merge(&mut self, id: ObjectId, source: Unread<'_>) -> bool {
        let place = Place::object(id);
        for entry in source.entries() {
            let is_page = source.text().get(entry.value) == Some(b"/Page");
            self.before_put(&place, entry.key, is_page);
        }
        let before = self.heap.merge(id, source);
        let is_done = before.is_some();
        if let Some(before) = before {
            self.note_text(id, before);
        }
        is_done
    }

    /// Removes `key`.
    pub(crate) fn remove_key(&mut self, place: Place, key: &[u8]) -> Result<()> {
        self.before(&place, Some(key));
        let dict = self.dict_mut(&place)?;
        let Some(at) = dict.iter().position(|(name, _)| name == key) else {
            return Err(Fault::no_key(key));
        };
        let Some(old) = dict.remove(key) else {
            return Err(Fault::no_key(key));
        };
        self.note(place.root, || ValueChange::Dropped {
            key: key.into(),
            at,
            old,
            place,
        });
        Ok(())
    }

    /// Sets an item; one past the last appends.
    pub(crate) fn put_item(&mut self, place: Place, index: usize, value: Object) -> Result<()> {
        self.before(&place, None);
        let items = self.array_mut(&place)?;
        let len = items.len();
        if index == len {
            items.push(value);
            self.note(place.root, || ValueChange::Inserted { place, index });
            return Ok(());
        }
        let slot = items
            .get_mut(index)
            .ok_or_else(|| Fault::no_item(index, len))?;
        let old = std::mem::replace(slot, value);
        self.note(place.root, || ValueChange::Item { place, index, old });
        Ok(())
    }

    /// Inserts an item before `index`.
    pub(crate) fn insert_item(&mut self, place: Place, index: usize, value: Object) -> Result<()> {
        self.before(&place, None);
        let items = self.array_mut(&place)?;
        if index > items.len() {
            return Err(Fault::no_item(index, items.len()));
        }
        items.insert(index, value);
        self.note(place.root, || ValueChange::Inserted { place, index });
        Ok(())
    }

    /// Removes an item; those behind it move up.
    pub(crate) fn remove_item(&mut self, place: Place, index: usize) -> Result<()> {
        self.before(&place, None);
        let items = self.array_mut(&place)?;
        if index >= items.len() {
            return Err(Fault::no_item(index, items.len()));
        }
        let old = items.remove(index);
        self.note(place.root, || ValueChange::Taken { place, index, old });
        Ok(())
    }

    /// Puts `value` where the container at `place` stands.
    pub(crate) fn replace(&mut self, place: Place, value: Object) -> Result<()> {
        self.before(&place, None);
        if self.holder(&place).is_none() {
            return Err(Fault::handle());
        }
        let old = self.swap(&place, value)?;
        self.note(place.root, || ValueChange::Value { place, old });
        Ok(())
    }

    /// A new indirect object.
    pub(crate) fn add(&mut self, value: Object) -> Result<ObjectId> {
        let id = self.reserve()?;
        self.written = None;
        self.heap.insert(id, value);
        Ok(id)
    }

    /// The number of an object that is still to come; until then references to it are null. Undone, the object goes
    /// with the number.
    pub(crate) fn reserve(&mut self) -> Result<ObjectId> {
        let mut number = self.pdf.max_id;
        loop {
            number = number
                .checked_add(1)
                .ok_or_else(|| Fault::limit("the document has no object numbers left"))?;
            if !self.named.contains(&(number, 0)) {
                break;
            }
        }
        self.pdf.max_id = number;
        Ok((number, 0))
    }

    /// A new indirect stream; plain bytes are compressed when the document is saved, if there are enough of them.
    pub(crate) fn add_stream(
        &mut self,
        dict: Dictionary,
        content: Vec<u8>,
        is_plain: bool,
    ) -> Result<ObjectId> {
        let id = self.reserve()?;
        self.written = None;
        if dict.is_empty() && self.heap.add_resting(id, &content) {
            return Ok(id);
        }
        let stream = Stream::new(dict, content);
        self.heap.insert(id, Object::Stream(stream));
        if is_plain {
            self.plain.insert(id);
        }
        Ok(id)
    }

    /// Says whether the bytes of a stream are plain, to be compressed when the document is saved.
    pub(crate) fn set_plain(&mut self, id: ObjectId, is_plain: bool) {
        let is_changed = if is_plain {
            self.plain.insert(id)
        } else {
            self.plain.remove(&id)
        };
        if is_changed {
            self.note_plain(id, !is_plain);
        }
    }

    /// Puts, replaces or drops an indirect object.
    pub(crate) fn change_object(&mut self, id: ObjectId, value: Option<Object>) {
        self.before(&Place::object(id), None);
        let old = match value {
            Some(value) => self.heap.insert(id, value),
            None => self.heap.remove(id),
        };
        self.note(Root::Object(id), || ValueChange::Object { id, old });
    }

    /// Keeps a direct value that is not part of the document.
    pub(crate) fn add_loose(&mut self, value: Object) -> Root {
        let index = self.loose.len();
        self.loose.push(Some(value));
        Root::Loose(u32::try_from(index).unwrap_or(u32::MAX))
    }

    pub(crate) fn drop_loose(&mut self, index: u32) {
        if let Some(slot) = self.loose.get_mut(index as usize) {
            *slot = None;
        }
    }

    fn swap(&mut self, place: &Place, value: Object) -> Result<Object> {
        let slot = match (place.root, place.steps.as_slice()) {
            (Root::Trailer, []) => {
                let Object::Dictionary(dict) = value else {
                    return Err(Fault::not_a(
                        "a dictionary for the trailer",
                        value.enum_variant(),
                    ));
                };
                return Ok(Object::Dictionary(std::mem::replace(
                    &mut self.pdf.trailer,
                    dict,
                )));
            }
            (Root::Object(id), []) => self.heap.get_mut(id),
            (Root::Loose(index), []) => self.loose.get_mut(index as usize).and_then(Option::as_mut),
            (root, steps) => self
                .holder_mut(&Place::of(root))
                .and_then(|holder| holder.walk(steps)),
        };
        Ok(std::mem::replace(slot.ok_or_else(Fault::handle)?, value))
    }

    /// What setting a key must see to first; `is_page` says whether its new value is `/Page`.
    fn before_put(&mut self, place: &Place, key: &[u8], is_page: bool) {
        let pages = self.pages.as_ref();
        if pages.is_some_and(|pages| pages.only_names(place, key, is_page)) {
            self.forget_findings();
        } else {
            self.before(place, Some(key));
        }
    }

    /// What every change must see to first: the page list, and bytes that will no longer be true.
    fn before(&mut self, place: &Place, key: Option<&[u8]>) {
        if matches!(place.root, Root::Loose(_)) {
            return;
        }
        self.forget_findings();
        if let Some(pages) = &self.pages
            && pages.depends_on(place, key)
        {
            self.pages = None;
        }
    }

    /// Forgets what was found out about the document as it was.
    fn forget_findings(&mut self) {
        self.written = None;
        self.named_destinations.take();
        self.fields.take();
    }
}
