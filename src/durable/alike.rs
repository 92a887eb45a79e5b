//! Putting a text in place of a file that people may have made, too.

use crate::durable::{self, Error, put_in_place};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::Path;

/// As [`durable::replace`], but who could read and write the file still can, and nobody else. It stays its owner's where this
/// process may say so.
///
/// # Errors
/// As [`durable::replace`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let Ok(known) = std::fs::metadata(path) else {
        return durable::replace(path, bytes);
    };
    put_in_place(path, bytes, 0o600, |temp| {
        // An ordinary user may give nothing away but to a group of his; then it is his, as before.
        let (user, group) = (Some(known.uid()), Some(known.gid()));
        let is_given = lchown(temp, user, group).or_else(|_| lchown(temp, None, group));
        // What the old group might do is not another group's to do.
        let mode = if is_given.is_ok() { 0o777 } else { 0o707 };
        let mode = Permissions::from_mode(known.mode() & mode);
        std::fs::set_permissions(temp, mode)
            .map_err(|source| Error::at("set the mode of", temp, source))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_mode() {
        let temp = tempfile::tempdir().expect("a temp folder");
        let file = temp.path().join("p.yaml");
        for mode in [0o600, 0o640, 0o664] {
            std::fs::write(&file, "old").expect("writable");
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).expect("set");
            replace(&file, b"new").expect("replaced");
            let found = std::fs::metadata(&file).expect("there").mode() & 0o777;
            let text = std::fs::read(&file).expect("there");
            assert_eq!((found, text.as_slice()), (mode, &b"new"[..]));
            let left = std::fs::read_dir(temp.path()).expect("readable").count();
            assert_eq!(left, 1, "no temp");
        }
    }
}
