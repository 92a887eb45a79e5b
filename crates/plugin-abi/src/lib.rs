//! The Dropleaf plugin ABI, major 1: a `repr(C)` mirror of `include/dropleaf_plugin.h`.
//!
//! The header is the contract and says what every function promises, on which thread it may be called and how long
//! its answers live; this crate only repeats its shapes for Rust. `tests/layout.rs` compiles the header and compares
//! every size, offset and constant.
#![no_std]

use core::ffi::{c_char, c_void};

/// The first four bytes of an entry: `LEAF`.
pub const MAGIC: u32 = 0x4641_454C;
/// Majors must be equal.
pub const ABI_MAJOR: u16 = 1;
/// The newest minor of this major that this crate knows.
pub const ABI_MINOR: u16 = 0;

/// 0 is success, negative is failure.
pub type Status = i32;
/// Success.
pub const OK: Status = 0;
/// Failed, the text says why; may be retried.
pub const E_FAIL: Status = -1;
/// An argument is out of range.
pub const E_ARG: Status = -2;
/// The object has another type.
pub const E_TYPE: Status = -3;
/// No such key, index or object.
pub const E_NOT_FOUND: Status = -4;
/// A stale or forged handle.
pub const E_HANDLE: Status = -5;
/// Called from another thread.
pub const E_THREAD: Status = -6;
/// A memory, size, depth or decompression limit.
pub const E_LIMIT: Status = -7;
/// This host cannot do it.
pub const E_UNSUPPORTED: Status = -8;
/// The job was cancelled.
pub const E_CANCELLED: Status = -9;
/// A panic or exception was caught at the boundary.
pub const E_PANIC: Status = -10;
/// Bad COS syntax or an unreadable PDF.
pub const E_SYNTAX: Status = -11;
/// Not granted by the operator.
pub const E_DENIED: Status = -12;
/// `create` refused the parameters.
pub const E_PARAMETERS: Status = -13;
/// The document cannot be done, now or later.
pub const E_REJECTED: Status = -14;

/// A handle of an array, dictionary or stream; 0 is none.
pub type Obj = u64;
/// A handle of a document.
pub type Doc = u64;
/// A handle of a host buffer; 0 is none.
pub type Buf = u64;
/// The document that the run is about.
pub const DOCUMENT: Doc = 1;
/// The null object.
pub const NULL: u32 = 0;
/// `u.i` is 0 or 1.
pub const BOOL: u32 = 1;
/// `u.i`.
pub const INT: u32 = 2;
/// `u.r`.
pub const REAL: u32 = 3;
/// `u.s`, without the solidus, `#xx` decoded.
pub const NAME: u32 = 4;
/// `u.s`, raw bytes.
pub const STRING: u32 = 5;
/// `u.obj`.
pub const ARRAY: u32 = 6;
/// `u.obj`.
pub const DICT: u32 = 7;
/// `u.obj`.
pub const STREAM: u32 = 8;
/// `u.reference`.
pub const REF: u32 = 9;
/// A string written in its hexadecimal form.
pub const F_HEX: u32 = 1;
/// The value was reached through a reference.
pub const F_INDIRECT: u32 = 2;
/// Stream bytes as they stand in the file.
pub const STREAM_RAW: u32 = 0;
/// Stream bytes with all filters but image ones undone.
pub const STREAM_DECODED: u32 = 1;
/// Log level.
pub const LOG_TRACE: i32 = 0;
/// Log level.
pub const LOG_DEBUG: i32 = 1;
/// Log level.
pub const LOG_INFO: i32 = 2;
/// Log level.
pub const LOG_WARN: i32 = 3;
/// Log level.
pub const LOG_ERROR: i32 = 4;
/// The extension `leaf.run/1`.
pub const EXT_RUN: &core::ffi::CStr = c"leaf.run/1";
/// The extension `leaf.cos/1`.
pub const EXT_COS: &core::ffi::CStr = c"leaf.cos/1";
/// The extension `leaf.stream/1`.
pub const EXT_STREAM: &core::ffi::CStr = c"leaf.stream/1";
/// The extension `leaf.doc/1`.
pub const EXT_DOC: &core::ffi::CStr = c"leaf.doc/1";
/// The extension `leaf.edit/1`.
pub const EXT_EDIT: &core::ffi::CStr = c"leaf.edit/1";

