//! One attempt as the daemon sees it: a plan goes to a worker, results come back and are staged beside their destination.

use crate::durable::lent::Lent;
use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{JobEvent, PluginUse, Started, StepName};
use crate::job::id::JobId;
use crate::job::redo::{MoveKind, Redo};
use crate::plugin::catalog::Catalog;
use crate::pool::Pool;
use crate::pool::update::{Limits, Stop, StopHandle, Update};
use crate::problem::{Code, Problem};
use crate::scheduler::contract::Contract;
use crate::scheduler::disks::{Disks, Silent};
use crate::scheduler::finish::{Success, finish};
use crate::scheduler::input::{Input, Start};
use crate::scheduler::moves::{self, Outcome, Piece};
use crate::scheduler::planning::{Bounds, Planned, plan};
use crate::spool::{OpenError, Spool};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

/// The parts that an attempt needs.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Workers.
    pub pool: Pool,
    /// File moves.
    pub spool: Spool,
    /// How the folders in use are.
    pub disks: Disks,
    /// What bounds it.
    pub bounds: Bounds,
}

/// What an attempt tells besides events: for the feed only.
#[derive(Debug)]
pub enum Aside {
    /// The attempt can be stopped by this.
    Stop(StopHandle),
    /// How far a step is.
    Progress {
        /// The step's id.
        step: String,
        /// Its place, from 0.
        index: u32,
        /// How many steps there are.
        steps: u32,
        /// Which document, from 1.
        part: u32,
        /// Of how many.
        parts: u32,
        /// Done so far.
        done: u64,
        /// Of how many; 0 = unknown.
        total: u64,
    },
    /// A log line.
    Log {
        /// The step.
        step: Option<String>,
        /// `trace` to `error`.
        level: String,
        /// One line.
        message: String,
    },
}

/// Where an attempt tells what happens.
#[derive(Debug)]
pub enum Told {
    /// To the decider.
    Input(Input),
    /// To the feed.
    Aside(Aside),
}

/// Where attempts tell what happens to which job.
pub type Tell = mpsc::Sender<(JobId, Told)>;

/// Runs one attempt to its end. The last thing told is `Input::AttemptEnded`.
pub async fn run(parts: Parts, catalog: Arc<Catalog>, start: Start, told: Tell) {
    let job = start.job;
    let result = attempt(&parts, &catalog, &start, &told).await;
    let ended = Told::Input(Input::AttemptEnded { job, result });
    tell(&told, job, ended).await;
}

async fn attempt(
    parts: &Parts,
    catalog: &Catalog,
    start: &Start,
    told: &Tell,
) -> Result<(Redo, Bill), Failure> {
    let planned = plan(catalog, start, parts.bounds)?;
    let inbox = [start.pipeline.watch.folder.clone()];
    let input = open(parts, start, &inbox, told).await?;
    let limits = Limits {
        deadline: start.pipeline.timeout,
        stall: start.pipeline.stalled_after,
    };
    let mut contract = Contract::new(&parts.pool, start, &planned, &input);
    let Planned {
        plan,
        plugins,
        grant,
        kin,
        ..
    } = planned;
    let mut broken = None;
    let mut running = match kin {
        Some(kin) => parts.pool.run_among(plan, input, kin, limits),
        None => parts.pool.run(plan, input, grant, limits),
    };
    tell(
        told,
        start.job,
        Told::Aside(Aside::Stop(running.stop.clone())),
    )
    .await;
    let mut staging = Staging::new(parts, start, told);
    let mut is_open = false;
    loop {
        let mut next = std::pin::pin!(running.updates.recv());
        let update = if is_open {
            next.as_mut().await
        } else {
            // Nobody knows how much of it the worker has read; without an answer it would read on until its time is over.
            let next = parts.disks.patiently(&inbox, &mut next).await;
            next.map_err(|silent| unanswered(&silent))?
        };
        let Some(update) = update else {
            break;
        };
        match update {
            Update::Ended(ended) => {
                if staging.is_under_way() {
                    worker_done(told, start.job).await;
                }
                let outcomes = staging.finish().await;
                let ended = match (broken, ended) {
                    (Some(failure), _) => Err(failure),
                    (None, Ok(bill)) => contract.all(&running.stop).await.map(|()| bill),
                    (None, Err(failure)) => Err(excused(parts, &inbox, failure)),
                };
                return match (ended, outcomes) {
                    (Ok(bill), Ok(outcomes)) => {
                        finish(
                            parts,
                            start,
                            told,
                            Success {
                                outcomes,
                                bill,
                                plugins,
                            },
                        )
                        .await
                    }
                    (Err(failure), Ok(outcomes)) => {
                        discard(parts, start.job, outcomes).await;
                        Err(failure)
                    }
                    (Err(failure), Err(_)) | (Ok(_), Err(failure)) => Err(failure),
                };
            }
            // The attempt is over; only its last words are still waited for.
            Update::Output { .. } | Update::Artifact { .. } if broken.is_some() => {}
            Update::Output {
                pages,
                name,
                folder,
                file,
                ..
            } => {
                let pages = match contract.result(&file, pages, &running.stop).await {
                    Ok(pages) => pages,
                    Err(failure) => {
                        broken = Some(failure);
                        running.stop.stop(Stop::Cancelled);
                        continue;
                    }
                };
                let mime = "application/pdf".to_owned();
                let piece = Piece {
                    file,
                    name,
                    folder,
                    kind: MoveKind::Document,
                    mime,
                    pages: Some(pages),
                };
                staging.add(piece, &running.stop).await?;
            }
            Update::Artifact {
                name,
                mime,
                folder,
                file,
                ..
            } => {
                let piece = Piece {
                    file,
                    name,
                    folder,
                    kind: MoveKind::Artifact,
                    mime,
                    pages: None,
                };
                staging.add(piece, &running.stop).await?;
            }
            Update::Opened { pages } => {
                is_open = true;
                contract.opened(pages);
            }
            other => relay(start, &plugins, other, told).await,
        }
    }
    let problem = Problem::new(Code::Internal, "the attempt ended without a word");
    Err(Failure {
        ending: Ending::Failed,
        problem,
    })
}

