//! `dropleaf doctor` finds what keeps a daemon from starting or its files from coming out.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::wait_until;

fn finds(home: &TestHome, parts: &[&str]) {
    let (code, found, message) = home.run(&["doctor"]);
    assert_eq!(code, 3, "{found}{message}");
    for part in parts {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn a_certificate_that_is_not_there_is_found_before_the_start() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "tls: { certificate: a.pem, key: b.pem }\n");
    finds(&home, &["BAD  tls", "a.pem"]);
}

#[test]
fn a_grant_for_a_plugin_that_is_not_installed_is_told() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "grants: { nosuch: { temp: true } }\n");
    finds(&home, &["BAD  grants: no plugin `nosuch` is installed"]);
    let log = home.serve().log();
    assert!(
        log.contains("`grants` of config.yaml names a plugin that is not installed"),
        "{log}"
    );
}

#[test]
fn folders_that_cannot_be_used_are_found() {
    let home = TestHome::new(PROGRAM);
    home.write("a-file", "");
    let below = home.path("elsewhere");
    home.pipeline(
        "good",
        "watch: { folder: inbox/good }\nsteps: [{ uses: reverse }]\n",
    );
    let (_, found, _) = home.run(&["doctor"]);
    assert!(
        found.contains("folders: those of 1 pipeline can be used by uid"),
        "{found}"
    );
    assert!(!found.contains("BAD  folder"), "{found}");
    home.pipeline(
        "bad",
        &format!(
            "watch: {{ folder: {} }}\nsteps: [{{ uses: reverse }}]\noutput: {{ folder: a-file }}\nfailed: a-file/deep\n",
            below.display()
        ),
    );
    finds(
        &home,
        &[
            "BAD  folder: inbox of pipeline `bad`: `",
            "/elsewhere` is not there",
            "BAD  folder: outbox of pipeline `bad`: `",
            "BAD  folder: failed folder of pipeline `bad`: `",
        ],
    );
}

#[test]
fn an_inbox_of_another_home_is_found() {
    let (first, second) = (TestHome::new(PROGRAM), TestHome::new(PROGRAM));
    let yaml = format!(
        "watch: {{ folder: {} }}\nsteps: [{{ uses: reverse }}]\n",
        first.path("shared").display()
    );
    first.write("shared/.keep", "");
    first.pipeline("p", &yaml);
    second.pipeline("p", &yaml);
    let _daemon = first.serve();
    let mark = first.path("shared/.dropleaf/owner");
    wait_until("the folder is marked", || mark.is_file());
    finds(
        &second,
        &[
            "BAD  folder: inbox of pipeline `p`: ",
            "takes files from this folder",
        ],
    );
    let (_, found, _) = first.run(&["doctor"]);
    assert!(!found.contains("BAD  folder"), "{found}");
}
