//! Originals of ended jobs that people ask for: fetched back for a retry, or put into the inbox once more. That may be a copy of any
//! length, or a folder that does not answer; only who asked waits for it.

use crate::durable;
use crate::durable::beneath::Links;
use crate::durable::spot::{Place, Spot};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, MoveKind};
use crate::job::state::{Job, State};
use crate::pipeline::checked::Pipeline;
use crate::problem::chain;
use crate::raw_path::RawPath;
use crate::scheduler::desks::{Desks, Kind};
use crate::scheduler::disks::{Disks, Silent};
use crate::scheduler::files::{self, Places, original, original_move};
use crate::scheduler::handle::{Refused, Restored};
use crate::scheduler::moves;
use crate::spool;
use crate::spool::claim::is_same;
use crate::store::Store;
use crate::watch::ignore::{Rules, Verdict};
use rustix::fs::FileType;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The jobs whose originals are being fetched back, until the journal says so: two retries of one job must not fetch its original twice,
/// and no sweep may take what was fetched for a left-over.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetching(Arc<Mutex<HashSet<JobId>>>);

impl Fetching {
    /// False where it is being fetched already.
    pub(super) fn begin(&self, job: JobId) -> bool {
        self.jobs().insert(job)
    }

    pub(super) fn end(&self, job: JobId) {
        self.jobs().remove(&job);
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.jobs().contains(&job)
    }

    fn jobs(&self) -> MutexGuard<'_, HashSet<JobId>> {
        // Each change is one insertion or removal: a panic elsewhere leaves the set whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it takes to look for an original.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    pub(super) store: Store,
    pub(super) places: Places,
    pub(super) desks: Desks,
    pub(super) disks: Disks,
    /// The pipelines that are current.
    pub(super) pipelines: Vec<Arc<Pipeline>>,
}

/// An original that is to be moved or copied.
pub(super) struct Found {
    pub(super) job: Job,
    from: Delivered,
    /// The folders of its pipeline, as far as that is known.
    folders: Vec<PathBuf>,
}

/// Why there is no original to fetch: what lies in the inbox now is another job's.
fn never_taken(job: &Job) -> String {
    if job.blake3.is_some() {
        return "the original is gone: it was taken away from where it lay; drop the file into its inbox once more".to_owned();
    }
    let why = job.problem.as_ref();
    let why = why.map_or_else(String::new, |problem| format!(" ({})", problem.detail));
    format!(
        "the file was never taken{why}; if it does not lie in its inbox any more, drop it again"
    )
}

impl Finder {
    /// A failed or cancelled job whose original can be fetched back.
    pub(super) async fn to_retry(&self, id: JobId) -> Result<Found, Refused> {
        let job = files::ended_job(&self.store, id).await?;
        if !matches!(job.state, State::Failed | State::Cancelled) {
            let why = format!(
                "the job is {}; only failed and cancelled jobs can be retried (`restore` puts the original back)",
                job.state.word()
            );
            return Err(Refused::Conflict(why));
        }
        if self.pipeline(&job).is_none() {
            return Err(Refused::Conflict(format!(
                "pipeline `{}` is gone or has faults: put it right first",
                job.accepted.pipeline
            )));
        }
        let moved = original_move(&job).filter(|moved| moved.path.is_some());
        let Some(from) = moved.cloned() else {
            return Err(Refused::Conflict(never_taken(&job)));
        };
        self.found(job, from)
    }

    /// An ended job whose original can be put into its inbox once more.
    async fn to_restore(&self, id: JobId) -> Result<Found, Refused> {
        let job = files::ended_job(&self.store, id).await?;
        if !job.state.is_terminal() {
            return Err(Refused::Conflict(format!(
                "the job is {}; wait for its end, or cancel it",
                job.state.word()
            )));
        }
        let moved = original_move(&job).filter(|moved| moved.path.is_some());
        let Some(from) = moved.cloned() else {
            return Err(Refused::Conflict(if files::was_taken(&job) {
                "the original was deleted, as the pipeline says (`original: delete`), or somebody took it away from where it was held"
                    .to_owned()
            } else {
                never_taken(&job)
            }));
        };
        if original(&job) == Some(&job.accepted.path) {
            return Err(Refused::Conflict(
                "the original lies in its inbox already, as the pipeline says (`original: keep`)"
                    .to_owned(),
            ));
        }
        self.found(job, from)
    }

