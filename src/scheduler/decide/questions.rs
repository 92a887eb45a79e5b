//! What others may ask the decider; nothing here changes anything.

use crate::job::id::JobId;
use crate::job::state::{Job, State};
use crate::scheduler::decide::obstacles::Obstacle;
use crate::scheduler::decide::open::Phase;
use crate::scheduler::decide::state::{Known, Scheduler};
use crate::time::Timestamp;

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such open job.
    Unknown,
    /// The job cannot do that now.
    Conflict(String),
}

impl Scheduler {
    /// When `Tick` is due next, if nothing else happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.open.next_due()
    }

    /// Open jobs.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.count()
    }

    /// Open jobs whose attempts or moves are under way.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.open.busy()
    }

    /// An open job.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.open.get(id).map(|live| &live.job)
    }

    /// Whether an open job can be cancelled.
    ///
    /// # Errors
    /// It is not open, or past the point of no return.
    pub fn can_cancel(&self, id: JobId) -> Result<(), Refusal> {
        let live = self.open.get(id).ok_or(Refusal::Unknown)?;
        if matches!(live.phase, Phase::Preparing | Phase::Moving)
            || matches!(live.job.state, State::Delivering { .. })
        {
            return Err(Refusal::Conflict(
                "its outputs are being delivered; it cannot be cancelled any more".to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether a person said that an open job is to be cancelled.
    #[must_use]
    pub fn is_cancelled(&self, id: JobId) -> bool {
        self.open.get(id).is_some_and(|live| live.cancelled)
    }

    /// Why no new files are taken.
    #[must_use]
    pub fn intake_closed(&self) -> Option<&str> {
        let closed = self.intake_closed.as_ref();
        closed.map(|closed| closed.reason.as_str())
    }

    /// What open jobs wait for until somebody puts it right.
    pub fn obstacles(&self) -> impl Iterator<Item = &Obstacle> {
        self.obstacles.all()
    }

    /// The reason why a pipeline is paused.
    #[must_use]
    pub fn paused(&self, pipeline: &str) -> Option<&str> {
        self.pipelines
            .get(pipeline)
            .and_then(|known| known.paused.as_deref())
    }

    /// The queued jobs that come before this one in its pipeline.
    #[must_use]
    pub fn place_in_queue(&self, id: JobId) -> Option<usize> {
        let pipeline = &self.open.get(id)?.job.accepted.pipeline;
        self.ready.place(pipeline, id)
    }

    /// Why a queued job does not start, or one whose end is known does not end, in plain words.
    #[must_use]
    pub fn why_queued(&self, id: JobId) -> Option<String> {
        let live = self.open.get(id)?;
        if matches!(live.phase, Phase::Again(_)) {
            let detail = self.obstacles.detail(id)?;
            return Some(format!("it waits for that: {detail}"));
        }
        let name = &live.job.accepted.pipeline;
        let known = self.pipelines.get(name);
        if let Some(earlier) = self.twins.earlier(id) {
            return Some(format!(
                "it has the same content as job {earlier} and waits for that one's end (`duplicates` of pipeline `{name}`)"
            ));
        }
        let ahead = self.place_in_queue(id)?;
        Some(match known {
            _ if self.draining => "the daemon is shutting down".to_owned(),
            None => format!(
                "there is no pipeline `{name}` any more: put its file back, or cancel the job (`dropleaf cancel {id}`)"
            ),
            Some(Known { current: None, .. }) => {
                format!(
                    "pipeline `{name}` has faults or is gone, and no good revision is known: put its file right or back (`dropleaf status` \
                     tells which), or cancel the job (`dropleaf cancel {id}`)"
                )
            }
            Some(Known {
                paused: Some(reason),
                ..
            }) => format!("pipeline `{name}` is paused: {reason}"),
            Some(_) if self.held.contains_key(name) => {
                format!("nothing of pipeline `{name}` begins: {}", self.held[name])
            }
            Some(Known {
                current: Some(pipeline),
                running,
                ..
            }) if *running >= pipeline.concurrency => {
                format!(
                    "{running} jobs of pipeline `{name}` are running, as many as its `concurrency` allows; {ahead} are before this one"
                )
            }
            Some(_) if self.running() >= self.capacity => {
                format!(
                    "all {} workers are busy; {ahead} jobs of pipeline `{name}` are before this one",
                    self.capacity
                )
            }
            Some(_) => self.why_no_memory(id, ahead, name),
        })
    }

    fn why_no_memory(&self, id: JobId, ahead: usize, name: &str) -> String {
        match self.ready.overdue(|name| self.may_start(name)) {
            Some((_, large)) if large != id => {
                format!("memory is kept free for the large job {large}, which was passed often")
            }
            _ => format!(
                "it waits for memory; {ahead} jobs of pipeline `{name}` are before this one"
            ),
        }
    }
}
