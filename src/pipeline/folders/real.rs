//! Paths with their symbolic links resolved, as far as the file system answers.
//!
//! A folder on a network mount whose server is gone does not answer, perhaps for ever; but pipelines have to be loaded, also those beside
//! it. So each path is looked at on a thread of its own, never twice at a time. Where that takes too long, what was known last counts,
//! or the path as it is spelled.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same while another path is waited for in vain: they may well lie on the same mount.
const HASTE: Duration = Duration::from_millis(100);

static LOOKS: LazyLock<Looks> = LazyLock::new(Looks::default);

/// `path` with the symbolic links of that part of it resolved which exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    LOOKS.found(path, resolve).path
}

/// Whether `path` cannot become a folder: it is a file, or lies below one.
pub(crate) fn is_file(path: &Path) -> bool {
    LOOKS.found(path, resolve).is_file
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    path: PathBuf,
    /// What exists of it is no folder.
    is_file: bool,
}

impl Found {
    /// A path that nothing is known of.
    fn as_spelled(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            is_file: false,
        }
    }
}

#[derive(Debug, Default)]
struct Looks(Mutex<HashMap<PathBuf, Look>>);

#[derive(Debug, Default)]
struct Look {
    known: Option<Found>,
    is_under_way: bool,
}

impl Looks {
    fn found(&'static self, path: &Path, resolve: fn(&Path) -> Found) -> Found {
        let patience = {
            let mut looks = self.looks();
            let hangs = looks.values().any(|look| look.is_under_way);
            let look = looks.entry(path.to_path_buf()).or_default();
            if look.is_under_way {
                let known = look.known.clone();
                return known.unwrap_or_else(|| Found::as_spelled(path));
            }
            look.is_under_way = true;
            if hangs { HASTE } else { PATIENCE }
        };
        let (tell, told) = mpsc::channel();
        let asked = path.to_path_buf();
        let thread = std::thread::Builder::new().name("real path".to_owned());
        let looking = thread.spawn(move || {
            let found = resolve(&asked);
            let known = Some(found.clone());
            let is_under_way = false;
            self.looks().insert(
                asked,
                Look {
                    known,
                    is_under_way,
                },
            );
            // Nobody may be waiting any more.
            let _ = tell.send(found);
        });
        if looking.is_err() {
            // No thread can be had: as if it did not answer.
            if let Some(look) = self.looks().get_mut(path) {
                look.is_under_way = false;
            }
        }
        told.recv_timeout(patience).unwrap_or_else(|_| {
            let known = self.looks().get(path).and_then(|look| look.known.clone());
            known.unwrap_or_else(|| Found::as_spelled(path))
        })
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<PathBuf, Look>> {
        // Each change is one insertion: a panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve(path: &Path) -> Found {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        if let Ok(real) = existing.canonicalize() {
            let is_file = real.metadata().is_ok_and(|found| !found.is_dir());
            let path = missing
                .iter()
                .rev()
                .fold(real, |path, part| path.join(part));
            return Found { path, is_file };
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                existing = parent;
            }
            _ => return Found::as_spelled(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::Instant;

    static ASKED: AtomicU32 = AtomicU32::new(0);
    static ANSWERS: AtomicBool = AtomicBool::new(false);

    fn hangs(path: &Path) -> Found {
        ASKED.fetch_add(1, Ordering::SeqCst);
        while !ANSWERS.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Found::as_spelled(&Path::new("/real").join(path.strip_prefix("/").expect("it is absolute")))
    }

    #[test]
    fn a_path_that_hangs_is_asked_once_and_taken_as_it_is_spelled() {
        static LOOKS: LazyLock<Looks> = LazyLock::new(Looks::default);
        let (dead, other) = (Path::new("/dead"), Path::new("/other"));
        let real = |path| LOOKS.found(path, hangs).path;
        assert_eq!(real(dead), dead);
        let began = Instant::now();
        for _ in 0..10 {
            assert_eq!(real(dead), dead);
        }
        assert_eq!(real(other), other);
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
        ANSWERS.store(true, Ordering::SeqCst);
        while LOOKS.looks().values().any(|look| look.is_under_way) {
            std::thread::yield_now();
        }
        assert_eq!(real(dead), Path::new("/real/dead"));
        ANSWERS.store(false, Ordering::SeqCst);
        assert_eq!(real(dead), Path::new("/real/dead"), "known last");
    }

    #[test]
    fn links_are_resolved_as_far_as_a_path_exists() {
        let home = tempfile::tempdir().expect("a temp folder");
        let (folder, link) = (home.path().join("folder"), home.path().join("link"));
        std::fs::create_dir(&folder).expect("made");
        std::os::unix::fs::symlink(&folder, &link).expect("links are possible");
        let folder = folder.canonicalize().expect("there");
        assert_eq!(real(&link.join("not/there")), folder.join("not/there"));
        let file = folder.join("file");
        std::fs::write(&file, "").expect("written");
        assert!(is_file(&link.join("file")) && is_file(&file.join("below")));
        assert!(!is_file(&link) && !is_file(&link.join("not/there")));
    }
}
