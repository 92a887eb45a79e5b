//! One look at a path: what is there, without following links.

use crate::durable::beneath::Links;
use crate::durable::spot::Spot;
use crate::durable::{self, Kind};
use crate::job::event::Identity;
use rustix::fs::{FileType, Stat};
use std::io;
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

/// Looks at a path in a watched folder or below it. Behind a link there is nothing: whoever may write there could let it lead
/// anywhere.
///
/// # Errors
/// The file system did not answer (no permission on the way, network): nothing is known.
pub(crate) fn at(root: &Path, path: &Path) -> io::Result<Look> {
    let found = match Spot::beneath(root, path, Links::Refused) {
        Ok(Some(spot)) => spot.stat(),
        Ok(None) => Ok(None),
        Err(error) if error.kind() == Kind::Link => Ok(None),
        Err(error) => Err(error),
    };
    match found.map_err(durable::Error::into_io)? {
        Some(found) => Ok(of(&found)),
        None => Ok(Look::Missing),
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
pub(crate) fn of(found: &Stat) -> Look {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Look::File(Identity::of_stat(found)),
        FileType::Directory => Look::Folder,
        FileType::Symlink => {
            Look::Refused("a symbolic link (links are not followed; put the file itself here)")
        }
        FileType::Fifo => Look::Refused("a named pipe, not a file"),
        FileType::Socket => Look::Refused("a socket, not a file"),
        _ => Look::Refused("a device, not a file"),
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
        let root = temp.path();
        let at = |path: &Path| super::at(root, path);
        assert!(matches!(at(&file), Ok(Look::File(identity)) if identity.size == 3));
        assert!(matches!(at(&link), Ok(Look::Refused(what)) if what.contains("symbolic link")));
        assert!(matches!(at(&socket), Ok(Look::Refused(what)) if what.contains("socket")));
        assert!(matches!(at(root), Ok(Look::Folder)));
        assert!(matches!(at(&temp.path().join("gone")), Ok(Look::Missing)));
        assert!(matches!(at(&file.join("below")), Ok(Look::Missing)));
        let (folder, through) = (root.join("folder"), root.join("through"));
        std::fs::create_dir(&folder).expect("makeable");
        std::fs::write(folder.join("file"), b"abc").expect("writable");
        std::os::unix::fs::symlink(&folder, &through).expect("links are possible");
        assert!(matches!(at(&folder.join("file")), Ok(Look::File(_))));
        assert!(matches!(at(&through.join("file")), Ok(Look::Missing)));
    }
}