/// Bytes that somebody else owns; not NUL-terminated. `ptr` may be anything where `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

impl Str {
    /// No bytes.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };

    /// A view of `bytes`, as long-lived as they are.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` points at `len` readable bytes that nobody changes while the answer lives, or `len` is 0.
    #[must_use]
    pub const unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// One run of one operation; opaque to plugins.
#[repr(C)]
pub struct Ctx {
    _opaque: [u8; 0],
}

/// An indirect reference.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Object number.
    pub num: u32,
    /// Generation number.
    pub gen_: u32,
}

/// What a [`Val`] holds; its `type_` says which.
#[repr(C)]
#[derive(Clone, Copy)]
pub union ValUnion {
    /// BOOL, INT.
    pub i: i64,
    /// REAL.
    pub r: f64,
    /// REF.
    pub reference: Reference,
    /// ARRAY, DICT, STREAM.
    pub obj: Obj,
    /// NAME, STRING.
    pub s: Str,
}

/// A COS value: scalars by value, containers as handles.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Val {
    /// NULL to REF.
    pub type_: u32,
    /// `F_` bits.
    pub flags: u32,
    /// The value.
    pub u: ValUnion,
}

/// What a [`Node`] holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub union NodeUnion {
    /// BOOL, INT.
    pub i: i64,
    /// REAL.
    pub r: f64,
    /// REF.
    pub reference: Reference,
    /// NAME, STRING.
    pub s: Str,
}

/// One value of a flat, preorder `view`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    /// NULL to REF.
    pub type_: u32,
    /// Direct children.
    pub count: u32,
    /// The key inside a dictionary; empty inside arrays.
    pub key: Str,
    /// The scalar.
    pub u: NodeUnion,
}

/// What a plugin is given of its host.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Host {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// `abi_major` of the header.
    pub abi_major: u16,
    /// `abi_minor` of the header.
    pub abi_minor: u16,
    /// `name` of the header.
    pub name: *const c_char,
    /// `version` of the header.
    pub version: *const c_char,
    /// `get_extension` of the header.
    pub get_extension: unsafe extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

/// `leaf.run/1`: log, progress, cancel, errors, values, artifacts.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RunV1 {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `log` of the header.
    pub log: unsafe extern "C" fn(*mut Ctx, i32, Str, Str),
    /// `cancelled` of the header.
    pub cancelled: unsafe extern "C" fn(*mut Ctx) -> i32,
    /// `progress` of the header.
    pub progress: unsafe extern "C" fn(*mut Ctx, u64, u64),
    /// `set_error` of the header.
    pub set_error: unsafe extern "C" fn(*mut Ctx, Status, Str) -> Status,
    /// `last_error` of the header.
    pub last_error: unsafe extern "C" fn(*mut Ctx, *mut Str) -> Status,
    /// `param` of the header.
    pub param: unsafe extern "C" fn(*mut Ctx, Str, *mut Str) -> Status,
    /// `result` of the header.
    pub result: unsafe extern "C" fn(*mut Ctx, Str, Str) -> Status,
    /// `temp_dir` of the header.
    pub temp_dir: unsafe extern "C" fn(*mut Ctx, *mut Str) -> Status,
    /// `emit` of the header.
    pub emit: unsafe extern "C" fn(*mut Ctx, Str, Str, Str) -> Status,
}

