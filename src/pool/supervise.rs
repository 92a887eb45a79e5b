//! Attends one attempt from its first word to the worker's death.
//!
//! The worker's words, its output, its death, the clocks and the wish to stop are waited for together; whichever comes
//! first, the attempt ends with exactly one `Ended`, and not before the worker is dead. A worker that is to stop is
//! asked, given a moment, and killed. Only one that may be used again lives on. The death of a worker is seen by its process,
//! not only by the end of its socket: something it left behind may hold that open.

mod clock;
mod end;
mod news;
mod rest;

use crate::durable::lent::Lent;
use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::StepPlace;
use crate::plugin::grants::Grant;
use crate::pool::Shared;
use crate::pool::blame::Scene;
use crate::pool::conduct::{Conduct, named};
use crate::pool::denials::Denied;
use crate::pool::start::{StartError, Worker};
use crate::pool::update::{Kin, Limits, Stop, Update, Urgency};
use crate::problem::{Code, Problem, chain};
use crate::wire::chatter::{Gate, Lines};
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{Place, Plan, ToDaemon, ToWorker};
use rustix::fs::OFlags;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Workers that may die between being looked at and being asked, before the attempt is given up.
const TRIES: u32 = 3;
/// Words that are heard before a denied call is counted, or what was printed is read.
const WORDS_BEFORE: u32 = 64;
/// Bytes of what was printed that are read at once.
const PRINTS: usize = 4096;

/// One attempt to attend.
pub(crate) struct Task {
    pub(crate) plan: Plan,
    pub(crate) input: Lent,
    pub(crate) grant: Grant,
    /// Whose workers it may have, and leave its own to.
    pub(crate) kin: Option<Kin>,
    pub(crate) limits: Limits,
    pub(crate) urgency: Urgency,
    pub(crate) updates: mpsc::Sender<Update>,
    pub(crate) stop: watch::Receiver<Option<Stop>>,
}

