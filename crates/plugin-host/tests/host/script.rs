//! A plugin whose operation is a closure of the test, on the raw tables that any plugin gets.

#[path = "script/plugin.rs"]
mod plugin;
#[path = "script/value.rs"]
mod value;

pub(crate) use plugin::Plugin;
pub(crate) use value::Value;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Document, Invocation, Limits, Observer, Outcome, RunError, run_entry};

type Script = Box<dyn FnOnce(&Plugin) -> abi::Status>;

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
    /// A failed assertion of the script: carried over the boundary, which no panic may cross.
    static PANIC: RefCell<Option<Box<dyn Any + Send>>> = const { RefCell::new(None) };
    static HOST: RefCell<*const abi::Host> = const { RefCell::new(std::ptr::null()) };
}

pub(crate) static ENTRY: abi::Entry = abi::Entry {
    magic: abi::MAGIC,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    struct_size: size_of::<abi::Entry>() as u32,
    reserved: 0,
    manifest: c"{}".as_ptr(),
    toolchain: c"rustc".as_ptr(),
    init: None,
    deinit: None,
    operation: Some(operation),
    get_extension: None,
};

static OPERATION: abi::Operation = abi::Operation {
    struct_size: size_of::<abi::Operation>() as u32,
    reserved: 0,
    name: c"script".as_ptr(),
    create: Some(create),
    run: Some(run_script),
    destroy: Some(destroy),
    get_extension: None,
};

unsafe extern "C" fn operation(index: u32) -> *const abi::Operation {
    if index == 0 {
        &raw const OPERATION
    } else {
        std::ptr::null()
    }
}

unsafe extern "C" fn create(
    host: *const abi::Host,
    _: abi::Str,
    out: *mut *mut c_void,
    _: *mut abi::Ctx,
) -> abi::Status {
    HOST.set(host);
    // SAFETY: the host gives room for the instance.
    unsafe { out.write(std::ptr::null_mut()) };
    abi::OK
}

unsafe extern "C" fn destroy(_: *mut c_void) {}

unsafe extern "C" fn run_script(_: *mut c_void, ctx: *mut abi::Ctx) -> abi::Status {
    let script = SCRIPT.take().expect("one script a run");
    let plugin = Plugin::new(HOST.with_borrow(|host| *host), ctx);
    catch_unwind(AssertUnwindSafe(|| script(&plugin))).unwrap_or_else(|panic| {
        PANIC.set(Some(panic));
        abi::E_PANIC
    })
}

/// What the host was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) lines: Mutex<Vec<(i32, String, String)>>,
    pub(crate) progress: Mutex<Vec<(u64, u64)>>,
    pub(crate) artifacts: Mutex<Vec<(String, String, Vec<u8>)>>,
}

impl Observer for Told {
    fn progress(&self, done: u64, total: u64) {
        self.progress.lock().expect("no panic").push((done, total));
    }

    fn log(&self, level: i32, message: &str, fields: &str) {
        self.lines
            .lock()
            .expect("no panic")
            .push((level, message.to_owned(), fields.to_owned()));
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn artifact(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<(), String> {
        if name == "refused" {
            return Err("no room".to_owned());
        }
        let artifact = (name.to_owned(), mime.to_owned(), bytes.to_vec());
        self.artifacts.lock().expect("no panic").push(artifact);
        Ok(())
    }
}

/// Runs `script` over `documents`.
pub(crate) fn run(
    documents: &mut Vec<Document>,
    script: impl FnOnce(&Plugin) -> abi::Status + 'static,
) -> Result<Outcome, RunError> {
    run_told(documents, &Told::default(), script)
}

pub(crate) fn run_told(
    documents: &mut Vec<Document>,
    told: &Told,
    script: impl FnOnce(&Plugin) -> abi::Status + 'static,
) -> Result<Outcome, RunError> {
    run_within(documents, &Limits::default(), told, script)
}

pub(crate) fn run_within(
    documents: &mut Vec<Document>,
    limits: &Limits,
    told: &Told,
    script: impl FnOnce(&Plugin) -> abi::Status + 'static,
) -> Result<Outcome, RunError> {
    SCRIPT.set(Some(Box::new(script)));
    let values = BTreeMap::from([("input.name".to_owned(), serde_json::json!("a.pdf"))]);
    let invocation = Invocation {
        operation: "script",
        parameters: "{}",
        values: &values,
        temp_dir: None,
        limits,
        observer: told,
    };
    let outcome = run_entry(&ENTRY, &invocation, documents);
    if let Some(panic) = PANIC.take() {
        resume_unwind(panic);
    }
    outcome
}

/// Runs `script` over one document, which must succeed, and gives it back.
pub(crate) fn edit(
    document: Document,
    script: impl FnOnce(&Plugin) -> abi::Status + 'static,
) -> Document {
    let mut documents = vec![document];
    run(&mut documents, script).expect("the script succeeds");
    documents.remove(0)
}