/// `leaf.cos/1`: objects and pages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CosV1 {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `page_count` of the header.
    pub page_count: unsafe extern "C" fn(*mut Ctx, Doc, *mut u32) -> Status,
    /// `page` of the header.
    pub page: unsafe extern "C" fn(*mut Ctx, Doc, u32, *mut Obj) -> Status,
    /// `page_attr` of the header.
    pub page_attr: unsafe extern "C" fn(*mut Ctx, Obj, Str, *mut Val) -> Status,
    /// `trailer` of the header.
    pub trailer: unsafe extern "C" fn(*mut Ctx, Doc, *mut Obj) -> Status,
    /// `catalog` of the header.
    pub catalog: unsafe extern "C" fn(*mut Ctx, Doc, *mut Obj) -> Status,
    /// `object` of the header.
    pub object: unsafe extern "C" fn(*mut Ctx, Doc, u32, u32, *mut Val) -> Status,
    /// `object_next` of the header.
    pub object_next: unsafe extern "C" fn(*mut Ctx, Doc, *mut u32, *mut u32) -> Status,
    /// `object_id` of the header.
    pub object_id: unsafe extern "C" fn(*mut Ctx, Obj, *mut u32, *mut u32) -> Status,
    /// `len` of the header.
    pub len: unsafe extern "C" fn(*mut Ctx, Obj, *mut usize) -> Status,
    /// `dict_get` of the header.
    pub dict_get: unsafe extern "C" fn(*mut Ctx, Obj, Str, *mut Val) -> Status,
    /// `dict_get_raw` of the header.
    pub dict_get_raw: unsafe extern "C" fn(*mut Ctx, Obj, Str, *mut Val) -> Status,
    /// `dict_at` of the header.
    pub dict_at: unsafe extern "C" fn(*mut Ctx, Obj, usize, *mut Str, *mut Val) -> Status,
    /// `array_get` of the header.
    pub array_get: unsafe extern "C" fn(*mut Ctx, Obj, usize, *mut Val) -> Status,
    /// `array_get_raw` of the header.
    pub array_get_raw: unsafe extern "C" fn(*mut Ctx, Obj, usize, *mut Val) -> Status,
    /// `view` of the header.
    pub view: unsafe extern "C" fn(*mut Ctx, Obj, *mut *const Node, *mut usize) -> Status,
    /// `to_syntax` of the header.
    pub to_syntax: unsafe extern "C" fn(*mut Ctx, Obj, *mut Str) -> Status,
    /// `from_syntax` of the header.
    pub from_syntax: unsafe extern "C" fn(*mut Ctx, Doc, Str, *mut Obj) -> Status,
    /// `dict_put` of the header.
    pub dict_put: unsafe extern "C" fn(*mut Ctx, Obj, Str, *const Val) -> Status,
    /// `dict_remove` of the header.
    pub dict_remove: unsafe extern "C" fn(*mut Ctx, Obj, Str) -> Status,
    /// `array_put` of the header.
    pub array_put: unsafe extern "C" fn(*mut Ctx, Obj, usize, *const Val) -> Status,
    /// `array_insert` of the header.
    pub array_insert: unsafe extern "C" fn(*mut Ctx, Obj, usize, *const Val) -> Status,
    /// `array_remove` of the header.
    pub array_remove: unsafe extern "C" fn(*mut Ctx, Obj, usize) -> Status,
    /// `replace` of the header.
    pub replace: unsafe extern "C" fn(*mut Ctx, Obj, *const Val) -> Status,
    /// `add` of the header.
    pub add: unsafe extern "C" fn(*mut Ctx, Doc, *const Val, *mut u32, *mut u32) -> Status,
    /// `remove` of the header.
    pub remove: unsafe extern "C" fn(*mut Ctx, Doc, u32, u32) -> Status,
    /// `page_insert` of the header.
    pub page_insert: unsafe extern "C" fn(*mut Ctx, Doc, u32, Obj) -> Status,
    /// `page_remove` of the header.
    pub page_remove: unsafe extern "C" fn(*mut Ctx, Doc, u32, u32) -> Status,
    /// `page_move` of the header.
    pub page_move: unsafe extern "C" fn(*mut Ctx, Doc, u32, u32) -> Status,
    /// `import_pages` of the header.
    pub import_pages: unsafe extern "C" fn(*mut Ctx, Doc, u32, Doc, u32, u32) -> Status,
    /// `release` of the header.
    pub release: unsafe extern "C" fn(*mut Ctx, u64) -> Status,
}