/// Runs the attempt to its end.
pub(crate) async fn attend(shared: &Arc<Shared>, mut task: Task) {
    let updates = task.updates.clone();
    let ended = match begin(shared, &mut task).await {
        Ok(worker) => Vigil::new(shared, task, worker).run().await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &ended {
        tracing::debug!(ending = ?failure.ending, code = failure.problem.code.as_str(), "attempt ended without a result");
    }
    // Where nobody listens any more, nobody needs to know.
    let _ = updates.send(Update::Ended(ended)).await;
}

/// Gives the plan to a blank worker, or to one that has run attempts of its kin. One that died while it waited (somebody killed
/// it, or memory was short) is nobody's fault, so another is asked.
async fn begin(shared: &Arc<Shared>, task: &mut Task) -> Result<Worker, Failure> {
    match rustix::fs::fcntl_getfl(&*task.input) {
        Ok(flags) if flags & OFlags::RWMODE == OFlags::RDONLY => {}
        _ => return Err(failed(Code::Internal, "the input is not opened read-only")),
    }
    let mut question = Box::new(task.plan.clone());
    let mut trouble = String::new();
    for _ in 0..TRIES {
        let worker = tokio::select! {
            worker = worker_for(shared, &task.grant, task.kin.as_ref()) => worker,
            why = stopped(&mut task.stop, shared) => return Err(stop_failure(why)),
            () = task.updates.closed() => return Err(stop_failure(Stop::Cancelled)),
        };
        let worker = worker.map_err(|error| Failure {
            ending: if error.lacks_room() || error.lacks_files() {
                Ending::Environment
            } else {
                Ending::Failed
            },
            problem: error.problem(),
        })?;
        question.rests = task.kin.is_some() && worker.attempts + 1 < shared.config.reuse;
        let said = ToWorker::Attempt(question);
        let told = worker.connection.say(&said, Some(task.input.as_fd()));
        trouble = match tokio::time::timeout(shared.config.start_limit, told).await {
            Ok(Ok(())) => return Ok(worker),
            Ok(Err(error @ FrameError::Socket { .. })) => chain(&error),
            Ok(Err(error)) => {
                return Err(failed(
                    Code::Internal,
                    &format!("failed to write down the plan: {}", chain(&error)),
                ));
            }
            Err(_) => "it did not read it".to_owned(),
        };
        let ToWorker::Attempt(again) = said else {
            break;
        };
        question = again;
    }
    let text = format!("failed to give a worker its plan: {trouble}");
    Err(failed(Code::WorkerFailed, &text))
}

async fn worker_for(
    shared: &Arc<Shared>,
    grant: &Grant,
    kin: Option<&Kin>,
) -> Result<Worker, StartError> {
    match kin.and_then(|kin| shared.rested(kin)) {
        Some(worker) => Ok(worker),
        None => Shared::worker(shared, grant).await,
    }
}

fn failed(code: Code, text: &str) -> Failure {
    Failure {
        ending: Ending::Failed,
        problem: Problem::new(code, text),
    }
}

async fn stopped(stop: &mut watch::Receiver<Option<Stop>>, shared: &Shared) -> Stop {
    tokio::select! {
        // A dropped handle only means that nobody will stop it that way.
        Ok(why) = stop.wait_for(Option::is_some) => (*why).unwrap_or(Stop::Cancelled),
        () = shared.interrupted.cancelled() => Stop::Interrupted,
    }
}

pub(super) fn stop_failure(why: Stop) -> Failure {
    match why {
        Stop::Cancelled => Failure {
            ending: Ending::Cancelled,
            problem: Problem::new(Code::Cancelled, "it was cancelled"),
        },
        Stop::Interrupted => Failure {
            ending: Ending::Interrupted,
            problem: Problem::new(Code::Interrupted, "the daemon stopped"),
        },
    }
}

/// What was waited for and came.
enum Came {
    Word(Result<Option<Frame<ToDaemon>>, FrameError>),
    Print,
    Denied(Denied),
    Death,
    Tick,
    Stop(Stop),
}

/// The vigil over one worker at work.
struct Vigil<'a> {
    shared: &'a Arc<Shared>,
    task: Task,
    worker: Worker,
    conduct: Conduct,
    lines: Lines,
    gate: Gate,
    began: Instant,
    step_began: Instant,
    /// The last sign of progress.
    alive: Instant,
    looked: Instant,
    /// A walk through the scratch folder that is under way.
    walk: Option<JoinHandle<Option<String>>>,
    most_data: u64,
    progress: Progress,
    warnings: u32,
    steps_failed: u32,
    /// Whether the worker waits for another attempt, as it says.
    rests: bool,
    /// Bytes of all results, and of why steps have failed.
    put_out: u64,
    reasons: usize,
    /// Whether the socket and the pipe are still open.
    hears: bool,
    sees: bool,
    /// Why we stop it; decides the attempt whatever the worker says after.
    reason: Option<Failure>,
    /// What the worker said last.
    verdict: Option<Result<Bill, Failure>>,
    kill_at: Option<Instant>,
    given_up_at: Option<Instant>,
}

#[derive(Default)]
struct Progress {
    last: Option<(Place, u64, u64)>,
    told: Option<Instant>,
    waiting: bool,
}

impl<'a> Vigil<'a> {
    fn new(shared: &'a Arc<Shared>, task: Task, worker: Worker) -> Self {
        let now = Instant::now();
        Self {
            shared,
            task,
            worker,
            conduct: Conduct::default(),
            lines: Lines::default(),
            gate: Gate::new(now),
            began: now,
            step_began: now,
            alive: now,
            looked: now,
            walk: None,
            most_data: 0,
            progress: Progress::default(),
            warnings: 0,
            steps_failed: 0,
            rests: false,
            put_out: 0,
            reasons: 0,
            hears: true,
            sees: true,
            reason: None,
            verdict: None,
            kill_at: None,
            given_up_at: None,
        }
    }

    async fn run(mut self) -> Result<Bill, Failure> {
        let (worker, sandbox) = (self.worker.process.id(), self.worker.sandbox.clone());
        if self.task.urgency == Urgency::Behind {
            self.worker.process.yield_to_others();
        }
        self.tell(Update::Began { worker, sandbox }).await;
        loop {
            match self.wait().await {
                Came::Word(word) => self.heard(word).await,
                Came::Print => self.read_prints().await,
                Came::Denied(call) => {
                    self.catch_up().await;
                    self.denied(call);
                }
                Came::Death => break,
                Came::Stop(why) => self.ask_to_stop(stop_failure(why)).await,
                Came::Tick => self.tick().await,
            }
            if std::mem::take(&mut self.rests) {
                match self.rest().await {
                    Ok(vitals) => return self.hand_back(vitals),
                    Err(why) => {
                        tracing::debug!(worker, why, "a worker is not used again");
                        self.kill();
                    }
                }
            }
            if self.given_up_at.is_some_and(|at| at <= Instant::now()) {
                break;
            }
        }
        self.conclude().await
    }