/// Opens the original. Where its folder does not answer, the worker's place is free for others.
async fn open(
    parts: &Parts,
    start: &Start,
    inbox: &[PathBuf],
    told: &Tell,
) -> Result<File, Failure> {
    let (spool, held) = (parts.spool.clone(), start.accepted.held.0.clone());
    let mark = start.held_in.clone();
    let mut opening = tokio::task::spawn_blocking(move || spool.open_input(&held, mark.as_deref()));
    let opened = match parts.disks.patiently(inbox, &mut opening).await {
        Ok(opened) => opened.map_err(panicked)?,
        Err(silent) => {
            worker_done(told, start.job).await;
            // The attempt is not begun anew before this call has come back.
            drop(opening.await.map(|opened| opened.map(Lent::from)));
            return Err(unanswered(&silent));
        }
    };
    opened.map_err(|error| unopened(&error, start.pipeline.watch.done_file.is_some()))
}

fn unopened(error: &OpenError, has_done_file: bool) -> Failure {
    let detail = crate::problem::chain(error);
    let (ending, code, hint) = match (error, has_done_file) {
        (OpenError::Replaced(_), _) => (
            Ending::Environment,
            Code::FolderBlocked,
            "put the old folder back; the job goes on by itself",
        ),
        (OpenError::Gone(_) | OpenError::Away(_) | OpenError::Folder(_), _) => (
            Ending::Environment,
            Code::FolderBlocked,
            "mount it again, or put it right; the job goes on by itself",
        ),
        (OpenError::File(_), true) => (
            Ending::Rejected,
            Code::InputVanished,
            "drop the file into its inbox once more, and its done file after it",
        ),
        (OpenError::File(_), false) => (
            Ending::Rejected,
            Code::InputVanished,
            "drop the file into its inbox once more",
        ),
    };
    let problem = Problem::new(code, detail).hint(hint);
    Failure { ending, problem }
}

pub(super) async fn worker_done(told: &Tell, job: JobId) {
    tell(told, job, Told::Input(Input::WorkerDone { job })).await;
}

/// The attempt is over because a folder does not answer; that is no fault of the document.
fn unanswered(silent: &Silent) -> Failure {
    let folder = silent.folder.display();
    let detail = format!("`{folder}` does not answer (a network mount that hangs?)");
    Failure {
        ending: Ending::Environment,
        problem: Problem::new(Code::FolderBlocked, detail)
            .hint("look after its server; the job goes on by itself"),
    }
}

/// A worker that ran out of time, or into an error, while its input does not answer.
fn excused(parts: &Parts, inbox: &[PathBuf], failure: Failure) -> Failure {
    match (failure.ending, parts.disks.silent_of(inbox)) {
        (Ending::Failed | Ending::TimedOut | Ending::Crashed, Some(silent)) => unanswered(&silent),
        _ => failure,
    }
}

