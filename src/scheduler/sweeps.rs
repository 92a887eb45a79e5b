//! What an earlier life left half-way is put right folder by folder, before anything begins in a pipeline that uses the folder.
//!
//! A pipeline begins when its folders are swept; one whose folder does not answer waits for it, and nobody else does. A folder that
//! several pipelines use, under whatever names, is swept once, and all of them wait for that: what one of them puts there afterwards is
//! not taken for a left-over by the sweep of another.

use crate::job::id::JobId;
use crate::pipeline::checked::{Original, Pipeline};
use crate::scheduler::desks::{Desks, Whole};
use crate::spool::Spool;
use crate::spool::sweep::{Standing, Swept};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The pipelines whose folders are not all swept yet, with their desks, at which nobody works meanwhile.
#[derive(Debug, Default)]
pub(super) struct Unswept(HashMap<String, Vec<Whole>>);

impl Unswept {
    /// These pipelines wait for the sweeps of their folders.
    pub(super) fn new(pipelines: &[Arc<Pipeline>], desks: &Desks) -> Self {
        let taken = pipelines
            .iter()
            .map(|pipeline| (pipeline.id.clone(), desks.take_all(&pipeline.id)));
        Self(taken.collect())
    }

    pub(super) fn contains(&self, pipeline: &str) -> bool {
        self.0.contains_key(pipeline)
    }

    /// This pipeline's folders are swept.
    pub(super) fn done(&mut self, pipeline: &str) {
        self.0.remove(pipeline);
    }
}

/// A folder, with its links resolved, and what it is used for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Inbox(PathBuf),
    Outbox(PathBuf),
}

impl Part {
    fn folder(&self) -> &Path {
        match self {
            Self::Inbox(folder) | Self::Outbox(folder) => folder,
        }
    }

    fn all(pipeline: &Pipeline) -> Vec<Self> {
        let archive = match &pipeline.original {
            Original::Archive(folder) => Some(folder),
            Original::Keep | Original::Delete => None,
        };
        let outboxes = [&pipeline.output.root, &pipeline.failed];
        let outboxes = outboxes.into_iter().chain(archive).cloned();
        let inbox = Self::Inbox(pipeline.watch.folder.clone());
        [inbox]
            .into_iter()
            .chain(outboxes.map(Self::Outbox))
            .collect()
    }

    /// Blocking.
    fn real(self) -> Self {
        let real = |folder: PathBuf| folder.canonicalize().unwrap_or(folder);
        match self {
            Self::Inbox(folder) => Self::Inbox(real(folder)),
            Self::Outbox(folder) => Self::Outbox(real(folder)),
        }
    }
}

/// The sweeps of a start, of which each folder has one.
pub(super) struct Sweeps<F> {
    spool: Spool,
    standing: F,
    /// Says of each folder whether its sweep is over.
    begun: Mutex<HashMap<Part, watch::Receiver<bool>>>,
}

impl<F: Fn(JobId) -> Standing + Send + Sync + 'static> Sweeps<F> {
    pub(super) fn new(spool: Spool, standing: F) -> Arc<Self> {
        Arc::new(Self {
            spool,
            standing,
            begun: Mutex::default(),
        })
    }

    /// Sweeps the folders of a pipeline, one after the other.
    pub(super) async fn sweep(self: Arc<Self>, pipeline: Arc<Pipeline>) {
        for part in Part::all(&pipeline) {
            let sweeps = Arc::clone(&self);
            let swept = tokio::task::spawn_blocking(move || sweeps.one(part.real()));
            match swept.await {
                // Another pipeline has come first.
                Ok(Some(mut over)) => _ = over.wait_for(|over| *over).await,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "sweeping panicked"),
            }
        }
    }

    /// Sweeps a folder, or gives what says when it is swept. Blocking.
    fn one(&self, part: Part) -> Option<watch::Receiver<bool>> {
        let (over, is_over) = watch::channel(false);
        {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(begun) = begun.get(&part) {
                return Some(begun.clone());
            }
            begun.insert(part.clone(), is_over);
        }
        tell(&match &part {
            Part::Inbox(inbox) => self.spool.sweep_inbox(inbox, &self.standing),
            Part::Outbox(outbox) => self.spool.sweep_outbox(outbox, &self.standing),
        });
        tracing::debug!(folder = %part.folder().display(), "swept");
        over.send_replace(true);
        None
    }
}

/// What an earlier life left half-way in an inbox that has come (back) online, while jobs run. Blocking.
pub(super) fn sweep_online(spool: &Spool, inbox: &Path, standing: impl Fn(JobId) -> Standing) {
    tell(&spool.sweep_claimed(inbox, standing));
}

fn tell(swept: &Swept) {
    for (job, path) in &swept.put_back {
        tracing::warn!(%job, path = %path.display(), "a claimed file without an open job went back to its inbox");
    }
    for path in &swept.strange {
        tracing::warn!(path = %path.display(), "a file that is not ours lies in a folder of ours; it stays");
    }
    for why in &swept.failed {
        tracing::warn!("left-over files could not be swept: {why}");
    }
}
