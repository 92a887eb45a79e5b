//! The count: every file that was given lies in one place or has become its outputs, once, and the feed told it right.

use super::Report;
use super::follower::Followed;
use super::input::{Input, Outputs, PIPELINES, Pipeline};
use super::load::Given;
use super::whereabouts::{Said, all, by_content, is_mark, said};
use crate::daemon::TestHome;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What tells whether a job is open.
const OPEN: &str = "/jobs?limit=1&state=claiming,queued,running,waiting,delivering";

/// Whether nothing lies in an inbox, no job is open, and no file is held; `get` asks the daemon below `/api/v1`.
pub(super) fn at_rest(home: &TestHome, get: impl FnOnce(&str) -> Value) -> bool {
    let empty = all(&home.path("inbox")).iter().all(|path| is_mark(path));
    empty && get(OPEN)["jobs"].as_array().is_some_and(Vec::is_empty)
}

/// Compares everything with what was given.
pub(super) fn judge(
    home: &TestHome,
    given: &Given,
    followed: &Followed,
    history: &[Value],
    report: &mut Report,
) {
    let mut faults = followed.faults.clone();
    let archive = by_content(home, "archive");
    let failed = by_content(home, "failed");
    let outputs = outputs(home, &mut faults);
    report.outputs = outputs.values().map(Vec::len).sum();
    for input in given.inputs() {
        let kept = archive.get(&input.blake3).map_or(0, Vec::len);
        let refused = failed.get(&input.blake3).map_or(0, Vec::len);
        let made = outputs.get(&input.mark).map_or(&[][..], Vec::as_slice);
        match account(input, kept, refused, made) {
            Ok(Account::Processed) => report.processed += 1,
            Ok(Account::Failed) => report.failed += 1,
            Ok(Account::Absent) => continue,
            Err(fault) => faults.push(format!("{} ({}): {fault}", input.mark, input.pipeline)),
        }
        report.files += 1;
    }
    leftovers(home, &mut faults);
    feed(followed, history, &mut faults);
    journal(home, history, &mut faults);
    hashes(home, history, &mut faults);
    report.events = followed.events.len() as u64;
    report.connections = followed.connections;
    report.faults.extend(faults);
}

enum Account {
    Processed,
    Failed,
    Absent,
}

