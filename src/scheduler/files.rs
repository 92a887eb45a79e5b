//! The file work that the decider asks for, off the async threads, each piece ending in an input.

use crate::durable;
use crate::durable::spot::Place;
use crate::job::event::{Accepted, Identity, Origin, StepName};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, MoveKind, Redo};
use crate::job::state::{Job, State};
use crate::pipeline::checked::{Original, Pipeline};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::scheduler::handle::{Refused, Upload};
use crate::scheduler::input::{EndOf, Input};
use crate::scheduler::moves;
use crate::spool::sweep::Standing;
use crate::spool::{self, Spool};
use crate::store::Store;
use crate::store::ledger::LedgerEntry;
use crate::watch::Watcher;
use crate::watch::update::Arrival;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Code::Internal, format!("file work panicked: {error}")))
}

/// Where files lie, and whether something may be put there.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) watcher: Watcher,
    pub(super) spool: Spool,
}

impl Places {
    /// Whether this inbox is there to put something into. A folder that has gone may be a mount that is away: what is put in its
    /// place would lie below it when it is back. Blocking.
    pub(super) fn require_inbox(&self, inbox: &Path) -> Result<(), Refused> {
        if let Some(why) = self.watcher.offline(inbox) {
            return Err(Refused::Unavailable(why));
        }
        let stands = self.spool.stands(inbox);
        stands.map_err(|away| Refused::Unavailable(format!("the folder is offline: {away}")))?;
        if inbox.is_dir() {
            let blocked = |why| Refused::Unavailable(format!("the folder is blocked: {why}"));
            let owned = self.spool.owns(inbox);
            return owned.map_err(|refused| blocked(crate::problem::chain(&refused)));
        }
        Err(Refused::Unavailable(format!(
            "the folder is offline: `{}` is not there; create it, or mount what belongs there",
            inbox.display()
        )))
    }
}

/// Every folder that a pipeline takes files from or puts them into.
pub(super) fn folders(pipeline: &Pipeline) -> Vec<PathBuf> {
    let archive = match &pipeline.original {
        Original::Archive(folder) => Some(folder),
        Original::Keep | Original::Delete => None,
    };
    let always = [
        &pipeline.watch.folder,
        &pipeline.output.root,
        &pipeline.failed,
    ];
    always.into_iter().chain(archive).cloned().collect()
}

/// What is known of a file that a watched folder brought.
pub(super) fn accepted(job: JobId, pipeline: &Arc<Pipeline>, arrival: Arrival) -> Accepted {
    Accepted {
        held: spool::held_path(&arrival.folder, job).into(),
        path: arrival.path.into(),
        folder: arrival.folder.into(),
        relative: arrival.relative,
        identity: arrival.identity,
        ..bare(pipeline, Origin::Watch)
    }
}

/// What is known of a file that somebody sent.
pub(super) fn uploaded(
    job: JobId,
    pipeline: &Arc<Pipeline>,
    upload: &Upload,
) -> Result<Accepted, Refused> {
    let folder = &pipeline.watch.folder;
    let name = Path::new(&upload.name);
    if name.file_name() != Some(name.as_os_str())
        || upload.name.contains('\0')
        || upload.name.len() > 255
    {
        return Err(Refused::Invalid(format!(
            "`{}` cannot be a file name: give a plain name of at most 255 bytes",
            upload.name
        )));
    }
    Ok(Accepted {
        held: spool::held_path(folder, job).into(),
        path: folder.join(name).into(),
        folder: folder.clone().into(),
        relative: RawPath(name.to_path_buf()),
        identity: upload.identity,
        ..bare(pipeline, Origin::Upload)
    })
}

