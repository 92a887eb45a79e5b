//! Loading a plugin's library and checking its entry before anything of it is called.

use std::collections::HashSet;
use std::ffi::{CStr, c_void};
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dropleaf_plugin_abi as abi;
use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};

use crate::run::host;

/// Keeps the library in the process whatever is closed; `dlclose` of a library with threads or thread-local
/// destructors crashes.
const RTLD_NODELETE: i32 = 0x1000;
/// The most operations that are looked through; more is a plugin that never says NULL.
const MAX_OPERATIONS: u32 = 4096;

/// A loaded plugin. It is never unloaded.
pub struct Library {
    path: PathBuf,
    entry: &'static abi::Entry,
    manifest: &'static str,
    toolchain: &'static str,
}

/// Why a file is not a plugin of this host.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be looked at.
    #[error("failed to read plugin `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No library for this system.
    #[error("plugin `{}` is not a shared library of this system: {reason}", path.display())]
    NotALibrary {
        /// Which file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The dynamic linker refuses it: truncated, a library that it needs is missing, a symbol cannot be found.
    #[error("failed to load plugin `{}`: {reason}", path.display())]
    Link {
        /// Which file.
        path: PathBuf,
        /// What the linker says.
        reason: String,
    },
    /// A library, but no plugin.
    #[error("`{}` is no plugin: it does not export `dropleaf_plugin_v1`", path.display())]
    NoEntry {
        /// Which file.
        path: PathBuf,
    },
    /// A plugin, but not one for this host.
    #[error("plugin `{}` cannot be used: {reason}", path.display())]
    Entry {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: EntryError,
    },
}

impl LoadError {
    /// The same of the file that one is looking at anyway, without its name.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Read { source, .. } => format!("it cannot be read: {source}"),
            Self::NotALibrary { reason, .. } => {
                format!("it is not a shared library of this system: {reason}")
            }
            Self::Link { path, reason } => {
                // The dynamic linker begins with the name as well.
                let named = format!("{}: ", path.display());
                let reason = reason.strip_prefix(&named).unwrap_or(reason);
                format!("it cannot be loaded: {reason}")
            }
            Self::NoEntry { .. } => {
                "it is no plugin: it does not export `dropleaf_plugin_v1`".to_owned()
            }
            Self::Entry { reason, .. } => reason.to_string(),
        }
    }
}

/// What is wrong with a plugin's entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The first word is another.
    #[error(
        "its entry starts with {found:#010x}, not with the magic {:#010x}",
        abi::MAGIC
    )]
    Magic {
        /// The word.
        found: u32,
    },
    /// Made for another major, or for a newer minor.
    #[error(
        "it speaks plugin ABI {major}.{minor}, this host speaks {}.{}: {}",
        abi::ABI_MAJOR,
        abi::ABI_MINOR,
        version_advice(*major)
    )]
    Version {
        /// The plugin's major.
        major: u16,
        /// The plugin's minor.
        minor: u16,
    },
    /// Smaller than the first version of the entry was.
    #[error("its entry has {found} bytes, at least {needed} are needed")]
    Size {
        /// What it says.
        found: u32,
        /// What there must be.
        needed: usize,
    },
    /// The function that gives the operations is NULL.
    #[error("its entry has no operation()")]
    NoOperations,
    /// The manifest is missing or unreadable.
    #[error("its manifest {0}")]
    Manifest(String),
    /// The plugin's own start-up refused.
    #[error("its init() answered {0}")]
    Init(abi::Status),
    /// The manifest promises an operation that `operation()` does not give.
    #[error("its manifest names the operation `{name}`, which operation() does not give")]
    Absent {
        /// The operation.
        name: String,
    },
    /// An operation whose table cannot be used.
    #[error("the table of its operation `{name}` {reason}")]
    Uncallable {
        /// The operation.
        name: String,
        /// What is wrong with the table.
        reason: &'static str,
    },
    /// An operation that needs more than this host has.
    #[error(
        "its operation `{name}` needs `{extension}`, which this Dropleaf does not have: update it, or use an older plugin"
    )]
    Needs {
        /// The operation.
        name: String,
        /// The extension of the ABI.
        extension: String,
    },
}

/// What of a manifest is held against the library.
#[derive(Default, serde::Deserialize)]
struct Promised {
    #[serde(default)]
    operations: Vec<PromisedOperation>,
}

#[derive(serde::Deserialize)]
struct PromisedOperation {
    name: String,
    #[serde(default)]
    needs: Vec<String>,
}

/// The functions of an operation, all of them there.
#[derive(Clone, Copy)]
pub(crate) struct Callable {
    pub(crate) create: unsafe extern "C" fn(
        *const abi::Host,
        abi::Str,
        *mut *mut c_void,
        *mut abi::Ctx,
    ) -> abi::Status,
    pub(crate) run: unsafe extern "C" fn(*mut c_void, *mut abi::Ctx) -> abi::Status,
    pub(crate) destroy: unsafe extern "C" fn(*mut c_void),
}

