//! Our own folders inside folders of others: what lies in them is believed to be ours, so nobody else may be able to put it there.
//!
//! Where a folder may be written by everybody, anybody can take our folder in it away and put another one, or a link, in its place.
//! So it is looked at before each use: it and those in it are real folders, belong to us, and are written by nobody else. Whose our
//! own files are is not always our user: a network server or a FUSE mount may say that all is somebody else's; a trial tells.

use crate::durable::{Error, folder_of, probe};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, StatxFlags};
use rustix::io::Errno;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The folders in it that files lie in.
const BELOW: [&str; 4] = ["claimed", "uploads", "staged", "failed"];
/// Who may write besides the owner.
const OTHERS: u32 = 0o022;
/// Whose the files are that we make, by device, where that is not our user.
static MADE: Mutex<Option<HashMap<u64, u32>>> = Mutex::new(None);

/// Folders of ours that were looked at with all that is in them: while they are written by nobody else, nobody can have changed what
/// is in them.
static KNOWN: Mutex<BTreeSet<Which>> = Mutex::new(BTreeSet::new());
/// A folder: device, number, and since when it has that number.
type Which = (u32, u32, u64, i64, u32);

/// Whether our folder in another one, and those in it, may be used, as far as they are there. One that is ours but may be written by
/// others is put right. Blocking; a single look where nothing has changed.
///
/// # Errors
/// It is not ours alone; the words say what was found and what to do.
pub fn require(ours: &Path) -> Result<(), Error> {
    if is_known(ours) {
        return Ok(());
    }
    let outer = folder_of(ours);
    let name = ours.file_name().unwrap_or_default().to_string_lossy();
    let refused = |error| Error::at("use", &outer, error);
    let Some(folder) = open(CWD, ours, &name).map_err(refused)? else {
        return Ok(());
    };
    check(&folder, &name, &outer).map_err(refused)?;
    for below in BELOW {
        let name = format!("{name}/{below}");
        if let Some(folder) = open(&folder, Path::new(below), &name).map_err(refused)? {
            check(&folder, &name, &outer).map_err(refused)?;
        }
    }
    if let Some(which) = private(ours) {
        known().insert(which);
    }
    Ok(())
}

fn is_known(ours: &Path) -> bool {
    private(ours).is_some_and(|which| known().contains(&which))
}

/// Which folder it is, if it is one of our user's that nobody else can write.
fn private(ours: &Path) -> Option<Which> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let found = rustix::fs::statx(CWD, ours, AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
    let is_folder = FileType::from_raw_mode(found.stx_mode.into()) == FileType::Directory;
    let is_ours = found.stx_uid == rustix::process::geteuid().as_raw();
    let is_private = u32::from(found.stx_mode) & OTHERS == 0;
    // Without the time another folder could have its number later.
    let is_told = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    (is_folder && is_ours && is_private && is_told).then_some((
        found.stx_dev_major,
        found.stx_dev_minor,
        found.stx_ino,
        found.stx_btime.tv_sec,
        found.stx_btime.tv_nsec,
    ))
}

fn known() -> MutexGuard<'static, BTreeSet<Which>> {
    // Each change is one insertion: a panic elsewhere leaves the set whole.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(above: impl AsFd, path: &Path, name: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&above, path, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => match rustix::fs::statat(&above, path, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Ok(found) if !is_folder(&found) => Err(strange(name, kind(&found))),
            Ok(found) if errno == Errno::ACCESS => Err(strange(name, &owner(&found))),
            _ => Err(errno.into()),
        },
    }
}

fn check(folder: &OwnedFd, name: &str, outer: &Path) -> io::Result<()> {
    let found = rustix::fs::fstat(folder)?;
    let us = rustix::process::geteuid().as_raw();
    let is_ours = found.st_uid == us || made_by_us(outer, &found) == Some(found.st_uid);
    if !is_ours && found.st_uid != 0 {
        return Err(strange(name, &owner(&found)));
    }
    if found.st_mode & OTHERS == 0 {
        return Ok(());
    }
    if !is_ours {
        return Err(strange(name, &owner(&found)));
    }
    let private = Mode::from_raw_mode(found.st_mode & 0o700);
    let changed = rustix::fs::fchmod(folder, private);
    let is_private = rustix::fs::fstat(folder)?.st_mode & OTHERS == 0;
    if is_private {
        tracing::warn!(folder = %outer.join(name).display(), mode = format!("{:04o}", found.st_mode & 0o7777), "others could write into a folder of ours; they cannot any more");
    } else {
        // Whoever mounted it says who may write.
        tracing::debug!(folder = %outer.join(name).display(), ?changed, "a file system keeps no modes");
    }
    Ok(())
}

