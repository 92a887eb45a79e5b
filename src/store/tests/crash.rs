//! Kill -9 at any moment: what was acknowledged is there, numbers have no gaps, and no unit is there in part.

use super::sample::*;
use crate::job::id::JobId;
use crate::store::log::LogLine;
use crate::store::prune::Retention;
use crate::store::query::EventQuery;
use crate::time::Timestamp;
use rusqlite::Connection;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "DROPLEAF_TEST_CRASH_FOLDER";
const CHILD: &str = "store::tests::crash::child_appends_until_it_is_killed";
const SHRINKS: &str = "store::tests::crash::child_makes_the_file_smaller_until_it_is_killed";

/// The child's part: eight writers append units of three events for ever and print each acknowledged job.
#[test]
fn child_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let (store, opening) = open(folder.as_ref());
    let first = opening.head * 1_000 + 1;
    runtime().block_on(async {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0.. {
                        let job = id(first + n * 8 + writer);
                        let unit = life(job, "scan", "/inbox/a.pdf", 7)[..3].to_vec();
                        store.append(unit).await.expect("appended");
                        // Only one write each, so that lines do not mix.
                        let _ = std::io::stdout().write_all(format!("ack {job}\n").as_bytes());
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("killed before that");
        }
    });
}

#[test]
fn acknowledged_units_survive_a_kill_whole_and_in_order() {
    let folder = folder();
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        acknowledged.extend(killed_after(CHILD, folder.path(), 20 + round * 37));
        let (store, opening) = open(folder.path());
        assert!(!opening.clean && opening.set_aside.is_none());
        let events = runtime()
            .block_on(store.events(EventQuery {
                limit: 10_000_000,
                ..Default::default()
            }))
            .expect("read");
        assert!(
            events.iter().map(|event| event.seq).eq(1..=opening.head),
            "round {round}"
        );
        // Every unit left its job running: a unit in part would show as claimed or queued.
        assert_eq!(opening.open_jobs.len() as u64 * 3, opening.head);
        assert!(
            opening
                .open_jobs
                .iter()
                .all(|job| job.state.word() == "running")
        );
        let there: std::collections::HashSet<_> = opening
            .open_jobs
            .iter()
            .map(|job| job.id.to_string())
            .collect();
        for job in &acknowledged {
            assert!(
                there.contains(job),
                "round {round}: {job} was acknowledged and is lost"
            );
        }
    }
    assert!(acknowledged.len() > 8 * 20);
}

/// The child's part: jobs are written, the older ones removed and the file made smaller, for ever.
#[test]
fn child_makes_the_file_smaller_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let (store, opening) = open(folder.as_ref());
    let first = opening.head * 1_000 + 1;
    let line = |message| LogLine {
        at: Timestamp(7),
        level: "info".to_owned(),
        step: None,
        message,
    };
    let keep = Retention {
        age: Duration::from_secs(1_000),
        jobs: 4,
        now: Timestamp(200),
    };
    runtime().block_on(async {
        for n in 0.. {
            let job = id(first + n);
            let mut life = life(job, "scan", "/inbox/a.pdf", 7);
            let end = life.split_off(3);
            store.append(life).await.expect("appended");
            let lines = vec![line("x".repeat(4_000)); 8];
            store.log(job, lines).await.expect("logged");
            store.append(end).await.expect("appended");
            // Only one write each, so that lines do not mix.
            let _ = std::io::stdout().write_all(format!("ack {job}\n").as_bytes());
            if n % 8 == 7 {
                store.prune(keep).await.expect("pruned");
                store.shrink(0).await.expect("shrunk");
            }
        }
    });
}

#[test]
fn a_kill_while_the_file_is_made_smaller_leaves_it_sound() {
    let folder = folder();
    for round in 0..8 {
        let acknowledged = killed_after(SHRINKS, folder.path(), 9 + round * 11);
        let (store, opening) = open(folder.path());
        assert!(!opening.clean && opening.set_aside.is_none() && opening.mended.is_empty());
        let newest: JobId = acknowledged.last().expect("some").parse().expect("an id");
        let lines = runtime().block_on(store.log_lines(newest, 0, 100));
        assert_eq!(lines.expect("read").len(), 8, "round {round}: {newest}");
        drop(store);
        let journal = folder.path().join("journal.db");
        let pages = std::fs::metadata(&journal).expect("a journal").len() / 4096;
        let journal = Connection::open(&journal).expect("opens");
        let sound: String = journal
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("read");
        assert_eq!(sound, "ok", "round {round}");
        // 13 jobs at most, of some ten pages each.
        assert!(pages < 400, "round {round}: {pages} pages");
    }
}

/// Starts the child, kills it after some acknowledgements, and returns all that it printed.
fn killed_after(child: &str, folder: &std::path::Path, acks: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", child, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut seen = Vec::new();
    while seen.len() < acks {
        let line = lines.next().expect("the child goes on").expect("text");
        seen.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    // A few microseconds more or less: the kill hits any point of a commit.
    std::thread::sleep(Duration::from_micros(acks as u64 * 7 % 900));
    child.kill().expect("killed");
    child.wait().expect("reaped");
    // What was printed before the kill was acknowledged too; a torn last line was not.
    seen.extend(lines.map_while(Result::ok).filter_map(|line| {
        line.strip_prefix("ack ")
            .filter(|job| job.len() == 26)
            .map(str::to_owned)
    }));
    seen
}
