//! The libraries of an attempt, each loaded once and only from the store.

use crate::plugin::manifest::{Manifest, Operation};
use crate::plugin::parameters::Schema;
use crate::problem::{Code, Problem};
use dropleaf_plugin_host::{Library, LoadError};
use rustix::fs::{Mode, OFlags};
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Loads libraries.
#[derive(Debug)]
pub(crate) struct Libraries {
    store: PathBuf,
    /// The store's folder, where this worker began; a plugin may have gone elsewhere since.
    home: std::io::Result<OwnedFd>,
    loaded: RefCell<HashMap<PathBuf, &'static Library>>,
}

impl Libraries {
    pub(crate) fn of(store: &Path) -> Self {
        Self {
            store: store.to_path_buf(),
            home: opened_here(),
            loaded: RefCell::default(),
        }
    }

    /// The library at this path of the store, of which nobody knows yet whether it is one.
    pub(crate) fn try_out(&self, path: &str) -> Result<&'static Library, Problem> {
        self.load_by(Library::load, path)
    }

    /// The library at this path of the store, which has been tried out.
    pub(crate) fn load(&self, path: &str) -> Result<&'static Library, Problem> {
        self.load_by(Library::load_known, path)
    }

    /// The working directory becomes the store, and the name is taken from there: the folders above may be closed to the user
    /// that this worker has become. So each step begins there, wherever the one before it went.
    fn load_by(
        &self,
        load: fn(&Path) -> Result<&'static Library, LoadError>,
        path: &str,
    ) -> Result<&'static Library, Problem> {
        let broken = |why: String| Problem::new(Code::PluginBroken, why);
        let path = Path::new(path);
        let name = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name))
                if folder.to_string_lossy() == self.store.to_string_lossy() =>
            {
                Path::new(".").join(name)
            }
            _ => {
                let text = format!("`{}` is not in the plugin store", path.display());
                return Err(broken(text));
            }
        };
        self.go_home().map_err(|error| {
            let text = format!("this worker cannot get back to the plugin store: {error}");
            Problem::new(Code::WorkerFailed, text)
                .hint("a plugin of an earlier step has closed descriptors that are not its own")
        })?;
        if let Some(library) = self.loaded.borrow().get(&name) {
            return Ok(library);
        }
        let library = load(&name).map_err(|error| broken(error.reason()))?;
        self.loaded.borrow_mut().insert(name, library);
        Ok(library)
    }

    fn go_home(&self) -> std::io::Result<()> {
        match &self.home {
            Ok(home) => Ok(rustix::process::fchdir(home)?),
            Err(error) => Err(error.kind().into()),
        }
    }
}

fn opened_here() -> std::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(".", flags, Mode::empty())?)
}

/// What templates made of a step's parameters, each value in the type that its place wants.
pub(crate) fn fitted(
    library: &Library,
    operation: &str,
    written: &serde_json::Value,
    rendered: serde_json::Value,
) -> Result<serde_json::Value, String> {
    let schema = manifest_schema(library, operation)?;
    let parameters = schema.fit(written, rendered);
    let objections = schema.objections(&format!("`{operation}`"), &parameters);
    if objections.is_empty() {
        return Ok(parameters);
    }
    let texts = objections
        .into_iter()
        .map(|objection| match objection.pointer.as_str() {
            "" => objection.message,
            pointer => format!(
                "`{}`: {}",
                pointer.trim_start_matches('/').replace('/', "."),
                objection.message
            ),
        });
    Err(texts.collect::<Vec<_>>().join("; "))
}

fn manifest_schema(library: &Library, operation: &str) -> Result<Schema, String> {
    let manifest: Manifest = serde_json::from_str(library.manifest())
        .map_err(|error| format!("the plugin's manifest cannot be read: {error}"))?;
    let found: Option<&Operation> = manifest
        .operations
        .iter()
        .find(|known| known.name == operation);
    let found = found.ok_or_else(|| format!("the plugin does not offer `{operation}`"))?;
    Schema::of_parameters(&found.parameters)
}
