//! Retention: old finished jobs go, with their events and logs; a resume from before them gets a `reset`.
//!
//! In small steps, so that units wait for milliseconds only.

use crate::job::id::JobId;
use crate::store::Store;
use crate::store::error::{Error, reading, writing};
use crate::store::row::{signed, unsigned};
use crate::store::schema::{meta, set_meta};
use crate::store::unit::count;
use crate::store::writer::{Outcome, Work};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::HashSet;
use std::time::Duration;

/// Jobs of one step.
const JOBS: u32 = 100;
/// Other events of one step.
const EVENTS: u32 = 2_000;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Finished jobs younger than this, by `now`.
    pub age: Duration,
    /// At most so many finished jobs, the newest; and as many events that belong to no job.
    pub jobs: u64,
    /// The time of asking.
    pub now: Timestamp,
}

impl Retention {
    /// 90 days or 100,000 finished jobs.
    #[must_use]
    pub fn default_at(now: Timestamp) -> Self {
        Self {
            age: Duration::from_secs(90 * 24 * 60 * 60),
            jobs: 100_000,
            now,
        }
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Finished jobs.
    pub jobs: u64,
    /// Events, those of the jobs and others.
    pub events: u64,
    /// Whether a further step would find more.
    pub(crate) more: bool,
}

impl Pruned {
    pub(crate) fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.events += other.events;
        self.more = other.more;
    }
}

impl Store {
    /// Removes what retention does not keep, in small steps between other units.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`; steps that were done stay done.
    pub async fn prune(&self, retention: Retention) -> Result<Pruned, Error> {
        let mut all = Pruned::default();
        loop {
            let Outcome::Pruned(step) = self.enqueue(Work::Prune(retention)).await? else {
                return Err(Error::Closed);
            };
            all.add(step);
            if !all.more {
                return Ok(all);
            }
        }
    }
}

/// One step of pruning.
pub(crate) fn step(
    connection: &Connection,
    keep: &Retention,
    spared: &HashSet<JobId>,
) -> Result<Pruned, Error> {
    let age = i64::try_from(keep.age.as_millis()).unwrap_or(i64::MAX);
    let cutoff = keep.now.0.saturating_sub(age);
    let mut pruned = Pruned::default();
    let mut floor = unsigned(floor(connection).map_err(reading)?);

    let old = Old {
        cutoff,
        bound: first_young(connection, cutoff, keep.now.0).map_err(reading)?,
    };
    let mut jobs = old_jobs(connection, old, keep.jobs).map_err(reading)?;
    let found = jobs.len() as u32;
    let is_spared = |job: &OldJob| job.id.parse().is_ok_and(|id| spared.contains(&id));
    jobs.retain(|job| !is_spared(job));
    for job in &jobs {
        floor = floor.max(forget(connection, job, &mut pruned).map_err(writing)?);
    }
    let events = old_events(connection, old, keep.jobs).map_err(reading)?;
    for seq in &events {
        connection
            .prepare_cached("DELETE FROM event WHERE seq = ?1")
            .and_then(|mut statement| statement.execute([seq]))
            .map_err(writing)?;
        floor = floor.max(unsigned(*seq));
    }
    pruned.events += events.len() as u64;
    pruned.more = (found == JOBS && !jobs.is_empty()) || events.len() as u32 == EVENTS;
    if pruned.events > 0 {
        set_meta(connection, "floor", &floor.to_string()).map_err(writing)?;
    }
    Ok(pruned)
}

/// The number of the newest event that is gone; who has seen it has missed nothing.
pub(crate) fn floor(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(meta(connection, "floor")?
        .and_then(|text| text.parse().ok())
        .unwrap_or(0))
}

/// What makes something old: its time, and that it was written before all that is young. A clock that was behind for a while stamped
/// what is new with old times.
#[derive(Clone, Copy)]
struct Old {
    cutoff: i64,
    bound: i64,
}

/// The number of the first event since the cutoff; what a clock that was ahead stamped tells nothing.
fn first_young(connection: &Connection, cutoff: i64, now: i64) -> rusqlite::Result<i64> {
    let first = connection
        .prepare_cached("SELECT seq FROM event WHERE at >= ?1 AND at <= ?2 ORDER BY seq LIMIT 1")?
        .query_row([cutoff, now], |row| row.get(0));
    Ok(first.optional()?.unwrap_or(i64::MAX))
}

struct OldJob {
    id: String,
    pipeline: String,
    state: String,
}

/// Finished before the cutoff, or beyond the newest `keep`: the oldest of them.
fn old_jobs(connection: &Connection, old: Old, keep: u64) -> rusqlite::Result<Vec<OldJob>> {
    let ended: i64 = connection
        .prepare_cached("SELECT COALESCE(SUM(jobs), 0) FROM tally WHERE state IN ('succeeded', 'failed', 'cancelled')")?
        .query_row([], |row| row.get(0))?;
    let excess = ended.saturating_sub(signed(keep)).max(0);
    let mut statement = connection.prepare_cached(
        "SELECT id, pipeline, state, finished FROM job WHERE finished IS NOT NULL AND (finished >= ?2 \
         OR COALESCE((SELECT MAX(seq) FROM event WHERE event.job = job.id), 0) < ?3) ORDER BY finished LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::from(JOBS), old.cutoff, old.bound])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(3)? >= old.cutoff && found.len() as i64 >= excess {
            break;
        }
        found.push(OldJob {
            id: row.get(0)?,
            pipeline: row.get(1)?,
            state: row.get(2)?,
        });
    }
    Ok(found)
}

/// Events of no job from before the cutoff, or beyond the newest `keep`: the oldest of them.
fn old_events(connection: &Connection, old: Old, keep: u64) -> rusqlite::Result<Vec<i64>> {
    let count: i64 = connection
        .prepare_cached("SELECT COUNT(*) FROM event WHERE job IS NULL")?
        .query_row([], |row| row.get(0))?;
    let excess = count.saturating_sub(signed(keep)).max(0);
    let mut statement = connection
        .prepare_cached(
            "SELECT seq, at FROM event WHERE job IS NULL AND (at >= ?2 OR seq < ?3) ORDER BY at, seq LIMIT ?1",
        )?;
    let mut rows = statement.query([i64::from(EVENTS), old.cutoff, old.bound])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= old.cutoff && found.len() as i64 >= excess {
            break;
        }
        found.push(row.get(0)?);
    }
    Ok(found)
}

/// Deletes a job with all that belongs to it; returns the number of its last event.
fn forget(connection: &Connection, job: &OldJob, pruned: &mut Pruned) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT MAX(seq) FROM event WHERE job = ?1")?
        .query_row([&job.id], |row| row.get(0))?;
    let events = connection
        .prepare_cached("DELETE FROM event WHERE job = ?1")?
        .execute([&job.id])?;
    connection
        .prepare_cached("DELETE FROM log WHERE job = ?1")?
        .execute([&job.id])?;
    connection
        .prepare_cached("DELETE FROM job WHERE id = ?1")?
        .execute([&job.id])?;
    count(connection, &job.pipeline, &job.state, -1)?;
    pruned.jobs += 1;
    pruned.events += events as u64;
    Ok(unsigned(last.unwrap_or(0)))
}
