//! What attempts and file work tell: inputs for the decider, progress and log lines for those who listen; and what else is brought.

use crate::job::id::JobId;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::attempt::{Aside, Told};
use crate::scheduler::brought::Brought;
use crate::scheduler::handle::Refused;
use crate::scheduler::input::{ClaimFailure, Input};
use crate::store::log::LogLine;
use crate::time::Timestamp;

impl Hands {
    pub(super) fn told(&mut self, job: JobId, told: Told) {
        match told {
            Told::Input(input) => {
                match &input {
                    Input::AttemptEnded { .. } => {
                        self.stops.remove(&job);
                        self.stop_wanted.remove(&job);
                        self.progress.forget(job);
                        self.told_all_of(job);
                    }
                    Input::Claimed { result, .. } => {
                        let taken = result.as_ref().map_or_else(ClaimFailure::is_held, |_| true);
                        self.answer_submitter(job, taken);
                    }
                    _ => {}
                }
                if matches!(input, Input::Told { .. }) {
                    self.told_of(job);
                }
                self.decide(input);
            }
            Told::Aside(Aside::Stop(handle)) => {
                self.stops.insert(job, handle);
                if self.stop_wanted.remove(&job) {
                    self.stop(job);
                }
            }
            Told::Aside(Aside::Progress {
                step,
                index,
                steps,
                part,
                parts,
                done,
                total,
            }) => {
                if self.has_untold(job) {
                    // The next one comes soon; the step's start is not even told yet.
                    return;
                }
                if let Some(known) = self.decider.job(job) {
                    let pace = self.progress.pace(job, index, part, done, total);
                    self.feed.progress(crate::feed::progress::Progress {
                        job,
                        pipeline: known.accepted.pipeline.clone(),
                        path: known.accepted.path.clone(),
                        rev: known.rev,
                        step,
                        index,
                        steps,
                        part,
                        parts,
                        done,
                        total,
                        rate: pace.rate,
                        eta_ms: pace.eta_ms,
                    });
                }
            }
            Told::Aside(Aside::Log {
                step,
                level,
                message,
            }) => self.log(
                job,
                LogLine {
                    at: Timestamp::now(),
                    level,
                    step,
                    message,
                },
            ),
        }
    }

    /// What work beside the loop brings.
    pub(super) fn brought(&mut self, brought: Brought) {
        match brought {
            Brought::Kept(entries, done) => self.keep(entries, done),
            Brought::Fetched(job, answer) => {
                let id = job.id;
                self.decider.adopt(*job);
                self.decide(Input::Reclaimed { job: id });
                // Who asked hears of it once the journal knows: he may read it, or open a feed, at once.
                self.turn.fetched.push((id, answer));
            }
            Brought::Swept(pipeline) => {
                self.unswept.done(&pipeline);
                self.hold();
            }
            Brought::Reloaded(reloaded, after) => {
                self.use_pipelines(reloaded);
                after.tell(Ok(()));
            }
        }
    }

    fn log(&mut self, job: JobId, line: LogLine) {
        if let Some(known) = self.decider.job(job) {
            self.feed.log(known, std::slice::from_ref(&line));
        }
        let logged = self.store.log(job, vec![line]);
        self.tasks.spawn(async move {
            if let Err(error) = logged.await {
                tracing::warn!(%error, %job, "a log line is lost");
            }
        });
    }

    fn answer_submitter(&mut self, job: JobId, taken: bool) {
        if let Some(answer) = self.submitters.remove(&job) {
            let result = if taken {
                Ok(job)
            } else {
                Err(Refused::Unavailable(
                    "the upload could not be taken over; send it again".to_owned(),
                ))
            };
            // Who sent it hears of it once the journal knows what it is: he may read the job at once.
            self.turn.submitted.push((answer, result));
        }
    }
}
