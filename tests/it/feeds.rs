//! What a feed said once it says again, in the same order, without gap or repeat, across restarts too.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::feed::Event;
use dropleaf_test_support::sample;

const PIPELINE: &str =
    "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

fn durable(events: &[Event]) -> Vec<Event> {
    events
        .iter()
        .filter(|event| event.id.is_some() && event.name != "snapshot")
        .cloned()
        .collect()
}

fn seq(event: &Event) -> u64 {
    let id = event.id.as_deref().expect("durable events have ids");
    id.split_once('-')
        .expect("epoch and seq")
        .1
        .parse()
        .expect("a number")
}

#[test]
fn a_client_that_was_away_misses_nothing_even_over_a_restart() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut all = daemon.follow("/events");
    let mut cut = daemon.follow("/events");
    home.drop_file("inbox/p", "1.pdf", sample::pdf(1));
    cut.until_named("job.accepted");
    let last = durable(cut.seen())
        .last()
        .and_then(|event| event.id.clone())
        .expect("it saw something");
    drop(cut);
    all.until_named("job.succeeded");
    assert!(daemon.stop().success());

    let daemon = home.serve();
    let mut resumed = daemon.follow_from("/events", Some(&last));
    home.drop_file("inbox/p", "2.pdf", sample::pdf(1));
    resumed.until_named("job.succeeded");
    resumed.until_named("job.succeeded");
    assert!(!resumed.names().contains(&"snapshot"), "it was resumed");
    let seqs: Vec<u64> = durable(resumed.seen()).iter().map(seq).collect();
    let first = seqs[0];
    assert_eq!(
        seqs,
        (first..first + seqs.len() as u64).collect::<Vec<_>>(),
        "gap-free and in order"
    );
    assert_eq!(
        first,
        last.split_once('-')
            .expect("epoch and seq")
            .1
            .parse::<u64>()
            .expect("a number")
            + 1
    );
    // What both clients saw, they saw in the same words.
    for event in durable(all.seen()) {
        if let Some(again) = durable(resumed.seen())
            .iter()
            .find(|again| again.id == event.id)
        {
            assert_eq!(*again, event);
        }
    }
}

#[test]
fn a_cursor_that_means_nothing_is_answered_with_reset_and_a_snapshot() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    for cursor in ["deadbeef-5", "nonsense", "deadbeef-99999999999999999999999"] {
        let mut feed = daemon.follow_from("/events", Some(cursor));
        feed.until_named("reset");
        feed.until_named("snapshot");
    }
}

#[test]
fn a_jobs_feed_ends_with_the_job_and_does_not_come_back() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "1.pdf", sample::pdf(1));
    let done = feed.until_named("job.succeeded");
    let job = done.data["job"]
        .as_str()
        .expect("it names its job")
        .to_owned();
    let path = format!("/jobs/{job}/events");
    let mut own = daemon.follow(&path);
    let rest = own.rest();
    assert_eq!(rest.last().map(|event| event.name.as_str()), Some("end"));
    let last = done.id.expect("it is durable");
    let answer = daemon.get(&format!("{path}?last_event_id={last}"));
    assert_eq!(answer.status, 204);
}