impl Callable {
    fn of(table: &abi::Operation) -> Result<Self, &'static str> {
        if (table.struct_size as usize) < offset_of!(abi::Operation, get_extension) {
            return Err("is smaller than this header's");
        }
        match (table.create, table.run, table.destroy) {
            (Some(create), Some(run), Some(destroy)) => Ok(Self {
                create,
                run,
                destroy,
            }),
            (None, ..) => Err("has no create()"),
            (_, None, _) => Err("has no run()"),
            (.., None) => Err("has no destroy()"),
        }
    }
}

fn version_advice(major: u16) -> &'static str {
    if major == abi::ABI_MAJOR {
        "update Dropleaf, or build the plugin against an older header"
    } else {
        "build the plugin against this host's header"
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("path", &self.path)
            .field("toolchain", &self.toolchain)
            .finish_non_exhaustive()
    }
}

impl Library {
    /// Loads a plugin: runs its constructors and nothing else of it.
    ///
    /// A file that is overwritten while it is loaded crashes whoever uses it: give a path that nobody writes to.
    ///
    /// # Errors
    /// See [`LoadError`]; it names both versions where they do not fit.
    pub fn load(path: &Path) -> Result<&'static Self, LoadError> {
        check_file(path)?;
        Self::load_known(path)
    }

    /// The same of a file that has been loaded before and is what it was: nothing is looked at that the loader does not look at. Where it
    /// refuses the file, that is made up for, to say why.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn load_known(path: &Path) -> Result<&'static Self, LoadError> {
        // SAFETY: constructors of the library run here, which is what loading a plugin means; the worker that does so
        // has limited and sandboxed itself.
        let handle = unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
            .map_err(|error| {
                let reason = link_reason(&error);
                let path = path.to_path_buf();
                check_file(&path)
                    .err()
                    .unwrap_or(LoadError::Link { path, reason })
            })?;
        // SAFETY: the symbol is data, an entry by its name; its first words are checked before the rest is believed.
        let symbol =
            unsafe { handle.get::<*const abi::Entry>(abi::ENTRY_SYMBOL.to_bytes_with_nul()) };
        let address = symbol.map(|symbol| *symbol).unwrap_or(std::ptr::null());
        // Never closed.
        std::mem::forget(handle);
        // SAFETY: not null, the symbol of a library that stays for the life of the process (O5 of the header).
        let Some(entry) = (unsafe { address.as_ref::<'static>() }) else {
            return Err(LoadError::NoEntry { path: path.into() });
        };
        let refused = |reason| LoadError::Entry {
            path: path.into(),
            reason,
        };
        let manifest = check(entry).map_err(refused)?;
        Ok(Box::leak(Box::new(Self {
            path: path.into(),
            entry,
            manifest,
            toolchain: text(entry.toolchain).unwrap_or(""),
        })))
    }

    /// Where it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its manifest: UTF-8 and JSON, and no more is promised.
    #[must_use]
    pub fn manifest(&self) -> &str {
        self.manifest
    }

    /// What it says it was built with; may be empty.
    #[must_use]
    pub fn toolchain(&self) -> &str {
        self.toolchain
    }

    /// Initialises the plugin, unless that was done before.
    ///
    /// # Errors
    /// [`EntryError::Init`].
    pub fn initialise(&self) -> Result<(), EntryError> {
        prepare(self.entry)
    }

    /// Holds it to its manifest: every operation that it names can be called, and needs nothing that this host has not.
    /// Initialises the plugin.
    ///
    /// # Errors
    /// What does not hold.
    pub fn hold_to_manifest(&self) -> Result<(), EntryError> {
        prepare(self.entry)?;
        // What else is wrong with a manifest is for those to say who know what it means.
        let manifest: Promised = serde_json::from_str(self.manifest).unwrap_or_default();
        for promised in manifest.operations {
            let PromisedOperation { name, needs } = promised;
            match operations(self.entry).find(|(found, _)| *found == name) {
                None => return Err(EntryError::Absent { name }),
                Some((_, Err(reason))) => return Err(EntryError::Uncallable { name, reason }),
                Some((_, Ok(_))) => {}
            }
            if let Some(extension) = needs.into_iter().find(|needed| !host::has(needed)) {
                return Err(EntryError::Needs { name, extension });
            }
        }
        Ok(())
    }

    /// Whether it offers an operation of this name. Initialises the plugin.
    #[must_use]
    pub fn operation(&self, name: &str) -> bool {
        prepare(self.entry).is_ok() && operation(self.entry, name).is_some()
    }

    /// The names of all its operations. Initialises the plugin.
    ///
    /// # Errors
    /// [`EntryError::Init`].
    pub fn operations(&self) -> Result<Vec<String>, EntryError> {
        prepare(self.entry)?;
        Ok(operations(self.entry)
            .filter(|(_, operation)| operation.is_ok())
            .map(|(name, _)| name.to_owned())
            .collect())
    }

    pub(crate) fn entry(&self) -> &'static abi::Entry {
        self.entry
    }
}