    /// Hears what the worker has said so far: a call that is held up belongs to the step that a word before it has begun, and so does
    /// what is printed. Not for ever, since a worker may never stop talking.
    async fn catch_up(&mut self) {
        for _ in 0..WORDS_BEFORE {
            match self.worker.connection.hear_now() {
                Ok(Some(word)) if self.hears => self.heard(Ok(Some(word))).await,
                Ok(_) => return,
                Err(error) => return self.heard(Err(error)).await,
            }
        }
    }

    /// Reads what was printed, for the step that printed it. What lies in the pipe is counted before the words are heard and no more
    /// than that is read: a step's beginning is said before it prints, and its end not before its prints have been read.
    async fn read_prints(&mut self) {
        let mut buffer = [0; PRINTS];
        let there = rustix::io::ioctl_fionread(&self.worker.output);
        let most = there.map_or(PRINTS, |count| usize::try_from(count).unwrap_or(PRINTS));
        self.catch_up().await;
        let output = &self.worker.output;
        match output.try_read(&mut buffer[..most.clamp(1, PRINTS)]) {
            Ok(count @ 1..) => {
                let lines = self.lines.push(&buffer[..count]);
                self.printed(lines).await;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.sees = false,
        }
    }

    async fn wait(&mut self) -> Came {
        let tick = tokio::time::sleep_until(self.next_tick().into());
        let Self {
            worker,
            task,
            shared,
            ..
        } = self;
        let Worker {
            process,
            connection,
            output,
            denials,
            ..
        } = worker;
        let gone = process.dead();
        tokio::select! {
            word = connection.hear(), if self.hears => Came::Word(word),
            _ready = output.readable(), if self.sees => Came::Print,
            call = denials.next() => Came::Denied(call),
            () = gone => Came::Death,
            why = stopped(&mut task.stop, shared), if self.reason.is_none() => Came::Stop(why),
            () = task.updates.closed(), if self.reason.is_none() => Came::Stop(Stop::Cancelled),
            () = tick => Came::Tick,
        }
    }

    fn named(&self, place: &Place) -> StepPlace {
        named(place, &self.task.plan)
    }

    /// Why a step that the worker was told not to run has failed; no worker need say it.
    fn given_up_on(&self, place: &Place) -> Option<&Problem> {
        let step = self.task.plan.steps.get(place.step as usize)?;
        step.given_up_on(place)
    }

    fn known_step(&self, step: Option<String>) -> Option<String> {
        step.filter(|id| self.task.plan.steps.iter().any(|known| &known.id == id))
    }

    fn scene(&self) -> Scene<'_> {
        scene(&self.conduct, &self.task.plan, &self.progress)
    }

    fn scene_of(&self, place: &Place) -> Scene<'_> {
        Scene {
            step: self.task.plan.steps.get(place.step as usize),
            page: self.page(),
        }
    }

    fn page(&self) -> Option<u64> {
        page(&self.progress, self.conduct.pages())
    }
}

fn scene<'p>(conduct: &Conduct, plan: &'p Plan, progress: &Progress) -> Scene<'p> {
    let step = conduct
        .running()
        .and_then(|place| plan.steps.get(place.step as usize));
    Scene {
        step,
        page: step.and_then(|_| page(progress, conduct.pages())),
    }
}

/// The page after the last one that was reported done. An operation may count other things: it counts the pages where there are as
/// many as the one document has.
fn page(progress: &Progress, pages: u64) -> Option<u64> {
    match &progress.last {
        Some((place, done, total)) if place.parts == 1 && *total > 0 && *total == pages => {
            Some(done.saturating_add(1).min(pages))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_only_where_pages_are_counted() {
        let told = |done, total, parts| {
            let place = Place {
                step: 0,
                part: 1,
                parts,
            };
            let progress = Progress {
                last: Some((place, done, total)),
                ..Progress::default()
            };
            page(&progress, 12)
        };
        assert_eq!(told(0, 12, 1), Some(1));
        assert_eq!(told(12, 12, 1), Some(12), "it is at the last one");
        assert_eq!(told(30, 31, 1), None, "objects, pictures, ...");
        assert_eq!(told(0, 0, 1), None);
        assert_eq!(told(0, 12, 2), None, "nobody said how many that one has");
        assert_eq!(page(&Progress::default(), 12), None);
    }
}