fn bare(pipeline: &Arc<Pipeline>, origin: Origin) -> Accepted {
    let nowhere = RawPath(PathBuf::new());
    Accepted {
        pipeline: pipeline.id.clone(),
        revision: pipeline.revision.clone(),
        path: nowhere.clone(),
        folder: nowhere.clone(),
        relative: nowhere.clone(),
        held: nowhere,
        identity: Identity {
            device: 0,
            inode: 0,
            size: 0,
            mtime_ns: 0,
            ctime_ns: 0,
        },
        origin,
        priority: pipeline.priority,
        steps: pipeline
            .steps
            .iter()
            .map(|step| StepName {
                id: step.id.clone(),
                uses: step.uses(),
            })
            .collect(),
    }
}

/// Writes the notes of an ending job and lists its moves.
pub(super) async fn prepare_end(
    spool: Spool,
    job: JobId,
    about: EndOf,
    failed: PathBuf,
) -> (JobId, Input) {
    let result = blocking(move || moves::end(&spool, &about, &failed))
        .await
        .and_then(|prepared| prepared);
    (job, Input::Prepared { job, result })
}

/// A job whose original goes back into its inbox.
#[derive(Clone, Debug)]
pub(super) struct Returning {
    job: JobId,
    pipeline: String,
    folder: PathBuf,
    blake3: Option<String>,
}

impl Returning {
    /// The job, where its delivery puts the original back.
    pub(super) fn of(job: &Job, redo: &Redo) -> Option<Self> {
        let mut moves = redo.moves.iter();
        let back = moves.find(|next| next.kind == MoveKind::Original)?;
        let folder = &job.accepted.folder.0;
        back.to.as_ref()?.0.starts_with(folder).then(|| Self {
            job: job.id,
            pipeline: job.accepted.pipeline.clone(),
            folder: folder.clone(),
            blake3: Some(back.blake3.clone()).filter(|known| !known.is_empty()),
        })
    }

    /// The ledger entry of the original before it is moved, where its move is a mere rename: nothing has its name, and it stays on its
    /// file system. Blocking.
    pub(super) fn before(&self, redo: &Redo) -> Option<LedgerEntry> {
        let mut moves = redo.moves.iter();
        let back = moves.find(|next| next.kind == MoveKind::Original)?;
        let (from, to) = (&back.from.0, &back.to.as_ref()?.0);
        let is_free = Place::from(to).stat().is_ok_and(|found| found.is_none());
        if !is_free || !durable::same_device(from, &durable::folder_of(to)).unwrap_or(false) {
            return None;
        }
        self.entry(to, Identity::of(&from.symlink_metadata().ok()?))
    }

    /// The same of one that lies there already, under whatever name, and `is_known` by no entry: an earlier life put it there. What
    /// somebody has put in its place since is another file. Blocking.
    pub(super) fn after(
        &self,
        delivered: &[Delivered],
        is_known: impl Fn(&LedgerEntry) -> bool,
    ) -> Option<LedgerEntry> {
        let mut delivered = delivered.iter();
        let original = delivered.find(|one| one.kind == MoveKind::Original)?;
        let path = &original.path.as_ref()?.0;
        let open = durable::open_regular(path).ok()?;
        let entry = self.entry(path, Identity::of(&open.metadata().ok()?))?;
        if is_known(&entry) {
            return None;
        }
        let is_it = match original.blake3.as_str() {
            "" => entry.identity.size == original.size,
            known => durable::content(&open, path).is_ok_and(|content| content.blake3 == known),
        };
        is_it.then_some(entry)
    }

    /// The entry of a file that is to lie at `path`, if that is in the job's inbox.
    pub(super) fn entry(&self, path: &Path, identity: Identity) -> Option<LedgerEntry> {
        let relative = path.strip_prefix(&self.folder).ok()?;
        Some(LedgerEntry {
            pipeline: self.pipeline.clone(),
            relative: RawPath::from(relative),
            identity,
            blake3: self.blake3.clone(),
            why: format!(
                "processed by job {}; the pipeline keeps originals in place",
                self.job
            ),
        })
    }
}

