//! The C side of a plugin: the exported entry, and functions that let no panic through.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;

use dropleaf_plugin_abi as abi;

use crate::bridge;
use crate::error::{Error, Result};
use crate::manifest;
pub use crate::manifest::About;
use crate::operation::Operation;
use crate::run::Run;
use crate::session::{Session, Tables};

/// Exports a plugin's operations: writes the entry that a host looks for, and the manifest.
///
/// ```text
/// export_plugin! {
///     name: "pages",
///     description: "Rotate, extract, delete and reverse pages",
///     operations: [Rotate, ExtractPages],
/// }
/// ```
///
/// Version, licence and vendor are those of the crate's `Cargo.toml`. Once a library; the crate is a `cdylib`, and an
/// `rlib` too if its operations are tested from outside. Defines `dropleaf_entry()` for the testing host.
#[macro_export]
macro_rules! export_plugin {
    (name: $name:expr, description: $description:expr, operations: [$($operation:ty),+ $(,)?] $(,)?) => {
        const _: () = assert!(
            cfg!(panic = "unwind"),
            "a plugin needs `panic = \"unwind\"`: the SDK turns its panics into errors of the job"
        );

        /// The one exported symbol.
        #[doc(hidden)]
        #[allow(non_upper_case_globals, reason = "the header gives the name")]
        #[unsafe(no_mangle)]
        #[used]
        pub static dropleaf_plugin_v1: $crate::export::Exported = {
            fn build() -> $crate::export::Plugin {
                $crate::export::Plugin::new(
                    &$crate::export::About {
                        name: $name,
                        version: env!("CARGO_PKG_VERSION"),
                        description: $description,
                        license: env!("CARGO_PKG_LICENSE"),
                        vendor: env!("CARGO_PKG_AUTHORS"),
                    },
                    vec![$($crate::export::Offered::of::<$operation>()),+],
                )
            }
            extern "C" fn operation(index: u32) -> *const $crate::abi::Operation {
                dropleaf_plugin_v1.operation(index)
            }
            $crate::export::Exported::new(build, operation)
        };

        // The header promises a manifest that can be read without calling the plugin, and a schema made by derives is not
        // a constant: it is written when the library is loaded.
        const _: () = {
            extern "C" fn fill() {
                dropleaf_plugin_v1.fill();
            }
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
            #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
            #[cfg_attr(not(any(windows, target_vendor = "apple")), unsafe(link_section = ".init_array"))]
            #[used]
            static FILL: extern "C" fn() = fill;
        };

        /// The plugin's entry, for `dropleaf_plugin_sdk::testing`.
        #[doc(hidden)]
        pub fn dropleaf_entry() -> &'static $crate::abi::Entry {
            dropleaf_plugin_v1.entry()
        }
    };
}

/// The exported entry: an [`abi::Entry`] whose manifest is written once, while the library is loaded.
#[repr(transparent)]
pub struct Exported(UnsafeCell<Inner>);

/// The entry and, behind what the header knows of, the parts that make it.
#[repr(C)]
struct Inner {
    entry: abi::Entry,
    build: fn() -> Plugin,
    plugin: OnceLock<Plugin>,
}

// SAFETY: `entry.manifest` is written inside `OnceLock::get_or_init` only, and before anyone can read it: by the loader
// before `dlopen` returns, or by `entry()`; the rest is constant.
unsafe impl Sync for Exported {}

impl Exported {
    /// What `export_plugin!` puts into its static.
    #[must_use]
    pub const fn new(
        build: fn() -> Plugin,
        operation: unsafe extern "C" fn(u32) -> *const abi::Operation,
    ) -> Self {
        Self(UnsafeCell::new(Inner {
            entry: abi::Entry {
                magic: abi::MAGIC,
                abi_major: abi::ABI_MAJOR,
                abi_minor: abi::ABI_MINOR,
                struct_size: size_of::<abi::Entry>() as u32,
                reserved: 0,
                manifest: c"{}".as_ptr(),
                toolchain: TOOLCHAIN.as_ptr().cast::<c_char>(),
                init: Some(init),
                deinit: None,
                operation: Some(operation),
                get_extension: None,
            },
            build,
            plugin: OnceLock::new(),
        }))
    }

