//! One attempt outside of everything: for `try` and for `dropleaf run`. No job, no journal, no folder is touched.
//!
//! A failure is the end here, and nothing waits. Only where a step took its worker along that the job goes on without, the attempt is made
//! again as it is for a job.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{Accepted, Identity, Origin, StepPlace};
use crate::job::id::JobId;
use crate::pipeline::checked::Pipeline;
use crate::plugin::catalog::Catalog;
use crate::pool::Pool;
use crate::pool::update::{Limits, Stop, Update};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::scheduler::contract::Contract;
use crate::scheduler::giving_up::{self, Loss};
use crate::scheduler::input::Start;
use crate::scheduler::planning::{Bounds, Planned, plan};
use crate::time::Timestamp;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What to run over what.
#[derive(Debug)]
pub struct Sample {
    /// The pipeline.
    pub pipeline: Arc<Pipeline>,
    /// The file's path, for its name in templates.
    pub path: RawPath,
    /// The file, open for reading.
    pub input: File,
}

/// A file that came out.
#[derive(Debug)]
pub struct Piece {
    /// Its name, as the pipeline's templates make it.
    pub name: String,
    /// The folder it would go to.
    pub folder: String,
    /// Media type.
    pub mime: String,
    /// Pages of a document.
    pub pages: Option<u64>,
    /// The content.
    pub file: File,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome<T = Piece> {
    /// What came out, or why nothing did.
    pub result: Result<Bill, Failure>,
    /// What was made of the documents and side artifacts.
    pub pieces: Vec<T>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Runs the pipeline over the sample; `watch` sees every update first. Each [`Update::Began`] is the beginning of all. `keep` gets what
/// comes out as it comes: thousands of pieces that are all held open leave no descriptors for anybody else.
pub async fn run<T, F: Future<Output = Result<T, Failure>>>(
    pool: &Pool,
    catalog: &Catalog,
    bounds: Bounds,
    sample: Sample,
    mut watch: impl FnMut(&Update),
    mut keep: impl FnMut(Piece) -> F,
) -> Outcome<T> {
    let mut start = match start(&sample) {
        Ok(start) => start,
        Err(error) => return Outcome::failed(unreadable(&error)),
    };
    let mut warnings = Vec::new();
    let mut crashes = 0;
    loop {
        let input = match sample.input.try_clone() {
            Ok(input) => input,
            Err(error) => return Outcome::failed(unreadable(&error)),
        };
        let planned = match plan(catalog, &start, bounds) {
            Ok(planned) => planned,
            Err(failure) => return Outcome::failed(failure),
        };
        let mut at_work = None;
        let watch = |update: &Update| {
            follow_steps(&mut at_work, update);
            watch(update);
        };
        let mut outcome = attempt(pool, &start, planned, input, watch, &mut keep).await;
        let loss = outcome.result.as_ref().err().map(|failure| Loss {
            pipeline: &start.pipeline,
            given_up: &start.given_up,
            at_work: at_work.as_ref(),
            failure,
        });
        let Some((loss, given_up)) = loss.and_then(|loss| Some((loss, loss.step_to_give_up()?)))
        else {
            outcome.warnings.splice(..0, warnings);
            return outcome;
        };
        crashes += u32::from(loss.failure.ending == Ending::Crashed);
        if !loss.may_be_bad_luck(crashes, crashes) {
            crashes = 0;
            warnings.push(giving_up::warning(&given_up).message);
            start.given_up.push(given_up);
        }
        start.attempt += 1;
    }
}

/// Keeps in mind which step is at work.
fn follow_steps(at_work: &mut Option<StepPlace>, update: &Update) {
    match update {
        Update::StepStarted(place) => *at_work = Some(place.clone()),
        Update::StepFinished(_) | Update::StepFailed(_) | Update::StepSkipped(_) => *at_work = None,
        _ => {}
    }
}

impl<T> Outcome<T> {
    fn failed(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            pieces: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure {
        ending: Ending::Environment,
        problem: Problem::new(
            Code::Internal,
            format!("failed to open the file once more: {error}"),
        ),
    }
}

/// Makes one attempt in one worker.
async fn attempt<T, F: Future<Output = Result<T, Failure>>>(
    pool: &Pool,
    start: &Start,
    planned: Planned,
    input: File,
    mut watch: impl FnMut(&Update),
    keep: &mut impl FnMut(Piece) -> F,
) -> Outcome<T> {
    let mut outcome = Outcome {
        result: Ok(Bill::default()),
        pieces: Vec::new(),
        warnings: Vec::new(),
    };
    let limits = Limits {
        deadline: start.pipeline.timeout,
        stall: start.pipeline.stalled_after,
    };
    let mut contract = Contract::new(pool, start, &planned, &input);
    let mut broken = None;
    let mut running = pool.run(planned.plan, input, planned.grant, limits);
    while let Some(update) = running.updates.recv().await {
        watch(&update);
        let kept = match update {
            Update::Output { .. } | Update::Artifact { .. } if broken.is_some() => continue,
            Update::Output {
                pages,
                name,
                folder,
                file,
                ..
            } => match contract.result(&file, pages, &running.stop).await {
                Err(failure) => Err(failure),
                Ok(pages) => {
                    keep(Piece {
                        name,
                        folder,
                        mime: "application/pdf".to_owned(),
                        pages: Some(pages),
                        file,
                    })
                    .await
                }
            },
            Update::Artifact {
                name,
                mime,
                folder,
                file,
                ..
            } => {
                keep(Piece {
                    name,
                    folder,
                    mime,
                    pages: None,
                    file,
                })
                .await
            }
            Update::Opened { pages } => {
                contract.opened(pages);
                continue;
            }
            Update::Warning(warned) => {
                outcome.warnings.push(warned.message);
                continue;
            }
            Update::Ended(ended) => {
                outcome.result = match (broken.take(), ended) {
                    (Some(failure), _) | (None, Err(failure)) => Err(failure),
                    (None, Ok(bill)) => contract.all(&running.stop).await.map(|()| bill),
                };
                continue;
            }
            _ => continue,
        };
        match kept {
            Ok(kept) => outcome.pieces.push(kept),
            Err(failure) => {
                broken = Some(failure);
                running.stop.stop(Stop::Cancelled);
            }
        }
    }
    outcome
}

/// As if the sample had just been accepted. One that was sent is as old as that.
fn start(sample: &Sample) -> io::Result<Start> {
    let name = sample
        .path
        .0
        .file_name()
        .map_or_else(|| Path::new("sample.pdf").into(), RawPath::from);
    let accepted = Accepted {
        pipeline: sample.pipeline.id.clone(),
        revision: sample.pipeline.revision.clone(),
        path: sample.path.clone(),
        folder: sample.path.0.parent().unwrap_or(Path::new("")).into(),
        relative: name,
        held: sample.path.clone(),
        identity: Identity::of(&sample.input.metadata()?),
        origin: Origin::Upload,
        priority: 0,
        steps: Vec::new(),
    };
    let job = JobId(ulid::Ulid::generate());
    Ok(Start {
        job,
        attempt: 1,
        pipeline: Arc::clone(&sample.pipeline),
        accepted,
        blake3: String::new(),
        held_in: None,
        created: Timestamp::now(),
        given_up: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::decide::tests::stand::pipeline;
    use std::io::Write as _;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_sample_is_as_old_and_as_large_as_its_file() {
        let mut input = tempfile::tempfile().expect("a temp file");
        input.write_all(b"abc").expect("writable");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
        input.set_modified(modified).expect("ours");
        let sample = Sample {
            pipeline: pipeline("p", |_| {}),
            path: Path::new("/home/a.pdf").into(),
            input,
        };
        let identity = start(&sample)
            .expect("it can be looked at")
            .accepted
            .identity;
        assert_eq!(identity.mtime_ns, 1_500_000_000 * 1_000_000_000);
        assert_eq!(identity.size, 3);
    }
}