    fn found(&self, job: Job, from: Delivered) -> Result<Found, Refused> {
        let folders = match self.pipeline(&job) {
            Some(pipeline) => files::folders(pipeline),
            None => {
                let lies = from.path.as_ref().map(|path| durable::folder_of(&path.0));
                let inbox = job.accepted.folder.0.clone();
                [inbox].into_iter().chain(lies).collect()
            }
        };
        if let Some(silent) = self.disks.silent_of(&folders) {
            return Err(Refused::Unavailable(silent.to_string()));
        }
        Ok(Found { job, from, folders })
    }

    fn pipeline(&self, job: &Job) -> Option<&Arc<Pipeline>> {
        let mut all = self.pipelines.iter();
        all.find(|pipeline| pipeline.id == job.accepted.pipeline)
    }

    /// Does it at a desk of the job's pipeline. Whoever waits for it is told by `silent` if a folder does not answer; it is done all
    /// the same once that answers.
    async fn at_desk<T: Send + 'static>(
        &self,
        found: &Found,
        silent: impl FnOnce(Silent),
        work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let line = self.desks.line(Kind::Claim, &found.job.accepted.pipeline);
        let mut done = Box::pin(async {
            let _turn = line.turn().await;
            files::asked(files::blocking(work).await)
        });
        match self.disks.patiently(&found.folders, &mut done).await {
            Ok(done) => done,
            Err(folder) => {
                silent(folder);
                done.await
            }
        }
    }

    /// Fetches an original back and removes the notes beside it. Should the daemon die in between, the file is found without an open
    /// job and goes back to its inbox: a new job, nothing lost.
    pub(super) async fn fetch(
        &self,
        found: &Found,
        silent: impl FnOnce(Silent),
    ) -> Result<String, Refused> {
        let (places, from) = (self.places.clone(), found.from.clone());
        let accepted = &found.job.accepted;
        let (inbox, held) = (accepted.folder.clone(), accepted.held.clone());
        let notes: Vec<Delivered> = found
            .job
            .delivered
            .iter()
            .filter(|moved| moved.kind == MoveKind::Note)
            .cloned()
            .collect();
        let work = move || {
            places.require_inbox(&inbox.0)?;
            let stands = || places.require_inbox(&inbox.0);
            let mark = reclaim_file(&from, &held.0, stands)?;
            for note in notes {
                let removed = lies_at(&note).and_then(|note| match note {
                    Some(note) => note.remove(),
                    None => Ok(()),
                });
                if let Err(error) = removed {
                    tracing::warn!(%error, "a note of an earlier failure stays behind");
                }
            }
            Ok(mark)
        };
        self.at_desk(found, silent, work).await
    }

    /// Puts a copy of an ended job's original into its inbox.
    pub(super) async fn restore(
        &self,
        id: JobId,
        silent: impl FnOnce(Silent),
    ) -> Result<Restored, Refused> {
        let found = self.to_restore(id).await?;
        let pipeline = self.pipeline(&found.job).cloned();
        let (places, from) = (self.places.clone(), found.from.clone());
        let accepted = &found.job.accepted;
        let (folder, to) = (accepted.folder.clone(), accepted.path.clone());
        let work = move || {
            places.require_inbox(&folder.0)?;
            let restored = restore_file(&from, &folder.0, &to.0);
            let path = restored.map_err(|error| unmoved("put back", &error))?;
            Ok(Restored {
                note: note(pipeline.as_deref(), &folder.0, &path),
                path: RawPath(path),
            })
        };
        self.at_desk(&found, silent, work).await
    }
}

/// Why a file is not taken from the place in this inbox to which it was put back, as far as the pipeline's text says so.
fn note(pipeline: Option<&Pipeline>, inbox: &Path, path: &Path) -> Option<String> {
    let Some(watch) = pipeline.map(|pipeline| &pipeline.watch) else {
        return Some("its pipeline is gone or has faults: nothing takes it from there".to_owned());
    };
    if watch.folder != inbox {
        let folder = watch.folder.display();
        return Some(format!(
            "nothing takes it from there: its pipeline watches `{folder}` by now"
        ));
    }
    let rules = Rules::new(&watch.include, &watch.exclude).ok()?;
    if let Verdict::Leave(why) = rules.file(path.strip_prefix(inbox).ok()?) {
        return Some(format!("it is ignored there: {why}"));
    }
    let name = path.file_name()?.to_string_lossy();
    let mark = moves::mark_of(watch.done_file.as_ref()?, &name);
    Some(format!(
        "it is taken only once `{mark}` lies beside it (`done_file`)"
    ))
}