/// One file: how often its original is kept as done, how often as failed, and what outputs there are of it.
fn account(
    input: &Input,
    kept: usize,
    refused: usize,
    made: &[(PathBuf, Vec<Said>)],
) -> Result<Account, String> {
    let pipeline = PIPELINES
        .iter()
        .find(|pipeline| pipeline.id == input.pipeline)
        .expect("its own pipeline");
    let places = made
        .iter()
        .map(|(path, _)| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    match (kept, refused, made.is_empty()) {
        (0, 0, true) if !input.certain => Ok(Account::Absent),
        (0, 0, true) => Err("lost: it lies nowhere and has no output".to_owned()),
        (0, 1, true) => Ok(Account::Failed),
        (0, 1, false) => Err(format!(
            "it counts as failed, but there are outputs: {places}"
        )),
        (1, 0, _) | (0, 0, false) if (kept == 1) == pipeline.original => {
            whole(pipeline, input, made).map(|()| Account::Processed)
        }
        (0, 0, false) => Err(format!("lost: outputs ({places}), but no original")),
        (1, 0, _) => Err("its original should be gone".to_owned()),
        _ => Err(format!(
            "doubled: kept {kept} times as done and {refused} times as failed"
        )),
    }
}

/// The outputs of a processed file are all there, once each, with all its pages in order.
fn whole(pipeline: &Pipeline, input: &Input, made: &[(PathBuf, Vec<Said>)]) -> Result<(), String> {
    let pages: Vec<Said> = (1..=input.pages)
        .map(|page| Said {
            mark: input.mark.clone(),
            page,
            of: input.pages,
        })
        .collect();
    let expected: Vec<Vec<Said>> = match pipeline.outputs {
        Outputs::One if !pages.is_empty() => vec![pages],
        Outputs::OneAPage if !pages.is_empty() => {
            pages.into_iter().map(|page| vec![page]).collect()
        }
        _ => return Err("it counts as processed, but it cannot have been".to_owned()),
    };
    let mut found: Vec<Vec<Said>> = made.iter().map(|(_, pages)| pages.clone()).collect();
    found.sort();
    if found == expected {
        Ok(())
    } else {
        Err(format!("wrong outputs: {made:?}"))
    }
}

type Made = BTreeMap<String, Vec<(PathBuf, Vec<Said>)>>;

/// Every output by the file that its pages say they are of.
fn outputs(home: &TestHome, faults: &mut Vec<String>) -> Made {
    let mut made = Made::new();
    for path in all(&home.path("outbox")) {
        if is_mark(&path) {
            continue;
        }
        match said(&path) {
            Ok(pages) => {
                let mark = pages
                    .first()
                    .map(|page| page.mark.clone())
                    .unwrap_or_default();
                made.entry(mark).or_default().push((path, pages));
            }
            Err(why) => faults.push(format!("torn: {}: {why}", path.display())),
        }
    }
    made
}

/// Nothing of the daemon's own lies in any folder of the user's, nothing in `work`.
fn leftovers(home: &TestHome, faults: &mut Vec<String>) {
    for kind in ["inbox", "outbox", "archive", "failed"] {
        for path in all(&home.path(kind)) {
            let hidden = path.components().any(|part| {
                part.as_os_str()
                    .as_encoded_bytes()
                    .starts_with(b".dropleaf")
            });
            if hidden && !is_mark(&path) || kind == "inbox" && !hidden {
                faults.push(format!("left over: {}", path.display()));
            }
        }
    }
    for path in all(&home.path("work")) {
        if !is_mark(&path) {
            faults.push(format!("left over: {}", path.display()));
        }
    }
}

/// The client heard every event of the journal after its snapshot, in the same words.
fn feed(followed: &Followed, history: &[Value], faults: &mut Vec<String>) {
    for event in history {
        let seq = event["data"]["seq"].as_u64().unwrap_or(0);
        if seq <= followed.from {
            continue;
        }
        let Some(heard) = followed.events.get(&seq) else {
            faults.push(format!("event {seq} was never told: {event}"));
            continue;
        };
        let told = event["data"]
            .as_object()
            .is_some_and(|data| data.iter().all(|(key, value)| heard[key] == *value));
        if !told || heard["event"] != event["event"] {
            faults.push(format!(
                "event {seq} was told as {heard}, and the journal has {event}"
            ));
        }
    }
}

/// The journal is sound, its numbers have no gap behind what retention has removed, and it has what the API tells.
fn journal(home: &TestHome, history: &[Value], faults: &mut Vec<String>) {
    let checked = (|| -> rusqlite::Result<(String, i64, i64, i64)> {
        let journal = Connection::open(home.path("state/journal.db"))?;
        let sound = journal.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let (floor, count, last) = journal.query_row(
            "SELECT floor, count(seq), max(seq)
             FROM (SELECT CAST(value AS INTEGER) AS floor FROM meta WHERE key = 'floor') LEFT JOIN event ON seq > floor",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        Ok((sound, floor, count, last))
    })();
    match checked {
        Err(error) => faults.push(format!("the journal cannot be read: {error}")),
        Ok((sound, floor, count, last)) => {
            if sound != "ok" {
                faults.push(format!("the journal is damaged: {sound}"));
            }
            if count != last - floor {
                faults.push(format!(
                    "the journal has {count} events after {floor} to {last}"
                ));
            }
            let newest = history
                .last()
                .and_then(|event| event["data"]["seq"].as_u64())
                .unwrap_or(0);
            if i64::try_from(newest).unwrap_or(i64::MAX) > last {
                faults.push(format!(
                    "event {newest} was told, and the journal ends with {last}"
                ));
            }
        }
    }
}

/// Each output that a finished job tells of has the hash that it tells.
fn hashes(home: &TestHome, history: &[Value], faults: &mut Vec<String>) {
    for event in history
        .iter()
        .filter(|event| event["event"] == "job.succeeded")
    {
        let artifacts = event["data"]["artifacts"].as_array().into_iter().flatten();
        // An original that the pipeline deletes lies nowhere.
        for artifact in artifacts
            .filter(|artifact| artifact["kind"] != "original" || artifact.get("path").is_some())
        {
            let (Some(path), Some(told)) = (artifact["path"].as_str(), artifact["blake3"].as_str())
            else {
                faults.push(format!("an artifact without path or hash: {artifact}"));
                continue;
            };
            let found = std::fs::read(home.path(path))
                .map(|bytes| blake3::hash(&bytes).to_hex().to_string());
            if !found.as_ref().is_ok_and(|found| found.starts_with(told)) {
                faults.push(format!("{path} has {found:?}, told was {told}"));
            }
        }
    }
}
