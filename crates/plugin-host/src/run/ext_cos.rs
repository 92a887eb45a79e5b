//! `leaf.cos/1`: objects and pages. The header says what each function promises.
//!
//! SAFETY of all functions below: the plugin keeps to the header. Its context is the one it was given, its texts and
//! values stay as they are during the call, and where it asks for an answer there is room for one. What it can get
//! wrong with integers alone (handles, indexes, object numbers) is checked.

mod pages;
mod read;
pub(crate) mod write;

use dropleaf_plugin_abi as abi;

pub(crate) static TABLE: abi::CosV1 = abi::CosV1 {
    struct_size: size_of::<abi::CosV1>() as u32,
    reserved: 0,
    page_count: pages::page_count,
    page: pages::page,
    page_attr: pages::page_attr,
    trailer: read::trailer,
    catalog: read::catalog,
    object: read::object,
    object_next: read::object_next,
    object_id: read::object_id_of,
    len: read::len,
    dict_get: read::dict_get,
    dict_get_raw: read::dict_get_raw,
    dict_at: read::dict_at,
    array_get: read::array_get,
    array_get_raw: read::array_get_raw,
    view: read::view_of,
    to_syntax: read::to_syntax,
    from_syntax: write::from_syntax,
    dict_put: write::dict_put,
    dict_remove: write::dict_remove,
    array_put: write::array_put,
    array_insert: write::array_insert,
    array_remove: write::array_remove,
    replace: write::replace,
    add: write::add,
    remove: write::remove,
    page_insert: pages::page_insert,
    page_remove: pages::page_remove,
    page_move: pages::page_move,
    import_pages: pages::import_pages,
    release: read::release,
};