fn unmoved(how: &str, error: &durable::Error) -> Refused {
    let why = chain(error);
    Refused::Conflict(format!("the original cannot be {how}: {why}"))
}

/// Where something lies that was delivered; `None` where it lies nowhere any more.
fn lies_at(moved: &Delivered) -> Result<Option<Spot>, durable::Error> {
    match (&moved.path, moved.root()) {
        (Some(path), Some(root)) => Spot::beneath(root, &path.0, Links::Inside),
        (Some(path), None) => Spot::of(&path.0),
        (None, _) => Ok(None),
    }
}

/// The original of a job, which must be the one that the journal knows.
fn original_at(moved: &Delivered) -> Result<Spot, durable::Error> {
    let path = moved.path.clone().unwrap_or(RawPath(PathBuf::new())).0;
    let error = |why: std::io::Error| durable::Error::at("find", &path, why);
    let spot = lies_at(moved)?.ok_or_else(|| error(rustix::io::Errno::NOENT.into()))?;
    let found = spot.stat()?;
    let found = found.ok_or_else(|| error(rustix::io::Errno::NOENT.into()))?;
    if u64::try_from(found.st_size) == Ok(moved.size) {
        return Ok(spot);
    }
    let other = "it has another size than the job's original: another file has its name";
    Err(error(std::io::Error::other(other)))
}

/// Moves an original back to where its job holds it, whatever file systems lie between; gives the mark of the folder there. The inbox
/// may go away meanwhile: `stands` says whether it is still there.
fn reclaim_file(
    from: &Delivered,
    held: &Path,
    stands: impl Fn() -> Result<(), Refused>,
) -> Result<String, Refused> {
    let failed = |error| unmoved("fetched back", &error);
    let into = || {
        durable::make_folders(&durable::folder_of(held), 0o700)?;
        let gone = || durable::Error::at("find", held, rustix::io::Errno::NOENT);
        Spot::of(held)?.ok_or_else(gone)
    };
    // It goes into this very folder, whatever is mounted or taken away from here on.
    let into = into().map_err(failed)?;
    stands()?;
    let mark = spool::mark::leave(&into).map_err(failed)?;
    let source = source_of(from, &into).map_err(failed)?;
    let fetched = carry(&source, &into, &held.with_extension("part")).map_err(failed);
    let fetched = fetched.and_then(|()| stands());
    if let Err(refused) = fetched {
        give_back(&into, &source);
        return Err(refused);
    }
    Ok(mark)
}

/// Where an original is fetched from. An earlier try may have fetched it already, and failed after that.
fn source_of(from: &Delivered, into: &Spot) -> Result<Spot, durable::Error> {
    if let Some(spot) = lies_at(from)?
        && spot.stat()?.is_none()
        && let Some(held) = into.stat()?
        && FileType::from_raw_mode(held.st_mode) == FileType::RegularFile
        && u64::try_from(held.st_size) == Ok(from.size)
    {
        return Ok(spot);
    }
    original_at(from)
}

/// Where the journal says that an original lies it can be found again; where it was to be held nobody looks for it.
fn give_back(held: &Spot, source: &Spot) {
    if Place::from(source).is_taken() && !is_same(held, source) {
        // It has not left.
        return;
    }
    let job = held.path().file_name().unwrap_or_default();
    let part = format!(".dropleaf-{}", job.to_string_lossy());
    if let Err(error) = carry(held, source, &source.path().with_file_name(part)) {
        let (lies, lay) = (held.path().display(), source.path().display());
        tracing::warn!(error = %chain(&error), %lies, %lay, "an original that was not fetched back does not lie where it lay: `retry` finds it");
    }
}

/// Moves an original, whatever file systems lie in between; `part` is a name beside `to` for a copy. It ends the same where an earlier
/// try got half-way.
fn carry(from: &Spot, to: &Spot, part: &Path) -> Result<(), durable::Error> {
    match (from.look()?, to.look()?) {
        (None, Some(_)) => {}
        (Some(_), Some(_)) if is_same(from, to) => {
            to.sync()?;
            from.remove()?;
        }
        _ => match durable::rename_noreplace(from, to) {
            Err(error) if error.kind() == durable::Kind::OtherDevice => {
                let part = to.another(part.to_path_buf())?;
                part.remove()?;
                durable::copy_new(&from.open()?, &part)?;
                durable::rename_noreplace(&part, to)?;
                to.sync()?;
                from.remove()?;
            }
            moved => moved?,
        },
    }
    to.sync()?;
    from.sync()
}

