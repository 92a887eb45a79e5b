//! What the hands do about commands of people and programs.

use crate::job::id::JobId;
use crate::raw_path::RawPath;
use crate::scheduler::act::hands::{Hands, locked};
use crate::scheduler::decide::questions::Refusal;
use crate::scheduler::explain;
use crate::scheduler::files::{self, Places};
use crate::scheduler::handle::{Answer, Command, Explanation, Refused, Upload};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::Unsaved;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

impl Hands {
    pub(super) async fn asked(&mut self, command: Command) {
        match command {
            Command::Cancel(job, answer) => self.cancel(job, answer),
            Command::Retry(job, answer) => self.retry(job, answer).await,
            Command::Restore(job, answer) => {
                let (store, places) = (self.store.clone(), self.places());
                self.reply(answer, files::restore(store, places, job));
            }
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
            Command::WhyQueued(job, answer) => {
                // The asker may have gone.
                let _ = answer.send(self.decider.why_queued(job));
            }
            Command::Save {
                id,
                yaml,
                expected,
                answer,
            } => self.save(id, yaml, expected, answer).await,
            Command::Delete(id, answer) => self.delete(id, answer).await,
            Command::Check { id, yaml, answer } => {
                let (shelf, catalog) =
                    (Arc::clone(&self.shelf), Arc::clone(&self.catalog.borrow()));
                self.reply(answer, async move {
                    let checked = tokio::task::spawn_blocking(move || {
                        locked(&shelf).check(&id, &yaml, &catalog)
                    })
                    .await;
                    checked.map_err(|error| {
                        Refused::Unavailable(format!("the check panicked: {error}"))
                    })
                });
            }
            Command::Reload => self.reload().await,
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
                send(answer, Ok(()));
            }
            Err(Refusal::Conflict(why)) => send(answer, Err(Refused::Conflict(why))),
            Err(Refusal::Unknown) => {
                let store = self.store.clone();
                self.reply(answer, async move { Err(files::ended(&store, job).await) });
            }
        }
    }

    async fn retry(&mut self, job: JobId, answer: Answer<()>) {
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
        let current: Vec<String> = self
            .entries
            .iter()
            .filter(|entry| entry.current.is_some())
            .map(|entry| entry.id.clone())
            .collect();
        // Done here and not in a task of its own: two retries of one job must not fetch its original twice.
        match files::reclaim(&self.store, self.places(), job, &current).await {
            Ok(job) => {
                let id = job.id;
                self.decider.adopt(job);
                self.decide(Input::Reclaimed { job: id });
                send(answer, Ok(()));
            }
            Err(refused) => send(answer, Err(refused)),
        }
    }

    /// Scans a pipeline's folder; it and those that the pipeline puts files into are taken as they are now.
    fn scan(&mut self, pipeline: &str) -> Result<(), Refused> {
        self.known_pipeline(pipeline)?;
        if let Some(current) = self.current(pipeline) {
            let spool = self.attempt.spool.clone();
            self.tasks
                .spawn_blocking(move || spool.adopt(&files::folders(&current)));
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
            self.may_take()?;
            Ok(current.watch.folder.clone())
        });
        match folder {
            Ok(folder) => self.reply(answer, files::upload_path(self.places(), folder)),
            Err(refused) => send(answer, Err(refused)),
        }
    }

    fn may_take(&self) -> Result<(), Refused> {
        if self.draining {
            return Err(Refused::Unavailable(
                "the daemon is shutting down".to_owned(),
            ));
        }
        match self.decider.intake_closed() {
            Some(why) => Err(Refused::Unavailable(format!(
                "no new files are taken: {why}"
            ))),
            None => Ok(()),
        }
    }

    fn submit(&mut self, upload: Upload, answer: Answer<JobId>) {
        let taken = self.may_take().and_then(|()| {
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
        let (why, asked) = mpsc::channel(1);
        let asker = explain::Asker {
            watcher: self.watcher.clone(),
            store: self.store.clone(),
            entries: self.entries.clone(),
            why,
        };
        let path = RawPath(self.home.join(path));
        self.reply(
            answer,
            async move { Ok(explain::explain(asker, path).await) },
        );
        self.forward_why(asked);
    }

    /// The one question of `explain` that only the decider can answer comes back through the loop.
    fn forward_why(&mut self, mut asked: mpsc::Receiver<(JobId, oneshot::Sender<Option<String>>)>) {
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

    async fn save(
        &mut self,
        id: String,
        yaml: String,
        expected: Option<String>,
        answer: Answer<bool>,
    ) {
        let (shelf, catalog) = (Arc::clone(&self.shelf), Arc::clone(&self.catalog.borrow()));
        let saved = tokio::task::spawn_blocking(move || {
            locked(&shelf).save(&id, &yaml, expected.as_deref(), &catalog)
        })
        .await;
        let result = match saved {
            Ok(Ok(new)) => {
                self.reload().await;
                Ok(new)
            }
            Ok(Err(Unsaved::Faults(faults))) => Err(Refused::Faults(faults)),
            Ok(Err(Unsaved::Conflict(why))) => Err(Refused::Conflict(why)),
            Ok(Err(Unsaved::BadId(why))) => Err(Refused::Invalid(why)),
            Ok(Err(Unsaved::Io(why))) => Err(Refused::Unavailable(why)),
            Err(error) => Err(Refused::Unavailable(format!("the check panicked: {error}"))),
        };
        send(answer, result);
    }

    async fn delete(&mut self, id: String, answer: Answer<()>) {
        let (shelf, name) = (Arc::clone(&self.shelf), id.clone());
        let deleted = tokio::task::spawn_blocking(move || locked(&shelf).delete(&name)).await;
        let result = match deleted {
            Ok(Ok(true)) => {
                self.reload().await;
                Ok(())
            }
            Ok(Ok(false)) => Err(Refused::NotFound(format!("there is no pipeline `{id}`"))),
            Ok(Err(why)) => Err(Refused::Unavailable(why)),
            Err(error) => Err(Refused::Unavailable(format!(
                "the removal panicked: {error}"
            ))),
        };
        send(answer, result);
    }
}

fn send<T>(answer: Answer<T>, result: Result<T, Refused>) {
    // The asker may have gone.
    let _ = answer.send(result);
}
