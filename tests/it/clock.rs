//! The wall clock is set back and forward under the daemon: what waits waits as long as it was to wait, and nothing is old at once.

use crate::PROGRAM;
use dropleaf_test_support::clock::Clock;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::{journal, sample};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// What a job waits for a folder that cannot be used.
const PAUSE: Duration = Duration::from_secs(10);

fn serve(home: &TestHome, clock: &Clock) -> TestDaemon {
    home.serve_by(|command| clock.adjust(command))
}

/// The seconds since 1970 of the daemon's newest event.
fn told_at(home: &TestHome) -> i64 {
    let newest = "SELECT at FROM event ORDER BY seq DESC LIMIT 1";
    let at: i64 = journal(&home.path("state/journal.db"))
        .query_row(newest, [], |row| row.get(0))
        .expect("there are events");
    at / 1000
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_secs()).expect("before the end of time")
}

/// A home with the pipeline, whose inbox is there.
fn plain() -> TestHome {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    home
}

/// A pipeline whose outbox is a file, so that its job waits; the outbox is put right by the caller.
fn blocked() -> TestHome {
    let home = plain();
    home.write("outbox/p", "in the way");
    home
}

/// Every number of a job that counts milliseconds, however deep.
fn durations(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Some(number)) = (name.ends_with("Ms"), field.as_f64()) {
                    found.push(number);
                }
                durations(field, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| durations(item, found)),
        _ => {}
    }
}

#[test]
fn a_retry_waits_its_time_whatever_the_clock_says() {
    for moved in [-DAY, YEAR] {
        let (home, clock) = (blocked(), Clock::new());
        let daemon = serve(&home, &clock);
        let mut feed = daemon.follow("/events");
        home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
        feed.until_named("job.waiting");
        let began = Instant::now();
        clock.show(moved);
        std::fs::remove_file(home.path("outbox/p")).expect("ours");
        // Something happens meanwhile, so that clocks are looked at.
        home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
        feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "b.pdf");
        assert!(
            daemon.log().contains("the clock was moved"),
            "{}",
            daemon.log()
        );
        feed.until(|event| event.name == "job.queued" && event.data["name"] == "a.pdf");
        let waited = began.elapsed();
        // The pause began a little before it was told.
        assert!(waited > PAUSE / 2, "{moved}: {waited:?}");
        feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "a.pdf");
        let at = told_at(&home);
        assert!(
            (at - now() - moved).abs() < 3600,
            "the daemon goes by this clock: {at}"
        );
    }
}

#[test]
fn a_retry_that_the_next_life_finds_waits_no_longer_than_it_was_to_wait() {
    let (home, clock) = (blocked(), Clock::new());
    let daemon = serve(&home, &clock);
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.waiting");
    daemon.kill();
    std::fs::remove_file(home.path("outbox/p")).expect("ours");
    clock.show(-DAY);
    let began = Instant::now();
    let daemon = serve(&home, &clock);
    wait_until("the job that waited", || {
        home.path("outbox/p/a.pdf").is_file()
    });
    assert!(began.elapsed() < PAUSE * 5, "{:?}", began.elapsed());
    drop(daemon);
}