/// `leaf.stream/1`: the bytes of streams.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StreamV1 {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `get` of the header.
    pub get: unsafe extern "C" fn(*mut Ctx, Obj, u32, *mut Str) -> Status,
    /// `put` of the header.
    pub put: unsafe extern "C" fn(*mut Ctx, Obj, u32, Str) -> Status,
    /// `create` of the header.
    pub create: unsafe extern "C" fn(*mut Ctx, Doc, Obj, u32, Str, *mut Obj) -> Status,
    /// `buf_new` of the header.
    pub buf_new: unsafe extern "C" fn(*mut Ctx, usize, *mut Buf, *mut *mut u8) -> Status,
    /// `buf_grow` of the header.
    pub buf_grow: unsafe extern "C" fn(*mut Ctx, Buf, usize, *mut *mut u8) -> Status,
    /// `put_buf` of the header.
    pub put_buf: unsafe extern "C" fn(*mut Ctx, Obj, u32, Buf, usize) -> Status,
}

/// `leaf.doc/1`: whole documents.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DocV1 {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `input_count` of the header.
    pub input_count: unsafe extern "C" fn(*mut Ctx) -> u32,
    /// `input` of the header.
    pub input: unsafe extern "C" fn(*mut Ctx, u32, *mut Doc) -> Status,
    /// `bytes` of the header.
    pub bytes: unsafe extern "C" fn(*mut Ctx, Doc, *mut Str) -> Status,
    /// `set_bytes` of the header.
    pub set_bytes: unsafe extern "C" fn(*mut Ctx, Doc, Str) -> Status,
    /// `open` of the header.
    pub open: unsafe extern "C" fn(*mut Ctx, Str, *mut Doc) -> Status,
    /// `create` of the header.
    pub create: unsafe extern "C" fn(*mut Ctx, Doc, *mut Doc) -> Status,
    /// `emit` of the header.
    pub emit: unsafe extern "C" fn(*mut Ctx, Doc, Str) -> Status,
    /// `is_parsed` of the header.
    pub is_parsed: unsafe extern "C" fn(*mut Ctx, Doc, *mut i32, *mut i32) -> Status,
}

/// `leaf.edit/1`: common changes in one call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EditV1 {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `dict_merge` of the header.
    pub dict_merge: unsafe extern "C" fn(*mut Ctx, Obj, Str) -> Status,
    /// `stream_add` of the header.
    pub stream_add:
        unsafe extern "C" fn(*mut Ctx, Doc, Str, u32, Str, *mut u32, *mut u32) -> Status,
}

/// One operation of a plugin.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Operation {
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `name` of the header.
    pub name: *const c_char,
    /// `create` of the header.
    pub create:
        Option<unsafe extern "C" fn(*const Host, Str, *mut *mut c_void, *mut Ctx) -> Status>,
    /// `run` of the header.
    pub run: Option<unsafe extern "C" fn(*mut c_void, *mut Ctx) -> Status>,
    /// `destroy` of the header.
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    /// `get_extension` of the header.
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

/// The one exported symbol, `dropleaf_plugin_v1`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    /// `magic` of the header.
    pub magic: u32,
    /// `abi_major` of the header.
    pub abi_major: u16,
    /// `abi_minor` of the header.
    pub abi_minor: u16,
    /// `size_of` as the writer compiled it.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `manifest` of the header.
    pub manifest: *const c_char,
    /// `toolchain` of the header.
    pub toolchain: *const c_char,
    /// `init` of the header.
    pub init: Option<unsafe extern "C" fn(*const Host) -> Status>,
    /// `deinit` of the header.
    pub deinit: Option<unsafe extern "C" fn()>,
    /// `operation` of the header.
    pub operation: Option<unsafe extern "C" fn(u32) -> *const Operation>,
    /// `get_extension` of the header.
    pub get_extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}

// SAFETY: an entry and what it points at are constant for the life of the library (O5 of the header).
unsafe impl Sync for Entry {}
// SAFETY: as for `Entry`.
unsafe impl Sync for Operation {}
// SAFETY: a host table is constant for the life of the process.
unsafe impl Sync for Host {}

/// The exported symbol's name, with its NUL.
pub const ENTRY_SYMBOL: &core::ffi::CStr = c"dropleaf_plugin_v1";
