//! What a daemon did not get to tell is told by the next one.

use super::{Call, listener};
use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::feed::PATIENCE;
use dropleaf_test_support::sample;

fn pipeline(address: &str, path: &str) -> String {
    format!(
        "watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{{ webhook: \"http://{address}/{path}\", when: [succeeded] }}]\n"
    )
}

#[test]
fn a_killed_daemon_s_calls_are_made_by_the_next_one_and_not_by_the_one_after() {
    let home = TestHome::new(PROGRAM);
    let (deaf, unheard) = listener();
    home.pipeline("p", &pipeline(&deaf, "never"));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
    feed.until_ended(2);
    let call = || -> Call { unheard.recv_timeout(PATIENCE).expect("a call") };
    let mut first = [call(), call()].map(|call| (call.body["name"].to_string(), call.id));
    first.sort();
    daemon.kill();
    let (address, told) = listener();
    home.pipeline("p", &pipeline(&address, "ok"));
    let daemon = home.serve();
    let call = || -> Call { told.recv_timeout(PATIENCE).expect("a call") };
    let mut second = [call(), call()].map(|call| (call.body["name"].to_string(), call.id));
    second.sort();
    assert_eq!(first, second, "the same ends under the same ids");
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "c.pdf", sample::pdf(1));
    feed.until_ended(1);
    let next = call();
    assert_eq!(
        next.body["name"], "c.pdf",
        "what was told is not told again"
    );
}

#[test]
fn ends_from_before_a_pipeline_had_a_webhook_are_not_told() {
    let home = TestHome::new(PROGRAM);
    let (address, told) = listener();
    let silent = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";
    home.pipeline("p", silent);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_ended(1);
    assert!(daemon.stop().success());
    home.pipeline("p", &pipeline(&address, "ok"));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
    feed.until_ended(1);
    let call = told.recv_timeout(PATIENCE).expect("a call");
    assert_eq!(call.body["name"], "b.pdf");
}
