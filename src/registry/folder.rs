//! What lies in the plugin folders, and whether it has settled.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Who a file is: any change of it changes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    size: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When its content was last written: of two files with one plugin, the newer counts.
    pub(crate) fn modified_ns(&self) -> i128 {
        self.modified_ns
    }

    /// Whether its last change is longer ago than `rest`, by the wall clock. A change that is still to come was made by another
    /// clock, or before this one was set back.
    fn rests(&self, rest: Duration) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0));
        let newest = self.modified_ns.max(self.changed_ns);
        (now - newest).abs() > i128::try_from(rest.as_nanos()).unwrap_or(i128::MAX)
    }
}

/// Everything found in one look.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Libraries, or why a file is none that may be used.
    pub(crate) files: BTreeMap<PathBuf, Result<Stamp, String>>,
    /// Folders that may not be used.
    pub(crate) refused: Vec<(PathBuf, String)>,
}

/// Looks into the folders. One that is not there has no plugins, which is told: its name may be wrong.
pub(crate) fn look(folders: &[PathBuf], trust_writable: bool) -> Look {
    let mut found = Look::default();
    for folder in folders {
        match list(folder, trust_writable) {
            Ok(files) => found.files.extend(files),
            Err(reason) => found.refused.push((folder.clone(), reason)),
        }
    }
    found
}

type Listed = Vec<(PathBuf, Result<Stamp, String>)>;

fn list(folder: &Path, trust_writable: bool) -> Result<Listed, String> {
    let metadata = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder of plugins".to_owned(),
        _ => unreadable(folder, &error),
    })?;
    if !trust_writable {
        others_cannot_write(folder, &metadata)?;
    }
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    Ok(paths
        .filter(|path| is_library_name(path))
        .map(|path| {
            let stamp = stamp(&path, trust_writable);
            (path, stamp)
        })
        .collect())
}

fn stamp(path: &Path, trust_writable: bool) -> Result<Stamp, String> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if !trust_writable {
        others_cannot_write(path, &metadata)?;
    }
    Ok(Stamp::of(&metadata))
}

/// Whoever can write a plugin runs code as the worker. A group of our own is not others: many systems give each user one.
fn others_cannot_write(path: &Path, metadata: &Metadata) -> Result<(), String> {
    let mode = metadata.mode() & 0o7777;
    let group_is_ours = [0, rustix::process::getegid().as_raw()].contains(&metadata.gid());
    let others = mode & 0o002 != 0 || (mode & 0o020 != 0 && !group_is_ours);
    let owner_is_ours = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    match (others, owner_is_ours) {
        (false, true) => Ok(()),
        (true, _) => Err(format!(
            "`{}` can be written by others (mode {mode:04o}); run `chmod go-w` on it",
            path.display()
        )),
        (false, false) => Err(format!(
            "`{}` belongs to another user (uid {}); give it to root or to the daemon's user",
            path.display(),
            metadata.uid()
        )),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("`{}` cannot be read: {error}", path.display())
}

fn is_library_name(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    name.ends_with(std::env::consts::DLL_SUFFIX) && !name.starts_with(['.', '~'])
}

/// Whether a file looks like a shared library of this machine, before anything loads it.
pub(crate) fn check_header(mut file: &File) -> Result<(), String> {
    let mut header = [0; 20];
    file.read_exact(&mut header)
        .map_err(|_| "it is too short to be a shared library".to_owned())?;
    if cfg!(target_os = "linux") {
        if header[..4] != *b"\x7fELF" {
            return Err("it is no shared library (no ELF header)".to_owned());
        }
        let class = if cfg!(target_pointer_width = "64") {
            2
        } else {
            1
        };
        // e_type 3 is a shared object; the byte order is the machine's.
        if header[4] != class || u16::from_ne_bytes([header[16], header[17]]) != 3 {
            return Err("it is no shared library for this machine".to_owned());
        }
    }
    Ok(())
}

/// Remembers since when each file has been as it is.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    since: BTreeMap<PathBuf, (Stamp, Instant)>,
}

impl Settling {
    /// Whether `path` has been as it is for `rest`; otherwise when to look again.
    pub(crate) fn has_settled(
        &mut self,
        path: &Path,
        stamp: Stamp,
        now: Instant,
        rest: Duration,
    ) -> Result<(), Instant> {
        let entry = self.since.entry(path.to_path_buf()).or_insert((stamp, now));
        if entry.0 != stamp {
            *entry = (stamp, now);
        }
        let due = entry.1 + rest;
        if now >= due || stamp.rests(rest * 2) {
            self.since.remove(path);
            return Ok(());
        }
        Err(due)
    }

    /// Forgets files that are gone.
    pub(crate) fn keep_only(&mut self, exists: impl Fn(&Path) -> bool) {
        self.since.retain(|path, _| exists(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }

    #[test]
    fn only_libraries_are_looked_at() {
        let home = tempfile::tempdir().expect("a folder");
        for name in ["a.so", "b.so.tmp", ".c.so", "readme.txt", "~d.so"] {
            fs::write(home.path().join(name), b"x").expect("written");
        }
        fs::create_dir(home.path().join("e.so")).expect("made");
        let look = look(&[home.path().into(), home.path().join("absent")], false);
        let names: Vec<_> = look
            .files
            .iter()
            .map(|(path, stamp)| (path.file_name().expect("a name").to_owned(), stamp.is_ok()))
            .collect();
        assert_eq!(names, [("a.so".into(), true), ("e.so".into(), false)]);
        let absent = home.path().join("absent");
        let reason = "there is no such folder of plugins".to_owned();
        assert_eq!(look.refused, [(absent, reason)]);
    }

    #[test]
    fn what_others_can_write_is_refused_unless_trusted() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("a.so");
        fs::write(&file, b"x").expect("written");
        chmod(&file, 0o666);
        let folders = [home.path().to_path_buf()];
        let reason = look(&folders, false)
            .files
            .remove(&file)
            .expect("listed")
            .expect_err("refused");
        assert!(reason.contains("mode 0666"), "{reason}");
        assert!(look(&folders, true).files[&file].is_ok());
        chmod(home.path(), 0o777);
        assert!(look(&folders, false).files.is_empty());
        assert!(look(&folders, false).refused[0].1.contains("chmod go-w"));
    }

    #[test]
    fn a_file_settles_by_resting() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("a.so");
        fs::write(&file, b"x").expect("written");
        let stamp = || Stamp::of(&fs::metadata(&file).expect("it is there"));
        let rest = Duration::from_secs(30);
        let start = Instant::now();
        let mut settling = Settling::default();
        let first = stamp();
        assert_eq!(
            settling.has_settled(&file, first, start, rest),
            Err(start + rest)
        );
        fs::write(&file, b"xy").expect("written");
        let later = start + Duration::from_secs(29);
        assert_eq!(
            settling.has_settled(&file, stamp(), later, rest),
            Err(later + rest)
        );
        assert_eq!(
            settling.has_settled(&file, stamp(), later + rest, rest),
            Ok(())
        );
    }

    #[test]
    fn a_header_tells_libraries_from_other_files() {
        let check = |bytes: &[u8]| {
            let home = tempfile::tempdir().expect("a folder");
            let path = home.path().join("x");
            fs::write(&path, bytes).expect("written");
            check_header(&File::open(&path).expect("opened"))
        };
        assert!(check(b"").is_err());
        assert!(check(b"#!/bin/sh\necho not a library\n").is_err());
        let mut program = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";
        assert!(check(&program).is_err(), "a program is no library");
        program[16] = 3;
        assert!(check(&program).is_ok());
    }
}
