//! One attempt as the daemon sees it: a plan goes to a worker, results come back and are staged beside their destination.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{JobEvent, PluginUse, Started, StepName};
use crate::job::id::JobId;
use crate::job::redo::{MoveKind, Redo};
use crate::pipeline::checked::Original;
use crate::plugin::catalog::Catalog;
use crate::pool::Pool;
use crate::pool::update::{Limits, Stop, StopHandle, Update};
use crate::problem::{Code, Problem};
use crate::scheduler::contract::Contract;
use crate::scheduler::input::{Input, Start};
use crate::scheduler::moves::{self, Brought, Outcome, Piece};
use crate::scheduler::planning::{Bounds, Planned, plan};
use crate::spool::Spool;
use serde_json::json;
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
    let held = start.accepted.held.0.clone();
    let spool = parts.spool.clone();
    let input = blocking(move || spool.open_input(&held))
        .await?
        .map_err(|error| {
            let problem = Problem::new(Code::InputVanished, error.to_string());
            Failure {
                ending: Ending::Rejected,
                problem: problem.hint("drop the file into its inbox once more"),
            }
        })?;
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
    let mut staging = Staging::default();
    while let Some(update) = running.updates.recv().await {
        match update {
            Update::Ended(ended) => {
                if staging.is_under_way() {
                    let job = start.job;
                    tell(told, job, Told::Input(Input::WorkerDone { job })).await;
                }
                let outcomes = staging.finish(parts, start).await;
                let ended = match (broken, ended) {
                    (Some(failure), _) => Err(failure),
                    (None, Ok(bill)) => contract.all(&running.stop).await.map(|()| bill),
                    (None, Err(failure)) => Err(failure),
                };
                return match (ended, outcomes) {
                    (Ok(bill), Ok(outcomes)) => {
                        finish(parts, start, outcomes, bill, &plugins).await
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
                staging.add(parts, start, piece).await?;
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
                staging.add(parts, start, piece).await?;
            }
            Update::Opened { pages } => contract.opened(pages),
            other => relay(start, &plugins, other, told).await,
        }
    }
    let problem = Problem::new(Code::Internal, "the attempt ended without a word");
    Err(Failure {
        ending: Ending::Failed,
        problem,
    })
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

async fn tell(told: &Tell, job: JobId, what: Told) {
    // A closed loop listens to nobody any more.
    let _ = told.send((job, what)).await;
}

/// The results of one attempt on their way to their destination's file system: one after the other, because names are
/// numbered in their order, while the worker goes on.
#[derive(Default)]
struct Staging {
    done: Vec<Outcome>,
    next: Option<JoinHandle<Result<Outcome, Failure>>>,
}

impl Staging {
    fn is_under_way(&self) -> bool {
        self.next.as_ref().is_some_and(|next| !next.is_finished())
    }

    async fn add(&mut self, parts: &Parts, start: &Start, piece: Piece) -> Result<(), Failure> {
        self.settle(parts, start).await?;
        let (spool, again) = (parts.spool.clone(), start.clone());
        let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
        let work = move || moves::stage(&spool, &again, number, piece);
        self.next = Some(tokio::task::spawn_blocking(work));
        Ok(())
    }

    async fn finish(mut self, parts: &Parts, start: &Start) -> Result<Vec<Outcome>, Failure> {
        self.settle(parts, start).await?;
        Ok(self.done)
    }

    /// Waits for the one under way. Where it fails, all are given up.
    async fn settle(&mut self, parts: &Parts, start: &Start) -> Result<(), Failure> {
        let Some(next) = self.next.take() else {
            return Ok(());
        };
        match next.await.map_err(panicked).and_then(|staged| staged) {
            Ok(outcome) => {
                self.done.push(outcome);
                Ok(())
            }
            Err(failure) => {
                discard(parts, start.job, std::mem::take(&mut self.done)).await;
                Err(failure)
            }
        }
    }
}

async fn finish(
    parts: &Parts,
    start: &Start,
    outcomes: Vec<Outcome>,
    bill: Bill,
    plugins: &[PluginUse],
) -> Result<(Redo, Bill), Failure> {
    let (spool, again, plugins) = (parts.spool.clone(), start.clone(), json!(plugins));
    let list = move || {
        let brought = Brought {
            start: &again,
            outcomes: &outcomes,
            bill: &bill,
            plugins,
        };
        match moves::success(&spool, &brought) {
            Ok(redo) => Ok((redo, bill)),
            Err(failure) => {
                spool.discard(again.job, &temps(outcomes));
                Err(failure)
            }
        }
    };
    // Only receipts are written to the disk, and only for the name of an original that is kept is the disk looked at.
    if start.pipeline.output.receipt || start.pipeline.original == Original::Keep {
        blocking(list).await?
    } else {
        list()
    }
}

async fn discard(parts: &Parts, job: JobId, outcomes: Vec<Outcome>) {
    let spool = parts.spool.clone();
    // What stays behind here is swept at the next start.
    let _ = blocking(move || spool.discard(job, &temps(outcomes))).await;
}

fn temps(outcomes: Vec<Outcome>) -> Vec<PathBuf> {
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

fn panicked(error: JoinError) -> Failure {
    Failure {
        ending: Ending::Failed,
        problem: Problem::new(Code::Internal, format!("file work panicked: {error}")),
    }
}
