//! A home of each format of the journal that was ever released starts and drains.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::{journal, old_home, sample};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<(i32, PathBuf)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let entries = fs::read_dir(data).expect("the data is there").flatten();
    let mut found: Vec<(i32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let format = name.strip_prefix("home-v")?.parse().ok()?;
            Some((format, entry.path()))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_home_of_each_released_format_starts_and_drains() {
    for (format, fixture) in fixtures() {
        let home = TestHome::new(PROGRAM);
        old_home::load(&fixture, &home);
        let daemon = home.serve();
        assert!(!daemon.log().contains("ERROR"), "{}", daemon.log());
        let why = daemon
            .get("/files/explain?path=inbox/plain/queued.pdf")
            .body
            .to_string();
        assert!(
            why.contains("lunch"),
            "format {format}: a pause lasts: {why}"
        );
        old_home::drain(&daemon);
        let jobs = daemon.get("/jobs?limit=50").body;
        let states: BTreeMap<String, String> = jobs["jobs"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|job| {
                let text = |key: &str| job[key].as_str().expect(key).to_owned();
                (text("name"), text("state"))
            })
            .collect();
        let expected = [
            ("bad.pdf", "failed"),
            ("delivering.pdf", "succeeded"),
            ("done.pdf", "succeeded"),
            ("queued.pdf", "succeeded"),
            ("running.pdf", "succeeded"),
        ];
        let expected = expected.map(|(name, state)| (name.to_owned(), state.to_owned()));
        assert_eq!(states, BTreeMap::from(expected), "format {format}");
        let good = [
            "plain/done.pdf",
            "plain/queued.pdf",
            "slow/running.pdf",
            "stuck/delivering.pdf",
        ];
        for kind in ["outbox", "archive"] {
            let there = files(&home.path(kind));
            assert_eq!(there, good.map(PathBuf::from), "format {format}, {kind}");
        }
        let output = fs::read(home.path("outbox/stuck/delivering.pdf")).expect("it is there");
        assert_eq!(sample::rotations(&output).len(), 3);
        assert_eq!(files(&home.path("inbox")), Vec::<PathBuf>::new());
        assert!(daemon.stop().success());
    }
}

#[test]
fn the_format_of_today_has_a_home_among_them() {
    let home = TestHome::bare(PROGRAM);
    assert!(home.serve().stop().success());
    let today: i32 = journal(&home.path("state/journal.db"))
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("the journal can be read");
    let kept: Vec<i32> = fixtures().into_iter().map(|(format, _)| format).collect();
    assert_eq!(
        kept,
        (1..=today).collect::<Vec<_>>(),
        "make one with `cargo xtask old-home` before the format changes"
    );
}
