//! Pipelines: their files, what is wrong with them, and who may change them when.

use super::Daemon;
use super::convert::{fault, folder, text};
use crate::http::api::{
    Checked, CurrentText, FolderEntry, PipelineEntry, Precondition, Put, PutRefused, Refused,
    WaitingFile,
};
use crate::pipeline::load;
use crate::scheduler::handle::{self, PipelineStatus};
use crate::scheduler::pipelines::{NO_FILE, tag};
use crate::watch::update::{FileStatus, FolderState};
use std::collections::BTreeMap;
use std::path::Path;

impl Daemon {
    /// Every pipeline with its file as it is now.
    pub(super) async fn entries(&self) -> Result<Vec<PipelineEntry>, Refused> {
        let (set, counts, rows) = (
            self.scheduler.pipelines(),
            self.store.counts().await?,
            self.store.pipelines().await?,
        );
        let mut folders = self.watched_folders();
        let mut entry = |status: &PipelineStatus| {
            let (yaml, tag) = file(&status.file).unwrap_or_default();
            PipelineEntry {
                id: status.id.clone(),
                file: status.file.clone().into(),
                rev: rows
                    .iter()
                    .find(|row| row.id == status.id)
                    .map_or(0, |row| row.changed),
                yaml,
                tag,
                current: status.current.clone(),
                faults: status.faults.iter().map(fault).collect(),
                paused: status.paused.clone(),
                folder: folders.remove(&status.id),
                counts: counts.get(&status.id).cloned().unwrap_or_default(),
            }
        };
        Ok(set.entries.iter().map(&mut entry).collect())
    }

    /// The inboxes as the watch has them at this moment, by pipeline.
    pub(super) fn watched_folders(&self) -> BTreeMap<String, FolderEntry> {
        let mut status = self.watcher.status();
        for one in &mut status {
            // Its thread is held up in it and cannot say so.
            if let Some(silent) = self.disks.silent_of(std::slice::from_ref(&one.folder.0)) {
                one.state = FolderState::Blocked;
                one.reason = silent.to_string();
            }
        }
        let named = status.iter().map(|one| (one.pipeline.clone(), folder(one)));
        named.collect()
    }

    /// The faults of a text, and what it would be without them.
    pub(super) async fn check(&self, id: &str, yaml: Vec<u8>) -> Result<Checked, Refused> {
        let checked = self.scheduler.check_pipeline(id, yaml).await?;
        Ok(Checked {
            faults: checked.faults.iter().map(fault).collect(),
            pipeline: checked.pipeline,
        })
    }

    pub(super) async fn put(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: &Precondition,
    ) -> Result<Put, PutRefused> {
        let seen = self.holds(id, condition)?;
        let (tag, text) = (tag(&yaml), text(yaml)?);
        // What was looked at must still be there when the file is replaced.
        let expected = (*condition != Precondition::None)
            .then(|| seen.map_or_else(|| NO_FILE.to_owned(), |current| current.tag));
        let created = match self.scheduler.save_pipeline(id, text, expected).await {
            Err(handle::Refused::Conflict(_)) => {
                return Err(PutRefused::Precondition(self.current_text(id)));
            }
            other => other?,
        };
        let set = self.scheduler.pipelines();
        let revision = set
            .find(id)
            .and_then(|status| status.current.as_ref())
            .map(|pipeline| pipeline.revision.clone());
        Ok(Put {
            created,
            revision: revision.unwrap_or_default(),
            tag,
        })
    }

    /// Whether a precondition holds for a pipeline's file as it is; with the file.
    pub(super) fn holds(
        &self,
        id: &str,
        condition: &Precondition,
    ) -> Result<Option<CurrentText>, PutRefused> {
        let current = self.current_text(id);
        let holds = match (condition, &current) {
            (Precondition::None, _)
            | (Precondition::Exists, Some(_))
            | (Precondition::Absent, None) => true,
            (Precondition::Tag(tags), Some(current)) => tags.contains(&current.tag),
            _ => false,
        };
        if holds {
            Ok(current)
        } else {
            Err(PutRefused::Precondition(current))
        }
    }

    /// The files in a pipeline's inbox that are no jobs.
    pub(super) async fn waiting_files(&self, id: &str, limit: usize) -> Vec<WaitingFile> {
        let set = self.scheduler.pipelines();
        let status = set.find(id).and_then(|status| status.folder.as_ref());
        let Some(folder) = status.map(|status| status.folder.clone()) else {
            return Vec::new();
        };
        let files = self.watcher.files(id, limit).await.unwrap_or_default();
        let file = |file: FileStatus| WaitingFile {
            pipeline: id.to_owned(),
            path: folder.0.join(&file.relative.0).into(),
            state: file.state.to_owned(),
            reason: file.reason,
        };
        files.into_iter().map(file).collect()
    }

    /// A pipeline's file as it is now, whether it is loaded or not.
    pub(super) fn current_text(&self, id: &str) -> Option<CurrentText> {
        let set = self.scheduler.pipelines();
        let path = match set.find(id) {
            Some(status) => status.file.clone(),
            // Whatever the request says, nothing outside of the folder is read.
            None if id.contains('/') || id.starts_with('.') => return None,
            None => self.home.pipelines().join(format!("{id}.yaml")),
        };
        let (yaml, tag) = file(&path)?;
        Some(CurrentText { yaml, tag })
    }
}

/// The text of a file and the tag that changes whenever it does.
fn file(path: &Path) -> Option<(String, String)> {
    let bytes = match load::read_bounded(path) {
        Ok(bytes) => bytes,
        // What is there and cannot be read (a pipe, 50 MB) is told by the pipeline's faults.
        Err(_) if path.exists() => Vec::new(),
        Err(_) => return None,
    };
    let tag = tag(&bytes);
    Some((String::from_utf8_lossy(&bytes).into_owned(), tag))
}
