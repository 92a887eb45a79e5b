//! A journal that is damaged, cut off, emptied or gone: kept aside, brought over as far as it can be read, and said loudly.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use std::fs;
use std::path::{Path, PathBuf};

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";
const KEEPS: &str =
    "watch: { folder: inbox/k, quiet: 0s }\nsteps: [{ uses: reverse }]\noriginal: keep\n";

/// A daemon has finished two files and holds a third; then it was killed. Gives a client's last event id.
fn lived() -> (TestHome, String) {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.pipeline("k", KEEPS);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "done.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    home.drop_file("inbox/k", "kept.pdf", sample::pdf(3));
    feed.until_named("job.succeeded");
    daemon.post("/pipelines/p/pause", b"{\"reason\":\"lunch\"}");
    home.drop_file("inbox/p", "held.pdf", sample::pdf(1));
    let last = feed.until_named("job.queued").id.expect("a durable event");
    daemon.kill();
    (home, last)
}

/// Spoils pages of the journal, but the first ones: the list of tables is there.
fn spoil(path: &Path, which: impl Fn(usize) -> bool) {
    let mut bytes = fs::read(path).expect("the journal");
    for (number, page) in bytes.chunks_mut(4_096).enumerate() {
        if which(number) {
            page.fill(0xa5);
        }
    }
    fs::write(path, bytes).expect("spoilt");
}

/// Puts all that was committed into the main file, as a clean end would.
fn checkpoint(path: &Path) {
    let connection = dropleaf_test_support::journal(path);
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("checkpointed");
}

fn concerns(daemon: &TestDaemon) -> String {
    daemon.get("/healthz").body.to_string()
}

/// Everything that was given is there once, whatever the daemon still knows; and an old client is told to begin anew.
fn nothing_is_lost(home: &TestHome, daemon: &TestDaemon, last: &str, name: &str) {
    let mut old = daemon.follow_from("/events", Some(last));
    let hello = old.until_named("hello");
    assert_eq!(hello.data["resumed"], false, "{name}: {}", hello.data);
    old.until_named("reset");
    daemon.post("/pipelines/p/resume", b"");
    wait_until(&format!("the held file's end ({name})"), || {
        files(&home.path("archive/p")).len() == 2
    });
    wait_until("the end of all work", || {
        let open = daemon.get("/jobs?state=claiming,queued,running,waiting,delivering");
        open.body["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    let outputs = files(&home.path("outbox/p"));
    assert_eq!(outputs.len(), 2, "{name}: each once: {outputs:?}");
    assert!(outputs.contains(&PathBuf::from("done.pdf")), "{name}");
    let claimed = fs::read_dir(home.path("inbox/p/.dropleaf/claimed")).expect("ours");
    let held: Vec<_> = claimed.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(held, ["folder-id"], "{name}: nothing is held any more");
    wait_until("the kept original", || {
        files(&home.path("inbox/k")) == [PathBuf::from("kept.pdf")]
    });
}

type Damage<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn a_damaged_journal_is_kept_aside_said_loudly_and_loses_no_file() {
    let cases: [Damage<'_>; 6] = [
        (
            "cut off",
            &|path| {
                let bytes = fs::read(path).expect("the journal");
                fs::write(path, &bytes[..bytes.len() / 2 / 4_096 * 4_096]).expect("cut");
            },
            "kept aside",
        ),
        ("header", &|path| spoil(path, |n| n == 0), "kept aside"),
        (
            "every fifth page",
            &|path| spoil(path, |n| n > 24 && n % 5 == 0),
            "kept aside",
        ),
        (
            "garbage",
            &|path| fs::write(path, "no journal ".repeat(900)).expect("written"),
            "kept aside",
        ),
        (
            "empty",
            &|path| fs::write(path, "").expect("emptied"),
            "the journal is gone",
        ),
        (
            "gone",
            &|path| fs::remove_file(path).expect("removed"),
            "the journal is gone",
        ),
    ];
    for (name, damage, said) in cases {
        let (home, last) = lived();
        let journal = home.path("state/journal.db");
        checkpoint(&journal);
        damage(&journal);
        let daemon = home.serve();
        assert!(
            daemon.log().contains("ERROR") && daemon.log().contains(said),
            "{name}: {}",
            daemon.log()
        );
        assert!(
            concerns(&daemon).contains(said),
            "{name}: {}",
            concerns(&daemon)
        );
        let (_, status, _) = home.run(&["status"]);
        assert!(status.contains(said), "{name}: {status}");
        let aside = fs::read_dir(home.path("state")).expect("ours").flatten();
        let aside = aside
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".damaged"))
            .count();
        assert_eq!(aside, usize::from(said == "kept aside"), "{name}");
        nothing_is_lost(&home, &daemon, &last, name);
    }
}

/// The index of events by path is spoilt: everything that matters can be read.
#[test]
fn what_can_be_read_of_a_damaged_journal_goes_on_where_it_was() {
    let (home, last) = lived();
    let journal = home.path("state/journal.db");
    checkpoint(&journal);
    let page: usize = dropleaf_test_support::journal(&journal)
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'event_path'",
            [],
            |row| row.get::<_, u32>(0),
        )
        .map(|page| page as usize)
        .expect("an index");
    spoil(&journal, |number| number + 1 == page);
    let daemon = home.serve();
    assert!(daemon.log().contains("3 jobs"), "{}", daemon.log());
    let why = daemon
        .get("/files/explain?path=inbox/p/held.pdf")
        .body
        .to_string();
    assert!(why.contains("lunch"), "the pause holds: {why}");
    nothing_is_lost(&home, &daemon, &last, "an index");
    assert!(
        home.path("archive/p/held.pdf").is_file(),
        "it kept its name"
    );
    assert_eq!(
        files(&home.path("outbox/k")),
        [PathBuf::from("kept.pdf")],
        "an original that was kept in place is not processed again"
    );
}

/// A bit in the middle of the write-ahead log: SQLite would go back to before it without a word.
#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_noticed() {
    let (home, last) = lived();
    let log = home.path("state/journal.db-wal");
    let mut bytes = fs::read(&log).expect("the log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("spoilt");
    let daemon = home.serve();
    let said = daemon.log();
    assert!(
        said.contains("write-ahead log is damaged in the middle"),
        "{said}"
    );
    nothing_is_lost(&home, &daemon, &last, "a bit in the log");
}

/// Whoever wrote it is newer than this program: it must not be touched, and the message says so.
#[test]
fn a_journal_of_a_newer_version_is_refused_and_left_alone() {
    let home = TestHome::bare(PROGRAM);
    assert!(home.serve().stop().success());
    let journal = home.path("state/journal.db");
    dropleaf_test_support::journal(&journal)
        .pragma_update(None, "user_version", 99)
        .expect("from the future");
    let before = fs::read(&journal).expect("the journal");
    let (code, _, message) = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(code, 0);
    assert!(
        message.contains("format 99") && message.contains("knows up to"),
        "{message}"
    );
    assert_eq!(fs::read(&journal).expect("the journal"), before);
}
