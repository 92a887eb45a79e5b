//! Starting where something is in the way, and stopping.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::process::{children, name_and_nice};
use dropleaf_test_support::sample;
use std::path::Path;
use std::process::Command;

#[test]
fn a_second_daemon_on_the_same_home_is_refused() {
    let home = TestHome::bare(PROGRAM);
    let first = home.serve();
    let (code, _, message) = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 6, "{message}");
    assert!(
        message.contains("another daemon") && message.contains(&first.pid().to_string()),
        "{message}"
    );
}

#[test]
fn a_port_in_use_is_said_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let home = TestHome::bare(PROGRAM);
    let (code, _, message) = home.run(&["serve", "--listen", &address]);
    assert_eq!(code, 6, "{message}");
    assert!(
        message.contains(&address) && message.contains("--listen"),
        "{message}"
    );
}

#[test]
fn a_fault_in_the_configuration_names_its_line() {
    let home = TestHome::bare(PROGRAM);
    home.write("config.yaml", "workers: 2\nlisten_on: 1\n");
    let (code, _, message) = home.run(&["serve"]);
    assert_eq!(code, 1, "{message}");
    assert!(
        message.contains("config.yaml:2:1") && message.contains("listen_on"),
        "{message}"
    );
}

#[test]
fn a_log_filter_that_cannot_be_meant_is_told_with_where_it_stands() {
    let home = TestHome::bare(PROGRAM);
    for (filter, why) in [("!!bad", "is no level"), ("wrn", "did you mean `warn`?")] {
        let (code, _, message) = home.run(&["serve", "--log", filter]);
        assert_eq!(code, 2, "{message}");
        let place = format!("`{filter}` from `--log`: ");
        assert!(
            message.contains(&place) && message.contains(why),
            "{message}"
        );
    }
    let by_environment = Command::new(PROGRAM)
        .arg("--home")
        .arg(home.path("."))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DROPLEAF_LOG", "info,loud")
        .output()
        .expect("it runs");
    let message = String::from_utf8_lossy(&by_environment.stderr).into_owned();
    assert_eq!(by_environment.status.code(), Some(2), "{message}");
    assert!(
        message.contains("`info,loud` from DROPLEAF_LOG: `loud` is no level"),
        "{message}"
    );
    home.write("config.yaml", "workers: 1\nlog: wrn\n");
    let place = "config.yaml:2:1: `log` is `wrn`; `wrn` is no level; did you mean `warn`?";
    for (verb, expected) in [("serve", 1), ("doctor", 3), ("check", 1)] {
        let (code, said, message) = home.run(&[verb]);
        assert_eq!(code, expected, "{verb}: {said}{message}");
        assert!(
            said.contains(place) || message.contains(place),
            "{verb}: {said}{message}"
        );
    }
}

#[test]
fn a_plugin_folder_that_is_not_there_is_told_by_everybody() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "plugins: [more, /nonexistent/plugins]\n");
    std::fs::create_dir(home.path("more")).expect("ours");
    let told = "/nonexistent/plugins: there is no such folder";
    let (code, _, said) = home.run(&["check"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(told) && !said.contains("more"), "{said}");
    let (code, _, said) = home.run(&["plugins"]);
    assert!(code == 0 && said.contains(told), "{said}");
    let (code, found, _) = home.run(&["doctor"]);
    assert_eq!(code, 3, "{found}");
    assert!(
        found.contains(told) && found.contains("take it out of `plugins`"),
        "{found}"
    );
    let daemon = home.serve();
    let log = daemon.log();
    assert!(
        log.contains("/nonexistent/plugins") && log.contains("there is no such folder"),
        "{log}"
    );
}

#[test]
fn an_untrusted_plugin_that_is_not_installed_is_told() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "untrusted: [pages, nosuch, '*']\n");
    let (code, found, _) = home.run(&["doctor"]);
    assert_eq!(code, 3, "{found}");
    assert!(found.contains("no plugin `nosuch` is installed"), "{found}");
    assert!(
        !found.contains("`pages` is") && !found.contains("`*`"),
        "{found}"
    );
    let log = home.serve().log();
    assert!(
        log.contains("names a plugin that is not installed") && log.contains("nosuch"),
        "{log}"
    );
}

#[test]
fn sigterm_finishes_what_runs_and_tells_the_clients() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "1.pdf", sample::pdf(50));
    feed.until_named("job.started");
    let stopped = daemon.stop();
    assert!(stopped.success(), "{stopped:?}");
    assert!(feed.rest().iter().any(|event| event.name == "shutdown"));
    assert!(
        home.path("outbox/p/1.pdf").is_file(),
        "the running job was finished"
    );
}

#[test]
fn requests_are_answered_before_files_are_processed() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    assert_eq!(daemon.get("/jobs").status, 200);
    let (_, ours) = name_and_nice(Path::new("/proc/self")).expect("we live");
    let behind = (ours + 5).min(19);
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid()));
    let threads = threads.expect("it runs").flatten();
    let threads: Vec<_> = threads
        .filter_map(|thread| name_and_nice(&thread.path()))
        .collect();
    for (name, nice) in &threads {
        let expected = if name == "answers" { ours } else { behind };
        assert_eq!(*nice, expected, "{name} of {threads:?}");
    }
    assert!(threads.iter().any(|(name, _)| name == "answers"));
    assert!(threads.iter().any(|(name, _)| name == "journal"));
    let nurseries = children(daemon.pid());
    assert!(!nurseries.is_empty());
    for process in nurseries {
        let nursery = name_and_nice(Path::new(&format!("/proc/{process}")));
        assert_eq!(nursery.map(|(_, nice)| nice), Some(behind));
    }
}
