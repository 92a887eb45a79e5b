//! A file that takes up space until the disk is full: freed, the journal can write how the jobs end.
//!
//! SQLite cannot even delete on a full disk (measured), so the reserve is kept outside of it.

use rustix::fs::FallocateFlags;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long after a failed or refused refill the next one is tried. Less than the time between two looks at the disks, each of
/// which asks for it.
const PAUSE: Duration = Duration::from_secs(20);

/// A reserve that is still one: many times what the ends of all open jobs take.
const LEAST: u64 = 2 << 20;

/// The reserve of the journal.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
    size: u64,
    held: bool,
    /// It was freed in this life: what is free may be nothing but what it was.
    spent: bool,
    tried: Option<Instant>,
}

impl Ballast {
    /// Takes the space, where there is plenty. `size` 0 keeps none.
    pub(crate) fn open(path: PathBuf, size: u64) -> Self {
        let is_whole = |length: u64| length == size || (LEAST..size).contains(&length);
        let found = fs::metadata(&path).ok().map(|file| file.len());
        let held = found.filter(|length| size > 0 && is_whole(*length));
        let mut ballast = Self {
            path,
            // A smaller one of an earlier life is what this disk has room for.
            size: held.unwrap_or(size),
            held: held.is_some(),
            spent: false,
            tried: None,
        };
        ballast.refill_when_possible();
        ballast
    }

    pub(crate) fn held(&self) -> bool {
        self.held || self.size == 0
    }

    /// Frees the space. `false` where there is none to free.
    pub(crate) fn release(&mut self) -> bool {
        if !self.held {
            return false;
        }
        self.held = false;
        self.spent = true;
        self.tried = Some(Instant::now());
        match fs::remove_file(&self.path) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(file = %self.path.display(), %error, "the journal's reserve could not be freed");
                false
            }
        }
    }

    /// Takes the space again once four times as much is free; on a small disk it is a smaller one from the beginning. Asked after
    /// commits: no timer of its own.
    pub(crate) fn refill_when_possible(&mut self) {
        if self.held || self.size == 0 || self.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.tried = Some(Instant::now());
        let fitting = |free| fitting(self.size, free, self.spent);
        let Some(size) = free(&self.path).and_then(fitting) else {
            return;
        };
        match reserve(&self.path, size) {
            Ok(()) => (self.size, self.held) = (size, true),
            Err(error) => {
                tracing::debug!(file = %self.path.display(), %error, "no reserve for the journal");
                // A part of it would be a reserve nobody frees.
                let _ = fs::remove_file(&self.path);
            }
        }
    }
}

/// How much of what is free may be the reserve.
fn fitting(size: u64, free: u64, spent: bool) -> Option<u64> {
    match free / 4 {
        plenty if plenty >= size => Some(size),
        some if !spent && some / 2 >= LEAST => Some(some / 2),
        _ => None,
    }
}

fn free(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path.parent()?).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn reserve(path: &Path, size: u64) -> io::Result<()> {
    let file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_freed_once_and_taken_again_later() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("ballast");
        let mut ballast = Ballast::open(path.clone(), 64 * 1024);
        assert!(ballast.held());
        assert_eq!(fs::metadata(&path).expect("the reserve").len(), 64 * 1024);

        assert!(ballast.release());
        assert!(!path.exists());
        assert!(!ballast.release(), "there is nothing more to free");
        ballast.refill_when_possible();
        assert!(!ballast.held(), "not again at once");

        ballast.tried = None;
        ballast.refill_when_possible();
        assert!(ballast.held());
    }

    #[test]
    fn a_smaller_one_of_an_earlier_life_is_held_and_taken_again() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("ballast");
        reserve(&path, LEAST).expect("there is room");
        let mut ballast = Ballast::open(path.clone(), u64::MAX / 2);
        assert!(ballast.held());
        assert!(ballast.release());
        ballast.tried = None;
        ballast.refill_when_possible();
        assert!(ballast.held());
        assert_eq!(fs::metadata(&path).expect("the reserve").len(), LEAST);
    }

    #[test]
    fn no_reserve_where_the_disk_is_nearly_full() {
        let mib = |count: u64| count << 20;
        for (size, free, spent, expected) in [
            (mib(64), mib(1000), true, Some(mib(64))),
            (mib(64), mib(240), false, Some(mib(30))),
            (mib(64), mib(64), true, None),
            (mib(30), mib(200), true, Some(mib(30))),
            (mib(64), mib(15), false, None),
            (64, mib(7), false, Some(64)),
        ] {
            let what = format!("{size} of {free}, spent: {spent}");
            assert_eq!(fitting(size, free, spent), expected, "{what}");
        }
    }
}
