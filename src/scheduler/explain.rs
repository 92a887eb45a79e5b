//! Why a file has (not) been processed: what the watcher knows, then what became of it.

mod story;

use crate::job::id::JobId;
use crate::job::state::{Job, State};
use crate::raw_path::RawPath;
use crate::scheduler::disks::Disks;
use crate::scheduler::files;
use crate::scheduler::handle::{Explanation, Link};
use crate::scheduler::pipelines::Entry;
use crate::store::Store;
use crate::watch::{Watcher, unlinked};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How long a look at the file may take before it is told that nobody answers.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often, and with what pauses, folders that have only begun are asked again whose a path is.
const STARTING_TRIES: u32 = 20;
const STARTING_PAUSE: Duration = Duration::from_millis(50);

/// Whom to ask.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) watcher: Watcher,
    pub(super) store: Store,
    /// The home as it was named at the start.
    pub(super) home: PathBuf,
    /// The pipeline files as they stand.
    pub(super) entries: Vec<Entry>,
    /// How the folders in use are.
    pub(super) disks: Disks,
    /// Why no new files are taken at all.
    pub(super) intake_closed: Option<String>,
    /// Turns of questions that look at the disk.
    pub(super) looks: Arc<Semaphore>,
    /// Only the decider knows why a job is still queued, or does not come to its end.
    pub(super) why: mpsc::Sender<(JobId, oneshot::Sender<Option<String>>)>,
}

/// What a look at the disk tells of a path.
struct Looked {
    exists: bool,
    /// The same path as the journal may have it, the given one first.
    spellings: Vec<RawPath>,
    /// The pipeline in whose folder it lies, and the path as that folder spells it.
    owner: Option<(PathBuf, String)>,
    of_faulty: Vec<Link>,
}

impl Asker {
    /// Looks at a path, unless it lies in a folder that does not answer; `None` where nobody answers. One that hangs keeps its turn.
    async fn look(&self, path: &Path) -> Option<Looked> {
        let silent = self.disks.silent();
        if silent.iter().any(|one| path.starts_with(&one.folder)) {
            return None;
        }
        // Those before it may hang, or there are just many.
        let turn = Arc::clone(&self.looks).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await.ok()?.ok()?;
        let (asker, path) = (self.clone(), path.to_path_buf());
        let looking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let owner = asker.watcher.owner(&path);
            let name = owner.as_ref().map(|(_, pipeline)| pipeline.as_str());
            Looked {
                exists: path.symlink_metadata().is_ok(),
                spellings: asker.spellings(&path, owner.as_ref()),
                of_faulty: of_faulty(&asker.entries, name, &path),
                owner,
            }
        });
        tokio::time::timeout(PATIENCE, looking).await.ok()?.ok()
    }

    /// Every way in which the journal may name a path that was given: as a pipeline that watches its folder spells it, below the home
    /// as that was named, or as it is without links. Blocking.
    fn spellings(&self, path: &Path, owner: Option<&(PathBuf, String)>) -> Vec<RawPath> {
        let mut all = vec![path.to_path_buf()];
        all.extend(owner.map(|(path, _)| path.clone()));
        if let Some(real) = unlinked(path) {
            let home = self.home.canonicalize();
            let below = home.ok().and_then(|home| real.strip_prefix(home).ok());
            all.extend(below.map(|below| self.home.join(below)));
            all.push(real);
        }
        let mut seen = HashSet::new();
        all.retain(|path| seen.insert(path.clone()));
        all.into_iter().map(RawPath).collect()
    }

    /// The jobs of a path, however it is spelled, the newest first.
    async fn jobs(&self, spellings: &[RawPath]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for path in spellings {
            let found = self.store.jobs_at_path(path.clone()).await;
            jobs.extend(found.unwrap_or_default());
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
        jobs
    }

    /// The folders of a pipeline that do not answer.
    fn silent(&self, pipeline: &str) -> Vec<Link> {
        let entry = self.entries.iter().find(|entry| entry.id == pipeline);
        let current = entry.and_then(|entry| entry.current.as_ref());
        let folders = current.map_or_else(Vec::new, |current| files::folders(current));
        let silent = self.disks.silent().into_iter();
        let silent = silent.filter(|one| folders.contains(&one.folder));
        silent
            .map(|one| Link {
                ok: false,
                text: one.to_string(),
            })
            .collect()
    }

    /// What the watcher knows of a path, and what keeps a pipeline from watching it.
    async fn of_inbox(&self, path: &Path, looked: Looked) -> Vec<Link> {
        let Looked {
            owner,
            mut of_faulty,
            ..
        } = looked;
        let is_theirs = owner.is_none() && !of_faulty.is_empty();
        let watched = match &owner {
            Some((path, pipeline)) => {
                let (path, closed) = (path.clone(), self.intake_closed.clone());
                self.watcher.explain(path, pipeline, closed).await
            }
            None if is_theirs => Vec::new(),
            None => vec![self.watcher.nobody_watches(path)],
        };
        of_faulty.extend(watched.into_iter().map(|link| Link {
            ok: link.ok,
            text: link.text,
        }));
        if owner.is_none() && !is_theirs {
            of_faulty.extend(self.entries.iter().filter_map(of_unknown_folder));
        }
        of_faulty
    }

    /// What became of the newest job of a path.
    async fn of_job(&self, job: &Job, earlier: usize) -> Vec<Link> {
        let gave_up = job.state == State::Cancelled && !files::was_taken(job);
        let took = if gave_up { "was to take" } else { "took" };
        let mut chain = vec![Link {
            ok: true,
            text: format!(
                "job {} {took} a file from this path at {}",
                job.id,
                job.created.rfc3339()
            ),
        }];
        chain.extend(story::story(job));
        let is_held_up = job.decided.is_some() || matches!(job.state, State::Delivering { .. });
        if (is_held_up || matches!(job.state, State::Queued { .. }))
            && let Some(why) = ask_why(&self.why, job.id).await
        {
            chain.push(Link {
                ok: false,
                text: why,
            });
        }
        if earlier > 0 {
            chain.push(Link {
                ok: true,
                text: match earlier {
                    1 => "an earlier job was about this path".to_owned(),
                    _ => format!("{earlier} earlier jobs were about this path"),
                },
            });
        }
        chain
    }

    /// Whether a path lies where a pipeline puts results or originals.
    fn is_put_out(&self, spellings: &[RawPath]) -> bool {
        let current = self.entries.iter().filter_map(|one| one.current.as_ref());
        let mut folders = current.flat_map(|pipeline| {
            let inbox = pipeline.watch.folder.clone();
            let all = files::folders(pipeline).into_iter();
            all.filter(move |folder| *folder != inbox)
        });
        folders.any(|folder| spellings.iter().any(|path| path.0.starts_with(&folder)))
    }

    /// The job that put a file at this path, and what became of it, as far as the journal is asked.
    async fn origin(&self, spellings: Vec<RawPath>) -> (Vec<Link>, Option<JobId>) {
        let paths = spellings.clone();
        let jobs = self.store.jobs_that_put_out(spellings).await;
        let mut jobs = jobs.unwrap_or_default().into_iter();
        let found = jobs.find_map(|job| {
            let link = paths.iter().find_map(|path| story::origin(&job, path))?;
            Some((job, link))
        });
        let Some((job, link)) = found else {
            return (Vec::new(), None);
        };
        let mut chain = vec![link];
        chain.extend(story::story(&job));
        (chain, Some(job.id))
    }
}

