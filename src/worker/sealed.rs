//! A file in memory that nobody can change any more: how documents and artifacts leave a worker.

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::io;

/// An empty one, to be written.
pub(crate) fn create() -> io::Result<File> {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
    Ok(memfd_create("dropleaf-result", flags)?.into())
}

/// Closes it for changes, for everybody and for ever.
pub(crate) fn seal(file: &File) -> io::Result<()> {
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    Ok(fcntl_add_seals(file, seals)?)
}
