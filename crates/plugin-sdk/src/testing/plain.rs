//! A host that offers only what every host of this ABI has: `leaf.edit/1`, which one may lack, is not there.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use dropleaf_plugin_abi as abi;

use crate::export;
use crate::operation::Operation;

/// The host that does the work. There is one in a process.
static WHOLE: AtomicPtr<abi::Host> = AtomicPtr::new(ptr::null_mut());

static PLAIN: abi::Host = abi::Host {
    struct_size: size_of::<abi::Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    name: c"plain".as_ptr(),
    version: c"1.0".as_ptr(),
    get_extension,
};

/// Makes an instance that sees the plain host.
///
/// # Safety
/// Called by a host as the header says.
pub(super) unsafe extern "C" fn create<O: Operation>(
    host: *const abi::Host,
    parameters: abi::Str,
    out: *mut *mut c_void,
    err: *mut abi::Ctx,
) -> abi::Status {
    WHOLE.store(host.cast_mut(), Ordering::Release);
    // SAFETY: all but the table is what the host gave; the table is constant and answers as the header says.
    unsafe { export::create::<O>(&raw const PLAIN, parameters, out, err) }
}

/// # Safety
/// Called by a plugin as the header says.
unsafe extern "C" fn get_extension(_: *const abi::Host, id: *const c_char) -> *const c_void {
    let whole = WHOLE.load(Ordering::Acquire).cast_const();
    // SAFETY: a host's table is constant for the life of the process, and `create` has stored it.
    let Some(table) = (unsafe { whole.as_ref() }) else {
        return ptr::null();
    };
    // SAFETY: the plugin gives a text that ends with a NUL.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == abi::EXT_EDIT {
        return ptr::null();
    }
    // SAFETY: the table is `whole`'s own.
    unsafe { (table.get_extension)(whole, id) }
}