pub(super) async fn explain(asker: Asker, path: RawPath) -> Explanation {
    let looked = asker.look(&path.0).await;
    let by_name = || asker.watcher.named(&path.0).map(|(_, pipeline)| pipeline);
    let (spellings, is_watched) = match &looked {
        Some(looked) => (looked.spellings.clone(), looked.owner.is_some()),
        None => (vec![path.clone()], by_name().is_some()),
    };
    let jobs = asker.jobs(&spellings).await;
    let newest = jobs.first();
    let pipeline = match newest {
        Some(job) => Some(job.accepted.pipeline.clone()),
        None => by_name(),
    };
    let mut chain: Vec<Link> = pipeline.map_or_else(Vec::new, |name| asker.silent(&name));
    match looked {
        // A file that is ours already left its inbox: what the watcher thinks of the path is only of use for one that lies there.
        Some(looked) if looked.exists || newest.is_none() => {
            chain.extend(asker.of_inbox(&path.0, looked).await);
        }
        None if chain.is_empty() => chain.push(Link {
            ok: false,
            text: format!(
                "`{}` cannot be looked at: its file system does not answer (a network mount that hangs?)",
                path.encode()
            ),
        }),
        _ => {}
    }
    let job = match newest {
        Some(job) => {
            chain.extend(asker.of_job(job, jobs.len() - 1).await);
            Some(job.id)
        }
        None if !is_watched || asker.is_put_out(&spellings) => {
            let (mut origin, job) = asker.origin(spellings).await;
            // What the file is goes before who does not watch it.
            origin.append(&mut chain);
            chain = origin;
            job
        }
        None => None,
    };
    Explanation { path, chain, job }
}

