//! The last good build of each plugin file, over restarts: `last-good.json` in the store.

use crate::durable;
use crate::plugin::catalog::Installed;
use crate::raw_path::RawPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A build that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub(crate) plugin: Arc<Installed>,
    /// When its file was written: of two files with one plugin, the newer counts.
    pub(crate) written: i128,
}

/// What was good last.
#[derive(Debug)]
pub(crate) struct Lasting {
    file: PathBuf,
    builds: BTreeMap<RawPath, Build>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Build {
    blake3: String,
    /// Nanoseconds since 1970, as text: they are more than a number of JSON holds for sure.
    written: String,
}

impl Lasting {
    /// What is kept in this store. What cannot be read is no reason not to start: it only matters for files that are broken.
    pub(crate) fn load(store: &Path) -> Self {
        let file = store.join("last-good.json");
        let read = || -> io::Result<_> { Ok(serde_json::from_slice(&fs::read(&file)?)?) };
        let builds = match read() {
            Ok(builds) => builds,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "which plugins were good last cannot be read");
                BTreeMap::new()
            }
        };
        Self { file, builds }
    }

    /// The last good build of this file, and when it was written.
    pub(crate) fn earlier(&self, path: &Path) -> Option<(String, i128)> {
        let build = self.builds.get(&RawPath::from(path))?;
        Some((build.blake3.clone(), build.written.parse().ok()?))
    }

    /// Whether it is the last good build of some file.
    pub(crate) fn holds(&self, blake3: &str) -> bool {
        self.builds.values().any(|build| build.blake3 == blake3)
    }

    /// What is good now counts; of files that are there and not known yet, what counted before. Only the one daemon of a home
    /// writes it down.
    pub(crate) fn keep<'a>(
        &mut self,
        is_there: impl Fn(&Path) -> bool,
        good: impl Iterator<Item = (&'a Path, Good)>,
        durably: bool,
    ) {
        let before = self.builds.clone();
        self.builds.retain(|path, _| is_there(path.as_ref()));
        for (path, Good { plugin, written }) in good {
            let build = Build {
                blake3: plugin.blake3.clone(),
                written: written.to_string(),
            };
            self.builds.insert(RawPath::from(path), build);
        }
        if !durably || self.builds == before {
            return;
        }
        let text = serde_json::to_vec_pretty(&self.builds).unwrap_or_default();
        if let Err(error) = durable::replace_private(&self.file, &text) {
            tracing::warn!(%error, "which plugins are good cannot be kept: one that is broken at the next start is missing then");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(blake3: &str) -> Good {
        let manifest = r#"{"name":"a","version":"1.0.0","operations":[]}"#;
        let manifest = serde_json::from_str(manifest).expect("a manifest");
        let plugin = Arc::new(Installed {
            manifest,
            blake3: blake3.into(),
            library: PathBuf::new(),
            toolchain: String::new(),
        });
        let written = 1_700_000_000_123_456_789;
        Good { plugin, written }
    }

    #[test]
    fn what_was_good_last_outlives_the_daemon_but_not_the_file() {
        let store = tempfile::tempdir().expect("a folder");
        let (a, b) = (Path::new("/p/a.so"), Path::new("/p/b.so"));
        let mut lasting = Lasting::load(store.path());
        lasting.keep(
            |_| true,
            [(a, good("00")), (b, good("01"))].into_iter(),
            true,
        );
        let mut next = Lasting::load(store.path());
        let earlier = Some(("00".to_owned(), 1_700_000_000_123_456_789));
        assert_eq!(next.earlier(a), earlier);
        // Not known yet in this life.
        next.keep(|path| path == a, std::iter::empty(), true);
        assert_eq!((next.earlier(a), next.earlier(b)), (earlier, None));
        assert!(next.holds("00") && !next.holds("01"));
        next.keep(|_| true, [(a, good("02"))].into_iter(), false);
        assert!(next.holds("02"));
        assert!(Lasting::load(store.path()).holds("00"), "not written down");
        fs::write(store.path().join("last-good.json"), "{").expect("spoilt");
        assert_eq!(Lasting::load(store.path()).earlier(a), None);
    }
}
