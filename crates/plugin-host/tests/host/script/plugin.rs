//! The host as a plugin has it: every function of its tables, in the words of tests.

use std::ffi::c_char;

use super::Value;
use dropleaf_plugin_abi as abi;

/// The host as a plugin has it.
#[derive(Clone, Copy)]
pub(crate) struct Plugin {
    pub(crate) ctx: *mut abi::Ctx,
    pub(crate) run: &'static abi::RunV1,
    pub(crate) cos: &'static abi::CosV1,
    pub(crate) streams: &'static abi::StreamV1,
    pub(crate) docs: &'static abi::DocV1,
    pub(crate) edit: &'static abi::EditV1,
}

type Answer<T> = Result<T, abi::Status>;

fn answer<T>(status: abi::Status, value: T) -> Answer<T> {
    if status == abi::OK {
        Ok(value)
    } else {
        Err(status)
    }
}

fn nothing() -> abi::Val {
    abi::Val {
        type_: 99,
        flags: 0,
        u: abi::ValUnion { i: 0 },
    }
}

fn text(text: &str) -> abi::Str {
    abi::Str::new(text.as_bytes())
}

// SAFETY of all blocks below: the context is the one of this run, and every pointer is of a local that lives.
#[allow(clippy::undocumented_unsafe_blocks, reason = "said once above for all")]
impl Plugin {
    pub(super) fn new(host: *const abi::Host, ctx: *mut abi::Ctx) -> Self {
        fn table<T>(host: *const abi::Host, id: &std::ffi::CStr) -> &'static T {
            let id: *const c_char = id.as_ptr();
            unsafe { ((*host).get_extension)(host, id).cast::<T>().as_ref() }
                .expect("the host has it")
        }
        Self {
            ctx,
            run: table(host, abi::EXT_RUN),
            cos: table(host, abi::EXT_COS),
            streams: table(host, abi::EXT_STREAM),
            docs: table(host, abi::EXT_DOC),
            edit: table(host, abi::EXT_EDIT),
        }
    }

    pub(crate) fn why(&self) -> String {
        let mut out = abi::Str::EMPTY;
        unsafe {
            assert_eq!((self.run.last_error)(self.ctx, &raw mut out), abi::OK);
            String::from_utf8_lossy(out.as_bytes()).into_owned()
        }
    }

    pub(crate) fn page_count(&self, doc: abi::Doc) -> Answer<u32> {
        let mut out = 0;
        answer(
            unsafe { (self.cos.page_count)(self.ctx, doc, &raw mut out) },
            out,
        )
    }

    pub(crate) fn page(&self, doc: abi::Doc, index: u32) -> Answer<abi::Obj> {
        let mut out = 0;
        let status = unsafe { (self.cos.page)(self.ctx, doc, index, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn attribute(&self, page: abi::Obj, key: &str) -> Answer<Value> {
        let mut out = nothing();
        let status = unsafe { (self.cos.page_attr)(self.ctx, page, text(key), &raw mut out) };
        answer(status, Value::of(out))
    }

    pub(crate) fn trailer(&self, doc: abi::Doc) -> Answer<abi::Obj> {
        let mut out = 0;
        let status = unsafe { (self.cos.trailer)(self.ctx, doc, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn catalog(&self, doc: abi::Doc) -> Answer<abi::Obj> {
        let mut out = 0;
        let status = unsafe { (self.cos.catalog)(self.ctx, doc, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn object(&self, doc: abi::Doc, num: u32, generation: u32) -> Answer<Value> {
        let mut out = nothing();
        let status = unsafe { (self.cos.object)(self.ctx, doc, num, generation, &raw mut out) };
        answer(status, Value::of(out))
    }

    pub(crate) fn next(&self, doc: abi::Doc, after: (u32, u32)) -> Answer<(u32, u32)> {
        let (mut num, mut generation) = after;
        let status =
            unsafe { (self.cos.object_next)(self.ctx, doc, &raw mut num, &raw mut generation) };
        answer(status, (num, generation))
    }

    pub(crate) fn merge(&self, obj: abi::Obj, source: &str) -> Answer<()> {
        let status = unsafe { (self.edit.dict_merge)(self.ctx, obj, text(source)) };
        answer(status, ())
    }

    pub(crate) fn add_stream(&self, dict: &str, mode: u32, content: &[u8]) -> Answer<(u32, u32)> {
        let (mut num, mut generation) = (0, 0);
        let (doc, content) = (abi::DOCUMENT, abi::Str::new(content));
        let status = unsafe {
            let add = self.edit.stream_add;
            let (num, generation) = (&raw mut num, &raw mut generation);
            add(self.ctx, doc, text(dict), mode, content, num, generation)
        };
        answer(status, (num, generation))
    }

    pub(crate) fn id(&self, obj: abi::Obj) -> Answer<(u32, u32)> {
        let (mut num, mut generation) = (0, 0);
        let status =
            unsafe { (self.cos.object_id)(self.ctx, obj, &raw mut num, &raw mut generation) };
        answer(status, (num, generation))
    }

    pub(crate) fn len(&self, obj: abi::Obj) -> Answer<usize> {
        let mut out = 0;
        let status = unsafe { (self.cos.len)(self.ctx, obj, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn get(&self, obj: abi::Obj, key: &str) -> Answer<Value> {
        let mut out = nothing();
        let status = unsafe { (self.cos.dict_get)(self.ctx, obj, text(key), &raw mut out) };
        answer(status, Value::of(out))
    }

    pub(crate) fn get_raw(&self, obj: abi::Obj, key: &str) -> Answer<Value> {
        let mut out = nothing();
        let status = unsafe { (self.cos.dict_get_raw)(self.ctx, obj, text(key), &raw mut out) };
        answer(status, Value::of(out))
    }

    pub(crate) fn entry(&self, obj: abi::Obj, index: usize) -> Answer<(Vec<u8>, Value)> {
        let (mut key, mut out) = (abi::Str::EMPTY, nothing());
        let status =
            unsafe { (self.cos.dict_at)(self.ctx, obj, index, &raw mut key, &raw mut out) };
        answer(status, (unsafe { key.as_bytes() }.to_vec(), Value::of(out)))
    }

    pub(crate) fn at(&self, obj: abi::Obj, index: usize) -> Answer<Value> {
        let mut out = nothing();
        let status = unsafe { (self.cos.array_get)(self.ctx, obj, index, &raw mut out) };
        answer(status, Value::of(out))
    }

    pub(crate) fn view(&self, obj: abi::Obj) -> Answer<&[abi::Node]> {
        let (mut nodes, mut count) = (std::ptr::null(), 0);
        let status = unsafe { (self.cos.view)(self.ctx, obj, &raw mut nodes, &raw mut count) };
        answer(status, ())?;
        Ok(unsafe { std::slice::from_raw_parts(nodes, count) })
    }

    pub(crate) fn syntax(&self, obj: abi::Obj) -> Answer<String> {
        let mut out = abi::Str::EMPTY;
        let status = unsafe { (self.cos.to_syntax)(self.ctx, obj, &raw mut out) };
        answer(
            status,
            String::from_utf8_lossy(unsafe { out.as_bytes() }).into_owned(),
        )
    }

    pub(crate) fn parse(&self, doc: abi::Doc, source: &str) -> Answer<abi::Obj> {
        let mut out = 0;
        let status = unsafe { (self.cos.from_syntax)(self.ctx, doc, text(source), &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn put(&self, obj: abi::Obj, key: &str, value: &Value) -> Answer<()> {
        let value = value.raw();
        answer(
            unsafe { (self.cos.dict_put)(self.ctx, obj, text(key), &raw const value) },
            (),
        )
    }

    pub(crate) fn drop_key(&self, obj: abi::Obj, key: &str) -> Answer<()> {
        answer(
            unsafe { (self.cos.dict_remove)(self.ctx, obj, text(key)) },
            (),
        )
    }

    pub(crate) fn put_at(&self, obj: abi::Obj, index: usize, value: &Value) -> Answer<()> {
        let value = value.raw();
        answer(
            unsafe { (self.cos.array_put)(self.ctx, obj, index, &raw const value) },
            (),
        )
    }

    pub(crate) fn insert_at(&self, obj: abi::Obj, index: usize, value: &Value) -> Answer<()> {
        let value = value.raw();
        answer(
            unsafe { (self.cos.array_insert)(self.ctx, obj, index, &raw const value) },
            (),
        )
    }

    pub(crate) fn drop_at(&self, obj: abi::Obj, index: usize) -> Answer<()> {
        answer(unsafe { (self.cos.array_remove)(self.ctx, obj, index) }, ())
    }

    pub(crate) fn replace(&self, obj: abi::Obj, value: &Value) -> Answer<()> {
        let value = value.raw();
        answer(
            unsafe { (self.cos.replace)(self.ctx, obj, &raw const value) },
            (),
        )
    }

    pub(crate) fn add(&self, doc: abi::Doc, value: &Value) -> Answer<(u32, u32)> {
        let value = value.raw();
        let (mut num, mut generation) = (0, 0);
        let status = unsafe {
            (self.cos.add)(
                self.ctx,
                doc,
                &raw const value,
                &raw mut num,
                &raw mut generation,
            )
        };
        answer(status, (num, generation))
    }

    pub(crate) fn remove(&self, doc: abi::Doc, id: (u32, u32)) -> Answer<()> {
        answer(unsafe { (self.cos.remove)(self.ctx, doc, id.0, id.1) }, ())
    }

    pub(crate) fn insert_page(&self, doc: abi::Doc, at: u32, page: abi::Obj) -> Answer<()> {
        answer(
            unsafe { (self.cos.page_insert)(self.ctx, doc, at, page) },
            (),
        )
    }

    pub(crate) fn remove_pages(&self, doc: abi::Doc, at: u32, count: u32) -> Answer<()> {
        answer(
            unsafe { (self.cos.page_remove)(self.ctx, doc, at, count) },
            (),
        )
    }

    pub(crate) fn move_page(&self, doc: abi::Doc, from: u32, to: u32) -> Answer<()> {
        answer(unsafe { (self.cos.page_move)(self.ctx, doc, from, to) }, ())
    }

    pub(crate) fn import(
        &self,
        to: abi::Doc,
        at: u32,
        from: abi::Doc,
        first: u32,
        count: u32,
    ) -> Answer<()> {
        answer(
            unsafe { (self.cos.import_pages)(self.ctx, to, at, from, first, count) },
            (),
        )
    }

    pub(crate) fn release(&self, handle: u64) -> Answer<()> {
        answer(unsafe { (self.cos.release)(self.ctx, handle) }, ())
    }

    pub(crate) fn stream(&self, obj: abi::Obj, mode: u32) -> Answer<Vec<u8>> {
        let mut out = abi::Str::EMPTY;
        let status = unsafe { (self.streams.get)(self.ctx, obj, mode, &raw mut out) };
        answer(status, unsafe { out.as_bytes() }.to_vec())
    }

    pub(crate) fn put_stream(&self, obj: abi::Obj, mode: u32, content: &[u8]) -> Answer<()> {
        answer(
            unsafe { (self.streams.put)(self.ctx, obj, mode, abi::Str::new(content)) },
            (),
        )
    }

    pub(crate) fn new_stream(
        &self,
        doc: abi::Doc,
        dict: abi::Obj,
        mode: u32,
        content: &[u8],
    ) -> Answer<abi::Obj> {
        let mut out = 0;
        let status = unsafe {
            (self.streams.create)(
                self.ctx,
                doc,
                dict,
                mode,
                abi::Str::new(content),
                &raw mut out,
            )
        };
        answer(status, out)
    }

    pub(crate) fn bytes(&self, doc: abi::Doc) -> Answer<Vec<u8>> {
        let mut out = abi::Str::EMPTY;
        let status = unsafe { (self.docs.bytes)(self.ctx, doc, &raw mut out) };
        answer(status, unsafe { out.as_bytes() }.to_vec())
    }

    pub(crate) fn set_bytes(&self, doc: abi::Doc, content: &[u8]) -> Answer<()> {
        answer(
            unsafe { (self.docs.set_bytes)(self.ctx, doc, abi::Str::new(content)) },
            (),
        )
    }

    pub(crate) fn input(&self, index: u32) -> Answer<abi::Doc> {
        let mut out = 0;
        let status = unsafe { (self.docs.input)(self.ctx, index, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn open(&self, content: &[u8]) -> Answer<abi::Doc> {
        let mut out = 0;
        let status = unsafe { (self.docs.open)(self.ctx, abi::Str::new(content), &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn create(&self, like: abi::Doc) -> Answer<abi::Doc> {
        let mut out = 0;
        let status = unsafe { (self.docs.create)(self.ctx, like, &raw mut out) };
        answer(status, out)
    }

    pub(crate) fn emit(&self, doc: abi::Doc, label: &str) -> Answer<()> {
        answer(unsafe { (self.docs.emit)(self.ctx, doc, text(label)) }, ())
    }
}