/// How events spell a path: as the pipeline does that watches its folder; where none does, as they did when it had jobs.
pub(super) async fn spelled(asker: Asker, path: RawPath) -> RawPath {
    let Some(mut looked) = asker.look(&path.0).await else {
        return path;
    };
    // Where a link leads to is known of a folder once it has been looked at: a client that comes back at a start is early.
    for _ in 0..STARTING_TRIES {
        if looked.owner.is_some() || !asker.watcher.is_starting() {
            break;
        }
        tokio::time::sleep(STARTING_PAUSE).await;
        match asker.look(&path.0).await {
            Some(again) => looked = again,
            None => return path,
        }
    }
    if let Some((path, _)) = looked.owner {
        return RawPath(path);
    }
    let jobs = asker.jobs(&looked.spellings).await;
    let newest = jobs.into_iter().next();
    newest.map_or(path, |job| job.accepted.path)
}

/// What the faults of pipeline files have to do with a path that lies in the folder of the pipeline `owner`, or in nobody's.
fn of_faulty(entries: &[Entry], owner: Option<&str>, path: &Path) -> Vec<Link> {
    let faulty = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.faults.first()?)));
    if let Some(owner) = owner {
        let of_owner = faulty.filter(|(entry, _)| entry.id == owner);
        return of_owner
            .map(|(entry, fault)| Link {
                ok: true,
                text: format!(
                    "the file of the pipeline `{}` has faults, and its last good revision goes on: {fault}",
                    entry.id
                ),
            })
            .collect();
    }
    let theirs = faulty.filter_map(|(entry, fault)| Some((entry, fault, entry.inbox.as_ref()?)));
    let theirs = theirs.filter(|(.., inbox)| lies_below(path, inbox));
    let Some((entry, fault, inbox)) = theirs.max_by_key(|(.., inbox)| inbox.components().count())
    else {
        return Vec::new();
    };
    let (id, inbox) = (&entry.id, RawPath::from(&**inbox).encode());
    let why = match (&entry.current, &entry.stuck) {
        (Some(current), _) => format!(
            "that file has faults, and the last good revision, which goes on, watches `{}`",
            current.watch.folder.display()
        ),
        (None, Some(stuck)) if stuck.message == fault.message => {
            "it was good before, and something that it needs is not there any more".to_owned()
        }
        (None, Some(stuck)) => format!(
            "that file has faults, and something that the last good revision needs is not there any more ({})",
            stuck.message
        ),
        (None, None) => "that file has faults, and there is no good revision before it".to_owned(),
    };
    vec![
        Link {
            ok: true,
            text: format!("it lies in `{inbox}`, which the file of the pipeline `{id}` names"),
        },
        Link {
            ok: false,
            text: format!("nothing watches this folder: {why}: {fault}"),
        },
    ]
}

/// A pipeline that watches nothing, and whose file does not say what it would watch.
fn of_unknown_folder(entry: &Entry) -> Option<Link> {
    let fault = entry.faults.first()?;
    (entry.current.is_none() && entry.inbox.is_none()).then(|| Link {
        ok: false,
        text: format!(
            "the pipeline `{}` has faults and watches nothing, and which folder it means cannot be read: {fault}",
            entry.id
        ),
    })
}

/// Whether a path lies below a folder, which may have been named through a link.
fn lies_below(path: &Path, folder: &Path) -> bool {
    path.starts_with(folder)
        || folder
            .canonicalize()
            .is_ok_and(|folder| unlinked(path).is_some_and(|path| path.starts_with(folder)))
}

async fn ask_why(
    why: &mpsc::Sender<(JobId, oneshot::Sender<Option<String>>)>,
    job: JobId,
) -> Option<String> {
    let (answer, answered) = oneshot::channel();
    why.send((job, answer)).await.ok()?;
    answered.await.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fault::Fault;

    #[test]
    fn what_keeps_a_text_from_going_on_is_told_and_not_guessed() {
        let fault = |message: &str| Fault::of_file("p.yaml", message);
        let unset = "the environment variable `NOPE` is not set";
        let told = |now: &str| {
            let entry = Entry {
                id: "p".to_owned(),
                file: PathBuf::from("/home/pipelines/p.yaml"),
                current: None,
                faults: vec![fault(now)],
                inbox: Some(PathBuf::from("/home/inbox/p")),
                stuck: Some(fault(unset)),
            };
            let links = of_faulty(&[entry], None, Path::new("/home/inbox/p/a.pdf"));
            links
                .last()
                .map(|link| link.text.clone())
                .unwrap_or_default()
        };
        for said in [told(unset), told("unknown key `foldr`")] {
            assert!(said.contains(unset), "{said}");
            assert!(said.contains("not there any more"), "{said}");
            assert!(!said.contains("plugins"), "{said}");
        }
    }
}
