//! What a worker says and prints, checked and passed on as updates.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{StepFailed, StepFinished, StepSkipped, Warned};
use crate::pool::blame::Scene;
use crate::pool::conduct::MOST;
use crate::pool::denials::Denied;
use crate::pool::received;
use crate::pool::start::MORE_FILES;
use crate::pool::supervise::clock::PROGRESS;
use crate::pool::supervise::{Progress, Vigil};
use crate::pool::update::Update;
use crate::problem::{Code, Problem};
use crate::wire::bounds;
use crate::wire::chatter::{printable, reason};
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{Place, ToDaemon};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// For a worker to die after its last word, or after it closed its socket.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// Warnings of one attempt that are passed on.
pub(super) const MOST_WARNINGS: u32 = bounds::WARNINGS;
/// Bytes of why steps have failed that are passed on whole, and what is passed on of each reason after that.
const REASONS: usize = 1 << 20;
const SHORT: usize = 200;
/// What the last page of a memory file may take beyond its end, where the system gives it large ones.
const LARGE_PAGE: u64 = 2 << 20;

impl Vigil<'_> {
    /// Ends the attempt, and its worker at once: it has more than it may have.
    pub(super) fn end_for(&mut self, ending: Ending, problem: Problem) {
        if self.reason.is_none() {
            self.reason = Some(Failure {
                ending,
                problem: self.scene().place(problem),
            });
        }
        self.kill();
    }

    /// Counts what was put out; there is an end to it, because the disk is everybody's, and so is the memory. A file may have blocks
    /// beyond its end, and holes before it.
    fn put_out(&mut self, file: File) -> Result<File, &'static str> {
        self.worker.denials.came_back(&file);
        let taken = |data: &Metadata| data.blocks().saturating_mul(512);
        let counted = |data: Metadata| data.len().max(taken(&data).saturating_sub(LARGE_PAGE));
        let size = file.metadata().map_or(u64::MAX, counted);
        self.put_out = self.put_out.saturating_add(size);
        if self.put_out > self.shared.config.limits.file_size {
            return Err("it put out more than one attempt may");
        }
        Ok(file)
    }

    /// Ends the attempt because of what the worker said.
    pub(super) fn convict(&mut self, text: String) {
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

    pub(super) async fn heard(&mut self, word: Result<Option<Frame<ToDaemon>>, FrameError>) {
        match word {
            Ok(Some(frame)) => {
                let ends = matches!(
                    frame.message,
                    ToDaemon::StepFinished { .. } | ToDaemon::StepFailed { .. }
                );
                // A line that its step has not ended is no part of what the next one prints.
                if ends && let Some(line) = self.lines.rest() {
                    self.printed(vec![line]).await;
                }
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
            Err(error @ FrameError::NoDescriptorsLeft) => {
                self.hears = false;
                let problem = Problem::new(Code::WorkerFailed, error.to_string()).hint(MORE_FILES);
                self.end_for(Ending::Environment, problem);
            }
            Err(error) => self.convict(error.to_string()),
        }
    }

    pub(super) async fn act(&mut self, frame: Frame<ToDaemon>) {
        let Frame {
            message,
            descriptor,
        } = frame;
        if let ToDaemon::Progress { place, done, total } = message {
            return self.progressed(place, done, total).await;
        }
        if !matches!(
            message,
            ToDaemon::Log { .. } | ToDaemon::LinesDropped { .. } | ToDaemon::Warning { .. }
        ) {
            self.alive = Instant::now();
            self.tell_progress_now().await;
        }
        match (message, descriptor) {
            (ToDaemon::Opened { pages }, _) => self.tell(Update::Opened { pages }).await,
            (ToDaemon::StepStarted(place), _) => {
                self.step_began = Instant::now();
                self.lines.turn();
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
                self.lines.turn();
                let (place, ms) = (self.named(&place), self.took(ms));
                self.tell(Update::StepFinished(StepFinished {
                    place,
                    ms,
                    documents,
                    results,
                }))
                .await;
            }
            (ToDaemon::StepSkipped { place, .. }, _) => {
                let step = self.task.plan.steps.get(place.step as usize);
                let condition = step.and_then(|step| step.condition.clone());
                let condition = condition.unwrap_or_default();
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
                self.steps_failed += 1;
                self.lines.turn();
                let problem = match self.given_up_on(&place) {
                    Some(problem) => problem.clone(),
                    None => {
                        let problem = self.plain(problem);
                        self.scene_of(&place).place(problem)
                    }
                };
                let (place, ms) = (self.named(&place), self.took(ms));
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
            (ToDaemon::LinesDropped { lines }, _) => self.gate.lacks(lines),
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
            ) => match received::sealed(file).and_then(|file| self.put_out(file)) {
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
            ) => match received::document(file).and_then(|file| self.put_out(file)) {
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
            (ToDaemon::Finished { bill, rests }, _) => {
                self.last_word(Ok(self.conduct.corrected(bill)));
                self.rests = rests && self.may_rest();
            }
            (
                ToDaemon::Failed {
                    rejected,
                    cancelled,
                    crowded,
                    problem,
                },
                _,
            ) => {
                let ending = match (rejected, crowded) {
                    (true, _) => Ending::Rejected,
                    (false, true) => Ending::Environment,
                    (false, false) => Ending::Failed,
                };
                let problem = self.plain(problem);
                let failure = self.failed(ending, cancelled, problem);
                self.last_word(Err(failure));
            }
            // The conduct lets no other message through.
            _ => {}
        }
    }

    pub(super) fn last_word(&mut self, verdict: Result<Bill, Failure>) {
        self.verdict = Some(verdict);
        self.kill_at = Some(Instant::now() + LAST_BREATH);
    }

    /// What a worker says of a failure: in plain text, and no more of it than people read.
    fn plain(&mut self, problem: Problem) -> Problem {
        let most = match self.reasons > REASONS {
            true => SHORT,
            false => usize::MAX,
        };
        let detail = reason(&problem.detail, most);
        let hint = problem.hint.map(|hint| reason(&hint, most));
        self.reasons += detail.len() + hint.as_ref().map_or(0, String::len);
        Problem {
            code: problem.code,
            detail,
            hint,
            step: problem.step,
            page: None,
            plugin: None,
        }
    }

    /// A step has not taken longer than its attempt.
    fn took(&self, ms: u64) -> u64 {
        let all = self.began.elapsed().as_millis();
        ms.min(u64::try_from(all).unwrap_or(u64::MAX))
    }

    fn failed(&self, ending: Ending, cancelled: bool, mut problem: Problem) -> Failure {
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
        let problem = scene.place(problem);
        Failure { ending, problem }
    }

    pub(super) async fn progressed(&mut self, place: Place, done: u64, total: u64) {
        let now = Instant::now();
        let news = Some((place, done.min(MOST), total.min(MOST)));
        if self.progress.last == news {
            return;
        }
        self.alive = now;
        self.progress.last = news;
        self.progress.waiting = true;
        self.tell_progress(now).await;
    }

    pub(super) async fn tell_progress(&mut self, now: Instant) {
        let due = self.progress.told.is_none_or(|told| now >= told + PROGRESS);
        if self.progress.waiting && due {
            self.tell_progress_now().await;
        }
    }

    pub(super) async fn tell_progress_now(&mut self) {
        if !std::mem::take(&mut self.progress.waiting) {
            return;
        }
        self.progress.told = Some(Instant::now());
        if let Some((place, done, total)) = self.progress.last.clone() {
            let place = self.named(&place);
            self.tell(Update::Progress { place, done, total }).await;
        }
    }

    pub(super) async fn logged(&mut self, step: Option<String>, level: String, message: &str) {
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

    /// What the sandbox has denied is told at the end, however that comes about.
    pub(super) fn denied(&mut self, call: Denied) {
        let step = self.scene().step.map(|step| step.id.clone());
        self.worker.denials.deny(call, step);
    }

    pub(super) async fn printed(&mut self, lines: Vec<String>) {
        for line in lines {
            let step = self.scene().step.map(|step| step.id.clone());
            self.logged(step, "info".into(), &line).await;
        }
    }

    pub(super) async fn warned(&mut self, step: Option<String>, code: &str, message: &str) {
        self.warnings += 1;
        if self.warnings > MOST_WARNINGS {
            return;
        }
        let step = self.known_step(step);
        let (code, message) = (printable(code), printable(message));
        self.tell(Update::Warning(Warned {
            decided: None,
            step,
            code,
            message,
        }))
        .await;
    }

    /// Passes news on. While the reader is behind, the worker's stall limit does not run.
    pub(super) async fn tell(&mut self, update: Update) {
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
}
