//! What open jobs wait for outside of the daemon: a folder that cannot be used, a disk without room. An operator has to hear of it once,
//! and not of each try of each job, so a job counts from its first failed try until one has succeeded or it has ended.

use crate::job::id::JobId;
use crate::problem::{Code, Problem};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Something that holds up jobs of a pipeline until somebody puts it right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The pipeline.
    pub pipeline: String,
    /// Of which kind: `folder-blocked` or `disk-full`.
    pub code: Code,
    /// The folder and the reason, as the last try had them.
    pub detail: String,
    /// How many jobs wait for it.
    pub jobs: usize,
}

/// All of them. Those that are told together have a pipeline and a kind in common: each try names a file of its own.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    of: HashMap<JobId, Key>,
    groups: BTreeMap<Key, Obstacle>,
}

type Key = (String, &'static str);

impl Obstacles {
    /// A try of this job has failed.
    pub(super) fn meet(&mut self, job: JobId, pipeline: &str, problem: &Problem) {
        let key = (pipeline.to_owned(), problem.code.as_str());
        if self.of.get(&job) != Some(&key) {
            self.leave(job);
            self.of.insert(job, key.clone());
            let group = self.groups.entry(key.clone()).or_insert_with(|| Obstacle {
                pipeline: pipeline.to_owned(),
                code: problem.code,
                detail: String::new(),
                jobs: 0,
            });
            group.jobs += 1;
        }
        if let Some(group) = self.groups.get_mut(&key) {
            group.detail.clone_from(&problem.detail);
        }
    }

    /// This job has got on, or will not be tried again.
    pub(super) fn leave(&mut self, job: JobId) {
        let Some(key) = self.of.remove(&job) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(&key) {
            group.jobs -= 1;
            if group.jobs == 0 {
                self.groups.remove(&key);
            }
        }
    }

    /// What this job waits for.
    pub(super) fn detail(&self, job: JobId) -> Option<&str> {
        let group = self.groups.get(self.of.get(&job)?)?;
        Some(&group.detail)
    }

    /// Each of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Obstacle> {
        self.groups.values()
    }
}

/// Whether a job with this problem waits for a folder.
pub(super) fn is_about_folder(problem: &Problem) -> bool {
    matches!(problem.code, Code::FolderBlocked | Code::DiskFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_up_many_jobs_is_one_until_the_last_has_got_on() {
        let mut obstacles = Obstacles::default();
        let full = |name: &str| Problem::new(Code::DiskFull, format!("`/out/{name}` is full"));
        let jobs: Vec<JobId> = (0..3).map(|_| JobId::fresh()).collect();
        for (job, name) in jobs.iter().zip(["a", "b", "c"]) {
            obstacles.meet(*job, "p", &full(name));
            obstacles.meet(*job, "p", &full(name));
        }
        let told = |obstacles: &Obstacles| -> Vec<(Code, usize, String)> {
            let all = obstacles.all();
            all.map(|one| (one.code, one.jobs, one.detail.clone()))
                .collect()
        };
        let c = || "`/out/c` is full".to_owned();
        assert_eq!(told(&obstacles), [(Code::DiskFull, 3, c())]);
        assert_eq!(obstacles.detail(jobs[0]), Some(c().as_str()));
        obstacles.leave(jobs[0]);
        obstacles.leave(jobs[0]);
        assert_eq!(told(&obstacles), [(Code::DiskFull, 2, c())]);
        let gone = Problem::new(Code::FolderBlocked, "gone");
        obstacles.meet(jobs[1], "p", &gone);
        assert_eq!(
            told(&obstacles),
            [
                (Code::DiskFull, 1, c()),
                (Code::FolderBlocked, 1, "gone".to_owned())
            ]
        );
        obstacles.leave(jobs[1]);
        obstacles.leave(jobs[2]);
        assert_eq!(told(&obstacles), []);
        assert!(obstacles.of.is_empty());
    }
}
