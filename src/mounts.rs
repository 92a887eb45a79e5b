//! Which folders lay on a mount when they were last used, over restarts.
//!
//! A daemon that starts before a share is mounted finds an empty folder in its place. It must not be taken for the folder: what is put
//! there lies below the mount afterwards. Numbers of devices change with each start of the machine, so what is kept is where the
//! mount was: whether something is mounted there now is told by the device of that place and of the folder above it.

use crate::durable;
use crate::raw_path::RawPath;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known of folders and their mounts. Cloning it gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Mounts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Where it is kept; nowhere in a process that has no home.
    file: Option<PathBuf>,
    known: Mutex<Known>,
}

/// A share that was not there when the daemon started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing is mounted at `{}`, where `{}` lay when it was last used; mount it, or ask for a scan of the pipeline to take the folder \
     as it is now", place.display(), folder.display()
)]
pub struct Missed {
    folder: PathBuf,
    place: PathBuf,
}

/// Folders with the place where their file system is mounted. Those that lie on the system's own disk are not among them.
type Known = BTreeMap<RawPath, RawPath>;

impl Mounts {
    /// What is kept in this file, which need not be there.
    #[must_use]
    pub fn load(file: PathBuf) -> Self {
        let known = read(&file).unwrap_or_else(|error| {
            tracing::warn!(
                file = %file.display(), %error,
                "what was mounted in an earlier life cannot be read: a share that is away now is not missed"
            );
            Known::default()
        });
        Self(Arc::new(Inner {
            file: Some(file),
            known: Mutex::new(known),
        }))
    }

    /// Whether nothing is mounted now where the file system of this folder was. Blocking.
    ///
    /// # Errors
    /// Nothing is.
    pub fn require(&self, folder: &Path) -> Result<(), Missed> {
        let place = self.known().get(&RawPath::from(folder)).cloned();
        match place {
            Some(RawPath(place)) if !is_mounted(&place) => {
                let folder = folder.to_path_buf();
                Err(Missed { folder, place })
            }
            _ => Ok(()),
        }
    }

    /// The file system that this folder lies on now is the right one. Blocking.
    pub fn keep(&self, folder: &Path) {
        let now = mount_point(folder).map(RawPath);
        let folder = RawPath::from(folder);
        let mut known = self.known();
        if known.get(&folder) == now.as_ref() {
            return;
        }
        match now {
            Some(place) => _ = known.insert(folder, place),
            None => _ = known.remove(&folder),
        }
        // Under the lock: two at a time would write one file, and the older words could come last.
        if let Err(error) = self.save(&known) {
            tracing::warn!(%error, "where folders are mounted cannot be kept: a share that is away at the next start is not missed");
        }
    }

    fn save(&self, known: &Known) -> Result<(), durable::Error> {
        let Some(file) = &self.0.file else {
            return Ok(());
        };
        let text = serde_json::to_string_pretty(known).unwrap_or_default();
        durable::replace_private(file, text.as_bytes())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one insertion or removal: a panic elsewhere leaves the map whole.
        let known = self.0.known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &Path) -> io::Result<Known> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(error),
    }
}

/// The highest folder on the file system of this one, or where it is not there, of the nearest folder above it; `None` where that is the
/// root of all.
fn mount_point(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors().skip_while(|path| device(path).is_none());
    let mut place = above.next()?;
    let own = device(place)?;
    for path in above {
        if device(path) != Some(own) {
            return Some(place.to_path_buf());
        }
        place = path;
    }
    None
}

fn is_mounted(place: &Path) -> bool {
    let above = place.parent().and_then(device);
    above.is_some_and(|above| device(place).is_some_and(|own| own != above))
}

fn device(path: &Path) -> Option<u64> {
    Some(std::fs::metadata(path).ok()?.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that is mounted on every system that tests run on.
    const PROC: &str = "/proc";

    #[test]
    fn the_mount_of_a_folder_is_found() {
        for (folder, expected) in [
            (PROC, Some(PROC)),
            ("/proc/self/task", Some(PROC)),
            ("/proc/no/such", Some(PROC)),
            ("/", None),
        ] {
            assert_eq!(
                mount_point(Path::new(folder)).as_deref(),
                expected.map(Path::new),
                "{folder}"
            );
        }
        assert!(is_mounted(Path::new(PROC)));
        assert!(!is_mounted(Path::new("/")) && !is_mounted(Path::new("/no/such")));
    }

    #[test]
    fn a_mount_of_an_earlier_life_is_missed_until_it_is_back_or_no_longer_meant() {
        let home = tempfile::tempdir().expect("a temp folder");
        let file = home.path().join("mounts.json");
        let folder = home.path().join("inbox");
        std::fs::create_dir(&folder).expect("made");
        let mounts = Mounts::load(file.clone());
        let there = Path::new("/proc/self/task");
        mounts.keep(there);
        assert_eq!(mounts.require(there), Ok(()));
        assert!(file.exists(), "it is kept");
        // As if the folder had been a mount point.
        let known = Known::from([(folder.clone().into(), folder.clone().into())]);
        mounts.save(&known).expect("written");
        let next = Mounts::load(file.clone());
        let missed = next.require(&folder).expect_err("nothing is mounted");
        let said = missed.to_string();
        assert!(said.starts_with("nothing is mounted at `/"), "{said}");
        assert_eq!(next.require(home.path()), Ok(()), "never heard of");
        next.keep(&folder);
        assert_eq!(Mounts::load(file.clone()).require(&folder), Ok(()));
        std::fs::write(&file, "{").expect("written");
        assert_eq!(Mounts::load(file).require(&folder), Ok(()));
    }
}
