//! Reading and changing arrays, dictionaries and streams of a document, through handles.

use dropleaf_plugin_abi as abi;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::handle::{Mode, Object};
use crate::reference::Ref;
use crate::session::{call, copied, find};
use crate::tree::Tree;
use crate::value::{EMPTY, Value};

impl<'r> Object<'r> {
    /// Its identity, if it is an indirect object.
    pub fn id(&self) -> Result<Option<Ref>> {
        let (mut number, mut generation) = (0, 0);
        let found = find!(
            self.session,
            cos.object_id(self.handle, &raw mut number, &raw mut generation)
        )?;
        Ok(found.map(|()| Ref::new(number, generation)))
    }

    /// Entries of an array or a dictionary; bytes of a stream as they stand in the file.
    pub fn len(&self) -> Result<usize> {
        let mut length = 0;
        call!(self.session, cos.len(self.handle, &raw mut length))?;
        Ok(length)
    }

    /// Whether [`Object::len`] is 0.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    // ---- dictionaries ----

    /// The value under `key`, references followed. `None` where there is nothing or `null`.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value<'r>>> {
        let mut val = EMPTY;
        let key = abi::Str::new(key.as_ref());
        let found = find!(self.session, cos.dict_get(self.handle, key, &raw mut val))?;
        Ok(self.found(found, val))
    }

    /// The value under `key` as it stands there: a reference stays one.
    pub fn get_raw(&self, key: impl AsRef<[u8]>) -> Result<Option<Value<'r>>> {
        let mut val = EMPTY;
        let key = abi::Str::new(key.as_ref());
        let found = find!(
            self.session,
            cos.dict_get_raw(self.handle, key, &raw mut val)
        )?;
        Ok(self.found(found, val))
    }

    /// Whether there is something other than `null` under `key`.
    pub fn has(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// The array, dictionary or stream under `key`, references followed.
    pub fn object(&self, key: impl AsRef<[u8]>) -> Result<Option<Object<'r>>> {
        Ok(self.get(key)?.and_then(|value| value.as_object()))
    }

    /// All entries in the order of the file, references as they stand.
    pub fn entries(&self) -> Result<Vec<(Vec<u8>, Value<'r>)>> {
        let mut entries = Vec::new();
        loop {
            let (mut key, mut val) = (abi::Str::EMPTY, EMPTY);
            let index = entries.len();
            let status = find!(
                self.session,
                cos.dict_at(self.handle, index, &raw mut key, &raw mut val)
            );
            if status?.is_none() {
                return Ok(entries);
            }
            // SAFETY: the host wrote both in the call just made; they are copied before any other.
            entries.push(unsafe { (copied(key), Value::from_abi(self.session, val)) });
        }
    }

    /// Sets `key`. A handle to an indirect object is stored as a reference to it, a direct one is copied.
    pub fn put<'v>(&self, key: impl AsRef<[u8]>, value: impl Into<Value<'v>>) -> Result<()> {
        let value = value.into();
        let val = value.to_abi();
        let key = abi::Str::new(key.as_ref());
        call!(self.session, cos.dict_put(self.handle, key, &raw const val))
    }

    /// Drops `key`; says whether it was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = abi::Str::new(key.as_ref());
        let removed = find!(self.session, cos.dict_remove(self.handle, key))?;
        Ok(removed.is_some())
    }

    /// A page's attribute, looked for in its parents too where the format lets it be inherited (ISO 32000-2, 7.7.3.4).
    pub fn attr(&self, key: impl AsRef<[u8]>) -> Result<Option<Value<'r>>> {
        let mut val = EMPTY;
        let key = abi::Str::new(key.as_ref());
        let found = find!(self.session, cos.page_attr(self.handle, key, &raw mut val))?;
        Ok(self.found(found, val))
    }

    // ---- arrays ----

    /// The element at `index` (from 0), references followed. `None` past the end; a `null` element is a value here.
    pub fn at(&self, index: usize) -> Result<Option<Value<'r>>> {
        let mut val = EMPTY;
        let found = find!(
            self.session,
            cos.array_get(self.handle, index, &raw mut val)
        )?;
        // SAFETY: the host wrote `val` in the call just made.
        Ok(found.map(|()| unsafe { Value::from_abi(self.session, val) }))
    }

    /// The element at `index` as it stands there: a reference stays one.
    pub fn at_raw(&self, index: usize) -> Result<Option<Value<'r>>> {
        let mut val = EMPTY;
        let found = find!(
            self.session,
            cos.array_get_raw(self.handle, index, &raw mut val)
        )?;
        // SAFETY: the host wrote `val` in the call just made.
        Ok(found.map(|()| unsafe { Value::from_abi(self.session, val) }))
    }

    /// All elements, references followed.
    pub fn items(&self) -> Result<Vec<Value<'r>>> {
        (0..self.len()?)
            .map_while(|index| self.at(index).transpose())
            .collect()
    }

    /// All elements as numbers, as in a rectangle or a matrix; an error if one is not.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        let number = |(index, value): (usize, Value<'r>)| {
            let refused =
                || Error::rejected(format!("element `{index}` of the array is not a number"));
            value.as_f64().ok_or_else(refused)
        };
        self.items()?.into_iter().enumerate().map(number).collect()
    }

    /// Puts `value` in the place of the element at `index`.
    pub fn set<'v>(&self, index: usize, value: impl Into<Value<'v>>) -> Result<()> {
        let value = value.into();
        let val = value.to_abi();
        call!(
            self.session,
            cos.array_put(self.handle, index, &raw const val)
        )
    }

    /// Appends `value`.
    pub fn push<'v>(&self, value: impl Into<Value<'v>>) -> Result<()> {
        self.set(self.len()?, value)
    }

    /// Puts `value` before the element at `index`.
    pub fn insert<'v>(&self, index: usize, value: impl Into<Value<'v>>) -> Result<()> {
        let value = value.into();
        let val = value.to_abi();
        call!(
            self.session,
            cos.array_insert(self.handle, index, &raw const val)
        )
    }

    /// Drops the element at `index`.
    pub fn remove_at(&self, index: usize) -> Result<()> {
        call!(self.session, cos.array_remove(self.handle, index))
    }

    // ---- streams ----

    /// A stream's bytes as they stand in the file.
    pub fn raw(&self) -> Result<Vec<u8>> {
        self.bytes(Mode::Raw)
    }

    /// A stream's bytes with all filters but image ones undone; limited by the host.
    pub fn decoded(&self) -> Result<Vec<u8>> {
        self.bytes(Mode::Decoded)
    }

    /// Sets a stream's bytes as they are to stand in the file; `Filter` is the caller's to set.
    pub fn set_raw(&self, bytes: &[u8]) -> Result<()> {
        self.set_bytes(Mode::Raw, bytes)
    }

    /// Sets a stream's contents; the host drops `Filter` and compresses at save.
    pub fn set_decoded(&self, bytes: &[u8]) -> Result<()> {
        self.set_bytes(Mode::Decoded, bytes)
    }

    /// Moves a [`Buffer`] in as a stream's bytes, without a copy.
    pub fn set_buffer(&self, mode: Mode, buffer: Buffer<'_>) -> Result<()> {
        let (handle, length) = buffer.into_parts();
        call!(
            self.session,
            stream.put_buf(self.handle, mode.to_abi(), handle, length)
        )
    }

    fn bytes(&self, mode: Mode) -> Result<Vec<u8>> {
        let mut view = abi::Str::EMPTY;
        call!(
            self.session,
            stream.get(self.handle, mode.to_abi(), &raw mut view)
        )?;
        // SAFETY: the host wrote the view in the call just made.
        Ok(unsafe { copied(view) })
    }

    fn set_bytes(&self, mode: Mode, bytes: &[u8]) -> Result<()> {
        call!(
            self.session,
            stream.put(self.handle, mode.to_abi(), abi::Str::new(bytes))
        )
    }

    // ---- all of them ----

    /// The whole value in one call, references as they stand: for reading much of it without a call a key.
    pub fn tree(&self) -> Result<Tree> {
        let (mut nodes, mut count) = (std::ptr::null(), 0);
        call!(
            self.session,
            cos.view(self.handle, &raw mut nodes, &raw mut count)
        )?;
        // SAFETY: the host wrote `count` nodes that live until the next call; they are copied here.
        unsafe { Tree::from_abi(nodes, count) }
    }

    /// The entries of `keys` of a dictionary in one call, references as they stand. Containers more than one level
    /// below a value come empty: for a look at many dictionaries of which little matters.
    pub fn sketch(&self, keys: &[&str]) -> Result<Tree> {
        let (mut nodes, mut count) = (std::ptr::null(), 0);
        call!(
            self.session,
            cos.view(self.handle, &raw mut nodes, &raw mut count)
        )?;
        // SAFETY: the host wrote `count` nodes that live until the next call; what is wanted is copied here.
        unsafe { Tree::sketch_from_abi(nodes, count, keys) }
    }

    /// The value in PDF syntax; of a stream, its dictionary.
    pub fn to_syntax(&self) -> Result<Vec<u8>> {
        let mut view = abi::Str::EMPTY;
        call!(self.session, cos.to_syntax(self.handle, &raw mut view))?;
        // SAFETY: the host wrote the view in the call just made.
        Ok(unsafe { copied(view) })
    }

    /// Puts another value in this one's place; an indirect object keeps its identity.
    pub fn replace<'v>(&self, value: impl Into<Value<'v>>) -> Result<()> {
        let value = value.into();
        let val = value.to_abi();
        call!(self.session, cos.replace(self.handle, &raw const val))
    }

    /// Gives the handle back before the end of the run: only for loops over very many objects. Where the same container was got
    /// elsewhere, it stays.
    pub fn release(self) -> Result<()> {
        call!(self.session, cos.release(self.handle))
    }

    fn found(&self, found: Option<()>, val: abi::Val) -> Option<Value<'r>> {
        // SAFETY: the host wrote `val` in the call just made, if it found something.
        found
            .map(|()| unsafe { Value::from_abi(self.session, val) })
            .filter(|value| !value.is_null())
    }
}
