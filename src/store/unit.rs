//! One unit of events: all of it goes into the journal and its projections, or nothing.

use crate::event::{Draft, Event, PipelineEvent, Stored, WatchEvent};
use crate::job::event::JobEvent;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::store::error::{Error, writing};
use crate::store::row::{insert_event, load_job, signed, upsert_job};
use crate::time::Timestamp;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What units rest on: the number of the last event and the jobs that are known without asking the database.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The number of the last event.
    pub(crate) head: u64,
    /// Jobs as they are after it.
    pub(crate) jobs: HashMap<JobId, Job>,
}

/// What a unit has written.
pub(crate) struct Written {
    /// Its events with their numbers.
    pub(crate) stored: Vec<Arc<Stored>>,
    /// The jobs that it changed.
    pub(crate) jobs: HashMap<JobId, Job>,
}

/// Writes one unit on top of `layers`, the newest first; the caller's savepoint takes it back on an error.
pub(crate) fn write(
    connection: &Connection,
    layers: [&Known; 2],
    drafts: &[Draft],
) -> Result<Written, Error> {
    let mut unit = Unit {
        connection,
        layers,
        head: layers[0].head,
        touched: HashMap::new(),
    };
    let stored = drafts
        .iter()
        .map(|draft| unit.event(draft))
        .collect::<Result<Vec<_>, _>>()?;
    let jobs = unit.finish()?;
    Ok(Written { stored, jobs })
}

struct Unit<'a> {
    connection: &'a Connection,
    layers: [&'a Known; 2],
    head: u64,
    touched: HashMap<JobId, Touched>,
}

struct Touched {
    job: Job,
    /// Its state before the unit.
    before: Option<&'static str>,
    /// The number of its last event.
    changed: u64,
}

impl Unit<'_> {
    fn event(&mut self, draft: &Draft) -> Result<Arc<Stored>, Error> {
        let seq = self.head + 1;
        let job = match &draft.event {
            Event::Job { job, what } => Some(self.job_event(seq, draft.at, *job, what)?),
            Event::Pipeline { pipeline, what } => {
                project_pipeline(self.connection, seq, draft.at, pipeline, what)
                    .map_err(writing)?;
                None
            }
            Event::Watch { pipeline, what } => {
                project_folder(self.connection, seq, draft.at, pipeline, what)?;
                None
            }
            Event::Plugin(_) | Event::File { .. } | Event::Daemon(_) => None,
        };
        let job = job.and_then(|id| self.touched.get(&id)).map(|it| &it.job);
        let stored = insert_event(self.connection, seq, draft.clone(), job)?;
        self.head = seq;
        Ok(stored)
    }

    fn job_event(
        &mut self,
        seq: u64,
        at: Timestamp,
        id: JobId,
        what: &JobEvent,
    ) -> Result<JobId, Error> {
        if !self.touched.contains_key(&id) {
            self.touch(id, at, what)?;
            if matches!(what, JobEvent::Accepted(_)) {
                return Ok(id).inspect(|id| self.mark(*id, seq));
            }
        }
        if let Some(touched) = self.touched.get_mut(&id) {
            touched.job.apply(at, what)?;
        }
        self.mark(id, seq);
        Ok(id)
    }

    fn mark(&mut self, id: JobId, seq: u64) {
        if let Some(touched) = self.touched.get_mut(&id) {
            touched.changed = seq;
        }
    }

    /// Takes a job into the unit: the known one, or a new one from its first event.
    fn touch(&mut self, id: JobId, at: Timestamp, what: &JobEvent) -> Result<(), Error> {
        let known = match self.layers.iter().find_map(|layer| layer.jobs.get(&id)) {
            Some(job) => Some(job.clone()),
            None => load_job(self.connection, id)?,
        };
        let touched = match (known, what) {
            (Some(_), JobEvent::Accepted(_)) => return Err(Error::JobExists(id)),
            (None, JobEvent::Accepted(accepted)) => Touched {
                job: Job::new(id, at, (**accepted).clone()),
                before: None,
                changed: 0,
            },
            (Some(job), _) => Touched {
                before: Some(job.state.word()),
                job,
                changed: 0,
            },
            (None, _) => return Err(Error::UnknownJob(id)),
        };
        self.touched.insert(id, touched);
        Ok(())
    }

    /// Writes each touched job once, however many events it had, and each count once, however many jobs it is about.
    fn finish(self) -> Result<HashMap<JobId, Job>, Error> {
        let mut jobs = HashMap::with_capacity(self.touched.len());
        let mut tally: BTreeMap<(String, &str), i64> = BTreeMap::new();
        for (id, touched) in self.touched {
            upsert_job(self.connection, &touched.job, touched.changed)?;
            let after = touched.job.state.word();
            if touched.before != Some(after) {
                let pipeline = &touched.job.accepted.pipeline;
                for (state, by) in [(touched.before, -1), (Some(after), 1)] {
                    if let Some(state) = state {
                        *tally.entry((pipeline.clone(), state)).or_default() += by;
                    }
                }
            }
            jobs.insert(id, touched.job);
        }
        for ((pipeline, state), by) in tally.iter().filter(|(_, by)| **by != 0) {
            count(self.connection, pipeline, state, *by).map_err(writing)?;
        }
        Ok(jobs)
    }
}