/// Jobs that end while the clock goes to and fro: in their order, with durations that are none below nothing.
#[test]
fn events_keep_their_order_and_durations_are_not_negative() {
    let home = plain();
    let clock = Clock::new();
    let daemon = serve(&home, &clock);
    let mut feed = daemon.follow("/events");
    let mut jobs = Vec::new();
    for (number, moved) in [0, -DAY, YEAR, -YEAR, 0, -2 * DAY].into_iter().enumerate() {
        let name = format!("{number}.pdf");
        home.drop_file("inbox/p", &name, sample::pdf(1));
        feed.until(|event| event.name == "job.accepted" && event.data["name"] == name.as_str());
        // In the middle of its life.
        clock.show(moved);
        let ended = feed
            .until(|event| event.name == "job.succeeded" && event.data["name"] == name.as_str());
        jobs.push(ended.data["job"].as_str().expect("an id").to_owned());
    }
    assert!(
        jobs.is_sorted(),
        "jobs are named in the order of their coming: {jobs:?}"
    );
    let mut found = Vec::new();
    for job in &jobs {
        for path in [format!("/jobs/{job}"), format!("/jobs/{job}/timeline")] {
            let answer = daemon.get(&path);
            assert_eq!(answer.status, 200, "{}", answer.body);
            durations(&answer.body, &mut found);
        }
    }
    durations(&daemon.get("/stats").body, &mut found);
    durations(&daemon.get("/pipelines").body, &mut found);
    assert!(found.len() > 12, "{found:?}");
    // Nor does any of them have the year in it that nobody worked.
    assert!(
        found.iter().all(|&ms| (0.0..600_000.0).contains(&ms)),
        "{found:?}"
    );
    assert!(daemon.stop().success());
    let journal = journal(&home.path("state/journal.db"));
    let (count, last): (i64, i64) = journal
        .query_row("SELECT COUNT(*), MAX(seq) FROM event", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("readable");
    assert_eq!(count, last, "no number is left out");
}

/// A dead battery: the daemon starts in a year that is far ahead, and later in the right one. Nothing has become old meanwhile.
#[test]
fn a_clock_that_runs_ahead_makes_nothing_old() {
    let home = plain();
    let clock = Clock::new();
    let daemon = serve(&home, &clock);
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let ended = feed.until_named("job.succeeded");
    let cursor = ended.id.clone().expect("it is durable");
    let job = format!("/jobs/{}", ended.data["job"].as_str().expect("an id"));
    // Retention is begun with the life.
    wait_until("the time that is kept", || {
        let kept = "SELECT COUNT(*) FROM meta WHERE key = 'retention'";
        let journal = journal(&home.path("state/journal.db"));
        journal.query_row(kept, [], |row| row.get::<_, i64>(0)) == Ok(1)
    });
    assert!(daemon.stop().success());
    for moved in [2 * YEAR, 2 * YEAR, 0] {
        clock.show(moved);
        let daemon = serve(&home, &clock);
        wait_until("a look at what is old", || {
            daemon.log().contains("old jobs and events removed")
        });
        assert_eq!(daemon.get(&job).status, 200, "{moved}");
        let far = daemon.log().contains("the clock is far ahead");
        assert_eq!(far, moved > 0, "{}", daemon.log());
        // Who has seen all up to the job's end hears the rest without a reset.
        let mut feed = daemon.follow_from("/events", Some(&cursor));
        let first = feed.next_event();
        assert_eq!(first.data["resumed"], true, "{first:?}");
        assert!(daemon.stop().success());
    }
}

/// A file that settles while the clock jumps rests as long as its pipeline says, not less and not a day more; one that says that it
/// was changed tomorrow is taken like any other.
#[test]
fn what_settles_rests_its_time_whatever_the_clock_says() {
    let home = TestHome::new(PROGRAM);
    let rest = Duration::from_secs(2);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 2s }\nsteps: [{ uses: reverse }]\n",
    );
    home.write("inbox/p/.keep", "");
    let clock = Clock::new();
    let daemon = serve(&home, &clock);
    let mut feed = daemon.follow("/events");
    for (number, moved) in [-DAY, YEAR, 0].into_iter().enumerate() {
        let name = format!("{number}.pdf");
        let began = Instant::now();
        home.drop_file("inbox/p", &name, sample::pdf(1));
        feed.until(|event| event.name == "file.settling" && event.data["name"] == name.as_str());
        clock.show(moved);
        feed.until(|event| event.name == "job.accepted" && event.data["name"] == name.as_str());
        let rested = began.elapsed();
        assert!(rested >= rest && rested < rest * 30, "{moved}: {rested:?}");
        feed.until(|event| event.name == "job.succeeded" && event.data["name"] == name.as_str());
        // The overview goes by the same clock as the job.
        let shown = daemon.get("/stats").body;
        let minutes = shown["pipelines"][0]["minutes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ended: u64 = minutes
            .iter()
            .filter_map(|minute| minute["succeeded"].as_u64())
            .sum();
        assert!(ended > 0, "{moved}: {shown}");
    }
}

