//! The store of content-addressed libraries: `<blake3>.so`, and beside it `<blake3>.json`, what was learned about it.
//!
//! A library is loaded from here and only from here, so that nobody's copying over a file in the plugin folder reaches
//! into a running worker. A file here is never changed.

use crate::durable;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// What was learned about one library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The version of Dropleaf that wrote this; another one asks again.
    by: String,
    /// What the library said, or why it may not be loaded again.
    pub(crate) found: Finding,
}

/// What a library turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Finding {
    /// It told its manifest.
    Described {
        /// The manifest's text.
        manifest: String,
        /// What it was built with.
        toolchain: String,
    },
    /// It cannot be used: it was refused, or it killed the worker that asked.
    Broken {
        /// Why.
        reason: String,
    },
}

impl Store {
    /// Opens the store, making its folder. Workers that run as other users must be able to enter it.
    pub(crate) fn open(folder: &Path) -> Result<Self, durable::Error> {
        durable::make_folders(folder, 0o755)?;
        set_mode(folder, 0o755)?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    /// The library with this hash.
    pub(crate) fn library(&self, blake3: &str) -> PathBuf {
        self.folder
            .join(format!("{blake3}{}", std::env::consts::DLL_SUFFIX))
    }

    /// Keeps a copy of `source`; gives its hash. What is read is what is kept, whatever happens to the source meanwhile.
    pub(crate) fn keep(&self, source: &File, path: &Path) -> Result<String, durable::Error> {
        let known = durable::content(source, path)?;
        let kept = self.library(&known.blake3);
        if fs::metadata(&kept).is_ok_and(|metadata| metadata.len() == known.size) {
            return Ok(known.blake3);
        }
        let temp = self.folder.join(format!(".{}.tmp", ulid::Ulid::generate()));
        let content = durable::copy_new(source, &temp)?;
        set_mode(&temp, 0o555)?;
        durable::rename(&temp, &self.library(&content.blake3))?;
        durable::sync::folder(&self.folder)?;
        Ok(content.blake3)
    }

    /// What this version of Dropleaf learned about a library.
    pub(crate) fn note(&self, blake3: &str) -> Option<Finding> {
        let text = fs::read(self.note_path(blake3)).ok()?;
        let note: Note = serde_json::from_slice(&text).ok()?;
        (note.by == version()).then_some(note.found)
    }

    /// Remembers it.
    pub(crate) fn remember(&self, blake3: &str, found: &Finding) -> Result<(), durable::Error> {
        let note = Note {
            by: version(),
            found: found.clone(),
        };
        let text = serde_json::to_vec_pretty(&note).unwrap_or_default();
        durable::replace_private(&self.note_path(blake3), &text)
    }

    /// Removes every library but those with these hashes, and temps that a crash left behind. Only for a moment at which
    /// no worker runs.
    pub(crate) fn tidy(&self, in_use: impl Fn(&str) -> bool) -> Result<(), durable::Error> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Ok(());
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let stem = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            let ours = path
                .extension()
                .is_some_and(|end| end == "tmp" || end == "so" || end == "dylib");
            if ours && !stem.is_some_and(|stem| in_use(&stem)) {
                durable::remove(&path)?;
            }
        }
        Ok(())
    }

    fn note_path(&self, blake3: &str) -> PathBuf {
        self.folder.join(format!("{blake3}.json"))
    }
}

fn version() -> String {
    format!("dropleaf {}", env!("CARGO_PKG_VERSION"))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), durable::Error> {
    let result: io::Result<()> = fs::set_permissions(path, Permissions::from_mode(mode));
    result.map_err(|source| durable::Error::at("set the mode of", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_kept_once_and_cannot_be_written() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::open(&home.path().join("store")).expect("opened");
        let source = home.path().join("a.so");
        fs::write(&source, b"content").expect("written");
        let keep = || {
            store
                .keep(&File::open(&source).expect("opened"), &source)
                .expect("kept")
        };
        let hash = keep();
        assert_eq!(hash, blake3::hash(b"content").to_hex().to_string());
        let kept = fs::metadata(store.library(&hash)).expect("it is there");
        assert_eq!(kept.permissions().mode() & 0o777, 0o555);
        assert_eq!(keep(), hash);
        fs::write(&source, b"another").expect("written");
        assert_ne!(keep(), hash);
        assert_eq!(fs::read(store.library(&hash)).expect("read"), b"content");
        store.tidy(|stem| stem == hash).expect("tidied");
        let left: Vec<_> = fs::read_dir(home.path().join("store"))
            .expect("listed")
            .collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn notes_of_another_version_do_not_count() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::open(home.path()).expect("opened");
        let broken = Finding::Broken {
            reason: "it crashed".into(),
        };
        assert_eq!(store.note("00"), None);
        store.remember("00", &broken).expect("written");
        assert_eq!(store.note("00"), Some(broken));
        let path = home.path().join("00.json");
        let other = fs::read_to_string(&path)
            .expect("read")
            .replace(env!("CARGO_PKG_VERSION"), "0.0.0");
        fs::write(&path, other).expect("written");
        assert_eq!(store.note("00"), None);
        fs::write(&path, "{").expect("written");
        assert_eq!(store.note("00"), None);
    }
}
