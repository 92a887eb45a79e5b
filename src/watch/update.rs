//! What the watcher is told, and what it tells.

use crate::event::{FileEvent, WatchEvent};
use crate::job::event::Identity;
use crate::pipeline::checked;
use crate::raw_path::RawPath;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;

/// A folder to watch for a pipeline.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The pipeline.
    pub pipeline: String,
    /// What it says about its folder.
    pub spec: checked::Watch,
    /// The pipeline was never seen before: with `existing: ignore` what lies there now is left until it changes.
    pub first_seen: bool,
    /// Files (by their path below the folder) to leave until they change.
    pub known: Vec<(RawPath, Identity)>,
    /// BLAKE3 of those of them whose content was read: a copy of the same content is left, too, where one took the place while nobody
    /// watched.
    pub contents: HashMap<PathBuf, String>,
    /// Files settle but are not offered.
    pub paused: bool,
}

/// How a file was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    /// The kernel reported it.
    Events,
    /// A scan found it.
    Scan,
}

/// A file that has settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The pipeline.
    pub pipeline: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The watched folder.
    pub folder: PathBuf,
    /// Its path below the watched folder.
    pub relative: RawPath,
    /// Who it is. Taking it fails if it is somebody else by then.
    pub identity: Identity,
    /// How it was noticed.
    pub seen_by: SeenBy,
}

/// What the watcher tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchUpdate {
    /// A file has settled. It is answered by `taken` or `declined`.
    Arrival(Arrival),
    /// Something about a file that has not settled.
    File {
        /// The pipeline.
        pipeline: String,
        /// Where it lies.
        path: RawPath,
        /// What.
        what: FileEvent,
    },
    /// Something about a folder.
    Folder {
        /// The pipeline.
        pipeline: String,
        /// What.
        what: WatchEvent,
    },
    /// The first scan of a folder under `existing: ignore` is done. These files (by their path below the folder) are left; they
    /// have to be remembered and handed in as `known` after a restart.
    Existing {
        /// The pipeline.
        pipeline: String,
        /// The files.
        files: Vec<(RawPath, Identity)>,
    },
    /// In the place of a file that was to be left lies a copy of the same content: that one is to be left from now on.
    Copied {
        /// The pipeline.
        pipeline: String,
        /// Its path below the folder.
        relative: RawPath,
        /// Who it is.
        identity: Identity,
    },
    /// A file that was to be left is gone, or is another one now: it need not be remembered any more.
    Forgotten {
        /// The pipeline.
        pipeline: String,
        /// Its path below the folder.
        relative: RawPath,
        /// Who was to be left.
        identity: Identity,
    },
}

/// Why an arrival is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decline {
    /// It changed on the way: it settles anew.
    Changed,
    /// There is no room now, for nobody of this folder: it is offered again later.
    Full,
    /// This file cannot be taken now: it is offered again later, and the others need not wait for it.
    Later {
        /// Why.
        reason: String,
    },
    /// It stays until it changes.
    Leave {
        /// Why.
        reason: String,
    },
}

/// Whether a folder can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderState {
    /// Not looked at yet.
    Starting,
    /// It is watched.
    Online,
    /// It is not there, or something else is in its place. Nothing is concluded from that.
    Offline,
    /// It is there but cannot be used.
    Blocked,
}

/// How a watched folder is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderStatus {
    /// The pipeline.
    pub pipeline: String,
    /// The folder.
    pub folder: RawPath,
    /// The same with its symbolic links resolved, once it has been looked at.
    #[serde(skip)]
    pub real: Option<PathBuf>,
    /// Whether it can be used.
    pub state: FolderState,
    /// `events` or `polling`.
    pub mode: &'static str,
    /// Why this state and mode.
    pub reason: String,
    /// Files that are waited for.
    pub files_settling: u64,
    /// Files that have settled and were not taken yet.
    pub files_offered: u64,
    /// Files that stay: ignored by a rule, or left until they change.
    pub files_ignored: u64,
    /// Of the first two: files that cannot be read, or may not be taken.
    #[serde(skip)]
    pub files_kept_back: u64,
    /// One of those, and why.
    #[serde(skip)]
    pub kept_back: String,
    /// Another number after every change of what is known of its files.
    pub changes: u64,
    /// Folders that are watched, the inbox among them.
    pub folders: u64,
    /// When the last full scan ended.
    pub last_scan: Option<Timestamp>,
    /// How long it took.
    pub last_scan_ms: u64,
}

/// A file in a watched folder that is not (yet) a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileStatus {
    /// Its path below the folder.
    pub relative: RawPath,
    /// `settling`, `offered`, `taken`, `left` or `ignored`.
    pub state: &'static str,
    /// What it waits for, or by which rule it stays.
    pub reason: String,
}

/// One link in the chain of decisions about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whether it lets the file pass.
    pub ok: bool,
    /// What was decided, and why.
    pub text: String,
}

impl Link {
    pub(crate) fn pass(text: impl Into<String>) -> Self {
        Self {
            ok: true,
            text: text.into(),
        }
    }

    pub(crate) fn stop(text: impl Into<String>) -> Self {
        Self {
            ok: false,
            text: text.into(),
        }
    }
}

impl FolderState {
    /// The state's word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Blocked => "blocked",
        }
    }
}
