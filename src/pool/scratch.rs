//! Scratch folders: one for each worker whose plugins may have one, empty at first, and not larger than allowed.

use crate::durable;
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(false) | Err(_) => discard(path)?,
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// What the last worker left must not keep the next from starting, whatever its plugin did to it.
fn discard(path: &Path) -> io::Result<()> {
    // Root needs no permission, and must not follow what a plugin put in a folder's place.
    if !rustix::process::geteuid().is_root() {
        open_up(path);
    }
    let Err(error) = fs::remove_dir_all(path) else {
        return Ok(());
    };
    let aside = path.with_extension(ulid::Ulid::generate().to_string());
    durable::rename(path, &aside).map_err(io::Error::other)?;
    tracing::warn!(folder = %aside.display(), %error, "a scratch folder cannot be emptied and lies aside; remove it by hand");
    Ok(())
}

/// Lets us into folders that were made without permissions for anybody. What does not work shows when they are removed.
fn open_up(folder: &Path) {
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        // Where there is none any more, there is nothing to open.
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(folders.map(|entry| entry.path()));
    }
}

/// What a folder holds, in words, where that is more than `most` bytes or too many files, or nobody can tell.
pub(crate) fn used(folder: &Path, most: u64) -> Option<String> {
    let (mut bytes, mut files) = (0, 0);
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // What vanishes meanwhile takes no room.
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Some(format!("a folder that cannot be looked into ({error})")),
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

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
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
        fs::set_permissions(folder.join("below"), fs::Permissions::from_mode(0o300))?;
        if fs::read_dir(folder.join("below")).is_err() {
            assert!(
                used(&folder, u64::MAX)
                    .expect("nobody can tell")
                    .contains("cannot")
            );
        }
        let again = prepare(Some(parent.path()), 3, None)?.expect("there is a place");
        assert!(fs::read_dir(again)?.next().is_none());
        Ok(())
    }
}
