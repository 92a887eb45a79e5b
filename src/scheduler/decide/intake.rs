//! How a job begins: a file that arrived, its claim, an original that was fetched back, and the jobs of an earlier life.

use crate::event::Event;
use crate::job::event::{Accepted, Ended, JobEvent, Origin, Queued, RequeueReason, Requeued};
use crate::job::id::JobId;
use crate::job::state::{Job, State};
use crate::problem::{Code, Problem};
use crate::scheduler::decide::attempts::INTERRUPTIONS;
use crate::scheduler::decide::ending::ENVIRONMENT_PAUSE;
use crate::scheduler::decide::open::Phase;
use crate::scheduler::decide::state::{Scheduler, draft};
use crate::scheduler::input::{Action, ClaimFailure, Decision, Hold};
use crate::time::Timestamp;
use crate::watch::update::Decline;

/// Open jobs beyond which files stay in their inboxes: they are as safe there, and cost no memory.
const MOST_OPEN: usize = 2_000;
/// So many of a pipeline's jobs may always be open: a burst of another pipeline does not keep its files out.
const OWN_ROOM: usize = 64;

impl Scheduler {
    /// Takes over the open jobs of an earlier life and repairs each by the one rule of its state.
    pub fn recover(
        &mut self,
        jobs: Vec<Job>,
        paused: Vec<(String, String)>,
        now: Timestamp,
    ) -> Decision {
        let mut decision = Decision::default();
        for (pipeline, reason) in paused {
            self.pipelines.entry(pipeline).or_default().paused = Some(reason);
        }
        let queued = jobs
            .iter()
            .filter(|job| matches!(job.state, State::Queued { .. }));
        let queued: Vec<JobId> = queued.map(|job| job.id).collect();
        for job in jobs {
            self.recover_one(job, now, &mut decision);
        }
        for id in queued {
            self.weigh_again(id, now, &mut decision);
        }
        decision
    }

    fn recover_one(&mut self, job: Job, now: Timestamp, decision: &mut Decision) {
        let id = job.id;
        // Who waits already goes before who comes now.
        id.come_after();
        match job.state.clone() {
            State::Claiming => {
                self.open.insert(job, Phase::Claiming);
                self.claim_again(id, decision);
            }
            // Into the queue once all are known: it may have to wait for another one.
            State::Queued { .. } => self.open.insert(job, Phase::Idle),
            State::Running { .. } => {
                self.open.insert(job, Phase::Idle);
                self.recover_running(id, now, decision);
            }
            State::Waiting { failure, .. } => {
                self.open.insert(job, Phase::Idle);
                if !self.end_as_decided(id, decision) {
                    self.meet_obstacle(id, &failure);
                    self.open.wait_at_most(id, now);
                }
            }
            State::Delivering { redo } => {
                self.open.insert(job, Phase::Moving);
                decision.actions.push(Action::Redo { job: id, redo });
            }
            State::Succeeded | State::Failed | State::Cancelled => {}
        }
    }

    fn recover_running(&mut self, id: JobId, now: Timestamp, decision: &mut Decision) {
        let why = RequeueReason::Interrupted;
        self.record(id, now, JobEvent::Requeued(Requeued::new(why)), decision);
        if self.end_as_decided(id, decision) {
            return;
        }
        let job = self.open.get(id).map(|live| &live.job);
        let (died, stopped) = job.map_or((0, 0), |job| (job.interruptions, job.stops));
        if died < INTERRUPTIONS {
            return self.enqueue(id);
        }
        let stops = match stopped {
            0 => String::new(),
            1 => " (and was stopped once in between)".to_owned(),
            times => format!(" (and was stopped {times} times in between)"),
        };
        let detail =
            format!("the daemon died {died} times in a row while it worked on this file{stops}");
        let problem = Problem::new(Code::Interrupted, detail)
            .hint("look at the daemon's log for the reason, then retry the job");
        self.fail(id, problem, decision);
    }

    /// The wall clock was moved by so many milliseconds.
    pub fn clock_moved(&mut self, by: i64) {
        self.open.clock_moved(by);
    }

    /// Adds an open job whose original was fetched back, before `Reclaimed` says so.
    pub fn adopt(&mut self, job: Job) {
        self.open.insert(job, Phase::Claiming);
    }

    pub(super) fn reclaimed(&mut self, id: JobId, now: Timestamp, decision: &mut Decision) {
        let live = self.open.get(id);
        let held_in = live.and_then(|live| live.job.held_in.clone());
        let requeued = Requeued::asked(held_in);
        self.record(id, now, JobEvent::Requeued(requeued), decision);
        self.set_phase(id, Phase::Idle);
        self.enqueue(id);
    }

    pub(super) fn arrived(
        &mut self,
        id: JobId,
        accepted: Accepted,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let gone = self.current(&accepted.pipeline).is_none();
        let full =
            self.open.count() >= MOST_OPEN && self.open.count_of(&accepted.pipeline) >= OWN_ROOM;
        let is_silent = matches!(self.held.get(&accepted.pipeline), Some(Hold::Silent(_)));
        if self.draining || gone || self.intake_closed.is_some() || full || is_silent {
            decision.actions.push(Action::Declined {
                pipeline: accepted.pipeline,
                path: accepted.path,
                why: Decline::Full,
            });
            return;
        }
        let job = Job::new(id, now, accepted.clone());
        self.open.insert(job, Phase::Claiming);
        let accepted = Box::new(accepted);
        decision.events.push(draft(
            now,
            Event::Job {
                job: id,
                what: JobEvent::Accepted(accepted.clone()),
            },
        ));
        decision.actions.push(Action::Claim {
            job: id,
            accepted,
            again: false,
        });
    }

