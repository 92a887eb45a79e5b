//! One turn of the loop: what was decided in it is journalled as one unit, and then done in batches.
//!
//! Under load many inputs wait, and each of them has a few events and a move of a file. Written and synced one by one they
//! would cost a transaction and several syncs each; together they cost hardly more than one. The order stays the same for
//! each job: what shows outside begins only when the unit with its events is durable.

use crate::event::Draft;
use crate::job::event::Accepted;
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::pool::update::Stop;
use crate::scheduler::act::hands::{Durable, Hands, written};
use crate::scheduler::act::pending::Pending;
use crate::scheduler::attempt;
use crate::scheduler::batches::{self, Delivery, Taking};
use crate::scheduler::brought::Ledger;
use crate::scheduler::decide::state::Scheduler as Decider;
use crate::scheduler::desks::{self, Kind};
use crate::scheduler::files::{self, Returning};
use crate::scheduler::input::{Action, Decision, Input, Start};
use crate::store::ledger::LedgerEntry;
use crate::time::Timestamp;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Files of one pipeline that one thread takes or delivers one after the other; more threads share larger batches.
const BATCH: usize = 16;

impl Hands {
    /// Decides, and does at once what shows nowhere; the rest waits for the end of the turn.
    pub(super) fn decide(&mut self, input: Input) {
        let can_wait = matches!(input, Input::Told { .. } | Input::WorkerDone { .. });
        self.mind_the_clock();
        let mut decision = self.decider.decide(input, Timestamp::now());
        if can_wait {
            let events = std::mem::take(&mut decision.events);
            self.turn.add_lazy(events, Instant::now());
        }
        self.carry_out(decision);
    }

    /// What waits goes on waiting as long as it was to wait, whatever the wall clock says by now.
    pub(super) fn mind_the_clock(&mut self) {
        if let Some(moved) = self.clock.moved(Timestamp::now(), Instant::now()) {
            tracing::warn!(
                seconds = moved / 1000,
                "the clock was moved, or this machine slept; jobs that wait go on waiting as long as they were to wait"
            );
            self.decider.clock_moved(moved);
        }
    }

    pub(super) fn carry_out(&mut self, decision: Decision) {
        if !decision.events.is_empty() {
            self.turn.add(decision.events);
        }
        for action in decision.actions {
            match action {
                Action::Claim {
                    job,
                    accepted,
                    again,
                } => self.take(job, *accepted, again),
                Action::HaltClaim { held } => self.attempt.spool.halt(&held.0),
                Action::Redo { job, redo } => self.turn.redos.push((job, redo)),
                Action::PrepareEnd { job, about } => {
                    let spool = self.attempt.spool.clone();
                    let pipeline = pipeline_of(&self.decider, job);
                    let failed = self.failed_folder(&about);
                    self.after(None, (Kind::Deliver, &pipeline), async move {
                        let failed = failed.await;
                        vec![files::prepare_end(spool, job, *about, failed).await]
                    });
                }
                Action::Start(start) => self.start_attempt(*start),
                Action::StopAttempt { job } => self.stop(job),
                Action::Taken { pipeline, path } => self.watcher.taken(&pipeline, &path.0),
                Action::Declined {
                    pipeline,
                    path,
                    why,
                } => self.watcher.declined(&pipeline, &path.0, why),
            }
        }
    }

    /// Adds events that no decision made.
    pub(super) fn note(&mut self, events: impl IntoIterator<Item = Draft>) {
        self.turn.add(events);
    }

    /// Remembers that what this turn says of a job comes before its progress.
    pub(super) fn told_of(&mut self, job: JobId) {
        self.turn.told.push(job);
    }

    /// Whether something that was told of the job is not durable yet.
    pub(super) fn has_untold(&self, job: JobId) -> bool {
        self.turn.told.contains(&job)
            || self
                .told_last
                .get(&job)
                .is_some_and(|durable| !*durable.borrow())
    }

    /// The job's attempt is over: nothing comes after it.
    pub(super) fn told_all_of(&mut self, job: JobId) {
        self.turn.told.retain(|told| *told != job);
        self.told_last.remove(&job);
    }