/// Whose a file is that we make there.
fn made_by_us(outer: &Path, like: &Stat) -> Option<u32> {
    let known = |made: &HashMap<u64, u32>| made.get(&like.st_dev).copied();
    // Each change is one insertion: a panic elsewhere leaves the map whole.
    let lock = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(owner) = lock().as_ref().and_then(known) {
        return Some(owner);
    }
    let owner = probe::owner_of_new(outer).ok()?;
    lock().get_or_insert_default().insert(like.st_dev, owner);
    Some(owner)
}

/// Takes away the bits that let a program run as its owner or its group: what is kept is kept as a document.
///
/// # Errors
/// It is another user's file, or the file system does not keep modes.
pub fn drop_special_bits(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.mode();
    if mode & 0o7000 == 0 {
        return Ok(());
    }
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777))?)
}

fn is_folder(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Directory
}

fn kind(found: &Stat) -> &'static str {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => "is a symbolic link",
        _ => "is no folder",
    }
}

fn owner(found: &Stat) -> String {
    format!(
        "belongs to uid {} with mode {:04o}",
        found.st_uid,
        found.st_mode & 0o7777
    )
}

fn strange(name: &str, what: &str) -> io::Error {
    io::Error::other(format!(
        "`{name}` in it {what}; what lies there is used only where it is a folder of {} that nobody else can write: look who put it \
         there and move it away, or give it to that user with mode 0700",
        probe::who_we_are()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::chain;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn a_folder_of_ours_that_others_could_write_is_put_right() {
        let home = tempfile::tempdir().expect("a temp folder");
        let ours = home.path().join(".dropleaf");
        require(&ours).expect("what is not there yet is nobody's");
        let claimed = ours.join("claimed");
        fs::create_dir_all(&claimed).expect("made");
        for folder in [&ours, &claimed] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("ours");
        }
        require(&ours).expect("ours");
        assert_eq!((mode(&ours), mode(&claimed)), (0o700, 0o700));
    }

    #[test]
    fn a_link_in_place_of_a_folder_of_ours_is_refused() {
        let home = tempfile::tempdir().expect("a temp folder");
        let elsewhere = tempfile::tempdir().expect("a temp folder");
        let ours = home.path().join(".dropleaf");
        symlink(elsewhere.path(), &ours).expect("made");
        let told = chain(&require(&ours).expect_err("a link"));
        assert!(
            told.contains("`.dropleaf` in it is a symbolic link"),
            "{told}"
        );
        fs::remove_file(&ours).expect("removable");
        fs::create_dir(&ours).expect("made");
        symlink(elsewhere.path(), ours.join("claimed")).expect("made");
        let told = chain(&require(&ours).expect_err("a link"));
        assert!(
            told.contains("`.dropleaf/claimed` in it is a symbolic"),
            "{told}"
        );
        fs::remove_file(ours.join("claimed")).expect("removable");
        fs::write(ours.join("staged"), "x").expect("made");
        let told = chain(&require(&ours).expect_err("a file"));
        assert!(
            told.contains("`.dropleaf/staged` in it is no folder"),
            "{told}"
        );
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let home = tempfile::tempdir().expect("a temp folder");
        let ours = home.path().join(".dropleaf");
        fs::create_dir(&ours).expect("made");
        if std::os::unix::fs::chown(&ours, Some(4711), None).is_err() {
            // Only root can give a folder away.
            return;
        }
        let told = chain(&require(&ours).expect_err("another user's"));
        assert!(told.contains("belongs to uid 4711"), "{told}");
        assert!(told.contains("move it away"), "{told}");
        assert_eq!(fs::read_dir(home.path()).expect("there").count(), 1);
    }
}
