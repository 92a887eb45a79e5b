//! One look at a path: what is there, without following links.

use crate::job::event::Identity;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing.
    Missing,
    /// A regular file.
    File(Identity),
    /// A folder.
    Folder,
    /// Something that is never taken: what it is.
    Refused(&'static str),
}

/// Looks at a path.
///
/// # Errors
/// The file system did not answer (no permission on the way, network): nothing is known.
pub(crate) fn at(path: &Path) -> io::Result<Look> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(of(&found)),
        Err(error) if is_missing(&error) => Ok(Look::Missing),
        Err(error) => Err(error),
    }
}

/// Whether an error says that there is nothing.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What this is.
pub(crate) fn of(found: &Metadata) -> Look {
    let kind = found.file_type();
    if kind.is_file() {
        Look::File(Identity::of(found))
    } else if kind.is_dir() {
        Look::Folder
    } else if kind.is_symlink() {
        Look::Refused("a symbolic link (links are not followed; put the file itself here)")
    } else if kind.is_fifo() {
        Look::Refused("a named pipe, not a file")
    } else if kind.is_socket() {
        Look::Refused("a socket, not a file")
    } else {
        Look::Refused("a device, not a file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_files() {
        let temp = tempfile::tempdir().expect("a temp folder");
        let (file, link) = (temp.path().join("file"), temp.path().join("link"));
        std::fs::write(&file, b"abc").expect("writable");
        std::os::unix::fs::symlink(&file, &link).expect("links are possible");
        let socket = temp.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bindable");
        assert!(matches!(at(&file), Ok(Look::File(identity)) if identity.size == 3));
        assert!(matches!(at(&link), Ok(Look::Refused(what)) if what.contains("symbolic link")));
        assert!(matches!(at(&socket), Ok(Look::Refused(what)) if what.contains("socket")));
        assert!(matches!(at(temp.path()), Ok(Look::Folder)));
        assert!(matches!(at(&temp.path().join("gone")), Ok(Look::Missing)));
        assert!(matches!(at(&file.join("below")), Ok(Look::Missing)));
    }
}