/// Changes the number of a pipeline's jobs in a state.
pub(crate) fn count(
    connection: &Connection,
    pipeline: &str,
    state: &str,
    by: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO tally(pipeline, state, jobs) VALUES(?1, ?2, ?3) ON CONFLICT(pipeline, state) DO UPDATE SET jobs = jobs + excluded.jobs",
        )?
        .execute(params![pipeline, state, by])?;
    Ok(())
}

fn project_pipeline(
    connection: &Connection,
    seq: u64,
    at: Timestamp,
    id: &str,
    what: &PipelineEvent,
) -> rusqlite::Result<()> {
    touch_pipeline(connection, seq, at, id)?;
    match what {
        PipelineEvent::Loaded { revision, yaml } => {
            connection
                .prepare_cached("INSERT INTO revision(hash, pipeline, yaml, first) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(hash) DO NOTHING")?
                .execute(params![revision, id, yaml, at.0])?;
            connection
                .prepare_cached(
                    "UPDATE pipeline SET revision = ?2, faults = '[]', removed = 0 WHERE id = ?1",
                )?
                .execute(params![id, revision])?;
        }
        PipelineEvent::Invalid { faults } => {
            let faults = serde_json::Value::from(faults.clone()).to_string();
            connection
                // A file that comes back after it was removed has no revision that goes on.
                .prepare_cached(
                    "UPDATE pipeline SET faults = ?2, revision = CASE removed WHEN 0 THEN revision END, removed = 0 WHERE id = ?1",
                )?
                .execute(params![id, faults])?;
        }
        PipelineEvent::Removed => {
            connection
                .prepare_cached(
                    "UPDATE pipeline SET removed = 1, faults = '[]', folder = NULL WHERE id = ?1",
                )?
                .execute([id])?;
        }
        PipelineEvent::Paused { reason } => {
            connection
                .prepare_cached("UPDATE pipeline SET paused = ?2 WHERE id = ?1")?
                .execute(params![id, reason])?;
        }
        PipelineEvent::Resumed => {
            connection
                .prepare_cached("UPDATE pipeline SET paused = NULL WHERE id = ?1")?
                .execute([id])?;
        }
    }
    Ok(())
}

fn project_folder(
    connection: &Connection,
    seq: u64,
    at: Timestamp,
    pipeline: &str,
    what: &WatchEvent,
) -> Result<(), Error> {
    let body = serde_json::to_string(what).map_err(|source| Error::Unreadable {
        what: "a folder's state".to_owned(),
        source,
    })?;
    touch_pipeline(connection, seq, at, pipeline).map_err(writing)?;
    connection
        .prepare_cached("UPDATE pipeline SET folder = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![pipeline, body]))
        .map_err(writing)?;
    Ok(())
}

fn touch_pipeline(
    connection: &Connection,
    seq: u64,
    at: Timestamp,
    id: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO pipeline(id, changed, updated, faults, removed) VALUES(?1, ?2, ?3, '[]', 0)
             ON CONFLICT(id) DO UPDATE SET changed = excluded.changed, updated = excluded.updated",
        )?
        .execute(params![id, signed(seq), at.0])?;
    Ok(())
}
