//! What a worker says and prints, checked and passed on as updates.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{StepFailed, StepFinished, StepSkipped, Warned};
use crate::pool::blame::Scene;
use crate::pool::denials::Denied;
use crate::pool::received;
use crate::pool::supervise::clock::PROGRESS;
use crate::pool::supervise::{Progress, Vigil};
use crate::pool::update::Update;
use crate::problem::{Code, Problem};
use crate::wire::chatter::printable;
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{Place, ToDaemon};
use std::fs::File;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// For a worker to die after its last word, or after it closed its socket.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// Warnings of one attempt that are passed on.
pub(super) const MOST_WARNINGS: u32 = 200;

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

    /// Counts what was put out; there is an end to it, because the disk is everybody's.
    fn put_out(&mut self, file: File) -> Result<File, &'static str> {
        self.worker.denials.came_back(&file);
        let size = file.metadata().map_or(u64::MAX, |data| data.len());
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
        if !matches!(message, ToDaemon::Log { .. } | ToDaemon::Warning { .. }) {
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
                self.steps_failed += 1;
                self.lines.turn();
                let problem = match self.given_up_on(&place) {
                    Some(problem) => problem.clone(),
                    None => self.scene_of(&place).place(problem),
                };
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
                self.last_word(Ok(bill));
                self.rests = rests && self.may_rest();
            }
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

    pub(super) fn last_word(&mut self, verdict: Result<Bill, Failure>) {
        self.verdict = Some(verdict);
        self.kill_at = Some(Instant::now() + LAST_BREATH);
    }

    pub(super) fn failed(&self, rejected: bool, cancelled: bool, mut problem: Problem) -> Failure {
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

    pub(super) async fn progressed(&mut self, place: Place, done: u64, total: u64) {
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
