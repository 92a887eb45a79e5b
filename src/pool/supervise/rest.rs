//! The end of an attempt whose worker may be used again: is it as it was before?

use crate::job::attempt::{Bill, Failure};
use crate::pool::process::{Vitals, vitals};
use crate::pool::rest;
use crate::pool::supervise::Vigil;
use std::sync::Arc;

/// Reads of what a worker has printed before its last word; a pipe does not hold more.
const MOST_READS: u32 = 64;

impl Vigil<'_> {
    /// Whether the worker was told that it may wait.
    pub(super) fn may_rest(&self) -> bool {
        self.task.kin.is_some() && self.worker.attempts + 1 < self.shared.config.reuse
    }

    /// The worker has said that it waits. What it has printed until then is heard, since it is this attempt's; then the worker
    /// waits, or ends.
    pub(super) async fn rest(&mut self) -> Result<Vitals, &'static str> {
        let hung_up = self.hear_prints().await;
        self.tell_progress_now().await;
        if let Some(why) = self.hitch() {
            return Err(why);
        }
        if hung_up || !self.worker.connection.is_silent() {
            return Err("it is not silent");
        }
        let vitals = vitals(self.worker.process.id());
        match rest::objection(&vitals) {
            Some(why) => Err(why),
            None => Ok(vitals),
        }
    }

    /// Gives the worker back to the pool; the attempt ends with this.
    pub(super) fn hand_back(self, vitals: Vitals) -> Result<Bill, Failure> {
        let Self {
            shared,
            task,
            mut worker,
            verdict,
            ..
        } = self;
        worker.attempts += 1;
        worker.spent = vitals.cpu;
        if let Some(kin) = task.kin {
            Arc::clone(shared).let_rest(kin, worker);
        }
        // It has said its last word, or it would not wait.
        verdict.unwrap_or_else(|| Ok(Bill::default()))
    }

    /// What did not go as it should, however small: who has seen it may have come out of it changed.
    fn hitch(&self) -> Option<&'static str> {
        if self.reason.is_some() || !matches!(self.verdict, Some(Ok(_))) {
            return Some("its attempt was stopped");
        }
        if self.steps_failed > 0 || self.warnings > 0 {
            return Some("its attempt had a hitch");
        }
        if !self.worker.denials.are_none() {
            return Some("it tried what it may not");
        }
        if self.gate.account().is_some() {
            return Some("it said too much");
        }
        None
    }

    /// Reads what is in the pipe without waiting, from the system itself: what the runtime knows may be old. Tells whether that
    /// is the end.
    async fn hear_prints(&mut self) -> bool {
        let mut buffer = [0; 4096];
        for _ in 0..MOST_READS {
            match rustix::io::read(&self.worker.output, &mut buffer) {
                Ok(count @ 1..) => {
                    let lines = self.lines.push(&buffer[..count]);
                    self.printed(lines).await;
                }
                Err(rustix::io::Errno::AGAIN) => {
                    let rest = self.lines.rest().into_iter().collect();
                    self.printed(rest).await;
                    return false;
                }
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return true,
            }
        }
        true
    }
}
