//! Documents: pages, objects, whole bytes.

use dropleaf_plugin_abi as abi;

use crate::error::{Error, Result};
use crate::handle::{Kind, Mode, Object};
use crate::reference::Ref;
use crate::session::{Session, call, copied, find};
use crate::tree::Tree;
use crate::value::{EMPTY, Value};

/// One document of the run: a handle, cheap to copy, that cannot outlive the run.
///
/// The host parses it at the first call that needs its objects, and never if none does.
#[derive(Clone, Copy)]
pub struct Document<'r> {
    session: &'r Session,
    handle: abi::Doc,
}

/// What the host holds of a document just now, to choose the cheap way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its objects are in memory.
    pub parsed: bool,
    /// They have been changed.
    pub dirty: bool,
}

impl<'r> Document<'r> {
    pub(crate) fn new(session: &'r Session, handle: abi::Doc) -> Self {
        Self { session, handle }
    }

    pub(crate) fn handle(&self) -> abi::Doc {
        self.handle
    }

    // ---- pages ----

    /// How many pages it has.
    pub fn page_count(&self) -> Result<u32> {
        let mut count = 0;
        call!(self.session, cos.page_count(self.handle, &raw mut count))?;
        Ok(count)
    }

    /// The page at `index`, from 0.
    pub fn page(&self, index: u32) -> Result<Object<'r>> {
        let mut page = 0;
        call!(self.session, cos.page(self.handle, index, &raw mut page))?;
        Ok(Object::new(self.session, page, Kind::Dict))
    }

    /// All pages in order. Do not insert or remove pages while going through them.
    #[must_use]
    pub fn pages(&self) -> Pages<'r> {
        Pages {
            document: *self,
            next: 0,
            count: None,
        }
    }

    /// Puts a page dictionary in as page `at` (from 0; the page count appends).
    pub fn page_insert(&self, at: u32, page: &Object<'_>) -> Result<()> {
        call!(
            self.session,
            cos.page_insert(self.handle, at, page.handle())
        )
    }

    /// Takes `count` pages out, from `at` on.
    pub fn page_remove(&self, at: u32, count: u32) -> Result<()> {
        call!(self.session, cos.page_remove(self.handle, at, count))
    }

    /// Moves a page so that it stands at `to` afterwards; it keeps its identity.
    pub fn page_move(&self, from: u32, to: u32) -> Result<()> {
        call!(self.session, cos.page_move(self.handle, from, to))
    }

    /// Copies `count` pages of `source`, from `first` on, to before page `at`. What the pages share is copied once.
    /// Links and actions that name their destination get the destination itself.
    pub fn import_pages(
        &self,
        at: u32,
        source: &Document<'_>,
        first: u32,
        count: u32,
    ) -> Result<()> {
        call!(
            self.session,
            cos.import_pages(self.handle, at, source.handle, first, count)
        )
    }

    // ---- objects ----

    /// The trailer dictionary.
    pub fn trailer(&self) -> Result<Object<'r>> {
        let mut trailer = 0;
        call!(self.session, cos.trailer(self.handle, &raw mut trailer))?;
        Ok(Object::new(self.session, trailer, Kind::Dict))
    }

    /// The catalog: the trailer's `Root`.
    pub fn catalog(&self) -> Result<Object<'r>> {
        let mut catalog = 0;
        call!(self.session, cos.catalog(self.handle, &raw mut catalog))?;
        Ok(Object::new(self.session, catalog, Kind::Dict))
    }

    /// The value of an indirect object; `Null` if there is none, as the format has it.
    pub fn object(&self, reference: impl Into<Ref>) -> Result<Value<'r>> {
        let Ref { number, generation } = reference.into();
        let mut val = EMPTY;
        let found = find!(
            self.session,
            cos.object(self.handle, number, generation, &raw mut val)
        )?;
        Ok(match found {
            // SAFETY: the host wrote `val` in the call just made.
            Some(()) => unsafe { Value::from_abi(self.session, val) },
            None => Value::Null,
        })
    }

    /// A copy of an indirect object; `Null` in place of a stream.
    ///
    /// The handle is not given back: in a damaged document anything may lead anywhere, and the caller may hold the same one.
    pub(crate) fn tree(&self, reference: Ref) -> Result<Tree> {
        match self.object(reference)? {
            Value::Array(object) | Value::Dict(object) => object.tree(),
            scalar => Ok(Tree::of_scalar(&scalar)),
        }
    }

    /// Follows `value` if it is a reference.
    pub fn resolve(&self, value: Value<'r>) -> Result<Value<'r>> {
        match value {
            Value::Ref(reference) => self.object(reference),
            other => Ok(other),
        }
    }

    /// All indirect objects, in the order of their numbers.
    pub fn objects(&self) -> Result<Vec<Ref>> {
        let (mut found, mut number, mut generation) = (Vec::new(), 0, 0);
        loop {
            let next = find!(
                self.session,
                cos.object_next(self.handle, &raw mut number, &raw mut generation)
            );
            if next?.is_none() {
                return Ok(found);
            }
            found.push(Ref::new(number, generation));
        }
    }

    /// A new direct array or dictionary, from PDF syntax: `document.parse("<< /Type /Page >>")`.
    pub fn parse(&self, syntax: impl AsRef<[u8]>) -> Result<Object<'r>> {
        let syntax = syntax.as_ref();
        let mut object = 0;
        call!(
            self.session,
            cos.from_syntax(self.handle, abi::Str::new(syntax), &raw mut object)
        )?;
        let kind = match syntax.trim_ascii_start().first() {
            Some(b'[') => Kind::Array,
            _ => Kind::Dict,
        };
        Ok(Object::new(self.session, object, kind))
    }

    /// A new direct dictionary.
    pub fn dict<'v, K: AsRef<[u8]>, V: Into<Value<'v>>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Object<'r>> {
        let dict = self.parse("<<>>")?;
        for (key, value) in entries {
            dict.put(key, value)?;
        }
        Ok(dict)
    }

    /// A new direct array.
    pub fn array<'v, V: Into<Value<'v>>>(
        &self,
        items: impl IntoIterator<Item = V>,
    ) -> Result<Object<'r>> {
        let array = self.parse("[]")?;
        for item in items {
            array.push(item)?;
        }
        Ok(array)
    }

    /// Makes `value` an indirect object.
    pub fn add<'v>(&self, value: impl Into<Value<'v>>) -> Result<Ref> {
        let value = value.into();
        let val = value.to_abi();
        let (mut number, mut generation) = (0, 0);
        call!(
            self.session,
            cos.add(
                self.handle,
                &raw const val,
                &raw mut number,
                &raw mut generation
            )
        )?;
        Ok(Ref::new(number, generation))
    }

    /// Drops an indirect object; references to it then stand for `null`.
    pub fn remove(&self, reference: impl Into<Ref>) -> Result<()> {
        let Ref { number, generation } = reference.into();
        call!(self.session, cos.remove(self.handle, number, generation))
    }

    /// A new indirect stream; `dict` lends its entries.
    pub fn stream(
        &self,
        dict: Option<&Object<'_>>,
        mode: Mode,
        bytes: &[u8],
    ) -> Result<Object<'r>> {
        let dict = dict.map_or(0, Object::handle);
        let mut stream = 0;
        call!(
            self.session,
            stream.create(
                self.handle,
                dict,
                mode.to_abi(),
                abi::Str::new(bytes),
                &raw mut stream
            )
        )?;
        Ok(Object::new(self.session, stream, Kind::Stream))
    }

    /// Sets the keys of `syntax`, a dictionary in PDF syntax, in an object of this document:
    /// `document.merge(&page, "<</Rotate 90/Contents[4 0 R]>>")`. On failure none of them is set.
    pub fn merge(&self, object: &Object<'_>, syntax: impl AsRef<[u8]>) -> Result<()> {
        let syntax = syntax.as_ref();
        if self.session.has_edit() {
            let source = abi::Str::new(syntax);
            return call!(self.session, edit.dict_merge(object.handle(), source));
        }
        // A host without `leaf.edit/1`; where it fails half way, so does the run, and all is undone.
        let dict = self.parse(syntax)?;
        for (key, value) in dict.entries()? {
            object.put(key, value)?;
        }
        dict.release()
    }

    /// A new indirect stream, known by its number; `dict` is a dictionary in PDF syntax that lends its entries, or empty.
    pub fn add_stream(&self, dict: impl AsRef<[u8]>, mode: Mode, bytes: &[u8]) -> Result<Ref> {
        let dict = dict.as_ref();
        if !self.session.has_edit() {
            let dict = (!dict.is_empty()).then(|| self.parse(dict)).transpose()?;
            let stream = self.stream(dict.as_ref(), mode, bytes)?;
            let made = stream.id()?;
            return made.ok_or_else(|| Error::failed("the host made a stream without an identity"));
        }
        let (mut number, mut generation) = (0, 0);
        call!(
            self.session,
            edit.stream_add(
                self.handle,
                abi::Str::new(dict),
                mode.to_abi(),
                abi::Str::new(bytes),
                &raw mut number,
                &raw mut generation
            )
        )?;
        Ok(Ref::new(number, generation))
    }

    // ---- bytes ----

    /// The whole file; saved first if it has been edited.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut view = abi::Str::EMPTY;
        call!(self.session, doc.bytes(self.handle, &raw mut view))?;
        // SAFETY: the host wrote the view in the call just made.
        Ok(unsafe { copied(view) })
    }

    /// Puts another file in its place. All objects of this document are stale afterwards.
    pub fn set_bytes(&self, bytes: &[u8]) -> Result<()> {
        call!(
            self.session,
            doc.set_bytes(self.handle, abi::Str::new(bytes))
        )
    }

    /// What the host holds of it just now.
    pub fn held(&self) -> Result<Held> {
        let (mut parsed, mut dirty) = (0, 0);
        call!(
            self.session,
            doc.is_parsed(self.handle, &raw mut parsed, &raw mut dirty)
        )?;
        Ok(Held {
            parsed: parsed != 0,
            dirty: dirty != 0,
        })
    }
}

impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document(handle {:#x})", self.handle)
    }
}

/// The pages of a document, in order.
#[derive(Clone, Debug)]
pub struct Pages<'r> {
    document: Document<'r>,
    next: u32,
    count: Option<u32>,
}

impl<'r> Iterator for Pages<'r> {
    type Item = Result<Object<'r>>;

    fn next(&mut self) -> Option<Self::Item> {
        let count = match self.count {
            Some(count) => count,
            None => match self.document.page_count() {
                Ok(count) => *self.count.insert(count),
                Err(error) => {
                    self.count = Some(0);
                    return Some(Err(error));
                }
            },
        };
        (self.next < count).then(|| {
            self.next += 1;
            self.document.page(self.next - 1)
        })
    }
}
