//! What the hands do about commands of people and programs.

use crate::job::id::JobId;
use crate::job::state::Job;
use crate::problem::{Problem, chain};
use crate::raw_path::RawPath;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::act::loaded::reload_and_bring;
use crate::scheduler::brought::{After, Brought};
use crate::scheduler::decide::questions::Refusal;
use crate::scheduler::desks::Kind;
use crate::scheduler::disks::Silent;
use crate::scheduler::explain;
use crate::scheduler::files::{self, Places, blocking};
use crate::scheduler::handle::{Answer, Command, Explanation, Refused, Restored, Upload};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::Unsaved;
use crate::scheduler::reclaim::Finder;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// The question why a job is queued.
type WhyQueued = (JobId, oneshot::Sender<Option<String>>);

impl Hands {
    pub(super) fn asked(&mut self, command: Command) {
        match command {
            Command::Cancel(job, answer) => self.cancel(job, answer),
            Command::Retry(job, answer) => self.retry(job, answer),
            Command::Restore(job, answer) => self.restore(job, answer),
            Command::Pause(pipeline, reason, answer) => {
                let result = self.known_pipeline(&pipeline).map(drop);
                if result.is_ok() {
                    self.decide(Input::Pause { pipeline, reason });
                    self.publish_pipelines();
                }
                send(answer, result);
            }
            Command::Scan(pipeline, answer) => send(answer, self.scan(&pipeline)),
            Command::UploadPath(pipeline, answer) => self.upload_path(&pipeline, answer),
            Command::Submit(upload, answer) => self.submit(upload, answer),
            Command::Explain(path, answer) => self.explain(path, answer),
            Command::Spelled(path, answer) => {
                let (asker, _) = self.asker();
                let path = RawPath(self.home.join(path));
                self.reply(
                    answer,
                    async move { Ok(explain::spelled(asker, path).await.0) },
                );
            }
            Command::WhyQueued(job, answer) => {
                // The asker may have gone.
                let _ = answer.send(self.decider.why_queued(job));
            }
            Command::Save {
                id,
                yaml,
                expected,
                answer,
            } => self.save(id, yaml, expected, answer),
            Command::Delete(id, expected, answer) => self.delete(id, expected, answer),
            Command::Check { id, yaml, answer } => {
                let (shelf, catalog) =
                    (Arc::clone(&self.shelf), Arc::clone(&self.catalog.borrow()));
                self.reply(answer, async move {
                    let shelf = shelf.lock_owned().await;
                    let checked = blocking(move || shelf.check(&id, &yaml, &catalog)).await;
                    checked.map_err(panicked)
                });
            }
            Command::Reload => self.reload(),
        }
    }

