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
    LOOKS.real(path, resolve)
}

#[derive(Debug, Default)]
struct Looks(Mutex<HashMap<PathBuf, Look>>);

#[derive(Debug, Default)]
struct Look {
    known: Option<PathBuf>,
    is_under_way: bool,
}

impl Looks {
    fn real(&'static self, path: &Path, resolve: fn(&Path) -> PathBuf) -> PathBuf {
        let patience = {
            let mut looks = self.looks();
            let hangs = looks.values().any(|look| look.is_under_way);
            let look = looks.entry(path.to_path_buf()).or_default();
            if look.is_under_way {
                return look.known.clone().unwrap_or_else(|| path.to_path_buf());
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
            known.unwrap_or_else(|| path.to_path_buf())
        })
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<PathBuf, Look>> {
        // Each change is one insertion: a panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        if let Ok(real) = existing.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(real, |path, part| path.join(part));
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                existing = parent;
            }
            _ => return path.to_path_buf(),
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

    fn hangs(path: &Path) -> PathBuf {
        ASKED.fetch_add(1, Ordering::SeqCst);
        while !ANSWERS.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Path::new("/real").join(path.strip_prefix("/").expect("it is absolute"))
    }

    #[test]
    fn a_path_that_hangs_is_asked_once_and_taken_as_it_is_spelled() {
        static LOOKS: LazyLock<Looks> = LazyLock::new(Looks::default);
        let (dead, other) = (Path::new("/dead"), Path::new("/other"));
        assert_eq!(LOOKS.real(dead, hangs), dead);
        let began = Instant::now();
        for _ in 0..10 {
            assert_eq!(LOOKS.real(dead, hangs), dead);
        }
        assert_eq!(LOOKS.real(other, hangs), other);
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
        ANSWERS.store(true, Ordering::SeqCst);
        while LOOKS.looks().values().any(|look| look.is_under_way) {
            std::thread::yield_now();
        }
        assert_eq!(LOOKS.real(dead, hangs), Path::new("/real/dead"));
        ANSWERS.store(false, Ordering::SeqCst);
        assert_eq!(
            LOOKS.real(dead, hangs),
            Path::new("/real/dead"),
            "known last"
        );
    }

    #[test]
    fn links_are_resolved_as_far_as_a_path_exists() {
        let home = tempfile::tempdir().expect("a temp folder");
        let (folder, link) = (home.path().join("folder"), home.path().join("link"));
        std::fs::create_dir(&folder).expect("made");
        std::os::unix::fs::symlink(&folder, &link).expect("links are possible");
        let folder = folder.canonicalize().expect("there");
        assert_eq!(real(&link.join("not/there")), folder.join("not/there"));
    }
}
