//! The host as plugins see it: a constant table and the extensions it offers.

use std::ffi::{CStr, CString, c_char, c_void};

use dropleaf_plugin_abi as abi;

use crate::run::{ext_cos, ext_doc, ext_edit, ext_run, ext_stream};

static HOST: abi::Host = abi::Host {
    struct_size: size_of::<abi::Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    name: c"dropleaf".as_ptr(),
    version: VERSION.as_ptr(),
    get_extension,
};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The host table.
pub(crate) fn host() -> *const abi::Host {
    &raw const HOST
}

unsafe extern "C" fn get_extension(_: *const abi::Host, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: the plugin gives a NUL-terminated text.
    extension(unsafe { CStr::from_ptr(id) })
}

/// Whether there is an extension of this name.
pub(crate) fn has(name: &str) -> bool {
    CString::new(name).is_ok_and(|name| !extension(&name).is_null())
}

fn extension(id: &CStr) -> *const c_void {
    match id {
        id if id == abi::EXT_RUN => (&raw const ext_run::TABLE).cast(),
        id if id == abi::EXT_COS => (&raw const ext_cos::TABLE).cast(),
        id if id == abi::EXT_STREAM => (&raw const ext_stream::TABLE).cast(),
        id if id == abi::EXT_DOC => (&raw const ext_doc::TABLE).cast(),
        id if id == abi::EXT_EDIT => (&raw const ext_edit::TABLE).cast(),
        _ => std::ptr::null(),
    }
}