    fn reply<T: Send + 'static>(
        &mut self,
        answer: Answer<T>,
        work: impl Future<Output = Result<T, Refused>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { send(answer, work.await) });
    }

    fn cancel(&mut self, job: JobId, answer: Answer<()>) {
        match self.decider.can_cancel(job) {
            Ok(()) => {
                self.decide(Input::Cancel { job });
                // He hears of it once the journal knows: it holds then, whatever comes.
                self.turn.cancelled.push(answer);
            }
            Err(Refusal::Conflict(why)) => send(answer, Err(Refused::Conflict(why))),
            Err(Refusal::Unknown) => {
                let store = self.store.clone();
                self.reply(answer, async move { Err(files::ended(&store, job).await) });
            }
        }
    }

    fn retry(&mut self, job: JobId, answer: Answer<()>) {
        if self.draining {
            return send(
                answer,
                Err(Refused::Unavailable(
                    "the daemon is shutting down".to_owned(),
                )),
            );
        }
        if let Some(open) = self.decider.job(job) {
            let why = format!(
                "the job is {}; only failed and cancelled jobs can be retried",
                open.state.word()
            );
            return send(answer, Err(Refused::Conflict(why)));
        }
        if !self.fetching.begin(job) {
            let why = "its original is being fetched back for a retry already".to_owned();
            return send(answer, Err(Refused::Conflict(why)));
        }
        let (finder, fetching, bring) = (self.finder(), self.fetching.clone(), self.bring.clone());
        self.tasks.spawn(async move {
            let mut answer = Some(answer);
            match fetch(&finder, job, &mut answer).await {
                // A loop that has ended needs no word: the file goes back to its inbox at the next start.
                Ok(job) => _ = bring.send(Brought::Fetched(Box::new(job), answer)).await,
                Err(refused) => {
                    fetching.end(job);
                    match answer {
                        Some(answer) => send(answer, Err(refused)),
                        None => tracing::warn!(%job, why = %refused, "an original could not be fetched back after all"),
                    }
                }
            }
        });
    }

    fn restore(&mut self, job: JobId, answer: Answer<Restored>) {
        let finder = self.finder();
        self.tasks.spawn(async move {
            let mut answer = Some(answer);
            let restored = finder
                .restore(job, |folder| refuse(&mut answer, &folder, "put back"))
                .await;
            if let Some(answer) = answer {
                send(answer, restored);
            }
        });
    }

    fn finder(&self) -> Finder {
        Finder {
            store: self.store.clone(),
            places: self.places(),
            desks: self.desks.clone(),
            disks: self.disks.clone(),
            pipelines: self.all_current(),
        }
    }

    /// Scans a pipeline's folder; it and those that the pipeline puts files into are taken as they are now.
    fn scan(&mut self, pipeline: &str) -> Result<(), Refused> {
        self.known_pipeline(pipeline)?;
        if let Some(current) = self.current(pipeline) {
            let (spool, line) = (
                self.attempt.spool.clone(),
                self.desks.line(Kind::Claim, pipeline),
            );
            self.tasks.spawn(async move {
                let _turn = line.turn().await;
                let adopt = move || spool.adopt(&files::folders(&current));
                if let Err(panicked) = blocking(adopt).await {
                    tracing::error!(error = %panicked.detail, "folders could not be looked at");
                }
            });
        }
        self.watcher.scan(pipeline);
        Ok(())
    }

    fn places(&self) -> Places {
        Places {
            watcher: self.watcher.clone(),
            spool: self.attempt.spool.clone(),
        }
    }

    fn upload_path(&mut self, pipeline: &str, answer: Answer<PathBuf>) {
        let folder = self.known_pipeline(pipeline).and_then(|_| {
            let current = self.current(pipeline).ok_or_else(|| {
                Refused::Conflict(format!(
                    "pipeline `{pipeline}` has faults and no earlier good revision"
                ))
            })?;
            self.may_take(pipeline)?;
            Ok(current.watch.folder.clone())
        });
        match folder {
            Ok(folder) => {
                let (places, line) = (self.places(), self.desks.line(Kind::Claim, pipeline));
                self.reply(answer, async move {
                    let _turn = line.turn().await;
                    files::upload_path(places, folder).await
                });
            }
            Err(refused) => send(answer, Err(refused)),
        }
    }

    fn may_take(&self, pipeline: &str) -> Result<(), Refused> {
        if self.draining {
            return Err(Refused::Unavailable(
                "the daemon is shutting down".to_owned(),
            ));
        }
        if let Some(silent) = self.silent(pipeline) {
            return Err(Refused::Unavailable(silent.to_string()));
        }
        match self.decider.intake_closed() {
            Some(why) => Err(Refused::Unavailable(format!(
                "no new files are taken: {why}"
            ))),
            None => Ok(()),
        }
    }

    fn submit(&mut self, upload: Upload, answer: Answer<JobId>) {
        let taken = self.may_take(&upload.pipeline).and_then(|()| {
            let gone = || Refused::NotFound(format!("there is no pipeline `{}`", upload.pipeline));
            let pipeline = self.current(&upload.pipeline).ok_or_else(gone)?;
            // An upload lies under the name of the job that it is to be.
            let named = upload
                .temp
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse().ok());
            let job: JobId = named
                .ok_or_else(|| Refused::Invalid("the upload lies in the wrong place".to_owned()))?;
            let accepted = files::uploaded(job, &pipeline, &upload)?;
            Ok((job, accepted))
        });
        match taken {
            Ok((job, accepted)) => {
                self.uploads.insert(job, upload.temp);
                self.submitters.insert(job, answer);
                self.decide(Input::Arrival {
                    job,
                    accepted: Box::new(accepted),
                });
                if self.decider.job(job).is_none() {
                    self.refuse_upload(job);
                }
            }
            Err(refused) => send(answer, Err(refused)),
        }
    }

    /// There is no room. A file in an inbox waits there; who sends one is told.
    fn refuse_upload(&mut self, job: JobId) {
        self.uploads.remove(&job);
        if let Some(answer) = self.submitters.remove(&job) {
            let why = "very many files of this pipeline are waiting already; send it again later";
            send(answer, Err(Refused::Unavailable(why.to_owned())));
        }
    }

    fn explain(&mut self, path: PathBuf, answer: Answer<Explanation>) {
        let (asker, asked) = self.asker();
        let path = RawPath(self.home.join(path));
        self.reply(
            answer,
            async move { Ok(explain::explain(asker, path).await) },
        );
        self.forward_why(asked);
    }

    /// What answers questions about a path, and where it asks why a job is queued.
    fn asker(&self) -> (explain::Asker, mpsc::Receiver<WhyQueued>) {
        let (why, asked) = mpsc::channel(1);
        let asker = explain::Asker {
            home: self.home.clone(),
            watcher: self.watcher.clone(),
            store: self.store.clone(),
            entries: self.entries.clone(),
            disks: self.disks.clone(),
            intake_closed: self.decider.intake_closed().map(str::to_owned),
            looks: Arc::clone(&self.looks),
            why,
        };
        (asker, asked)
    }

    /// The one question of `explain` that only the decider can answer comes back through the loop.
    fn forward_why(&mut self, mut asked: mpsc::Receiver<WhyQueued>) {
        let itself = self.itself.clone();
        self.tasks.spawn(async move {
            while let Some((job, answer)) = asked.recv().await {
                let Some(commands) = itself.upgrade() else {
                    return;
                };
                if commands
                    .send(Command::WhyQueued(job, answer))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
    }

    fn save(&mut self, id: String, yaml: String, expected: Option<String>, answer: Answer<bool>) {
        let (shelf, catalog) = (Arc::clone(&self.shelf), Arc::clone(&self.catalog.borrow()));
        let bring = self.bring.clone();
        self.tasks.spawn(async move {
            let shelf = shelf.lock_owned().await;
            let used = Arc::clone(&catalog);
            let save = move || (shelf.save(&id, &yaml, expected.as_deref(), &used), shelf);
            let refused = match blocking(save).await {
                Ok((Ok(new), shelf)) => {
                    let after = After::Saved(answer, new);
                    return reload_and_bring(shelf, catalog, after, bring).await;
                }
                Ok((Err(why), _)) => unsaved(why),
                Err(problem) => panicked(problem),
            };
            send(answer, Err(refused));
        });
    }

    fn delete(&mut self, id: String, expected: Option<String>, answer: Answer<()>) {
        let (shelf, catalog) = (Arc::clone(&self.shelf), Arc::clone(&self.catalog.borrow()));
        let bring = self.bring.clone();
        self.tasks.spawn(async move {
            let mut shelf = shelf.lock_owned().await;
            let name = id.clone();
            let delete = move || (shelf.delete(&name, expected.as_deref()), shelf);
            let refused = match blocking(delete).await {
                Ok((Ok(true), shelf)) => {
                    return reload_and_bring(shelf, catalog, After::Deleted(answer), bring).await;
                }
                Ok((Ok(false), _)) => Refused::NotFound(format!("there is no pipeline `{id}`")),
                Ok((Err(why), _)) => unsaved(why),
                Err(problem) => panicked(problem),
            };
            send(answer, Err(refused));
        });
    }
}

fn unsaved(why: Unsaved) -> Refused {
    match why {
        Unsaved::Faults(faults) => Refused::Faults(faults),
        Unsaved::Conflict(why) => Refused::Conflict(why),
        Unsaved::BadId(why) => Refused::Invalid(why),
        Unsaved::Io(why) => Refused::Unavailable(why),
    }
}

/// Fetches the original of a job back; whoever waits is told where a folder does not answer.
async fn fetch(
    finder: &Finder,
    job: JobId,
    answer: &mut Option<Answer<()>>,
) -> Result<Job, Refused> {
    let spared = finder.store.spare(job).await;
    spared.map_err(|error| Refused::Unavailable(chain(&error)))?;
    let found = finder.to_retry(job).await?;
    let tell = |folder: Silent| refuse(answer, &folder, "fetched back");
    let held_in = finder.fetch(&found, tell).await?;
    let mut job = found.job;
    job.held_in = Some(held_in);
    Ok(job)
}

fn refuse<T>(answer: &mut Option<Answer<T>>, folder: &Silent, how: &str) {
    if let Some(answer) = answer.take() {
        let why = format!("{folder}; the original is {how} once it answers");
        send(answer, Err(Refused::Unavailable(why)));
    }
}

fn panicked(problem: Problem) -> Refused {
    Refused::Unavailable(problem.detail)
}

fn send<T>(answer: Answer<T>, result: Result<T, Refused>) {
    // The asker may have gone.
    let _ = answer.send(result);
}