/// What the daemon answers to a GET: its head and its body.
fn ask(daemon: &TestDaemon, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{header}\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("it is listened to");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

/// A header of an answer.
fn said<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What was changed is never taken for what a client has already, and the daemon says the time that it goes by.
#[test]
fn what_has_changed_is_sent_whatever_the_clock_says() {
    let home = plain();
    let clock = Clock::new();
    let daemon = serve(&home, &clock);
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let ended = feed.until_named("job.succeeded");
    let job = ended.data["job"].as_str().expect("an id").to_owned();
    let output = home.path("outbox/p/a.pdf");
    let artifact = format!("/api/v1/jobs/{job}/artifacts/a.pdf");
    let shown = "/api/v1/pipelines/p";
    for (number, moved) in [0, -DAY, 0, DAY, -DAY].into_iter().enumerate() {
        clock.show(moved);
        let tag_of = |path: &str, wanted: &str| {
            let (head, _) = ask(&daemon, path, wanted);
            assert!(head.starts_with("http/1.1 200"), "{moved}: {head}");
            assert_eq!(said(&head, "last-modified"), None, "tags alone count");
            let date = said(&head, "date").expect("a date");
            let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date);
            let date = date.expect("a date").as_second();
            assert!((date - now() - moved).abs() < 60, "{moved}: {head}");
            said(&head, "etag").expect("a tag").to_owned()
        };
        let again = |path: &str, wanted: &str, tag: &str| {
            let known = format!(
                "{wanted}if-none-match: {tag}\r\nif-modified-since: Fri, 31 Dec 2999 23:59:59 GMT\r\n"
            );
            ask(&daemon, path, &known)
        };
        let is_unchanged = |answer: &(String, String)| answer.0.starts_with("http/1.1 304");
        // A file: rewritten in place, as long as before, and with the time that it had.
        let tag = tag_of(&artifact, "");
        assert!(is_unchanged(&again(&artifact, "", &tag)), "{moved}");
        let before = std::fs::metadata(&output).expect("it is there");
        let content = vec![b'0' + u8::try_from(number).expect("few"); before.len() as usize];
        std::fs::write(&output, &content).expect("ours");
        let file = std::fs::File::options().write(true).open(&output);
        let time = before.modified().expect("a time");
        file.and_then(|file| file.set_modified(time)).expect("ours");
        let changed = again(&artifact, "", &tag);
        assert!(!is_unchanged(&changed), "{moved}: {}", changed.0);
        assert_eq!(changed.1.as_bytes(), content, "{moved}");
        // A pipeline's text.
        let yaml = "accept: application/yaml\r\n";
        let tag = tag_of(shown, yaml);
        assert!(is_unchanged(&again(shown, yaml, &tag)), "{moved}");
        let text = format!("{PIPELINE}description: \"{number}\"\n");
        assert!(daemon.put("/pipelines/p", &text).status < 300, "{moved}");
        assert_eq!(again(shown, yaml, &tag).1, text, "{moved}");
        // A job.
        let path = format!("/api/v1/jobs/{job}");
        let tag = tag_of(&path, "");
        assert!(is_unchanged(&again(&path, "", &tag)), "{moved}");
    }
}

/// Whether there is room for one more reader.
fn is_let_in(daemon: &TestDaemon) -> bool {
    let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
    let request = b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).expect("it is listened to");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("it answers");
    status.ends_with(b"200")
}

/// Limits count who is there and not how often somebody came: no clock gives more or takes what there is.
#[test]
fn nobody_is_shut_out_when_the_clock_is_moved() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "max_streams: 20\n");
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    let clock = Clock::new();
    let daemon = serve(&home, &clock);
    for moved in [-DAY, DAY] {
        clock.show(0);
        let mut feeds: Vec<_> = (0..16).map(|_| daemon.follow("/events")).collect();
        clock.show(moved);
        assert!(!is_let_in(&daemon), "{moved}");
        home.drop_file("inbox/p", &format!("{moved}.pdf"), sample::pdf(1));
        for feed in &mut feeds {
            feed.until_named("job.succeeded");
        }
        drop(feeds);
        // A place is given back once the other end is seen to have gone.
        wait_until("room for others", || is_let_in(&daemon));
    }
}
