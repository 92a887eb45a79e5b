//! The file work that the decider asks for, off the async threads, each piece ending in an input.

use crate::durable;
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
use crate::spool::sweep::{Standing, Swept};
use crate::spool::{self, Spool};
use crate::store::Store;
use crate::store::ledger::LedgerEntry;
use crate::watch::Watcher;
use crate::watch::update::Arrival;
use std::path::{Path, PathBuf};
use std::sync::Arc;

async fn blocking<T: Send + 'static>(
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
    fn require_inbox(&self, inbox: &Path) -> Result<(), Refused> {
        if let Some(why) = self.watcher.offline(inbox) {
            return Err(Refused::Unavailable(why));
        }
        let stands = self.spool.stands(inbox);
        stands.map_err(|away| Refused::Unavailable(format!("the folder is offline: {away}")))?;
        if inbox.is_dir() {
            return Ok(());
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
    let found = upload
        .temp
        .symlink_metadata()
        .map_err(|error| Refused::Unavailable(format!("the upload is gone: {error}")))?;
    Ok(Accepted {
        held: spool::held_path(folder, job).into(),
        path: folder.join(name).into(),
        folder: folder.clone().into(),
        relative: RawPath(name.to_path_buf()),
        identity: Identity::of(&found),
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
pub(super) async fn prepare_end(spool: Spool, job: JobId, about: EndOf) -> (JobId, Input) {
    let result = blocking(move || moves::end(&spool, &about))
        .await
        .and_then(|prepared| prepared);
    (job, Input::Prepared { job, result })
}

/// The ledger entry of an original that its delivery puts back into its inbox.
pub(super) fn kept_original(job: &Job, redo: &Redo) -> Option<LedgerEntry> {
    let mut moves = redo.moves.iter();
    let back = moves.find(|next| next.kind == MoveKind::Original)?;
    entry_of(job, &back.to.as_ref()?.0, &back.from.0)
}

/// The same of one that its delivery has put there, under whatever name.
pub(super) fn put_back(job: &Job, delivered: &[Delivered]) -> Option<LedgerEntry> {
    let mut delivered = delivered.iter();
    let original = delivered.find(|one| one.kind == MoveKind::Original)?;
    let path = &original.path.as_ref()?.0;
    entry_of(job, path, path)
}

/// The entry of the file that lies at `now` and is to lie at `path`, if that is in the job's inbox.
fn entry_of(job: &Job, path: &Path, now: &Path) -> Option<LedgerEntry> {
    let relative = path.strip_prefix(&job.accepted.folder.0).ok()?;
    Some(LedgerEntry {
        pipeline: job.accepted.pipeline.clone(),
        relative: RawPath::from(relative),
        identity: Identity::of(&now.symlink_metadata().ok()?),
        why: format!(
            "processed by job {}; the pipeline keeps originals in place",
            job.id
        ),
    })
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

async fn ended_job(store: &Store, job: JobId) -> Result<Job, Refused> {
    let found = store
        .job(job)
        .await
        .map_err(|error| Refused::Unavailable(error.to_string()))?;
    found.ok_or_else(|| no_job(job))
}

/// Where an ended job's original lies now.
pub(super) fn original(job: &Job) -> Option<&RawPath> {
    job.delivered
        .iter()
        .find(|moved| moved.kind == MoveKind::Original)?
        .path
        .as_ref()
}

/// Fetches a failed or cancelled job's original back and removes its notes. Should the daemon die in between, the file is
/// found without an open job and goes back to its inbox: a new job, nothing lost.
pub(super) async fn reclaim(
    store: &Store,
    places: Places,
    id: JobId,
    pipelines: &[String],
) -> Result<Job, Refused> {
    let job = ended_job(store, id).await?;
    if !matches!(job.state, State::Failed | State::Cancelled) {
        let why = format!(
            "the job is {}; only failed and cancelled jobs can be retried (`restore` puts the original back)",
            job.state.word()
        );
        return Err(Refused::Conflict(why));
    }
    if !pipelines.contains(&job.accepted.pipeline) {
        return Err(Refused::Conflict(format!(
            "pipeline `{}` is gone or has faults: put it right first",
            job.accepted.pipeline
        )));
    }
    let Some(from) = original(&job).cloned() else {
        return Err(Refused::Conflict(
            "the file was never taken; drop it into its inbox again".to_owned(),
        ));
    };
    let (inbox, held) = (job.accepted.folder.clone(), job.accepted.held.clone());
    let notes: Vec<RawPath> = job
        .delivered
        .iter()
        .filter(|moved| moved.kind == MoveKind::Note)
        .filter_map(|moved| moved.path.clone())
        .collect();
    let fetched = blocking(move || {
        places.require_inbox(&inbox.0)?;
        reclaim_file(&from.0, &held.0).map_err(|error| unmoved("fetched back", &error))?;
        for note in notes {
            if let Err(error) = durable::remove(&note.0) {
                tracing::warn!(%error, "a note of an earlier failure stays behind");
            }
        }
        Ok(())
    });
    asked(fetched.await)?;
    Ok(job)
}

/// Work that somebody asked for.
fn asked<T>(done: Result<Result<T, Refused>, Problem>) -> Result<T, Refused> {
    done.unwrap_or_else(|panicked| Err(Refused::Unavailable(panicked.detail)))
}

fn unmoved(how: &str, error: &durable::Error) -> Refused {
    let why = crate::problem::chain(error);
    Refused::Conflict(format!("the original cannot be {how}: {why}"))
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

/// Puts a copy of an ended job's original into its inbox.
pub(super) async fn restore(store: Store, places: Places, id: JobId) -> Result<RawPath, Refused> {
    let job = ended_job(&store, id).await?;
    if !job.state.is_terminal() {
        return Err(Refused::Conflict(format!(
            "the job is {}; wait for its end, or cancel it",
            job.state.word()
        )));
    }
    let Some(from) = original(&job).cloned() else {
        return Err(Refused::Conflict(
            "the original was deleted, as the pipeline says (`original: delete`)".to_owned(),
        ));
    };
    let (folder, to) = (job.accepted.folder.clone(), job.accepted.path.clone());
    if from == to {
        return Err(Refused::Conflict(
            "the original lies in its inbox already, as the pipeline says (`original: keep`)"
                .to_owned(),
        ));
    }
    let copied = blocking(move || {
        places.require_inbox(&folder.0)?;
        restore_file(&from.0, &folder.0, &to.0).map_err(|error| unmoved("put back", &error))
    });
    asked(copied.await).map(RawPath)
}

/// Moves an original back to where its job holds it, whatever file systems lie between.
fn reclaim_file(from: &Path, held: &Path) -> Result<(), durable::Error> {
    durable::make_folders(&durable::folder_of(held), 0o700)?;
    match durable::rename_noreplace(from, held) {
        Err(error) if error.kind() == durable::Kind::OtherDevice => {
            let part = held.with_extension("part");
            durable::remove(&part)?;
            durable::copy_new(&durable::open_regular(from)?, &part)?;
            durable::rename_noreplace(&part, held)?;
            durable::sync::parent(held)?;
            durable::remove(from)?;
        }
        moved => moved?,
    }
    durable::sync::parent(held)?;
    durable::sync::parent(from)
}

/// Puts a whole copy of `from` at `to`, or at the next free name beside it.
fn restore_file(from: &Path, inbox: &Path, to: &Path) -> Result<PathBuf, durable::Error> {
    let part = spool::upload_path(inbox, JobId(ulid::Ulid::generate()));
    durable::make_folders(&durable::folder_of(&part), 0o700)?;
    durable::make_folders(&durable::folder_of(to), 0o755)?;
    durable::copy_new(&durable::open_regular(from)?, &part)?;
    let name = to.file_name().unwrap_or_default();
    let mut number = 0;
    loop {
        let path = to.with_file_name(spool::name::numbered(name, number, 0));
        match durable::rename_noreplace(&part, &path) {
            Ok(()) => {
                durable::sync::parent(&path)?;
                return Ok(path);
            }
            Err(error) if error.kind() == durable::Kind::Exists => number += 1,
            Err(error) => {
                durable::remove(&part)?;
                return Err(error);
            }
        }
    }
}

/// What an earlier life left half-way, in the folders of these pipelines. Blocking.
pub(super) fn sweep(
    spool: &Spool,
    pipelines: &[Arc<Pipeline>],
    standing: impl Fn(JobId) -> Standing,
) {
    let mut swept = Swept::default();
    for pipeline in pipelines {
        swept.add(spool.sweep_inbox(&pipeline.watch.folder, &standing));
        let archive = match &pipeline.original {
            Original::Archive(folder) => Some(folder),
            Original::Keep | Original::Delete => None,
        };
        for folder in [&pipeline.output.root, &pipeline.failed]
            .into_iter()
            .chain(archive)
        {
            swept.add(spool.sweep_outbox(folder, &standing));
        }
    }
    tell_swept(&swept);
}

/// What an earlier life left half-way in an inbox that has come (back) online, while jobs run. Blocking.
pub(super) fn sweep_online(spool: &Spool, inbox: &Path, standing: impl Fn(JobId) -> Standing) {
    tell_swept(&spool.sweep_claimed(inbox, standing));
}

fn tell_swept(swept: &Swept) {
    for (job, path) in &swept.put_back {
        tracing::warn!(%job, path = %path.display(), "a claimed file without an open job went back to its inbox");
    }
    for path in &swept.strange {
        tracing::warn!(path = %path.display(), "a file that is not ours lies in a folder of ours; it stays");
    }
    for why in &swept.failed {
        tracing::warn!("left-over files could not be swept: {why}");
    }
    if !swept.removed.is_empty() {
        tracing::info!(
            files = swept.removed.len(),
            "left-over temporary files removed"
        );
    }
}

/// Where an open job stands, as far as its files go.
pub(super) fn standing(job: &Job) -> Standing {
    match &job.state {
        State::Claiming => Standing::Claiming,
        State::Queued { .. } | State::Running { .. } | State::Waiting { .. } => Standing::Holding,
        State::Delivering { redo } => {
            Standing::Delivering(redo.moves.iter().map(|next| next.from.0.clone()).collect())
        }
        State::Succeeded | State::Failed | State::Cancelled => {
            Standing::Over(job.accepted.path.0.clone())
        }
    }
}

/// Why no new files should be taken, if a disk is low.
pub(super) fn low_disk(folders: &[PathBuf], min_free: u64) -> Option<String> {
    folders.iter().find_map(|folder| {
        let there = folder.ancestors().find(|place| place.exists())?;
        let free = durable::free_space(there).ok()?;
        (free < min_free).then(|| {
            let mib = |bytes: u64| bytes >> 20;
            format!(
                "only {} MiB are free at `{}`, fewer than {} (`min_free_mb`)",
                mib(free),
                folder.display(),
                mib(min_free)
            )
        })
    })
}
