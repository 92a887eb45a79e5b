//! Attends one attempt from its first word to the worker's death.
//!
//! The worker's words, its output, its death, the clocks and the wish to stop are waited for together; whichever comes
//! first, the attempt ends with exactly one `Ended`, and not before the worker is dead. A worker that is to stop is
//! asked, given a moment, and killed. The death of a worker is seen by its process, not only by the end of its socket:
//! something it left behind may hold that open.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{StepFailed, StepFinished, StepPlace, StepSkipped, Warned, WorkerCrashed};
use crate::pool::Shared;
use crate::pool::blame::{self, Autopsy, Scene};
use crate::pool::conduct::{Conduct, named};
use crate::pool::process::{Death, vitals};
use crate::pool::received;
use crate::pool::start::{Worker, listen_to_the_end};
use crate::pool::update::{Limits, Stop, Update};
use crate::problem::{Code, Problem, chain};
use crate::wire::chatter::{Gate, Lines, printable};
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{Place, Plan, ToDaemon, ToWorker};
use rustix::fs::OFlags;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};

/// Between two looks at the worker's memory.
const LOOK: Duration = Duration::from_millis(200);
/// Between two pieces of progress of one attempt.
const PROGRESS: Duration = Duration::from_millis(50);
/// For a worker to die after its last word, or after it closed its socket.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// For a killed worker to be gone; one that hangs in the kernel is left to the reaper.
const BURIAL: Duration = Duration::from_secs(5);
/// Warnings of one attempt that are passed on.
const MOST_WARNINGS: u32 = 200;

/// One attempt to attend.
pub(crate) struct Task {
    pub(crate) plan: Plan,
    pub(crate) input: File,
    pub(crate) limits: Limits,
    pub(crate) updates: mpsc::Sender<Update>,
    pub(crate) stop: watch::Receiver<Option<Stop>>,
}