/// Puts a whole copy of `from` at `to` in the inbox, or at the next free name beside it.
fn restore_file(from: &Delivered, inbox: &Path, to: &Path) -> Result<PathBuf, durable::Error> {
    let part = spool::upload_path(inbox, JobId(ulid::Ulid::generate()));
    durable::make_folders(&durable::folder_of(&part), 0o700)?;
    let from = original_at(from)?.open()?;
    let to = Spot::making(inbox, to, Links::Refused, 0o755)?;
    durable::copy_new(&from, &part)?;
    let name = to.path().file_name().unwrap_or_default();
    let mut number = 0;
    loop {
        let path = to
            .path()
            .with_file_name(spool::name::numbered(name, number, 0));
        match durable::rename_noreplace(&part, to.beside(&path)) {
            Ok(()) => {
                to.sync()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::failpoint::on::{across_devices, crash_after};
    use crate::scheduler::decide::tests::stand::pipeline;
    use std::cell::Cell;

    const WAYS: [fn(&mut dyn FnMut()); 2] = [|run| run(), |run| across_devices(run)];

    /// A failed original in a home of its own, and where it is to be held.
    fn failed() -> (tempfile::TempDir, Delivered, PathBuf) {
        let home = tempfile::tempdir().expect("a temp folder");
        let path = home.path().join("failed/a.pdf");
        std::fs::create_dir(home.path().join("failed")).expect("made");
        std::fs::write(&path, "%PDF").expect("writable");
        let held = spool::held_path(&home.path().join("in"), JobId::fresh());
        let from = Delivered {
            kind: MoveKind::Original,
            path: Some(RawPath(path)),
            depth: Some(1),
            size: 4,
            blake3: String::new(),
            mime: None,
            pages: None,
        };
        (home, from, held)
    }

    #[test]
    fn a_fetch_that_fails_half_way_can_be_made_again() {
        for within in WAYS {
            let (mut operations, mut came) = (0, true);
            while came {
                let (home, from, held) = failed();
                within(&mut || {
                    let fetch = || reclaim_file(&from, &held, || Ok(()));
                    came = crash_after(operations, fetch).1;
                    let mark = fetch().expect("fetched");
                    assert!(!mark.is_empty());
                });
                assert_eq!(std::fs::read(&held).expect("held"), b"%PDF");
                let left = std::fs::read_dir(home.path().join("failed")).expect("there");
                assert_eq!(left.count(), 0, "after {operations} operations");
                operations += 1;
            }
            assert!(operations > 5, "{operations} points");
        }
    }

    #[test]
    fn an_original_goes_back_where_its_inbox_has_gone_meanwhile() {
        for within in WAYS {
            let (_home, from, held) = failed();
            let asked = Cell::new(0);
            let stands = || {
                asked.set(asked.get() + 1);
                match asked.get() {
                    1 => Ok(()),
                    _ => Err(Refused::Unavailable("the folder is offline".to_owned())),
                }
            };
            within(&mut || drop(reclaim_file(&from, &held, stands).expect_err("refused")));
            assert_eq!(asked.get(), 2);
            let lies = original_at(&from).expect("where it lay");
            assert_eq!(std::fs::read(lies.path()).expect("whole"), b"%PDF");
            assert!(!held.exists());
        }
    }

    #[test]
    fn what_is_put_back_where_nothing_takes_it_is_said() {
        let told = |change: fn(&mut Pipeline), name: &str| {
            let pipeline = pipeline("p", change);
            let inbox = Path::new("/in/p");
            note(Some(&pipeline), inbox, &inbox.join(name)).unwrap_or_default()
        };
        assert_eq!(told(|_| {}, "a.pdf"), "");
        let ignored = told(|_| {}, "a.bin");
        assert!(ignored.contains("no include pattern"), "{ignored}");
        let marked = told(|p| p.watch.done_file = Some("{stem}.ok".into()), "a.pdf");
        assert!(marked.contains("once `a.ok` lies beside it"), "{marked}");
        let moved = told(|p| p.watch.folder = "/in/q".into(), "a.pdf");
        assert!(moved.contains("watches `/in/q`"), "{moved}");
        let gone = note(None, Path::new("/in/p"), Path::new("/in/p/a.pdf"));
        assert!(gone.is_some_and(|gone| gone.contains("its pipeline is gone")));
    }
}
