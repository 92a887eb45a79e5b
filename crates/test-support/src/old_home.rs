//! Homes of earlier versions: made once by the version that wrote them, kept as text and small files, loaded for ever.
//!
//! The journal lies there as SQL with the home's path as `@HOME@`, the folders below `files`. Whoever makes one leaves jobs in every
//! state that lasts: finished, failed, waiting in a paused pipeline, running, and delivering with its outputs half-way.

use crate::daemon::TestHome;
use crate::folder::{copy, wait_until};
use crate::sample;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::fmt::Write as _;
use std::path::Path;

const HOME: &str = "@HOME@";

/// The pipelines of such a home. `slow` hung when it was made.
pub const PIPELINES: [&str; 3] = ["plain", "slow", "stuck"];

fn pipeline(id: &str, step: &str) -> String {
    format!("watch: {{ folder: inbox/{id}, quiet: 0s }}\nsteps: [{step}]\n")
}

/// Makes the home that this version leaves behind, in an empty folder `to`. Gives the journal's format.
///
/// # Panics
/// The daemon does not do what it should, or the folder cannot be written.
pub fn make(program: &str, to: &Path) -> i32 {
    let home = TestHome::new(program);
    crate::plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", "settling: { not_pdf_seconds: 1 }\n");
    for id in PIPELINES {
        let step = match id {
            "slow" => "{ uses: misbehave, with: { mode: sleep } }",
            _ => "{ uses: reverse }",
        };
        home.pipeline(id, &pipeline(id, step));
    }
    // An archive that is no folder: the delivery comes as far as the outputs.
    home.write("archive/stuck", "not a folder");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/plain", "done.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    home.drop_file("inbox/plain", "bad.pdf", "This is no PDF.");
    feed.until_named("job.failed");
    home.drop_file("inbox/slow", "running.pdf", sample::pdf(1));
    feed.until_named("step.started");
    home.drop_file("inbox/stuck", "delivering.pdf", sample::pdf(3));
    feed.until(|event| event.name == "job.warned");
    daemon.post("/pipelines/plain/pause", b"{\"reason\":\"lunch\"}");
    home.drop_file("inbox/plain", "queued.pdf", sample::pdf(1));
    feed.until(|event| event.name == "job.queued" && event.data["name"] == "queued.pdf");
    daemon.kill();
    home.pipeline("slow", &pipeline("slow", "{ uses: reverse }"));
    std::fs::remove_file(home.path("archive/stuck")).expect("ours");
    let journal = crate::journal(&home.path("state/journal.db"));
    let root = home.path("");
    let root = root.to_string_lossy();
    let root = root.trim_end_matches('/');
    let sql = dump(&journal).expect("the journal can be read");
    std::fs::create_dir_all(to).expect("it is writable");
    std::fs::write(to.join("journal.sql"), sql.replace(root, HOME)).expect("it is writable");
    for folder in ["pipelines", "inbox", "outbox", "archive", "failed"] {
        copy(&home.path(folder), &to.join("files").join(folder));
    }
    let folders = folders(&to.join("files"));
    std::fs::write(to.join("folders.txt"), folders.join("\n") + "\n").expect("it is writable");
    journal
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("the journal can be read")
}

/// Every folder below one: a repository does not keep those that are empty.
fn folders(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = vec![root.to_path_buf()];
    while let Some(folder) = next.pop() {
        let below = folder.strip_prefix(root).expect("it lies below");
        found.push(below.to_string_lossy().into_owned());
        let entries = std::fs::read_dir(&folder).expect("it was made a moment ago");
        let paths = entries.flatten().map(|entry| entry.path());
        next.extend(paths.filter(|path| path.is_dir()));
    }
    found.retain(|below| !below.is_empty());
    found.sort();
    found
}

/// Puts such a home into a bare one, as if it had been written there.
///
/// # Panics
/// It cannot be read or written.
pub fn load(from: &Path, home: &TestHome) {
    copy(&from.join("files"), &home.path(""));
    let folders = std::fs::read_to_string(from.join("folders.txt")).expect("the old folders");
    for folder in folders.lines() {
        std::fs::create_dir_all(home.path(folder)).expect("ours");
    }
    home.write("config.yaml", "settling: { not_pdf_seconds: 1 }\n");
    std::fs::create_dir_all(home.path("state")).expect("ours");
    let sql = std::fs::read_to_string(from.join("journal.sql")).expect("the old journal");
    let root = home.path("");
    let root = root.to_string_lossy();
    crate::journal(&home.path("state/journal.db"))
        .execute_batch(&sql.replace(HOME, root.trim_end_matches('/')))
        .expect("the old journal");
}

fn dump(journal: &Connection) -> rusqlite::Result<String> {
    let mut sql = String::from(
        "-- A journal as its version wrote it and a kill left it. Never changed: it must load for ever.\n",
    );
    for name in ["application_id", "user_version"] {
        let value: i64 = journal.pragma_query_value(None, name, |row| row.get(0))?;
        let _ = writeln!(sql, "PRAGMA {name} = {value};");
    }
    sql.push_str("BEGIN;\n");
    let mut schema = journal.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index', rowid")?;
    let parts: Vec<(String, String, String)> = schema
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (kind, name, text) in parts {
        let _ = writeln!(sql, "{text};");
        if kind != "table" {
            continue;
        }
        let mut rows = journal.prepare(&format!("SELECT * FROM {name}"))?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns)
                .map(|column| row.get::<_, Value>(column).map(|value| literal(&value)))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let _ = writeln!(sql, "INSERT INTO {name} VALUES({});", values.join(","));
        }
    }
    sql.push_str("COMMIT;\n");
    Ok(sql)
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{hex}'")
        }
    }
}

/// Waits until the home is drained: its pauses are lifted, and nothing is open any more.
///
/// # Panics
/// It is not drained in time.
pub fn drain(daemon: &crate::daemon::TestDaemon) {
    for id in PIPELINES {
        daemon.post(&format!("/pipelines/{id}/resume"), b"");
    }
    wait_until("the end of all jobs", || {
        let open = daemon.get("/jobs?state=claiming,queued,running,waiting,delivering");
        open.body["jobs"].as_array().is_some_and(Vec::is_empty)
    });
}
