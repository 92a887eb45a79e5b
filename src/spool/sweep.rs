//! What an earlier life left behind: temps of no delivery are removed, held files of no job go back into their inbox.

use crate::durable;
use crate::job::id::JobId;
use crate::owner::NotOurs;
use crate::spool::{
    Spool, aside, claim, claimed_folder, mark, require_private, staged_folder, uploads_folder,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A staged file of a job that the journal does not know counts as left behind after so long: a delivery waits for a folder that is
/// away, but hardly for weeks.
const ABANDONED: Duration = Duration::from_secs(28 * 86_400);

/// Where a job stands, as far as its files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The journal does not know it.
    Unknown,
    /// It is to be claimed; an upload may still lie where it came in.
    Claiming,
    /// It holds its original and has staged nothing that counts.
    Holding,
    /// Its staged files count: it is at work in this process.
    Staged,
    /// It delivers these: no other temp of it counts.
    Delivering(Vec<PathBuf>),
    /// It has ended without its file, which nobody wants any more.
    Unwanted,
    /// It has ended.
    Over {
        /// Where its original lay.
        lay: PathBuf,
        /// Where it was delivered to, if anywhere.
        now: Option<PathBuf>,
    },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Temps that were removed.
    pub removed: Vec<PathBuf>,
    /// Held files that were put back, and where.
    pub put_back: Vec<(JobId, PathBuf)>,
    /// Files in our folders that we did not make: they stay.
    pub strange: Vec<PathBuf>,
    /// What failed, for the log.
    pub failed: Vec<String>,
}

impl Spool {
    /// Sweeps an inbox. One that is not there is left alone; it is swept when it comes back. One that is another home's is left alone, too:
    /// what that home holds there would be taken for a left-over.
    #[must_use]
    pub fn sweep_inbox(&self, inbox: &Path, standing: impl Fn(JobId) -> Standing) -> Swept {
        let mut swept = Swept::default();
        if !self.may_sweep(inbox, &mut swept) {
            return swept;
        }
        swept.add(self.sweep_held(inbox, &standing));
        for path in files_in(&uploads_folder(inbox)) {
            match job_of(&path, ".part").map(&standing) {
                None => swept.strange.push(path),
                Some(Standing::Claiming | Standing::Staged | Standing::Delivering(_)) => {}
                Some(_) => swept.remove(path),
            }
        }
        swept
    }

    /// Sweeps what was claimed from an inbox. It may be done while others are at work there: their jobs are
    /// [`Standing::Staged`] then.
    #[must_use]
    pub fn sweep_claimed(&self, inbox: &Path, standing: impl Fn(JobId) -> Standing) -> Swept {
        let mut swept = Swept::default();
        if self.may_sweep(inbox, &mut swept) {
            swept.add(self.sweep_held(inbox, standing));
        }
        swept
    }

    /// Whether there is something to sweep, and by us. The watcher tells why a folder is another home's.
    fn may_sweep(&self, inbox: &Path, swept: &mut Swept) -> bool {
        let there = [claimed_folder(inbox), uploads_folder(inbox)];
        if !there.iter().any(|folder| folder.is_dir()) {
            return false;
        }
        match self.owns(inbox) {
            Ok(()) => true,
            Err(NotOurs::Disk(error)) => {
                swept.fail(&error);
                false
            }
            Err(_) => false,
        }
    }

