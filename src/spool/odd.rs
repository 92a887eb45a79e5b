//! Names that not every file system takes: FAT, exFAT and NTFS refuse some characters, eCryptfs and others what is long.
//!
//! A move to such a name would fail for ever, so it is found out before the point of no return. Nearly all names are plain and
//! nearly all file systems take whatever Unix allows: only for the rest an empty file of such a name is made and removed.

use crate::durable::{self, Kind, failpoint, probe};
use crate::spool::name;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// What FAT, exFAT and NTFS refuse, control characters apart.
const ODD: &[u8] = b"\"*:<>?\\|";

/// Names of so many bytes are short enough for every file system (eCryptfs takes 143).
const SHORT: usize = 143;

/// What a refused name is shortened to: a number and an ending still fit.
const SHORTENED: usize = 120;

/// File systems that take every name of 255 bytes, by the magic numbers of statfs(2): ext, XFS, Btrfs, tmpfs, F2FS, ZFS, overlayfs.
const USUAL: [u64; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0x794c_7630,
];

/// How the names of our tries begin, as those of all our temps do.
const PREFIX: &[u8] = b".dropleaf-";

/// Whether every file system takes each part of this path, `room` more bytes included.
#[must_use]
pub fn is_plain(relative: &Path, room: usize) -> bool {
    relative.iter().all(|part| is_plain_name(part, room))
}

fn is_plain_name(name: &OsStr, room: usize) -> bool {
    name.len() + room <= SHORT
        && name.to_str().is_some()
        && !name.as_bytes().iter().any(|byte| is_odd(*byte))
}

fn is_odd(byte: u8) -> bool {
    byte.is_ascii_control() || ODD.contains(&byte)
}

/// The first part of a path below this folder that the file system there does not take. Blocking.
#[must_use]
pub(super) fn refused<'a>(folder: &Path, relative: &'a Path, room: usize) -> Option<&'a OsStr> {
    relative.iter().find(|part| !takes(folder, part, room))
}

/// The path below this folder that the file system there takes in place of this one: what it refuses becomes `_`, what is too long is
/// shortened. Blocking.
#[must_use]
pub fn taken(folder: &Path, relative: &Path, room: usize) -> PathBuf {
    let part = |part: &OsStr| {
        if takes(folder, part, room) {
            return part.to_os_string();
        }
        let clean = cleaned(part);
        if takes(folder, &clean, room) {
            clean
        } else {
            name::shortened(&clean, SHORTENED.saturating_sub(room))
        }
    };
    relative.iter().map(part).collect()
}

fn cleaned(name: &OsStr) -> OsString {
    let odd = |c: char| c == char::REPLACEMENT_CHARACTER || u8::try_from(c).is_ok_and(is_odd);
    let text = name.to_string_lossy();
    text.chars()
        .map(|c| if odd(c) { '_' } else { c })
        .collect::<String>()
        .into()
}

/// Whether the file system takes this name. Where that cannot be found out, it does: the move tells.
fn takes(folder: &Path, name: &OsStr, room: usize) -> bool {
    if is_plain_name(name, room) {
        return true;
    }
    let Some(there) = folder.ancestors().find(|above| above.is_dir()) else {
        return true;
    };
    if is_usual(there) {
        return true;
    }
    let path = there.join(like(name, room));
    match durable::create_new(&path) {
        Err(error) if error.kind() != Kind::Exists => probe::folder(there).is_err(),
        // One of that name may be another job's try, or left by a crash.
        _ => {
            if let Err(error) = durable::remove(&path) {
                tracing::warn!(error = %crate::problem::chain(&error), "an empty file stays that was made to try a name");
            }
            true
        }
    }
}

fn is_usual(folder: &Path) -> bool {
    let found = rustix::fs::statfs(folder);
    !failpoint::is_picky()
        && found
            .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| USUAL.contains(&kind)))
}

/// A name of ours that is as long as this one and as odd.
fn like(name: &OsStr, room: usize) -> OsString {
    let is_text = name.to_str().is_some();
    let keeps = |byte: &u8| is_odd(*byte) || (!is_text && !byte.is_ascii());
    let odd = name.as_bytes().iter().copied().filter(keeps).take(SHORT);
    let mut like: Vec<u8> = PREFIX.iter().copied().chain(odd).collect();
    like.resize(like.len().max(name.len() + room), b'x');
    OsString::from_vec(like)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::failpoint::on::picky;

    #[test]
    fn a_name_that_is_refused_gets_one_that_is_not() {
        let home = tempfile::tempdir().expect("a temp folder");
        let long = "ä".repeat(100) + ".pdf";
        for (wanted, expected) in [
            ("a.pdf", "a.pdf"),
            ("Ä (1), b & c.pdf", "Ä (1), b & c.pdf"),
            ("a:b.pdf", "a_b.pdf"),
            ("so? what*/star*.pdf", "so_ what_/star_.pdf"),
            (&long, &("ä".repeat(58) + ".pdf")),
        ] {
            let relative = Path::new(wanted);
            assert_eq!(taken(home.path(), relative, 0), relative, "{wanted}");
            let taken = picky(|| taken(home.path(), relative, 0));
            assert_eq!(taken, Path::new(expected));
            let refused = picky(|| refused(home.path(), relative, 0));
            assert_eq!(refused.is_some(), wanted != expected, "{wanted}");
            assert_eq!(refused_at(home.path(), &taken), None);
        }
        let odd = Path::new(OsStr::from_bytes(b"a\xff.pdf"));
        let found = picky(|| taken(home.path(), odd, 0));
        assert_eq!(found, Path::new("a_.pdf"));
        let left = std::fs::read_dir(home.path()).expect("readable").count();
        assert_eq!(left, 0, "tries leave nothing");
    }

    fn refused_at(folder: &Path, relative: &Path) -> Option<OsString> {
        picky(|| refused(folder, relative, 0).map(OsStr::to_os_string))
    }

    #[test]
    fn a_folder_that_cannot_be_used_refuses_no_name() {
        let home = tempfile::tempdir().expect("a temp folder");
        let folder = home.path().join("not/there/yet");
        assert!(refused_at(&folder, Path::new("a:b.pdf")).is_some());
        assert_eq!(
            refused_at(Path::new("/proc/self"), Path::new("a:b.pdf")),
            None
        );
    }
}