/// What neither ends the attempt nor brings a file.
async fn relay(start: &Start, plugins: &[PluginUse], update: Update, told: &Tell) {
    let job = start.job;
    let steps = &start.pipeline.steps;
    let event = match update {
        Update::Began { worker, sandbox } => JobEvent::Started(Started {
            attempt: start.attempt,
            revision: start.pipeline.revision.clone(),
            worker,
            sandbox,
            plugins: plugins.to_vec(),
            steps: steps
                .iter()
                .map(|step| StepName {
                    id: step.id.clone(),
                    uses: step.uses(),
                })
                .collect(),
        }),
        Update::StepStarted(place) => JobEvent::StepStarted(place),
        Update::StepFinished(finished) => JobEvent::StepFinished(finished),
        Update::StepSkipped(skipped) => JobEvent::StepSkipped(skipped),
        Update::StepFailed(failed) => JobEvent::StepFailed(failed),
        Update::Warning(warned) => JobEvent::Warned(warned),
        Update::Crashed(crashed) => JobEvent::WorkerCrashed(crashed),
        Update::Progress { place, done, total } => {
            let steps = u32::try_from(steps.len()).unwrap_or(u32::MAX);
            let aside = Aside::Progress {
                step: place.step,
                index: place.index,
                steps,
                part: place.part,
                parts: place.parts,
                done,
                total,
            };
            return tell(told, job, Told::Aside(aside)).await;
        }
        Update::Log {
            step,
            level,
            message,
        } => {
            return tell(
                told,
                job,
                Told::Aside(Aside::Log {
                    step,
                    level,
                    message,
                }),
            )
            .await;
        }
        Update::Opened { .. }
        | Update::Output { .. }
        | Update::Artifact { .. }
        | Update::Ended(_) => return,
    };
    tell(told, job, Told::Input(Input::Told { job, event })).await;
}

pub(super) async fn tell(told: &Tell, job: JobId, what: Told) {
    // A closed loop listens to nobody any more.
    let _ = told.send((job, what)).await;
}

/// The results of one attempt on their way to their destination's file system: one after the other, because names are
/// numbered in their order, while the worker goes on.
struct Staging<'a> {
    parts: &'a Parts,
    start: &'a Start,
    told: &'a Tell,
    done: Vec<Outcome>,
    next: Option<JoinHandle<Result<Outcome, Failure>>>,
}

impl<'a> Staging<'a> {
    fn new(parts: &'a Parts, start: &'a Start, told: &'a Tell) -> Self {
        Self {
            parts,
            start,
            told,
            done: Vec::new(),
            next: None,
        }
    }

    fn is_under_way(&self) -> bool {
        self.next.as_ref().is_some_and(|next| !next.is_finished())
    }

    /// Stages a piece once the one before it is staged.
    async fn add(&mut self, piece: Piece, worker: &StopHandle) -> Result<(), Failure> {
        self.settle(worker).await?;
        let (spool, again) = (self.parts.spool.clone(), self.start.clone());
        let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
        let work = move || moves::stage(&spool, &again, number, piece);
        self.next = Some(tokio::task::spawn_blocking(work));
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<Outcome>, Failure> {
        if let Some(next) = self.next.take() {
            self.took(next.await).await?;
        }
        Ok(self.done)
    }

    /// Waits for the one under way. Where its folder does not answer meanwhile the worker is stopped, and its place is free for others.
    async fn settle(&mut self, worker: &StopHandle) -> Result<(), Failure> {
        let Some(mut next) = self.next.take() else {
            return Ok(());
        };
        let outbox = [self.start.pipeline.output.root.clone()];
        match self.parts.disks.patiently(&outbox, &mut next).await {
            Ok(staged) => self.took(staged).await,
            Err(silent) => {
                worker.stop(Stop::Cancelled);
                worker_done(self.told, self.start.job).await;
                self.took(next.await).await?;
                self.give_up().await;
                Err(unanswered(&silent))
            }
        }
    }

    /// Where one fails, all are given up.
    async fn took(
        &mut self,
        staged: Result<Result<Outcome, Failure>, JoinError>,
    ) -> Result<(), Failure> {
        match staged.map_err(panicked).and_then(|staged| staged) {
            Ok(outcome) => {
                self.done.push(outcome);
                Ok(())
            }
            Err(failure) => {
                self.give_up().await;
                Err(failure)
            }
        }
    }

    async fn give_up(&mut self) {
        let done = std::mem::take(&mut self.done);
        discard(self.parts, self.start.job, done).await;
    }
}

async fn discard(parts: &Parts, job: JobId, outcomes: Vec<Outcome>) {
    let spool = parts.spool.clone();
    // What stays behind here is swept at the next start.
    let _ = blocking(move || spool.discard(job, &temps(outcomes))).await;
}

pub(super) fn temps(outcomes: Vec<Outcome>) -> Vec<PathBuf> {
    outcomes
        .into_iter()
        .map(|outcome| outcome.staged.temp)
        .collect()
}

/// Runs file work off the async threads; a panic there is this attempt's failure only.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(panicked)
}

pub(super) fn panicked(error: JoinError) -> Failure {
    Failure {
        ending: Ending::Failed,
        problem: Problem::new(Code::Internal, format!("file work panicked: {error}")),
    }
}
