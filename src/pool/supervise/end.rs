//! The end of an attempt: what a dead worker has left, and what that makes of it.

use crate::job::attempt::{Bill, Failure};
use crate::job::event::{Warned, WorkerCrashed};
use crate::pool::blame::{self, Autopsy};
use crate::pool::process::{Death, vitals};
use crate::pool::start::listen_to_the_end;
use crate::pool::supervise::news::MOST_WARNINGS;
use crate::pool::supervise::{Vigil, scene};
use crate::pool::update::Update;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl Vigil<'_> {
    /// The worker is dead, or given up: what it left in its pipes, and what that makes of the attempt.
    pub(super) async fn conclude(mut self) -> Result<Bill, Failure> {
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
        // Looked at only where its death has to be explained, and before it is reaped.
        let cpu = match (&self.reason, &self.verdict) {
            (None, None) => vitals(id).cpu.saturating_sub(worker.spent),
            _ => Duration::ZERO,
        };
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
                    tail: &self.lines.recent(),
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

    pub(super) async fn account(&mut self) {
        for (step, message) in self.worker.denials.account() {
            let code = "denied-calls".into();
            self.tell(Update::Warning(Warned {
                decided: None,
                step,
                code,
                message,
            }))
            .await;
        }
        let denied = self.worker.denials.all();
        self.shared.denied.fetch_add(denied, Ordering::Relaxed);
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
            // A flood is cut in the worker already, so that nobody knows how many there were.
            let message = format!(
                "at least {} more warnings dropped",
                self.warnings - MOST_WARNINGS
            );
            let code = "warnings-dropped".into();
            self.tell(Update::Warning(Warned {
                decided: None,
                step: None,
                code,
                message,
            }))
            .await;
        }
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
