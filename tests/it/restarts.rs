//! What a restart tells: only what has changed.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::{journal, sample};
use std::collections::BTreeMap;

const PIPELINE: &str = "watch: { folder: inbox/p }\nsteps: [{ uses: reverse }]\n";

/// Everything that the journal tells of files that are no jobs: how often each fact of each path.
fn told(home: &TestHome) -> BTreeMap<(String, String), i64> {
    let journal = journal(&home.path("state/journal.db"));
    let mut facts = journal
        .prepare(
            "SELECT path, body, COUNT(*) FROM event WHERE kind LIKE 'file.%' GROUP BY path, body",
        )
        .expect("a table of events");
    let rows = facts.query_map([], |row| {
        let path: String = row.get(0)?;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(((name, row.get(1)?), row.get(2)?))
    });
    rows.expect("rows")
        .collect::<Result<_, _>>()
        .expect("readable")
}

/// Waits until a file waits for just this.
fn waits(home: &TestHome, daemon: &TestDaemon, name: &str, reason: &str) {
    let path = home.path("inbox/p").join(name);
    wait_until(&format!("{name}: {reason}"), || {
        let path = path.to_str().expect("plain");
        let said = daemon.get(&format!("/files/explain?path={path}"));
        said.body.to_string().contains(reason)
    });
}

#[test]
fn files_that_wait_and_files_that_stay_are_told_of_once_for_all_lives() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let whole = sample::pdf(1);
    home.write("inbox/p/empty.pdf", "");
    home.write("inbox/p/cut.pdf", &whole[..whole.len() / 2]);
    home.write("inbox/p/note.txt", "no pattern takes this");
    home.write("inbox/p/folder/deep.pdf", &whole);
    std::os::unix::fs::symlink("cut.pdf", home.path("inbox/p/link.pdf")).expect("linked");
    let mut first = BTreeMap::new();
    for life in 0..4 {
        let daemon = home.serve();
        waits(&home, &daemon, "empty.pdf", "it is empty");
        waits(&home, &daemon, "cut.pdf", "it is not complete");
        waits(&home, &daemon, "note.txt", "it is ignored");
        waits(&home, &daemon, "folder", "it is a folder");
        waits(&home, &daemon, "link.pdf", "link");
        if life % 2 == 0 {
            daemon.kill();
        } else {
            assert!(daemon.stop().success());
        }
        let told = told(&home);
        if life == 0 {
            first = told;
            for name in ["empty.pdf", "cut.pdf", "note.txt", "folder", "link.pdf"] {
                assert!(
                    first.keys().any(|(told, _)| told == name),
                    "{name}: {first:?}"
                );
            }
        } else {
            assert_eq!(told, first, "life {life} told something again");
        }
    }
    // What has changed between two lives is told, even if there is only the same to say.
    home.drop_file("inbox/p", "empty.pdf", "");
    home.drop_file("inbox/p", "cut.pdf", &whole[..whole.len() / 3]);
    let daemon = home.serve();
    // What the life before told of a file would answer for it until this one has looked.
    wait_until("both are told again", || {
        let history = daemon.get("/events/history?limit=1000&pipeline=p").body;
        let events = history["events"].as_array().expect("events");
        let times = |name: &str, reason: &str| {
            let of = events.iter().map(|event| event["data"].to_string());
            of.filter(|told| told.contains(name) && told.contains(reason))
                .count()
        };
        times("/empty.pdf", "it is empty") == 2 && times("/cut.pdf", "it is not complete") == 2
    });
    daemon.kill();
    let changed = told(&home);
    let more = |name: &str, reason: &str| {
        let of = |told: &BTreeMap<(String, String), i64>| {
            let same = told
                .iter()
                .filter(|((path, body), _)| path == name && body.contains(reason));
            same.map(|(_, times)| times).sum::<i64>()
        };
        (of(&first), of(&changed))
    };
    assert_eq!(more("empty.pdf", "it is empty"), (1, 2));
    assert_eq!(more("cut.pdf", "it is not complete"), (1, 2));
    assert_eq!(more("note.txt", ""), (1, 1));
    // And what waited is taken once it is whole.
    let _daemon = home.serve();
    home.drop_file("inbox/p", "empty.pdf", &whole);
    wait_until("the file that was empty is done", || {
        home.path("outbox/p/empty.pdf").is_file()
    });
}

/// Complete by its ends, and no document in between: its job fails at once.
const BROKEN: &[u8] = b"%PDF-1.7\n1 0 obj\nendobj\nstartxref\n9\n%%EOF\n";

/// The job whose delivery was cut short, if one was.
fn delivering(home: &TestHome) -> Option<String> {
    let journal = journal(&home.path("state/journal.db"));
    let id = journal.query_row("SELECT id FROM job WHERE state = 'delivering'", [], |row| {
        row.get(0)
    });
    id.ok()
}

/// A power cut may bring back a temp that had been removed. The job that it belonged to is delivering its notes by then.
#[test]
fn a_temp_that_came_back_goes_in_the_next_life_though_its_job_delivers() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    home.serve().stop();
    let cut = (20..400_u32).find_map(|after| {
        home.drop_file("inbox/p", &format!("{after}.pdf"), BROKEN);
        let daemon = home.try_serve(|command| {
            command.env("DROPLEAF_CRASH_AFTER", after.to_string());
        });
        // Others end on their way to where this one is to end.
        if let Ok(daemon) = daemon {
            wait_until("the crash, or the end of all jobs", || {
                daemon.has_ended() || files(&home.path("inbox/p")).is_empty()
            });
        }
        delivering(&home)
    });
    let job = cut.expect("one of these lives is cut short in a delivery");
    let temp = home.path(format!("outbox/p/.dropleaf/staged/{job}-7"));
    home.write(&format!("outbox/p/.dropleaf/staged/{job}-7"), "an output");
    let daemon = home.serve();
    wait_until("the end of the delivery", || {
        let job = daemon.get(&format!("/jobs/{job}"));
        job.body["state"] == "failed"
    });
    assert!(!temp.exists(), "{}\n{}", temp.display(), daemon.log());
    assert!(daemon.stop().success());
}
