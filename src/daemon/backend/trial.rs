//! Samples: one attempt outside of everything, and what came out for a while.

mod results;

use self::results::Results;
use super::convert::fault;
use super::{Daemon, work_file};
use crate::durable;
use crate::http::api::{KeptTrial, PutRefused, Refused, Trial, TryOutcome};
use crate::http::slot::Slot;
use crate::job::attempt::StepStatus;
use crate::job::event::StepName;
use crate::job::state::StepRecord;
use crate::pipeline::check;
use crate::pipeline::checked::Pipeline;
use crate::pool::update::Update;
use crate::scheduler::sample::{self, Sample};
use std::io;
use std::path::Path;
use std::sync::Arc;

impl Daemon {
    /// Runs a sample and keeps what came out.
    pub(super) async fn try_sample(&self, trial: Trial) -> Result<Arc<KeptTrial>, PutRefused> {
        let pipeline = self.trial_pipeline(&trial.pipeline, trial.yaml)?;
        let input = durable::open_regular(trial.sample.path())
            .map_err(|error| Refused::Failed(error.to_string()))?;
        let size = input.metadata().map_err(failed)?.len();
        let kept = input.try_clone().map_err(failed)?;
        let sample = Sample {
            pipeline: Arc::clone(&pipeline),
            path: Path::new(&trial.name).into(),
            input,
        };
        let mut seen = Seen::new(&pipeline);
        let results = Results::new(work_file(&self.home)?).map_err(failed)?;
        let results = Arc::new(results);
        let outcome = sample::run(
            &self.pool,
            &self.registry.catalog(),
            self.bounds,
            sample,
            |update| {
                if matches!(update, Update::Began { .. }) {
                    results.begin_again();
                }
                seen.update(update);
            },
            |piece| results::keep(Arc::clone(&results), piece),
        )
        .await;
        if let Some(error) = results.failure() {
            return Err(self.unkept(error));
        }
        // Its name is gone with the slot; what is open stays readable.
        drop::<Slot>(trial.sample);
        let (bill, problem) = match outcome.result {
            Ok(bill) => (bill, None),
            Err(failure) => (Default::default(), Some(failure.problem)),
        };
        let outcome = TryOutcome {
            pages: seen.pages,
            steps: seen.steps,
            warnings: outcome.warnings,
            problem,
            bill,
            outputs: outcome.pieces,
        };
        Ok(self.trials.keep(trial.name, kept, size, outcome))
    }

    /// Why what came out could not be kept.
    fn unkept(&self, error: io::Error) -> PutRefused {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Refused::Unavailable(format!(
                    "there is no room for the results of a trial in `{}` ({}); free some space, then try again",
                    self.home.work().display(),
                    durable::lack(&error)
                ))
                .into()
            }
            _ => failed(error),
        }
    }

    fn trial_pipeline(&self, id: &str, yaml: Option<Vec<u8>>) -> Result<Arc<Pipeline>, PutRefused> {
        if let Some(yaml) = yaml {
            let checked = check::check(
                id,
                &format!("{id}.yaml"),
                &yaml,
                &self.registry.catalog(),
                &self.surroundings,
            );
            return checked
                .map(Arc::new)
                .map_err(|faults| PutRefused::Faults(faults.iter().map(fault).collect()));
        }
        let set = self.scheduler.pipelines();
        let status = set
            .find(id)
            .ok_or_else(|| Refused::NotFound(format!("there is no pipeline `{id}`")))?;
        match &status.current {
            Some(pipeline) => Ok(Arc::clone(pipeline)),
            None => Err(PutRefused::Faults(
                status.faults.iter().map(fault).collect(),
            )),
        }
    }
}

fn failed(error: io::Error) -> PutRefused {
    PutRefused::Other(Refused::Failed(error.to_string()))
}

/// What a trial's steps did.
struct Seen {
    pages: Option<u64>,
    steps: Vec<StepRecord>,
}

impl Seen {
    fn new(pipeline: &Pipeline) -> Self {
        let names = pipeline.steps.iter().map(|step| StepName {
            id: step.id.clone(),
            uses: step.uses(),
        });
        Self {
            pages: None,
            steps: names.map(|name| StepRecord::pending(&name)).collect(),
        }
    }

    /// What an attempt before this one told is over.
    fn begin_again(&mut self) {
        self.pages = None;
        let steps = std::mem::take(&mut self.steps).into_iter();
        let pending = steps.map(|step| {
            StepRecord::pending(&StepName {
                id: step.id,
                uses: step.uses,
            })
        });
        self.steps = pending.collect();
    }

    fn set(&mut self, index: u32, status: StepStatus, ms: u64) {
        if let Some(step) = self.steps.get_mut(index as usize) {
            step.status = status;
            step.ms += ms;
        }
    }

    fn update(&mut self, update: &Update) {
        match update {
            Update::Began { .. } => self.begin_again(),
            Update::Opened { pages } => self.pages = Some(*pages),
            Update::StepStarted(place) => self.set(place.index, StepStatus::Running, 0),
            Update::StepFinished(finished) => {
                self.set(finished.place.index, StepStatus::Finished, finished.ms);
                if let Some(step) = self.steps.get_mut(finished.place.index as usize) {
                    step.results.extend(finished.results.clone());
                }
            }
            Update::StepSkipped(skipped) => self.set(skipped.place.index, StepStatus::Skipped, 0),
            Update::StepFailed(failed) => {
                self.set(
                    failed.place.index,
                    if failed.continued {
                        StepStatus::Passed
                    } else {
                        StepStatus::Failed
                    },
                    failed.ms,
                );
                if let Some(step) = self.steps.get_mut(failed.place.index as usize) {
                    step.problem = Some(failed.problem.clone());
                }
            }
            _ => {}
        }
    }
}