/// Runs the attempt to its end.
pub(crate) async fn attend(shared: &Arc<Shared>, mut task: Task) {
    let updates = task.updates.clone();
    let ended = match begin(shared, &mut task).await {
        Ok(worker) => Watch::new(shared, task, worker).run().await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &ended {
        tracing::debug!(ending = ?failure.ending, code = failure.problem.code.as_str(), "attempt ended without a result");
    }
    // Where nobody listens any more, nobody needs to know.
    let _ = updates.send(Update::Ended(ended)).await;
}

async fn begin(shared: &Arc<Shared>, task: &mut Task) -> Result<Worker, Failure> {
    let failed = |code, text: String| Failure {
        ending: Ending::Failed,
        problem: Problem::new(code, text),
    };
    match rustix::fs::fcntl_getfl(&task.input) {
        Ok(flags) if flags & OFlags::RWMODE == OFlags::RDONLY => {}
        _ => {
            return Err(failed(
                Code::Internal,
                "the input is not opened read-only".into(),
            ));
        }
    }
    let worker = tokio::select! {
        worker = Shared::worker(shared) => worker,
        why = stopped(&mut task.stop, shared) => return Err(stop_failure(why)),
        () = task.updates.closed() => return Err(stop_failure(Stop::Cancelled)),
    };
    let worker = worker.map_err(|error| Failure {
        ending: Ending::Failed,
        problem: error.problem(),
    })?;
    let question = ToWorker::Attempt(Box::new(task.plan.clone()));
    let input = task.input.as_fd();
    let told = worker.connection.say(&question, Some(input));
    match tokio::time::timeout(shared.config.start_limit, told).await {
        Ok(Ok(())) => Ok(worker),
        Ok(Err(error)) => Err(failed(
            Code::WorkerFailed,
            format!("failed to give a worker its plan: {}", chain(&error)),
        )),
        Err(_) => Err(failed(
            Code::WorkerFailed,
            "a worker did not take its plan".into(),
        )),
    }
}

async fn stopped(stop: &mut watch::Receiver<Option<Stop>>, shared: &Shared) -> Stop {
    tokio::select! {
        // A dropped handle only means that nobody will stop it that way.
        Ok(why) = stop.wait_for(Option::is_some) => (*why).unwrap_or(Stop::Cancelled),
        () = shared.interrupted.cancelled() => Stop::Interrupted,
    }
}

fn stop_failure(why: Stop) -> Failure {
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
    Print(std::io::Result<usize>),
    Death,
    Tick,
    Stop(Stop),
}

/// The watch over one worker at work.
struct Watch<'a> {
    shared: &'a Shared,
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
    most_data: u64,
    progress: Progress,
    warnings: u32,
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

impl<'a> Watch<'a> {
    fn new(shared: &'a Shared, task: Task, worker: Worker) -> Self {
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
            most_data: 0,
            progress: Progress::default(),
            warnings: 0,
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
        self.tell(Update::Began { worker, sandbox }).await;
        let mut buffer = [0; 4096];
        loop {
            match self.wait(&mut buffer).await {
                Came::Word(word) => self.heard(word).await,
                Came::Print(Ok(count @ 1..)) => {
                    let lines = self.lines.push(&buffer[..count]);
                    self.printed(lines).await;
                }
                Came::Print(_) => self.sees = false,
                Came::Death => break,
                Came::Stop(why) => self.ask_to_stop(stop_failure(why)).await,
                Came::Tick => self.tick().await,
            }
            if self.given_up_at.is_some_and(|at| at <= Instant::now()) {
                break;
            }
        }
        self.conclude().await
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Came {
        let tick = tokio::time::sleep_until(self.next_tick().into());
        let Self {
            worker,
            task,
            shared,
            ..
        } = self;
        let gone = worker.process.dead();
        tokio::select! {
            word = worker.connection.hear(), if self.hears => Came::Word(word),
            count = worker.output.read(buffer), if self.sees => Came::Print(count),
            () = gone => Came::Death,
            why = stopped(&mut task.stop, shared), if self.reason.is_none() => Came::Stop(why),
            () = task.updates.closed(), if self.reason.is_none() => Came::Stop(Stop::Cancelled),
            () = tick => Came::Tick,
        }
    }

    /// The next moment at which something is to be done without the worker's doing.
    fn next_tick(&self) -> Instant {
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

    fn step_limit(&self) -> Option<Duration> {
        let place = self.conduct.running()?;
        let step = self.task.plan.steps.get(place.step as usize)?;
        step.timeout_ms.map(Duration::from_millis)
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.looked + LOOK {
            self.looked = now;
            self.most_data = self.most_data.max(vitals(self.worker.process.id()).data);
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

    fn limit_passed(&self, now: Instant) -> Option<Problem> {
        let Limits { deadline, stall } = self.task.limits;
        if let Some(limit) = self.step_limit()
            && now >= self.step_began + limit
        {
            let text = format!("the step took longer than {}", in_words(limit));
            return Some(Problem::new(Code::TimedOut, text).hint("raise the step's `timeout`"));
        }
        if now >= self.began + deadline {
            let text = format!("the attempt took longer than {}", in_words(deadline));
            return Some(Problem::new(Code::TimedOut, text).hint("raise the pipeline's `timeout`"));
        }
        if now >= self.alive + stall {
            let text = format!("there was no progress for {}", in_words(stall));
            return Some(
                Problem::new(Code::Stalled, text)
                    .hint("raise the pipeline's `stalled_after` if the operation is only slow"),
            );
        }
        None
    }

    /// Asks the worker to stop and sets the time of its death.
    async fn ask_to_stop(&mut self, reason: Failure) {
        self.reason = Some(reason);
        self.kill_at = Some(Instant::now() + self.shared.config.grace);
        let asked = self.worker.connection.say(&ToWorker::Cancel, None);
        // A worker that does not hear it is killed all the same.
        let _ = tokio::time::timeout(Duration::from_millis(50), asked).await;
    }

    fn kill(&mut self) {
        self.kill_at = None;
        self.worker.process.kill();
        self.given_up_at = Some(Instant::now() + BURIAL);
    }

    /// Ends the attempt because of what the worker said.
    fn convict(&mut self, text: String) {
        if self.reason.is_none() {
            let problem = Problem::new(
                Code::WorkerFailed,
                format!("a worker broke its protocol: {text}"),
            )
            .hint("a plugin of this pipeline may be broken or hostile");
            self.reason = Some(Failure {
                ending: Ending::Failed,
                problem: self.scene().place(problem),
            });
        }
        self.hears = false;
        self.kill();
    }

    async fn heard(&mut self, word: Result<Option<Frame<ToDaemon>>, FrameError>) {
        match word {
            Ok(Some(frame)) => {
                if let Err(lie) = self.conduct.check(&frame.message, &self.task.plan) {
                    return self.convict(lie.to_string());
                }
                if self.reason.is_none() {
                    self.act(frame).await;
                }
            }
            Ok(None) | Err(FrameError::Socket { .. }) => {
                self.hears = false;
                self.kill_at.get_or_insert(Instant::now() + LAST_BREATH);
            }
            Err(FrameError::Torn { .. }) => {
                self.hears = false;
                self.kill_at.get_or_insert(Instant::now() + LAST_BREATH);
            }
            Err(error) => self.convict(error.to_string()),
        }
    }

    async fn act(&mut self, frame: Frame<ToDaemon>) {
        let Frame {
            message,
            descriptor,
        } = frame;
        if let ToDaemon::Progress { place, done, total } = message {
            return self.progressed(place, done, total).await;
        }
        if !matches!(message, ToDaemon::Log { .. } | ToDaemon::Warning { .. }) {
            self.alive = Instant::now();
            self.tell_progress_now().await;
        }
        match (message, descriptor) {
            (ToDaemon::Opened { pages }, _) => self.tell(Update::Opened { pages }).await,
            (ToDaemon::StepStarted(place), _) => {
                self.step_began = Instant::now();
                self.progress = Progress::default();
                let place = self.named(&place);
                self.tell(Update::StepStarted(place)).await;
            }
            (
                ToDaemon::StepFinished {
                    place,
                    ms,
                    documents,
                    results,
                },
                _,
            ) => {
                let place = self.named(&place);
                self.tell(Update::StepFinished(StepFinished {
                    place,
                    ms,
                    documents,
                    results,
                }))
                .await;
            }
            (ToDaemon::StepSkipped { place, condition }, _) => {
                let place = self.named(&place);
                self.tell(Update::StepSkipped(StepSkipped { place, condition }))
                    .await;
            }
            (
                ToDaemon::StepFailed {
                    place,
                    ms,
                    problem,
                    continued,
                },
                _,
            ) => {
                let problem = self.scene_of(&place).place(problem);
                let place = self.named(&place);
                self.tell(Update::StepFailed(StepFailed {
                    place,
                    ms,
                    problem,
                    continued,
                }))
                .await;
            }
            (
                ToDaemon::Log {
                    step,
                    level,
                    message,
                },
                _,
            ) => self.logged(step, level, &message).await,
            (
                ToDaemon::Warning {
                    step,
                    code,
                    message,
                },
                _,
            ) => self.warned(step, &code, &message).await,
            (
                ToDaemon::Artifact {
                    step,
                    name,
                    mime,
                    part,
                    folder,
                },
                Some(file),
            ) => match received::sealed(file) {
                Ok(file) => {
                    let mime = printable(&mime);
                    self.tell(Update::Artifact {
                        step,
                        name,
                        mime,
                        part,
                        folder,
                        file,
                    })
                    .await;
                }
                Err(lie) => self.convict(lie.into()),
            },
            (
                ToDaemon::Output {
                    part,
                    pages,
                    name,
                    folder,
                },
                Some(file),
            ) => match received::document(file) {
                Ok(file) => {
                    self.tell(Update::Output {
                        part,
                        pages,
                        name,
                        folder,
                        file,
                    })
                    .await
                }
                Err(lie) => self.convict(lie.into()),
            },
            (ToDaemon::Finished { bill }, _) => self.last_word(Ok(bill)),
            (
                ToDaemon::Failed {
                    rejected,
                    cancelled,
                    problem,
                },
                _,
            ) => {
                let failure = self.failed(rejected, cancelled, problem);
                self.last_word(Err(failure));
            }
            // The conduct lets no other message through.
            _ => {}
        }
    }

    fn last_word(&mut self, verdict: Result<Bill, Failure>) {
        self.verdict = Some(verdict);
        self.kill_at = Some(Instant::now() + LAST_BREATH);
    }

    fn failed(&self, rejected: bool, cancelled: bool, mut problem: Problem) -> Failure {
        // Nobody asked it to stop, or this would not be looked at.
        if cancelled {
            problem = Problem::new(Code::WorkerFailed, "a worker stopped without being asked");
        }
        let step = problem.step.take();
        let known = self
            .task
            .plan
            .steps
            .iter()
            .find(|known| Some(&known.id) == step.as_ref());
        let scene = Scene {
            step: known,
            page: self.page(),
        };
        Failure {
            ending: if rejected {
                Ending::Rejected
            } else {
                Ending::Failed
            },
            problem: scene.place(problem),
        }
    }

    async fn progressed(&mut self, place: Place, done: u64, total: u64) {
        let now = Instant::now();
        let news = Some((place, done, total));
        if self.progress.last == news {
            return;
        }
        self.alive = now;
        self.progress.last = news;
        self.progress.waiting = true;
        self.tell_progress(now).await;
    }

    async fn tell_progress(&mut self, now: Instant) {
        let due = self.progress.told.is_none_or(|told| now >= told + PROGRESS);
        if self.progress.waiting && due {
            self.tell_progress_now().await;
        }
    }

    async fn tell_progress_now(&mut self) {
        if !std::mem::take(&mut self.progress.waiting) {
            return;
        }
        self.progress.told = Some(Instant::now());
        if let Some((place, done, total)) = self.progress.last.clone() {
            let place = self.named(&place);
            self.tell(Update::Progress { place, done, total }).await;
        }
    }

    async fn logged(&mut self, step: Option<String>, level: String, message: &str) {
        let message = printable(message);
        if !self.gate.admits(message.len(), Instant::now()) {
            return;
        }
        let known = ["trace", "debug", "info", "warn", "error"].contains(&level.as_str());
        let level = if known { level } else { "info".into() };
        let step = self.known_step(step);
        self.tell(Update::Log {
            step,
            level,
            message,
        })
        .await;
    }

    async fn printed(&mut self, lines: Vec<String>) {
        for line in lines {
            let step = self.scene().step.map(|step| step.id.clone());
            self.logged(step, "info".into(), &line).await;
        }
    }

    async fn warned(&mut self, step: Option<String>, code: &str, message: &str) {
        self.warnings += 1;
        if self.warnings > MOST_WARNINGS {
            return;
        }
        let step = self.known_step(step);
        let (code, message) = (printable(code), printable(message));
        self.tell(Update::Warning(Warned {
            step,
            code,
            message,
        }))
        .await;
    }

    /// Passes news on. While the reader is behind, the worker's stall limit does not run.
    async fn tell(&mut self, update: Update) {
        let update = match self.task.updates.try_send(update) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Closed(_)) => return,
            Err(mpsc::error::TrySendError::Full(update)) => update,
        };
        let blocked = Instant::now();
        // A closed channel is seen at the next wait.
        let _ = self.task.updates.send(update).await;
        self.alive += blocked.elapsed();
        self.step_began += blocked.elapsed();
    }

    /// The worker is dead, or given up: what it left in its pipes, and what that makes of the attempt.
    async fn conclude(mut self) -> Result<Bill, Failure> {
        let cpu = vitals(self.worker.process.id()).cpu;
        while self.hears {
            match tokio::time::timeout(Duration::from_millis(100), self.worker.connection.hear())
                .await
            {
                Ok(word) => self.heard(word).await,
                Err(_) => self.hears = false,
            }
        }
        if self.sees {
            let lines = listen_to_the_end(&mut self.worker.output, &mut self.lines).await;
            self.printed(lines).await;
        }
        self.tell_progress_now().await;
        self.account().await;
        let Self { worker, .. } = self;
        let id = worker.process.id();
        let death = match self.given_up_at {
            Some(at) if at <= Instant::now() => Death::Signal(libc::SIGKILL),
            _ => worker
                .process
                .reap()
                .unwrap_or(Death::Signal(libc::SIGKILL)),
        };
        match (self.reason, self.verdict) {
            (Some(failure), _) => Err(failure),
            (None, Some(verdict)) => verdict,
            (None, None) => {
                let failure = blame::judge(&Autopsy {
                    death,
                    cpu,
                    data: self.most_data,
                    limits: &self.shared.config.limits,
                    tail: &self.lines.tail(),
                    scene: scene(&self.conduct, &self.task.plan, &self.progress),
                });
                self.shared.crashed.fetch_add(1, Ordering::Relaxed);
                let crash = crashed(id, death, &failure, &self.lines.tail());
                // Where nobody listens any more, nobody needs to know.
                let _ = self.task.updates.send(Update::Crashed(crash)).await;
                Err(failure)
            }
        }
    }

    async fn account(&mut self) {
        if let Some(message) = self.gate.account() {
            let (step, level) = (None, "warn".into());
            self.tell(Update::Log {
                step,
                level,
                message,
            })
            .await;
        }
        if self.warnings > MOST_WARNINGS {
            let message = format!("{} more warnings dropped", self.warnings - MOST_WARNINGS);
            let code = "warnings-dropped".into();
            self.tell(Update::Warning(Warned {
                step: None,
                code,
                message,
            }))
            .await;
        }
    }

    fn named(&self, place: &Place) -> StepPlace {
        named(place, &self.task.plan)
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
        page(&self.progress)
    }
}

fn scene<'p>(conduct: &Conduct, plan: &'p Plan, progress: &Progress) -> Scene<'p> {
    let step = conduct
        .running()
        .and_then(|place| plan.steps.get(place.step as usize));
    Scene {
        step,
        page: step.and_then(|_| page(progress)),
    }
}

/// The page after the last one that was reported done.
fn page(progress: &Progress) -> Option<u64> {
    match progress.last {
        Some((_, done, total)) if total > 0 => Some(done.saturating_add(1).min(total)),
        _ => None,
    }
}

fn crashed(worker: u32, death: Death, failure: &Failure, tail: &str) -> WorkerCrashed {
    let mut problem = failure.problem.clone();
    if !tail.is_empty() {
        problem.hint = Some(format!("its last lines:\n{tail}"));
    }
    WorkerCrashed {
        worker,
        signal: match death {
            Death::Signal(signal) => Some(signal),
            Death::Exit(_) => None,
        },
        exit: match death {
            Death::Signal(_) => None,
            Death::Exit(code) => Some(code),
        },
        problem,
    }
}

fn in_words(limit: Duration) -> String {
    match limit.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", limit.as_secs_f64()),
    }
}
