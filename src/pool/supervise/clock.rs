//! The clocks of an attempt: its limits, the looks at its memory, and when a worker that was asked to stop is killed.

use crate::job::attempt::{Ending, Failure};
use crate::pool::blame;
use crate::pool::overdue::Overdue;
use crate::pool::process::{held, vitals};
use crate::pool::scratch;
use crate::pool::supervise::Vigil;
use crate::pool::update::Limits;
use crate::problem::{Code, Problem};
use crate::wire::message::ToWorker;
use crate::worker::confine::THREADS;
use std::time::{Duration, Instant};

/// Between two looks at the worker's memory.
const LOOK: Duration = Duration::from_millis(200);
/// What a worker may have besides what its limit of memory counts: its first stack, and what the loader has written.
const BESIDES: u64 = 64 << 20;
/// Between two pieces of progress of one attempt.
pub(super) const PROGRESS: Duration = Duration::from_millis(50);
/// For a killed worker to be gone; one that hangs in the kernel is left to the reaper.
const BURIAL: Duration = Duration::from_secs(5);

impl Vigil<'_> {
    /// The next moment at which something is to be done without the worker's doing.
    pub(super) fn next_tick(&self) -> Instant {
        let mut next = self.looked + LOOK;
        next = next.min(self.kill_at.unwrap_or(next));
        next = next.min(self.given_up_at.unwrap_or(next));
        if self.progress.waiting {
            next = next.min(self.progress.told.map_or(next, |told| told + PROGRESS));
        }
        if self.reason.is_none() && !self.conduct.ended() {
            next = next.min(self.began + self.task.limits.deadline);
            next = next.min(self.alive + self.task.limits.stall);
            next = next.min(
                self.step_limit()
                    .map_or(next, |limit| self.step_began + limit),
            );
        }
        next
    }

    pub(super) fn step_limit(&self) -> Option<Duration> {
        let place = self.conduct.running()?;
        let step = self.task.plan.steps.get(place.step as usize)?;
        step.timeout_ms.map(Duration::from_millis)
    }

    pub(super) async fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.looked + LOOK {
            self.looked = now;
            self.look().await;
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill();
        }
        self.tell_progress(now).await;
        if self.reason.is_none()
            && !self.conduct.ended()
            && self.kill_at.is_none()
            && let Some(problem) = self.limit_passed(now)
        {
            let problem = self.scene().place(problem);
            let ending = Ending::TimedOut;
            self.ask_to_stop(Failure { ending, problem }).await;
        }
    }

    /// Looks at what no limit of the kernel holds: memory that counts as stack or cannot be written at the moment, threads, where other
    /// processes of the same user count too, and the scratch folder.
    async fn look(&mut self) {
        let vitals = vitals(self.worker.process.id());
        self.most_data = self.most_data.max(vitals.data);
        // The kernel counts what earlier attempts took, too, and leaves room for it.
        let allowed = Duration::from_secs(self.shared.config.limits.cpu_seconds.max(1));
        if self.shared.config.reuse > 1 && vitals.cpu.saturating_sub(self.worker.spent) >= allowed {
            let problem = blame::too_much_cpu(&self.scene(), allowed);
            return self.end_for(Ending::TimedOut, problem);
        }
        let memory = self.shared.config.limits.memory;
        if held(self.worker.process.id()) > memory.saturating_add(BESIDES) {
            let problem = blame::too_much_memory(&self.scene(), &self.shared.config.limits);
            return self.end_for(Ending::TimedOut, problem);
        }
        let problem = if vitals.threads > THREADS {
            let text = format!("it has {} threads, more than {THREADS}", vitals.threads);
            Problem::new(Code::StepFailed, text).hint("tell the plugin's author")
        } else if let Some(text) = self.files_are_large() {
            Problem::new(Code::StepFailed, text)
                .hint("give it a smaller document, or tell the plugin's author")
        } else if let Some(text) = self.scratch_is_full().await {
            Problem::new(Code::StepFailed, text)
                .hint("give it a smaller document, or tell the plugin's author")
        } else {
            return;
        };
        self.end_for(Ending::Failed, problem);
    }

    fn files_are_large(&self) -> Option<String> {
        let (used, most) = (
            self.worker.denials.in_files(),
            self.shared.config.limits.file_size,
        );
        (used > most).then(|| {
            format!(
                "it has {} MiB in memory files; allowed are {} MiB",
                used >> 20,
                most >> 20
            )
        })
    }

    /// What the last walk through the scratch folder found, and the next walk. There may be thousands of files in it, so that it
    /// is no work for this thread.
    async fn scratch_is_full(&mut self) -> Option<String> {
        let folder = self.worker.scratch.clone()?;
        let most = self.shared.config.limits.file_size;
        if self.walk.as_ref().is_some_and(|walk| !walk.is_finished()) {
            return None;
        }
        let found = match self.walk.take() {
            // Where it panicked, nobody can tell, and the next one may.
            Some(walk) => walk.await.ok().flatten(),
            None => None,
        };
        let walk = move || scratch::used(&folder, most);
        self.walk = Some(tokio::task::spawn_blocking(walk));
        let used = found?;
        Some(format!(
            "it has {used} in its scratch folder; allowed are {} MiB and {} files",
            most >> 20,
            scratch::MOST_FILES
        ))
    }

    pub(super) fn limit_passed(&self, now: Instant) -> Option<Problem> {
        let Limits { deadline, stall } = self.task.limits;
        let scene = self.scene();
        if let Some(limit) = self.step_limit()
            && now >= self.step_began + limit
        {
            return Some(Overdue::Step.problem(&scene, limit));
        }
        if now >= self.began + deadline {
            return Some(Overdue::Attempt.problem(&scene, deadline));
        }
        if now >= self.alive + stall {
            return Some(Overdue::Silence.problem(&scene, stall));
        }
        None
    }

    /// Asks the worker to stop and sets the time of its death.
    pub(super) async fn ask_to_stop(&mut self, reason: Failure) {
        self.reason = Some(reason);
        self.kill_at = Some(Instant::now() + self.shared.config.grace);
        let asked = self.worker.connection.say(&ToWorker::Cancel, None);
        // A worker that does not hear it is killed all the same.
        let _ = tokio::time::timeout(Duration::from_millis(50), asked).await;
    }

    pub(super) fn kill(&mut self) {
        self.kill_at = None;
        self.worker.process.kill();
        // Killed again, it is waited for no longer.
        self.given_up_at.get_or_insert(Instant::now() + BURIAL);
    }
}