    /// The entry, with its manifest.
    pub fn entry(&'static self) -> &'static abi::Entry {
        self.fill();
        // SAFETY: filled, so that nobody writes to it any more.
        unsafe { &(*self.0.get()).entry }
    }

    /// Makes the manifest, if it has not been made. A panic in an author's `examples` leaves a manifest that says so.
    pub fn fill(&'static self) {
        let _ = self.plugin();
    }

    /// The operation at `index`; null past the last.
    pub fn operation(&'static self, index: u32) -> *const abi::Operation {
        self.plugin()
            .operations
            .get(index as usize)
            .map_or(ptr::null(), ptr::from_ref)
    }

    fn plugin(&'static self) -> &'static Plugin {
        let inner = self.0.get();
        // SAFETY: these two members are never written except through the lock's own synchronisation.
        let (build, plugin) = unsafe { ((*inner).build, &(*inner).plugin) };
        plugin.get_or_init(|| {
            let plugin =
                catch_unwind(build).unwrap_or_else(|panic| Plugin::broken(&message(&*panic)));
            // SAFETY: once, under the lock, before any reader (see `Sync`); `plugin` moves but its text does not.
            unsafe { (*inner).entry.manifest = plugin.manifest.as_ptr() };
            plugin
        })
    }
}

/// A plugin's manifest and operations, as the host sees them.
pub struct Plugin {
    manifest: CString,
    operations: Vec<abi::Operation>,
    /// What the operations' `name` pointers point at.
    _names: Vec<CString>,
}

impl Plugin {
    /// Builds the manifest.
    #[must_use]
    pub fn new(about: &About, offered: Vec<Offered>) -> Self {
        let (mut members, mut operations, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for one in offered {
            let name = c_string(one.name);
            members.push(one.manifest);
            operations.push(abi::Operation {
                name: name.as_ptr(),
                ..one.table
            });
            names.push(name);
        }
        Self {
            manifest: c_string(&manifest::manifest(about, &members).to_string()),
            operations,
            _names: names,
        }
    }

    /// No operations and, in place of a manifest, a text that no host takes for one.
    fn broken(reason: &str) -> Self {
        Self {
            manifest: c_string(
                &serde_json::json!({ "error": format!("the plugin panicked: {reason}") })
                    .to_string(),
            ),
            operations: Vec::new(),
            _names: Vec::new(),
        }
    }
}

/// One operation on its way into a [`Plugin`].
pub struct Offered {
    name: &'static str,
    manifest: serde_json::Value,
    table: abi::Operation,
}

impl Offered {
    /// `O` as the host sees it.
    #[must_use]
    pub fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            manifest: manifest::operation::<O>(),
            table: abi::Operation {
                struct_size: size_of::<abi::Operation>() as u32,
                reserved: 0,
                name: ptr::null(),
                create: Some(create::<O>),
                run: Some(run::<O>),
                destroy: Some(destroy::<O>),
                get_extension: None,
            },
        }
    }

    /// The same, made by another function.
    #[cfg(feature = "testing")]
    pub(crate) fn created_by(mut self, create: Create) -> Self {
        self.table.create = Some(create);
        self
    }
}

/// How a host makes an instance.
#[cfg(feature = "testing")]
type Create = unsafe extern "C" fn(
    *const abi::Host,
    abi::Str,
    *mut *mut c_void,
    *mut abi::Ctx,
) -> abi::Status;

const TOOLCHAIN: &str = concat!(
    "rustc ",
    env!("DROPLEAF_RUSTC"),
    ", dropleaf-plugin-sdk ",
    env!("CARGO_PKG_VERSION"),
    "\0"
);

/// An operation with its parameters, and the host that it was made for.
struct Instance<O> {
    tables: Tables,
    operation: O,
}

/// # Safety
/// Called by a host as the header says.
unsafe extern "C" fn init(_: *const abi::Host) -> abi::Status {
    match catch_unwind(bridge::install) {
        Ok(()) => abi::OK,
        Err(_) => abi::E_PANIC,
    }
}

/// # Safety
/// Called by a host as the header says.
pub(crate) unsafe extern "C" fn create<O: Operation>(
    host: *const abi::Host,
    parameters: abi::Str,
    out: *mut *mut c_void,
    err: *mut abi::Ctx,
) -> abi::Status {
    // SAFETY: a host calls with its own constant table.
    let Some(tables) = (unsafe { Tables::of(host) }) else {
        return abi::E_UNSUPPORTED;
    };
    guarded(tables, err, |_| {
        // SAFETY: the host lends the text for the time of the call.
        let json = match unsafe { parameters.as_bytes() } {
            b"" => b"{}",
            json => json,
        };
        let operation: O =
            serde_json::from_slice(json).map_err(|error| Error::parameters(unplaced(&error)))?;
        operation
            .check()
            .map_err(|error| Error::parameters(error.message()))?;
        let instance = Box::into_raw(Box::new(Instance { tables, operation }));
        // SAFETY: the host gives a place for the answer.
        unsafe { *out = instance.cast() };
        Ok(())
    })
}

/// What is wrong, without the place: nobody has seen the JSON that the host made of the parameters.
fn unplaced(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = error.to_string();
    said.strip_suffix(&place).unwrap_or(&said).to_owned()
}

/// # Safety
/// Called by a host as the header says, with an instance that `create` of the same `O` made.
unsafe extern "C" fn run<O: Operation>(instance: *mut c_void, ctx: *mut abi::Ctx) -> abi::Status {
    // SAFETY: `create::<O>` made it, and the host has not destroyed it.
    let Some(instance) = (unsafe { instance.cast::<Instance<O>>().as_ref() }) else {
        return abi::E_ARG;
    };
    let status = guarded(instance.tables, ctx, |session| {
        instance.operation.run(&mut Run::new(session))
    });
    // Half a line that was printed is this run's, not that of the next one in this process; nothing is lost where nobody reads.
    let _ = std::io::Write::flush(&mut std::io::stdout());
    status
}

/// # Safety
/// Called by a host as the header says, once, with an instance that `create` of the same `O` made.
unsafe extern "C" fn destroy<O: Operation>(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    // SAFETY: `create::<O>` made it, and nobody uses it after this.
    let instance = unsafe { Box::from_raw(instance.cast::<Instance<O>>()) };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(instance))) {
        std::mem::forget(panic);
    }
}

/// Does `work` with the log attached; reports its error, or its panic, to the host.
fn guarded(
    tables: Tables,
    ctx: *mut abi::Ctx,
    work: impl FnOnce(&Session) -> Result<()>,
) -> abi::Status {
    // SAFETY: the host's context is valid until the function that calls this one returns.
    let session = unsafe { Session::new(tables, ctx) };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as above; dropped before this function returns.
        let _attached = unsafe { bridge::Attached::new(session.run(), ctx) };
        work(&session)
    }));
    match outcome {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) => session.set_error(&error),
        Err(panic) => {
            let error = Error::new(abi::E_PANIC, format!("panicked: {}", message(&*panic)));
            // Dropping a payload could panic in its turn.
            std::mem::forget(panic);
            session.set_error(&error)
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

fn c_string(text: &str) -> CString {
    let bytes = text.bytes().filter(|&byte| byte != 0).collect::<Vec<u8>>();
    CString::new(bytes).expect("no NUL is left")
}
