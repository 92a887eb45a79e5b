//! Scratch folders: one for each worker whose plugins may have one, empty at first, and not larger than allowed.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Files and folders that one may hold.
pub(crate) const MOST_FILES: u64 = 10_000;

/// An empty folder that only the worker in this slot may use; `None` where the pool has no place for such.
pub(crate) fn prepare(
    parent: Option<&Path>,
    slot: u32,
    user: Option<u32>,
) -> io::Result<Option<PathBuf>> {
    let Some(parent) = parent else {
        return Ok(None);
    };
    let path = parent.join(format!("worker-{slot}"));
    empty(&path)?;
    if let Some(user) = user
        && fs::metadata(&path)?.uid() != user
    {
        std::os::unix::fs::chown(&path, Some(user), Some(user))?;
    }
    Ok(Some(path))
}

fn empty(path: &Path) -> io::Result<()> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => return Ok(()),
        Ok(false) => fs::remove_dir_all(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// What a folder holds, in words, where that is more than `most` bytes or too many files.
pub(crate) fn used(folder: &Path, most: u64) -> Option<String> {
    let (mut bytes, mut files) = (0, 0);
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        // What vanishes meanwhile takes no room.
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(data) = entry.metadata() else {
                continue;
            };
            files += 1;
            bytes += data.blocks() * 512;
            if bytes > most || files > MOST_FILES {
                return Some(format!("{} MiB in {files} files", bytes >> 20));
            }
            if data.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_said() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = prepare(Some(parent.path()), 3, None)?.expect("there is a place");
        fs::create_dir(folder.join("below"))?;
        fs::write(folder.join("below/a"), vec![1; 3 << 20])?;
        assert_eq!(used(&folder, 8 << 20), None);
        assert!(used(&folder, 1 << 20).expect("too much").contains("files"));
        let again = prepare(Some(parent.path()), 3, None)?.expect("there is a place");
        assert!(fs::read_dir(again)?.next().is_none());
        Ok(())
    }
}