    /// Takes a file that an earlier try may hold.
    pub(super) fn claim_again(&mut self, id: JobId, decision: &mut Decision) {
        self.set_phase(id, Phase::Claiming);
        if let Some(live) = self.open.get(id) {
            decision.actions.push(Action::Claim {
                job: id,
                accepted: Box::new(live.job.accepted.clone()),
                again: true,
            });
        }
    }

    pub(super) fn claimed(
        &mut self,
        id: JobId,
        (result, was_done): (Result<Queued, ClaimFailure>, bool),
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let (pipeline, path) = (
            live.job.accepted.pipeline.clone(),
            live.job.accepted.path.clone(),
        );
        if let Err(ClaimFailure::Stuck(reason)) = result {
            return self.claim_later(id, reason, now, decision);
        }
        self.obstacles.leave(id);
        match result {
            Ok(queued) => {
                decision.actions.push(Action::Taken { pipeline, path });
                self.taken(id, (queued, was_done), now, decision);
            }
            Err(failure) if failure.is_held() => {
                decision.actions.push(Action::Taken { pipeline, path });
                self.unread(id, &failure, decision);
            }
            Err(failure) => {
                let ended = Ended {
                    problem: Some(not_taken(&failure, live.job.accepted.origin)),
                    ..Ended::default()
                };
                self.record(id, now, JobEvent::Cancelled(ended), decision);
                self.open.remove(id);
                let why = match failure {
                    // One that is gone may be there again: the watcher looks.
                    ClaimFailure::Vanished | ClaimFailure::Changed => Decline::Changed,
                    ClaimFailure::Later(reason) => Decline::Later { reason },
                    ClaimFailure::TooLarge { .. }
                    | ClaimFailure::Halted
                    | ClaimFailure::Stuck(_) => Decline::Changed,
                };
                decision.actions.push(Action::Declined {
                    pipeline,
                    path,
                    why,
                });
            }
        }
    }

    /// Ended now, the job would leave behind what it may hold: it stays as it is until its file can be taken, or put back. The watcher
    /// hears of it then.
    fn claim_later(&mut self, id: JobId, reason: String, now: Timestamp, decision: &mut Decision) {
        let problem = Problem::new(Code::FolderBlocked, reason);
        self.say_what_holds_up(id, &problem, now, decision);
        self.set_phase(id, Phase::Stuck(now.plus(ENVIRONMENT_PAUSE)));
    }

    /// The file is ours, and what is in it is not known. Where the daemon stops, the next start goes on from here.
    fn unread(&mut self, id: JobId, failure: &ClaimFailure, decision: &mut Decision) {
        self.set_phase(id, Phase::Idle);
        let cancelled = self.open.get(id).is_some_and(|live| live.cancelled);
        match failure {
            _ if cancelled => self.prepare_cancel(id, decision),
            ClaimFailure::TooLarge { size, limit } => {
                self.fail(id, Problem::too_large(*size, *limit), decision);
            }
            _ => {}
        }
    }

    fn taken(
        &mut self,
        id: JobId,
        (mut queued, was_done): (Queued, bool),
        now: Timestamp,
        decision: &mut Decision,
    ) {
        if !was_done && let Some(twin) = self.twin(id, &queued.blake3) {
            queued.duplicate_of = Some(twin);
        }
        let duplicate = queued.duplicate_of;
        self.record(id, now, JobEvent::Queued(queued), decision);
        self.set_phase(id, Phase::Idle);
        let is_cancelled = self.open.get(id).is_some_and(|live| live.cancelled);
        match duplicate {
            _ if is_cancelled => self.prepare_cancel(id, decision),
            Some(earlier) => self.weigh_duplicate(id, (earlier, was_done), now, decision),
            None => self.enqueue(id),
        }
    }
}

/// Why a job ends whose file was not taken. Nobody cancelled it.
fn not_taken(failure: &ClaimFailure, origin: Origin) -> Problem {
    let (code, detail) = match failure {
        ClaimFailure::Vanished => (
            Code::InputVanished,
            "the file was not there any more when it was to be taken".to_owned(),
        ),
        ClaimFailure::Changed => (
            Code::InputVanished,
            "the file changed while it was being taken and was put back".to_owned(),
        ),
        ClaimFailure::Later(reason) | ClaimFailure::Stuck(reason) => {
            (Code::FolderBlocked, reason.clone())
        }
        ClaimFailure::TooLarge { size, limit } => return Problem::too_large(*size, *limit),
        ClaimFailure::Halted => (
            Code::Interrupted,
            "nobody waited for the file's content to be read".to_owned(),
        ),
    };
    let hint = match (origin, failure) {
        (Origin::Upload, _) => "send it again",
        (Origin::Watch, ClaimFailure::Vanished) => "drop it again if it was to be processed",
        (Origin::Watch, ClaimFailure::Changed) => {
            "nothing: what lies there is taken by a job of its own once it has settled"
        }
        (Origin::Watch, _) => "put the folder right; the file is taken by a job of its own then",
    };
    Problem::new(code, detail).hint(hint)
}