    fn sweep_held(&self, inbox: &Path, standing: impl Fn(JobId) -> Standing) -> Swept {
        let mut swept = Swept::default();
        swept.remove_temps_of_marks(&claimed_folder(inbox));
        for path in files_in(&claimed_folder(inbox)) {
            if !is_file(&path) {
                // We hold nothing else.
                swept.strange.push(path);
                continue;
            }
            if let Some(job) = job_of(&path, ".part") {
                // A copy that was not finished; the file itself still lies in the inbox.
                if !matches!(standing(job), Standing::Staged | Standing::Delivering(_)) {
                    swept.remove(path);
                }
                continue;
            }
            // The second is another file that had come under the name of the one that was being taken, or that very file.
            let job = job_of(&path, "").or_else(|| job_of(&path, aside::ENDING));
            match job.map(|job| (job, standing(job))) {
                None => swept.strange.push(path),
                Some((job, Standing::Unknown)) => {
                    let name = format!("recovered-{job}.pdf");
                    swept.put_back(job, &path, &inbox.join(name));
                }
                // Its removal was undone: the original lies where it was delivered to.
                Some((_, Standing::Over { now: Some(now), .. }))
                    if claim::is_same(&path, &now) && durable::sync::parent(&now).is_ok() =>
                {
                    swept.remove(path);
                }
                Some((_, Standing::Unwanted)) => swept.remove(path),
                Some((job, Standing::Over { lay, .. })) => swept.put_back(job, &path, &lay),
                Some(_) => {}
            }
        }
        swept
    }

    /// Sweeps an outbox, archive or `failed` folder. Other homes may deliver there, too: what the journal does not know stays until it is
    /// so old that nobody can be about to deliver it.
    #[must_use]
    pub fn sweep_outbox(&self, outbox: &Path, standing: impl Fn(JobId) -> Standing) -> Swept {
        let mut swept = Swept::default();
        let staged = staged_folder(outbox);
        if let Err(error) = require_private(&staged) {
            swept.fail(&error);
            return swept;
        }
        swept.remove_temps_of_marks(&staged);
        for path in files_in(&staged) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let job: Option<JobId> = name.split_once('-').and_then(|(job, number)| {
                let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                job.parse().ok().filter(|_| is_number)
            });
            match job.map(&standing) {
                None => swept.strange.push(path),
                Some(Standing::Staged) => {}
                Some(Standing::Unknown) if !is_old(&path) => {}
                Some(Standing::Delivering(temps))
                    if temps.iter().any(|temp| is_maybe(temp, &path)) => {}
                Some(_) => {
                    // Its job may have begun since it was asked for.
                    let remove = || swept.remove(path);
                    job.map(|job| self.at_work.unless_staging(job, remove));
                }
            }
        }
        swept
    }
}

impl Swept {
    /// Adds what another sweep did.
    pub fn add(&mut self, other: Self) {
        self.removed.extend(other.removed);
        self.put_back.extend(other.put_back);
        self.strange.extend(other.strange);
        self.failed.extend(other.failed);
    }

    fn remove_temps_of_marks(&mut self, folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let temps = entries
            .map(|entry| entry.path())
            .filter(|path| mark::is_temp(path));
        temps.for_each(|path| self.remove(path));
    }

    fn remove(&mut self, path: PathBuf) {
        match durable::remove(&path) {
            Ok(()) => self.removed.push(path),
            Err(error) => self.fail(&error),
        }
    }

    fn put_back(&mut self, job: JobId, held: &Path, original: &Path) {
        match claim::put_back(held, original) {
            Ok(path) => self.put_back.push((job, path)),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &durable::Error) {
        self.failed.push(format!("{error}: {}", error.io()));
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| !mark::is_one(path)).collect();
    files.sort_unstable();
    files
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// By the clock of its file system; what is from the future is not.
fn is_old(path: &Path) -> bool {
    let modified = std::fs::symlink_metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED))
}

/// Whether both may be the same file: the same name, and folders that are not known to be two.
fn is_maybe(temp: &Path, path: &Path) -> bool {
    if temp.file_name() != path.file_name() {
        return false;
    }
    let real = |path: &Path| durable::folder_of(path).canonicalize();
    match (real(temp), real(path)) {
        (Ok(one), Ok(other)) => one == other,
        _ => true,
    }
}

fn job_of(path: &Path, ending: &str) -> Option<JobId> {
    path.file_name()?
        .to_str()?
        .strip_suffix(ending)?
        .parse()
        .ok()
}