    /// Journals what the turn has decided, then does what had to wait for that.
    pub(super) fn finish_turn(&mut self) {
        self.publish_health();
        let now = Instant::now();
        if self.is_writing() || self.pace().is_some_and(|next| now < next) {
            return;
        }
        let Some(mut turn) = self.turn.take_due(now) else {
            return;
        };
        self.pace.began(now);
        let durable = self.append(turn.take_events());
        let Pending {
            claims,
            redos,
            fetched,
            cancelled,
            submitted,
            told,
            ..
        } = turn;
        if let Some(durable) = &durable {
            let told = told.into_iter().map(|job| (job, durable.clone()));
            self.told_last.extend(told);
        }
        let of = |taking: &Taking| taking.accepted.pipeline.clone();
        for (pipeline, batch) in desks::batches(claims, BATCH, of) {
            let (spool, store) = (self.attempt.spool.clone(), self.store.clone());
            let work = batches::claim(spool, store, batch);
            self.after(durable.clone(), (Kind::Claim, &pipeline), work);
        }
        self.redo(redos, &durable);
        if !cancelled.is_empty() {
            let durable = durable.clone();
            self.tasks.spawn(async move {
                if written(durable).await {
                    for answer in cancelled {
                        // The asker may have gone.
                        let _ = answer.send(Ok(()));
                    }
                }
            });
        }
        if !submitted.is_empty() {
            let durable = durable.clone();
            self.tasks.spawn(async move {
                if written(durable).await {
                    for (answer, result) in submitted {
                        // The asker may have gone.
                        let _ = answer.send(result);
                    }
                }
            });
        }
        if !fetched.is_empty() {
            let fetching = self.fetching.clone();
            self.tasks.spawn(async move {
                let known = written(durable).await;
                for (job, answer) in fetched {
                    fetching.end(job);
                    if let Some(answer) = answer.filter(|_| known) {
                        // The asker may have gone.
                        let _ = answer.send(Ok(()));
                    }
                }
            });
        }
    }

    /// When the next unit may begin, if not at once.
    pub(super) fn pace(&self) -> Option<Instant> {
        self.pace.next(self.decider.open())
    }

    fn redo(&mut self, redos: Vec<(JobId, Redo)>, durable: &Durable) {
        let of = |(job, _): &(JobId, Redo)| pipeline_of(&self.decider, *job);
        for (pipeline, batch) in desks::batches(redos, BATCH, of) {
            let delivery = |(job, redo): (JobId, Redo)| Delivery {
                job,
                returning: self
                    .decider
                    .job(job)
                    .and_then(|job| Returning::of(job, &redo)),
                redo,
            };
            let batch = batch.into_iter().map(delivery).collect();
            let (spool, ledger) = (self.attempt.spool.clone(), Ledger(self.bring.clone()));
            let work = batches::redo(spool, batch, ledger);
            self.after(durable.clone(), (Kind::Deliver, &pipeline), work);
        }
    }

    fn take(&mut self, job: JobId, accepted: Accepted, again: bool) {
        let upload = self.uploads.remove(&job);
        self.turn.claims.push(Taking {
            job,
            accepted,
            upload,
            again,
        });
    }

    fn start_attempt(&mut self, start: Start) {
        let (parts, catalog) = (self.attempt.clone(), Arc::clone(&self.catalog.borrow()));
        let tell = self.tell.clone();
        self.tasks.spawn(attempt::run(parts, catalog, start, tell));
    }

    /// Leaves files where they (will) lie, unless that is known already; says when a restart would not forget it.
    pub(super) fn keep(&mut self, entries: Vec<LedgerEntry>, done: oneshot::Sender<()>) {
        let known = |known: &LedgerEntry| {
            let of_pipeline = self.known.get(&known.pipeline);
            of_pipeline.and_then(|all| all.get(&known.relative)) == Some(&known.identity)
        };
        let new: Vec<LedgerEntry> = entries.into_iter().filter(|one| !known(one)).collect();
        for entry in &new {
            self.known
                .entry(entry.pipeline.clone())
                .or_default()
                .insert(entry.relative.clone(), entry.identity);
            self.watcher
                .leave(&entry.pipeline, &entry.relative, entry.identity);
        }
        if new.is_empty() {
            // Nobody may be waiting.
            let _ = done.send(());
            return;
        }
        let put = self.store.ledger_put(new);
        self.tasks.spawn(async move {
            if let Err(error) = put.await {
                tracing::warn!(%error, "a kept original is not in the ledger: it may be processed again after a restart");
            }
            // Nobody may be waiting.
            let _ = done.send(());
        });
    }

    pub(super) fn stop(&mut self, job: JobId) {
        let cancelled = self.decider.is_cancelled(job);
        match self.stops.get(&job) {
            Some(handle) => handle.stop(if cancelled {
                Stop::Cancelled
            } else {
                Stop::Interrupted
            }),
            None => {
                self.stop_wanted.insert(job);
            }
        }
    }
}

fn pipeline_of(decider: &Decider, job: JobId) -> String {
    let job = decider.job(job);
    job.map_or_else(String::new, |job| job.accepted.pipeline.clone())
}
