//! Files on disk that are being received.

use std::fs::File;
use std::path::{Path, PathBuf};

/// A file on disk that is being received; it is removed when dropped, unless [`Slot::keep`] said otherwise.
#[derive(Debug)]
pub struct Slot {
    file: Option<File>,
    path: PathBuf,
}

impl Slot {
    /// The file at `path`, open for reading and writing.
    #[must_use]
    pub fn new(path: PathBuf, file: File) -> Self {
        Self {
            file: Some(file),
            path,
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    ///
    /// # Errors
    /// The descriptor could not be duplicated.
    pub fn file(&self) -> std::io::Result<File> {
        self.file
            .as_ref()
            .expect("only `keep` takes it")
            .try_clone()
    }

    /// The file now belongs to the caller.
    #[must_use]
    pub fn keep(mut self) -> (PathBuf, File) {
        let file = self.file.take().expect("only `keep` takes it");
        (std::mem::take(&mut self.path), file)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else {
            return;
        };
        let path = std::mem::take(&mut self.path);
        let remove = move || {
            drop(file);
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "an unfinished upload was left behind");
            }
        };
        // Its folder may not answer; outside of a runtime whoever drops it may block.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => _ = runtime.spawn_blocking(remove),
            Err(_) => remove(),
        }
    }
}
