//! Renames that replace nothing, on file systems that can do that in one step and on those that cannot.

use crate::durable::spot::Place;
use crate::durable::{self, Error, failpoint};
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::io;

/// As [`durable::rename_noreplace`], with how the old name goes where it takes two steps: others may have put another file under it in
/// between.
///
/// # Errors
/// As there.
pub fn rename_and<'a>(
    from: impl Into<Place<'a>>,
    to: impl Into<Place<'a>>,
    unlink: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let (from, to) = (from.into(), to.into());
    let failed = |source: io::Error| Error::between("rename", from.path, to.path, source);
    failpoint::step()
        .and_then(|()| failpoint::device(from.path, to.path))
        .and_then(|()| failpoint::name(to.path))
        .map_err(failed)?;
    let (here, there) = (from.folder, to.folder);
    let renamed = match failpoint::noreplace() {
        Ok(()) => {
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(here, from.name, there, to.name, flags)
        }
        Err(unsupported) => Err(unsupported),
    };
    match renamed {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_and_unlink(from, to, unlink),
        Err(errno) => Err(failed(errno.into())),
    }
}

fn link_and_unlink(
    from: Place<'_>,
    to: Place<'_>,
    unlink: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let (here, there) = (from.folder, to.folder);
    match rustix::fs::linkat(here, from.name, there, to.name, AtFlags::empty()) {
        Ok(()) => unlink(),
        // A file system without hard links. Two daemons cannot meet here (a lock allows one), so only a stranger who takes
        // the name between the two calls could lose his file.
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => {
            if to.stat()?.is_some() {
                return Err(Error::between("rename", from.path, to.path, Errno::EXIST));
            }
            durable::rename(from, to)
        }
        Err(errno) => Err(Error::between("link", from.path, to.path, errno)),
    }
}