/// Refuses what the dynamic linker would read wrongly or not at all: a truncated library is a SIGBUS inside `dlopen`.
fn check_file(path: &Path) -> Result<(), LoadError> {
    use std::io::Read;
    let read = |source| LoadError::Read {
        path: path.into(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    let mut head = Vec::new();
    (&mut file).take(64).read_to_end(&mut head).map_err(read)?;
    let refused = |reason: &str| LoadError::NotALibrary {
        path: path.into(),
        reason: reason.to_owned(),
    };
    if head.is_empty() {
        return Err(refused("it is empty"));
    }
    if !head.starts_with(b"\x7FELF") {
        return Err(refused("it is not an ELF file"));
    }
    if head.len() < 64 {
        return Err(refused("it is cut off"));
    }
    if head[4] != 2 || head[5] != if cfg!(target_endian = "little") { 1 } else { 2 } {
        return Err(refused(
            "it is for a machine of another word size or byte order",
        ));
    }
    let field = |at: usize| u16::from_ne_bytes([head[at], head[at + 1]]);
    let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| head[at + i]));
    if field(16) != 3 {
        return Err(refused("it is an ELF file, but not a shared library"));
    }
    // The section table comes last in what linkers write.
    let sections = word(40).saturating_add(u64::from(field(58)) * u64::from(field(60)));
    let segments = word(32).saturating_add(u64::from(field(54)) * u64::from(field(56)));
    if sections.max(segments) > size {
        return Err(refused("it is cut off"));
    }
    Ok(())
}

fn link_reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Checks an entry, first words first; answers its manifest.
pub(crate) fn check(entry: &'static abi::Entry) -> Result<&'static str, EntryError> {
    if entry.magic != abi::MAGIC {
        return Err(EntryError::Magic { found: entry.magic });
    }
    if entry.abi_major != abi::ABI_MAJOR || entry.abi_minor > abi::ABI_MINOR {
        return Err(EntryError::Version {
            major: entry.abi_major,
            minor: entry.abi_minor,
        });
    }
    let needed = size_of::<abi::Entry>();
    if (entry.struct_size as usize) < needed {
        return Err(EntryError::Size {
            found: entry.struct_size,
            needed,
        });
    }
    if entry.operation.is_none() {
        return Err(EntryError::NoOperations);
    }
    if entry.manifest.is_null() {
        return Err(EntryError::Manifest("is missing".to_owned()));
    }
    let manifest =
        text(entry.manifest).ok_or_else(|| EntryError::Manifest("is not UTF-8".to_owned()))?;
    serde_json::from_str::<serde::de::IgnoredAny>(manifest)
        .map_err(|error| EntryError::Manifest(format!("is not JSON: {error}")))?;
    if !manifest.trim_start().starts_with('{') {
        return Err(EntryError::Manifest("is JSON, but no object".to_owned()));
    }
    Ok(manifest)
}

/// Calls the plugin's `init`, once in a process.
pub(crate) fn prepare(entry: &'static abi::Entry) -> Result<(), EntryError> {
    static PREPARED: Mutex<Option<HashSet<usize>>> = Mutex::new(None);
    let Some(init) = entry.init else {
        return Ok(());
    };
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    let prepared = prepared.get_or_insert_default();
    let address = std::ptr::from_ref(entry) as usize;
    if prepared.contains(&address) {
        return Ok(());
    }
    // SAFETY: the entry was checked; the host table is constant.
    match unsafe { init(host::host()) } {
        abi::OK => {
            prepared.insert(address);
            Ok(())
        }
        status => Err(EntryError::Init(status)),
    }
}

/// The operation called `name`, if it can be called.
pub(crate) fn operation(entry: &'static abi::Entry, name: &str) -> Option<Callable> {
    let found = operations(entry).find(|(found, _)| *found == name);
    found?.1.ok()
}

/// The operations by name, up to the first NULL, each with what can be called or why it cannot.
fn operations(
    entry: &'static abi::Entry,
) -> impl Iterator<Item = (&'static str, Result<Callable, &'static str>)> {
    (0..MAX_OPERATIONS)
        // SAFETY: the entry was checked; an answer is NULL or constant (O5 of the header).
        .map_while(move |index| unsafe { (entry.operation?)(index).as_ref::<'static>() })
        .filter_map(|table| Some((text(table.name)?, Callable::of(table))))
}

/// A constant text of a plugin.
fn text(pointer: *const std::ffi::c_char) -> Option<&'static str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: constant and NUL-terminated (O5 of the header).
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}
