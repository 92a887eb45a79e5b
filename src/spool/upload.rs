//! Files that come over HTTP: written into our own folder of the inbox, then claimed from there like any other.

use crate::durable;
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::spool::{PRIVATE, Spool, upload_path, uploads_folder};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An upload on its way in. Dropping it before [`Upload::finish`] removes what was written.
#[derive(Debug)]
pub struct Upload {
    path: PathBuf,
    file: File,
    finished: bool,
}

impl Spool {
    /// Begins an upload.
    ///
    /// # Errors
    /// The inbox is not there or cannot be written.
    pub fn begin_upload(&self, inbox: &Path, job: JobId) -> Result<Upload, durable::Error> {
        if !inbox.is_dir() {
            return Err(durable::Error::at(
                "open the inbox",
                inbox,
                io::ErrorKind::NotFound,
            ));
        }
        durable::make_folders(&uploads_folder(inbox), PRIVATE)?;
        let path = upload_path(inbox, job);
        let file = durable::create_new(&path)?;
        Ok(Upload {
            path,
            file,
            finished: false,
        })
    }
}

impl Upload {
    /// Where it lies: the `from` of its claim.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it durable. The file stays; claiming takes it.
    ///
    /// # Errors
    /// The disk's; nothing is left.
    pub fn finish(mut self) -> Result<Identity, durable::Error> {
        let failed = |source| durable::Error::at("finish the upload", &self.path, source);
        durable::sync_file(&self.file).map_err(failed)?;
        let found = self.file.metadata().map_err(failed)?;
        durable::sync::parent(&self.path)?;
        self.finished = true;
        Ok(Identity::of(&found))
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = durable::remove(&self.path)
        {
            tracing::warn!(%error, "failed to remove an upload that was broken off");
        }
    }
}