/// Why a job that is not open cannot be cancelled.
pub(super) async fn ended(store: &Store, job: JobId) -> Refused {
    match store.job(job).await {
        Ok(Some(job)) => Refused::Conflict(format!("the job is {} already", job.state.word())),
        Ok(None) => no_job(job),
        Err(error) => Refused::Unavailable(error.to_string()),
    }
}

fn no_job(job: JobId) -> Refused {
    Refused::NotFound(format!("there is no job {job}"))
}

pub(super) async fn ended_job(store: &Store, job: JobId) -> Result<Job, Refused> {
    let found = store
        .job(job)
        .await
        .map_err(|error| Refused::Unavailable(error.to_string()))?;
    found.ok_or_else(|| no_job(job))
}

/// Where an ended job's original lies now.
pub(super) fn original(job: &Job) -> Option<&RawPath> {
    original_move(job)?.path.as_ref()
}

/// How an ended job's original was moved at last.
pub(super) fn original_move(job: &Job) -> Option<&Delivered> {
    let mut moved = job.delivered.iter();
    moved.find(|moved| moved.kind == MoveKind::Original)
}

/// Whether an ended job ever had its file: what it had went somewhere, if only away.
pub(super) fn was_taken(job: &Job) -> bool {
    let mut delivered = job.delivered.iter();
    delivered.any(|moved| moved.kind == MoveKind::Original)
}

/// Work that somebody asked for.
pub(super) fn asked<T>(done: Result<Result<T, Refused>, Problem>) -> Result<T, Refused> {
    done.unwrap_or_else(|panicked| Err(Refused::Unavailable(panicked.detail)))
}

/// Where an upload to this inbox is put while it comes in.
pub(super) async fn upload_path(places: Places, inbox: PathBuf) -> Result<PathBuf, Refused> {
    let made = blocking(move || {
        places.require_inbox(&inbox)?;
        let path = spool::upload_path(&inbox, JobId::fresh());
        match durable::make_folders(&durable::folder_of(&path), 0o700) {
            Ok(()) => Ok(path),
            Err(error) => Err(Refused::Unavailable(crate::problem::chain(&error))),
        }
    });
    asked(made.await)
}

/// Where an open job stands, as far as its files go.
pub(super) fn standing(job: &Job) -> Standing {
    match &job.state {
        State::Claiming => Standing::Claiming,
        State::Queued { .. } | State::Running { .. } | State::Waiting { .. } => Standing::Holding,
        State::Delivering { redo } => {
            Standing::Delivering(redo.moves.iter().map(|next| next.from.0.clone()).collect())
        }
        // Whoever sent it was told to send it again.
        State::Cancelled if job.accepted.origin == Origin::Upload && !was_taken(job) => {
            Standing::Unwanted
        }
        State::Succeeded | State::Failed | State::Cancelled => Standing::Over {
            lay: job.accepted.path.0.clone(),
            now: original(job).map(|now| now.0.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::event::{Ended, JobEvent};
    use crate::scheduler::decide::tests::stand::accepted;
    use crate::time::Timestamp;

    #[test]
    fn an_upload_that_was_never_taken_is_not_put_into_its_inbox() {
        let ended = |origin, delivered: &[Delivered]| {
            let mut job = Job::new(JobId::fresh(), Timestamp(0), *accepted("p", 1));
            job.accepted.origin = origin;
            let delivered = delivered.to_vec();
            let problem = None;
            let event = JobEvent::Cancelled(Ended { delivered, problem });
            job.apply(Timestamp(1), &event).expect("it may end");
            standing(&job)
        };
        let original = Delivered {
            kind: MoveKind::Original,
            path: Some(RawPath(PathBuf::from("/failed/a.pdf"))),
            depth: None,
            size: 1,
            blake3: String::new(),
            mime: None,
            pages: None,
        };
        assert_eq!(ended(Origin::Upload, &[]), Standing::Unwanted);
        let over = |standing| matches!(standing, Standing::Over { .. });
        assert!(over(ended(Origin::Upload, &[original])));
        assert!(over(ended(Origin::Watch, &[])));
    }
}
